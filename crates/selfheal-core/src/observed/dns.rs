//! What Route 53 tells.

use serde::{Deserialize, Serialize};

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostedZone {
    /// `Z…`, without `/hostedzone/`.
    pub id: String,
    /// Its name without the final dot.
    pub name: String,
    /// Whether it answers inside some VPCs alone.
    pub private: bool,
}

/// A record that the stack wrote and that its spec does not name any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerRecord {
    /// The hosted zone's id.
    pub zone_id: String,
    /// The record's name without the final dot.
    pub name: String,
    /// What is there today: record sets of any type.
    pub records: Vec<RecordSet>,
}

/// A record set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Its name without the final dot.
    pub name: String,
    /// `A`, `CNAME`, …
    pub record_type: String,
    /// Time to live in seconds; `None` for an alias.
    pub ttl_s: Option<u32>,
    /// Its values; empty for an alias.
    pub values: Vec<String>,
    /// Set for weighted, latency and other routed records.
    pub set_identifier: Option<String>,
}
