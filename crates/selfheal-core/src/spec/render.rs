//! A spec as the file that describes it.

use toml_edit::{Array, DocumentMut, Item, Table, Value, value};

use super::{
    AccessSpec, AddressSpec, AppSpec, DataSpec, DnsSpec, HealthProbe, HealthSpec, Ingress, InstanceSpec, Spec,
};

impl Spec {
    /// Renders the spec as a `selfheal.toml`, without the setup script's content.
    ///
    /// For a spec that [`SpecFile`](super::SpecFile) could have read, parsing the text gives the same spec back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut document = DocumentMut::new();
        document["name"] = value(&self.name);
        document["region"] = value(&self.region);
        document["instance"] = Item::Table(instance(&self.instance));
        for (key, table) in [
            ("address", address(&self.address)),
            ("data", self.data.as_ref().map(data)),
            ("dns", self.dns.as_ref().map(dns)),
            ("app", app(&self.app)),
            ("access", access(&self.access)),
        ] {
            if let Some(table) = table {
                document[key] = Item::Table(table);
            }
        }
        document.to_string()
    }
}

fn instance(spec: &InstanceSpec) -> Table {
    let mut table = Table::new();
    table["type"] = value(&spec.instance_type);
    table["image"] = value(spec.image.to_string());
    if let Some(subnet) = &spec.subnet {
        table["subnet"] = value(subnet);
    }
    match &spec.ingress {
        Ingress::Ports(ports) => {
            table["ingress"] = strings(ports.iter().map(|(port, protocol)| format!("{port}/{protocol}")));
        }
        Ingress::Groups(groups) => table["security_groups"] = strings(groups.iter().cloned()),
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

fn address(spec: &AddressSpec) -> Option<Table> {
    let mut table = Table::new();
    if let Some(allocation) = &spec.allocation {
        table["allocation"] = value(allocation);
    }
    if spec.take {
        table["take"] = value(true);
    }
    if let Some(when) = spec.when {
        table["when"] = value(when.to_string());
    }
    (!table.is_empty()).then_some(table)
}

fn data(spec: &DataSpec) -> Table {
    let mut table = Table::new();
    table["size"] = size(spec.size_gib);
    table["mount"] = value(&spec.mount);
    table["filesystem"] = value(spec.filesystem.to_string());
    table["type"] = value(spec.volume_type.to_string());
    if let Some(iops) = spec.iops {
        table["iops"] = value(i64::from(iops));
    }
    if let Some(throughput) = spec.throughput_mibps {
        table["throughput"] = value(i64::from(throughput));
    }
    if let Some(volume) = &spec.volume {
        table["volume"] = value(volume);
    }
    if let Some(key) = &spec.kms_key {
        table["kms_key"] = value(key);
    }
    table
}

fn dns(spec: &DnsSpec) -> Table {
    let mut table = Table::new();
    table["zone"] = value(spec.zone.to_string());
    table["name"] = value(&spec.name);
    table["ttl"] = value(i64::from(spec.ttl_s));
    if spec.overwrite {
        table["overwrite"] = value(true);
    }
    table
}

fn app(spec: &AppSpec) -> Option<Table> {
    let mut table = Table::new();
    if let Some(setup) = &spec.setup {
        table["setup"] = value(&setup.path);
        if spec.setup_timeout_s != AppSpec::SETUP_TIMEOUT_S_DEFAULT {
            table["setup_timeout"] = value(format!("{}s", spec.setup_timeout_s));
        }
    }
    if let Some(policy) = &spec.policy {
        table["policy"] = value(&policy.path);
    }
    if spec.breaker_limit != AppSpec::BREAKER_LIMIT_DEFAULT {
        table["breaker"] = value(i64::from(spec.breaker_limit));
    }
    if let Some(spec) = &spec.health {
        table["health"] = Item::Table(health(spec));
    }
    (!table.is_empty()).then_some(table)
}

fn access(spec: &AccessSpec) -> Option<Table> {
    let mut table = Table::new();
    if *spec != AccessSpec::default() {
        table["session_manager"] = value(spec.session_manager);
    }
    (!table.is_empty()).then_some(table)
}

fn health(spec: &HealthSpec) -> Table {
    let mut table = Table::new();
    match &spec.probe {
        HealthProbe::Http { .. } => table["http"] = value(spec.probe.to_string()),
        HealthProbe::Tcp { port } => table["tcp"] = value(i64::from(*port)),
        HealthProbe::Command { line } => table["command"] = value(line),
    }
    table["interval"] = value(format!("{}s", spec.interval_s));
    table["threshold"] = value(i64::from(spec.threshold));
    table["startup_budget"] = value(format!("{}s", spec.startup_budget_s));
    table["from"] = value(spec.from.to_string());
    table
}

fn size(gib: u32) -> Item {
    value(format!("{gib}GiB"))
}

fn strings(items: impl Iterator<Item = String>) -> Item {
    value(Value::Array(items.collect::<Array>()))
}
