//! Random days of two stacks on the simulated AWS, many at once, and how fast the simulation is: for `cargo xtask sim` and
//! `cargo xtask bench sim`, which build this with optimisation.

mod event;
mod heal;
mod measure;
mod shrink;
mod story;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use story::Failure;

/// What is asked for.
enum Task {
    /// So many days from this seed on, in so many seconds at most.
    Days { days: u64, seed: u64, seconds: u64 },
    /// One day again, or those of its events that are listed.
    Replay { seed: u64, events: Option<Vec<usize>> },
    /// How fast everything is.
    Bench,
    /// How long so many healings of each rung take.
    Heal { healings: u64 },
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(task) = task(&arguments) else {
        eprintln!("usage: selfheal-days run DAYS SEED SECONDS | replay SEED all|EVENT,… | bench | heal HEALINGS");
        return ExitCode::FAILURE;
    };
    let ok = match task {
        Task::Days { days, seed, seconds } => live(days, seed, Duration::from_secs(seconds)),
        Task::Replay { seed, events } => replay(seed, events.as_deref()),
        Task::Bench => measure::all(),
        Task::Heal { healings } => heal::all(healings),
    };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn task(arguments: &[String]) -> Option<Task> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Some(match words.as_slice() {
        ["run", days, seed, seconds] => Task::Days {
            days: days.parse().ok()?,
            seed: seed.parse().ok()?,
            seconds: seconds.parse().ok()?,
        },
        ["replay", seed, "all"] => Task::Replay {
            seed: seed.parse().ok()?,
            events: None,
        },
        ["replay", seed, events] => {
            let numbers = events.split(',').filter(|number| !number.is_empty());
            let events = numbers.map(|number| number.parse().ok()).collect::<Option<_>>()?;
            Task::Replay {
                seed: seed.parse().ok()?,
                events: Some(events),
            }
        }
        ["bench"] => Task::Bench,
        ["heal", healings] => Task::Heal {
            healings: healings.parse().ok().filter(|healings| *healings > 0)?,
        },
        _ => return None,
    })
}

/// Lives through days on every core until one fails, all are over or the time is. Prints what happened; answers whether all
/// went well.
fn live(days: u64, first: u64, at_most: Duration) -> bool {
    let began = Instant::now();
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed: Mutex<Option<(u64, Failure)>> = Mutex::new(None);
    let failure = || failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let work = || {
        while began.elapsed() < at_most && failure().is_none() {
            let day = next.fetch_add(1, Ordering::Relaxed);
            if day >= days {
                return;
            }
            let seed = first.wrapping_add(day);
            if let Err(why) = story::live(seed, &event::day(seed)) {
                failure().get_or_insert((seed, why));
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let (done, seconds) = (done.into_inner(), began.elapsed().as_secs_f64());
    println!(
        "{done} days from seed {first} in {seconds:.1} s on {cores} cores: {:.0} a second",
        done as f64 / seconds
    );
    let Some((seed, why)) = failure().take() else {
        return done > 0;
    };
    report(seed, &why);
    false
}

/// Tells of a day that failed: by the fewest of its events with which it still does.
fn report(seed: u64, why: &Failure) {
    let events = event::day(seed);
    println!("\nseed {seed} failed: {}", why.0);
    let kept = shrink::fewest(events.len(), |kept| {
        story::live(seed, &shrink::keep(&events, kept)).is_err()
    });
    println!("\nof its {} events these are enough:", events.len());
    for index in &kept {
        println!("  {index:>2} {}", events[*index]);
    }
    if let Err(why) = story::live(seed, &shrink::keep(&events, &kept)) {
        println!("which fails: {}", why.0);
    }
    let list: Vec<String> = kept.iter().map(ToString::to_string).collect();
    println!("\nagain: cargo xtask sim --seed {seed} --events={}", list.join(","));
}

/// Lives through one day again and prints everything that happened. No list of events means all, an empty one none.
fn replay(seed: u64, kept: Option<&[usize]>) -> bool {
    let mut events = event::day(seed);
    if let Some(kept) = kept {
        events = shrink::keep(&events, kept);
    }
    print!("{}", story::trace(seed, &events));
    match story::live(seed, &events) {
        Ok(()) => {
            println!("seed {seed} went well");
            true
        }
        Err(why) => {
            println!("seed {seed} failed: {}", why.0);
            false
        }
    }
}
