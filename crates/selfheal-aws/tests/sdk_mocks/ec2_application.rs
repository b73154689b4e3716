//! Application status checks on the wire.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::associate_application_status_check::AssociateApplicationStatusCheckInput;
use aws_sdk_ec2::operation::create_application_status_check::CreateApplicationStatusCheckInput;
use aws_sdk_ec2::operation::delete_application_status_check::DeleteApplicationStatusCheckInput;
use aws_sdk_ec2::operation::describe_application_status::DescribeApplicationStatusInput;
use aws_sdk_ec2::operation::describe_application_status_checks::DescribeApplicationStatusChecksInput;
use aws_sdk_ec2::operation::modify_application_status_check::ModifyApplicationStatusCheckInput;
use aws_sdk_ec2::types::{
    AggregationStatusEnum, CustomTagKeyValueRequestPair, IpScopeEnum, IpVersionEnum, NetworkProtocolEnum, ResourceType,
    Tag, TagSpecification,
};
use aws_smithy_mocks::mock;
use selfheal_aws::{ApplicationChecks, CallErrorKind};
use selfheal_core::world::{
    ApplicationCheck, ApplicationCheckSettings, ApplicationStatus, CreateApplicationStatusCheck, InstanceId,
};

use crate::support::{ec2_answer, ec2_error, sdk, tags};

const TARGET: &str = "<targetTagAssociationSet><item><key>selfheal:application-check</key><value>web</value></item></targetTagAssociationSet>";

fn settings() -> ApplicationCheckSettings {
    ApplicationCheckSettings {
        aggregation: "included".to_owned(),
        protocol: "https".to_owned(),
        port: 8443,
        path: "/healthz".to_owned(),
        device_index: 0,
        ip_version: "ipv4".to_owned(),
        ip_scope: "private".to_owned(),
        interval_s: 60,
        timeout_s: 10,
        failure_threshold: 3,
        success_threshold: 1,
        status_codes: "200-399".to_owned(),
        initial_grace_s: 300,
    }
}

/// A check of the stack of this name, as AWS writes it.
fn element(id: &str, stack: &str, more: &str) -> String {
    format!(
        "<applicationStatusCheckId>{id}</applicationStatusCheckId><aggregation>included</aggregation>\
         <protocol>https</protocol><port>8443</port><path>/healthz</path><deviceIndex>0</deviceIndex>\
         <ipVersion>ipv4</ipVersion><ipScope>private</ipScope><interval>60</interval><timeout>10</timeout>\
         <failureThreshold>3</failureThreshold><successThreshold>1</successThreshold>\
         <statusCodeMatcher>200-399</statusCodeMatcher>\
         <initializationGracePeriodSeconds>300</initializationGracePeriodSeconds>{more}\
         <tagSet><item><key>selfheal:role</key><value>application-check</value></item>\
         <item><key>selfheal:stack</key><value>{stack}</value></item></tagSet>"
    )
}

fn expected(id: &str) -> ApplicationCheck {
    ApplicationCheck {
        id: id.to_owned(),
        settings: settings(),
        targets: Vec::new(),
        deleted: false,
        tags: tags("application-check"),
    }
}

#[tokio::test]
async fn checks_are_read_to_the_last_page_and_picked_out_by_their_tag() {
    let page = |token: Option<&str>| {
        DescribeApplicationStatusChecksInput::builder()
            .include_all(true)
            .set_next_token(token.map(str::to_owned))
            .build()
            .unwrap()
    };
    let (first, second) = (page(None), page(Some("more")));
    let one = format!(
        "<applicationStatusCheckSet><item>{}</item><item>{}</item></applicationStatusCheckSet><nextToken>more</nextToken>",
        element("asc-1", "web", TARGET),
        element("asc-2", "other", "")
    );
    let gone = "<deletionTime>2026-01-01T00:00:00.000Z</deletionTime>";
    let two = format!(
        "<applicationStatusCheckSet><item>{}</item></applicationStatusCheckSet>",
        element("asc-3", "web", gone)
    );
    let rule_one = mock!(Client::describe_application_status_checks)
        .match_requests(move |request| *request == first)
        .then_http_response(move || ec2_answer("DescribeApplicationStatusChecks", &one));
    let rule_two = mock!(Client::describe_application_status_checks)
        .match_requests(move |request| *request == second)
        .then_http_response(move || ec2_answer("DescribeApplicationStatusChecks", &two));
    let checks = sdk(&[&rule_one, &rule_two])
        .describe_application_status_checks(&["web"])
        .await
        .unwrap();
    let target = ("selfheal:application-check".to_owned(), "web".to_owned());
    let live = ApplicationCheck {
        targets: vec![target],
        ..expected("asc-1")
    };
    let deleted = ApplicationCheck {
        deleted: true,
        ..expected("asc-3")
    };
    assert_eq!(checks, [live, deleted]);
}

