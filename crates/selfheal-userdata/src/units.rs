//! The systemd units.

use crate::agent::AgentSource;
use crate::config::{BootConfig, DataVolume};
use crate::exit::BootExit;
use crate::mount::mount_unit;

/// Stands for the root prefix in a unit until it is installed.
const ROOT_MARK: &str = "@ROOT@";

/// Name of the unit that runs the boot program at every boot. It counts as started once the volume is mounted.
pub const BOOT_UNIT: &str = "selfheal-boot.service";
/// Name of the target for the user's own units: started after the mount and the setup, stopped before the volume leaves.
pub const APP_TARGET: &str = "selfheal-app.target";
/// Name of the unit that watches for the end of the instance and for the loss of the volume. The boot unit wants it, so that it
/// starts once the volume is mounted, or the boot has failed.
pub const WATCH_UNIT: &str = "selfheal-watch.service";
/// Name of the unit that ships the journal. It starts before the boot and stops after all else, so that it misses neither.
pub const LOGS_UNIT: &str = "selfheal-logs.service";
/// Name of the timer that probes the running app.
pub const WATCHDOG_TIMER: &str = "selfheal-watchdog.timer";
/// Name of the unit of one probe.
pub const WATCHDOG_UNIT: &str = "selfheal-watchdog.service";
/// Name of the timer that looks at the app's configuration in Parameter Store.
pub const CONFIG_TIMER: &str = "selfheal-config.timer";
/// Name of the unit of one look at the configuration.
pub const CONFIG_UNIT: &str = "selfheal-config.service";

/// Name of the unit that installs Systems Manager's agent where the image has none.
pub const AGENT_UNIT: &str = "selfheal-agent.service";
/// Name of nginx's unit, which the boot program starts.
pub const NGINX_UNIT: &str = "selfheal-nginx.service";
/// Name of the timer that looks after the certificate.
pub const TLS_TIMER: &str = "selfheal-tls.timer";
/// Name of the unit of one look at the certificate.
pub const TLS_UNIT: &str = "selfheal-tls.service";

/// Name of the unit whose stop tells the group that the machine goes off. It is started once the instance serves.
pub const OFF_UNIT: &str = "selfheal-off.service";

/// Path at which the boot program is installed, below the root prefix.
pub const PROGRAM_PATH: &str = "/usr/local/lib/selfheal/program";
/// Path at which the parts of the program are installed that its bundle holds, below the root prefix.
pub(crate) const PARTS_PATH: &str = "/usr/local/lib/selfheal/parts";
/// Where the device of the data volume is linked to, at every boot.
const DEVICE_LINK: &str = "/run/selfheal/data";

/// Seconds for the calls of an instance that goes off: with the app's 15 they make 20.
const OFF_CALLS_S: u32 = 5;

/// One unit to install.
pub(crate) struct Unit {
    /// The file's name.
    pub(crate) name: String,
    /// The file's text, cut where the root prefix goes in. Only our own text is ever cut, never a user's string.
    pub(crate) parts: Vec<String>,
}

impl Unit {
    /// Returns whether it must be there before a bundle is: the boot, and what runs beside it from the beginning.
    pub(crate) fn is_first(&self) -> bool {
        [BOOT_UNIT, WATCH_UNIT, LOGS_UNIT].contains(&self.name.as_str())
    }
}

