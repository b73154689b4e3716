//! kill -9 at every command of a first boot, and then a boot that has to converge.
//!
//! The machine is booted for real once; then the installed program runs again and again, each time over a world, a
//! volume and a state as they were before the first boot, under a trap that ends it before one command.

use selfheal_core::world::InstanceId;
use std::time::{Duration, Instant};

use selfheal_aws::sim::World;
use selfheal_core::spec::ConfigSpec;

use super::config::config;
use super::faults::install;
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, output, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{MOUNT, Options, quick_health};
use crate::error::{Context, TaskError, TaskResult};

/// In CI every so-many-th command is the last: a prime, so that loops are hit at different places.
const CI_STRIDE: usize = 53;

/// Likewise where what comes before and after is tried by itself.
const CONFIG_STRIDE: usize = 97;
/// The configuration of the app, and what systemd is to read of it.
const VALUES: [(&str, &str); 2] = [("DATABASE_URL", "postgres://db"), ("WORDS", "\"a\" $b\n")];
const ENV: &str = "DATABASE_URL=\"postgres://db\"\nWORDS=\"\\\"a\\\" \\$b\n\"\n";

/// Counts the program's commands, and kills it before one of them.
const TRAP: &str = include_str!("../../../boot-lab/kill-trap.sh");
/// Takes the machine back to where the program has never run.
const RESET: &str = include_str!("../../../boot-lab/kill-reset.sh");
/// Notes each formatting and whether the volume has been mounted before, and lets the real tool do it.
const COUNTING_MKFS: &str = "#!/bin/sh\nif grep -q ' mounted /dev' /var/log/selfheal/boot.log; then echo late; else echo new; fi \
                             >>/var/lab-mkfs\nexec /usr/sbin/mkfs.ext4 \"$@\"\n";
/// Keeps a unit from running by itself in this scenario.
const HOLD: &str = "[Unit]\nConditionPathExists=/nowhere\n";

pub fn everywhere(lab: &mut Lab) -> TaskResult<()> {
    kill_at(lab, 1, None)
}

pub fn sampled(lab: &mut Lab) -> TaskResult<()> {
    kill_at(lab, CI_STRIDE, None)
}

pub fn sampled_with_config(lab: &mut Lab) -> TaskResult<()> {
    kill_at(lab, CONFIG_STRIDE, Some(config(None)))
}

/// A booted machine on which the program has not run yet, and the world as it was then.
pub struct Bench {
    /// The cloud.
    pub cloud: Cloud,
    /// The instance.
    pub id: InstanceId,
    before: World,
    configured: bool,
}

