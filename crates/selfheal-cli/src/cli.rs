//! The command line.

mod config;
mod drill;
mod examples;
mod init;
mod reach;
mod replace;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use selfheal_policy::Purpose;

use crate::duration::{ago, command_time, duration};
use crate::exit;

pub use config::{ConfigArgs, ConfigCommand, GetArgs, RemoveArgs, SetArgs};
pub use drill::DrillArgs;
pub use examples::command;
pub use init::InitArgs;
pub use reach::{ForwardArgs, RunArgs, ShellArgs};
pub use replace::{ReplaceArgs, RollbackArgs, WaitArgs};

/// Makes one EC2 instance heal itself: when it dies it comes back, with the same address, data and name.
#[derive(Debug, Parser)]
#[command(name = "selfheal", version = env!("SELFHEAL_VERSION"), after_help = exit::HELP, propagate_version = false, max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
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
    /// Write a first description of a stack, from what the account has
    Init(InitArgs),
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
    /// Replace the running instance by the next one, such as what an apply has changed; the stack is down for a while
    Replace(ReplaceArgs),
    /// Go back to what was launched before, and replace the instance; the stack is down for a while
    Rollback(RollbackArgs),
    /// Make the stack fail, watch it heal, and keep the proof; the stack is down for a while
    Drill(DrillArgs),
    /// Wait until the stack serves
    Wait(WaitArgs),
    /// Take the instance away for a while; address, data and all else stay
    Sleep(SleepArgs),
    /// Bring the instance of a sleeping stack back
    Wake(WakeArgs),
    /// Read and change the app's configuration in Parameter Store
    Config(ConfigArgs),
    /// Take a snapshot of the data volume
    Snapshot(SnapshotArgs),
    /// List the snapshots, and the volumes that are kept beside the data volume
    Snapshots(SnapshotsArgs),
    /// Go back to an earlier state of the data; what was is kept, and `--undo` goes back to it
    Restore(RestoreArgs),
    /// Show what the stack's instances logged, also those that are gone
    Logs(LogsArgs),
    /// Try whether those are told of what happens who are to be told
    Notify(NotifyArgs),
    /// Show the certificate of the stack's HTTPS: names, issuer, expiry, next renewal, last attempt; renew it, or go back to the one before
    Certificate(CertificateArgs),
    /// Open a shell on the instance by Session Manager: no key, no open port
    Shell(ShellArgs),
    /// Forward a port of this machine to the instance, or through it to another host
    Forward(ForwardArgs),
    /// Run a command on the instance, and end as it does
    Run(RunArgs),
    /// Check what would stop a first apply or a replacement: credentials, permissions, quotas, image, network, name
    Doctor(DoctorArgs),
    /// Show what the stack costs a month, by item, and what a load balancer would add; asks nobody
    Cost(CostArgs),
    /// Print a least-privilege policy as JSON
    Policy(PolicyArgs),
    /// Print the boot program as it would be sent
    Userdata(UserdataArgs),
    /// Print the JSON Schema of a stack's file, for editors
    Schema,
    /// Print what completes the command line in a shell
    Completions(CompletionsArgs),
    /// Write the manual's pages into a folder
    Man(ManArgs),
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
            Self::Status(args) if args.watch => (args.json, Prints::Events),
            Self::Status(args) => (args.json, Prints::Document),
            Self::Logs(args) => (args.json, Prints::Lines),
            Self::Notify(args) => (args.json, Prints::Document),
            Self::Certificate(args) => (args.json, Prints::Document),
            Self::Apply(args) => (args.json, Prints::Events),
            Self::Resume(args) => (args.json, Prints::Events),
            Self::Replace(args) => (args.json, Prints::Events),
            Self::Rollback(args) => (args.json, Prints::Events),
            Self::Wait(args) => (args.json, Prints::Events),
            Self::Drill(args) => (args.json, Prints::Events),
            Self::Sleep(args) => (args.json, Prints::Events),
            Self::Wake(args) => (args.json, Prints::Events),
            Self::Destroy(args) => (args.json, Prints::Events),
            Self::Config(args) => (args.command.json(), Prints::Document),
            Self::Snapshot(args) => (args.json, Prints::Events),
            Self::Snapshots(args) => (args.json, Prints::Document),
            Self::Doctor(args) => (args.json, Prints::Document),
            Self::Cost(args) => (args.json, Prints::Document),
            Self::Restore(args) => (args.json, Prints::Events),
            Self::Run(args) => (args.json, Prints::Document),
            Self::Policy(_) | Self::Userdata(_) | Self::Shell(_) | Self::Forward(_) => return Prints::Text,
            Self::Init(_) | Self::Schema | Self::Completions(_) | Self::Man(_) => return Prints::Text,
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
            Self::Apply(_) | Self::Rollback(_) => Some(Purpose::Apply),
            Self::Certificate(args) if args.verb().is_some() => Some(Purpose::Request),
            Self::Status(_) | Self::Wait(_) | Self::Certificate(_) => Some(Purpose::Status),
            Self::Destroy(_) => Some(Purpose::Destroy),
            Self::Resume(_) => Some(Purpose::Resume),
            Self::Sleep(_) | Self::Wake(_) => Some(Purpose::Sleep),
            Self::Replace(_) => Some(Purpose::Replace),
            Self::Drill(args) if args.restore => Some(Purpose::DrillRestore),
            Self::Drill(_) => Some(Purpose::Drill),
            Self::Config(_) => Some(Purpose::Config),
            Self::Snapshot(_) | Self::Snapshots(_) => Some(Purpose::Snapshot),
            Self::Restore(_) => Some(Purpose::Restore),
            Self::Logs(_) => Some(Purpose::Logs),
            Self::Notify(_) => Some(Purpose::Notify),
            Self::Shell(_) => Some(Purpose::Shell),
            Self::Forward(_) => Some(Purpose::Forward),
            Self::Run(_) => Some(Purpose::Run),
            Self::Doctor(_) => Some(Purpose::Doctor),
            Self::Init(_) => Some(Purpose::Init),
            Self::Policy(_) | Self::Userdata(_) | Self::Cost(_) => None,
            Self::Schema | Self::Completions(_) | Self::Man(_) => None,
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
    /// A program that reads a line of JSON for each thing that is read, and one of a failure.
    Lines,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,
    /// Exit with 3 when something would change, but for an image whose name leads to another one today
    #[arg(long)]
    pub check: bool,
    /// Plan the replacement of the instance too, as `apply --replace` would
    #[arg(long)]
    pub replace: bool,
    /// Count such an image as a change
    #[arg(long, requires = "check")]
    pub image: bool,
    /// Save the plan for `apply --plan`; the file holds what the instance runs, and only its owner may read it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
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
    /// Apply what `plan --out` saved, and nothing beyond it; refused where the stack or its file has changed since
    #[arg(long, value_name = "FILE", conflicts_with_all = ["new_volume", "new_address", "replace"])]
    pub plan: Option<PathBuf>,
    /// Allocate a new Elastic IP where the stack's own is gone for good; changes nothing where it is not
    #[arg(long)]
    pub new_address: bool,
    /// Replace the instance too, where it is not what the group launches then, as `replace` does; the stack is down for a while
    #[arg(long)]
    pub replace: bool,
    /// Do not wait until the instance serves
    #[arg(long)]
    pub no_wait: bool,
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

