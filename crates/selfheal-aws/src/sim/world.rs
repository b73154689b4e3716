//! The world: plain data, advanced by API calls and by its own events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use selfheal_core::world::{
    AllocationId, HostedZoneId, Image, ImageId, InstanceId, LaunchTemplateId, LifecycleState, SecurityGroupId,
    SnapshotId, Subnet, SubnetId, VolumeId, VpcId,
};
use selfheal_policy::Partition;
use serde::{Deserialize, Serialize};

use super::config::SimConfig;
use super::events::{Scheduled, WorldEvent};
use super::faults::{FaultPlan, FaultState};
use super::ids;
use super::images;
use super::ledger::Ledger;
use super::rate::Buckets;
use super::rng::{Range, Rng};
use super::state::{
    ActivityRecord, AddressRecord, ApplicationCheckRecord, ApplicationResult, CertificateRecord, CommandRecord,
    Granted, GroupRecord, InstanceRecord, LifecyclePolicyRecord, LogGroupRecord, OrderRecord, ParameterRecord, Past,
    ProfileRecord, RoleRecord, SecurityGroupRecord, SnapshotRecord, SubnetRecord, TemplateRecord, TokenRecord,
    TopicRecord, VolumeRecord, ZoneRecord,
};
use super::trace::{TraceEvent, TraceKind};

/// Version of the saved form of a world; another one is refused by [`Sim::load`](super::Sim::load).
pub const WORLD_SCHEMA: u32 = 4;

/// Everything that a simulated AWS holds. Plain data: it can be saved, compared and looked into.
///
/// All maps are sorted, so that no order depends on a hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct World {
    /// Version of this form.
    pub schema: u32,
    /// What it started as.
    pub config: SimConfig,
    /// Logical milliseconds since it began.
    pub now_ms: u64,
    /// Id of the default VPC.
    pub default_vpc: VpcId,
    /// Subnets by id.
    pub subnets: BTreeMap<SubnetId, SubnetRecord>,
    /// Images by id.
    pub images: BTreeMap<ImageId, Image>,
    /// Parameters by name.
    pub parameters: BTreeMap<String, ParameterRecord>,
    /// Commands by id.
    #[serde(default)]
    pub commands: BTreeMap<String, CommandRecord>,
    /// Elastic IPs by allocation id.
    pub addresses: BTreeMap<AllocationId, AddressRecord>,
    /// Volumes by id, the deleted ones too.
    pub volumes: BTreeMap<VolumeId, VolumeRecord>,
    /// Snapshots by id.
    pub snapshots: BTreeMap<SnapshotId, SnapshotRecord>,
    /// Security groups by id.
    pub security_groups: BTreeMap<SecurityGroupId, SecurityGroupRecord>,
    /// Launch templates by id.
    pub templates: BTreeMap<LaunchTemplateId, TemplateRecord>,
    /// Instances by id, the terminated ones too.
    pub instances: BTreeMap<InstanceId, InstanceRecord>,
    /// Application status checks by id, the deleted ones too.
    #[serde(default)]
    pub application_checks: BTreeMap<String, ApplicationCheckRecord>,
    /// What application status checks have found, by instance and check.
    #[serde(default)]
    pub application_results: BTreeMap<InstanceId, BTreeMap<String, ApplicationResult>>,
    /// Auto Scaling groups by name.
    pub groups: BTreeMap<String, GroupRecord>,
    /// Scaling activities, the oldest first.
    pub activities: Vec<ActivityRecord>,
    /// Roles by name.
    pub roles: BTreeMap<String, RoleRecord>,
    /// Instance profiles by name.
    pub profiles: BTreeMap<String, ProfileRecord>,
    /// Hosted zones by id.
    pub zones: BTreeMap<HostedZoneId, ZoneRecord>,
    /// Lifecycle policies by id.
    #[serde(default)]
    pub lifecycle_policies: BTreeMap<String, LifecyclePolicyRecord>,
    /// Log groups by name.
    #[serde(default)]
    pub log_groups: BTreeMap<String, LogGroupRecord>,
    /// Topics by name.
    #[serde(default)]
    pub topics: BTreeMap<String, TopicRecord>,
    /// Changes of records that instances have made, by id, and whether all servers of their zones have them.
    #[serde(default)]
    pub record_changes: BTreeMap<String, bool>,
    /// What data volumes hold of certificates, by volume.
    #[serde(default)]
    pub certificates: BTreeMap<VolumeId, CertificateRecord>,
    /// Orders that certificate authorities were given, the oldest first.
    #[serde(default)]
    pub orders: Vec<OrderRecord>,
    /// Whether every certificate authority is away.
    #[serde(default)]
    pub authority_away: bool,
    /// What `ClientToken`s stand for, by action and token.
    pub tokens: BTreeMap<String, TokenRecord>,
    /// Everything that happened and was not drained, in order.
    pub trace: Vec<TraceEvent>,
    /// How many entries of the trace were drained before.
    pub drained: u64,
    /// What the statements of callers' policies have allowed, each once; of operators only under a policy of
    /// [`SimConfig::operator_policy`].
    #[serde(default)]
    pub granted: BTreeSet<Granted>,
    /// Volumes that a completed snapshot allows to be deleted, and data that was given up, for the invariants.
    pub(super) ledger: Ledger,
    pub(super) queue: BTreeSet<Scheduled>,
    pub(super) next_seq: u64,
    pub(super) faults: FaultState,
    /// What the current call made, for the trace.
    pub(super) made: Option<String>,
    /// What attachments and associations were before their last change, by volume and address.
    #[serde(default)]
    pub(super) pasts: BTreeMap<String, Past>,
    /// How far the current read goes back in time, in milliseconds.
    #[serde(default)]
    pub(super) stale_ms: u64,
    /// Target lifecycle states that the metadata of instances tells in place of what follows from their groups.
    #[serde(default)]
    pub(super) target_states: BTreeMap<InstanceId, LifecycleState>,
    /// Since when instances are in service without the volume that they are made for, in logical milliseconds.
    #[serde(default)]
    pub(super) hollow_since: BTreeMap<InstanceId, u64>,
    /// Ids that no listing shows, though they exist: it lags behind, or its answer is cut. A read by the id does show them.
    pub unlisted: BTreeSet<String>,
    /// Zones in which EC2 has no capacity for another instance.
    #[serde(default)]
    pub(super) without_capacity: BTreeSet<String>,
    /// Instance types of which EC2 has none left, wherever.
    #[serde(default)]
    pub(super) sold_out: BTreeSet<String>,
    /// Instance types of which EC2 has no spot capacity.
    #[serde(default)]
    pub(super) without_spot: BTreeSet<String>,
    /// Groups whose boot programs fail.
    pub(super) failing_boots: BTreeSet<String>,
    /// Extra milliseconds before what the current call makes can be seen.
    pub(super) late_visibility_ms: u64,
    /// Whether what the current call makes is gone after a moment.
    pub(super) creation_fails: bool,
    /// Extra milliseconds before the current change of IAM reaches the other services.
    pub(super) late_propagation_ms: u64,
    pub(super) rng_ids: Rng,
    pub(super) rng_latency: Rng,
    pub(super) rng_faults: Rng,
    pub(super) rng_jitter: Rng,
    pub(super) rng_events: Rng,
    pub(super) rng_visible: Rng,
    pub(super) buckets: Buckets,
}

