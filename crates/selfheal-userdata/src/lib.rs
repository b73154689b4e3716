#![doc = include_str!("../README.md")]

mod config;
mod error;
mod exit;
mod mount;
mod program;
mod quote;
mod read;
mod render;
mod settings;
mod step;
mod units;
mod word;

pub use config::{AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, Probe};
pub use error::{RenderError, RenderErrorKind};
pub use exit::BootExit;
pub use mount::mount_unit;
pub use quote::quote;
pub use read::{ReadError, read};
pub use render::{CONFIG_PATH, SETUP_PATH, USER_DATA_MAX_BYTES, UserData, decode, render};
pub use settings::{Settings, settings};
pub use step::{Step, commands};
pub use units::{APP_TARGET, BOOT_UNIT, PROGRAM_PATH, WATCH_UNIT, WATCHDOG_TIMER, WATCHDOG_UNIT};
