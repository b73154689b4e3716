//! What the binary prints and what it reads, held against the committed schemas.

use serde_json::{Value, json};

use crate::support::{Folder, SPEC};

const PLAN: &str = include_str!("../../../../schema/plan.schema.json");
const STATUS: &str = include_str!("../../../../schema/status.schema.json");
const DOCTOR: &str = include_str!("../../../../schema/doctor.schema.json");
const EVENTS: &str = include_str!("../../../../schema/events.schema.json");
const LOGS: &str = include_str!("../../../../schema/logs.schema.json");
const FAILURE: &str = include_str!("../../../../schema/failure.schema.json");
const FILE: &str = include_str!("../../../../schema/spec.schema.json");

/// What a schema has to say against a document; empty where it holds.
fn faults(schema: &str, document: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema of JSON Schema");
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect()
}

fn check(schema: &str, document: &Value) {
    assert_eq!(faults(schema, document), [""; 0], "{document:#}");
    assert_eq!(document["version"], 1, "{document:#}");
}

/// Prints by the command and checks it; the version stands at the top.
fn printed(folder: &Folder, args: &[&str], code: i32, schema: &str) -> Value {
    let run = folder.expect(&[args, &["--json"]].concat(), code);
    assert!(run.stdout.starts_with("{\n  \"version\": 1,\n"), "{}", run.stdout);
    let document: Value = serde_json::from_str(&run.stdout).expect("one document");
    check(schema, &document);
    document
}

/// Prints events by the command, checks each line, and answers the last.
fn told(folder: &Folder, args: &[&str], code: i32) -> Value {
    let run = folder.expect(&[args, &["--json"]].concat(), code);
    assert!(run.stdout.ends_with("}\n"), "{}", run.stdout);
    let mut lines = run.lines();
    lines.iter().for_each(|line| check(EVENTS, line));
    let last = lines.pop().expect("a line at least");
    assert_eq!(last["event"], "result", "{last:#}");
    assert_eq!(last["outcome"] == "failed", code != 0, "{last:#}");
    assert!(
        lines.iter().all(|line| line["event"] != "result"),
        "one result: {}",
        run.stdout
    );
    last
}

