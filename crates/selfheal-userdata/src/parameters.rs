//! The app's configuration in Parameter Store, and the names that its parameters have on the instance.

use crate::bundle::sha256;
use crate::error::RenderError;

/// The longest value that Parameter Store holds, in bytes: that of the tier Advanced. One of the tier Standard holds half of it.
/// A boot takes what Parameter Store can hold, whoever wrote it.
///
/// Source: Systems Manager user guide, "Managing parameter tiers".
pub const PARAMETER_MAX_BYTES: usize = 8_192;

/// The longest path, with what comes before it in the ARN left out.
const PATH_MAX_BYTES: usize = 900;
/// Where bundles are.
const OURS: &str = "/selfheal";
/// Names that the environment of a program has for itself, and beginnings of such. A variable of one of them would change
/// what a unit runs, and not what it reads.
const TAKEN: [&str; 7] = [
    "PATH",
    "IFS",
    "ENV",
    "SHELLOPTS",
    "PS4",
    "NOTIFY_SOCKET",
    "CREDENTIALS_DIRECTORY",
];
const TAKEN_BEGINNINGS: [&str; 3] = ["BASH", "LD_", "SELFHEAL_"];

/// Configuration of the app in Parameter Store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Path below which its parameters are, such as `/web`: with a slash at its begin and none at its end.
    pub path: String,
    /// Names without which a boot fails, as [`parameter_name`] gives them.
    pub required: Vec<String>,
    /// Seconds between two looks for what has changed; at least 1. `None` where only a boot fetches it.
    pub refresh_s: Option<u32>,
    /// ARN of the KMS key that encrypts the secrets, for what a boot says where it is refused; `None` for AWS's own.
    pub kms_key: Option<String>,
}

impl Parameters {
    /// Checks what the boot program and Parameter Store rely on. Whose the bundle is, [`overlaps`](Self::overlaps) tells.
    ///
    /// # Errors
    /// What of the path or of a name cannot be.
    pub fn check(&self) -> Result<(), ParameterFault> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let level = |level: &str| !level.is_empty() && level.chars().all(plain);
        let rest = self.path.strip_prefix('/').unwrap_or_default();
        // AWS keeps names that begin with these to itself, in any case.
        let lower = rest.to_ascii_lowercase();
        let reserved = lower.starts_with("aws") || lower.starts_with("ssm");
        // Of the fifteen levels that there are, a parameter needs one.
        if !rest.split('/').all(level) || rest.split('/').count() > 14 || self.path.len() > PATH_MAX_BYTES || reserved {
            return Err(ParameterFault {
                field: "parameters.path",
                expected: "must be a path of A-Z a-z 0-9 . _ - that does not begin with aws or ssm, such as /web",
                value: self.path.clone(),
            });
        }
        if let Some(name) = self
            .required
            .iter()
            .find(|name| parameter_name(name).as_ref() != Ok(*name))
        {
            return Err(ParameterFault {
                field: "parameters.required",
                expected: "must be names of variables, none of which is the system's own",
                value: name.clone(),
            });
        }
        if self.refresh_s == Some(0) {
            return Err(ParameterFault {
                field: "parameters.refresh_s",
                expected: "must be at least 1",
                value: "0".to_owned(),
            });
        }
        Ok(())
    }

    /// Tells whether the path is above, below or that of a stack's bundles, which are no configuration.
    #[must_use]
    pub fn overlaps(&self, stack: &str) -> bool {
        let bundle = format!("{OURS}/{stack}/bundle/");
        let path = format!("{}/", self.path);
        bundle.starts_with(&path) || path.starts_with(&bundle)
    }
}

/// Returns the name that a parameter has on the instance, as a variable and as a file, from what follows the path in its own:
/// `tls/key.pem` becomes `tls_key_pem`.
///
/// ```
/// use selfheal_userdata::parameter_name;
///
/// assert_eq!(parameter_name("tls/key.pem").unwrap(), "tls_key_pem");
/// assert!(parameter_name("LD_PRELOAD").is_err());
/// ```
///
/// # Errors
/// [`ParameterFault`] for what is no name of a variable, and for one that a program has for itself.
pub fn parameter_name(relative: &str) -> Result<String, ParameterFault> {
    let name = relative.replace(['-', '.', '/'], "_");
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fault = |expected| ParameterFault {
        field: "parameter",
        expected,
        value: relative.to_owned(),
    };
    if name.is_empty() || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(fault("must be A-Z a-z 0-9 _ - . /, and not begin with a digit"));
    }
    if TAKEN.contains(&name.as_str()) || TAKEN_BEGINNINGS.iter().any(|taken| name.starts_with(taken)) {
        return Err(fault(
            "must be no variable of the system's own, such as PATH or LD_PRELOAD",
        ));
    }
    Ok(name)
}

/// Returns the digest by which an instance tells of versions that are too many for a tag: those of the parameters, each as
/// `NAME=VERSION` with its name below the path, in the order of the names that they have on the instance.
#[must_use]
pub fn versions_digest<S: AsRef<str>>(versions: &[S]) -> String {
    let words: Vec<&str> = versions.iter().map(AsRef::as_ref).collect();
    sha256(words.join(" ").as_bytes())
}

/// What of a configuration in Parameter Store cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterFault {
    /// Field, such as `parameters.path`.
    pub field: &'static str,
    /// What the field accepts, as "must be …".
    pub expected: &'static str,
    /// Refused value.
    pub value: String,
}

impl From<ParameterFault> for RenderError {
    fn from(fault: ParameterFault) -> Self {
        let ParameterFault { field, expected, value } = fault;
        Self::Invalid { field, expected, value }
    }
}
