//! What visitors get: a real browser on the lab's side, and what the app is told of their requests.

use std::path::Path;
use std::process::Command;

use selfheal_core::spec::{Answers, HttpsSpec, NginxExtra, Site};

use super::https::{NAME, await_trusted, https_get, launch, options};
use crate::boot_lab::authority::{Authority, DIRECTORY};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, output};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::rootfs::{Tool, install_tools};
use crate::boot_lab::stack::{APP_SETUP, Options};
use crate::error::{Context, TaskError, TaskResult};

/// The app that browsers get.
const APP: &str = include_str!("../../../boot-lab/web-app.py");
/// Where it is on the machine.
const APP_PATH: &str = "/usr/local/lib/web-app.py";
/// The browser, and what tells it whom to trust.
const TOOLS: &[Tool] = &[("chromium", "chromium"), ("certutil", "libnss3-tools")];

/// Two sites, one of files, with what each of nginx's keys says.
fn sites(authority: &Authority) -> TaskResult<Options> {
    let mut options = options(authority, DIRECTORY);
    let https = options.https.take().ok_or_else(|| TaskError::failed("no HTTPS"))?;
    let files = Site {
        domains: vec![format!("www.{NAME}")],
        answers: Answers::Root("/srv/data".to_owned()),
    };
    options.https = Some(HttpsSpec {
        sites: https.sites.iter().cloned().chain([files]).collect(),
        body_mib_max: 1,
        hsts: true,
        extra: Some(NginxExtra {
            path: "a file of the scenario's".to_owned(),
            content: Some("location = /extra { return 204; }\n".to_owned()),
        }),
        ..https
    });
    options.files.push((APP_PATH.to_owned(), APP.to_owned()));
    options.setup = Some(APP_SETUP.replace("-m http.server 8080", APP_PATH));
    Ok(options)
}

/// A page over HTTPS in a browser that trusts the lab's authority, with a WebSocket, reached by a redirect; then the rest by curl.
pub fn visited(lab: &mut Lab) -> TaskResult<()> {
    install_tools(TOOLS)?;
    let mut authority = Authority::prepare(lab)?;
    authority.start(lab, 0)?;
    let roots = authority.root(lab)?;
    let cloud = launch(lab, &sites(&authority)?)?;
    cloud.await_in_service(1, 90)?;
    await_trusted(lab, &cloud, &roots, 90)?;
    let page = browse(lab, &cloud, &roots)?;
    let heard = format!("data-heard=\"heard hello at https://{NAME}/\"");
    ensure(page.contains(&heard), || format!("the page is {page}"))?;
    told(lab, &cloud, &roots)?;
    limits(lab, &cloud, &roots)?;
    lab.note("Chromium: redirect, page and WebSocket over HTTPS");
    Ok(())
}

/// What Chromium makes of the page, which it asks for by HTTP.
fn browse(lab: &Lab, cloud: &Cloud, roots: &str) -> TaskResult<String> {
    let home = lab.config().memory.join("browser");
    let keys = home.join(".pki/nssdb");
    std::fs::create_dir_all(&keys).context(|| format!("make {}", keys.display()))?;
    let store = format!("sql:{}", keys.display());
    output(Command::new("certutil").args(["-N", "--empty-password", "-d", &store]))?;
    output(Command::new("certutil").args(["-A", "-t", "C,,", "-n", "lab", "-d", &store, "-i", roots]))?;
    let mut command = Command::new("chromium");
    command.env("HOME", &home).args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--dump-dom",
    ]);
    command.arg(format!("--user-data-dir={}", home.join("profile").display()));
    command.arg(format!("--host-resolver-rules=MAP {NAME} {}", cloud.stack.public_ip));
    command.arg(format!("http://{NAME}/"));
    output(&mut command)
}

/// The app is told who asks, whatever that one says of itself; each site and what was added answer.
fn told(lab: &Lab, cloud: &Cloud, roots: &str) -> TaskResult<()> {
    let forged = ask(
        lab,
        cloud,
        roots,
        NAME,
        "/told",
        &["-H", "X-Forwarded-For: 192.0.2.1", "-H", "X-Real-IP: 192.0.2.1"],
    )?;
    ensure(
        !forged.contains("192.0.2.1") && forged.contains("\"X-Forwarded-Proto\": \"https\""),
        || format!("the app is told {forged}"),
    )?;
    ensure(forged.contains("\"X-Real-IP\": \"10.77.0."), || {
        format!("the app is told {forged}")
    })?;
    https_get(lab, cloud, Some(roots), "/extra")?;
    let file = ask(lab, cloud, roots, &format!("www.{NAME}"), "/birth", &[])?;
    ensure(file.ends_with("bytes\n"), || format!("the file is {file}"))
}

