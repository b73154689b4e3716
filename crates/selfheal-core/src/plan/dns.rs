//! The A record at the address.

use super::builder::{Builder, Draft, Later};
use super::{Change, StepKey};
use crate::action::{ARecord, Action};
use crate::observed::{Address, RecordSet};

/// Plans the record.
pub(super) fn plan(builder: &mut Builder<'_>, address: &Later<Address>) {
    let Some(dns) = &builder.spec.dns else { return };
    let Some(zone) = &builder.observed.hosted_zone else {
        builder.refuse(
            "zone-missing",
            format!(
                "there is no public hosted zone `{}` in account {}",
                dns.zone, builder.observed.identity.account
            ),
            "create the zone first: a domain is worth more than a server, and this tool does not make one",
        );
        return;
    };
    let mut have = None;
    for record in &builder.observed.records {
        if is_unusual(record) {
            builder.refuse(
                "record-unusual",
                format!(
                    "`{}` has a {} record that this tool did not make",
                    dns.name,
                    kind(record)
                ),
                "remove it, or choose another `dns.name`",
            );
            return;
        }
        if record.record_type == "A" {
            have = Some(record);
        }
    }
    let value = address.show(|address| address.public_ip.clone());
    let ttl = format!("{} s", dns.ttl_s);
    let draft = match have {
        None => Draft::new(StepKey::UpsertRecord, Change::Create, "the name points at the address")
            .sets_later("value", value)
            .sets("ttl", ttl),
        Some(record) => {
            let have_ttl = record.ttl_s.map_or_else(|| "none".to_owned(), |ttl| format!("{ttl} s"));
            Draft::new(
                StepKey::UpsertRecord,
                Change::Update,
                "the name must point at the address",
            )
            .changes_later("value", record.values.join(", "), value)
            .changes("ttl", have_ttl, ttl)
        }
    };
    if !draft.has_changes() {
        return;
    }
    let (zone_id, name, ttl_s) = (zone.id.clone(), dns.name.clone(), dns.ttl_s);
    let action = address.as_ref().map(|address| {
        Action::UpsertRecord(ARecord {
            zone_id,
            name,
            value: address.public_ip.clone(),
            ttl_s,
        })
    });
    builder.step(draft.target(dns.name.clone()), action);
}

/// Whether an A record cannot be written beside or over it: an alias, a routed record, or a CNAME.
fn is_unusual(record: &RecordSet) -> bool {
    record.record_type == "CNAME"
        || (record.record_type == "A" && (record.set_identifier.is_some() || record.ttl_s.is_none()))
}

fn kind(record: &RecordSet) -> String {
    match (&record.set_identifier, record.ttl_s) {
        (Some(id), _) => format!("routed {} (`{id}`)", record.record_type),
        (None, None) => format!("{} alias", record.record_type),
        (None, Some(_)) => record.record_type.clone(),
    }
}
