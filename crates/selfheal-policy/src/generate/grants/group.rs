//! The Auto Scaling group, its hooks and its tags.

use super::super::build::{only, tagged};
use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::names::GROUP_MARK_KEYS;
use super::super::statements::InstanceStatement as Instance;
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{self, Comparison, Conditions};
use crate::purpose::Purpose;
use crate::statement::ResourcePattern;

/// The instance answers the hooks, reports its health, parks the stack, and counts failed boots in the group's tags.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let group = grants.place.group(&grants.scope.group)?;
    let calls = [
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "autoscaling:SetInstanceHealth",
        "autoscaling:SuspendProcesses",
    ];
    let count = ["autoscaling:CreateOrUpdateTags"];
    let marks = only(Conditions::none(), "aws:TagKeys", &GROUP_MARK_KEYS);
    grants.allow(Instance::TheGroup, &calls, vec![group.clone()], Conditions::none());
    grants.allow(Instance::CountBoots, &count, vec![group], marks);
    grants.look(When::Always, &["autoscaling:DescribeTags"]);
    Ok(())
}

/// The commands that read the group without its hooks.
const FEW: [Purpose; 8] = [
    Purpose::Sleep,
    Purpose::Replace,
    Purpose::Config,
    Purpose::Snapshot,
    Purpose::Restore,
    Purpose::Request,
    Purpose::Drill,
    Purpose::DrillRestore,
];

/// Every command finds the group, and all but a sleep, a replacement and a config its hooks; an apply makes and changes them, and its scheduled actions
/// where there is a schedule; a resume takes the marks of a parked stack off; a destroy deletes the group.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let group = vec![grants.place.group(&grants.scope.group)?];
    grants.look(When::Always, &["autoscaling:DescribeAutoScalingGroups"])?;
    if !FEW.contains(&grants.purpose) && !grants.purpose.reaches_instance() {
        grants.look(When::Always, &["autoscaling:DescribeLifecycleHooks"])?;
    }
    match grants.purpose {
        // A stack may have been put to sleep by hand, whatever its spec says.
        Purpose::Plan => grants.look(When::ForCommand, &[LOOK_AT_SCHEDULE])?,
        Purpose::Status => grants.look(When::ForCommand, &[LOOK_AT_LAUNCHES, LOOK_AT_SCHEDULE])?,
        Purpose::Replace | Purpose::Drill => {
            grants.look(When::ForCommand, &[LOOK_AT_LAUNCHES])?;
            let calls = ["autoscaling:TerminateInstanceInAutoScalingGroup"];
            grants.allow(Operator::ReplaceInstance, &calls, group, Conditions::none());
        }
        Purpose::Resume => {
            let calls = ["autoscaling:DeleteTags", "autoscaling:ResumeProcesses"];
            grants.allow(Operator::Resume, &calls, group, Conditions::none());
        }
        // What the instance has of its configuration is in the group's tags.
        Purpose::Config => {}
        Purpose::Sleep => sleep(grants, group)?,
        Purpose::Snapshot
        | Purpose::DrillRestore
        | Purpose::Request
        | Purpose::Logs
        | Purpose::Notify
        | Purpose::Shell
        | Purpose::Forward
        | Purpose::Run
        | Purpose::Doctor
        | Purpose::Init => {}
        Purpose::Restore => restore(grants, group),
        Purpose::Apply => {
            grants.look(When::ForCommand, &[LOOK_AT_LAUNCHES, LOOK_AT_SCHEDULE])?;
            let types = &grants.scope.instance_types;
            let create = of_types(one_of_a_numbered_version(tagged(&grants.scope.stack)), types);
            let change = of_types(one_of_a_numbered_version(Conditions::none()), types);
            // One statement for all that may be done to the group whatever it says.
            let mut calls = vec!["autoscaling:PutLifecycleHook", "autoscaling:CreateOrUpdateTags"];
            if grants.scope.replaces {
                calls.extend(REPLACE);
            }
            if grants.scope.schedule {
                calls.extend(SCHEDULE);
                put_schedule(grants, group.clone());
            }
            let (make, update) = (
                "autoscaling:CreateAutoScalingGroup",
                "autoscaling:UpdateAutoScalingGroup",
            );
            grants.allow(Operator::CreateGroup, &[make], group.clone(), create);
            grants.allow(Operator::ChangeGroup, &[update], group.clone(), change);
            grants.allow(Operator::TheGroup, &calls, group, Conditions::none());
        }
        Purpose::Destroy => {
            let delete = ["autoscaling:DeleteAutoScalingGroup"];
            grants.allow(Operator::RemoveGroup, &delete, group, Conditions::none());
        }
    }
    Ok(())
}

