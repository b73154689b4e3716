//! Exit codes: each means one thing, and scripts may rely on it.

use selfheal_aws::{ApplyError, ApplyErrorKind, CallError, CallErrorKind};

use crate::error::CliError;

/// Done, or nothing to do.
pub const DONE: u8 = 0;
/// Failed, for a reason without a code of its own.
pub const FAILED: u8 = 1;
/// Bad usage of the command line.
pub const USAGE: u8 = 2;
/// `plan --check`: something would change, or waits for a person; `status --check`: healthy, on an older version than a
/// replacement would be, or somebody who is to be told of what happens is not.
pub const PENDING: u8 = 3;
/// Not confirmed: declined, or there was no terminal to ask on and no `--yes`.
pub const DECLINED: u8 = 4;
/// Refused by the plan as unsafe or impossible.
pub const REFUSED: u8 = 5;
/// The stack's file is invalid.
pub const SPEC: u8 = 6;
/// AWS denied a call, or there are no valid credentials.
pub const DENIED: u8 = 7;
/// The stack changed after the plan was shown, or somebody else's run on it won.
pub const CHANGED: u8 = 8;
/// `status --check`: it may serve, and would not heal; `doctor`: something would fail.
pub const CANNOT_HEAL: u8 = 9;
/// `status --check`: it does not serve.
pub const DOWN: u8 = 10;
/// `shell` and `forward`: the AWS CLI or its plug-in for Session Manager is not installed.
pub const TOOL_MISSING: u8 = 11;
/// `shell`, `forward` and `run`: there is no instance that can be reached.
pub const NOT_CONNECTED: u8 = 12;
/// `apply`, `replace`, `rollback` and `wait`: what was to be done is done, and the stack does not serve.
pub const NOT_SERVING: u8 = 13;
/// `run`: the command did not run to its end. One that did ends `run` with its own status.
pub const COMMAND: u8 = 255;
/// Interrupted, by a key, by whoever stops services, or because the terminal went away.
pub const INTERRUPTED: u8 = 130;

/// The codes as `selfheal --help` shows them.
pub const HELP: &str = "\
Exit codes:
    0  done, or nothing to do
    1  failed
    2  bad usage
    3  plan --check: something would change, or the stack is parked; status --check: outdated,
       without its snapshots, or somebody is not told
    4  not confirmed: declined, or no terminal to ask on and no --yes
    5  refused by the plan as unsafe or impossible
    6  the stack's file is invalid
    7  AWS denied a call, or there are no valid credentials
    8  the stack changed after the plan was shown, or somebody else's run on it won
    9  status --check: would not heal; doctor: something would fail
   10  status --check: does not serve
   11  shell, forward: the AWS CLI or its plug-in for Session Manager is not installed
   12  shell, forward, run: there is no instance that can be reached
   13  apply, replace, rollback, wait: done, and the stack does not serve
  130  interrupted
  255  run: the command did not run to its end; one that did ends run with its own status";

/// Returns the word for an exit code in JSON, which is as stable as the code.
#[must_use]
pub const fn word(code: u8) -> &'static str {
    match code {
        USAGE => "usage",
        DECLINED => "declined",
        REFUSED => "refused",
        SPEC => "spec",
        DENIED => "denied",
        CHANGED => "changed",
        TOOL_MISSING => "tool-missing",
        NOT_CONNECTED => "not-connected",
        NOT_SERVING => "not-serving",
        COMMAND => "command",
        INTERRUPTED => "interrupted",
        _ => "failed",
    }
}

/// Returns the exit code of an error.
#[must_use]
pub fn of(error: &CliError) -> u8 {
    match error {
        CliError::Spec { .. } | CliError::SpecUnreadable { .. } => SPEC,
        CliError::Usage(_) => USAGE,
        CliError::Refused(_) => REFUSED,
        CliError::Moved(_) => CHANGED,
        CliError::Declined(_) | CliError::NotConfirmed(_) => DECLINED,
        CliError::Call { error, .. } => of_call(error),
        CliError::Apply { error, .. } => of_apply(error),
        CliError::Interrupted(_) => INTERRUPTED,
        CliError::ToolMissing { .. } => TOOL_MISSING,
        CliError::NotConnected { .. } => NOT_CONNECTED,
        CliError::NotServing { .. } => NOT_SERVING,
        CliError::Command(_) => COMMAND,
        CliError::Output(_) | CliError::World { .. } | CliError::Demo(_) | CliError::Failed(_) => FAILED,
    }
}

fn of_call(error: &CallError) -> u8 {
    match error.kind() {
        CallErrorKind::Denied | CallErrorKind::Unauthenticated => DENIED,
        _ => FAILED,
    }
}

fn of_apply(error: &ApplyError) -> u8 {
    match &error.kind {
        ApplyErrorKind::Changed(_) | ApplyErrorKind::Overtaken(_) => CHANGED,
        ApplyErrorKind::Refused(_) => REFUSED,
        _ => error.call().map_or(FAILED, of_call),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_code_once() {
        let codes = [
            DONE,
            FAILED,
            USAGE,
            PENDING,
            DECLINED,
            REFUSED,
            SPEC,
            DENIED,
            CHANGED,
            CANNOT_HEAL,
            DOWN,
            TOOL_MISSING,
            NOT_CONNECTED,
            NOT_SERVING,
            INTERRUPTED,
            COMMAND,
        ];
        let listed: Vec<u8> = HELP
            .lines()
            .filter_map(|line| line.split_whitespace().next()?.parse().ok())
            .collect();
        assert_eq!(listed, codes);
    }

    #[test]
    fn a_failed_call_is_denied_or_just_failed() {
        let code = |kind| {
            let error = Box::new(CallError::new(kind, "ec2:CreateVolume", "no"));
            of(&CliError::Call { error, statement: None })
        };
        assert_eq!(code(CallErrorKind::Denied), DENIED);
        assert_eq!(code(CallErrorKind::Unauthenticated), DENIED);
        assert_eq!(code(CallErrorKind::Throttled), FAILED);
        assert_eq!(code(CallErrorKind::Unreachable), FAILED);
    }
}
