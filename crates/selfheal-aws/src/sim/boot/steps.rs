//! The steps of a boot, in the order of the real program: volume, mount, setup, address, hook, and what can wait.

use selfheal_core::names::{TAG_FIRST_USE, TAG_FORMATTING, TAG_GROWN, Tags};
use selfheal_core::world::{AllocationId, AssociationId, AttachmentState, InstanceId, Volume, VolumeId};

use selfheal_userdata::{read_with_bundle, unbundle};

use super::super::call::Caller;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootPhase, Content};
use super::super::trace::{TraceKind, VolumeChange};
use super::super::world::World;
use super::grow::grown;
use super::{AT_ONCE, ATTACH_MS_MAX, CALL_MS_MAX, HOOK_MS_MAX, Next, RETRY, STALE_MS_MAX, is_outage};
use crate::backend::CallResult;

/// The device name that the boot program asks for; on Nitro the kernel names it otherwise.
const DEVICE: &str = "/dev/sdf";
/// How long the modelled setup takes.
const SETUP: Range = Range::new(500, 4_000);
/// How long the modelled script that prepares takes: packages.
const PREPARE: Range = Range::new(18_000, 54_000);
/// How often the kernel is asked for the device.
const LOOK: Range = Range::exactly(20);
/// How long the program waits for the device of an attached volume.
const DEVICE_MS_MAX: u64 = 120_000;
/// How often a wait records the hook's heartbeat.
const HEARTBEAT_MS: u64 = 60_000;

/// What came of completing a launch hook.
pub(super) enum HookEnd {
    /// It is completed.
    Done,
    /// It no longer waits.
    Over,
    /// The group has not come to it yet.
    NotYet,
}

/// What follows once the data is there.
fn after_mount(config: &BootConfig) -> BootPhase {
    match &config.parameters {
        Some(_) => BootPhase::Config,
        None => BootPhase::Setup,
    }
}

impl World {
    /// What a boot does first: it fetches the bundle that its user data name, which a reboot has on its disk.
    pub(super) fn after_identity(&self, id: &InstanceId, config: &BootConfig) -> BootPhase {
        let unpacked = self.instances.get(id).is_some_and(|instance| instance.boot.unpacked);
        match (&config.bundle, &config.volume) {
            (Some(_), _) if !unpacked => BootPhase::Bundle,
            (_, Some(_)) => BootPhase::Attach,
            (_, None) => after_mount(config),
        }
    }

