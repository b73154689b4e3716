//! The A record at the address.
//!
//! What the stack writes is noted on its address first, so that a record which the spec has ceased to name is found and
//! removed. A record is the stack's own where it points at an address of the stack; any other is somebody else's.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind, Value, WaitFor};
use crate::existing::address::{choose, owned, to_remove};
use crate::names::{ResourceKind, TAG_RECORD, TAG_RECORD_ZONE, TAG_STACK, Tags};
use crate::spec::{DnsSpec, Spec, ZoneRef, is_below};
use crate::world::{
    ARecord, Action, Address, FormerRecord, Group, HostedZone, HostedZoneId, Observed, RecordCall, RecordSet, TagCall,
};

/// Plans the record, and the end of one that the stack wrote under another name.
pub(super) fn plan(builder: &mut Builder<'_>, address: &Deferred<Address>) {
    if wait_for_route_53(builder, StepKind::UpsertRecord) {
        return;
    }
    let removed = remove_former(builder);
    let noted = remember(builder, address, &removed);
    point(builder, address, &noted);
}

/// The tags that note the spec's record on the address that it points at.
pub(super) fn tags(builder: &Builder<'_>) -> Tags {
    match wanted(builder) {
        Some((zone, name)) => note(&zone, name),
        None => Tags::new(),
    }
}

fn note(zone: &HostedZoneId, name: &str) -> Tags {
    Tags::from([
        (TAG_RECORD.to_owned(), name.to_owned()),
        (TAG_RECORD_ZONE.to_owned(), zone.to_string()),
    ])
}

/// The record that tags note: its zone's id and its name.
#[must_use]
pub fn remembered(tags: &Tags) -> Option<(HostedZoneId, &str)> {
    let value = |key: &str| tags.get(key).map(String::as_str).filter(|value| !value.is_empty());
    Some((value(TAG_RECORD_ZONE)?.into(), value(TAG_RECORD)?))
}

/// The record that tags note and that is not, or may not be, the spec's.
#[must_use]
pub fn former<'a>(spec: &Spec, tags: &'a Tags) -> Option<(HostedZoneId, &'a str)> {
    let is_former = |zone: &HostedZoneId, name: &str| match &spec.dns {
        None => true,
        Some(dns) => dns.name != name || matches!(&dns.zone, ZoneRef::Id(id) if id != zone),
    };
    remembered(tags).filter(|(zone, name)| is_former(zone, name))
}

/// The spec's record, where its zone is known and can hold it.
fn wanted<'a>(builder: &Builder<'a>) -> Option<(HostedZoneId, &'a str)> {
    let observed = builder.observed;
    let usable = observed.dns_unread.is_none() && observed.other_zones.is_empty();
    let dns = builder.spec.dns.as_ref().filter(|_| usable)?;
    Some((observed.hosted_zone.as_ref()?.id.clone(), &dns.name))
}

/// Plans to look at the records once Route 53 answers; answers whether there is something to wait for.
///
/// Nothing else waits for it: the rest of the stack neither needs the name nor is needed by it.
pub(super) fn wait_for_route_53(builder: &mut Builder<'_>, key: StepKind) -> bool {
    let observed = builder.observed;
    let Some(why) = observed.dns_unread.as_ref().or(observed.former_unread.as_ref()) else {
        return false;
    };
    builder.note("dns-unread", format!("Route 53 could not be read: {why}"));
    let needs: BTreeSet<Need> = [builder.wait(WaitFor::DnsAnswers)].into();
    let why = "it is looked at once Route 53 answers";
    let Some(dns) = &builder.spec.dns else {
        let draft = Draft::new(StepKind::DeleteFormerRecord, Change::Delete, why);
        builder.step(draft, Deferred::After(needs));
        return true;
    };
    let draft = if key == StepKind::UpsertRecord {
        let noted = Draft::new(StepKind::RememberRecord, Change::Update, why).sets_later("record", Value::AfterApply);
        builder.step(noted, Deferred::After(needs.clone()));
        let draft = Draft::new(key, Change::Create, why).sets_later("value", Value::AfterApply);
        draft.sets_later("ttl", Value::AfterApply)
    } else {
        Draft::new(key, Change::Delete, why)
    };
    builder.step(draft.target(dns.name.clone()), Deferred::After(needs));
    true
}

