//! What a run knows of the world, and the plan that follows from it.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use selfheal_core::plan::{Plan, Planner};
use selfheal_core::spec::Spec;
use selfheal_core::world::Observed;

use super::Goal;

/// The observed world of a run. Whoever changes it by that gives up the plan that was made of it, which is made anew when
/// it is next asked for.
pub(super) struct Known<'a> {
    goal: Goal,
    planner: Arc<Planner<'a>>,
    world: Observed,
    plan: OnceLock<Arc<Plan>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(spec: &'a Spec, goal: Goal, world: Observed) -> Self {
        Self {
            goal,
            planner: Arc::new(Planner::new(spec)),
            world,
            plan: OnceLock::new(),
        }
    }

    /// The plan of the world as it is known now.
    pub(super) fn plan(&self) -> Arc<Plan> {
        let plan = || Arc::new(self.goal.plan_by(&self.planner, &self.world));
        Arc::clone(self.plan.get_or_init(plan))
    }

    /// The planner of this run.
    pub(super) fn planner(&self) -> Arc<Planner<'a>> {
        Arc::clone(&self.planner)
    }

    pub(super) fn into_world(self) -> Observed {
        self.world
    }
}

impl Deref for Known<'_> {
    type Target = Observed;

    fn deref(&self) -> &Observed {
        &self.world
    }
}

impl DerefMut for Known<'_> {
    fn deref_mut(&mut self) -> &mut Observed {
        self.plan.take();
        &mut self.world
    }
}
