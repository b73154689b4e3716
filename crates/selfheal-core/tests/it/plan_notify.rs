//! What an apply and a destroy plan for the stack's notifications.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::Action;
use selfheal_core::names::{TAG_ROLE, Tags};
use selfheal_core::permissions::told_topic;
use selfheal_core::plan::{DestroyOptions, Plan, StepKind, plan, plan_destroy};
use selfheal_core::spec::{HealthFrom, NotifySpec, NotifyTo, Spec, SpecErrors, SpecFile};
use selfheal_core::status::{FindingCode, Severity, status};
use selfheal_core::world::{NotificationCall, NotificationConfiguration, Observed, Subscription, Topic, TopicCall};

const OWN: &str = "arn:aws:sns:eu-west-1:123456789012:selfheal-web";
const GIVEN: &str = "arn:aws:sns:eu-west-1:123456789012:alarms";

fn notify(to: NotifyTo) -> Spec {
    let notify = Some(NotifySpec {
        to,
        disk_percent: 90,
        terminations: false,
    });
    Spec {
        notify,
        ..probed(HealthFrom::Instance)
    }
}

fn told(emails: &[&str]) -> Spec {
    let emails = emails.iter().map(|email| (*email).to_owned()).collect();
    notify(NotifyTo::Own { emails, webhook: None })
}

fn given() -> Spec {
    notify(NotifyTo::Given(GIVEN.to_owned()))
}

fn apply(spec: &Spec, world: &mut Observed) -> Vec<Action> {
    carry_out(|world| plan(spec, world), world)
}

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    apply(spec, &mut world);
    world
}

/// Everybody who was asked confirms.
fn confirmed(mut world: Observed) -> Observed {
    let topic = world.topic.as_mut().expect("there is a topic");
    for subscription in &mut topic.subscriptions {
        subscription.arn = Some(format!("{OWN}:{}", subscription.endpoint));
    }
    world
}

/// The calls about notifications, in the order in which they are made.
fn calls(actions: &[Action]) -> Vec<String> {
    let call = |action: &Action| match action {
        Action::Topic(TopicCall::CreateTopic { name, .. }) => Some(format!("create {name}")),
        Action::Topic(TopicCall::Subscribe { endpoint, .. }) => Some(format!("subscribe {endpoint}")),
        Action::Topic(TopicCall::Unsubscribe { subscription }) => Some(format!("unsubscribe {subscription}")),
        Action::Topic(TopicCall::DeleteTopic { arn }) => Some(format!("delete {arn}")),
        Action::Notification(NotificationCall::PutNotificationConfiguration { topic, .. }) => {
            Some(format!("tell {topic}"))
        }
        Action::Notification(NotificationCall::DeleteNotificationConfiguration { topic, .. }) => {
            Some(format!("tell no more {topic}"))
        }
        _ => None,
    };
    actions.iter().filter_map(call).collect()
}

fn notes(plan: &Plan) -> Vec<&str> {
    plan.notes.iter().map(|note| note.code.as_str()).collect()
}

fn at(actions: &[Action], wanted: impl Fn(&Action) -> bool) -> usize {
    actions.iter().position(wanted).expect("it is planned")
}

#[test]
fn the_topic_is_made_once_the_role_tells_of_it_and_the_group_is_told_to_use_it() {
    let spec = told(&["ops@example.com", "me@example.com"]);
    let mut world = empty_world();
    let actions = apply(&spec, &mut world);
    let wanted = [
        "create selfheal-web",
        "subscribe ops@example.com",
        "subscribe me@example.com",
    ];
    let made = calls(&actions);
    assert!(
        wanted.iter().all(|call| made.iter().any(|made| made == call)),
        "{made:?}"
    );
    assert_eq!(made.len(), 4);
    let topic = at(&actions, |action| {
        matches!(action, Action::Topic(TopicCall::CreateTopic { .. }))
    });
    let policy = at(&actions, |action| format!("{action:?}").contains("sns:Publish"));
    let group = at(&actions, |action| matches!(action, Action::Group(_)));
    let tells = at(&actions, |action| matches!(action, Action::Notification(_)));
    assert!(policy < topic && topic < tells && group < tells);
    let Action::Topic(TopicCall::CreateTopic { tags, .. }) = &actions[topic] else {
        unreachable!()
    };
    assert_eq!(tags[TAG_ROLE], "topic");
    assert_eq!(world.role_policy.as_ref().and_then(told_topic).as_deref(), Some(OWN));
    let types = ["LAUNCH", "LAUNCH_ERROR", "TERMINATE_ERROR"].map(|kind| format!("autoscaling:EC2_INSTANCE_{kind}"));
    assert_eq!(world.notifications[0].types, types);
    // Nobody has confirmed yet, which is told and is nothing that an apply could do.
    let again = plan(&spec, &world);
    assert!(again.is_empty() && notes(&again).contains(&"subscription-pending"));
    let again = plan(&spec, &confirmed(world));
    assert!(again.is_empty() && !notes(&again).contains(&"subscription-pending"));
    // A stack that asks for none plans nothing of it.
    assert_eq!(calls(&apply(&web(), &mut empty_world())), [""; 0]);
}

