//! What somebody who looks on is shown: what a stack has lost as well as what it has come to.

use crate::common::{carry_out, empty_world, serve, web};
use jiff::{SignedDuration, Timestamp};
use selfheal_core::names::{TAG_LAST_ERROR, TAG_LAST_LOG};
use selfheal_core::plan::plan;
use selfheal_core::watch::{Change, Failing, Follow, Glance, Phase, Standing};
use selfheal_core::world::{
    Activity, ActivityStatus, Attachment, AttachmentState, GroupInstance, HealthStatus, LifecycleState, Observed,
};

const BEGAN: Timestamp = Timestamp::constant(1_767_225_600, 0);
const OLD: &str = "i-00000000000000001";
const NEW: &str = "i-00000000000000002";

fn at(seconds: i64) -> Timestamp {
    BEGAN + SignedDuration::from_secs(seconds)
}

/// The stack in service, from the instance that the group has.
fn in_service() -> Observed {
    let spec = web();
    let mut world = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    serve(&mut world);
    attach(&mut world, Some(OLD));
    world
}

fn attach(world: &mut Observed, id: Option<&str>) {
    for volume in &mut world.volumes {
        volume.attachment = id.map(|id| Attachment {
            instance_id: id.into(),
            state: AttachmentState::Attached,
        });
    }
}

fn associate(world: &mut Observed, id: Option<&str>) {
    for address in &mut world.addresses {
        address.instance_id = id.map(Into::into);
    }
}

fn members(world: &mut Observed, members: &[(&str, LifecycleState)]) {
    let of = |(id, lifecycle): &(&str, LifecycleState)| GroupInstance {
        id: (*id).into(),
        lifecycle: lifecycle.clone(),
        health: HealthStatus::Healthy,
        template_version: None,
        instance_type: None,
    };
    world.group.as_mut().expect("it is there").instances = members.iter().map(of).collect();
}

/// The changes, a word each.
fn said(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .map(|change| match change {
            Change::Reached(reached) => format!("{} {}", reached.instance, reached.phase.happened()),
            Change::Lost(lost) => format!("{} {}", lost.instance, lost.phase.undone()),
            Change::Stands(stands) => stands.standing.to_string(),
        })
        .collect()
}

#[test]
fn a_replacement_is_told_from_the_loss_to_the_service_and_each_step_once() {
    let spec = web();
    let mut world = in_service();
    let mut follow = Follow::new(&world, BEGAN);
    let first = said(&follow.look(&spec, &world, at(0)));
    assert_eq!(
        first.last().map(String::as_str),
        Some("the stack serves from i-00000000000000001"),
        "{first:?}"
    );
    assert!(follow.look(&spec, &world, at(5)).is_empty(), "nothing has changed");

    members(&mut world, &[(OLD, LifecycleState::Terminating)]);
    associate(&mut world, None);
    let ends = said(&follow.look(&spec, &world, at(10)));
    assert_eq!(
        ends,
        [
            "i-00000000000000001 no longer holds the address",
            "i-00000000000000001 is being ended",
            "the stack does not serve; it waits for the group to launch an instance",
        ]
    );
    attach(&mut world, None);
    members(&mut world, &[(NEW, LifecycleState::PendingWait)]);
    let next = said(&follow.look(&spec, &world, at(15)));
    assert_eq!(
        next,
        [
            "i-00000000000000001 no longer holds the data volume",
            "i-00000000000000002 is launched",
            "i-00000000000000001 has left the group",
        ]
    );
    attach(&mut world, Some(NEW));
    associate(&mut world, Some(NEW));
    members(&mut world, &[(NEW, LifecycleState::InService)]);
    let changes = follow.look(&spec, &world, at(20));
    assert_eq!(
        said(&changes),
        [
            "i-00000000000000002 holds the data volume",
            "i-00000000000000002 holds the address",
            "i-00000000000000002 is in service",
            "i-00000000000000002 is what the name leads to",
            "the stack serves from i-00000000000000002",
        ]
    );
    assert!(changes.iter().all(
        |change| matches!(change, Change::Reached(reached) if reached.after_ms == 20_000)
            || matches!(change, Change::Stands(stands) if stands.after_ms == 20_000)
    ));
}

