//! How much the times of one command differ between runs: a poll that sleeps past what it waits for shows in the slowest.

use std::time::Duration;

use crate::error::TaskResult;
use crate::report::Report;

/// Runs of one batch. The 95th percentile of twenty is the second slowest, so that one hiccup of the machine is borne.
pub const RUNS: usize = 20;
/// Batches at most. A busy machine slows runs here and there and calms down; a pause that is too long comes back in every
/// batch, so that the first even batch shows that there is none.
const BATCHES_MAX: usize = 3;
/// The most that the 95th percentile may be, as a multiple of the median.
const P95_RATIO_MAX: f64 = 1.5;

/// The times of one command over a batch, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    walls: Vec<Duration>,
}

impl Spread {
    /// The times of these runs.
    pub fn of(mut walls: Vec<Duration>) -> Self {
        walls.sort();
        Self { walls }
    }

    /// The time that so many per cent of the runs do not exceed, by the nearest rank.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.walls.len() * percent).div_ceil(100).max(1);
        self.walls.get(rank - 1).copied().unwrap_or_default()
    }

    /// The 95th percentile as a multiple of the median.
    pub fn ratio(&self) -> f64 {
        self.percentile(95).as_secs_f64() / self.percentile(50).as_secs_f64().max(f64::EPSILON)
    }
}

/// Measures the commands of a cycle in batches until each was even in one, and checks that each was.
///
/// `cycle` makes one run of every command, in the order of `names`, and answers their times.
pub fn check(
    report: &mut Report,
    names: &[&str],
    mut cycle: impl FnMut() -> TaskResult<Vec<Duration>>,
) -> TaskResult<()> {
    let mut best: Vec<Option<Spread>> = vec![None; names.len()];
    for _ in 0..BATCHES_MAX {
        let mut walls = vec![Vec::new(); names.len()];
        for _ in 0..RUNS {
            for (walls, wall) in walls.iter_mut().zip(cycle()?) {
                walls.push(wall);
            }
        }
        for (best, walls) in best.iter_mut().zip(walls) {
            let spread = Spread::of(walls);
            if best.as_ref().is_none_or(|best| spread.ratio() < best.ratio()) {
                *best = Some(spread);
            }
        }
        if best.iter().flatten().all(|spread| spread.ratio() <= P95_RATIO_MAX) {
            break;
        }
    }
    println!("\n{RUNS} runs                     p50         p95   p95 to p50");
    for (name, spread) in names.iter().zip(best.iter().flatten()) {
        let (middle, late) = (spread.percentile(50).as_millis(), spread.percentile(95).as_millis());
        println!("{name:<24}{middle:>7} ms{late:>9} ms{:>13.2}", spread.ratio());
        let even = spread.ratio() <= P95_RATIO_MAX;
        report.expect(
            &format!(
                "p95 of {name} over its median: {:.2}, at most {P95_RATIO_MAX}",
                spread.ratio()
            ),
            even,
            || "something sleeps past what it waits for, or the machine is too busy to tell".to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(millis: &[u64]) -> Spread {
        Spread::of(millis.iter().map(|&ms| Duration::from_millis(ms)).collect())
    }

    #[test]
    fn percentiles_are_by_the_nearest_rank() {
        let twenty: Vec<u64> = (1..=20).rev().collect();
        assert_eq!(spread(&twenty).percentile(50), Duration::from_millis(10));
        assert_eq!(spread(&twenty).percentile(95), Duration::from_millis(19));
        assert_eq!(spread(&[7]).percentile(95), Duration::from_millis(7));
        assert_eq!(Spread::default().percentile(95), Duration::ZERO);
    }

    #[test]
    fn one_hiccup_in_twenty_is_borne_and_two_are_not() {
        let mut times = vec![500; 20];
        times[3] = 2_300;
        assert!(spread(&times).ratio() <= P95_RATIO_MAX);
        times[11] = 2_300;
        assert!(spread(&times).ratio() > P95_RATIO_MAX);
    }

    #[test]
    fn an_uneven_command_fails_after_every_batch_and_an_even_one_passes_at_once() {
        let mut runs = 0;
        let mut report = Report::new("test");
        check(&mut report, &["even"], || {
            runs += 1;
            Ok(vec![Duration::from_millis(500)])
        })
        .expect("nothing fails");
        assert_eq!((runs, report.finish().failed), (RUNS, 0));
        let mut runs = 0;
        let mut report = Report::new("test");
        check(&mut report, &["even", "uneven"], || {
            runs += 1;
            let wall = if runs % 3 == 0 { 2_300 } else { 550 };
            Ok(vec![Duration::from_millis(500), Duration::from_millis(wall)])
        })
        .expect("nothing fails");
        assert_eq!((runs, report.finish().failed), (RUNS * BATCHES_MAX, 1));
    }
}
