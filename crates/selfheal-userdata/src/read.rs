//! Reads a configuration back out of the user data that was rendered from it.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::agent::{AgentPin, AgentSource};
use crate::bundle::unbundle;
use crate::config::{
    AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, LogShipping, Messages, Prepare, Probe,
    Repair,
};
use crate::file::{self, BootFile};
use crate::https::{Challenge, ChallengeZone, Https, Site};
use crate::parameters::Parameters;
use crate::program::{bare, boot_steps};
use crate::render::{FILES_PATH, NGINX_EXTRA_PATH, PREPARE_PATH, PROGRAM_END, SETUP_PATH, compose};
use crate::settings::{Settings, Split, split_settings};
use crate::step::{Step, probe_source};
use crate::units::CONFIG_TIMER_HEAD;
use crate::word::Words;

/// Reason why user data could not be read back.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no boot program of selfheal in it, or a damaged one.
    #[error("the user data holds no boot program of selfheal")]
    Foreign,
    /// A setting is missing.
    #[error("the user data's setting {name} is missing")]
    Missing {
        /// Name of the setting, as the boot program spells it.
        name: &'static str,
    },
    /// A setting has a value that no configuration gives it.
    #[error("the user data's setting {name} is {value:?}")]
    Invalid {
        /// Name of the setting, as the boot program spells it.
        name: &'static str,
        /// Value, with `U+FFFD` in the place of bytes that are not UTF-8.
        value: String,
    },
    /// The user data names a bundle, and what was given with it is not that, or damaged.
    #[error("the user data names the bundle {digest}, which is not there")]
    Bundled {
        /// SHA-256 of the bundle's script, in hexadecimal digits.
        digest: String,
    },
    /// This version renders something else from the configuration: another version made the user data, or somebody has
    /// changed it.
    #[error("the user data is not what this version makes of its configuration")]
    Differs,
}

/// Reads the configuration back from which [`render`](crate::render) made the script, in clear as
/// [`decode`](crate::decode) gives it.
///
/// The inverse of `render`, up to the fields on which the script does not depend: from `render(&config)` it gives
/// [`config.effective()`](BootConfig::effective). What it gives renders to exactly the script that was read, so it never
/// guesses. For user data of an earlier version ask [`settings`](crate::settings).
///
/// ```
/// use selfheal_userdata::{AddressWhen, BootConfig, Repair, read, render};
///
/// let config = BootConfig {
///     stack: "web".into(),
///     region: "eu-west-1".into(),
///     dns_suffix: "amazonaws.com".into(),
///     group: "selfheal-web".into(),
///     launch_hook: "selfheal-launch".into(),
///     terminate_hook: None,
///     role: "selfheal-web-eu-west-1".into(),
///     allocation_id: "eipalloc-0123456789abcdef0".into(),
///     data: None,
///     prepare: None,
///     setup: Some(b"#!/bin/sh\necho hello\n".to_vec()),
///     setup_timeout_s: 600,
///     stop_timeout_s: 15,
///     files: Vec::new(),
///     units: Vec::new(),
///     parameters: None,
///     health: None,
///     address_when: AddressWhen::Mounted,
///     breaker_limit: 3,
///     logs: None,
///     notify: None,
///     agent: None,
///     https: None,
///     repair: Repair::default(),
/// };
/// let user_data = render(&config).unwrap();
/// assert_eq!(read(user_data.script().as_bytes()), Ok(config));
/// ```
///
/// # Errors
/// [`ReadError`] for what this version did not render. User data that names a bundle is [`ReadError::Bundled`]: read it with
/// [`read_with_bundle`].
pub fn read(script: &[u8]) -> Result<BootConfig, ReadError> {
    read_with_bundle(script, &[])
}

