//! Hosted zones and record sets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, HostedZoneId, Observed};

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostedZone {
    /// `Z…`, without `/hostedzone/`.
    pub id: HostedZoneId,
    /// Its name without the final dot.
    pub name: String,
    /// Whether it answers inside some VPCs alone.
    pub private: bool,
}

/// A record set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// A record that the stack wrote and that its spec does not name any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerRecord {
    /// The hosted zone's id.
    pub zone_id: HostedZoneId,
    /// The record's name without the final dot.
    pub name: String,
    /// What is there today: record sets of any type.
    pub records: Vec<RecordSet>,
}

/// One mutating call about records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum RecordCall {
    /// `route53:ChangeResourceRecordSets`, UPSERT of an A record.
    UpsertRecord(ARecord),
    /// `route53:ChangeResourceRecordSets`, DELETE of exactly this A record.
    DeleteRecord(ARecord),
}

/// An A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ARecord {
    /// The hosted zone's id.
    pub zone_id: HostedZoneId,
    /// The record's name without the final dot.
    pub name: String,
    /// The IPv4 address.
    pub value: String,
    /// Time to live in seconds.
    pub ttl_s: u32,
}

pub(super) fn record(observed: &mut Observed, call: &RecordCall, answer: Answer) {
    if answer != Answer::Done {
        return;
    }
    match call {
        RecordCall::UpsertRecord(record) => {
            observed.records.retain(|have| have.record_type != "A");
            observed.records.push(RecordSet {
                name: record.name.clone(),
                record_type: "A".to_owned(),
                ttl_s: Some(record.ttl_s),
                values: vec![record.value.clone()],
                set_identifier: None,
            });
        }
        RecordCall::DeleteRecord(record) => {
            let is_it = |have: &RecordSet| have.name == record.name && have.values == [record.value.clone()];
            observed.records.retain(|have| !is_it(have));
            let formers = observed.former_records.iter_mut();
            for former in formers.filter(|former| former.zone_id == record.zone_id) {
                former.records.retain(|have| !is_it(have));
            }
        }
    }
}
