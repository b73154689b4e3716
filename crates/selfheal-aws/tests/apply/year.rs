//! A year of a stack that works by office hours, in five time zones with both changes of clocks: with applies, commands by
//! hand, two operators at once, faults and kills in between.
//!
//! What ought to be is computed here by hand from the clock on the wall, and not by what the planner and the simulated AWS
//! share.

use selfheal_core::world::InstanceId;
use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use selfheal_aws::Goal;
use selfheal_aws::sim::{Fault, FaultPlan, FaultRule, Sim, SimConfig, SimError, When, World};
use selfheal_core::plan::SleepUntil;
use selfheal_core::spec::{HealthFrom, NotifySpec, NotifyTo, Spec};

use crate::schedule::{desired, office, rests};
use crate::support::{look, probed, run, serving};

const GROUP: &str = "selfheal-web";
const OPS: &str = "ops@example.com";

/// How late AWS may be.
const LATE_MAX: SignedDuration = SignedDuration::from_mins(2);

/// How long a boot takes at most where nothing goes wrong.
const BOOT_MAX: SignedDuration = SignedDuration::from_mins(15);

/// Draws what happens, independently of what the world draws.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Whether the office is open at an instant.
fn is_open(at: &Zoned) -> bool {
    !matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday) && (8..20).contains(&at.hour())
}

/// What somebody did by hand, and until when it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hand {
    /// Nobody did: the schedule holds.
    Off,
    /// It was put to sleep, until the next start.
    Slept,
    /// It was put to sleep until somebody wakes it.
    Deep,
    /// It was woken, until the next stop.
    Woken,
}

struct Year {
    sim: Sim,
    spec: Spec,
    zone: TimeZone,
    dice: Dice,
    hand: Hand,
    /// Instances that were in service, to tell that nights are real.
    seen: BTreeSet<InstanceId>,
    turns: u32,
    offsets: BTreeSet<i32>,
    /// Draws the mornings without capacity.
    mornings: Dice,
    /// How many of them there were.
    sold_out: u32,
}

impl Year {
    fn new(zone: &str, seed: u64) -> Self {
        let mut spec = probed(HealthFrom::Instance);
        spec.schedule = Some(office(zone));
        spec.notify = Some(NotifySpec {
            to: NotifyTo::Own {
                emails: vec![OPS.to_owned()],
                webhook: None,
            },
            disk_percent: NotifySpec::DISK_PERCENT_DEFAULT,
            terminations: false,
        });
        let zone = TimeZone::get(zone).expect("it is known");
        // A Monday morning, when the office is open.
        let start = "2026-01-05T10:00".parse::<jiff::civil::DateTime>().expect("a time");
        let config = SimConfig {
            start: zone.to_timestamp(start).expect("it exists"),
            ..SimConfig::seeded(seed)
        };
        Self {
            sim: Sim::new(config),
            spec,
            zone,
            dice: Dice(seed),
            hand: Hand::Off,
            seen: BTreeSet::new(),
            turns: 0,
            offsets: BTreeSet::new(),
            mornings: Dice(seed ^ 0x5eed),
            sold_out: 0,
        }
    }

    fn now(&self) -> Zoned {
        self.sim.inspect(World::now).to_zoned(self.zone.clone())
    }

    fn to(&self, at: Timestamp) {
        let ahead = at.duration_since(self.now().timestamp());
        self.sim.advance(Duration::try_from(ahead).unwrap_or_default());
    }

    /// Runs a command until it succeeds, whatever goes wrong with it.
    fn command(&self, goal: Goal) {
        for _ in 0..4 {
            match self.sim.block_on(run(&self.sim, &self.spec, goal.clone())) {
                Ok(Ok(_)) => return,
                Ok(Err(_)) | Err(SimError::Crashed { .. }) => {}
                Err(error) => panic!("{error}\n{}", self.sim.trace_text()),
            }
            self.sim.set_faults(FaultPlan::none());
        }
        panic!("{goal:?} does not succeed\n{}", self.sim.trace_text());
    }

    /// Lets something go wrong with the next calls.
    fn trouble(&mut self) {
        let faults = [
            Fault::CrashBefore,
            Fault::CrashAfter,
            Fault::AnswerLost,
            Fault::ErrorBeforeEffect,
            Fault::Throttle,
        ];
        let fault = faults[usize::try_from(self.dice.below(5)).expect("it is small")].clone();
        self.sim.set_faults(FaultPlan {
            rules: vec![FaultRule {
                when: When::Call(1 + self.dice.below(20)),
                caller: None,
                fault,
                times: Some(1),
            }],
            ..FaultPlan::none()
        });
    }

