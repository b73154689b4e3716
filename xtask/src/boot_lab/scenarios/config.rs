//! The app's configuration from Parameter Store, as systemd hands it to a unit of the app's.

use std::collections::BTreeMap;
use std::time::Duration;

use selfheal_core::spec::ConfigSpec;
use selfheal_core::world::InstanceId;

use super::boots::actions_of;
use super::secrets::{Secrets, boots_discreetly};
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{Options, quick_health};
use crate::error::{TaskError, TaskResult};
use crate::wire::WireFault;

/// A unit of the app's that reads the configuration both ways.
const UNIT: &str = "[Unit]
Description=Notes what it was given

[Service]
EnvironmentFile=/run/selfheal/config/env
LoadCredential=given:/run/selfheal/config/files/ASCII
ExecStart=/bin/bash /usr/local/bin/reader
";

/// A credential is mounted beside what runs, and shows there where mounts are shared, as they are on every machine but this
/// lab's.
const SHARED: &str = "[Unit]
Before=reader.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mount --make-rshared /
";

/// What it runs: each start leaves on the volume what it was given.
const READER: &str = "#!/bin/bash
set -euo pipefail
env -0 >/srv/data/env.new
cat \"$CREDENTIALS_DIRECTORY/given\" >/srv/data/credential
echo started >>/srv/data/starts
mv /srv/data/env.new /srv/data/env
exec -c sleep infinity
";

/// The section of the spec.
pub fn config(refresh_s: Option<u32>) -> ConfigSpec {
    ConfigSpec {
        path: "/web".to_owned(),
        required: vec!["DATABASE_URL".to_owned()],
        refresh_s,
        kms_key: None,
    }
}

/// How a stack with a configuration begins.
fn options() -> Options {
    let place = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    Options {
        setup: None,
        health: Some(quick_health()),
        units: vec!["shared.service".to_owned(), "reader.service".to_owned()],
        files: vec![
            place("/etc/systemd/system/shared.service", SHARED),
            place("/etc/systemd/system/reader.service", UNIT),
            place("/usr/local/bin/reader", READER),
        ],
        // Shorter than any spec may say: a lab does not wait for a minute.
        config: Some(config(Some(2))),
        ..Options::default()
    }
}

/// Values that are hard to carry, by the names of their variables.
fn values() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("ASCII", (1..=127_u8).map(char::from).collect()),
        ("DATABASE_URL", "postgres://lab:secret@db/app?x=1&y=$z".to_owned()),
        (
            "EMOJI",
            "\u{1f600}\u{1f680} \u{e9}\u{4e2d} \u{fffd}\u{10fffd}\u{80}".repeat(40),
        ),
        ("LINES", "\n\none\r\n two \\\n\"three\"\n'\n".to_owned()),
        ("LONG", "\u{1f600}".repeat(1_024)),
        ("QUOTES", "\"".repeat(4_096)),
        (
            "SHELL",
            "$(touch /tmp/x) `id` ${PATH} \\$HOME !! 'a'\\''b' #;".to_owned(),
        ),
        ("SLASHES", "\\".repeat(4_095)),
    ])
}

fn put(cloud: &Cloud, name: &str, value: &str) {
    let place = format!("/web/{name}");
    cloud.sim.tamper(|world| {
        let version = world.parameters.get(&place).map_or(0, |record| record.version);
        world.set_parameter(&place, value);
        if let Some(record) = world.parameters.get_mut(&place) {
            record.version = version + 1;
        }
    });
}

