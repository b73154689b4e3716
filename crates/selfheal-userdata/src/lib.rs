#![doc = include_str!("../README.md")]

mod bundle;
mod config;
mod error;
mod exit;
mod file;
mod mount;
mod program;
mod quote;
mod read;
mod render;
mod settings;
mod step;
mod units;
mod word;

pub use bundle::{BUNDLE_CHUNKS_MAX, BUNDLE_MAX_BYTES, Bundle, unbundle};
pub use config::{AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, Probe};
pub use error::{RenderError, RenderErrorKind};
pub use exit::BootExit;
pub use file::{BootFile, FileFault};
pub use mount::mount_unit;
pub use quote::quote;
pub use read::{ReadError, read, read_with_bundle};
pub use render::{CONFIG_PATH, SETUP_PATH, USER_DATA_MAX_BYTES, UserData, decode, may_need_bundle, render};
pub use settings::{Settings, settings};
pub use step::{Step, commands};
pub use units::{APP_TARGET, BOOT_UNIT, PROGRAM_PATH, WATCH_UNIT, WATCHDOG_TIMER, WATCHDOG_UNIT};
