//! The stack's notifications on the simulated AWS: made whole however a run ends, removed with the stack, and delivered.

use std::collections::BTreeSet;
use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Sim, When};
use selfheal_aws::{AutoScaling, CallErrorKind, Goal, Sns};
use selfheal_core::names::Tags;
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::{AppSpec, HealthFrom, NotifySpec, NotifyTo, Repair, Spec};
use selfheal_core::world::InstanceId;
use selfheal_policy::Purpose;

use crate::support::{applied_as, calls, even, faulty, look, operate, probed, run, run_until_done, serving, web};

const NAME: &str = "selfheal-web";
const OPS: &str = "ops@example.com";
const HOOK: &str = "https://hooks.example.com/x";
const HOUR: Duration = Duration::from_secs(3600);
const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);

fn notify(to: NotifyTo) -> Spec {
    let notify = Some(NotifySpec {
        to,
        disk_percent: NotifySpec::DISK_PERCENT_DEFAULT,
        terminations: false,
    });
    Spec { notify, ..web() }
}

fn told() -> Spec {
    notify(NotifyTo::Own {
        emails: vec![OPS.to_owned()],
        webhook: Some(HOOK.to_owned()),
    })
}

fn own(sim: &Sim) -> String {
    arn(sim, NAME)
}

fn arn(sim: &Sim, name: &str) -> String {
    sim.inspect(|world| format!("arn:aws:sns:{}:{}:{name}", world.config.region, world.config.account))
}

/// Whom the topics tell, and to which the group tells anything.
fn whole(sim: &Sim) -> (Vec<(String, Vec<String>)>, Vec<String>) {
    sim.inspect(|world| {
        let topics = world.topics.iter().map(|(name, topic)| {
            let mut told: Vec<String> = topic.subscriptions.iter().map(|it| it.endpoint.clone()).collect();
            told.sort();
            (name.clone(), told)
        });
        let group = world.groups.get(NAME);
        let tells = group.into_iter().flat_map(|group| group.notifications.keys().cloned());
        (topics.collect(), tells.collect())
    })
}

fn all_there(sim: &Sim) -> (Vec<(String, Vec<String>)>, Vec<String>) {
    let told = vec![HOOK.to_owned(), OPS.to_owned()];
    (vec![(NAME.to_owned(), told)], vec![own(sim)])
}

fn grant(sim: &Sim, purpose: Purpose) {
    let topic = own(sim);
    operate(sim, purpose, |scope| {
        scope.topic = Some(topic);
        scope.own_topic = true;
        scope.notifications = true;
    });
}

/// The actions about notifications that the operator's policy was asked for since it was set.
fn used(sim: &Sim) -> BTreeSet<String> {
    sim.inspect(|world| {
        let granted = world.granted.iter().filter(|granted| granted.operator);
        let actions = granted.map(|granted| granted.action.clone());
        actions
            .filter(|action| action.starts_with("sns:") || action.contains("Notification"))
            .collect()
    })
}

fn set(actions: &[&str]) -> BTreeSet<String> {
    actions.iter().map(|action| (*action).to_owned()).collect()
}

const READ: [&str; 3] = [
    "autoscaling:DescribeNotificationConfigurations",
    "sns:ListSubscriptionsByTopic",
    "sns:ListTagsForResource",
];

/// Subjects of what was delivered to an endpoint.
fn delivered(sim: &Sim, endpoint: &str) -> Vec<String> {
    sim.inspect(|world| {
        let messages = world.topics.values().flat_map(|topic| &topic.messages);
        let got = messages.filter(|message| message.delivered.iter().any(|to| to == endpoint));
        got.map(|message| message.subject.clone()).collect()
    })
}

