//! A drill of a restore: a copy of the last snapshot's data is made, shown to the running instance, and taken away again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use selfheal_core::drill::{
    Contents, DRILL_DEVICE, Entry, Moment, RestoreDrill, RestoreDrillReport, Seen, TAG_RESTORE_DRILL,
};
use selfheal_core::plan::RepeatClass;
use selfheal_core::spec::Spec;
use selfheal_core::world::{AttachmentState, InstanceId, Volume, VolumeId, VolumeState};

use super::{DrillError, asked, note, said, write_marker};
use crate::backend::{Aws, CallResult};
use crate::control::{Control, Event};
use crate::error::{CallError, CallErrorKind};
use crate::retry::{Repeat, retry};

/// Between two looks at a volume.
const LOOK: Duration = Duration::from_secs(2);
/// How long a volume may be in the making, in attaching or in detaching.
const STATE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// How long the instance may take to read it: the blocks of a volume that was made of a snapshot come from it one by one, and a
/// filesystem that was in use has its journal replayed.
const READ_MAX: SignedDuration = SignedDuration::from_mins(10);
/// How often a reading that does not show a volume is believed: one may be late.
const ABSENT: u32 = 3;

const CREATE: Repeat = Repeat::Step(RepeatClass::Create);
const CHANGE: Repeat = Repeat::Step(RepeatClass::Change);

/// What came of a drill of a restore.
#[derive(Debug)]
#[non_exhaustive]
pub struct RestoreDrilled {
    /// What it has shown.
    pub report: RestoreDrillReport,
    /// Why the stack's tag does not tell of it, where it does not.
    pub untold: Option<CallError>,
}

/// Proves that the last snapshot can be restored: makes a volume of it, attaches that to the running instance, asks the instance what is
/// on it, and takes it away again. What the stack uses is not touched, but for a marker that is written to the data volume first, so
/// that the next snapshot carries it.
///
/// Copies of earlier drills that were cut off are removed first. Each moment is told.
///
/// # Errors
/// [`DrillError`] where the instance does not answer, or a call failed for good, up to the one that makes the copy: where its answer was
/// lost there may be one, as of a drill that was cut off. What fails after that is in the report, as is a copy that could not be taken
/// away.
pub async fn drill_restore(
    aws: &dyn Aws,
    spec: &Spec,
    drill: RestoreDrill,
    ctl: &Control<'_>,
) -> Result<RestoreDrilled, DrillError> {
    let began = ctl.clock.now();
    for id in &drill.left {
        remove(aws, id, ctl).await?;
    }
    let noted = (&drill.allocation_id, drill.markers.clone());
    write_marker(aws, spec, &drill.instance, noted, ctl).await?;
    // It has a token, so that a second call answers the same volume.
    let made = retry(ctl, Repeat::Read, || aws.create_volume(&drill.copy)).await?;
    let mut seen = Seen {
        copy_id: Some(made.id.clone()),
        ..Seen::default()
    };
    let tell = |what: Moment| moment(ctl, &drill.instance, began, what);
    tell(Moment::CopyMade);
    match show(aws, spec, &drill.instance, &made.id, (began, ctl)).await {
        Ok(read) => {
            seen.read = Some(read);
            seen.read_ms = Some(since(began, ctl));
        }
        Err(error) => seen.trouble = Some(error),
    }
    match remove(aws, &made.id, ctl).await {
        Ok(true) => tell(Moment::CopyRemoved),
        Ok(false) | Err(_) => seen.left = Some(made.id),
    }
    let allocation = drill.allocation_id.clone();
    let report = drill.end(began, seen);
    let told = note(aws, &allocation, (TAG_RESTORE_DRILL, report.to_tag()), ctl).await;
    Ok(RestoreDrilled {
        report,
        untold: told.err(),
    })
}

fn since(began: Timestamp, ctl: &Control<'_>) -> u64 {
    u64::try_from(ctl.clock.now().duration_since(began).as_millis()).unwrap_or(0)
}

