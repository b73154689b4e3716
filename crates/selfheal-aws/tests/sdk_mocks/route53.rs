//! Route 53.

use aws_sdk_route53::Client;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsInput;
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use aws_smithy_mocks::mock;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use selfheal_aws::{CallErrorKind, Route53};
use selfheal_core::world::{ARecord, HostedZone, RecordSet};

use crate::support::{answer, query_error, sdk};

fn zones(zones: &[(&str, &str, bool)], rest: &str) -> HttpResponse {
    let zone = |(id, name, private): &(&str, &str, bool)| {
        format!(
            "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}</Name><CallerReference>c</CallerReference>\
            <Config><PrivateZone>{private}</PrivateZone></Config></HostedZone>"
        )
    };
    let zones: String = zones.iter().map(zone).collect();
    answer(
        200,
        &format!(
            "<ListHostedZonesByNameResponse><HostedZones>{zones}</HostedZones>{rest}<MaxItems>100</MaxItems>\
            </ListHostedZonesByNameResponse>"
        ),
    )
}

const LAST: &str = "<IsTruncated>false</IsTruncated>";

#[tokio::test]
async fn a_zone_is_matched_exactly_and_public() {
    let check = async |listed: &[(&str, &str, bool)], found: Option<&str>| {
        let listed: Vec<(String, String, bool)> = listed
            .iter()
            .map(|(id, name, private)| ((*id).to_owned(), (*name).to_owned(), *private))
            .collect();
        let rule = mock!(Client::list_hosted_zones_by_name)
            .match_requests(|request| request.dns_name() == Some("example.com") && request.hosted_zone_id().is_none())
            .then_http_response(move || {
                let listed: Vec<_> = listed
                    .iter()
                    .map(|(id, name, private)| (&**id, &**name, *private))
                    .collect();
                zones(&listed, LAST)
            });
        let zone = sdk(&[&rule]).find_hosted_zones("Example.com.").await.unwrap();
        let expected = found.map(|id| HostedZone {
            id: id.into(),
            name: "example.com".to_owned(),
            private: false,
        });
        assert_eq!(zone, Vec::from_iter(expected));
    };
    check(&[], None).await;
    check(
        &[("Z1", "example.com.", false), ("Z2", "example.org.", false)],
        Some("Z1"),
    )
    .await;
    check(
        &[("Z1", "example.com.", true), ("Z2", "example.com.", false)],
        Some("Z2"),
    )
    .await;
    // The listing starts at the name: what follows it is not it.
    check(&[("Z2", "a.example.com.", false)], None).await;
    check(&[("Z1", "example.com.", true)], None).await;
}

#[tokio::test]
async fn a_zone_behind_a_page_of_private_ones_is_found() {
    let more =
        "<IsTruncated>true</IsTruncated><NextDNSName>example.com.</NextDNSName><NextHostedZoneId>Z2</NextHostedZoneId>";
    let first = mock!(Client::list_hosted_zones_by_name)
        .then_http_response(move || zones(&[("Z1", "example.com.", true)], more));
    let second = mock!(Client::list_hosted_zones_by_name)
        .match_requests(|request| request.dns_name() == Some("example.com.") && request.hosted_zone_id() == Some("Z2"))
        .then_http_response(|| zones(&[("Z2", "example.com.", false)], LAST));
    let zone = sdk(&[&first, &second]).find_hosted_zones("example.com").await.unwrap();
    assert_eq!(zone[0].id, "Z2");
}

#[tokio::test]
async fn two_public_zones_of_one_name_are_both_told() {
    let rule = mock!(Client::list_hosted_zones_by_name)
        .then_http_response(|| zones(&[("Z1", "example.com.", false), ("Z2", "example.com.", false)], LAST));
    let found = sdk(&[&rule]).find_hosted_zones("example.com").await.unwrap();
    let ids: Vec<&str> = found.iter().map(|zone| zone.id.as_str()).collect();
    assert_eq!(ids, ["Z1", "Z2"]);
}