#[test]
fn a_run_that_ended_between_any_two_calls_is_finished() {
    let spec = told(&["ops@example.com"]);
    let whole = applied(&spec);
    for cut in 0..4 {
        let mut world = whole.clone();
        if cut < 1 {
            world.topic = None;
        }
        if cut < 2
            && let Some(topic) = &mut world.topic
        {
            topic.subscriptions.clear();
        }
        if cut < 3 {
            world.notifications.clear();
        }
        let missing = calls(&apply(&spec, &mut world));
        assert_eq!(missing.len(), 3 - cut, "{missing:?}");
        assert!(plan(&spec, &world).is_empty());
    }
}

#[test]
fn whom_the_spec_ceases_to_name_is_unsubscribed_where_that_can_be_done() {
    let world = applied(&told(&["ops@example.com", "old@example.com"]));
    let pending = plan(&told(&["OPS@example.com"]), &world);
    assert!(pending.is_empty() && notes(&pending).contains(&"subscription-lapses"));
    let mut world = confirmed(world);
    let removed = apply(&told(&["ops@example.com"]), &mut world);
    assert_eq!(calls(&removed), [format!("unsubscribe {OWN}:old@example.com")]);
    // Whom somebody else subscribed by what no spec names is left alone.
    world
        .topic
        .as_mut()
        .expect("it is there")
        .subscriptions
        .push(Subscription {
            protocol: "sqs".to_owned(),
            endpoint: "arn:aws:sqs:eu-west-1:123456789012:alarms".to_owned(),
            arn: Some(format!("{OWN}:queue")),
        });
    let plan = plan(&told(&["ops@example.com"]), &world);
    assert!(plan.is_empty() && notes(&plan).contains(&"subscription-foreign"));
}

#[test]
fn what_the_group_tells_is_put_right_and_others_topics_are_left_alone() {
    let spec = told(&["ops@example.com"]);
    let mut world = applied(&spec);
    world.notifications[0].types.pop();
    world.notifications.push(NotificationConfiguration {
        topic: GIVEN.to_owned(),
        types: Vec::new(),
    });
    assert_eq!(calls(&apply(&spec, &mut world)), [format!("tell {OWN}")]);
    let mut ends = spec.clone();
    ends.notify.as_mut().expect("it has some").terminations = true;
    apply(&ends, &mut world);
    let told = world
        .notifications
        .iter()
        .find(|told| told.topic == OWN)
        .expect("it is told");
    assert_eq!(told.types.len(), 4);
    assert_eq!(world.notifications.len(), 2);
}

#[test]
fn a_stack_that_ceases_to_tell_removes_what_it_made_before_the_role_forgets_it() {
    let mut world = confirmed(applied(&told(&["ops@example.com"])));
    let actions = apply(&web(), &mut world);
    assert_eq!(
        calls(&actions),
        [format!("tell no more {OWN}"), format!("delete {OWN}")]
    );
    let deleted = at(&actions, |action| {
        matches!(action, Action::Topic(TopicCall::DeleteTopic { .. }))
    });
    assert!(deleted < at(&actions, |action| matches!(action, Action::Role(_))));
    assert!(plan(&web(), &world).is_empty());
    assert_eq!(world.role_policy.as_ref().and_then(told_topic), None);
}

#[test]
fn a_given_topic_is_used_and_nothing_of_it_is_made_or_removed() {
    let mut world = empty_world();
    assert_eq!(calls(&apply(&given(), &mut world)), [format!("tell {GIVEN}")]);
    assert_eq!(world.role_policy.as_ref().and_then(told_topic).as_deref(), Some(GIVEN));
    assert!(plan(&given(), &world).is_empty());
    // From there to a topic of the stack's own, and back.
    let own = told(&["ops@example.com"]);
    let mut moved = calls(&apply(&own, &mut world));
    moved.sort();
    let wanted = [
        "create selfheal-web",
        "subscribe ops@example.com",
        &format!("tell {OWN}"),
        &format!("tell no more {GIVEN}"),
    ];
    assert_eq!(moved, wanted);
    let back = calls(&apply(&given(), &mut world));
    let wanted = [
        format!("tell no more {OWN}"),
        format!("delete {OWN}"),
        format!("tell {GIVEN}"),
    ];
    assert_eq!(back, wanted);
    assert_eq!(calls(&apply(&web(), &mut world)), [format!("tell no more {GIVEN}")]);
}

