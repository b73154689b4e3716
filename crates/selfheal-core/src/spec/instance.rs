//! The section `[instance]`: the instance and its network.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml_edit::{Table, value};

use super::reader::{Fault, Reader, Section};
use super::values::{kms_key, one_of, size, size_fault, strings, within};
use super::{Architecture, ImageRef, Ingress, ingress, syntax};
use crate::ids::SubnetId;

/// Its keys.
pub(super) const KEYS: &[&str] = &[
    "type",
    "types",
    "market",
    "image",
    "subnet",
    "ingress",
    "security_groups",
    "root_size",
    "permissions_boundary",
    "kms_key",
];

/// Types that are tried in order: AWS takes 40, and the order of more than these is nobody's considered choice.
const TYPES_MAX: usize = 10;
/// Security groups of one network interface: the default quota of Amazon VPC.
const GROUPS_MAX: usize = 5;

/// The instance and its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSpec {
    /// The instance type, such as `t4g.small`; the one that is tried first.
    pub instance_type: String,
    /// Further types, of the same architecture, in the order in which they are tried where EC2 has none of those before them: 0
    /// to 9.
    pub fallback_types: Vec<String>,
    /// How the instance is paid for.
    pub market: Market,
    /// Which machine image it boots.
    pub image: ImageRef,
    /// The subnet; without one, the default VPC's subnet in the data volume's zone.
    pub subnet: Option<SubnetId>,
    /// Either a security group of our own, or groups that exist.
    pub ingress: Ingress,
    /// Size of the root volume in GiB, 1 to 16,384.
    pub root_size_gib: u32,
    /// ARN of the managed policy that bounds what the instance's role may do, whatever its policies say.
    pub permissions_boundary: Option<String>,
    /// ARN of the KMS key that encrypts the root volume; without it, the account's default key.
    pub kms_key: Option<String>,
}

impl InstanceSpec {
    /// Size of the root volume where the spec does not say, in GiB: what every image with an alias fits in.
    pub const ROOT_SIZE_GIB_DEFAULT: u32 = 8;

    /// Whether a launch template, with its one type, does not say all of what is to be launched.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        !self.fallback_types.is_empty() || self.market == Market::Spot
    }

    /// Returns the types in the order in which they are tried.
    pub fn types(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.instance_type).chain(&self.fallback_types)
    }
}

/// How an instance is paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Market {
    /// At the on-demand price, for as long as it runs.
    #[default]
    OnDemand,
    /// At the spot price, until AWS wants the capacity back.
    Spot,
}

impl Market {
    const ALL: &'static [(&'static str, Self)] = &[("on-demand", Self::OnDemand), ("spot", Self::Spot)];
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
        })
    }
}

/// Reads the section; `None` when something that is required is not there or not sound.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<InstanceSpec> {
    let types = types(reader, section);
    let market = market(reader, section);
    let image = section.required(
        reader,
        "image",
        "an image such as \"al2023-arm64\" or \"ami-0123456789abcdef0\"",
    );
    let image = reader.check(image, |image| syntax::image(image));
    let subnet = section.string(reader, "subnet", "an id such as \"subnet-0123456789abcdef0\"");
    let subnet = reader.check(subnet, |subnet| syntax::id("subnet", subnet));
    let root_size = section.string(reader, "root_size", "a size with its unit, such as \"8GiB\"");
    let root_size = reader.check(root_size, |size| {
        within(syntax::size_gib(size)?, 1..=16_384).map_err(|range| size_fault(size, &range))
    });
    let boundary = section.string(
        reader,
        "permissions_boundary",
        "a policy's ARN such as \"arn:aws:iam::123456789012:policy/boundary\"",
    );
    let boundary = reader.check(boundary, |arn| syntax::policy_arn(arn));
    let kms_key = kms_key(reader, section);
    let ingress = reached(reader, section)?;
    let (instance_type, fallback_types) = types?;
    Some(InstanceSpec {
        instance_type,
        fallback_types,
        market: market?,
        image: image?.value,
        subnet: subnet.map(|subnet| subnet.value.into()),
        ingress,
        root_size_gib: root_size.map_or(InstanceSpec::ROOT_SIZE_GIB_DEFAULT, |size| size.value),
        permissions_boundary: boundary.map(|arn| arn.value),
        kms_key,
    })
}