fn moment(ctl: &Control<'_>, instance: &InstanceId, began: Timestamp, what: Moment) {
    let entry = Entry {
        what,
        instance: instance.clone(),
        at: ctl.clock.now(),
        after_ms: since(began, ctl),
    };
    ctl.progress.event(&Event::Moment { entry: &entry });
}

/// Attaches the copy and asks the instance what is on it; answers that, or why it could not be asked.
async fn show(
    aws: &dyn Aws,
    spec: &Spec,
    instance: &InstanceId,
    copy: &VolumeId,
    (began, ctl): (Timestamp, &Control<'_>),
) -> Result<Result<Contents, String>, String> {
    let plain = |error: CallError| error.to_string();
    let free = |volume: &Volume| volume.state == VolumeState::Available;
    await_volume(aws, copy, &free, ctl).await?;
    let attached = |volume: &Volume| {
        let held = volume.attachment.as_ref();
        held.is_some_and(|held| held.instance_id == *instance && held.state == AttachmentState::Attached)
    };
    match retry(ctl, CREATE, || aws.attach_volume(copy, instance, DRILL_DEVICE)).await {
        // Whether it had an effect, the volume itself tells.
        Err(error) if error.kind != CallErrorKind::Ambiguous => return Err(plain(error)),
        _ => await_volume(aws, copy, &attached, ctl).await?,
    }
    moment(ctl, instance, began, Moment::CopyAttached);
    let reply = asked(aws, spec, instance, ("copy", &[copy.as_str()]), READ_MAX, ctl).await;
    let read = said(reply.map_err(plain)?).and_then(|words| Contents::of(&words));
    if read.is_ok() {
        moment(ctl, instance, began, Moment::CopyRead);
    }
    Ok(read)
}

/// Waits until a volume is as it is to be.
async fn await_volume(
    aws: &dyn Aws,
    id: &VolumeId,
    is: &(dyn Fn(&Volume) -> bool + Sync),
    ctl: &Control<'_>,
) -> Result<(), String> {
    let began = ctl.clock.now();
    loop {
        let found = retry(ctl, Repeat::Read, || aws.describe_volume(id)).await;
        match found.map_err(|error| error.to_string())? {
            Some(volume) if is(&volume) => return Ok(()),
            Some(volume) if volume.state == VolumeState::Error => return Err(format!("{id} is in the state error")),
            _ if ctl.clock.now().duration_since(began) >= STATE_MAX => {
                return Err(format!("{id} was not ready within {} min", STATE_MAX.as_mins()));
            }
            _ => ctl.clock.sleep(LOOK).await,
        }
    }
}

/// Takes a copy away: detaches it where it is attached, and deletes it. Answers whether it is gone.
async fn remove(aws: &dyn Aws, id: &VolumeId, ctl: &Control<'_>) -> CallResult<bool> {
    let began = ctl.clock.now();
    let mut absent = 0;
    let mut deleted = false;
    while ctl.clock.now().duration_since(began) < STATE_MAX {
        let found = retry(ctl, Repeat::Read, || aws.describe_volume(id)).await?;
        let Some(volume) = found else {
            absent += 1;
            if deleted || absent >= ABSENT {
                return Ok(true);
            }
            ctl.clock.sleep(LOOK).await;
            continue;
        };
        match (&volume.attachment, &volume.state) {
            (_, VolumeState::Deleting | VolumeState::Deleted) => return Ok(true),
            (Some(held), _) if matches!(held.state, AttachmentState::Attached | AttachmentState::Attaching) => {
                // An answer that was lost, and one that came too late, show in what is read next.
                passing(retry(ctl, CREATE, || aws.detach_volume(id, &held.instance_id)).await)?;
            }
            (None, VolumeState::Available | VolumeState::Error) if !deleted => {
                deleted = passing(retry(ctl, CHANGE, || aws.delete_volume(id)).await)?;
            }
            _ => {}
        }
        ctl.clock.sleep(LOOK).await;
    }
    Ok(false)
}

/// Whether a call had its effect; what may have had it, or may have it later, is no error.
fn passing(result: CallResult<()>) -> CallResult<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind == CallErrorKind::Denied => Err(error),
        Err(_) => Ok(false),
    }
}
