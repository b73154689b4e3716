//! The systemd units.

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
/// Name of the timer that probes the running app.
pub const WATCHDOG_TIMER: &str = "selfheal-watchdog.timer";
/// Name of the unit of one probe.
pub const WATCHDOG_UNIT: &str = "selfheal-watchdog.service";

/// Path at which the boot program is installed, below the root prefix.
pub const PROGRAM_PATH: &str = "/usr/local/lib/selfheal/program";
/// Path at which the parts of the program are installed that its bundle holds, below the root prefix.
pub(crate) const PARTS_PATH: &str = "/usr/local/lib/selfheal/parts";
/// Where the device of the data volume is linked to, at every boot.
const DEVICE_LINK: &str = "/run/selfheal/data";

/// One unit to install.
pub(crate) struct Unit {
    /// The file's name.
    pub(crate) name: String,
    /// The file's text, cut where the root prefix goes in. Only our own text is ever cut, never a user's string.
    pub(crate) parts: Vec<String>,
}

/// Returns every unit, in the order of installation.
pub(crate) fn units(config: &BootConfig) -> Vec<Unit> {
    let ours = |name: &str, text: String| Unit {
        name: name.to_owned(),
        parts: text.split(ROOT_MARK).map(str::to_owned).collect(),
    };
    let mut units = vec![
        ours(BOOT_UNIT, boot_unit()),
        ours(APP_TARGET, app_target(config.data.as_ref())),
        ours(WATCH_UNIT, watch_unit()),
    ];
    if let Some(data) = &config.data {
        units.push(Unit {
            name: mount_unit(&data.mount),
            parts: vec![mount_unit_text(data)],
        });
    }
    if let Some(health) = &config.health {
        units.push(ours(WATCHDOG_UNIT, watchdog_unit()));
        units.push(ours(WATCHDOG_TIMER, watchdog_timer(health.look_s())));
    }
    units
}

/// The boot program's own unit. Nobody but the program itself may speak for it: what the setup starts may well send
/// `STOPPING=1` some day. Its commands of the user's get broken pipes as any script does.
fn boot_unit() -> String {
    let decided: Vec<String> = BootExit::ALL
        .iter()
        .filter(|exit| !exit.repeated())
        .map(|exit| exit.code().to_string())
        .collect();
    format!(
        "[Unit]
Description=selfheal: boot
Wants=network-online.target {WATCH_UNIT}
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
        decided.join(" ")
    )
}

fn app_target(data: Option<&DataVolume>) -> String {
    let mount = data
        .map(|data| format!(" {}", mount_unit(&data.mount)))
        .unwrap_or_default();
    format!(
        "[Unit]
Description=selfheal: the app
Requires={BOOT_UNIT}{mount}
After={BOOT_UNIT}{mount}
"
    )
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