fn kill_at(lab: &mut Lab, stride: usize, config: Option<ConfigSpec>) -> TaskResult<()> {
    let bench = Bench::set_up(lab, config)?;
    let (finished, commands) = bench.boot(0)?;
    ensure(finished && commands > 100, || {
        format!("an undisturbed boot ran {commands} commands and failed")
    })?;
    bench
        .check()
        .map_err(|error| TaskError::failed(format!("undisturbed: {error}")))?;
    let start = Instant::now();
    let mut killed = 0;
    for at in (1..=commands).step_by(stride) {
        let about = |error: TaskError| TaskError::failed(format!("killed at command {at} of {commands}: {error}"));
        bench.reset(true).map_err(about)?;
        let (finished, _) = bench.boot(at).map_err(about)?;
        killed += usize::from(!finished);
        let (finished, _) = bench.boot(0).map_err(about)?;
        let console = || bench.log();
        ensure(finished, || format!("the boot after it failed: {}", console())).map_err(about)?;
        bench.check().map_err(about)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    lab.note(format!(
        "{killed} of {commands} commands killed in {seconds:.0} s, every next boot converged"
    ));
    // A loop that waits runs more or fewer times, so the last kills of a run may come too late.
    ensure(killed * stride * 10 > commands * 8, || {
        format!("only {killed} kills struck")
    })
}

impl Bench {
    fn set_up(lab: &mut Lab, config: Option<ConfigSpec>) -> TaskResult<Self> {
        let setup = "#!/bin/sh\n[ -e /srv/data/mark ] || { echo 1 >/srv/data/mark; sync -f /srv/data/mark; }\n";
        let options = Options {
            volume_mib: 16,
            setup: Some(setup.to_owned()),
            health: Some(quick_health()),
            attach_ms: 20,
            config,
            ..Options::default()
        };
        Self::prepare(lab, &options, |cloud, id| {
            install(cloud, id, "usr/local/sbin/mkfs.ext4", COUNTING_MKFS)?;
            install(cloud, id, "usr/local/lib/kill-trap.sh", TRAP)
        })
    }

    /// Boots a machine whose own units wait, after `furnish` has put on its root disk what it likes.
    pub fn prepare(
        lab: &mut Lab,
        options: &Options,
        furnish: impl FnOnce(&Cloud, &InstanceId) -> TaskResult<()>,
    ) -> TaskResult<Self> {
        let cloud = lab.prepare(options)?;
        cloud.set_boots(false);
        cloud.sim.tamper(|world| {
            for (name, value) in VALUES.iter().filter(|_| options.config.is_some()) {
                world.set_parameter(&format!("/web/{name}"), value);
            }
        });
        cloud.run();
        let id = cloud.await_launched(1, 10)?;
        cloud.await_machine(&id, 10)?;
        let root = cloud.machine(&id, |machine| Ok(machine.root()))?;
        for unit in [
            "selfheal-boot.service",
            "selfheal-watch.service",
            "selfheal-watchdog.timer",
        ] {
            let folder = root.join(format!("etc/systemd/system/{unit}.d"));
            std::fs::create_dir_all(&folder).context(|| format!("make {}", folder.display()))?;
            install(&cloud, &id, &format!("etc/systemd/system/{unit}.d/hold.conf"), HOLD)?;
        }
        install(&cloud, &id, "usr/local/sbin/kill-reset", RESET)?;
        furnish(&cloud, &id)?;
        cloud.power_on(&id)?;
        wait_for("end of cloud-init", Duration::from_secs(60), || {
            let state = cloud.run_in(&id, &["cat", "/var/lib/cloud/data/result.json"]);
            Ok(state.is_ok().then_some(()))
        })?;
        ensure(cloud.calls().is_empty(), || "the program has run by itself".to_owned())?;
        let before = cloud.sim.inspect(World::clone);
        Ok(Self {
            cloud,
            id,
            before,
            configured: options.config.is_some(),
        })
    }

    /// Takes the machine and the world back to before the first boot, and the volume too where it is to be blank.
    pub fn reset(&self, blank: bool) -> TaskResult<()> {
        self.cloud.run_in(&self.id, &["/usr/local/sbin/kill-reset"])?;
        self.cloud.wire.forget();
        self.cloud.sim.tamper(|world| {
            let now_ms = world.now_ms;
            *world = self.before.clone();
            world.now_ms = now_ms;
        });
        let volume = &self.cloud.stack.volume_id;
        wait_for("detached volume", Duration::from_secs(5), || {
            Ok(self
                .cloud
                .machine(&self.id, |machine| Ok(machine.disk(volume).is_none()))?
                .then_some(()))
        })?;
        // A thousand rounds would hold a thousand devices.
        self.cloud.machine(&self.id, |machine| {
            machine.discard_former();
            Ok(())
        })?;
        if blank { self.cloud.blank_disk() } else { Ok(()) }
    }

    /// Runs the boot program, which is killed before this command, or not for 0; answers whether it went well, and how
    /// many commands it ran.
    fn boot(&self, kill_at: usize) -> TaskResult<(bool, usize)> {
        let kill_at = format!("KILL_AT={kill_at}");
        let endpoint = "AWS_ENDPOINT_URL=http://10.77.0.1:8000";
        let words = [
            "env",
            "BASH_ENV=/usr/local/lib/kill-trap.sh",
            &kill_at,
            endpoint,
            "timeout",
            "60",
        ];
        let mut words = words.to_vec();
        words.extend(["/bin/bash", "/usr/local/lib/selfheal/program", "boot"]);
        let mut command = self.cloud.machine(&self.id, |machine| machine.command(&words))?;
        let finished = output(&mut command).is_ok();
        // Killed before the first command, it did not count any.
        let count = self
            .cloud
            .run_in(&self.id, &["cat", "/var/lab-commands"])
            .unwrap_or_default();
        Ok((finished, count.trim().parse().unwrap_or(0)))
    }

    fn log(&self) -> String {
        self.cloud
            .run_in(&self.id, &["tail", "-n", "12", "/var/log/selfheal/boot.log"])
            .unwrap_or_default()
    }

    /// What has to hold after a boot that was not disturbed, whatever came before it.
    fn check(&self) -> TaskResult<()> {
        let formatted = self.cloud.run_in(&self.id, &["cat", "/var/lab-mkfs"])?;
        // A formatting that was cut short is done again, but never once the volume was mounted.
        ensure(matches!(formatted.as_str(), "new\n" | "new\nnew\n"), || {
            format!("formatted: {formatted}")
        })?;
        ensure(self.cloud.has_mounted(&self.id), || {
            "the volume is not mounted".to_owned()
        })?;
        if self.configured {
            let env = self.cloud.run_in(&self.id, &["cat", "/run/selfheal/config/env"])?;
            ensure(env == ENV, || format!("the configuration is {env}"))?;
        }
        let mark = self.cloud.run_in(&self.id, &["cat", &format!("{MOUNT}/mark")])?;
        ensure(mark.trim() == "1", || format!("the setup's mark is {mark}"))?;
        ensure(self.cloud.address_holder().as_ref() == Some(&self.id), || {
            "the address is elsewhere".to_owned()
        })?;
        ensure(!self.cloud.first_use(), || {
            "the mark of first use is still there".to_owned()
        })?;
        let in_service = self.cloud.sim.inspect(|world| {
            let member = world
                .groups
                .get(&self.cloud.stack.group)?
                .members
                .iter()
                .find(|member| member.id == self.id)?;
            Some(member.held_by.is_none())
        });
        ensure(in_service == Some(true), || "the launch hook still waits".to_owned())
    }
}
