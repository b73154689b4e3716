//! The scenarios.

mod agent;
mod boots;
mod config;
mod copy;
mod failures;
mod faults;
mod https;
mod https_browser;
mod https_cut;
mod https_dns;
mod https_loop;
mod images;
mod kill;
mod leaving;
mod logs;
mod logs_time;
mod notify;
mod power;
mod repair;
mod rungs;
mod secrets;
mod strangers;
mod units;
mod virtual_machines;
mod volumes;

use super::cloud::Cloud;
use super::lab::Lab;
use super::network::APP_PORT;
use crate::error::{TaskError, TaskResult};

/// One thing that may happen to a stack, and what has to come of it.
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What happens, in a line.
    pub about: &'static str,
    /// When it runs without being named.
    pub when: When,
    /// Makes it happen, and fails unless what has to come of it came.
    pub run: fn(&mut Lab) -> TaskResult<()>,
}

/// When a scenario runs without being named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always, so in CI too.
    Ci,
    /// With `--all`: it takes too long for CI.
    All,
    /// With `--vm` alone: its machines are virtual machines.
    Vm,
}

/// All scenarios, in the order in which they run.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "first-boot",
        about: "a blank volume, an address and a hook",
        when: When::Ci,
        run: boots::first_boot,
    },
    Scenario {
        name: "late-hook",
        about: "the group comes to its hook 60 s after the instance runs",
        when: When::Ci,
        run: boots::late_hook,
    },
    Scenario {
        name: "reboot",
        about: "the same instance boots again",
        when: When::Ci,
        run: boots::reboot,
    },
    Scenario {
        name: "replacement",
        about: "the power of the host is cut, and the old holder is slow to let go",
        when: When::Ci,
        run: boots::replacement,
    },
    Scenario {
        name: "prepare",
        about: "packages are installed while the old holder is slow to let go",
        when: When::All,
        run: boots::prepare,
    },
    Scenario {
        name: "bundle",
        about: "the setup script does not fit into user data; a replacement, a reboot without Parameter Store, a lost part",
        when: When::Ci,
        run: boots::bundle,
    },
    Scenario {
        name: "baked-image",
        about: "the image was made from a running instance, whose program it carries",
        when: When::Ci,
        run: images::baked,
    },
    Scenario {
        name: "foreign-volume",
        about: "nine volumes that hold something, all marked for first use",
        when: When::Ci,
        run: volumes::foreign,
    },
    Scenario {
        name: "foreign-ext4",
        about: "a volume with ext4 where XFS is wanted",
        when: When::Ci,
        run: volumes::foreign_ext4,
    },
    Scenario {
        name: "foreign-xfs",
        about: "a volume with XFS where ext4 is wanted",
        when: When::Ci,
        run: volumes::foreign_xfs,
    },
    Scenario {
        name: "unmarked-volume",
        about: "volumes that look blank and are not marked for first use",
        when: When::Ci,
        run: volumes::unmarked,
    },
    Scenario {
        name: "read-errors",
        about: "a blank volume that cannot be read",
        when: When::Ci,
        run: volumes::read_errors,
    },
    Scenario {
        name: "missing-device",
        about: "a volume that is attached and never shows",
        when: When::All,
        run: volumes::missing_device,
    },
    Scenario {
        name: "setup-fails",
        about: "the setup script fails, twice: the breaker parks",
        when: When::Ci,
        run: failures::setup_fails,
    },
    Scenario {
        name: "never-healthy",
        about: "the app never answers, twice: the breaker parks",
        when: When::Ci,
        run: failures::app_never_healthy,
    },
    Scenario {
        name: "root-full",
        about: "the root disk is full to its last byte when the machine boots again",
        when: When::All,
        run: failures::root_full,
    },
    Scenario {
        name: "watchdog",
        about: "the app dies",
        when: When::Ci,
        run: failures::watchdog,
    },
    Scenario {
        name: "watchdog-patience",
        about: "the app is away for less than the threshold",
        when: When::Ci,
        run: failures::watchdog_patience,
    },
    Scenario {
        name: "repair",
        about: "the app hangs: it is restarted where it is, and nobody is replaced",
        when: When::Ci,
        run: repair::hang,
    },
    Scenario {
        name: "repair-in-vain",
        about: "the app dies and cannot start any more: a restart in vain, then another instance",
        when: When::All,
        run: repair::in_vain,
    },
    Scenario {
        name: "stopping-setup",
        about: "a daemon that the setup starts tells systemd that it stops",
        when: When::Ci,
        run: strangers::stopping_setup,
    },
    Scenario {
        name: "units",
        about: "units of the app's own start after the setup, over a reboot and a replacement, and stop before the volume goes",
        when: When::Ci,
        run: units::with_the_target,
    },
    Scenario {
        name: "units-missing",
        about: "a unit of the app's own is masked, then one is not there",
        when: When::Ci,
        run: units::missing,
    },
    Scenario {
        name: "address-taken-off",
        about: "somebody takes the address off: it comes back",
        when: When::All,
        run: strangers::address_taken_off,
    },
    Scenario {
        name: "spot-notice",
        about: "EC2 takes the instance back",
        when: When::Ci,
        run: leaving::spot_notice,
    },
    Scenario {
        name: "spot-notice-in-setup",
        about: "EC2 takes the instance back during its setup",
        when: When::Ci,
        run: leaving::spot_notice_in_setup,
    },
    Scenario {
        name: "scale-in",
        about: "the group ends the instance, with a hook",
        when: When::Ci,
        run: leaving::scale_in,
    },
    Scenario {
        name: "power-off",
        about: "the machine is switched off, and says so itself",
        when: When::Ci,
        run: leaving::power_off,
    },
    Scenario {
        name: "race",
        about: "two instances, one volume",
        when: When::Ci,
        run: leaving::race,
    },
    Scenario {
        name: "volume-lost",
        about: "the volume is detached by force",
        when: When::Ci,
        run: leaving::volume_lost,
    },
    Scenario {
        name: "throttled",
        about: "every action is throttled twice",
        when: When::Ci,
        run: faults::throttled,
    },
    Scenario {
        name: "not-ready",
        about: "IncorrectState, InvalidInstanceID and internal failures",
        when: When::Ci,
        run: faults::not_ready,
    },
    Scenario {
        name: "answers-lost",
        about: "each action loses a request, then an answer",
        when: When::Ci,
        run: faults::answers_lost,
    },
    Scenario {
        name: "imds-faults",
        about: "401 for the token, 404 for the credentials",
        when: When::Ci,
        run: faults::imds_faults,
    },
    Scenario {
        name: "skewed-clock",
        about: "the clock is off for some seconds",
        when: When::Ci,
        run: faults::skewed_clock,
    },
    Scenario {
        name: "clock-stays-off",
        about: "the clock is off for good",
        when: When::All,
        run: faults::clock_stays_skewed,
    },
    Scenario {
        name: "denied",
        about: "AccessDenied for two minutes",
        when: When::All,
        run: faults::denied,
    },
    Scenario {
        name: "old-curl",
        about: "curl 7.81, which cannot sign: Python does, and nothing secret shows",
        when: When::Ci,
        run: secrets::old_curl,
    },
    Scenario {
        name: "secrets",
        about: "nothing secret in processes, logs and user data",
        when: When::Ci,
        run: secrets::nothing_shows,
    },
    Scenario {
        name: "config",
        about: "every value of the app's configuration reaches its unit as it is; a change restarts it",
        when: When::Ci,
        run: config::reaches_a_unit,
    },
    Scenario {
        name: "config-missing",
        about: "a required parameter is not there",
        when: When::Ci,
        run: config::missing,
    },
    Scenario {
        name: "config-faults",
        about: "Parameter Store throttles, refuses and fails",
        when: When::Ci,
        run: config::in_spite_of_faults,
    },
    Scenario {
        name: "config-secrets",
        about: "no value of the app's configuration in processes, logs and user data",
        when: When::Ci,
        run: config::shows_nowhere,
    },
    Scenario {
        name: "config-kill",
        about: "kill -9 at every 97th command of a boot that fetches its configuration, and the next boot",
        when: When::Ci,
        run: kill::sampled_with_config,
    },
    Scenario {
        name: "kill-sampled",
        about: "kill -9 at every 53rd command, and the next boot",
        when: When::Ci,
        run: kill::sampled,
    },
    Scenario {
        name: "kill-everywhere",
        about: "kill -9 at every command, and the next boot",
        when: When::All,
        run: kill::everywhere,
    },
    Scenario {
        name: "power-cut",
        about: "the power is cut at every command of a first boot that makes something last",
        when: When::All,
        run: power::cut_at_writes,
    },
    Scenario {
        name: "power-cut-sampled",
        about: "the power is cut at 3 commands of a first boot, and comes back",
        when: When::Ci,
        run: power::cut_sampled,
    },
    Scenario {
        name: "cut-in-mkfs",
        about: "the power is cut while mkfs is at work, and a boot comes after it",
        when: When::Ci,
        run: power::cut_in_mkfs,
    },
    Scenario {
        name: "copy",
        about: "a copy of the data volume is attached beside it, read, and taken away: XFS",
        when: When::Ci,
        run: copy::xfs,
    },
    Scenario {
        name: "copy-ext4",
        about: "the same with ext4",
        when: When::All,
        run: copy::ext4,
    },
    Scenario {
        name: "grow",
        about: "the volume has grown at the next boot",
        when: When::Ci,
        run: power::grow,
    },
    Scenario {
        name: "grow-in-place",
        about: "the volume grows under the app, whose filesystem is ext4",
        when: When::All,
        run: power::grow_in_place,
    },
    Scenario {
        name: "grow-in-place-xfs",
        about: "the same with XFS; one that cannot grow is noted",
        when: When::Ci,
        run: power::grow_in_place_xfs,
    },
    Scenario {
        name: "logs",
        about: "messages of every kind; a shipper that is refused, killed, out of space; a journal that is thinned out",
        when: When::Ci,
        run: logs::hardships,
    },
    Scenario {
        name: "logs-failed-boot",
        about: "a boot fails, and is read after its instance is gone",
        when: When::Ci,
        run: logs::failed_boot,
    },
    Scenario {
        name: "logs-rate",
        about: "100,000 lines an hour, and 20,000 that had to wait",
        when: When::All,
        run: logs::rate,
    },
    Scenario {
        name: "logs-time-jumps",
        about: "the shipper's journal goes back 26 hours and on, half a second back, and 7 hours ahead",
        when: When::Ci,
        run: logs_time::jumps,
    },
    Scenario {
        name: "notify",
        about: "healed, in spite of a refusal; repaired; a disk that fills up and is free again: each is told once",
        when: When::All,
        run: notify::told,
    },
    Scenario {
        name: "notify-failures",
        about: "boots fail until the stack parks itself: each is told with its reason",
        when: When::Ci,
        run: notify::failures_told,
    },
    Scenario {
        name: "agent",
        about: "Systems Manager's agent from a server that is away, by a dpkg that is locked and killed; a reboot",
        when: When::All,
        run: agent::installed_in_spite,
    },
    Scenario {
        name: "agent-refused",
        about: "the agent's package is another than the one that was pinned",
        when: When::Ci,
        run: agent::refused,
    },
    Scenario {
        name: "https",
        about: "a first certificate of a real authority; a replacement serves it without a word to the authority",
        when: When::Ci,
        run: https::first_and_replacement,
    },
    Scenario {
        name: "https-browser",
        about: "Chromium over HTTPS: a redirect, a page, a WebSocket; two sites, HTTP/2, HSTS, limits, what the app is told",
        when: When::All,
        run: https_browser::visited,
    },
    Scenario {
        name: "https-graded",
        about: "testssl.sh looks at protocols, ciphers and the certificate",
        when: When::All,
        run: https_browser::graded,
    },
    Scenario {
        name: "https-hardships",
        about: "a name that leads elsewhere; an authority that is away, then answers 429; a crash loop",
        when: When::All,
        run: https::hardships,
    },
    Scenario {
        name: "https-dns",
        about: "a certificate with a wildcard by records in the hosted zone; a refusal; a power cut while the authority looks",
        when: When::All,
        run: https_dns::by_records,
    },
    Scenario {
        name: "https-wishes",
        about: "an operator asks by a tag for another certificate, and for the one before",
        when: When::All,
        run: https_loop::wished_for,
    },
    Scenario {
        name: "https-crash-loop",
        about: "two replacements a minute for five minutes, before an authority that refuses: three orders at most",
        when: When::All,
        run: https_loop::crash_loop,
    },
    Scenario {
        name: "https-snapshot",
        about: "the volume is put back to an older certificate: it is served, and renewed when it is due",
        when: When::All,
        run: https_loop::old_snapshot,
    },
    Scenario {
        name: "https-extra",
        about: "directives that nginx does not take, at a first boot and after a replacement",
        when: When::All,
        run: https_loop::broken_extra,
    },
    Scenario {
        name: "https-kill",
        about: "kill -9 at commands of what asks for a certificate, and the next look",
        when: When::All,
        run: https_cut::killed,
    },
    Scenario {
        name: "https-power-cut",
        about: "the power is cut at every command that publishes a certificate",
        when: When::All,
        run: https_cut::power_cut,
    },
    Scenario {
        name: "vm-replacement",
        about: "first boot and power cut on virtual machines",
        when: When::Vm,
        run: virtual_machines::replacement,
    },
    Scenario {
        name: "vm-reset",
        about: "a virtual machine is reset without warning",
        when: When::Vm,
        run: virtual_machines::reset,
    },
    Scenario {
        name: "vm-panic",
        about: "the kernel of a virtual machine panics: it starts anew, and serves",
        when: When::Vm,
        run: rungs::panic,
    },
    Scenario {
        name: "vm-hang",
        about: "systemd of a virtual machine hangs: its watchdog starts it anew",
        when: When::Vm,
        run: rungs::hang,
    },
    Scenario {
        name: "vm-scale-in",
        about: "a virtual machine gives its volume back",
        when: When::Vm,
        run: virtual_machines::scale_in,
    },
    Scenario {
        name: "vm-volume-lost",
        about: "the volume is taken from a virtual machine: I/O errors",
        when: When::Vm,
        run: virtual_machines::volume_lost,
    },
    Scenario {
        name: "vm-volume-lost-xfs",
        about: "the same with XFS",
        when: When::Vm,
        run: virtual_machines::volume_lost_xfs,
    },
    Scenario {
        name: "vm-volume-stalls",
        about: "the volume stalls: no errors, and no end",
        when: When::Vm,
        run: virtual_machines::volume_stalls,
    },
    Scenario {
        name: "vm-probe-stalls",
        about: "the volume of a virtual machine stalls, and the probe waits for it",
        when: When::Vm,
        run: virtual_machines::probe_stalls,
    },
];

/// The rungs of the ladder, measured; it runs as a scenario does.
pub const LADDER: Scenario = Scenario {
    name: "bench-heal",
    about: "every rung of the ladder, measured on virtual machines",
    when: When::Vm,
    run: rungs::ladder,
};

pub use faults::install;
pub use kill::Bench;

/// Asks the app over the Elastic IP for a file, from outside.
fn get(cloud: &Cloud, path: &str) -> TaskResult<Vec<u8>> {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    let fault =
        |error: std::io::Error| TaskError::failed(format!("GET {path} over {}: {error}", cloud.stack.public_ip));
    let address = format!("{}:{APP_PORT}", cloud.stack.public_ip);
    let address: SocketAddr = address
        .parse()
        .map_err(|error| TaskError::malformed("the Elastic IP", error))?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).map_err(fault)?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(fault)?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .map_err(fault)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(fault)?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    match head {
        Some(end) if answer.starts_with(b"HTTP/1.0 200") => Ok(answer.split_off(end + 4)),
        _ => Err(TaskError::failed(format!(
            "GET {path} over {}: no answer with status 200",
            cloud.stack.public_ip
        ))),
    }
}
