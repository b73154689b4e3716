//! The boot program's configuration, read back from user data.

use selfheal_core::world::InstanceId;
use std::str::FromStr;

use selfheal_core::Names;
use selfheal_userdata::{AgentSource, Challenge, HealthFrom, Settings, settings};

use super::super::state::{BootConfig, BundleRef, ParametersRef};
use super::super::world::World;

impl BootConfig {
    /// Reads the configuration of an instance. Gives `None` where there is no such instance, and where its user data is not
    /// what this version of selfheal renders: such an instance runs, and takes nothing.
    #[must_use]
    pub fn of(world: &World, instance: &InstanceId) -> Option<Self> {
        let user_data = &world.instances.get(instance)?.data.user_data;
        let Some(config) = user_data.config() else {
            return Self::bundled(&settings(user_data.script()?)?, &world.config.region);
        };
        let config = config.clone();
        let from = config.health.as_ref().map(|health| health.from);
        let watches = |who: HealthFrom| from.is_some_and(|from| from == who || from == HealthFrom::Both);
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
            log_group: config.logs.map(|logs| logs.group),
            topic: config.notify.map(|notify| notify.topic),
            installs_agent: matches!(config.agent, Some(AgentSource::Pinned(_))),
            bundle: None,
            parameters: config.parameters.map(|parameters| ParametersRef {
                path: parameters.path,
                required: parameters.required,
                refresh_s: parameters.refresh_s,
            }),
            challenge_zone: config.https.as_ref().and_then(|https| match &https.challenge {
                Challenge::Dns(zone) => Some(zone.id.clone().into()),
                Challenge::Http => None,
            }),
            domains: config.https.map(|https| https.domains()).unwrap_or_default(),
            prepares: config.prepare.is_some(),
            repairs: config.repair.restart,
            reboots: config.repair.reboot,
            reboot_on_hang: config.repair.reboot_on_hang,
        })
    }

    /// The same of user data that name a bundle: what a boot is told without it.
    fn bundled(settings: &Settings, region: &str) -> Option<Self> {
        let text = |name: &str| String::from_utf8(settings.get(name)?.clone()).ok();
        let digest = text("bundle")?;
        let watches = |who: &str| text("health_from").is_some_and(|from| from == who || from == "both");
        let bundles = Names::new(&text("stack")?, region).bundle;
        Some(Self {
            group: text("group")?,
            launch_hook: text("launch_hook")?,
            terminate_hook: text("terminate_hook").filter(|hook| !hook.is_empty()),
            allocation_id: text("allocation_id")?.into(),
            volume: text("volume_id").map(Into::into),
            filesystem: text("filesystem").unwrap_or_default(),
            watchdog: watches("instance"),
            asks_aws: watches("aws"),
            parameters: text("config_path").map(|path| ParametersRef {
                path,
                required: text("config_required")
                    .unwrap_or_default()
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect(),
                // The bundle tells.
                refresh_s: None,
            }),
            prepares: settings.contains_key("prepare_s_max"),
            repairs: settings.contains_key("repair_s_max"),
            challenge_zone: text("https_zone").map(Into::into),
            reboots: settings.contains_key("repair_reboots"),
            reboot_on_hang: settings.contains_key("reboot_on_hang"),
            domains: text("https_domains")
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            breaker_limit: FromStr::from_str(&text("breaker_limit")?).ok()?,
            log_group: text("log_group"),
            topic: text("topic"),
            installs_agent: settings.contains_key("agent_version"),
            bundle: Some(BundleRef {
                path: format!("{bundles}/{digest}"),
                digest,
            }),
        })
    }
}
