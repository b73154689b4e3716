//! What an instance tells whoever is subscribed to the stack's topic.

use selfheal_core::world::InstanceId;

use super::super::call::{Call, Caller};
use super::super::state::BootConfig;
use super::super::world::World;
use crate::backend::CallResult;

/// Characters of a subject that SNS takes.
const SUBJECT_MAX: usize = 100;
/// What AWS says of a launch that is no replacement: a first start, or a wake.
const WANTED: &str = "changing the desired capacity from 0";

impl World {
    /// Publishes a message, where anybody is told anything. Nothing hangs on it.
    pub(super) fn tell(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig, subject: &str) {
        let Some(topic) = &config.topic else { return };
        let stack = config.group.trim_start_matches("selfheal-");
        let told: String = format!("{stack}: {subject}").chars().take(SUBJECT_MAX).collect();
        let text = format!("{subject}\nStack {stack}, instance {id}.");
        if let Err(error) = self.api_publish(me, topic, &told, &text) {
            self.say(id, format!("Publish: {error}"));
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
        match self.api_launch_of(me, &config.group, id) {
            Ok(Some((cause, seconds))) if !cause.contains(WANTED) => {
                let subject = format!("healed: {id} is in service {seconds} s after the group launched it");
                self.tell(id, me, config, &subject);
            }
            Ok(_) => {}
            Err(error) => self.say(id, format!("DescribeScalingActivities: {error}")),
        }
    }

    /// Why the group launched an instance, and how many seconds ago, as its activities tell it.
    pub(in crate::sim) fn api_launch_of(
        &mut self,
        me: &Caller,
        group: &str,
        id: &InstanceId,
    ) -> CallResult<Option<(String, u64)>> {
        let call = Call::read("autoscaling:DescribeScalingActivities").about(group);
        self.call_now(me, &call, |world| {
            let launched = format!("Launching a new EC2 instance: {id}");
            let mut of_group = world.activities.iter().rev().filter(|it| it.group == group);
            let launch = of_group.find(|it| it.description == launched);
            Ok(launch.map(|it| (it.cause.clone(), (world.now_ms - it.started_ms) / 1_000)))
        })
    }
}
