//! Data Lifecycle Manager: policies that are made and changed by calls, and what they do by the clock.
//!
//! A policy acts within the hour after each of its times, under its role: it takes a snapshot of every volume that bears its
//! tag, and deletes those of its own that are older than it keeps them. What its role does not allow puts it into the state
//! `ERROR`, in which it does nothing more until it is changed.

use async_trait::async_trait;
use jiff::SignedDuration;
use selfheal_core::names::Tags;
use selfheal_core::world::{LifecyclePolicy, LifecycleSettings, SnapshotId, VolumeId, VolumeState};

use super::call::{Call, fail};
use super::events::WorldEvent;
use super::runtime::Sim;
use super::state::LifecyclePolicyRecord;
use super::target::Target;
use super::trace::TraceKind;
use super::world::World;
use crate::backend::{CallResult, Lifecycle};

/// The intervals that Data Lifecycle Manager knows, in hours.
const INTERVALS: [u32; 8] = [1, 2, 3, 4, 6, 8, 12, 24];
/// Policies that an account may have in a Region.
///
/// Source: Amazon EBS User Guide, "Quotas for Amazon Data Lifecycle Manager".
const POLICIES_MAX: usize = 100;
/// Tag key that it puts on the snapshots that it takes.
const TAG_POLICY: &str = "aws:dlm:lifecycle-policy-id";
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

impl World {
    fn find_lifecycle_policies(&self, key: &str, value: &str) -> Vec<String> {
        let records = self.lifecycle_policies.values();
        let shown = records.filter(|record| self.sees(record.visible_ms));
        let of_tag = shown.filter(|record| {
            let (target_key, target_value) = &record.policy.settings.target;
            target_key == key && target_value == value
        });
        of_tag.map(|record| record.policy.id.clone()).collect()
    }

    fn lifecycle_policy(&mut self, action: &'static str, id: &str) -> CallResult<&mut LifecyclePolicyRecord> {
        let now_ms = self.now_ms;
        let found = self.lifecycle_policies.get_mut(id);
        match found.filter(|record| record.visible_ms <= now_ms) {
            Some(record) => Ok(record),
            None => fail(
                action,
                "ResourceNotFoundException",
                format!("The policy {id} does not exist."),
            ),
        }
    }

    fn check_lifecycle(&self, action: &'static str, settings: &LifecycleSettings) -> CallResult<()> {
        let invalid = |message: &str| fail(action, "InvalidRequestException", message);
        if !INTERVALS.contains(&settings.every_h) {
            return invalid("Invalid Interval");
        }
        let time = settings
            .at
            .split_once(':')
            .map(|(hour, minute)| (hour.parse(), minute.parse()));
        if !matches!(time, Some((Ok(0..=23_u8), Ok(0..=59_u8)))) {
            return invalid("Invalid Times");
        }
        if settings.keep_days == 0 {
            return invalid("Invalid RetainRule");
        }
        let role = settings.role_arn.rsplit('/').next().unwrap_or_default();
        let known = self
            .roles
            .get(role)
            .is_some_and(|record| record.visible_ms <= self.now_ms);
        if !known {
            return invalid("The execution role does not exist or cannot be assumed");
        }
        Ok(())
    }

    fn create_lifecycle_policy(&mut self, settings: &LifecycleSettings, tags: &Tags) -> CallResult<String> {
        const ACTION: &str = "dlm:CreateLifecyclePolicy";
        self.check_lifecycle(ACTION, settings)?;
        if self.lifecycle_policies.len() >= POLICIES_MAX {
            return fail(ACTION, "LimitExceededException", "Lifecycle policy limit exceeded");
        }
        let id = self.new_id("policy");
        let policy = LifecyclePolicy {
            id: id.clone(),
            state: LifecyclePolicy::ENABLED.to_owned(),
            message: None,
            created_at: Some(self.now()),
            settings: settings.clone(),
            tags: tags.clone(),
        };
        let record = LifecyclePolicyRecord {
            policy,
            visible_ms: self.visible_from(),
            generation: 0,
        };
        self.lifecycle_policies.insert(id.clone(), record);
        self.arm_lifecycle_policy(&id);
        self.made = Some(id.clone());
        Ok(id)
    }

