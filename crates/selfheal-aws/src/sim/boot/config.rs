//! The boot program's configuration, read back from user data.

use super::super::state::BootConfig;
use super::super::world::World;

impl BootConfig {
    /// Reads the configuration of an instance; `None` when its user data names neither an address nor a volume.
    #[must_use]
    pub fn of(world: &World, instance: &str) -> Option<Self> {
        let record = world.instances.get(instance)?;
        let script = selfheal_userdata::decode(&record.data.user_data)?;
        let settings = selfheal_userdata::settings(&script);
        let script = String::from_utf8_lossy(&script);
        let assigned = |script: &str, name: &str| match &settings {
            Some(settings) => {
                let value = settings
                    .get(name)
                    .map(|value| String::from_utf8_lossy(value).into_owned());
                value.filter(|value| !value.is_empty())
            }
            None => assigned(script, name),
        };
        let existing = |prefix: &str, exists: &dyn Fn(&str) -> bool| ids(&script, prefix).find(|id| exists(id));
        let allocation = assigned(&script, "allocation_id")
            .or_else(|| existing("eipalloc-", &|id| world.addresses.contains_key(id)));
        let volume = assigned(&script, "volume_id").or_else(|| existing("vol-", &|id| world.volumes.contains_key(id)));
        if allocation.is_none() && volume.is_none() {
            return None;
        }
        let group = record
            .group
            .clone()
            .or_else(|| assigned(&script, "group"))
            .unwrap_or_default();
        let hook = |transition: &str| {
            let hooks = world
                .groups
                .get(&group)
                .map(|group| group.hooks.as_slice())
                .unwrap_or_default();
            hooks
                .iter()
                .find(|hook| hook.transition.ends_with(transition))
                .map(|hook| hook.name.clone())
        };
        Some(Self {
            launch_hook: assigned(&script, "launch_hook")
                .or_else(|| hook("_LAUNCHING"))
                .unwrap_or_default(),
            terminate_hook: assigned(&script, "terminate_hook").or_else(|| hook("_TERMINATING")),
            allocation,
            volume,
            filesystem: assigned(&script, "filesystem").unwrap_or_else(|| "xfs".to_owned()),
            breaker_limit: assigned(&script, "breaker_limit")
                .and_then(|text| text.parse().ok())
                .unwrap_or(3),
            watchdog: matches!(assigned(&script, "health_from").as_deref(), Some("instance" | "both")),
            asks_aws: matches!(assigned(&script, "health_from").as_deref(), Some("aws" | "both")),
            group,
        })
    }
}

/// The value of the first assignment of that name, quoted once or, as inside a script, twice.
///
/// It holds for values of letters, digits and `-_./`, which is what ids and names are; others end early.
fn assigned(script: &str, name: &str) -> Option<String> {
    let quote = |c: char| matches!(c, '\'' | '"' | '\\' | '$');
    let part_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let needle = format!("{name}=");
    let (at, _) = script
        .match_indices(&needle)
        .find(|(at, _)| !script[..*at].ends_with(part_of_a_name))?;
    let value = script[at + needle.len()..].trim_start_matches(quote);
    let end = value
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-_./".contains(c)))
        .unwrap_or(value.len());
    (end > 0).then(|| value[..end].to_owned())
}

/// Every id of a prefix in a text.
fn ids<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = String> + 'a {
    text.match_indices(prefix).map(|(at, _)| {
        let rest = &text[at..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .unwrap_or(rest.len());
        rest[..end].to_owned()
    })
}
