//! The instance role, its policy and its profile.

use std::collections::BTreeSet;

use selfheal_policy::{Document, Effect, Partition, Statement, trust_policy};

use super::builder::{Builder, Deferred, Draft};
use super::document::{same_document, summary};
use super::volume::DataVolume;
use super::{Change, Need, StepKind, address, app_policy, boundary, bundle, https, notify};
use crate::desired::{self, Ids};
use crate::names::{APP_POLICY_NAME, POLICY_NAME, ResourceKind};
use crate::permissions;
use crate::world::{Action, Address, IamRole, InstanceProfileCall, PolicyText, RoleCall, Subnet};

/// What must be done before an instance can do its work under its role.
pub(super) struct Identity {
    /// The steps of this plan that it waits for.
    pub(super) needs: BTreeSet<Need>,
}

/// Plans role, policy and profile.
pub(super) fn plan(
    builder: &mut Builder<'_>,
    subnet: Option<&Subnet>,
    address: &Deferred<Address>,
    volume: &DataVolume,
) -> Identity {
    let mut needs = BTreeSet::new();
    boundary::check(builder);
    let role = plan_role(builder, &mut needs);
    // Whoever may only act within a boundary may write the policy once the boundary is there.
    needs.extend(boundary::plan(builder));
    let mut dropped = app_policy::drop_unwanted(builder);
    // The policy tells of the topic: it goes on to do so until that is gone.
    dropped.extend(notify::drop_unwanted(builder));
    let own_size = plan_policy(builder, &role, subnet, address, volume, &dropped, &mut needs);
    app_policy::plan(builder, &role, own_size, &mut needs);
    plan_profile(builder, &role, &mut needs);
    Identity { needs }
}

fn plan_role(builder: &mut Builder<'_>, needs: &mut BTreeSet<Need>) -> Deferred<String> {
    let name = builder.names.role.clone();
    let partition = Partition::of_region(&builder.spec.region);
    let trust = trust_policy(partition);
    let Some(role) = &builder.observed.role else {
        let tags = builder.names.tags(ResourceKind::Role);
        let draft = Draft::new(
            StepKind::CreateRole,
            Change::Create,
            "the instance acts under a role of its own",
        )
        .target(name.clone())
        .sets("trusts", partition.ec2_trusted());
        let boundary = builder.spec.instance.permissions_boundary.clone();
        let draft = match &boundary {
            Some(boundary) => draft.sets("boundary", boundary.clone()),
            None => draft,
        };
        let action = Action::Role(RoleCall::CreateRole {
            name,
            trust_policy: (&trust).into(),
            tags,
            permissions_boundary: boundary,
        });
        let created = builder.step(draft, Deferred::Known(action));
        needs.insert(created.clone());
        return Deferred::after(created);
    };
    if !builder.names.owns(&role.tags, ResourceKind::Role) {
        builder.refuse_foreign(ResourceKind::Role, "IAM role", &name);
    }
    check_trust(builder, role, &trust, needs);
    Deferred::Known(name)
}

fn check_trust(builder: &mut Builder<'_>, role: &IamRole, trust: &Document, needs: &mut BTreeSet<Need>) {
    if same_document(&role.trust_policy, trust) {
        return;
    }
    let draft = Draft::new(
        StepKind::UpdateTrustPolicy,
        Change::Update,
        "EC2 alone may assume the role",
    )
    .target(role.name.clone())
    .changes("document", summary(&role.trust_policy), summary(&trust.into()));
    let action = Action::Role(RoleCall::UpdateTrustPolicy {
        role: role.name.clone(),
        trust_policy: trust.into(),
    });
    needs.insert(builder.step(draft, Deferred::Known(action)));
}

/// The policy that the role is to have, once the ids in it are known, with its size in characters; `None` where it is refused.
///
/// It is made before any id is known too, so that what is wrong with it is an error of the plan and not of the apply.
fn wanted_policy(
    builder: &mut Builder<'_>,
    subnet: &Subnet,
    address: &Deferred<Address>,
    volume: &DataVolume,
) -> Option<(Deferred<Document>, usize)> {
    let zone = https::challenge_zone(builder);
    let challenge_zone = match &zone {
        Deferred::Known(zone) => zone.clone(),
        Deferred::After(_) => Some(desired::PLACEHOLDER_ZONE.into()),
    };
    let known = address.clone().and(volume.id.clone());
    let (allocation_id, volume_id) = match &known {
        Deferred::Known((address, volume_id)) => (
            address.allocation_id.clone(),
            volume_id.clone().or_else(|| volume.still_used.clone()),
        ),
        Deferred::After(_) => (
            desired::PLACEHOLDER_ALLOCATION.into(),
            match &builder.spec.data {
                Some(_) => Some(desired::PLACEHOLDER_VOLUME.into()),
                None => volume.still_used.clone(),
            },
        ),
    };
    let ids = Ids {
        account: builder.observed.identity.account.clone(),
        subnet_id: subnet.id.clone(),
        allocation_id,
        volume_id,
        kms_key: volume.key.clone(),
        bundle: bundle::is_read(builder),
        challenge_zone,
        complete: matches!((&known, &zone), (Deferred::Known(_), Deferred::Known(_))),
    };
    match builder.memo.instance_policy(builder.spec, &ids) {
        Ok((document, size)) => Some((known.and(zone).map(|_| document), size)),
        Err(error) => {
            builder.refuse(
                "policy",
                format!("the role's policy cannot be made: {error}"),
                "check the spec",
            );
            None
        }
    }
}

