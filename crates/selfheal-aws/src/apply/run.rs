//! The loop: plan, start what is ready, take an answer, plan again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{BoxFuture, Shared};
use futures::stream::{self, FuturesUnordered, StreamExt};
use jiff::Timestamp;
use selfheal_core::plan::{Approval, Plan, Step, StepId, StepKind, WaitFor};
use selfheal_core::spec::Spec;
use selfheal_core::world::{ApplicationCheckCall, Observed};
use selfheal_core::{Action, Answer, Found};

use super::dispatch::{detail_of, dispatch};
use super::error::{ApplyError, ApplyErrorKind, Done};
use super::known::Known;
use super::overtaken::{BUILT_ON, made_again, may_be_overtaken, parts_to_look_back, vanished};
use super::poll::{LISTING_LAG_MAX, MISSING_MAX, is_for_dns, schedule};
use super::{Goal, Outcome, ids};
use crate::backend::{Aws, CallResult};
use crate::control::{Control, Event};
use crate::error::{CallError, CallErrorKind};
use crate::observe::{Read, Reading, Scope, Source, missing, read, read_unread};
use crate::retry::{Repeat, backoff, retry_unless};

/// How often the effect of one step may be in doubt before the run gives up.
const DOUBTS_MAX: u32 = 5;

/// How often a listing is read after a create whose answer was lost, before the create is made again.
///
/// The first comes soon, since most often nothing lags. With the pauses between the others this is some fifteen seconds,
/// which is longer than a listing lags behind.
const READS_IN_DOUBT: u32 = 5;

/// How often one step may run: once, and again where what it made turned out to be gone.
const RUNS_MAX: usize = 3;

/// How many client tokens of things that are gone one run goes through: each is one for every time that the stack was
/// destroyed with its data and made again while AWS remembers tokens.
const TOKENS_MAX: usize = 50;

/// How a task ended.
enum TaskEnd {
    /// A step's call was answered, or failed for good.
    Step {
        step: StepId,
        action: Box<Action>,
        result: CallResult<Answer>,
    },
    /// What a step in doubt may have changed was read.
    Read {
        step: StepId,
        result: CallResult<Vec<Reading>>,
    },
    /// What a listing lacks, and other witnesses name, was read by its id.
    Found(CallResult<Vec<Found>>),
    /// What tells whether a wait is over was read.
    Polled {
        wait: WaitFor,
        result: CallResult<Vec<Reading>>,
    },
}

/// A wait that is being polled.
struct Poll {
    began: Timestamp,
    attempt: u32,
}

