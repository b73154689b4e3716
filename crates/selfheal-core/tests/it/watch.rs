//! What somebody who waits for a stack is shown.

use crate::common::{carry_out, empty_world, serve, web};
use jiff::{SignedDuration, Timestamp};
use selfheal_core::names::{TAG_LAST_ERROR, TAG_LAST_LOG, TAG_PARKED};
use selfheal_core::plan::plan;
use selfheal_core::watch::{Failing, Phase, Verdict, Watch, is_to_serve};
use selfheal_core::world::{
    Activity, ActivityStatus, Attachment, AttachmentState, Group, GroupInstance, HealthStatus, InstanceId,
    LifecycleState, Observed,
};

const BEGAN: Timestamp = Timestamp::constant(1_767_225_600, 0);

fn at(seconds: i64) -> Timestamp {
    BEGAN + SignedDuration::from_secs(seconds)
}

fn applied() -> Observed {
    let spec = web();
    let mut world = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    world
}

fn group(world: &mut Observed) -> &mut Group {
    world.group.as_mut().expect("it is there")
}

fn member(id: &str, lifecycle: LifecycleState) -> GroupInstance {
    GroupInstance {
        id: id.into(),
        lifecycle,
        health: HealthStatus::Healthy,
        template_version: None,
        instance_type: None,
    }
}

fn attach(world: &mut Observed, id: &str) {
    for volume in &mut world.volumes {
        volume.attachment = Some(Attachment {
            instance_id: id.into(),
            state: AttachmentState::Attached,
        });
    }
}

fn phases(seen: &[selfheal_core::watch::Reached]) -> Vec<(Phase, u64)> {
    seen.iter().map(|reached| (reached.phase, reached.after_ms)).collect()
}

#[test]
fn a_first_launch_is_seen_phase_by_phase_and_each_once() {
    let spec = web();
    let mut world = applied();
    let mut watch = Watch::new(&empty_world(), BEGAN);
    assert!(watch.look(&spec, &world, at(0)).is_empty());
    assert_eq!(watch.verdict(&spec, &world), Verdict::Waiting(vec![Phase::Launched]));
    group(&mut world).instances = vec![member("i-00000000000000001", LifecycleState::PendingWait)];
    assert_eq!(phases(&watch.look(&spec, &world, at(5)))[0], (Phase::Launched, 5_000));
    attach(&mut world, "i-00000000000000001");
    assert_eq!(
        phases(&watch.look(&spec, &world, at(9))),
        [(Phase::VolumeAttached, 9_000)]
    );
    assert!(watch.look(&spec, &world, at(10)).is_empty(), "once");
    serve(&mut world);
    let seen = phases(&watch.look(&spec, &world, at(20)));
    assert!(seen.contains(&(Phase::AddressAssociated, 20_000)) && seen.contains(&(Phase::InService, 20_000)));
    assert_eq!(
        watch.verdict(&spec, &world),
        Verdict::Serving("i-00000000000000001".into())
    );
    assert!(watch.reached().iter().any(|reached| reached.phase == Phase::Named));
}

#[test]
fn nothing_is_served_by_an_instance_that_lacks_one_of_what_it_must_hold() {
    let spec = web();
    let mut whole = applied();
    attach(&mut whole, "i-00000000000000001");
    serve(&mut whole);
    let verdict = |change: &dyn Fn(&mut Observed)| {
        let mut world = whole.clone();
        change(&mut world);
        let mut watch = Watch::new(&whole, BEGAN);
        watch.look(&spec, &world, at(1));
        watch.verdict(&spec, &world)
    };
    assert!(matches!(verdict(&|_| {}), Verdict::Serving(_)));
    let elsewhere = InstanceId::from("i-00000000000000009");
    assert_eq!(
        verdict(&|world| world.addresses[0].instance_id = Some(elsewhere.clone())),
        Verdict::Waiting(vec![Phase::AddressAssociated, Phase::Named])
    );
    assert_eq!(
        verdict(&|world| attach(world, "i-00000000000000009")),
        Verdict::Waiting(vec![Phase::VolumeAttached])
    );
    assert_eq!(
        verdict(&|world| group(world).instances[0].health = HealthStatus::Unhealthy),
        Verdict::Waiting(vec![Phase::InService])
    );
    assert_eq!(
        verdict(&|world| world.records[0].values = vec!["192.0.2.99".to_owned()]),
        Verdict::Waiting(vec![Phase::Named])
    );
}

