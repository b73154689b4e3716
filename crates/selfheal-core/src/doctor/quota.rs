//! What the account may have at once.

use super::{Check, CheckCode, Facts, Read, Reading};
use crate::existing::{counted_addresses, existing};
use crate::spec::{Market, Spec};
use crate::world::RunningInstance;

/// A quota of EC2, as Service Quotas knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its code.
    pub code: &'static str,
    /// What it counts: a noun.
    pub counts: &'static str,
}

/// The quota of Elastic IPs: "EC2-VPC Elastic IPs".
pub const ADDRESS_QUOTA: Quota = Quota {
    code: "L-0263D0A3",
    counts: "Elastic IPs",
};

/// Families whose vCPUs one quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// A, C, D, H, I, M, R, T and Z.
    Standard,
    /// G and VT.
    Graphics,
}

impl Class {
    /// The class of a type, by the letters that its name begins with; `None` of families of which it is not known here.
    fn of(instance_type: &str) -> Option<Self> {
        let family = instance_type.split('.').next()?;
        let letters = family.split(|c: char| !c.is_ascii_lowercase()).next()?;
        match letters {
            "a" | "c" | "d" | "h" | "i" | "im" | "is" | "m" | "r" | "t" | "z" => Some(Self::Standard),
            "g" | "vt" => Some(Self::Graphics),
            _ => None,
        }
    }

    const fn quota(self, market: Market) -> Quota {
        match (self, market) {
            (Self::Standard, Market::OnDemand) => Quota {
                code: "L-1216C47A",
                counts: "vCPUs of running on-demand standard instances",
            },
            (Self::Standard, Market::Spot) => Quota {
                code: "L-34B43A08",
                counts: "vCPUs of standard spot instances",
            },
            (Self::Graphics, Market::OnDemand) => Quota {
                code: "L-DB2E81BA",
                counts: "vCPUs of running on-demand G and VT instances",
            },
            (Self::Graphics, Market::Spot) => Quota {
                code: "L-3819A6DF",
                counts: "vCPUs of G and VT spot instances",
            },
        }
    }
}

/// The quota that counts the vCPUs of the spec's first type; `None` where it is not known here.
#[must_use]
pub fn vcpu_quota(spec: &Spec) -> Option<Quota> {
    quota_of_type(&spec.instance.instance_type, spec.instance.market)
}

/// The quota that counts the vCPUs of a type in a market; `None` where it is not known here.
#[must_use]
pub fn quota_of_type(instance_type: &str, market: Market) -> Option<Quota> {
    Class::of(instance_type).map(|class| class.quota(market))
}

/// The command that asks AWS for more.
fn ask_for(quota: Quota, desired: u32, spec: &Spec) -> String {
    format!(
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code {} --desired-value {desired} \
         --region {}",
        quota.code, spec.region
    )
}

/// The command that tells what is allowed.
fn look_up(quota: Quota, spec: &Spec) -> String {
    format!(
        "aws service-quotas get-service-quota --service-code ec2 --quota-code {} --region {}",
        quota.code, spec.region
    )
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

pub(super) fn addresses(read: &Read<'_>, facts: &Facts) -> Option<Check> {
    let code = CheckCode::AddressQuota;
    let quota = ADDRESS_QUOTA;
    let held = count(counted_addresses(&read.observed.addresses));
    let has = existing(read.spec, read.observed).address.is_some();
    let allowed = match &facts.address_quota {
        Reading::Told(allowed) => *allowed,
        Reading::Unknown(why) if !has => return Some(Check::unknown(code, why, look_up(quota, read.spec))),
        Reading::Unknown(_) => return Some(Check::well(code, "the stack has its Elastic IP")),
        Reading::NotAsked if read.refused(code).is_empty() => return None,
        Reading::NotAsked => return Some(read.unless_refused(code, || Check::well(code, ""))),
    };
    let needs = held.saturating_add(u32::from(!has));
    let found = format!("{held} of {allowed} {} are in use", quota.counts);
    Some(if needs <= allowed {
        Check::well(code, found)
    } else {
        Check::fails(code, found, ask_for(quota, needs, read.spec))
    })
}

pub(super) fn vcpus(read: &Read<'_>, facts: &Facts) -> Option<Check> {
    let code = CheckCode::VcpuQuota;
    let instance = &read.spec.instance;
    let Some(class) = Class::of(&instance.instance_type) else {
        let asked = !matches!(facts.running, Reading::NotAsked);
        return asked.then(|| {
            Check::unknown(
                code,
                format!("which quota counts {} is not known here", instance.instance_type),
                "aws service-quotas list-service-quotas --service-code ec2",
            )
        });
    };
    let quota = class.quota(instance.market);
    let (allowed, running) = match (&facts.vcpu_quota, &facts.running) {
        (Reading::NotAsked, _) | (_, Reading::NotAsked) => return None,
        (Reading::Unknown(why), _) | (_, Reading::Unknown(why)) => {
            return Some(Check::unknown(code, why, look_up(quota, read.spec)));
        }
        (Reading::Told(allowed), Reading::Told(running)) => (*allowed, running),
    };
    let spot = instance.market == Market::Spot;
    let counted = |it: &&RunningInstance| it.spot == spot && Class::of(&it.instance_type) == Some(class);
    let own = |it: &&RunningInstance| {
        let members = read.observed.group.iter().flat_map(|group| &group.instances);
        members.map(|member| &member.id).any(|id| *id == it.id)
    };
    let sum = |of: Vec<&RunningInstance>| of.iter().fold(0_u32, |sum, it| sum.saturating_add(it.vcpus));
    let used = sum(running.iter().filter(counted).collect());
    let held = sum(running.iter().filter(counted).filter(own).collect());
    // The quota is that of the first type; those behind it are for when that one cannot be had.
    let first = read
        .observed
        .instance_types
        .iter()
        .find(|kind| kind.name == instance.instance_type);
    let Some(wants) = first.and_then(|kind| kind.details.as_ref()?.vcpus) else {
        let why = format!("how many vCPUs {} has was not told", instance.instance_type);
        return Some(Check::unknown(code, why, look_up(quota, read.spec)));
    };
    // The group terminates first, so that the old one's vCPUs are free by then.
    let needs = used.saturating_sub(held).saturating_add(wants);
    let found = format!(
        "{used} of {allowed} {} are in use, the stack's own {held}; it needs {wants}",
        quota.counts
    );
    Some(if needs <= allowed {
        Check::well(code, found)
    } else {
        Check::fails(code, found, ask_for(quota, needs, read.spec))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_counted_as_their_letters_say() {
        for standard in [
            "t4g.small",
            "m7i-flex.large",
            "c7gn.medium",
            "im4gn.large",
            "z1d.large",
            "a1.medium",
        ] {
            assert_eq!(Class::of(standard), Some(Class::Standard), "{standard}");
        }
        assert_eq!(Class::of("g5.xlarge"), Some(Class::Graphics));
        for other in [
            "p5.48xlarge",
            "inf2.xlarge",
            "mac2.metal",
            "u-6tb1.metal",
            "hpc7g.4xlarge",
            "dl1.24xlarge",
            "",
        ] {
            assert_eq!(Class::of(other), None, "{other}");
        }
    }
}