/// What the unit was given at its last start, by the names that are of interest.
fn given(cloud: &Cloud, id: &InstanceId) -> TaskResult<BTreeMap<String, String>> {
    let text = cloud.run_in(id, &["cat", "/srv/data/env"])?;
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn starts(cloud: &Cloud, id: &InstanceId) -> usize {
    let starts = cloud.run_in(id, &["cat", "/srv/data/starts"]).unwrap_or_default();
    starts.lines().count()
}

fn await_starts(cloud: &Cloud, id: &InstanceId, count: usize) -> TaskResult<()> {
    let awaited = wait_for(&format!("start {count} of the unit"), Duration::from_secs(30), || {
        Ok((starts(cloud, id) >= count).then_some(()))
    });
    awaited.map_err(|error| {
        let journal = ["journalctl", "--no-pager", "--lines=20", "--unit", "reader.service"];
        let journal = cloud.run_in(id, &journal).unwrap_or_default();
        TaskError::failed(format!("{error}: {journal}"))
    })
}

fn as_expected(cloud: &Cloud, id: &InstanceId, values: &BTreeMap<&'static str, String>) -> TaskResult<()> {
    let given = given(cloud, id)?;
    for (name, value) in values {
        ensure(given.get(*name) == Some(value), || {
            format!("{name} reached the unit as {:?}", given.get(*name))
        })?;
    }
    let credential = cloud.run_in(id, &["cat", "/srv/data/credential"])?;
    ensure(credential == values["ASCII"], || {
        format!("the credential reached the unit as {credential:?}")
    })
}

/// How often the instance has asked for its configuration, page by page.
fn looks(cloud: &Cloud, id: &InstanceId) -> usize {
    let actions = actions_of(cloud, id);
    let asked = actions.iter().filter(|action| *action == "GetParametersByPath");
    asked.count()
}

/// What cannot be a setting changes nothing, and is told once.
fn fails_once(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    put(cloud, "PATH", "/tmp");
    let said = "the configuration stays as it was: the parameter /web/PATH cannot be called PATH";
    cloud.await_console(id, said, 30)?;
    let before = looks(cloud, id);
    wait_for("looks at what cannot be", Duration::from_secs(60), || {
        Ok((looks(cloud, id) >= before + 6).then_some(()))
    })?;
    let journal = cloud.run_in(id, &["journalctl", "--no-pager", "--unit", "selfheal-config.service"])?;
    ensure(journal.matches(said).count() == 1, || {
        format!("not told once: {journal}")
    })?;
    ensure(!journal.contains("secret"), || "the journal has a value".to_owned())?;
    cloud.sim.tamper(|world| drop(world.parameters.remove("/web/PATH")));
    cloud.await_console(id, "the configuration can be read again", 30)?;
    Ok(())
}

/// Every value reaches a unit as it is, by both ways; a change restarts it, a failure does not, and a reboot fetches anew.
pub fn reaches_a_unit(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.prepare(&options())?;
    let mut values = values();
    for (name, value) in &values {
        put(&cloud, name, value);
    }
    cloud.run();
    let id = cloud.await_in_service(1, 90)?;
    await_starts(&cloud, &id, 1)?;
    as_expected(&cloud, &id, &values)?;
    let modes = [
        "stat",
        "-Lc",
        "%a %U",
        "/run/selfheal/config",
        "/run/selfheal/config/env",
        "/run/selfheal/config/files/ASCII",
    ];
    let modes = cloud.run_in(&id, &modes)?;
    ensure(modes == "700 root\n600 root\n600 root\n", || {
        format!("others may read it: {modes}")
    })?;
    // Several looks at what has not changed.
    let before = looks(&cloud, &id);
    wait_for("looks at the configuration", Duration::from_secs(60), || {
        Ok((looks(&cloud, &id) >= before + 6).then_some(()))
    })?;
    ensure(starts(&cloud, &id) == 1, || {
        "the unit was restarted for nothing".to_owned()
    })?;
    values.insert("SHELL", "changed".to_owned());
    put(&cloud, "SHELL", "changed");
    await_starts(&cloud, &id, 2)?;
    as_expected(&cloud, &id, &values)?;
    fails_once(&cloud, &id)?;
    ensure(starts(&cloud, &id) == 2, || {
        "the unit was restarted for nothing".to_owned()
    })?;
    let noted = cloud.sim.inspect(|world| {
        let group = world.groups.get(&cloud.stack.group);
        group.and_then(|group| group.tags.get("selfheal:config").cloned())
    });
    ensure(noted.as_ref().is_some_and(|noted| noted.contains(" SHELL=2")), || {
        format!("noted: {noted:?}")
    })?;
    values.insert("LINES", "after\nthe reboot".to_owned());
    cloud.run_in(&id, &["systemctl", "stop", "selfheal-config.timer"])?;
    put(&cloud, "LINES", &values["LINES"]);
    cloud.run_in(&id, &["systemctl", "reboot"])?;
    cloud.machine(&id, |machine| machine.await_off(Duration::from_secs(30)))?;
    cloud.power_on(&id)?;
    await_starts(&cloud, &id, 3)?;
    as_expected(&cloud, &id, &values)?;
    lab.note(format!("{} values, {} calls", values.len(), looks(&cloud, &id)));
    Ok(())
}

/// A boot without what it requires fails before anything of the app's, and says what it lacks.
pub fn missing(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let first = cloud.await_launched(1, 10)?;
    let said = "failed: the parameter /web/DATABASE_URL is not there, and required (exit 26)";
    cloud.await_console(&first, said, 90)?;
    ensure(
        !actions_of(&cloud, &first).contains(&"AssociateAddress".to_owned()),
        || "the address moved to an instance without its configuration".to_owned(),
    )?;
    for (name, value) in values() {
        put(&cloud, name, &value);
    }
    let second = cloud.await_in_service(2, 120)?;
    await_starts(&cloud, &second, 1)?;
    as_expected(&cloud, &second, &values())
}

/// Throttled, refused and answered by an error, and fetched all the same.
pub fn in_spite_of_faults(lab: &mut Lab) -> TaskResult<()> {
    const FAULTS: [(&str, &str); 6] = [
        ("ThrottlingException", "Rate exceeded"),
        ("AccessDeniedException", "not authorized to perform: kms:Decrypt"),
        ("InternalServerError", ""),
        ("ThrottlingException", "Rate exceeded"),
        (
            "AccessDeniedException",
            "not authorized to perform: ssm:GetParametersByPath",
        ),
        ("InternalServerError", ""),
    ];
    let cloud = lab.prepare(&options())?;
    for (name, value) in values() {
        put(&cloud, name, &value);
    }
    let mut seen = 0;
    cloud.wire.set_hook(Some(Box::new(move |call| {
        if call.action != "GetParametersByPath" {
            return None;
        }
        let (code, message) = FAULTS.get(seen)?;
        seen += 1;
        Some(WireFault::Refuse {
            code: (*code).to_owned(),
            message: (*message).to_owned(),
        })
    })));
    cloud.run();
    let id = cloud.await_in_service(1, 90)?;
    await_starts(&cloud, &id, 1)?;
    as_expected(&cloud, &id, &values())?;
    let calls = cloud.calls();
    for (code, _) in FAULTS {
        let struck = calls
            .iter()
            .filter(|(_, what, how)| what == "GetParametersByPath" && how == code);
        ensure(struck.count() == 2, || format!("{code} did not strike"))?;
    }
    Ok(())
}

/// No value shows in a process or a file while a boot fetches it.
pub fn shows_nowhere(lab: &mut Lab) -> TaskResult<()> {
    let secrets = Secrets {
        config: Some(config(Some(2))),
        values: vec![
            (
                "DATABASE_URL".to_owned(),
                "postgres://lab-secret-4711@db/app".to_owned(),
            ),
            ("KEY".to_owned(), format!("lab-secret-4712 {}", "\u{1}".repeat(3_000))),
        ],
    };
    boots_discreetly(lab, None, &secrets).map(drop)
}
