//! A stack: the top of a spec file, and its sections.

use toml_edit::{DocumentMut, Item, TableLike, value};

use super::app::Files;
use super::problem::SpecProblemKind;
use super::reader::{Fault, Reader, Section};
use super::{
    AccessSpec, AddressSpec, AddressWhen, AppSpec, ConfigSpec, DataSpec, DnsSpec, HealthFrom, HttpsSpec, ImageRef,
    Ingress, InstanceSpec, LogsSpec, Market, NotifySpec, Repair, ScheduleSpec, SnapshotsSpec, access, address, app,
    config, data, dns, health, https, https_site, ingress, instance, logs, notify, schedule, snapshots, syntax,
};

/// The keys at the top of a file.
const ROOT: &[&str] = &[
    "name", "region", "instance", "address", "data", "dns", "app", "access", "logs", "schedule", "config", "notify",
    "https", "schema",
];

/// Every section with its keys.
pub(super) const SECTIONS: &[(&str, &[&str])] = &[
    ("", ROOT),
    ("instance", instance::KEYS),
    ("address", address::KEYS),
    ("data", data::KEYS),
    ("dns", dns::KEYS),
    ("app", app::KEYS),
    ("access", access::KEYS),
    ("access.agent", access::AGENT_KEYS),
    ("logs", logs::KEYS),
    ("schedule", schedule::KEYS),
    ("config", config::KEYS),
    ("notify", notify::KEYS),
    ("https", https::KEYS),
    ("https.site", https_site::KEYS),
    ("app.health", health::KEYS),
    ("data.snapshots", snapshots::KEYS),
    ("instance.ingress", ingress::KEYS),
];

/// The form of spec files that this version reads. It grows when a file may hold what an older version would misread.
const SPEC_SCHEMA: u32 = 1;

/// One stack: one instance that heals itself.
///
/// A value of this type has been validated: names fit AWS's limits, sizes are in range and nothing contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The stack's name: 1 to 32 of `a-z`, `0-9` and `-`, starting with a letter and not ending in `-`.
    pub name: String,
    /// The AWS Region, such as `eu-west-1`.
    pub region: String,
    /// The instance.
    pub instance: InstanceSpec,
    /// The Elastic IP.
    pub address: AddressSpec,
    /// The data volume, where there is one.
    pub data: Option<DataSpec>,
    /// The DNS record, where there is one.
    pub dns: Option<DnsSpec>,
    /// What runs on the instance.
    pub app: AppSpec,
    /// How people get at the instance.
    pub access: AccessSpec,
    /// The log group, where there is one.
    pub logs: Option<LogsSpec>,
    /// When the stack sleeps, where it does by itself.
    pub schedule: Option<ScheduleSpec>,
    /// The app's configuration in Parameter Store, where it has one there.
    pub config: Option<ConfigSpec>,
    /// Who is told when something happens, where anybody is.
    pub notify: Option<NotifySpec>,
    /// HTTPS by nginx on the instance, where it is asked for.
    pub https: Option<HttpsSpec>,
}

impl Spec {
    /// The smallest stack: an instance and an address, nothing open to the world, no data volume, no DNS record.
    ///
    /// The parts are taken as they are, unlike those of a file that [`SpecFile`](super::SpecFile) parses: a caller that
    /// does not know them to be valid renders the spec with [`Spec::to_toml`] and parses that.
    #[must_use]
    pub fn minimal(
        name: impl Into<String>,
        region: impl Into<String>,
        instance_type: impl Into<String>,
        image: ImageRef,
    ) -> Self {
        Self {
            name: name.into(),
            region: region.into(),
            instance: InstanceSpec {
                instance_type: instance_type.into(),
                fallback_types: Vec::new(),
                market: Market::OnDemand,
                image,
                subnet: None,
                ingress: Ingress::Ports(Vec::new()),
                root_size_gib: InstanceSpec::ROOT_SIZE_GIB_DEFAULT,
                permissions_boundary: None,
                kms_key: None,
            },
            address: AddressSpec::default(),
            data: None,
            dns: None,
            app: AppSpec::default(),
            access: AccessSpec::default(),
            logs: None,
            schedule: None,
            config: None,
            notify: None,
            https: None,
        }
    }

