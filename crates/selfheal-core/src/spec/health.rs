//! The section `[app.health]`: how to tell that the app works.

use std::fmt;

use toml_edit::{Table, value};

use super::reader::{Fault, Reader, Section};
use super::syntax;
use super::values::{duration, one_of};

/// Its keys.
pub(super) const KEYS: &[&str] = &[
    "http",
    "tcp",
    "command",
    "interval",
    "threshold",
    "startup_budget",
    "from",
];

/// How to tell that the app works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSpec {
    /// What is asked.
    pub probe: HealthProbe,
    /// Seconds between two probes, 2 to 300.
    pub interval_s: u32,
    /// Failures in a row after which the app is repaired or the instance replaced, 1 to 20.
    pub threshold: u32,
    /// Seconds that a new instance has to become healthy, 10 to 7,200: no longer than a lifecycle hook holds.
    pub startup_budget_s: u32,
    /// Who asks.
    pub from: HealthFrom,
}

impl HealthSpec {
    /// Ten seconds between probes notices a dead app within half a minute at the default threshold.
    pub const INTERVAL_S_DEFAULT: u32 = 10;
    /// Three failures in a row: a slow answer or a reload is not a death.
    pub const THRESHOLD_DEFAULT: u32 = 3;
    /// Five minutes cover a package installation in the setup script.
    pub const STARTUP_BUDGET_S_DEFAULT: u32 = 300;

    /// A probe with the default timing, asked on the instance.
    #[must_use]
    pub const fn new(probe: HealthProbe) -> Self {
        Self {
            probe,
            interval_s: Self::INTERVAL_S_DEFAULT,
            threshold: Self::THRESHOLD_DEFAULT,
            startup_budget_s: Self::STARTUP_BUDGET_S_DEFAULT,
            from: HealthFrom::Instance,
        }
    }
}

/// What is asked to tell that the app works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthProbe {
    /// An HTTP request to the instance itself; 200 to 399 is healthy.
    Http {
        /// Whether TLS is spoken.
        tls: bool,
        /// The port.
        port: u16,
        /// The path with its query, which begins with `/`.
        path: String,
    },
    /// A TCP connection to this port of the instance itself.
    Tcp {
        /// The port.
        port: u16,
    },
    /// A command line for the shell; exit status 0 is healthy.
    Command {
        /// The command line.
        line: String,
    },
}

impl fmt::Display for HealthProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { tls, port, path } => {
                let (scheme, default_port) = if *tls { ("https", 443) } else { ("http", 80) };
                write!(f, "{scheme}://localhost")?;
                if *port != default_port {
                    write!(f, ":{port}")?;
                }
                f.write_str(path)
            }
            Self::Tcp { port } => write!(f, "tcp port {port}"),
            Self::Command { line } => f.write_str(line),
        }
    }
}

/// Who asks whether the running app works. The first probe, before the launch is completed, is always the instance's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HealthFrom {
    /// A timer on the instance, which reports to the group.
    #[default]
    Instance,
    /// EC2's application status checks, from AWS's side; HTTP alone.
    Aws,
    /// Both.
    Both,
}

impl HealthFrom {
    /// Whether AWS asks.
    #[must_use]
    pub const fn probes_from_aws(self) -> bool {
        matches!(self, Self::Aws | Self::Both)
    }
}

impl fmt::Display for HealthFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instance => "instance",
            Self::Aws => "aws",
            Self::Both => "both",
        })
    }
}