#[test]
fn what_is_printed_over_a_stacks_life_is_as_the_schemas_say() {
    let folder = Folder::new();
    let first = printed(&folder, &["plan"], 0, PLAN);
    let actions = first["steps"].as_array().expect("steps").iter();
    assert!(actions.filter(|step| step["readiness"]["ready"].is_object()).count() > 2);
    printed(&folder, &["status"], 0, STATUS);
    told(&folder, &["apply"], 4);
    told(&folder, &["apply", "--yes"], 0);
    told(&folder, &["status", "--watch", "--for", "5m"], 0);
    printed(&folder, &["plan"], 0, PLAN);
    printed(&folder, &["status"], 0, STATUS);
    printed(&folder, &["doctor"], 0, DOCTOR);

    // Something changes in every resource, a group is parked, and something is refused.
    let other = SPEC
        .replace("ttl = 60", "ttl = 90")
        .replace("20GiB", "30GiB")
        .replace("\"443/tcp\"", "\"53/udp\"")
        .replace("[app]\n", "[app]\nhealth = { http = \"/health\", from = \"both\" }\n");
    folder.write("selfheal.toml", &other);
    let changed = printed(&folder, &["plan"], 0, PLAN);
    assert!(
        changed["steps"].as_array().is_some_and(|steps| steps.len() > 3),
        "{changed:#}"
    );
    printed(&folder, &["status"], 0, STATUS);
    told(&folder, &["apply", "--yes"], 0);
    folder.park();
    told(&folder, &["status", "--watch", "--for", "5m"], 0);
    let parked = printed(&folder, &["status"], 0, STATUS);
    assert!(
        parked["findings"]
            .as_array()
            .is_some_and(|findings| !findings.is_empty())
    );
    told(&folder, &["resume", "--yes"], 0);
    told(&folder, &["sleep", "--yes"], 0);
    folder.write("selfheal.toml", &other.replace("[app]\n", "[app]\nport = 8080\n"));
    let asleep = printed(&folder, &["status"], 0, STATUS);
    assert_eq!(asleep["app_port"], 8080);
    assert!(asleep["asleep"].is_object(), "{asleep:#}");
    told(&folder, &["wake", "--wait"], 0);
    folder.write("selfheal.toml", &other.replace("30GiB", "10GiB"));
    printed(&folder, &["plan"], 5, PLAN);
    told(&folder, &["apply", "--yes"], 5);
    folder.write("selfheal.toml", &other);
    let gone = told(&folder, &["destroy", "--yes", "--delete-data", "--release-address"], 0);
    assert!(gone["snapshot_id"].is_string());
    folder.authorise_by(r#"{"Version":"2012-10-17","Statement":[]}"#);
    printed(&folder, &["status"], 7, FAILURE);
    told(&folder, &["destroy", "--yes"], 7);
}

/// The schemas say something: another form is refused.
#[test]
fn a_document_of_another_form_is_refused() {
    let folder = Folder::new();
    let plan = printed(&folder, &["plan"], 0, PLAN);
    for (pointer, value) in [
        ("/version", json!("1")),
        ("/steps/0/kind", json!("make-coffee")),
        ("/steps/0/change", json!("replace")),
        ("/refusals", json!(null)),
        ("/steps/0/readiness", json!({"ready": {}})),
        ("/image/id", json!(7)),
    ] {
        let mut other = plan.clone();
        *other.pointer_mut(pointer).expect("it is there") = value;
        assert_ne!(faults(PLAN, &other), [""; 0], "{pointer}");
    }
    for key in ["version", "stack", "steps", "waits"] {
        let mut other = plan.clone();
        other.as_object_mut().expect("an object").remove(key);
        assert_ne!(faults(PLAN, &other), [""; 0], "without {key}");
    }
}

#[test]
fn an_event_of_another_form_is_refused() {
    let folder = Folder::new();
    let run = folder.expect(&["apply", "--yes", "--json"], 0);
    let lines = run.lines();
    let a = |event: &str| {
        lines
            .iter()
            .find(|line| line["event"] == event)
            .expect("there is one")
            .clone()
    };
    for (event, pointer, value) in [
        ("started", "/event", json!("begun")),
        ("started", "/step/kind", json!("make-coffee")),
        ("finished", "/detail", json!(7)),
        ("waiting", "/wait", json!("lunch")),
        ("result", "/outcome", json!("splendid")),
        ("result", "/left", json!(["make-coffee"])),
    ] {
        let mut other = a(event);
        *other.pointer_mut(pointer).expect("it is there") = value;
        assert_ne!(faults(EVENTS, &other), [""; 0], "{pointer}");
    }
    for (event, key) in [
        ("started", "step"),
        ("finished", "detail"),
        ("result", "done"),
        ("result", "stack"),
    ] {
        let mut other = a(event);
        other.as_object_mut().expect("an object").remove(key);
        assert_ne!(faults(EVENTS, &other), [""; 0], "without {key}");
    }
}

#[test]
fn a_line_of_logs_is_as_the_schema_says() {
    let folder = Folder::new();
    folder.write("selfheal.toml", &SPEC.replace("[app]\n", "[logs]\n[app]\n"));
    folder.expect(&["apply", "--yes"], 0);
    for args in [&["logs", "--json"][..], &["logs", "--json", "--boot", "--since", "1d"]] {
        let lines = folder.expect(args, 0).lines();
        assert!(!lines.is_empty());
        lines.iter().for_each(|line| check(LOGS, line));
    }
    folder.write("selfheal.toml", &SPEC);
    let lines = folder.expect(&["logs", "--json"], 0).lines();
    lines.iter().for_each(|line| check(LOGS, line));
    let mut other = lines[0].clone();
    other["source"] = json!("rumour");
    assert_ne!(faults(LOGS, &other), [""; 0]);
    folder.authorise_by(r#"{"Version":"2012-10-17","Statement":[]}"#);
    let failure = folder.expect(&["logs", "--json"], 7).lines();
    assert_eq!(failure.len(), 1);
    check(FAILURE, &failure[0]);
}

fn file(text: &str) -> Value {
    let document: toml_edit::de::Deserializer = text.parse().expect("TOML");
    serde::Deserialize::deserialize(document).expect("JSON holds what TOML does")
}

#[test]
fn the_schema_of_the_file_takes_what_selfheal_takes() {
    let everything = r#"
        schema = 1
        name = "web"
        region = "eu-west-1"
        instance = { type = "t4g.small", image = "ssm:/images/web", security_groups = ["sg-0123456789abcdef0"], subnet = "subnet-0123456789abcdef0", root_size = "1TiB" }
        address = { allocation = "eipalloc-0123456789abcdef0", take = true, when = "mounted" }
        data = { size = "20GiB", mount = "/srv/data", filesystem = "ext4", type = "io2", iops = 3000, volume = "vol-0123456789abcdef0" }
        dns = { zone = "example.com", name = "app.example.com", ttl = 60, overwrite = true }
        app = { setup = "setup.sh", setup_timeout = "2h", breaker = 5, units = ["app.service", "worker@1.service"], port = 8080, health = { tcp = 80, interval = "30s", threshold = 2, startup_budget = "10m", from = "instance" } }
        access = { session_manager = false }
        logs = { retention_days = 90, files = ["/var/log/nginx/access.log"] }
        schedule = { stop = "0 20 * * 1-5", start = "30 7 * * 1-5", timezone = "Europe/Paris" }
    "#;
    let folder = Folder::new();
    for text in [SPEC.as_str(), everything] {
        assert_eq!(faults(FILE, &file(text)), [""; 0]);
        folder.write("selfheal.toml", text);
        folder.expect(&["userdata", "--offline"], 0);
    }
}

#[test]
fn the_schema_of_the_file_refuses_what_selfheal_refuses() {
    let folder = Folder::new();
    for (from, to) in [
        ("name = \"web\"", "name = \"Web\""),
        ("name = \"web\"\n", ""),
        ("region = ", "regoin = "),
        ("\"443/tcp\"", "\"443\""),
        ("ingress = [\"80/tcp\", \"443/tcp\"]\n", ""),
        ("\"20GiB\"", "20"),
        ("\"20GiB\"", "\"20GB\""),
        ("\"xfs\"", "\"zfs\""),
        ("ttl = 60", "ttl = 0"),
        ("[app]\n", "[app]\nbreaker = 11\n"),
        ("[app]\n", "[app]\nunits = [\"app\"]\n"),
        ("[app]\n", "[app]\nunits = [\"a.service\", \"a.service\"]\n"),
        ("[app]\n", "[app]\nport = 0\n"),
        ("[app]\n", "[app]\nhealth = { interval = \"10s\" }\n"),
        ("zone = \"example.com\"\n", ""),
        ("[app]\n", "[logs]\nfiles = \"/var/log/app.log\"\n[app]\n"),
        ("[app]\n", "[logs]\nfiles = [\"/var/log/*.log\"]\n[app]\n"),
        (
            "[app]\n",
            "[schedule]\nstop = \"0 20 * * MON\"\nstart = \"0 8 * * 1\"\ntimezone = \"UTC\"\n[app]\n",
        ),
        (
            "[app]\n",
            "[schedule]\nstop = \"0 20 * * 1\"\ntimezone = \"UTC\"\n[app]\n",
        ),
    ] {
        let text = SPEC.replace(from, to);
        assert_ne!(text, *SPEC, "{from}");
        assert_ne!(faults(FILE, &file(&text)), [""; 0], "{to}");
        folder.write("selfheal.toml", &text);
        folder.expect(&["userdata", "--offline"], 6);
    }
}