#[test]
fn what_an_instance_loses_and_has_again_is_told_both_times() {
    let spec = web();
    let mut world = in_service();
    let mut follow = Follow::new(&world, BEGAN);
    follow.look(&spec, &world, at(0));
    for _ in 0..2 {
        associate(&mut world, None);
        let lost = said(&follow.look(&spec, &world, at(5)));
        assert_eq!(
            lost,
            [
                "i-00000000000000001 no longer holds the address",
                "the stack does not serve; it waits for the app, and then the address",
            ]
        );
        associate(&mut world, Some(OLD));
        let back = said(&follow.look(&spec, &world, at(10)));
        assert_eq!(back.len(), 3, "{back:?}");
        assert_eq!(back[0], "i-00000000000000001 holds the address");
    }
    for record in &mut world.records {
        record.values = vec!["198.51.100.1".to_owned()];
    }
    let elsewhere = said(&follow.look(&spec, &world, at(15)));
    assert_eq!(elsewhere[0], "i-00000000000000001 is no longer what the name leads to");
}

#[test]
fn a_failure_is_told_once_and_is_no_news_after_the_stack_has_served_again() {
    let spec = web();
    let mut world = in_service();
    let mut follow = Follow::new(&world, BEGAN);
    follow.look(&spec, &world, at(0));
    let tags = |world: &mut Observed| {
        let tags = &mut world.group.as_mut().expect("it is there").tags;
        tags.insert(
            TAG_LAST_ERROR.to_owned(),
            "2026-01-01T00:00:10Z i-2 setup failed".to_owned(),
        );
        tags.insert(TAG_LAST_LOG.to_owned(), "one / two".to_owned());
    };
    members(&mut world, &[(NEW, LifecycleState::PendingWait)]);
    tags(&mut world);
    world.activities = vec![Activity {
        id: "a".to_owned(),
        description: "Launching a new EC2 instance".to_owned(),
        cause: String::new(),
        status: ActivityStatus::Failed,
        status_message: Some("no capacity".to_owned()),
        started_at: at(9),
        ended_at: None,
    }];
    let failed = said(&follow.look(&spec, &world, at(10)));
    let boot = failed.last().expect("how it stands");
    assert!(
        boot.starts_with("a boot failed: ") && boot.contains("setup failed"),
        "{failed:?}"
    );
    assert!(follow.look(&spec, &world, at(15)).is_empty(), "once");
    attach(&mut world, Some(NEW));
    associate(&mut world, Some(NEW));
    members(&mut world, &[(NEW, LifecycleState::InService)]);
    follow.look(&spec, &world, at(20));
    assert!(matches!(follow.standing(), Some(Standing::Serving { .. })));
    // The next loss is no failed boot: what the tags tell is of before.
    members(&mut world, &[]);
    follow.look(&spec, &world, at(25));
    assert_eq!(
        follow.standing(),
        Some(&Standing::Waiting { next: Phase::Launched }),
        "neither the boot nor the launch of before"
    );
    world.group.as_mut().expect("it is there").desired = 0;
    let asleep = follow.look(&spec, &world, at(30));
    assert_eq!(said(&asleep), ["the stack sleeps"]);
    assert_eq!(
        follow.standing(),
        Some(&Standing::Failing {
            failing: Failing::Asleep
        })
    );
}

#[test]
fn at_a_glance_it_is_a_few_lines_that_fit_a_narrow_terminal() {
    let spec = web();
    let mut world = in_service();
    let standing = Standing::Serving { instance: OLD.into() };
    let glance = Glance::of(&spec, &world, &standing, at(65));
    insta::assert_snapshot!(glance, @r"
    web: the stack serves from i-00000000000000001
      instance  i-00000000000000001, Healthy, InService
      volume    vol-00000000000000010, at i-00000000000000001
      address   203.0.113.7, at i-00000000000000001
      dns       app.example.com -> 203.0.113.7
      read      00:01:05 UTC
    ");
    assert!(glance.to_string().lines().all(|line| line.len() <= 60), "{glance}");
    members(&mut world, &[]);
    associate(&mut world, None);
    world.records.clear();
    let standing = Standing::Waiting { next: Phase::Launched };
    insta::assert_snapshot!(Glance::of(&spec, &world, &standing, at(70)), @r"
    web: the stack does not serve; it waits for the group to launch an instance
      instance  none
      volume    vol-00000000000000010, at i-00000000000000001
      address   203.0.113.7, at no instance
      dns       app.example.com -> nothing
      read      00:01:10 UTC
    ");
}
