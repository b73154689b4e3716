//! What a stack costs a month, by item, at list prices that are dated.
//!
//! [`CostReport`] is what `selfheal cost --json` prints. Its shape is stable, like that of a status.

mod prices;

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::{DataSpec, Market, Spec, VolumeType};
use prices::HOURS;

/// What a stack costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CostReport {
    /// The stack's name.
    pub stack: String,
    /// The Region that the stack is in.
    pub region: String,
    /// The Region whose prices these are. Where it is another one, the stack's own differ, and are not known here.
    pub prices_of: String,
    /// What the stack pays for, each by itself.
    pub items: Vec<CostItem>,
    /// The sum of what is known, in US dollars a month.
    pub total_usd: f64,
    /// What the schedule saves; `null` where there is none.
    pub schedule: Option<SleepSaving>,
    /// What the same stack would pay for behind an Application Load Balancer in addition.
    pub load_balancer: Vec<CostItem>,
    /// The sum of that, in US dollars a month.
    pub load_balancer_usd: f64,
    /// What none of this holds.
    pub left_out: Vec<String>,
}

/// One thing that is paid for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct CostItem {
    /// What it is.
    pub what: String,
    /// US dollars a month; `null` where it hangs on what the stack does, or the price is not known here.
    pub monthly_usd: Option<f64>,
    /// The price that it follows from: a clause.
    pub price: String,
    /// When that price was taken: a date.
    pub as_of: String,
}

/// What is saved by sleeping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SleepSaving {
    /// Hours a month without an instance.
    pub asleep_h: f64,
    /// US dollars a month; `null` where the price of the instance is not known here.
    pub saves_usd: Option<f64>,
}

/// Says what a stack costs a month, with a schedule from this instant on, by the prices that this version knows.
///
/// It asks nobody. A price that is not known is told as such and not guessed.
#[must_use]
pub fn cost(spec: &Spec, now: Timestamp) -> CostReport {
    let awake = spec.schedule.as_ref().map_or(1.0, |schedule| schedule.awake_share(now));
    let hour = match spec.instance.market {
        Market::OnDemand => prices::instance_hour(&spec.instance.instance_type),
        Market::Spot => None,
    };
    let mut items = vec![instance(spec, hour, awake)];
    items.push(other(
        &format!("root volume, {} GiB gp3", spec.instance.root_size_gib),
        // It is there while there is an instance.
        Some(f64::from(spec.instance.root_size_gib) * prices::GP3_GB * awake),
        format!("${} a GB, while there is an instance", prices::GP3_GB),
    ));
    items.extend(spec.data.as_ref().map(data_volume));
    items.push(other(
        "Elastic IP",
        Some(prices::ADDRESS_HOUR * HOURS),
        format!("${} an hour, used or idle", prices::ADDRESS_HOUR),
    ));
    if spec.asks_aws() {
        let price = format!("${} an hour", prices::CHECK_HOUR);
        items.push(other(
            "application status check",
            Some(prices::CHECK_HOUR * HOURS),
            price,
        ));
    }
    if spec.data.is_some() {
        let price = format!("${} a GB of changed data", prices::SNAPSHOT_GB);
        items.push(other("snapshots", None, price));
    }
    if spec.logs.is_some() {
        items.push(other("logs", None, format!("${} a GB taken in", prices::LOGS_GB_IN)));
    }
    let load_balancer = load_balancer();
    let sum = |items: &[CostItem]| cents(items.iter().filter_map(|item| item.monthly_usd).sum());
    CostReport {
        stack: spec.name.clone(),
        region: spec.region.clone(),
        prices_of: prices::REGION.to_owned(),
        total_usd: sum(&items),
        schedule: spec.schedule.as_ref().map(|_| SleepSaving {
            asleep_h: ((1.0 - awake) * HOURS).round(),
            saves_usd: hour.map(|hour| {
                let root = f64::from(spec.instance.root_size_gib) * prices::GP3_GB;
                cents((hour * HOURS + root) * (1.0 - awake))
            }),
        }),
        items,
        load_balancer_usd: sum(&load_balancer),
        load_balancer,
        left_out: [
            "data transfer",
            "credits of burstable types that run above their baseline",
            "tax, and what a contract or a Savings Plan lowers",
        ]
        .map(str::to_owned)
        .to_vec(),
    }
}

