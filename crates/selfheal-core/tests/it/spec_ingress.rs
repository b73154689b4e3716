//! Whom ports are open to: what a spec may say, and what an apply makes of it.

use crate::common::{carry_out, empty_world, probed, web};
use crate::files::{errors, minimal_with, parse};
use selfheal_core::plan::{Readiness, StepKind, Value, plan};
use selfheal_core::spec::{HealthFrom, Ingress, OpenPorts, Protocol, Source, Spec, SpecFile};
use selfheal_core::world::{IngressRule, Observed};

fn of(entries: &str) -> String {
    minimal_with("").replace("ingress = []", &format!("ingress = [{entries}]"))
}

fn with(entries: &str) -> Spec {
    parse(&of(entries))
}

fn ports(spec: &Spec) -> &[OpenPorts] {
    let Ingress::Ports(ports) = &spec.instance.ingress else {
        panic!("the spec names no groups")
    };
    ports
}

#[test]
fn ports_and_ranges_are_open_to_everybody_or_to_those_who_are_named() {
    let spec = with(
        "\"8000-8010/tcp\", \"443/tcp\", { port = \"22/tcp\", from = [\"pl-01234567\", \"203.0.113.0/24\", \
         \"sg-0123456789abcdef0\", \"2001:0DB8::/32\"] }, { port = \"53/udp\", from = \"10.0.0.0/8\" }",
    );
    let shown: Vec<(String, Vec<String>)> = ports(&spec)
        .iter()
        .map(|open| (open.to_string(), open.from.iter().map(Source::to_string).collect()))
        .collect();
    let all = |sources: &[&str]| sources.iter().map(|&source| source.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        shown,
        [
            (
                "22/tcp".to_owned(),
                all(&["203.0.113.0/24", "2001:db8::/32", "sg-0123456789abcdef0", "pl-01234567"])
            ),
            ("53/udp".to_owned(), all(&["10.0.0.0/8"])),
            ("443/tcp".to_owned(), all(&["0.0.0.0/0"])),
            ("8000-8010/tcp".to_owned(), all(&["0.0.0.0/0"])),
        ]
    );
    assert_eq!(parse(&spec.to_toml()), spec);
    let tables =
        minimal_with("").replace("ingress = []", "") + "[[instance.ingress]]\nport = \"22/tcp\"\nfrom = \"::/0\"\n";
    assert_eq!(ports(&parse(&tables))[0].to_string(), "22/tcp");
    assert_eq!(with("{ port = \"80/tcp\", from = \"0.0.0.0/0\" }"), with("\"80/tcp\""));
}

/// Entries that mean nothing, each with a part of what is told.
const WRONG: &[(&str, &str)] = &[
    (
        "{ port = \"22/tcp\", from = \"me\" }",
        "is `me`: the address that you have differs by network and by day",
    ),
    (
        "{ port = \"22/tcp\", from = \"203.0.113.7\" }",
        "did you mean `203.0.113.7/32`?",
    ),
    (
        "{ port = \"22/tcp\", from = \"2001:db8::7\" }",
        "did you mean `2001:db8::7/128`?",
    ),
    (
        "{ port = \"22/tcp\", from = \"203.0.113.7/24\" }",
        "in the middle of its block (did you mean `203.0.113.0/24`?",
    ),
    (
        "{ port = \"22/tcp\", from = \"2001:db8::7/32\" }",
        "in the middle of its block (did you mean `2001:db8::/32`?",
    ),
    (
        "{ port = \"22/tcp\", from = \"203.0.113.0/33\" }",
        "expected a CIDR block",
    ),
    (
        "{ port = \"22/tcp\", from = \"203.0.113.0/+24\" }",
        "expected a CIDR block",
    ),
    (
        "{ port = \"22/tcp\", from = \"sg-x\" }",
        "expected an id such as \"sg-0123456789abcdef0\"",
    ),
    ("{ port = \"22/tcp\", from = [] }", "`instance.ingress.from` is empty"),
    ("{ port = \"22/tcp\" }", "`instance.ingress.from` is missing"),
    ("{ from = \"::/0\" }", "`instance.ingress.port` is missing"),
    ("{ port = \"22/tcp\", form = \"::/0\" }", "did you mean `from`?"),
    (
        "{ port = \"22/tcp\", from = [\"10.0.0.0/8\", \"10.1.0.0/16\"] }",
        "is `10.1.0.0/16` and within `10.0.0.0/8`",
    ),
    (
        "{ port = \"22/tcp\", from = [\"0.0.0.0/0\", \"10.1.0.0/16\"] }",
        "within `0.0.0.0/0`",
    ),
    (
        "{ port = \"22/tcp\", from = [\"::/0\", \"2001:db8::/32\"] }",
        "within `::/0`",
    ),
    (
        "\"80/tcp\", { port = \"80/tcp\", from = \"::/0\" }",
        "is in the list twice",
    ),
    (
        "\"20-30/tcp\", { port = \"22/tcp\", from = \"10.0.0.0/8\" }",
        "opens ports to everybody by `20-30/tcp` that `22/tcp` limits",
    ),
    (
        "\"22/tcp\", { port = \"20-30/tcp\", from = \"sg-0123456789abcdef0\" }",
        "by `22/tcp` that `20-30/tcp` limits",
    ),
    ("\"0-10/tcp\"", "expected ports from 1 to 65535"),
    ("\"1-65536/tcp\"", "expected ports from 1 to 65535"),
    ("\"1--2/tcp\"", "expected a port and a protocol"),
    ("true", "`instance.ingress[0]` is a boolean"),
];

