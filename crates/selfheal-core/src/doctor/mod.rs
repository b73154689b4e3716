//! What would stop a first apply, or a replacement tomorrow: each thing that has to hold, what was found of it, and what mends it.
//!
//! Facts in, findings out: a backend fills [`Facts`], [`examine`] says what they mean. Nothing is asked here, and what was not
//! asked, or was not told, is said as not known and never as well.

mod account;
mod ask;
mod display;
mod launch;
mod name;
mod quota;
mod replacement;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Refusal, plan};
use crate::spec::Spec;
use crate::world::{DefaultRoute, Identity, Observed, RunningInstance};

pub use ask::{ContextKind, ContextValue, PermissionRequest, permission_requests};
pub use quota::{ADDRESS_QUOTA, Quota, quota_of_type, vcpu_quota};

/// What was asked, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reading<T> {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// What was told.
    Told(T),
    /// Why it is not known: a clause.
    Unknown(String),
}

impl<T> Reading<T> {
    /// What was told.
    #[must_use]
    pub const fn told(&self) -> Option<&T> {
        match self {
            Self::Told(value) => Some(value),
            Self::NotAsked | Self::Unknown(_) => None,
        }
    }
}

/// All that a doctor knows.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Whether nobody answered who calls: no network, an outage, a service that takes no more calls. Credentials may be sound then.
    pub unanswered: bool,
    /// Whose credentials are in use.
    pub identity: Reading<Identity>,
    /// The stack, with its instances, and with what is asked before something is made, whether or not it is made.
    pub stack: Reading<Observed>,
    /// By how many seconds this machine's clock is ahead of AWS's.
    pub clock_ahead_s: Reading<i64>,
    /// What IAM says of each action that an apply needs.
    pub permissions: Reading<Vec<Permission>>,
    /// How many Elastic IPs the account may hold in the Region.
    pub address_quota: Reading<u32>,
    /// How many vCPUs of the spec's family and market may run in the Region.
    pub vcpu_quota: Reading<u32>,
    /// What runs in the Region, whosever it is.
    pub running: Reading<Vec<RunningInstance>>,
    /// The way out of the stack's subnet.
    pub route: Reading<DefaultRoute>,
    /// The name servers of the hosted zone, as Route 53 tells them.
    pub zone_servers: Reading<Vec<String>>,
    /// The name servers of the zone's name, as the DNS tells them.
    pub delegation: Reading<Vec<String>>,
    /// The CAA records that hold for each name of the certificate, as the DNS tells them.
    pub caa: Reading<Vec<CaaSet>>,
}

/// What IAM says of one action on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The action, such as `ec2:CreateVolume`.
    pub action: String,
    /// The resource, or `*`.
    pub resource: String,
    /// Whether it is allowed.
    pub allowed: bool,
}

/// The CAA records that hold for a name: those of the name, or of the nearest name above it that has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaaSet {
    /// The name.
    pub name: String,
    /// Tag, such as `issue`, and value of each.
    pub records: Vec<(String, String)>,
}

/// What came of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Well,
    /// It is not known.
    Unknown,
    /// Something would fail.
    Fails,
}

