//! User data: what is read out of it, and what is rendered into it.

use std::str::FromStr;

use selfheal_userdata::{
    AddressWhen, AgentPin, AgentSource, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, LogShipping,
    Messages, Probe, RenderErrorKind, Repair, decode, read, read_with_bundle, render, settings,
};

use super::{Target, example, holds};
use crate::error::TaskResult;

/// The reader: no panic, and what it reads renders to exactly what was read.
pub const READER: Target = Target {
    name: "userdata",
    corpus: scripts,
    words: WORDS,
    check: check_reader,
};

/// The renderer, over configurations: what it renders is read as the same.
pub const RENDERER: Target = Target {
    name: "render",
    corpus: || Ok(configs().iter().map(write).collect()),
    words: WORDS,
    check: check_renderer,
};

const WORDS: &[&str] = &[
    "END_OF_PROGRAM",
    "\nEND_OF_PROGRAM\n",
    "put 0600 /etc/selfheal/config ",
    "put 0700 /etc/selfheal/setup ",
    "volume_id=vol-1\n",
    "OnUnitInactiveSec=9\n",
    "@ROOT@",
    "'\\''",
    "$(id)",
    "`id`",
    "${x}",
    "\\\n",
    "<<'E'",
    "\u{1f}",
    "http://127.0.0.1/",
    "none",
    "aws",
    "both",
    "ext4",
    "%h",
    "%%",
    "../",
    "//",
    "#!/bin/sh\n",
    "\u{1}",
    "\u{7f}",
    "eipalloc-0123456789abcdef0",
];

/// What stands between the fields of a configuration that is an input.
const BETWEEN: char = '\u{1f}';

fn configs() -> Vec<BootConfig> {
    let bare = BootConfig {
        stack: "web".to_owned(),
        region: "eu-west-1".to_owned(),
        dns_suffix: "amazonaws.com".to_owned(),
        group: "selfheal-web".to_owned(),
        launch_hook: "selfheal-launch".to_owned(),
        terminate_hook: None,
        role: "selfheal-web-eu-west-1".to_owned(),
        allocation_id: "eipalloc-0123456789abcdef0".to_owned(),
        data: None,
        prepare: None,
        setup: None,
        setup_timeout_s: 600,
        stop_timeout_s: 15,
        files: Vec::new(),
        units: Vec::new(),
        parameters: None,
        health: None,
        address_when: AddressWhen::Mounted,
        breaker_limit: 3,
        logs: None,
        agent: None,
        notify: None,
        https: None,
        repair: Repair::default(),
    };
    let health = |probe, from| HealthCheck {
        probe,
        interval_s: 10,
        threshold: 3,
        startup_budget_s: 300,
        from,
    };
    let url = "http://127.0.0.1:8080/healthz?a=1&b='x'".to_owned();
    let command = "curl -fsS \"http://localhost/\" | grep -q 'ok'".to_owned();
    let full = BootConfig {
        terminate_hook: Some("selfheal-terminate".to_owned()),
        data: Some(DataVolume {
            volume_id: "vol-0123456789abcdef0".to_owned(),
            mount: "/srv/data with 'quotes'".to_owned(),
            filesystem: Filesystem::Xfs,
        }),
        setup: Some(b"#!/bin/sh\nset -eu\necho 'hello'\n".to_vec()),
        health: Some(health(Probe::Http { url }, HealthFrom::Both)),
        address_when: AddressWhen::Healthy,
        logs: Some(LogShipping {
            group: "/selfheal/web".to_owned(),
            days: 14,
            files: vec!["/var/log/app.log".to_owned(), "/srv/data/x@y.log".to_owned()],
        }),
        agent: Some(AgentSource::Pinned(AgentPin {
            version: "3.3.3270.0".to_owned(),
            sha256_amd64: None,
            sha256_arm64: Some("0a".repeat(32)),
        })),
        ..bare.clone()
    };
    let commanded = BootConfig {
        health: Some(health(Probe::Command { command }, HealthFrom::Instance)),
        ..bare.clone()
    };
    let port = BootConfig {
        health: Some(health(Probe::Tcp { port: 5432 }, HealthFrom::Aws)),
        ..full.clone()
    };
    vec![bare, full, commanded, port]
}

