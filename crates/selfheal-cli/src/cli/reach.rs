//! The arguments of what reaches the instance: `shell`, `forward`, `run`.

use std::time::Duration;

use clap::Args;

use crate::duration::command_time;
use crate::forward::Forward;

/// Arguments of `shell`.
#[derive(Debug, Args)]
pub struct ShellArgs {
    /// What to run in place of a shell, on a terminal; `run` is for scripts
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Arguments of `forward`.
#[derive(Debug, Args)]
pub struct ForwardArgs {
    /// PORT, LOCAL:PORT of the instance, or LOCAL:HOST:PORT of a host that the instance reaches [default: the spec's app.port]
    #[arg(value_name = "PORTS")]
    pub ports: Option<Forward>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// How long the command may take, 1s to 48h
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = command_time)]
    pub timeout: Duration,
    /// Print what came of it as JSON
    #[arg(long)]
    pub json: bool,
    /// The command with its arguments; for a line of shell: -- sh -c 'LINE'
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}
