//! Signature Version 4, verified strictly: what AWS would refuse is refused here.
//!
//! Source: "Create a signed AWS API request" in the IAM user guide. The rules that trip shell scripts are enforced:
//! the token header must be signed, the host is signed with its port, and the date may be five minutes off at most.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::net::Request;

/// How far the date of a request may lie from the server's, in seconds.
const SKEW_S_MAX: i64 = 300;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Why a signature is refused. Each service says this under codes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no usable `Authorization` header, or one that names no date.
    Incomplete(String),
    /// The access key, or its session token, is not known.
    UnknownKey,
    /// The credentials have run out.
    ExpiredKey,
    /// The date lies too far from the server's.
    Skewed {
        /// The date of the request, as it came.
        claimed: String,
        /// The server's date, in the same form.
        now: String,
    },
    /// The signature does not fit the request.
    Mismatch {
        /// What the server computed the signature over.
        canonical: String,
    },
}

/// Credentials that the server accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The secret.
    pub secret: String,
    /// The session token.
    pub token: String,
    /// When they run out.
    pub expires: Timestamp,
}

/// The credential scope of a request: what the signature is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The access key's id.
    pub access_key: String,
    /// The Region.
    pub region: String,
    /// The service, such as `ec2`.
    pub service: String,
    date: String,
    signed: Vec<String>,
    signature: String,
}

impl Scope {
    /// Reads the `Authorization` header, which says whose signature it is and for what.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn read(request: &Request) -> Result<Self, Refusal> {
        let bad = |why: &str| Refusal::Incomplete(why.to_owned());
        let header = request
            .header("authorization")
            .ok_or_else(|| bad("no Authorization header"))?;
        let rest = header
            .strip_prefix(ALGORITHM)
            .ok_or_else(|| bad("not signed with AWS4-HMAC-SHA256"))?;
        let (mut credential, mut signed, mut signature) = ("", "", "");
        for part in rest.split(',') {
            match part.trim().split_once('=') {
                Some(("Credential", value)) => credential = value,
                Some(("SignedHeaders", value)) => signed = value,
                Some(("Signature", value)) => signature = value,
                _ => return Err(bad("an unknown part of the Authorization header")),
            }
        }
        let parts: Vec<&str> = credential.split('/').collect();
        let [access_key, date, region, service, "aws4_request"] = parts[..] else {
            return Err(bad(
                "a credential scope that is not key/date/region/service/aws4_request",
            ));
        };
        if signed.is_empty() || signature.is_empty() {
            return Err(bad("no signed headers, or no signature"));
        }
        Ok(Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            date: date.to_owned(),
            signed: signed.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
        })
    }

    /// Verifies the request's signature against these credentials, at the server's time `now`.
    ///
    /// # Errors
    /// With the first rule that it breaks.
    pub fn verify(&self, request: &Request, known: &Known, now: Timestamp) -> Result<(), Refusal> {
        let bad = |why: String| Refusal::Incomplete(why);
        let claimed = request
            .header("x-amz-date")
            .ok_or_else(|| bad("no x-amz-date header".to_owned()))?;
        let at = parse_date(claimed).ok_or_else(|| bad(format!("a date that is not ISO 8601 basic: {claimed}")))?;
        if !claimed.starts_with(&self.date) {
            return Err(bad("the scope's date is not that of the request".to_owned()));
        }
        if now.as_second().abs_diff(at.as_second()) > SKEW_S_MAX.unsigned_abs() {
            return Err(Refusal::Skewed {
                claimed: claimed.to_owned(),
                now: format_date(now),
            });
        }
        if request.header("x-amz-security-token") != Some(known.token.as_str()) {
            return Err(Refusal::UnknownKey);
        }
        if now >= known.expires {
            return Err(Refusal::ExpiredKey);
        }
        self.check_signed_headers(request)?;
        let canonical = self.canonical(request)?;
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let to_sign = format!(
            "{ALGORITHM}\n{claimed}\n{scope}\n{}",
            hex(&Sha256::digest(canonical.as_bytes()))
        );
        let mut key = format!("AWS4{}", known.secret).into_bytes();
        for part in [self.date.as_str(), &self.region, &self.service, "aws4_request"] {
            key = hmac(&key, part);
        }
        if hex(&hmac(&key, &to_sign)) == self.signature {
            return Ok(());
        }
        Err(Refusal::Mismatch { canonical })
    }

    /// The host and every `x-amz-` header have to be signed, in alphabetical order.
    fn check_signed_headers(&self, request: &Request) -> Result<(), Refusal> {
        if !self.signed.is_sorted() {
            return Err(Refusal::Incomplete(
                "the signed headers are not in alphabetical order".to_owned(),
            ));
        }
        let must = |name: &str| name == "host" || name.starts_with("x-amz-");
        for (name, _) in &request.headers {
            if must(name) && !self.signed.contains(name) {
                return Err(Refusal::Incomplete(format!("the header {name} is not signed")));
            }
        }
        if self.signed.iter().any(|name| name == "host") {
            return Ok(());
        }
        Err(Refusal::Incomplete("the header host is not signed".to_owned()))
    }

    /// The canonical request.
    fn canonical(&self, request: &Request) -> Result<String, Refusal> {
        let mut headers = String::new();
        for name in &self.signed {
            let values: Vec<String> = request
                .headers
                .iter()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| squeeze(value))
                .collect();
            if values.is_empty() {
                return Err(Refusal::Incomplete(format!("the signed header {name} is not there")));
            }
            headers.push_str(&format!("{name}:{}\n", values.join(",")));
        }
        let hash = hex(&Sha256::digest(&request.body));
        if let Some(claimed) = request.header("x-amz-content-sha256")
            && claimed != hash
        {
            return Err(Refusal::Incomplete(
                "x-amz-content-sha256 is not the body's hash".to_owned(),
            ));
        }
        let mut query: Vec<String> = request
            .query()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(with_value)
            .collect();
        query.sort();
        let path = request.path();
        Ok(format!(
            "{}\n{path}\n{}\n{headers}\n{}\n{hash}",
            request.method,
            query.join("&"),
            self.signed.join(";"),
        ))
    }
}

