//! Systems Manager's agent in a status.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::display::age;
use crate::spec::Spec;
use crate::world::{Agent, AgentPing, Agents, InstanceId, Observed};

/// Systems Manager's agent on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AgentStatus {
    /// Whether it can be reached.
    pub state: AgentState,
    /// When AWS last heard of it, RFC 3339.
    pub last_ping: Option<Timestamp>,
    /// Its version.
    pub version: Option<String>,
    /// Why nothing is known of it, or why there is none, where that is so.
    pub unknown: Option<String>,
}

/// Whether an agent can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AgentState {
    /// Connected.
    Online,
    /// AWS has heard of it before, and does not any more.
    ConnectionLost,
    /// AWS has never heard of it.
    NotSeen,
    /// It could not be asked.
    Unknown,
}

/// What was read of the agent on an instance; `None` where nothing was asked.
pub(super) fn agent(spec: &Spec, observed: &Observed, instance: &InstanceId) -> Option<AgentStatus> {
    let none = |state| AgentStatus {
        state,
        last_ping: None,
        version: None,
        unknown: None,
    };
    match &observed.agents {
        Agents::Unread => None,
        Agents::Failed(why) => Some(AgentStatus {
            unknown: Some(why.clone()),
            ..none(AgentState::Unknown)
        }),
        Agents::Read(agents) => Some(match agents.iter().find(|agent| agent.instance_id == *instance) {
            None => AgentStatus {
                unknown: spec.access.why_no_agent(&spec.instance.image).map(str::to_owned),
                ..none(AgentState::NotSeen)
            },
            Some(Agent {
                ping,
                last_ping,
                version,
                ..
            }) => AgentStatus {
                state: match ping {
                    AgentPing::Online => AgentState::Online,
                    AgentPing::ConnectionLost | AgentPing::Inactive | AgentPing::Other(_) => AgentState::ConnectionLost,
                },
                last_ping: *last_ping,
                version: version.clone(),
                unknown: None,
            },
        }),
    }
}

impl AgentStatus {
    /// The status as a person reads it, at this instant.
    pub(super) fn describe(&self, now: Timestamp) -> String {
        let heard = self.last_ping.map(|at| age(now.duration_since(at)));
        let version = self.version.as_ref().map(|version| format!(", version {version}"));
        let version = version.unwrap_or_default();
        match (self.state, heard) {
            (AgentState::Online, _) => format!("online{version}"),
            (AgentState::ConnectionLost, Some(heard)) => format!("not connected, last heard of {heard} ago{version}"),
            (AgentState::ConnectionLost, None) => format!("not connected{version}"),
            (AgentState::NotSeen, _) => match &self.unknown {
                Some(why) => format!("none: {why}"),
                None => "not seen yet".to_owned(),
            },
            (AgentState::Unknown, _) => {
                let why = self.unknown.as_deref().unwrap_or("it was not asked");
                format!("unknown: {why}")
            }
        }
    }
}
