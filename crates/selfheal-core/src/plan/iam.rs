//! The instance role, its policy and its profile.

use std::collections::BTreeSet;

use selfheal_policy::{Document, Effect, Partition, Statement, trust_policy};

use super::builder::{Builder, Draft, Later};
use super::volume::DataVolume;
use super::{Change, Need, StepKind, app_policy, boundary};
use crate::names::{POLICY_NAME, Role};
use crate::world::{Action, Address, IamRole, InstanceProfileCall, RoleCall, Subnet};
use crate::{desired, permissions};

/// What must be done before an instance can do its work under its role.
pub(super) struct Identity {
    /// The steps of this plan that it waits for.
    pub(super) needs: BTreeSet<Need>,
}

/// Plans role, policy and profile.
pub(super) fn plan(
    builder: &mut Builder<'_>,
    subnet: Option<&Subnet>,
    address: &Later<Address>,
    volume: &DataVolume,
) -> Identity {
    let mut needs = BTreeSet::new();
    boundary::check(builder);
    let role = plan_role(builder, &mut needs);
    // Whoever may only act within a boundary may write the policy once the boundary is there.
    needs.extend(boundary::plan(builder));
    let dropped = app_policy::drop_unwanted(builder);
    let own_size = plan_policy(builder, &role, subnet, address, volume, &dropped, &mut needs);
    app_policy::plan(builder, &role, own_size, &mut needs);
    plan_profile(builder, &role, &mut needs);
    Identity { needs }
}

fn plan_role(builder: &mut Builder<'_>, needs: &mut BTreeSet<Need>) -> Later<String> {
    let name = builder.names.role.clone();
    let partition = Partition::of_region(&builder.spec.region);
    let trust = trust_policy(partition);
    let Some(role) = &builder.observed.role else {
        let tags = builder.names.tags(Role::Role);
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
            trust_policy: trust.to_json(),
            tags,
            permissions_boundary: boundary,
        });
        let created = builder.step(draft, Later::Known(action));
        needs.insert(created.clone());
        return Later::after(created);
    };
    if !builder.names.owns(&role.tags, Role::Role) {
        builder.refuse_foreign(Role::Role, "IAM role", &name);
    }
    check_trust(builder, role, &trust, needs);
    Later::Known(name)
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
    .changes("document", summary(&role.trust_policy), summary(&trust.to_json()));
    let action = Action::Role(RoleCall::UpdateTrustPolicy {
        role: role.name.clone(),
        trust_policy: trust.to_json(),
    });
    needs.insert(builder.step(draft, Later::Known(action)));
}

fn plan_policy(
    builder: &mut Builder<'_>,
    role: &Later<String>,
    subnet: Option<&Subnet>,
    address: &Later<Address>,
    volume: &DataVolume,
    dropped: &BTreeSet<Need>,
    needs: &mut BTreeSet<Need>,
) -> usize {
    // Without a subnet the plan has been refused already.
    let Some(subnet) = subnet else { return 0 };
    let ids = address.clone().and(volume.id.clone());
    // It is made before any id is known too, so that what is wrong with it is an error of the plan and not of the apply.
    let (allocation_id, volume_id) = match &ids {
        Later::Known((address, volume_id)) => (
            address.allocation_id.as_str(),
            volume_id.as_deref().or(volume.still_used.as_deref()),
        ),
        Later::After(_) => (
            desired::PLACEHOLDER_ALLOCATION,
            match &builder.spec.data {
                Some(_) => Some(desired::PLACEHOLDER_VOLUME),
                None => volume.still_used.as_deref(),
            },
        ),
    };
    let account = &builder.observed.identity.account;
    let made = permissions::instance_policy(
        builder.spec,
        account,
        &subnet.id,
        allocation_id,
        volume_id,
        volume.key.as_deref(),
    );
    let (document, size) = match made {
        Ok(document) => {
            let size = document.size();
            (ids.map(|_| document), size)
        }
        Err(error) => {
            builder.refuse(
                "policy",
                format!("the role's policy cannot be made: {error}"),
                "check the spec",
            );
            return 0;
        }
    };
    let tells = builder.spec.app.policy.is_some();
    let have = builder
        .observed
        .role_policy
        .as_ref()
        .filter(|_| matches!(role, Later::Known(_)));
    if let (Some(have), Later::Known(want)) = (have, &document)
        && same_document(have, want)
        && permissions::tells_of_app_policy(have) == tells
    {
        return size;
    }
    let after = document.show(|document| summary(&document.to_json()));
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
            document: document.to_json(),
        })
    });
    let before = boundary::first(needs).union(dropped).cloned().collect();
    needs.insert(builder.step(draft, action.not_before(&before)));
    size
}

fn plan_profile(builder: &mut Builder<'_>, role: &Later<String>, needs: &mut BTreeSet<Need>) {
    let name = builder.names.profile.clone();
    let profile = match &builder.observed.profile {
        None => {
            let tags = builder.names.tags(Role::Profile);
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
            let created = builder.step(draft, Later::Known(action));
            needs.insert(created.clone());
            Later::after(created)
        }
        Some(profile) if !builder.names.owns(&profile.tags, Role::Profile) => {
            builder.refuse_foreign(Role::Profile, "instance profile", &name);
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
            None => Later::Known(name.clone()),
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
fn opens_sessions(json: &str) -> bool {
    let speaks = |document: Document| {
        let allows = |statement: &Statement| {
            statement.effect == Effect::Allow && statement.actions.contains("ssmmessages:CreateControlChannel")
        };
        document.statements.iter().any(allows)
    };
    json.parse().is_ok_and(speaks)
}

const fn may_open(yes: bool) -> &'static str {
    if yes {
        "may open a shell"
    } else {
        "may not open a shell"
    }
}

/// Whether two documents mean the same; one that cannot be read means something else.
pub(super) fn same_document(have: &str, want: &Document) -> bool {
    have.parse::<Document>().is_ok_and(|have| have.equivalent(want))
}

/// How a document is shown: its statements' names, and its size.
pub(super) fn summary(json: &str) -> String {
    match json.parse::<Document>() {
        Ok(document) => super::fingerprint::describe("policy", document.to_json().as_bytes()),
        Err(_) => super::fingerprint::describe("unreadable policy", json.as_bytes()),
    }
}
