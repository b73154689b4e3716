//! The certificate of a stack's HTTPS, as its instance notes it in a tag of the group.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::display::age;
use super::finding::{Finding, FindingCode as Code};
use crate::names::TAG_TLS;
use crate::spec::Spec;
use crate::world::Group;

/// The certificate of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CertificateStatus {
    /// The names that the spec asks for.
    pub names: Vec<String>,
    /// Those of them that the certificate is not for.
    pub missing: Vec<String>,
    /// The directory of the authority that gave it; `null` where there is none but one of the instance's own making.
    pub ca: Option<String>,
    /// When it expires, RFC 3339.
    pub until: Option<Timestamp>,
    /// When the next one is asked for, RFC 3339: with a third of its life left.
    pub renews: Option<Timestamp>,
    /// When an authority was asked last, RFC 3339; `null` also where the volume does not know any more.
    pub tried: Option<Timestamp>,
    /// What keeps another one away that is due; `null` where none is due.
    pub error: Option<String>,
    /// Whether an instance has noted anything yet.
    pub noted: bool,
}

impl CertificateStatus {
    /// Reads what the instance has noted; `None` where the spec has no HTTPS.
    #[must_use]
    pub fn of(spec: &Spec, group: Option<&Group>) -> Option<Self> {
        let names = spec.https.as_ref()?.domains();
        let noted = group.and_then(|group| group.tags.get(TAG_TLS));
        let text = noted.map_or("", String::as_str);
        // The last field is a sentence.
        let (fields, error) = match text.split_once("error=") {
            Some((fields, error)) => (fields, Some(error.trim().to_owned())),
            None => (text, None),
        };
        let field = |name: &str| {
            let mut fields = fields.split_whitespace();
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let time = |name| Timestamp::from_second(field(name)?.parse().ok()?).ok();
        let ca = field("ca").map(str::to_owned);
        let missing = match (&ca, field("missing")) {
            (None, _) => names.clone(),
            (Some(_), missing) => missing
                .map(|names| names.split('+').map(str::to_owned).collect())
                .unwrap_or_default(),
        };
        Some(Self {
            names,
            missing,
            ca,
            until: time("until"),
            renews: time("renews"),
            tried: time("tried"),
            error: error.filter(|error| !error.is_empty()),
            noted: noted.is_some(),
        })
    }

    /// What is wrong with it at this instant.
    ///
    /// A renewal that is late by half of the time that it had is not coming by itself.
    pub(super) fn diagnose(&self, now: Timestamp) -> Option<Finding> {
        let why = self
            .error
            .as_deref()
            .map(|error| format!(": {error}"))
            .unwrap_or_default();
        let help = "`selfheal certificate` tells the last attempt; the instance goes on trying by itself";
        let find = |code, message: String| Some(Finding::new(code, format!("{message}{why}"), help));
        let Some(until) = self.until else {
            self.error.as_ref()?;
            return find(
                Code::CertificateMissing,
                "there is no certificate yet that visitors trust".to_owned(),
            );
        };
        if until <= now {
            let ago = age(now.duration_since(until));
            return find(Code::CertificateExpired, format!("the certificate expired {ago} ago"));
        }
        let left = until.duration_since(now);
        let third = self
            .renews
            .map_or(SignedDuration::ZERO, |renews| until.duration_since(renews));
        if left < third / 2 {
            return find(
                Code::CertificateExpiring,
                format!("the certificate expires in {}", age(left)),
            );
        }
        if !self.missing.is_empty() && self.error.is_some() {
            let missing = self.missing.join(", ");
            return find(
                Code::CertificateMissing,
                format!("the certificate is not for {missing}"),
            );
        }
        None
    }

    /// The status as a person reads it, at this instant.
    #[must_use]
    pub fn describe(&self, now: Timestamp) -> String {
        if !self.noted {
            return "not looked at by any instance yet".to_owned();
        }
        let Some(until) = self.until else {
            return "none yet, but one of the instance's own making".to_owned();
        };
        let ca = self.ca.as_deref().unwrap_or_default();
        let host = ca
            .strip_prefix("https://")
            .unwrap_or(ca)
            .split('/')
            .next()
            .unwrap_or_default();
        let ends = match until > now {
            true => format!("expires in {}", age(until.duration_since(now))),
            false => format!("expired {} ago", age(now.duration_since(until))),
        };
        let missing = match self.missing.as_slice() {
            [] => String::new(),
            missing => format!(", not for {}", missing.join(", ")),
        };
        format!("{}, of {host}, {ends}{missing}", self.names.join(", "))
    }
}
