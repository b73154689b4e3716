//! Route 53: batches that are all or nothing, and deletions that must match every value.

use async_trait::async_trait;
use selfheal_core::world::{ARecord, HostedZone, RecordSet};

use super::call::{Call, fail};
use super::events::WorldEvent;
use super::runtime::Sim;
use super::state::ZoneRecord;
use super::target::Target;
use super::trace::TraceKind;
use super::world::World;
use crate::backend::{CallResult, Route53};

const CHANGE: &str = "route53:ChangeResourceRecordSets";

/// A name as Route 53 compares it: lower case, without the final dot.
fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The record set that the tool's A record is.
fn record_set(record: &ARecord) -> RecordSet {
    RecordSet {
        name: normal(&record.name),
        record_type: "A".to_owned(),
        ttl_s: Some(record.ttl_s),
        values: vec![record.value.clone()],
        set_identifier: None,
    }
}

/// A zone as a read tells it.
fn described(zone: &ZoneRecord) -> HostedZone {
    HostedZone {
        id: zone.id.clone(),
        name: zone.name.clone(),
        private: zone.private,
    }
}

impl World {
    fn zone_mut(&mut self, action: &'static str, id: &str) -> CallResult<&mut ZoneRecord> {
        match self.zones.get_mut(id) {
            Some(zone) => Ok(zone),
            None => fail(
                action,
                "NoSuchHostedZone",
                format!("No hosted zone found with ID: {id}"),
            ),
        }
    }

    fn upsert_record(&mut self, record: &ARecord) -> CallResult<()> {
        let zone = self.zone_mut(CHANGE, &record.zone_id)?;
        let new = record_set(record);
        let within = new.name == zone.name || new.name.ends_with(&format!(".{}", zone.name));
        if !within {
            let message = format!(
                "[RRSet with DNS name {}. is not permitted in zone {}.]",
                new.name, zone.name
            );
            return fail(CHANGE, "InvalidChangeBatch", message);
        }
        if record.value.parse::<std::net::Ipv4Addr>().is_err() {
            let message = format!(
                "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '{}'']",
                record.value
            );
            return fail(CHANGE, "InvalidChangeBatch", message);
        }
        let conflicts = |other: &RecordSet| {
            other.name == new.name
                && (other.record_type == "CNAME" || (other.record_type == "A" && other.set_identifier.is_some()))
        };
        if zone.records.iter().any(conflicts) {
            let message = format!(
                "[RRSet of type A with DNS name {}. is not permitted as it conflicts with other records with the same \
                 DNS name in zone {}.]",
                new.name, zone.name
            );
            return fail(CHANGE, "InvalidChangeBatch", message);
        }
        zone.records
            .retain(|other| !(other.name == new.name && other.record_type == "A"));
        zone.records.push(new.clone());
        zone.records
            .sort_by(|a, b| (&a.name, &a.record_type).cmp(&(&b.name, &b.record_type)));
        self.trace_dns(&record.zone_id, &new.name, Some(record.value.clone()));
        Ok(())
    }

    fn trace_dns(&mut self, zone: &str, name: &str, value: Option<String>) {
        self.record(TraceKind::Dns {
            name: name.to_owned(),
            value,
            state: "PENDING".to_owned(),
        });
        let event = WorldEvent::DnsInSync {
            zone: zone.to_owned(),
            name: name.to_owned(),
        };
        self.after(self.config.timings.dns_sync, event);
    }

    pub(super) fn dns_in_sync(&mut self, zone: &str, name: &str) {
        let records = self
            .zones
            .get(zone)
            .map(|zone| zone.records.as_slice())
            .unwrap_or_default();
        let found = records
            .iter()
            .find(|record| record.name == name && record.record_type == "A");
        let value = found.and_then(|record| record.values.first().cloned());
        self.record(TraceKind::Dns {
            name: name.to_owned(),
            value,
            state: "INSYNC".to_owned(),
        });
    }

    fn delete_record(&mut self, record: &ARecord) -> CallResult<()> {
        let zone = self.zone_mut(CHANGE, &record.zone_id)?;
        let wanted = record_set(record);
        let same = |other: &RecordSet| other.name == wanted.name && other.record_type == wanted.record_type;
        let Some(at) = zone.records.iter().position(same) else {
            let message = format!(
                "[Tried to delete resource record set [name='{}.', type='A'] but it was not found]",
                wanted.name
            );
            return fail(CHANGE, "InvalidChangeBatch", message);
        };
        if zone.records.get(at) != Some(&wanted) {
            let message = format!(
                "[Tried to delete resource record set [name='{}.', type='A'] but the values provided do not match the \
                 current values]",
                wanted.name
            );
            return fail(CHANGE, "InvalidChangeBatch", message);
        }
        zone.records.remove(at);
        self.trace_dns(&record.zone_id, &wanted.name, None);
        Ok(())
    }
}

#[async_trait]
impl Route53 for Sim {
    async fn find_hosted_zones(&self, name: &str) -> CallResult<Vec<HostedZone>> {
        let (call, name) = (Call::read("route53:ListHostedZonesByName").about(name), normal(name));
        self.call(call, move |world| {
            let found = world.zones.values().filter(|zone| zone.name == name && !zone.private);
            Ok(found.map(described).collect())
        })
        .await
    }

    async fn get_hosted_zone(&self, id: &str) -> CallResult<Option<HostedZone>> {
        let call = Call::read("route53:GetHostedZone")
            .about(id)
            .on(Target::Zone(id.to_owned()));
        let id = id.to_owned();
        self.call(call, move |world| Ok(world.zones.get(&id).map(described)))
            .await
    }

    async fn list_records(&self, zone_id: &str, name: &str) -> CallResult<Vec<RecordSet>> {
        const ACTION: &str = "route53:ListResourceRecordSets";
        let call = Call::read(ACTION).about(name).on(Target::Zone(zone_id.to_owned()));
        let (zone_id, name) = (zone_id.to_owned(), normal(name));
        self.call(call, move |world| {
            let records = &world.zone_mut(ACTION, &zone_id)?.records;
            Ok(records.iter().filter(|record| record.name == name).cloned().collect())
        })
        .await
    }

    async fn upsert_record(&self, record: &ARecord) -> CallResult<()> {
        let target = Target::Record {
            record: record.clone(),
            change: "UPSERT",
        };
        let (call, record) = (Call::change(CHANGE).about(&record.name).on(target), record.clone());
        self.call(call, move |world| world.upsert_record(&record)).await
    }

    async fn delete_record(&self, record: &ARecord) -> CallResult<()> {
        let target = Target::Record {
            record: record.clone(),
            change: "DELETE",
        };
        let (call, record) = (Call::change(CHANGE).about(&record.name).on(target), record.clone());
        self.call(call, move |world| world.delete_record(&record)).await
    }
}
