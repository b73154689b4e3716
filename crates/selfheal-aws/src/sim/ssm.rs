//! Parameter Store, and who the caller is.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use selfheal_core::config::{Parameter, Value, WriteParameter};
use selfheal_core::world::Identity;

use super::call::{Call, Caller, fail};
use super::faults::denied;
use super::pages::Page;
use super::runtime::Sim;
use super::state::ParameterRecord;
use super::target::Target;
use super::world::World;
use crate::backend::{Account, CallResult, ParameterStore};

#[async_trait]
impl Account for Sim {
    async fn caller_identity(&self) -> CallResult<Identity> {
        let caller = self.caller().name().to_owned();
        self.call(Call::read("sts:GetCallerIdentity"), move |world| {
            let arn = world.arn("iam", &format!("user/{caller}"));
            Ok(Identity {
                account: world.config.account.clone(),
                arn,
                region: world.config.region.clone(),
            })
        })
        .await
    }

    async fn server_time(&self) -> CallResult<Option<Timestamp>> {
        self.call(Call::read("sts:GetCallerIdentity"), |world| {
            let behind = SignedDuration::from_secs(world.config.clock_ahead_s);
            // HTTP's dates have whole seconds.
            Ok(Timestamp::from_second((world.now() - behind).as_second()).ok())
        })
        .await
    }
}

/// Parameters that one call deletes.
const DELETED_MAX: usize = 10;
/// Characters of a value of the tier Standard.
const VALUE_MAX: usize = 4 * 1024;
/// Levels of a name.
const LEVELS_MAX: usize = 15;
/// Parameters in a page.
const PAGE: usize = 10;

fn on_parameter(call: Call, name: &str) -> Call {
    call.about(name).on(Target::Parameter(name.to_owned()))
}

impl World {
    /// A page of the parameters below a path that callers can see.
    fn page_of_parameters(
        &self,
        path: &str,
        (after, size): (Option<String>, usize),
    ) -> Page<String, (String, ParameterRecord)> {
        let below = format!("{}/", path.trim_end_matches('/'));
        let behind = self
            .parameters
            .iter()
            .filter(|(name, _)| name.starts_with(&below) && after.as_ref().is_none_or(|after| *name > after));
        let mut seen = behind.filter_map(|(name, record)| Some((name, self.seen(record)?)));
        let page = seen.by_ref().take(size);
        let shown: Vec<(String, ParameterRecord)> = page.map(|(name, record)| (name.clone(), record.clone())).collect();
        let next = seen.next().and(shown.last().map(|(name, _)| name.clone()));
        (shown, next)
    }

    /// What callers see of a parameter: what it was before, for a while.
    fn seen<'a>(&self, record: &'a ParameterRecord) -> Option<&'a ParameterRecord> {
        match self.sees(record.visible_ms) {
            true => Some(record),
            false => self.seen(record.before.as_deref()?),
        }
    }

    /// Puts a parameter in place, for everybody to see at once.
    pub fn set_parameter(&mut self, name: &str, value: &str) {
        self.parameters
            .insert(name.to_owned(), ParameterRecord::plain(value, 0));
    }

    pub(super) fn parameters_below(&self, path: &str) -> BTreeMap<String, ParameterRecord> {
        self.page_of_parameters(path, (None, usize::MAX))
            .0
            .into_iter()
            .collect()
    }

    /// Refuses a call that has KMS work with the values of secrets, where the caller may not use the key of one.
    pub(super) fn check_parameter_keys<'a>(
        &mut self,
        me: &Caller,
        (action, needs): (&'static str, &'static str),
        secrets: impl IntoIterator<Item = (&'a String, &'a ParameterRecord)>,
    ) -> CallResult<()> {
        for (name, record) in secrets {
            let Some(key) = record.kms_key.as_ref().filter(|_| record.secret) else {
                continue;
            };
            if !self.may_use_parameter_key(me, key, needs, name) {
                return Err(denied(action, needs, &self.principal_arn(me), key));
            }
        }
        Ok(())
    }

    fn told(&self, name: &str, record: &ParameterRecord) -> Parameter {
        let kind = match record.secret {
            true => Parameter::SECRET,
            false => Parameter::PLAIN,
        };
        Parameter::new(name, kind, record.version, Some(self.time_of(record.changed_ms)))
    }

    fn write_parameter(&mut self, me: &Caller, input: &WriteParameter) -> CallResult<u64> {
        const ACTION: &str = "ssm:PutParameter";
        let value = input.value.expose();
        check_parameter(ACTION, &input.name, value)?;
        let before = self.parameters.get(&input.name).cloned();
        let record = ParameterRecord {
            value: value.to_owned(),
            visible_ms: self.visible_from(),
            secret: input.secret,
            kms_key: input.kms_key.clone().filter(|_| input.secret),
            version: before.as_ref().map_or(1, |before| before.version + 1),
            changed_ms: self.now_ms,
            before: before.map(Box::new),
        };
        self.check_parameter_keys(me, (ACTION, "kms:Encrypt"), [(&input.name, &record)])?;
        let version = record.version;
        self.parameters.insert(input.name.clone(), record);
        Ok(version)
    }

    fn put_parameter(&mut self, name: &str, value: &str) -> CallResult<()> {
        check_parameter("ssm:PutParameter", name, value)?;
        let visible_ms = match self.parameters.get(name) {
            Some(record) => record.visible_ms,
            None => self.visible_from(),
        };
        let version = self.parameters.get(name).map_or(1, |record| record.version + 1);
        let record = ParameterRecord {
            version,
            ..ParameterRecord::plain(value, visible_ms)
        };
        self.parameters.insert(name.to_owned(), record);
        Ok(())
    }

    fn delete_parameters(&mut self, names: &[String]) -> CallResult<()> {
        if names.is_empty() || names.len() > DELETED_MAX {
            let message = "1 validation error detected: Value at 'names' failed to satisfy constraint";
            return fail("ssm:DeleteParameters", "ValidationException", message);
        }
        for name in names {
            self.parameters.remove(name);
        }
        Ok(())
    }
}

