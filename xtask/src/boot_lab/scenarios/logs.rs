//! Shipping the journal of a real systemd: whatever is logged arrives, whatever happens to the shipper.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use selfheal_core::spec::LogsSpec;
use selfheal_core::world::InstanceId;

use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::boot_lab::stack::{Options, quick_health};
use crate::error::{Context, TaskError, TaskResult};
use crate::wire::WireFault;

const GROUP: &str = "/selfheal/web";
const UNIT: &str = "selfheal-logs.service";
/// A file that the stack's `files` name.
const FILE: &str = "/var/log/app/app.log";
/// Lines an hour that have to be shipped, and the share of a core that there is for it, in percent.
const LINES_AN_HOUR: u64 = 100_000;
const CORE_PERCENT: u64 = 20;

/// Writes to journald as programs do that know it, so that a message is any bytes.
const NATIVE: &str = r#"
import socket, struct, sys
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(*messages):
    data = b"SYSLOG_IDENTIFIER=torture\nPRIORITY=5\n"
    for text in messages:
        data += b"MESSAGE\n" + struct.pack("<Q", len(text)) + text + b"\n"
    out.sendto(data, "/run/systemd/journal/socket")
ascii = bytes(range(1, 128))
say(b"plain")
say(ascii)
for each in ascii:
    say(b"a" + bytes([each]) + b"b")
say("\N{GRINNING FACE} \u00e9 \u4e2d\nsecond line\n\tthird".encode())
say(b'","MESSAGE":"no","__CURSOR":"s=1')
say(b"x" * 4096)
say(bytes(range(256)))
say(b"one", b"two \x1b[0m")
say(b"")
say(b"end of torture")
"#;

pub fn options() -> Options {
    Options {
        health: Some(quick_health()),
        setup: None,
        logs: Some(LogsSpec {
            retention_days: 14,
            files: vec![FILE.to_owned()],
        }),
        terminate_hook: true,
        ..Options::default()
    }
}

/// The texts in an instance's stream, each behind what stands before it.
fn shipped(cloud: &Cloud, id: &InstanceId) -> Vec<(String, String)> {
    cloud.sim.inspect(|world| {
        let group = world.log_groups.get(GROUP);
        let events = group
            .and_then(|group| group.streams.get(id.as_str()))
            .into_iter()
            .flatten();
        let parted = events.map(|event| {
            let (head, text) = event.message.split_once(": ").unwrap_or(("", &event.message));
            (head.to_owned(), text.to_owned())
        });
        parted.collect()
    })
}

/// The texts that bear this identifier.
fn texts_of(cloud: &Cloud, id: &InstanceId, identifier: &str) -> Vec<String> {
    let of = |(head, text): (String, String)| {
        let who = head.rsplit(' ').next().unwrap_or_default();
        (who.split('[').next() == Some(identifier)).then_some(text)
    };
    shipped(cloud, id).into_iter().filter_map(of).collect()
}

fn await_text(cloud: &Cloud, id: &InstanceId, identifier: &str, text: &str, limit_s: u64) -> TaskResult<()> {
    wait_for(
        &format!("'{text}' of {identifier} in the log group"),
        Duration::from_secs(limit_s),
        || {
            let has = texts_of(cloud, id, identifier).iter().any(|it| it == text);
            Ok(has.then_some(()))
        },
    )
}

/// Lets a process of the machine log these lines.
fn log(cloud: &Cloud, id: &InstanceId, identifier: &str, script: &str) -> TaskResult<()> {
    let line = format!("{{ {script}; }} | systemd-cat -t {identifier}");
    cloud.run_in(id, &["bash", "-c", &line]).map(drop)
}

/// Texts with what is no UTF-8, and what takes its place, as one mark however many there are.
fn marked(text: &str) -> String {
    let mut marked = String::new();
    for c in text
        .chars()
        .map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c })
    {
        if c != char::REPLACEMENT_CHARACTER || !marked.ends_with(c) {
            marked.push(c);
        }
    }
    marked
}

/// Every line of a numbered row is there, in order but for what was shipped twice.
fn complete(cloud: &Cloud, id: &InstanceId, identifier: &str, count: usize) -> TaskResult<usize> {
    let found = texts_of(cloud, id, identifier);
    let numbers: BTreeSet<usize> = found.iter().filter_map(|text| text.parse().ok()).collect();
    let missing: Vec<usize> = (1..=count).filter(|number| !numbers.contains(number)).collect();
    ensure(missing.is_empty(), || {
        format!(
            "{} lines of {count} are missing, the first is {:?}",
            missing.len(),
            missing.first()
        )
    })?;
    Ok(found.len() - numbers.len())
}

