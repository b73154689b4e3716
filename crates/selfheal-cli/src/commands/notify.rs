//! `selfheal notify`: tries whether the stack's messages arrive.

use schemars::JsonSchema;
use selfheal_core::desired::notify_topic;
use serde::Serialize;

use crate::cli::NotifyArgs;
use crate::error::CliError;
use crate::exit;
use crate::session::Session;

/// A message that was published.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Published {
    /// The topic, by its ARN.
    topic: String,
    /// Subject of the message.
    subject: String,
}

/// Publishes a message to the stack's topic.
///
/// # Errors
/// The stack's file names nobody who is told, or a call failed.
pub fn run(session: &Session, args: &NotifyArgs) -> Result<u8, CliError> {
    if session.spec.notify.is_none() {
        let message = "nobody is told anything: the stack's file has no [notify]";
        return Err(CliError::Usage(message.to_owned()));
    }
    let aws = session.backend.aws();
    let account = session.ask(aws.caller_identity())?.account;
    let topic = notify_topic(&session.spec, &account).unwrap_or_default();
    let stack = &session.spec.name;
    let subject = format!("{stack}: test message");
    let text = format!(
        "This is a test by `selfheal notify --test` of stack {stack} in {}.\n\nWho reads it is told what happens to the stack: \
         an instance that replaced another, a boot that failed, a stack that parked itself, a disk that fills up.\n",
        session.spec.region
    );
    session.ask(aws.publish(&topic, &subject, &text))?;
    if args.json {
        session.output.report(&Published { topic, subject })?;
    } else {
        session.output.text(&format!(
            "Published to {topic}: whoever has confirmed a subscription gets \"{subject}\" within a minute.\n"
        ))?;
    }
    Ok(exit::DONE)
}
