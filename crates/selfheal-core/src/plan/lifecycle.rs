//! Snapshots by schedule: a lifecycle policy of Data Lifecycle Manager, and the role under which it acts.
//!
//! AWS takes a snapshot of every volume that bears the policy's tag, so that the data volume alone bears it. That mark is there
//! before the policy is, and until policy and role are gone: whoever finds the mark looks for them, so that a run which is
//! killed in between orphans neither. The policy's create has no token: where its answer is lost it is found by that tag.

use std::collections::BTreeSet;

use selfheal_policy::Document;

use super::builder::{Builder, Deferred, Draft};
use super::document::{same_document, summary};
use super::volume::DataVolume;
use super::{Change, Need, StepKind, boundary};
use crate::desired::snapshot_role_arn;
use crate::existing::volume::choose;
use crate::existing::{is_marked, lifecycle_policies, mark};
use crate::names::{POLICY_NAME, ResourceKind, TAG_SNAPSHOTS, Tags};
use crate::permissions::{lifecycle_policy_document, lifecycle_trust_policy};
use crate::spec::SnapshotsSpec;
use crate::world::{
    Action, IamRole, LifecyclePolicy, LifecyclePolicyCall, LifecycleSettings, RoleCall, TagCall, Volume,
};

/// Plans the lifecycle policy and its role; drops both where the spec asks for none.
pub(super) fn plan(builder: &mut Builder<'_>, volume: &DataVolume) {
    let Some(snapshots) = builder.spec.snapshots().cloned() else {
        return drop_unwanted(builder);
    };
    let marked = plan_mark(builder, volume);
    let Some(role) = plan_role(builder) else { return };
    let want = LifecycleSettings {
        role_arn: snapshot_role_arn(&builder.names, &builder.observed.identity.account, &builder.spec.region),
        target: (TAG_SNAPSHOTS.to_owned(), builder.spec.name.clone()),
        every_h: snapshots.every_h,
        at: snapshots.at.clone(),
        keep_days: snapshots.keep_days,
        snapshot_tags: builder.names.tags(ResourceKind::Snapshot),
    };
    tell_others(builder, &want);
    let mut ours = lifecycle_policies(builder).into_iter();
    match ours.next() {
        None => create(builder, want, &snapshots, marked.and(role).map(|_| ())),
        Some(policy) => update(builder, policy, want, role),
    }
    for second in ours {
        let reason = "a second one, which takes the same snapshots again";
        delete_policy(builder, second, reason);
    }
}

/// Marks the data volume; a new one bears the mark from the beginning.
fn plan_mark(builder: &mut Builder<'_>, volume: &DataVolume) -> Deferred<()> {
    let Some(chosen) = choose(builder).volume() else {
        return volume.id.clone().map(|_| ());
    };
    if chosen.tags.get(TAG_SNAPSHOTS) == Some(&builder.spec.name) {
        return Deferred::Known(());
    }
    let tags = mark(builder.spec);
    let before = builder.planned(StepKind::TagVolume);
    let reason = "snapshots are taken of the volume that bears this mark";
    Deferred::after(put_mark(builder, chosen, tags, reason, &before))
}

fn put_mark(builder: &mut Builder<'_>, volume: &Volume, tags: Tags, reason: &str, before: &BTreeSet<Need>) -> Need {
    let shown = |value: Option<&String>| match value.map(String::as_str) {
        None | Some("") => "none".to_owned(),
        Some(stack) => stack.to_owned(),
    };
    let draft = Draft::new(StepKind::MarkForSnapshots, Change::Update, reason)
        .target(volume.id.clone())
        .changes(
            TAG_SNAPSHOTS,
            shown(volume.tags.get(TAG_SNAPSHOTS)),
            shown(tags.get(TAG_SNAPSHOTS)),
        );
    let resource = volume.id.to_string();
    let action = Action::Tag(TagCall::CreateTags { resource, tags });
    builder.step(draft, Deferred::Known(action).not_before(before))
}

