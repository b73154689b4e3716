#![doc = include_str!("../README.md")]

mod config;
mod error;
mod exit;
mod program;
mod quote;
mod render;
mod settings;
mod step;
mod units;

pub use config::{AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, Probe};
pub use error::{RenderError, RenderErrorKind};
pub use exit::BootExit;
pub use quote::quote;
pub use render::{CONFIG_PATH, SETUP_PATH, USER_DATA_MAX_BYTES, UserData, decode, render};
pub use settings::{Settings, settings};
pub use step::{Step, commands};
pub use units::{APP_TARGET, BOOT_UNIT, PROGRAM_PATH, WATCH_UNIT, WATCHDOG_TIMER, WATCHDOG_UNIT, mount_unit};
