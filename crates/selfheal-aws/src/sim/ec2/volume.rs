//! Volumes: one zone, one attachment, sizes that only grow, and contents that can be told apart.

use selfheal_core::names::{ResourceKind, TAG_ROLE};
use selfheal_core::world::{
    CopyVolume, CreateVolume, ModificationState, ModifyVolume, SnapshotId, SnapshotState, Volume, VolumeId,
    VolumeModification, VolumeState,
};

use super::super::call::{Caller, fail};
use super::super::events::WorldEvent;
use super::super::pages::{Page, cut};
use super::super::state::{Content, Modification, VolumeRecord};
use super::super::trace::{TraceKind, VolumeChange};
use super::super::world::World;
use super::check_tags;
use crate::backend::CallResult;

/// Hours between two modifications of one volume.
///
/// Source: EBS user guide, "Requirements for EBS volume modifications": at least six hours.
const MODIFY_PAUSE_MS: u64 = 6 * 3_600_000;

impl World {
    pub(in crate::sim) fn describe_volumes(&self, wanted: impl Fn(&Volume) -> bool) -> Vec<Volume> {
        self.volumes
            .values()
            .filter(|record| self.sees(record.visible_ms) && record.volume.state != VolumeState::Deleted)
            .filter(|record| wanted(&record.volume))
            .map(|record| self.read_volume(&record.volume))
            .collect()
    }

    /// A page of the volumes that callers can see.
    pub(super) fn page_of_volumes(
        &self,
        page: (Option<VolumeId>, usize),
        wanted: impl Fn(&Volume) -> bool,
    ) -> Page<VolumeId, Volume> {
        let exists =
            |record: &VolumeRecord| self.sees(record.visible_ms) && record.volume.state != VolumeState::Deleted;
        let show = |record: &VolumeRecord| wanted(&record.volume).then(|| self.read_volume(&record.volume));
        cut(&self.volumes, page, exists, show)
    }

    /// Returns every volume that is not deleted, root volumes among them.
    #[must_use]
    pub fn describe_all_volumes(&self) -> Vec<Volume> {
        self.describe_volumes(|_| true)
    }

    /// A volume that callers can see and that is not deleted.
    pub(super) fn live_volume(&self, action: &'static str, id: &VolumeId) -> CallResult<&VolumeRecord> {
        let found = self.volumes.get(id);
        match found.filter(|record| self.sees(record.visible_ms) && record.volume.state != VolumeState::Deleted) {
            Some(record) => Ok(record),
            None => fail(
                action,
                "InvalidVolume.NotFound",
                format!("The volume '{id}' does not exist."),
            ),
        }
    }

    /// `CreateVolume`. A token that was used before leads to the volume that it made, and is refused once that is gone.
    ///
    /// Source of the refusal and of its words: kubernetes-sigs/aws-ebs-csi-driver, issues 1022, 1951 and 3010.
    pub(super) fn create_volume(&mut self, caller: &Caller, input: &CreateVolume) -> CallResult<Volume> {
        const ACTION: &str = "ec2:CreateVolume";
        check_create(self, input)?;
        if let Some(made) = self.made_before(ACTION, &input.client_token, input)?
            && let Some(record) = self.volumes.get(made.as_str())
        {
            if matches!(record.volume.state, VolumeState::Deleting | VolumeState::Deleted) {
                let message = "The client token you have provided is associated with a resource that is already \
                               deleted. Please use a different client token.";
                return fail(ACTION, "IdempotentParameterMismatch", message);
            }
            return Ok(record.volume.clone());
        }
        let key = input.kms_key.clone().or_else(|| self.config.default_key.clone());
        let allowed = key.as_ref().is_none_or(|key| self.may_use_key(caller, key));
        let usable = allowed && !self.creation_fails;
        let content = match &input.snapshot_id {
            Some(snapshot) => self.content_of_snapshot(snapshot, input.size_gib)?,
            None => Content::Blank,
        };
        let gp3 = input.volume_type == "gp3";
        let volume = Volume {
            id: self.new_id("vol").into(),
            zone: input.zone.clone(),
            size_gib: input.size_gib,
            volume_type: input.volume_type.clone(),
            iops: input.iops.or(gp3.then_some(3_000)),
            throughput_mibps: input.throughput_mibps.or(gp3.then_some(125)),
            encrypted: input.encrypted,
            kms_key: Some(key.unwrap_or_else(|| self.own_key())),
            state: VolumeState::Creating,
            snapshot_id: input.snapshot_id.clone(),
            attachment: None,
            tags: input.tags.clone(),
        };
        self.note_made(ACTION, &input.client_token, input, volume.id.as_str());
        Ok(self.keep_volume(volume, content, usable))
    }