/// Plans the role; answers when the policy may be given it. `None` where it is refused.
fn plan_role(builder: &mut Builder<'_>) -> Option<Deferred<()>> {
    let name = builder.names.snapshot_role.clone();
    let account = &builder.observed.identity.account;
    let documents = lifecycle_trust_policy(builder.spec, account)
        .and_then(|trust| Ok((trust, lifecycle_policy_document(builder.spec, account)?)));
    // Where the account is none, the plan has been refused already.
    let (trust, document) = documents.ok()?;
    let Some(role) = &builder.observed.snapshot_role else {
        let created = create_role(builder, &name, &trust);
        let action = Deferred::after(created);
        return Some(put_policy(builder, None, &document, action));
    };
    if !builder.names.owns(&role.tags, ResourceKind::SnapshotRole) {
        builder.refuse_foreign(ResourceKind::SnapshotRole, "IAM role", &name);
        return None;
    }
    let mut needs = correct_trust(builder, role, &trust);
    let kinds = (StepKind::BoundSnapshotRole, StepKind::UnboundSnapshotRole);
    let bound = boundary::change(builder, role, kinds);
    let have = builder.observed.snapshot_role_policy.as_ref();
    if !have.is_some_and(|have| same_document(have, &document)) {
        let before = have.map(summary);
        let put = put_policy(builder, before, &document, Deferred::Known(()).not_before(&bound));
        if let Deferred::After(put) = put {
            needs.extend(put);
        }
    }
    needs.extend(bound);
    Some(Deferred::Known(()).not_before(&needs))
}

fn create_role(builder: &mut Builder<'_>, name: &str, trust: &Document) -> Need {
    let boundary = builder.spec.instance.permissions_boundary.clone();
    let reason = "Data Lifecycle Manager takes and deletes snapshots under it";
    let mut draft = Draft::new(StepKind::CreateSnapshotRole, Change::Create, reason)
        .target(name)
        .sets("trusts", "dlm.amazonaws.com");
    if let Some(boundary) = &boundary {
        draft = draft.sets("boundary", boundary.clone());
    }
    let action = Action::Role(RoleCall::CreateRole {
        name: name.to_owned(),
        trust_policy: trust.into(),
        tags: builder.names.tags(ResourceKind::SnapshotRole),
        permissions_boundary: boundary,
    });
    builder.step(draft, Deferred::Known(action))
}

fn correct_trust(builder: &mut Builder<'_>, role: &IamRole, trust: &Document) -> BTreeSet<Need> {
    if same_document(&role.trust_policy, trust) {
        return BTreeSet::new();
    }
    let reason = "Data Lifecycle Manager alone may assume the role";
    let draft = Draft::new(StepKind::UpdateSnapshotTrust, Change::Update, reason)
        .target(role.name.clone())
        .changes("document", summary(&role.trust_policy), summary(&trust.into()));
    let action = Action::Role(RoleCall::UpdateTrustPolicy {
        role: role.name.clone(),
        trust_policy: trust.into(),
    });
    [builder.step(draft, Deferred::Known(action))].into()
}

/// Writes the role's policy, in the place of one that is shown as `before`; answers when it is there.
fn put_policy(
    builder: &mut Builder<'_>,
    before: Option<String>,
    document: &Document,
    ready: Deferred<()>,
) -> Deferred<()> {
    let after = summary(&document.into());
    let draft = match before {
        None => Draft::new(
            StepKind::PutSnapshotPolicy,
            Change::Create,
            "snapshots of this stack's data volume, and no other's",
        )
        .sets("document", after),
        Some(before) => Draft::new(StepKind::PutSnapshotPolicy, Change::Update, "the role's policy differs")
            .changes("document", before, after),
    };
    let role = builder.names.snapshot_role.clone();
    let action = Action::Role(RoleCall::PutRolePolicy {
        role: role.clone(),
        policy_name: POLICY_NAME.to_owned(),
        document: document.into(),
    });
    Deferred::after(builder.step(draft.target(role), ready.map(|()| action)))
}

fn create(builder: &mut Builder<'_>, settings: LifecycleSettings, spec: &SnapshotsSpec, ready: Deferred<()>) {
    let draft = Draft::new(
        StepKind::CreateLifecyclePolicy,
        Change::Create,
        "a mistake or a lost volume costs no more than the time since the last snapshot",
    )
    .sets("when", when(&settings))
    .sets("keep", keep(&settings));
    let stack = &builder.spec.name;
    let action = LifecyclePolicyCall::CreateLifecyclePolicy {
        description: format!("selfheal {stack}: snapshots of the data volume"),
        settings,
        tags: builder.names.tags(ResourceKind::LifecyclePolicy),
    };
    builder.step(draft, ready.map(|()| action.into()));
    builder.note(
        "snapshots-begin",
        format!(
            "the first snapshot is taken within an hour of {} UTC: `selfheal snapshot` takes one now",
            spec.at
        ),
    );
}