    fn update_lifecycle_policy(&mut self, id: &str, settings: &LifecycleSettings) -> CallResult<()> {
        const ACTION: &str = "dlm:UpdateLifecyclePolicy";
        self.lifecycle_policy(ACTION, id)?;
        self.check_lifecycle(ACTION, settings)?;
        let record = self.lifecycle_policy(ACTION, id)?;
        record.policy.settings.clone_from(settings);
        LifecyclePolicy::ENABLED.clone_into(&mut record.policy.state);
        record.policy.message = None;
        record.generation += 1;
        self.arm_lifecycle_policy(id);
        Ok(())
    }

    /// Lets a policy act at its next time, up to an hour late.
    fn arm_lifecycle_policy(&mut self, id: &str) {
        let Some(record) = self.lifecycle_policies.get(id) else {
            return;
        };
        let (settings, generation) = (&record.policy.settings, record.generation);
        let minutes = settings.at.split_once(':').map_or(0, |(hour, minute)| {
            hour.parse::<u64>().unwrap_or(0) * 60 + minute.parse::<u64>().unwrap_or(0)
        });
        let every_ms = u64::from(settings.every_h) * HOUR_MS;
        let of_day_ms = u64::try_from(self.now().as_millisecond()).unwrap_or(0) % DAY_MS;
        let since_ms = (of_day_ms + DAY_MS - minutes * 60_000) % every_ms;
        let late_ms = self.rng_events.between(self.config.timings.lifecycle);
        let event = |arm| WorldEvent::LifecyclePolicy {
            id: id.to_owned(),
            generation,
            arm,
        };
        let next_ms = every_ms - since_ms;
        self.after_ms(next_ms.saturating_add(late_ms), event(false));
        self.after_ms(next_ms, event(true));
    }

    /// The time of a policy has come: it is armed for the next one, or it acts.
    pub(super) fn lifecycle_policy_due(&mut self, id: &str, generation: u64, arm: bool) {
        let record = self
            .lifecycle_policies
            .get(id)
            .filter(|record| record.generation == generation);
        let Some(record) = record else { return };
        if arm {
            return self.arm_lifecycle_policy(id);
        }
        if record.policy.state != LifecyclePolicy::ENABLED {
            return;
        }
        let settings = record.policy.settings.clone();
        if let Err(refused) = self
            .take_snapshots(id, &settings)
            .and_then(|()| self.prune_snapshots(id, &settings))
            && let Some(record) = self.lifecycle_policies.get_mut(id)
        {
            "ERROR".clone_into(&mut record.policy.state);
            record.policy.message = Some(format!("The execution role may not {refused}"));
        }
    }

