//! What the commands that change something have in common: plan, show, ask, execute.

use selfheal_aws::{ApplyError, Done, Goal, Outcome};
use selfheal_core::Observed;
use selfheal_core::plan::{Approval, Plan, StepKind, script_changes};

use super::doctor::tell_before_first_apply;
use crate::done::DoneStep;
use crate::error::CliError;
use crate::progress::Reporter;
use crate::prompt::{Question, confirm};
use crate::session::Session;

/// How a change is made.
#[derive(Clone, Debug)]
pub struct How<'a> {
    /// What is to be reached.
    pub goal: Goal,
    /// Whether to go on without asking.
    pub yes: bool,
    /// What is asked.
    pub question: Question<'a>,
}

/// What came of a change.
#[derive(Debug)]
pub struct Changed {
    /// The plan that was shown.
    pub plan: Plan,
    /// The steps that ran, in the order in which they ended.
    pub done: Vec<Done>,
    /// The world before.
    pub before: Observed,
    /// The world afterwards, as far as the answers tell.
    pub observed: Observed,
}

/// Plans, shows, asks, executes.
///
/// # Errors
/// Those of each.
pub fn change(session: &Session, how: &How<'_>) -> Result<Changed, CliError> {
    change_within(session, how, None)
}

/// The same, where nothing may be done beyond a plan that was shown before.
///
/// # Errors
/// As [`change`]; the stack or its file has changed since that plan.
pub fn change_within(session: &Session, how: &How<'_>, shown: Option<&Plan>) -> Result<Changed, CliError> {
    let observed = session.observe(how.goal.scope())?;
    let plan = how.goal.plan(&session.spec, &observed);
    if let Some(shown) = shown {
        hold_within(shown, &plan)?;
    }
    let text = shown_text(session, &plan, &observed);
    if session.events.is_some() {
        // Standard output is for the events alone; a person who is asked still has to see what about.
        eprint!("{text}");
    } else {
        session.output.text(&text)?;
    }
    if plan.is_refused() {
        return Err(CliError::Refused(plan.refusals));
    }
    if plan.is_empty() && plan.waits.is_empty() {
        return Ok(Changed {
            plan,
            done: Vec::new(),
            before: observed.clone(),
            observed,
        });
    }
    if matches!(how.goal, Goal::Apply | Goal::ApplyWith(_)) {
        tell_before_first_apply(&session.spec, &observed);
    }
    if !how.yes {
        confirm(&session.backend, how.question)?;
    }
    session.backend.given_up(&given_up(&how.goal, &observed));
    let before = observed.clone();
    let outcome = execute(session, how.goal.clone(), &plan, observed)?;
    Ok(Changed {
        plan,
        done: outcome.done,
        before,
        observed: outcome.observed,
    })
}

/// The plan as people read it, and behind it what it changes in scripts and files, line by line.
#[must_use]
pub fn shown_text(session: &Session, plan: &Plan, observed: &Observed) -> String {
    let mut text = plan.to_string();
    if plan.step(StepKind::CreateTemplateVersion).is_some() {
        for difference in script_changes(&session.spec, observed) {
            text.push('\n');
            text.push_str(&difference);
        }
    }
    text
}

/// Refuses a plan that goes beyond one that was shown before.
fn hold_within(shown: &Plan, plan: &Plan) -> Result<(), CliError> {
    let of = |plan: &Plan| format!("stack {} in {}, account {}", plan.stack, plan.region, plan.account);
    if of(shown) != of(plan) {
        return Err(CliError::Usage(format!(
            "the saved plan is for {}, and this is {}",
            of(shown),
            of(plan)
        )));
    }
    let approval = Approval::of(shown);
    plan.steps
        .iter()
        .try_for_each(|step| approval.check(step))
        .map_err(CliError::Moved)
}

/// Returns what the person gave up: the ids of addresses and volumes, and the version that a group goes back from.
fn given_up(goal: &Goal, observed: &Observed) -> Vec<String> {
    match goal {
        Goal::Destroy(options) => {
            let addresses = observed.addresses.iter().filter(|_| options.release_address);
            let volumes = observed.volumes.iter().filter(|_| options.delete_data);
            addresses
                .map(|address| address.allocation_id.to_string())
                .chain(volumes.map(|volume| volume.id.to_string()))
                .collect()
        }
        Goal::Rollback(version) => {
            let group = observed.group.iter();
            group.map(|group| format!("{} version {version}", group.name)).collect()
        }
        _ => Vec::new(),
    }
}

fn execute(session: &Session, goal: Goal, plan: &Plan, observed: Observed) -> Result<Outcome, CliError> {
    let account = observed.identity.account.clone();
    let reporter = Reporter::new("beginning", session.events.as_ref());
    let control = session.backend.control(&reporter);
    let run = selfheal_aws::apply(session.backend.aws(), &session.spec, goal, plan, observed, &control);
    let result = session.backend.block_on(run);
    let report = reporter.finish();
    match result {
        Ok(outcome) => outcome.map_err(|error| failed(session, error, &account)),
        Err(CliError::Interrupted(_)) => Err(CliError::Interrupted(Some(report.out_of(plan)))),
        Err(error) => Err(error),
    }
}

fn failed(session: &Session, error: ApplyError, account: &str) -> CliError {
    let statement = error
        .call()
        .and_then(|call| session.missing_statement(call, Some(account)));
    CliError::Apply {
        error: Box::new(error),
        statement,
    }
}

impl Changed {
    /// Returns the steps that ran, for JSON.
    #[must_use]
    pub fn steps(&self) -> Vec<DoneStep> {
        self.done.iter().map(DoneStep::of).collect()
    }
}

/// Spells a count: `1 change`, `2 changes`.
#[must_use]
pub fn changes(count: usize) -> String {
    if count == 1 {
        "1 change".to_owned()
    } else {
        format!("{count} changes")
    }
}
