//! The section `[app]`: what runs on the instance.

use std::fmt;

use selfheal_policy::Document;
use selfheal_userdata::{APP_UNITS_MAX, check_app_unit};
use toml_edit::{Item, Table, value};

use super::app_files::Named;
use super::reader::{Fault, Located, Reader, Section};
use super::values::{duration, one_of, strings};
use super::{AppFile, HealthFrom, HealthSpec, app_files, health, syntax};

/// Its keys.
pub(super) const KEYS: &[&str] = &[
    "prepare",
    "prepare_timeout",
    "setup",
    "setup_timeout",
    "stop_timeout",
    "policy",
    "breaker",
    "health",
    "files",
    "units",
    "port",
    "repair",
    "reboot_on_hang",
];

/// What runs on the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSpec {
    /// The user's script for what needs neither data nor address, run once an instance beside the wait for the data volume.
    pub prepare: Option<Setup>,
    /// Seconds that it may take before its boot has failed, 60 to 43,200.
    pub prepare_timeout_s: u32,
    /// The user's script, run once an instance after the data volume is mounted.
    pub setup: Option<Setup>,
    /// Seconds that the script may take before its boot has failed, 60 to 43,200.
    pub setup_timeout_s: u32,
    /// Seconds that the app, as every unit that says nothing else, may take to stop, 5 to 60.
    pub stop_timeout_s: u32,
    /// How to tell that the app works, where there is a way.
    pub health: Option<HealthSpec>,
    /// Replacements in a row that fail to become healthy before the stack parks itself, 1 to 10.
    pub breaker_limit: u32,
    /// Files that every boot puts in their places.
    pub files: Vec<AppFile>,
    /// Units of the app's, which start and stop with `selfheal-app.target`: the image has them, or the files or the setup
    /// script bring them.
    pub units: Vec<String>,
    /// What is done first where the running app fails, where the file says so.
    pub repair: Option<Repair>,
    /// Whether the instance reboots by itself after its kernel has panicked, and where systemd hangs for half a minute.
    pub reboot_on_hang: bool,
    /// Port at which the app listens, for whoever wants to reach it on the instance.
    pub port: Option<u16>,
    /// What the app may do in AWS beyond what heals the instance, where it needs anything.
    pub policy: Option<AppPolicy>,
}

impl AppSpec {
    /// Three in a row: one may be bad luck with a host and two may share its cause, the third is the app's own.
    pub const BREAKER_LIMIT_DEFAULT: u32 = 3;
    /// Package installations take minutes; an hour is a hang.
    pub const SETUP_TIMEOUT_S_DEFAULT: u32 = 3_600;
    /// systemd's own minute and a half is time in which nobody serves: whoever needs longer than this says so.
    pub const STOP_TIMEOUT_S_DEFAULT: u32 = 15;
    /// Half a day: AWS holds a launch for 25 hours at most, and the wait for the volume, for a new volume to be read whole
    /// and for the app's start-up want their share of it.
    pub const SETUP_TIMEOUT_S_MAX: u32 = 43_200;
}

/// What is done first where the running app fails its probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repair {
    /// The app is restarted in place, once; another instance takes its place where that does not help.
    Restart,
    /// The app is restarted in place, once; where that does not help the instance reboots, at most once an hour; then another
    /// instance takes its place.
    Reboot,
    /// Another instance takes its place.
    Replace,
}

impl Repair {
    /// How the file spells each.
    const WORDS: [(&str, Self); 3] = [
        ("restart", Self::Restart),
        ("reboot", Self::Reboot),
        ("replace", Self::Replace),
    ];
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restart => "restart",
            Self::Reboot => "reboot",
            Self::Replace => "replace",
        })
    }
}

impl Default for AppSpec {
    fn default() -> Self {
        Self {
            prepare: None,
            prepare_timeout_s: Self::SETUP_TIMEOUT_S_DEFAULT,
            setup: None,
            setup_timeout_s: Self::SETUP_TIMEOUT_S_DEFAULT,
            stop_timeout_s: Self::STOP_TIMEOUT_S_DEFAULT,
            health: None,
            breaker_limit: Self::BREAKER_LIMIT_DEFAULT,
            policy: None,
            files: Vec::new(),
            units: Vec::new(),
            repair: None,
            reboot_on_hang: true,
            port: None,
        }
    }
}

/// The app's own policy, already read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPolicy {
    /// Where it came from, as the spec names it.
    pub path: String,
    /// What it says.
    pub document: Document,
}

/// A script of the user's, already read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Where it came from, as the spec names it.
    pub path: String,
    /// Its content, which begins with `#!`; empty where it was [not read](Setup::unread).
    pub body: Vec<u8>,
}

impl Setup {
    /// A script that was not read, for what can be done without it: a status, a destroy. An apply is refused.
    #[must_use]
    pub fn unread(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            body: Vec::new(),
        }
    }

    /// Whether it was not read.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.body.is_empty()
    }
}

/// The files that a spec file names, whose content is not part of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) prepare: Option<Located<String>>,
    pub(super) setup: Option<Located<String>>,
    pub(super) policy: Option<Located<String>>,
    pub(super) others: Vec<Named>,
    /// What nginx is told, of another section.
    pub(super) extra: Option<Located<String>>,
}