/// Removes a record that the stack wrote and the spec does not name any more, one after another; answers what must be done
/// until there is none. One that somebody has pointed elsewhere since is theirs.
pub(super) fn remove_former(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    let formers: Vec<FormerRecord> = builder.observed.former_records.clone();
    for former in formers {
        let ours = own_values(builder);
        let record = former.records.iter().find(|record| record.record_type == "A");
        let Some(record) = record else { continue };
        let (Some(ttl_s), [value], None) = (record.ttl_s, record.values.as_slice(), &record.set_identifier) else {
            note_kept(builder, record);
            continue;
        };
        if !ours.contains(value) {
            note_kept(builder, record);
            continue;
        }
        let draft = Draft::new(
            StepKind::DeleteFormerRecord,
            Change::Delete,
            "the stack wrote it, and the spec does not name it",
        )
        .target(former.name.clone())
        .removes("value", value.clone());
        let action = Action::Record(RecordCall::DeleteRecord(ARecord {
            zone_id: former.zone_id.clone(),
            name: former.name.clone(),
            value: value.clone(),
            ttl_s,
        }));
        return [builder.step(draft, Deferred::Known(action))].into();
    }
    BTreeSet::new()
}

fn note_kept(builder: &mut Builder<'_>, record: &RecordSet) {
    let value = if record.values.is_empty() {
        "something".to_owned()
    } else {
        record.values.join(", ")
    };
    builder.note(
        "record-kept",
        format!("`{}` points at {value}, which is not ours: it stays", record.name),
    );
}

/// The values of records that the stack wrote: its addresses, also one that has lost its tags.
fn own_values(builder: &Builder<'_>) -> Vec<String> {
    let adopted = builder.spec.address.allocation.as_ref();
    let adopted = builder
        .observed
        .addresses
        .iter()
        .filter(|it| Some(&it.allocation_id) == adopted);
    let mut values: Vec<String> = owned(builder).chain(adopted).map(|it| it.public_ip.clone()).collect();
    let foreign = |it: &Address| it.tags.get(TAG_STACK).is_some_and(|stack| *stack != builder.spec.name);
    values.extend(choose(builder).filter(|it| !foreign(it)).map(|it| it.public_ip));
    values
}

/// Notes the spec's record on the address, after `removed`: there is room for one. Answers what must be done before the
/// record is written.
fn remember(builder: &mut Builder<'_>, address: &Deferred<Address>, removed: &BTreeSet<Need>) -> BTreeSet<Need> {
    // An address that is allocated, or adopted, bears the note from then on.
    let Deferred::Known(address) = address else {
        return removed.clone();
    };
    if !builder.names.owns(&address.tags, ResourceKind::Address) {
        return builder.planned(StepKind::TagAddress);
    }
    let wanted = match (&builder.spec.dns, wanted(builder)) {
        // Which zone is meant is to be decided first: the plan is refused.
        (Some(_), None) => return removed.clone(),
        (_, wanted) => wanted,
    };
    if remembered(&address.tags) == wanted {
        return removed.clone();
    }
    let show = |record: &Option<(HostedZoneId, &str)>| {
        record
            .as_ref()
            .map_or("none".to_owned(), |(zone, name)| format!("{name} in {zone}"))
    };
    let draft = Draft::new(
        StepKind::RememberRecord,
        Change::Update,
        "so that it is found when the spec names another",
    )
    .target(address.allocation_id.clone())
    .sets("record", show(&wanted));
    let (zone, name) = wanted.unwrap_or_default();
    let action = Action::Tag(TagCall::CreateTags {
        resource: address.allocation_id.to_string(),
        tags: note(&zone, name),
    });
    [builder.step(draft, Deferred::Known(action).not_before(removed))].into()
}