    /// Something that happens in the middle of a day or of a night.
    fn something(&mut self) {
        match self.dice.below(12) {
            0 | 1 => self.command(Goal::Apply),
            2 => {
                self.trouble();
                // Another type each time, so that an apply has something to do.
                let types = ["t4g.small", "t4g.medium", "t4g.large"];
                self.spec.instance.instance_type =
                    types[usize::try_from(self.dice.below(3)).expect("it is small")].to_owned();
                self.command(Goal::Apply);
            }
            3 => {
                let (alice, bob) = (self.sim.as_operator("alice"), self.sim.as_operator("bob"));
                let both = join(run(&alice, &self.spec, Goal::Apply), run(&bob, &self.spec, Goal::Apply));
                drop(self.sim.block_on(both).expect("no crash"));
            }
            4 | 5 => {
                if let Some((instance, ..)) = serving(&self.sim) {
                    self.sim.kill_instance(&instance);
                }
            }
            6 => {
                self.trouble();
                self.command(Goal::Sleep(SleepUntil::Schedule));
                // It lasts until the next start, unless the schedule is suspended already.
                if self.hand != Hand::Deep {
                    self.hand = Hand::Slept;
                }
            }
            7 if self.dice.below(2) == 0 => {
                self.trouble();
                self.command(Goal::Sleep(SleepUntil::Wake));
                self.hand = Hand::Deep;
            }
            8 => {
                self.trouble();
                self.command(Goal::Wake { wait: false });
                self.hand = Hand::Woken;
            }
            _ => {}
        }
        self.sim.set_faults(FaultPlan::none());
    }

    /// Whether the stack is to serve, by the clock and by who interfered.
    fn is_to_serve(&self) -> bool {
        match self.hand {
            Hand::Off => is_open(&self.now()),
            Hand::Slept | Hand::Deep => false,
            Hand::Woken => true,
        }
    }

    /// The next time at which the office opens or closes.
    fn next_turn(&self) -> Zoned {
        let open = is_open(&self.now());
        // Every offset from UTC is a multiple of half an hour here.
        let half_hours = self.now().timestamp().as_second() / 1_800;
        let later = (half_hours + 1..).map(|step| Timestamp::from_second(step * 1_800).expect("it is this year"));
        let mut later = later.map(|at| at.to_zoned(self.zone.clone()));
        later.find(|at| is_open(at) != open).expect("a week has both")
    }

    /// Subjects of what was delivered from then on, in logical milliseconds.
    fn heard_since(&self, at_ms: u64) -> Vec<String> {
        self.sim.inspect(|world| {
            let messages = world.topics.values().flat_map(|topic| &topic.messages);
            let heard = messages.filter(|it| it.at_ms >= at_ms && it.delivered.iter().any(|to| to == OPS));
            heard.map(|it| it.subject.clone()).collect()
        })
    }

    /// Whether EC2 has no capacity this morning.
    fn refuses_this_morning(&mut self, opens: bool) -> bool {
        let refuses = opens && self.mornings.below(12) == 0;
        self.refuse_launches(refuses);
        refuses
    }

    fn refuse_launches(&self, refuse: bool) {
        let zones: BTreeSet<String> = self.sim.inspect(|world| {
            let subnets = world.subnets.values();
            subnets.map(|record| record.subnet.zone.clone()).collect()
        });
        zones.iter().for_each(|zone| self.sim.refuse_launches(zone, refuse));
    }

    /// A morning without capacity is told; then there is some again, and the group launches by itself.
    fn told_of_no_capacity(&mut self, since_ms: u64) {
        let heard = self.heard_since(since_ms);
        let told = heard
            .iter()
            .filter(|it| it.ends_with("EC2_INSTANCE_LAUNCH_ERROR"))
            .count();
        assert!(told > 0, "{}: {heard:?}\n{}", self.now(), self.sim.trace_text());
        self.sold_out += 1;
        self.refuse_launches(false);
        self.to(self.now().timestamp() + SignedDuration::from_hours(2));
    }

    #[track_caller]
    fn check(&self, late: &str) {
        let (now, wants) = (self.now(), u32::from(self.is_to_serve()));
        let have = desired(&self.sim);
        assert_eq!(have, wants, "{now}, {late}, {:?}\n{}", self.hand, self.sim.trace_text());
        assert!(self.sim.violations().is_empty());
    }

