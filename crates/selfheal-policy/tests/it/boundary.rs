//! The boundary of the instance's role: what fits into it, and what an operator cannot do without it.

use selfheal_policy::Limit;
use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::requests::{Caller, calls};
use selfheal_policy::{Document, InstanceScope, Purpose, boundary_policy, instance_policy, operator_policy};

use crate::common::world::{Owner, requests};
use crate::common::{ACCOUNT, BOUNDARY, REGION, instance_scope, operator_scope};

const OTHER: &str = "arn:aws:iam::123456789012:policy/other";

/// The same stack after its address was allocated anew and its volume restored, in another subnet.
fn moved() -> InstanceScope {
    InstanceScope {
        allocation_id: "eipalloc-0bbbbbbbbbbbbbbbb".to_owned(),
        volume_id: Some("vol-0bbbbbbbbbbbbbbbb".to_owned()),
        subnet_id: Some("subnet-0bbbbbbbbbbbbbbbb".to_owned()),
        vpc_id: Some("vpc-0bbbbbbbbbbbbbbbb".to_owned()),
        ..instance_scope()
    }
}

fn within(boundary: &Document, policy: &Document, request: &Request) -> bool {
    let identity = [policy];
    let policies = Policies {
        boundary: Some(boundary),
        ..Policies::identity(&identity)
    };
    evaluate(policies, request).is_allowed()
}

#[test]
fn the_instances_policy_fits_into_the_boundary_whatever_its_ids() {
    let policy = instance_policy(&instance_scope()).unwrap();
    for scope in [instance_scope(), moved()] {
        let boundary = boundary_policy(&scope, &[]).unwrap();
        for call in calls().filter(|call| call.is_made_by(Caller::Instance)) {
            let own = vec![Owner::Own; call.names.len()];
            let fits = requests(call, &own, REGION)
                .iter()
                .any(|request| within(&boundary, &policy, request));
            assert!(fits, "{} of {}", call.action, scope.allocation_id);
        }
    }
}

#[test]
fn the_boundary_lets_a_wide_policy_do_nothing_else() {
    let everything: Document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#
        .parse()
        .unwrap();
    let app: Document = r#"{"Version":"2012-10-17","Statement":
        {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::web-files/*"}}"#
        .parse()
        .unwrap();
    let get = |bucket: &str| {
        let arn = format!("arn:aws:s3:::{bucket}/a").parse().unwrap();
        Request::new("s3:GetObject").on(ResourceRequest::new(arn))
    };
    let role = format!("arn:aws:iam::{ACCOUNT}:role/admin").parse().unwrap();
    let escalate = Request::new("iam:PutRolePolicy").on(ResourceRequest::new(role));
    let plain = boundary_policy(&instance_scope(), &[]).unwrap();
    let with_app = boundary_policy(&instance_scope(), &[&app]).unwrap();
    for boundary in [&plain, &with_app] {
        assert!(!within(boundary, &everything, &escalate));
        assert!(!within(boundary, &everything, &Request::new("ec2:TerminateInstances")));
        assert!(boundary.size() <= Limit::Managed.characters());
    }
    assert!(!within(&plain, &everything, &get("web-files")));
    assert!(within(&with_app, &everything, &get("web-files")));
    assert!(!within(&with_app, &everything, &get("other-files")));
}

#[test]
fn where_a_boundary_is_named_no_role_is_made_or_widened_without_it() {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/selfheal/selfheal-web-{REGION}");
    let ask = |document: &Document, action: &str, boundary: Option<&str>| {
        let resource = ResourceRequest::new(role.parse().unwrap());
        let resource = match action {
            "iam:CreateRole" => resource.tagging("selfheal:stack", "web"),
            _ => resource,
        };
        let request = Request::new(action).on(resource);
        let request = match boundary {
            Some(boundary) => request.with("iam:PermissionsBoundary", boundary),
            None => request,
        };
        evaluate(Policies::identity(&[document]), &request).is_allowed()
    };
    let bounded = operator_policy(&operator_scope(), Purpose::Apply).unwrap();
    for action in ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"] {
        assert!(ask(&bounded, action, Some(BOUNDARY)), "{action}");
        assert!(!ask(&bounded, action, Some(OTHER)), "{action}");
        assert!(!ask(&bounded, action, None), "{action}");
    }
    let takes_off = "iam:DeleteRolePermissionsBoundary";
    assert!(!ask(&bounded, takes_off, Some(BOUNDARY)));
    let mut scope = operator_scope();
    scope.permissions_boundary = None;
    let free = operator_policy(&scope, Purpose::Apply).unwrap();
    assert!(ask(&free, "iam:PutRolePolicy", None) && !ask(&free, takes_off, Some(BOUNDARY)));
    scope.drops_boundary = true;
    let drops = operator_policy(&scope, Purpose::Apply).unwrap();
    assert!(ask(&drops, takes_off, Some(BOUNDARY)));
}

#[test]
fn a_boundary_of_another_account_makes_no_policy() {
    let mut scope = operator_scope();
    for (boundary, good) in [
        ("arn:aws:iam::aws:policy/PowerUserAccess", true),
        ("arn:aws:iam::999999999999:policy/boundary", false),
        ("arn:aws:iam::123456789012:policy/*", false),
        ("arn:aws:iam::123456789012:role/boundary", false),
    ] {
        scope.permissions_boundary = Some(boundary.to_owned());
        assert_eq!(operator_policy(&scope, Purpose::Apply).is_ok(), good, "{boundary}");
    }
}
