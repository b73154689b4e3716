//! The plan: what would change, why, and what waits on what.
//!
//! [`plan`] and [`plan_destroy`] are pure and total: every spec and every observed world have a plan, which may be a list
//! of [refusals](Plan::refusals). A plan leaves no choice to whoever executes it: a step that is ready carries its
//! [`Action`](crate::Action) with every input known. A step whose inputs are not known yet says what it waits for; the
//! dependencies between steps are implied by data and are written down nowhere else.

mod address;
mod app_policy;
mod application_check;
mod approval;
mod boundary;
mod builder;
mod bundle;
mod destroy;
mod display;
mod dns;
mod document;
mod encryption;
mod fingerprint;
mod group;
mod https;
mod iam;
mod instance_type;
mod kind;
mod lifecycle;
mod log_group;
mod network;
mod notify;
mod replace;
mod replacement;
mod restore;
mod resume;
mod rollback;
mod schedule;
mod schema;
mod scripts;
mod serving;
mod sleep;
mod snapshot;
mod step;
mod template;
mod volume;
mod volume_modify;
mod volume_removal;

pub use approval::{Approval, Deviation};
pub use destroy::DestroyOptions;
pub use dns::{former as former_record, remembered as remembered_record};
pub use kind::{RepeatClass, StepId, StepKind};
pub use restore::{RestoreFrom, RestoreOptions};
pub(crate) use schedule::next_wake;
pub use scripts::script_changes;
pub use sleep::SleepUntil;
pub use snapshot::SnapshotOptions;
pub use step::{Change, Field, Need, Note, Plan, PlannedImage, Readiness, Refusal, Step, Value, WaitFor};

use crate::memo::Memo;
use crate::spec::{ImageRef, Spec};
use crate::world::{AllocationId, InstanceId, Observed, SnapshotId, VolumeId};
use builder::Builder;
pub(crate) use log_group::show as show_retention;

/// Plans what would make the world as the spec says.
///
/// # Guarantees
/// - Total: it never fails; what must not be done is a [`Refusal`], and a plan with a refusal has no ready step.
/// - Nothing that holds data or an address is deleted, released, shrunk or replaced by any step of it.
/// - Applying every step, and planning again with what was answered, ends in an empty plan.
#[must_use]
pub fn plan(spec: &Spec, observed: &Observed) -> Plan {
    plan_with(spec, observed, &PlanOptions::default())
}

/// Plans like [`plan`], as though a name of an image still led to the one that the launch template has: what is left is
/// what differs for another reason.
#[must_use]
pub fn plan_but_for_image(spec: &Spec, observed: &Observed) -> Plan {
    let mut same = observed.clone();
    let launched = same
        .launch_template
        .as_ref()
        .map(|template| template.data.image_id.clone());
    let is_named = !matches!(spec.instance.image, ImageRef::Id(_));
    if let (Some(image), Some(launched), true) = (&mut same.image, launched, is_named) {
        image.id = launched;
    }
    plan(spec, &same)
}

/// What an apply may do beyond what the spec says: each has to be asked for by a person who knows what it means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Make a new, empty data volume in the place of one that is gone for good.
    pub new_volume: bool,
    /// Allocate a new Elastic IP in the place of one that is gone for good.
    pub new_address: bool,
    /// Replace the running instance, once all else is done, where it is not what the group launches then: of another version of
    /// the launch template, or of a type that the spec does not name. Nothing where it is.
    pub replace: bool,
}

/// Plans like [`plan`], with these options.
#[must_use]
pub fn plan_with(spec: &Spec, observed: &Observed, options: &PlanOptions) -> Plan {
    Planner::new(spec).plan(observed, options)
}

/// Plans what removes the stack.
///
/// # Guarantees
/// - Total, like [`plan`](plan()).
/// - The address, the data volume and the log group stay unless their option is set; the volume goes only after a snapshot that this run
///   started when no instance of the stack could write any more is completed.
/// - A resource that does not bear the stack's tags is left alone and noted.
#[must_use]
pub fn plan_destroy(spec: &Spec, observed: &Observed, options: &DestroyOptions) -> Plan {
    Planner::new(spec).destroy(observed, options)
}

/// Plans what lets a parked stack replace its instance again: its marks are cleared, then its processes resumed.
///
/// Refused where the group does not exist or is not ours; empty where nothing is suspended and no mark is set.
#[must_use]
pub fn plan_resume(spec: &Spec, observed: &Observed) -> Plan {
    Planner::new(spec).resume(observed)
}

/// Plans what puts the stack to sleep: its group has no instance until then, and volume and address stay.
///
/// Refused where the group does not exist or is not ours; empty where the stack sleeps so already.
#[must_use]
pub fn plan_sleep(spec: &Spec, observed: &Observed, until: SleepUntil) -> Plan {
    Planner::new(spec).sleep(observed, until)
}

