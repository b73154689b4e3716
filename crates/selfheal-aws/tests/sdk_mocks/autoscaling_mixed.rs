//! Auto Scaling's mixed instances policies: several types in order, and spot.

use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::types::{
    InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides, LaunchTemplateSpecification, MixedInstancesPolicy,
};
use aws_smithy_mocks::mock;
use selfheal_aws::AutoScaling;
use selfheal_core::spec::Market;
use selfheal_core::world::{GroupSettings, MixedPolicy};

use crate::support::{answer, sdk, tags};

fn settings(market: Market) -> GroupSettings {
    GroupSettings {
        name: "selfheal-web".to_owned(),
        min: 1,
        max: 1,
        desired: 1,
        subnet: "subnet-1".into(),
        template_id: "lt-1".into(),
        template_version: 7,
        mixed: Some(MixedPolicy::new(["t4g.small", "t4g.medium"].map(str::to_owned), market)),
        health_check_type: "EC2".to_owned(),
        health_check_grace_s: 0,
        hooks: Vec::new(),
        tags: tags("group"),
    }
}

/// The policy as it goes over the wire, with this percentage on demand.
fn policy(percent: i32) -> MixedInstancesPolicy {
    let of_type = |name: &str| LaunchTemplateOverrides::builder().instance_type(name).build();
    let pinned = LaunchTemplateSpecification::builder()
        .launch_template_id("lt-1")
        .version("7");
    let template = LaunchTemplate::builder()
        .launch_template_specification(pinned.build())
        .overrides(of_type("t4g.small"))
        .overrides(of_type("t4g.medium"));
    let distribution = InstancesDistribution::builder()
        .on_demand_allocation_strategy("prioritized")
        .on_demand_base_capacity(0)
        .on_demand_percentage_above_base_capacity(percent)
        .spot_allocation_strategy("capacity-optimized-prioritized");
    MixedInstancesPolicy::builder()
        .launch_template(template.build())
        .instances_distribution(distribution.build())
        .build()
}

/// AWS refuses a launch template beside a mixed instances policy, which has its own.
#[tokio::test]
async fn a_group_of_several_types_is_made_and_changed_by_its_policy_alone() {
    for (market, percent) in [(Market::OnDemand, 100), (Market::Spot, 0)] {
        let made = mock!(Client::create_auto_scaling_group)
            .match_requests(move |request| {
                request.mixed_instances_policy() == Some(&policy(percent)) && request.launch_template().is_none()
            })
            .then_http_response(|| answer(200, "<CreateAutoScalingGroupResponse/>"));
        let changed = mock!(Client::update_auto_scaling_group)
            .match_requests(move |request| {
                request.mixed_instances_policy() == Some(&policy(percent))
                    && request.launch_template().is_none()
                    && request.desired_capacity().is_none()
                    && request.capacity_rebalance().is_none()
            })
            .then_http_response(|| answer(200, "<UpdateAutoScalingGroupResponse/>"));
        let sdk = sdk(&[&made, &changed]);
        sdk.create_group(&settings(market)).await.unwrap();
        sdk.update_group(&settings(market)).await.unwrap();
        assert_eq!((made.num_calls(), changed.num_calls()), (1, 1));
    }
}

fn read(policy: &str) -> String {
    format!(
        "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>\
         <AutoScalingGroupName>selfheal-web</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>1</MaxSize>\
         <DesiredCapacity>1</DesiredCapacity><DefaultCooldown>300</DefaultCooldown>\
         <AvailabilityZones><member>eu-west-1a</member></AvailabilityZones>\
         <HealthCheckType>EC2</HealthCheckType><CreatedTime>2026-01-01T00:00:00Z</CreatedTime>\
         <MixedInstancesPolicy><LaunchTemplate><LaunchTemplateSpecification><LaunchTemplateId>lt-1</LaunchTemplateId>\
         <Version>7</Version></LaunchTemplateSpecification><Overrides><member><InstanceType>t4g.small</InstanceType>\
         </member><member><InstanceType>t4g.medium</InstanceType></member></Overrides></LaunchTemplate>{policy}\
         </MixedInstancesPolicy><Instances><member><InstanceId>i-1</InstanceId><InstanceType>t4g.medium</InstanceType>\
         <AvailabilityZone>eu-west-1a</AvailabilityZone><LifecycleState>InService</LifecycleState>\
         <HealthStatus>Healthy</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member></Instances>\
         </member></AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
    )
}

#[tokio::test]
async fn a_policy_is_read_back_as_it_was_sent_and_with_awss_defaults_where_it_says_nothing() {
    let sent = "<InstancesDistribution><OnDemandAllocationStrategy>prioritized</OnDemandAllocationStrategy>\
        <OnDemandBaseCapacity>0</OnDemandBaseCapacity>\
        <OnDemandPercentageAboveBaseCapacity>0</OnDemandPercentageAboveBaseCapacity>\
        <SpotAllocationStrategy>capacity-optimized-prioritized</SpotAllocationStrategy></InstancesDistribution>";
    let whole = mock!(Client::describe_auto_scaling_groups).then_http_response(move || answer(200, &read(sent)));
    let bare = mock!(Client::describe_auto_scaling_groups).then_http_response(|| answer(200, &read("")));
    let sdk = sdk(&[&whole, &bare]);
    let group = sdk.describe_group("selfheal-web").await.unwrap().unwrap();
    assert_eq!(group.mixed, settings(Market::Spot).mixed);
    assert_eq!(group.template_id, Some("lt-1".into()));
    assert_eq!(group.template_version.as_deref(), Some("7"));
    assert_eq!(group.instances[0].instance_type.as_deref(), Some("t4g.medium"));
    let policy = sdk.describe_group("selfheal-web").await.unwrap().unwrap().mixed;
    let policy = policy.expect("there is one all the same");
    assert_eq!((policy.on_demand_base, policy.on_demand_percent), (0, 100));
    assert_eq!(policy.spot_strategy, "lowest-price");
}
