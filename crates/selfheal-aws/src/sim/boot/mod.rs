//! A model of the boot program: the same calls in the same order, each with the rights of the instance's role.
//!
//! What it works with is read from the instance's own user data by `selfheal_userdata::read`, or where these name a bundle by
//! their settings. An instance with other user data runs, and takes nothing.

mod certificate;
mod challenge;
mod config;
mod grow;
mod hang;
mod leave;
mod logs;
mod notify;
mod off;
mod parameters;
mod repair;
mod report;
mod request;
mod steps;
mod wishes;

pub(super) use hang::{HANG, PANIC};
use selfheal_core::world::{InstanceId, InstanceState, LifecycleState};

use super::call::Caller;
use super::events::WorldEvent;
use super::rng::Range;
use super::state::{BootConfig, BootPhase, BootState};
use super::trace::TraceKind;
use super::world::World;
use crate::error::{CallError, CallErrorKind};

/// What a step of the boot program leads to.
pub(super) enum Next {
    /// The same phase again, after so long.
    Again(Range),
    /// Another phase, after so long.
    Go(BootPhase, Range),
    /// Nothing more, until something happens.
    Rest,
    /// A failed boot.
    Fail(String),
    /// A boot that AWS's own outage has failed.
    Away(String),
}

/// From the start of an instance until Systems Manager's agent is connected: it starts with the network, before cloud-init has
/// come to user data. AWS promises no time.
const AGENT_MS: u64 = 5_000;
/// From the end of a boot until an agent that it installs is connected: 35 MB, and dpkg.
const INSTALL_MS: u64 = 20_000;
/// Between two commands of the boot program.
const AT_ONCE: Range = Range::new(5, 40);
/// Between two attempts: one to two seconds, which on a real boot beat doubling pauses by seconds.
const RETRY: Range = Range::new(1_000, 2_000);
/// How long the program waits for the volume: dead instances have held one for ten minutes.
const ATTACH_MS_MAX: u64 = 900_000;
/// Between two attempts in an outage that lasts.
const SLOW: Range = Range::new(16_000, 17_000);
/// Between two looks of an instance that is not wanted yet.
const UNWANTED: Range = Range::exactly(5_000);
/// How long the program waits out an outage of AWS, and tries to tell that it does not serve.
const OUTAGE_MS_MAX: u64 = 4 * 3_600_000;
/// How long reads may show what was before a change.
const STALE_MS_MAX: u64 = 60_000;
/// How long the program bears with refusals of anything else, those for lack of rights among them.
const CALL_MS_MAX: u64 = 180_000;
/// How long the program waits for its group to come to the launch hook.
const HOOK_MS_MAX: u64 = 900_000;

impl World {
    /// An instance starts its boot program, at the launch or after a reboot.
    pub(super) fn start_boot(&mut self, id: &InstanceId) {
        if !self.config.boot_model {
            return;
        }
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        instance.boots += 1;
        let boot = instance.boots;
        let before = std::mem::take(&mut instance.boot);
        instance.boot = BootState {
            config: before.config,
            settled: before.settled,
            told: before.told,
            completed: before.completed,
            unpacked: before.unpacked,
            noted: before.noted,
            asked: before.asked,
            reply: before.reply,
            prepared_ms: before.prepared_ms.filter(|ends_ms| *ends_ms <= self.now_ms),
            said: before.said,
            unshipped: before.unshipped,
            agent_ms: self.now_ms + AGENT_MS,
            installed_agent_ms: before.installed_agent_ms,
            rebooted_ms: before.rebooted_ms,
            reboot_open: before.reboot_open,
            abrupt: before.abrupt,
            started_ms: self.now_ms,
            ..BootState::default()
        };
        self.wake_shipper(id);
        self.wake_checks(id);
        self.after(
            self.config.timings.instance_boot,
            WorldEvent::Boot {
                instance: id.to_owned(),
                boot,
            },
        );
    }