/// Reads the section; the files that it names are read by whoever can.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> (AppSpec, Files) {
    let mut path = |key: &str, expected: &str| {
        let path = section.string(reader, key, expected);
        reader.check(path, |path| syntax::file_path(path, expected))
    };
    let files = Files {
        prepare: path("prepare", "the path of a script, such as \"prepare.sh\""),
        setup: path("setup", "the path of a script, such as \"setup.sh\""),
        policy: path("policy", "the path of a policy, such as \"policy.json\""),
        others: section
            .open(reader, "files", "app.files")
            .map(|section| app_files::read(reader, &section))
            .unwrap_or_default(),
        extra: None,
    };
    let prepare_timeout = script_timeout(reader, section, ["prepare", "prepare_timeout"]);
    let setup_timeout = script_timeout(reader, section, ["setup", "setup_timeout"]);
    // A spot interruption leaves two minutes for everything.
    let stop_timeout = duration(reader, section, "stop_timeout", 5..=60);
    let breaker = section.integer(reader, "breaker", 1..=10, "");
    let port = section.integer(reader, "port", 1..=65_535, "");
    let units = units(reader, section);
    let health = section.child(reader, "health", "app.health", health::KEYS);
    let health = health.map(|section| health::read(reader, &section));
    let repair = one_of(reader, section, "repair", &Repair::WORDS);
    // A probe that cannot be read is told of by itself.
    let probed = health.as_ref().is_some_and(|health| {
        let from = health.as_ref().map(|health| health.from);
        from != Some(HealthFrom::Aws)
    });
    let reboot_on_hang = section.boolean(reader, "reboot_on_hang");
    if let Some(at) = repair.as_ref().filter(|at| at.value != Repair::Replace && !probed) {
        reader.fault(
            at,
            Fault::conflict(
                "restarts what nobody on the instance asks",
                "`health` beside it, and not from `aws` alone",
            ),
        );
    }
    let app = AppSpec {
        prepare: None,
        prepare_timeout_s: prepare_timeout.map_or(AppSpec::SETUP_TIMEOUT_S_DEFAULT, |at| at.value),
        setup: None,
        setup_timeout_s: setup_timeout.map_or(AppSpec::SETUP_TIMEOUT_S_DEFAULT, |at| at.value),
        stop_timeout_s: stop_timeout.map_or(AppSpec::STOP_TIMEOUT_S_DEFAULT, |at| at.value),
        policy: None,
        files: Vec::new(),
        units,
        port: port.and_then(|port| u16::try_from(port.value).ok()),
        repair: repair.map(|repair| repair.value),
        reboot_on_hang: reboot_on_hang.is_none_or(|reboots| reboots.value),
        health: health.flatten(),
        breaker_limit: breaker.map_or(AppSpec::BREAKER_LIMIT_DEFAULT, |breaker| breaker.value),
    };
    (app, files)
}

/// Reads how long a script may take, which is there to be limited.
fn script_timeout(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    [script, key]: [&'static str; 2],
) -> Option<Located<u32>> {
    let timeout = duration(reader, section, key, 60..=AppSpec::SETUP_TIMEOUT_S_MAX);
    if let Some(at) = timeout.as_ref().filter(|_| !section.has(script)) {
        let expected = format!("`{script}` beside it");
        reader.fault(at, Fault::conflict("limits a script, and there is none", expected));
    }
    timeout
}

/// Reads the units: the boot program knows what it can start and stop.
fn units(reader: &mut Reader<'_>, section: &Section<'_>) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let read = section.strings(reader, "units", "a list of units, such as [\"app.service\"]");
    for unit in read.into_iter().flatten() {
        let fault = match check_app_unit(&unit.value) {
            Err(expected) => Fault::malformed(
                syntax::is(&unit.value),
                expected.strip_prefix("must be ").unwrap_or(expected),
            ),
            Ok(()) if units.contains(&unit.value) => Fault::conflict("is named twice", "each unit once"),
            Ok(()) if units.len() == APP_UNITS_MAX => {
                Fault::out_of_range("is one too many", format!("at most {APP_UNITS_MAX} units"))
            }
            Ok(()) => {
                units.push(unit.value);
                continue;
            }
        };
        reader.fault(&unit, fault);
    }
    units
}

/// The section as a table, where it says anything.
pub(super) fn table(spec: &AppSpec) -> Option<Table> {
    let mut table = Table::new();
    if let Some(prepare) = &spec.prepare {
        table["prepare"] = value(&prepare.path);
        if spec.prepare_timeout_s != AppSpec::SETUP_TIMEOUT_S_DEFAULT {
            table["prepare_timeout"] = value(format!("{}s", spec.prepare_timeout_s));
        }
    }
    if let Some(setup) = &spec.setup {
        table["setup"] = value(&setup.path);
        if spec.setup_timeout_s != AppSpec::SETUP_TIMEOUT_S_DEFAULT {
            table["setup_timeout"] = value(format!("{}s", spec.setup_timeout_s));
        }
    }
    if spec.stop_timeout_s != AppSpec::STOP_TIMEOUT_S_DEFAULT {
        table["stop_timeout"] = value(format!("{}s", spec.stop_timeout_s));
    }
    if let Some(policy) = &spec.policy {
        table["policy"] = value(&policy.path);
    }
    if spec.breaker_limit != AppSpec::BREAKER_LIMIT_DEFAULT {
        table["breaker"] = value(i64::from(spec.breaker_limit));
    }
    if !spec.units.is_empty() {
        table["units"] = strings(spec.units.iter().cloned());
    }
    if let Some(repair) = spec.repair {
        table["repair"] = value(repair.to_string());
    }
    if !spec.reboot_on_hang {
        table["reboot_on_hang"] = value(false);
    }
    if let Some(port) = spec.port {
        table["port"] = value(i64::from(port));
    }
    if let Some(files) = app_files::table(&spec.files) {
        table["files"] = Item::Table(files);
    }
    if let Some(spec) = &spec.health {
        table["health"] = Item::Table(health::table(spec));
    }
    (!table.is_empty()).then_some(table)
}
