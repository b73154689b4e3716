//! The boot program's configuration, read back from user data.

use selfheal_userdata::HealthFrom;

use super::super::state::BootConfig;
use super::super::world::World;

impl BootConfig {
    /// Reads the configuration of an instance. Gives `None` where there is no such instance, and where its user data is not
    /// what this version of selfheal renders: such an instance runs, and takes nothing.
    #[must_use]
    pub fn of(world: &World, instance: &str) -> Option<Self> {
        let config = world.instances.get(instance)?.data.user_data.config()?.clone();
        let watches = |who: HealthFrom| {
            let from = config.health.as_ref().map(|health| health.from);
            from.is_some_and(|from| from == who || from == HealthFrom::Both)
        };
        Some(Self {
            watchdog: watches(HealthFrom::Instance),
            asks_aws: watches(HealthFrom::Aws),
            group: config.group,
            launch_hook: config.launch_hook,
            terminate_hook: config.terminate_hook,
            allocation_id: config.allocation_id.into(),
            filesystem: config
                .data
                .as_ref()
                .map(|data| data.filesystem.name().to_owned())
                .unwrap_or_default(),
            volume: config.data.map(|data| data.volume_id.into()),
            breaker_limit: config.breaker_limit,
        })
    }
}
