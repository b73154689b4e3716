//! A drill: a stack is made to fail, and its healing is watched, from outside and by what AWS tells.
//!
//! A [`Drill`] takes readings and what was heard at the address, and says when the stack has healed and whether it is what it was
//! before. It reads no clock: who reads says when.

mod page;
mod report;
mod restore;

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use page::page;
pub use report::{Check, DrillReport, TAG_DRILL};
pub use restore::{
    Contents, DRILL_DEVICE, Markers, RestoreDrill, RestoreDrillReport, Seen, TAG_MARKERS, TAG_RESTORE_DRILL,
};

use crate::existing::existing;
use crate::names::{TAG_FAILED_BOOTS, TAG_PARKED, TAG_REPAIRS};
use crate::plan::Refusal;
use crate::spec::{HealthProbe, Spec};
use crate::watch::{Failing, Phase, Reached, Verdict, Watch};
use crate::world::{AllocationId, InstanceId, Observed, SnapshotState, VolumeId};

/// The age at which the last snapshot is too old for a drill.
const SNAPSHOT_AGE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How often in a row somebody must answer until a stack counts as healed: an app that starts may answer once and fall over.
const ANSWERS: u32 = 3;

/// How a stack is made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The group ends the instance.
    Terminate,
    /// The app's processes are stopped where they are.
    App,
    /// The kernel panics.
    Hang,
    /// The machine starts anew.
    Reboot,
    /// The machine goes off.
    Poweroff,
}

impl How {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Terminate, Self::App, Self::Hang, Self::Reboot, Self::Poweroff];

    /// Its name, which is also what the instance is told that makes itself fail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::App => "app",
            Self::Hang => "hang",
            Self::Reboot => "reboot",
            Self::Poweroff => "poweroff",
        }
    }

    /// What is done: a clause.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Terminate => "the group ends the instance and launches another",
            Self::App => "the app's processes are stopped where they are, so that it answers nobody",
            Self::Hang => "the kernel of the instance panics",
            Self::Reboot => "the instance starts anew",
            Self::Poweroff => "the instance goes off, and the group launches another",
        }
    }

    /// What it costs: how long the stack is down, as far as anybody knows beforehand.
    #[must_use]
    pub const fn costs(self) -> &'static str {
        match self {
            Self::Terminate | Self::Poweroff => {
                "the stack is down for one to four minutes, and for the app's own setup"
            }
            Self::App => {
                "the stack is down until the watchdog has noticed and restarted the app: some ten seconds to a minute"
            }
            Self::Hang => {
                "the stack is down for half a minute to two, or for ten where nothing starts the machine anew"
            }
            Self::Reboot => "the stack is down for half a minute to two",
        }
    }

    /// Whether another instance must take the place of this one.
    #[must_use]
    pub const fn replaces(self) -> bool {
        matches!(self, Self::Terminate | Self::Poweroff)
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for How {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|how| how.as_str() == text);
        found.ok_or_else(|| format!("expected one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// What is asked at the address from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outside {
    /// An HTTP request; a status from 200 to 399 counts.
    Http {
        /// The port.
        port: u16,
        /// The path with its query.
        path: String,
    },
    /// A connection.
    Tcp {
        /// The port.
        port: u16,
    },
}

impl Outside {
    /// What is asked of a stack; `None` where the spec tells of no port.
    #[must_use]
    pub fn of(spec: &Spec) -> Option<Self> {
        if spec.https.is_some() {
            return Some(Self::Tcp { port: 443 });
        }
        match &spec.app.health.as_ref()?.probe {
            HealthProbe::Http { tls: false, port, path } => Some(Self::Http {
                port: *port,
                path: path.clone(),
            }),
            HealthProbe::Http { port, .. } | HealthProbe::Tcp { port } => Some(Self::Tcp { port: *port }),
            HealthProbe::Command { .. } => None,
        }
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match self {
            Self::Http { port, .. } | Self::Tcp { port } => *port,
        }
    }
}

/// A moment of a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The stack was made to fail.
    Failed,
    /// Nobody answered at the address for the first time.
    Silent,
    /// Somebody answered at the address again, and went on to.
    Answering,
    /// The marker on the data volume was read.
    Marker,
    /// A copy of a snapshot's data was made.
    CopyMade,
    /// It was attached to the instance.
    CopyAttached,
    /// The instance has read it.
    CopyRead,
    /// It is gone again.
    CopyRemoved,
    /// A phase of the healing, as AWS tells it.
    #[serde(untagged)]
    Phase(Phase),
}

impl Moment {
    /// What came to pass: a clause.
    #[must_use]
    pub const fn happened(self) -> &'static str {
        match self {
            Self::Failed => "is made to fail",
            Self::Silent => "does not answer",
            Self::Phase(phase) => phase.happened(),
            Self::Answering => "answers again",
            Self::Marker => "has read the marker",
            Self::CopyMade => "is about to be shown a copy of the snapshot's data",
            Self::CopyAttached => "has the copy attached",
            Self::CopyRead => "has read the copy",
            Self::CopyRemoved => "has nothing of the copy any more",
        }
    }
}