/// Reads the configuration out of a script and the values of the parameters that hold its bundle, in any order.
///
/// # Errors
/// As [`read`](read()); [`ReadError::Bundled`] where the values are not the bundle that the script names.
pub fn read_with_bundle(script: &[u8], chunks: &[&str]) -> Result<BootConfig, ReadError> {
    let Split { settings, lists, rest } = split_settings(script).ok_or(ReadError::Foreign)?;
    let (program, rest) = here_document(rest).ok_or(ReadError::Foreign)?;
    let (_, mut rest) = here_document(rest).ok_or(ReadError::Foreign)?;
    if settings.contains_key("log_group") {
        (_, rest) = here_document(rest).ok_or(ReadError::Foreign)?;
    }
    let mut bundle = None;
    if settings.contains_key("bundle") {
        let digest = text(&settings, "bundle")?;
        bundle = Some(unbundle(&digest, chunks.iter().copied()).ok_or(ReadError::Bundled { digest })?);
    }
    let (late, own) = match &bundle {
        Some(bundle) => here_document(bundle).ok_or(ReadError::Foreign)?,
        None => (program, rest),
    };
    let (prepare, own) = script_at(PREPARE_PATH, own).ok_or(ReadError::Foreign)?;
    let (setup, own) = script_at(SETUP_PATH, own).ok_or(ReadError::Foreign)?;
    let (files, units) = files(own).ok_or(ReadError::Foreign)?;
    let field = |name| text(&settings, name);
    let config = BootConfig {
        stack: field("stack")?,
        region: field("region")?,
        dns_suffix: field("dns_suffix")?,
        group: field("group")?,
        launch_hook: field("launch_hook")?,
        terminate_hook: Some(field("terminate_hook")?).filter(|hook| !hook.is_empty()),
        role: field("role")?,
        allocation_id: field("allocation_id")?,
        data: data(&settings)?,
        prepare: match prepare {
            Some(script) => Some(Prepare {
                script,
                timeout_s: number(&settings, "prepare_s_max")?,
            }),
            None => None,
        },
        setup_timeout_s: match setup {
            Some(_) => number(&settings, "setup_s_max")?,
            None => 1,
        },
        setup,
        stop_timeout_s: number(&settings, "app_stop_s_max")?,
        files,
        units: units_of(lists.get("units"))?,
        parameters: parameters(&settings, units)?,
        health: health(&settings, late, units)?,
        address_when: address_when(program),
        breaker_limit: number(&settings, "breaker_limit")?,
        logs: logs(&settings, units)?,
        notify: messages(&settings)?,
        agent: agent(&settings, program)?,
        https: https(&settings, units)?,
        repair: Repair {
            restart: settings.contains_key("repair_s_max"),
            reboot: settings.contains_key("repair_reboots"),
            reboot_on_hang: settings.contains_key("reboot_on_hang"),
        },
    };
    // A value that no configuration may have can still be written in the same place. The bundle is pinned by the script.
    match compose(&config, bundle.is_some()) {
        Ok((again, _)) if again.as_bytes() == script && config.validate().is_ok() => Ok(config),
        _ => Err(ReadError::Differs),
    }
}

impl BootConfig {
    /// Returns this configuration with fixed values in the fields on which its boot program does not depend: the setup
    /// script's time without a setup script, when the address moves without a health check, and what of a probe's interval
    /// goes beyond the longest time of a probe where AWS alone watches the app.
    ///
    /// It renders to the same user data.
    #[must_use]
    pub fn effective(&self) -> Self {
        let mut config = self.clone();
        if config.setup.is_none() {
            config.setup_timeout_s = 1;
        }
        match &mut config.health {
            None => config.address_when = AddressWhen::Mounted,
            Some(health) if health.from == HealthFrom::Aws => health.interval_s = health.probe_s_max(),
            Some(_) => {}
        }
        config
    }

    /// Tells whether this configuration is valid and renders to the same script as one that was [read](read()) from a script,
    /// without rendering either.
    #[must_use]
    pub fn renders_like(&self, read: &Self) -> bool {
        self.effective() == *read && self.validate().is_ok()
    }
}

/// Splits off the next here-document of what is installed: its text, and what comes after it.
fn here_document(script: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, text) = split(script, format!("<<'{PROGRAM_END}'\n").as_bytes())?;
    split(text, format!("\n{PROGRAM_END}\n").as_bytes())
}

/// Splits a text at the first occurrence of a part, which belongs to neither side.
fn split<'a>(text: &'a [u8], part: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(part.len()).position(|window| window == part)?;
    Some((text.get(..at)?, text.get(at + part.len()..)?))
}

/// Splits off the script at this path, where its installation comes next.
fn script_at<'a>(path: &str, whole: &'a [u8]) -> Option<(Option<Vec<u8>>, &'a [u8])> {
    let rest = whole.strip_prefix(b"\n").unwrap_or(whole);
    if let Some(rest) = rest.strip_prefix(format!("put 0700 {path} ").as_bytes()) {
        let mut words = Words(rest);
        let script = words.word()?;
        return Some((Some(script), words.0));
    }
    let Some(rest) = rest.strip_prefix(b"base64 -d <<<'") else {
        return Some((None, whole));
    };
    let (encoded, rest) = split(rest, b"'")?;
    match rest.strip_prefix(format!(" | put 0700 {path}\n").as_bytes()) {
        Some(rest) => Some((Some(STANDARD.decode(encoded).ok()?), rest)),
        None => Some((None, whole)),
    }
}

