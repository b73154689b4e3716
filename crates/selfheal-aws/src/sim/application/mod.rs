//! EC2's application status checks: made, associated by tag, changed and deleted by calls.

mod watch;

use async_trait::async_trait;
use selfheal_core::names::{TAG_STACK, Tags};
use selfheal_core::world::{
    ApplicationCheck, ApplicationCheckSettings, ApplicationStatus, CreateApplicationStatusCheck, InstanceId,
};

use super::call::{Call, fail};
use super::ec2::check_tags;
use super::pages::{Page, cut, cut_list};
use super::runtime::Sim;
use super::state::ApplicationCheckRecord;
use super::target::Target;
use super::world::World;
use crate::backend::{ApplicationChecks, CallResult};

/// Checks that an account may have.
///
/// Source: EC2 API reference, `CreateApplicationStatusCheck`: at most 50 for each account.
const CHECKS_MAX: usize = 50;
/// Tags that a check may be associated with.
///
/// Source: EC2 API reference, `AssociateApplicationStatusCheck`: at most 50 for each check.
const TARGETS_MAX: usize = 50;
/// How long a deleted check is still shown.
///
/// AWS speaks of a "deletion grace period" and does not say how long it is; an hour is what it shows terminated instances for.
const DELETED_SHOWN_MS: u64 = 3_600_000;
/// Characters of a status code matcher. Source: EC2 API reference, `CreateApplicationStatusCheck`.
const MATCHER_MAX: usize = 64;

/// Items on a page: AWS names no figure, and an account has fifty checks by default.
const PAGE: usize = 50;

impl World {
    fn describe_checks(&self, stacks: &[String], page: (Option<String>, usize)) -> Page<String, ApplicationCheck> {
        let shown = |record: &ApplicationCheckRecord| {
            let gone = record.deleted_ms.is_some_and(|ms| self.now_ms - ms >= DELETED_SHOWN_MS);
            self.sees(record.visible_ms) && !gone
        };
        let wanted = |check: &ApplicationCheck| check.tags.get(TAG_STACK).is_some_and(|stack| stacks.contains(stack));
        cut(&self.application_checks, page, shown, |record| {
            wanted(&record.check).then(|| record.check.clone())
        })
    }

    pub(super) fn describe_application_status(&self, instances: &[InstanceId]) -> Vec<(InstanceId, ApplicationStatus)> {
        let known = instances.iter().filter(|id| {
            self.instances
                .get(*id)
                .is_some_and(|record| self.sees(record.visible_ms))
        });
        known.map(|id| (id.clone(), self.application_status(id))).collect()
    }

    /// A check that callers can see and that is not deleted.
    fn live_check(&mut self, action: &'static str, id: &str) -> CallResult<&mut ApplicationCheckRecord> {
        let now_ms = self.now_ms;
        let found = self.application_checks.get_mut(id);
        match found.filter(|record| record.visible_ms <= now_ms && !record.check.deleted) {
            Some(record) => Ok(record),
            None => fail(
                action,
                super::ec2::missing_code(id),
                format!("The application status check ID '{id}' does not exist"),
            ),
        }
    }

    /// `CreateApplicationStatusCheck`. A token that was used before leads to the check that it made, even if that was deleted
    /// since. It asks nobody until it is associated.
    fn create_check(&mut self, input: &CreateApplicationStatusCheck) -> CallResult<ApplicationCheck> {
        const ACTION: &str = "ec2:CreateApplicationStatusCheck";
        check_tags(ACTION, &input.tags)?;
        check_settings(ACTION, &input.settings)?;
        if let Some(made) = self.made_before(ACTION, &input.client_token, input)?
            && let Some(record) = self.application_checks.get(&made)
        {
            return Ok(record.check.clone());
        }
        let live = self.application_checks.values().filter(|record| !record.check.deleted);
        if live.count() >= CHECKS_MAX {
            let message = "The maximum number of application status checks has been reached.";
            return fail(ACTION, "ApplicationStatusCheckLimitExceeded", message);
        }
        let id = self.new_id("asc");
        let check = ApplicationCheck {
            id: id.clone(),
            settings: input.settings.clone(),
            targets: Vec::new(),
            deleted: false,
            tags: input.tags.clone(),
        };
        self.note_made(ACTION, &input.client_token, input, &id);
        let record = ApplicationCheckRecord {
            check: check.clone(),
            visible_ms: self.visible_from(),
            deleted_ms: None,
        };
        self.application_checks.insert(id, record);
        Ok(check)
    }

    /// `AssociateApplicationStatusCheck` with a tag: instances that bear it are asked, those of later too.
    fn associate_check(&mut self, id: &str, key: &str, value: &str) -> CallResult<()> {
        const ACTION: &str = "ec2:AssociateApplicationStatusCheck";
        let targets = &mut self.live_check(ACTION, id)?.check.targets;
        if key.is_empty() {
            return fail(ACTION, "InvalidParameterValue", "Tag keys cannot be blank.");
        }
        let target = (key.to_owned(), value.to_owned());
        if !targets.contains(&target) {
            if targets.len() >= TARGETS_MAX {
                let message = "The maximum number of associations of an application status check has been reached.";
                return fail(ACTION, "ApplicationStatusCheckLimitExceeded", message);
            }
            targets.push(target);
        }
        self.ask_anew();
        Ok(())
    }