/// Messages of every kind, files, and a shipper that is refused, killed, out of space, and whose journal is thinned out.
pub fn hardships(lab: &mut Lab) -> TaskResult<()> {
    lab.use_root_disks()?;
    let cloud = lab.launch(&options())?;
    let id = cloud.await_in_service(1, 60)?;
    await_boot(&cloud, &id)?;
    torture(&cloud, &id)?;
    follows_files(&cloud, &id)?;
    refused(&cloud, &id)?;
    let twice = killed(&cloud, &id)?;
    out_of_space(&cloud, &id)?;
    thinned_out(&cloud, &id)?;
    // The way out: what is said last is shipped before the machine is off.
    log(&cloud, &id, "last", "echo last words")?;
    cloud.run_in(&id, &["systemctl", "poweroff"])?;
    cloud.machine(&id, |machine| machine.await_off(Duration::from_secs(30)))?;
    await_text(&cloud, &id, "last", "last words", 1)?;
    lab.note(format!("10 × kill -9: {twice} lines twice, none missing"));
    Ok(())
}

/// The boot itself, from its first line, and what systemd says of its units.
fn await_boot(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    await_text(cloud, id, "bash", "selfheal: boot is done", 30)?;
    let said = shipped(cloud, id);
    let has = |part: &str| said.iter().any(|(head, text)| format!("{head}: {text}").contains(part));
    for part in [
        "selfheal-boot.service bash[",
        "selfheal: address associated",
        "systemd[1]: ",
    ] {
        ensure(has(part), || format!("no line has '{part}': {said:?}"))?;
    }
    Ok(())
}

fn torture(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    cloud.run_in(id, &["python3", "-c", NATIVE])?;
    await_text(cloud, id, "torture", "end of torture", 20)?;
    let ascii: Vec<u8> = (1..128).collect();
    let mut want = vec![b"plain".to_vec(), ascii.clone()];
    want.extend(ascii.iter().map(|each| vec![b'a', *each, b'b']));
    want.push("\u{1f600} \u{e9} \u{4e2d}\nsecond line\n\tthird".into());
    want.push(b"\",\"MESSAGE\":\"no\",\"__CURSOR\":\"s=1".to_vec());
    want.push(vec![b'x'; 4096]);
    want.push((0..=255).collect());
    want.push(b"one\ntwo \x1b[0m".to_vec());
    want.push(Vec::new());
    want.push(b"end of torture".to_vec());
    let want: Vec<String> = want.iter().map(|text| marked(&String::from_utf8_lossy(text))).collect();
    let found: Vec<String> = texts_of(cloud, id, "torture").iter().map(|text| marked(text)).collect();
    // journald drops a message without text.
    let want: Vec<String> = want.into_iter().filter(|text| !text.is_empty()).collect();
    let found: Vec<String> = found.into_iter().filter(|text| !text.is_empty()).collect();
    let differs = want.iter().zip(&found).find(|(want, found)| want != found);
    ensure(want.len() == found.len() && differs.is_none(), || {
        format!(
            "{} of {} messages, the first that differs: {differs:?}",
            found.len(),
            want.len()
        )
    })
}

fn follows_files(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    let script = format!("mkdir -p {}; for n in 1 2 3; do echo $n >>{FILE}; done", "/var/log/app");
    cloud.run_in(id, &["bash", "-c", &script])?;
    await_text(cloud, id, FILE, "3", 20)?;
    let rotate = format!("mv {FILE} {FILE}.1; for n in 4 5 6; do echo $n >>{FILE}; done");
    cloud.run_in(id, &["bash", "-c", &rotate])?;
    await_text(cloud, id, FILE, "6", 20)?;
    complete(cloud, id, FILE, 6).map(drop)
}

