//! How to tell that the app works.

use std::fmt;

/// How to tell that the app works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSpec {
    /// What is asked.
    pub probe: HealthProbe,
    /// Seconds between two probes, 5 to 300.
    pub interval_s: u32,
    /// Failures in a row after which the instance is replaced, 1 to 20.
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
