//! What is pinned: an instance to itself, a group to a numbered version of its own launch template.

use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::requests::documented;
use selfheal_policy::{Document, Purpose, TAG_STACK, instance_policy, operator_policy};

use crate::common::{TOPIC, instance_scope, operator_scope};

const ME: &str = "i-0aaaaaaaaaaaaaaaa";
const PROFILE: &str = "arn:aws:iam::123456789012:instance-profile/selfheal/selfheal-web-eu-west-1";

fn ec2(resource: &str) -> ResourceRequest {
    ResourceRequest::new(
        format!("arn:aws:ec2:eu-west-1:123456789012:{resource}")
            .parse()
            .unwrap(),
    )
}

/// An instance of the stack with all that AWS knows of it.
fn instance(id: &str) -> ResourceRequest {
    ec2(&format!("instance/{id}"))
        .tagged(TAG_STACK, "web")
        .with("ec2:InstanceProfile", PROFILE)
        .with("ec2:InstanceID", id)
}

fn volume() -> ResourceRequest {
    ec2("volume/vol-0aaaaaaaaaaaaaaaa").tagged(TAG_STACK, "web")
}

fn address() -> ResourceRequest {
    ec2("elastic-ip/eipalloc-0aaaaaaaaaaaaaaaa")
}

fn interface() -> ResourceRequest {
    ec2("network-interface/eni-0aaaaaaaaaaaaaaaa")
        .tagged(TAG_STACK, "web")
        .with(
            "ec2:Subnet",
            "arn:aws:ec2:eu-west-1:123456789012:subnet/subnet-0aaaaaaaaaaaaaaaa",
        )
}

/// Tells whether the instance policy lets the instance ME make the call.
fn may(action: &str, resources: impl IntoIterator<Item = ResourceRequest>) -> bool {
    let mut request = Request::new(action).with("aws:userid", format!("AROAEXAMPLEROLEID:{ME}"));
    request.resources = resources.into_iter().collect();
    let document = instance_policy(&instance_scope()).unwrap();
    evaluate(Policies::identity(&[&document]), &documented(request)).is_allowed()
}

#[test]
fn an_instance_attaches_and_detaches_the_volume_for_itself_alone() {
    for action in ["ec2:AttachVolume", "ec2:DetachVolume"] {
        assert!(may(action, [volume(), instance(ME)]), "{action}");
        // Its predecessor runs under the same profile and bears the same tag.
        assert!(!may(action, [volume(), instance("i-0cccccccccccccccc")]), "{action}");
        // An id that ends in mine is another's.
        assert!(!may(action, [volume(), instance("aaaa")]), "{action}");
    }
}

/// A limit, and no wish: DetachVolume need not name the instance, and the volume has no key that tells who holds it.
#[test]
fn a_detach_that_names_no_instance_is_judged_by_the_volume_alone() {
    assert!(may("ec2:DetachVolume", [volume()]));
    assert!(!may(
        "ec2:DetachVolume",
        [ec2("volume/vol-0bbbbbbbbbbbbbbbb").tagged(TAG_STACK, "web")]
    ));
}

/// Where AWS does not say which instance a request names, the tag and the profile decide, so that no stack stands still.
#[test]
fn where_aws_does_not_tell_the_instance_its_tag_decides() {
    let unnamed = ec2(&format!("instance/{ME}")).tagged(TAG_STACK, "web");
    assert!(may("ec2:AttachVolume", [volume(), unnamed.clone()]));
    assert!(may("ec2:AssociateAddress", [address(), unnamed, interface()]));
}

#[test]
fn the_address_needs_the_tag_and_our_profile_if_the_instance_has_one() {
    let claim = |instance: ResourceRequest| may("ec2:AssociateAddress", [address(), instance, interface()]);
    let bare = || ec2(&format!("instance/{ME}")).with("ec2:InstanceID", ME);
    assert!(claim(instance(ME)));
    assert!(claim(bare().tagged(TAG_STACK, "web")), "AWS does not tell the profile");
    assert!(!claim(bare().with("ec2:InstanceProfile", PROFILE)), "the profile alone");
    assert!(!claim(
        bare().tagged(TAG_STACK, "api").with("ec2:InstanceProfile", PROFILE)
    ));
    let others = PROFILE.replace("web", "api");
    assert!(!claim(
        bare().tagged(TAG_STACK, "web").with("ec2:InstanceProfile", others)
    ));
    assert!(!claim(instance("i-0cccccccccccccccc")), "another instance of the stack");
}

