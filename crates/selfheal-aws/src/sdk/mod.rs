//! The real AWS, over the AWS SDK for Rust.
//!
//! This folder is the only place that names `aws_sdk_*`: everything else speaks in our own types.
//!
//! # Retries are off
//! The SDK would repeat a call by itself after a time-out or a server error. It cannot know that `AllocateAddress` has
//! no idempotency token: when the answer is lost after the effect, a blind repetition allocates a second address. The
//! executor retries instead, who reads before it repeats a call whose effect is unknown. Credentials providers keep
//! their own retries, since all that they do is read.
//!
//! # Cost
//! One pool of connections serves all services; trust roots are loaded once, by the first call over TLS. Credentials
//! are resolved by the first call and cached for all services.

mod account;
mod autoscaling;
mod clock;
mod connect;
mod convert;
mod dns;
mod ec2;
mod endpoint;
mod error;
mod http;
mod iam;
mod lifecycle;
mod logs;
mod parameters;
mod prober;
mod profile;
mod quotas;
mod route53;
mod sns;
mod systems_manager;
mod whole;

use std::fmt;

pub use clock::{SystemClock, SystemJitter};
pub use connect::SdkConfig;
pub use dns::SystemResolver;
pub use prober::NetworkProber;

/// The real AWS: one account in one Region. Cheap to clone; clones share connections and credentials.
#[derive(Clone)]
pub struct Sdk {
    region: String,
    clients: Clients,
}

/// Declares the service clients in one table: a field and the SDK's crate.
macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $service:ident;)*) => {
        /// The service clients that [`Sdk`] calls.
        #[derive(Clone, Debug)]
        pub struct Clients {
            $($(#[$doc])* pub $name: $service::Client,)*
        }

        impl Clients {
            /// Makes the clients, each of which refuses answers that are not whole.
            fn new(config: &aws_config::SdkConfig) -> Self {
                Self {
                    $($name: $service::Client::from_conf(
                        $service::config::Builder::from(config).interceptor(whole::WholeAnswers).build(),
                    ),)*
                }
            }
        }
    };
}

clients! {
    /// EC2.
    ec2: aws_sdk_ec2;
    /// Auto Scaling.
    autoscaling: aws_sdk_autoscaling;
    /// IAM, which is global.
    iam: aws_sdk_iam;
    /// Route 53, which is global.
    route53: aws_sdk_route53;
    /// Data Lifecycle Manager.
    dlm: aws_sdk_dlm;
    /// CloudWatch Logs.
    logs: aws_sdk_cloudwatchlogs;
    /// Service Quotas.
    quotas: aws_sdk_servicequotas;
    /// Simple Notification Service.
    sns: aws_sdk_sns;
    /// Systems Manager, for Parameter Store.
    ssm: aws_sdk_ssm;
    /// The Security Token Service.
    sts: aws_sdk_sts;
}

impl Sdk {
    /// Takes clients that were made elsewhere.
    ///
    /// Their retries have to be off, or a lost response can lead to a second address: see the module's documentation.
    #[must_use]
    pub fn from_clients(region: impl Into<String>, clients: Clients) -> Self {
        Self {
            region: region.into(),
            clients,
        }
    }

    /// The Region that is read and written.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl fmt::Debug for Sdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The clients' own output is pages long and says nothing that helps.
        f.debug_struct("Sdk")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