/// One run.
pub(super) struct Run<'a> {
    aws: &'a dyn Aws,
    spec: &'a Spec,
    goal: Goal,
    ctl: &'a Control<'a>,
    approval: Approval,
    world: Known<'a>,
    done: Vec<Done>,
    /// How often each step is done.
    runs: BTreeMap<StepId, usize>,
    in_flight: BTreeSet<StepId>,
    doubts: BTreeMap<StepId, u32>,
    polls: BTreeMap<WaitFor, Poll>,
    /// What failed of the name: told at the end, since nothing else of the stack needs it.
    put_off: Option<ApplyErrorKind>,
    /// Waits that were given up.
    given_up: BTreeSet<WaitFor>,
    steps: FuturesUnordered<BoxFuture<'a, TaskEnd>>,
    waits: FuturesUnordered<BoxFuture<'a, TaskEnd>>,
    /// Dropped when the run has failed: from then on no call is made again.
    halt: Option<oneshot::Sender<()>>,
    halted: Shared<oneshot::Receiver<()>>,
    /// Whether something is being read by its id.
    looking: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        aws: &'a dyn Aws,
        spec: &'a Spec,
        goal: Goal,
        shown: &Plan,
        world: Observed,
        ctl: &'a Control<'a>,
    ) -> Self {
        let (halt, halted) = oneshot::channel();
        Self {
            aws,
            spec,
            goal: goal.clone(),
            ctl,
            approval: Approval::of(shown),
            world: Known::new(spec, goal, world),
            done: Vec::new(),
            runs: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            doubts: BTreeMap::new(),
            polls: BTreeMap::new(),
            put_off: None,
            given_up: BTreeSet::new(),
            steps: FuturesUnordered::new(),
            waits: FuturesUnordered::new(),
            halt: Some(halt),
            halted: halted.shared(),
            looking: false,
        }
    }

    pub(super) async fn finish_all(mut self) -> Result<Outcome, ApplyError> {
        // Also what cannot run yet: it is too late to learn at the last step that somebody meant another resource.
        let plan = self.plan();
        if !plan.is_refused()
            && let Some(deviation) = plan.steps.iter().find_map(|step| self.approval.check(step).err())
        {
            return Err(self.fail(ApplyErrorKind::Changed(deviation)).await);
        }
        loop {
            if let Err(kind) = self.start_ready() {
                return Err(self.fail(kind).await);
            }
            let next = stream::select(&mut self.steps, &mut self.waits).next().await;
            let Some(end) = next else { return self.finish().await };
            if let Err(kind) = self.take(end) {
                return Err(self.fail(kind).await);
            }
        }
    }

    fn plan(&self) -> Arc<Plan> {
        self.world.plan()
    }

    /// Reads by its id what a new reading lacks and other witnesses name; answers whether that is under way.
    fn look_for_missing(&mut self) -> bool {
        if self.looking || !self.goal.rests_on_ownership() {
            return self.looking;
        }
        let unread = missing(self.spec, &self.world, self.goal.scope());
        if unread.is_empty() {
            return false;
        }
        self.looking = true;
        let source = Source::own(self.aws, self.ctl);
        self.steps
            .push(async move { TaskEnd::Found(read_unread(source, unread).await) }.boxed());
        true
    }

    /// Starts every step that is ready and every wait that has begun.
    fn start_ready(&mut self) -> Result<(), ApplyErrorKind> {
        // Nothing new is begun on the absence of what was there before.
        if self.look_for_missing() {
            return Ok(());
        }
        let plan = self.plan();
        if plan.is_refused() {
            return Err(ApplyErrorKind::Refused(plan.refusals.clone()));
        }
        for (step, action) in plan.ready() {
            let id = step.id();
            if self.in_flight.contains(&id) {
                continue;
            }
            if let Err(deviation) = self.approval.check(step) {
                self.fails(&id, ApplyErrorKind::Changed(deviation))?;
                continue;
            }
            if self.runs.get(&id).is_some_and(|runs| *runs >= RUNS_MAX) {
                return Err(ApplyErrorKind::NoProgress(id));
            }
            self.start(id, action.clone());
        }
        for wait in &plan.waits {
            if !self.polls.contains_key(wait) && !self.given_up.contains(wait) {
                self.ctl.progress.event(&Event::Waiting { wait });
                self.polls.insert(
                    wait.clone(),
                    Poll {
                        began: self.ctl.clock.now(),
                        attempt: 0,
                    },
                );
                self.poll(wait.clone(), Duration::ZERO);
            }
        }
        Ok(())
    }

    /// Takes down that a step has failed for good: at once for the run, or, where it is about the name, for its end.
    fn fails(&mut self, step: &StepId, kind: ApplyErrorKind) -> Result<(), ApplyErrorKind> {
        if !step.kind.is_for_name() {
            return Err(kind);
        }
        // It stays in flight, so that nothing begins it again.
        self.in_flight.insert(step.clone());
        self.put_off.get_or_insert(kind);
        Ok(())
    }

    fn start(&mut self, step: StepId, action: Action) {
        self.ctl.progress.event(&Event::Started { step: &step });
        self.in_flight.insert(step.clone());
        let (aws, ctl, halted) = (self.aws, self.ctl, self.halted.clone());
        let task = async move {
            let repeat = Repeat::Step(step.kind.repeat());
            let result = retry_unless(ctl, repeat, halted, || dispatch(aws, &action)).await;
            TaskEnd::Step {
                step,
                action: Box::new(action),
                result,
            }
        };
        self.steps.push(task.boxed());
    }

    fn take(&mut self, end: TaskEnd) -> Result<(), ApplyErrorKind> {
        match end {
            TaskEnd::Step { step, action, result } => self.take_step(step, &action, result),
            TaskEnd::Read { step, result } => {
                let readings = match result {
                    Ok(readings) => readings,
                    Err(error) => return self.step_fails(step, error),
                };
                self.in_flight.remove(&step);
                readings.iter().for_each(|reading| reading(&mut self.world));
                if !self.plan().has(&step) {
                    self.finished(step, String::new());
                }
                Ok(())
            }
            TaskEnd::Found(result) => {
                self.looking = false;
                let found = result.map_err(ApplyErrorKind::Reading)?;
                found.into_iter().for_each(|found| self.world.found(found));
                Ok(())
            }
            TaskEnd::Polled { wait, result } => self.take_poll(wait, result),
        }
    }

    fn take_step(&mut self, step: StepId, action: &Action, result: CallResult<Answer>) -> Result<(), ApplyErrorKind> {
        match result {
            Ok(answer) => self.succeeded(step, action, answer),
            Err(error) if step.kind.is_removal() && error.kind() == CallErrorKind::NotFound => {
                self.succeeded(step, action, Answer::Done);
            }
            Err(error) if error.kind() == CallErrorKind::NotFound && check_of(action).is_some() => {
                // AWS may repeat the answer to an old token, also for a check that is gone. The next plan makes another.
                check_of(action).iter().for_each(|id| self.world.give_up_check(id));
                self.in_flight.remove(&step);
            }
            Err(error)
                if error.kind() == CallErrorKind::TokenSpent
                    && self.world.run.spent_tokens.len() < TOKENS_MAX
                    && self.world.spend_token(action) =>
            {
                self.in_flight.remove(&step);
            }
            Err(error) if may_be_done(step.kind, error.kind()) => self.look_again(step, error)?,
            Err(error) => return self.step_fails(step, error),
        }
        Ok(())
    }

    fn step_fails(&mut self, step: StepId, error: CallError) -> Result<(), ApplyErrorKind> {
        self.fails(&step.clone(), ApplyErrorKind::Step { step, error })
    }

    fn succeeded(&mut self, step: StepId, action: &Action, answer: Answer) {
        let detail = detail_of(action, &answer);
        self.world.record_answer(action, answer);
        self.in_flight.remove(&step);
        self.finished(step, detail);
    }

    fn finished(&mut self, step: StepId, detail: String) {
        *self.runs.entry(step.clone()).or_default() += 1;
        let event = Event::Finished {
            step: &step,
            detail: &detail,
        };
        self.ctl.progress.event(&event);
        self.done.push(Done { step, detail });
    }

    /// Reads what a step may have changed. The step stays in flight until then, so that nothing repeats it blindly.
    fn look_again(&mut self, step: StepId, error: CallError) -> Result<(), ApplyErrorKind> {
        let doubts = self.doubts.entry(step.clone()).or_default();
        *doubts += 1;
        let doubts = *doubts;
        if doubts > DOUBTS_MAX {
            return self.step_fails(step, error);
        }
        // Something that exists after all was made by somebody else, who may have made more.
        let exists = error.kind() != CallErrorKind::Ambiguous;
        let parts = if exists {
            self.goal.scope().parts(self.spec)
        } else {
            vec![step.kind.part().into()]
        };
        let (aws, spec, goal, ctl) = (self.aws, self.spec, self.goal.clone(), self.ctl);
        let (planner, world) = (self.world.planner(), Observed::clone(&self.world));
        let task = async move {
            let mut readings = Ok(Vec::new());
            for attempt in 0..READS_IN_DOUBT {
                let pause = match attempt + doubts - 1 {
                    0 => backoff(ctl, Duration::from_millis(200), Duration::from_secs(8), 0),
                    later => backoff(ctl, Duration::from_secs(1), Duration::from_secs(8), later - 1),
                };
                ctl.progress.event(&Event::Retrying { error: &error, pause });
                ctl.clock.sleep(pause).await;
                let mut then = world.clone();
                readings = read_again(aws, spec, (goal.scope(), &parts), ctl, &mut then).await;
                if readings.is_err() {
                    break;
                }
                if !goal.plan_by(&planner, &then).has(&step) {
                    break;
                }
            }
            TaskEnd::Read { step, result: readings }
        };
        self.steps.push(task.boxed());
        Ok(())
    }

    fn poll(&mut self, wait: WaitFor, pause: Duration) {
        let (aws, spec, ctl) = (self.aws, self.spec, self.ctl);
        let parts = schedule(&wait).parts;
        let task = async move {
            if !pause.is_zero() {
                ctl.clock.sleep(pause).await;
            }
            TaskEnd::Polled {
                wait,
                result: read_all(aws, spec, parts, ctl).await,
            }
        };
        self.waits.push(task.boxed());
    }

    fn take_poll(&mut self, wait: WaitFor, result: CallResult<Vec<Reading>>) -> Result<(), ApplyErrorKind> {
        let readings = result.map_err(ApplyErrorKind::Reading)?;
        let Some(mut poll) = self.polls.remove(&wait) else {
            return Ok(());
        };
        readings.iter().for_each(|reading| reading(&mut self.world));
        let age = self.ctl.clock.now().duration_since(poll.began);
        if let WaitFor::VolumeSeen { id } = &wait
            && age >= MISSING_MAX
            && self.world.run.volumes.unseen.contains(id)
        {
            self.world.give_up_volume(id);
        }
        if wait == WaitFor::AddressesSettled && age >= LISTING_LAG_MAX {
            self.world.run.addresses.settled = true;
        }
        if wait == WaitFor::VolumesSettled && age >= LISTING_LAG_MAX {
            self.world.run.volumes.settled = true;
        }
        if let WaitFor::Rested { .. } = wait {
            self.world.run.volumes.rested = true;
        }
        if !self.plan().waits.contains(&wait) {
            self.ctl.progress.event(&Event::Arrived { wait: &wait });
            return Ok(());
        }
        let schedule = schedule(&wait);
        if age >= schedule.budget {
            if !is_for_dns(&wait) {
                return Err(ApplyErrorKind::TimedOut(wait));
            }
            self.given_up.insert(wait.clone());
            self.put_off.get_or_insert(ApplyErrorKind::TimedOut(wait));
            return Ok(());
        }
        let pause = backoff(self.ctl, schedule.first, schedule.longest, poll.attempt);
        poll.attempt += 1;
        self.polls.insert(wait.clone(), poll);
        self.poll(wait, pause);
        Ok(())
    }

    /// Lets the calls that are under way end, without making any of them again, and says what was made.
    async fn fail(mut self, kind: ApplyErrorKind) -> ApplyError {
        self.waits.clear();
        self.halt.take();
        while let Some(end) = self.steps.next().await {
            if let TaskEnd::Step {
                step,
                action,
                result: Ok(answer),
            } = end
            {
                self.succeeded(step, &action, answer);
            }
        }
        let kind = self.blame(kind).await;
        let left = ids(&self.plan());
        ApplyError {
            kind,
            done: self.done,
            left,
        }
    }

    /// What an apply that failed has to say of somebody who removed what it builds on, where that is why.
    async fn blame(&self, kind: ApplyErrorKind) -> ApplyErrorKind {
        if !matches!(self.goal, Goal::Apply | Goal::ApplyWith(_)) || !may_be_overtaken(&kind) {
            return kind;
        }
        // Read into an empty world: the run's own keeps what it made and no reading has shown.
        let Ok(readings) = read_all(self.aws, self.spec, BUILT_ON, self.ctl).await else {
            return kind;
        };
        let mut after = Observed::default();
        readings.iter().for_each(|reading| reading(&mut after));
        let gone = vanished(&self.world, &after);
        if gone.is_empty() {
            return kind;
        }
        let gone = gone.into_iter().map(|what| format!("{what} is gone")).collect();
        ApplyErrorKind::Overtaken(gone)
    }

    /// Reads a last time what a destroy removed: an apply that read the stack before may have made some of it again. A
    /// listing may also show for a while what is gone, so that it is read several times before anybody is told.
    async fn look_back(mut self) -> Result<Outcome, ApplyError> {
        let parts = parts_to_look_back(self.spec);
        let mut again = Vec::new();
        for attempt in 0..READS_IN_DOUBT {
            match read_all(self.aws, self.spec, &parts, self.ctl).await {
                Ok(readings) => readings.iter().for_each(|reading| reading(&mut self.world)),
                Err(error) => return Err(self.fail(ApplyErrorKind::Reading(error)).await),
            }
            again = made_again(&self.plan());
            if again.is_empty() {
                return Ok(Outcome {
                    observed: self.world.into_world(),
                    done: self.done,
                });
            }
            let pause = backoff(self.ctl, Duration::from_secs(1), Duration::from_secs(8), attempt);
            self.ctl.clock.sleep(pause).await;
        }
        let again = again.into_iter().map(|what| format!("{what} is there again")).collect();
        Err(self.fail(ApplyErrorKind::Overtaken(again)).await)
    }

    async fn finish(mut self) -> Result<Outcome, ApplyError> {
        if let Some(kind) = self.put_off.take() {
            return Err(self.fail(kind).await);
        }
        match self.plan().steps.first().map(Step::id) {
            None if matches!(self.goal, Goal::Destroy(_)) && !self.done.is_empty() => self.look_back().await,
            None => Ok(Outcome {
                observed: self.world.into_world(),
                done: self.done,
            }),
            Some(step) => Err(self.fail(ApplyErrorKind::NoProgress(step)).await),
        }
    }
}