/// Plans what wakes the stack, and lets its schedule act again. With `wait` the plan also waits until an instance is in
/// service.
///
/// Refused where the group does not exist or is not ours; empty where the stack is awake.
#[must_use]
pub fn plan_wake(spec: &Spec, observed: &Observed, wait: bool) -> Plan {
    Planner::new(spec).wake(observed, wait)
}

/// Plans a snapshot of the data volume, or a copy of it.
///
/// Refused where the stack has no data volume. Each run takes one: what an earlier run took is not counted.
#[must_use]
pub fn plan_snapshot(spec: &Spec, observed: &Observed, options: SnapshotOptions) -> Plan {
    Planner::new(spec).snapshot(observed, options)
}

/// Plans that another volume takes the place of the data volume: one made of a snapshot, or one that is there.
///
/// # Guarantees
/// - Nothing is deleted: the volume whose place is taken is kept as it is, and bears tags that say so.
/// - A run that was cut off anywhere is gone on with by the next plan from the same.
/// - Where the stack was asleep, it is asleep afterwards.
/// - What else differs from the spec is changed as well, as by [`plan`](plan()).
#[must_use]
pub fn plan_restore(spec: &Spec, observed: &Observed, options: &RestoreOptions) -> Plan {
    Planner::new(spec).restore(observed, options)
}

/// Says what to restore from so that the last restore is undone; or, where the undoing of one was cut off, is finished.
///
/// # Errors
/// The reason why there is nothing to go back to: a clause.
pub fn undo_restore(spec: &Spec, observed: &Observed) -> Result<RestoreFrom, String> {
    let memo = Memo::default();
    restore::undone(&Builder::new(spec, observed, &memo))
}

/// Says what a restore that was cut off goes back to; `None` where there is none.
#[must_use]
pub fn unfinished_restore(spec: &Spec, observed: &Observed) -> Option<RestoreFrom> {
    let memo = Memo::default();
    restore::begun(&Builder::new(spec, observed, &memo))
}

/// Plans a volume of a snapshot that nothing of the stack uses, in this zone or else in that of the stack.
///
/// Refused where the snapshot does not bear the stack's tags, or is not completed.
#[must_use]
pub fn plan_volume_of_snapshot(spec: &Spec, observed: &Observed, snapshot: &SnapshotId, zone: Option<&str>) -> Plan {
    Planner::new(spec).volume_of_snapshot(observed, snapshot, zone)
}

/// Plans for one spec, again and again: the same plans as [`plan_with`], [`plan_destroy`] and [`plan_resume`] make, and
/// faster from the second on.
///
/// It keeps the last user data and policies that it made, by everything that they were made from. No plan depends on
/// which others were made before.
#[derive(Debug)]
pub struct Planner<'a> {
    spec: &'a Spec,
    memo: Memo,
}

impl<'a> Planner<'a> {
    /// A planner that has made nothing yet.
    #[must_use]
    pub fn new(spec: &'a Spec) -> Self {
        Self {
            spec,
            memo: Memo::default(),
        }
    }

    /// Plans like [`plan_with`].
    #[must_use]
    pub fn plan(&self, observed: &Observed, options: &PlanOptions) -> Plan {
        compose(Builder::new(self.spec, observed, &self.memo).with(*options), None)
    }

    /// Plans like [`plan_snapshot`].
    #[must_use]
    pub fn snapshot(&self, observed: &Observed, options: SnapshotOptions) -> Plan {
        snapshot::compose(Builder::new(self.spec, observed, &self.memo), options)
    }

    /// Plans like [`plan_restore`].
    #[must_use]
    pub fn restore(&self, observed: &Observed, options: &RestoreOptions) -> Plan {
        let builder = Builder::new(self.spec, observed, &self.memo);
        let options = restore::as_begun(&builder, options);
        let zone = restore::zone(&builder, &options).cloned();
        compose(builder.in_zone(zone), Some(&options))
    }

    /// Plans like [`plan_volume_of_snapshot`].
    #[must_use]
    pub fn volume_of_snapshot(&self, observed: &Observed, snapshot: &SnapshotId, zone: Option<&str>) -> Plan {
        let builder = Builder::new(self.spec, observed, &self.memo);
        restore::copy(builder, snapshot, zone.map(str::to_owned))
    }

    /// Plans like [`plan_destroy`].
    #[must_use]
    pub fn destroy(&self, observed: &Observed, options: &DestroyOptions) -> Plan {
        destroy::compose(Builder::new(self.spec, observed, &self.memo), options)
    }

    /// Plans like [`plan_resume`].
    #[must_use]
    pub fn resume(&self, observed: &Observed) -> Plan {
        resume::compose(Builder::new(self.spec, observed, &self.memo))
    }