    /// Fetches what the user data name: what is lost or torn fails the boot.
    pub(super) fn boot_bundle(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Next {
        let Some(bundle) = &config.bundle else {
            return Next::Go(self.after_identity(id, config), AT_ONCE);
        };
        let chunks = match self.api_parameters_by_path(me, &bundle.path, false) {
            Ok(chunks) => chunks,
            Err(error) => {
                self.heartbeat(id, me, config);
                return self.again(id, &error, CALL_MS_MAX);
            }
        };
        if unbundle(&bundle.digest, chunks.values().map(|chunk| chunk.value.as_str())).is_some() {
            let parts: Vec<&str> = chunks.values().map(|chunk| chunk.value.as_str()).collect();
            if let Some(instance) = self.instances.get_mut(id) {
                let script = instance.data.user_data.script().unwrap_or_default();
                let told = read_with_bundle(script, &parts).ok().and_then(|told| told.parameters);
                let parameters = instance
                    .boot
                    .config
                    .as_mut()
                    .and_then(|config| config.parameters.as_mut());
                if let (Some(parameters), Some(told)) = (parameters, told) {
                    parameters.refresh_s = told.refresh_s;
                }
                instance.boot.unpacked = true;
            }
            return Next::Go(self.after_identity(id, config), AT_ONCE);
        }
        if self.in_phase_ms(id) < STALE_MS_MAX {
            return Next::Again(RETRY);
        }
        Next::Fail(format!("the bundle {} is not whole", bundle.path))
    }

    /// The volume is the lock: attach it, or wait for whoever holds it. Never forced.
    pub(super) fn boot_attach(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Next {
        let Some(volume) = &config.volume else {
            return Next::Go(after_mount(config), AT_ONCE);
        };
        if self.has_device(id, volume) {
            return Next::Go(BootPhase::Mount, AT_ONCE);
        }
        match self.api_attach_volume(me, volume, id, DEVICE) {
            Ok(_) => Next::Go(BootPhase::Device, AT_ONCE),
            Err(error) => {
                self.heartbeat(id, me, config);
                self.again(id, &error, ATTACH_MS_MAX)
            }
        }
    }

    /// Whether the kernel of the instance shows the volume by its id, which takes NVMe.
    pub(super) fn has_device(&self, id: &InstanceId, volume: &VolumeId) -> bool {
        let nvme = self.instances.get(id).is_none_or(|instance| {
            self.type_details(&instance.data.instance_type)
                .is_none_or(|details| details.nvme != "unsupported")
        });
        if !nvme {
            return false;
        }
        let held = self
            .volumes
            .get(volume)
            .and_then(|record| record.volume.attachment.as_ref());
        held.is_some_and(|held| {
            held.instance_id == *id && matches!(held.state, AttachmentState::Attached | AttachmentState::Busy)
        })
    }

    /// Keeps the launch hook from timing out during a wait.
    pub(super) fn heartbeat(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        let now_ms = self.now_ms;
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        // The wait begins: the hook has its whole time-out before it.
        if instance.boot.heartbeat_ms == 0 {
            instance.boot.heartbeat_ms = now_ms;
        }
        if instance.boot.completed || now_ms < instance.boot.heartbeat_ms + HEARTBEAT_MS {
            return;
        }
        instance.boot.heartbeat_ms = now_ms;
        if let Err(error) = self.api_heartbeat(me, &config.group, &config.launch_hook, id) {
            self.say(id, format!("could not record a heartbeat: {error}"));
        }
    }

    pub(super) fn boot_device(&mut self, id: &InstanceId, config: &BootConfig) -> Next {
        let Some(volume) = &config.volume else {
            return Next::Go(after_mount(config), AT_ONCE);
        };
        if self.has_device(id, volume) {
            return Next::Go(BootPhase::Mount, AT_ONCE);
        }
        if self.in_phase_ms(id) < DEVICE_MS_MAX {
            return Next::Again(LOOK);
        }
        Next::Fail(format!("no device has the serial of {volume}"))
    }

    /// Formats only what is proven blank, marked for first use and not from a snapshot; then mounts. A volume that bears
    /// the mark is never mounted.
    pub(super) fn boot_mount(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Next {
        let Some(volume) = config.volume.clone() else {
            return Next::Go(after_mount(config), AT_ONCE);
        };
        if !self.has_device(id, &volume) {
            return Next::Fail(format!("{volume} was lost before it was mounted"));
        }
        let content = self.volumes.get(&volume).map(|record| record.content.clone());
        let made = match content {
            Some(Content::Filesystem { kind, .. }) if kind != config.filesystem => {
                return Next::Fail(format!("{volume} holds {kind}: not formatted"));
            }
            Some(Content::Foreign(what)) => return Next::Fail(format!("{volume} holds {what}: not formatted")),
            None => return Next::Fail(format!("{volume} is gone")),
            // Never written to: made by a boot that may have ended before it removed the mark.
            Some(Content::Filesystem { writes: 0, .. }) => self.boot_unmark(id, me, &volume),
            Some(Content::Filesystem { .. }) => Ok(()),
            Some(Content::Blank) => self.boot_format(id, me, config, &volume),
        };
        if let Err(next) = made {
            return next;
        }
        self.mount_volume(id, &volume);
        Next::Go(after_mount(config), SETUP)
    }

    fn boot_format(
        &mut self,
        id: &InstanceId,
        me: &Caller,
        config: &BootConfig,
        volume: &VolumeId,
    ) -> Result<(), Next> {
        let found = self
            .api_describe_volumes(me, std::slice::from_ref(volume))
            .map_err(|error| self.again(id, &error, CALL_MS_MAX))?;
        let here = |volume: &&Volume| volume.attachment.as_ref().is_some_and(|held| held.instance_id == *id);
        let Some(seen) = found.iter().find(here) else {
            // What is read goes back in time for a while.
            return Err(if self.in_phase_ms(id) < STALE_MS_MAX {
                Next::Again(RETRY)
            } else {
                Next::Fail(format!("{volume} does not show as attached here: not formatted"))
            });
        };
        let new = seen.tags.get(TAG_FIRST_USE).is_some_and(|mark| mark == "true") && seen.snapshot_id.is_none();
        if !new {
            let why = format!("{volume} looks blank but is not marked for first use: not formatted");
            return Err(Next::Fail(why));
        }
        let begins = Tags::from([
            (TAG_FORMATTING.to_owned(), volume.to_string()),
            (TAG_GROWN.to_owned(), grown(volume, seen.size_gib)),
        ]);
        self.api_set_group_tags(me, &config.group, &begins)
            .map_err(|error| self.again(id, &error, CALL_MS_MAX))?;
        self.format_volume(id, volume, &config.filesystem);
        self.boot_unmark(id, me, volume)
    }

    /// Removes the mark of first use, once an instance.
    fn boot_unmark(&mut self, id: &InstanceId, me: &Caller, volume: &VolumeId) -> Result<(), Next> {
        self.api_delete_tags(me, volume.as_str(), &[TAG_FIRST_USE.to_owned()])
            .map_err(|error| self.again(id, &error, CALL_MS_MAX))?;
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.settled = true;
        }
        Ok(())
    }

    /// A filesystem is made on a volume. Whether that was allowed is judged here, whoever did it.
    pub(in crate::sim) fn format_volume(&mut self, id: &InstanceId, volume: &VolumeId, filesystem: &str) {
        let Some(record) = self.volumes.get_mut(volume) else {
            return;
        };
        let held = record
            .volume
            .attachment
            .as_ref()
            .is_some_and(|held| held.instance_id == *id);
        let why_not = if record.content != Content::Blank {
            Some("it was not blank")
        } else if !record.volume.tags.contains_key(TAG_FIRST_USE) {
            Some("it was not marked for first use")
        } else if record.volume.snapshot_id.is_some() {
            Some("it came from a snapshot")
        } else if !held {
            Some("it was not attached to that instance")
        } else {
            None
        };
        record.content = Content::Filesystem {
            kind: filesystem.to_owned(),
            made_by: id.to_string(),
            writes: 0,
            size_gib: record.volume.size_gib,
            marker: None,
        };
        if let Some(why_not) = why_not {
            self.ledger.format(volume.as_str(), id, why_not);
        }
        self.trace_volume(volume, VolumeChange::Formatted, id);
    }

    /// A volume is mounted read-write, and written to.
    pub(in crate::sim) fn mount_volume(&mut self, id: &InstanceId, volume: &VolumeId) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.mounted = Some(volume.clone());
        }
        if let Some(Content::Filesystem { writes, .. }) = self.volumes.get_mut(volume).map(|record| &mut record.content)
        {
            *writes += 1;
        }
        self.trace_volume(volume, VolumeChange::Mounted, id);
    }

