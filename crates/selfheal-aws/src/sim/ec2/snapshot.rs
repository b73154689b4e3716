//! Snapshots: pending, then completed, with what was on the volume.

use selfheal_core::names::Tags;
use selfheal_core::world::{Snapshot, SnapshotId, SnapshotState, VolumeId, VolumeState};

use super::super::call::fail;
use super::super::events::WorldEvent;
use super::super::pages::{Page, cut};
use super::super::state::SnapshotRecord;
use super::super::trace::TraceKind;
use super::super::world::World;
use super::{check_tags, of_stacks};
use crate::backend::CallResult;

impl World {
    pub(super) fn describe_snapshots(
        &self,
        stacks: &[String],
        page: (Option<SnapshotId>, usize),
    ) -> Page<SnapshotId, Snapshot> {
        let show = |record: &SnapshotRecord| of_stacks(&record.snapshot.tags, stacks).then(|| record.snapshot.clone());
        cut(&self.snapshots, page, |record| self.sees(record.visible_ms), show)
    }

    /// `CreateSnapshot`. It holds what is on the volume at this instant.
    pub(in crate::sim) fn create_snapshot(
        &mut self,
        volume_id: &VolumeId,
        description: &str,
        tags: &Tags,
    ) -> CallResult<Snapshot> {
        const ACTION: &str = "ec2:CreateSnapshot";
        // Its own tags are AWS's alone to set.
        let own = tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
        check_tags(ACTION, &own.map(|(key, value)| (key.clone(), value.clone())).collect())?;
        if description.chars().count() > 255 {
            return fail(
                ACTION,
                "InvalidParameterValue",
                "The description is limited to 255 characters.",
            );
        }
        let found = self
            .volumes
            .get(volume_id)
            .filter(|record| self.sees(record.visible_ms));
        let Some(record) = found.filter(|record| record.volume.state != VolumeState::Deleted) else {
            return fail(
                ACTION,
                "InvalidVolume.NotFound",
                format!("The volume '{volume_id}' does not exist."),
            );
        };
        if !matches!(record.volume.state, VolumeState::Available | VolumeState::InUse) {
            return fail(
                ACTION,
                "IncorrectState",
                format!("The volume '{volume_id}' is not 'available' or 'in-use'."),
            );
        }
        let (content, size_gib) = (record.content.clone(), record.volume.size_gib);
        let id: SnapshotId = self.new_id("snap").into();
        let snapshot = Snapshot {
            id: id.clone(),
            volume_id: volume_id.to_owned(),
            size_gib,
            state: SnapshotState::Pending,
            started_at: self.now(),
            tags: tags.clone(),
        };
        let record = SnapshotRecord {
            snapshot: snapshot.clone(),
            visible_ms: self.visible_from(),
            content,
        };
        self.snapshots.insert(id.clone(), record);
        self.after(self.config.timings.snapshot, WorldEvent::SnapshotCompleted(id.clone()));
        self.made = Some(id.to_string());
        Ok(snapshot)
    }

    pub(in crate::sim) fn snapshot_completed(&mut self, id: &SnapshotId) {
        let Some(record) = self.snapshots.get_mut(id) else {
            return;
        };
        record.snapshot.state = SnapshotState::Completed;
        self.record(TraceKind::Snapshot {
            id: id.to_owned(),
            state: SnapshotState::Completed,
        });
    }
}
