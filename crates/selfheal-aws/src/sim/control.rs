//! What a test, a demo or a lab does to the world from outside.

use std::collections::BTreeSet;
use std::sync::Arc;

use selfheal_core::Plan;
use selfheal_core::names::Tags;
use selfheal_core::world::{AllocationId, InstanceId, LifecycleState, VolumeId};

use super::boot::{HANG, PANIC};
use super::charge::Charge;
use super::faults::{FaultPlan, FaultState};
use super::ledger::Violation;
use super::runtime::Sim;
use super::state::Content;
use super::trace::{TraceEvent, TraceKind};
use super::world::{WORLD_SCHEMA, World};

/// Why a saved world could not be taken up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is not a saved world, or a damaged one.
    #[error("not a saved world: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It was saved in another form, by another version of selfheal.
    #[error("the world was saved in form {found}, and this version reads form {known} alone")]
    Schema {
        /// Form of the saved world.
        found: u64,
        /// Form that this version reads: [`WORLD_SCHEMA`].
        known: u32,
    },
}

impl Sim {
    /// Makes a handle of the same caller for a run that serves one stack: where it changes what bears another one's tag, S6 is
    /// violated.
    #[must_use]
    pub fn serving(&self, stack: &str) -> Self {
        self.charged(|charge| charge.stack = Some(stack.to_owned()))
    }

    /// Makes a handle of the same caller for a run that was shown this plan: where it changes what the plan does not show, S7
    /// is violated.
    #[must_use]
    pub fn showing(&self, plan: &Plan) -> Self {
        self.charged(|charge| charge.show(plan))
    }

    fn charged(&self, change: impl FnOnce(&mut Charge)) -> Self {
        let mut charge = self.charge.as_deref().cloned().unwrap_or_default();
        change(&mut charge);
        let mut handle = self.clone();
        handle.charge = Some(Arc::new(charge));
        handle
    }

    /// Saves the world as JSON. Requests and futures under way belong to the process and are not part of it.
    ///
    /// # Errors
    /// Those of the serialiser, which a world does not cause.
    pub fn save(&self) -> Result<Vec<u8>, LoadError> {
        Ok(serde_json::to_vec(&self.lock().world)?)
    }

    /// Makes a handle on a saved world, which goes on where it stood.
    ///
    /// # Errors
    /// When the bytes are no saved world, or one of another form.
    pub fn load(bytes: &[u8]) -> Result<Self, LoadError> {
        #[derive(serde::Deserialize)]
        struct Head {
            schema: u64,
        }
        let head: Head = serde_json::from_slice(bytes)?;
        if head.schema != u64::from(WORLD_SCHEMA) {
            return Err(LoadError::Schema {
                found: head.schema,
                known: WORLD_SCHEMA,
            });
        }
        Ok(Self::from_world(serde_json::from_slice(bytes)?))
    }