#[test]
fn a_topic_elsewhere_or_of_somebody_else_is_refused() {
    for arn in [
        "arn:aws:sns:us-east-1:123456789012:alarms",
        "arn:aws:sns:eu-west-1:999999999999:alarms",
        OWN,
    ] {
        let plan = plan(&notify(NotifyTo::Given(arn.to_owned())), &empty_world());
        assert_eq!(plan.refusals[0].code, "notify-topic", "{arn}");
    }
    let mut world = empty_world();
    world.topic = Some(Topic {
        arn: OWN.to_owned(),
        tags: Tags::new(),
        subscriptions: Vec::new(),
    });
    let refused = plan(&told(&["ops@example.com"]), &world);
    assert_eq!(refused.refusals[0].code, "foreign-resource");
    // One that has our name alone is nothing to a stack that asks for none, and survives a destroy.
    let mut world = applied(&web());
    world.topic = Some(Topic {
        arn: OWN.to_owned(),
        tags: Tags::new(),
        subscriptions: Vec::new(),
    });
    assert!(plan(&web(), &world).is_empty());
    assert_eq!(
        plan_destroy(&web(), &world, &DestroyOptions::ALL).step(StepKind::DeleteTopic),
        None
    );
}

#[test]
fn a_destroy_takes_the_topic_along_and_no_given_one() {
    let spec = told(&["ops@example.com"]);
    for asked in [&spec, &web()] {
        let mut world = confirmed(applied(&spec));
        let actions = carry_out(|world| plan_destroy(asked, world, &DestroyOptions::KEEP), &mut world);
        assert_eq!(
            calls(&actions),
            [format!("tell no more {OWN}"), format!("delete {OWN}")]
        );
        let deleted = at(&actions, |action| matches!(action, Action::Topic(_)));
        let policy = at(&actions, |action| format!("{action:?}").contains("DeleteRolePolicy"));
        assert!(deleted < policy, "the policy tells of the topic until it is gone");
    }
    let mut world = applied(&given());
    let actions = carry_out(|world| plan_destroy(&given(), world, &DestroyOptions::ALL), &mut world);
    assert_eq!(calls(&actions), [format!("tell no more {GIVEN}")]);
}

#[test]
fn a_status_tells_who_hears_of_it() {
    let spec = told(&["ops@example.com"]);
    let report = |world: &Observed| status(&spec, world, &plan(&spec, world));
    let codes = |world: &Observed| report(world).findings.iter().map(|it| it.code).collect::<Vec<_>>();
    let pending = applied(&spec);
    assert!(codes(&pending).contains(&FindingCode::SubscriptionPending));
    let text = report(&pending).to_string();
    assert!(
        text.contains("notify    topic selfheal-web: ops@example.com (not confirmed)"),
        "{text}"
    );
    let whole = confirmed(pending.clone());
    assert!(
        !codes(&whole).contains(&FindingCode::SubscriptionPending),
        "{:?}",
        codes(&whole)
    );
    assert!(!codes(&whole).contains(&FindingCode::NotificationsMissing));
    let mut silent = whole.clone();
    silent.notifications.clear();
    assert!(codes(&silent).contains(&FindingCode::NotificationsMissing));
    let mut gone = whole.clone();
    gone.topic = None;
    assert!(codes(&gone).contains(&FindingCode::NotificationsMissing));
    let mut left = whole;
    left.topic.as_mut().expect("it is there").subscriptions.clear();
    assert!(codes(&left).contains(&FindingCode::SubscriptionPending));
    // Who is not told makes no stack ill.
    assert_eq!(FindingCode::SubscriptionPending.severity(), Severity::Unheard);
    assert!(report(&left).problems.iter().all(|problem| !problem.contains("told")));
}

/// What is wrong with a section, by key; empty where nothing is.
fn wrong(section: &str) -> Vec<String> {
    let text = format!("{}\n[notify]\n{section}\n", web().to_toml());
    let errors = SpecFile::parse(&text).err();
    let problems = errors.iter().flat_map(SpecErrors::problems);
    problems.map(|problem| problem.key.clone()).collect()
}

#[test]
fn a_section_says_whom_to_tell_and_nothing_that_cannot_be() {
    for sound in [
        "email = \"ops@example.com\"",
        "email = [\"ops@example.com\", \"me@example.com\"]",
        "webhook = \"https://hooks.example.com/x?y=z\"",
        "topic = \"arn:aws:sns:eu-west-1:123456789012:alarms\"\nterminations = true\ndisk = 80",
    ] {
        assert_eq!(wrong(sound), [""; 0], "{sound}");
    }
    for (section, key) in [
        ("", "notify"),
        ("disk = 90", "notify"),
        ("email = []", "notify.email"),
        ("email = \"ops\"", "notify.email"),
        ("email = \"a b@example.com\"", "notify.email"),
        ("email = [\"ops@example.com\", \"OPS@example.com\"]", "notify.email[1]"),
        ("webhook = \"http://hooks.example.com\"", "notify.webhook"),
        ("webhook = \"https://user:word@hooks.example.com\"", "notify.webhook"),
        (
            "topic = \"arn:aws:sns:eu-west-1:123456789012:alarms.fifo\"",
            "notify.topic",
        ),
        ("topic = \"alarms\"", "notify.topic"),
        (
            "topic = \"arn:aws:sns:eu-west-1:123456789012:alarms\"\nemail = \"ops@example.com\"",
            "notify.topic",
        ),
        ("email = \"ops@example.com\"\ndisk = 49", "notify.disk"),
    ] {
        assert_eq!(wrong(section), [key], "{section}");
    }
}