/// Refused in four ways, for a while each: what was said meanwhile comes after it, and the refusals are told in a file alone.
fn refused(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    for (code, message) in [
        ("ThrottlingException", "Rate exceeded"),
        ("AccessDeniedException", "not authorized to perform: logs:PutLogEvents"),
        ("ExpiredTokenException", "expired"),
        ("ServiceUnavailableException", "unavailable"),
    ] {
        let (code, message) = (code.to_owned(), message.to_owned());
        cloud.wire.set_hook(Some(Box::new(move |call| {
            let (code, message) = (code.clone(), message.clone());
            (call.service == "logs").then_some(WireFault::Refuse { code, message })
        })));
        log(cloud, id, "refused", "echo 1; echo 2")?;
        thread::sleep(Duration::from_secs(7));
        cloud.wire.set_hook(None);
        let told = cloud.run_in(id, &["cat", "/run/selfheal/logs.failure"])?;
        ensure(told.contains("Exception: "), || format!("nothing is told: {told}"))?;
    }
    // Each answer is lost after its effect, three times: again, and the same lines.
    let lost = AtomicUsize::new(0);
    cloud.wire.set_hook(Some(Box::new(move |call| {
        let is_put = call.action == "PutLogEvents" && lost.fetch_add(1, Ordering::Relaxed) < 3;
        is_put.then_some(WireFault::LoseAnswer)
    })));
    log(cloud, id, "refused", "echo done")?;
    await_text(cloud, id, "refused", "done", 40)?;
    cloud.wire.set_hook(None);
    complete(cloud, id, "refused", 2)?;
    let own = shipped(cloud, id).into_iter();
    let own: Vec<_> = own
        .filter(|(head, _)| head.contains(UNIT) && !head.ends_with("systemd[1]"))
        .collect();
    ensure(own.is_empty(), || format!("the shipper ships its own: {own:?}"))
}

/// Killed again and again, wherever it is: between a call and its cursor too.
fn killed(cloud: &Cloud, id: &InstanceId) -> TaskResult<usize> {
    let script = "for ((n = 1; n <= 3000; n++)); do echo $n; ((n % 10)) || sleep 0.02; done";
    let line = format!("{{ {script}; }} | systemd-cat -t row &");
    cloud.run_in(id, &["bash", "-c", &line])?;
    for pause_ms in [300, 700, 1100, 200, 900, 500, 1300, 400, 800, 600] {
        thread::sleep(Duration::from_millis(pause_ms));
        cloud.run_in(id, &["systemctl", "kill", "--signal=KILL", UNIT])?;
        // Its pause would be as long as all of this otherwise.
        cloud.run_in(id, &["systemctl", "restart", "--no-block", UNIT])?;
    }
    await_text(cloud, id, "row", "3000", 60)?;
    complete(cloud, id, "row", 3000)
}

/// No byte is left on the root disk: the lines arrive all the same, and after it as well.
fn out_of_space(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    // What is written late gives back what was reserved for it, so that it takes several rounds.
    let fill = "for n in 1 2 3 4 5 6; do dd if=/dev/zero of=/fill$n bs=$((n > 3 ? 512 : 65536)) 2>/dev/null; sync; done; \
                ! echo full 2>/dev/null >/full";
    cloud.run_in(id, &["bash", "-c", fill])?;
    log(cloud, id, "full", "echo 1")?;
    await_text(cloud, id, "full", "1", 20)?;
    cloud.run_in(id, &["systemctl", "kill", "--signal=KILL", UNIT])?;
    log(cloud, id, "full", "echo 2")?;
    await_text(cloud, id, "full", "2", 20)?;
    let kept = cloud.run_in(id, &["cat", "/run/selfheal/logs.cursor"])?;
    ensure(kept.starts_with("s="), || "the cursor is nowhere".to_owned())?;
    cloud.run_in(id, &["bash", "-c", "rm /fill?"])?;
    log(cloud, id, "full", "echo 3")?;
    await_text(cloud, id, "full", "3", 20)?;
    complete(cloud, id, "full", 3).map(drop)
}

/// The journal loses the line that was shipped last, and some that were not: the rest arrives, from its first line on.
fn thinned_out(cloud: &Cloud, id: &InstanceId) -> TaskResult<()> {
    cloud.run_in(id, &["systemctl", "stop", UNIT])?;
    log(cloud, id, "thin", "echo lost")?;
    cloud.run_in(id, &["journalctl", "--rotate"])?;
    cloud.run_in(id, &["journalctl", "--vacuum-files=1"])?;
    log(cloud, id, "thin", "echo 1; echo 2; echo 3")?;
    cloud.run_in(id, &["systemctl", "start", UNIT])?;
    await_text(cloud, id, "thin", "3", 20)?;
    complete(cloud, id, "thin", 3).map(drop)
}

