//! What the operator may do, by command.

use super::build::finish;
use super::check;
use super::collect::OperatorGrants;
use super::error::ScopeError;
use super::grants;
use super::lifecycle::SERVICE;
use super::scope::OperatorScope;
use crate::action::ActionPattern;
use crate::document::Document;
use crate::limit::Limit;
use crate::purpose::Purpose;
use crate::reference::reference;
use crate::requests::type_of;
use crate::statement::{ActionSet, NonEmpty, ResourcePattern, ResourceSet, Statement, Target};

/// Generates the policy of a person or a pipeline that runs one command on one stack.
///
/// Statements are named, so that a reader can strike what must never happen: `ReleaseAddress`, `DeleteData`. What
/// exists is narrowed by its ARN where its name derives from the stack's (group, role, profile, record), and by the tag
/// `selfheal:stack` where AWS chooses the id. What is created must carry that tag in the request, and CreateTags works
/// on creation alone (`ec2:CreateAction`).
///
/// `*` stands as a resource where the Service Authorization Reference offers none: the Describe calls, narrowed to the
/// Region; sts:GetCallerIdentity, route53:ListHostedZones and route53:ListHostedZonesByName, for which there is no key
/// either.
///
/// What this policy cannot prevent, by the nature of IAM: whoever may write the role's policy and decide what runs under the
/// role reaches **everything in the account** that no organisation's policy forbids. A boundary on the operator does not
/// help: it bounds the operator's own calls, not those of the role. One on the role does, and where the scope names it, this
/// policy lets nobody make the role without it, write its policy without it, or take it off. What the instance runs is the
/// operator's choice all the same: within the boundary it is theirs.
///
/// parliament, the independent linter, reads each statement by itself and wants every required resource type of an
/// action in it. So where one call names several resources under different conditions, each statement lists them all,
/// and its condition decides of which it speaks.
///
/// # Errors
/// When a field of the scope is malformed, contradicts another, or the policy exceeds what ten managed policies hold together,
/// which are as many as IAM lets a role have. One has 6,144 characters, and the inline policies of a role have 10,240; `apply`
/// exceeds both where the spec uses everything: [`Document::split`] makes several managed policies of it.
pub fn operator_policy(scope: &OperatorScope, purpose: Purpose) -> Result<Document, ScopeError> {
    check::operator(scope)?;
    finish(statements(scope, purpose)?, Limit::ManagedTogether)
}

/// The commands, the narrowest first.
const ORDER: [Purpose; Purpose::ALL.len()] = [
    Purpose::Plan,
    Purpose::Status,
    Purpose::Resume,
    Purpose::Forward,
    Purpose::Run,
    Purpose::Shell,
    Purpose::Notify,
    Purpose::Init,
    Purpose::Replace,
    Purpose::Snapshot,
    Purpose::Request,
    Purpose::Drill,
    Purpose::DrillRestore,
    Purpose::Apply,
    Purpose::Sleep,
    Purpose::Config,
    Purpose::Restore,
    Purpose::Logs,
    Purpose::Doctor,
    Purpose::Destroy,
];

/// Returns the statement that the operator's policy would need for an action such as `ec2:CreateVolume`.
///
/// It holds that action alone, with the resources and conditions of the narrowest command that needs it; for the
/// message of a call that was refused. `None` if no command of ours makes the call or the scope is malformed.
#[must_use]
pub fn operator_statement_for(scope: &OperatorScope, action: &str) -> Option<Statement> {
    check::operator(scope).ok()?;
    let found = ORDER
        .iter()
        .filter_map(|purpose| statements(scope, *purpose).ok())
        .flatten()
        .find(|statement| statement.actions.contains(action))?;
    alone(found, action)
}

/// Returns all statements that the operator's policy would need for an action that AWS checks within a call of ours, such
/// as `ec2:CreateTags` within `ec2:CreateSnapshot`; each speaks of that action alone.
///
/// Those of the command whose call was refused, where that is told and makes the call; else of the narrowest command that
/// makes it. Empty if no command of ours makes it or the scope is malformed.
#[must_use]
pub fn operator_statements_for(
    scope: &OperatorScope,
    command: Option<Purpose>,
    action: &str,
    call: &str,
) -> Vec<Statement> {
    if check::operator(scope).is_err() {
        return Vec::new();
    }
    let of_purpose = |purpose: &Purpose| statements(scope, *purpose).unwrap_or_default();
    let makes = |statements: &Vec<Statement>| {
        let speaks = |name: &str| statements.iter().any(|statement| statement.actions.contains(name));
        speaks(call) && speaks(action)
    };
    let Some(all) = command.iter().chain(&ORDER).map(of_purpose).find(makes) else {
        return Vec::new();
    };
    let within = |statement: &&Statement| {
        let created_by = |key: &str| key.eq_ignore_ascii_case("ec2:CreateAction");
        let asked = || {
            let conditions = statement.conditions.iter();
            conditions.filter(|(_, key, _)| created_by(key.as_str()))
        };
        // Tags that come with what is created are no change of what is there already.
        let on_create = action == "ec2:CreateTags" && call != action;
        let name = call.split_once(':').map_or(call, |(_, name)| name);
        // What a group launches is created by RunInstances.
        let name = if call.starts_with("autoscaling:") {
            "RunInstances"
        } else {
            name
        };
        let passed_to = statement.conditions.iter();
        let mut passed_to = passed_to.filter(|(_, key, _)| key.as_str().eq_ignore_ascii_case("iam:PassedToService"));
        // The role of the lifecycle policy is handed over with that, and the instance's by all else.
        let to_its_service =
            passed_to.all(|(_, _, values)| values.iter().any(|value| value == SERVICE) == call.starts_with("dlm:"));
        to_its_service
            && (!on_create || asked().next().is_some())
            && asked().all(|(_, _, values)| values.iter().any(|value| value == name))
    };
    let found = all.iter().filter(|statement| statement.actions.contains(action));
    found
        .filter(within)
        .filter_map(|statement| alone(statement.clone(), action))
        .collect()
}

/// Narrows a statement to one of its actions, and to the resources that this action takes.
fn alone(mut statement: Statement, action: &str) -> Option<Statement> {
    let patterns = statement.actions.patterns();
    let exact: ActionPattern = patterns.iter().find(|pattern| pattern.matches(action))?.clone();
    statement.actions = ActionSet::Action(NonEmpty::one(exact));
    if let (Some(known), Some(set)) = (reference().action(action), statement.target.resources()) {
        let of_action = |pattern: &&ResourcePattern| !known.has_resources() || !type_of(known, pattern).is_empty();
        let resources: Vec<ResourcePattern> = set.patterns().iter().filter(of_action).cloned().collect();
        statement.target = Target::Identity(ResourceSet::Resource(NonEmpty::new(resources)?));
    }
    Some(statement)
}

fn statements(scope: &OperatorScope, purpose: Purpose) -> Result<Vec<Statement>, ScopeError> {
    let mut grants = OperatorGrants::new(scope, purpose);
    grants::operator(&mut grants)?;
    Ok(grants.finish())
}
