//! Auto Scaling.

use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::operation::create_auto_scaling_group::CreateAutoScalingGroupInput;
use aws_sdk_autoscaling::operation::delete_tags::DeleteTagsInput;
use aws_sdk_autoscaling::operation::put_lifecycle_hook::PutLifecycleHookInput;
use aws_sdk_autoscaling::operation::update_auto_scaling_group::UpdateAutoScalingGroupInput;
use aws_sdk_autoscaling::types::{
    InstanceMaintenancePolicy, LaunchTemplateSpecification, LifecycleHookSpecification, Tag,
};
use aws_smithy_mocks::{Rule, mock};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use selfheal_aws::{AutoScaling, CallErrorKind};
use selfheal_core::world::{Group, GroupInstance, GroupSettings, HealthStatus, LifecycleHook};

use crate::support::{answer, query_error, sdk, tags};

fn result(operation: &str, content: &str) -> HttpResponse {
    answer(
        200,
        &format!("<{operation}Response><{operation}Result>{content}</{operation}Result></{operation}Response>"),
    )
}

fn hook() -> LifecycleHook {
    LifecycleHook {
        name: "selfheal-launch".to_owned(),
        transition: "autoscaling:EC2_INSTANCE_LAUNCHING".to_owned(),
        heartbeat_s: 900,
        default_result: "ABANDON".to_owned(),
    }
}

fn settings() -> GroupSettings {
    GroupSettings {
        name: "selfheal-web".to_owned(),
        min: 1,
        max: 1,
        desired: 1,
        subnet: "subnet-1".into(),
        template_id: "lt-1".into(),
        template_version: 7,
        mixed: None,
        health_check_type: "EC2".to_owned(),
        health_check_grace_s: 0,
        hooks: vec![hook()],
        tags: tags("group"),
    }
}

fn pinned() -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .launch_template_id("lt-1")
        .version("7")
        .build()
}

fn never_two() -> InstanceMaintenancePolicy {
    InstanceMaintenancePolicy::builder()
        .min_healthy_percentage(0)
        .max_healthy_percentage(100)
        .build()
}

fn tag(key: &str) -> aws_sdk_autoscaling::types::builders::TagBuilder {
    Tag::builder()
        .resource_id("selfheal-web")
        .resource_type("auto-scaling-group")
        .key(key)
}

const GROUP: &str = "<AutoScalingGroups><member><AutoScalingGroupName>selfheal-web</AutoScalingGroupName>\
    <MinSize>1</MinSize><MaxSize>1</MaxSize><DesiredCapacity>1</DesiredCapacity><DefaultCooldown>300</DefaultCooldown>\
    <AvailabilityZones><member>eu-west-1a</member></AvailabilityZones>\
    <LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>7</Version></LaunchTemplate>\
    <VPCZoneIdentifier>subnet-1, subnet-2</VPCZoneIdentifier><HealthCheckType>EC2,EBS</HealthCheckType>\
    <HealthCheckGracePeriod>0</HealthCheckGracePeriod><CreatedTime>2026-01-01T00:00:00Z</CreatedTime>\
    <Status>Delete in progress</Status>\
    <SuspendedProcesses><member><ProcessName>ReplaceUnhealthy</ProcessName></member>\
    <member><ProcessName>Launch</ProcessName></member></SuspendedProcesses>\
    <Instances><member><InstanceId>i-1</InstanceId><LifecycleState>Quarantined:New</LifecycleState>\
    <HealthStatus>Healthy</HealthStatus><AvailabilityZone>eu-west-1a</AvailabilityZone>\
    <ProtectedFromScaleIn>false</ProtectedFromScaleIn>\
    <LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>6</Version></LaunchTemplate></member></Instances>\
    <Tags><member><Key>selfheal:role</Key><Value>group</Value><PropagateAtLaunch>false</PropagateAtLaunch></member>\
    <member><Key>selfheal:stack</Key><Value>web</Value></member></Tags></member></AutoScalingGroups>";

#[tokio::test]
async fn a_group_is_read_with_states_newer_than_the_sdk() {
    let found = mock!(Client::describe_auto_scaling_groups)
        .match_requests(|request| request.auto_scaling_group_names() == ["selfheal-web"])
        .then_http_response(|| result("DescribeAutoScalingGroups", GROUP));
    let missing = mock!(Client::describe_auto_scaling_groups)
        .then_http_response(|| result("DescribeAutoScalingGroups", "<AutoScalingGroups/>"));
    let sdk = sdk(&[&found, &missing]);
    let expected = Group {
        name: "selfheal-web".to_owned(),
        min: 1,
        max: 1,
        desired: 1,
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        template_id: Some("lt-1".into()),
        template_version: Some("7".to_owned()),
        mixed: None,
        health_check_type: "EC2,EBS".to_owned(),
        health_check_grace_s: 0,
        suspended: vec!["Launch".to_owned(), "ReplaceUnhealthy".to_owned()],
        deleting: true,
        instances: vec![GroupInstance {
            id: "i-1".into(),
            lifecycle: "Quarantined:New".into(),
            health: HealthStatus::Healthy,
            template_version: Some("6".to_owned()),
            instance_type: None,
        }],
        tags: tags("group"),
    };
    assert_eq!(sdk.describe_group("selfheal-web").await.unwrap(), Some(expected));
    assert_eq!(sdk.describe_group("selfheal-web").await.unwrap(), None);
}