#[test]
fn they_live_within_the_generated_policies_and_use_all_that_these_grant_about_them() {
    let sim = Sim::new(even(1));
    grant(&sim, Purpose::Apply);
    run_until_done(&sim, &told(), Goal::Apply, 1);
    assert_eq!(whole(&sim), all_there(&sim));
    sim.tamper(|world| assert!(world.confirm_subscription(HOOK)));
    let mail_alone = notify(NotifyTo::Own {
        emails: vec![OPS.to_owned()],
        webhook: None,
    });
    run_until_done(&sim, &mail_alone, Goal::Apply, 1);
    assert_eq!(whole(&sim).0[0].1, [OPS]);
    look(&sim, &mail_alone, Goal::Apply);
    let mut written = set(&READ);
    written.extend(set(&[
        "sns:CreateTopic",
        "sns:TagResource",
        "sns:Subscribe",
        "sns:Unsubscribe",
        "autoscaling:PutNotificationConfiguration",
    ]));
    assert_eq!(used(&sim), written);
    // What leaves the spec is removed.
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(whole(&sim), (Vec::new(), Vec::new()));
    written.extend(set(&["sns:DeleteTopic", "autoscaling:DeleteNotificationConfiguration"]));
    assert_eq!(used(&sim), written);
    run_until_done(&sim, &told(), Goal::Apply, 1);
    for purpose in [Purpose::Plan, Purpose::Status, Purpose::Resume] {
        grant(&sim, purpose);
        assert!(look(&sim, &told(), Goal::Apply).is_empty());
        assert_eq!(used(&sim), set(&READ), "{purpose:?}");
    }
    grant(&sim, Purpose::Notify);
    let topic = own(&sim);
    let published = sim.block_on(sim.publish(&topic, "a test", "text")).expect("it ends");
    published.expect("it is allowed");
    let listed = sim.block_on(sim.list_subscriptions(&topic)).expect("it ends");
    assert_eq!(listed.expect_err("it is not needed").kind(), CallErrorKind::Denied);
    assert_eq!(used(&sim), set(&["sns:Publish"]));
    grant(&sim, Purpose::Destroy);
    run_until_done(&sim, &told(), KEEP, 1);
    assert_eq!(whole(&sim), (Vec::new(), Vec::new()));
    let mut removed = set(&READ);
    removed.extend(set(&["sns:DeleteTopic", "autoscaling:DeleteNotificationConfiguration"]));
    assert_eq!(used(&sim), removed);
}

#[test]
fn a_stack_that_tells_nobody_neither_asks_nor_may_ask() {
    let sim = Sim::new(even(2));
    operate(&sim, Purpose::Apply, |_| ());
    run_until_done(&sim, &web(), Goal::Apply, 1);
    let before = calls(&sim);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    assert_eq!(calls(&sim) - before, 14);
    assert_eq!(used(&sim), BTreeSet::new());
    let with = applied_as(even(2), &told());
    let before = calls(&with);
    assert!(look(&with, &told(), Goal::Apply).is_empty());
    assert_eq!(
        calls(&with) - before,
        18,
        "whose topic it is, whom it tells, what the group tells it, and who asks"
    );
}

#[test]
fn whatever_call_fails_or_is_the_last_the_next_run_makes_it_whole() {
    for name in [
        "sns:CreateTopic",
        "sns:Subscribe",
        "autoscaling:PutNotificationConfiguration",
    ] {
        for fault in [Fault::AnswerLost, Fault::AccessDenied, Fault::Throttle] {
            let plan = FaultPlan::none().with(When::Nth(name.to_owned(), 1), fault.clone());
            let sim = faulty(even(3), plan);
            let _ = sim.block_on(run(&sim, &told(), Goal::Apply));
            sim.set_faults(FaultPlan::none());
            run_until_done(&sim, &told(), Goal::Apply, 2);
            assert_eq!(whole(&sim), all_there(&sim), "{name}: {fault:?}\n{}", sim.trace_text());
        }
    }
    let count = calls(&applied_as(even(4), &told()));
    for k in 1..=count {
        for plan in [FaultPlan::none().crash_before(k), FaultPlan::none().crash_after(k)] {
            let sim = faulty(even(4), plan);
            let _ = sim.block_on(run(&sim, &told(), Goal::Apply));
            run_until_done(&sim, &told(), Goal::Apply, 3);
            assert_eq!(
                whole(&sim),
                all_there(&sim),
                "cut off at call {k}\n{}",
                sim.trace_text()
            );
        }
    }
}

#[test]
fn a_run_that_was_cut_off_leaves_no_topic_to_a_stack_that_tells_nobody_any_more() {
    let count = calls(&applied_as(even(5), &told()));
    for k in 1..=count {
        let sim = faulty(even(5), FaultPlan::none().crash_after(k));
        let _ = sim.block_on(run(&sim, &told(), Goal::Apply));
        run_until_done(&sim, &web(), Goal::Apply, 3);
        assert_eq!(
            whole(&sim),
            (Vec::new(), Vec::new()),
            "cut off at call {k}\n{}",
            sim.trace_text()
        );
    }
    let removed = |k: u64| {
        let sim = applied_as(even(5), &told());
        sim.set_faults(FaultPlan::none().crash_after(k));
        let _ = sim.block_on(run(&sim, &web(), Goal::Apply));
        sim
    };
    for k in 1..=30 {
        let sim = removed(k);
        run_until_done(&sim, &web(), Goal::Apply, 3);
        assert_eq!(
            whole(&sim),
            (Vec::new(), Vec::new()),
            "cut off at call {k}\n{}",
            sim.trace_text()
        );
        let sim = removed(k);
        run_until_done(&sim, &web(), KEEP, 3);
        assert_eq!(
            whole(&sim),
            (Vec::new(), Vec::new()),
            "destroyed after call {k}\n{}",
            sim.trace_text()
        );
    }
}

