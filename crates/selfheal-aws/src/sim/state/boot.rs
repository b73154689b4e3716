//! What an instance's boot program knows, and where it stands.

use std::collections::BTreeMap;

use selfheal_core::world::{AllocationId, HostedZoneId, VolumeId};
use serde::{Deserialize, Serialize};

/// Configuration of an instance's boot program, as far as the model uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BootConfig {
    /// Name of the Auto Scaling group.
    pub group: String,
    /// Name of the launch hook.
    pub launch_hook: String,
    /// Name of the termination hook, where there is one.
    pub terminate_hook: Option<String>,
    /// Allocation id of the address that it takes, `eipalloc-…`.
    pub allocation_id: AllocationId,
    /// Id of the data volume that it takes, `vol-…`; `None` where the stack has none.
    pub volume: Option<VolumeId>,
    /// Filesystem of the data volume, `xfs` or `ext4`; empty without a volume.
    pub filesystem: String,
    /// Whether a watchdog on the instance probes the app.
    pub watchdog: bool,
    /// Whether it counts what EC2's application status checks find.
    pub asks_aws: bool,
    /// Number of failed boots in a row at which the stack parks itself.
    pub breaker_limit: u32,
    /// Log group that it ships its log to, where it ships any.
    #[serde(default)]
    pub log_group: Option<String>,
    /// Topic that it publishes its messages to, where it publishes any.
    #[serde(default)]
    pub topic: Option<String>,
    /// Whether it installs Systems Manager's agent where the image has none.
    #[serde(default)]
    pub installs_agent: bool,
    /// Bundle that its user data names, where they name one.
    #[serde(default)]
    pub bundle: Option<BundleRef>,
    /// Configuration of the app that it fetches, where it has one in Parameter Store.
    #[serde(default)]
    pub parameters: Option<ParametersRef>,
    /// Whether it has a script that runs beside the wait for the volume.
    #[serde(default)]
    pub prepares: bool,
    /// Whether its watchdog restarts the app before it reports the instance.
    #[serde(default)]
    pub repairs: bool,
    /// Whether it reboots the instance, at most once an hour, where that has not helped.
    #[serde(default)]
    pub reboots: bool,
    /// Whether the machine starts anew by itself after a panic or a hang.
    #[serde(default)]
    pub reboot_on_hang: bool,
    /// Names of the certificate that it looks after; empty where it has no HTTPS.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Hosted zone in which it shows an authority whose the names are, where it does so in the DNS.
    #[serde(default)]
    pub challenge_zone: Option<HostedZoneId>,
}

/// Configuration of an app in Parameter Store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParametersRef {
    /// Path of its parameters.
    pub path: String,
    /// Names without which a boot fails.
    pub required: Vec<String>,
    /// Seconds between two looks of a running instance, where it looks at all.
    #[serde(default)]
    pub refresh_s: Option<u32>,
}

/// A parameter as an instance holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldParameter {
    /// The number of the fetch that brought it, from 1 on.
    pub fetch: u64,
    /// Its version.
    pub version: u64,
    /// Its value.
    pub value: String,
}

/// A fetch under way: what its pages have brought so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetching {
    /// The last name of the pages so far.
    pub after: Option<String>,
    /// Version and value of each parameter, by its whole name.
    pub found: BTreeMap<String, (u64, String)>,
    /// Number of calls that failed in a row.
    pub failures: u32,
}

/// A bundle that user data name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleRef {
    /// Path of its parameters.
    pub path: String,
    /// SHA-256 of what it holds.
    pub digest: String,
}

/// Phase of a boot program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BootPhase {
    /// Not begun.
    #[default]
    Off,
    /// Fetches what did not fit into user data.
    Bundle,
    /// Takes the data volume, which is the lock.
    Attach,
    /// Waits for the device.
    Device,
    /// Formats where it may, and mounts.
    Mount,
    /// Fetches the app's configuration.
    Config,
    /// Runs the user's setup and waits for the application.
    Setup,
    /// Takes the address.
    Address,
    /// Completes the launch hook.
    Complete,
    /// Serves; does what could wait.
    Settle,
    /// Serves, and is watched.
    Ready,
    /// Gave up.
    Failed,
    /// Released everything on its way out.
    Left,
}