    /// Whether the spec asks AWS to probe the app, by an EC2 application status check.
    #[must_use]
    pub fn asks_aws(&self) -> bool {
        self.app
            .health
            .as_ref()
            .is_some_and(|health| health.from.probes_from_aws())
    }

    /// Whether the app is restarted in place before another instance takes its place: as the spec says, else where it names
    /// units. Somebody on the instance has to ask the app.
    #[must_use]
    pub fn repairs_in_place(&self) -> bool {
        let health = self.app.health.as_ref();
        let wanted = match self.app.repair {
            Some(repair) => repair != Repair::Replace,
            None => !self.app.units.is_empty(),
        };
        wanted && health.is_some_and(|health| health.from != HealthFrom::Aws)
    }

    /// How often the data volume is snapshotted, where the spec says so.
    #[must_use]
    pub fn snapshots(&self) -> Option<&SnapshotsSpec> {
        self.data.as_ref()?.snapshots.as_ref()
    }

    /// When the address moves: as the spec says, else once the app is healthy where there is a probe, else as soon as the
    /// data volume is mounted. The first probe is always the instance's own.
    #[must_use]
    pub fn address_when(&self) -> AddressWhen {
        self.address.when.unwrap_or(match &self.app.health {
            Some(_) => AddressWhen::Healthy,
            None => AddressWhen::Mounted,
        })
    }

    /// Renders the spec as a `selfheal.toml`, without the setup script's content.
    ///
    /// For a spec that [`SpecFile`](super::SpecFile) could have read, parsing the text gives the same spec back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut document = DocumentMut::new();
        document["name"] = value(&self.name);
        document["region"] = value(&self.region);
        document["instance"] = Item::Table(instance::table(&self.instance));
        for (key, table) in [
            ("address", address::table(&self.address)),
            ("data", self.data.as_ref().map(data::table)),
            ("dns", self.dns.as_ref().map(dns::table)),
            ("app", app::table(&self.app)),
            ("access", access::table(&self.access)),
            ("logs", self.logs.as_ref().map(logs::table)),
            ("schedule", self.schedule.as_ref().map(schedule::table)),
            ("config", self.config.as_ref().map(config::table)),
            ("notify", self.notify.as_ref().map(notify::table)),
            ("https", self.https.as_ref().map(https::table)),
        ] {
            if let Some(table) = table {
                document[key] = Item::Table(table);
            }
        }
        document.to_string()
    }
}

/// Reads the whole file; `None` when something that is required is not there or not sound.
pub(super) fn read(reader: &mut Reader<'_>, table: &dyn TableLike) -> Option<(Spec, Files)> {
    if is_newer(reader, table) {
        return None;
    }
    let root = Section::root(reader, table, ROOT);
    let name = root.required(reader, "name", "the stack's name, such as \"web\"");
    let name = reader.check(name, |name| syntax::stack_name(name));
    let region = root.required(reader, "region", "a Region such as \"eu-west-1\"");
    let region = reader.check(region, |region| syntax::region(region));
    let instance = match root.child(reader, "instance", "instance", instance::KEYS) {
        Some(section) => instance::read(reader, &section),
        None => {
            if !root.has("instance") {
                root.missing(reader, "instance", "a table `[instance]` with `type` and `image`");
            }
            None
        }
    };
    let data = root.child(reader, "data", "data", data::KEYS);
    let data = data.map(|section| data::read(reader, &section));
    let dns = root
        .child(reader, "dns", "dns", dns::KEYS)
        .map(|section| dns::read(reader, &section));
    let app = root.child(reader, "app", "app", app::KEYS);
    let (app, mut files) = app.map_or_else(Default::default, |section| app::read(reader, &section));
    let address = root.child(reader, "address", "address", address::KEYS);
    let address = address.map_or_else(AddressSpec::default, |section| address::read(reader, &section, &app));
    let access = match root.child(reader, "access", "access", access::KEYS) {
        Some(section) => access::read(reader, &section, instance.as_ref()),
        None => AccessSpec::default(),
    };
    let logs = root.child(reader, "logs", "logs", logs::KEYS);
    let logs = logs.map(|section| logs::read(reader, &section));
    let schedule = root.child(reader, "schedule", "schedule", schedule::KEYS);
    let schedule = schedule.map(|section| schedule::read(reader, &section));
    let config = root.child(reader, "config", "config", config::KEYS);
    let stack = name.as_ref().map(|name| name.value.as_str());
    let config = config.map(|section| config::read(reader, &section, stack));
    let notify = root.child(reader, "notify", "notify", notify::KEYS);
    let notify = notify.map(|section| notify::read(reader, &section));
    let around = https::Around {
        data: root.has("data"),
        ingress: instance.as_ref().map(|instance| &instance.ingress),
        probe: app.health.as_ref().map(|health| &health.probe),
        has_dns: root.has("dns"),
        dns: dns.as_ref().and_then(Option::as_ref),
    };
    let https = root.child(reader, "https", "https", https::KEYS);
    let https = https.map(|section| {
        let (https, extra) = https::read(reader, &section, &around);
        files.extra = extra;
        https
    });
    let spec = Spec {
        name: name?.value,
        region: region?.value,
        instance: instance?,
        address,
        data: transpose(data)?,
        dns: transpose(dns)?,
        app,
        access,
        logs: transpose(logs)?,
        schedule: transpose(schedule)?,
        config: transpose(config)?,
        notify: transpose(notify)?,
        https: transpose(https)?,
    };
    Some((spec, files))
}

