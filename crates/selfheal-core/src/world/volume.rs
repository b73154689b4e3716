//! The data volume.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, AttachmentState, InstanceId, ModificationState, Observed, SnapshotId, VolumeId, VolumeState};
use crate::names::{ResourceKind, TAG_ROLE, Tags};

/// An EBS volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// Its Availability Zone.
    pub zone: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// `gp3`, `io2`, …
    pub volume_type: String,
    /// Provisioned IOPS.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s.
    pub throughput_mibps: Option<u32>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the key that encrypts it, AWS's own or a customer's.
    pub kms_key: Option<String>,
    /// Its state.
    pub state: VolumeState,
    /// The snapshot that it was made from.
    pub snapshot_id: Option<SnapshotId>,
    /// Its attachment; volumes of ours have at most one.
    pub attachment: Option<Attachment>,
    /// Its tags.
    pub tags: Tags,
}

/// A volume's attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The instance.
    pub instance_id: InstanceId,
    /// Its state.
    pub state: AttachmentState,
}

/// A modification of a volume: what it was to become, and how far that is.
///
/// While it is [under way](Self::is_modifying), `DescribeVolumes` shows the old values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeModification {
    /// How far it is.
    pub state: ModificationState,
    /// Size in GiB that it leads to.
    pub size_gib: Option<u32>,
    /// Type that it leads to.
    pub volume_type: Option<String>,
    /// IOPS that it leads to.
    pub iops: Option<u32>,
    /// Throughput in MiB/s that it leads to.
    pub throughput_mibps: Option<u32>,
    /// When it began, where that is known.
    pub started_at: Option<Timestamp>,
}

impl VolumeModification {
    /// Whether the volume does not show its new values yet, and cannot be attached.
    #[must_use]
    pub fn is_modifying(&self) -> bool {
        self.state == ModificationState::Modifying
    }

    /// Whether AWS refuses another one until this one is done.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, ModificationState::Modifying | ModificationState::Optimizing)
    }
}

/// One mutating call about data volumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum VolumeCall {
    /// `ec2:CreateVolume`.
    CreateVolume(CreateVolume),
    /// `ec2:CopyVolumes`: a copy in the same zone, which can be used at once.
    CopyVolume(CopyVolume),
    /// `ec2:ModifyVolume`.
    ModifyVolume(ModifyVolume),
    /// `ec2:DeleteVolume`.
    DeleteVolume {
        /// The volume.
        id: VolumeId,
    },
}

/// Inputs of `ec2:CreateVolume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateVolume {
    /// Availability Zone.
    pub zone: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// Volume type.
    pub volume_type: String,
    /// Provisioned IOPS, or the type's default.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s, or the type's default.
    pub throughput_mibps: Option<u32>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the key that encrypts it, or the account's default.
    pub kms_key: Option<String>,
    /// The snapshot whose data it holds; `None` for an empty one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<SnapshotId>,
    /// Tags.
    pub tags: Tags,
    /// Idempotency token, at most 64 ASCII characters, derived from the inputs.
    pub client_token: String,
}

/// Inputs of `ec2:CopyVolumes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CopyVolume {
    /// The volume whose data is copied.
    pub source: VolumeId,
    /// Size of the copy in GiB.
    pub size_gib: u32,
    /// Its type.
    pub volume_type: String,
    /// Provisioned IOPS, or the type's default.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s, or the type's default.
    pub throughput_mibps: Option<u32>,
    /// Tags.
    pub tags: Tags,
    /// Idempotency token, at most 64 ASCII characters.
    pub client_token: String,
}

/// Inputs of `ec2:ModifyVolume`: what is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModifyVolume {
    /// The volume.
    pub id: VolumeId,
    /// New size in GiB; never smaller.
    pub size_gib: Option<u32>,
    /// New type.
    pub volume_type: Option<String>,
    /// New IOPS.
    pub iops: Option<u32>,
    /// New throughput in MiB/s.
    pub throughput_mibps: Option<u32>,
}

/// What a run knows of the volumes beyond what a listing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRun {
    /// Volumes that a create of this run answered with.
    pub own: Vec<VolumeId>,
    /// Those of them that the last reading did not show.
    pub unseen: Vec<VolumeId>,
    /// Whether they were read for as long as a listing lags behind, so that another restore would show.
    #[serde(default)]
    pub settled: bool,
    /// Whether they were read once more after a restore of a stack that sleeps.
    #[serde(default)]
    pub rested: bool,
    /// Those of them that no reading shows and that are given up: AWS took them back.
    pub vanished: Vec<VolumeId>,
    /// Volumes that an earlier reading of this run showed and the last one did not: to be read by their ids.
    pub missed: BTreeSet<VolumeId>,
    /// Volumes whose tags this run has set: nothing else is done to them in the same run.
    pub tagged: BTreeSet<VolumeId>,
    /// Instances of which the attached volumes were read.
    pub attachments_read: BTreeSet<InstanceId>,
}