/// What an instance of this type costs a month that never sleeps, in US dollars at the list price of us-east-1; `None` where this
/// version knows no price of it.
#[must_use]
pub fn instance_month_usd(instance_type: &str) -> Option<f64> {
    prices::instance_hour(instance_type).map(|hour| cents(hour * HOURS))
}

fn instance(spec: &Spec, hour: Option<f64>, awake: f64) -> CostItem {
    let kind = &spec.instance.instance_type;
    let hours = HOURS * awake;
    CostItem {
        what: format!("instance {kind}, {hours:.0} h"),
        monthly_usd: hour.map(|hour| cents(hour * hours)),
        price: match (hour, spec.instance.market) {
            (Some(hour), _) if spec.instance.fallback_types.is_empty() => format!("${hour:.4} an hour"),
            (Some(hour), _) => format!("${hour:.4} an hour, where EC2 has the first of its types"),
            (None, Market::Spot) => "a spot price moves, and is not known here".to_owned(),
            (None, Market::OnDemand) => format!("the price of {kind} is not known here"),
        },
        as_of: prices::INSTANCES_AS_OF.to_owned(),
    }
}

fn data_volume(data: &DataSpec) -> CostItem {
    let what = format!("data volume, {} GiB {}", data.size_gib, data.volume_type);
    let size = f64::from(data.size_gib);
    let above = |wanted: Option<u32>, free: u32| f64::from(wanted.unwrap_or(free).saturating_sub(free));
    let (monthly, price) = match data.volume_type {
        VolumeType::Gp3 => {
            let iops = above(data.iops, prices::GP3_IOPS_FREE) * prices::GP3_IOPS;
            let throughput = above(data.throughput_mibps, prices::GP3_MIBPS_FREE) * prices::GP3_MIBPS;
            let price = format!(
                "${} a GB, ${} each of the IOPS above {}, ${} a MiB/s above {}",
                prices::GP3_GB,
                prices::GP3_IOPS,
                prices::GP3_IOPS_FREE,
                prices::GP3_MIBPS,
                prices::GP3_MIBPS_FREE
            );
            (size * prices::GP3_GB + iops + throughput, price)
        }
        VolumeType::Io2 => {
            let price = format!("${} a GB; the price of its IOPS is not known here", prices::IO2_GB);
            return other(&what, None, price);
        }
    };
    other(&what, Some(monthly), price)
}

fn other(what: &str, monthly: Option<f64>, price: String) -> CostItem {
    CostItem {
        what: what.to_owned(),
        monthly_usd: monthly.map(cents),
        price,
        as_of: prices::OTHERS_AS_OF.to_owned(),
    }
}

/// What an Application Load Balancer costs beside the same instance, which needs no Elastic IP behind it.
fn load_balancer() -> Vec<CostItem> {
    vec![
        other(
            "Application Load Balancer",
            Some(prices::BALANCER_HOUR * HOURS),
            format!("${} an hour", prices::BALANCER_HOUR),
        ),
        other(
            "one of its capacity units, all month",
            Some(prices::CAPACITY_UNIT_HOUR * HOURS),
            format!("${} an hour", prices::CAPACITY_UNIT_HOUR),
        ),
        other(
            "its public addresses, in two zones, in place of the Elastic IP",
            Some(prices::ADDRESS_HOUR * HOURS * (prices::BALANCER_ZONES - 1.0)),
            format!("${} an hour each", prices::ADDRESS_HOUR),
        ),
    ]
}

/// Rounded to cents.
fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