#[test]
fn a_topic_of_that_name_that_is_somebody_elses_is_left_alone() {
    let sim = Sim::new(even(6));
    let made = sim.block_on(sim.create_topic(NAME, &Tags::new())).expect("it ends");
    made.expect("the name is free");
    let plan = look(&sim, &told(), Goal::Apply);
    assert!(plan.is_refused(), "{plan}");
    run_until_done(&sim, &web(), Goal::Apply, 1);
    run_until_done(&sim, &told(), KEEP, 1);
    assert_eq!(whole(&sim).0, [(NAME.to_owned(), Vec::new())]);
}

#[test]
fn a_given_topic_is_told_and_outlives_the_stack() {
    let sim = Sim::new(even(7));
    let made = sim.block_on(sim.create_topic("alarms", &Tags::new())).expect("it ends");
    made.expect("the name is free");
    let given = notify(NotifyTo::Given(arn(&sim, "alarms")));
    let topic = arn(&sim, "alarms");
    operate(&sim, Purpose::Apply, |scope| {
        scope.topic = Some(topic.clone());
        scope.notifications = true;
    });
    run_until_done(&sim, &given, Goal::Apply, 1);
    assert_eq!(whole(&sim).1, [topic]);
    assert!(
        used(&sim).iter().all(|action| !action.starts_with("sns:")),
        "{:?}",
        used(&sim)
    );
    operate(&sim, Purpose::Destroy, |scope| scope.notifications = true);
    run_until_done(&sim, &given, KEEP, 1);
    assert_eq!(whole(&sim), (vec![("alarms".to_owned(), Vec::new())], Vec::new()));
}

#[test]
fn a_subscription_that_nobody_confirms_is_forgotten_and_asked_for_again() {
    let sim = applied_as(even(8), &told());
    sim.tamper(|world| assert!(world.confirm_subscription(HOOK)));
    assert!(look(&sim, &told(), Goal::Apply).is_empty());
    sim.advance(HOUR * 49);
    let plan = look(&sim, &told(), Goal::Apply);
    assert_eq!(plan.steps.len(), 1, "{plan}");
    run_until_done(&sim, &told(), Goal::Apply, 1);
    sim.tamper(|world| assert!(world.confirm_subscription(OPS)));
    sim.advance(HOUR * 49);
    assert!(look(&sim, &told(), Goal::Apply).is_empty());
}

#[test]
fn whoever_has_confirmed_hears_of_a_replacement_and_nobody_else() {
    let sim = applied_as(even(9), &told());
    sim.tamper(|world| assert!(world.confirm_subscription(OPS)));
    sim.advance(HOUR);
    let before = delivered(&sim, OPS).len();
    let (first, ..) = serving(&sim).expect("it serves");
    assert!(sim.kill_instance(&first));
    sim.advance(HOUR);
    let heard = delivered(&sim, OPS);
    let launches = heard[before..]
        .iter()
        .filter(|it| *it == "Auto Scaling: autoscaling:EC2_INSTANCE_LAUNCH");
    assert_eq!(launches.count(), 1, "{heard:?}");
    assert!(!heard.iter().any(|it| it.ends_with("EC2_INSTANCE_TERMINATE")));
    assert_eq!(delivered(&sim, HOOK), [""; 0]);
}

/// Subjects of the instances' own messages that were delivered.
fn said(sim: &Sim) -> Vec<String> {
    let own = delivered(sim, OPS)
        .into_iter()
        .filter(|subject| subject.starts_with("web: "));
    own.collect()
}

fn confirmed(seed: u64, spec: &Spec) -> Sim {
    let sim = applied_as(even(seed), spec);
    sim.tamper(|world| assert!(world.confirm_subscription(OPS)));
    sim.advance(HOUR);
    sim
}