fn scripts() -> TaskResult<Vec<Vec<u8>>> {
    let mut scripts = Vec::new();
    for config in configs() {
        let rendered = render(&config).map_err(|why| example("of user data", &why))?;
        scripts.push(rendered.script().as_bytes().to_vec());
        scripts.push(rendered.to_base64().into_bytes());
    }
    Ok(scripts)
}

fn check_reader(input: &[u8]) -> Result<(), String> {
    drop(settings(input));
    let decoded = decode(&String::from_utf8_lossy(input));
    for script in [Some(input), decoded.as_deref()].into_iter().flatten() {
        let Ok(config) = read(script) else { continue };
        let rendered = match render(&config) {
            Ok(rendered) => rendered,
            // Reading does not compress, and so does not learn that EC2 would not take it.
            Err(error) if error.kind() == RenderErrorKind::TooLarge => continue,
            Err(error) => return Err(format!("what was read does not render\n{error}\n{config:?}")),
        };
        let same = rendered.script().as_bytes() == script;
        holds(same, "what was read renders to something else", || {
            format!("{config:?}")
        })?;
    }
    Ok(())
}

fn check_renderer(input: &[u8]) -> Result<(), String> {
    let config = configuration(&String::from_utf8_lossy(input));
    let Ok(rendered) = render(&config) else { return Ok(()) };
    let shown = || format!("{config:?}");
    let bundle = rendered.bundle().map(|bundle| bundle.chunks()).unwrap_or_default();
    let chunks: Vec<&str> = bundle.iter().map(String::as_str).collect();
    let again = read_with_bundle(rendered.script().as_bytes(), &chunks);
    holds(
        again.as_ref() == Ok(&config.effective()),
        "what is rendered is read as another",
        || format!("{config:?}\n{again:?}"),
    )?;
    let decoded = decode(&rendered.to_base64());
    holds(
        decoded.as_deref() == Some(rendered.script().as_bytes()),
        "what is packed is unpacked as another",
        shown,
    )
}

/// Writes a configuration as an input, which [`configuration`] reads.
fn write(config: &BootConfig) -> Vec<u8> {
    let or_none = |text: Option<&String>| text.cloned().unwrap_or_default();
    let setup = config
        .setup
        .as_deref()
        .map(|setup| String::from_utf8_lossy(setup).into_owned());
    let (data, health) = (config.data.as_ref(), config.health.as_ref());
    let (kind, probe) = match health.map(|health| &health.probe) {
        None => ("none", String::new()),
        Some(Probe::Http { url }) => ("http", url.clone()),
        Some(Probe::Tcp { port }) => ("tcp", port.to_string()),
        Some(Probe::Command { command }) => ("command", command.clone()),
    };
    let number = |of: Option<u32>| of.unwrap_or(1).to_string();
    let fields = [
        config.stack.clone(),
        config.region.clone(),
        config.dns_suffix.clone(),
        config.group.clone(),
        config.launch_hook.clone(),
        or_none(config.terminate_hook.as_ref()),
        config.role.clone(),
        config.allocation_id.clone(),
        or_none(data.map(|data| &data.volume_id)),
        or_none(data.map(|data| &data.mount)),
        data.map_or("", |data| data.filesystem.name()).to_owned(),
        or_none(setup.as_ref()),
        config.setup_timeout_s.to_string(),
        kind.to_owned(),
        probe,
        number(health.map(|health| health.interval_s)),
        number(health.map(|health| health.threshold)),
        number(health.map(|health| health.startup_budget_s)),
        health.map_or("", |health| health.from.name()).to_owned(),
        if config.address_when == AddressWhen::Healthy {
            "healthy"
        } else {
            "mounted"
        }
        .to_owned(),
        config.breaker_limit.to_string(),
        config.logs.as_ref().map(|logs| logs.group.clone()).unwrap_or_default(),
        number(config.logs.as_ref().map(|logs| logs.days)),
        config
            .logs
            .as_ref()
            .map(|logs| logs.files.join("\n"))
            .unwrap_or_default(),
        match &config.agent {
            None => String::new(),
            Some(AgentSource::Unpinned) => UNPINNED.to_owned(),
            Some(AgentSource::Pinned(pin)) => pin.version.clone(),
        },
        or_none(pin(config).and_then(|pin| pin.sha256_amd64.as_ref())),
        or_none(pin(config).and_then(|pin| pin.sha256_arm64.as_ref())),
        or_none(config.notify.as_ref().map(|notify| &notify.topic)),
    ];
    fields.join(&BETWEEN.to_string()).into_bytes()
}

