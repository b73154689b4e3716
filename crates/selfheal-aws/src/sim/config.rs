//! The configuration of a simulated world.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use selfheal_core::world::{PolicyText, SubnetId, VpcId};
use serde::{Deserialize, Serialize};

use super::rng::Range;

/// Configuration of a simulated world. Start from [`SimConfig::default`] and change what matters to the test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimConfig {
    /// Seed of all random numbers: equal seeds give byte-equal traces.
    pub seed: u64,
    /// The Region.
    pub region: String,
    /// Account id: twelve digits.
    pub account: String,
    /// The letters of the Availability Zones; each has a default subnet of the default VPC.
    pub zones: Vec<char>,
    /// Further subnets, each with its VPC.
    pub subnets: Vec<SubnetConfig>,
    /// Names of the public hosted zones that exist, without the final dot.
    pub hosted_zones: Vec<String>,
    /// Elastic IPs that the account may hold in the Region.
    pub address_quota: usize,
    /// SSM parameters by name, besides the public ones that lead to images.
    pub parameters: BTreeMap<String, String>,
    /// Managed policies that exist, which may be a role's permissions boundary: JSON by ARN.
    #[serde(default)]
    pub managed_policies: BTreeMap<String, PolicyText>,
    /// The zones that offer an instance type: letters by the type's name. A type that the world knows and that is not in
    /// here is offered in every zone; one that the world does not know exists once it is in here.
    #[serde(default)]
    pub type_zones: BTreeMap<String, Vec<char>>,
    /// Subnets whose default route does not lead to an internet gateway: the route's target by subnet, `None` for no route.
    #[serde(default)]
    pub routes: BTreeMap<SubnetId, Option<String>>,
    /// ARN of the customer's KMS key that encrypts volumes for which none is named; `None` for AWS's own.
    #[serde(default)]
    pub default_key: Option<String>,
    /// ARNs of KMS keys that cannot be used: disabled, or with a key policy that allows nobody.
    #[serde(default)]
    pub unusable_keys: BTreeSet<String>,
    /// Quotas of EC2 by their codes, but for that of the addresses. A launch is held to those that are named here alone; of the others
    /// Service Quotas tells what it allows everybody.
    #[serde(default)]
    pub quotas: BTreeMap<String, u32>,
    /// Prefix lists that exist, each with the most entries that it may have: it counts as so many rules.
    #[serde(default)]
    pub prefix_lists: BTreeMap<String, u32>,
    /// By how many seconds the callers' clock is ahead of AWS's.
    #[serde(default)]
    pub clock_ahead_s: i64,
    /// Name servers that the DNS knows of a zone, by its name. A zone that exists and is not in here is delegated as it should be.
    #[serde(default)]
    pub delegations: BTreeMap<String, Vec<String>>,
    /// CAA records by name: tag and value of each.
    #[serde(default)]
    pub caa_records: BTreeMap<String, Vec<(String, String)>>,
    /// The time at which the world's clock starts.
    pub start: Timestamp,
    /// Durations of an API call.
    pub latency: Latency,
    /// Durations of what AWS does after a call, or by itself.
    pub timings: Timings,
    /// Number of network interfaces that an instance gets besides its primary one.
    pub more_interfaces: u32,
    /// Whether instances run the model of the boot program. A lab that boots them for real switches it off.
    pub boot_model: bool,
    /// Whether every call of an instance is authorised by the policy of its role.
    pub authorise_instances: bool,
    /// The operator's policy as JSON; `None` allows the operator everything.
    pub operator_policy: Option<PolicyText>,
    /// Items on each page of a listing; `None`, or more than AWS's own pages have, for AWS's number.
    #[serde(default)]
    pub page_size: Option<usize>,
    /// Whether callers that empty AWS's request buckets are throttled.
    pub rate_limits: bool,
    /// Whether the safety invariants are checked after every event.
    pub check_invariants: bool,
    /// Time since the beginning, in logical milliseconds, at which [`block_on`](super::Sim::block_on) gives up.
    pub horizon_ms: u64,
}

/// A subnet that exists from the start, besides the default ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetConfig {
    /// `subnet-…`.
    pub id: SubnetId,
    /// Its VPC, which need not be the default one.
    pub vpc_id: VpcId,
    /// Letter of its zone.
    pub zone: char,
}

/// Durations of an API call, in logical milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// From the caller to the effect.
    pub request: Range,
    /// From the effect to the caller.
    pub response: Range,
}