#[test]
fn a_replacement_is_over_when_another_instance_serves_and_not_before() {
    let spec = web();
    let mut world = applied();
    attach(&mut world, "i-00000000000000001");
    serve(&mut world);
    let mut watch = Watch::new(&world, BEGAN).replacing("i-00000000000000001".into());
    assert!(watch.look(&spec, &world, at(0)).is_empty());
    let Verdict::Waiting(missing) = watch.verdict(&spec, &world) else {
        panic!("the old one serves, and it is not the one that is waited for");
    };
    assert_eq!(missing, [Phase::Ending, Phase::Left, Phase::Launched]);
    group(&mut world).instances = vec![
        member("i-00000000000000001", LifecycleState::TerminatingWait),
        member("i-00000000000000002", LifecycleState::Pending),
    ];
    assert_eq!(
        phases(&watch.look(&spec, &world, at(3))),
        [(Phase::Ending, 3_000), (Phase::Launched, 3_000)]
    );
    group(&mut world).instances.remove(0);
    assert_eq!(phases(&watch.look(&spec, &world, at(40))), [(Phase::Left, 40_000)]);
    attach(&mut world, "i-00000000000000002");
    world.addresses[0].instance_id = Some("i-00000000000000002".into());
    group(&mut world).instances[0].lifecycle = LifecycleState::InService;
    watch.look(&spec, &world, at(60));
    assert_eq!(
        watch.verdict(&spec, &world),
        Verdict::Serving("i-00000000000000002".into())
    );
}

#[test]
fn a_failed_boot_is_told_with_the_end_of_its_log_and_an_old_one_is_not() {
    let spec = web();
    let mut world = applied();
    let note = |world: &mut Observed, error: &str| {
        let tags = &mut group(world).tags;
        tags.insert(TAG_LAST_ERROR.to_owned(), error.to_owned());
        tags.insert(
            TAG_LAST_LOG.to_owned(),
            "apt-get: no such package / setup ended with 100".to_owned(),
        );
    };
    note(&mut world, "2026-01-01T00:00:00Z i-0 setup ended with 100");
    let watch = Watch::new(&world, BEGAN);
    assert!(
        matches!(watch.verdict(&spec, &world), Verdict::Waiting(_)),
        "it was there before"
    );
    note(&mut world, "2026-01-01T00:05:00Z i-1 setup ended with 100");
    let Verdict::Failing(failing) = watch.verdict(&spec, &world) else {
        panic!("it failed");
    };
    assert!(failing.may_pass());
    insta::assert_snapshot!(failing.to_string(), @r"
    a boot failed: 2026-01-01T00:05:00Z i-1 setup ended with 100
      its log ends: apt-get: no such package
        setup ended with 100
    ");
    group(&mut world).tags.insert(
        TAG_PARKED.to_owned(),
        "2026-01-01T00:10:00Z after 3 failed boots".to_owned(),
    );
    let Verdict::Failing(failing) = watch.verdict(&spec, &world) else {
        panic!("it is parked");
    };
    assert!(!failing.may_pass() && matches!(failing, Failing::Parked { .. }));
    assert!(!is_to_serve(&world), "nobody is to wait for a stack that is parked");
}

#[test]
fn a_launch_that_failed_before_is_not_told_and_one_that_fails_since_is() {
    let spec = web();
    let mut world = applied();
    let failed = |id: &str, words: &str| Activity {
        id: id.to_owned(),
        description: "Launching a new EC2 instance".to_owned(),
        cause: String::new(),
        status: ActivityStatus::Failed,
        status_message: Some(words.to_owned()),
        started_at: BEGAN,
        ended_at: None,
    };
    world.activities = vec![failed("1", "no capacity")];
    let mut watch = Watch::new(&world, BEGAN);
    watch.look(&spec, &world, at(1));
    assert!(matches!(watch.verdict(&spec, &world), Verdict::Waiting(_)));
    world
        .activities
        .insert(0, failed("2", "no capacity of t4g.medium either"));
    watch.look(&spec, &world, at(2));
    let message = "no capacity of t4g.medium either".to_owned();
    assert_eq!(
        watch.verdict(&spec, &world),
        Verdict::Failing(Failing::LaunchFailed { message })
    );
    // A stack that was not there before has no earlier launch.
    let mut watch = Watch::new(&empty_world(), BEGAN);
    watch.look(&spec, &world, at(1));
    assert!(matches!(
        watch.verdict(&spec, &world),
        Verdict::Failing(Failing::LaunchFailed { .. })
    ));
}

#[test]
fn what_will_not_come_by_itself_ends_the_wait() {
    let spec = web();
    let failing = |change: &dyn Fn(&mut Observed)| {
        let mut world = applied();
        change(&mut world);
        assert!(!is_to_serve(&world));
        match Watch::new(&world, BEGAN).verdict(&spec, &world) {
            Verdict::Failing(failing) => failing,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(failing(&|world| world.group = None), Failing::NoGroup);
    assert_eq!(failing(&|world| group(world).deleting = true), Failing::NoGroup);
    assert_eq!(failing(&|world| group(world).desired = 0), Failing::Asleep);
    assert_eq!(
        failing(&|world| group(world).suspended = vec!["Launch".to_owned()]),
        Failing::Suspended
    );
}
