//! The partitions of AWS that selfheal knows.

use std::fmt;
use std::str::FromStr;

/// Names a partition: a group of AWS Regions with its own IAM, its own ARNs and its own service principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    /// The commercial Regions, `aws`.
    Aws,
    /// The Regions in mainland China, `aws-cn`.
    AwsCn,
    /// AWS GovCloud (US), `aws-us-gov`.
    AwsUsGov,
}

impl Partition {
    /// Every partition that selfheal knows.
    pub const ALL: [Self; 3] = [Self::Aws, Self::AwsCn, Self::AwsUsGov];

    /// Derives the partition from a Region's name.
    ///
    /// Region names carry their partition: `cn-` and `us-gov-` are prefixes that no commercial Region has.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        if region.starts_with("cn-") {
            Self::AwsCn
        } else if region.starts_with("us-gov-") {
            Self::AwsUsGov
        } else {
            Self::Aws
        }
    }

    /// Returns the name that ARNs use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
        }
    }

    /// Returns the DNS suffix of the partition's service endpoints.
    #[must_use]
    pub const fn dns_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::AwsUsGov => "amazonaws.com",
            Self::AwsCn => "amazonaws.com.cn",
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reports a partition that selfheal does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown partition `{0}`, expected aws, aws-cn or aws-us-gov")]
pub struct UnknownPartition(pub String);

impl FromStr for Partition {
    type Err = UnknownPartition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|partition| partition.as_str() == text)
            .ok_or_else(|| UnknownPartition(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for partition in Partition::ALL {
            assert_eq!(partition.to_string().parse(), Ok(partition));
        }
        assert_eq!(
            "aws-moon".parse::<Partition>(),
            Err(UnknownPartition("aws-moon".to_owned()))
        );
    }

    #[test]
    fn regions_carry_their_partition() {
        for (region, partition) in [
            ("eu-west-1", Partition::Aws),
            ("us-east-1", Partition::Aws),
            ("cn-north-1", Partition::AwsCn),
            ("us-gov-west-1", Partition::AwsUsGov),
        ] {
            assert_eq!(Partition::of_region(region), partition, "{region}");
        }
    }
}