impl World {
    /// Makes the world that a configuration describes.
    #[must_use]
    pub fn new(config: SimConfig) -> Self {
        let seed = config.seed;
        let mut rng_ids = Rng::new(seed, "ids");
        let default_vpc = ids::long_id(&mut rng_ids, "vpc").into();
        let mut world = Self {
            schema: WORLD_SCHEMA,
            now_ms: 0,
            default_vpc,
            subnets: BTreeMap::new(),
            images: BTreeMap::new(),
            parameters: BTreeMap::new(),
            commands: BTreeMap::new(),
            addresses: BTreeMap::new(),
            volumes: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            security_groups: BTreeMap::new(),
            templates: BTreeMap::new(),
            instances: BTreeMap::new(),
            application_checks: BTreeMap::new(),
            application_results: BTreeMap::new(),
            groups: BTreeMap::new(),
            activities: Vec::new(),
            roles: BTreeMap::new(),
            profiles: BTreeMap::new(),
            zones: BTreeMap::new(),
            lifecycle_policies: BTreeMap::new(),
            log_groups: BTreeMap::new(),
            topics: BTreeMap::new(),
            record_changes: BTreeMap::new(),
            certificates: BTreeMap::new(),
            orders: Vec::new(),
            authority_away: false,
            tokens: BTreeMap::new(),
            trace: Vec::new(),
            drained: 0,
            granted: BTreeSet::new(),
            ledger: Ledger::default(),
            queue: BTreeSet::new(),
            next_seq: 0,
            faults: FaultState::new(FaultPlan::none()),
            made: None,
            pasts: BTreeMap::new(),
            stale_ms: 0,
            target_states: BTreeMap::new(),
            hollow_since: BTreeMap::new(),
            unlisted: BTreeSet::new(),
            without_capacity: BTreeSet::new(),
            sold_out: BTreeSet::new(),
            without_spot: BTreeSet::new(),
            failing_boots: BTreeSet::new(),
            late_visibility_ms: 0,
            creation_fails: false,
            late_propagation_ms: 0,
            rng_ids,
            rng_latency: Rng::new(seed, "latency"),
            rng_faults: Rng::new(seed, "faults"),
            rng_jitter: Rng::new(seed, "jitter"),
            rng_events: Rng::new(seed, "events"),
            rng_visible: Rng::new(seed, "visibility"),
            buckets: Buckets::default(),
            config,
        };
        world.furnish();
        world
    }