fn plan_policy(
    builder: &mut Builder<'_>,
    role: &Deferred<String>,
    subnet: Option<&Subnet>,
    address: &Deferred<Address>,
    volume: &DataVolume,
    dropped: &BTreeSet<Need>,
    needs: &mut BTreeSet<Need>,
) -> usize {
    // Without a subnet the plan has been refused already.
    let Some(subnet) = subnet else { return 0 };
    let Some((document, size)) = wanted_policy(builder, subnet, address, volume) else {
        return 0;
    };
    let tells = builder.spec.app.policy.is_some();
    let have = builder
        .observed
        .role_policy
        .as_ref()
        .filter(|_| matches!(role, Deferred::Known(_)));
    if let (Some(have), Deferred::Known(want)) = (have, &document)
        && same_document(have, want)
        && permissions::tells_of_app_policy(have) == tells
    {
        return size;
    }
    let after = document.show(|document| summary(&document.into()));
    let sessions = may_open(builder.spec.access.session_manager);
    let draft = match have {
        None => Draft::new(
            StepKind::PutRolePolicy,
            Change::Create,
            "exactly what the instance needs to heal itself",
        )
        .sets_later("document", after)
        .sets("Session Manager", sessions),
        Some(have) => Draft::new(StepKind::PutRolePolicy, Change::Update, "the role's policy differs")
            .changes_later("document", summary(have), after)
            .changes("Session Manager", may_open(opens_sessions(have)), sessions),
    };
    let draft = draft.target(builder.names.role.clone());
    let action = role.clone().and(document).map(|(role, document)| {
        Action::Role(RoleCall::PutRolePolicy {
            role,
            policy_name: POLICY_NAME.to_owned(),
            document: (&document).into(),
        })
    });
    let before = boundary::first(needs).union(dropped).cloned().collect();
    needs.insert(builder.step(draft, action.not_before(&before)));
    size
}

fn plan_profile(builder: &mut Builder<'_>, role: &Deferred<String>, needs: &mut BTreeSet<Need>) {
    let name = builder.names.profile.clone();
    let profile = match &builder.observed.profile {
        None => {
            let tags = builder.names.tags(ResourceKind::Profile);
            let draft = Draft::new(
                StepKind::CreateInstanceProfile,
                Change::Create,
                "it hands the role to the instance",
            )
            .target(name.clone());
            let action = Action::InstanceProfile(InstanceProfileCall::CreateInstanceProfile {
                name: name.clone(),
                tags,
            });
            let created = builder.step(draft, Deferred::Known(action));
            needs.insert(created.clone());
            Deferred::after(created)
        }
        Some(profile) if !builder.names.owns(&profile.tags, ResourceKind::Profile) => {
            builder.refuse_foreign(ResourceKind::Profile, "instance profile", &name);
            return;
        }
        Some(profile) => match &profile.role {
            Some(role) if *role == builder.names.role => return,
            Some(other) => {
                builder.refuse(
                    "profile-role",
                    format!("the instance profile {name} holds the role {other}"),
                    format!("a profile holds one role: take {other} out of it"),
                );
                return;
            }
            None => Deferred::Known(name.clone()),
        },
    };
    let draft = Draft::new(
        StepKind::AddRoleToProfile,
        Change::Create,
        "the profile must hold the role",
    )
    .target(name)
    .sets("role", builder.names.role.clone());
    let action = profile
        .and(role.clone())
        .map(|(profile, role)| Action::InstanceProfile(InstanceProfileCall::AddRoleToProfile { profile, role }));
    needs.insert(builder.step(draft, action));
}

/// Whether a role's policy lets Session Manager open sessions.
fn opens_sessions(policy: &PolicyText) -> bool {
    let speaks = |document: &Document| {
        let allows = |statement: &Statement| {
            statement.effect == Effect::Allow && statement.actions.contains("ssmmessages:CreateControlChannel")
        };
        document.statements.iter().any(allows)
    };
    policy.document().is_some_and(speaks)
}

