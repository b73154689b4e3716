//! A drill: a stack is made to fail, and watched until it has healed.

mod restore;

use std::time::Duration;

use jiff::SignedDuration;
pub use restore::{RestoreDrilled, drill_restore};
use selfheal_core::drill::{Drill, DrillReport, Entry, How, Markers, Outside, Standing, TAG_DRILL, TAG_MARKERS};
use selfheal_core::names::Tags;
use selfheal_core::plan::RepeatClass;
use selfheal_core::request::{Reply, Request};
use selfheal_core::spec::Spec;
use selfheal_core::world::{AllocationId, InstanceId, Observed};
use thiserror::Error;

use crate::backend::{Aws, CallResult, Prober};
use crate::control::{Control, Event};
use crate::error::CallError;
use crate::request::{ANSWER_MAX, ask, request_id};
use crate::retry::{Repeat, retry};
use crate::watch::{WATCH_MAX, look_again};

/// Between two questions at the address.
const HEAR: Duration = Duration::from_secs(1);
/// How many of them one reading of AWS is for.
const HEARS_A_LOOK: u32 = 5;

/// Why a drill did not take place. The stack was not made to fail, as far as anybody knows.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DrillError {
    /// A call failed for good. Where it is the one that makes the stack fail, and its answer was lost, the stack may fail.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The instance did not do what it was asked.
    #[error("the instance {0}")]
    Refused(String),
    /// The stack does not serve.
    #[error("the stack does not serve")]
    NotServing,
}

/// What came of a drill.
#[derive(Debug)]
#[non_exhaustive]
pub struct Drilled {
    /// What it has shown.
    pub report: DrillReport,
    /// Why the stack's tag does not tell of it, where it does not.
    pub untold: Option<CallError>,
}

/// Drills a stack, from what was read of it before: writes a marker to its data volume, makes it fail, waits until it serves again, for half
/// an hour at most, reads the marker, and keeps the result in a tag of its address.
///
/// `outside` is what is asked at its address meanwhile, where that answers now. Each moment is told.
///
/// # Errors
/// [`DrillError`] where the stack was not made to fail. What fails after that is in the report.
pub async fn drill(
    aws: &dyn Aws,
    spec: &Spec,
    observed: Observed,
    how: How,
    (prober, outside): (&dyn Prober, Option<&Outside>),
    ctl: &Control<'_>,
) -> Result<Drilled, DrillError> {
    let instance = observed
        .group
        .as_ref()
        .and_then(|group| group.foremost().first().map(|it| it.id.clone()));
    let instance = instance.ok_or(DrillError::NotServing)?;
    let address = selfheal_core::existing(spec, &observed).address;
    let marker = match (&spec.data, address) {
        (Some(_), Some(address)) => {
            let noted = (&address.allocation_id, Markers::in_tags(&address.tags));
            Some(write_marker(aws, spec, &instance, noted, ctl).await?)
        }
        _ => None,
    };
    fail(aws, spec, &instance, how, ctl).await?;
    let begun = Drill::begin(spec, &observed, how, marker.clone(), outside.is_some(), ctl.clock.now());
    let mut drill = begun.ok_or(DrillError::NotServing)?;
    let observed = heal(aws, spec, (&mut drill, observed), (prober, outside), ctl).await?;
    let read = match (&marker, drill.standing(spec, &observed)) {
        (Some(_), Standing::Healed(id)) => {
            let reply = asked(aws, spec, &id, ("marker", &[]), ANSWER_MAX, ctl).await;
            Some(reply.map_err(|error| error.to_string()).and_then(said))
        }
        _ => None,
    };
    let allocation = selfheal_core::existing(spec, &observed)
        .address
        .map(|address| address.allocation_id);
    let report = drill.end(spec, &observed, read, ctl.clock.now());
    let mut untold = None;
    if let Some(allocation) = allocation {
        untold = note(aws, &allocation, (TAG_DRILL, report.to_tag()), ctl).await.err();
    }
    Ok(Drilled { report, untold })
}