    /// `CopyVolumes`: what is on the source at this instant, in its zone, encrypted as it is.
    pub(super) fn copy_volume(&mut self, caller: &Caller, input: &CopyVolume) -> CallResult<Volume> {
        const ACTION: &str = "ec2:CopyVolumes";
        check_tags(ACTION, &input.tags)?;
        if let Some(made) = self.made_before(ACTION, &input.client_token, input)?
            && let Some(record) = self.volumes.get(made.as_str())
        {
            return Ok(record.volume.clone());
        }
        let source = self.live_volume(ACTION, &input.source)?;
        if !matches!(source.volume.state, VolumeState::Available | VolumeState::InUse) {
            let message = format!("Volume '{}' is not in a valid state to be copied.", input.source);
            return fail(ACTION, "IncorrectState", message);
        }
        if input.size_gib < source.volume.size_gib {
            let message = "The size of the copy must be at least that of its source.";
            return fail(ACTION, "InvalidParameterValue", message);
        }
        let (iops, throughput) = (input.iops, input.throughput_mibps);
        check_shape(ACTION, &input.volume_type, input.size_gib, iops, throughput)?;
        let (content, source) = (source.content.clone(), source.volume.clone());
        let customers = source.kms_key.as_ref().filter(|key| **key != self.own_key());
        let usable = customers.is_none_or(|key| self.may_use_key(caller, key));
        let volume = Volume {
            id: self.new_id("vol").into(),
            size_gib: input.size_gib,
            volume_type: input.volume_type.clone(),
            iops,
            throughput_mibps: throughput,
            state: VolumeState::Creating,
            snapshot_id: None,
            attachment: None,
            tags: input.tags.clone(),
            ..source
        };
        self.note_made(ACTION, &input.client_token, input, volume.id.as_str());
        Ok(self.keep_volume(volume, content, usable))
    }

    /// Takes a volume that is being made into the world.
    fn keep_volume(&mut self, volume: Volume, content: Content, usable: bool) -> Volume {
        let id = volume.id.clone();
        let record = VolumeRecord {
            volume: volume.clone(),
            visible_ms: self.visible_from(),
            content,
            modification: None,
            delete_on_termination: false,
            device: None,
        };
        self.volumes.insert(id.clone(), record);
        // AWS tells nobody who asks that a key could not be used: the volume is gone again. aws-ebs-csi-driver, issue 3010.
        let end = if usable {
            WorldEvent::VolumeAvailable(id)
        } else {
            WorldEvent::VolumeDeleted(id)
        };
        self.after(self.config.timings.volume_create, end);
        volume
    }

    /// What a volume of this size holds that is made of the snapshot.
    fn content_of_snapshot(&self, id: &SnapshotId, size_gib: u32) -> CallResult<Content> {
        const ACTION: &str = "ec2:CreateVolume";
        let found = self.snapshots.get(id).filter(|record| self.sees(record.visible_ms));
        let Some(record) = found else {
            let message = format!("The snapshot '{id}' does not exist.");
            return fail(ACTION, "InvalidSnapshot.NotFound", message);
        };
        if record.snapshot.state != SnapshotState::Completed {
            let message = format!("Snapshot '{id}' is not 'completed'.");
            return fail(ACTION, "IncorrectState", message);
        }
        let least = record.snapshot.size_gib;
        if size_gib < least {
            let message = format!("Volume of size {size_gib}GB is smaller than snapshot, expect size >= {least}GB");
            return fail(ACTION, "InvalidParameterValue", message);
        }
        Ok(record.content.clone())
    }

    pub(in crate::sim) fn volume_available(&mut self, id: &VolumeId) {
        let Some(record) = self
            .volumes
            .get_mut(id)
            .filter(|record| record.volume.state == VolumeState::Creating)
        else {
            return;
        };
        record.volume.state = VolumeState::Available;
        self.record(TraceKind::Volume {
            id: id.to_owned(),
            state: VolumeChange::Available,
            instance: None,
        });
    }

