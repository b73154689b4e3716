//! IAM.

use aws_sdk_iam::Client;
use aws_sdk_iam::operation::create_instance_profile::CreateInstanceProfileInput;
use aws_sdk_iam::operation::create_role::CreateRoleInput;
use aws_sdk_iam::types::Tag;
use aws_smithy_mocks::{Rule, mock};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use selfheal_aws::{CallErrorKind, Iam};
use selfheal_core::world::{IamRole, InstanceProfile};

use crate::support::{answer, query_error, sdk, tags};

const ROLE: &str = "<Role><Path>/selfheal/</Path><RoleName>r</RoleName><RoleId>AROAEXAMPLE</RoleId>\
    <Arn>arn:aws:iam::123456789012:role/selfheal/r</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>\
    <AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%7D</AssumeRolePolicyDocument>\
    <Tags><member><Key>selfheal:role</Key><Value>role</Value></member>\
    <member><Key>selfheal:stack</Key><Value>web</Value></member></Tags></Role>";

fn role() -> IamRole {
    IamRole {
        name: "r".to_owned(),
        arn: "arn:aws:iam::123456789012:role/selfheal/r".to_owned(),
        trust_policy: r#"{"Version":"2012-10-17"}"#.into(),
        permissions_boundary: None,
        tags: tags("role"),
    }
}

fn profile_xml(roles: &str) -> String {
    format!(
        "<InstanceProfile><Path>/selfheal/</Path><InstanceProfileName>p</InstanceProfileName>\
        <InstanceProfileId>AIPAEXAMPLE</InstanceProfileId><Arn>arn:aws:iam::123456789012:instance-profile/selfheal/p</Arn>\
        <CreateDate>2026-01-01T00:00:00Z</CreateDate><Roles>{roles}</Roles>\
        <Tags><member><Key>selfheal:role</Key><Value>profile</Value></member>\
        <member><Key>selfheal:stack</Key><Value>web</Value></member></Tags></InstanceProfile>"
    )
}

fn profile(role: Option<&str>) -> InstanceProfile {
    InstanceProfile {
        name: "p".to_owned(),
        arn: "arn:aws:iam::123456789012:instance-profile/selfheal/p".to_owned(),
        role: role.map(str::to_owned),
        tags: tags("profile"),
    }
}

fn result(operation: &str, content: &str) -> HttpResponse {
    answer(
        200,
        &format!("<{operation}Response><{operation}Result>{content}</{operation}Result></{operation}Response>"),
    )
}

fn no_such_entity() -> HttpResponse {
    query_error(404, "NoSuchEntity", "The role with name r cannot be found.")
}

fn request_tags(role: &str) -> Vec<Tag> {
    tags(role)
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build().expect("key and value"))
        .collect()
}

#[tokio::test]
async fn a_role_is_read_with_its_trust_policy_decoded() {
    let found = mock!(Client::get_role)
        .match_requests(|request| request.role_name() == Some("r"))
        .then_http_response(|| result("GetRole", ROLE));
    let missing = mock!(Client::get_role).then_http_response(no_such_entity);
    let sdk = sdk(&[&found, &missing]);
    assert_eq!(sdk.get_role("r").await.unwrap(), Some(role()));
    assert_eq!(sdk.get_role("r").await.unwrap(), None);
}

const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";

#[tokio::test]
async fn a_role_is_made_and_read_with_its_boundary() {
    let bounded = |tag: &'static str| {
        let boundary = format!(
            "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>\
             <PermissionsBoundaryArn>{BOUNDARY}</PermissionsBoundaryArn></PermissionsBoundary></Role>"
        );
        move || result(tag, &ROLE.replace("</Role>", &boundary))
    };
    let make = mock!(Client::create_role)
        .match_requests(|request| request.permissions_boundary() == Some(BOUNDARY))
        .then_http_response(|| result("CreateRole", ROLE));
    let read = mock!(Client::get_role).then_http_response(bounded("GetRole"));
    let sdk = sdk(&[&make, &read]);
    let want = IamRole {
        permissions_boundary: Some(BOUNDARY.to_owned()),
        ..role()
    };
    let made = sdk.create_role("r", "{}", &tags("role"), Some(BOUNDARY)).await;
    assert_eq!(made.unwrap(), want, "also where the answer does not repeat it");
    assert_eq!(sdk.get_role("r").await.unwrap(), Some(want));
}

