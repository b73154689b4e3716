//! What an instance's boot program knows, and where it stands.

use selfheal_core::world::{AllocationId, VolumeId};
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
    /// Bundle that its user data names, where they name one.
    #[serde(default)]
    pub bundle: Option<BundleRef>,
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
    /// When the hook's heartbeat was last recorded, or the wait for the volume began, in logical milliseconds; 0 before.
    pub heartbeat_ms: u64,
    /// Whether the mark of first use was removed on this instance.
    pub settled: bool,
    /// Whether the bundle was unpacked on this instance's root disk.
    #[serde(default)]
    pub unpacked: bool,
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
    /// Number of times that its watchers have acted.
    pub watched: u32,
    /// Configuration, read from the user data when the instance was launched; `None` where that holds no boot program.
    pub config: Option<BootConfig>,
}