#[test]
fn what_cannot_be_meant_is_told_with_its_reason() {
    for (entries, told) in WRONG {
        let found = errors(&of(entries));
        assert!(found.contains(told), "{entries}:\n{found}");
        assert_eq!(found.lines().count(), 1, "{entries}:\n{found}");
    }
    // What does not overlap, is of another protocol or of IPv6 alone, is no contradiction.
    with("\"20-21/tcp\", { port = \"22/tcp\", from = \"10.0.0.0/8\" }");
    with("\"22/udp\", { port = \"22/tcp\", from = \"10.0.0.0/8\" }");
    with("\"80/tcp\", { port = \"80-90/tcp\", from = \"::/0\" }");
    // 31 ports for two each are more rules than a group holds.
    let many: Vec<String> = (1..=31)
        .map(|port| format!("{{ port = \"{port}/tcp\", from = [\"::/0\", \"10.0.0.0/8\"] }}"))
        .collect();
    assert!(errors(&of(&many.join(", "))).contains("has 62 rules"));
    with(&many[..30].join(", "));
}

fn rule(port: i32, source: &str) -> IngressRule {
    IngressRule {
        protocol: "tcp".to_owned(),
        from_port: port,
        to_port: port,
        source: source.to_owned(),
    }
}

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

fn open_to(spec: &mut Spec, first: u16, sources: &[&str]) {
    spec.instance.ingress = Ingress::Ports(vec![OpenPorts {
        first,
        last: first,
        protocol: Protocol::Tcp,
        from: sources.iter().map(|source| source.parse().expect("a source")).collect(),
    }]);
}

/// What a step shows: each value before, and afterwards.
fn shown(spec: &Spec, world: &Observed, kind: StepKind) -> Vec<(Option<String>, Option<Value>)> {
    let planned = plan(spec, world);
    let step = planned.step(kind).unwrap_or_else(|| panic!("no {kind}:\n{planned}"));
    let fields = step.fields.iter();
    fields
        .map(|field| (field.before.clone(), field.after.clone()))
        .collect()
}

#[test]
fn exactly_what_differs_is_opened_and_closed() {
    let mut spec = web();
    open_to(&mut spec, 22, &["0.0.0.0/0", "::/0"]);
    let mut world = applied(&spec);
    assert_eq!(
        world.security_groups[0].ingress,
        [rule(22, "0.0.0.0/0"), rule(22, "::/0")]
    );
    assert!(plan(&spec, &world).is_empty());
    open_to(&mut spec, 22, &["203.0.113.0/24", "::/0", "sg-0123456789abcdef0"]);
    let known = |text: &str| Some(Value::Known(text.to_owned()));
    assert_eq!(
        shown(&spec, &world, StepKind::AuthorizeIngress),
        [
            (None, known("22/tcp from 203.0.113.0/24")),
            (None, known("22/tcp from sg-0123456789abcdef0")),
        ]
    );
    assert_eq!(
        shown(&spec, &world, StepKind::RevokeIngress),
        [(Some("22/tcp from 0.0.0.0/0".to_owned()), None)]
    );
    assert_eq!(plan(&spec, &world).ready().count(), 2);
    carry_out(|world| plan(&spec, world), &mut world);
    let mut sources: Vec<&str> = world.security_groups[0]
        .ingress
        .iter()
        .map(|rule| rule.source.as_str())
        .collect();
    sources.sort_unstable();
    assert_eq!(sources, ["203.0.113.0/24", "::/0", "sg-0123456789abcdef0"]);
}