/// HTTP/2, HSTS, and a body that is too large.
fn limits(lab: &Lab, cloud: &Cloud, roots: &str) -> TaskResult<()> {
    let head = ask(
        lab,
        cloud,
        roots,
        NAME,
        "/birth",
        &["-D", "-", "-o", "/dev/null", "-w", "%{http_version}"],
    )?;
    ensure(
        head.contains("strict-transport-security: max-age=31536000") && head.ends_with('2'),
        || format!("the head is {head}"),
    )?;
    let status = ["-o", "/dev/null", "-w", "%{http_code}", "--data-binary"];
    for (bytes, code) in [(1_048_576, "200"), (1_048_577, "413")] {
        let file = lab.config().memory.join("body");
        std::fs::write(&file, vec![b'a'; bytes]).context(|| "write a body".to_owned())?;
        let body = format!("@{}", Path::new(&file).display());
        let mut words = status.to_vec();
        words.push(&body);
        let got = ask(lab, cloud, roots, NAME, "/", &words)?;
        ensure(got == code, || {
            format!("a body of {bytes} bytes is answered with {got}")
        })?;
    }
    Ok(())
}

/// What somebody else's tool, testssl.sh, finds of the protocols, the ciphers and the certificate: nothing that it calls worse than low,
/// but for what is meant.
pub fn graded(lab: &mut Lab) -> TaskResult<()> {
    install_tools(GRADER)?;
    let mut authority = Authority::prepare(lab)?;
    authority.start(lab, 0)?;
    let roots = authority.root(lab)?;
    let mut options = options(&authority, DIRECTORY);
    options.https = options.https.map(|https| HttpsSpec { hsts: true, ..https });
    let cloud = launch(lab, &options)?;
    cloud.await_in_service(1, 90)?;
    await_trusted(lab, &cloud, &roots, 90)?;
    let found = lab.config().logs.join("testssl.json");
    let mut command = Command::new("testssl");
    command.args([
        "--quiet",
        "--color",
        "0",
        "--warnings",
        "off",
        "--nodns",
        "min",
        "--add-ca",
        &roots,
    ]);
    command.arg("--jsonfile").arg(&found);
    command.args(["--ip", &cloud.stack.public_ip, &format!("https://{NAME}/birth")]);
    // Its status counts what it finds.
    let _ = output(&mut command);
    let text = std::fs::read_to_string(&found).context(|| format!("read {}", found.display()))?;
    let findings: Vec<Finding> =
        serde_json::from_str(&text).map_err(|error| TaskError::malformed("findings", error))?;
    ensure(findings.len() > 50, || format!("{} findings", findings.len()))?;
    let bad: Vec<String> = findings
        .iter()
        .filter(|it| matches!(it.severity.as_str(), "MEDIUM" | "HIGH" | "CRITICAL" | "FATAL"))
        .filter(|it| !MEANT.iter().any(|id| it.id.starts_with(id)))
        .map(|it| format!("{} {}: {}", it.severity, it.id, it.finding))
        .collect();
    ensure(bad.is_empty(), || bad.join("; "))?;
    let low = findings.iter().filter(|it| it.severity == "LOW").count();
    lab.note(format!(
        "testssl.sh: {} findings, none above low but those that are meant, {low} low",
        findings.len()
    ));
    Ok(())
}

/// The tool.
const GRADER: &[Tool] = &[("testssl", "testssl.sh")];
/// Findings that are meant: those about the authority, whose certificates nobody knows, last for years and can be revoked nowhere;
/// about headers, which are the app's; and about whose the choice of a cipher is, since Mozilla's intermediate profile leaves it to
/// clients, where all ciphers are good.
const MEANT: &[&str] = &[
    "DNS_CAArecord",
    "cert_chain_of_trust",
    "cert_crlDistributionPoints",
    "cert_ocspURL",
    "cert_revocation",
    "cert_validityPeriod",
    "cipher_order",
    "security_headers",
];

/// One line of what it finds.
#[derive(serde::Deserialize)]
struct Finding {
    id: String,
    severity: String,
    finding: String,
}

/// Asks for a page of a site with what else curl is told.
fn ask(lab: &Lab, cloud: &Cloud, roots: &str, name: &str, path: &str, more: &[&str]) -> TaskResult<String> {
    let resolve = format!("{name}:443:{}", cloud.stack.public_ip);
    let url = format!("https://{name}{path}");
    let mut words = vec![
        "curl",
        "-sS",
        "--max-time",
        "10",
        "--resolve",
        &resolve,
        "--cacert",
        roots,
    ];
    words.extend(more);
    words.push(&url);
    lab.tool(&words)
}
