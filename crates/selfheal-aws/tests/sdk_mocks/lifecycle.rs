//! Data Lifecycle Manager.

use aws_sdk_dlm::Client;
use aws_smithy_mocks::mock;
use selfheal_aws::{CallErrorKind, Lifecycle};
use selfheal_core::names::Tags;
use selfheal_core::world::LifecycleSettings;

use crate::support::{answer, sdk};

const ROLE: &str = "arn:aws:iam::123456789012:role/selfheal/selfheal-web-eu-west-1-dlm";
const ID: &str = "policy-0123456789abcdef0";

fn settings() -> LifecycleSettings {
    LifecycleSettings {
        role_arn: ROLE.to_owned(),
        target: ("selfheal:snapshots".to_owned(), "web".to_owned()),
        every_h: 12,
        at: "03:30".to_owned(),
        keep_days: 14,
        snapshot_tags: Tags::from([("selfheal:stack".to_owned(), "web".to_owned())]),
    }
}

/// What the service answers of a policy, by its state and the body of its one schedule's rules.
fn body(state: &str, rules: &str) -> String {
    format!(
        r#"{{"Policy":{{"PolicyId":"{ID}","Description":"x","State":"{state}","StatusMessage":"{state}",
        "ExecutionRoleArn":"{ROLE}","DateCreated":"2026-11-28T03:00:00Z","Tags":{{"selfheal:role":"lifecycle-policy"}},
        "PolicyDetails":{{"PolicyType":"EBS_SNAPSHOT_MANAGEMENT","ResourceTypes":["VOLUME"],
        "TargetTags":[{{"Key":"selfheal:snapshots","Value":"web"}}],
        "Schedules":[{{"Name":"selfheal","TagsToAdd":[{{"Key":"selfheal:stack","Value":"web"}}],{rules}}}]}}}}}}"#
    )
}

#[tokio::test]
async fn a_policy_is_found_by_its_tag_and_read_whole() {
    let found = mock!(Client::get_lifecycle_policies)
        .match_requests(|request| request.target_tags() == ["selfheal:snapshots=web"])
        .then_http_response(|| {
            answer(
                200,
                &format!(r#"{{"Policies":[{{"PolicyId":"{ID}","State":"ENABLED"}}]}}"#),
            )
        });
    let ids = sdk(&[&found])
        .find_lifecycle_policies("selfheal:snapshots", "web")
        .await;
    assert_eq!(ids.unwrap(), [ID]);
    let read = mock!(Client::get_lifecycle_policy)
        .match_requests(|request| request.policy_id() == Some(ID))
        .then_http_response(|| {
            let rules = r#""CreateRule":{"Interval":12,"IntervalUnit":"HOURS","Times":["03:30"]},"RetainRule":{"Interval":14,"IntervalUnit":"DAYS"}"#;
            answer(200, &body("ENABLED", rules))
        });
    let policy = sdk(&[&read]).get_lifecycle_policy(ID).await.unwrap().unwrap();
    assert_eq!((policy.state.as_str(), &policy.message), ("ENABLED", &None));
    assert_eq!(policy.settings, settings());
    assert_eq!(policy.created_at.unwrap().to_string(), "2026-11-28T03:00:00Z");
    assert_eq!(policy.tags["selfheal:role"], "lifecycle-policy");
}

#[tokio::test]
async fn what_somebody_has_made_otherwise_differs_from_whatever_is_wanted() {
    let read = mock!(Client::get_lifecycle_policy).then_http_response(|| {
        let rules = r#""CreateRule":{"CronExpression":"cron(0 3 * * ? *)"},"RetainRule":{"Count":14}"#;
        answer(200, &body("ERROR", rules))
    });
    let policy = sdk(&[&read]).get_lifecycle_policy(ID).await.unwrap().unwrap();
    assert_eq!((policy.settings.every_h, policy.settings.keep_days), (0, 0));
    assert_eq!(policy.settings.at, "");
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_whole_are_told_apart() {
    let gone = mock!(Client::get_lifecycle_policy).then_http_response(|| {
        answer(
            404,
            r#"{"__type":"ResourceNotFoundException","Message":"no such policy","Code":"ResourceNotFoundException"}"#,
        )
    });
    assert_eq!(sdk(&[&gone]).get_lifecycle_policy(ID).await.unwrap(), None);
    let empty = mock!(Client::create_lifecycle_policy).then_http_response(|| answer(200, "{}"));
    let lost = sdk(&[&empty])
        .create_lifecycle_policy("x", &settings(), &Tags::new())
        .await;
    assert_eq!(lost.unwrap_err().kind(), CallErrorKind::Ambiguous);
}

#[tokio::test]
async fn settings_go_over_the_wire_and_come_enabled() {
    let tags = Tags::from([("selfheal:stack".to_owned(), "web".to_owned())]);
    let created = mock!(Client::create_lifecycle_policy)
        .match_requests(|request| {
            let details = request.policy_details().unwrap();
            let schedule = &details.schedules()[0];
            let (create, retain) = (schedule.create_rule().unwrap(), schedule.retain_rule().unwrap());
            let target = &details.target_tags()[0];
            request.execution_role_arn() == Some(ROLE)
                && request.state().is_some_and(|state| state.as_str() == "ENABLED")
                && request.tags().is_some_and(|tags| tags["selfheal:stack"] == "web")
                && details
                    .policy_type()
                    .is_some_and(|kind| kind.as_str() == "EBS_SNAPSHOT_MANAGEMENT")
                && details.resource_types()[0].as_str() == "VOLUME"
                && (target.key(), target.value()) == (Some("selfheal:snapshots"), Some("web"))
                && (create.interval(), create.times()) == (Some(12), &["03:30".to_owned()][..])
                && (retain.interval(), retain.count()) == (Some(14), None)
                && retain.interval_unit().is_some_and(|unit| unit.as_str() == "DAYS")
                && schedule.tags_to_add()[0].key() == Some("selfheal:stack")
        })
        .then_http_response(|| answer(200, &format!(r#"{{"PolicyId":"{ID}"}}"#)));
    let id = sdk(&[&created])
        .create_lifecycle_policy("selfheal web", &settings(), &tags)
        .await;
    assert_eq!(id.unwrap(), ID);
    let updated = mock!(Client::update_lifecycle_policy)
        .match_requests(|request| {
            request.policy_id() == Some(ID)
                && request.state().is_some_and(|state| state.as_str() == "ENABLED")
                && request.policy_details().is_some()
        })
        .then_http_response(|| answer(200, "{}"));
    sdk(&[&updated]).update_lifecycle_policy(ID, &settings()).await.unwrap();
    let deleted = mock!(Client::delete_lifecycle_policy)
        .match_requests(|request| request.policy_id() == Some(ID))
        .then_http_response(|| answer(200, "{}"));
    sdk(&[&deleted]).delete_lifecycle_policy(ID).await.unwrap();
}

#[tokio::test]
async fn a_role_that_iam_has_not_spread_yet_is_waited_for() {
    let early = mock!(Client::create_lifecycle_policy).then_http_response(|| {
        answer(
            400,
            r#"{"__type":"InvalidRequestException","Message":"The execution role cannot be assumed"}"#,
        )
    });
    let error = sdk(&[&early])
        .create_lifecycle_policy("x", &settings(), &Tags::new())
        .await;
    assert_eq!(error.unwrap_err().kind(), CallErrorKind::NotReady);
}
