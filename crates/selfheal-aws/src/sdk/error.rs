//! From the SDK's errors to [`CallError`].

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId as _;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use hyper_util::client::legacy::Error as HyperError;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::whole::{self, Flaw, look};
use crate::error::{CallError, CallErrorKind, classify, named_action, word_after};

/// AWS accepts signatures that are up to five minutes off; one minute is left for the time that the call took.
const SKEW_NAMED: Duration = Duration::from_secs(4 * 60);

/// What to do about a session that has ended.
const RENEW: &str = "get a new session where this one came from: `aws sso login` for a profile of IAM Identity Center, else \
                     whatever set AWS_SESSION_TOKEN";

/// What the SDK and hyper put above a cause: where it came about and not what it was.
const HEADINGS: [&str; 9] = [
    "service error",
    "unhandled error",
    "dispatch failure",
    "failed to construct request",
    "response error",
    "io error",
    "other",
    "client error (Connect)",
    "an error occurred while loading credentials",
];

/// Turns a failed call of this action, about this resource, into our own error.
pub(super) fn failed<E>(
    action: &'static str,
    resource: Option<&str>,
) -> impl FnOnce(SdkError<E, HttpResponse>) -> CallError + use<E>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let resource = resource.map(str::to_owned);
    move |error| {
        let mut failure = match &error {
            // Half a code is another code: what is cut off says nothing.
            SdkError::ServiceError(answer) if is_cut(answer.raw()) => {
                let status = answer.raw().status().as_u16();
                CallError::new(
                    CallErrorKind::Ambiguous,
                    action,
                    format!("{} (HTTP {status})", Flaw::CutShort),
                )
            }
            SdkError::ServiceError(answer) => answered(action, answer.err(), answer.raw()),
            SdkError::ResponseError(answer) => broken_off(action, answer.raw(), &error),
            SdkError::TimeoutError(_) => CallError::new(CallErrorKind::Ambiguous, action, "no answer in time"),
            SdkError::ConstructionFailure(_) => not_sent(action, &error),
            SdkError::DispatchFailure(_) if find::<HyperError>(&error).is_some_and(HyperError::is_connect) => {
                not_sent(action, &error)
            }
            SdkError::DispatchFailure(_) if find::<CredentialsError>(&error).is_some() => not_sent(action, &error),
            _ => CallError::new(
                CallErrorKind::Ambiguous,
                action,
                format!("the connection was lost before the answer: {}", causes(&error)),
            ),
        };
        failure.request_id = failure.request_id.or_else(|| error.request_id().map(str::to_owned));
        failure.resource = failure.resource.or(resource);
        failure.source = Some(Arc::new(error));
        failure
    }
}

/// Reads `None` where AWS says that the thing does not exist.
pub(super) fn absent<T>(result: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == CallErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn answered<E>(action: &'static str, error: &E, raw: &HttpResponse) -> CallError
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let Some(code) = error.code() else {
        return unreadable(action, raw, error);
    };
    let message = without_blob(error.message().unwrap_or("no reason given"));
    let kind = match (classify(code, message), raw.status().as_u16()) {
        (CallErrorKind::Other, 429) => CallErrorKind::Throttled,
        // A server error with a code that is not known may have come after the effect.
        (CallErrorKind::Other, 500..) => CallErrorKind::Ambiguous,
        (kind, _) => kind,
    };
    let mut failure = CallError::new(kind, action, message);
    failure.code = Some(code.to_owned());
    failure.request_id = error.meta().request_id().map(str::to_owned);
    match kind {
        CallErrorKind::Denied => {
            failure.denied_action = named_action(message).map(str::to_owned);
            failure.resource = word_after(message, "on resource: ").map(str::to_owned);
        }
        CallErrorKind::Unauthenticated => {
            if matches!(code, "ExpiredToken" | "ExpiredTokenException") {
                failure.message = format!("{message}; {RENEW}");
            } else if let Some(skew) = skew(raw.headers().get("date"), Timestamp::now()) {
                failure.message = format!("{message}; {skew}");
            }
        }
        _ => {}
    }
    failure
}

/// An answer that could not be read to its end, or that is not AWS's.
///
/// Whatever its status: that of an answer which was cut off tells no more than that the request arrived.
fn broken_off(action: &'static str, raw: &HttpResponse, error: &(dyn StdError + 'static)) -> CallError {
    let status = raw.status().as_u16();
    match find::<Flaw>(error) {
        // Nothing that passes: a network asks for a sign-in, or the endpoint is another server's.
        Some(flaw @ (Flaw::WebPage | Flaw::Foreign)) => {
            CallError::new(CallErrorKind::Other, action, format!("{flaw} (HTTP {status})"))
        }
        Some(flaw) => CallError::new(CallErrorKind::Ambiguous, action, format!("{flaw} (HTTP {status})")),
        None => CallError::new(
            CallErrorKind::Ambiguous,
            action,
            format!(
                "the connection was lost inside the answer (HTTP {status}): {}",
                causes(error)
            ),
        ),
    }
}

