//! Parameter Store, and who the caller is.

use std::collections::BTreeMap;

use async_trait::async_trait;
use selfheal_core::world::Identity;

use super::call::{Call, fail};
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
}

/// Parameters that one call deletes.
const DELETED_MAX: usize = 10;
/// Characters of a value of the tier Standard.
const VALUE_MAX: usize = 4 * 1024;
/// Parameters in a page.
const PAGE: usize = 10;

fn on_parameter(call: Call, name: &str) -> Call {
    call.about(name).on(Target::Parameter(name.to_owned()))
}

impl World {
    /// A page of the parameters below a path that callers can see.
    fn page_of_parameters(&self, path: &str, (after, size): (Option<String>, usize)) -> Page<String, (String, String)> {
        let below = format!("{}/", path.trim_end_matches('/'));
        let mut behind = self.parameters.iter().filter(|(name, record)| {
            name.starts_with(&below) && self.sees(record.visible_ms) && after.as_ref().is_none_or(|after| *name > after)
        });
        let page = behind.by_ref().take(size);
        let shown: Vec<(String, String)> = page
            .map(|(name, record)| (name.clone(), record.value.clone()))
            .collect();
        let next = behind.next().and(shown.last().map(|(name, _)| name.clone()));
        (shown, next)
    }

    /// Puts a parameter in place, for everybody to see at once.
    pub fn set_parameter(&mut self, name: &str, value: &str) {
        let record = ParameterRecord {
            value: value.to_owned(),
            visible_ms: 0,
        };
        self.parameters.insert(name.to_owned(), record);
    }

    pub(super) fn parameters_below(&self, path: &str) -> BTreeMap<String, String> {
        self.page_of_parameters(path, (None, usize::MAX))
            .0
            .into_iter()
            .collect()
    }

    fn put_parameter(&mut self, name: &str, value: &str) -> CallResult<()> {
        const ACTION: &str = "ssm:PutParameter";
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        if !name.starts_with('/') || name.len() > 1_011 || !name.chars().all(allowed) || name.starts_with("/aws") {
            return fail(
                ACTION,
                "ValidationException",
                format!("Parameter name: {name} is not allowed."),
            );
        }
        if value.is_empty() || value.len() > VALUE_MAX {
            let message = "Standard tier parameters support a maximum parameter value of 4096 characters.";
            return fail(ACTION, "ValidationException", message);
        }
        let visible_ms = match self.parameters.get(name) {
            Some(record) => record.visible_ms,
            None => self.visible_from(),
        };
        let value = value.to_owned();
        self.parameters
            .insert(name.to_owned(), ParameterRecord { value, visible_ms });
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

#[async_trait]
impl ParameterStore for Sim {
    async fn get_parameter(&self, name: &str) -> CallResult<Option<String>> {
        let (call, name) = (on_parameter(Call::read("ssm:GetParameter"), name), name.to_owned());
        self.call(call, move |world| {
            let record = world
                .parameters
                .get(&name)
                .filter(|record| world.sees(record.visible_ms));
            Ok(record.map(|record| record.value.clone()))
        })
        .await
    }

    async fn get_parameters_by_path(&self, path: &str) -> CallResult<Vec<(String, String)>> {
        let (call, path) = (
            on_parameter(Call::read("ssm:GetParametersByPath"), path),
            path.to_owned(),
        );
        self.listing(call, PAGE, move |world, page| Ok(world.page_of_parameters(&path, page)))
            .await
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
