//! Two operators on one stack, one of whom makes what the other removes: whoever loses says so.

use selfheal_core::Observed;
use selfheal_core::plan::{Plan, RepeatClass, StepKind, WaitFor};
use selfheal_core::spec::Spec;
use selfheal_core::world::Part;

use super::ApplyErrorKind;
use crate::error::CallErrorKind;

/// What a destroy reads a last time: what it removed, and the record, which must not point at what is gone.
pub(super) fn parts_to_look_back(spec: &Spec) -> Vec<Part> {
    let mut parts = vec![
        Part::Group,
        Part::LaunchTemplate,
        Part::SecurityGroups,
        Part::Role,
        Part::Profile,
    ];
    if spec.dns.is_some() {
        parts.push(Part::Dns);
    }
    parts
}

/// What is there again after a destroy: the steps that it would take once more, as people read them.
pub(super) fn made_again(plan: &Plan) -> Vec<String> {
    let name = |key: StepKind, target: &Option<String>| match target {
        Some(target) => format!("{} {target}", key.subject()),
        None => key.subject().to_owned(),
    };
    // Where Route 53 does not answer, nobody knows whether the record is there.
    let unknown = |key: StepKind| key.is_for_name() && plan.waits.contains(&WaitFor::DnsAnswers);
    let steps = plan.steps.iter().filter(|step| !unknown(step.kind));
    steps.map(|step| name(step.kind, &step.target)).collect()
}

/// Whether a failure of an apply may come of what somebody removed meanwhile.
///
/// Its call was repeated for as long as something new may be unknown to it, so that a listing does not lag behind any more.
pub(super) fn may_be_overtaken(kind: &ApplyErrorKind) -> bool {
    let ApplyErrorKind::Step { step, error } = kind else {
        return false;
    };
    let told = matches!(
        error.kind(),
        CallErrorKind::NotFound | CallErrorKind::NotReady | CallErrorKind::Busy
    );
    told && step.kind.repeat() == RepeatClass::Change
}

/// What a failed apply reads to learn whether somebody removed what it builds on.
pub(super) const BUILT_ON: &[Part] = &[
    Part::Group,
    Part::LaunchTemplate,
    Part::SecurityGroups,
    Part::Role,
    Part::Profile,
];

/// What an apply built on and a reading does not show any more.
pub(super) fn vanished(before: &Observed, after: &Observed) -> Vec<String> {
    let mut gone = Vec::new();
    let mut check = |there: bool, what: &str, name: &str| {
        if !there {
            gone.push(format!("{what} {name}"));
        }
    };
    if let Some(group) = before.group.as_ref().filter(|group| !group.deleting) {
        let there = after.group.as_ref().is_some_and(|group| !group.deleting);
        check(there, "Auto Scaling group", &group.name);
    }
    if let Some(template) = &before.launch_template {
        let there = after
            .launch_template
            .as_ref()
            .is_some_and(|after| after.id == template.id);
        check(there, "launch template", template.id.as_str());
    }
    for group in &before.security_groups {
        let there = after.security_groups.iter().any(|after| after.id == group.id);
        check(there, "security group", group.id.as_str());
    }
    if let Some(role) = &before.role {
        check(after.role.is_some(), "IAM role", &role.name);
    }
    if let Some(profile) = &before.profile {
        check(after.profile.is_some(), "instance profile", &profile.name);
    }
    gone
}
