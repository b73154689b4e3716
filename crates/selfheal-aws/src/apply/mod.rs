//! Making a plan so.
//!
//! # Expected flow
//! Every ready step runs at once. Each answer goes into the observed world, which is planned again in memory; what has become
//! ready runs then, without waiting for its neighbours. The wall time is the longest chain of round trips, not their sum.
//!
//! # Guarantees
//! - What is executed was part of the plan that was shown, with the values that were shown; otherwise the run stops with
//!   [`ApplyErrorKind::Changed`].
//! - A call whose effect is unknown is never repeated blindly: what it may have made is read first.
//! - Safe to cancel at any await, and to kill: running it again continues, makes nothing twice and orphans nothing.
//! - A failure lets the calls that are under way end, starts nothing new, and says what was made.
//!
//! # Assumptions
//! The plan was made from the observed world that is handed over. One older than [`FRESH`] is read again first.

mod dispatch;
mod error;
mod known;
mod overtaken;
mod poll;
mod run;

use jiff::SignedDuration;
use selfheal_core::plan::{
    DestroyOptions, Plan, PlanOptions, Planner, RestoreOptions, SleepUntil, SnapshotOptions, Step, StepId,
};
use selfheal_core::spec::Spec;
use selfheal_core::world::{InstanceId, Observed, SnapshotId};

use crate::backend::Aws;
use crate::control::Control;
use crate::observe::{Scope, observe};

pub use error::{ApplyError, ApplyErrorKind, Done};

/// How old the observed world may be when the first step runs: a person may have thought about the plan for an hour.
pub const FRESH: SignedDuration = SignedDuration::from_secs(10);

/// What a run is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Goal {
    /// The world as the spec says.
    Apply,
    /// The same, with what a person has asked for beside the spec.
    ApplyWith(PlanOptions),
    /// The stack gone.
    Destroy(DestroyOptions),
    /// A parked stack at work again.
    Resume,
    /// The stack asleep.
    Sleep(SleepUntil),
    /// The stack awake.
    Wake {
        /// Whether the run waits until an instance is in service.
        wait: bool,
    },
    /// This instance replaced by the next one; of a stack that has none, the refusal that says so.
    Replace(Option<InstanceId>),
    /// The group pinned to this version of its launch template.
    Rollback(u64),
    /// A snapshot, or a copy, of the data volume.
    Snapshot(SnapshotOptions),
    /// Another volume in the place of the data volume.
    Restore(RestoreOptions),
    /// A volume of a snapshot that nothing of the stack uses.
    VolumeOfSnapshot {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The volume's zone; where it is `None`, that of the stack.
        zone: Option<String>,
    },
}

impl Goal {
    /// Whether a plan for it rests on what the stack owns, so that what a listing lacks has to be read by its id.
    pub(crate) const fn rests_on_ownership(&self) -> bool {
        !matches!(
            self,
            Self::Resume | Self::Sleep(_) | Self::Wake { .. } | Self::Replace(_)
        )
    }

    /// The plan for this goal.
    #[must_use]
    pub fn plan(&self, spec: &Spec, observed: &Observed) -> Plan {
        self.plan_by(&Planner::new(spec), observed)
    }

    /// The same, by a planner that may have planned before.
    fn plan_by(&self, planner: &Planner<'_>, observed: &Observed) -> Plan {
        match self {
            Self::Apply => planner.plan(observed, &PlanOptions::default()),
            Self::ApplyWith(options) => planner.plan(observed, options),
            Self::Destroy(options) => planner.destroy(observed, options),
            Self::Resume => planner.resume(observed),
            Self::Sleep(until) => planner.sleep(observed, *until),
            Self::Snapshot(options) => planner.snapshot(observed, *options),
            Self::Restore(options) => planner.restore(observed, options),
            Self::VolumeOfSnapshot { snapshot, zone } => {
                planner.volume_of_snapshot(observed, snapshot, zone.as_deref())
            }
            Self::Rollback(version) => planner.rollback(observed, *version),
            Self::Replace(instance) => planner.replace(observed, instance.as_ref()),
            Self::Wake { wait } => planner.wake(observed, *wait),
        }
    }

    /// How much has to be read for it.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self {
            Self::Destroy(_) => Scope::Destroy,
            Self::Apply | Self::ApplyWith(_) => Scope::Plan,
            Self::Resume => Scope::Resume,
            Self::Replace(_) => Scope::Replace,
            Self::Rollback(version) => Scope::Rollback(*version),
            Self::Snapshot(_) => Scope::Snapshot,
            Self::Restore(_) | Self::VolumeOfSnapshot { .. } => Scope::Restore,
            Self::Sleep(_) | Self::Wake { .. } => Scope::Sleep,
        }
    }
}

/// What a run has done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The world as it is now, as far as the answers tell.
    pub observed: Observed,
    /// The steps that ran, in the order in which they ended.
    pub done: Vec<Done>,
}

/// Executes a plan that was shown.
///
/// # Errors
/// [`ApplyError`] says what was done, what failed, what is left, and whether running it again helps.
pub async fn apply(
    aws: &dyn Aws,
    spec: &Spec,
    goal: Goal,
    shown: &Plan,
    observed: Observed,
    ctl: &Control<'_>,
) -> Result<Outcome, ApplyError> {
    let age = ctl.clock.now().duration_since(observed.observed_at);
    let observed = if age > FRESH {
        observe(aws, spec, goal.scope(), ctl)
            .await
            .map_err(ApplyError::reading)?
    } else {
        observed
    };
    run::Run::new(aws, spec, goal, shown, observed, ctl).finish_all().await
}

/// The steps of a plan, for telling what is left.
fn ids(plan: &Plan) -> Vec<StepId> {
    plan.steps.iter().map(Step::id).collect()
}
