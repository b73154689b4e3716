//! Spec files.

use selfheal_core::spec::{EXAMPLE, Spec, SpecErrors, SpecFile};

use super::{Target, example, holds};
use crate::error::TaskResult;

/// The parser: no panic; errors point into the text; and printing is undone by parsing.
pub const PARSER: Target = Target {
    name: "spec",
    corpus: files,
    words: &[
        "[instance]\n",
        "[data]\n",
        "[dns]\n",
        "[app]\n",
        "[app.health]\n",
        "[address]\n",
        "[access]\n",
        "[[data]]\n",
        "name = ",
        "region = ",
        "schema = 1\n",
        "iops = 3000\n",
        "throughput = 125\n",
        "type = \"io2\"\n",
        "filesystem = \"ext4\"\n",
        "ttl = 60\n",
        "overwrite = true\n",
        "take = true\n",
        "when = \"mounted\"\n",
        "setup = \"setup.sh\"\n",
        "policy = \"policy.json\"\n",
        "setup_timeout = \"2h\"\n",
        "breaker = 5\n",
        "from = \"both\"\n",
        "interval = \"30s\"\n",
        "health = { tcp = 80 }\n",
        "http = \"https://localhost:8443/x\"\n",
        "command = \"true\"\n",
        "GiB",
        "TiB",
        "/tcp",
        "/udp",
        "\"\"\"",
        "'''",
        "#",
        "\\u00e9",
        "{",
        "}",
        "[",
        "]",
        "1979-05-27T07:32:00Z",
        "inf",
        "_",
        "sg-0123456789abcdef0",
        "vol-0123456789abcdef0",
        "eipalloc-0123456789abcdef0",
        "ssm:/images/web",
        "ami-0123456789abcdef0",
        "Z0123456789ABC",
        "arn:aws:iam::aws:policy/X",
        "example.com",
        "*.example.com",
    ],
    check,
};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":
    {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::web-files/*"}}"#;

/// Every key there is, once.
const EVERYTHING: &str = r#"schema = 1
name = "web"
region = "eu-west-1"
instance = { type = "t4g.small", image = "ssm:/images/web", security_groups = ["sg-0123456789abcdef0"], subnet = "subnet-0123456789abcdef0", root_size = "1TiB", permissions_boundary = "arn:aws:iam::123456789012:policy/b" }
address = { allocation = "eipalloc-0123456789abcdef0", take = true, when = "mounted" }
data = { size = "20GiB", mount = "/srv/data", filesystem = "ext4", type = "io2", iops = 3000, volume = "vol-0123456789abcdef0" }
dns = { zone = "Z0123456789ABC", name = "app.example.com", ttl = 60, overwrite = true }
app = { setup = "setup.sh", policy = "policy.json", setup_timeout = "2h", breaker = 5, health = { http = "https://localhost/x?y=1", interval = "30s", threshold = 2, startup_budget = "10m", from = "both" } }
access = { session_manager = false }
"#;

/// What no file can do without.
const MINIMAL: &str = "name = \"a\"\nregion = \"eu-west-1\"\ninstance.type = \"t4g.nano\"\ninstance.image = \"al2023\"\ninstance.ingress = []\n";

fn files() -> TaskResult<Vec<Vec<u8>>> {
    let spec: Spec = EXAMPLE.parse().map_err(|why| example("of a stack", &why))?;
    let least = MINIMAL.to_owned();
    let health = format!("{EXAMPLE}\n[app.health]\ncommand = \"curl -f localhost\"\ninterval = \"5s\"\n");
    Ok(
        [EXAMPLE.to_owned(), spec.to_toml(), least, health, EVERYTHING.to_owned()]
            .map(String::into_bytes)
            .to_vec(),
    )
}

fn check(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    if let Err(errors) = text.parse::<Spec>() {
        places(&text, &errors)?;
    }
    let Some(spec) = read(&text)? else { return Ok(()) };
    let printed = spec.to_toml();
    let again = read(&printed)?;
    holds(
        again.as_ref() == Some(&spec),
        "what is printed is read as another",
        || printed,
    )
}

/// Reads a file with the others that it names; errors must point into the text.
fn read(text: &str) -> Result<Option<Spec>, String> {
    let whole = SpecFile::parse(text).and_then(|file| {
        let file = file.with_prepare(b"#!/bin/sh\n".to_vec())?;
        let setup = file.setup_path().map(|_| b"#!/bin/sh\n".to_vec());
        file.with_policy(POLICY.as_bytes())?.into_spec(setup)
    });
    match whole {
        Ok(spec) => Ok(Some(spec)),
        Err(errors) => places(text, &errors).map(|()| None),
    }
}

fn places(text: &str, errors: &SpecErrors) -> Result<(), String> {
    holds(!errors.problems().is_empty(), "an error without a problem", String::new)?;
    for problem in errors.problems() {
        let within = text.get(problem.span.clone()).is_some();
        holds(within, "a problem that is not within the text", || {
            format!("{problem:?}")
        })?;
        let lines = text.split('\n').count();
        let there = (1..=lines).contains(&problem.line) && problem.column >= 1;
        holds(there, "a problem in a line that does not exist", || {
            format!("{problem:?}")
        })?;
    }
    holds(
        !errors.to_string().is_empty(),
        "an error that says nothing",
        String::new,
    )
}