    /// `ModifyVolume`: it only grows, and not twice within six hours.
    pub(super) fn modify_volume(&mut self, input: &ModifyVolume) -> CallResult<()> {
        const ACTION: &str = "ec2:ModifyVolume";
        let now_ms = self.now_ms;
        let record = self.live_volume(ACTION, &input.id)?;
        if !matches!(record.volume.state, VolumeState::Available | VolumeState::InUse) {
            let message = format!("Volume '{}' is not in a valid state to be modified.", input.id);
            return fail(ACTION, "IncorrectState", message);
        }
        if let Some(change) = &record.modification {
            if change.state != ModificationState::Completed {
                let message = format!("Volume {} is in modification state '{}'.", input.id, change.state);
                return fail(ACTION, "IncorrectModificationState", message);
            }
            if now_ms - change.started_ms < MODIFY_PAUSE_MS {
                let message = "You've reached the maximum modification rate per volume limit. Wait at least 6 hours \
                               between modifications per EBS volume.";
                return fail(ACTION, "VolumeModificationRateExceeded", message);
            }
        }
        let volume = &record.volume;
        if let Some(size) = input.size_gib.filter(|size| *size < volume.size_gib) {
            let message = format!(
                "New size cannot be smaller than existing size: {size} < {}",
                volume.size_gib
            );
            return fail(ACTION, "InvalidParameterValue", message);
        }
        let size = input.size_gib.unwrap_or(volume.size_gib);
        let kind = input.volume_type.clone().unwrap_or_else(|| volume.volume_type.clone());
        let iops = input.iops.or(volume.iops);
        let throughput = input.throughput_mibps.or(volume.throughput_mibps);
        check_shape(ACTION, &kind, size, iops, throughput)?;
        if let Some(record) = self.volumes.get_mut(&input.id) {
            record.modification = Some(Modification {
                state: ModificationState::Modifying,
                started_ms: now_ms,
                size_gib: size,
                volume_type: kind,
                iops,
                throughput_mibps: throughput,
            });
        }
        self.after(
            self.config.timings.volume_modify,
            WorldEvent::VolumeModified(input.id.clone()),
        );
        Ok(())
    }

    /// `DescribeVolumesModifications` of one volume.
    pub(super) fn describe_volume_modification(&self, id: &VolumeId) -> Option<VolumeModification> {
        let record = self.volumes.get(id).filter(|record| self.sees(record.visible_ms))?;
        let last = record.modification.as_ref()?;
        Some(VolumeModification {
            state: last.state.clone(),
            size_gib: Some(last.size_gib),
            volume_type: Some(last.volume_type.clone()),
            iops: last.iops,
            throughput_mibps: last.throughput_mibps,
            started_at: Some(self.time_of(last.started_ms)),
        })
    }

    /// From `optimizing` on the volume has its new values.
    pub(in crate::sim) fn volume_modified(&mut self, id: &VolumeId) {
        self.set_modification(id, ModificationState::Optimizing);
        if let Some(record) = self.volumes.get_mut(id)
            && let Some(last) = &record.modification
        {
            record.volume.size_gib = last.size_gib;
            record.volume.volume_type.clone_from(&last.volume_type);
            record.volume.iops = last.iops;
            record.volume.throughput_mibps = last.throughput_mibps;
        }
        self.device_has_grown(id);
        self.after(
            self.config.timings.volume_modify,
            WorldEvent::VolumeOptimized(id.to_owned()),
        );
    }

    pub(in crate::sim) fn volume_optimized(&mut self, id: &VolumeId) {
        self.set_modification(id, ModificationState::Completed);
        self.record(TraceKind::Volume {
            id: id.to_owned(),
            state: VolumeChange::Modified,
            instance: None,
        });
    }

    fn set_modification(&mut self, id: &VolumeId, state: ModificationState) {
        if let Some(change) = self.volumes.get_mut(id).and_then(|record| record.modification.as_mut()) {
            change.state = state;
        }
    }

    /// Whether a volume is what a drill has made of a snapshot that is still there, and nobody has booted from since: it may be deleted
    /// without being named.
    fn is_copy_of_a_drill(&self, id: &VolumeId) -> bool {
        let Some(record) = self.volumes.get(id) else {
            return false;
        };
        let marked = record
            .volume
            .tags
            .get(TAG_ROLE)
            .is_some_and(|role| role == ResourceKind::DrillCopy.as_str());
        let from = record.volume.snapshot_id.as_ref().and_then(|id| self.snapshots.get(id));
        let writes = |content: &Content| match content {
            Content::Filesystem { writes, .. } => *writes,
            _ => 0,
        };
        marked && from.is_some_and(|from| writes(&record.content) <= writes(&from.content))
    }

