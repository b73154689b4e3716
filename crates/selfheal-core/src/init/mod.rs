//! A first spec: what is offered for it, and its text.
//!
//! A [`Draft`] is what a person has chosen so far, and [`Draft::to_toml`] writes it with comments. Whatever is chosen is judged
//! by reading that text as any spec is read: [`Draft::problems`].

mod text;

use crate::cost::instance_month_usd;
use crate::ids::{AllocationId, ImageId, InstanceId, SecurityGroupId, SubnetId, VolumeId};
use crate::spec::{Architecture, SpecFile, SpecProblem};
use crate::world::{Address, HostedZone, Volume};

/// Name of the file with the schema of specs, which a spec's first line leads editors to.
pub const SCHEMA_FILE: &str = "selfheal.schema.json";

/// Types that are offered where the Region has them, from small to large: those that a single machine mostly is.
pub const TYPES: [&str; 9] = [
    "t4g.micro",
    "t4g.small",
    "t4g.medium",
    "t4g.large",
    "t3.small",
    "t3.medium",
    "m7g.medium",
    "m7g.large",
    "c7g.large",
];

/// What an instance is like that a stack is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceLikeness {
    /// `i-…`.
    pub id: InstanceId,
    /// Its tag `Name`.
    pub name: Option<String>,
    /// Its type.
    pub instance_type: String,
    /// The image that it was launched from, which may be gone.
    pub image_id: ImageId,
    /// Its subnet.
    pub subnet_id: Option<SubnetId>,
    /// Its security groups.
    pub security_groups: Vec<SecurityGroupId>,
    /// The device name of its root volume.
    pub root_device: Option<String>,
    /// The device names of its volumes, each with its volume.
    pub volumes: Vec<(String, VolumeId)>,
    /// Whether it is bought at the spot price.
    pub spot: bool,
}

/// What the account has to offer. What could not be read is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// The account's twelve digits.
    pub account: Option<String>,
    /// The Regions that it may use.
    pub regions: Vec<String>,
    /// Of [`TYPES`] those that the Region offers.
    pub types: Vec<String>,
    /// Public hosted zones.
    pub zones: Vec<HostedZone>,
    /// The Elastic IPs of the Region, also those in use.
    pub addresses: Vec<Address>,
    /// Volumes that nothing uses.
    pub volumes: Vec<Volume>,
}

impl Offered {
    /// The addresses that a stack may take along: nothing uses them, and no stack has them already.
    pub fn free_addresses(&self) -> impl Iterator<Item = &Address> {
        let free = |address: &&Address| {
            let used = address.association_id.is_some() || address.service_managed.is_some();
            !used && !address.tags.contains_key(crate::names::TAG_STACK)
        };
        self.addresses.iter().filter(free)
    }

    /// The volumes that a stack may take along: no stack has them already.
    pub fn free_volumes(&self) -> impl Iterator<Item = &Volume> {
        let free = |volume: &&Volume| !volume.tags.contains_key(crate::names::TAG_STACK);
        self.volumes.iter().filter(free)
    }

    /// The zone that a name is in: of those that it ends in, the longest. Of several zones with one name, by its id.
    #[must_use]
    pub fn zone_of(&self, name: &str) -> Option<String> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let above = self
            .zones
            .iter()
            .filter(|zone| crate::spec::is_below(&name, &zone.name));
        let zone = above.max_by_key(|zone| zone.name.len())?;
        let namesakes = self.zones.iter().filter(|other| other.name == zone.name).count();
        Some(if namesakes > 1 {
            zone.id.to_string()
        } else {
            zone.name.clone()
        })
    }
}

/// A type with its price, as it is offered: `t4g.small   12.26 USD a month`.
#[must_use]
pub fn priced(instance_type: &str) -> String {
    match instance_month_usd(instance_type) {
        Some(usd) => format!("{instance_type:<11} {usd:>7.2} USD a month in us-east-1"),
        None => instance_type.to_owned(),
    }
}

/// The data volume of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftData {
    /// Size with its unit, such as `20GiB`.
    pub size: String,
    /// Where it is mounted.
    pub mount: String,
    /// A volume that exists, to adopt.
    pub volume: Option<VolumeId>,
}

/// How traffic reaches the stack of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftIngress {
    /// Ports that are open to everybody, such as `80/tcp`.
    Ports(Vec<String>),
    /// Security groups that exist.
    Groups(Vec<SecurityGroupId>),
}

