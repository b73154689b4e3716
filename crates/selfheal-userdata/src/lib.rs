#![doc = include_str!("../README.md")]

mod agent;
mod app_unit;
mod bundle;
mod config;
mod error;
mod exit;
mod file;
mod https;
mod mount;
mod nginx;
mod parameters;
mod program;
mod quote;
mod read;
mod render;
mod settings;
mod step;
mod units;
mod word;

pub use agent::{AgentPin, AgentSource};
pub use app_unit::{APP_UNITS_MAX, check_app_unit};
pub use bundle::{BUNDLE_CHUNKS_MAX, BUNDLE_MAX_BYTES, Bundle, unbundle};
pub use config::{
    AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, LogShipping, Messages, Prepare, Probe,
    Repair,
};
pub use error::{RenderError, RenderErrorKind};
pub use exit::BootExit;
pub use file::{BootFile, FileFault};
pub use https::{
    Answers, Challenge, ChallengeZone, HTTPS_DOMAINS_MAX, Https, HttpsFault, LETS_ENCRYPT, LETS_ENCRYPT_STAGING,
    SITES_MAX, Site, UPSTREAMS_MAX,
};
pub use mount::mount_unit;
pub use parameters::{PARAMETER_MAX_BYTES, ParameterFault, Parameters, parameter_name, versions_digest};
pub use quote::quote;
pub use read::{ReadError, read, read_with_bundle};
pub use render::{
    CONFIG_PATH, PREPARE_PATH, SETUP_PATH, USER_DATA_MAX_BYTES, UserData, decode, may_need_bundle, render,
};
pub use settings::{Settings, settings};
pub use step::{Step, commands};
pub use units::{
    AGENT_UNIT, APP_TARGET, BOOT_UNIT, CONFIG_TIMER, CONFIG_UNIT, LOGS_UNIT, PROGRAM_PATH, WATCH_UNIT, WATCHDOG_TIMER,
    WATCHDOG_UNIT,
};
