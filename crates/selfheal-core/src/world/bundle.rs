//! The bundle: what of the boot program does not fit into user data, in parameters of Parameter Store.
//!
//! A parameter has no owner but its name, which is the stack's own: below [`Names::bundle`](crate::Names::bundle) nothing else
//! is ever kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, Observed};

/// One mutating call about the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum BundleCall {
    /// `ssm:PutParameter` of a chunk: type `String`, tier `Standard`, in the place of what was there.
    PutParameter {
        /// Its name.
        name: String,
        /// The chunk.
        value: String,
    },
    /// `ssm:DeleteParameters`. One that does not exist is no error.
    DeleteParameters {
        /// Their names, at most [`DELETED_AT_ONCE`].
        names: Vec<String>,
    },
}

/// The most parameters that one `DeleteParameters` takes.
///
/// Source: Systems Manager API reference, `DeleteParameters`.
pub const DELETED_AT_ONCE: usize = 10;

fn key(name: &str) -> String {
    format!("parameter/{name}")
}

pub(super) fn record(observed: &mut Observed, call: &BundleCall, answer: Answer) {
    // An answer that does not fit changes nothing.
    if answer != Answer::Done {
        return;
    }
    match call {
        BundleCall::PutParameter { name, value } => {
            observed.run.unseen.insert(key(name));
            observed.bundles.insert(name.clone(), value.clone());
        }
        BundleCall::DeleteParameters { names } => {
            for name in names {
                observed.run.unseen.remove(&key(name));
                observed.bundles.remove(name);
            }
        }
    }
}

impl Observed {
    /// Puts a reading of the parameters below a path into the observed world. What this run has written stays as it wrote it
    /// until a reading shows that: what was there before may be shown for a while.
    pub fn read_bundle(&mut self, path: &str, mut found: Vec<(String, String)>) {
        let below = format!("{path}/");
        let (bundles, unseen) = (&mut self.bundles, &mut self.run.unseen);
        found.retain(|(name, value)| {
            let shown = bundles.get(name) == Some(value);
            if shown {
                unseen.remove(&key(name));
            }
            !unseen.contains(&key(name))
        });
        bundles.retain(|name, _| !name.starts_with(&below) || unseen.contains(&key(name)));
        bundles.extend(found);
    }
}