#[tokio::test]
async fn a_policy_is_read_decoded() {
    let document = "<RoleName>r</RoleName><PolicyName>selfheal</PolicyName><PolicyDocument>%7B%22a%22%3A%22%2A%20%2B%22%7D</PolicyDocument>";
    let found = mock!(Client::get_role_policy)
        .match_requests(|request| request.role_name() == Some("r") && request.policy_name() == Some("selfheal"))
        .then_http_response(|| result("GetRolePolicy", document));
    let missing = mock!(Client::get_role_policy).then_http_response(no_such_entity);
    let sdk = sdk(&[&found, &missing]);
    assert_eq!(
        sdk.get_role_policy("r", "selfheal").await.unwrap().as_deref(),
        Some(r#"{"a":"* +"}"#)
    );
    assert_eq!(sdk.get_role_policy("r", "selfheal").await.unwrap(), None);
}

#[tokio::test]
async fn a_profile_is_read_with_the_role_in_it() {
    let found = mock!(Client::get_instance_profile)
        .match_requests(|request| request.instance_profile_name() == Some("p"))
        .then_http_response(|| result("GetInstanceProfile", &profile_xml(&ROLE.replace("Role>", "member>"))));
    let missing = mock!(Client::get_instance_profile).then_http_response(no_such_entity);
    let sdk = sdk(&[&found, &missing]);
    assert_eq!(sdk.get_instance_profile("p").await.unwrap(), Some(profile(Some("r"))));
    assert_eq!(sdk.get_instance_profile("p").await.unwrap(), None);
}

#[tokio::test]
async fn policy_listings_follow_every_page() {
    let page = |names: &str, more: &str| {
        let names = format!("<PolicyNames>{names}</PolicyNames>{more}");
        result("ListRolePolicies", &names)
    };
    let first = mock!(Client::list_role_policies)
        .match_requests(|request| request.role_name() == Some("r") && request.marker().is_none())
        .then_http_response(move || {
            page(
                "<member>a</member>",
                "<IsTruncated>true</IsTruncated><Marker>m</Marker>",
            )
        });
    let second = mock!(Client::list_role_policies)
        .match_requests(|request| request.marker() == Some("m"))
        .then_http_response(move || page("<member>b</member>", "<IsTruncated>false</IsTruncated>"));
    let missing = mock!(Client::list_role_policies).then_http_response(no_such_entity);
    let attached = mock!(Client::list_attached_role_policies).then_http_response(|| {
        let arn = "<PolicyArn>arn:aws:iam::aws:policy/AdministratorAccess</PolicyArn>";
        let policy = format!("<member><PolicyName>x</PolicyName>{arn}</member>");
        result(
            "ListAttachedRolePolicies",
            &format!("<AttachedPolicies>{policy}</AttachedPolicies><IsTruncated>false</IsTruncated>"),
        )
    });
    let none_attached = mock!(Client::list_attached_role_policies).then_http_response(no_such_entity);
    let sdk = sdk(&[&first, &second, &missing, &attached, &none_attached]);
    assert_eq!(sdk.list_role_policies("r").await.unwrap(), ["a", "b"]);
    assert!(sdk.list_role_policies("r").await.unwrap().is_empty());
    assert_eq!(
        sdk.list_attached_role_policies("r").await.unwrap(),
        ["arn:aws:iam::aws:policy/AdministratorAccess"]
    );
    assert!(sdk.list_attached_role_policies("r").await.unwrap().is_empty());
}

#[tokio::test]
async fn roles_and_profiles_are_made_below_the_path_with_tags() {
    let role_input = CreateRoleInput::builder()
        .path("/selfheal/")
        .role_name("r")
        .assume_role_policy_document("{}")
        .set_tags(Some(request_tags("role")))
        .build()
        .unwrap();
    let profile_input = CreateInstanceProfileInput::builder()
        .path("/selfheal/")
        .instance_profile_name("p")
        .set_tags(Some(request_tags("profile")))
        .build()
        .unwrap();
    let make_role = mock!(Client::create_role)
        .match_requests(move |request| *request == role_input)
        .then_http_response(|| result("CreateRole", ROLE));
    let make_profile = mock!(Client::create_instance_profile)
        .match_requests(move |request| *request == profile_input)
        .then_http_response(|| result("CreateInstanceProfile", &profile_xml("")));
    let sdk = sdk(&[&make_role, &make_profile]);
    assert_eq!(sdk.create_role("r", "{}", &tags("role"), None).await.unwrap(), role());
    assert_eq!(
        sdk.create_instance_profile("p", &tags("profile")).await.unwrap(),
        profile(None)
    );
}

#[tokio::test]
async fn the_rest_names_role_and_profile() {
    let done = |operation: &'static str| move || answer(200, &format!("<{operation}Response/>"));
    let rules: [Rule; 9] = [
        mock!(Client::put_role_permissions_boundary)
            .match_requests(|r| r.role_name() == Some("r") && r.permissions_boundary() == Some(BOUNDARY))
            .then_http_response(done("PutRolePermissionsBoundary")),
        mock!(Client::delete_role_permissions_boundary)
            .match_requests(|r| r.role_name() == Some("r"))
            .then_http_response(done("DeleteRolePermissionsBoundary")),
        mock!(Client::update_assume_role_policy)
            .match_requests(|r| r.role_name() == Some("r") && r.policy_document() == Some("{}"))
            .then_http_response(done("UpdateAssumeRolePolicy")),
        mock!(Client::put_role_policy)
            .match_requests(|r| {
                (r.role_name(), r.policy_name(), r.policy_document()) == (Some("r"), Some("s"), Some("{}"))
            })
            .then_http_response(done("PutRolePolicy")),
        mock!(Client::add_role_to_instance_profile)
            .match_requests(|r| r.instance_profile_name() == Some("p") && r.role_name() == Some("r"))
            .then_http_response(done("AddRoleToInstanceProfile")),
        mock!(Client::remove_role_from_instance_profile)
            .match_requests(|r| r.instance_profile_name() == Some("p") && r.role_name() == Some("r"))
            .then_http_response(done("RemoveRoleFromInstanceProfile")),
        mock!(Client::delete_instance_profile)
            .match_requests(|r| r.instance_profile_name() == Some("p"))
            .then_http_response(done("DeleteInstanceProfile")),
        mock!(Client::delete_role_policy)
            .match_requests(|r| r.role_name() == Some("r") && r.policy_name() == Some("s"))
            .then_http_response(done("DeleteRolePolicy")),
        mock!(Client::delete_role)
            .match_requests(|r| r.role_name() == Some("r"))
            .then_http_response(done("DeleteRole")),
    ];
    let sdk = sdk(&rules.each_ref());
    sdk.put_role_permissions_boundary("r", BOUNDARY).await.unwrap();
    sdk.delete_role_permissions_boundary("r").await.unwrap();
    sdk.update_trust_policy("r", "{}").await.unwrap();
    sdk.put_role_policy("r", "s", "{}").await.unwrap();
    sdk.add_role_to_profile("p", "r").await.unwrap();
    sdk.remove_role_from_profile("p", "r").await.unwrap();
    sdk.delete_instance_profile("p").await.unwrap();
    sdk.delete_role_policy("r", "s").await.unwrap();
    sdk.delete_role("r").await.unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));
}

#[tokio::test]
async fn iams_codes_have_kinds() {
    let cases = [
        (409, "EntityAlreadyExists", CallErrorKind::AlreadyExists),
        (409, "DeleteConflict", CallErrorKind::InUse),
        (409, "ConcurrentModification", CallErrorKind::Busy),
        (409, "LimitExceeded", CallErrorKind::LimitExceeded),
        (404, "NoSuchEntity", CallErrorKind::NotFound),
        (400, "MalformedPolicyDocument", CallErrorKind::Invalid),
        (400, "Throttling", CallErrorKind::Throttled),
        (500, "ServiceFailure", CallErrorKind::Ambiguous),
    ];
    for (status, code, kind) in cases {
        let rule = mock!(Client::delete_role).then_http_response(move || query_error(status, code, "why"));
        let error = sdk(&[&rule]).delete_role("r").await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)));
        assert_eq!(
            error.to_string(),
            format!("iam:DeleteRole on r: {code}: why (request req-9)")
        );
    }
}
