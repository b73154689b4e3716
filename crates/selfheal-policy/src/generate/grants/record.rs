//! The DNS record, and the one of a former name.

use super::super::build::{only, owned};
use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::names::RECORD_KEYS;
use super::super::statements::{InstanceStatement as Instance, OperatorStatement as Operator};
use crate::condition::Conditions;
use crate::purpose::Purpose;

/// The instance writes and removes the records of its challenges, and sees when the DNS has them.
///
/// No key narrows `GetChange` to changes of its own; what it tells is whether one is under way.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let Some(challenge) = &grants.scope.challenge else {
        return Ok(());
    };
    let zone = vec![grants.place.hosted_zone(Some(&challenge.zone_id))?];
    let names: Vec<&str> = challenge.names.iter().map(String::as_str).collect();
    let conditions = these_records(&names, "TXT", &["UPSERT", "DELETE"]);
    let change = ["route53:ChangeResourceRecordSets"];
    grants.allow(Instance::AnswerChallenge, &change, zone, conditions);
    let changes = vec![grants.place.record_changes()?];
    grants.allow(Instance::SeeChange, &["route53:GetChange"], changes, Conditions::none());
    Ok(())
}

/// Every command finds the zone and reads the record; an apply writes it, notes it on the address, and removes that of a
/// former name; a destroy removes both. A doctor asks who answers for the zone.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    if grants.purpose == Purpose::Doctor {
        return find_servers(grants);
    }
    read(grants)?;
    match grants.purpose {
        Purpose::Apply => {
            remember(grants)?;
            write(grants, "UPSERT")
        }
        Purpose::Destroy => write(grants, "DELETE"),
        _ => Ok(()),
    }
}

fn find_servers(grants: &mut OperatorGrants<'_>) -> Granted {
    let scope = grants.scope;
    if scope.record_name.is_some() {
        let zone = vec![grants.place.hosted_zone(scope.hosted_zone_id.as_deref())?];
        grants.allow(Operator::ReadZone, &["route53:GetHostedZone"], zone, Conditions::none());
    }
    Ok(())
}

fn read(grants: &mut OperatorGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let mut zones = Vec::new();
    if scope.record_name.is_some() {
        if !scope.zone_by_id {
            grants.ask(When::WhereAsked, &["route53:ListHostedZonesByName"])?;
        }
        zones.push(place.hosted_zone(scope.hosted_zone_id.as_deref())?);
    }
    if let Some(former) = &scope.former_record {
        zones.push(place.hosted_zone(Some(&former.zone_id))?);
    }
    zones.dedup();
    let mut calls = vec!["route53:ListResourceRecordSets"];
    if scope.zone_by_id {
        calls.push("route53:GetHostedZone");
    }
    grants.allow(Operator::ReadZone, &calls, zones, Conditions::none());
    Ok(())
}

/// Lets the record be noted on the stack's own address, where its name has changed or was never noted.
fn remember(grants: &mut OperatorGrants<'_>) -> Granted {
    let scope = grants.scope;
    if scope.record_name.is_none() && scope.former_record.is_none() {
        return Ok(());
    }
    let address = format!("elastic-ip/{}", scope.allocation_id.as_deref().unwrap_or("*"));
    let address = vec![grants.place.ec2(&address)?];
    let noted = only(owned(&scope.stack), "aws:TagKeys", &RECORD_KEYS);
    grants.allow(Operator::RememberRecord, &["ec2:CreateTags"], address, noted);
    Ok(())
}

/// Lets the one record be written or deleted, and the one that the spec does not name any more be deleted; the zone's
/// others stay out of reach.
fn write(grants: &mut OperatorGrants<'_>, action: &str) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let change = ["route53:ChangeResourceRecordSets"];
    if let Some(name) = &scope.record_name {
        let zone = vec![place.hosted_zone(scope.hosted_zone_id.as_deref())?];
        grants.allow(Operator::WriteRecord, &change, zone, one_record(name, action));
    }
    if let Some(former) = &scope.former_record {
        let zone = vec![place.hosted_zone(Some(&former.zone_id))?];
        let gone = one_record(&former.name, "DELETE");
        grants.allow(Operator::RemoveFormerRecord, &change, zone, gone);
    }
    Ok(())
}

/// Asks that the request speaks of one A record alone.
fn one_record(name: &str, action: &str) -> Conditions {
    these_records(&[name], "A", &[action])
}

/// Asks that the request speaks of records of these names and this type alone, and does these things alone with them.
fn these_records(names: &[&str], record_type: &str, actions: &[&str]) -> Conditions {
    let mut conditions = Conditions::none();
    for (key, values) in [
        ("route53:ChangeResourceRecordSetsNormalizedRecordNames", names),
        ("route53:ChangeResourceRecordSetsRecordTypes", &[record_type]),
        ("route53:ChangeResourceRecordSetsActions", actions),
    ] {
        conditions = only(conditions, key, values);
    }
    conditions
}