/// An answer that is an error and names no code.
fn without_code(action: &'static str, raw: &HttpResponse) -> CallError {
    let status = raw.status().as_u16();
    let kind = match status {
        // A web server that is no AWS at all answers so. A 500 is a page of a gateway or a fake that stumbled, and the
        // next answer may be a good one: a read is made again.
        404 | 405 | 501 if is_web_page(raw) => {
            let message = format!("the endpoint does not implement this call: HTTP {status} with a web page");
            return CallError::new(CallErrorKind::Other, action, message);
        }
        500 if is_web_page(raw) => {
            let message =
                "HTTP 500 with a web page, as an endpoint answers that failed or does not implement this call";
            return CallError::new(CallErrorKind::Ambiguous, action, message);
        }
        429 => CallErrorKind::Throttled,
        401 | 403 => CallErrorKind::Denied,
        500.. => CallErrorKind::Ambiguous,
        _ => CallErrorKind::Other,
    };
    CallError::new(kind, action, format!("HTTP {status} without an error code"))
}

/// An answer that is neither an error with a code nor what was expected; a success that was cut short looks so, too.
fn unreadable(action: &'static str, raw: &HttpResponse, error: &(dyn StdError + 'static)) -> CallError {
    if !raw.status().is_success() {
        return without_code(action, raw);
    }
    CallError::new(
        CallErrorKind::Ambiguous,
        action,
        format!("the answer cannot be read: {}", causes(error)),
    )
}

/// A request that never left this machine, and so had no effect.
fn not_sent(action: &'static str, error: &(dyn StdError + 'static)) -> CallError {
    match find::<CredentialsError>(error) {
        Some(missing @ CredentialsError::CredentialsNotLoaded(_)) => {
            let message = format!("no credentials: {}", why_missing(missing));
            CallError::new(CallErrorKind::Unauthenticated, action, message)
        }
        Some(other) => {
            let message = format!("the credentials cannot be had: {}", causes(other));
            CallError::new(CallErrorKind::Unauthenticated, action, message)
        }
        None if find::<HyperError>(error).is_some() => CallError::new(
            CallErrorKind::Unreachable,
            action,
            format!("no connection: {}", causes(error)),
        ),
        None => CallError::new(
            CallErrorKind::Unreachable,
            action,
            format!("no request was made: {}", causes(error)),
        ),
    }
}

