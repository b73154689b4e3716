//! Ids: a type for each kind of resource, so that ids of two kinds cannot be taken for each other.
//!
//! ```compile_fail
//! use selfheal_core::world::{AllocationId, VolumeId};
//!
//! fn delete_volume(_: &VolumeId) {}
//!
//! let address = AllocationId::from("eipalloc-0123456789abcdef0");
//! delete_volume(&address);
//! ```
//!
//! What a kind names compiles:
//!
//! ```
//! use selfheal_core::world::VolumeId;
//!
//! fn delete_volume(_: &VolumeId) {}
//!
//! let volume = VolumeId::from("vol-0123456789abcdef0");
//! delete_volume(&volume);
//! assert_eq!(volume.to_string(), "vol-0123456789abcdef0");
//! ```

use std::borrow::{Borrow, Cow};
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// Declares the kinds of ids. Each holds AWS's text as it is: whether AWS knows such an id, AWS alone can say.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as AWS writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl From<&$name> for String {
            fn from(id: &$name) -> Self {
                id.0.clone()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        /// The text alone, as a string would show it.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        /// A string.
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                String::json_schema(generator)
            }
        }
    )*};
}

ids! {
    /// Id of an EBS volume, `vol-…`.
    VolumeId;
    /// Id of an EBS snapshot, `snap-…`.
    SnapshotId;
    /// Id of an Elastic IP, `eipalloc-…`.
    AllocationId;
    /// Id of an Elastic IP's association, `eipassoc-…`.
    AssociationId;
    /// Id of an instance, `i-…`.
    InstanceId;
    /// Id of a network interface, `eni-…`.
    NetworkInterfaceId;
    /// Id of a Route 53 hosted zone, `Z…`, without `/hostedzone/`.
    HostedZoneId;
    /// Id of a security group, `sg-…`.
    SecurityGroupId;
    /// Id of a launch template, `lt-…`.
    LaunchTemplateId;
    /// Id of a machine image, `ami-…`.
    ImageId;
    /// Id of a subnet, `subnet-…`.
    SubnetId;
    /// Id of a VPC, `vpc-…`.
    VpcId;
}
