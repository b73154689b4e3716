//! What happened in the simulated world, as people read it.

use selfheal_aws::sim::{CallTrace, InstanceChange, Outcome, TraceEvent, TraceKind, VolumeChange};
use selfheal_core::world::{InstanceId, InstanceState, LifecycleState};

/// Renders the events that tell the story, a line each: when, who, what. Reads are left out, and so is what the line
/// before says already, as where a call is refused several times in a row.
#[must_use]
pub fn render(trace: &[TraceEvent], from_ms: u64) -> String {
    let mut text = String::new();
    let mut before = None;
    for event in trace {
        let Some((who, what)) = line(&event.what) else { continue };
        let at_ms = event.at_ms.saturating_sub(from_ms);
        let line = format!("{who:<9} {what}\n");
        if before.as_ref() != Some(&line) {
            text.push_str(&format!("{:>6}.{} s  {line}", at_ms / 1000, at_ms % 1000 / 100));
            before = Some(line);
        }
    }
    text
}

/// Finds when an instance came into service, in logical milliseconds.
#[must_use]
pub fn in_service_ms(trace: &[TraceEvent], id: &InstanceId) -> Option<u64> {
    let in_service = |event: &&TraceEvent| matches!(&event.what, TraceKind::Lifecycle { instance, state, .. } if instance == id && *state == LifecycleState::InService);
    trace.iter().find(in_service).map(|event| event.at_ms)
}

/// Says who does what; `None` for what is no part of the story.
fn line(what: &TraceKind) -> Option<(String, String)> {
    let by = |who: &str, what: String| Some((who.to_owned(), what));
    match what {
        TraceKind::Call(call) => call_line(call),
        TraceKind::Instance { id, state, why } => match state {
            InstanceChange::State(InstanceState::Pending) => by("group", format!("launches {id}")),
            InstanceChange::State(InstanceState::ShuttingDown) if why.contains("outside") => {
                by("somebody", format!("kills {id}"))
            }
            InstanceChange::State(InstanceState::ShuttingDown) => by("group", format!("terminates {id}")),
            InstanceChange::State(InstanceState::Running) => Some((
                short(id),
                "runs, and is held by the launch hook until it is ready".to_owned(),
            )),
            InstanceChange::State(InstanceState::Terminated) => Some((short(id), "is gone".to_owned())),
            _ => Some((short(id), state.to_string())),
        },
        TraceKind::Application { instance, status, .. } => by("AWS", format!("asks the app on {instance}: {status}")),
        TraceKind::Unhealthy { instance, .. } => by("group", format!("finds {instance} unhealthy")),
        TraceKind::Lifecycle { instance, state, .. } if *state == LifecycleState::InService => {
            by("group", format!("has {instance} in service"))
        }
        TraceKind::LaunchFailed { why, .. } => by("group", format!("cannot launch: {why}")),
        TraceKind::Scheduled { action, skipped, .. } => {
            let what = if *skipped { "is skipped" } else { "happens" };
            by("schedule", format!("{action} {what}"))
        }
        TraceKind::GroupDeleted { .. } => by("group", "is gone".to_owned()),
        TraceKind::Volume { id, state, instance } => match (state, instance) {
            (VolumeChange::Attached, Some(instance)) => Some((short(instance), format!("holds the data volume {id}"))),
            (VolumeChange::Formatted, Some(instance)) => Some((
                short(instance),
                "formats it: blank, and marked for first use".to_owned(),
            )),
            (VolumeChange::Mounted, Some(instance)) => Some((short(instance), "mounts it".to_owned())),
            (VolumeChange::Released, _) => by("AWS", "lets go of the data volume".to_owned()),
            _ => None,
        },
        TraceKind::Address {
            ip,
            instance: Some(instance),
            ..
        } => Some((short(instance), format!("takes the address {ip}"))),
        TraceKind::Address { ip, instance: None, .. } => by("AWS", format!("lets go of the address {ip}")),
        TraceKind::Snapshot { id, .. } => by("AWS", format!("completes the snapshot {id}")),
        TraceKind::Dns {
            name,
            value: Some(value),
            state,
        } if state == "INSYNC" => by("AWS", format!("answers {name} with {value} everywhere")),
        TraceKind::Crash { caller, .. } => by(caller, "is cut off".to_owned()),
        TraceKind::Violation { invariant, detail } => by("!", format!("violates {invariant}: {detail}")),
        _ => None,
    }
}

/// Says what a call does: those of the operator that change something, and whatever is refused.
fn call_line(call: &CallTrace) -> Option<(String, String)> {
    let instance = call.caller.starts_with("i-");
    let who = if instance {
        short(&call.caller)
    } else {
        "selfheal".to_owned()
    };
    let name = call
        .action
        .split_once(':')
        .map_or(call.action.as_str(), |(_, name)| name);
    match &call.outcome {
        Outcome::Refused(code) if name == "CreateAutoScalingGroup" && code == "ValidationError" => {
            Some((who, format!("{name} is refused until IAM has spread the new profile")))
        }
        Outcome::Refused(code) if name == "AttachVolume" && code == "VolumeInUse" => {
            Some((who, "waits: another instance still holds the data volume".to_owned()))
        }
        Outcome::Refused(code) => Some((who, format!("{name} is refused ({code}), and tried again"))),
        Outcome::Done | Outcome::AnswerLost if call.mutating && !instance => {
            Some((who, format!("{name} {}", call.resource)))
        }
        _ => None,
    }
}

/// Shortens an id for a column: the first digits tell the instances of a story apart.
fn short(id: impl AsRef<str>) -> String {
    id.as_ref().chars().take(8).collect()
}
