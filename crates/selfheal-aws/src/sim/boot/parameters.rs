//! The app's configuration: fetched whole before anything of the user's starts, and told of in a tag of the group.

use std::collections::BTreeMap;

use selfheal_core::names::{TAG_CONFIG, Tags};
use selfheal_core::world::InstanceId;
use selfheal_userdata::parameter_name;

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootPhase, Fetching, HeldParameter, ParametersRef};
use super::super::world::World;
use super::{AT_ONCE, CALL_MS_MAX, Next, RETRY, is_outage};

/// Parameters that one call gives at most.
const PAGE: usize = 10;

/// Version and value of each parameter, by its whole name.
type Found = BTreeMap<String, (u64, String)>;

/// What a page of a look leads to.
enum Page {
    /// Another call, after so long.
    Again(Fetching, Range),
    /// All of it is there.
    Last(Found),
    /// It cannot be had.
    Failed(String),
}

impl World {
    /// Fetches the configuration: a name that cannot be, or a required one that is not there, fails the boot.
    pub(super) fn boot_config(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Next {
        let Some(parameters) = &config.parameters else {
            return Next::Go(BootPhase::Setup, AT_ONCE);
        };
        let found = match self.api_parameters_by_path(me, &parameters.path, true) {
            Ok(found) => found,
            Err(error) => {
                self.heartbeat(id, me, config);
                return self.again(id, &error, CALL_MS_MAX);
            }
        };
        let found = found
            .into_iter()
            .map(|(place, record)| (place, (record.version, record.value)));
        match self.hold_parameters(id, parameters, found.collect()) {
            Ok(_) => Next::Go(BootPhase::Setup, AT_ONCE),
            Err(why) => Next::Fail(why),
        }
    }

    /// Holds what one fetch has brought, all of it at once, in the place of what was there; tells whether that has changed a value.
    fn hold_parameters(&mut self, id: &InstanceId, parameters: &ParametersRef, found: Found) -> Result<bool, String> {
        let below = format!("{}/", parameters.path);
        let fetch = self.instances.get(id).map_or(0, |instance| instance.boot.fetches) + 1;
        let mut held: BTreeMap<String, HeldParameter> = BTreeMap::new();
        let mut versions: BTreeMap<String, String> = BTreeMap::new();
        for (place, (version, value)) in found {
            let relative = place.strip_prefix(&below).unwrap_or(&place);
            let Ok(name) = parameter_name(relative) else {
                return Err(format!("the parameter {place} cannot be called {relative}"));
            };
            let parameter = HeldParameter { fetch, version, value };
            if held.insert(name.clone(), parameter).is_some() {
                return Err(format!("the parameter {place} would be called {name}, as another one"));
            }
            versions.insert(name, format!("{relative}={version}"));
        }
        if let Some(name) = parameters.required.iter().find(|name| !held.contains_key(*name)) {
            return Err(format!("the parameter {below}{name} is not there, and required"));
        }
        let mut text = parameters.path.clone();
        for version in versions.values() {
            text.push(' ');
            text.push_str(version);
        }
        let Some(boot) = self.instances.get_mut(id).map(|instance| &mut instance.boot) else {
            return Ok(false);
        };
        let values = |held: &BTreeMap<String, HeldParameter>| -> Vec<(String, String)> {
            held.iter()
                .map(|(name, parameter)| (name.clone(), parameter.value.clone()))
                .collect()
        };
        let changed = values(&boot.held) != values(&held);
        boot.held = held;
        boot.fetches = fetch;
        boot.fetched = Some(text);
        Ok(changed)
    }

    /// Lets a running instance look at its configuration after its interval, where it has one.
    pub(super) fn wake_refresh(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        let parameters = instance
            .boot
            .config
            .as_ref()
            .and_then(|config| config.parameters.as_ref());
        let boot = instance.boots;
        if let Some(refresh_s) = parameters.and_then(|parameters| parameters.refresh_s) {
            let instance = id.clone();
            self.after_ms(u64::from(refresh_s) * 1_000, WorldEvent::Refresh { instance, boot });
        }
    }

    /// A look at the parameters while the app runs, page by page. Where they cannot be had, what is there stays.
    pub(in crate::sim) fn refresh_step(&mut self, id: &InstanceId, boot: u32) {
        let Some((me, BootPhase::Ready, config)) = self.booting(id, boot) else {
            return;
        };
        let Some(parameters) = config.parameters.as_ref().filter(|_| !self.is_leaving(id)) else {
            return;
        };
        let fetching = self.instances.get_mut(id).and_then(|it| it.boot.fetching.take());
        match self.next_page(&me, parameters, fetching.unwrap_or_default()) {
            Page::Again(fetching, delay) => {
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.boot.fetching = Some(fetching);
                }
                let instance = id.clone();
                self.after(delay, WorldEvent::Refresh { instance, boot });
                return;
            }
            Page::Last(found) => self.refreshed(id, &me, &config, found),
            Page::Failed(why) => self.say(id, format!("the configuration stays as it was: {why}")),
        }
        self.wake_refresh(id);
    }

    fn next_page(&mut self, me: &Caller, parameters: &ParametersRef, mut fetching: Fetching) -> Page {
        match self.api_parameters_by_path(me, &parameters.path, true) {
            Ok(all) => {
                let after = fetching.after.clone();
                let rest = all
                    .into_iter()
                    .filter(|(place, _)| after.as_ref().is_none_or(|after| place > after));
                let mut rest = rest.map(|(place, record)| (place, (record.version, record.value)));
                fetching.found.extend(rest.by_ref().take(PAGE));
                if rest.next().is_none() {
                    return Page::Last(fetching.found);
                }
                fetching.after = fetching.found.keys().next_back().cloned();
                fetching.failures = 0;
                Page::Again(fetching, AT_ONCE)
            }
            Err(error) if is_outage(&error) && fetching.failures < 4 => {
                fetching.failures += 1;
                Page::Again(fetching, RETRY)
            }
            Err(error) => Page::Failed(error.to_string()),
        }
    }

    /// What a whole look has brought: the app is restarted once where that is something else, and the tag says it.
    fn refreshed(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig, found: Found) {
        let Some(parameters) = &config.parameters else {
            return;
        };
        match self.hold_parameters(id, parameters, found) {
            Ok(changed) => {
                if let Some(instance) = self.instances.get_mut(id).filter(|_| changed) {
                    instance.boot.restarts += 1;
                    self.say(id, "the configuration has changed: restarting the app");
                }
                // The next look notes it where this one cannot.
                drop(self.note_parameters(id, me, config));
            }
            Err(why) => self.say(id, format!("the configuration stays as it was: {why}")),
        }
    }

    /// Notes in a tag of the group what was fetched, where it is something else than before; what comes next, where that has
    /// not gone well yet.
    pub(super) fn note_parameters(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Option<Next> {
        let boot = &self.instances.get(id)?.boot;
        let fetched = boot
            .fetched
            .clone()
            .filter(|fetched| boot.noted.as_ref() != Some(fetched))?;
        let tags = Tags::from([(TAG_CONFIG.to_owned(), fetched.clone())]);
        if let Err(error) = self.api_set_group_tags(me, &config.group, &tags) {
            let next = self.again(id, &error, CALL_MS_MAX);
            if matches!(next, Next::Again(_)) {
                return Some(next);
            }
            self.say(id, "could not note the versions of its configuration");
        }
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.noted = Some(fetched);
        }
        None
    }
}