fn update(builder: &mut Builder<'_>, policy: &LifecyclePolicy, want: LifecycleSettings, ready: Deferred<()>) {
    let have = &policy.settings;
    let tags = |of: &LifecycleSettings| {
        let pairs: Vec<String> = of
            .snapshot_tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        pairs.join(", ")
    };
    let target = |of: &LifecycleSettings| format!("{}={}", of.target.0, of.target.1);
    let draft = Draft::new(StepKind::UpdateLifecyclePolicy, Change::Update, "the policy differs")
        .target(policy.id.clone())
        .changes("state", policy.state.clone(), LifecyclePolicy::ENABLED)
        .changes("when", when(have), when(&want))
        .changes("keep", keep(have), keep(&want))
        .changes("role", have.role_arn.clone(), want.role_arn.clone())
        .changes("of volumes", target(have), target(&want))
        .changes("snapshots' tags", tags(have), tags(&want));
    if draft.has_changes() {
        let action = LifecyclePolicyCall::UpdateLifecyclePolicy {
            id: policy.id.clone(),
            settings: want,
        };
        builder.step(draft, ready.map(|()| action.into()));
    }
}

fn when(of: &LifecycleSettings) -> String {
    format!("every {} h, from {} UTC on", of.every_h, of.at)
}

fn keep(of: &LifecycleSettings) -> String {
    format!("{} days", of.keep_days)
}

/// Tells of policies of others' for the same mark.
fn tell_others(builder: &mut Builder<'_>, want: &LifecycleSettings) {
    let ours = lifecycle_policies(builder);
    let others = builder.observed.lifecycle_policies.iter();
    for other in others.filter(|policy| policy.settings.target == want.target && !ours.contains(policy)) {
        builder.note(
            "other-lifecycle-policy",
            format!(
                "the lifecycle policy {} takes snapshots of the data volume too, and is not this stack's",
                other.id
            ),
        );
    }
}

/// Removes policy and role where the spec asks for none, and then the mark that tells of them.
fn drop_unwanted(builder: &mut Builder<'_>) {
    let reason = "the spec has no [data.snapshots]; the snapshots stay, until somebody deletes them";
    let gone = delete_all(builder, reason);
    let marked: Vec<&Volume> = builder
        .observed
        .volumes
        .iter()
        .filter(|volume| is_marked(volume))
        .collect();
    let ours = |volume: &Volume| volume.tags.get(TAG_SNAPSHOTS) == Some(&builder.spec.name);
    let marked: Vec<&Volume> = marked.into_iter().filter(|volume| ours(volume)).collect();
    for volume in marked {
        let tags = Tags::from([(TAG_SNAPSHOTS.to_owned(), String::new())]);
        put_mark(builder, volume, tags, "no snapshots are taken of it any more", &gone);
    }
}

/// Deletes the lifecycle policies and their role; answers what must be done until they are gone. The snapshots stay.
pub(super) fn delete_all(builder: &mut Builder<'_>, reason: &str) -> BTreeSet<Need> {
    let mut gone: BTreeSet<Need> = BTreeSet::new();
    for policy in lifecycle_policies(builder) {
        gone.insert(delete_policy(builder, policy, reason));
    }
    let Some(role) = &builder.observed.snapshot_role else {
        return gone;
    };
    if !builder.names.owns(&role.tags, ResourceKind::SnapshotRole) {
        return gone;
    }
    let name = role.name.clone();
    if builder.observed.snapshot_role_policy.is_some() {
        let why = "before the role can go";
        let draft = Draft::new(StepKind::DeleteSnapshotPolicy, Change::Delete, why).target(name.clone());
        let action = Action::Role(RoleCall::DeleteRolePolicy {
            role: name.clone(),
            policy_name: POLICY_NAME.to_owned(),
        });
        let needs = gone.clone();
        gone.insert(builder.step(draft, Deferred::Known(action).not_before(&needs)));
    }
    let draft = Draft::new(StepKind::DeleteSnapshotRole, Change::Delete, reason).target(name.clone());
    let action = Deferred::Known(Action::Role(RoleCall::DeleteRole { name })).not_before(&gone);
    gone.insert(builder.step(draft, action));
    gone
}

fn delete_policy(builder: &mut Builder<'_>, policy: &LifecyclePolicy, reason: &str) -> Need {
    let draft = Draft::new(StepKind::DeleteLifecyclePolicy, Change::Delete, reason)
        .target(policy.id.clone())
        .removes("when", when(&policy.settings));
    let id = policy.id.clone();
    builder.step(
        draft,
        Deferred::Known(LifecyclePolicyCall::DeleteLifecyclePolicy { id }.into()),
    )
}
