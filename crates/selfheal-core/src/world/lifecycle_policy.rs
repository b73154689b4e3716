//! The lifecycle policy of Data Lifecycle Manager, which takes snapshots of the data volume and deletes them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::list;
use super::{Answer, Observed};
use crate::names::Tags;

/// A lifecycle policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecyclePolicy {
    /// `policy-…`.
    pub id: String,
    /// `ENABLED`, `DISABLED` or `ERROR`.
    pub state: String,
    /// Why it is in that state, where AWS says so.
    pub message: Option<String>,
    /// When it was made, where AWS says so.
    pub created_at: Option<Timestamp>,
    /// What it does.
    pub settings: LifecycleSettings,
    /// Its own tags.
    pub tags: Tags,
}

impl LifecyclePolicy {
    /// The state in which it acts.
    pub const ENABLED: &str = "ENABLED";
}

/// What a lifecycle policy does, in the fields that this tool sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifecycleSettings {
    /// ARN of the role under which Data Lifecycle Manager acts.
    pub role_arn: String,
    /// Key and value of the tag that the volumes bear which are snapshotted.
    pub target: (String, String),
    /// Hours between two snapshots: 1, 2, 3, 4, 6, 8, 12 or 24.
    pub every_h: u32,
    /// The hour and minute in UTC from which they are counted, `hh:mm`.
    pub at: String,
    /// Days after which a snapshot is deleted.
    pub keep_days: u32,
    /// Tags of each snapshot, beside AWS's own.
    pub snapshot_tags: Tags,
}

/// One mutating call about lifecycle policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum LifecyclePolicyCall {
    /// `dlm:CreateLifecyclePolicy`, enabled, with tags. It has no token: where its answer is lost, the policy is found by the
    /// tag of its volumes.
    CreateLifecyclePolicy {
        /// What people read of it: letters, digits, spaces, `_` and `-`, at most 500.
        description: String,
        /// What it does.
        settings: LifecycleSettings,
        /// Its tags.
        tags: Tags,
    },
    /// `dlm:UpdateLifecyclePolicy`: enables it, with these settings.
    UpdateLifecyclePolicy {
        /// The policy.
        id: String,
        /// What it is to do, whole.
        settings: LifecycleSettings,
    },
    /// `dlm:DeleteLifecyclePolicy`. The snapshots that it took stay.
    DeleteLifecyclePolicy {
        /// The policy.
        id: String,
    },
}

pub(super) fn record(observed: &mut Observed, call: &LifecyclePolicyCall, answer: Answer) {
    match call {
        LifecyclePolicyCall::CreateLifecyclePolicy { settings, tags, .. } => {
            let Answer::LifecyclePolicy(id) = answer else { return };
            observed.run.unseen.insert(id.clone());
            observed.lifecycle_policies.push(LifecyclePolicy {
                id,
                state: LifecyclePolicy::ENABLED.to_owned(),
                message: None,
                created_at: Some(observed.observed_at),
                settings: settings.clone(),
                tags: tags.clone(),
            });
        }
        // An answer that does not fit changes nothing.
        _ if answer != Answer::Done => {}
        LifecyclePolicyCall::UpdateLifecyclePolicy { id, settings } => {
            for policy in observed.lifecycle_policies.iter_mut().filter(|policy| policy.id == *id) {
                LifecyclePolicy::ENABLED.clone_into(&mut policy.state);
                policy.settings.clone_from(settings);
            }
        }
        LifecyclePolicyCall::DeleteLifecyclePolicy { id } => {
            observed.lifecycle_policies.retain(|policy| policy.id != *id);
            observed.run.unseen.remove(id);
        }
    }
}

impl Observed {
    /// Puts a new reading of the lifecycle policies into the observed world.
    pub fn read_lifecycle_policies(&mut self, policies: Vec<LifecyclePolicy>) {
        list(&mut self.lifecycle_policies, policies, &mut self.run.unseen, |policy| {
            policy.id.clone()
        });
    }
}
