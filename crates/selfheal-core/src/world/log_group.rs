//! The log group.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::one;
use super::{Answer, Observed};
use crate::names::Tags;

/// A log group of CloudWatch Logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    /// Its name, which identifies it.
    pub name: String,
    /// Days after which events are deleted; `None` where they are kept for ever.
    pub retention_days: Option<u32>,
    /// Its tags.
    pub tags: Tags,
}

/// One mutating call about the log group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum LogGroupCall {
    /// `logs:CreateLogGroup`, with tags. Its events are kept for ever until a retention is set.
    CreateLogGroup {
        /// Its name.
        name: String,
        /// Its tags.
        tags: Tags,
    },
    /// `logs:PutRetentionPolicy`.
    PutRetentionPolicy {
        /// The log group.
        name: String,
        /// Days after which events are deleted.
        days: u32,
    },
    /// `logs:DeleteLogGroup`, with all that was logged.
    DeleteLogGroup {
        /// The log group.
        name: String,
    },
}

fn key(group: &LogGroup) -> String {
    format!("log-group/{}", group.name)
}

pub(super) fn record(observed: &mut Observed, call: &LogGroupCall, answer: Answer) {
    // An answer that does not fit changes nothing.
    if answer != Answer::Done {
        return;
    }
    match call {
        LogGroupCall::CreateLogGroup { name, tags } => {
            let group = LogGroup {
                name: name.clone(),
                retention_days: None,
                tags: tags.clone(),
            };
            observed.run.unseen.insert(key(&group));
            observed.log_group = Some(group);
        }
        LogGroupCall::PutRetentionPolicy { days, .. } => {
            if let Some(group) = &mut observed.log_group {
                group.retention_days = Some(*days);
            }
        }
        LogGroupCall::DeleteLogGroup { .. } => {
            if let Some(group) = observed.log_group.take() {
                observed.run.unseen.remove(&key(&group));
            }
        }
    }
}

impl Observed {
    /// Puts a new reading of the log group into the observed world.
    pub fn read_log_group(&mut self, group: Option<LogGroup>) {
        one(&mut self.log_group, group, &mut self.run.unseen, key);
    }
}
