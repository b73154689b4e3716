//! Tags that are put on what exists already.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, Observed, address, volume};
use crate::names::Tags;

/// One mutating call about the tags of a resource of EC2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum TagCall {
    /// `ec2:CreateTags`.
    CreateTags {
        /// The resource's id.
        resource: String,
        /// The tags to set.
        tags: Tags,
    },
}

pub(super) fn record(observed: &mut Observed, call: &TagCall, answer: Answer) {
    if answer != Answer::Done {
        return;
    }
    match call {
        TagCall::CreateTags { resource, tags } => {
            address::tag(observed, resource, tags);
            volume::tag(observed, resource, tags);
        }
    }
}