pub(super) fn record(observed: &mut Observed, call: &VolumeCall, answer: Answer) {
    match call {
        VolumeCall::CreateVolume(input) => made(observed, answer, &input.client_token),
        VolumeCall::CopyVolume(input) => made(observed, answer, &input.client_token),
        // An answer that does not fit changes nothing.
        _ if answer != Answer::Done => {}
        VolumeCall::ModifyVolume(input) => modified(observed, input),
        VolumeCall::DeleteVolume { id } => {
            observed.volumes.retain(|volume| volume.id != *id);
            observed.run.volumes.own.retain(|own| own != id);
            observed.run.gone.insert(id.to_string());
        }
    }
}

fn made(observed: &mut Observed, answer: Answer, token: &str) {
    let Answer::Volume(volume) = answer else { return };
    // Should AWS answer with a volume that is gone, its token is as good as spent.
    if matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted) {
        observed.run.spent_tokens.push(token.to_owned());
        return;
    }
    observed.run.volumes.own.push(volume.id.clone());
    observed.run.volumes.unseen.push(volume.id.clone());
    observed.volumes.push(volume);
}

fn modified(observed: &mut Observed, input: &ModifyVolume) {
    let record = VolumeModification {
        state: ModificationState::Modifying,
        size_gib: input.size_gib,
        volume_type: input.volume_type.clone(),
        iops: input.iops,
        throughput_mibps: input.throughput_mibps,
        started_at: None,
    };
    observed.modifications.insert(input.id.clone(), Some(record));
    for volume in observed.volumes.iter_mut().filter(|volume| volume.id == input.id) {
        volume.size_gib = input.size_gib.unwrap_or(volume.size_gib);
        volume.volume_type = input.volume_type.clone().unwrap_or_else(|| volume.volume_type.clone());
        volume.iops = input.iops.or(volume.iops);
        volume.throughput_mibps = input.throughput_mibps.or(volume.throughput_mibps);
    }
}

/// Adds tags to the volume of this id.
pub(super) fn tag(observed: &mut Observed, id: &str, tags: &Tags) {
    for volume in observed.volumes.iter_mut().filter(|volume| volume.id == id) {
        volume.tags.extend(tags.clone());
        observed.run.volumes.tagged.insert(volume.id.clone());
    }
}

impl Observed {
    /// Puts a new reading of the volumes into the observed world.
    ///
    /// A volume that this run made and that the reading does not show stays, because a listing lags behind and may even go
    /// back in time; it is unseen then, so that nothing counts on it. One that an earlier reading showed is to be read by
    /// its id.
    pub fn read_volumes(&mut self, volumes: Vec<Volume>) {
        let missing = |id: &VolumeId| !volumes.iter().any(|volume| volume.id == *id);
        let run = &mut self.run.volumes;
        run.unseen = run.own.iter().filter(|id| missing(id)).cloned().collect();
        // They tell of what was shown before.
        self.modifications.clear();
        let before = std::mem::replace(&mut self.volumes, volumes);
        let shown: BTreeSet<VolumeId> = self.volumes.iter().map(|volume| volume.id.clone()).collect();
        self.run.gone.retain(|id| !shown.contains(id.as_str()));
        for volume in before.into_iter().filter(|volume| !shown.contains(&volume.id)) {
            if run.unseen.contains(&volume.id) {
                self.volumes.push(volume);
            } else if volume
                .tags
                .get(TAG_ROLE)
                .is_some_and(|role| role == ResourceKind::Volume.as_str())
            {
                run.missed.insert(volume.id);
            }
        }
        run.missed.retain(|id| !shown.contains(id));
    }

    /// Gives up a volume that AWS answered with and that does not exist: it does so where the volume's key cannot be used.
    pub fn give_up_volume(&mut self, id: &VolumeId) {
        let run = &mut self.run.volumes;
        for known in [&mut run.own, &mut run.unseen] {
            known.retain(|other| other != id);
        }
        run.vanished.push(id.clone());
        self.volumes.retain(|volume| volume.id != *id);
    }
}