/// Declares the checks in one table, in the order in which they are told: the variant, its word, what is needed.
macro_rules! checks {
    ($($(#[$doc:meta])* $code:ident = $word:literal, $needed:literal;)*) => {
        /// What is checked, in the order in which it is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum CheckCode {
            $($(#[$doc])* #[serde(rename = $word)] $code,)*
        }

        impl CheckCode {
            /// Every check there is.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// A stable word for scripts, as JSON spells it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$code => $word,)* }
            }

            /// What is needed: a clause.
            #[must_use]
            pub const fn needed(self) -> &'static str {
                match self { $(Self::$code => $needed,)* }
            }
        }
    };
}

checks! {
    /// Whether there are credentials, and whose they are.
    Credentials = "credentials", "credentials that AWS accepts";
    /// This machine's clock beside AWS's.
    Clock = "clock", "a clock within five minutes of AWS's, which refuses what is signed at another time";
    /// What IAM lets the caller do.
    Permissions = "permissions", "all that an apply does, as `selfheal policy operator` lists it";
    /// Whether the stack can be read.
    Stack = "stack", "that all of the stack can be read";
    /// The default VPC, or the subnet and security groups that the spec names.
    Network = "network", "a subnet and security groups that exist";
    /// The way out of the subnet.
    Route = "route", "a route to an internet gateway: without one nobody reaches the Elastic IP";
    /// The instance types.
    InstanceType = "instance-type", "an instance type that the zone offers, with NVMe where there is a data volume";
    /// The image.
    Image = "image", "an image that exists, of the type's architecture, and no larger than the root volume";
    /// How many Elastic IPs the account may hold.
    AddressQuota = "address-quota", "room for the stack's Elastic IP";
    /// How many vCPUs the account may run.
    VcpuQuota = "vcpu-quota", "room for the stack's vCPUs; a replacement takes the place of the one before";
    /// The keys that encrypt the volumes.
    Key = "encryption-key", "keys of the stack's Region, named by their ARN, that the volumes were made with";
    /// The hosted zone and the record.
    HostedZone = "hosted-zone", "one public hosted zone, and a record that is the stack's to write";
    /// The delegation of the hosted zone.
    Delegation = "delegation", "that the DNS sends whoever asks for the name to the hosted zone";
    /// The CAA records of the certificate's names.
    Caa = "caa", "CAA records that let the certificate authority issue, or none";
    /// What else a plan refuses.
    Plan = "plan", "nothing that a plan refuses";
    /// What would stop a replacement today.
    Replacement = "replacement", "a group that is free to replace its instance, with all that the next one needs";
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Check {
    /// What is checked: a stable word for scripts.
    pub code: CheckCode,
    /// What came of it.
    pub verdict: Verdict,
    /// What was found, or why it is not known: a clause.
    pub found: String,
    /// What is needed: a clause.
    pub needed: String,
    /// What mends it, or asks what is not known: a command, or a clause; `null` where it is well.
    pub mend: Option<String>,
}

impl Check {
    fn well(code: CheckCode, found: impl Into<String>) -> Self {
        Self {
            code,
            verdict: Verdict::Well,
            found: found.into(),
            needed: code.needed().to_owned(),
            mend: None,
        }
    }

    fn fails(code: CheckCode, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fails,
            mend: Some(mend.into()),
            ..Self::well(code, found)
        }
    }

    fn unknown(code: CheckCode, why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Unknown,
            mend: Some(mend.into()),
            ..Self::well(code, why)
        }
    }
}

/// What a doctor finds. Its shape is stable: fields are added, never renamed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct DoctorReport {
    /// The stack's name.
    pub stack: String,
    /// The Region.
    pub region: String,
    /// The account's twelve digits; `null` where there are no credentials.
    pub account: Option<String>,
    /// Whether nothing was found that would fail. What is not known does not count.
    pub well: bool,
    /// Each check that concerns this stack, in one order.
    pub checks: Vec<Check>,
}

impl DoctorReport {
    /// The checks that fail.
    pub fn failing(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.verdict == Verdict::Fails)
    }
}

/// What a stack was found to be, with the plan that follows from it.
struct Read<'a> {
    spec: &'a Spec,
    observed: &'a Observed,
    plan: &'a Plan,
}

impl Read<'_> {
    /// Those of the plan's refusals that one check is about.
    fn refused(&self, code: CheckCode) -> Vec<&Refusal> {
        let refusals = self.plan.refusals.iter();
        refusals.filter(|refusal| is_about(&refusal.code) == code).collect()
    }

    /// A check that fails where the plan refuses something that it is about.
    fn unless_refused(&self, code: CheckCode, well: impl FnOnce() -> Check) -> Check {
        match self.refused(code).as_slice() {
            [] => well(),
            refused => {
                let found: Vec<&str> = refused.iter().map(|refusal| refusal.message.as_str()).collect();
                let mend: Vec<&str> = refused.iter().map(|refusal| refusal.help.as_str()).collect();
                Check::fails(code, found.join("; "), mend.join("; "))
            }
        }
    }
}