impl fmt::Display for CostReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} costs a month, at the list prices of {}:\n",
            self.stack, self.prices_of
        )?;
        let line = |f: &mut fmt::Formatter<'_>, item: &CostItem| {
            let sum = item
                .monthly_usd
                .map_or_else(|| "?".to_owned(), |usd| format!("{usd:.2}"));
            writeln!(f, "{sum:>9}  {}: {} ({})", item.what, item.price, item.as_of)
        };
        self.items.iter().try_for_each(|item| line(f, item))?;
        writeln!(f, "{:>9.2}  USD in all, of what is known", self.total_usd)?;
        if self.region != self.prices_of {
            writeln!(
                f,
                "\nThe stack is in {}, whose prices differ, and are not known here.",
                self.region
            )?;
        }
        if let Some(schedule) = &self.schedule {
            let saves = match schedule.saves_usd {
                Some(usd) => format!("saves {usd:.2} USD of what it would cost awake"),
                None => "saves what the instance costs in that time".to_owned(),
            };
            writeln!(f, "\nIt sleeps {:.0} hours of 730, which {saves}.", schedule.asleep_h)?;
        }
        writeln!(f, "\nA load balancer in front would add:\n")?;
        self.load_balancer.iter().try_for_each(|item| line(f, item))?;
        writeln!(f, "{:>9.2}  USD in all", self.load_balancer_usd)?;
        writeln!(f, "\nNot counted: {}.", self.left_out.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::EXAMPLE;

    fn at() -> Timestamp {
        "2026-11-28T12:00:00Z".parse().unwrap()
    }

    fn minimal(extra: &str) -> Spec {
        let head = "name = \"web\"\nregion = \"us-east-1\"\n[instance]\ntype = \"t4g.small\"\nimage = \"al2023-arm64\"\n\
                    ingress = []\n";
        format!("{head}{extra}").parse().unwrap()
    }

    #[test]
    fn items_add_up() {
        let report = cost(&minimal("[data]\nsize = \"20GiB\"\nmount = \"/srv/data\"\n"), at());
        let sums: Vec<Option<f64>> = report.items.iter().map(|item| item.monthly_usd).collect();
        assert_eq!(sums, [Some(12.26), Some(0.64), Some(1.6), Some(3.65), None]);
        assert!((report.total_usd - 18.15).abs() < 0.001, "{report}");
        assert!((report.load_balancer_usd - 25.92).abs() < 0.001, "{report}");
        assert!(!report.to_string().contains("differ"), "{report}");
    }

    #[test]
    fn what_is_provisioned_is_counted_where_its_price_is_known() {
        let with = |more: &str| {
            let data = format!("[data]\nsize = \"100GiB\"\nmount = \"/srv/data\"\n{more}");
            cost(&minimal(&data), at()).items[2].monthly_usd
        };
        assert_eq!(with(""), Some(8.0));
        // A thousand IOPS and a hundred MiB/s above what is free.
        assert_eq!(with("iops = 4000\nthroughput = 225\n"), Some(17.0));
        assert_eq!(with("type = \"io2\"\niops = 1000\n"), None);
    }

    #[test]
    fn sleep_costs_no_instance() {
        let hours = "[schedule]\nstop = \"0 20 * * 1-5\"\nstart = \"0 8 * * 1-5\"\ntimezone = \"UTC\"\n";
        let report = cost(&minimal(hours), at());
        let schedule = report.schedule.as_ref().unwrap();
        // Sixty hours of 168.
        assert!((schedule.asleep_h - 469.0).abs() <= 1.0, "{report}");
        assert!((schedule.saves_usd.unwrap() - 8.29).abs() < 0.05, "{report}");
        assert_eq!(cost(&minimal(""), at()).schedule, None);
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let mut spec: Spec = EXAMPLE.parse().unwrap();
        spec.region = "eu-west-1".to_owned();
        "x2gd.medium".clone_into(&mut spec.instance.instance_type);
        let report = cost(&spec, at());
        assert_eq!(report.items[0].monthly_usd, None);
        spec.instance.market = Market::Spot;
        "t4g.small".clone_into(&mut spec.instance.instance_type);
        let spot = cost(&spec, at());
        assert_eq!(spot.items[0].monthly_usd, None, "{spot}");
        let text = report.to_string();
        assert!(
            text.contains("x2gd.medium is not known here") && text.contains("eu-west-1, whose prices differ"),
            "{text}"
        );
    }
}
