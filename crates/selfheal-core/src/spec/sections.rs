//! The sections of a spec file, one function each.

use toml_edit::TableLike;

use super::keys::{ACCESS, ADDRESS, APP, DATA, DNS, HEALTH, INSTANCE, ROOT};
use super::problem::SpecProblemKind;
use super::reader::{Fault, Located, Reader, Section};
use super::values::{kms_key, one_of};
use super::{
    AccessSpec, AddressSpec, AddressWhen, AppSpec, DnsSpec, HealthFrom, HealthSpec, Ingress, InstanceSpec, Spec,
    ZoneRef, data, syntax,
};

/// Port rules that fit into one security group: 60 for each of IPv4 and IPv6 is the default quota of Amazon VPC.
const INGRESS_MAX: usize = 60;
/// Security groups of one network interface: the default quota of Amazon VPC.
const GROUPS_MAX: usize = 5;
/// Time to live of the record where the file does not say: a minute, since the address never changes anyway.
const TTL_S_DEFAULT: u32 = 60;

/// The form of spec files that this version reads. It grows when a file may hold what an older version would misread.
const SPEC_SCHEMA: u32 = 1;

/// The files that a spec file names, whose content is not part of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) setup: Option<Located<String>>,
    pub(super) policy: Option<Located<String>>,
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
    let instance = match root.child(reader, "instance", "instance", INSTANCE) {
        Some(section) => instance(reader, &section),
        None => {
            if !root.has("instance") {
                root.missing(reader, "instance", "a table `[instance]` with `type` and `image`");
            }
            None
        }
    };
    let data = root.child(reader, "data", "data", DATA);
    let data = data.map(|section| data::read(reader, &section));
    let dns = root
        .child(reader, "dns", "dns", DNS)
        .map(|section| dns(reader, &section));
    let app = root.child(reader, "app", "app", APP);
    let (app, files) = app.map_or_else(Default::default, |section| app_section(reader, &section));
    let address = root.child(reader, "address", "address", ADDRESS);
    let address = address.map_or_else(AddressSpec::default, |section| address_section(reader, &section, &app));
    let access = root.child(reader, "access", "access", ACCESS);
    let access = access.map_or_else(AccessSpec::default, |section| access_section(reader, &section));
    let spec = Spec {
        name: name?.value,
        region: region?.value,
        instance: instance?,
        address,
        data: transpose(data)?,
        dns: transpose(dns)?,
        app,
        access,
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

fn instance(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<InstanceSpec> {
    let instance_type = section.required(reader, "type", "an instance type such as \"t4g.small\"");
    let instance_type = reader.check(instance_type, |name| syntax::instance_type(name));
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
        data::within(syntax::size_gib(size)?, 1..=16_384).map_err(|range| data::size_fault(size, &range))
    });
    let boundary = section.string(
        reader,
        "permissions_boundary",
        "a policy's ARN such as \"arn:aws:iam::123456789012:policy/boundary\"",
    );
    let boundary = reader.check(boundary, |arn| syntax::policy_arn(arn));
    let kms_key = kms_key(reader, section);
    let ingress = ingress(reader, section)?;
    Some(InstanceSpec {
        instance_type: instance_type?.value,
        image: image?.value,
        subnet: subnet.map(|subnet| subnet.value),
        ingress,
        root_size_gib: root_size.map_or(Spec::ROOT_SIZE_GIB_DEFAULT, |size| size.value),
        permissions_boundary: boundary.map(|arn| arn.value),
        kms_key,
    })
}

fn ingress(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Ingress> {
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
        (true, false) => ports(reader, section),
        (false, true) => groups(reader, section),
    }
}

