//! Fuzzing on stable Rust: what parses text of others is fed inputs that were mutated from the repository's own examples and
//! from what its generators make, and each input has to pass an oracle.
//!
//! There is no guidance by coverage: every input depends on the seed and its own number alone, so that a finding is made
//! again by its number, and no compiler but the workspace's own is needed.

mod minimise;
mod mutate;
mod targets;

use std::cell::RefCell;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fastrand::Rng;

use crate::error::{Context, TaskError, TaskResult};
use crate::report::{Counts, say_failure};
use crate::workspace;

/// How long one input may take; the slowest of them take some hundredths of a second.
const INPUT_MAX: Duration = Duration::from_secs(10);

/// How many bytes of an input are shown; the file has all of them.
const SHOWN_MAX: usize = 400;

/// What `cargo xtask fuzz` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only this target.
    #[arg(long, value_parser = targets::NAMES)]
    target: Option<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Everything that is drawn derives from it; by default from the time.
    #[arg(long)]
    seed: Option<u64>,
    /// Feed the target this file alone, as a finding says.
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// Something that reads inputs, with what must hold of each.
pub struct Target {
    /// Its name on the command line.
    name: &'static str,
    /// Examples that the inputs are mutated from.
    corpus: fn() -> TaskResult<Vec<Vec<u8>>>,
    /// Words of its language, which a mutation inserts.
    words: &'static [&'static str],
    /// Reads an input. What does not hold of it is an error, whose first line is the same for the same fault.
    check: fn(&[u8]) -> Result<(), String>,
}

thread_local! {
    /// Where the last panic was and what it said.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs the fuzzing as it is asked for.
pub fn run(arguments: &Arguments) -> TaskResult<Counts> {
    let asked = |target: &&Target| arguments.target.as_deref().is_none_or(|name| name == target.name);
    let targets = targets::ALL.iter().filter(asked);
    if let Some(path) = &arguments.input {
        let input = fs::read(path).context(|| format!("read {}", path.display()))?;
        return quietly(|| Ok(sum(targets.map(|target| replay(target, &input)))));
    }
    let seed = arguments.seed.unwrap_or_else(of_the_time);
    let limit = Duration::from_secs(arguments.seconds);
    quietly(|| {
        let runs: TaskResult<Vec<Counts>> = targets.map(|target| fuzz(target, seed, limit)).collect();
        runs.map(|runs| sum(runs.into_iter()))
    })
}

/// Runs every target for some seconds, always with the same seed: whether a change passes rests on the change alone. Other
/// seeds are for `cargo xtask fuzz` by hand.
pub fn each_for(seconds: u64) -> TaskResult<Counts> {
    run(&Arguments {
        target: None,
        seconds,
        seed: Some(1),
        input: None,
    })
}

fn of_the_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs()
}

fn sum(runs: impl Iterator<Item = Counts>) -> Counts {
    runs.fold(Counts::default(), |mut sum, counts| {
        sum += counts;
        sum
    })
}

/// Works with panics that are remembered and not printed.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let before = panic::take_hook();
    panic::set_hook(Box::new(|panic| PANIC.set(panic.to_string())));
    let result = work();
    panic::set_hook(before);
    result
}

/// Feeds a target one input: what does not hold of it, a panic included.
fn attempt(target: &Target, input: &[u8]) -> Result<(), String> {
    let began = Instant::now();
    panic::catch_unwind(AssertUnwindSafe(|| (target.check)(input))).unwrap_or_else(|_| Err(PANIC.take()))?;
    if began.elapsed() > INPUT_MAX {
        return Err(format!("it takes longer than {} s", INPUT_MAX.as_secs()));
    }
    Ok(())
}

/// Makes the input of a number: the corpus itself comes first.
fn input(target: &Target, corpus: &[Vec<u8>], seed: u64, number: u64) -> Vec<u8> {
    if let Some(example) = usize::try_from(number).ok().and_then(|number| corpus.get(number)) {
        return example.clone();
    }
    // Neighbouring numbers must not have neighbouring seeds.
    let mut rng = Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mutate::mutate(&mut rng, corpus, target.words)
}