/// Returns every unit, in the order of installation.
pub(crate) fn units(config: &BootConfig) -> Vec<Unit> {
    let ours = |name: &str, text: String| Unit {
        name: name.to_owned(),
        parts: text.split(ROOT_MARK).map(str::to_owned).collect(),
    };
    // What holds a string of the user's is never cut.
    let whole = |name: String, text: String| Unit {
        name,
        parts: vec![text],
    };
    let mut units = vec![
        ours(BOOT_UNIT, boot_unit(config)),
        whole(APP_TARGET.to_owned(), app_target(config)),
        ours(WATCH_UNIT, watch_unit()),
        ours(OFF_UNIT, off_unit(config)),
    ];
    if let Some(data) = &config.data {
        units.push(whole(mount_unit(&data.mount), mount_unit_text(data)));
    }
    units.extend(drop_ins(config).into_iter().map(|(name, text)| whole(name, text)));
    if let Some(health) = &config.health {
        units.push(ours(WATCHDOG_UNIT, watchdog_unit()));
        units.push(ours(WATCHDOG_TIMER, watchdog_timer(health.look_s())));
    }
    if let Some(refresh_s) = config.parameters.as_ref().and_then(|parameters| parameters.refresh_s) {
        units.push(ours(CONFIG_UNIT, config_unit()));
        units.push(ours(CONFIG_TIMER, config_timer(refresh_s)));
    }
    if let Some(AgentSource::Pinned(_)) = config.agent {
        units.push(ours(AGENT_UNIT, agent_unit()));
    }
    if config.https.is_some() {
        units.push(whole(NGINX_UNIT.to_owned(), nginx_unit(config)));
        units.push(ours(TLS_UNIT, tls_unit(config)));
        units.push(ours(TLS_TIMER, TLS_TIMER_TEXT.to_owned()));
    }
    if let Some(logs) = &config.logs {
        units.push(ours(LOGS_UNIT, logs_unit()));
        for (place, path) in logs.files.iter().enumerate() {
            units.push(whole(
                log_file_unit(place),
                log_file_unit_text(config.data.as_ref(), path),
            ));
        }
    }
    units
}

/// Returns the units that run beside the boot, which the boot unit wants.
pub(crate) fn units_beside(config: &BootConfig) -> Vec<String> {
    let mut units = first_units_beside(config);
    units.extend(log_file_units(config));
    units
}

/// Returns those of the [`units_beside`] that are there before a bundle is.
pub(crate) fn first_units_beside(config: &BootConfig) -> Vec<String> {
    let logs = config.logs.as_ref().map(|_| LOGS_UNIT);
    [WATCH_UNIT].into_iter().chain(logs).map(str::to_owned).collect()
}

/// Returns the units that follow the files whose lines are shipped.
pub(crate) fn log_file_units(config: &BootConfig) -> Vec<String> {
    let files = config.logs.iter().flat_map(|logs| &logs.files);
    files.enumerate().map(|(place, _)| log_file_unit(place)).collect()
}

fn log_file_unit(place: usize) -> String {
    format!("selfheal-log-{}.service", place + 1)
}

/// The boot program's own unit. Nobody but the program itself may speak for it: what the setup starts may well send
/// `STOPPING=1` some day. Its commands of the user's get broken pipes as any script does.
fn boot_unit(config: &BootConfig) -> String {
    let decided: Vec<String> = BootExit::ALL
        .iter()
        .filter(|exit| !exit.repeated())
        .map(|exit| exit.code().to_string())
        .collect();
    format!(
        "[Unit]
Description=selfheal: boot
Wants=network-online.target {}
After=network-online.target
StartLimitIntervalSec=600
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
RemainAfterExit=yes
ExecStart=/bin/bash {ROOT_MARK}{PROGRAM_PATH} boot
TimeoutStartSec=infinity
TimeoutStopSec=15
IgnoreSIGPIPE=no
Restart=on-failure
RestartSec=2
RestartPreventExitStatus={}
RuntimeDirectory=selfheal
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
",
        units_beside(config).join(" "),
        decided.join(" ")
    )
}

fn app_target(config: &BootConfig) -> String {
    let wants = match config.units.join(" ") {
        none if none.is_empty() => none,
        units => format!("Wants={units}\n"),
    };
    let required = requirements(config);
    format!("[Unit]\nDescription=selfheal: the app\n{required}{wants}")
}

/// Returns what the user's units and the app's target have in common: both come after the boot has mounted the volume, go
/// before it is unmounted, and do not start where either has failed.
fn requirements(config: &BootConfig) -> String {
    let mount = config.data.as_ref();
    let mount = mount
        .map(|data| format!(" {}", mount_unit(&data.mount)))
        .unwrap_or_default();
    format!("Requires={BOOT_UNIT}{mount}\nAfter={BOOT_UNIT}{mount}\n")
}