fn ports(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Ingress> {
    let entries = section.strings(reader, "ingress", "a list of ports such as [\"80/tcp\", \"443/tcp\"]")?;
    let count = entries.len();
    let mut ports: Vec<_> = entries
        .into_iter()
        .filter_map(|entry| reader.check(Some(entry), |port| syntax::port(port)))
        .collect();
    ports.sort_by_key(|port| port.value);
    for pair in ports.windows(2).filter(|pair| pair[0].value == pair[1].value) {
        reader.fault(&pair[1], Fault::conflict("is in the list twice", "each port once"));
    }
    if count > INGRESS_MAX {
        let fault = Fault::out_of_range(format!("has {count} ports"), format!("at most {INGRESS_MAX}"));
        reader.report(&section.name("ingress"), section.key_span("ingress"), fault);
    }
    Some(Ingress::Ports(ports.into_iter().map(|port| port.value).collect()))
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
    Some(Ingress::Groups(groups.into_iter().map(|group| group.value).collect()))
}

fn dns(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<DnsSpec> {
    let zone = section.required(reader, "zone", "an existing hosted zone such as \"example.com\"");
    let zone = reader.check(zone, |zone| syntax::zone(zone));
    let name = section.required(reader, "name", "the record's name, such as \"app.example.com\"");
    let name = reader.check(name, |name| syntax::dns_name(name));
    let ttl = section.integer(reader, "ttl", 1..=86_400, " seconds");
    let (zone, name) = (zone?, name?);
    let overwrite = section.boolean(reader, "overwrite");
    // What a zone is called that is named by its id is known once it is read.
    if let ZoneRef::Name(zone) = &zone.value
        && !is_below(&name.value, zone)
    {
        let expected = format!("`{zone}` itself or a name below it");
        reader.fault(
            &name,
            Fault::conflict(format!("{} and is outside the zone", syntax::is(&name.value)), expected),
        );
    }
    Some(DnsSpec {
        zone: zone.value,
        name: name.value,
        ttl_s: ttl.map_or(TTL_S_DEFAULT, |ttl| ttl.value),
        overwrite: overwrite.is_some_and(|overwrite| overwrite.value),
    })
}

/// Whether a name is a zone's own or one below it.
pub(crate) fn is_below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn address_section(reader: &mut Reader<'_>, section: &Section<'_>, app: &AppSpec) -> AddressSpec {
    let allocation = section.string(reader, "allocation", "an id such as \"eipalloc-0123456789abcdef0\"");
    let allocation = reader.check(allocation, |id| syntax::id("eipalloc", id));
    let take = section.boolean(reader, "take");
    if let Some(at) = take.as_ref().filter(|take| take.value && !section.has("allocation")) {
        let expected = "the `allocation` that is to be taken";
        reader.fault(at, Fault::conflict("is `true`, and no address is adopted", expected));
    }
    let values = [("mounted", AddressWhen::Mounted), ("healthy", AddressWhen::Healthy)];
    let when = one_of(reader, section, "when", &values);
    if let Some(at) = when
        .as_ref()
        .filter(|when| when.value == AddressWhen::Healthy && app.health.is_none())
    {
        let expected = "a probe in [app.health], or `mounted`";
        reader.fault(
            at,
            Fault::conflict("is `healthy`, and nothing tells the instance when it is", expected),
        );
    }
    AddressSpec {
        allocation: allocation.map(|id| id.value),
        take: take.is_some_and(|take| take.value),
        when: when.map(|when| when.value),
    }
}

fn access_section(reader: &mut Reader<'_>, section: &Section<'_>) -> AccessSpec {
    let session_manager = section.boolean(reader, "session_manager");
    let defaults = AccessSpec::default();
    AccessSpec {
        session_manager: session_manager.map_or(defaults.session_manager, |at| at.value),
    }
}

fn app_section(reader: &mut Reader<'_>, section: &Section<'_>) -> (AppSpec, Files) {
    let mut path = |key: &str, expected: &str| {
        let path = section.string(reader, key, expected);
        reader.check(path, |path| syntax::file_path(path, expected))
    };
    let files = Files {
        setup: path("setup", "the path of a script, such as \"setup.sh\""),
        policy: path("policy", "the path of a policy, such as \"policy.json\""),
    };
    let setup_timeout = duration(reader, section, "setup_timeout", 60..=AppSpec::SETUP_TIMEOUT_S_MAX);
    if let Some(at) = setup_timeout.as_ref().filter(|_| !section.has("setup")) {
        reader.fault(
            at,
            Fault::conflict("limits a script, and there is none", "`setup` beside it"),
        );
    }
    let breaker = section.integer(reader, "breaker", 1..=10, "");
    let health = section.child(reader, "health", "app.health", HEALTH);
    let app = AppSpec {
        setup: None,
        setup_timeout_s: setup_timeout.map_or(AppSpec::SETUP_TIMEOUT_S_DEFAULT, |at| at.value),
        policy: None,
        health: health.and_then(|section| health_section(reader, &section)),
        breaker_limit: breaker.map_or(AppSpec::BREAKER_LIMIT_DEFAULT, |breaker| breaker.value),
    };
    (app, files)
}

fn health_section(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<HealthSpec> {
    let probes: Vec<&str> = ["http", "tcp", "command"]
        .into_iter()
        .filter(|key| section.has(key))
        .collect();
    if let [_, second, ..] = probes[..] {
        let fault = Fault::conflict("is one probe too many", "exactly one of `http`, `tcp` and `command`");
        reader.report(&section.name(second), section.key_span(second), fault);
    }
    if probes.is_empty() {
        section.missing(reader, "http", "one of `http`, `tcp` and `command`");
    }
    let http = section.string(reader, "http", "a URL such as \"http://localhost:8080/health\"");
    let http = reader.check(http, |url| syntax::http_probe(url));
    let tcp = section.integer(reader, "tcp", 1..=65_535, "");
    let tcp = tcp
        .and_then(|at| u16::try_from(at.value).ok())
        .map(|port| super::HealthProbe::Tcp { port });
    let command = section.string(reader, "command", "a command line such as \"pg_isready -q\"");
    let command = reader.check(command, |line| syntax::command(line));
    let interval = duration(reader, section, "interval", 5..=300);
    let threshold = section.integer(reader, "threshold", 1..=20, "");
    let startup_budget = duration(reader, section, "startup_budget", 10..=7_200);
    let sources = [
        ("instance", HealthFrom::Instance),
        ("aws", HealthFrom::Aws),
        ("both", HealthFrom::Both),
    ];
    let from = one_of(reader, section, "from", &sources);
    if let Some(at) = from
        .as_ref()
        .filter(|from| from.value.probes_from_aws() && !section.has("http"))
    {
        let expected = "`instance`: AWS's own checks speak HTTP alone";
        reader.fault(
            at,
            Fault::conflict("asks AWS to probe, and the probe is not `http`", expected),
        );
    }
    let probe = http.map(|at| at.value).or(tcp).or(command.map(|at| at.value))?;
    let defaults = HealthSpec::new(probe);
    Some(HealthSpec {
        interval_s: interval.map_or(defaults.interval_s, |at| at.value),
        threshold: threshold.map_or(defaults.threshold, |at| at.value),
        startup_budget_s: startup_budget.map_or(defaults.startup_budget_s, |at| at.value),
        from: from.map_or(defaults.from, |at| at.value),
        ..defaults
    })
}

fn duration(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    range: std::ops::RangeInclusive<u32>,
) -> Option<Located<u32>> {
    let text = section.string(reader, key, "a duration with its unit, such as \"30s\" or \"5m\"");
    reader.check(text, |text| {
        let duration_s = syntax::duration_s(text)?;
        if range.contains(&duration_s) {
            return Ok(duration_s);
        }
        let expected = format!("a duration from {} to {} seconds", range.start(), range.end());
        Err(Fault::out_of_range(syntax::is(text), expected))
    })
}
