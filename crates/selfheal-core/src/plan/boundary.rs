//! The permissions boundary of the instance role: what its policies cannot exceed.

use std::collections::BTreeSet;

use selfheal_policy::Partition;

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind};
use crate::names::ResourceKind;
use crate::world::{Action, IamRole, RoleCall};

/// Refuses a boundary that the role cannot have: one of another account or partition.
pub(super) fn check(builder: &mut Builder<'_>) {
    let Some(boundary) = builder.spec.instance.permissions_boundary.clone() else {
        return;
    };
    let account = builder.observed.identity.account.clone();
    let partition = Partition::of_region(&builder.spec.region);
    let mut parts = boundary.split(':').skip(1);
    let (of, owner) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    if of != partition.as_str() || (owner != account && owner != "aws") {
        builder.refuse(
            "boundary-elsewhere",
            format!("the permissions boundary {boundary} is not of account {account} in partition {partition}"),
            "name a managed policy of the account itself, or of AWS",
        );
    }
}

/// Plans the boundary of a role that exists; a new one is created with it.
pub(super) fn plan(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    let Some(role) = builder.observed.role.as_ref() else {
        return BTreeSet::new();
    };
    if !builder.names.owns(&role.tags, ResourceKind::Role) {
        return BTreeSet::new();
    }
    let kinds = (StepKind::PutPermissionsBoundary, StepKind::DeletePermissionsBoundary);
    change(builder, role, kinds)
}

/// Plans the boundary of one of the stack's roles, by the two kinds of steps which put and delete it.
pub(super) fn change(builder: &mut Builder<'_>, role: &IamRole, (put, delete): (StepKind, StepKind)) -> BTreeSet<Need> {
    let (have, want) = (&role.permissions_boundary, &builder.spec.instance.permissions_boundary);
    if have == want {
        return BTreeSet::new();
    }
    let name = role.name.clone();
    let (draft, action) = match (have, want) {
        (before, Some(boundary)) => {
            let why = "it bounds what the role's policies may allow";
            let draft = match before {
                None => Draft::new(put, Change::Create, why).sets("policy", boundary.clone()),
                Some(before) => {
                    Draft::new(put, Change::Update, why).changes("policy", before.clone(), boundary.clone())
                }
            };
            let boundary = boundary.clone();
            (
                draft,
                Action::Role(RoleCall::PutPermissionsBoundary {
                    role: name.clone(),
                    boundary,
                }),
            )
        }
        (before, None) => {
            let why = "the spec names none: `permissions_boundary` in [instance] would keep it";
            let draft = Draft::new(delete, Change::Delete, why);
            let draft = draft.removes("policy", before.clone().unwrap_or_default());
            (
                draft,
                Action::Role(RoleCall::DeletePermissionsBoundary { role: name.clone() }),
            )
        }
    };
    BTreeSet::from([builder.step(draft.target(name), Deferred::Known(action))])
}

/// Of what is to be done first, the boundary alone: the policy waits for it.
pub(super) fn first(needs: &BTreeSet<Need>) -> BTreeSet<Need> {
    let is_boundary = |need: &&Need| matches!(need, Need::Step(step) if step.kind == StepKind::PutPermissionsBoundary);
    needs.iter().filter(is_boundary).cloned().collect()
}
