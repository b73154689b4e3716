//! The Auto Scaling group, with its instances, hooks and scaling activities.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::one;
use super::{
    ActivityStatus, Answer, HealthStatus, InstanceId, InstanceState, LaunchTemplateId, LifecycleState, Observed,
    SubnetId,
};
use crate::names::{TAG_PARKED, Tags};
use crate::spec::Market;

/// An Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Minimum size.
    pub min: u32,
    /// Maximum size.
    pub max: u32,
    /// Desired capacity.
    pub desired: u32,
    /// Subnets.
    pub subnets: Vec<SubnetId>,
    /// The launch template's id, when it uses one.
    pub template_id: Option<LaunchTemplateId>,
    /// The launch template's version as the group names it: a number, `$Latest` or `$Default`.
    pub template_version: Option<String>,
    /// Its mixed instances policy, when it has one; the launch template above is that of the policy then.
    #[serde(default)]
    pub mixed: Option<MixedPolicy>,
    /// `EC2`, or a comma list.
    pub health_check_type: String,
    /// Grace period in seconds.
    pub health_check_grace_s: u32,
    /// Processes that are suspended, sorted.
    pub suspended: Vec<String>,
    /// Set while the group is being deleted.
    pub deleting: bool,
    /// Its instances.
    pub instances: Vec<GroupInstance>,
    /// Its tags.
    pub tags: Tags,
}

/// The process that carries out scheduled actions.
pub const SCHEDULED_ACTIONS: &str = "ScheduledActions";

/// The processes that are suspended while an apply replaces the instance, sorted: whatever would launch one beside it. A stack
/// that parks itself suspends the last two alone.
pub const REPLACING: [&str; 3] = ["AZRebalance", "Launch", "ReplaceUnhealthy"];

/// What a group launches where it is more than the type that its launch template names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MixedPolicy {
    /// Instance types in the order in which they are tried.
    pub types: Vec<String>,
    /// Instances that are to be on demand before any other: 0, but where somebody has changed it.
    pub on_demand_base: u32,
    /// Of a hundred further instances, how many are on demand: 100, or 0 for spot.
    pub on_demand_percent: u32,
    /// How an on-demand type is chosen: `prioritized`.
    pub on_demand_strategy: String,
    /// How a spot type is chosen: `capacity-optimized-prioritized`.
    pub spot_strategy: String,
}

impl MixedPolicy {
    /// Makes the policy of a stack.
    ///
    /// `capacity-optimized-prioritized` and not the cheaper `price-capacity-optimized`: each interruption of a group of one is an
    /// outage, and it keeps to the order of the types, which then means the same in both markets.
    #[must_use]
    pub fn new(types: impl IntoIterator<Item = String>, market: Market) -> Self {
        Self {
            types: types.into_iter().collect(),
            on_demand_base: 0,
            on_demand_percent: match market {
                Market::OnDemand => 100,
                Market::Spot => 0,
            },
            on_demand_strategy: "prioritized".to_owned(),
            spot_strategy: "capacity-optimized-prioritized".to_owned(),
        }
    }

    /// Whether the one instance is a spot instance.
    #[must_use]
    pub const fn is_spot(&self) -> bool {
        self.on_demand_base == 0 && self.on_demand_percent == 0
    }
}

impl Group {
    /// Whether the stack may sleep: once it may, its minimum stays 0, and its desired capacity is nobody's but the schedule's
    /// and that of who puts it to sleep.
    #[must_use]
    pub const fn may_sleep(&self) -> bool {
        self.min == 0
    }

    /// Whether the stack sleeps: it is to have no instance, and could have one at once. One that has parked itself does not
    /// sleep, whatever its desired capacity.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.may_sleep() && self.desired == 0 && !self.suspends("Launch")
    }

    /// Whether a process is suspended.
    #[must_use]
    pub fn suspends(&self, process: &str) -> bool {
        self.suspended.iter().any(|suspended| suspended == process)
    }

    /// Whether an apply is replacing the instance, or was cut off while it did.
    #[must_use]
    pub fn is_replacing(&self) -> bool {
        // `selfheal resume` lifts what a stack that parked itself has suspended, and all of it.
        self.held_back_by().eq(REPLACING) && !self.tags.contains_key(TAG_PARKED)
    }

    /// The suspended processes without which the stack would not heal: all but the one that carries out scheduled actions.
    pub fn held_back_by(&self) -> impl Iterator<Item = &String> {
        self.suspended.iter().filter(|process| *process != SCHEDULED_ACTIONS)
    }
}

