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
use selfheal_core::world::{InstanceId, Observed};
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
    let marker = match &spec.data {
        Some(_) => {
            let marker = request_id(ctl) + &request_id(ctl);
            let reply = asked(aws, spec, &instance, "marker", &[&marker], ctl).await?;
            let marker = said(reply).map_err(DrillError::Refused)?;
            note_marker(aws, spec, &observed, &marker, ctl).await?;
            Some(marker)
        }
        None => None,
    };
    fail(aws, spec, &instance, how, ctl).await?;
    let begun = Drill::begin(spec, &observed, how, marker.clone(), outside.is_some(), ctl.clock.now());
    let mut drill = begun.ok_or(DrillError::NotServing)?;
    let observed = heal(aws, spec, (&mut drill, observed), (prober, outside), ctl).await?;
    let read = match (&marker, drill.standing(spec, &observed)) {
        (Some(_), Standing::Healed(id)) => {
            let reply = asked(aws, spec, &id, "marker", &[], ctl).await;
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
        let tags = Tags::from([(TAG_DRILL.to_owned(), report.to_tag())]);
        // The same tag twice is the same tag.
        untold = retry(ctl, Repeat::Read, || aws.create_tags(allocation.as_str(), &tags))
            .await
            .err();
    }
    Ok(Drilled { report, untold })
}

/// Notes on the address which marker is on the data volume now, so that one can say later whether a snapshot carries it.
async fn note_marker(
    aws: &dyn Aws,
    spec: &Spec,
    observed: &Observed,
    marker: &str,
    ctl: &Control<'_>,
) -> CallResult<()> {
    let Some(address) = selfheal_core::existing(spec, observed).address else {
        return Ok(());
    };
    let tag = address.tags.get(TAG_MARKERS).map(String::as_str).unwrap_or_default();
    let markers = Markers::of(tag).with(ctl.clock.now(), marker);
    let tags = Tags::from([(TAG_MARKERS.to_owned(), markers.to_string())]);
    // The same tag twice is the same tag.
    retry(ctl, Repeat::Read, || {
        aws.create_tags(address.allocation_id.as_str(), &tags)
    })
    .await
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
    let reply = asked(aws, spec, instance, "fail", &[how.as_str()], ctl).await?;
    said(reply).map(drop).map_err(DrillError::Refused)
}

async fn asked(
    aws: &dyn Aws,
    spec: &Spec,
    instance: &InstanceId,
    verb: &str,
    words: &[&str],
    ctl: &Control<'_>,
) -> CallResult<Option<Reply>> {
    asked_for(aws, spec, instance, (verb, words), ANSWER_MAX, ctl).await
}

async fn asked_for(
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
