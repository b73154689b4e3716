//! Records that answer a certificate authority's challenges, as an instance writes and removes them in a hosted zone.

use selfheal_core::world::{HostedZoneId, RecordSet};

use super::call::{Call, Caller, fail};
use super::events::WorldEvent;
use super::ids::upper_id;
use super::instance_api::InstanceCaller;
use super::target::Target;
use super::trace::TraceKind;
use super::world::World;
use crate::backend::CallResult;

const CHANGE: &str = "route53:ChangeResourceRecordSets";
/// Bytes of a string of a TXT record, without its quotation marks.
const STRING_MAX: usize = 255;

impl InstanceCaller {
    /// `route53:ChangeResourceRecordSets`: does `UPSERT` or `DELETE` with these TXT records, all or none; answers the id of the
    /// change.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn change_records(&self, zone: &HostedZoneId, action: &str, records: &[RecordSet]) -> CallResult<String> {
        self.call(|world, me| world.api_change_records(me, zone, action, records))
    }

    /// `route53:GetChange`: whether all servers of the zone have it.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn is_in_sync(&self, change: &str) -> CallResult<bool> {
        self.call(|world, me| world.api_get_change(me, change))
    }
}

impl World {
    pub(super) fn api_change_records(
        &mut self,
        me: &Caller,
        zone: &HostedZoneId,
        action: &str,
        records: &[RecordSet],
    ) -> CallResult<String> {
        let names: Vec<String> = records.iter().map(|record| record.name.clone()).collect();
        let call = Call::change(CHANGE).about(&names.join(" ")).on(Target::Records {
            zone: zone.clone(),
            records: records.to_vec(),
            change: action.to_owned(),
        });
        self.call_now(me, &call, |world| world.change_records(zone, action, records))
    }

    pub(super) fn api_get_change(&mut self, me: &Caller, id: &str) -> CallResult<bool> {
        const ACTION: &str = "route53:GetChange";
        let call = Call::read(ACTION).about(id).on(Target::RecordChange(id.to_owned()));
        self.call_now(me, &call, |world| match world.record_changes.get(id) {
            Some(in_sync) => Ok(*in_sync),
            None => fail(ACTION, "NoSuchChange", format!("Could not find resource with ID: {id}")),
        })
    }

    /// Makes all changes of a batch, or none.
    fn change_records(&mut self, zone: &HostedZoneId, action: &str, records: &[RecordSet]) -> CallResult<String> {
        let Some(zone) = self.zones.get_mut(zone) else {
            let message = format!("No hosted zone found with ID: {zone}");
            return fail(CHANGE, "NoSuchHostedZone", message);
        };
        let mut changed = zone.records.clone();
        for record in records {
            if let Some(why) = refused(&zone.name, &changed, action, record) {
                return fail(CHANGE, "InvalidChangeBatch", format!("[{why}]"));
            }
            changed.retain(|other| !is_same_set(other, record));
            if action != "DELETE" {
                changed.push(record.clone());
            }
        }
        changed.sort_by(|a, b| (&a.name, &a.record_type).cmp(&(&b.name, &b.record_type)));
        zone.records = changed;
        for record in records {
            let value = (action != "DELETE").then(|| record.values.join(" "));
            self.record(TraceKind::Dns {
                name: record.name.clone(),
                value,
                state: "PENDING".to_owned(),
            });
        }
        let id = upper_id(&mut self.rng_latency, "C", 20);
        self.record_changes.insert(id.clone(), false);
        self.after(self.config.timings.dns_sync, WorldEvent::ChangeInSync(id.clone()));
        Ok(id)
    }

    pub(super) fn change_in_sync(&mut self, id: &str) {
        if let Some(in_sync) = self.record_changes.get_mut(id) {
            *in_sync = true;
        }
    }

    /// Whether the zone's servers answer with each of these records.
    pub(super) fn answers_with(&self, zone: &HostedZoneId, records: &[RecordSet]) -> bool {
        let zone = self.zones.get(zone).filter(|zone| !zone.private);
        zone.is_some_and(|zone| records.iter().all(|record| zone.records.contains(record)))
    }
}

fn is_same_set(one: &RecordSet, other: &RecordSet) -> bool {
    one.name == other.name && one.record_type == other.record_type
}

/// Why Route 53 takes no such change.
fn refused(zone: &str, records: &[RecordSet], action: &str, record: &RecordSet) -> Option<String> {
    let (name, kind) = (&record.name, &record.record_type);
    let within = name == zone || name.ends_with(&format!(".{zone}"));
    if !within {
        return Some(format!("RRSet with DNS name {name}. is not permitted in zone {zone}."));
    }
    let is_string = |value: &String| {
        let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inner.is_some_and(|inner| inner.len() <= STRING_MAX && !inner.contains('"'))
    };
    if kind == "TXT" && !record.values.iter().all(is_string) {
        let value = record.values.join(" ");
        return Some(format!(
            "Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) \
             encountered with '{value}''"
        ));
    }
    let have = records.iter().find(|other| is_same_set(other, record));
    match (action, have) {
        ("UPSERT", _) => None,
        ("DELETE", None) => Some(format!(
            "Tried to delete resource record set [name='{name}.', type='{kind}'] but it was not found"
        )),
        ("DELETE", Some(have)) if have == record => None,
        ("DELETE", Some(_)) => Some(format!(
            "Tried to delete resource record set [name='{name}.', type='{kind}'] but the values provided do not match the \
             current values"
        )),
        _ => Some(format!("Invalid action {action}")),
    }
}