    /// Puts in place what an account has before anybody makes anything.
    fn furnish(&mut self) {
        for letter in self.config.zones.clone() {
            let id = SubnetId::from(self.new_id("subnet"));
            let zone = self.zone_name(letter);
            let subnet = Subnet {
                id: id.clone(),
                vpc_id: self.default_vpc.clone(),
                zone,
            };
            self.subnets.insert(id, SubnetRecord { subnet, default: true });
        }
        for extra in self.config.subnets.clone() {
            let zone = self.zone_name(extra.zone);
            let subnet = Subnet {
                id: extra.id.clone(),
                vpc_id: extra.vpc_id,
                zone,
            };
            self.subnets.insert(extra.id, SubnetRecord { subnet, default: false });
        }
        for (name, value) in self.config.parameters.clone() {
            self.set_parameter(&name, &value);
        }
        for name in self.config.hosted_zones.clone() {
            let id = ids::upper_id(&mut self.rng_ids, "Z", 21);
            self.add_zone(id, &name);
        }
        for published in images::public_images() {
            let id = ImageId::from(self.new_id("ami"));
            for parameter in &published.parameters {
                if !self.parameters.contains_key(parameter) {
                    self.set_parameter(parameter, id.as_str());
                }
            }
            self.images.insert(id.clone(), published.image(id));
        }
    }

    /// Puts a public hosted zone in place.
    pub fn add_zone(&mut self, id: impl Into<HostedZoneId>, name: &str) {
        let id = id.into();
        let zone = ZoneRecord {
            id: id.clone(),
            name: name.to_owned(),
            private: false,
            records: Vec::new(),
        };
        self.zones.insert(id, zone);
    }

    fn zone_name(&self, letter: char) -> String {
        format!("{}{letter}", self.config.region)
    }

    /// Returns what time it is in the world.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.time_of(self.now_ms)
    }

    /// Returns the time of a logical instant; the last representable time where it lies beyond.
    #[must_use]
    pub fn time_of(&self, ms: u64) -> Timestamp {
        let since = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        self.config.start.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    /// Draws an id in EC2's shape.
    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        ids::long_id(&mut self.rng_ids, prefix)
    }

    /// Appends to the trace.
    pub(super) fn record(&mut self, what: TraceKind) {
        self.trace.push(TraceEvent {
            at_ms: self.now_ms,
            what,
        });
    }

    /// Lets an event happen after a time drawn from the range.
    pub(super) fn after(&mut self, delay: Range, event: WorldEvent) {
        let delay = self.rng_events.between(delay);
        self.after_ms(delay, event);
    }

    /// Lets an event happen after so many milliseconds.
    pub(super) fn after_ms(&mut self, delay_ms: u64, event: WorldEvent) {
        let at_ms = self.now_ms.saturating_add(delay_ms);
        let seq = self.seq();
        self.queue.insert(Scheduled { at_ms, seq, event });
    }

    /// The next number of the one order in which everything of the same instant happens.
    pub(super) fn seq(&mut self) -> u64 {
        self.next_seq += 1;
        self.next_seq
    }

    /// From when on something that is made now can be seen.
    pub(super) fn visible_from(&mut self) -> u64 {
        let usual = self.rng_visible.between(self.config.timings.visibility);
        self.now_ms + usual.max(self.late_visibility_ms)
    }

    /// Whether something that becomes visible at that instant can be seen now.
    pub(super) fn sees(&self, visible_ms: u64) -> bool {
        visible_ms <= self.now_ms
    }

    /// The ARN of something in this Region and account.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        let partition = self.partition();
        let SimConfig { region, account, .. } = &self.config;
        match service {
            "iam" => format!("arn:{partition}:iam::{account}:{resource}"),
            "route53" => format!("arn:{partition}:route53:::{resource}"),
            _ => format!("arn:{partition}:{service}:{region}:{account}:{resource}"),
        }
    }

    /// The partition of the Region.
    pub(super) fn partition(&self) -> Partition {
        Partition::of_region(&self.config.region)
    }
}