#[test]
fn an_instance_tells_that_it_healed_and_neither_of_its_first_start_nor_of_a_wake() {
    let sim = confirmed(10, &told());
    assert_eq!(said(&sim), [""; 0], "a first start is none");
    let (first, ..) = serving(&sim).expect("it serves");
    assert!(sim.kill_instance(&first));
    sim.advance(HOUR);
    let (second, ..) = serving(&sim).expect("it serves again");
    let heard = said(&sim);
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(
        heard[0].starts_with(&format!("web: healed: {second} is in service ")),
        "{heard:?}"
    );
    // A reboot heals nobody.
    assert!(sim.reboot_instance(&second));
    sim.advance(HOUR);
    assert_eq!(said(&sim).len(), 1);
    // Nor does a wake.
    let (group, to) = (NAME.to_owned(), |desired| (NAME.to_owned(), desired));
    let (name, none) = to(0);
    let slept = async {
        sim.set_min_size(&group, 0).await?;
        sim.set_desired_capacity(&name, none).await
    };
    sim.block_on(slept).expect("it ends").expect("it is allowed");
    sim.advance(HOUR);
    let woken = sim.block_on(sim.set_desired_capacity(&group, 1)).expect("it ends");
    woken.expect("it is allowed");
    sim.advance(HOUR);
    assert!(serving(&sim).is_some());
    assert_eq!(said(&sim).len(), 1, "{:?}", said(&sim));
}

#[test]
fn a_boot_that_fails_is_told_with_its_reason_and_so_is_a_stack_that_parks_itself() {
    let sim = confirmed(11, &told());
    let (first, ..) = serving(&sim).expect("it serves");
    sim.fail_boots(NAME, true);
    assert!(sim.kill_instance(&first));
    sim.advance(HOUR * 3);
    let heard = said(&sim);
    let limit = usize::try_from(web().app.breaker_limit).expect("it is small");
    assert_eq!(heard.len(), limit, "{heard:?}");
    assert!(
        heard[..limit - 1].iter().all(|it| it.starts_with("web: failed: ")),
        "{heard:?}"
    );
    assert!(heard[limit - 1].starts_with("web: parked: "), "{heard:?}");
}

/// What was told since, after somebody or something did this to the stack, with one fault at the first of these calls.
fn heard_in_spite_of(action: &str, fault: &Fault, harm: impl FnOnce(&Sim)) -> Vec<String> {
    let repaired = Spec {
        app: AppSpec {
            repair: Some(Repair::Restart),
            ..probed(HealthFrom::Instance).app
        },
        ..told()
    };
    let sim = confirmed(13, &repaired);
    sim.set_faults(FaultPlan::none().with_times(When::Every(action.to_owned()), fault.clone(), 1));
    harm(&sim);
    sim.advance(HOUR);
    assert!(serving(&sim).is_some(), "{action}: {fault:?}\n{}", sim.trace_text());
    assert!(
        sim.violations().is_empty(),
        "{:?}\n{}",
        sim.violations(),
        sim.trace_text()
    );
    said(&sim)
}

/// The instance that serves.
fn present(sim: &Sim) -> InstanceId {
    serving(sim).expect("it serves").0
}

#[test]
fn whatever_call_fails_once_what_happened_is_told_all_the_same() {
    type Harm = (&'static str, fn(&Sim));
    let harms: [Harm; 3] = [
        ("web: healed: ", |sim| assert!(sim.kill_instance(&present(sim)))),
        ("web: repaired in place", |sim| assert!(sim.hang_app(&present(sim)))),
        ("web: failed: ", |sim| assert!(sim.fail_app(&present(sim)))),
    ];
    for (subject, harm) in harms {
        for action in [
            "sns:Publish",
            "autoscaling:DescribeScalingActivities",
            "autoscaling:DescribeTags",
            "autoscaling:CreateOrUpdateTags",
            "autoscaling:CompleteLifecycleAction",
            "ec2:AttachVolume",
            "ec2:AssociateAddress",
        ] {
            for fault in [
                Fault::Throttle,
                Fault::ErrorBeforeEffect,
                Fault::AnswerLost,
                Fault::AccessDenied,
            ] {
                let heard = heard_in_spite_of(action, &fault, harm);
                let times = heard.iter().filter(|it| it.starts_with(subject)).count();
                assert!((1..=2).contains(&times), "{action}: {fault:?}: {heard:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_told_keeps_no_stack_from_healing() {
    for fault in [Fault::AccessDenied, Fault::Throttle, Fault::AnswerLost] {
        let sim = confirmed(12, &told());
        let (first, ..) = serving(&sim).expect("it serves");
        sim.set_faults(FaultPlan::none().with(When::Every("sns:Publish".to_owned()), fault));
        assert!(sim.kill_instance(&first));
        sim.advance(HOUR);
        let (second, ..) = serving(&sim).expect("it serves again");
        assert_ne!(first, second);
    }
}