/// An instance as its group sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInstance {
    /// `i-…`.
    pub id: InstanceId,
    /// Its lifecycle state.
    pub lifecycle: LifecycleState,
    /// Its health.
    pub health: HealthStatus,
    /// The launch template version it was launched from.
    pub template_version: Option<String>,
    /// Its instance type.
    #[serde(default)]
    pub instance_type: Option<String>,
}

impl Group {
    /// The version of the launch template before the one that it is pinned to; 0 where there is none.
    #[must_use]
    pub fn version_before(&self) -> u64 {
        let pinned = self.template_version.as_ref();
        let pinned = pinned.and_then(|version| version.parse::<u64>().ok());
        pinned.unwrap_or_default().saturating_sub(1)
    }

    /// Whether one of its instances is in service, whatever its health.
    #[must_use]
    pub fn has_one_in_service(&self) -> bool {
        let mut members = self.instances.iter();
        members.any(|member| member.lifecycle == LifecycleState::InService)
    }

    /// Its instances, those in service first, then those on their way there, and last those on their way out.
    #[must_use]
    pub fn foremost(&self) -> Vec<&GroupInstance> {
        let rank = |instance: &&GroupInstance| match &instance.lifecycle {
            LifecycleState::InService => 0,
            lifecycle if lifecycle.is_coming() => 1,
            lifecycle if lifecycle.is_leaving() => 3,
            _ => 2,
        };
        let mut members: Vec<&GroupInstance> = self.instances.iter().collect();
        members.sort_by_key(rank);
        members
    }
}

impl GroupInstance {
    /// Whether it is in service, and healthy.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.lifecycle == LifecycleState::InService && self.health == HealthStatus::Healthy
    }
}

/// A scaling activity: what the group did and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Its id.
    pub id: String,
    /// What it did, such as `Launching a new EC2 instance: i-…`.
    pub description: String,
    /// Why.
    pub cause: String,
    /// How far it is.
    pub status: ActivityStatus,
    /// The reason of a failure.
    pub status_message: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A lifecycle hook, as it is and as it is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifecycleHook {
    /// Its name.
    pub name: String,
    /// `autoscaling:EC2_INSTANCE_LAUNCHING` or `…_TERMINATING`.
    pub transition: String,
    /// Heartbeat time-out in seconds, 30 to 7,200.
    pub heartbeat_s: u32,
    /// `ABANDON` or `CONTINUE`.
    pub default_result: String,
}

/// An instance as EC2 sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `i-…`.
    pub id: InstanceId,
    /// Its state.
    pub state: InstanceState,
    /// When it was launched.
    pub launched_at: Timestamp,
    /// Its zone.
    pub zone: String,
    /// Its public address, when it has one.
    pub public_ip: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

/// One mutating call about the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum GroupCall {
    /// `autoscaling:CreateAutoScalingGroup`, with its launch hook.
    CreateGroup(GroupSettings),
    /// `autoscaling:UpdateAutoScalingGroup`, which leaves the desired capacity as it is.
    UpdateGroup(GroupSettings),
    /// `autoscaling:UpdateAutoScalingGroup` with the minimum size alone.
    SetMinSize {
        /// The group.
        group: String,
        /// The minimum size.
        min: u32,
    },
    /// `autoscaling:SetDesiredCapacity`.
    SetDesiredCapacity {
        /// The group.
        group: String,
        /// The desired capacity.
        desired: u32,
    },
    /// `autoscaling:SuspendProcesses`.
    SuspendProcesses {
        /// The group.
        group: String,
        /// The processes.
        processes: Vec<String>,
    },
    /// `autoscaling:PutLifecycleHook`.
    PutLifecycleHook {
        /// The group.
        group: String,
        /// The hook.
        hook: LifecycleHook,
    },
    /// `autoscaling:ResumeProcesses`.
    ResumeProcesses {
        /// The group.
        group: String,
        /// The processes.
        processes: Vec<String>,
    },
    /// `autoscaling:DeleteTags`.
    DeleteGroupTags {
        /// The group.
        group: String,
        /// The keys to remove.
        keys: Vec<String>,
    },
    /// `autoscaling:TerminateInstanceInAutoScalingGroup`, which leaves the desired capacity as it is.
    TerminateInstance {
        /// The group.
        group: String,
        /// The instance.
        id: InstanceId,
    },
    /// `autoscaling:DeleteAutoScalingGroup` with `ForceDelete`.
    DeleteGroup {
        /// The group.
        name: String,
    },
}