/// Durations of what AWS does by itself, in logical milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// From the creation of a resource until reads show it and calls may name its id; nothing by default.
    pub visibility: Range,
    /// A volume from creating to available.
    pub volume_create: Range,
    /// A volume from attaching to attached.
    pub volume_attach: Range,
    /// A volume from detaching to available.
    pub volume_detach: Range,
    /// How long a terminated instance still holds its volumes; ten minutes have been seen.
    pub volume_release: Range,
    /// A modification of a volume, while its state is `modifying`.
    pub volume_modify: Range,
    /// A snapshot from pending to completed.
    pub snapshot: Range,
    /// An instance from pending to running.
    pub instance_pending: Range,
    /// An instance from running to the first command of its boot program.
    pub instance_boot: Range,
    /// An instance from running until its group reaches the launch hook. Before that, nothing can complete the hook, and
    /// the instance metadata has no target lifecycle state.
    pub hook_lag: Range,
    /// An instance from shutting-down to terminated.
    pub instance_terminate: Range,
    /// How long a terminated instance is still described, in logical milliseconds.
    ///
    /// Source: EC2 user guide, "Terminate Amazon EC2 instances": it remains visible "for a short while".
    pub terminated_shown_ms: u64,
    /// How long a terminated instance still bears its tags, in logical milliseconds: as long as it is described, or less.
    #[serde(default = "an_hour")]
    pub terminated_tagged_ms: u64,
    /// An instance from stopping to stopped.
    pub instance_stop: Range,
    /// How long a group takes to notice that an instance is no longer running.
    pub health_detect: Range,
    /// How long an instance's status checks report `impaired` before its group finds it unhealthy.
    pub health_impaired: Range,
    /// How long an instance's own watchdog takes from the app's failure to what it does about it: a few probes in a row.
    #[serde(default = "watchdog")]
    pub watchdog: Range,
    /// How long a group takes to react: to launch or to terminate an instance.
    pub group_reaction: Range,
    /// How late a scheduled action happens: seconds as a rule, and up to two minutes.
    ///
    /// Source: Auto Scaling User Guide, "Scheduled scaling".
    #[serde(default = "scheduled_action")]
    pub scheduled_action: Range,
    /// How late Data Lifecycle Manager acts.
    ///
    /// Source: Amazon Data Lifecycle Manager API reference, `CreateRule`: within an hour of the time.
    #[serde(default = "lifecycle")]
    pub lifecycle: Range,
    /// How long a group that is being deleted still exists once its instances are gone.
    pub group_delete: Range,
    /// How long a group pauses after a launch that failed; doubled after each further one, up to a factor of 16.
    pub launch_backoff: Range,
    /// How long EC2 and Auto Scaling do not know a new instance profile, or a change of its role.
    pub iam_propagation: Range,
    /// How long a role's new policy has no effect.
    pub policy_propagation: Range,
    /// A change of a record from `PENDING` to `INSYNC`.
    pub dns_sync: Range,
}

const fn watchdog() -> Range {
    Range::new(30_000, 90_000)
}

const fn an_hour() -> u64 {
    3_600_000
}

fn lifecycle() -> Range {
    Range::new(60_000, 3_540_000)
}

fn scheduled_action() -> Range {
    Range::new(500, 115_000)
}

impl Default for Timings {
    /// Measurements by third parties where there are any (from a launch to SSH about 26 s, from pending to running 5 to
    /// 17 s): AWS commits to none.
    fn default() -> Self {
        Self {
            visibility: Range::exactly(0),
            volume_create: Range::new(1_500, 5_000),
            volume_attach: Range::new(800, 3_000),
            volume_detach: Range::new(1_000, 4_000),
            volume_release: Range::new(1_000, 8_000),
            volume_modify: Range::new(2_000, 10_000),
            snapshot: Range::new(20_000, 90_000),
            instance_pending: Range::new(5_000, 17_000),
            instance_boot: Range::new(6_000, 14_000),
            hook_lag: Range::new(1_000, 15_000),
            instance_terminate: Range::new(15_000, 45_000),
            terminated_shown_ms: an_hour(),
            terminated_tagged_ms: an_hour(),
            instance_stop: Range::new(10_000, 30_000),
            health_detect: Range::new(5_000, 60_000),
            health_impaired: Range::new(120_000, 240_000),
            watchdog: watchdog(),
            group_reaction: Range::new(500, 4_000),
            group_delete: Range::new(2_000, 20_000),
            launch_backoff: Range::new(10_000, 20_000),
            iam_propagation: Range::new(3_000, 12_000),
            policy_propagation: Range::new(2_000, 10_000),
            dns_sync: Range::new(10_000, 55_000),
            scheduled_action: scheduled_action(),
            lifecycle: lifecycle(),
        }
    }
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            zones: vec!['a', 'b', 'c'],
            subnets: Vec::new(),
            hosted_zones: vec!["example.com".to_owned()],
            address_quota: 5,
            parameters: BTreeMap::new(),
            managed_policies: BTreeMap::new(),
            type_zones: BTreeMap::new(),
            routes: BTreeMap::new(),
            default_key: None,
            unusable_keys: BTreeSet::new(),
            quotas: BTreeMap::new(),
            clock_ahead_s: 0,
            prefix_lists: BTreeMap::new(),
            delegations: BTreeMap::new(),
            caa_records: BTreeMap::new(),
            start: Timestamp::constant(1_767_225_600, 0),
            latency: Latency {
                request: Range::new(20, 90),
                response: Range::new(5, 30),
            },
            timings: Timings::default(),
            more_interfaces: 0,
            boot_model: true,
            authorise_instances: true,
            operator_policy: None,
            page_size: None,
            rate_limits: true,
            check_invariants: true,
            // A week: longer than any wait of the tool, short enough that a loop that never ends is found at once.
            horizon_ms: 7 * 24 * 3_600_000,
        }
    }
}

impl SimConfig {
    /// Makes the default configuration with this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }
}
