//! The installed program and the configuration that it reads.

use std::sync::{Mutex, PoisonError};

use crate::agent::AgentSource;
use crate::config::{BootConfig, HealthCheck, Probe};
use crate::error::RenderError;
use crate::exit::BootExit;
use crate::https::{Challenge, Https, Site};
use crate::mount::mount_unit;
use crate::parameters::Parameters;
use crate::quote::quote;
use crate::step::{Step, fragments, tools};
use crate::units::{
    AGENT_UNIT, APP_TARGET, BOOT_UNIT, CONFIG_TIMER, NGINX_UNIT, OFF_UNIT, TLS_TIMER, TLS_UNIT, WATCHDOG_TIMER,
    log_file_units,
};

/// Time limits in seconds, by the name that the boot program uses.
const LIMITS_S: [(&str, u32); 23] = [
    // Network and role credentials may come late, but a boot that waits longer is better replaced.
    ("metadata_s_max", 120),
    // Volumes of dead instances have been seen held for about ten minutes.
    ("attach_s_max", 900),
    // From the attachment's acceptance to the device: seconds, as a rule.
    ("device_s_max", 120),
    // A single call, with throttling and a control plane that is briefly away.
    ("call_s_max", 180),
    // An outage of AWS, in which a new instance would fare no better. The longest of a whole Region took hours.
    ("outage_s_max", 14_400),
    // For as long reads may show what was before a change.
    ("stale_s_max", 60),
    // What the metadata service shows lags behind an association by seconds.
    ("address_look_s", 60),
    // One process a look; whoever has grown a volume waits for it.
    ("size_look_s", 10),
    // A pending instance is refused for up to two minutes.
    ("address_s_max", 300),
    // IAM takes up to two minutes to spread a new role.
    ("denied_s_max", 180),
    // The hook's own time-out: a group that has not come to it by then has none.
    ("hook_s_max", 900),
    // Updates that an image makes by itself after its first boot take minutes.
    ("packages_s_max", 600),
    // Mirrors of packages are away for minutes, and an instance that serves nobody is of no use for longer.
    ("nginx_s_max", 900),
    // An authority that looks from several places takes seconds, and a minute where it is busy.
    ("issue_s_max", 300),
    // Route 53 says that its servers have a change within a minute.
    ("dns_s_max", 120),
    // A check of a large filesystem takes minutes.
    ("fsck_s_max", 3600),
    // 8 GiB of a volume, which gp3 reads in about a minute.
    ("read_s_max", 3600),
    // A spot interruption leaves two minutes for everything.
    ("stop_s_max", 60),
    // After an app that did not stop in time; the machine's own shutdown flushes what this does not.
    ("flush_s_max", 20),
    // A write that is flushed takes milliseconds, and seconds behind much else.
    ("answer_s_max", 10),
    // An app that fails again so soon after a reboot needs another machine, or a person.
    ("reboot_pause_s", 3600),
    // What is shipped last is worth less than what waits for it.
    ("logs_s_max", 5),
    // No message is worth more of a boot.
    ("tell_s_max", 5),
];

/// Seconds after a restart within which the app must answer, unless it has less for its first start.
const REPAIR_S_MAX: u32 = 30;

/// The beginning and the end of the function that boots: between them each step is a line.
const BOOT_BEGIN: &str = "\nboot() {\nbegin boot\n";
const BOOT_END: &str = "trap - EXIT\nlog 'boot is done'\n}\n";