/// The type that is tried first, and the others.
fn types(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<(String, Vec<String>)> {
    if !section.has("types") {
        let one = section.required(reader, "type", "an instance type such as \"t4g.small\"");
        let one = reader.check(one, |name| syntax::instance_type(name))?;
        return Some((one.value, Vec::new()));
    }
    if section.has("type") {
        let fault = Fault::conflict(
            "is here as well as `type`",
            "only one of the two: `type` for one type, or `types` for several in the order in which they are tried",
        );
        reader.report(&section.name("types"), section.key_span("types"), fault);
        return None;
    }
    let entries = section.strings(
        reader,
        "types",
        "a list of instance types such as [\"t4g.small\", \"t4g.medium\"]",
    )?;
    let count = entries.len();
    if !(1..=TYPES_MAX).contains(&count) {
        let fault = Fault::out_of_range(format!("has {count} types"), format!("1 to {TYPES_MAX}"));
        reader.report(&section.name("types"), section.key_span("types"), fault);
    }
    let types: Vec<_> = entries
        .into_iter()
        .filter_map(|entry| reader.check(Some(entry), |name| syntax::instance_type(name)))
        .collect();
    for (at, this) in types.iter().enumerate() {
        if types[..at].iter().any(|other| other.value == this.value) {
            reader.fault(this, Fault::conflict("is in the list twice", "each type once"));
        }
        let of = |name: &str| Architecture::of_instance_type(name);
        if let (Some(first), Some(own)) = (of(&types[0].value), of(&this.value))
            && first != own
        {
            let found = format!("is of {own}, and {} of {first}", types[0].value);
            let fault = Fault::conflict(found, "types of one architecture: an image runs on one alone");
            reader.fault(this, fault);
        }
    }
    let mut names = types.into_iter().map(|located| located.value);
    Some((names.next()?, names.collect()))
}

fn market(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Market> {
    if !section.has("market") {
        return Some(Market::OnDemand);
    }
    one_of(reader, section, "market", Market::ALL).map(|market| market.value)
}

fn reached(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Ingress> {
    match (section.has("ingress"), section.has("security_groups")) {
        (true, true) => {
            let fault = Fault::conflict(
                "is here as well as `ingress`",
                "only one of `ingress` and `security_groups`",
            );
            reader.report(
                &section.name("security_groups"),
                section.key_span("security_groups"),
                fault,
            );
            None
        }
        (false, false) => {
            let expected = "what may reach the instance, such as [\"80/tcp\", \"443/tcp\"], or [] for nothing, \
                            or existing `security_groups`";
            section.missing(reader, "ingress", expected);
            None
        }
        (true, false) => ingress::read(reader, section),
        (false, true) => groups(reader, section),
    }
}

fn groups(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Ingress> {
    let entries = section.strings(
        reader,
        "security_groups",
        "a list of ids such as [\"sg-0123456789abcdef0\"]",
    )?;
    let count = entries.len();
    let mut groups: Vec<_> = entries
        .into_iter()
        .filter_map(|entry| reader.check(Some(entry), |id| syntax::id("sg", id)))
        .collect();
    groups.sort_by(|a, b| a.value.cmp(&b.value));
    for pair in groups.windows(2).filter(|pair| pair[0].value == pair[1].value) {
        reader.fault(&pair[1], Fault::conflict("is in the list twice", "each group once"));
    }
    if !(1..=GROUPS_MAX).contains(&count) {
        let fault = Fault::out_of_range(format!("has {count} groups"), format!("1 to {GROUPS_MAX}"));
        reader.report(
            &section.name("security_groups"),
            section.key_span("security_groups"),
            fault,
        );
    }
    Some(Ingress::Groups(
        groups.into_iter().map(|group| group.value.into()).collect(),
    ))
}

/// The section as a table.
pub(super) fn table(spec: &InstanceSpec) -> Table {
    let mut table = Table::new();
    if spec.fallback_types.is_empty() {
        table["type"] = value(&spec.instance_type);
    } else {
        table["types"] = strings(spec.types().cloned());
    }
    if spec.market != Market::OnDemand {
        table["market"] = value(spec.market.to_string());
    }
    table["image"] = value(spec.image.to_string());
    if let Some(subnet) = &spec.subnet {
        table["subnet"] = value(subnet.as_str());
    }
    match &spec.ingress {
        Ingress::Ports(ports) => table["ingress"] = ingress::item(ports),
        Ingress::Groups(groups) => table["security_groups"] = strings(groups.iter().map(String::from)),
    }
    table["root_size"] = size(spec.root_size_gib);
    if let Some(boundary) = &spec.permissions_boundary {
        table["permissions_boundary"] = value(boundary);
    }
    if let Some(key) = &spec.kms_key {
        table["kms_key"] = value(key);
    }
    table
}
