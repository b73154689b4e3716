//! What a simulated world starts as.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use selfheal_core::world::{PolicyText, SubnetId, VpcId};
use serde::{Deserialize, Serialize};

use super::rng::Range;

/// Configuration of a simulated world. Start from [`SimConfig::default`] and change what matters to the test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimConfig {
    /// Seed of everything that is drawn: equal seeds give byte-equal traces.
    pub seed: u64,
    /// The Region.
    pub region: String,
    /// Account id: twelve digits.
    pub account: String,
    /// The letters of the Availability Zones; each has a default subnet of the default VPC.
    pub zones: Vec<char>,
    /// Further subnets, each with its VPC.
    pub subnets: Vec<SubnetConfig>,
    /// Hosted zones that exist: name without the final dot.
    pub hosted_zones: Vec<String>,
    /// Elastic IPs that the account may hold in the Region.
    pub address_quota: usize,
    /// Parameters beside the public image aliases.
    pub parameters: BTreeMap<String, String>,
    /// Managed policies that exist, ARN to JSON, which may bound a role.
    #[serde(default)]
    pub managed_policies: BTreeMap<String, PolicyText>,
    /// The zones that offer an instance type, by their letters; one that is not named here is offered in all, if the world
    /// knows it. A type that the world does not know is added by naming it.
    #[serde(default)]
    pub type_zones: BTreeMap<String, Vec<char>>,
    /// Subnets whose default route does not lead to an internet gateway: its target, or `None` for no route out.
    #[serde(default)]
    pub routes: BTreeMap<SubnetId, Option<String>>,
    /// The customer's key by which the account encrypts volumes that name none.
    #[serde(default)]
    pub default_key: Option<String>,
    /// Keys that cannot be used: disabled, or with a policy that lets nobody in.
    #[serde(default)]
    pub unusable_keys: BTreeSet<String>,
    /// When the world begins.
    pub start: Timestamp,
    /// Durations of an API call.
    pub latency: Latency,
    /// Durations of what AWS does by itself.
    pub timings: Timings,
    /// Number of network interfaces that an instance gets beside its primary one.
    pub more_interfaces: u32,
    /// Whether instances run the model of the boot program; a lab that boots them for real switches it off.
    pub boot_model: bool,
    /// Whether every call of an instance is authorised by the policy of its role.
    pub authorise_instances: bool,
    /// The operator's policy as JSON; without one the operator may do everything.
    pub operator_policy: Option<PolicyText>,
    /// Items on a page of a listing, where that is fewer than AWS's own pages have.
    #[serde(default)]
    pub page_size: Option<usize>,
    /// Whether callers that are faster than AWS's request buckets refill are throttled.
    pub rate_limits: bool,
    /// Whether the safety invariants are checked after every event.
    pub check_invariants: bool,
    /// Logical milliseconds after which [`block_on`](super::Sim::block_on) gives up.
    pub horizon_ms: u64,
}

/// A subnet that exists from the start.
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
    /// How long something new stays invisible to reads and unusable by id; nothing by default.
    pub visibility: Range,
    /// A volume from creating to available.
    pub volume_create: Range,
    /// A volume from attaching to attached.
    pub volume_attach: Range,
    /// A volume from detaching to available.
    pub volume_detach: Range,
    /// How long a terminated instance still holds its volumes; ten minutes have been seen.
    pub volume_release: Range,
    /// A modification of a volume, in the state modifying.
    pub volume_modify: Range,
    /// A snapshot from pending to completed.
    pub snapshot: Range,
    /// An instance from pending to running.
    pub instance_pending: Range,
    /// From running to the first command of the boot program.
    pub instance_boot: Range,
    /// From running until the group has come to its launch hook. Before that nothing can complete the hook, and the
    /// metadata names no target state.
    pub hook_lag: Range,
    /// An instance from shutting-down to terminated.
    pub instance_terminate: Range,
    /// How long a terminated instance is still described, in logical milliseconds.
    ///
    /// Source: EC2 user guide, "Terminate Amazon EC2 instances": it remains visible "for a short while".
    pub terminated_shown_ms: u64,
    /// An instance from stopping to stopped.
    pub instance_stop: Range,
    /// How long a group takes to see that an instance is not running any more.
    pub health_detect: Range,
    /// How long a group waits on impaired status checks.
    pub health_impaired: Range,
    /// How long a group takes over a scaling decision.
    pub group_reaction: Range,
    /// How long a deleted group lingers once its instances are gone.
    pub group_delete: Range,
    /// How long the group pauses after a launch that failed; it doubles up to a factor of 16.
    pub launch_backoff: Range,
    /// How long a new instance profile, or a change of its role, stays unknown to EC2 and Auto Scaling.
    pub iam_propagation: Range,
    /// How long a role's new policy stays without effect.
    pub policy_propagation: Range,
    /// A record from PENDING to INSYNC.
    pub dns_sync: Range,
}

impl Default for Timings {
    /// Third-party figures where there are any (cold launch to SSH about 26 s, pending to running 5–17 s); AWS commits
    /// to none.
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
            terminated_shown_ms: 3_600_000,
            instance_stop: Range::new(10_000, 30_000),
            health_detect: Range::new(5_000, 60_000),
            health_impaired: Range::new(120_000, 240_000),
            group_reaction: Range::new(500, 4_000),
            group_delete: Range::new(2_000, 20_000),
            launch_backoff: Range::new(10_000, 20_000),
            iam_propagation: Range::new(3_000, 12_000),
            policy_propagation: Range::new(2_000, 10_000),
            dns_sync: Range::new(10_000, 55_000),
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
