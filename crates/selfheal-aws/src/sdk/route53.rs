//! Route 53.

use async_trait::async_trait;
use aws_sdk_route53::types::{self, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use selfheal_core::world::{ARecord, HostedZone, HostedZoneId, RecordSet};

use super::Sdk;
use super::error::{absent, failed};
use crate::backend::{CallResult, RecordPage, Route53};
use crate::error::{CallError, CallErrorKind};

#[async_trait]
impl Route53 for Sdk {
    async fn find_hosted_zones(&self, name: &str) -> CallResult<Vec<HostedZone>> {
        const ACTION: &str = "route53:ListHostedZonesByName";
        let wanted = normal(name);
        let mut found: Vec<HostedZone> = Vec::new();
        // The listing starts *at* the name and goes on to every zone behind it, so it ends where the name does.
        let mut next = (Some(wanted.clone()), None);
        loop {
            let call = self
                .clients
                .route53
                .list_hosted_zones_by_name()
                .set_dns_name(next.0)
                .set_hosted_zone_id(next.1);
            let page = call.send().await.map_err(failed(ACTION, Some(name)))?;
            let ends = page.hosted_zones.iter().any(|zone| normal(&zone.name) != wanted);
            found.extend(
                page.hosted_zones
                    .into_iter()
                    .filter(|zone| is_public(zone, &wanted))
                    .map(zone),
            );
            next = (page.next_dns_name, page.next_hosted_zone_id);
            if ends || !page.is_truncated || next.0.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn get_hosted_zone(&self, id: &HostedZoneId) -> CallResult<Option<HostedZone>> {
        const ACTION: &str = "route53:GetHostedZone";
        let call = self.clients.route53.get_hosted_zone().id(id);
        let output = absent(call.send().await.map_err(failed(ACTION, Some(id.as_str()))))?;
        Ok(output.and_then(|output| output.hosted_zone).map(zone))
    }

    async fn zone_name_servers(&self, id: &HostedZoneId) -> CallResult<Vec<String>> {
        const ACTION: &str = "route53:GetHostedZone";
        let call = self.clients.route53.get_hosted_zone().id(id);
        let output = absent(call.send().await.map_err(failed(ACTION, Some(id.as_str()))))?;
        let set = output.and_then(|output| output.delegation_set);
        Ok(set.map(|set| set.name_servers).unwrap_or_default())
    }

    async fn list_records(&self, zone_id: &HostedZoneId, name: &str) -> CallResult<Vec<RecordSet>> {
        const ACTION: &str = "route53:ListResourceRecordSets";
        let wanted = normal(name);
        let mut found = Vec::new();
        let (mut next_name, mut next_type, mut next_identifier) = (Some(wanted.clone()), None, None);
        loop {
            let call = self.clients.route53.list_resource_record_sets().hosted_zone_id(zone_id);
            let call = call.set_start_record_name(next_name).set_start_record_type(next_type);
            let call = call.set_start_record_identifier(next_identifier);
            let page = call.send().await.map_err(failed(ACTION, Some(zone_id.as_str())))?;
            for set in page.resource_record_sets {
                if normal(&set.name) != wanted {
                    return Ok(found);
                }
                found.push(record_set(set));
            }
            if !page.is_truncated || page.next_record_name.is_none() {
                return Ok(found);
            }
            (next_name, next_type) = (page.next_record_name, page.next_record_type);
            next_identifier = page.next_record_identifier;
        }
    }

    async fn list_record_page(&self, zone_id: &HostedZoneId, from: &str) -> CallResult<RecordPage> {
        const ACTION: &str = "route53:ListResourceRecordSets";
        let call = self.clients.route53.list_resource_record_sets().hosted_zone_id(zone_id);
        let call = call.start_record_name(normal(from));
        let page = call.send().await.map_err(failed(ACTION, Some(zone_id.as_str())))?;
        Ok(RecordPage {
            more: page.is_truncated,
            records: page.resource_record_sets.into_iter().map(record_set).collect(),
        })
    }

    async fn upsert_record(&self, record: &ARecord) -> CallResult<()> {
        self.change(ChangeAction::Upsert, record).await
    }

    async fn delete_record(&self, record: &ARecord) -> CallResult<()> {
        self.change(ChangeAction::Delete, record).await
    }
}

impl Sdk {
    async fn change(&self, change: ChangeAction, record: &ARecord) -> CallResult<()> {
        const ACTION: &str = "route53:ChangeResourceRecordSets";
        let batch = batch(change, record).map_err(|error| {
            CallError::new(CallErrorKind::Invalid, ACTION, error.to_string()).about(record.zone_id.as_str())
        })?;
        let call = self
            .clients
            .route53
            .change_resource_record_sets()
            .hosted_zone_id(&record.zone_id)
            .change_batch(batch);
        call.send()
            .await
            .map_err(failed(ACTION, Some(record.zone_id.as_str())))?;
        Ok(())
    }
}

fn batch(change: ChangeAction, record: &ARecord) -> Result<ChangeBatch, aws_sdk_route53::error::BuildError> {
    let set = ResourceRecordSet::builder()
        .name(&record.name)
        .r#type(RrType::A)
        .ttl(i64::from(record.ttl_s))
        .resource_records(ResourceRecord::builder().value(&record.value).build()?)
        .build()?;
    ChangeBatch::builder()
        .changes(Change::builder().action(change).resource_record_set(set).build()?)
        .build()
}

fn is_public(zone: &types::HostedZone, wanted: &str) -> bool {
    normal(&zone.name) == wanted && !zone.config.as_ref().is_some_and(|config| config.private_zone)
}

pub(super) fn zone(zone: types::HostedZone) -> HostedZone {
    HostedZone {
        id: zone.id.trim_start_matches("/hostedzone/").into(),
        name: normal(&zone.name),
        private: zone.config.is_some_and(|config| config.private_zone),
    }
}

fn record_set(set: ResourceRecordSet) -> RecordSet {
    RecordSet {
        name: normal(&set.name),
        record_type: set.r#type.as_str().to_owned(),
        ttl_s: set.ttl.and_then(|ttl| u32::try_from(ttl).ok()),
        values: set
            .resource_records
            .unwrap_or_default()
            .into_iter()
            .map(|record| record.value)
            .collect(),
        set_identifier: set.set_identifier,
    }
}

/// A name as people write it: lower case, without the final dot, and with Route 53's octal escapes undone, so that
/// `\052.example.com.` reads `*.example.com`.
fn normal(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let code = rest
            .get(at + 1..at + 4)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                plain.push(char::from(code));
                rest = &rest[at + 4..];
            }
            None => {
                plain.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    plain.push_str(rest);
    plain.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn names_are_read_as_people_write_them() {
        let check = |name: &str, plain: &str| assert_eq!(normal(name), plain, "{name}");
        check("Example.COM.", "example.com");
        check(r"\052.example.com.", "*.example.com");
        check(r"a\052b\040c.example.com", "a*b c.example.com");
        check(r"odd\05", r"odd\05");
        check(r"odd\999.example.com", r"odd\999.example.com");
        check(r"high\344.example.com", r"high\344.example.com");
        check("", "");
    }
}