/// The check that a refusal belongs to, by its stable word.
fn is_about(refusal: &str) -> CheckCode {
    match refusal {
        "type-unknown" | "type-not-offered" | "type-without-nvme" => CheckCode::InstanceType,
        "image-missing" | "image-architecture" | "root-too-small" => CheckCode::Image,
        "no-default-vpc" | "subnet-missing" | "no-subnet-in-zone" | "security-group-missing" | "security-group-vpc" => {
            CheckCode::Network
        }
        "address-quota" => CheckCode::AddressQuota,
        "default-key-alias" | "key-region" | "volume-key" => CheckCode::Key,
        "zone-missing"
        | "zone-private"
        | "zone-ambiguous"
        | "record-foreign"
        | "record-outside-zone"
        | "challenge-outside-zone"
        | "record-unusual" => CheckCode::HostedZone,
        _ => CheckCode::Plan,
    }
}

/// Says what the facts mean for a stack. It is total: whatever is not known is a finding, too.
#[must_use]
pub fn examine(spec: &Spec, facts: &Facts) -> DoctorReport {
    let mut checks = vec![account::credentials(facts)];
    checks.extend(account::clock(facts));
    checks.extend(account::permissions(facts));
    match &facts.stack {
        Reading::Told(observed) => {
            let plan = plan(spec, observed);
            let read = Read {
                spec,
                observed,
                plan: &plan,
            };
            checks.push(Check::well(CheckCode::Stack, "it can be read"));
            checks.extend(of_stack(&read, facts));
        }
        Reading::Unknown(why) => checks.push(Check::fails(
            CheckCode::Stack,
            why,
            "see that the operator has the policies for plan and for status: `selfheal policy operator --for plan`",
        )),
        Reading::NotAsked => {}
    }
    DoctorReport {
        stack: spec.name.clone(),
        region: spec.region.clone(),
        account: facts.identity.told().map(|identity| identity.account.clone()),
        well: checks.iter().all(|check| check.verdict != Verdict::Fails),
        checks,
    }
}

/// The checks of what was read of a stack, and of what was asked because of it.
fn of_stack(read: &Read<'_>, facts: &Facts) -> Vec<Check> {
    let mut checks = vec![launch::network(read)];
    checks.extend(launch::route(facts));
    checks.extend([launch::instance_type(read), launch::image(read)]);
    checks.extend(quota::addresses(read, facts));
    checks.extend(quota::vcpus(read, facts));
    checks.push(launch::key(read));
    checks.extend(name::hosted_zone(read));
    checks.extend(name::delegation(read, facts));
    checks.extend(name::caa(read, facts));
    checks.push(read.unless_refused(CheckCode::Plan, || {
        Check::well(CheckCode::Plan, "the plan refuses nothing")
    }));
    checks.extend(replacement::replacement(read));
    checks
}

/// What can be said before a first apply of what was read for its plan alone, without a call more; `None` where there is a group,
/// so that it is not the first one.
#[must_use]
pub fn before_first_apply(spec: &Spec, observed: &Observed) -> Option<DoctorReport> {
    if observed.group.is_some() {
        return None;
    }
    let route = observed.default_route.clone();
    let quota = observed.address_quota;
    Some(examine(
        spec,
        &Facts {
            identity: Reading::Told(observed.identity.clone()),
            route: route.map_or(Reading::NotAsked, Reading::Told),
            address_quota: quota.map_or(Reading::NotAsked, Reading::Told),
            stack: Reading::Told(observed.clone()),
            ..Facts::default()
        },
    ))
}
