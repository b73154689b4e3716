//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use selfheal_policy::Purpose;

use crate::duration::duration;
use crate::exit;

/// Makes one EC2 instance heal itself: when it dies it comes back, with the same address, data and name.
#[derive(Debug, Parser)]
#[command(name = "selfheal", version, after_help = exit::HELP, propagate_version = false, max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// The stack's description
    #[arg(short, long, global = true, value_name = "FILE", default_value = "selfheal.toml")]
    pub file: PathBuf,
    /// Profile of the shared AWS configuration, in place of AWS_PROFILE
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), help_heading = "AWS")]
    pub profile: Option<String>,
    /// Region that the stack must be in: a guard, since the stack's own file says where it is
    #[arg(long, global = true, value_name = "REGION", value_parser = NonEmptyStringValueParser::new(), help_heading = "AWS")]
    pub region: Option<String>,
    /// Endpoint of every AWS service, in place of AWS_ENDPOINT_URL
    #[arg(long, global = true, value_name = "URL", value_parser = NonEmptyStringValueParser::new(), help_heading = "AWS")]
    pub endpoint_url: Option<String>,
    /// Where the stack lives: the real AWS, or a simulated one in a file
    #[arg(long, global = true, value_enum, env = "SELFHEAL_BACKEND", hide_env = true, default_value_t = BackendKind::DEFAULT, help_heading = "AWS")]
    pub backend: BackendKind,
    /// File that keeps the simulated AWS between commands [default: .selfheal-sim.json beside the stack's file]
    #[arg(long, global = true, value_name = "FILE", help_heading = "AWS")]
    pub sim_file: Option<PathBuf>,
    /// Log more, on standard error; twice for every API call (SELFHEAL_LOG takes a filter)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to colour; NO_COLOR is respected
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColourChoice::Auto)]
    pub color: ColourChoice,
}

/// Where the stack lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendKind {
    /// The real AWS
    Aws,
    /// A simulated AWS, kept in a file
    Sim,
}

impl BackendKind {
    /// The real AWS, where this build has it.
    pub const DEFAULT: Self = if cfg!(feature = "sdk") { Self::Aws } else { Self::Sim };
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    /// On terminals, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what would change, and why; touches nothing
    Plan(PlanArgs),
    /// Make the stack as its file says; safe to interrupt and to run again
    Apply(ApplyArgs),
    /// Show instance, address, volume, name and health
    Status(StatusArgs),
    /// Remove the stack; the address and the data stay unless each is named
    Destroy(DestroyArgs),
    /// Let a stack that has parked itself replace its instance again
    Resume(ResumeArgs),
    /// Take the instance away for a while; address, data and all else stay
    Sleep(SleepArgs),
    /// Bring the instance of a sleeping stack back
    Wake(WakeArgs),
    /// Print a least-privilege policy as JSON
    Policy(PolicyArgs),
    /// Print the boot program as it would be sent
    Userdata(UserdataArgs),
    /// Watch a stack heal on a simulated AWS: no account needed, nothing is kept
    #[cfg(feature = "sim")]
    Demo(DemoArgs),
}

impl Command {
    /// Tells what standard output is for.
    #[must_use]
    pub fn prints(&self) -> Prints {
        let (json, form) = match self {
            Self::Plan(args) => (args.json, Prints::Document),
            Self::Status(args) => (args.json, Prints::Document),
            Self::Apply(args) => (args.json, Prints::Events),
            Self::Resume(args) => (args.json, Prints::Events),
            Self::Sleep(args) => (args.json, Prints::Events),
            Self::Wake(args) => (args.json, Prints::Events),
            Self::Destroy(args) => (args.json, Prints::Events),
            Self::Policy(_) | Self::Userdata(_) => return Prints::Text,
            #[cfg(feature = "sim")]
            Self::Demo(_) => return Prints::Text,
        };
        if json { form } else { Prints::Text }
    }
}

