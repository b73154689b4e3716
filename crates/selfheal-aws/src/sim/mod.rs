//! A simulated AWS on a logical clock, with seeded faults.
//!
//! It holds what selfheal uses of EC2, Auto Scaling, IAM, Route 53, CloudWatch Logs, SSM and STS, and refuses what AWS refuses: a volume
//! attached twice or across zones, a name that is taken, an instance profile that IAM has not spread yet. A group
//! replaces instances that stop, terminate or turn unhealthy, hooks hold, application status checks ask, and each instance
//! runs a model of the boot program, whose calls are authorised by the policy of its role.
//!
//! # Guarantees
//! - A call takes effect once its request has arrived, even if its future was dropped; a crash decides by the seed which
//!   requests still arrive.
//! - Errors have AWS's codes and, where they are known, its words.
//! - The world comes to rest: what repeats has an end, so that [`Sim::settle`] tells whether anything is left to happen.
//! - With [`SimConfig::check_invariants`] the safety invariants are checked after every change and every event. A violation is
//!   part of the trace, and fails [`Sim::block_on`].
//!
//! # What it does not model
//! Instance refresh, warm pools, prices of spot and its capacity by itself, several network interfaces, shared and
//! encrypted snapshots, prices, and the suppression and the network paths of application status checks. Record sets other than A
//! records can be put into a zone, but not by a call.
//!
//! # One seed
//! There is one thread, no real time and no real randomness: equal seeds give byte-equal [traces](Sim::trace).
//!
//! ```
//! use selfheal_aws::sim::{Sim, SimConfig};
//! use selfheal_aws::{Clock, Ec2};
//! use std::time::Duration;
//!
//! let sim = Sim::new(SimConfig::seeded(7));
//! let address = sim.block_on(async {
//!     let address = sim.allocate_address(&Default::default()).await?;
//!     sim.sleep(Duration::from_secs(3600)).await; // An hour passes at once.
//!     Ok::<_, selfheal_aws::CallError>(address)
//! });
//! let address = address.expect("the future ends").expect("the quota allows one");
//! assert!(address.allocation_id.as_str().starts_with("eipalloc-0"));
//! assert!(sim.trace()[0].to_string().contains("ec2:AllocateAddress"));
//! ```

mod application;
mod auth;
mod autoscaling;
mod boot;
mod call;
mod challenge;
mod charge;
mod config;
mod control;
mod dispatch;
mod dns;
mod ec2;
mod events;
mod faults;
mod iam;
mod ids;
mod images;
mod instance_api;
mod invariants;
mod judge;
mod ledger;
mod lifecycle;
mod log_events;
mod log_group;
mod pages;
mod prober;
mod rate;
mod rng;
mod route53;
mod runtime;
mod ssm;
mod state;
mod systems_manager;
mod target;
mod told;
mod topic;
mod trace;
mod world;

pub use call::Caller;
pub use config::{Latency, SimConfig, SubnetConfig, Timings};
pub use control::LoadError;
pub use faults::{Fault, FaultPlan, FaultRule, InFlight, When};
pub use instance_api::InstanceCaller;
pub use invariants::{invariants, unhealed};
pub use ledger::Violation;
pub use rng::{Range, Rng};
pub use runtime::{Sim, SimError};
pub use state::{
    ActivityRecord, AddressRecord, ApplicationCheckRecord, ApplicationResult, ApplicationVerdict, BootConfig,
    BootPhase, BootState, BundleRef, CertificateRecord, CommandRecord, Content, Fetching, Granted, GroupRecord,
    HeldParameter, InstanceRecord, LifecyclePolicyRecord, LogEventRecord, LogGroupRecord, MemberRecord, MessageRecord,
    Modification, OrderRecord, ParameterRecord, ParametersRef, ProfileRecord, Purchase, RolePolicyRecord, RoleRecord,
    SecurityGroupRecord, SnapshotRecord, SubnetRecord, SubscriptionRecord, TemplateRecord, TokenRecord, TopicRecord,
    VolumeRecord, ZoneRecord,
};
pub use trace::{CallTrace, InstanceChange, Outcome, TraceEvent, TraceKind, VolumeChange};
pub use world::{WORLD_SCHEMA, World};