    /// `ModifyApplicationStatusCheck`: what it found is found anew.
    fn modify_check(&mut self, id: &str, settings: &ApplicationCheckSettings) -> CallResult<()> {
        const ACTION: &str = "ec2:ModifyApplicationStatusCheck";
        check_settings(ACTION, settings)?;
        self.live_check(ACTION, id)?.check.settings = settings.clone();
        self.forget_results(id);
        self.ask_anew();
        Ok(())
    }

    /// `DeleteApplicationStatusCheck`, which ends its associations.
    fn delete_check(&mut self, id: &str) -> CallResult<()> {
        let now_ms = self.now_ms;
        let record = self.live_check("ec2:DeleteApplicationStatusCheck", id)?;
        record.check.deleted = true;
        record.check.targets.clear();
        record.deleted_ms = Some(now_ms);
        self.forget_results(id);
        Ok(())
    }
}

/// Refuses settings that EC2 refuses.
///
/// Source: EC2 API reference, `CreateApplicationStatusCheck`.
fn check_settings(action: &'static str, settings: &ApplicationCheckSettings) -> CallResult<()> {
    let wrong = [
        (!["http", "https"].contains(&settings.protocol.as_str()), "Protocol"),
        (
            !["included", "excluded"].contains(&settings.aggregation.as_str()),
            "Aggregation",
        ),
        (settings.port == 0, "Port"),
        (!settings.path.starts_with('/'), "Path"),
        (!["ipv4", "ipv6"].contains(&settings.ip_version.as_str()), "IpVersion"),
        (settings.ip_scope != "private", "IpScope"),
        (settings.interval_s != 60, "Interval"),
        (!(1..=30).contains(&settings.timeout_s), "Timeout"),
        (settings.failure_threshold == 0, "FailureThreshold"),
        (settings.success_threshold == 0, "SuccessThreshold"),
        (
            settings.status_codes.is_empty() || settings.status_codes.len() > MATCHER_MAX,
            "StatusCodeMatcher",
        ),
        (
            !(1..=600).contains(&settings.initial_grace_s),
            "InitializationGracePeriodSeconds",
        ),
    ];
    match wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, name)) => fail(
            action,
            "InvalidParameterValue",
            format!("The value of the parameter {name} is invalid."),
        ),
        None => Ok(()),
    }
}

#[async_trait]
impl ApplicationChecks for Sim {
    async fn describe_application_status_checks(&self, stacks: &[&str]) -> CallResult<Vec<ApplicationCheck>> {
        let stacks: Vec<String> = stacks.iter().map(|&stack| stack.to_owned()).collect();
        let call = Call::read("ec2:DescribeApplicationStatusChecks");
        self.listing(call, PAGE, move |world, page| Ok(world.describe_checks(&stacks, page)))
            .await
    }

    async fn describe_application_status(
        &self,
        instances: &[InstanceId],
    ) -> CallResult<Vec<(InstanceId, ApplicationStatus)>> {
        let instances = instances.to_vec();
        let call = Call::read("ec2:DescribeApplicationStatus");
        self.listing(call, PAGE, move |world, page| {
            Ok(cut_list(&world.describe_application_status(&instances), page))
        })
        .await
    }

    async fn create_application_status_check(
        &self,
        input: &CreateApplicationStatusCheck,
    ) -> CallResult<ApplicationCheck> {
        let call = Call::change("ec2:CreateApplicationStatusCheck")
            .tagging(&input.tags)
            .on(Target::NewApplicationCheck);
        let input = input.clone();
        self.call(call, move |world| world.create_check(&input)).await
    }

    async fn associate_application_status_check(&self, id: &str, key: &str, value: &str) -> CallResult<()> {
        let call = about("ec2:AssociateApplicationStatusCheck", id);
        let (id, key, value) = (id.to_owned(), key.to_owned(), value.to_owned());
        self.call(call, move |world| world.associate_check(&id, &key, &value))
            .await
    }

    async fn modify_application_status_check(&self, id: &str, settings: &ApplicationCheckSettings) -> CallResult<()> {
        let call = about("ec2:ModifyApplicationStatusCheck", id);
        let (id, settings) = (id.to_owned(), settings.clone());
        self.call(call, move |world| world.modify_check(&id, &settings)).await
    }

    async fn delete_application_status_check(&self, id: &str) -> CallResult<()> {
        let call = about("ec2:DeleteApplicationStatusCheck", id);
        let id = id.to_owned();
        self.call(call, move |world| world.delete_check(&id)).await
    }
}

/// A call that changes this check.
fn about(action: &'static str, id: &str) -> Call {
    Call::change(action)
        .about(id)
        .on(Target::ApplicationCheck(id.to_owned()))
}

impl World {
    /// The tags of a check that is not deleted.
    pub(super) fn check_tags_mut(&mut self, id: &str) -> Option<&mut Tags> {
        let live = |record: &&mut ApplicationCheckRecord| !record.check.deleted;
        Some(&mut self.application_checks.get_mut(id).filter(live)?.check.tags)
    }
}