const fn may_open(yes: bool) -> &'static str {
    if yes {
        "may open a shell"
    } else {
        "may not open a shell"
    }
}

/// Refuses before anything is deleted where others have given the role policies: IAM keeps such a role, so that a destroy
/// would end with it for ever, and what they wanted of it is not ours to undo.
pub(super) fn refuse_others(builder: &mut Builder<'_>) {
    let observed = builder.observed;
    let Some(role) = observed
        .role
        .as_ref()
        .filter(|role| builder.names.owns(&role.tags, ResourceKind::Role))
    else {
        return;
    };
    let ours = [POLICY_NAME, APP_POLICY_NAME];
    let inline: Vec<&str> = observed
        .role_policies
        .iter()
        .map(String::as_str)
        .filter(|name| !ours.contains(name))
        .collect();
    let attached: Vec<&str> = observed.role_attached.iter().map(String::as_str).collect();
    if inline.is_empty() && attached.is_empty() {
        return;
    }
    let name = &role.name;
    let list: Vec<&str> = attached.iter().chain(&inline).copied().collect();
    let undo: Vec<String> = attached
        .iter()
        .map(|arn| format!("aws iam detach-role-policy --role-name {name} --policy-arn {arn}"))
        .chain(
            inline
                .iter()
                .map(|policy| format!("aws iam delete-role-policy --role-name {name} --policy-name {policy}")),
        )
        .collect();
    builder.refuse(
        "role-policies",
        format!(
            "others have given the role {name} policies, with which IAM does not let it go: {}",
            list.join(", ")
        ),
        format!("take them off first: {}", undo.join("; ")),
    );
}

/// Role and profile go last: a terminating instance still acts under them.
pub(super) fn delete(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) {
    let emptied = delete_profile(builder, stopped);
    let Some(role) = &builder.observed.role else { return };
    if !builder.names.owns(&role.tags, ResourceKind::Role) {
        builder.note(
            "foreign-resource",
            format!("the IAM role {} is not ours: it stays", role.name),
        );
        return;
    }
    let name = role.name.clone();
    let observed = builder.observed;
    let mut before = stopped.clone();
    before.extend(emptied);
    if observed.role_app_policy.is_some() || observed.role_policies.iter().any(|name| name == APP_POLICY_NAME) {
        before.insert(delete_policy(
            builder,
            StepKind::DeleteAppPolicy,
            &name,
            APP_POLICY_NAME,
            stopped,
        ));
    }
    if observed.role_policy.is_some() {
        before.insert(delete_policy(
            builder,
            StepKind::DeleteRolePolicy,
            &name,
            POLICY_NAME,
            stopped,
        ));
    }
    before.extend(address::until_none_can_show(builder));
    let draft = Draft::new(StepKind::DeleteRole, Change::Delete, "made by this stack").target(name.clone());
    let action = Action::Role(RoleCall::DeleteRole { name });
    builder.step(draft, Deferred::Known(action).not_before(&before));
}

/// Deletes the profile; answers what takes the role out of it, which must be done before the role can go.
fn delete_profile(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) -> Option<Need> {
    let profile = builder.observed.profile.as_ref()?;
    if !builder.names.owns(&profile.tags, ResourceKind::Profile) {
        builder.note(
            "foreign-resource",
            format!("the instance profile {} is not ours: it stays", profile.name),
        );
        return None;
    }
    let name = profile.name.clone();
    let mut before = stopped.clone();
    let emptied = profile.role.as_ref().map(|role| {
        let why = "before the profile can go";
        let draft = Draft::new(StepKind::RemoveRoleFromProfile, Change::Delete, why)
            .target(name.clone())
            .removes("role", role.clone());
        let action = Action::InstanceProfile(InstanceProfileCall::RemoveRoleFromProfile {
            profile: name.clone(),
            role: role.clone(),
        });
        builder.step(draft, Deferred::Known(action).not_before(stopped))
    });
    before.extend(emptied.clone());
    let draft = Draft::new(StepKind::DeleteInstanceProfile, Change::Delete, "made by this stack").target(name.clone());
    let action = Action::InstanceProfile(InstanceProfileCall::DeleteInstanceProfile { name });
    builder.step(draft, Deferred::Known(action).not_before(&before));
    emptied
}

fn delete_policy(
    builder: &mut Builder<'_>,
    kind: StepKind,
    role: &str,
    policy: &str,
    stopped: &BTreeSet<Need>,
) -> Need {
    let draft = Draft::new(kind, Change::Delete, "before the role can go").target(role);
    let action = Action::Role(RoleCall::DeleteRolePolicy {
        role: role.to_owned(),
        policy_name: policy.to_owned(),
    });
    builder.step(draft, Deferred::Known(action).not_before(stopped))
}