    /// Reads the world.
    pub fn inspect<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.lock().world)
    }

    /// Changes the world without an API call, as somebody does in the console.
    pub fn tamper<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.lock().world)
    }

    /// Sets what goes wrong from now on, and counts calls from 1 again.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.lock().world.faults = FaultState::new(plan);
    }

    /// Returns everything that happened and was not drained.
    #[must_use]
    pub fn trace(&self) -> Vec<TraceEvent> {
        self.lock().world.trace.clone()
    }

    /// Takes everything out of the trace, and returns it.
    pub fn drain_trace(&self) -> Vec<TraceEvent> {
        let world = &mut self.lock().world;
        world.drained += world.trace.len() as u64;
        std::mem::take(&mut world.trace)
    }

    /// Returns the trace as text, a line an event.
    #[must_use]
    pub fn trace_text(&self) -> String {
        self.lock()
            .world
            .trace
            .iter()
            .map(|event| format!("{event}\n"))
            .collect()
    }

    /// Returns how many calls of operators changed something, in the trace that was not drained.
    #[must_use]
    pub fn effects(&self) -> usize {
        let state = self.lock();
        let counts = |event: &&TraceEvent| matches!(&event.what, TraceKind::Call(call) if call.took_effect() && !call.caller.starts_with("i-"));
        state.world.trace.iter().filter(counts).count()
    }

    /// Terminates an instance outside of its group, as from the console, or as a host that dies. Returns whether there was one.
    pub fn kill_instance(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.terminate_ec2(id, "killed from outside"))
    }

    /// Stops an instance outside of its group, as from the console. Returns whether there was one to stop.
    pub fn stop_instance(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.stop_ec2(id, "stopped from outside"))
    }

    /// Starts an instance again that was stopped. Returns whether there was one.
    pub fn start_instance(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.start_ec2(id))
    }

    /// Lets EC2 have no capacity in a zone from now on, by its name, until lifted with `false`: it launches nothing there.
    pub fn refuse_launches(&self, zone: &str, refuse: bool) {
        self.tamper(|world| set(&mut world.without_capacity, zone, refuse));
    }

    /// Lets EC2 have no instance of a type left from now on, on demand or spot, until lifted with `false`.
    pub fn sell_out(&self, instance_type: &str, sold_out: bool) {
        self.tamper(|world| set(&mut world.sold_out, instance_type, sold_out));
    }

    /// Lets EC2 have no spot capacity of a type from now on, until lifted with `false`.
    pub fn sell_out_spot(&self, instance_type: &str, sold_out: bool) {
        self.tamper(|world| set(&mut world.without_spot, instance_type, sold_out));
    }

    /// Lets EC2 take an instance back, as it does with a spot instance: its metadata tells so, and it is terminated after two
    /// minutes. Returns whether there was a running one.
    pub fn interrupt_instance(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.interrupt(id))
    }

    /// Loses a zone: whatever runs there hangs, and nothing is launched there until
    /// [`refuse_launches`](Self::refuse_launches) is lifted.
    pub fn lose_zone(&self, zone: &str) {
        self.refuse_launches(zone, true);
        self.tamper(|world| {
            let there = world.instances.values().filter(|instance| instance.zone == zone);
            let there: Vec<InstanceId> = there.map(|instance| instance.id.clone()).collect();
            for id in there {
                world.impair(&id);
            }
        });
    }

    /// Presses the power button of an instance, as a stop from outside does: its boot program says that the machine goes off.
    /// Returns whether it was running.
    pub fn power_off_instance(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.press_power(id))
    }

    /// Lets an instance's status checks report `impaired`, and the instance hang. Returns whether there was one.
    pub fn impair_instance(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.impair(id))
    }

    /// Lets the kernel of an instance panic. It starts anew after ten seconds, where its boot program has asked for that, and else hangs
    /// as [`impair_instance`](Self::impair_instance) lets it. Returns whether it was running.
    pub fn panic_instance(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.hang(id, PANIC))
    }

    /// Lets an instance hang. Its watchdog starts it anew within half a minute, where its boot program has asked for that. Returns whether it
    /// was running.
    pub fn hang_instance(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.hang(id, HANG))
    }

    /// Reboots an instance: the boot program's model runs again. Returns whether there was one to reboot.
    pub fn reboot_instance(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.reboot(id))
    }

    /// Returns the target lifecycle state that the metadata of an instance shows; `None` before the group has come to its
    /// launch hook, where the metadata service answers 404.
    #[must_use]
    pub fn target_lifecycle_state(&self, id: &InstanceId) -> Option<LifecycleState> {
        self.inspect(|world| world.target_state(id))
    }

    /// Lets the metadata of an instance tell another target state, as in a warm pool ([`WarmedRunning`](LifecycleState::WarmedRunning)) or in standby;
    /// `None` lets it follow from the group again.
    pub fn set_target_state(&self, id: &InstanceId, state: Option<LifecycleState>) {
        self.tamper(|world| match state {
            Some(state) => world.target_states.insert(id.to_owned(), state),
            None => world.target_states.remove(id),
        });
    }

    /// Lets the app on an instance fail from now on. Returns whether a watchdog on the instance probes it; where there is
    /// none, only an application status check can notice.
    pub fn fail_app(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.fail_app(id, false))
    }

    /// Lets the app on an instance fail until it is restarted. Returns whether a watchdog on the instance probes it.
    pub fn hang_app(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.fail_app(id, true))
    }

    /// Lets the volume of an instance stall: what is read or written of it never ends, nor does an unmount, and a restart of the
    /// app mends nothing. Another instance to which it is attached later finds it well. Returns whether a watchdog on the instance
    /// probes its app.
    pub fn stall_volume(&self, id: &InstanceId) -> bool {
        self.tamper(|world| world.stall_volume(id))
    }

    /// Refreshes the instances of a group, as from the console: by the group's maintenance policy, which lets each be ended before
    /// another takes its place. Returns whether there is such a group.
    pub fn refresh_instances(&self, group: &str) -> bool {
        self.tamper(|world| world.refresh_instances(group))
    }

    /// Lets the boot program of every later instance of the group fail, until lifted with `false`.
    pub fn fail_boots(&self, group: &str, fail: bool) {
        self.tamper(|world| {
            if fail {
                world.failing_boots.insert(group.to_owned());
            } else {
                world.failing_boots.remove(group);
            }
        });
    }

    /// Tells the invariants that the user has confirmed the deletion of a volume, or the release of an address, or wants more
    /// than one instance in the service of a group, by the group's name; or the group back at a version, by
    /// `GROUP version NUMBER`; or to be told of every end of the group's instances, by `GROUP terminations`.
    pub fn permit(&self, id: &str) {
        self.tamper(|world| world.ledger.permitted.insert(id.to_owned()));
    }

    /// Tells the world what a lab saw on an instance that boots for real: a filesystem was made. S4 judges it.
    pub fn report_format(&self, instance: &InstanceId, volume: &VolumeId, filesystem: &str) {
        self.tamper(|world| {
            world.format_volume(instance, volume, filesystem);
            world.check_invariants();
        });
    }

    /// Tells the world what a lab saw on an instance that boots for real: the volume was mounted, or is not any more.
    pub fn report_mount(&self, instance: &InstanceId, volume: Option<&VolumeId>) {
        self.tamper(|world| {
            match volume {
                Some(volume) => world.mount_volume(instance, volume),
                None => world.unmount(instance),
            }
            world.check_invariants();
        });
    }

    /// Returns every violation that was ever seen, in the order of the invariants' names.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.inspect(|world| world.ledger.known.iter().cloned().collect())
    }

    /// Sets what is on a volume. Returns whether there is such a volume.
    pub fn set_content(&self, volume: &VolumeId, content: Content) -> bool {
        self.tamper(|world| {
            world.ledger.written.remove(volume);
            world
                .volumes
                .get_mut(volume)
                .map(|record| record.content = content)
                .is_some()
        })
    }

    /// Allocates an address with these tags, as somebody else may have; returns its allocation id.
    pub fn foreign_address(&self, tags: &Tags) -> AllocationId {
        self.tamper(|world| world.new_address(tags).allocation_id)
    }
}

/// Puts a name into a set, or takes it out.
fn set(names: &mut BTreeSet<String>, name: &str, there: bool) {
    if there {
        names.insert(name.to_owned());
    } else {
        names.remove(name);
    }
}