/// What stands in the place of a version where there is no agent.
const UNPINNED: &str = "none";

fn agent_source(version: String, sha256_amd64: Option<String>, sha256_arm64: Option<String>) -> Option<AgentSource> {
    match version.as_str() {
        "" => None,
        UNPINNED => Some(AgentSource::Unpinned),
        _ => Some(AgentSource::Pinned(AgentPin {
            version,
            sha256_amd64,
            sha256_arm64,
        })),
    }
}

fn pin(config: &BootConfig) -> Option<&AgentPin> {
    match &config.agent {
        Some(AgentSource::Pinned(pin)) => Some(pin),
        _ => None,
    }
}

fn health_from(text: &str) -> HealthFrom {
    match text {
        "aws" => HealthFrom::Aws,
        "both" => HealthFrom::Both,
        _ => HealthFrom::Instance,
    }
}

fn filesystem_of(text: &str) -> Filesystem {
    match text {
        "ext4" => Filesystem::Ext4,
        _ => Filesystem::Xfs,
    }
}

/// Reads any text as a configuration: what is not there is empty, what is no number is 1.
fn configuration(text: &str) -> BootConfig {
    fn number<T: FromStr + From<u8>>(text: &str) -> T {
        text.parse().unwrap_or_else(|_| T::from(1))
    }
    let mut fields = text.split(BETWEEN);
    let mut next = || fields.next().unwrap_or_default().to_owned();
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let (stack, region, dns_suffix, group, launch_hook) = (next(), next(), next(), next(), next());
    let (terminate_hook, role, allocation_id) = (some(next()), next(), next());
    let (volume_id, mount, filesystem) = (some(next()), next(), next());
    let (setup, setup_timeout) = (some(next()), next());
    let (kind, probe, interval, threshold, budget, from) = (next(), next(), next(), next(), next(), next());
    let (when, breaker) = (next(), next());
    let (log_group, log_days, log_files) = (next(), next(), next());
    let probe = match kind.as_str() {
        "http" => Some(Probe::Http { url: probe }),
        "tcp" => Some(Probe::Tcp {
            port: number::<u16>(&probe),
        }),
        "command" => Some(Probe::Command { command: probe }),
        _ => None,
    };
    BootConfig {
        stack,
        region,
        dns_suffix,
        group,
        launch_hook,
        terminate_hook,
        role,
        allocation_id,
        data: volume_id.map(|volume_id| DataVolume {
            volume_id,
            mount,
            filesystem: filesystem_of(&filesystem),
        }),
        prepare: None,
        setup: setup.map(String::into_bytes),
        setup_timeout_s: number(&setup_timeout),
        stop_timeout_s: 15,
        files: Vec::new(),
        units: Vec::new(),
        parameters: None,
        health: probe.map(|probe| HealthCheck {
            probe,
            interval_s: number(&interval),
            threshold: number(&threshold),
            startup_budget_s: number(&budget),
            from: health_from(&from),
        }),
        address_when: if when == "healthy" {
            AddressWhen::Healthy
        } else {
            AddressWhen::Mounted
        },
        breaker_limit: number(&breaker),
        logs: (!log_group.is_empty()).then(|| LogShipping {
            group: log_group,
            days: number(&log_days),
            files: log_files.lines().map(str::to_owned).collect(),
        }),
        agent: agent_source(next(), some(next()), some(next())),
        notify: some(next()).map(|topic| Messages {
            topic,
            disk_percent: 90,
        }),
        https: None,
        repair: Repair::default(),
    }
}
