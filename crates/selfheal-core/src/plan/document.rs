//! Policy documents, compared and shown.

use selfheal_policy::Document;

use super::fingerprint::describe;

/// Whether two documents mean the same; one that cannot be read means something else.
pub(super) fn same_document(have: &str, want: &Document) -> bool {
    have.parse::<Document>().is_ok_and(|have| have.equivalent(want))
}

/// How a document is shown: its statements' names, and its size.
pub(super) fn summary(json: &str) -> String {
    match json.parse::<Document>() {
        Ok(document) => describe("policy", document.to_json().as_bytes()),
        Err(_) => describe("unreadable policy", json.as_bytes()),
    }
}