/// A moment, with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// What came to pass.
    pub what: Moment,
    /// The instance that it is about.
    pub instance: InstanceId,
    /// When it was seen, RFC 3339: up to a second later than it was where it is seen from outside, and five where AWS tells it.
    pub at: Timestamp,
    /// Milliseconds since the stack was made to fail.
    pub after_ms: u64,
}

/// How a drill stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The stack is not what it is to be yet.
    Healing,
    /// The stack serves from this instance.
    Healed(InstanceId),
    /// Something keeps it from that.
    Failing(Failing),
}

/// Says why a stack is not to be drilled so; nothing where it may be. `last_day` tells whether its last snapshot must be of the last day;
/// `answers` whether somebody answers at its address.
#[must_use]
pub fn refusals(
    spec: &Spec,
    observed: &Observed,
    how: How,
    now: Timestamp,
    (last_day, answers): (bool, bool),
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut refuse = |code: &str, message: String, help: &str| {
        refusals.push(Refusal {
            code: code.to_owned(),
            message,
            help: help.to_owned(),
        });
    };
    if let Some(why) = not_serving(spec, observed, now) {
        refuse(&why.code, why.message, &why.help);
    }
    let group = observed.group.as_ref();
    // A stack that has parked itself may serve all the same: it would not heal.
    if let Some(parked) = group.and_then(|group| group.tags.get(TAG_PARKED)) {
        let message = format!("the stack has parked itself: {parked}");
        refuse("parked", message, "`selfheal resume` lets it heal again");
    }
    if group.is_some_and(|group| group.instances.len() > 1) {
        let message = "the instance is being replaced".to_owned();
        refuse("being-replaced", message, "`selfheal wait` waits for the next one");
    }
    let needed = ["Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy"];
    if group.is_some_and(|group| needed.iter().any(|process| group.suspends(process))) {
        let message = "the group is kept from replacing what fails".to_owned();
        refuse("suspended", message, "`selfheal resume` lets it act again");
    }
    if how == How::App && (spec.app.units.is_empty() || !spec.repairs_in_place()) {
        let message = "nobody could stop the app and start it again".to_owned();
        refuse(
            "no-units",
            message,
            "`--how app` needs `app.units`, a health check and `app.repair = \"restart\"`",
        );
    }
    if !how.replaces() && !answers {
        let message = format!(
            "nobody answers at the address from here, and `--how {how}` keeps the instance: nobody would see it heal"
        );
        refuse(
            "unseen",
            message,
            "run it where the app's port is open to, or drill by `--how terminate`",
        );
    }
    if last_day && lacks_snapshot(spec, observed, now) {
        let message = "the data has no snapshot of the last day".to_owned();
        refuse(
            "no-snapshot",
            message,
            "`selfheal snapshot --wait` takes one, and `--no-snapshot` does without",
        );
    }
    refusals
}

/// Why a stack does not serve; `None` where it does.
fn not_serving(spec: &Spec, observed: &Observed, now: Timestamp) -> Option<Refusal> {
    let mut watch = Watch::new(observed, now);
    watch.look(spec, observed, now);
    let refusal = |message: String, help: &str| Refusal {
        code: "not-serving".to_owned(),
        message,
        help: help.to_owned(),
    };
    match watch.verdict(spec, observed) {
        Verdict::Serving(_) => None,
        Verdict::Failing(failing) => Some(refusal(failing.to_string(), failing.help())),
        Verdict::Waiting(missing) => {
            let next = missing.first().map_or("its instance", |phase| phase.awaited());
            let message = format!("the stack does not serve: it waits for {next}");
            Some(refusal(message, "`selfheal wait` waits until it does"))
        }
    }
}

/// Whether there are data without a snapshot of the last day.
fn lacks_snapshot(spec: &Spec, observed: &Observed, now: Timestamp) -> bool {
    let newest = newest_snapshot(spec, observed);
    spec.data.is_some() && newest.is_none_or(|at| now.duration_since(at) > SNAPSHOT_AGE_MAX)
}

/// When the newest snapshot of the data volume was taken that is completed.
fn newest_snapshot(spec: &Spec, observed: &Observed) -> Option<Timestamp> {
    let volume = existing(spec, observed).volume?.id;
    let completed = observed
        .snapshots
        .iter()
        .filter(|it| it.state == SnapshotState::Completed && it.volume_id == volume);
    completed.map(|it| it.started_at).max()
}

/// A drill that is under way.
#[derive(Clone, Debug)]
pub struct Drill {
    how: How,
    began: Timestamp,
    before: Before,
    outside: bool,
    watch: Watch,
    entries: Vec<Entry>,
    silent: bool,
    /// How often in a row somebody has answered since.
    answered: u32,
}