    /// Lets the watchers of an instance look around after a while.
    pub(super) fn wake_watch(&mut self, id: &InstanceId, delay: Range) {
        let booted = self.instances.get(id).map(|instance| instance.boots);
        if let Some(boot) = booted.filter(|boots| *boots > 0) {
            let instance = id.to_owned();
            self.after(delay, WorldEvent::Watch { instance, boot });
        }
    }

    /// The state of the boot program's step that is due; `None` for one of an earlier boot, or of an instance that is off.
    fn booting(&mut self, id: &InstanceId, boot: u32) -> Option<(Caller, BootPhase, BootConfig)> {
        let instance = self.instances.get(id)?;
        // An instance with impaired status checks is taken to hang: it does nothing more, not even leave.
        if instance.state != InstanceState::Running || instance.boots != boot || instance.impaired {
            return None;
        }
        let Some(config) = instance.boot.config.clone() else {
            self.say(id, "has no boot program in its user data");
            return None;
        };
        Some((Caller::Instance(id.to_owned()), instance.boot.phase, config))
    }

    /// The watchers of an instance look around: at the way out, at the volume, at the application.
    pub(super) fn watch_step(&mut self, id: &InstanceId, boot: u32) {
        let Some((me, phase, config)) = self.booting(id, boot) else {
            return;
        };
        if self.is_leaving(id) {
            self.leave(id, &me, &config);
        } else if self.instances.get(id).is_some_and(|instance| instance.boot.notice) {
            self.on_interruption(id, &me, &config);
        } else if phase == BootPhase::Ready {
            self.boot_watch(id, &me, &config);
        }
    }

    /// The next step of an instance's boot program.
    pub(super) fn boot_step(&mut self, id: &InstanceId, boot: u32) {
        let Some((me, phase, config)) = self.booting(id, boot) else {
            return;
        };
        let noticed = self.instances.get(id).is_some_and(|instance| instance.boot.noticed);
        if self.is_leaving(id) || noticed {
            // The watchers see to the way out.
            return;
        }
        let next = match phase {
            BootPhase::Off if !self.wanted(id) => Next::Again(UNWANTED),
            BootPhase::Off => Next::Go(self.after_identity(id, &config), AT_ONCE),
            BootPhase::Bundle => self.boot_bundle(id, &me, &config),
            BootPhase::Attach => {
                self.begin_prepare(id, &config);
                self.boot_attach(id, &me, &config)
            }
            BootPhase::Device => self.boot_device(id, &config),
            BootPhase::Mount => self.boot_mount(id, &me, &config),
            BootPhase::Config => self.boot_config(id, &me, &config),
            BootPhase::Setup => self.boot_setup(id, &me, &config),
            BootPhase::Address => self.boot_address(id, &me, &config),
            BootPhase::Complete => self.boot_complete(id, &me, &config),
            BootPhase::Settle => self.boot_settle(id, &me, &config),
            BootPhase::Failed => self.boot_report(id, &me, &config),
            BootPhase::Ready | BootPhase::Left => return,
        };
        let instance = id.to_owned();
        match next {
            Next::Again(delay) => self.after(delay, WorldEvent::Boot { instance, boot }),
            Next::Go(BootPhase::Ready, _) => {
                self.enter(id, BootPhase::Ready);
                self.begin_watch(id, &config);
                self.count_restart(id, &me, &config);
                self.tell_healed(id, &me, &config);
                self.install_agent(id, &config);
                self.begin_certificate(id, &config);
                self.wake_refresh(id);
                self.show_request(id);
            }
            Next::Go(phase, delay) => {
                self.enter(id, phase);
                self.after(delay, WorldEvent::Boot { instance, boot });
            }
            Next::Rest => {}
            Next::Fail(why) => self.boot_failed(id, boot, why, false),
            Next::Away(why) => self.boot_failed(id, boot, why, true),
        }
    }

    /// What the boot begins and nothing waits for: an agent for an image that has none. One that has it keeps its own.
    fn install_agent(&mut self, id: &InstanceId, config: &BootConfig) {
        let connects_ms = self.now_ms + INSTALL_MS;
        if let Some(instance) = self.instances.get_mut(id).filter(|_| config.installs_agent) {
            instance.boot.installed_agent_ms.get_or_insert(connects_ms);
        }
    }

