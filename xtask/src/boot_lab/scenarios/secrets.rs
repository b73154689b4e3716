//! Nothing secret shows: sampled without a pause while the machine boots, and looked for afterwards.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use selfheal_core::spec::ConfigSpec;
use selfheal_core::world::InstanceId;

use super::boots::served_bytes;
use super::faults::install;
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::ensure;
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::Options;
use crate::error::{TaskError, TaskResult};

/// What the sampler saw.
#[derive(Debug, Default)]
struct Sampled {
    rounds: u64,
    processes: u64,
    found: Vec<String>,
}

pub fn nothing_shows(lab: &mut Lab) -> TaskResult<()> {
    let (cloud, id) = boots_discreetly(lab, None, &Secrets::default())?;
    signed_by(&cloud, &id, "curl")
}

/// A curl that signs as Ubuntu 22.04's does: not the session token.
pub fn old_curl(lab: &mut Lab) -> TaskResult<()> {
    let (cloud, id) = boots_discreetly(lab, Some(OLD_CURL), &Secrets::default())?;
    signed_by(&cloud, &id, "/usr/bin/python3")?;
    let refused = cloud.wire.log().into_iter().find(|record| record.call.is_none());
    ensure(refused.is_none(), || format!("a signature was refused: {refused:?}"))?;
    ensure(cloud.address_holder() == Some(id), || {
        "the address is not with the instance".to_owned()
    })
}

/// A curl that says it is 7.81, before the real one on PATH. Asked to sign, it fails, so that nobody rests on it.
const OLD_CURL: &str = "#!/bin/bash\n[[ $1 != --version ]] || { echo 'curl 7.81.0 (x86_64-pc-linux-gnu)'; exit; }\n\
                        [[ \" $* \" != *' --aws-sigv4 '* ]] || exit 99\nexec /usr/bin/curl \"$@\"\n";

fn signed_by(cloud: &Cloud, id: &InstanceId, expected: &str) -> TaskResult<()> {
    let signer = cloud.run_in(id, &["cat", "/var/lib/selfheal/signer"])?;
    ensure(signer.trim() == expected, || format!("signed by {signer}"))
}

/// What is secret of a stack beside the credentials of its role.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// Where its app's configuration is.
    pub(super) config: Option<ConfigSpec>,
    /// The parameters of it.
    pub(super) values: Vec<(String, String)>,
}

/// Boots an instance, with another curl if one is given, and looks for its secrets meanwhile and afterwards. The values of its
/// configuration are in its place below `/run`, and nowhere else.
pub(super) fn boots_discreetly(lab: &mut Lab, curl: Option<&str>, more: &Secrets) -> TaskResult<(Cloud, InstanceId)> {
    let cloud = lab.prepare(&Options {
        config: more.config.clone(),
        ..Options::default()
    })?;
    cloud.sim.tamper(|world| {
        for (name, value) in &more.values {
            world.set_parameter(&format!("/web/{name}"), value);
        }
    });
    cloud.set_boots(false);
    cloud.run();
    let id = cloud.await_launched(1, 10)?;
    cloud.await_machine(&id, 10)?;
    if let Some(curl) = curl {
        install(&cloud, &id, "usr/local/bin/curl", curl)?;
    }
    // The credentials that are issued here are not the machine's, but the machine's are published beside them.
    let ip = cloud.machine(&id, |machine| Ok(machine.identity().ip()))?;
    let mut secrets = cloud.imds.secrets_of(ip.into());
    ensure(secrets.len() == 2, || {
        "the metadata service offers no credentials".to_owned()
    })?;
    secrets.extend(more.values.iter().map(|(_, value)| value.clone()));
    // The part of each that no escape changes.
    for secret in &mut secrets {
        let plain = secret.find(' ').unwrap_or(secret.len());
        secret.truncate(plain);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let sampler = {
        let (stop, secrets) = (Arc::clone(&stop), secrets.clone());
        thread::spawn(move || sample(&stop, &secrets))
    };
    cloud.power_on(&id)?;
    cloud.await_in_service(1, 90)?;
    served_bytes(&cloud)?;
    cloud.await_console(&id, "boot is done", 30)?;
    for (name, value) in &more.values {
        let file = format!("/run/selfheal/config/files/{name}");
        let written = cloud.run_in(&id, &["cat", &file])?;
        ensure(written == *value, || format!("{name} was not fetched"))?;
    }
    stop.store(true, Ordering::Relaxed);
    let sampled = sampler.join().map_err(|_| TaskError::failed("the sampler failed"))?;
    ensure(sampled.found.is_empty(), || {
        format!("secrets showed: {:?}", sampled.found)
    })?;
    ensure(sampled.rounds > 100 && sampled.processes > 1_000, || {
        format!("too few samples: {sampled:?}")
    })?;
    secrets.iter().try_for_each(|secret| is_nowhere(&cloud, &id, secret))?;
    lab.note(format!(
        "{} rounds over {} processes",
        sampled.rounds, sampled.processes
    ));
    Ok((cloud, id))
}

/// Looks for a secret in what is shown, kept or logged.
fn is_nowhere(cloud: &Cloud, id: &InstanceId, secret: &str) -> TaskResult<()> {
    ensure(!cloud.stack.script.contains(secret), || {
        "the user data holds a secret".to_owned()
    })?;
    let (console, root) = cloud.machine(id, |machine| Ok((machine.console(), machine.root())))?;
    ensure(!holds(&console, secret), || "the console holds a secret".to_owned())?;
    let journal = cloud.run_in(id, &["journalctl", "--no-pager", "--output=export"])?;
    ensure(!journal.contains(secret), || "the journal holds a secret".to_owned())?;
    for folder in ["var/log", "var/lib", "etc", "usr/local", "tmp", "root"] {
        let found = search(&root.join(folder), secret);
        ensure(found.is_none(), || {
            format!("{} holds a secret", found.unwrap_or_default())
        })?;
    }
    let in_run = cloud.run_in(
        id,
        &[
            "grep",
            "-rlF",
            "--exclude-dir=cloud-init",
            // Where the app's configuration has its place.
            "--exclude-dir=config.[0-9]*",
            secret,
            "/run",
            "/tmp",
            "/srv",
        ],
    );
    ensure(in_run.is_err(), || {
        format!("a secret is in {}", in_run.unwrap_or_default())
    })
}

/// Looks at the command line and the environment of every process of the machine, again and again.
fn sample(stop: &AtomicBool, secrets: &[String]) -> Sampled {
    let mut sampled = Sampled::default();
    while !stop.load(Ordering::Relaxed) {
        sampled.rounds += 1;
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            sampled.processes += 1;
            for file in ["cmdline", "environ"] {
                let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                if secrets.iter().any(|secret| text.contains(secret.as_str())) {
                    sampled.found.push(format!(
                        "{} {file}: {}",
                        name.to_string_lossy(),
                        text.replace('\0', " ")
                    ));
                }
            }
        }
    }
    sampled
}

fn holds(path: &Path, secret: &str) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()))
}

/// The first file below a folder that holds the secret.
fn search(folder: &Path, secret: &str) -> Option<String> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().ok()?;
        if kind.is_dir() {
            if let Some(found) = search(&path, secret) {
                return Some(found);
            }
        } else if kind.is_file() && holds(&path, secret) {
            return Some(path.display().to_string());
        }
    }
    None
}
