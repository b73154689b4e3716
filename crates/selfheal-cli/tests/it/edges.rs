//! The ranges of the committed schema of `selfheal.toml`, held against what the parser takes.

use selfheal_core::spec::SpecFile;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../../../schema/spec.schema.json");

/// A file with one more line at the end of what cannot be left out.
fn file(more: &str) -> String {
    format!(
        "name = \"web\"\nregion = \"eu-west-1\"\ninstance = {{ type = \"t4g.small\", image = \"al2023\", ingress = [] }}\n{more}\n"
    )
}

/// Tells whether the parser takes a file, and whether the schema does.
fn taken(text: &str) -> (bool, bool) {
    let schema: Value = serde_json::from_str(SCHEMA).expect("a schema is JSON");
    let document: toml_edit::de::Deserializer = text.parse().expect("TOML");
    let document: Value = serde::Deserialize::deserialize(document).expect("JSON holds what TOML does");
    let by_schema = jsonschema::validator_for(&schema)
        .expect("a schema")
        .is_valid(&document);
    (SpecFile::parse(text).is_ok(), by_schema)
}

/// The numbers, each in a file in which nothing else keeps it from its whole range.
const NUMBERS: &[(&str, &str)] = &[
    (
        "/data/properties/iops",
        "data = { size = \"1TiB\", mount = \"/d\", type = \"io2\", iops = # }",
    ),
    (
        "/data/properties/throughput",
        "data = { size = \"1TiB\", mount = \"/d\", iops = 16000, throughput = # }",
    ),
    (
        "/dns/properties/ttl",
        "dns = { zone = \"example.com\", name = \"a.example.com\", ttl = # }",
    ),
    ("/app/properties/breaker", "app = { breaker = # }"),
    ("/app/properties/port", "app = { port = # }"),
    (
        "/notify/properties/disk",
        "notify = { email = \"a@b.example\", disk = # }",
    ),
    ("/app/properties/health/properties/tcp", "app.health = { tcp = # }"),
    (
        "/app/properties/health/properties/threshold",
        "app.health = { tcp = 80, threshold = # }",
    ),
];

#[test]
fn the_least_and_the_most_are_those_of_the_parser() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("a schema is JSON");
    let mut seen = 0;
    for (at, line) in NUMBERS {
        let key = schema
            .pointer(&format!("/properties{at}"))
            .expect("the key is in the schema");
        let edge = |name: &str| key[name].as_i64().unwrap_or_else(|| panic!("{at} has no {name}"));
        let (least, most) = (edge("minimum"), edge("maximum"));
        for (number, expected) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            let text = file(&line.replace('#', &number.to_string()));
            assert_eq!(
                taken(&text),
                (expected, expected),
                "{at} = {number}, by the parser and by the schema"
            );
            seen += 1;
        }
    }
    // Each number that has a range is among these.
    assert_eq!(seen, 4 * SCHEMA.matches("\"minimum\"").count());
}

/// What a pattern or a count can tell is told by both; what only the parser can tell, the schema may let through.
#[test]
fn the_schema_refuses_nothing_that_the_parser_takes() {
    let long = |count: usize| "a".repeat(count);
    let ports = |count: usize| {
        (1..=count)
            .map(|port| format!("\"{port}/tcp\""))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let named = |name: &str| file("").replace("\"web\"", &format!("\"{name}\""));
    let open = |ports: &str| file("").replace("ingress = []", &format!("ingress = [{ports}]"));
    let from = |sources: &str| open(&format!("{{ port = \"22/tcp\", from = {sources} }}"));
    let data = |size: &str| file(&format!("data = {{ size = \"{size}\", mount = \"/d\" }}"));
    let timed = |time: &str| file(&format!("app.health = {{ tcp = 80, startup_budget = \"{time}\" }}"));
    for (text, both) in [
        (named("a"), Some(true)),
        (named(&long(32)), Some(true)),
        (named(&long(33)), Some(false)),
        (named("a-"), Some(false)),
        (named("1a"), Some(false)),
        (named(""), Some(false)),
        (open(&ports(60)), Some(true)),
        (open(&ports(61)), Some(false)),
        (open("\"0/tcp\""), None),
        (open("\"65535/udp\""), Some(true)),
        (open("\"65536/udp\""), None),
        (open("\"80/icmp\""), Some(false)),
        (open("\"80\""), Some(false)),
        (open("\"8000-8010/tcp\""), Some(true)),
        (open("\"8010-8000/tcp\""), None),
        (from("\"203.0.113.0/24\""), Some(true)),
        (
            from("[\"203.0.113.7/32\", \"2001:db8::/32\", \"sg-0123456789abcdef0\", \"pl-01234567\"]"),
            Some(true),
        ),
        (from("\"203.0.113.7/24\""), None),
        (from("[\"0.0.0.0/0\", \"203.0.113.0/24\"]"), None),
        (from("\"me\""), Some(false)),
        (from("[]"), Some(false)),
        (from("\"10.0.0.1\""), Some(false)),
        (open("{ port = \"22/tcp\" }"), Some(false)),
        (open("{ from = \"::/0\" }"), Some(false)),
        (open("{ port = \"22/tcp\", from = \"::/0\", to = 22 }"), Some(false)),
        (data("1GiB"), Some(true)),
        (data("0GiB"), None),
        (data("64TiB"), Some(true)),
        (data("65TiB"), None),
        (data("20 GiB"), Some(true)),
        (data("20GB"), Some(false)),
        (data("1.5GiB"), Some(false)),
        (timed("10s"), Some(true)),
        (timed("9s"), None),
        (timed("2h"), Some(true)),
        (timed("7201s"), None),
        (timed("5min"), Some(true)),
        (timed("5 m"), Some(true)),
        (timed("5d"), Some(false)),
    ] {
        let (parser, schema) = taken(&text);
        match both {
            Some(expected) => assert_eq!((parser, schema), (expected, expected), "{text}"),
            None => assert_eq!((parser, schema), (false, true), "{text}"),
        }
    }
}
