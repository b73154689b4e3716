//! Which of the application status checks is the stack's.

use super::stack::Stack;
use crate::names::{ResourceKind, TAG_APPLICATION_CHECK};
use crate::world::ApplicationCheck;

/// The check that the spec asks for, where it exists.
pub(crate) fn used<'a>(stack: &Stack<'a>) -> Option<&'a ApplicationCheck> {
    all(stack).into_iter().next().filter(|_| stack.spec.asks_aws())
}

/// The checks of the stack, the one to use first: one that asks our instances, else the lowest id.
pub(crate) fn all<'a>(stack: &Stack<'a>) -> Vec<&'a ApplicationCheck> {
    let mut checks: Vec<&ApplicationCheck> = stack
        .observed
        .application_checks
        .iter()
        .filter(|check| !check.deleted && stack.names.owns(&check.tags, ResourceKind::ApplicationCheck))
        .collect();
    checks.sort_by_key(|check| (!asks_ours(check, &stack.spec.name), check.id.clone()));
    checks
}

/// Whether a check asks the instances of this stack.
pub(crate) fn asks_ours(check: &ApplicationCheck, stack: &str) -> bool {
    check
        .targets
        .iter()
        .any(|(key, value)| key == TAG_APPLICATION_CHECK && value == stack)
}
