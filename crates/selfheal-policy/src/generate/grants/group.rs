//! The Auto Scaling group, its hooks and its tags.

use super::super::build::{only, tagged};
use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::names::GROUP_MARK_KEYS;
use super::super::statements::InstanceStatement as Instance;
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{Comparison, Conditions};
use crate::purpose::Purpose;

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

/// Every command finds the group and its hooks; an apply makes and changes them; a resume takes the marks of a parked stack
/// off; a destroy deletes the group.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let group = vec![grants.place.group(&grants.scope.group)?];
    let find = [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeLifecycleHooks",
    ];
    grants.look(When::Always, &find)?;
    match grants.purpose {
        Purpose::Plan => {}
        Purpose::Status => grants.look(When::ForCommand, &["autoscaling:DescribeScalingActivities"])?,
        Purpose::Resume => {
            let calls = ["autoscaling:DeleteTags", "autoscaling:ResumeProcesses"];
            grants.allow(Operator::Resume, &calls, group, Conditions::none());
        }
        Purpose::Apply => {
            let create = one_of_a_numbered_version(tagged(&grants.scope.stack));
            let change = one_of_a_numbered_version(Conditions::none());
            let calls = ["autoscaling:PutLifecycleHook", "autoscaling:CreateOrUpdateTags"];
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