/// Points the spec's name at the address, once it is noted there.
fn point(builder: &mut Builder<'_>, address: &Deferred<Address>, noted: &BTreeSet<Need>) {
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
    if refuse_zone(builder, zone, &dns.name) {
        return;
    }
    let Some(have) = present(builder, dns) else { return };
    // Without an address the plan has been refused already, and whose a record is cannot be told.
    if matches!(address, Deferred::After(needs) if needs.is_empty()) {
        return;
    }
    let value = address.show(|address| address.public_ip.clone());
    let ttl = format!("{} s", dns.ttl_s);
    let mut needs = noted.clone();
    let draft = match have {
        None => Draft::new(StepKind::UpsertRecord, Change::Create, "the name points at the address")
            .sets_later("value", value)
            .sets("ttl", ttl),
        Some(record) => {
            let mut ours = own_values(builder);
            if let Deferred::Known(address) = address {
                ours.push(address.public_ip.clone());
            }
            let foreign = !record.values.iter().all(|value| ours.contains(value));
            // What the record was for may be gone for good, and its note with it: a person has said so.
            let is_address = |id: &String| id.starts_with("eipalloc-");
            let replaced = builder.options.new_address && builder.observed.run.gone.iter().any(is_address);
            let foreign = foreign && !replaced;
            if foreign && !dns.overwrite {
                refuse_foreign_record(builder, dns, record);
                return;
            }
            let mut why = "the name must point at the address";
            if foreign {
                why = "taken over, once the instance serves";
                if waits_for_the_morning(builder, &dns.name) {
                    return;
                }
                needs.extend(until_serving(builder, address));
            }
            let have_ttl = record.ttl_s.map_or_else(|| "none".to_owned(), |ttl| format!("{ttl} s"));
            Draft::new(StepKind::UpsertRecord, Change::Update, why)
                .changes_later("value", record.values.join(", "), value)
                .changes("ttl", have_ttl, ttl)
        }
    };
    if !draft.has_changes() {
        return;
    }
    let (zone_id, name, ttl_s) = (zone.id.clone(), dns.name.clone(), dns.ttl_s);
    let action = address.as_ref().map(|address| {
        Action::Record(RecordCall::UpsertRecord(ARecord {
            zone_id,
            name,
            value: address.public_ip.clone(),
            ttl_s,
        }))
    });
    builder.step(draft.target(dns.name.clone()), action.not_before(&needs));
}

/// The A record at the spec's name, if there is one; nothing where it cannot be written beside or over what is there,
/// which is refused.
fn present<'a>(builder: &mut Builder<'a>, dns: &DnsSpec) -> Option<Option<&'a RecordSet>> {
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
            return None;
        }
        if record.record_type == "A" {
            have = Some(record);
        }
    }
    Some(have)
}

fn refuse_foreign_record(builder: &mut Builder<'_>, dns: &DnsSpec, record: &RecordSet) {
    builder.refuse(
        "record-foreign",
        format!(
            "`{}` points at {}, which is no address of this stack",
            dns.name,
            record.values.join(", ")
        ),
        "somebody else made it, maybe another stack: choose another `dns.name`, remove the record, or write \
         overwrite = true below `[dns]` to have it point here once the instance serves",
    );
}

/// Tells of a name that others use and that a stack which sleeps cannot take over; answers whether it sleeps. An apply does
/// not wait for hours.
fn waits_for_the_morning(builder: &mut Builder<'_>, name: &str) -> bool {
    let asleep = builder.observed.group.as_ref().is_some_and(Group::is_asleep);
    if asleep {
        let message = format!("`{name}` is taken over once the stack is awake: apply again then");
        builder.note("record-later", message);
    }
    asleep
}

