//! Credentials, region and endpoints, found as every AWS tool finds them.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, FrameworkMetadata, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::timeout::TimeoutConfig;

use super::profile::{Explained, Profile};
use super::{Clients, Sdk, endpoint, http};
use crate::backend::CallResult;
use crate::error::{CallError, CallErrorKind};

/// How long a connection may take to be made. AWS's endpoints answer within a round trip; three seconds leave room for
/// one lost SYN, which is sent again after one second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a call may take altogether, credentials included. The slowest that is made, `CreateAutoScalingGroup`, was
/// seen to take some seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// What overrides the default chain of credentials, region and endpoints.
///
/// A profile that is named and does not exist is an error: nobody else's credentials take its place. A variable that is set
/// to nothing counts as unset.
///
/// Everything that is `None` is found as every AWS tool finds it: `AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, its
/// per-service forms such as `AWS_ENDPOINT_URL_EC2`, the shared configuration and credentials files, single sign-on,
/// credential processes, web identity, and the metadata of containers and instances. Connecting is the one place where a
/// library of this workspace reads the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SdkConfig {
    /// Name of a profile in the shared configuration files. Named here, it goes before access keys in the environment,
    /// as with the AWS CLI's `--profile`; named by `AWS_PROFILE`, it goes behind them, likewise.
    pub profile: Option<String>,
    /// Region, such as `eu-west-1`.
    pub region: Option<String>,
    /// Endpoint of every service, such as `http://127.0.0.1:5000`; goes before those in the environment.
    pub endpoint_url: Option<String>,
}

impl Sdk {
    /// Finds credentials, region and endpoints, and makes the clients.
    ///
    /// No request is sent, unless a region has to be asked of the instance metadata: credentials are resolved by the
    /// first call, once for all of them.
    ///
    /// # Errors
    /// [`Unreachable`](CallErrorKind::Unreachable) when there is no region anywhere, and where an endpoint is no URL;
    /// [`Unauthenticated`](CallErrorKind::Unauthenticated) when a profile is named that does not exist.
    pub async fn connect(config: SdkConfig) -> CallResult<Self> {
        let profile = Profile::selected(config.profile).await?;
        let http = http::shared_client();
        // Named, because the SDK panics at an AWS_MAX_ATTEMPTS that is no number.
        let retries = RetryConfig::standard();
        let mut loader = aws_config::defaults(behavior())
            .http_client(http.clone())
            .retry_config(retries);
        if let Ok(name) = FrameworkMetadata::new("selfheal", Some(env!("CARGO_PKG_VERSION"))) {
            loader = loader.framework_metadata(name);
        }
        if let Some(profile) = &profile {
            loader = loader.profile_name(&profile.name);
        }
        if let Some(region) = config.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(endpoint) = config.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        let mut loaded = loader.load().await;
        let name = profile.as_ref().map(|profile| profile.name.clone());
        let alone = profile.filter(|profile| profile.is_alone);
        let credentials = match alone {
            Some(profile) => {
                let providers = ProviderConfig::without_region()
                    .with_behavior_version(Some(behavior()))
                    .with_region(loaded.region().cloned())
                    .with_http_client(http);
                let of_profile = ProfileFileCredentialsProvider::builder()
                    .configure(&providers)
                    .profile_name(profile.name)
                    .build();
                Some(SharedCredentialsProvider::new(of_profile))
            }
            None => loaded.credentials_provider(),
        };
        if let Some(credentials) = credentials {
            let explained = SharedCredentialsProvider::new(Explained::new(credentials, name));
            loaded = loaded.into_builder().credentials_provider(explained).build();
        }
        let loaded = endpoint::checked(loaded)?;
        Self::from_aws_config(&loaded)
    }

    /// Makes the clients from an SDK configuration of the embedder's own, with whatever credentials it holds.
    ///
    /// Its retries and time-outs are replaced for the services' calls and stay as they are for its credentials
    /// providers, which were built with it. Where it names no HTTP client, one pool of connections is made for all
    /// services; where it names no [`BehaviorVersion`], the one of this crate's own defaults holds.
    ///
    /// # Errors
    /// [`Unreachable`](CallErrorKind::Unreachable) when it has no region.
    pub fn from_aws_config(config: &aws_config::SdkConfig) -> CallResult<Self> {
        let Some(region) = config
            .region()
            .map(ToString::to_string)
            .filter(|region| !region.is_empty())
        else {
            return Err(CallError::new(
                CallErrorKind::Unreachable,
                "sdk:Connect",
                "no region: set one in selfheal.toml, with --region, AWS_REGION or in the profile",
            ));
        };
        let mut builder = config
            .clone()
            .into_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts());
        builder.set_http_client(Some(config.http_client().unwrap_or_else(http::shared_client)));
        builder.set_behavior_version(Some(config.behavior_version().unwrap_or_else(behavior)));
        let config = builder.build();
        Ok(Self::from_clients(region, Clients::new(&config)))
    }
}

/// The SDK's defaults as of this date, named so that an update of the SDK does not change them.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

fn timeouts() -> TimeoutConfig {
    // With retries off there is one attempt, so one limit is enough.
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build()
}
