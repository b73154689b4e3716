//! Systems Manager's agent on an instance.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgentPing, InstanceId};

/// Systems Manager's agent on an instance, as `DescribeInstanceInformation` tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The instance, `i-…`.
    pub instance_id: InstanceId,
    /// Whether it is connected.
    pub ping: AgentPing,
    /// When AWS last heard of it.
    pub last_ping: Option<Timestamp>,
    /// Its version, such as `3.3.1345.0`.
    pub version: Option<String>,
}

/// What was read of the agents of the stack's instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Agents {
    /// Nothing was asked.
    #[default]
    Unread,
    /// Agents that have been heard of.
    Read(Vec<Agent>),
    /// It could not be read, for this reason: nothing rests on it.
    Failed(String),
}
