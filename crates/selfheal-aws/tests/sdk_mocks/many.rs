//! What is asked for many stacks at once, and read to its last page.

use aws_sdk_autoscaling::operation::describe_auto_scaling_groups::DescribeAutoScalingGroupsInput;
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesInput;
use aws_sdk_ec2::operation::describe_launch_template_versions::DescribeLaunchTemplateVersionsInput;
use aws_sdk_ec2::types::Filter;
use aws_smithy_mocks::mock;
use selfheal_aws::{AutoScaling, Ec2, Route53};

use crate::support::{answer, ec2_answer, sdk};

const PAGES: [Option<&str>; 3] = [None, Some("t1"), Some("t2")];

/// The token behind a page; the last one has none.
fn token_behind(page: usize, element: &str) -> String {
    PAGES
        .get(page + 1)
        .copied()
        .flatten()
        .map_or_else(String::new, |token| format!("<{element}>{token}</{element}>"))
}

#[tokio::test]
async fn instances_of_several_stacks_are_asked_by_one_filter_and_read_behind_an_empty_page() {
    let instance = |id: &str, stack: &str| {
        format!(
            "<item><instancesSet><item><instanceId>{id}</instanceId><instanceState><name>running</name></instanceState>\
            <launchTime>2026-01-01T00:00:00.000Z</launchTime><tagSet><item><key>selfheal:stack</key><value>{stack}</value>\
            </item></tagSet></item></instancesSet></item>"
        )
    };
    let pages = [instance("i-1", "web"), String::new(), instance("i-2", "api")];
    let rules: Vec<_> = pages
        .into_iter()
        .enumerate()
        .map(|(number, page)| {
            let by_stack = Filter::builder().name("tag:selfheal:stack");
            let expected = DescribeInstancesInput::builder()
                .filters(by_stack.values("web").values("api").build())
                .max_results(500)
                .set_next_token(PAGES[number].map(str::to_owned))
                .build()
                .unwrap();
            let body = format!(
                "<reservationSet>{page}</reservationSet>{}",
                token_behind(number, "nextToken")
            );
            mock!(aws_sdk_ec2::Client::describe_instances)
                .match_requests(move |request| *request == expected)
                .then_http_response(move || ec2_answer("DescribeInstances", &body))
        })
        .collect();
    let rules: Vec<_> = rules.iter().collect();
    let found = sdk(&rules).describe_instances(&["web", "api"]).await.unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|it| (it.id.to_string(), it.tags["selfheal:stack"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            ("i-1".to_owned(), "web".to_owned()),
            ("i-2".to_owned(), "api".to_owned())
        ]
    );
}

#[tokio::test]
async fn the_latest_versions_of_all_templates_are_asked_without_a_name() {
    let version = |id: &str| {
        format!(
            "<item><launchTemplateId>{id}</launchTemplateId><launchTemplateName>selfheal-{id}</launchTemplateName>\
            <versionNumber>3</versionNumber></item>"
        )
    };
    let pages = [version("lt-1"), String::new(), version("lt-2")];
    let rules: Vec<_> = pages
        .into_iter()
        .enumerate()
        .map(|(number, page)| {
            let expected = DescribeLaunchTemplateVersionsInput::builder()
                .versions("$Latest")
                .max_results(200)
                .set_next_token(PAGES[number].map(str::to_owned))
                .build()
                .unwrap();
            let token = token_behind(number, "nextToken");
            let body = format!("<launchTemplateVersionSet>{page}</launchTemplateVersionSet>{token}");
            mock!(aws_sdk_ec2::Client::describe_launch_template_versions)
                .match_requests(move |request| *request == expected)
                .then_http_response(move || ec2_answer("DescribeLaunchTemplateVersions", &body))
        })
        .collect();
    let rules: Vec<_> = rules.iter().collect();
    let found = sdk(&rules).describe_launch_templates().await.unwrap();
    let told: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.version)).collect();
    assert_eq!(told, [("selfheal-lt-1", 3), ("selfheal-lt-2", 3)]);
}

#[tokio::test]
async fn groups_are_asked_by_their_names_and_none_means_none() {
    let group = |name: &str| {
        format!(
            "<member><AutoScalingGroupName>{name}</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>1</MaxSize>\
            <DesiredCapacity>1</DesiredCapacity><DefaultCooldown>300</DefaultCooldown><AvailabilityZones/>\
            <HealthCheckType>EC2</HealthCheckType><CreatedTime>2026-01-01T00:00:00Z</CreatedTime></member>"
        )
    };
    let pages = [group("selfheal-a"), String::new(), group("selfheal-b")];
    let rules: Vec<_> = pages
        .into_iter()
        .enumerate()
        .map(|(number, page)| {
            let expected = DescribeAutoScalingGroupsInput::builder()
                .auto_scaling_group_names("selfheal-a")
                .auto_scaling_group_names("selfheal-b")
                .set_next_token(PAGES[number].map(str::to_owned))
                .build()
                .unwrap();
            let body = format!(
                "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups>{page}\
                </AutoScalingGroups>{}</DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>",
                token_behind(number, "NextToken")
            );
            mock!(aws_sdk_autoscaling::Client::describe_auto_scaling_groups)
                .match_requests(move |request| *request == expected)
                .then_http_response(move || answer(200, &body))
        })
        .collect();
    let rules: Vec<_> = rules.iter().collect();
    let sdk = sdk(&rules);
    let found = sdk.describe_groups(&["selfheal-a", "selfheal-b"]).await.unwrap();
    let names: Vec<_> = found.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["selfheal-a", "selfheal-b"]);
    // Without a name AWS would tell of every group of the account; no rule is left that would answer.
    assert_eq!(sdk.describe_groups(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_page_of_records_tells_of_other_names_and_whether_more_follow() {
    let set = |name: &str| {
        format!(
            "<ResourceRecordSet><Name>{name}</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord>\
            <Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
        )
    };
    let sets = set("a.example.com.") + &set("\\052.b.example.com.");
    let body = format!(
        "<ListResourceRecordSetsResponse><ResourceRecordSets>{sets}</ResourceRecordSets><IsTruncated>true</IsTruncated>\
        <NextRecordName>c.example.com.</NextRecordName><NextRecordType>A</NextRecordType><MaxItems>2</MaxItems>\
        </ListResourceRecordSetsResponse>"
    );
    let rule = mock!(aws_sdk_route53::Client::list_resource_record_sets)
        .match_requests(|request| {
            request.hosted_zone_id() == Some("Z1")
                && request.start_record_name() == Some("a.example.com")
                && request.start_record_type().is_none()
        })
        .then_http_response(move || answer(200, &body));
    let page = sdk(&[&rule])
        .list_record_page(&"Z1".into(), "A.example.com.")
        .await
        .unwrap();
    let names: Vec<_> = page.records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names, ["a.example.com", "*.b.example.com"]);
    assert!(page.more);
}