/// Stops the stack and starts it again.
fn restore(grants: &mut OperatorGrants<'_>, group: Vec<ResourcePattern>) {
    let set = ["autoscaling:SetDesiredCapacity"];
    grants.allow(Operator::SetDesired, &set, group.clone(), Conditions::none());
    allow_none(grants, group);
}

/// A group that comes to launch in another way has its instance replaced in the one order that works: nothing is launched
/// until it is gone.
const REPLACE: &[&str] = &[
    "autoscaling:SuspendProcesses",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "autoscaling:ResumeProcesses",
];

/// Why a launch failed is told by the group's activities alone.
const LOOK_AT_LAUNCHES: &str = "autoscaling:DescribeScalingActivities";

const LOOK_AT_SCHEDULE: &str = "autoscaling:DescribeScheduledActions";

/// Beside putting them: leaving a schedule may wake the stack.
const SCHEDULE: &[&str] = &["autoscaling:DeleteScheduledAction", "autoscaling:SetDesiredCapacity"];

/// Allows scheduled actions that set the desired capacity alone.
fn put_schedule(grants: &mut OperatorGrants<'_>, group: Vec<ResourcePattern>) {
    let put = ["autoscaling:PutScheduledUpdateGroupAction"];
    // The bounds of the group are not the schedule's: an action that sets them could launch any number.
    let alone = Conditions::none()
        .when(Comparison::Null, "autoscaling:MinSize", "true")
        .when(Comparison::Null, "autoscaling:MaxSize", "true");
    grants.allow(Operator::PutSchedule, &put, group, alone);
}

/// Allows to set the desired capacity, to suspend the schedule, to put its next wake off, and to let the group have no
/// instance: an update that sets its minimum to 0 and nothing else.
fn sleep(grants: &mut OperatorGrants<'_>, group: Vec<ResourcePattern>) -> Granted {
    grants.look(When::ForCommand, &[LOOK_AT_SCHEDULE])?;
    put_schedule(grants, group.clone());
    grants.allow(Operator::Schedule, SCHEDULE, group.clone(), Conditions::none());
    let suspend = ["autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses"];
    grants.allow(Operator::SuspendSchedule, &suspend, group.clone(), Conditions::none());
    allow_none(grants, group);
    Ok(())
}

/// Allows an update that sets the group's minimum to 0 and nothing else.
fn allow_none(grants: &mut OperatorGrants<'_>, group: Vec<ResourcePattern>) {
    let said = condition::Operator::new(Comparison::Bool);
    let nothing_else = Conditions::none()
        .when(Comparison::NumericEquals, "autoscaling:MinSize", "0")
        .when(Comparison::Null, "autoscaling:MaxSize", "true")
        .when(Comparison::Null, "autoscaling:LaunchConfigurationName", "true")
        .when(Comparison::Null, "autoscaling:VPCZoneIdentifiers", "true")
        .when(Comparison::Null, "autoscaling:InstanceTypes", "true")
        .with(
            said.if_exists().unwrap_or(said),
            "autoscaling:LaunchTemplateVersionSpecified",
            ["false"],
        );
    grants.allow(
        Operator::AllowNone,
        &["autoscaling:UpdateAutoScalingGroup"],
        group,
        nothing_else,
    );
}

/// Asks for a maximum of one, and for a version of a launch template by its number.
///
/// Auto Scaling checks in the operator's name what a numbered version launches, and the role that it passes. Of `$Latest`
/// and `$Default` it would launch whatever they become, and of a launch configuration whatever profile that names.
fn one_of_a_numbered_version(conditions: Conditions) -> Conditions {
    conditions
        .when(Comparison::NumericLessThanEquals, "autoscaling:MaxSize", "1")
        .when(Comparison::Bool, "autoscaling:LaunchTemplateVersionSpecified", "true")
        .when(Comparison::Null, "autoscaling:LaunchConfigurationName", "true")
}

/// Asks for a mixed instances policy of these types and no others, where the stack is to have one.
fn of_types(conditions: Conditions, types: &[String]) -> Conditions {
    if types.is_empty() {
        return conditions;
    }
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    only(conditions, "autoscaling:InstanceTypes", &types)
}