/// The call names the network interface, and AWS may or may not evaluate the instance that it is on.
#[test]
fn the_address_goes_to_an_interface_of_the_stack_in_its_subnet() {
    assert!(may("ec2:AssociateAddress", [address(), interface()]));
    let elsewhere = ec2("network-interface/eni-0aaaaaaaaaaaaaaaa")
        .tagged(TAG_STACK, "web")
        .with(
            "ec2:Subnet",
            "arn:aws:ec2:eu-west-1:123456789012:subnet/subnet-0bbbbbbbbbbbbbbbb",
        );
    assert!(!may("ec2:AssociateAddress", [address(), elsewhere]));
    assert!(!may(
        "ec2:AssociateAddress",
        [ec2("elastic-ip/eipalloc-0bbbbbbbbbbbbbbbb"), interface()]
    ));
}

/// Without the deny the list of what the instance may do would be longer.
#[test]
fn the_deny_is_needed() {
    let mut document = instance_policy(&instance_scope()).unwrap();
    document
        .statements
        .retain(|statement| statement.effect == selfheal_policy::Effect::Allow);
    let allowed = crate::common::world::allowed(&document);
    for action in ["ec2:AttachVolume", "ec2:DetachVolume", "ec2:AssociateAddress"] {
        assert!(allowed.contains(&format!("{action} instance:sibling own")), "{action}");
    }
}

fn group() -> ResourceRequest {
    let group = "autoScalingGroup:8e3dc91b-0000-4000-8000-000000000000:autoScalingGroupName/selfheal-web";
    ResourceRequest::new(
        format!("arn:aws:autoscaling:eu-west-1:123456789012:{group}")
            .parse()
            .unwrap(),
    )
}

fn update(keys: &[(&str, &str)]) -> Request {
    let request = Request::new("autoscaling:UpdateAutoScalingGroup").on(group());
    documented(
        keys.iter()
            .fold(request, |request, (key, value)| request.with(key, *value)),
    )
}

/// `$Latest` would launch whatever version comes, and a launch configuration any profile: neither is checked again.
#[test]
fn a_group_takes_a_numbered_version_of_a_template_and_no_launch_configuration() {
    let document: Document = operator_policy(&operator_scope(), Purpose::Apply).unwrap();
    let may = |keys: &[(&str, &str)]| evaluate(Policies::identity(&[&document]), &update(keys)).is_allowed();
    let numbered = ("autoscaling:LaunchTemplateVersionSpecified", "true");
    let one = ("autoscaling:MaxSize", "1");
    let of = |name| ("autoscaling:InstanceTypes", name);
    let both = [of("t4g.small"), of("t4g.medium")];
    assert!(may(&[one, numbered, both[0], both[1]]), "what apply sends");
    assert!(!may(&[one, numbered]), "whatever the launch template says");
    assert!(!may(&[one, numbered, both[0], of("p5.48xlarge")]));
    assert!(
        !may(&[one, both[0], ("autoscaling:LaunchTemplateVersionSpecified", "false")]),
        "$Latest"
    );
    assert!(!may(&[one, both[0], ("autoscaling:LaunchConfigurationName", "theirs")]));
    assert!(!may(&[
        one,
        numbered,
        both[0],
        ("autoscaling:LaunchConfigurationName", "theirs")
    ]));
    assert!(!may(&[one, both[0]]), "nothing says what is launched");
    assert!(!may(&[numbered, both[0], ("autoscaling:MaxSize", "2")]));
    for purpose in Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Apply) {
        let document = operator_policy(&operator_scope(), purpose).unwrap();
        let decision = evaluate(Policies::identity(&[&document]), &update(&[one, numbered, both[0]]));
        assert!(!decision.is_allowed(), "{purpose} changes no group");
    }
    let mut scope = operator_scope();
    (scope.instance_types, scope.replaces) = (Vec::new(), false);
    let document = operator_policy(&scope, Purpose::Apply).unwrap();
    let decision = evaluate(Policies::identity(&[&document]), &update(&[one, numbered]));
    assert!(decision.is_allowed(), "a launch template alone");
    assert!(!document.to_json().contains("TerminateInstance"), "nothing is replaced");
}