/// Arguments of `snapshot`.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// Wait until it is completed: the first one of a large volume takes hours
    #[arg(long, conflicts_with = "instant")]
    pub wait: bool,
    /// Make a copy of the volume in its zone instead, to go back to at once; it costs what a volume costs
    #[arg(long)]
    pub instant: bool,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `snapshots`.
#[derive(Debug, Args)]
pub struct SnapshotsArgs {
    /// Print the list as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `cost`.
#[derive(Debug, Args)]
pub struct CostArgs {
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A snapshot, `latest` for the newest one, or one of the stack's volumes that `selfheal snapshots` lists
    #[arg(long, value_name = "ID", required_unless_present = "undo", value_parser = restorable)]
    pub from: Option<String>,
    /// Go back to the volume whose place the last restore took, or give up one that was cut off
    #[arg(long, conflicts_with_all = ["from", "zone", "as_copy"])]
    pub undo: bool,
    /// Availability Zone of the new volume, and of the stack from then on
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// The stack's zone is lost: take no last snapshot, and do not wait for the end of its instance
    #[arg(long, requires = "zone")]
    pub zone_lost: bool,
    /// Make a volume of the snapshot that nothing of the stack uses, and change nothing else
    #[arg(long, conflicts_with = "zone_lost")]
    pub as_copy: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Descriptions of stacks, in place of `-f`: of several a line each
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Go on showing what changes, until it is interrupted: redrawn in place on a terminal, a line a change elsewhere
    #[arg(long)]
    pub watch: bool,
    /// Watch for so long, such as 90s or 2h, and end by itself
    #[arg(long = "for", value_name = "DURATION", requires = "watch", value_parser = command_time)]
    pub at_most: Option<Duration>,
    /// Print the status as JSON; with --watch a line of JSON for each change
    #[arg(long)]
    pub json: bool,
    /// Exit with 10 when it does not serve, 9 when it would not heal, 3 when its instance is outdated
    #[arg(long, conflicts_with = "watch")]
    pub check: bool,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Go on showing what is logged, until it is interrupted
    #[arg(long)]
    pub follow: bool,
    /// Show what was logged so long ago or later, such as 30m, 1h or 2d
    #[arg(long, value_name = "DURATION", value_parser = ago)]
    pub since: Option<Duration>,
    /// Show what this instance logged alone
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub instance: Option<String>,
    /// Show what this unit logged alone, with or without `.service`; or an identifier, such as `kernel` or a file's path
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub unit: Option<String>,
    /// Show what selfheal's own units logged alone
    #[arg(long)]
    pub boot: bool,
    /// How many lines at most, the newest [default: 100, with --since all]
    #[arg(long, value_name = "NUMBER")]
    pub lines: Option<usize>,
    /// Print each line as one of JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `notify`.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// Publish a test message to the stack's topic
    #[arg(long, required = true)]
    pub test: bool,
    /// Print what was published as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `certificate`.
#[derive(Debug, Args)]
pub struct CertificateArgs {
    /// Have the instance ask for another certificate now, before it is due; it counts as one of the few a week
    #[arg(long, conflicts_with = "rollback")]
    pub renew: bool,
    /// Have the instance serve the certificate before this one, until the next is due
    #[arg(long)]
    pub rollback: bool,
    /// Print the certificate as JSON
    #[arg(long)]
    pub json: bool,
}

impl CertificateArgs {
    /// What the instance is asked to do, where it is asked for something.
    #[must_use]
    pub const fn verb(&self) -> Option<&'static str> {
        match (self.renew, self.rollback) {
            (true, _) => Some("renew"),
            (_, true) => Some("rollback"),
            _ => None,
        }
    }
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
    #[arg(long = "for", value_name = "COMMAND", default_value = "apply", value_parser = PossibleValuesParser::new(Purpose::ALL.map(Purpose::as_str)))]
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

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder, which is made where there is none
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// Arguments of `demo`.
#[cfg(feature = "sim")]
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Everything that is drawn derives from it: the same seed tells the same story
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

fn restorable(text: &str) -> Result<String, String> {
    if text == "latest" || text.starts_with("snap-") || text.starts_with("vol-") {
        Ok(text.to_owned())
    } else {
        Err("expected `latest`, snap-… or vol-…".to_owned())
    }
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