    /// Plans what replaces one instance by the next one, of the version that the group is pinned to. Empty where the instance is
    /// no longer the group's, or on its way out; refused where no other would take its place, and of nobody.
    #[must_use]
    pub fn replace(&self, observed: &Observed, instance: Option<&InstanceId>) -> Plan {
        replace::compose(Builder::new(self.spec, observed, &self.memo), instance)
    }

    /// Plans what pins the group to an earlier version of its launch template. Empty where it is pinned to that already;
    /// refused of 0, which is what comes before the first. The running instance stays.
    #[must_use]
    pub fn rollback(&self, observed: &Observed, version: u64) -> Plan {
        rollback::compose(Builder::new(self.spec, observed, &self.memo), version)
    }

    /// Plans like [`plan_sleep`].
    #[must_use]
    pub fn sleep(&self, observed: &Observed, until: SleepUntil) -> Plan {
        sleep::sleep(Builder::new(self.spec, observed, &self.memo), until)
    }

    /// Plans like [`plan_wake`].
    #[must_use]
    pub fn wake(&self, observed: &Observed, wait: bool) -> Plan {
        sleep::wake(Builder::new(self.spec, observed, &self.memo), wait)
    }
}

/// Composes a stack, where another volume may be taking the place of its data volume.
fn compose(mut builder: Builder<'_>, restore: Option<&RestoreOptions>) -> Plan {
    if schema::refuse_newer(&mut builder) {
        return builder.finish();
    }
    check_identity(&mut builder);
    check_read(&mut builder);
    application_check::check(&mut builder);
    instance_type::check(&mut builder);
    instance_type::tell_market(&mut builder);
    notify::check(&mut builder);
    network::check_image(&mut builder);
    network::tell_image(&mut builder);
    let address = address::plan(&mut builder);
    serving::note_address(&mut builder, &address);
    serving::note_agent(&mut builder);
    let subnet = network::plan_subnet(&mut builder);
    if let Some(subnet) = subnet {
        instance_type::check_zone(&mut builder, subnet);
        instance_type::tell_route(&mut builder, subnet);
    }
    let volume = match restore {
        Some(options) => restore::volume(&mut builder, subnet, options),
        None => volume::plan(&mut builder, subnet),
    };
    let groups = network::plan_security_groups(&mut builder, subnet);
    let mut identity = iam::plan(&mut builder, subnet, &address, &volume);
    identity.needs.extend(log_group::plan(&mut builder));
    // The template's tag is how the check is found once the spec has ceased to ask for it: the tag goes last.
    let dropped = application_check::drop_unwanted(&mut builder);
    let bundled = bundle::plan(&mut builder);
    encryption::tell_root(&mut builder);
    let template = template::plan(&mut builder, &groups, &address, &volume, &dropped, &bundled);
    application_check::plan(&mut builder, &template);
    group::plan(&mut builder, subnet, &template, &identity, &volume);
    notify::plan(&mut builder);
    dns::plan(&mut builder, &address);
    https::tell(&mut builder, &address);
    match restore {
        // The schedule is left as it is: a stack that sleeps in the middle of a restore sleeps for that alone.
        Some(options) => restore::finish(&mut builder, options),
        None => {
            lifecycle::plan(&mut builder, &volume);
            schedule::plan(&mut builder);
            replace::after_apply(&mut builder, &template);
        }
    }
    builder.finish()
}

/// Refuses to plan for an account that is not known, or from what was read in another Region.
fn check_identity(builder: &mut Builder<'_>) {
    let identity = &builder.observed.identity;
    let known = identity.account.len() == 12 && identity.account.bytes().all(|byte| byte.is_ascii_digit());
    if !known {
        builder.refuse(
            "account-unknown",
            format!("the account is `{}`, which is not twelve digits", identity.account),
            "check the credentials",
        );
    }
    if identity.region != builder.spec.region {
        builder.refuse(
            "other-region",
            format!(
                "the spec is for {}, and {} was read",
                builder.spec.region, identity.region
            ),
            "a stack stays in its region: correct `region`, or what overrides it",
        );
    }
}

/// Refuses to plan on the absence of what was not looked for.
fn check_read(builder: &mut Builder<'_>) {
    let unread = crate::witness::unread_of(builder.spec, builder.observed, builder.named());
    let ids: Vec<&str> = unread
        .volumes
        .iter()
        .map(VolumeId::as_str)
        .chain(unread.addresses.iter().map(AllocationId::as_str))
        .collect();
    if !ids.is_empty() {
        builder.refuse(
            "not-read",
            format!("{} belongs to the stack and no listing shows it", ids.join(", ")),
            "read what `unread` names by its id, and plan again",
        );
    }
}