#[tokio::test]
async fn public_zones_of_one_name_on_several_pages_are_all_told_and_zones_behind_the_name_are_not_read() {
    let more = |id: &str| {
        format!(
            "<IsTruncated>true</IsTruncated><NextDNSName>example.com.</NextDNSName><NextHostedZoneId>{id}</NextHostedZoneId>"
        )
    };
    let (to_second, to_third) = (more("Z2"), more("Z3"));
    let first = mock!(Client::list_hosted_zones_by_name)
        .match_requests(|request| request.hosted_zone_id().is_none())
        .then_http_response(move || zones(&[("Z1", "example.com.", false)], &to_second));
    let second = mock!(Client::list_hosted_zones_by_name)
        .match_requests(|request| request.dns_name() == Some("example.com.") && request.hosted_zone_id() == Some("Z2"))
        .then_http_response(move || {
            let page = [("Z2", "example.com.", false), ("Z4", "example.org.", false)];
            zones(&page, &to_third)
        });
    let found = sdk(&[&first, &second]).find_hosted_zones("example.com").await.unwrap();
    let ids: Vec<&str> = found.iter().map(|zone| zone.id.as_str()).collect();
    assert_eq!(ids, ["Z1", "Z2"]);
    assert_eq!((first.num_calls(), second.num_calls()), (1, 1));
}

#[tokio::test]
async fn a_zone_is_read_by_its_id_and_may_be_private_or_missing() {
    let check = async |private: bool| {
        let rule = mock!(Client::get_hosted_zone)
            .match_requests(|request| request.id() == Some("Z1"))
            .then_http_response(move || {
                let body = format!(
                    "<GetHostedZoneResponse><HostedZone><Id>/hostedzone/Z1</Id><Name>example.com.</Name>\
                    <CallerReference>c</CallerReference><Config><PrivateZone>{private}</PrivateZone></Config>\
                    </HostedZone></GetHostedZoneResponse>"
                );
                answer(200, &body)
            });
        let zone = sdk(&[&rule]).get_hosted_zone(&"Z1".into()).await.unwrap().unwrap();
        assert_eq!(
            (zone.id.as_str(), zone.name.as_str(), zone.private),
            ("Z1", "example.com", private)
        );
    };
    check(false).await;
    check(true).await;
    let missing = mock!(Client::get_hosted_zone).then_http_response(|| query_error(404, "NoSuchHostedZone", "No zone"));
    assert_eq!(sdk(&[&missing]).get_hosted_zone(&"Z9".into()).await.unwrap(), None);
}

fn records(sets: &str, rest: &str) -> HttpResponse {
    answer(
        200,
        &format!(
            "<ListResourceRecordSetsResponse><ResourceRecordSets>{sets}</ResourceRecordSets>{rest}<MaxItems>300</MaxItems>\
            </ListResourceRecordSetsResponse>"
        ),
    )
}

fn set(name: &str, kind: &str, content: &str) -> String {
    format!("<ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type>{content}</ResourceRecordSet>")
}

const VALUE: &str =
    "<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>";