/// Splits off the files, where their installation comes next.
fn files(rest: &[u8]) -> Option<(Vec<BootFile>, &[u8])> {
    let rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    let Some(rest) = rest.strip_prefix(format!("put 0600 {FILES_PATH} ").as_bytes()) else {
        return Some((Vec::new(), rest));
    };
    let mut words = Words(rest);
    let source = words.word()?;
    Some((file::read(&source)?, words.0))
}

/// The user's units; none where there is no list of them.
fn units_of(list: Option<&Vec<Vec<u8>>>) -> Result<Vec<String>, ReadError> {
    let word =
        |word: &Vec<u8>| String::from_utf8(word.clone()).map_err(|_| invalid("units", &String::from_utf8_lossy(word)));
    list.into_iter().flatten().map(word).collect()
}

fn data(settings: &Settings) -> Result<Option<DataVolume>, ReadError> {
    if !settings.contains_key("volume_id") {
        return Ok(None);
    }
    let filesystem = text(settings, "filesystem")?;
    Ok(Some(DataVolume {
        volume_id: text(settings, "volume_id")?,
        mount: text(settings, "mount_path")?,
        filesystem: one_of("filesystem", &filesystem, Filesystem::ALL, Filesystem::name)?,
    }))
}

fn parameters(settings: &Settings, units: &[u8]) -> Result<Option<Parameters>, ReadError> {
    if !settings.contains_key("config_path") {
        return Ok(None);
    }
    let required = text(settings, "config_required")?;
    Ok(Some(Parameters {
        path: text(settings, "config_path")?,
        required: required.split_whitespace().map(str::to_owned).collect(),
        kms_key: match settings.contains_key("config_key") {
            true => Some(text(settings, "config_key")?),
            false => None,
        },
        refresh_s: split(units, CONFIG_TIMER_HEAD.as_bytes())
            .and_then(|(_, rest)| split(rest, b" "))
            .and_then(|(value, _)| std::str::from_utf8(value).ok()?.parse().ok()),
    }))
}

fn health(settings: &Settings, program: &[u8], units: &[u8]) -> Result<Option<HealthCheck>, ReadError> {
    if !settings.contains_key("health_from") {
        return Ok(None);
    }
    let from = text(settings, "health_from")?;
    let from = one_of("health_from", &from, HealthFrom::ALL, HealthFrom::name)?;
    let target = text(settings, "probe_target")?;
    let kinds = [
        Probe::Http { url: target.clone() },
        Probe::Tcp {
            // Where the target is no port, the next one is it.
            port: target.parse().unwrap_or_default(),
        },
        Probe::Command { command: target },
    ];
    let program = std::str::from_utf8(program).map_err(|_| ReadError::Foreign)?;
    let probe = kinds
        .into_iter()
        .find(|probe| program.contains(&bare(probe_source(probe))))
        .ok_or(ReadError::Differs)?;
    let interval_s = match from {
        HealthFrom::Aws => number(settings, "probe_s_max")?,
        HealthFrom::Instance | HealthFrom::Both => timer_interval_s(units).ok_or(ReadError::Differs)?,
    };
    Ok(Some(HealthCheck {
        probe,
        interval_s,
        threshold: number(settings, "threshold")?,
        startup_budget_s: number(settings, "startup_s_max")?,
        from,
    }))
}

fn messages(settings: &Settings) -> Result<Option<Messages>, ReadError> {
    if !settings.contains_key("topic") {
        return Ok(None);
    }
    Ok(Some(Messages {
        topic: text(settings, "topic")?,
        disk_percent: number(settings, "disk_limit")?,
    }))
}

fn logs(settings: &Settings, units: &[u8]) -> Result<Option<LogShipping>, ReadError> {
    if !settings.contains_key("log_group") {
        return Ok(None);
    }
    let mut files = Vec::new();
    let mut rest = units;
    // No string of the user's holds the beginning of this line: what stands among the units has no control characters.
    while let Some((_, after)) = split(rest, b"\nSyslogIdentifier=") {
        let (path, after) = split(after, b"\n").ok_or(ReadError::Differs)?;
        files.push(String::from_utf8(path.to_vec()).map_err(|_| ReadError::Differs)?);
        rest = after;
    }
    Ok(Some(LogShipping {
        group: text(settings, "log_group")?,
        days: number(settings, "log_days")?,
        files,
    }))
}