/// Everything that this tool sets on its Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupSettings {
    /// Its name.
    pub name: String,
    /// Minimum size.
    pub min: u32,
    /// Maximum size.
    pub max: u32,
    /// Desired capacity; used at creation alone. From then on it is what the schedule and who puts the stack to sleep have
    /// made it, and no update sends it.
    pub desired: u32,
    /// The one subnet.
    pub subnet: SubnetId,
    /// The launch template.
    pub template_id: LaunchTemplateId,
    /// The pinned version.
    pub template_version: u64,
    /// The mixed instances policy that the launch template is sent in; `None` to send it alone.
    #[serde(default)]
    pub mixed: Option<MixedPolicy>,
    /// Health check type.
    pub health_check_type: String,
    /// Grace period in seconds.
    pub health_check_grace_s: u32,
    /// The lifecycle hooks; used at creation alone, so that the first instance is held too.
    pub hooks: Vec<LifecycleHook>,
    /// Tags, not propagated: the launch template tags what it launches. Used at creation alone.
    pub tags: Tags,
}

fn key(group: &Group) -> String {
    format!("group/{}", group.name)
}

pub(super) fn record(observed: &mut Observed, call: &GroupCall, answer: Answer) {
    if answer != Answer::Done {
        return;
    }
    match call {
        GroupCall::CreateGroup(settings) => {
            let group = new(settings);
            observed.run.unseen.insert(key(&group));
            observed.group = Some(group);
            // AWS adds them before it launches the first instance.
            observed.hooks.clone_from(&settings.hooks);
        }
        GroupCall::UpdateGroup(settings) => update(observed, settings),
        GroupCall::SetMinSize { min, .. } => {
            if let Some(group) = &mut observed.group {
                group.min = *min;
                group.desired = group.desired.max(*min);
            }
        }
        GroupCall::SetDesiredCapacity { desired, .. } => {
            if let Some(group) = &mut observed.group {
                group.desired = *desired;
            }
        }
        GroupCall::SuspendProcesses { processes, .. } => {
            if let Some(group) = &mut observed.group {
                group.suspended.extend(processes.iter().cloned());
                group.suspended.sort();
                group.suspended.dedup();
            }
        }
        GroupCall::PutLifecycleHook { hook, .. } => {
            observed.hooks.retain(|have| have.name != hook.name);
            observed.hooks.push(hook.clone());
        }
        GroupCall::ResumeProcesses { processes, .. } => {
            if let Some(group) = &mut observed.group {
                group.suspended.retain(|process| !processes.contains(process));
            }
        }
        GroupCall::DeleteGroupTags { keys, .. } => {
            if let Some(group) = &mut observed.group {
                group.tags.retain(|key, _| !keys.contains(key));
            }
        }
        GroupCall::TerminateInstance { id, .. } => {
            let members = observed.group.iter_mut().flat_map(|group| &mut group.instances);
            for member in members.filter(|member| member.id == *id) {
                member.lifecycle = LifecycleState::Terminating;
            }
        }
        GroupCall::DeleteGroup { .. } => {
            observed.hooks.clear();
            observed.scheduled_actions.clear();
            if let Some(group) = &mut observed.group {
                observed.run.unseen.remove(&key(group));
                group.deleting = true;
            }
        }
    }
}

fn update(observed: &mut Observed, settings: &GroupSettings) {
    if let Some(group) = &mut observed.group {
        *group = Group {
            // AWS brings it within the new bounds.
            desired: group.desired.clamp(settings.min, settings.max.max(settings.min)),
            tags: std::mem::take(&mut group.tags),
            instances: std::mem::take(&mut group.instances),
            suspended: std::mem::take(&mut group.suspended),
            ..new(settings)
        };
    }
}

fn new(settings: &GroupSettings) -> Group {
    Group {
        name: settings.name.clone(),
        min: settings.min,
        max: settings.max,
        desired: settings.desired,
        subnets: vec![settings.subnet.clone()],
        template_id: Some(settings.template_id.clone()),
        template_version: Some(settings.template_version.to_string()),
        mixed: settings.mixed.clone(),
        health_check_type: settings.health_check_type.clone(),
        health_check_grace_s: settings.health_check_grace_s,
        suspended: Vec::new(),
        deleting: false,
        instances: Vec::new(),
        tags: settings.tags.clone(),
    }
}

impl Observed {
    /// Puts a new reading of the group into the observed world.
    pub fn read_group(&mut self, group: Option<Group>) {
        one(&mut self.group, group, &mut self.run.unseen, key);
    }

    /// Why AWS refuses to launch an instance, in its own words: none is in service, and the newest attempt to launch one failed.
    #[must_use]
    pub fn launch_failure(&self) -> Option<&str> {
        if self.group.as_ref().is_some_and(Group::has_one_in_service) {
            return None;
        }
        let is_launch = |activity: &&Activity| activity.description.starts_with("Launching");
        let newest = self.activities.iter().find(is_launch)?;
        let words = newest.status_message.as_deref().unwrap_or("AWS gives no reason");
        (newest.status == ActivityStatus::Failed).then_some(words)
    }
}
