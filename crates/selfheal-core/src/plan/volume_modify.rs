//! Growing and retyping the data volume, and what AWS allows while an earlier modification is under way.

use jiff::SignedDuration;

use super::builder::{Builder, Deferred, Draft};
use super::{Change, StepKind};
use crate::names::ResourceKind;
use crate::spec::DataSpec;
use crate::world::{Action, ModifyVolume, Volume, VolumeCall, VolumeModification};

/// How long after the beginning of a modification AWS may refuse the next one.
///
/// Source: EBS user guide, "Requirements for EBS volume modifications".
const PAUSE: SignedDuration = SignedDuration::from_hours(6);

/// Refuses a spec that wants less than what a volume has, or one made of a snapshot would have; answers whether it did.
pub(super) fn refuse_to_shrink(builder: &mut Builder<'_>, data: &DataSpec, what: &str, size_gib: u32) -> bool {
    let shrinks = data.size_gib < size_gib;
    if shrinks {
        builder.refuse(
            "volume-shrinks",
            format!(
                "the data volume {what} has {size_gib} GiB, the spec says {}",
                data.size_gib
            ),
            format!("a volume cannot shrink: write size = \"{size_gib}GiB\""),
        );
    }
    shrinks
}

/// Plans what makes the volume as large and as fast as the spec says.
pub(super) fn modify(builder: &mut Builder<'_>, data: &DataSpec, volume: &Volume) {
    let modifications = &builder.observed.modifications;
    let last = modifications.get(&volume.id).and_then(Option::as_ref);
    // While a modification is under way AWS shows the old values.
    let leads_to = last.map_or_else(|| volume.clone(), |last| leading_to(volume, last));
    if refuse_to_shrink(builder, data, volume.id.as_str(), leads_to.size_gib) {
        return;
    }
    if let Some(last) = last.filter(|last| last.is_modifying()) {
        builder.note(
            "volume-modifying",
            format!(
                "AWS is changing the data volume {} to {}{}: no instance can attach it until that is done",
                volume.id,
                shape(&leads_to),
                since(last)
            ),
        );
    }
    // What was tagged in this run, or will be, is not touched beyond that.
    let is_ours = builder.names.owns(&volume.tags, ResourceKind::Volume);
    if !is_ours || builder.observed.run.volumes.tagged.contains(&volume.id) {
        return;
    }
    let Some((draft, input)) = differences(data, &leads_to) else {
        return;
    };
    if let Some(last) = last.filter(|last| last.is_under_way()) {
        builder.refuse(
            "volume-busy",
            format!(
                "the data volume {} is still being changed to {}{}, and AWS takes no other change until then",
                volume.id,
                shape(&leads_to),
                since(last)
            ),
            format!(
                "wait, which may take hours, and apply again; to apply the rest now write size = \"{}GiB\" and what else it \
                 becomes",
                leads_to.size_gib
            ),
        );
        return;
    }
    let began = last.and_then(|last| last.started_at);
    if let Some(began) = began.filter(|began| builder.observed.observed_at.duration_since(*began) < PAUSE) {
        builder.note(
            "volume-changed-lately",
            format!(
                "the data volume {} was changed at {began}: AWS may refuse the next change until {}",
                volume.id,
                began + PAUSE
            ),
        );
    }
    builder.step(draft, Deferred::Known(Action::Volume(VolumeCall::ModifyVolume(input))));
}

/// The volume as it will be once its modification is done.
fn leading_to(volume: &Volume, last: &VolumeModification) -> Volume {
    let mut after = volume.clone();
    if last.is_modifying() {
        after.size_gib = last.size_gib.unwrap_or(after.size_gib);
        after.volume_type = last.volume_type.clone().unwrap_or(after.volume_type);
        after.iops = last.iops.or(after.iops);
        after.throughput_mibps = last.throughput_mibps.or(after.throughput_mibps);
    }
    after
}

fn shape(volume: &Volume) -> String {
    format!("{} GiB {}", volume.size_gib, volume.volume_type)
}

fn since(last: &VolumeModification) -> String {
    last.started_at
        .map_or_else(String::new, |began| format!(" (since {began})"))
}

fn differences(data: &DataSpec, volume: &Volume) -> Option<(Draft, ModifyVolume)> {
    let wanted_type = data.volume_type.to_string();
    let changed = |want: Option<u32>, have: Option<u32>| want.filter(|want| Some(*want) != have);
    let input = ModifyVolume {
        id: volume.id.clone(),
        size_gib: changed(Some(data.size_gib), Some(volume.size_gib)),
        volume_type: (wanted_type != volume.volume_type).then(|| wanted_type.clone()),
        iops: changed(data.iops, volume.iops),
        throughput_mibps: changed(data.throughput_mibps, volume.throughput_mibps),
    };
    let show = |value: Option<u32>| value.map_or_else(|| "default".to_owned(), |value| value.to_string());
    let mut draft = Draft::new(
        StepKind::ModifyVolume,
        Change::Update,
        "the spec changed; data stays as it is",
    )
    .target(volume.id.clone())
    .changes(
        "size",
        format!("{} GiB", volume.size_gib),
        format!("{} GiB", data.size_gib),
    )
    .changes("type", volume.volume_type.clone(), wanted_type);
    if input.iops.is_some() {
        draft = draft.changes("iops", show(volume.iops), show(input.iops));
    }
    if input.throughput_mibps.is_some() {
        draft = draft.changes(
            "throughput (MiB/s)",
            show(volume.throughput_mibps),
            show(input.throughput_mibps),
        );
    }
    draft.has_changes().then_some((draft, input))
}
