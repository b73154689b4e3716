//! The partitions of AWS.

use std::fmt;
use std::str::FromStr;

/// Declares the partitions in one table: the variant, the name, the DNS suffix and how the names of its Regions begin.
macro_rules! partitions {
    ($($(#[$doc:meta])* $partition:ident = $name:literal, $suffix:literal, [$($beginning:literal),*];)*) => {
        /// A partition: a group of AWS Regions with its own IAM, its own ARNs and its own endpoints.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Partition {
            $($(#[$doc])* $partition,)*
        }

        impl Partition {
            /// Every partition that AWS's own SDKs know.
            pub const ALL: &[Self] = &[$(Self::$partition),*];

            /// Returns the name that ARNs use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$partition => $name,)* }
            }

            /// Returns the DNS suffix of the partition's service endpoints.
            #[must_use]
            pub const fn dns_suffix(self) -> &'static str {
                match self { $(Self::$partition => $suffix,)* }
            }

            /// How the names of its Regions begin; a word and a number follow.
            pub(super) const fn beginnings(self) -> &'static [&'static str] {
                match self { $(Self::$partition => &[$($beginning),*],)* }
            }
        }
    };
}

mod table;

pub use table::Partition;

impl Partition {
    /// Derives the partition from a Region's name, as AWS's own SDKs do: what no partition's pattern fits is commercial.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        let fits = |partition: &&Self| partition.beginnings().iter().any(|start| continues(region, start));
        Self::ALL.iter().find(fits).copied().unwrap_or(Self::Aws)
    }

    /// Returns the names by which EC2 goes as the service that a role is passed to.
    ///
    /// Everywhere it is `ec2.amazonaws.com`; where endpoints end in something else, China above all, it has also been that.
    #[must_use]
    pub fn ec2_principals(self) -> Vec<String> {
        self.spellings("ec2")
    }

    /// Returns the name by which EC2 is trusted to take a role.
    ///
    /// IAM refuses a trust policy that names a service by a name which it does not know, and `ec2.amazonaws.eu` is such a
    /// one (pulumi-eks#2341). China has its own.
    #[must_use]
    pub fn ec2_trusted(self) -> &'static str {
        match self {
            Self::AwsCn => "ec2.amazonaws.com.cn",
            _ => "ec2.amazonaws.com",
        }
    }

    /// Returns the Region for which calls of Route 53 are signed: it is one for all Regions of a partition.
    ///
    /// Source: the endpoint rules of Route 53 in AWS's own SDKs; as for [`route53_endpoint`](Self::route53_endpoint).
    #[must_use]
    pub const fn route53_region(self) -> &'static str {
        match self {
            Self::Aws => "us-east-1",
            Self::AwsCn => "cn-northwest-1",
            Self::AwsEusc => "eusc-de-east-1",
            Self::AwsIso => "us-iso-east-1",
            Self::AwsIsoB => "us-isob-east-1",
            Self::AwsIsoE => "eu-isoe-west-1",
            Self::AwsIsoF => "us-isof-south-1",
            Self::AwsUsGov => "us-gov-west-1",
        }
    }

    /// Returns the URL of the partition's Route 53.
    #[must_use]
    pub fn route53_endpoint(self) -> String {
        let host = match self {
            Self::AwsUsGov => "route53.us-gov",
            _ => "route53",
        };
        format!("https://{host}.{}", self.dns_suffix())
    }

    /// Returns a service's name below the universal suffix, and below the partition's own where that is another.
    pub(crate) fn spellings(self, service: &str) -> Vec<String> {
        let mut suffixes = vec![UNIVERSAL_SUFFIX];
        if self.dns_suffix() != UNIVERSAL_SUFFIX {
            suffixes.push(self.dns_suffix());
        }
        suffixes.iter().map(|suffix| format!("{service}.{suffix}")).collect()
    }
}

/// The suffix under which services are named in every partition, whatever their endpoints are.
const UNIVERSAL_SUFFIX: &str = "amazonaws.com";

/// Tells whether a Region's name is the beginning, a word and a number.
fn continues(region: &str, beginning: &str) -> bool {
    let rest = region.strip_prefix(beginning).and_then(|rest| rest.strip_prefix('-'));
    rest.and_then(|rest| rest.split_once('-'))
        .is_some_and(|(word, number)| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            !word.is_empty() && word.chars().all(plain) && digits
        })
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error of a partition that selfheal does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown partition `{0}`, expected one such as aws, aws-cn or aws-us-gov")]
pub struct UnknownPartition(pub String);

impl FromStr for Partition {
    type Err = UnknownPartition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|partition| partition.as_str() == text);
        found.copied().ok_or_else(|| UnknownPartition(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for partition in Partition::ALL {
            assert_eq!(partition.to_string().parse(), Ok(*partition));
        }
        assert_eq!(
            "aws-moon".parse::<Partition>(),
            Err(UnknownPartition("aws-moon".to_owned()))
        );
    }

    #[test]
    fn route_53_is_one_for_a_partition() {
        for (region, signs_for, endpoint) in [
            ("eu-west-1", "us-east-1", "https://route53.amazonaws.com"),
            ("cn-north-1", "cn-northwest-1", "https://route53.amazonaws.com.cn"),
            ("us-gov-east-1", "us-gov-west-1", "https://route53.us-gov.amazonaws.com"),
            ("eusc-de-east-1", "eusc-de-east-1", "https://route53.amazonaws.eu"),
            ("us-iso-west-1", "us-iso-east-1", "https://route53.c2s.ic.gov"),
            ("us-isob-east-1", "us-isob-east-1", "https://route53.sc2s.sgov.gov"),
            ("eu-isoe-west-1", "eu-isoe-west-1", "https://route53.cloud.adc-e.uk"),
            ("us-isof-east-1", "us-isof-south-1", "https://route53.csp.hci.ic.gov"),
        ] {
            let partition = Partition::of_region(region);
            let found = (partition.route53_region(), partition.route53_endpoint());
            assert_eq!(found, (signs_for, endpoint.to_owned()), "{region}");
        }
    }

    #[test]
    fn regions_carry_their_partition_and_suffix() {
        for (region, partition, suffix) in [
            ("eu-west-1", "aws", "amazonaws.com"),
            ("us-east-1", "aws", "amazonaws.com"),
            ("mx-central-1", "aws", "amazonaws.com"),
            ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
            ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
            ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
            ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
            ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
            ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
            ("moon-base-1", "aws", "amazonaws.com"),
        ] {
            let found = Partition::of_region(region);
            assert_eq!((found.as_str(), found.dns_suffix()), (partition, suffix), "{region}");
        }
    }
}