fn fuzz(target: &Target, seed: u64, limit: Duration) -> TaskResult<Counts> {
    let corpus = (target.corpus)()?;
    let began = Instant::now();
    let current = Mutex::new((began, 0));
    let (over, is_over) = channel::<()>();
    let (number, finding) = std::thread::scope(|scope| {
        let (corpus, current) = (&corpus, &current);
        scope.spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = is_over.recv_timeout(Duration::from_secs(1)) {
                watch(target, corpus, seed, current);
            }
        });
        let mut number = 0;
        let finding = loop {
            if began.elapsed() >= limit && number >= corpus.len() as u64 {
                break None;
            }
            *lock(current) = (Instant::now(), number);
            let input = input(target, corpus, seed, number);
            if let Err(fault) = attempt(target, &input) {
                break Some((input, fault));
            }
            number += 1;
        };
        drop(over);
        (number, finding)
    });
    let Some((input, fault)) = finding else {
        println!(
            "fuzz {}: {number} inputs from {} examples by the seed {seed}, nothing found",
            target.name,
            corpus.len()
        );
        return Ok(Counts::PASSED);
    };
    let smallest = minimise::minimise(&input, |input| {
        attempt(target, input).is_err_and(|other| other.lines().next() == fault.lines().next())
    });
    tell(target, &fault, seed, number, &smallest)?;
    Ok(Counts::FAILED)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Ends the whole task where an input does not end: nothing can stop the thread that reads it.
fn watch(target: &Target, corpus: &[Vec<u8>], seed: u64, current: &Mutex<(Instant, u64)>) {
    let (began, number) = *lock(current);
    if began.elapsed() > INPUT_MAX * 6 {
        let input = input(target, corpus, seed, number);
        // What cannot be told here is told nowhere.
        drop(tell(target, "it does not end", seed, number, &input));
        println!("{}", Counts::FAILED);
        std::process::exit(1);
    }
}

/// Tells of a finding: what it is, by which seed, the input, and the command that makes it again.
fn tell(target: &Target, fault: &str, seed: u64, number: u64, input: &[u8]) -> TaskResult<()> {
    let folder = workspace::scratch().join("fuzz");
    fs::create_dir_all(&folder).context(|| format!("make {}", folder.display()))?;
    let path = folder.join(format!("{}-{seed}-{number}", target.name));
    fs::write(&path, input).context(|| format!("write {}", path.display()))?;
    let (begin, more) = input.split_at(input.len().min(SHOWN_MAX));
    let more = if more.is_empty() { "" } else { " …" };
    let shown = path.strip_prefix(workspace::root()).unwrap_or(&path);
    say_failure(format!(
        "fuzz {0}: FOUND by the seed {seed}, input {number}: {fault}\n  {1} bytes: \"{2}\"{more}\n  cargo xtask fuzz --target {0} --input {3}",
        target.name,
        input.len(),
        begin.escape_ascii(),
        shown.display()
    ));
    Ok(())
}

fn replay(target: &Target, input: &[u8]) -> Counts {
    match attempt(target, input) {
        Ok(()) => {
            println!("fuzz {}: the input passes", target.name);
            Counts::PASSED
        }
        Err(fault) => {
            println!("fuzz {}: {fault}", target.name);
            Counts::FAILED
        }
    }
}

/// Makes an error of an example that the generators cannot make.
fn example(what: &str, why: &dyn std::fmt::Display) -> TaskError {
    TaskError::failed(format!("the example {what} cannot be made: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANTED: Target = Target {
        name: "planted",
        corpus: || Ok(vec![b"{\"Statement\":[\"one\",\"two\"]}".to_vec()]),
        words: &["three"],
        check: |input| {
            let text = String::from_utf8_lossy(input);
            assert!(!text.contains("three"), "a planted panic");
            Ok(())
        },
    };

    #[test]
    fn a_planted_panic_is_found_and_minimised_and_made_again() {
        let corpus = (PLANTED.corpus)().unwrap();
        let (found, smallest) = quietly(|| {
            let is_found = |number: &u64| attempt(&PLANTED, &input(&PLANTED, &corpus, 7, *number)).is_err();
            let found = (0..10_000).find(is_found).expect("it is found");
            let fails = |input: &[u8]| attempt(&PLANTED, input).is_err_and(|fault| fault.contains("a planted panic"));
            (found, minimise::minimise(&input(&PLANTED, &corpus, 7, found), fails))
        });
        assert!(found > 0, "the example itself passes");
        assert_eq!(smallest, b"three");
    }

    #[test]
    fn every_example_passes() {
        for target in targets::ALL {
            let corpus = (target.corpus)().unwrap();
            assert!(!corpus.is_empty(), "{}", target.name);
            for example in &corpus {
                let fault = quietly(|| attempt(target, example));
                assert_eq!(fault, Ok(()), "{}: {}", target.name, example.escape_ascii());
            }
        }
    }
}