/// A group that is full takes nothing before something is closed: AWS would refuse, and leave open what was to be closed.
#[test]
fn a_full_group_is_closed_first() {
    let mut spec = web();
    let hosts = |from: u8| {
        (from..from + 40)
            .map(|host| format!("203.0.113.{host}/32"))
            .collect::<Vec<_>>()
    };
    let sources = |hosts: &[String]| {
        hosts
            .iter()
            .map(|host| host.parse().expect("a source"))
            .collect::<Vec<Source>>()
    };
    let set = |spec: &mut Spec, from: Vec<Source>| {
        let open = OpenPorts {
            from,
            ..OpenPorts::from((22, Protocol::Tcp))
        };
        spec.instance.ingress = Ingress::Ports(vec![open]);
    };
    let waits = |spec: &Spec, world: &Observed| {
        let planned = plan(spec, world);
        let step = planned.step(StepKind::AuthorizeIngress).expect("it opens");
        matches!(step.readiness, Readiness::Waiting { .. })
    };
    set(&mut spec, sources(&hosts(0)));
    let world = applied(&spec);
    set(&mut spec, sources(&hosts(40)));
    assert!(waits(&spec, &world));
    set(&mut spec, sources(&hosts(10)));
    assert!(!waits(&spec, &world), "there is room for 40 and 10");
    // How many a prefix list counts for, AWS alone knows.
    set(&mut spec, vec![Source::PrefixList("pl-01234567".to_owned())]);
    assert!(waits(&spec, &world));
}

#[test]
fn https_needs_port_80_for_everybody_unless_the_authority_is_near() {
    let text = |entries: &str, more: &str| {
        format!(
            "{}\n[data]\nsize = \"1GiB\"\nmount = \"/srv/data\"\n[https]\ndomains = [\"a.example.com\"]\nupstream = \
             \"localhost:3000\"\n{more}",
            of(entries)
        )
    };
    let told = |text: &str| SpecFile::parse(text).map(drop).map_err(|errors| errors.to_string());
    let office = "{ port = \"443/tcp\", from = \"203.0.113.0/24\" }";
    assert_eq!(told(&text(&format!("\"80/tcp\", {office}"), "")), Ok(()));
    assert_eq!(told(&text("\"1-1000/tcp\"", "")), Ok(()));
    let limited = format!("{{ port = \"80/tcp\", from = \"10.0.0.0/8\" }}, {office}");
    let refused = told(&text(&limited, "")).expect_err("nobody from outside gets in");
    assert!(refused.contains("`80/tcp` in `instance.ingress`"), "{refused}");
    let own = "ca = \"https://ca.example.com/acme\"\nca_bundle = \"/etc/ca.pem\"\n";
    assert_eq!(told(&text(&limited, own)), Ok(()));
}

#[test]
fn aws_asks_from_a_private_address() {
    let mut spec = probed(HealthFrom::Aws);
    let refused = |spec: &Spec| plan(spec, &empty_world()).is_refused();
    for (source, expected) in [
        ("0.0.0.0/0", false),
        ("10.0.0.0/8", false),
        ("172.31.0.0/16", false),
        ("100.64.0.0/16", false),
        ("192.168.1.1/32", false),
        ("203.0.113.0/24", true),
        ("172.32.0.0/16", true),
        ("::/0", true),
        ("sg-0123456789abcdef0", true),
    ] {
        open_to(&mut spec, 80, &[source]);
        assert_eq!(refused(&spec), expected, "{source}");
    }
}