#[tokio::test]
async fn records_are_those_at_the_name_alone() {
    let alias = "<AliasTarget><HostedZoneId>Z9</HostedZoneId><DNSName>lb.example.com.</DNSName>\
        <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>";
    let weighted = format!("<SetIdentifier>one</SetIdentifier><Weight>5</Weight>{VALUE}");
    let more = "<IsTruncated>true</IsTruncated><NextRecordName>app.example.com.</NextRecordName>\
        <NextRecordType>AAAA</NextRecordType><NextRecordIdentifier>two</NextRecordIdentifier>";
    let page = set("app.example.com.", "A", &weighted);
    let first = mock!(Client::list_resource_record_sets)
        .match_requests(|request| {
            request.hosted_zone_id() == Some("Z1")
                && request.start_record_name() == Some("app.example.com")
                && request.start_record_type().is_none()
        })
        .then_http_response(move || records(&page, more));
    let page = set("app.example.com.", "AAAA", alias) + &set("b.example.com.", "A", VALUE);
    let second = mock!(Client::list_resource_record_sets)
        .match_requests(|request| {
            request.start_record_name() == Some("app.example.com.")
                && request.start_record_type() == Some(&RrType::Aaaa)
                && request.start_record_identifier() == Some("two")
        })
        // Truncated still: the name has changed, so there is nothing more to ask for.
        .then_http_response(move || records(&page, more));
    let found = sdk(&[&first, &second])
        .list_records(&"Z1".into(), "app.example.com")
        .await
        .unwrap();
    let record = |kind: &str, ttl_s, values: &[&str], identifier: Option<&str>| RecordSet {
        name: "app.example.com".to_owned(),
        record_type: kind.to_owned(),
        ttl_s,
        values: values.iter().map(|&value| value.to_owned()).collect(),
        set_identifier: identifier.map(str::to_owned),
    };
    assert_eq!(
        found,
        [
            record("A", Some(60), &["192.0.2.1"], Some("one")),
            record("AAAA", None, &[], None)
        ]
    );
}

#[tokio::test]
async fn a_wildcard_is_recognised_in_its_escaped_form() {
    let page = set(r"\052.example.com.", "A", VALUE);
    let rule = mock!(Client::list_resource_record_sets).then_http_response(move || records(&page, LAST));
    let found = sdk(&[&rule]).list_records(&"Z1".into(), "*.example.com").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, "*.example.com");
}

#[tokio::test]
async fn a_change_is_of_exactly_one_record() {
    let record = ARecord {
        zone_id: "Z1".into(),
        name: "app.example.com".to_owned(),
        value: "192.0.2.1".to_owned(),
        ttl_s: 60,
    };
    let input = |action| {
        let value = ResourceRecord::builder().value("192.0.2.1").build().unwrap();
        let set = ResourceRecordSet::builder()
            .name("app.example.com")
            .r#type(RrType::A)
            .ttl(60)
            .resource_records(value);
        let change = Change::builder()
            .action(action)
            .resource_record_set(set.build().unwrap())
            .build()
            .unwrap();
        let batch = ChangeBatch::builder().changes(change).build().unwrap();
        ChangeResourceRecordSetsInput::builder()
            .hosted_zone_id("Z1")
            .change_batch(batch)
            .build()
            .unwrap()
    };
    let done = || {
        let info = "<ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo>";
        answer(
            200,
            &format!("<ChangeResourceRecordSetsResponse>{info}</ChangeResourceRecordSetsResponse>"),
        )
    };
    let (upsert, delete) = (input(ChangeAction::Upsert), input(ChangeAction::Delete));
    let first = mock!(Client::change_resource_record_sets)
        .match_requests(move |request| *request == upsert)
        .then_http_response(done);
    let second = mock!(Client::change_resource_record_sets)
        .match_requests(move |request| *request == delete)
        .then_http_response(done);
    let sdk = sdk(&[&first, &second]);
    sdk.upsert_record(&record).await.unwrap();
    sdk.delete_record(&record).await.unwrap();
}

#[tokio::test]
async fn a_zone_that_is_busy_says_so() {
    let record = ARecord {
        zone_id: "Z1".into(),
        name: "a.example.com".to_owned(),
        value: "192.0.2.1".to_owned(),
        ttl_s: 60,
    };
    for (status, code, kind) in [
        (400, "PriorRequestNotComplete", CallErrorKind::Busy),
        (400, "Throttling", CallErrorKind::Throttled),
        (404, "NoSuchHostedZone", CallErrorKind::NotFound),
    ] {
        let rule =
            mock!(Client::change_resource_record_sets).then_http_response(move || query_error(status, code, "why"));
        let error = sdk(&[&rule]).upsert_record(&record).await.unwrap_err();
        assert_eq!((error.kind, error.resource.as_deref()), (kind, Some("Z1")));
    }
}
