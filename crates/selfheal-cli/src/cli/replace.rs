//! The arguments of `replace`, `rollback` and `wait`.

use std::time::Duration;

use clap::Args;

use crate::duration::command_time;

/// Arguments of `replace`.
#[derive(Debug, Args)]
pub struct ReplaceArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Do not wait until the next instance serves
    #[arg(long)]
    pub no_wait: bool,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The version of the launch template to go back to [default: the one before that which the group is pinned to]
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    pub to: Option<u64>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Do not wait until the next instance serves
    #[arg(long)]
    pub no_wait: bool,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Wait for so long at most, such as 90s or 2h; what the group tries again by itself is waited out
    #[arg(long, value_name = "DURATION", value_parser = command_time, default_value = "30m")]
    pub timeout: Duration,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}