/// Refuses what Parameter Store does not take.
fn check_parameter(action: &'static str, name: &str, value: &str) -> CallResult<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let levels = name.matches('/').count();
    let reserved = ["/aws", "/ssm"]
        .iter()
        .any(|taken| name.to_ascii_lowercase().starts_with(taken));
    if !name.starts_with('/') || name.len() > 1_011 || !name.chars().all(allowed) || reserved {
        let message = format!("Parameter name: {name} is not allowed.");
        return fail(action, "ValidationException", message);
    }
    if levels > LEVELS_MAX {
        let message = "Hierarchy levels can be a maximum of 15 levels deep.";
        return fail(action, "HierarchyLevelLimitExceededException", message);
    }
    if value.is_empty() || value.len() > VALUE_MAX {
        let message = "Standard tier parameters support a maximum parameter value of 4096 characters.";
        return fail(action, "ValidationException", message);
    }
    if value.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}")) {
        let message = "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.";
        return fail(action, "ValidationException", message);
    }
    Ok(())
}

#[async_trait]
impl ParameterStore for Sim {
    async fn get_parameter(&self, name: &str) -> CallResult<Option<String>> {
        let (call, name) = (on_parameter(Call::read("ssm:GetParameter"), name), name.to_owned());
        self.call(call, move |world| {
            let record = world.parameters.get(&name).and_then(|record| world.seen(record));
            Ok(record.map(|record| record.value.clone()))
        })
        .await
    }

    async fn get_parameters_by_path(&self, path: &str) -> CallResult<Vec<(String, String)>> {
        let (call, path) = (
            on_parameter(Call::read("ssm:GetParametersByPath"), path),
            path.to_owned(),
        );
        let found = self.listing(call, PAGE, move |world, page| Ok(world.page_of_parameters(&path, page)));
        let values = found.await?.into_iter().map(|(name, record)| (name, record.value));
        Ok(values.collect())
    }

    async fn list_parameters(&self, path: &str) -> CallResult<Vec<Parameter>> {
        let (call, path) = (
            on_parameter(Call::read("ssm:GetParametersByPath"), path),
            path.to_owned(),
        );
        self.listing(call, PAGE, move |world, page| {
            let (found, next) = world.page_of_parameters(&path, page);
            let told = found.iter().map(|(name, record)| world.told(name, record));
            Ok((told.collect(), next))
        })
        .await
    }

    async fn read_parameter(&self, name: &str, decrypt: bool) -> CallResult<Option<(Parameter, Value)>> {
        let (call, name) = (on_parameter(Call::read("ssm:GetParameter"), name), name.to_owned());
        let me = self.caller().clone();
        self.call(call, move |world| {
            let Some(record) = world
                .parameters
                .get(&name)
                .and_then(|record| world.seen(record))
                .cloned()
            else {
                return Ok(None);
            };
            if decrypt {
                world.check_parameter_keys(&me, ("ssm:GetParameter", "kms:Decrypt"), [(&name, &record)])?;
            }
            let value = match record.secret && !decrypt {
                true => "AQICAHg=".to_owned(),
                false => record.value.clone(),
            };
            Ok(Some((world.told(&name, &record), Value::new(value))))
        })
        .await
    }

    async fn write_parameter(&self, input: &WriteParameter) -> CallResult<u64> {
        let call = on_parameter(Call::change("ssm:PutParameter"), &input.name);
        let (me, input) = (self.caller().clone(), input.clone());
        self.call(call, move |world| world.write_parameter(&me, &input)).await
    }

    async fn put_parameter(&self, name: &str, value: &str) -> CallResult<()> {
        let call = on_parameter(Call::change("ssm:PutParameter"), name);
        let (name, value) = (name.to_owned(), value.to_owned());
        self.call(call, move |world| world.put_parameter(&name, &value)).await
    }

    async fn delete_parameters(&self, names: &[String]) -> CallResult<()> {
        let mut call = Call::change("ssm:DeleteParameters").about(&names.join(","));
        for name in names {
            call = call.on(Target::Parameter(name.clone()));
        }
        let names = names.to_vec();
        self.call(call, move |world| world.delete_parameters(&names)).await
    }
}