/// What a person has chosen, as it was typed: nothing of it is valid before [`Draft::problems`] says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The stack's name.
    pub name: String,
    /// The Region.
    pub region: String,
    /// The instance type.
    pub instance_type: String,
    /// The image: an alias, an id or `ssm:/…`.
    pub image: String,
    /// How the instance is paid for: `spot`, or on demand.
    pub spot: bool,
    /// The subnet, where it is not to be the default one.
    pub subnet: Option<SubnetId>,
    /// How traffic reaches it.
    pub ingress: DraftIngress,
    /// Size of the root volume, where the default will not do.
    pub root_size_gib: Option<u32>,
    /// An address that exists, to adopt.
    pub address: Option<AllocationId>,
    /// The data volume, where there is one.
    pub data: Option<DraftData>,
    /// Zone and name of the record, where there is one.
    pub dns: Option<(String, String)>,
    /// What the file says at its head beside that: lines, without their `#`.
    pub remarks: Vec<String>,
}

impl Draft {
    /// What is written where nobody chooses: a small web server with a data volume and no name.
    #[must_use]
    pub fn new(name: impl Into<String>, region: impl Into<String>) -> Self {
        let instance_type = "t4g.small";
        Self {
            name: name.into(),
            region: region.into(),
            image: image_for(instance_type).to_owned(),
            instance_type: instance_type.to_owned(),
            spot: false,
            subnet: None,
            ingress: DraftIngress::Ports(vec!["80/tcp".to_owned(), "443/tcp".to_owned()]),
            root_size_gib: None,
            address: None,
            data: Some(DraftData {
                size: "20GiB".to_owned(),
                mount: "/srv/data".to_owned(),
                volume: None,
            }),
            dns: None,
            remarks: Vec::new(),
        }
    }

    /// Makes the draft like an instance that runs, with the volumes that it has, and says at its head what it leaves alone: nothing
    /// that the instance uses is taken from it.
    #[must_use]
    pub fn like(mut self, it: &InstanceLikeness, volumes: &[Volume], addresses: &[Address]) -> Self {
        self.instance_type.clone_from(&it.instance_type);
        self.image = it.image_id.to_string();
        self.spot = it.spot;
        self.subnet.clone_from(&it.subnet_id);
        // One of which no group is told opens no port that it did not open.
        self.ingress = if it.security_groups.is_empty() {
            DraftIngress::Ports(Vec::new())
        } else {
            DraftIngress::Groups(it.security_groups.clone())
        };
        self.remarks.push(format!(
            "Like {}, which is left as it is: the stack has an instance, a disk and an address of its own.",
            it.id
        ));
        let size = |id: &VolumeId| {
            volumes
                .iter()
                .find(|volume| volume.id == *id)
                .map(|volume| volume.size_gib)
        };
        let is_root = |device: &String| Some(device) == it.root_device.as_ref();
        let root = it.volumes.iter().find(|(device, _)| is_root(device));
        self.root_size_gib = root.and_then(|(_, id)| size(id));
        let others: Vec<&VolumeId> = it
            .volumes
            .iter()
            .filter(|(device, _)| !is_root(device))
            .map(|(_, id)| id)
            .collect();
        self.data = others.first().map(|id| DraftData {
            size: format!("{}GiB", size(id).unwrap_or(20)),
            mount: "/srv/data".to_owned(),
            volume: None,
        });
        for id in &others {
            self.remarks.push(format!(
                "Its volume {id} comes along once nothing uses it any more: volume = \"{id}\" in [data], with the filesystem that \
                 it has."
            ));
        }
        let held = addresses
            .iter()
            .filter(|address| address.instance_id.as_ref() == Some(&it.id));
        for address in held {
            self.remarks.push(format!(
                "Its address {} comes along as well: [address] allocation = \"{}\" with take = true moves it over once the new \
                 instance is ready.",
                address.public_ip, address.allocation_id
            ));
        }
        self
    }

    /// What is wrong with it, by the keys of a spec: each with what was found and what is expected.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let Err(errors) = SpecFile::parse(&self.to_toml()) else {
            return Vec::new();
        };
        let told = |problem: &SpecProblem| match problem.help() {
            Some(help) => format!("{problem}: {help}"),
            None => problem.to_string(),
        };
        let problems = errors.problems().iter();
        problems.map(|problem| (problem.key.clone(), told(problem))).collect()
    }
}

/// The image of Amazon Linux for the architecture of a type.
#[must_use]
pub fn image_for(instance_type: &str) -> &'static str {
    match Architecture::of_instance_type(instance_type) {
        Some(Architecture::Arm64) => "al2023-arm64",
        _ => "al2023",
    }
}

/// A stack's name made of any text, such as a folder's: what it may not hold becomes a hyphen.
#[must_use]
pub fn name_from(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .collect();
    let begins = plain.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let words: Vec<&str> = begins.split('-').filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    name.truncate(32);
    let name = name.trim_end_matches('-');
    if name.is_empty() {
        "web".to_owned()
    } else {
        name.to_owned()
    }
}