/// State of an instance's boot program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BootState {
    /// Phase that it is in.
    pub phase: BootPhase,
    /// Beginning of the phase, in logical milliseconds.
    pub since_ms: u64,
    /// Whether the app fails.
    pub app_failed: bool,
    /// When the script that prepares the instance ends, in logical milliseconds, where it has begun on this instance.
    #[serde(default)]
    pub prepared_ms: Option<u64>,
    /// Whether the app fails until it is restarted.
    #[serde(default)]
    pub app_hangs: bool,
    /// Whether its volume stalls.
    #[serde(default)]
    pub stalled: bool,
    /// Since when it waits for a volume that stalls, on its way out, in logical milliseconds.
    #[serde(default)]
    pub stuck_ms: Option<u64>,
    /// When the watchdog restarted the app last, in logical milliseconds.
    #[serde(default)]
    pub repaired_ms: Option<u64>,
    /// Number of repairs that the group's tags do not tell of yet.
    #[serde(default)]
    pub uncounted: u32,
    /// The last repair as a tag tells it: its seconds, its time, the instance and the reason.
    #[serde(default)]
    pub last_repair: String,
    /// When the watchdog rebooted the instance last because of its app, in logical milliseconds.
    #[serde(default)]
    pub rebooted_ms: Option<u64>,
    /// Whether such a reboot is not noted as a repair yet.
    #[serde(default)]
    pub reboot_open: bool,
    /// When the machine started last, in logical milliseconds.
    #[serde(default)]
    pub started_ms: u64,
    /// Whether the machine stopped without shutting down while it served, and has not noted that yet.
    #[serde(default)]
    pub abrupt: bool,
    /// When the hook's heartbeat was last recorded, or the wait for the volume began, in logical milliseconds; 0 before.
    pub heartbeat_ms: u64,
    /// Whether the mark of first use was removed on this instance.
    pub settled: bool,
    /// Whether the bundle was unpacked on this instance's root disk.
    #[serde(default)]
    pub unpacked: bool,
    /// Versions of the app's configuration that it has fetched, as a tag of the group says them.
    #[serde(default)]
    pub fetched: Option<String>,
    /// What it holds of the app's configuration, by the names that it has on the instance.
    #[serde(default)]
    pub held: BTreeMap<String, HeldParameter>,
    /// The look at it that is under way.
    #[serde(default)]
    pub fetching: Option<Fetching>,
    /// Number of fetches that brought all of it, in this boot.
    #[serde(default)]
    pub fetches: u64,
    /// Number of restarts of the app because it had changed, in this boot.
    #[serde(default)]
    pub restarts: u32,
    /// Which of them it noted last in that tag.
    #[serde(default)]
    pub noted: Option<String>,
    /// When Systems Manager's agent connects after this start, in logical milliseconds; 0 before the first.
    #[serde(default)]
    pub agent_ms: u64,
    /// When the agent that it installs connects first, in logical milliseconds, where it has installed one.
    #[serde(default)]
    pub installed_agent_ms: Option<u64>,
    /// Whether the launch hook was completed on this instance, or found to be over.
    pub completed: bool,
    /// Reason of a boot that failed.
    pub failure: Option<String>,
    /// Whether a failure of this boot was counted in the group's tags.
    pub counted: bool,
    /// Whether the application has stayed well for so long that the count of failures was ended.
    #[serde(default)]
    pub stable: bool,
    /// Whether AWS's own outage was what failed it, which counts nothing.
    #[serde(default)]
    pub blameless: bool,
    /// Milliseconds of the current phase that were an outage of AWS.
    #[serde(default)]
    pub excused_ms: u64,
    /// When it last tried, in logical milliseconds.
    #[serde(default)]
    pub tried_ms: u64,
    /// When its association was accepted, in logical milliseconds.
    #[serde(default)]
    pub associated_ms: Option<u64>,
    /// Whether the answer to its association was lost.
    #[serde(default)]
    pub unsure: bool,
    /// Since when it knows that its volume is lost, in logical milliseconds.
    #[serde(default)]
    pub lost_ms: Option<u64>,
    /// What it said last, for the console.
    #[serde(default)]
    pub said: Vec<String>,
    /// What it has to ship yet: the time in milliseconds since 1970, and the text.
    #[serde(default)]
    pub unshipped: Vec<(i64, String)>,
    /// Whether its shipper is about to look.
    #[serde(default)]
    pub shipping: bool,
    /// Number of times in a row that it could not ship.
    #[serde(default)]
    pub ship_failures: u32,
    /// Whether its metadata tells that EC2 takes it back.
    #[serde(default)]
    pub notice: bool,
    /// Whether it has given back what it holds for that.
    #[serde(default)]
    pub noticed: bool,
    /// Whether its system is on its way down: the machine is not off before that.
    #[serde(default)]
    pub goes_off: bool,
    /// Whether it has told that it took another one's place, or found that it did not.
    #[serde(default)]
    pub told: bool,
    /// Whether it could not ask what that rests on, and asks once more.
    #[serde(default)]
    pub unasked: bool,
    /// What it could not tell and tries once more: subjects and texts.
    #[serde(default)]
    pub untold: Vec<(String, String)>,
    /// Since when it tries to count a failure of its app, in logical milliseconds.
    #[serde(default)]
    pub counting_ms: Option<u64>,
    /// Whether its failure has parked the stack.
    #[serde(default)]
    pub parks: bool,
    /// What it has to note yet of the size of the filesystem.
    #[serde(default)]
    pub grown: Option<String>,
    /// Number of times that it has looked after its certificate.
    #[serde(default)]
    pub looks: u32,
    /// Change of records that it waits for before the authority looks, and since when, in logical milliseconds.
    #[serde(default)]
    pub answering: Option<(String, u64)>,
    /// Whether somebody waits for what comes of that.
    #[serde(default)]
    pub wished: bool,
    /// What it has noted of its certificate.
    #[serde(default)]
    pub tls_noted: Option<String>,
    /// Ids of the requests that were taken on this instance, the last one last.
    #[serde(default)]
    pub asked: Vec<String>,
    /// Whether the last of them is still to be done, in this boot.
    #[serde(default)]
    pub doing: bool,
    /// What is still to be answered to the last of them.
    #[serde(default)]
    pub reply: Option<String>,
    /// Number of times that its watchers have acted.
    pub watched: u32,
    /// Configuration, read from the user data when the instance was launched; `None` where that holds no boot program.
    pub config: Option<BootConfig>,
}
