//! The second policy of the instance role: what the app may do for itself.
//!
//! The role's first policy says whether there may be a second one, so that no other stack makes a call to find out. It says so
//! before the second one is put, and until that is deleted: a run that is cut off in between orphans nothing.

use std::collections::BTreeSet;

use selfheal_policy::Limit;
use selfheal_policy::Statement;

use super::builder::{Builder, Deferred, Draft};
use super::document::{same_document, summary};
use super::{Change, Need, StepKind};
use crate::names::{APP_POLICY_NAME, ResourceKind};
use crate::permissions;
use crate::world::{Action, PolicyText, RoleCall};

/// Longest statement that a plan shows, in characters.
const STATEMENT_CHARS_MAX: usize = 160;

/// Deletes the app's policy where the spec names none; answers what is to be done before the first policy ceases to tell.
pub(super) fn drop_unwanted(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    let role = builder.observed.role.as_ref();
    let Some(role) = role.filter(|role| builder.names.owns(&role.tags, ResourceKind::Role)) else {
        return BTreeSet::new();
    };
    if builder.spec.app.policy.is_some() || builder.observed.role_app_policy.is_none() {
        return BTreeSet::new();
    }
    let name = role.name.clone();
    let have = builder
        .observed
        .role_app_policy
        .as_ref()
        .map(summary)
        .unwrap_or_default();
    let draft = Draft::new(
        StepKind::DeleteAppPolicy,
        Change::Delete,
        "the spec names none: `policy` in [app] would keep it",
    )
    .target(name.clone())
    .removes("document", have);
    let action = Action::Role(RoleCall::DeleteRolePolicy {
        role: name,
        policy_name: APP_POLICY_NAME.to_owned(),
    });
    BTreeSet::from([builder.step(draft, Deferred::Known(action))])
}

/// Plans the app's policy. `own_size` is that of the role's first policy in characters: both count together.
pub(super) fn plan(builder: &mut Builder<'_>, role: &Deferred<String>, own_size: usize, needs: &mut BTreeSet<Need>) {
    let Some(policy) = builder.spec.app.policy.clone() else {
        return;
    };
    for note in builder.spec.app_policy_notes() {
        builder.note("app-policy", format!("{}: {note}", policy.path));
    }
    let most = Limit::RoleInline.characters();
    let size = policy.document.size();
    if own_size + size > most {
        builder.refuse(
            "app-policy-too-long",
            format!(
                "{} has {size} characters and the instance's own policy {own_size}: IAM allows {most} together",
                policy.path
            ),
            "shorten it: a wildcard in a resource's name says in one line what a list does",
        );
        return;
    }
    let have = builder.observed.role_app_policy.as_ref();
    let have = have.filter(|_| matches!(role, Deferred::Known(_)));
    if have.is_some_and(|have| same_document(have, &policy.document)) {
        return;
    }
    let after = summary(&(&policy.document).into());
    let draft = match have {
        None => {
            Draft::new(StepKind::PutAppPolicy, Change::Create, "what the app may do for itself").sets("document", after)
        }
        Some(have) => Draft::new(StepKind::PutAppPolicy, Change::Update, "the app's policy differs").changes(
            "document",
            summary(have),
            after,
        ),
    };
    let mut draft = draft.target(builder.names.role.clone());
    for statement in &policy.document.statements {
        draft = draft.sets("statement", shown(statement));
    }
    let document = PolicyText::from(&policy.document);
    let action = role.clone().map(|role| {
        Action::Role(RoleCall::PutRolePolicy {
            role,
            policy_name: APP_POLICY_NAME.to_owned(),
            document,
        })
    });
    let told = have_told(builder);
    let mut before: BTreeSet<Need> = BTreeSet::new();
    if !told {
        before.insert(Need::step(StepKind::PutRolePolicy, &builder.names.role));
    }
    before.extend(super::boundary::first(needs));
    needs.insert(builder.step(draft, action.not_before(&before)));
}

fn have_told(builder: &Builder<'_>) -> bool {
    let told = builder
        .observed
        .role_policy
        .as_ref()
        .is_some_and(permissions::tells_of_app_policy);
    told && builder.observed.role.is_some()
}

/// A statement as a plan shows it: what it allows or denies, and on what.
fn shown(statement: &Statement) -> String {
    let actions: Vec<&str> = statement
        .actions
        .patterns()
        .iter()
        .map(selfheal_policy::ActionPattern::as_str)
        .collect();
    let resources = statement
        .target
        .resources()
        .map(selfheal_policy::ResourceSet::patterns)
        .unwrap_or_default();
    let resources: Vec<&str> = resources.iter().map(selfheal_policy::ResourcePattern::as_str).collect();
    let when = if statement.conditions.is_empty() {
        ""
    } else {
        ", under conditions"
    };
    let name = match statement.name() {
        "" => String::new(),
        name => format!("{name}: "),
    };
    let effect = match statement.effect {
        selfheal_policy::Effect::Allow => "allows",
        selfheal_policy::Effect::Deny => "denies",
    };
    let not = |is_not: bool| if is_not { "all but " } else { "" };
    let but_actions = not(matches!(statement.actions, selfheal_policy::ActionSet::NotAction(_)));
    let but_resources = not(matches!(
        statement.target.resources(),
        Some(selfheal_policy::ResourceSet::NotResource(_))
    ));
    let text = format!(
        "{name}{effect} {but_actions}{} on {but_resources}{}{when}",
        actions.join(", "),
        resources.join(", ")
    );
    if text.chars().count() <= STATEMENT_CHARS_MAX {
        return text;
    }
    let cut: String = text.chars().take(STATEMENT_CHARS_MAX - 1).collect();
    format!("{cut}…")
}
