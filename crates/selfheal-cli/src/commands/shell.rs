//! `selfheal shell` and `selfheal forward`: sessions on the instance, by the AWS CLI.

use serde_json::json;

use super::reach::instance;
use crate::cli::{ForwardArgs, Global, ShellArgs};
use crate::error::CliError;
use crate::forward::Forward;
use crate::session::Session;
use crate::tools;

/// What the AWS CLI is to be told in place of AWS where the stack is simulated: a name that nobody can have.
const NOWHERE: &str = "https://simulated.invalid";

/// Returns the arguments of the AWS CLI that open a shell, or run a command on a terminal.
///
/// # Errors
/// Those of [`instance`]; a tool that is missing; a word that no shell can hold.
pub fn shell(session: &Session, global: &Global, args: &ShellArgs) -> Result<Vec<String>, CliError> {
    tools::require()?;
    let command = match args.command.as_slice() {
        [] => None,
        words => Some(line(words)?),
    };
    let document = command.map(|command| ("AWS-StartInteractiveCommand", json!({ "command": [command] })));
    start(session, global, document)
}

/// Returns the arguments of the AWS CLI that forward a port.
///
/// # Errors
/// Those of [`instance`]; a tool that is missing; no port that is named.
pub fn forward(session: &Session, global: &Global, args: &ForwardArgs) -> Result<Vec<String>, CliError> {
    let forward = args.ports.clone().or(session.spec.app.port.map(Forward::same));
    let Some(Forward { local, host, port }) = forward else {
        return Err(CliError::Usage(
            "which port? The stack's file names none as `port` in [app]".to_owned(),
        ));
    };
    tools::require()?;
    let (local, port) = (local.to_string(), port.to_string());
    let document = match host {
        None => (
            "AWS-StartPortForwardingSession",
            json!({ "portNumber": [port], "localPortNumber": [local] }),
        ),
        Some(host) => (
            "AWS-StartPortForwardingSessionToRemoteHost",
            json!({ "host": [host], "portNumber": [port], "localPortNumber": [local] }),
        ),
    };
    start(session, global, Some(document))
}

/// Puts words into one line that a shell reads as these words.
///
/// # Errors
/// A word holds a NUL byte.
pub fn line(words: &[String]) -> Result<String, CliError> {
    let joined = shlex::try_join(words.iter().map(String::as_str));
    joined.map_err(|error| CliError::Usage(format!("the command cannot be quoted for a shell: {error}")))
}

fn start(
    session: &Session,
    global: &Global,
    document: Option<(&str, serde_json::Value)>,
) -> Result<Vec<String>, CliError> {
    let target = instance(session)?;
    let mut arguments = vec!["ssm".to_owned(), "start-session".to_owned()];
    let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    add("--region", session.spec.region.clone());
    if let Some(profile) = &global.profile {
        add("--profile", profile.clone());
    }
    let endpoint = match session.backend.is_simulated() {
        true => Some(NOWHERE.to_owned()),
        false => global.endpoint_url.clone(),
    };
    if let Some(endpoint) = endpoint {
        add("--endpoint-url", endpoint);
    }
    add("--target", target.to_string());
    if let Some((document, parameters)) = document {
        add("--document-name", document.to_owned());
        add("--parameters", parameters.to_string());
    }
    Ok(arguments)
}
