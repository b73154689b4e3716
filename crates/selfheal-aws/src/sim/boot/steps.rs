//! The steps of a boot: volume, mount, setup, address, hook.

use selfheal_core::names::TAG_FIRST_USE;
use selfheal_core::observed::Volume;

use super::super::World;
use super::super::call::Caller;
use super::super::rng::Range;
use super::super::state::{Content, Lifecycle};
use super::super::trace::Happening;
use super::{AT_ONCE, ATTACH_MS_MAX, BootConfig, BootPhase, CALL_MS_MAX, Next, RETRY, attached_to};
use crate::error::CallErrorKind;

/// The device name that the boot program asks for; on Nitro the kernel names it otherwise.
const DEVICE: &str = "/dev/sdf";
/// How long the modelled setup takes.
const SETUP: Range = Range::new(500, 4_000);

impl World {
    /// The volume is the lock: attach it, or wait for whoever holds it. Never forced.
    pub(super) fn boot_attach(&mut self, id: &str, me: &Caller, config: &BootConfig) -> Next {
        let Some(volume) = &config.volume else {
            return Next::Go(BootPhase::Setup, AT_ONCE);
        };
        match self.api_attach_volume(me, volume, id, DEVICE) {
            Ok(_) => Next::Go(BootPhase::Device, AT_ONCE),
            Err(error) if error.kind() == CallErrorKind::InUse => {
                // After a reboot, or an answer that was lost, the holder is this instance itself.
                match self.api_describe_volumes(me, std::slice::from_ref(volume)) {
                    Ok(found) if found.iter().any(|volume| held_by(volume, id)) => Next::Go(BootPhase::Device, AT_ONCE),
                    _ => self.again(id, &error, ATTACH_MS_MAX),
                }
            }
            Err(error) => self.again(id, &error, ATTACH_MS_MAX),
        }
    }

    pub(super) fn boot_device(&mut self, id: &str, me: &Caller, config: &BootConfig) -> Next {
        let Some(volume) = &config.volume else {
            return Next::Go(BootPhase::Setup, AT_ONCE);
        };
        match self.api_describe_volumes(me, std::slice::from_ref(volume)) {
            Ok(found) if found.iter().any(|volume| attached_to(volume, id)) => Next::Go(BootPhase::Mount, AT_ONCE),
            // Somebody took it away again: begin anew.
            Ok(found) if !found.iter().any(|volume| held_by(volume, id)) => Next::Go(BootPhase::Attach, RETRY),
            Ok(_) if self.in_phase_ms(id) < CALL_MS_MAX => Next::Again(RETRY),
            Ok(_) => Next::Fail(format!("{volume} never became a device")),
            Err(error) => self.again(id, &error, CALL_MS_MAX),
        }
    }

    /// Formats only what is proven blank, marked for first use and not from a snapshot; then mounts, and clears the mark.
    pub(super) fn boot_mount(&mut self, id: &str, me: &Caller, config: &BootConfig) -> Next {
        let Some(volume) = config.volume.clone() else {
            return Next::Go(BootPhase::Setup, AT_ONCE);
        };
        let found = match self.api_describe_volumes(me, std::slice::from_ref(&volume)) {
            Ok(found) => found,
            Err(error) => return self.again(id, &error, CALL_MS_MAX),
        };
        let Some(described) = found.into_iter().find(|found| attached_to(found, id)) else {
            return Next::Go(BootPhase::Attach, RETRY);
        };
        let marked = described.tags.contains_key(TAG_FIRST_USE);
        let mounted = self
            .instances
            .get(id)
            .is_some_and(|instance| instance.mounted.is_some());
        if !mounted {
            if let Err(why) = self.format_or_refuse(id, &volume, &config.filesystem, marked, &described) {
                return Next::Fail(why);
            }
            self.mount(id, &volume);
        }
        if marked && let Err(error) = self.api_delete_tags(me, &volume, &[TAG_FIRST_USE.to_owned()]) {
            return self.again(id, &error, CALL_MS_MAX);
        }
        Next::Go(BootPhase::Setup, AT_ONCE)
    }

    fn format_or_refuse(
        &mut self,
        id: &str,
        volume: &str,
        filesystem: &str,
        marked: bool,
        described: &Volume,
    ) -> Result<(), String> {
        let Some(record) = self.volumes.get_mut(volume) else {
            return Err(format!("{volume} is gone"));
        };
        match &record.content {
            Content::Filesystem { .. } => return Ok(()),
            Content::Foreign(what) => return Err(format!("{volume} holds {what}: not formatted")),
            Content::Blank if !marked => return Err(format!("{volume} is blank but not marked for first use")),
            Content::Blank if described.snapshot_id.is_some() => {
                return Err(format!("{volume} comes from a snapshot: not formatted"));
            }
            Content::Blank => {}
        }
        record.content = Content::Filesystem {
            kind: filesystem.to_owned(),
            made_by: id.to_owned(),
            writes: 0,
        };
        let instance = Some(id.to_owned());
        self.record(Happening::Volume {
            id: volume.to_owned(),
            state: "formatted".to_owned(),
            instance,
        });
        Ok(())
    }

    fn mount(&mut self, id: &str, volume: &str) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.mounted = Some(volume.to_owned());
        }
        if let Some(Content::Filesystem { writes, .. }) = self.volumes.get_mut(volume).map(|record| &mut record.content)
        {
            *writes += 1;
        }
        let instance = Some(id.to_owned());
        self.record(Happening::Volume {
            id: volume.to_owned(),
            state: "mounted".to_owned(),
            instance,
        });
    }

    pub(super) fn boot_setup(&mut self, _id: &str, config: &BootConfig) -> Next {
        if self.failing_boots.contains(&config.group) {
            return Next::Fail("the setup script ended with status 1".to_owned());
        }
        Next::Go(BootPhase::Address, SETUP)
    }

    /// Takes the address, unless the metadata says that it is here already, and reads it back.
    pub(super) fn boot_address(&mut self, id: &str, me: &Caller, config: &BootConfig) -> Next {
        let Some(allocation) = &config.allocation else {
            return Next::Go(BootPhase::Complete, AT_ONCE);
        };
        let ip = self
            .addresses
            .get(allocation)
            .map(|record| record.address.public_ip.clone());
        if ip.is_some() && self.public_ip(id) == ip {
            return Next::Go(BootPhase::Complete, AT_ONCE);
        }
        match self.api_associate_address(me, allocation, id, true) {
            // The next look at the metadata is the reading back.
            Ok(_) => Next::Again(AT_ONCE),
            Err(error) => self.again(id, &error, CALL_MS_MAX),
        }
    }

    /// Completes the launch hook, where it holds the instance; after a reboot there is none.
    pub(super) fn boot_complete(&mut self, id: &str, me: &Caller, config: &BootConfig) -> Next {
        let lifecycle = self.groups.get(&config.group).and_then(|group| {
            group
                .members
                .iter()
                .find(|member| member.id == id)
                .map(|member| member.lifecycle)
        });
        if lifecycle == Some(Lifecycle::PendingWait) {
            let done = self.api_complete_lifecycle_action(me, &config.group, &config.launch_hook, id, "CONTINUE");
            if let Err(error) = done {
                return self.again(id, &error, CALL_MS_MAX);
            }
        }
        self.boots_are_well(id, me, config);
        self.say(id, "ready");
        Next::Go(BootPhase::Ready, RETRY)
    }
}

/// Whether the volume is the instance's, attached or on the way there.
fn held_by(volume: &Volume, id: &str) -> bool {
    volume.attachment.as_ref().is_some_and(|held| held.instance_id == id)
}