/// Writes a new marker to the data volume, and answers it. It is noted on the address before, and once it is there, so that one can say
/// later whether a snapshot carries it, wherever this is cut off.
async fn write_marker(
    aws: &dyn Aws,
    spec: &Spec,
    instance: &InstanceId,
    (allocation, markers): (&AllocationId, Markers),
    ctl: &Control<'_>,
) -> Result<String, DrillError> {
    let marker = request_id(ctl) + &request_id(ctl);
    let markers = markers.with(ctl.clock.now(), &marker);
    note(aws, allocation, (TAG_MARKERS, markers.to_string()), ctl).await?;
    let reply = asked(aws, spec, instance, ("marker", &[&marker]), ANSWER_MAX, ctl).await?;
    let marker = said(reply).map_err(DrillError::Refused)?;
    let markers = markers.written(ctl.clock.now());
    note(aws, allocation, (TAG_MARKERS, markers.to_string()), ctl).await?;
    Ok(marker)
}

/// Keeps something in a tag of the address. The same tag twice is the same tag.
async fn note(
    aws: &dyn Aws,
    allocation: &AllocationId,
    (key, value): (&str, String),
    ctl: &Control<'_>,
) -> CallResult<()> {
    let tags = Tags::from([(key.to_owned(), value)]);
    retry(ctl, Repeat::Read, || aws.create_tags(allocation.as_str(), &tags)).await
}

/// Makes the stack fail. What only the instance itself can do it is asked for.
async fn fail(
    aws: &dyn Aws,
    spec: &Spec,
    instance: &InstanceId,
    how: How,
    ctl: &Control<'_>,
) -> Result<(), DrillError> {
    if how == How::Terminate {
        // It names the instance, so that another one is never ended by a second attempt.
        let repeat = Repeat::Step(RepeatClass::Change);
        return Ok(retry(ctl, repeat, || aws.terminate_instance(instance)).await?);
    }
    let reply = asked(aws, spec, instance, ("fail", &[how.as_str()]), ANSWER_MAX, ctl).await?;
    said(reply).map(drop).map_err(DrillError::Refused)
}

async fn asked(
    aws: &dyn Aws,
    spec: &Spec,
    instance: &InstanceId,
    (verb, words): (&str, &[&str]),
    at_most: SignedDuration,
    ctl: &Control<'_>,
) -> CallResult<Option<Reply>> {
    match Request::new(&request_id(ctl), verb, words) {
        Ok(request) => ask(aws, spec, instance, &request, at_most, ctl).await,
        Err(_) => Ok(None),
    }
}

/// What an instance has said, or why that is nothing.
fn said(reply: Option<Reply>) -> Result<String, String> {
    match reply {
        Some(Reply { done: true, words, .. }) => Ok(words),
        Some(Reply { words, .. }) => Err(format!("answers: {words}")),
        None => Err(
            "does not answer a request: it was launched by an earlier version of selfheal (`selfheal apply`, `selfheal replace`), or its type \
             is not of the Nitro system, whose metadata alone show tags at once"
                .to_owned(),
        ),
    }
}

/// Waits until the stack has healed; answers the last reading.
async fn heal(
    aws: &dyn Aws,
    spec: &Spec,
    (drill, mut observed): (&mut Drill, Observed),
    (prober, outside): (&dyn Prober, Option<&Outside>),
    ctl: &Control<'_>,
) -> CallResult<Observed> {
    let began = ctl.clock.now();
    let tell = |entry: &Entry| ctl.progress.event(&Event::Moment { entry });
    drill.entries().iter().for_each(tell);
    let mut turn = 0_u32;
    loop {
        if let Some(outside) = outside {
            let answers = prober.answers(drill.public_ip(), outside).await;
            let entry = drill.hear(&observed, answers, ctl.clock.now());
            entry.iter().for_each(tell);
        }
        if turn.is_multiple_of(HEARS_A_LOOK) {
            match look_again(aws, spec, spec.dns.is_some(), ctl).await {
                Ok(readings) => readings.iter().for_each(|reading| reading(&mut observed)),
                Err(error) if error.is_outage() => {}
                Err(error) => return Err(error),
            }
            drill.look(spec, &observed, ctl.clock.now()).iter().for_each(tell);
        }
        let over = turn > HEARS_A_LOOK && !matches!(drill.standing(spec, &observed), Standing::Healing);
        if over || ctl.clock.now().duration_since(began) >= WATCH_MAX {
            // What the instance notes of its healing comes a moment after it.
            ctl.clock.sleep(HEAR * HEARS_A_LOOK).await;
            let readings = look_again(aws, spec, spec.dns.is_some(), ctl).await.unwrap_or_default();
            readings.iter().for_each(|reading| reading(&mut observed));
            drill.look(spec, &observed, ctl.clock.now()).iter().for_each(tell);
            return Ok(observed);
        }
        ctl.clock.sleep(HEAR).await;
        turn = turn.saturating_add(1);
    }
}
