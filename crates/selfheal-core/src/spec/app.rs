//! The section `[app]`: what runs on the instance.

use selfheal_policy::Document;
use toml_edit::{Item, Table, value};

use super::app_files::Named;
use super::reader::{Fault, Located, Reader, Section};
use super::values::duration;
use super::{AppFile, HealthSpec, app_files, health, syntax};

/// Its keys.
pub(super) const KEYS: &[&str] = &["setup", "setup_timeout", "policy", "breaker", "health", "files"];

/// What runs on the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSpec {
    /// The user's script, run once an instance after the data volume is mounted.
    pub setup: Option<Setup>,
    /// Seconds that the script may take before its boot has failed, 60 to 43,200.
    pub setup_timeout_s: u32,
    /// How to tell that the app works, where there is a way.
    pub health: Option<HealthSpec>,
    /// Replacements in a row that fail to become healthy before the stack parks itself, 1 to 10.
    pub breaker_limit: u32,
    /// Files that every boot puts in their places.
    pub files: Vec<AppFile>,
    /// What the app may do in AWS beyond what heals the instance, where it needs anything.
    pub policy: Option<AppPolicy>,
}

impl AppSpec {
    /// Three in a row: one may be bad luck with a host and two may share its cause, the third is the app's own.
    pub const BREAKER_LIMIT_DEFAULT: u32 = 3;
    /// Package installations take minutes; an hour is a hang.
    pub const SETUP_TIMEOUT_S_DEFAULT: u32 = 3_600;
    /// Half a day: AWS holds a launch for 25 hours at most, and the wait for the volume, for a new volume to be read whole
    /// and for the app's start-up want their share of it.
    pub const SETUP_TIMEOUT_S_MAX: u32 = 43_200;
}

impl Default for AppSpec {
    fn default() -> Self {
        Self {
            setup: None,
            setup_timeout_s: Self::SETUP_TIMEOUT_S_DEFAULT,
            health: None,
            breaker_limit: Self::BREAKER_LIMIT_DEFAULT,
            policy: None,
            files: Vec::new(),
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

/// The user's setup script, already read.
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
    pub(super) setup: Option<Located<String>>,
    pub(super) policy: Option<Located<String>>,
    pub(super) others: Vec<Named>,
}

/// Reads the section; the files that it names are read by whoever can.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> (AppSpec, Files) {
    let mut path = |key: &str, expected: &str| {
        let path = section.string(reader, key, expected);
        reader.check(path, |path| syntax::file_path(path, expected))
    };
    let files = Files {
        setup: path("setup", "the path of a script, such as \"setup.sh\""),
        policy: path("policy", "the path of a policy, such as \"policy.json\""),
        others: section
            .open(reader, "files", "app.files")
            .map(|section| app_files::read(reader, &section))
            .unwrap_or_default(),
    };
    let setup_timeout = duration(reader, section, "setup_timeout", 60..=AppSpec::SETUP_TIMEOUT_S_MAX);
    if let Some(at) = setup_timeout.as_ref().filter(|_| !section.has("setup")) {
        reader.fault(
            at,
            Fault::conflict("limits a script, and there is none", "`setup` beside it"),
        );
    }
    let breaker = section.integer(reader, "breaker", 1..=10, "");
    let health = section.child(reader, "health", "app.health", health::KEYS);
    let app = AppSpec {
        setup: None,
        setup_timeout_s: setup_timeout.map_or(AppSpec::SETUP_TIMEOUT_S_DEFAULT, |at| at.value),
        policy: None,
        files: Vec::new(),
        health: health.and_then(|section| health::read(reader, &section)),
        breaker_limit: breaker.map_or(AppSpec::BREAKER_LIMIT_DEFAULT, |breaker| breaker.value),
    };
    (app, files)
}

/// The section as a table, where it says anything.
pub(super) fn table(spec: &AppSpec) -> Option<Table> {
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
    if let Some(files) = app_files::table(&spec.files) {
        table["files"] = Item::Table(files);
    }
    if let Some(spec) = &spec.health {
        table["health"] = Item::Table(health::table(spec));
    }
    (!table.is_empty()).then_some(table)
}
