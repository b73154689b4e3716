//! The profile that is named, and what is said of credentials that cannot be had.

use std::path::PathBuf;

use aws_config::profile::ProfileSet;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_types::os_shim_internal::{Env, Fs};

use super::error::causes;
use crate::backend::CallResult;
use crate::error::{CallError, CallErrorKind};

/// Settings of a profile that say where its credentials come from.
const SOURCES: [&str; 8] = [
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];
/// Files that the SDK reads whole: the variable that names each, and where it is else, below the home folder.
const FILES: [(&str, Option<&str>); 4] = [
    ("AWS_CONFIG_FILE", Some(".aws/config")),
    ("AWS_SHARED_CREDENTIALS_FILE", Some(".aws/credentials")),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", None),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", None),
];
/// Size limit of such a file, in bytes: a thousand profiles have a tenth of it.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The profile that the caller or `AWS_PROFILE` names. It exists.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: String,
    /// Whether its credentials alone count, and no others that are lying about, such as the instance's.
    pub(super) is_alone: bool,
}

impl Profile {
    /// Finds the profile that is named, if one is.
    ///
    /// # Errors
    /// It does not exist, or the shared configuration cannot be read.
    pub(super) async fn selected(given: Option<String>) -> CallResult<Option<Self>> {
        check_files()?;
        let is_given = given.is_some();
        let Some(name) = given.or_else(|| variable("AWS_PROFILE")) else {
            return Ok(None);
        };
        // The names of the files are the ones that every AWS tool has.
        let loaded = aws_config::profile::load(&Fs::real(), &Env::real(), &Default::default(), None).await;
        let profiles = loaded.map_err(|error| {
            failed(format!(
                "the shared AWS configuration cannot be read: {}",
                causes(&error)
            ))
        })?;
        let Some(profile) = profiles.get_profile(&name) else {
            // The default profile may be empty, and is then not written down anywhere.
            return if name == "default" && !is_given {
                Ok(None)
            } else {
                Err(missing(&name, &profiles))
            };
        };
        let has_source = SOURCES.iter().any(|key| profile.get(key).is_some());
        // Access keys in the environment go before the profile that the environment names, as with every AWS tool.
        let keys = variable("AWS_ACCESS_KEY_ID").is_some() && variable("AWS_SECRET_ACCESS_KEY").is_some();
        Ok(Some(Self {
            is_alone: is_given || (has_source && !keys),
            name,
        }))
    }
}

fn missing(name: &str, profiles: &ProfileSet) -> CallError {
    let mut known: Vec<&str> = profiles.profiles().collect();
    known.sort_unstable();
    let known = if known.is_empty() {
        "there is none".to_owned()
    } else {
        format!("there are: {}", known.join(", "))
    };
    failed(format!(
        "no profile `{}` in ~/.aws/config or ~/.aws/credentials; {known}",
        name.escape_debug()
    ))
}

fn failed(message: String) -> CallError {
    CallError::new(CallErrorKind::Unauthenticated, "sdk:Connect", message)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Refuses what the SDK would wait at for ever, or read until memory is full.
fn check_files() -> CallResult<()> {
    for (name, below_home) in FILES {
        let at_home = || Some(PathBuf::from(variable("HOME")?).join(below_home?));
        let Some(path) = std::env::var_os(name)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .or_else(at_home)
        else {
            continue;
        };
        let Ok(metadata) = std::fs::metadata(&path) else {
            continue;
        };
        if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
            let what = "is no regular file of at most a MiB";
            return Err(failed(format!("{} ({name}) {what}", path.display())));
        }
    }
    Ok(())
}

/// Credentials that say what to do where they cannot be had.
#[derive(Debug)]
pub(super) struct Explained {
    credentials: SharedCredentialsProvider,
    profile: Option<String>,
}

impl Explained {
    pub(super) fn new(credentials: SharedCredentialsProvider, profile: Option<String>) -> Self {
        Self { credentials, profile }
    }

    fn explain(&self, error: CredentialsError) -> CredentialsError {
        let said = causes(&error);
        if !said.to_ascii_lowercase().contains("sso") {
            return error;
        }
        let profile = self
            .profile
            .as_ref()
            .map(|name| format!(" --profile {name}"))
            .unwrap_or_default();
        CredentialsError::provider_error(format!("run `aws sso login{profile}`: {said}"))
    }
}

impl ProvideCredentials for Explained {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let credentials = self.credentials.provide_credentials().await;
            sendable(credentials.map_err(|error| self.explain(error))?)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.credentials.fallback_on_interrupt()
    }
}

/// Refuses credentials with a character that no header takes, such as the line end of the file that a secret was kept in: the
/// SDK would panic at them.
fn sendable(credentials: Credentials) -> Result<Credentials, CredentialsError> {
    let parts = [
        Some(credentials.access_key_id()),
        Some(credentials.secret_access_key()),
        credentials.session_token(),
    ];
    if parts
        .into_iter()
        .flatten()
        .all(|part| part.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Ok(credentials);
    }
    Err(CredentialsError::invalid_configuration(
        "the access key, its secret or the session token holds a blank, a line end or the like, which none of them has",
    ))
}