#[tokio::test]
async fn a_region_without_them_says_so_and_a_listing_without_end_ends() {
    let unknown = mock!(Client::describe_application_status_checks)
        .then_http_response(|| ec2_error(400, "InvalidAction", "The action is not valid for this endpoint."));
    let error = sdk(&[&unknown])
        .describe_application_status_checks(&["web"])
        .await
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Invalid);
    let content = "<applicationStatusCheckSet/><nextToken>more</nextToken>";
    let turning = mock!(Client::describe_application_status_checks)
        .sequence()
        .http_response(move || ec2_answer("DescribeApplicationStatusChecks", content))
        .times(100)
        .build();
    let error = sdk(&[&turning])
        .describe_application_status_checks(&["web"])
        .await
        .unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Other);
    assert_eq!(error.message, "the listing has more than 100 pages");
}

#[tokio::test]
async fn what_aws_finds_of_instances_is_read() {
    let input = DescribeApplicationStatusInput::builder()
        .instance_ids("i-1")
        .instance_ids("i-2")
        .build()
        .unwrap();
    let content = "<applicationStatusesResponseType><instanceSet>\
         <item><instanceId>i-1</instanceId><applicationStatus><status>impaired</status></applicationStatus></item>\
         <item><instanceId>i-2</instanceId><applicationStatus><status>brand-new</status></applicationStatus></item>\
         </instanceSet></applicationStatusesResponseType>";
    let rule = mock!(Client::describe_application_status)
        .match_requests(move |request| *request == input)
        .then_http_response(move || ec2_answer("DescribeApplicationStatus", content));
    let missing = mock!(Client::describe_application_status).then_http_response(|| {
        ec2_error(
            400,
            "InvalidInstanceID.NotFound",
            "The instance ID 'i-1' does not exist",
        )
    });
    let sdk = sdk(&[&rule, &missing]);
    let ids = ["i-1".into(), "i-2".into()];
    let found = sdk.describe_application_status(&ids).await.unwrap();
    let pair = |id: &str, status: &str| -> (InstanceId, ApplicationStatus) { (id.into(), status.into()) };
    // A status that is newer than the SDK is told as it is.
    assert_eq!(found, [pair("i-1", "impaired"), pair("i-2", "brand-new")]);
    assert_eq!(sdk.describe_application_status(&ids).await.unwrap(), []);
}

#[tokio::test]
async fn a_check_is_created_with_token_and_tags() {
    let sdk_tags = tags("application-check")
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    let specification = TagSpecification::builder()
        .resource_type(ResourceType::ApplicationStatusCheck)
        .set_tags(Some(sdk_tags))
        .build();
    let input = CreateApplicationStatusCheckInput::builder()
        .aggregation(AggregationStatusEnum::Included)
        .protocol(NetworkProtocolEnum::Https)
        .port(8443)
        .path("/healthz")
        .device_index(0)
        .ip_version(IpVersionEnum::Ipv4)
        .ip_scope(IpScopeEnum::Private)
        .interval(60)
        .timeout(10)
        .failure_threshold(3)
        .success_threshold(1)
        .status_code_matcher("200-399")
        .initialization_grace_period_seconds(300)
        .tag_specifications(specification)
        .client_token("token-1")
        .build()
        .unwrap();
    let content = format!(
        "<applicationStatusCheck>{}</applicationStatusCheck>",
        element("asc-1", "web", "")
    );
    let made = mock!(Client::create_application_status_check)
        .match_requests(move |request| *request == input)
        .then_http_response(move || ec2_answer("CreateApplicationStatusCheck", &content));
    let cut = mock!(Client::create_application_status_check)
        .then_http_response(|| ec2_answer("CreateApplicationStatusCheck", ""));
    let full = mock!(Client::create_application_status_check).then_http_response(|| {
        ec2_error(
            400,
            "ApplicationStatusCheckLimitExceeded",
            "The maximum has been reached.",
        )
    });
    let sdk = sdk(&[&made, &cut, &full]);
    let input = CreateApplicationStatusCheck {
        settings: settings(),
        tags: tags("application-check"),
        client_token: "token-1".to_owned(),
    };
    assert_eq!(
        sdk.create_application_status_check(&input).await.unwrap(),
        expected("asc-1")
    );
    let error = sdk.create_application_status_check(&input).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (CallErrorKind::Ambiguous, "the answer has no check")
    );
    let error = sdk.create_application_status_check(&input).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::LimitExceeded);
}