/// A boot that fails is read after its instance is gone.
pub fn failed_boot(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&Options {
        setup: Some("#!/bin/sh\necho the reason\nexit 7\n".to_owned()),
        ..options()
    })?;
    let id = cloud.await_launched(1, 30)?;
    cloud.await_console(&id, "launch abandoned", 60)?;
    // What was shipped before the launch was abandoned is all that counts.
    let abandoned = cloud.calls().into_iter().filter(|(who, ..)| *who == id);
    let actions: Vec<String> = abandoned.map(|(_, action, _)| action).collect();
    let place = |wanted: &str| actions.iter().rposition(|action| action == wanted);
    ensure(place("PutLogEvents").is_some(), || {
        format!("nothing was shipped: {actions:?}")
    })?;
    wait_for("end of the instance", Duration::from_secs(60), || {
        let gone = cloud.sim.inspect(|world| {
            let state = world.instances.get(&id).map(|instance| instance.state.clone());
            state.is_some_and(|state| state.as_str() == "terminated")
        });
        Ok(gone.then_some(()))
    })?;
    for text in ["selfheal: failed: setup failed with status 7 (exit 16)", "the reason"] {
        let said = texts_of(&cloud, &id, "bash");
        ensure(said.iter().any(|it| it.contains(text)), || {
            format!("'{text}' is not in {said:?}")
        })?;
    }
    Ok(())
}

/// As many lines as a small instance may have, with a fifth of a core to ship them.
pub fn rate(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let id = cloud.await_in_service(1, 60)?;
    await_boot(&cloud, &id)?;
    let cgroup = format!("/sys/fs/cgroup/system.slice/{UNIT}");
    let journald = "/sys/fs/cgroup/system.slice/systemd-journald.service";
    let throttle = Throttle::put_on(lab, &cloud, &id)?;
    let used = || -> TaskResult<u64> {
        let stat = cloud.run_in(&id, &["cat", &format!("{cgroup}/cpu.stat")])?;
        let usage = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
        usage
            .and_then(|usage| usage.parse().ok())
            .ok_or_else(|| TaskError::failed("no account of the CPU"))
    };
    let seconds = 60;
    let count = usize::try_from(LINES_AN_HOUR * seconds / 3_600).unwrap_or(usize::MAX);
    let script = rows(count, seconds);
    let (before, began) = (used()?, Instant::now());
    let line = format!("{{ {script}; }} | systemd-cat -t rate");
    let writer = {
        let (cloud, id) = (cloud.clone(), id.clone());
        thread::spawn(move || cloud.run_in(&id, &["bash", "-c", &line]))
    };
    let (mut memory_kib, mut journald_kib) = (0, 0);
    while !writer.is_finished() {
        memory_kib = memory_kib.max(resident_kib(&cloud, &id, &cgroup)?);
        journald_kib = journald_kib.max(resident_kib(&cloud, &id, journald)?);
        thread::sleep(Duration::from_millis(200));
    }
    writer.join().map_err(|_| TaskError::failed("the writer ended"))??;
    let ended = Instant::now();
    await_text(&cloud, &id, "rate", &count.to_string(), 20)?;
    let lag_s = ended.elapsed().as_secs_f64();
    let share = (used()? - before) as f64 / began.elapsed().as_micros() as f64 * 100.0;
    complete(&cloud, &id, "rate", count)?;
    ensure(share < CORE_PERCENT as f64 / 2.0, || format!("{share:.1} % of a core"))?;
    ensure(lag_s < 8.0, || {
        format!("the last line came {lag_s:.1} s after it was said")
    })?;
    // What had to wait is made up for within the same share.
    cloud.run_in(&id, &["systemctl", "stop", UNIT])?;
    let burst = 20_000;
    log(
        &cloud,
        &id,
        "burst",
        &format!("for ((n = 1; n <= {burst}; n++)); do echo $n; ((n % 1000)) || sleep 0.5; done"),
    )?;
    let (before, began) = (used().unwrap_or(0), Instant::now());
    cloud.run_in(&id, &["systemctl", "start", UNIT])?;
    throttle.take_in()?;
    await_text(&cloud, &id, "burst", &burst.to_string(), 60)?;
    let (caught_s, burst_us) = (began.elapsed().as_secs_f64(), used()?.saturating_sub(before));
    complete(&cloud, &id, "burst", burst)?;
    lab.note(format!(
        "held to {CORE_PERCENT} % of a core by {}; {} lines in {seconds} s: {share:.1} % of a core, {memory_kib} KiB resident \
         at most and journald's {journald_kib} KiB, the last line after {lag_s:.1} s; {burst} that had waited in {caught_s:.1} s, \
         {:.2} s of CPU; stopped for its quota {} times",
        throttle.by(),
        2 * count,
        burst_us as f64 / 1e6,
        throttle.stops()?
    ));
    Ok(())
}