/// Refuses a file that says it is for a newer version. Nothing else of it is looked at: its keys may mean what this
/// version does not know.
fn is_newer(reader: &mut Reader<'_>, table: &dyn TableLike) -> bool {
    let root = Section::unchecked(table);
    let form = root.integer(reader, "schema", 1..=u32::MAX, "");
    let Some(form) = form.filter(|form| form.value > SPEC_SCHEMA) else {
        return false;
    };
    let found = format!("is {}: the file was written for a newer selfheal", form.value);
    let expected = format!("{SPEC_SCHEMA}, which this version reads, or a newer version");
    reader.fault(&form, Fault::new(SpecProblemKind::NewerSchema, found, expected));
    true
}

/// A section that is there and could not be read spoils the spec; one that is not there does not.
fn transpose<T>(section: Option<Option<T>>) -> Option<Option<T>> {
    match section {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::SECTIONS;

    #[test]
    fn the_table_of_keys_is_complete() {
        let mut rows = include_str!("keys.md").lines().filter(|line| line.starts_with("| "));
        let mut documented = Vec::new();
        let mut section = String::new();
        rows.next();
        for row in rows {
            let cells: Vec<&str> = row.trim_start_matches('|').split(" | ").map(str::trim).collect();
            if !cells[0].is_empty() {
                section = cells[0].trim_matches(['`', '[', ']']).to_owned();
            }
            documented.push((section.clone(), cells[1].trim_matches('`').to_owned()));
        }
        // The sections at the top are documented by their own rows.
        let mut known: Vec<(String, String)> = SECTIONS
            .iter()
            .flat_map(|(section, keys)| keys.iter().map(|key| ((*section).to_owned(), (*key).to_owned())))
            .filter(|(section, key)| !(section.is_empty() && SECTIONS.iter().any(|(path, _)| path == key)))
            .collect();
        documented.sort();
        known.sort();
        assert_eq!(documented, known);
    }

    /// The schema of the file that editors read has the keys that this module reads.
    #[test]
    fn the_schema_of_the_file_has_every_key() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../../schema/spec.schema.json")).expect("a schema is JSON");
        let required = |at: &serde_json::Value| at["required"].as_array().map_or(0, Vec::len);
        assert_eq!(required(&schema), 3);
        for (section, keys) in SECTIONS {
            let path: String = section
                .split('.')
                .filter(|part| !part.is_empty())
                .map(|part| format!("/properties/{part}"))
                .collect();
            let at = schema
                .pointer(&path)
                // The tables of a list are all alike.
                .map(|at| at.get("items").unwrap_or(at))
                .unwrap_or_else(|| panic!("the schema lacks the section {section}"));
            let properties = at["properties"].as_object().expect("a section is an object");
            let mut described: Vec<&str> = properties.keys().map(String::as_str).collect();
            let mut known = keys.to_vec();
            described.sort_unstable();
            known.sort_unstable();
            assert_eq!(described, known, "[{section}]");
            assert_eq!(at["additionalProperties"], false, "[{section}]");
        }
    }
}
