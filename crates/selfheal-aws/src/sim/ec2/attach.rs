//! Attachments: one a volume, in one zone, and let go late when an instance dies.

use selfheal_core::world::{
    Attachment, AttachmentState, InstanceId, InstanceState, ModificationState, Volume, VolumeId, VolumeState,
};

use super::super::call::fail;
use super::super::events::WorldEvent;
use super::super::state::VolumeRecord;
use super::super::trace::{TraceKind, VolumeChange};
use super::super::world::World;
use crate::backend::CallResult;

const ATTACH: &str = "ec2:AttachVolume";

impl World {
    /// `AttachVolume`. A volume has one attachment: a second caller is told `VolumeInUse`.
    pub(in crate::sim) fn attach_volume(
        &mut self,
        id: &VolumeId,
        instance_id: &InstanceId,
        device: &str,
    ) -> CallResult<Volume> {
        self.check_attachable(id, instance_id, device)?;
        let attachment = Attachment {
            instance_id: instance_id.to_owned(),
            state: AttachmentState::Attaching,
        };
        self.judge_taking(id.as_str(), instance_id);
        self.keep_past(id.as_str());
        let Some(record) = self.volumes.get_mut(id) else {
            return fail(ATTACH, "InternalError", "An internal error has occurred");
        };
        record.volume.state = VolumeState::InUse;
        record.volume.attachment = Some(attachment);
        record.device = Some(device.to_owned());
        let volume = record.volume.clone();
        self.after(
            self.config.timings.volume_attach,
            WorldEvent::VolumeAttached(id.to_owned()),
        );
        Ok(volume)
    }

    /// Refuses what AWS refuses to attach, in the order of its checks.
    fn check_attachable(&self, id: &VolumeId, instance_id: &InstanceId, device: &str) -> CallResult<()> {
        let record = self.live_volume(ATTACH, id)?;
        let Some(instance) = self.instances.get(instance_id) else {
            let message = format!("The instance ID '{instance_id}' does not exist");
            return fail(ATTACH, "InvalidInstanceID.NotFound", message);
        };
        if !matches!(instance.state, InstanceState::Running | InstanceState::Stopped) {
            return fail(
                ATTACH,
                "IncorrectState",
                format!("Instance '{instance_id}' is not 'running'."),
            );
        }
        if record.volume.attachment.is_some() {
            return fail(
                ATTACH,
                "VolumeInUse",
                format!("{id} is already attached to an instance"),
            );
        }
        if instance.zone != record.volume.zone {
            let message = format!("The volume '{id}' is not in the same availability zone as instance '{instance_id}'");
            return fail(ATTACH, "InvalidVolume.ZoneMismatch", message);
        }
        let modifying = record
            .modification
            .as_ref()
            .is_some_and(|change| change.state == ModificationState::Modifying);
        if modifying {
            let message = format!("Cannot attach volume {id} when it is in modification state: MODIFYING");
            return fail(ATTACH, "OperationNotPermitted", message);
        }
        if record.volume.state != VolumeState::Available {
            return fail(ATTACH, "IncorrectState", format!("{id} is not 'available'."));
        }
        let on_instance = |other: &&VolumeRecord| {
            other
                .volume
                .attachment
                .as_ref()
                .is_some_and(|attachment| attachment.instance_id == *instance_id)
        };
        if self
            .volumes
            .values()
            .filter(on_instance)
            .any(|other| other.device.as_deref() == Some(device))
        {
            let message =
                format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use");
            return fail(ATTACH, "InvalidParameterValue", message);
        }
        Ok(())
    }

    pub(in crate::sim) fn volume_attached(&mut self, id: &VolumeId) {
        let Some(attachment) = self
            .volumes
            .get_mut(id)
            .and_then(|record| record.volume.attachment.as_mut())
        else {
            return;
        };
        if attachment.state != AttachmentState::Attaching {
            return;
        }
        attachment.state = AttachmentState::Attached;
        let instance = Some(attachment.instance_id.clone());
        self.record(TraceKind::Volume {
            id: id.to_owned(),
            state: VolumeChange::Attached,
            instance,
        });
    }