    /// `DeleteVolume`, refused while attached.
    pub(super) fn delete_volume(&mut self, id: &VolumeId) -> CallResult<()> {
        const ACTION: &str = "ec2:DeleteVolume";
        let record = self.live_volume(ACTION, id)?;
        if let Some(held) = &record.volume.attachment {
            let message = format!("Volume {id} is currently attached to {}", held.instance_id);
            return fail(ACTION, "VolumeInUse", message);
        }
        if !matches!(record.volume.state, VolumeState::Available | VolumeState::Error) {
            return fail(
                ACTION,
                "IncorrectState",
                format!("The volume '{id}' is not 'available'."),
            );
        }
        // A snapshot that is older than the last write does not hold the data.
        let saved = record.content == Content::Blank
            || self.snapshots.values().any(|taken| {
                taken.snapshot.volume_id == *id
                    && taken.snapshot.state == SnapshotState::Completed
                    && taken.content == record.content
            });
        let is_copy = self.is_copy_of_a_drill(id);
        if let Some(record) = self.volumes.get_mut(id) {
            record.volume.state = VolumeState::Deleting;
        }
        if !is_copy {
            self.ledger.delete(id.as_str(), saved);
        }
        self.after(
            self.config.timings.volume_detach,
            WorldEvent::VolumeDeleted(id.to_owned()),
        );
        Ok(())
    }

    pub(in crate::sim) fn volume_deleted(&mut self, id: &VolumeId) {
        let Some(record) = self.volumes.get_mut(id) else { return };
        record.volume.state = VolumeState::Deleted;
        self.record(TraceKind::Volume {
            id: id.to_owned(),
            state: VolumeChange::Deleted,
            instance: None,
        });
    }
}

fn check_create(world: &World, input: &CreateVolume) -> CallResult<()> {
    const ACTION: &str = "ec2:CreateVolume";
    check_tags(ACTION, &input.tags)?;
    if !world.subnets.values().any(|record| record.subnet.zone == input.zone) {
        return fail(
            ACTION,
            "InvalidZone.NotFound",
            format!("The zone '{}' does not exist.", input.zone),
        );
    }
    if input.client_token.len() > 64 || !input.client_token.is_ascii() {
        return fail(
            ACTION,
            "InvalidParameterValue",
            "Client tokens are limited to 64 ASCII characters.",
        );
    }
    check_shape(
        ACTION,
        &input.volume_type,
        input.size_gib,
        input.iops,
        input.throughput_mibps,
    )
}

/// Refuses sizes and speeds that the type does not have.
///
/// Source: EBS user guide, "Amazon EBS volume types"; gp3 to 64 TiB, 80,000 IOPS and 2,000 MiB/s.
fn check_shape(
    action: &'static str,
    kind: &str,
    size_gib: u32,
    iops: Option<u32>,
    throughput: Option<u32>,
) -> CallResult<()> {
    let (least, most, iops_range) = match kind {
        "gp3" => (1, 65_536, 3_000..=80_000),
        "gp2" => (1, 16_384, 0..=0),
        "io1" => (4, 16_384, 100..=64_000),
        "io2" => (4, 65_536, 100..=256_000),
        "st1" | "sc1" => (125, 16_384, 0..=0),
        _ => {
            return fail(
                action,
                "UnknownVolumeType",
                format!("Unsupported volume type '{kind}' for volume creation."),
            );
        }
    };
    if !(least..=most).contains(&size_gib) {
        let message = format!("Volume of {size_gib}GiB is outside the range of {least} to {most} GiB of {kind}.");
        return fail(action, "InvalidParameterValue", message);
    }
    if let Some(iops) = iops.filter(|iops| !iops_range.contains(iops)) {
        return fail(
            action,
            "InvalidParameterValue",
            format!("Volume iops of {iops} is not supported for {kind}."),
        );
    }
    if let Some(throughput) = throughput.filter(|mibps| kind != "gp3" || !(125..=2_000).contains(mibps)) {
        let message = format!("Throughput of {throughput} MiB/s is not supported for {kind}.");
        return fail(action, "InvalidParameterCombination", message);
    }
    Ok(())
}
