//! A clock that jumps, as the shipper sees it.
//!
//! journald of a machine in a namespace has the host's clock, which no scenario may set: a journalctl that tells of such a journal
//! takes the real one's place, under the real unit.

use std::time::Duration;

use selfheal_core::world::InstanceId;

use super::logs::options;
use crate::boot_lab::cloud::Cloud;
use crate::boot_lab::command::{ensure, wait_for};
use crate::boot_lab::lab::Lab;
use crate::error::TaskResult;

/// Lines of the journal.
const LINES: usize = 50;

/// Prints the journal from a cursor on, that line included, and all of it for one that it does not know, as journalctl does. Ten
/// lines each are of two hours ago, of 26 hours before that, of a minute ago with steps of half a second back, of seven hours
/// ahead, and of half a minute ago.
const JOURNALCTL: &str = r#"#!/bin/bash
from=1
for word; do
  case $word in
    --sync) exit ;;
    --cursor=s=fa4e\;i=*) from=${word#*;i=} from=$((16#${from%%;*})) ;;
  esac
done
for ((n = from; n <= 50; n++)); do
  case $(((n - 1) / 10)) in
    0) ms=$((BASE - 7200000 + n)) ;;
    1) ms=$((BASE - 7200000 - 93600000 + n)) ;;
    2) ms=$((BASE - 60000 + n - n % 2 * 500)) ;;
    3) ms=$((BASE + 25200000 + n)) ;;
    4) ms=$((BASE - 30000 + n)) ;;
  esac
  printf '{"__CURSOR":"s=fa4e;i=%x;b=1;m=1;t=%x;x=1","__REALTIME_TIMESTAMP":"%s000","MESSAGE":"%s",' "$n" "$n" "$ms" "$n"
  printf '"SYSLOG_IDENTIFIER":"jump","PRIORITY":"6"}\n'
done
"#;

/// The times and the numbers of the lines in the stream.
fn shipped(cloud: &Cloud, id: &InstanceId) -> Vec<(i64, usize)> {
    cloud.sim.inspect(|world| {
        let streams = world
            .log_groups
            .values()
            .filter_map(|group| group.streams.get(id.as_str()));
        let jumps = streams.flatten().filter(|event| event.message.contains(" jump: "));
        let parted = jumps.filter_map(|event| {
            let (_, number) = event.message.split_once(": ")?;
            Some((event.at_ms, number.parse().ok()?))
        });
        parted.collect()
    })
}

/// Every line arrives once, with its own time where CloudWatch Logs takes that, and no call is refused.
pub fn jumps(lab: &mut Lab) -> TaskResult<()> {
    let cloud = lab.launch(&options())?;
    let id = cloud.await_in_service(1, 60)?;
    let base: i64 = jiff::Timestamp::now().as_millisecond();
    let put = "printf %s \"$0\" >/journalctl && chmod 755 /journalctl && mv /journalctl /usr/local/bin/journalctl";
    let text = JOURNALCTL.replace("BASE", &base.to_string());
    cloud.run_in(&id, &["bash", "-c", put, &text])?;
    wait_for("last line of the journal", Duration::from_secs(60), || {
        Ok(shipped(&cloud, &id)
            .iter()
            .any(|(_, number)| *number == LINES)
            .then_some(()))
    })?;
    let found = shipped(&cloud, &id);
    let mut numbers: Vec<usize> = found.iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    let all: Vec<usize> = (1..=LINES).collect();
    ensure(numbers == all, || format!("lines are missing or double: {numbers:?}"))?;
    for (at, number) in &found {
        let age_s = (base - at) / 1_000;
        let wanted = match (number - 1) / 10 {
            0 => 7_199..=7_200,
            1 => 100_799..=100_800,
            2 => 58..=61,
            // What is ahead is told as of when it was shipped.
            3 => -60..=0,
            _ => -60..=30,
        };
        ensure(wanted.contains(&age_s), || {
            format!("line {number} is told as {age_s} s old")
        })?;
    }
    let calls = cloud.calls();
    let puts: Vec<_> = calls.iter().filter(|(_, action, _)| action == "PutLogEvents").collect();
    let refused = puts.iter().filter(|(_, _, outcome)| outcome != "200").count();
    // The first call of a stream finds that there is none.
    ensure(refused <= 1, || format!("{refused} calls were refused"))?;
    lab.note(format!(
        "{LINES} lines in {} calls, of which {refused} was refused",
        puts.len()
    ));
    Ok(())
}
