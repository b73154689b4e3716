//! `selfheal certificate`: how the certificate of the stack's HTTPS is, as its instance noted it.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use selfheal_aws::{Scope, request_id};
use selfheal_core::Names;
use selfheal_core::request::Request;
use selfheal_core::status::CertificateStatus;
use serde::Serialize;

use crate::cli::CertificateArgs;
use crate::duration::age;
use crate::error::CliError;
use crate::exit;
use crate::progress::Reporter;
use crate::session::Session;

/// What `certificate` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Certificate {
    /// The stack's name.
    stack: String,
    /// The certificate.
    certificate: CertificateStatus,
    /// What the instance answered to what it was asked to do; `null` where it was asked for nothing.
    answer: Option<String>,
}

/// For how long an answer is waited for: an authority may take minutes, and so may the DNS before it.
const ANSWER_MAX: SignedDuration = SignedDuration::from_secs(900);

/// Shows the certificate, after having the instance do something about it where that is asked for.
///
/// # Errors
/// The stack's file has no `[https]`, or the stack cannot be read; no instance serves, or it did not do what it was asked.
pub fn run(session: &Session, args: &CertificateArgs) -> Result<u8, CliError> {
    if session.spec.https.is_none() {
        let message = "there is no certificate: the stack's file has no [https]";
        return Err(CliError::Usage(message.to_owned()));
    }
    if let Some(verb) = args.verb() {
        return ask(session, args, verb);
    }
    let observed = session.observe(Scope::Sleep)?;
    let Some(certificate) = CertificateStatus::of(&session.spec, observed.group.as_ref()) else {
        return Ok(exit::DONE);
    };
    if args.json {
        let (stack, answer) = (session.spec.name.clone(), None);
        session.output.report(&Certificate {
            stack,
            certificate,
            answer,
        })?;
    } else {
        let now = session.backend.now();
        session.output.text(&show(&certificate, now))?;
    }
    Ok(exit::DONE)
}

/// Has the instance that serves do something about the certificate, and shows what came of it.
fn ask(session: &Session, args: &CertificateArgs, verb: &str) -> Result<u8, CliError> {
    let (aws, spec) = (session.backend.aws(), &session.spec);
    let name = Names::of(spec).group;
    let group = session.ask(aws.describe_group(&name))?;
    let members = group.iter().flat_map(|group| &group.instances);
    let serving = members
        .clone()
        .find(|member| member.is_serving())
        .map(|member| member.id.clone());
    let instance = serving.ok_or_else(|| CliError::NotConnected {
        message: "no instance is in service that could be asked".to_owned(),
        help: "`selfheal status` tells why; `selfheal wait` waits until one is".to_owned(),
    })?;
    let reporter = Reporter::new("waiting for the instance to answer", session.events.as_ref());
    let control = session.backend.control(&reporter);
    let request = Request::new(&request_id(&control), verb, &[]);
    let request = request.map_err(|error| CliError::Failed(error.to_string()))?;
    let asked = session.ask(selfheal_aws::ask(aws, spec, &instance, &request, ANSWER_MAX, &control));
    reporter.finish();
    let reply = asked?.ok_or_else(|| {
        let message = format!(
            "{instance} has not answered within {}: it may still do it, and `selfheal certificate` tells",
            age(ANSWER_MAX.as_secs().unsigned_abs())
        );
        CliError::Failed(message)
    })?;
    if !reply.done {
        return Err(CliError::Failed(format!(
            "{instance} could not ({verb}): {}",
            reply.words
        )));
    }
    if !args.json {
        session.output.text(&format!("{instance}: {}\n", reply.words))?;
        return Ok(exit::DONE);
    }
    // It was noted before the answer.
    let group = session.ask(aws.describe_group(&name))?;
    let (stack, answer) = (spec.name.clone(), Some(reply.words));
    if let Some(certificate) = CertificateStatus::of(spec, group.as_ref()) {
        session.output.report(&Certificate {
            stack,
            certificate,
            answer,
        })?;
    }
    Ok(exit::DONE)
}

/// The certificate as a person reads it, a line each.
fn show(certificate: &CertificateStatus, now: Timestamp) -> String {
    if !certificate.noted {
        return "No instance has noted anything of a certificate yet: it does so seconds after it serves.\n".to_owned();
    }
    let after = |at: Timestamp| {
        let seconds = at.duration_since(now).as_secs();
        let apart = age(seconds.unsigned_abs());
        if seconds > 0 {
            format!("{at}, in {apart}")
        } else {
            format!("{at}, {apart} ago")
        }
    };
    let nothing = || "never".to_owned();
    let rows = [
        ("names", certificate.names.join(", ")),
        ("missing", certificate.missing.join(", ")),
        (
            "issuer",
            certificate
                .ca
                .clone()
                .unwrap_or_else(|| "the instance itself: nobody trusts it".to_owned()),
        ),
        ("expires", certificate.until.map_or_else(String::new, after)),
        ("renewal", certificate.renews.map_or_else(String::new, after)),
        ("tried", certificate.tried.map_or_else(nothing, after)),
        ("error", certificate.error.clone().unwrap_or_default()),
    ];
    let rows = rows.iter().filter(|(_, text)| !text.is_empty());
    rows.map(|(name, text)| format!("{name:<9} {text}\n")).collect()
}
