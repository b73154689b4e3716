//! `selfheal certificate`: how the certificate of the stack's HTTPS is, as its instance noted it.

use jiff::Timestamp;
use schemars::JsonSchema;
use selfheal_aws::Scope;
use selfheal_core::status::CertificateStatus;
use serde::Serialize;

use crate::cli::CertificateArgs;
use crate::duration::age;
use crate::error::CliError;
use crate::exit;
use crate::session::Session;

/// What `certificate` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Certificate {
    /// The stack's name.
    stack: String,
    /// The certificate.
    certificate: CertificateStatus,
}

/// Shows the certificate.
///
/// # Errors
/// The stack's file has no `[https]`, or the stack cannot be read.
pub fn run(session: &Session, args: &CertificateArgs) -> Result<u8, CliError> {
    if session.spec.https.is_none() {
        let message = "there is no certificate: the stack's file has no [https]";
        return Err(CliError::Usage(message.to_owned()));
    }
    let observed = session.observe(Scope::Sleep)?;
    let Some(certificate) = CertificateStatus::of(&session.spec, observed.group.as_ref()) else {
        return Ok(exit::DONE);
    };
    if args.json {
        let stack = session.spec.name.clone();
        session.output.report(&Certificate { stack, certificate })?;
    } else {
        let now = session.backend.now();
        session.output.text(&show(&certificate, now))?;
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