#[tokio::test]
async fn a_check_is_associated_by_tag_and_a_refusal_within_a_success_is_one() {
    let tag = CustomTagKeyValueRequestPair::builder()
        .key("selfheal:application-check")
        .value("web")
        .build();
    let input = AssociateApplicationStatusCheckInput::builder()
        .application_status_check_id("asc-1")
        .target_tag_associations(tag)
        .build()
        .unwrap();
    let refused = |reason: &str| {
        format!(
            "<successfulResultSet/><unsuccessfulResultSet><item><applicationStatusCheckId>asc-1</applicationStatusCheckId>\
             <associationType>EC2TAG</associationType><associationValue>selfheal:application-check=web</associationValue>\
             <reason>{reason}</reason></item></unsuccessfulResultSet>"
        )
    };
    let done = mock!(Client::associate_application_status_check)
        .match_requests(move |request| {
            let mut request = request.clone();
            request.client_token = None;
            request == input
        })
        .then_http_response(|| ec2_answer("AssociateApplicationStatusCheck", "<successfulResultSet/>"));
    let answers = [
        refused("The tag is already associated."),
        refused("The check does not exist."),
        refused("The tag is not to our liking."),
    ]
    .map(|content| {
        mock!(Client::associate_application_status_check)
            .then_http_response(move || ec2_answer("AssociateApplicationStatusCheck", &content))
    });
    let missing = mock!(Client::associate_application_status_check)
        .then_http_response(|| ec2_error(400, "InvalidApplicationStatusCheckId.NotFound", "It does not exist."));
    let sdk = sdk(&[&done, &answers[0], &answers[1], &answers[2], &missing]);
    let associate = || sdk.associate_application_status_check("asc-1", "selfheal:application-check", "web");
    associate().await.unwrap();
    associate().await.unwrap();
    assert_eq!(associate().await.unwrap_err().kind, CallErrorKind::NotFound);
    let error = associate().await.unwrap_err();
    assert_eq!(
        (error.kind, error.to_string().as_str()),
        (
            CallErrorKind::Other,
            "ec2:AssociateApplicationStatusCheck on asc-1: The tag is not to our liking."
        )
    );
    assert_eq!(associate().await.unwrap_err().kind, CallErrorKind::NotFound);
}

#[tokio::test]
async fn a_check_is_modified_whole_and_deleted() {
    let input = ModifyApplicationStatusCheckInput::builder()
        .application_status_check_id("asc-1")
        .aggregation(AggregationStatusEnum::Included)
        .protocol(NetworkProtocolEnum::Https)
        .port(8443)
        .path("/healthz")
        .device_index(0)
        .ip_version(IpVersionEnum::Ipv4)
        .ip_scope(IpScopeEnum::Private)
        .interval(60)
        .timeout(10)
        .failure_threshold(3)
        .success_threshold(1)
        .status_code_matcher("200-399")
        .initialization_grace_period_seconds(300)
        .build()
        .unwrap();
    let modified = mock!(Client::modify_application_status_check)
        .match_requests(move |request| {
            let mut request = request.clone();
            request.client_token = None;
            request == input
        })
        .then_http_response(|| ec2_answer("ModifyApplicationStatusCheck", ""));
    let input = DeleteApplicationStatusCheckInput::builder()
        .application_status_check_id("asc-1")
        .build()
        .unwrap();
    let deleted = mock!(Client::delete_application_status_check)
        .match_requests(move |request| {
            let mut request = request.clone();
            request.client_token = None;
            request == input
        })
        .then_http_response(|| ec2_answer("DeleteApplicationStatusCheck", ""));
    let missing = mock!(Client::delete_application_status_check)
        .then_http_response(|| ec2_error(400, "InvalidApplicationStatusCheckId.NotFound", "It does not exist."));
    let sdk = sdk(&[&modified, &deleted, &missing]);
    sdk.modify_application_status_check("asc-1", &settings()).await.unwrap();
    sdk.delete_application_status_check("asc-1").await.unwrap();
    let error = sdk.delete_application_status_check("asc-1").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
}