#[tokio::test]
async fn hooks_are_read_and_a_missing_group_has_none() {
    let member = "<LifecycleHooks><member><LifecycleHookName>selfheal-launch</LifecycleHookName>\
        <LifecycleTransition>autoscaling:EC2_INSTANCE_LAUNCHING</LifecycleTransition>\
        <HeartbeatTimeout>900</HeartbeatTimeout><GlobalTimeout>90000</GlobalTimeout>\
        <DefaultResult>ABANDON</DefaultResult></member></LifecycleHooks>";
    let found = mock!(Client::describe_lifecycle_hooks)
        .match_requests(|request| request.auto_scaling_group_name() == Some("selfheal-web"))
        .then_http_response(move || result("DescribeLifecycleHooks", member));
    let missing = mock!(Client::describe_lifecycle_hooks)
        .then_http_response(|| query_error(400, "ValidationError", "AutoScalingGroup name not found"));
    let sdk = sdk(&[&found, &missing]);
    let expected = LifecycleHook {
        name: hook().name,
        transition: hook().transition,
        heartbeat_s: 900,
        default_result: "ABANDON".to_owned(),
    };
    assert_eq!(sdk.describe_hooks("selfheal-web").await.unwrap(), [expected]);
    assert!(sdk.describe_hooks("selfheal-web").await.unwrap().is_empty());
}