/// Returns the configuration file: one assignment a line, each value through [`quote`]. It pins the bundle by its digest, where there is one.
pub(crate) fn config_text(config: &BootConfig, bundle: Option<&str>) -> Result<String, RenderError> {
    let mut values: Vec<(&str, String)> = vec![
        ("stack", config.stack.clone()),
        ("region", config.region.clone()),
        ("dns_suffix", config.dns_suffix.clone()),
        ("group", config.group.clone()),
        ("launch_hook", config.launch_hook.clone()),
        ("terminate_hook", config.terminate_hook.clone().unwrap_or_default()),
        ("role", config.role.clone()),
        ("allocation_id", config.allocation_id.clone()),
        ("breaker_limit", config.breaker_limit.to_string()),
        ("app_stop_s_max", config.stop_timeout_s.to_string()),
    ];
    if let Some(digest) = bundle {
        values.push(("bundle", digest.to_owned()));
    }
    if let Some(prepare) = &config.prepare {
        values.push(("prepare_s_max", prepare.timeout_s.to_string()));
    }
    if config.setup.is_some() {
        values.push(("setup_s_max", config.setup_timeout_s.to_string()));
    }
    if let Some(parameters) = &config.parameters {
        values.push(("config_path", parameters.path.clone()));
        values.push(("config_required", parameters.required.join(" ")));
        values.extend(parameters.kms_key.clone().map(|key| ("config_key", key)));
    }
    if let Some(data) = &config.data {
        values.push(("volume_id", data.volume_id.clone()));
        values.push(("mount_path", data.mount.clone()));
        values.push(("filesystem", data.filesystem.name().to_owned()));
    }
    values.extend(config.health.iter().flat_map(health_settings));
    if let Some(health) = config.health.as_ref().filter(|_| config.repair.restart) {
        // Shorter than most apps need for a start is shorter than a replacement takes.
        values.push(("repair_s_max", health.startup_budget_s.min(REPAIR_S_MAX).to_string()));
    }
    let rungs = [
        ("repair_reboots", config.repair.reboot),
        ("reboot_on_hang", config.repair.reboot_on_hang),
    ];
    values.extend(rungs.iter().filter(|rung| rung.1).map(|rung| (rung.0, "1".to_owned())));
    if let Some(notify) = &config.notify {
        values.push(("topic", notify.topic.clone()));
        values.push(("disk_limit", notify.disk_percent.to_string()));
    }
    if let Some(logs) = &config.logs {
        values.push(("log_group", logs.group.clone()));
        values.push(("log_days", logs.days.to_string()));
    }
    if let Some(AgentSource::Pinned(pin)) = &config.agent {
        values.extend(pin.settings());
    }
    values.extend(config.https.iter().flat_map(https_values));
    let mut text = String::new();
    for (name, value) in values {
        text.push_str(&format!("{name}={}\n", quote(value)?));
    }
    text.push_str(&format!("tools=({})\n", words(&tools(config, bundle.is_some()))?));
    text.push_str(&format!("app_units=({})\n", words(&app_units(config))?));
    text.push_str(&format!("timers=({})\n", words(&timers(config))?));
    if !config.units.is_empty() {
        text.push_str(&format!("units=({})\n", words(&config.units)?));
    }
    Ok(text)
}

/// Returns what is stopped before the volume leaves.
fn app_units(config: &BootConfig) -> Vec<String> {
    // The boot first: what it may still be doing must not start anew what is stopped after it.
    let mut units = vec![BOOT_UNIT.to_owned(), APP_TARGET.to_owned()];
    units.extend(config.data.as_ref().map(|data| mount_unit(&data.mount)));
    units.extend(log_file_units(config));
    if config.https.is_some() {
        units.extend([NGINX_UNIT, TLS_TIMER, TLS_UNIT].map(str::to_owned));
    }
    units
}

/// Returns what is started once the instance serves.
fn timers(config: &BootConfig) -> Vec<&'static str> {
    let refreshes = |parameters: &Parameters| parameters.refresh_s.is_some();
    let timers = [
        (true, OFF_UNIT),
        (config.health.is_some(), WATCHDOG_TIMER),
        (config.parameters.as_ref().is_some_and(refreshes), CONFIG_TIMER),
        (matches!(config.agent, Some(AgentSource::Pinned(_))), AGENT_UNIT),
        (config.https.is_some(), TLS_TIMER),
    ];
    timers
        .into_iter()
        .filter_map(|(wanted, timer)| wanted.then_some(timer))
        .collect()
}

fn health_settings(health: &HealthCheck) -> [(&'static str, String); 6] {
    let target = match &health.probe {
        Probe::Http { url } => url.clone(),
        Probe::Tcp { port } => port.to_string(),
        Probe::Command { command } => command.clone(),
    };
    [
        ("probe_target", target),
        ("probe_s_max", health.probe_s_max().to_string()),
        ("threshold", health.threshold.to_string()),
        ("stable_probes", health.stable_looks().to_string()),
        ("health_from", health.from.name().to_owned()),
        ("startup_s_max", health.startup_budget_s.to_string()),
    ]
}

/// Returns the settings of nginx and of its certificate.
fn https_values(https: &Https) -> Vec<(&'static str, String)> {
    let sites: Vec<String> = https.sites.iter().map(Site::to_line).collect();
    let mut values = vec![
        ("https_domains", https.domains().join(" ")),
        ("https_email", https.email.clone().unwrap_or_default()),
        ("https_sites", sites.join("\n")),
        ("https_body_mib", https.body_mib_max.to_string()),
        ("https_timeout_s", https.timeout_s.to_string()),
        ("https_hsts", u8::from(https.hsts).to_string()),
        ("https_extra", u8::from(https.extra.is_some()).to_string()),
        ("https_ca", https.ca.clone()),
        ("https_ca_bundle", https.ca_bundle.clone().unwrap_or_default()),
    ];
    if let Challenge::Dns(zone) = &https.challenge {
        values.push(("https_zone", zone.id.clone()));
        values.push(("https_dns_endpoint", zone.endpoint.clone()));
        values.push(("https_dns_region", zone.region.clone()));
    }
    values
}

pub(crate) fn words(values: &[impl AsRef<[u8]>]) -> Result<String, RenderError> {
    let words: Result<Vec<String>, RenderError> = values.iter().map(quote).collect();
    Ok(words?.join(" "))
}

/// A program that the units run, and the parts of it that a bundle holds; these are empty where there is none.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) text: String,
    pub(crate) parts: String,
}