    fn enter(&mut self, id: &InstanceId, phase: BootPhase) {
        let now_ms = self.now_ms;
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.phase = phase;
            instance.boot.since_ms = now_ms;
            instance.boot.tried_ms = now_ms;
            instance.boot.excused_ms = 0;
        }
        self.say_phase(id, phase);
        self.wake_checks(id);
    }

    fn in_phase_ms(&self, id: &InstanceId) -> u64 {
        self.instances
            .get(id)
            .map_or(0, |instance| self.now_ms - instance.boot.since_ms)
    }

    fn say(&mut self, id: &InstanceId, says: impl Into<String>) {
        let says = says.into();
        self.say_line(id, &says);
        self.record(TraceKind::Boot {
            instance: id.to_owned(),
            says,
        });
    }

    /// Whether the instance is held by a termination hook, or was until a moment ago.
    fn is_leaving(&self, id: &InstanceId) -> bool {
        let Some(group) = self.group_of(id).and_then(|group| self.groups.get(&group)) else {
            return false;
        };
        group.members.iter().filter(|member| member.id == *id).any(|member| {
            matches!(
                member.lifecycle,
                LifecycleState::TerminatingWait | LifecycleState::TerminatingProceed
            )
        })
    }

    /// Whether the group wants the instance in service, as far as it says anything: only then it takes anything.
    pub(super) fn wanted(&self, id: &InstanceId) -> bool {
        self.target_state(id)
            .is_none_or(|state| state == LifecycleState::InService)
    }

    /// Judges an instance that takes the volume or the address. One that is ended meanwhile may not know it yet.
    pub(in crate::sim) fn judge_taking(&mut self, resource: &str, instance: &InstanceId) {
        let state = self.target_state(instance);
        if let Some(state) =
            state.filter(|state| !matches!(state, LifecycleState::InService | LifecycleState::Terminated))
        {
            self.ledger.unwanted(resource, instance, state.as_str());
        }
    }

    /// Whether a call is worth repeating, and until when: by the kind of its error, never without end. The time of an
    /// outage does not count: another instance would find AWS no better.
    fn again(&mut self, id: &InstanceId, error: &CallError, limit_ms: u64) -> Next {
        let outage = is_outage(error);
        let repeat = outage
            || match error.kind() {
                CallErrorKind::Busy
                | CallErrorKind::InUse
                | CallErrorKind::NotReady
                | CallErrorKind::Denied
                | CallErrorKind::Unauthenticated => true,
                // EC2 calls a pending instance an invalid one, and does not attach a volume while it is being modified.
                _ => matches!(
                    error.code.as_deref(),
                    Some("InvalidInstanceID" | "IncorrectInstanceState" | "OperationNotPermitted")
                ),
            };
        // A lack of rights is borne for as long as IAM takes to spread a policy, whatever the call's own limit is.
        let denied = matches!(error.kind(), CallErrorKind::Denied | CallErrorKind::Unauthenticated);
        let limit_ms = if denied { CALL_MS_MAX } else { limit_ms };
        let (now_ms, in_phase_ms) = (self.now_ms, self.in_phase_ms(id));
        let Some(boot) = self.instances.get_mut(id).map(|instance| &mut instance.boot) else {
            return Next::Rest;
        };
        if outage && boot.excused_ms < OUTAGE_MS_MAX {
            boot.excused_ms += now_ms - boot.tried_ms;
        }
        boot.tried_ms = now_ms;
        if repeat && in_phase_ms < limit_ms + boot.excused_ms {
            Next::Again(if outage && in_phase_ms > 60_000 { SLOW } else { RETRY })
        } else if outage {
            Next::Away(error.to_string())
        } else {
            Next::Fail(error.to_string())
        }
    }
}

/// Whether an error says that AWS is away or overrun.
fn is_outage(error: &CallError) -> bool {
    matches!(error.kind(), CallErrorKind::Throttled | CallErrorKind::Ambiguous)
}