#[tokio::test]
async fn activities_stop_at_the_limit() {
    let activity = |id: &str, end: &str| {
        format!(
            "<member><ActivityId>{id}</ActivityId><AutoScalingGroupName>selfheal-web</AutoScalingGroupName>\
            <Description>Launching a new EC2 instance: i-1</Description><Cause>because</Cause>\
            <StartTime>2026-01-01T00:00:00Z</StartTime>{end}<StatusCode>Failed</StatusCode>\
            <StatusMessage>no capacity</StatusMessage></member>"
        )
    };
    let page = |activities: String, token: &str| {
        result(
            "DescribeScalingActivities",
            &format!("<Activities>{activities}</Activities>{token}"),
        )
    };
    let first = activity("a", "<EndTime>2026-01-01T00:01:00Z</EndTime>") + &activity("b", "");
    let second = activity("c", "") + &activity("d", "");
    let first = mock!(Client::describe_scaling_activities)
        .match_requests(|request| {
            request.auto_scaling_group_name() == Some("selfheal-web") && request.max_records() == Some(3)
        })
        .then_http_response(move || page(first.clone(), "<NextToken>t</NextToken>"));
    let second = mock!(Client::describe_scaling_activities)
        .match_requests(|request| request.next_token() == Some("t"))
        .then_http_response(move || page(second.clone(), "<NextToken>u</NextToken>"));
    let found = sdk(&[&first, &second])
        .describe_activities("selfheal-web", 3)
        .await
        .unwrap();
    let ids: Vec<&str> = found.iter().map(|activity| activity.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(found[0].started_at.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(found[0].ended_at.unwrap().to_string(), "2026-01-01T00:01:00Z");
    assert_eq!(
        (found[0].status.as_str(), found[0].status_message.as_deref()),
        ("Failed", Some("no capacity"))
    );
    assert_eq!(found[1].ended_at, None);
}

#[tokio::test]
async fn a_group_is_made_whole_in_one_call() {
    let hook = LifecycleHookSpecification::builder()
        .lifecycle_hook_name("selfheal-launch")
        .lifecycle_transition("autoscaling:EC2_INSTANCE_LAUNCHING")
        .heartbeat_timeout(900)
        .default_result("ABANDON");
    let input = CreateAutoScalingGroupInput::builder()
        .auto_scaling_group_name("selfheal-web")
        .min_size(1)
        .max_size(1)
        .desired_capacity(1)
        .vpc_zone_identifier("subnet-1")
        .launch_template(pinned())
        .health_check_type("EC2")
        .health_check_grace_period(0)
        .instance_maintenance_policy(never_two())
        .new_instances_protected_from_scale_in(false)
        .lifecycle_hook_specification_list(hook.build())
        .tags(tag("selfheal:role").value("group").propagate_at_launch(false).build())
        .tags(tag("selfheal:stack").value("web").propagate_at_launch(false).build())
        .build()
        .unwrap();
    let rule = mock!(Client::create_auto_scaling_group)
        .match_requests(move |request| *request == input)
        .then_http_response(|| answer(200, "<CreateAutoScalingGroupResponse/>"));
    sdk(&[&rule]).create_group(&settings()).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn an_update_leaves_desired_capacity_hook_and_tags_alone() {
    let input = UpdateAutoScalingGroupInput::builder()
        .auto_scaling_group_name("selfheal-web")
        .min_size(1)
        .max_size(1)
        .vpc_zone_identifier("subnet-1")
        .launch_template(pinned())
        .health_check_type("EC2")
        .health_check_grace_period(0)
        .instance_maintenance_policy(never_two())
        .build()
        .unwrap();
    let rule = mock!(Client::update_auto_scaling_group)
        .match_requests(move |request| *request == input)
        .then_http_response(|| answer(200, "<UpdateAutoScalingGroupResponse/>"));
    sdk(&[&rule]).update_group(&settings()).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn the_rest_names_group_and_instance() {
    let done = |operation: &'static str| move || answer(200, &format!("<{operation}Response/>"));
    let hook_input = PutLifecycleHookInput::builder()
        .auto_scaling_group_name("selfheal-web")
        .lifecycle_hook_name("selfheal-launch")
        .lifecycle_transition("autoscaling:EC2_INSTANCE_LAUNCHING")
        .heartbeat_timeout(900)
        .default_result("ABANDON")
        .build()
        .unwrap();
    let untag = DeleteTagsInput::builder()
        .tags(tag("selfheal:parked").build())
        .build()
        .unwrap();
    let rules: [Rule; 5] = [
        mock!(Client::put_lifecycle_hook)
            .match_requests(move |request| *request == hook_input)
            .then_http_response(|| result("PutLifecycleHook", "")),
        mock!(Client::resume_processes)
            .match_requests(|r| {
                r.auto_scaling_group_name() == Some("selfheal-web") && r.scaling_processes() == ["Launch"]
            })
            .then_http_response(done("ResumeProcesses")),
        mock!(Client::delete_tags)
            .match_requests(move |request| *request == untag)
            .then_http_response(done("DeleteTags")),
        mock!(Client::terminate_instance_in_auto_scaling_group)
            .match_requests(|r| r.instance_id() == Some("i-1") && r.should_decrement_desired_capacity() == Some(false))
            .then_http_response(|| result("TerminateInstanceInAutoScalingGroup", "")),
        mock!(Client::delete_auto_scaling_group)
            .match_requests(|r| r.auto_scaling_group_name() == Some("selfheal-web") && r.force_delete() == Some(true))
            .then_http_response(done("DeleteAutoScalingGroup")),
    ];
    let sdk = sdk(&rules.each_ref());
    sdk.put_lifecycle_hook("selfheal-web", &hook()).await.unwrap();
    // To AWS no processes would mean all of them, so that nothing is sent.
    sdk.resume_processes("selfheal-web", &[]).await.unwrap();
    sdk.resume_processes("selfheal-web", &["Launch".to_owned()])
        .await
        .unwrap();
    sdk.delete_group_tags("selfheal-web", &[]).await.unwrap();
    sdk.delete_group_tags("selfheal-web", &["selfheal:parked".to_owned()])
        .await
        .unwrap();
    sdk.terminate_instance(&"i-1".into()).await.unwrap();
    sdk.delete_group("selfheal-web").await.unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));
}

#[tokio::test]
async fn auto_scalings_codes_have_kinds() {
    let profile = "You must use a valid fully-formed launch template. Value (p) for parameter iamInstanceProfile.name is \
        invalid. Invalid IAM Instance Profile name";
    let cases = [
        (400, "AlreadyExists", "exists", CallErrorKind::AlreadyExists),
        (400, "ResourceInUse", "in use", CallErrorKind::InUse),
        (400, "ScalingActivityInProgress", "later", CallErrorKind::Busy),
        (500, "ResourceContention", "later", CallErrorKind::Busy),
        (400, "ValidationError", profile, CallErrorKind::NotReady),
        (500, "ServiceLinkedRoleFailure", "role", CallErrorKind::NotReady),
        (
            400,
            "ValidationError",
            "AutoScalingGroup name not found - no such group",
            CallErrorKind::NotFound,
        ),
        (
            400,
            "ValidationError",
            "The subnet ID 'x' is bad",
            CallErrorKind::Invalid,
        ),
        (500, "InternalFailure", "sorry", CallErrorKind::Ambiguous),
    ];
    for (status, code, message, kind) in cases {
        let rule =
            mock!(Client::create_auto_scaling_group).then_http_response(move || query_error(status, code, message));
        let error = sdk(&[&rule]).create_group(&settings()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)), "{message}");
        assert_eq!(error.resource.as_deref(), Some("selfheal-web"));
    }
}