/// What a stack was before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Before {
    instance: InstanceId,
    allocation_id: AllocationId,
    public_ip: String,
    volume_id: Option<VolumeId>,
    failed_boots: String,
    repairs: String,
    marker: Option<String>,
}

fn group_tag(observed: &Observed, key: &str) -> String {
    let group = observed.group.as_ref();
    group.and_then(|group| group.tags.get(key)).cloned().unwrap_or_default()
}

impl Drill {
    /// Begins, at the moment at which the stack is made to fail, from what was read of it before. `marker` is what was written to the data
    /// volume, and `outside` whether somebody answered at the address. `None` where the stack does not serve.
    #[must_use]
    pub fn begin(
        spec: &Spec,
        observed: &Observed,
        how: How,
        marker: Option<String>,
        outside: bool,
        at: Timestamp,
    ) -> Option<Self> {
        let found = existing(spec, observed);
        let instance = observed.group.as_ref()?.foremost().first()?.id.clone();
        let address = found.address?;
        let watch = Watch::new(observed, at);
        let mut drill = Self {
            how,
            began: at,
            before: Before {
                instance: instance.clone(),
                allocation_id: address.allocation_id,
                public_ip: address.public_ip,
                volume_id: found.volume.map(|volume| volume.id),
                failed_boots: group_tag(observed, TAG_FAILED_BOOTS),
                repairs: group_tag(observed, TAG_REPAIRS),
                marker,
            },
            outside,
            watch: if how.replaces() {
                watch.replacing(instance.clone())
            } else {
                watch
            },
            entries: Vec::new(),
            silent: false,
            answered: 0,
        };
        // What held before comes to pass by no healing.
        drill.watch.look(spec, observed, at);
        drill.note(Moment::Failed, instance, at);
        Some(drill)
    }

    /// What has come to pass so far, in the order in which it was seen.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The address that is to answer again.
    #[must_use]
    pub fn public_ip(&self) -> &str {
        &self.before.public_ip
    }

    /// The instance that is made to fail.
    #[must_use]
    pub const fn instance(&self) -> &InstanceId {
        &self.before.instance
    }

    fn note(&mut self, what: Moment, instance: InstanceId, at: Timestamp) -> Entry {
        let after_ms = u64::try_from(at.duration_since(self.began).as_millis()).unwrap_or(0);
        let entry = Entry {
            what,
            instance,
            at,
            after_ms,
        };
        self.entries.push(entry.clone());
        entry
    }

    /// Takes a reading; answers what it shows for the first time.
    pub fn look(&mut self, spec: &Spec, observed: &Observed, at: Timestamp) -> Vec<Entry> {
        let reached: Vec<Reached> = self.watch.look(spec, observed, at);
        reached
            .into_iter()
            .map(|it| self.note(Moment::Phase(it.phase), it.instance, at))
            .collect()
    }

    /// Takes whether somebody answers at the address; answers what that shows for the first time.
    pub fn hear(&mut self, observed: &Observed, answers: bool, at: Timestamp) -> Option<Entry> {
        let foremost = observed
            .group
            .as_ref()
            .and_then(|group| group.foremost().first().map(|it| it.id.clone()));
        let instance = foremost.unwrap_or_else(|| self.before.instance.clone());
        if !answers {
            let again = std::mem::take(&mut self.answered) > 0;
            if again {
                // It was no end of the silence.
                self.entries.retain(|entry| entry.what != Moment::Answering);
            }
            let first = !std::mem::replace(&mut self.silent, true);
            return first.then(|| self.note(Moment::Silent, instance, at));
        }
        if !self.silent {
            return None;
        }
        self.answered = self.answered.saturating_add(1);
        (self.answered == 1).then(|| self.note(Moment::Answering, instance, at))
    }

    /// Says how it stands by the last reading and by what was heard.
    #[must_use]
    pub fn standing(&self, spec: &Spec, observed: &Observed) -> Standing {
        match self.watch.verdict(spec, observed) {
            Verdict::Failing(failing) if !failing.may_pass() => Standing::Failing(failing),
            Verdict::Serving(id) if !self.outside || self.answered >= ANSWERS => Standing::Healed(id),
            _ => Standing::Healing,
        }
    }

    /// Ends. `marker` is what the data volume holds now, or why that is not known.
    #[must_use]
    pub fn end(
        mut self,
        spec: &Spec,
        observed: &Observed,
        marker: Option<Result<String, String>>,
        at: Timestamp,
    ) -> DrillReport {
        if let (Some(Ok(_)), Standing::Healed(id)) = (&marker, self.standing(spec, observed)) {
            self.note(Moment::Marker, id, at);
        }
        report::of(self, spec, observed, marker)
    }
}
