//! The generated policies against the calls that went over the wire: each call is granted to the command that made it, and
//! whatever is granted was called, or is listed here with the reason why no call of the story shows it.

use std::collections::{BTreeMap, BTreeSet};

use selfheal_policy::{Document, Effect};

use crate::error::{TaskError, TaskResult};
use crate::report::Report;
use crate::world::World;

const COMMANDS: [&str; 9] = [
    "plan", "apply", "status", "destroy", "resume", "sleep", "replace", "config", "logs",
];

/// What is granted and not called by its own name in the story.
const NOT_CALLED: &[(&str, &[&str])] = &[
    (
        "AWS checks them within another call",
        &[
            "autoscaling:CreateOrUpdateTags",
            "ec2:CreateTags",
            "ec2:RunInstances",
            "iam:CreateServiceLinkedRole",
            "iam:PassRole",
            "iam:TagInstanceProfile",
            "iam:TagRole",
            "logs:TagResource",
        ],
    ),
    (
        "the story changes neither the volume's size nor who may take the role",
        &[
            "ec2:DescribeVolumesModifications",
            "ec2:ModifyVolume",
            "iam:UpdateAssumeRolePolicy",
        ],
    ),
    (
        "nothing is parked, and no boot fails",
        &[
            "autoscaling:DeleteTags",
            "autoscaling:ResumeProcesses",
            "autoscaling:SetInstanceHealth",
            "autoscaling:SuspendProcesses",
            "autoscaling:RecordLifecycleActionHeartbeat",
        ],
    ),
    (
        "the power is cut, so that no instance gives its volume back",
        &["ec2:DetachVolume"],
    ),
    (
        "the stack may sleep by its schedule already, and moto takes no update without a template",
        &["autoscaling:UpdateAutoScalingGroup"],
    ),
    ("the image is an alias", &["ec2:DescribeImages"]),
    ("the spec names no subnet", &["ec2:DescribeRouteTables"]),
    (
        "the account has room for an address",
        &["ec2:DescribeAccountAttributes"],
    ),
    (
        "nobody waits for an apply or a replacement, since moto boots nothing",
        &["autoscaling:DescribeScalingActivities"],
    ),
    ("the address is on no other instance", &["ec2:DisassociateAddress"]),
    (
        "the agent of Session Manager calls them",
        &[
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ],
    ),
];

/// The policies of a stack, by whose they are: a command's, or `instance`.
pub struct Policies(BTreeMap<&'static str, Document>);

impl Policies {
    /// Has `selfheal` print the policies of the stack as it is.
    pub fn read(world: &World) -> TaskResult<Self> {
        let mut policies = BTreeMap::from([("instance", print(world, &["policy", "instance"])?)]);
        for command in COMMANDS {
            policies.insert(command, print(world, &["policy", "operator", "--for", command])?);
        }
        Ok(Self(policies))
    }

    /// Compares what is granted with what was called in the world.
    pub fn compare(&self, world: &World, report: &mut Report) {
        let mut called = world.called();
        // One policy is for both: who may put a stack to sleep may wake it, and who may see how it is may wait for it.
        for (command, whose) in [("wake", "sleep"), ("wait", "status")] {
            let more = called.remove(command).unwrap_or_default();
            called.entry(whose.to_owned()).or_default().extend(more);
        }
        let nothing = BTreeSet::new();
        for (whose, policy) in &self.0 {
            let called = called.get(*whose).unwrap_or(&nothing);
            let refused: Vec<&String> = called.iter().filter(|action| !allows(policy, action)).collect();
            report.expect(
                &format!("each call of {whose} is granted to it"),
                refused.is_empty(),
                || format!("{refused:?}"),
            );
            let told = |action: &&str| NOT_CALLED.iter().any(|(_, actions)| actions.contains(action));
            let unused: Vec<&str> = granted(policy)
                .filter(|action| !called.contains(*action) && !told(action))
                .collect();
            report.expect(
                &format!("whatever is granted to {whose} was called, but for what a list tells of"),
                unused.is_empty() && !called.is_empty(),
                || format!("granted and not called: {unused:?}; called: {called:?}"),
            );
        }
        let shows = |action: &str| {
            let mut policies = self.0.iter();
            policies.any(|(whose, policy)| {
                let called = called.get(*whose).unwrap_or(&nothing);
                granted(policy).any(|granted| granted == action) && !called.contains(action)
            })
        };
        let listed = NOT_CALLED.iter().flat_map(|(_, actions)| *actions);
        let stale: Vec<&&str> = listed.filter(|action| !shows(action)).collect();
        report.expect("nothing is listed in vain", stale.is_empty(), || format!("{stale:?}"));
    }
}

fn print(world: &World, arguments: &[&str]) -> TaskResult<Document> {
    let run = world.expect(arguments, 0)?;
    Document::parse_identity(&run.stdout).map_err(|error| TaskError::malformed("a policy", error))
}

fn allows(policy: &Document, action: &str) -> bool {
    let mut statements = policy.statements.iter();
    statements.any(|statement| statement.effect == Effect::Allow && statement.actions.contains(action))
}

fn granted(policy: &Document) -> impl Iterator<Item = &str> {
    let allowing = policy
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Allow);
    allowing.flat_map(|statement| {
        statement
            .actions
            .patterns()
            .iter()
            .map(selfheal_policy::ActionPattern::as_str)
    })
}
