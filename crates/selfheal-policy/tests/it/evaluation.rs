//! What the evaluator reports, and the traps that the generated policies avoid.

use selfheal_policy::eval::{Decision, Layer, Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::{Document, instance_policy};

use crate::common::instance_scope;

fn volume() -> ResourceRequest {
    ResourceRequest::new(
        "arn:aws:ec2:eu-west-1:123456789012:volume/vol-0aaaaaaaaaaaaaaaa"
            .parse()
            .unwrap(),
    )
}

fn decide(request: &Request) -> Decision {
    evaluate(
        Policies::identity(&[&instance_policy(&instance_scope()).unwrap()]),
        request,
    )
}

/// DeleteTags without keys removes every tag of the volume, and `ForAllValues` holds of it.
#[test]
fn the_mark_of_first_use_is_the_only_tag_that_can_be_removed() {
    let delete = |keys: &[&str]| {
        Request::new("ec2:DeleteTags")
            .on(volume())
            .with_all("aws:TagKeys", keys.iter().copied())
    };
    assert!(decide(&delete(&["selfheal:first-use"])).is_allowed());
    assert!(!decide(&delete(&[])).is_allowed());
    assert!(!decide(&delete(&["selfheal:stack"])).is_allowed());
    assert!(!decide(&delete(&["selfheal:first-use", "selfheal:stack"])).is_allowed());
}

#[test]
fn the_group_takes_our_marks_alone() {
    let arn = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:u-u-i-d:autoScalingGroupName/selfheal-web";
    let group = ResourceRequest::new(arn.parse().unwrap());
    let tag = |keys: &[&str]| {
        Request::new("autoscaling:CreateOrUpdateTags")
            .on(group.clone())
            .with_all("aws:TagKeys", keys.iter().copied())
    };
    assert!(decide(&tag(&["selfheal:failed-boots", "selfheal:last-error"])).is_allowed());
    assert!(!decide(&tag(&["selfheal:stack"])).is_allowed());
    assert!(!decide(&tag(&["selfheal:parked", "Name"])).is_allowed());
}

#[test]
fn an_instance_without_a_profile_or_with_another_one_does_not_get_the_volume() {
    let attach = |instance: ResourceRequest| {
        Request::new("ec2:AttachVolume")
            .on(volume().tagged("selfheal:stack", "web"))
            .on(instance)
    };
    let instance = ResourceRequest::new("arn:aws:ec2:eu-west-1:123456789012:instance/i-1".parse().unwrap());
    let ours = "arn:aws:iam::123456789012:instance-profile/selfheal/selfheal-web-eu-west-1";
    let theirs = "arn:aws:iam::123456789012:instance-profile/selfheal/selfheal-api-eu-west-1";
    let tagged = instance.clone().tagged("selfheal:stack", "web");
    assert!(decide(&attach(tagged.clone().with("ec2:InstanceProfile", ours))).is_allowed());
    assert!(!decide(&attach(tagged.with("ec2:InstanceProfile", theirs))).is_allowed());
    assert!(!decide(&attach(instance.with("ec2:InstanceProfile", ours))).is_allowed());
}

#[test]
fn a_decision_names_the_statement_and_the_resource() {
    let decision = decide(
        &Request::new("ec2:DeleteTags")
            .on(volume())
            .with("aws:TagKeys", "selfheal:first-use"),
    );
    let Decision::Allow(grants) = decision else {
        panic!("{decision}")
    };
    assert_eq!(grants.len(), 1);
    assert_eq!(
        (grants[0].layer, grants[0].sid.as_str()),
        (Layer::Identity, "VolumeIsUsed")
    );
    let denied = decide(&Request::new("ec2:DeleteVolume").on(volume()));
    assert_eq!(
        denied.to_string(),
        "denied on arn:aws:ec2:eu-west-1:123456789012:volume/vol-0aaaaaaaaaaaaaaaa: no statement of the identity policy allows it"
    );
    let document: Document =
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"No","Effect":"Deny","Action":"*","Resource":"*"}]}"#
            .parse()
            .unwrap();
    let denied = evaluate(Policies::identity(&[&document]), &Request::new("ec2:DescribeVolumes"));
    assert_eq!(
        denied.to_string(),
        "denied on * by statement 0 `No` of the identity policy"
    );
}

#[test]
fn every_resource_must_be_allowed() {
    let document: Document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:AttachVolume",
        "Resource":"arn:aws:ec2:eu-west-1:123456789012:volume/*"}}"#
        .parse()
        .unwrap();
    let instance = ResourceRequest::new("arn:aws:ec2:eu-west-1:123456789012:instance/i-1".parse().unwrap());
    let one = Request::new("ec2:AttachVolume").on(volume());
    assert!(evaluate(Policies::identity(&[&document]), &one).is_allowed());
    let both = one.on(instance.clone());
    let expected = Decision::ImplicitDeny {
        layer: Layer::Identity,
        resource: Some(instance.arn),
    };
    assert_eq!(evaluate(Policies::identity(&[&document]), &both), expected);
}

#[test]
fn no_policy_allows_nothing() {
    let decision = evaluate(Policies::identity(&[]), &Request::new("ec2:DescribeVolumes"));
    assert_eq!(
        decision,
        Decision::ImplicitDeny {
            layer: Layer::Identity,
            resource: None
        }
    );
}

#[test]
fn values_of_tags_never_widen_a_variable() {
    let document: Document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::b/${aws:PrincipalTag/home}"}}"#
        .parse()
        .unwrap();
    let object = ResourceRequest::new("arn:aws:s3:::b/others".parse().unwrap());
    let request = Request::new("s3:GetObject")
        .on(object)
        .with("aws:PrincipalTag/home", "*");
    assert!(!evaluate(Policies::identity(&[&document]), &request).is_allowed());
}