    fn run(&mut self) {
        self.command(Goal::Apply);
        self.sim.tamper(|world| assert!(world.confirm_subscription(OPS)));
        let end = self.now().checked_add(1.year()).expect("a year later");
        while self.now() < end {
            let turn = self.next_turn();
            let length = turn.timestamp().duration_since(self.now().timestamp());
            // Somewhere in between, far enough from both ends for what it sets going.
            let before = turn.timestamp().checked_sub(length / 2).expect("it is this year");
            self.to(before);
            self.something();
            self.to(before + SignedDuration::from_hours(1));
            self.check("an hour after something happened");
            self.settle();
            self.to(turn.timestamp() - SignedDuration::from_secs(1));
            self.check("just before a turn");
            let (slept, since_ms) = (!self.is_to_serve(), self.sim.now_ms());
            let refuses = self.refuses_this_morning(is_open(&turn));
            self.to((turn.timestamp() + LATE_MAX).max(self.now().timestamp()));
            let opens = is_open(&turn);
            match (self.hand, opens) {
                (Hand::Slept, true) | (Hand::Woken, false) => self.hand = Hand::Off,
                // Nobody stays away for ever.
                (Hand::Deep, true) if self.dice.below(3) == 0 => {
                    self.command(Goal::Wake { wait: false });
                    self.hand = Hand::Off;
                }
                _ => {}
            }
            // What was done in the sense of the schedule is no deviation from it.
            if (self.hand == Hand::Slept && !is_open(&self.now())) || (self.hand == Hand::Woken && is_open(&self.now()))
            {
                self.hand = Hand::Off;
            }
            self.check("two minutes after a turn");
            self.to(turn.timestamp() + BOOT_MAX);
            match (slept, self.is_to_serve()) {
                (true, true) if refuses => self.told_of_no_capacity(since_ms),
                // Nobody is told of a night.
                (false, false) => assert_eq!(self.heard_since(since_ms), [""; 0], "{}", self.now()),
                _ => self.refuse_launches(false),
            }
            self.settle();
            self.turns += 1;
            self.offsets.insert(self.now().offset().seconds());
            self.sim.drain_trace();
        }
    }

    /// Checks that what is to serve serves, with volume and address, and that what is to sleep holds neither.
    fn settle(&mut self) {
        if self.is_to_serve() {
            let (instance, ..) = serving(&self.sim).unwrap_or_else(|| {
                panic!(
                    "{} {:?}: it does not serve\n{}",
                    self.now(),
                    self.hand,
                    self.sim.trace_text()
                )
            });
            self.seen.insert(instance);
        } else {
            assert!(
                rests(&self.sim),
                "{} {:?}\n{}",
                self.now(),
                self.hand,
                self.sim.trace_text()
            );
        }
    }
}

fn a_year_in(zone: &str, seed: u64) {
    let mut year = Year::new(zone, seed);
    year.run();
    // 261 working days, two turns each.
    assert!((500..=530).contains(&year.turns), "{zone}: {} turns", year.turns);
    assert_eq!(year.offsets.len(), 2, "{zone}: both changes of clocks are in it");
    assert!(year.sold_out > 5, "{zone}: {} mornings without capacity", year.sold_out);
    assert!(year.seen.len() > 200, "{zone}: {} instances", year.seen.len());
    // Nothing was lost: one volume, written to by each of them, and one address.
    year.sim.inspect(|world| {
        assert_eq!((world.addresses.len(), world.groups[GROUP].scheduled.len()), (1, 2));
        let data = |record: &&selfheal_aws::sim::VolumeRecord| record.volume.tags.contains_key("selfheal:filesystem");
        let volumes: Vec<_> = world.volumes.values().filter(data).collect();
        assert_eq!(volumes.len(), 1);
        let selfheal_aws::sim::Content::Filesystem { writes, .. } = volumes[0].content else {
            panic!("{:?}", volumes[0].content);
        };
        assert!(
            writes as usize >= year.seen.len(),
            "{writes} boots wrote to it, {} served",
            year.seen.len()
        );
    });
    assert!(look(&year.sim, &year.spec, Goal::Apply).refusals.is_empty());
}

#[test]
fn in_paris() {
    a_year_in("Europe/Paris", 1);
}

#[test]
fn in_new_york() {
    a_year_in("America/New_York", 2);
}

#[test]
fn in_sydney() {
    a_year_in("Australia/Sydney", 3);
}

#[test]
fn in_santiago() {
    a_year_in("America/Santiago", 4);
}

/// Where the clocks change by half an hour.
#[test]
fn on_lord_howe() {
    a_year_in("Australia/Lord_Howe", 5);
}