/// Whether a failure leaves open that the step is done, by this run or by somebody else.
fn may_be_done(step: StepKind, kind: CallErrorKind) -> bool {
    match kind {
        CallErrorKind::Ambiguous | CallErrorKind::AlreadyExists => true,
        // A profile holds one role: adding it again exceeds that limit.
        CallErrorKind::LimitExceeded => step == StepKind::AddRoleToProfile,
        _ => false,
    }
}

/// The application status check that an action takes to exist.
fn check_of(action: &Action) -> Option<&str> {
    match action {
        Action::ApplicationCheck(ApplicationCheckCall::AssociateApplicationStatusCheck { id, .. })
        | Action::ApplicationCheck(ApplicationCheckCall::ModifyApplicationStatusCheck { id, .. }) => Some(id),
        _ => None,
    }
}

/// Reads parts anew, and by its id what they then lack, into a world as it would be.
async fn read_again<'a>(
    aws: &'a dyn Aws,
    spec: &'a Spec,
    (scope, parts): (Scope, &[Read]),
    ctl: &'a Control<'a>,
    then: &mut Observed,
) -> CallResult<Vec<Reading>> {
    let mut readings = read_all(aws, spec, parts, ctl).await?;
    readings.iter().for_each(|reading| reading(then));
    let unread = missing(spec, then, scope);
    if !unread.is_empty() {
        let found = read_unread(Source::own(aws, ctl), unread).await?;
        readings.push(Box::new(move |observed: &mut Observed| {
            found.iter().cloned().for_each(|found| observed.found(found));
        }));
        readings.iter().for_each(|reading| reading(then));
    }
    Ok(readings)
}

async fn read_all<'a>(
    aws: &'a dyn Aws,
    spec: &'a Spec,
    parts: &[impl Copy + Into<Read>],
    ctl: &'a Control<'a>,
) -> CallResult<Vec<Reading>> {
    let source = Source::own(aws, ctl);
    futures::future::try_join_all(parts.iter().map(|part| read(source, spec, (*part).into()))).await
}