impl Command {
    /// Tells which of the operator's policies the command needs; `None` of one that acts in nobody's name.
    #[must_use]
    pub const fn purpose(&self) -> Option<Purpose> {
        match self {
            Self::Plan(_) => Some(Purpose::Plan),
            Self::Apply(_) => Some(Purpose::Apply),
            Self::Status(_) => Some(Purpose::Status),
            Self::Destroy(_) => Some(Purpose::Destroy),
            Self::Resume(_) => Some(Purpose::Resume),
            Self::Sleep(_) | Self::Wake(_) => Some(Purpose::Sleep),
            Self::Policy(_) | Self::Userdata(_) => None,
            #[cfg(feature = "sim")]
            Self::Demo(_) => None,
        }
    }
}

/// What standard output is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prints {
    /// People, or a document of somebody else's form.
    Text,
    /// A program that reads one JSON document there, also of a failure.
    Document,
    /// A program that reads a line of JSON for each event of the run, the last of which is its result, also of a failure.
    Events,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,
    /// Exit with 3 when something would change
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Make a new, EMPTY data volume where the stack's own is gone for good; changes nothing where it is not
    #[arg(long)]
    pub new_volume: bool,
    /// Allocate a new Elastic IP where the stack's own is gone for good; changes nothing where it is not
    #[arg(long)]
    pub new_address: bool,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sleep`.
#[derive(Debug, Args)]
pub struct SleepArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Sleep until `selfheal wake`, whatever the schedule says
    #[arg(long, conflicts_with = "at_least")]
    pub until_wake: bool,
    /// Sleep at least so long, such as 3d or 12h; then the schedule holds again, and without one the stack wakes
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub at_least: Option<Duration>,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `wake`.
#[derive(Debug, Args)]
pub struct WakeArgs {
    /// Wait until the instance is in service
    #[arg(long)]
    pub wait: bool,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print the status as JSON
    #[arg(long)]
    pub json: bool,
    /// Exit with 10 when it does not serve, 9 when it would not heal, 3 when its instance is outdated
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `destroy`.
#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Release the Elastic IP too: it is gone for good
    #[arg(long)]
    pub release_address: bool,
    /// Delete the data volume too, once a snapshot of it is complete
    #[arg(long)]
    pub delete_data: bool,
    /// Delete the log group too, with all that was logged
    #[arg(long)]
    pub delete_logs: bool,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `policy`.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// Whose policy
    #[arg(value_enum)]
    pub whose: Whose,
    /// The operator's command that it allows
    #[arg(long = "for", value_name = "COMMAND", default_value = "apply", value_parser = ["plan", "apply", "status", "destroy", "resume", "sleep"])]
    pub purpose: String,
    /// Print one of the managed policies that it makes together, from 1; a managed policy holds 6,144 characters
    #[arg(long, value_name = "NUMBER")]
    pub part: Option<usize>,
    /// What is known without asking AWS.
    #[command(flatten)]
    pub offline: OfflineArgs,
}

/// Whose policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Whose {
    /// The instance's role
    Instance,
    /// Whoever runs selfheal
    Operator,
    /// A permissions boundary that fits the instance's role, for `permissions_boundary`
    Boundary,
}

/// Arguments of `userdata`.
#[derive(Debug, Args)]
pub struct UserdataArgs {
    /// Print it as the launch template holds it: compressed where that pays, in base64
    #[arg(long)]
    pub encoded: bool,
    /// Print what does not fit into it instead, which its bundle in Parameter Store holds
    #[arg(long, conflicts_with = "encoded")]
    pub bundle: bool,
    /// What is known without asking AWS.
    #[command(flatten)]
    pub offline: OfflineArgs,
}

/// What is known without asking AWS.
#[derive(Debug, Args)]
pub struct OfflineArgs {
    /// Do not ask AWS for ids: zeroes stand in their place
    #[arg(long)]
    pub offline: bool,
    /// The account's twelve digits
    #[arg(long, value_name = "ID", requires = "offline", value_parser = account)]
    pub account: Option<String>,
}

/// Arguments of `demo`.
#[cfg(feature = "sim")]
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Everything that is drawn derives from it: the same seed tells the same story
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("expected twelve digits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