fn with_value(pair: &str) -> String {
    if pair.contains('=') {
        pair.to_owned()
    } else {
        format!("{pair}=")
    }
}

/// A header's value with runs of spaces made one.
fn squeeze(value: &str) -> String {
    value
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Reads `20260101T120000Z`.
fn parse_date(text: &str) -> Option<Timestamp> {
    let form = text.len() == 16 && text.as_bytes().get(8) == Some(&b'T') && text.ends_with('Z') && text.is_ascii();
    if !form {
        return None;
    }
    let spread = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &text[0..4],
        &text[4..6],
        &text[6..8],
        &text[9..11],
        &text[11..13],
        &text[13..15]
    );
    spread.parse().ok()
}

/// Writes `20260101T120000Z`.
pub(super) fn format_date(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length, so there is no error to report.
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        },
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The session token, the date and the signature of `post-sts-header-before` in AWS's Signature Version 4 test suite.
    const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
    const SIGNATURE: &str = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead";

    fn request(signed: &str, signature: &str) -> Request {
        let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Request {
            method: "POST".to_owned(),
            target: "/".to_owned(),
            headers: vec![
                header("host", "example.amazonaws.com"),
                header("x-amz-date", "20150830T123600Z"),
                header("x-amz-security-token", TOKEN),
                header(
                    "authorization",
                    &format!("{ALGORITHM} Credential={scope}, SignedHeaders={signed}, Signature={signature}"),
                ),
            ],
            body: Vec::new(),
        }
    }

    fn verify(request: &Request, now: &str) -> Result<(), Refusal> {
        let known = Known {
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token: TOKEN.to_owned(),
            expires: Timestamp::MAX,
        };
        Scope::read(request)?.verify(request, &known, now.parse().unwrap())
    }

    const ALL: &str = "host;x-amz-date;x-amz-security-token";

    #[test]
    fn accepts_what_aws_computed_and_nothing_else() {
        assert_eq!(verify(&request(ALL, SIGNATURE), "2015-08-30T12:36:00Z"), Ok(()));
        let mut other = request(ALL, SIGNATURE);
        other.body = b"Action=Other".to_vec();
        assert!(matches!(
            verify(&other, "2015-08-30T12:36:00Z"),
            Err(Refusal::Mismatch { .. })
        ));
    }

    #[test]
    fn a_token_that_is_not_signed_is_refused() {
        let refusal = verify(&request("host;x-amz-date", SIGNATURE), "2015-08-30T12:36:00Z");
        assert_eq!(
            refusal,
            Err(Refusal::Incomplete(
                "the header x-amz-security-token is not signed".to_owned()
            ))
        );
    }

    #[test]
    fn five_minutes_are_the_limit_of_the_clock() {
        assert_eq!(verify(&request(ALL, SIGNATURE), "2015-08-30T12:41:00Z"), Ok(()));
        let late = verify(&request(ALL, SIGNATURE), "2015-08-30T12:41:01Z");
        assert!(matches!(late, Err(Refusal::Skewed { .. })), "{late:?}");
    }

    #[test]
    fn headers_that_are_no_signature_are_refused() {
        for (signed, signature) in [
            ("", SIGNATURE),
            (ALL, ""),
            ("x-amz-date;host;x-amz-security-token", SIGNATURE),
        ] {
            let refusal = verify(&request(signed, signature), "2015-08-30T12:36:00Z");
            assert!(matches!(refusal, Err(Refusal::Incomplete(_))), "{signed} {refusal:?}");
        }
    }
}
