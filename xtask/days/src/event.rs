//! What may happen on a random day, drawn from a seed.

use std::fmt;

use selfheal_aws::sim::{Range, Rng};

/// How many stacks live in the world.
pub const STACKS: usize = 2;

/// Something that happens. Every event can happen at any time: what it finds nothing to do with leaves it without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody applies a stack.
    Apply(usize),
    /// Somebody applies a stack and is cut off before, or after, the call of this number.
    CutOff { stack: usize, call: u64, after: bool },
    /// Two operators apply a stack, the second one so many milliseconds later.
    TwoApply { stack: usize, later_ms: u64 },
    /// One operator applies a stack that another one destroys so many milliseconds later.
    ApplyAndDestroy { stack: usize, later_ms: u64 },
    /// Somebody destroys a stack; address and data stay.
    Destroy(usize),
    /// Somebody changes what the spec of a stack says; the next apply knows.
    Change(usize, Change),
    /// Somebody changes something of a stack in the console.
    Edit(usize, Edit),
    /// An instance of a stack comes to harm.
    Harm(usize, Harm),
    /// The boot programs of a stack's instances fail from now on, or do not any more.
    FailBoots(usize, bool),
    /// EC2 launches nothing from now on for want of capacity, or does again.
    NoCapacity(bool),
    /// So many calls in a thousand fail like this, whoever makes them, thirty times at most.
    Storm(Weather, u16),
    /// A service answers nobody for so many minutes.
    Outage(&'static str, u64),
    /// So many minutes pass.
    Wait(u64),
}

/// What a spec may come to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Another instance type, or the first one again.
    InstanceType,
    /// Another port is open, or closed again.
    Port,
    /// A larger volume.
    Grow,
    /// AWS asks the app for its health, or does not any more.
    Check,
}

/// What somebody changes in the console. Nothing of it takes data or an address away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The record is deleted.
    Record,
    /// No port is open any more.
    Ingress,
    /// The lifecycle hooks are deleted.
    Hooks,
    /// The volume loses its tags while the role and the template name it.
    VolumeTags,
    /// The address loses its tags while the role and the template name it.
    AddressTags,
    /// The role loses its policies.
    Policies,
}

/// What happens to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It is terminated from outside.
    Kill,
    /// It is stopped from outside.
    Stop,
    /// It is stopped from outside, and started again a minute later.
    StopAndStart,
    /// Its power button is pressed.
    PowerOff,
    /// Its host is lost.
    Impair,
    /// Its kernel panics.
    Panic,
    /// It hangs.
    Hang,
    /// It is rebooted.
    Reboot,
    /// Its app fails.
    FailApp,
    /// Its app fails until it is restarted.
    HangApp,
}

/// How calls fail in a storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// For being too many.
    Throttled,
    /// On the server, before any effect.
    Error,
    /// They take effect, and nobody hears of it.
    AnswerLost,
    /// What they make cannot be seen for some seconds.
    Late,
    /// They show what was some seconds ago.
    Stale,
}

const CHANGES: [Change; 4] = [Change::InstanceType, Change::Port, Change::Grow, Change::Check];
const EDITS: [Edit; 6] = [
    Edit::Record,
    Edit::Ingress,
    Edit::Hooks,
    Edit::VolumeTags,
    Edit::AddressTags,
    Edit::Policies,
];
const HARMS: [Harm; 10] = [
    Harm::Kill,
    Harm::Stop,
    Harm::StopAndStart,
    Harm::PowerOff,
    Harm::Impair,
    Harm::Panic,
    Harm::Hang,
    Harm::Reboot,
    Harm::FailApp,
    Harm::HangApp,
];
const WEATHERS: [Weather; 5] = [
    Weather::Throttled,
    Weather::Error,
    Weather::AnswerLost,
    Weather::Late,
    Weather::Stale,
];
const SERVICES: [&str; 5] = ["ec2:", "autoscaling:", "iam:", "route53:", ""];

/// The events of a day. The first stack exists before them.
pub fn day(seed: u64) -> Vec<Event> {
    let mut rng = Rng::new(seed, "days");
    let count = number(&mut rng, 4, 12);
    (0..count).map(|_| event(&mut rng)).collect()
}

fn number(rng: &mut Rng, from: u64, to: u64) -> u64 {
    rng.between(Range::new(from, to))
}

fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    let last = of.len() as u64 - 1;
    of[usize::try_from(number(rng, 0, last)).unwrap_or(0)]
}

fn event(rng: &mut Rng) -> Event {
    let stack = usize::try_from(number(rng, 0, STACKS as u64 - 1)).unwrap_or(0);
    match number(rng, 0, 29) {
        0..=3 => Event::Apply(stack),
        4..=6 => Event::CutOff {
            stack,
            call: number(rng, 1, 40),
            after: rng.permille(500),
        },
        7..=8 => Event::TwoApply {
            stack,
            later_ms: number(rng, 0, 3_000),
        },
        9 => Event::ApplyAndDestroy {
            stack,
            later_ms: number(rng, 0, 3_000),
        },
        10..=11 => Event::Destroy(stack),
        12..=13 => Event::Change(stack, pick(rng, &CHANGES)),
        14..=15 => Event::Edit(stack, pick(rng, &EDITS)),
        16..=19 => Event::Harm(stack, pick(rng, &HARMS)),
        20 => Event::FailBoots(stack, rng.permille(600)),
        21..=22 => {
            let weather = pick(rng, &WEATHERS);
            Event::Storm(weather, u16::try_from(number(rng, 20, 300)).unwrap_or(20))
        }
        23 => Event::Outage(pick(rng, &SERVICES), number(rng, 1, 90)),
        24 => Event::NoCapacity(rng.permille(600)),
        _ => Event::Wait(number(rng, 1, 120)),
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