    fn take_snapshots(&mut self, id: &str, settings: &LifecycleSettings) -> Result<(), &'static str> {
        let (key, value) = &settings.target;
        let marked: Vec<VolumeId> = self
            .volumes
            .values()
            .map(|record| &record.volume)
            .filter(|volume| matches!(volume.state, VolumeState::Available | VolumeState::InUse))
            .filter(|volume| volume.tags.get(key) == Some(value))
            .map(|volume| volume.id.clone())
            .collect();
        for volume in marked {
            let targets = [Target::Volume(volume.clone()), Target::NewSnapshot];
            let may = self.service_may(&settings.role_arn, "ec2:CreateSnapshot", &targets)
                && self.service_may(&settings.role_arn, "ec2:CreateTags", &targets[1..]);
            if !may {
                return Err("ec2:CreateSnapshot");
            }
            let mut tags = settings.snapshot_tags.clone();
            tags.insert(TAG_POLICY.to_owned(), id.to_owned());
            // A volume that went meanwhile is no failure of the policy's.
            let made = self.create_snapshot(&volume, "Created for policy by Data Lifecycle Manager", &tags);
            self.made = None;
            if let Ok(snapshot) = made {
                self.record(TraceKind::LifecyclePolicy {
                    policy: id.to_owned(),
                    snapshot: snapshot.id,
                    deleted: false,
                });
            }
        }
        Ok(())
    }

    fn prune_snapshots(&mut self, id: &str, settings: &LifecycleSettings) -> Result<(), &'static str> {
        let oldest = SignedDuration::from_hours(i64::from(settings.keep_days) * 24);
        let now = self.now();
        let old: Vec<SnapshotId> = self
            .snapshots
            .values()
            .map(|record| &record.snapshot)
            .filter(|snapshot| snapshot.tags.get(TAG_POLICY).is_some_and(|policy| policy == id))
            .filter(|snapshot| now.duration_since(snapshot.started_at) > oldest)
            .map(|snapshot| snapshot.id.clone())
            .collect();
        for snapshot in old {
            let target = [Target::Snapshot(snapshot.clone())];
            if !self.service_may(&settings.role_arn, "ec2:DeleteSnapshot", &target) {
                return Err("ec2:DeleteSnapshot");
            }
            self.snapshots.remove(&snapshot);
            self.record(TraceKind::LifecyclePolicy {
                policy: id.to_owned(),
                snapshot,
                deleted: true,
            });
        }
        Ok(())
    }
}

fn on_policy(call: Call, id: &str) -> Call {
    call.about(id).on(Target::LifecyclePolicy(id.to_owned()))
}

/// The name of a role, by its ARN.
fn role_of(settings: &LifecycleSettings) -> String {
    settings.role_arn.rsplit('/').next().unwrap_or_default().to_owned()
}

#[async_trait]
impl Lifecycle for Sim {
    async fn find_lifecycle_policies(&self, key: &str, value: &str) -> CallResult<Vec<String>> {
        let call = Call::read("dlm:GetLifecyclePolicies").about(value);
        let (key, value) = (key.to_owned(), value.to_owned());
        self.call(call, move |world| Ok(world.find_lifecycle_policies(&key, &value)))
            .await
    }

    async fn get_lifecycle_policy(&self, id: &str) -> CallResult<Option<LifecyclePolicy>> {
        const ACTION: &str = "dlm:GetLifecyclePolicy";
        let (call, id) = (on_policy(Call::read(ACTION), id), id.to_owned());
        self.call(call, move |world| {
            Ok(world
                .lifecycle_policy(ACTION, &id)
                .ok()
                .map(|record| record.policy.clone()))
        })
        .await
    }

    async fn create_lifecycle_policy(
        &self,
        _description: &str,
        settings: &LifecycleSettings,
        tags: &Tags,
    ) -> CallResult<String> {
        let call = Call::change("dlm:CreateLifecyclePolicy").on(Target::NewLifecyclePolicy);
        let mut call = call.tagging(tags);
        call.passes_role = Some(role_of(settings));
        let (settings, tags) = (settings.clone(), tags.clone());
        self.call(call, move |world| world.create_lifecycle_policy(&settings, &tags))
            .await
    }

    async fn update_lifecycle_policy(&self, id: &str, settings: &LifecycleSettings) -> CallResult<()> {
        let mut call = on_policy(Call::change("dlm:UpdateLifecyclePolicy"), id);
        call.passes_role = Some(role_of(settings));
        let (id, settings) = (id.to_owned(), settings.clone());
        self.call(call, move |world| world.update_lifecycle_policy(&id, &settings))
            .await
    }

    async fn delete_lifecycle_policy(&self, id: &str) -> CallResult<()> {
        const ACTION: &str = "dlm:DeleteLifecyclePolicy";
        let (call, id) = (on_policy(Call::change(ACTION), id), id.to_owned());
        self.call(call, move |world| {
            world.lifecycle_policy(ACTION, &id)?;
            world.lifecycle_policies.remove(&id);
            Ok(())
        })
        .await
    }
}
