//! Route 53: batches that are all or nothing, and deletions that must match every value.

use async_trait::async_trait;
use selfheal_core::world::{ARecord, HostedZone, HostedZoneId, RecordSet};

use super::call::{Call, fail};
use super::events::WorldEvent;
use super::pages::{cut, cut_list};
use super::runtime::Sim;
use super::state::ZoneRecord;
use super::target::Target;
use super::trace::TraceKind;
use super::world::World;
use crate::backend::{CallResult, RecordPage, Route53};

const CHANGE: &str = "route53:ChangeResourceRecordSets";

const LIST: &str = "route53:ListResourceRecordSets";
/// Record sets on a page.
const RECORDS_PAGE: usize = 300;
/// Hosted zones on a page.
const ZONES_PAGE: usize = 100;

/// Where a name stands in a listing.
///
/// Source: API reference of `ListResourceRecordSets`: by name "with the labels reversed", a dot at its end.
fn place(name: &str) -> String {
    let labels: Vec<&str> = name.rsplit('.').collect();
    labels.join(".") + "."
}

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
    fn zone_mut(&mut self, action: &'static str, id: &HostedZoneId) -> CallResult<&mut ZoneRecord> {
        match self.zones.get_mut(id) {
            Some(zone) => Ok(zone),
            None => fail(
                action,
                "NoSuchHostedZone",
                format!("No hosted zone found with ID: {id}"),
            ),
        }
    }

    /// The record sets of a zone from a name on, in Route 53's order.
    fn records_from(&mut self, zone_id: &HostedZoneId, from: &str) -> CallResult<Vec<RecordSet>> {
        let mut records = self.zone_mut(LIST, zone_id)?.records.clone();
        records.retain(|record| place(&record.name) >= place(from));
        records.sort_by_cached_key(|record| {
            let RecordSet {
                record_type,
                set_identifier,
                ..
            } = record;
            (place(&record.name), record_type.clone(), set_identifier.clone())
        });
        Ok(records)
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

    fn trace_dns(&mut self, zone: &HostedZoneId, name: &str, value: Option<String>) {
        self.record(TraceKind::Dns {
            name: name.to_owned(),
            value,
            state: "PENDING".to_owned(),
        });
        let event = WorldEvent::DnsInSync {
            zone: zone.clone(),
            name: name.to_owned(),
        };
        self.after(self.config.timings.dns_sync, event);
    }

    pub(super) fn dns_in_sync(&mut self, zone: &HostedZoneId, name: &str) {
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
        self.listing(call, ZONES_PAGE, move |world, page| {
            // The listing begins at the name and is read no further.
            let named = |zone: &ZoneRecord| zone.name == name;
            Ok(cut(&world.zones, page, named, |zone| {
                (!zone.private).then(|| described(zone))
            }))
        })
        .await
    }

    async fn get_hosted_zone(&self, id: &HostedZoneId) -> CallResult<Option<HostedZone>> {
        let call = Call::read("route53:GetHostedZone")
            .about(id.as_str())
            .on(Target::Zone(id.clone()));
        let id = id.clone();
        self.call(call, move |world| Ok(world.zones.get(&id).map(described)))
            .await
    }

    async fn zone_name_servers(&self, id: &HostedZoneId) -> CallResult<Vec<String>> {
        let call = Call::read("route53:GetHostedZone")
            .about(id.as_str())
            .on(Target::Zone(id.clone()));
        let id = id.clone();
        self.call(call, move |world| {
            Ok(world.zones.get(&id).map(ZoneRecord::name_servers).unwrap_or_default())
        })
        .await
    }

    async fn list_records(&self, zone_id: &HostedZoneId, name: &str) -> CallResult<Vec<RecordSet>> {
        let call = Call::read(LIST).about(name).on(Target::Zone(zone_id.clone()));
        let (zone_id, name) = (zone_id.clone(), normal(name));
        self.listing(call, RECORDS_PAGE, move |world, page| {
            let of_name = world.records_from(&zone_id, &name)?;
            let of_name: Vec<RecordSet> = of_name.into_iter().take_while(|record| record.name == name).collect();
            Ok(cut_list(&of_name, page))
        })
        .await
    }

    async fn list_record_page(&self, zone_id: &HostedZoneId, from: &str) -> CallResult<RecordPage> {
        let call = Call::read(LIST).about(from).on(Target::Zone(zone_id.clone()));
        let (zone_id, from) = (zone_id.clone(), normal(from));
        self.call(call, move |world| {
            let mut records = world.records_from(&zone_id, &from)?;
            let size = world.page_size(RECORDS_PAGE);
            let more = records.len() > size;
            records.truncate(size);
            Ok(RecordPage { records, more })
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
