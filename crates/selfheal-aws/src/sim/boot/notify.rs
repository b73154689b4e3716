//! What an instance tells whoever is subscribed to the stack's topic.

use selfheal_core::world::InstanceId;

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootState};
use super::super::world::World;

/// Characters of a subject that SNS takes.
const SUBJECT_MAX: usize = 100;
/// What AWS says of a launch that is no replacement: a first start, or a wake.
const WANTED: &str = "changing the desired capacity from 0";
/// Until the watch looks next.
const NEXT_LOOK: Range = Range::new(1_000, 61_000);
/// Activities of the group that are looked through for the launch.
const ACTIVITIES: u32 = 20;

impl World {
    /// Publishes a message, where anybody is told anything. Nothing hangs on it.
    pub(super) fn tell(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig, subject: &str) {
        let Some(topic) = &config.topic else { return };
        let stack = config.group.trim_start_matches("selfheal-");
        let told: String = format!("{stack}: {subject}").chars().take(SUBJECT_MAX).collect();
        let text = format!("{subject}\nStack {stack}, instance {id}.");
        if let Err(error) = self.api_publish(me, topic, &told, &text) {
            self.say(id, format!("Publish: {error}"));
            self.keep_for_watch(id, |boot| boot.untold.push((told, text)));
        }
    }

    /// Tells of a failure, and whether it has parked the stack.
    pub(super) fn tell_failure(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig, why: &str) {
        let parks = self.instances.get(id).is_some_and(|instance| instance.boot.parks);
        let what = if parks { "parked" } else { "failed" };
        self.tell(id, me, config, &format!("{what}: {why}"));
    }

    /// Leaves something to the watch, which tries once more: it does so once a minute.
    fn keep_for_watch(&mut self, id: &InstanceId, keep: impl FnOnce(&mut BootState)) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        keep(&mut instance.boot);
        let boot = instance.boots;
        let instance = id.clone();
        self.after(NEXT_LOOK, WorldEvent::Retell { instance, boot });
    }

    /// The watch tries once more what could not be told, unless the instance is on its way out.
    pub(in crate::sim) fn retell_step(&mut self, id: &InstanceId, boot: u32) {
        let Some((me, _, config)) = self.booting(id, boot) else {
            return;
        };
        if !self.is_leaving(id) && self.instances.get(id).is_none_or(|it| !it.boot.noticed) {
            self.retell(id, &me, &config);
        }
    }

    /// Tries once more what could not be told.
    pub(super) fn retell(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        let untold = std::mem::take(&mut instance.boot.untold);
        let unasked = std::mem::take(&mut instance.boot.unasked);
        for (subject, text) in untold {
            let topic = config.topic.as_deref().unwrap_or_default();
            if let Err(error) = self.api_publish(me, topic, &subject, &text) {
                self.say(id, format!("Publish: {error}"));
            }
        }
        if unasked {
            self.ask_and_tell_healed(id, me, config);
        }
    }

    /// Tells that an instance has taken another one's place, once; a first start and a wake are none.
    pub(super) fn tell_healed(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) {
        let Some(instance) = self.instances.get_mut(id).filter(|_| config.topic.is_some()) else {
            return;
        };
        if std::mem::replace(&mut instance.boot.told, true) {
            return;
        }
        if !self.ask_and_tell_healed(id, me, config) {
            self.keep_for_watch(id, |boot| boot.unasked = true);
        }
    }

    /// Asks the group why it launched an instance, and tells that it healed where it did; answers whether it was told why.
    fn ask_and_tell_healed(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> bool {
        let activities = match self.api_describe_activities(me, &config.group, ACTIVITIES) {
            Ok(activities) => activities,
            Err(error) => {
                self.say(id, format!("DescribeScalingActivities: {error}"));
                return false;
            }
        };
        let launched = format!("Launching a new EC2 instance: {id}");
        let launch = activities.iter().find(|it| it.description == launched);
        if let Some(launch) = launch.filter(|launch| !launch.cause.contains(WANTED)) {
            let seconds = self.now().duration_since(launch.started_at).as_secs();
            let subject = format!("healed: {id} is in service {seconds} s after the group launched it");
            self.tell(id, me, config, &subject);
        }
        true
    }
}