/// An address that people have named is adopted without the `Name` tag, another one with it.
#[test]
fn an_adopted_address_takes_the_tags_that_apply_sends_and_no_other() {
    let mut scope = operator_scope();
    scope.allocation_id = Some("eipalloc-0aaaaaaaaaaaaaaaa".to_owned());
    let document = operator_policy(&scope, Purpose::Apply).unwrap();
    let may = |tags: &[(&str, &str)]| {
        let address = tags
            .iter()
            .fold(address(), |address, (key, value)| address.tagging(key, value));
        let request = Request::new("ec2:CreateTags").on(address);
        evaluate(Policies::identity(&[&document]), &documented(request)).is_allowed()
    };
    let ours = [("selfheal:stack", "web"), ("selfheal:role", "address")];
    let named = [ours[0], ours[1], ("Name", "selfheal-web")];
    assert!(may(&ours) && may(&named));
    assert!(!may(&[ours[0], ours[1], ("Owner", "me")]));
    assert!(!may(&[("selfheal:stack", "api"), ours[1]]));
    assert!(!may(&[ours[1]]) && !may(&[]));
}

fn schedules(keys: &[(&str, &str)]) -> Request {
    let request = Request::new("autoscaling:PutScheduledUpdateGroupAction").on(group());
    documented(
        keys.iter()
            .fold(request, |request, (key, value)| request.with(key, *value)),
    )
}

/// Whoever may write the schedule may not widen the group by it: AWS would launch as many as an action's minimum says.
#[test]
fn a_scheduled_action_sets_the_desired_capacity_and_no_bound() {
    for purpose in [Purpose::Apply, Purpose::Sleep] {
        let document = operator_policy(&operator_scope(), purpose).unwrap();
        let may = |keys: &[(&str, &str)]| evaluate(Policies::identity(&[&document]), &schedules(keys)).is_allowed();
        assert!(may(&[]), "what {purpose} sends");
        assert!(!may(&[("autoscaling:MinSize", "1")]), "{purpose}");
        assert!(!may(&[("autoscaling:MaxSize", "9")]), "{purpose}");
    }
    let mut scope = operator_scope();
    scope.schedule = false;
    let document = operator_policy(&scope, Purpose::Apply).unwrap();
    assert!(!evaluate(Policies::identity(&[&document]), &schedules(&[])).is_allowed());
    assert!(!document.to_json().contains("SetDesiredCapacity"));
}

/// Who puts a stack to sleep lets its group have no instance, and changes nothing else of it.
#[test]
fn a_sleep_sets_a_minimum_of_nothing_and_nothing_else() {
    let document = operator_policy(&operator_scope(), Purpose::Sleep).unwrap();
    let may = |keys: &[(&str, &str)]| evaluate(Policies::identity(&[&document]), &update(keys)).is_allowed();
    let none = ("autoscaling:MinSize", "0");
    assert!(may(&[none]), "what sleep sends");
    assert!(may(&[none, ("autoscaling:LaunchTemplateVersionSpecified", "false")]));
    assert!(!may(&[]));
    assert!(!may(&[("autoscaling:MinSize", "1")]));
    assert!(!may(&[none, ("autoscaling:MaxSize", "2")]));
    assert!(!may(&[none, ("autoscaling:LaunchTemplateVersionSpecified", "true")]));
    assert!(!may(&[none, ("autoscaling:LaunchConfigurationName", "theirs")]));
    assert!(!may(&[none, ("autoscaling:InstanceTypes", "t4g.small")]));
    assert!(!may(&[
        none,
        ("autoscaling:VPCZoneIdentifiers", "subnet-0bbbbbbbbbbbbbbbb")
    ]));
}

#[test]
fn people_and_a_webhook_are_subscribed_and_nothing_else() {
    let document = operator_policy(&operator_scope(), Purpose::Apply).unwrap();
    let subscribe = |protocol: &str| {
        let topic = ResourceRequest::new(TOPIC.parse().unwrap());
        let request = Request::new("sns:Subscribe").on(topic).with("sns:Protocol", protocol);
        evaluate(Policies::identity(&[&document]), &documented(request)).is_allowed()
    };
    assert!(subscribe("email") && subscribe("https"));
    for other in ["http", "sqs", "lambda", "sms", "firehose", ""] {
        assert!(!subscribe(other), "{other}");
    }
}