/// What must come about before a name that others use may point here: an instance in service that holds the address.
fn until_serving(builder: &mut Builder<'_>, address: &Deferred<Address>) -> BTreeSet<Need> {
    let group = builder.observed.group.as_ref().filter(|group| !group.deleting);
    match (group, address) {
        (Some(_), Deferred::Known(address)) if serves(builder.observed, address) => BTreeSet::new(),
        (Some(group), Deferred::Known(_)) => {
            let group = group.name.clone();
            [builder.wait(WaitFor::Serving { group })].into()
        }
        (Some(_), Deferred::After(needs)) => needs.clone(),
        (None, _) => builder.planned(StepKind::CreateGroup),
    }
}

/// Whether the group's instance is in service and holds the address.
fn serves(observed: &Observed, address: &Address) -> bool {
    let members = observed.group.iter().flat_map(|group| &group.instances);
    let mut serving = members.filter(|member| member.is_serving());
    serving.any(|member| address.instance_id.as_ref() == Some(&member.id))
}

/// Refuses a zone that cannot hold a name that the world resolves.
fn refuse_zone(builder: &mut Builder<'_>, zone: &HostedZone, name: &str) -> bool {
    if !builder.observed.other_zones.is_empty() {
        let others = builder.observed.other_zones.iter();
        let ids: Vec<&str> = [zone].into_iter().chain(others).map(|zone| zone.id.as_str()).collect();
        builder.refuse(
            "zone-ambiguous",
            format!(
                "{} public hosted zones are called `{}`: {}",
                ids.len(),
                zone.name,
                ids.join(", ")
            ),
            "write the id of the one that the domain is delegated to as `dns.zone`",
        );
        return true;
    }
    if zone.private {
        builder.refuse(
            "zone-private",
            format!("the hosted zone {} (`{}`) is private", zone.id, zone.name),
            "the address is public, and so must its name be: write a public zone as `dns.zone`",
        );
        return true;
    }
    if !is_below(name, &zone.name) {
        builder.refuse(
            "record-outside-zone",
            format!("`{name}` is outside the hosted zone {} (`{}`)", zone.id, zone.name),
            format!("write `{}` itself or a name below it as `dns.name`", zone.name),
        );
        return true;
    }
    false
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

/// Deletes the records that point at the stack, the spec's and one that it does not name any more; answers what must be done
/// until none does.
pub(super) fn delete_all(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    if wait_for_route_53(builder, StepKind::DeleteRecord) {
        return [Need::World(WaitFor::DnsAnswers)].into();
    }
    let mut needs = remove_former(builder);
    delete_record(builder, &mut needs);
    needs
}

fn delete_record(builder: &mut Builder<'_>, needs: &mut BTreeSet<Need>) {
    let Some(zone) = &builder.observed.hosted_zone else {
        return;
    };
    let ours: Vec<Address> = to_remove(builder);
    for record in builder
        .observed
        .records
        .iter()
        .filter(|record| record.record_type == "A")
    {
        let (Some(ttl_s), [value], None) = (record.ttl_s, record.values.as_slice(), &record.set_identifier) else {
            continue;
        };
        if !ours.iter().any(|address| address.public_ip == *value) {
            builder.note(
                "record-kept",
                format!("`{}` points at {value}, which is not ours: it stays", record.name),
            );
            continue;
        }
        let action = Action::Record(RecordCall::DeleteRecord(ARecord {
            zone_id: zone.id.clone(),
            name: record.name.clone(),
            value: value.clone(),
            ttl_s,
        }));
        let draft = Draft::new(StepKind::DeleteRecord, Change::Delete, "the name points at our address")
            .target(record.name.clone())
            .removes("value", value.clone());
        needs.insert(builder.step(draft, Deferred::Known(action)));
    }
}