    fn trace_volume(&mut self, volume: &VolumeId, state: VolumeChange, instance: &InstanceId) {
        self.record(TraceKind::Volume {
            id: volume.clone(),
            state,
            instance: Some(instance.to_owned()),
        });
    }

    /// Starts what needs neither data nor address, once an instance: it runs beside the wait for the volume.
    pub(super) fn begin_prepare(&mut self, id: &InstanceId, config: &BootConfig) {
        let begun = self.instances.get(id).is_none_or(|it| it.boot.prepared_ms.is_some());
        if begun || !config.prepares {
            return;
        }
        let ends_ms = self.now_ms + self.rng_events.between(PREPARE);
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.prepared_ms = Some(ends_ms);
        }
        self.say(id, "prepare starts");
    }

    pub(super) fn boot_setup(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Next {
        self.begin_prepare(id, config);
        let prepared_ms = self.instances.get(id).and_then(|it| it.boot.prepared_ms);
        if prepared_ms.is_some_and(|ends_ms| self.now_ms < ends_ms) {
            self.heartbeat(id, me, config);
            return Next::Again(RETRY);
        }
        if self.failing_boots.contains(&config.group) {
            return Next::Fail("the setup script ended with status 1".to_owned());
        }
        Next::Go(BootPhase::Address, AT_ONCE)
    }

    /// Takes the address while the volume is here, unless the metadata says that it is here already; and reads it back.
    pub(super) fn boot_address(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Next {
        let allocation = &config.allocation_id;
        let (associated_ms, unsure) = self
            .instances
            .get(id)
            .map_or((None, false), |it| (it.boot.associated_ms, it.boot.unsure));
        let ip = self
            .addresses
            .get(allocation)
            .map(|record| record.address.public_ip.clone());
        if associated_ms.is_none() && !unsure && ip.is_some() && self.public_ip(id) == ip {
            return Next::Go(BootPhase::Complete, AT_ONCE);
        }
        if config
            .volume
            .as_ref()
            .is_some_and(|volume| !self.has_device(id, volume))
        {
            return Next::Fail("the volume was lost before the address moved".to_owned());
        }
        if associated_ms.is_none() && !unsure {
            let answer = self.take_address(id, me, allocation);
            let now_ms = self.now_ms;
            if let Some(instance) = self.instances.get_mut(id) {
                instance.boot.unsure = answer.as_ref().is_err_and(is_outage);
                instance.boot.associated_ms = answer.is_ok().then_some(now_ms);
            }
            if let Err(error) = answer {
                return self.again(id, &error, CALL_MS_MAX);
            }
        }
        match self.api_describe_addresses(me, std::slice::from_ref(allocation)) {
            Ok(found) if found.iter().any(|it| it.instance_id.as_ref() == Some(id)) => {
                Next::Go(BootPhase::Complete, AT_ONCE)
            }
            // Each association may be charged: one whose answer was lost is looked for before it is asked for again.
            Ok(_) if unsure => {
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.boot.unsure = false;
                }
                Next::Again(AT_ONCE)
            }
            // What is read goes back in time for a while.
            Ok(_) if associated_ms.is_none_or(|since_ms| self.now_ms - since_ms < STALE_MS_MAX) => Next::Again(RETRY),
            Ok(_) => Next::Fail(format!("address {allocation} did not stay with this instance")),
            Err(error) => self.again(id, &error, CALL_MS_MAX),
        }
    }

    /// Asks for the address, by the instance's first interface.
    pub(super) fn take_address(
        &mut self,
        id: &InstanceId,
        me: &Caller,
        allocation: &AllocationId,
    ) -> CallResult<AssociationId> {
        let interface = self.instances.get(id).map(|record| record.interface_id.clone());
        self.api_associate_address(me, allocation, interface.unwrap_or_default().as_str(), true)
    }

    /// Completes the launch hook, once an instance.
    pub(super) fn boot_complete(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Next {
        if self.instances.get(id).is_some_and(|instance| !instance.boot.completed) {
            match self.complete_launch(id, me, config, "CONTINUE") {
                Ok(HookEnd::NotYet) if self.in_phase_ms(id) < HOOK_MS_MAX => return Next::Again(RETRY),
                Ok(_) => {}
                Err(error) => return self.again(id, &error, CALL_MS_MAX),
            }
            if let Some(instance) = self.instances.get_mut(id) {
                instance.boot.completed = true;
            }
        }
        self.say(id, "ready");
        Next::Go(BootPhase::Settle, AT_ONCE)
    }

    /// Completes the launch hook with this result. That no action waits is said of a hook that is over, and of one that the
    /// group has not come to yet: the target state in the metadata tells which.
    pub(super) fn complete_launch(
        &mut self,
        id: &InstanceId,
        me: &Caller,
        config: &BootConfig,
        result: &str,
    ) -> CallResult<HookEnd> {
        match self.api_complete_lifecycle_action(me, &config.group, &config.launch_hook, id, result) {
            Ok(()) => Ok(HookEnd::Done),
            Err(error) if error.message.contains("No active Lifecycle Action") => Ok(match self.target_state(id) {
                None => HookEnd::NotYet,
                Some(_) => HookEnd::Over,
            }),
            Err(error) => Err(error),
        }
    }

    /// What can wait until the instance serves: a filesystem that is smaller than its volume, the mark of first use, where the
    /// volume came with its filesystem, and the count of failures.
    pub(super) fn boot_settle(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Next {
        self.follow_size(id, me, config);
        let settled = self.instances.get(id).is_some_and(|instance| instance.boot.settled);
        if let Some(volume) = config.volume.as_ref().filter(|_| !settled)
            && let Err(next) = self.boot_unmark(id, me, volume)
        {
            if matches!(next, Next::Again(_)) {
                return next;
            }
            self.say(id, "could not remove the mark of first use");
        }
        if let Some(next) = self.note_parameters(id, me, config) {
            return next;
        }
        // Where somebody watches the application, a boot counts as good only once that has stayed well.
        if !config.watchdog && !config.asks_aws {
            self.end_failures(id, me, config);
        }
        Next::Go(BootPhase::Ready, RETRY)
    }
}