/// A quota on the shipper's processes: that of systemd where the machine has the controller, else one of the host's, whose
/// version 1 has it then.
struct Throttle {
    /// Where the shipper's processes are listed.
    unit: PathBuf,
    /// The host's own group of version 1.
    host: Option<PathBuf>,
}

impl Throttle {
    fn put_on(lab: &Lab, cloud: &Cloud, id: &InstanceId) -> TaskResult<Self> {
        let config = lab.config();
        let unit = config
            .cgroups
            .join(format!("{}-{id}/system.slice/{UNIT}", config.label));
        let quota = format!("CPUQuota={CORE_PERCENT}%");
        cloud.run_in(id, &["systemctl", "set-property", "--runtime", UNIT, &quota])?;
        let host = match fs::read_to_string(unit.join("cpu.max")) {
            Ok(quota) if !quota.starts_with("max") => None,
            _ => Some(Path::new("/sys/fs/cgroup/cpu").join(&config.label)),
        };
        if let Some(host) = &host {
            fs::create_dir_all(host).context(|| format!("make {}", host.display()))?;
            write_to(&host.join("cpu.cfs_period_us"), "100000")?;
            write_to(&host.join("cpu.cfs_quota_us"), &(CORE_PERCENT * 1_000).to_string())?;
        }
        let throttle = Self { unit, host };
        throttle.take_in()?;
        Ok(throttle)
    }

    /// Puts the processes there that the unit has now, whose children follow them.
    fn take_in(&self) -> TaskResult<()> {
        let Some(host) = &self.host else {
            return Ok(());
        };
        let list = self.unit.join("cgroup.procs");
        let pids = fs::read_to_string(&list).context(|| format!("read {}", list.display()))?;
        ensure(!pids.is_empty(), || "the shipper has no process".to_owned())?;
        for pid in pids.lines() {
            // One that has ended meanwhile needs no quota.
            let _ = fs::write(host.join("cgroup.procs"), pid);
        }
        Ok(())
    }

    fn by(&self) -> &'static str {
        match self.host {
            Some(_) => "a group of the host's",
            None => "systemd",
        }
    }

    /// How often the quota was used up.
    fn stops(&self) -> TaskResult<u64> {
        let file = self.host.as_ref().unwrap_or(&self.unit).join("cpu.stat");
        let stat = fs::read_to_string(&file).context(|| format!("read {}", file.display()))?;
        let times = stat.lines().find_map(|line| line.strip_prefix("nr_throttled "));
        times
            .and_then(|times| times.parse().ok())
            .ok_or_else(|| TaskError::failed("no account of the quota"))
    }
}

/// The group can go once nobody is in it.
impl Drop for Throttle {
    fn drop(&mut self) {
        let Some(host) = &self.host else {
            return;
        };
        let left = fs::read_to_string(host.join("cgroup.procs")).unwrap_or_default();
        for pid in left.lines() {
            let _ = fs::write("/sys/fs/cgroup/cpu/cgroup.procs", pid);
        }
        let _ = fs::remove_dir(host);
    }
}

fn write_to(path: &Path, text: &str) -> TaskResult<()> {
    fs::write(path, text).context(|| format!("write {}", path.display()))
}

/// A script that says so many lines in so many seconds, and as many of another program beside them.
fn rows(count: usize, seconds: u64) -> String {
    let text = "GET /index.html HTTP/1.1 200 1234 \\\"Mozilla/5.0 (X11; Linux x86_64)\\\" rt=0.003";
    // In portions of a tenth of a second.
    let portion = count.div_ceil(usize::try_from(seconds * 10).unwrap_or(1));
    format!(
        "for ((n = 1; n <= {count}; n++)); do echo $n; echo \"{text}\" >&2; ((n % {portion})) || sleep 0.1; done \
         2> >(systemd-cat -t padding)"
    )
}

/// What the processes of a unit hold in memory of their own.
fn resident_kib(cloud: &Cloud, id: &InstanceId, cgroup: &str) -> TaskResult<u64> {
    let script = format!(
        "for pid in $(cat {cgroup}/cgroup.procs); do awk '/^Pss:/ {{ s += $2 }} END {{ print s + 0 }}' \
         /proc/$pid/smaps_rollup; done 2>/dev/null; true"
    );
    let found = cloud.run_in(id, &["bash", "-c", &script])?;
    Ok(found.lines().filter_map(|line| line.trim().parse::<u64>().ok()).sum())
}