/// Why there are no credentials: the profile that was named and does not exist, or else where some can be put.
fn why_missing(error: &(dyn StdError + 'static)) -> String {
    let said: Vec<String> = chain(error).map(ToString::to_string).collect();
    let of_profile = said
        .iter()
        .flat_map(|text| text.lines())
        .find_map(|line| Some(&line[line.find("profile `")?..]));
    of_profile.map_or_else(
        || "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`".to_owned(),
        str::to_owned,
    )
}

/// The first error of this type in the chain.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(<dyn StdError>::downcast_ref)
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What the deeper causes say, from the outer to the inner, without the SDK's own headings and without repetition.
pub(super) fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in chain(error) {
        let text = cause.to_string();
        let heading = HEADINGS.contains(&text.as_str());
        if !heading && !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    if said.is_empty() {
        error.to_string()
    } else {
        said.join(": ")
    }
}

fn is_cut(raw: &HttpResponse) -> bool {
    let body = raw.body().bytes().unwrap_or_default();
    look(raw.headers().get("content-type"), body) == Some(Flaw::CutShort)
}

fn is_web_page(raw: &HttpResponse) -> bool {
    let body = raw.body().bytes().unwrap_or_default();
    whole::is_web_page(raw.headers().get("content-type"), body)
}

/// Drops the encoded blob at the end of EC2's refusals: hundreds of characters that only `sts:DecodeAuthorizationMessage`
/// can read, and that push the part for people out of sight.
fn without_blob(message: &str) -> &str {
    message
        .split("Encoded authorization failure message:")
        .next()
        .unwrap_or(message)
        .trim_end()
}

/// Names how far this machine's clock is off, when the answer's `Date` says that it is too far.
fn skew(date: Option<&str>, now: Timestamp) -> Option<String> {
    let theirs = rfc2822::DateTimeParser::new().parse_timestamp(date?).ok()?;
    let off = now.duration_since(theirs);
    if off.unsigned_abs() < SKEW_NAMED {
        return None;
    }
    let side = if off.is_negative() { "behind" } else { "ahead of" };
    Some(format!(
        "this machine's clock is {} min {side} AWS's: set it right",
        off.unsigned_abs().as_secs() / 60
    ))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::operation::create_volume::CreateVolumeError;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    #[test]
    fn what_may_have_been_sent_is_ambiguous() {
        let map = |error| failed::<CreateVolumeError>("ec2:CreateVolume", Some("vol-1"))(error);
        let timed_out = map(SdkError::timeout_error("30 s are over"));
        assert_eq!(timed_out.kind, CallErrorKind::Ambiguous);
        assert_eq!(timed_out.to_string(), "ec2:CreateVolume on vol-1: no answer in time");
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let lost = map(SdkError::dispatch_failure(ConnectorError::io(reset.into())));
        assert_eq!(lost.kind, CallErrorKind::Ambiguous);
        assert_eq!(
            lost.message,
            "the connection was lost before the answer: connection reset"
        );
        let unmade = map(SdkError::construction_failure("no such endpoint"));
        assert_eq!(unmade.kind, CallErrorKind::Unreachable);
        assert_eq!(unmade.message, "no request was made: no such endpoint");
    }

    #[test]
    fn missing_credentials_say_where_they_are_looked_for() {
        let map = |error: CredentialsError| {
            let error = SdkError::dispatch_failure(ConnectorError::other(error.into(), None));
            failed::<CreateVolumeError>("ec2:CreateVolume", None)(error)
        };
        let none = map(CredentialsError::not_loaded("no credentials found in chain"));
        assert_eq!(none.kind, CallErrorKind::Unauthenticated);
        assert!(none.message.contains("set AWS_PROFILE"), "{none}");
        let profile = map(CredentialsError::not_loaded(
            "profile `ops` was not defined: no such section",
        ));
        assert_eq!(
            profile.message,
            "no credentials: profile `ops` was not defined: no such section"
        );
        let broken = map(CredentialsError::provider_error(
            "the token has expired: run `aws sso login`",
        ));
        assert_eq!(broken.kind, CallErrorKind::Unauthenticated);
        assert_eq!(
            broken.message,
            "the credentials cannot be had: the token has expired: run `aws sso login`"
        );
    }

    #[test]
    fn a_refusal_names_action_and_resource_and_loses_its_blob() {
        let message = "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/ops is not \
            authorized to perform: ec2:AllocateAddress on resource: arn:aws:ec2:eu-west-1:123456789012:elastic-ip/* because \
            no identity-based policy allows the ec2:AllocateAddress action. Encoded authorization failure message: aGk0Zg";
        let cut = without_blob(message);
        assert!(cut.ends_with("the ec2:AllocateAddress action."), "{cut}");
        assert_eq!(
            word_after(cut, "not authorized to perform: "),
            Some("ec2:AllocateAddress")
        );
        assert_eq!(
            word_after(cut, "on resource: "),
            Some("arn:aws:ec2:eu-west-1:123456789012:elastic-ip/*")
        );
        assert_eq!(
            word_after("is not authorized to perform: iam:PassRole.", "perform: "),
            Some("iam:PassRole")
        );
        assert_eq!(word_after("no such phrase", "on resource: "), None);
    }

    #[test]
    fn a_skewed_clock_is_named_with_its_side() {
        let date = Some("Mon, 23 Nov 2026 07:00:00 GMT");
        let at = |text: &str| skew(date, text.parse().unwrap());
        assert_eq!(at("2026-11-23T07:03:59Z"), None);
        assert_eq!(at("2026-11-23T06:56:01Z"), None);
        assert_eq!(
            at("2026-11-23T07:12:30Z").unwrap(),
            "this machine's clock is 12 min ahead of AWS's: set it right"
        );
        assert_eq!(
            at("2026-11-23T05:00:00Z").unwrap(),
            "this machine's clock is 120 min behind AWS's: set it right"
        );
        assert_eq!(skew(Some("yesterday"), Timestamp::UNIX_EPOCH), None);
        assert_eq!(skew(None, Timestamp::UNIX_EPOCH), None);
    }
}