/// Returns the drop-ins that tie the user's units to the app's target, each with its file's name: they stop and restart with
/// it. A unit that is enabled by itself waits for the volume as well.
///
/// What a timer, a socket or a path starts is tied as they are, so that nothing of it outlasts the volume.
fn drop_ins(config: &BootConfig) -> Vec<(String, String)> {
    let mut names: Vec<String> = Vec::new();
    for unit in &config.units {
        let started = unit.rsplit_once('.').filter(|(_, kind)| *kind != "service");
        let started = started.map(|(stem, _)| format!("{stem}.service"));
        for name in [Some(unit.clone()), started].into_iter().flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let required = requirements(config);
    let drop_in = |name: String| {
        // By default these two kinds come before basic.target, which the boot comes after.
        let early = name.ends_with(".socket") || name.ends_with(".path");
        let apart = match early {
            true => "DefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target\n",
            false => "",
        };
        let text = format!("[Unit]\nPartOf={APP_TARGET}\n{required}{apart}");
        (format!("{name}.d/selfheal.conf"), text)
    };
    names.into_iter().map(drop_in).collect()
}

fn mount_unit_text(data: &DataVolume) -> String {
    let DataVolume { mount, filesystem, .. } = data;
    // The default dependencies would order the mount before local-fs.target, and the boot program comes after it.
    format!(
        "[Unit]
Description=selfheal: the data volume
DefaultDependencies=no
Requires={BOOT_UNIT}
After={BOOT_UNIT}
Conflicts=umount.target
Before=umount.target

[Mount]
What={DEVICE_LINK}
Where={}
Type={}
Options=noatime
",
        mount.replace('%', "%%"),
        filesystem.name()
    )
}

fn watch_unit() -> String {
    format!(
        "[Unit]
Description=selfheal: watch
After={BOOT_UNIT}

[Service]
ExecStart=/bin/bash {ROOT_MARK}{PROGRAM_PATH} watch
Restart=on-failure
RestartSec=2
StandardOutput=journal+console
StandardError=journal+console
"
    )
}

/// Its stop runs while there is a network and names can be looked up, beside that of the app and of the mount. It needs a few
/// seconds for its calls once the app has stopped.
fn off_unit(config: &BootConfig) -> String {
    format!(
        "[Unit]
Description=selfheal: the end of the machine
After=network.target network-online.target nss-lookup.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/bash {ROOT_MARK}{PROGRAM_PATH} off
TimeoutStopSec={}
StandardOutput=journal+console
StandardError=journal+console
",
        config.stop_timeout_s.saturating_add(OFF_CALLS_S)
    )
}

/// What systemd tells the machine's watchdog, which reboots the machine where it hears nothing for so long.
const RUNTIME_WATCHDOG: &str = "RuntimeWatchdogSec=30s\n";

/// Returns what systemd itself is told: for how long a unit may stop that says nothing else, and that a watchdog minds it.
pub(crate) fn manager_text(config: &BootConfig) -> String {
    let watchdog = match config.repair.reboot_on_hang {
        true => RUNTIME_WATCHDOG,
        false => "",
    };
    format!(
        "[Manager]\nDefaultTimeoutStopSec={}s\n{watchdog}",
        config.stop_timeout_s
    )
}

/// What reads the journal must end where what it is piped into does, hence `IgnoreSIGPIPE`. The program tells what goes wrong in a
/// file of its own.
fn logs_unit() -> String {
    format!(
        "[Unit]
Description=selfheal: logs
After=network.target network-online.target
Before={BOOT_UNIT} {WATCH_UNIT}
StartLimitIntervalSec=0

[Service]
ExecStart=/bin/bash {ROOT_MARK}{PROGRAM_PATH} logs
ExecStop=/bin/bash {ROOT_MARK}{PROGRAM_PATH} flush_logs
Restart=on-failure
RestartSec=2
TimeoutStopSec=7
IgnoreSIGPIPE=no
StandardOutput=null
StandardError=null
"
    )
}

/// A file may lie on the volume, so that whoever follows it stops before it is unmounted. What it holds when it is followed
/// first is told only where it comes to be after that: it may be of an earlier instance.
fn log_file_unit_text(data: Option<&DataVolume>, path: &str) -> String {
    let mount = data
        .map(|data| format!(" {}", mount_unit(&data.mount)))
        .unwrap_or_default();
    format!(
        "[Unit]
Description=selfheal: the lines of {path}
After={BOOT_UNIT}{mount}
Before={APP_TARGET}
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/tail -n 0 -F {path}
Restart=always
RestartSec=2
LogRateLimitIntervalSec=0
StandardError=null
SyslogIdentifier={path}
"
    )
}

fn watchdog_unit() -> String {
    format!(
        "[Unit]
Description=selfheal: one look at the app

[Service]
Type=oneshot
ExecStart=/bin/bash {ROOT_MARK}{PROGRAM_PATH} watchdog
KillMode=process
IgnoreSIGPIPE=no
"
    )
}

fn watchdog_timer(interval_s: u32) -> String {
    format!(
        "[Unit]
Description=selfheal: looks at the app every {interval_s} s

[Timer]
OnActiveSec={interval_s}
OnUnitInactiveSec={interval_s}
AccuracySec=100ms
"
    )
}

/// What is refused is not tried again before the next boot; a package manager that is killed is.
fn agent_unit() -> String {
    format!(
        "[Unit]
Description=selfheal: Systems Manager's agent

[Service]
ExecStart=/bin/bash {ROOT_MARK}{PROGRAM_PATH} agent
Restart=on-failure
RestartSec=15
RestartPreventExitStatus=65
StandardOutput=journal+console
StandardError=journal+console
"
    )
}

fn config_unit() -> String {
    format!(
        "[Unit]
Description=selfheal: one look at the configuration

[Service]
Type=oneshot
ExecStart=/bin/bash {ROOT_MARK}{PROGRAM_PATH} refresh
StandardOutput=journal+console
StandardError=journal+console
"
    )
}

/// nginx with our own configuration. Its master reads the key, so it may not outlast the volume.
fn nginx_unit(config: &BootConfig) -> String {
    let required = requirements(config);
    format!(
        "[Unit]
Description=selfheal: nginx
PartOf={APP_TARGET}
{required}StartLimitIntervalSec=0

[Service]
Type=forking
PIDFile=/run/selfheal/nginx.pid
ExecStart=/usr/sbin/nginx -c /etc/selfheal/nginx.conf
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
LimitNOFILE=65536
TimeoutStopSec=5
Restart=always
RestartSec=1
"
    )
}

/// A look at the certificate. It must never have the volume mounted: that is the boot program's alone.
fn tls_unit(config: &BootConfig) -> String {
    let mount = config.data.as_ref();
    let mount = mount.map(|data| mount_unit(&data.mount)).unwrap_or_default();
    format!(
        "[Unit]
Description=selfheal: one look at the certificate
Requisite={BOOT_UNIT} {mount}
After={BOOT_UNIT} {mount}
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/bash {ROOT_MARK}{PROGRAM_PATH} tls
IgnoreSIGPIPE=no
StandardOutput=journal+console
StandardError=journal+console
"
    )
}

/// Most looks end at once: the program knows when there is something to do.
const TLS_TIMER_TEXT: &str = "[Unit]
Description=selfheal: looks at the certificate

[Timer]
OnActiveSec=10
OnUnitInactiveSec=60
AccuracySec=1s
";

/// What begins the text of the timer that looks at the configuration, before its interval in seconds.
pub(crate) const CONFIG_TIMER_HEAD: &str = "Description=selfheal: looks at the configuration every ";

fn config_timer(interval_s: u32) -> String {
    format!(
        "[Unit]
{CONFIG_TIMER_HEAD}{interval_s} s

[Timer]
OnActiveSec={interval_s}
OnUnitInactiveSec={interval_s}
"
    )
}
