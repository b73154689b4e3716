//! List prices of us-east-1, in US dollars. A wrong price is worse than none: what is not here has none.

/// The Region whose prices these are.
pub(super) const REGION: &str = "us-east-1";
/// When the prices of instances were taken, from AWS's Price List: Linux, on demand, shared tenancy.
pub(super) const INSTANCES_AS_OF: &str = "2026-07-20";
/// When the other prices were taken, from AWS's pricing pages as others quote them.
pub(super) const OTHERS_AS_OF: &str = "2024-07-01";

/// Hours of a month, as AWS's own calculator counts them.
pub(super) const HOURS: f64 = 730.0;

/// A public IPv4 address, used or idle, an hour.
pub(super) const ADDRESS_HOUR: f64 = 0.005;
/// A GB of gp3 for a month.
pub(super) const GP3_GB: f64 = 0.08;
/// One of the IOPS of gp3 above those that are free, for a month.
pub(super) const GP3_IOPS: f64 = 0.005;
/// IOPS of gp3 that are free.
pub(super) const GP3_IOPS_FREE: u32 = 3_000;
/// A MiB/s of gp3 above those that are free, for a month.
pub(super) const GP3_MIBPS: f64 = 0.04;
/// MiB/s of gp3 that are free.
pub(super) const GP3_MIBPS_FREE: u32 = 125;
/// A GB of io2 for a month.
pub(super) const IO2_GB: f64 = 0.125;
/// A GB of a snapshot's changed data for a month.
pub(super) const SNAPSHOT_GB: f64 = 0.05;
/// A GB that is taken into a log group.
pub(super) const LOGS_GB_IN: f64 = 0.5;
/// An application status check, an hour.
pub(super) const CHECK_HOUR: f64 = 0.01;
/// An Application Load Balancer, an hour.
pub(super) const BALANCER_HOUR: f64 = 0.0225;
/// One of its capacity units, an hour.
pub(super) const CAPACITY_UNIT_HOUR: f64 = 0.008;
/// Zones that a load balancer is in at least, with a public address in each.
pub(super) const BALANCER_ZONES: f64 = 2.0;

/// Sizes, each with its price in that of `large`; a larger one costs in proportion.
const SIZES: [(&str, f64); 12] = [
    ("nano", 1.0 / 16.0),
    ("micro", 1.0 / 8.0),
    ("small", 1.0 / 4.0),
    ("medium", 1.0 / 2.0),
    ("large", 1.0),
    ("xlarge", 2.0),
    ("2xlarge", 4.0),
    ("4xlarge", 8.0),
    ("8xlarge", 16.0),
    ("12xlarge", 24.0),
    ("16xlarge", 32.0),
    ("24xlarge", 48.0),
];

/// Families, each with its smallest and its largest size, and with what `large` costs an hour.
const FAMILIES: [(&str, &str, &str, f64); 15] = [
    ("t4g", "nano", "2xlarge", 0.0672),
    ("t3", "nano", "2xlarge", 0.0832),
    ("t3a", "nano", "2xlarge", 0.0752),
    ("m7g", "medium", "16xlarge", 0.0816),
    ("m8g", "medium", "16xlarge", 0.08976),
    ("m9g", "medium", "16xlarge", 0.09784),
    ("c7g", "medium", "16xlarge", 0.0725),
    ("c8g", "medium", "16xlarge", 0.07976),
    ("c9g", "medium", "16xlarge", 0.08694),
    ("r7g", "medium", "16xlarge", 0.1071),
    ("r8g", "medium", "16xlarge", 0.11782),
    ("m6i", "large", "24xlarge", 0.096),
    ("m7i-flex", "large", "8xlarge", 0.09576),
    ("m8i-flex", "large", "8xlarge", 0.10055),
    ("m7a", "medium", "24xlarge", 0.11592),
];

/// What an instance of this type costs an hour; `None` where this table does not have it.
pub(super) fn instance_hour(instance_type: &str) -> Option<f64> {
    let (family, size) = instance_type.split_once('.')?;
    let (_, smallest, largest, large) = FAMILIES.iter().find(|(name, ..)| *name == family)?;
    let factor = |size: &str| SIZES.iter().find(|(name, _)| *name == size).map(|(_, factor)| *factor);
    let wanted = factor(size)?;
    ((factor(smallest)?)..=(factor(largest)?))
        .contains(&wanted)
        .then_some(large * wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_those_of_the_list() {
        // As the list has them, rounded to its own places.
        for (name, hour) in [
            ("t4g.nano", 0.0042),
            ("t4g.small", 0.0168),
            ("t3.xlarge", 0.1664),
            ("t3a.medium", 0.0376),
            ("m7g.medium", 0.0408),
            ("c7g.medium", 0.0363),
            ("m8g.xlarge", 0.17952),
            ("r8g.large", 0.11782),
            ("m7a.medium", 0.05796),
        ] {
            let found = instance_hour(name).unwrap();
            assert!((found - hour).abs() < 0.0001, "{name}: {found}");
        }
        for unknown in ["m6i.medium", "t4g.4xlarge", "x2gd.large", "t4g", "t4g.metal"] {
            assert_eq!(instance_hour(unknown), None, "{unknown}");
        }
    }
}