    /// `DetachVolume`, not forced. A volume that is still mounted stays `busy` until its instance lets go.
    pub(in crate::sim) fn detach_volume(
        &mut self,
        id: &VolumeId,
        instance_id: Option<&InstanceId>,
    ) -> CallResult<Volume> {
        const ACTION: &str = "ec2:DetachVolume";
        let record = self.live_volume(ACTION, id)?;
        let held = record
            .volume
            .attachment
            .as_ref()
            .filter(|held| held.state != AttachmentState::Detaching);
        let Some(holder) = held.map(|held| held.instance_id.clone()) else {
            return fail(
                ACTION,
                "IncorrectState",
                format!("Volume '{id}' is in the 'available' state."),
            );
        };
        if instance_id.is_some_and(|named| *named != holder) {
            let message = format!("The volume '{id}' is not attached to the instance you have named.");
            return fail(ACTION, "InvalidAttachment.NotFound", message);
        }
        self.begin_detach(id, &holder);
        self.live_volume(ACTION, id).map(|record| record.volume.clone())
    }

    fn begin_detach(&mut self, id: &VolumeId, holder: &InstanceId) {
        let mounted = self
            .instances
            .get(holder)
            .is_some_and(|instance| instance.mounted.as_ref() == Some(id));
        let delay = self.config.timings.volume_detach;
        if mounted {
            // The guard on the instance sees that the volume is being taken away.
            self.wake_watch(holder, delay);
        } else {
            self.after(delay, WorldEvent::VolumeDetached(id.to_owned()));
        }
        let state = if mounted {
            AttachmentState::Busy
        } else {
            AttachmentState::Detaching
        };
        if let Some(attachment) = self
            .volumes
            .get_mut(id)
            .and_then(|record| record.volume.attachment.as_mut())
        {
            attachment.state = state;
        }
    }

    /// The instance no longer has the volume mounted; a detachment that waited on it goes on.
    pub(in crate::sim) fn unmount(&mut self, instance_id: &InstanceId) {
        let Some(id) = self
            .instances
            .get_mut(instance_id)
            .and_then(|instance| instance.mounted.take())
        else {
            return;
        };
        self.happened_by_unmount(instance_id);
        let instance = Some(instance_id.to_owned());
        self.record(TraceKind::Volume {
            id: id.clone(),
            state: VolumeChange::Unmounted,
            instance,
        });
        let attachment = self
            .volumes
            .get(&id)
            .and_then(|record| record.volume.attachment.as_ref());
        if attachment.is_some_and(|held| held.instance_id == *instance_id && held.state == AttachmentState::Busy) {
            self.begin_detach(&id, instance_id);
        }
    }

    pub(in crate::sim) fn volume_detached(&mut self, id: &VolumeId) {
        let Some(record) = self.volumes.get_mut(id) else { return };
        let Some(holder) = record
            .volume
            .attachment
            .take_if(|held| held.state == AttachmentState::Detaching)
        else {
            return;
        };
        record.volume.state = VolumeState::Available;
        record.device = None;
        let instance = Some(holder.instance_id);
        self.record(TraceKind::Volume {
            id: id.to_owned(),
            state: VolumeChange::Released,
            instance,
        });
    }

    /// A terminated instance lets go of its volumes; those that go with it are deleted.
    pub(in crate::sim) fn volumes_released(&mut self, instance_id: &InstanceId) {
        let of_instance = |record: &&mut VolumeRecord| {
            record
                .volume
                .attachment
                .as_ref()
                .is_some_and(|held| held.instance_id == *instance_id)
        };
        let mut released = Vec::new();
        for record in self.volumes.values_mut().filter(of_instance) {
            record.volume.attachment = None;
            record.device = None;
            if record.delete_on_termination {
                record.volume.state = VolumeState::Deleted;
            } else {
                record.volume.state = VolumeState::Available;
                released.push(record.volume.id.clone());
            }
        }
        for id in released {
            let instance = Some(instance_id.to_owned());
            self.record(TraceKind::Volume {
                id,
                state: VolumeChange::Released,
                instance,
            });
        }
    }
}
