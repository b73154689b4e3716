//! `selfheal run`: a command on the instance, by Run Command, for scripts.

use std::io::Write as _;

use schemars::JsonSchema;
use selfheal_aws::{CallError, Invocation, OUTPUT_CHARS_MAX, SendCommand, await_command, cancel_command, send_command};
use selfheal_core::world::{CommandStatus, InstanceId};
use serde::Serialize;

use super::reach::instance;
use super::shell::line;
use crate::cli::RunArgs;
use crate::error::CliError;
use crate::progress::Reporter;
use crate::session::Session;

/// What came of a command.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Ran {
    /// Id of the command at Run Command.
    command_id: String,
    /// The instance that ran it.
    instance: InstanceId,
    /// How it ended: `Success`, `Failed`, `TimedOut` or `Cancelled`.
    status: CommandStatus,
    /// Its exit status; `null` where it has none.
    exit: Option<i32>,
    /// The first 24,000 characters of its standard output.
    stdout: String,
    /// The first 24,000 characters of its standard error.
    stderr: String,
    /// Whether one of them may have been longer.
    truncated: bool,
}

/// Runs the command; answers its exit status.
///
/// # Errors
/// Those of [`instance`]; a call that failed; [`CliError::Command`] where the command did not run to its end.
pub fn run(session: &Session, args: &RunArgs) -> Result<u8, CliError> {
    let input = SendCommand {
        script: line(&args.command)?,
        instance_id: instance(session)?,
        // Its bounds are those of the command line.
        timeout_s: u32::try_from(args.timeout.as_secs()).unwrap_or(u32::MAX),
    };
    let (command_id, ended) = follow(session, &input)?;
    let truncated = [&ended.stdout, &ended.stderr]
        .iter()
        .any(|text| text.chars().count() >= OUTPUT_CHARS_MAX);
    let code = ended.exit.and_then(|code| u8::try_from(code).ok());
    let ran = Ran {
        command_id,
        instance: input.instance_id,
        status: ended.status.clone(),
        exit: ended.exit,
        stdout: ended.stdout,
        stderr: ended.stderr,
        truncated,
    };
    if args.json {
        session.output.report(&ran)?;
    } else {
        session.output.bytes(ran.stdout.as_bytes())?;
        // That nobody reads standard error any more changes nothing.
        drop(std::io::stderr().write_all(ran.stderr.as_bytes()));
        if truncated {
            eprintln!(
                "note: Run Command keeps the first {OUTPUT_CHARS_MAX} characters of each output; there may have been more"
            );
        }
    }
    match (ran.status, code) {
        (CommandStatus::Success | CommandStatus::Failed, Some(code)) => Ok(code),
        (status, _) => Err(CliError::Command(format!(
            "the command {} on {} did not run to its end: {}",
            ran.command_id,
            ran.instance,
            if ended.details.is_empty() {
                status.to_string()
            } else {
                ended.details
            }
        ))),
    }
}

/// Sends the command and waits for its end. An interrupt cancels it.
fn follow(session: &Session, input: &SendCommand) -> Result<(String, Invocation), CliError> {
    let reporter = Reporter::new("waiting for the command", None);
    let control = session.backend.control(&reporter);
    let aws = session.backend.aws();
    let failed = |error: CallError| session.refused(error);
    let sent = session.backend.block_on(send_command(aws, input, &control));
    let id = sent.inspect_err(|_| eprintln!("note: the command may have been sent, and runs then"))?;
    let id = id.map_err(|error| match error.code.as_deref() {
        // The agent was connected a moment ago.
        Some("InvalidInstanceId") => CliError::NotConnected {
            message: format!("{} takes no command: {error}", input.instance_id),
            help: "`selfheal status` tells whether its agent is connected".to_owned(),
        },
        _ => failed(error),
    })?;
    let ended = session
        .backend
        .block_on(await_command(aws, &id, &input.instance_id, &control));
    reporter.finish();
    match ended {
        Ok(ended) => Ok((id, ended.map_err(failed)?)),
        Err(interrupted @ CliError::Interrupted(_)) => {
            let cancel = cancel_command(aws, &id, &input.instance_id, &control);
            match session.backend.block_on(cancel) {
                Ok(Ok(())) => eprintln!("the command {id} is being cancelled, which AWS does not promise"),
                Ok(Err(error)) => eprintln!("the command {id} was not cancelled: {error}"),
                Err(_) => eprintln!("the command {id} may not be cancelled"),
            }
            Err(interrupted)
        }
        Err(error) => Err(error),
    }
}
