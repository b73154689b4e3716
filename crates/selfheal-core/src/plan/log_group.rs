//! The log group: made with the stack's tags, given a retention, and kept by a destroy that does not name it.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind};
use crate::names::ResourceKind;
use crate::world::{Action, LogGroup, LogGroupCall};

/// Plans the log group that the spec asks for; answers what must be done before an instance may write to it.
pub(super) fn plan(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    let Some(logs) = builder.spec.logs.clone() else {
        tell_kept(builder, "the spec has no [logs]");
        return BTreeSet::new();
    };
    let name = builder.names.log_group.clone();
    let mut needs = BTreeSet::new();
    let (made, has) = match &builder.observed.log_group {
        Some(group) if !builder.names.owns(&group.tags, ResourceKind::LogGroup) => {
            builder.refuse_foreign(ResourceKind::LogGroup, "log group", &name);
            return needs;
        }
        Some(group) => (Deferred::Known(()), group.retention_days),
        None => {
            let reason = "what the instance logs outlives it";
            let draft = Draft::new(StepKind::CreateLogGroup, Change::Create, reason).target(name.clone());
            let action = Action::LogGroup(LogGroupCall::CreateLogGroup {
                name: name.clone(),
                tags: builder.names.tags(ResourceKind::LogGroup),
            });
            let created = builder.step(draft, Deferred::Known(action));
            needs.insert(created.clone());
            (Deferred::after(created), None)
        }
    };
    let days = logs.retention_days;
    if has != Some(days) {
        let reason = "CloudWatch Logs deletes what is older";
        let draft = match has {
            Some(has) => Draft::new(StepKind::PutRetentionPolicy, Change::Update, reason).changes(
                "retention",
                show(Some(has)),
                show(Some(days)),
            ),
            None => {
                Draft::new(StepKind::PutRetentionPolicy, Change::Create, reason).sets("retention", show(Some(days)))
            }
        };
        let action = made.map(|()| {
            Action::LogGroup(LogGroupCall::PutRetentionPolicy {
                name: name.clone(),
                days,
            })
        });
        needs.insert(builder.step(draft.target(builder.names.log_group.clone()), action));
    }
    needs
}

/// Deletes the log group where the destroy names it, once nothing writes any more; answers what must be done until it is
/// gone.
pub(super) fn delete(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>, named: bool) -> BTreeSet<Need> {
    if !named {
        tell_kept(builder, "--delete-logs was not given");
        return BTreeSet::new();
    }
    let Some(name) = own(builder).map(|group| group.name.clone()) else {
        tell_none(builder);
        return BTreeSet::new();
    };
    let reason = "made by this stack, with all that was logged";
    let draft = Draft::new(StepKind::DeleteLogGroup, Change::Delete, reason).target(name.clone());
    let action = Deferred::Known(Action::LogGroup(LogGroupCall::DeleteLogGroup { name }));
    BTreeSet::from([builder.step(draft, action.not_before(stopped))])
}

fn tell_kept(builder: &mut Builder<'_>, why: &str) {
    if let Some(group) = own(builder) {
        let message = format!(
            "the log group {} is kept ({}): {why}; `destroy --delete-logs` deletes it",
            group.name,
            show(group.retention_days)
        );
        builder.note("logs-kept", message);
    }
}

/// Says why a destroy that names the logs deletes none, so that nobody takes them for deleted.
fn tell_none(builder: &mut Builder<'_>) {
    let name = builder.names.log_group.clone();
    let message = match (&builder.observed.log_group, &builder.spec.logs) {
        (Some(_), _) => format!("--delete-logs deletes nothing: the log group {name} does not bear the stack's tags"),
        (None, Some(_)) => format!("--delete-logs deletes nothing: there is no log group {name}"),
        (None, None) => format!(
            "--delete-logs deletes nothing: neither the spec nor the role's policy tells of a log group; with [logs] in \
             the spec, {name} is looked for"
        ),
    };
    builder.note("logs-unknown", message);
}

fn own<'a>(builder: &Builder<'a>) -> Option<&'a LogGroup> {
    let group = builder.observed.log_group.as_ref();
    group.filter(|group| builder.names.owns(&group.tags, ResourceKind::LogGroup))
}

/// How long events are kept, for people.
pub(crate) fn show(days: Option<u32>) -> String {
    match days {
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
        None => "for ever".to_owned(),
    }
}