/// Reads the section; `None` where it names no probe.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<HealthSpec> {
    let probes: Vec<&str> = ["http", "tcp", "command"]
        .into_iter()
        .filter(|key| section.has(key))
        .collect();
    if let [_, second, ..] = probes[..] {
        let fault = Fault::conflict("is one probe too many", "exactly one of `http`, `tcp` and `command`");
        reader.report(&section.name(second), section.key_span(second), fault);
    }
    if probes.is_empty() {
        section.missing(reader, "http", "one of `http`, `tcp` and `command`");
    }
    let http = section.string(reader, "http", "a URL such as \"http://localhost:8080/health\"");
    let http = reader.check(http, |url| http_probe(url));
    let tcp = section.integer(reader, "tcp", 1..=65_535, "");
    let tcp = tcp
        .and_then(|at| u16::try_from(at.value).ok())
        .map(|port| HealthProbe::Tcp { port });
    let command = section.string(reader, "command", "a command line such as \"pg_isready -q\"");
    let command = reader.check(command, |line| command_line(line));
    let interval = duration(reader, section, "interval", 2..=300);
    let threshold = section.integer(reader, "threshold", 1..=20, "");
    let startup_budget = duration(reader, section, "startup_budget", 10..=7_200);
    let sources = [
        ("instance", HealthFrom::Instance),
        ("aws", HealthFrom::Aws),
        ("both", HealthFrom::Both),
    ];
    let from = one_of(reader, section, "from", &sources);
    if let Some(at) = from
        .as_ref()
        .filter(|from| from.value.probes_from_aws() && !section.has("http"))
    {
        let expected = "`instance`: AWS's own checks speak HTTP alone";
        reader.fault(
            at,
            Fault::conflict("asks AWS to probe, and the probe is not `http`", expected),
        );
    }
    let probe = http.map(|at| at.value).or(tcp).or(command.map(|at| at.value))?;
    let defaults = HealthSpec::new(probe);
    Some(HealthSpec {
        interval_s: interval.map_or(defaults.interval_s, |at| at.value),
        threshold: threshold.map_or(defaults.threshold, |at| at.value),
        startup_budget_s: startup_budget.map_or(defaults.startup_budget_s, |at| at.value),
        from: from.map_or(defaults.from, |at| at.value),
        ..defaults
    })
}

/// The section as a table.
pub(super) fn table(spec: &HealthSpec) -> Table {
    let mut table = Table::new();
    match &spec.probe {
        HealthProbe::Http { .. } => table["http"] = value(spec.probe.to_string()),
        HealthProbe::Tcp { port } => table["tcp"] = value(i64::from(*port)),
        HealthProbe::Command { line } => table["command"] = value(line),
    }
    table["interval"] = value(format!("{}s", spec.interval_s));
    table["threshold"] = value(i64::from(spec.threshold));
    table["startup_budget"] = value(format!("{}s", spec.startup_budget_s));
    table["from"] = value(spec.from.to_string());
    table
}

/// An HTTP probe: a URL of the instance itself, or the part of one from the port or the path on.
fn http_probe(value: &str) -> Result<HealthProbe, Fault> {
    const EXPECTED: &str = "a URL of the instance itself, such as \"http://localhost:8080/health\" or \"/health\"";
    let malformed = || Fault::malformed(syntax::is(value), EXPECTED);
    let (tls, rest) = if let Some(rest) = value.strip_prefix("https://") {
        (true, rest)
    } else if let Some(rest) = value.strip_prefix("http://") {
        (false, rest)
    } else if value.starts_with('/') {
        (false, value)
    } else {
        return Err(malformed());
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = authority
        .split_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)));
    let path_alone = host.is_empty() && value.starts_with('/');
    if !path_alone && !matches!(host, "localhost" | "127.0.0.1") {
        return Err(malformed());
    }
    let port = match port {
        None if tls => 443,
        None => 80,
        Some(port) => port
            .parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(malformed)?,
    };
    let path = if path.is_empty() { "/" } else { path };
    let sound = path.len() <= 1024
        && path
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'#'));
    if sound {
        Ok(HealthProbe::Http {
            tls,
            port,
            path: path.to_owned(),
        })
    } else {
        Err(malformed())
    }
}

/// A command line for the shell.
fn command_line(value: &str) -> Result<HealthProbe, Fault> {
    if value.trim().is_empty() || value.contains('\0') || value.len() > 1024 {
        return Err(Fault::malformed(
            syntax::is(value),
            "a command line of at most 1,024 bytes",
        ));
    }
    Ok(HealthProbe::Command { line: value.to_owned() })
}