/// Returns the program for this configuration, whole or with the parts that can wait apart.
pub(crate) fn program(config: &BootConfig, bundled: bool) -> Program {
    let refreshes = |parameters: &Parameters| parameters.refresh_s.is_some();
    let verbs = [
        (true, "boot | watch | off"),
        (config.health.is_some(), "watchdog"),
        (config.parameters.as_ref().is_some_and(refreshes), "refresh"),
        (config.logs.is_some(), "logs | flush_logs"),
        (matches!(config.agent, Some(AgentSource::Pinned(_))), "agent"),
        (config.https.is_some(), "tls"),
        (config.https.as_ref().is_some_and(Https::asks_in_dns), "challenge"),
    ];
    let verbs: Vec<&str> = verbs.iter().filter(|(has, _)| *has).map(|(_, verb)| *verb).collect();
    let (soon, late) = fragments(config, bundled);
    let shape = Shape {
        soon,
        late,
        steps: Step::sequence(config, bundled),
        verbs: verbs.join(" | "),
        bundled,
    };
    let mut known = PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, program)) = known.iter().find(|(have, _)| *have == shape) {
        return program.clone();
    }
    let program = assemble(&shape);
    known.push((shape, program.clone()));
    program
}

/// What a program is made of, and nothing else: there are some dozens of it.
#[derive(PartialEq, Eq)]
struct Shape {
    soon: Vec<&'static str>,
    late: Vec<&'static str>,
    steps: Vec<Step>,
    verbs: String,
    bundled: bool,
}

/// The programs that were put together so far: a planner renders user data again and again, and most of the time of that went
/// into what never changes.
static PROGRAMS: Mutex<Vec<(Shape, Program)>> = Mutex::new(Vec::new());

fn assemble(shape: &Shape) -> Program {
    let (mut body, late) = (joined(&shape.soon), joined(&shape.late));
    let mut parts = String::new();
    if shape.bundled {
        parts = constants(&late) + &late;
    } else {
        body.push_str(&late);
    }
    let limits = constants(&body);
    body.push_str(BOOT_BEGIN);
    for step in &shape.steps {
        body.push_str(&format!("{}\n", step.function()));
    }
    body.push_str(BOOT_END);
    let mut run = "\"$1\"";
    if shape.bundled {
        // A start that is not the first has them; what comes with them has nothing to do before.
        body.push_str("! parts_are_there || take_parts\n");
        run = "! declare -F \"$1\" >/dev/null || \"$1\"";
    }
    let verbs = &shape.verbs;
    let text = format!("#!/bin/bash\n{limits}{body}\ncase ${{1-}} in\n  {verbs}) {run} ;;\n  *) exit 64 ;;\nesac\n");
    Program { text, parts }
}

/// Returns shell source in one text, as short as it can be.
fn joined(sources: &[&str]) -> String {
    let mut text = String::new();
    for source in sources {
        text.push('\n');
        text.push_str(&bare(source));
    }
    // A number takes less room than a name and its assignment.
    for exit in BootExit::ALL {
        let name = format!("\"${}\"", exit.variable());
        text = text.replace(&name, &exit.code().to_string());
    }
    text
}

/// Returns the functions that a program's `boot` calls, in order: those of its [`Step`]s; none where it has no such function.
pub(crate) fn boot_steps(program: &[u8]) -> Vec<&[u8]> {
    let after = program
        .windows(BOOT_BEGIN.len())
        .position(|part| part == BOOT_BEGIN.as_bytes());
    let lines = after.map(|at| program[at + BOOT_BEGIN.len()..].split(|byte| *byte == b'\n'));
    let is_step = |line: &&[u8]| !BOOT_END.as_bytes().starts_with(line);
    lines.into_iter().flatten().take_while(is_step).collect()
}

/// Returns an assignment for each limit that the program mentions.
fn constants(body: &str) -> String {
    let mentioned = LIMITS_S.iter().filter(|(name, _)| body.contains(name));
    mentioned.map(|(name, value)| format!("{name}={value}\n")).collect()
}

/// Returns shell source without comments and indentation: no string of ours goes over a line's end.
pub(crate) fn bare(source: &str) -> String {
    let lines = kept(source);
    lines.lines().flat_map(|line| [line.trim_start(), "\n"]).collect()
}

/// Returns the source without its comments: on the instance they would only use up room that the setup script can have.
pub(crate) fn kept(source: &str) -> String {
    let is_kept = |line: &&str| {
        let line = line.trim_start();
        !line.starts_with('#') || line.starts_with("# shellcheck ")
    };
    source.lines().filter(is_kept).flat_map(|line| [line, "\n"]).collect()
}
