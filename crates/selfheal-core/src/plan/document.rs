//! Policy documents, compared and shown.

use selfheal_policy::Document;

use super::fingerprint::describe;
use crate::world::PolicyText;

/// Whether two documents mean the same; one that cannot be read means something else.
pub(super) fn same_document(have: &PolicyText, want: &Document) -> bool {
    have.document()
        .is_some_and(|have| have == want || have.equivalent(want))
}

/// How a document is shown: its statements' names, and its size.
pub(super) fn summary(policy: &PolicyText) -> String {
    match policy.document() {
        Some(document) => describe("policy", document.to_json().as_bytes()),
        None => describe("unreadable policy", policy.as_bytes()),
    }
}