/// What is done about the agent: by the settings that pin it, or by the step that says that there is none.
fn agent(settings: &Settings, program: &[u8]) -> Result<Option<AgentSource>, ReadError> {
    if settings.contains_key("agent_version") {
        let sum = |name| settings.contains_key(name).then(|| text(settings, name)).transpose();
        return Ok(Some(AgentSource::Pinned(AgentPin {
            version: text(settings, "agent_version")?,
            sha256_amd64: sum("agent_sha256_amd64")?,
            sha256_arm64: sum("agent_sha256_arm64")?,
        })));
    }
    let tells = boot_steps(program).contains(&Step::Agent.function().as_bytes());
    Ok(tells.then_some(AgentSource::Unpinned))
}

fn https(settings: &Settings, units: &[u8]) -> Result<Option<Https>, ReadError> {
    if !settings.contains_key("https_domains") {
        return Ok(None);
    }
    let sites = text(settings, "https_sites")?;
    let sites: Option<Vec<Site>> = sites.lines().map(Site::from_line).collect();
    let some = |name| text(settings, name).map(|text| Some(text).filter(|text| !text.is_empty()));
    Ok(Some(Https {
        sites: sites.ok_or(ReadError::Differs)?,
        email: some("https_email")?,
        ca: text(settings, "https_ca")?,
        ca_bundle: some("https_ca_bundle")?,
        body_mib_max: number(settings, "https_body_mib")?,
        timeout_s: number(settings, "https_timeout_s")?,
        hsts: number::<u8>(settings, "https_hsts")? == 1,
        extra: nginx_extra(units)?,
        challenge: challenge(settings)?,
    }))
}

fn challenge(settings: &Settings) -> Result<Challenge, ReadError> {
    if !settings.contains_key("https_zone") {
        return Ok(Challenge::Http);
    }
    Ok(Challenge::Dns(ChallengeZone {
        id: text(settings, "https_zone")?,
        endpoint: text(settings, "https_dns_endpoint")?,
        region: text(settings, "https_dns_region")?,
    }))
}

/// What the user tells nginx, where its installation comes next.
fn nginx_extra(rest: &[u8]) -> Result<Option<String>, ReadError> {
    let rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    let Some(rest) = rest.strip_prefix(format!("put 0644 {NGINX_EXTRA_PATH} ").as_bytes()) else {
        return Ok(None);
    };
    let extra = Words(rest).word().and_then(|word| String::from_utf8(word).ok());
    extra.map(Some).ok_or(ReadError::Differs)
}

/// The watchdog timer's interval. No string of the user's holds the beginning of this line: the only one among the units is
/// the mount point, which has no control characters.
fn timer_interval_s(units: &[u8]) -> Option<u32> {
    let (_, rest) = split(units, b"\nOnUnitInactiveSec=")?;
    let (value, _) = split(rest, b"\n")?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// When the address moves, by the order of the steps. Without a health check it is `Mounted`.
fn address_when(program: &[u8]) -> AddressWhen {
    let steps = boot_steps(program);
    let place = |step: Step| steps.iter().position(|name| *name == step.function().as_bytes());
    match (place(Step::Health), place(Step::Address)) {
        (Some(health), Some(address)) if health < address => AddressWhen::Healthy,
        _ => AddressWhen::Mounted,
    }
}

fn text(settings: &Settings, name: &'static str) -> Result<String, ReadError> {
    let bytes = settings.get(name).ok_or(ReadError::Missing { name })?;
    String::from_utf8(bytes.clone()).map_err(|_| invalid(name, &String::from_utf8_lossy(bytes)))
}

fn number<T: FromStr>(settings: &Settings, name: &'static str) -> Result<T, ReadError> {
    let value = text(settings, name)?;
    value.parse().map_err(|_| invalid(name, &value))
}

fn one_of<T: Copy, const N: usize>(
    setting: &'static str,
    value: &str,
    all: [T; N],
    name: impl Fn(T) -> &'static str,
) -> Result<T, ReadError> {
    let found = all.into_iter().find(|candidate| name(*candidate) == value);
    found.ok_or_else(|| invalid(setting, value))
}

fn invalid(name: &'static str, value: &str) -> ReadError {
    ReadError::Invalid {
        name,
        value: value.to_owned(),
    }
}
