//! The model of the boot program: what it refuses, what it bears with, and how it leaves.

use std::time::Duration;

use selfheal_aws::sim::{BootPhase, Content, Fault, FaultPlan, Sim, SimConfig, When};
use selfheal_aws::{AutoScaling, Iam};
use selfheal_core::names::{POLICY_NAME, TAG_FIRST_USE};
use selfheal_core::world::{AttachmentState, InstanceId, VolumeId};
use selfheal_policy::{Document, Effect, NonEmpty};

use crate::support::{
    HOUR, assert_safe, create, healed, hook, launch, lines, member, names, on, prepare, prepare_with, rest,
    termination_hook, world,
};

fn content(sim: &Sim, volume: &str) -> Content {
    sim.inspect(|world| world.volumes[volume].content.clone())
}

#[test]
fn formats_once_and_clears_the_mark() {
    let sim = world(1);
    let stack = launch(&sim);
    healed(&sim, &stack);
    let tags = sim.inspect(|world| world.volumes[&stack.volume].volume.tags.clone());
    assert!(!tags.contains_key(TAG_FIRST_USE));
    for _ in 0..3 {
        sim.kill_instance(&member(&sim));
        rest(&sim);
    }
    assert_eq!(lines(&sim, " formatted i-").len(), 1);
    let first = sim
        .trace_text()
        .lines()
        .find(|line| line.contains("formatted"))
        .unwrap()
        .to_owned();
    match content(&sim, stack.volume.as_str()) {
        Content::Filesystem {
            kind, made_by, writes, ..
        } => {
            assert!(first.ends_with(&made_by), "{first} {made_by}");
            assert_eq!((kind.as_str(), writes), ("xfs", 4));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn never_formats_what_is_not_proven_new() {
    type Change = fn(&Sim, &VolumeId);
    let cases: [(&str, Change); 3] = [
        ("a partition table", |sim, id| {
            sim.set_content(id, Content::Foreign("a partition table".to_owned()));
        }),
        ("not marked", |sim, id| {
            sim.tamper(|world| world.volumes.get_mut(id).unwrap().volume.tags.remove(TAG_FIRST_USE));
        }),
        ("a snapshot", |sim, id| {
            sim.tamper(|world| world.volumes.get_mut(id).unwrap().volume.snapshot_id = Some("snap-0".into()));
        }),
    ];
    for (name, change) in cases {
        let sim = world(2);
        let stack = prepare(&sim);
        change(&sim, &stack.volume);
        let before = content(&sim, stack.volume.as_str());
        on(&sim, sim.create_group(&stack.settings)).unwrap();
        sim.settle(HOUR);
        assert_eq!(content(&sim, stack.volume.as_str()), before, "{name}");
        assert!(lines(&sim, " formatted i-").is_empty(), "{name}");
        // Three boots failed, so that the stack parked itself, safely.
        sim.inspect(|world| {
            let group = &world.groups["selfheal-web"];
            assert_eq!(group.tags["selfheal:failed-boots"], "3", "{name}");
            assert!(
                group.tags["selfheal:parked"].contains("3 failed replacements"),
                "{name}"
            );
            assert!(!group.tags["selfheal:last-error"].is_empty(), "{name}");
            assert!(
                group.suspended.contains("Launch") && group.suspended.contains("ReplaceUnhealthy"),
                "{name}"
            );
        });
        assert_safe(&sim);
    }
}

#[test]
fn a_boot_loop_parks_itself_and_resumes() {
    let sim = world(3);
    let stack = launch(&sim);
    sim.fail_boots("selfheal-web", true);
    sim.kill_instance(&member(&sim));
    rest(&sim);
    let launched = sim.inspect(|world| world.instances.len());
    assert_eq!(launched, 4, "the first, and three that failed");
    sim.fail_boots("selfheal-web", false);
    let processes = ["Launch", "ReplaceUnhealthy"].map(str::to_owned);
    on(&sim, sim.resume_processes("selfheal-web", &processes)).unwrap();
    let tags = ["selfheal:parked".to_owned(), "selfheal:last-error".to_owned()];
    on(&sim, sim.delete_group_tags("selfheal-web", &tags)).unwrap();
    rest(&sim);
    healed(&sim, &stack);
    sim.inspect(|world| assert_eq!(world.groups["selfheal-web"].tags["selfheal:failed-boots"], "0"));
}

#[test]
fn every_statement_of_the_policy_is_needed() {
    let sim = world(4);
    // No boot opens a session.
    let stack = prepare_with(&sim, |spec| spec.access.session_manager = false);
    let whole: Document = on(&sim, sim.get_role_policy(&names().role, POLICY_NAME))
        .unwrap()
        .unwrap()
        .parse()
        .unwrap();
    let mut needed = 0;
    for statement in &whole.statements {
        let sid = statement.sid.as_ref().expect("our statements are named").to_string();
        let rest_of: Vec<_> = whole
            .statements
            .iter()
            .filter(|other| *other != statement)
            .cloned()
            .collect();
        let sim = Sim::load(&sim.save().unwrap()).unwrap();
        on(
            &sim,
            sim.put_role_policy(&names().role, POLICY_NAME, &Document::new(rest_of).to_json()),
        )
        .unwrap();
        sim.advance(Duration::from_secs(20));
        on(&sim, sim.create_group(&stack.settings)).unwrap();
        sim.advance(Duration::from_secs(600));
        let refused = lines(&sim, "call")
            .into_iter()
            .filter(|line| line.ends_with("UnauthorizedOperation") || line.ends_with("AccessDenied"));
        let refused = refused.count();
        // Counting failures is for boots that fail, and a deny for what no boot asks for.
        if sid != "CountBoots" && statement.effect == Effect::Allow {
            assert!(refused > 0, "nothing was refused without {sid}");
            needed += 1;
        }
    }
    assert!(needed >= 6, "{needed}");
    assert!(NonEmpty::new(whole.statements).is_some());
}

#[test]
fn bears_with_throttling_errors_and_lost_answers() {
    for (seed, fault) in [
        (0, Fault::Throttle),
        (1, Fault::ErrorBeforeEffect),
        (2, Fault::AnswerLost),
        (3, Fault::AccessDenied),
    ] {
        for prefix in [
            "ec2:AttachVolume",
            "ec2:DescribeVolumes",
            "ec2:DeleteTags",
            "ec2:AssociateAddress",
            "autoscaling:Complete",
        ] {
            let sim = world(seed);
            let stack = prepare(&sim);
            sim.set_faults(FaultPlan::none().with_times(When::Every(prefix.to_owned()), fault.clone(), 3));
            create(&sim, &stack);
            healed(&sim, &stack);
            assert_eq!(sim.inspect(|world| world.instances.len()), 1, "{fault:?} at {prefix}");
        }
    }
}

#[test]
fn a_reboot_takes_nothing_anew() {
    let sim = world(5);
    let stack = launch(&sim);
    let id = healed(&sim, &stack);
    sim.drain_trace();
    assert!(sim.reboot_instance(&id));
    rest(&sim);
    assert_eq!(healed(&sim, &stack), id);
    assert!(lines(&sim, "AssociateAddress").is_empty(), "{}", sim.trace_text());
    assert!(lines(&sim, "CompleteLifecycleAction").is_empty());
}

#[test]
fn who_loses_the_volume_gives_up_the_address() {
    let sim = world(6);
    let stack = launch(&sim);
    let first = healed(&sim, &stack);
    sim.as_instance(&first).detach_volume(&stack.volume, None).unwrap();
    let seen = sim
        .inspect(|world| world.volumes[&stack.volume].volume.attachment.clone())
        .unwrap();
    assert_eq!(seen.state, AttachmentState::Busy, "mounted, so not let go yet");
    rest(&sim);
    assert_ne!(healed(&sim, &stack), first);
    let at = |part: &str| sim.trace_text().lines().position(|line| line.contains(part)).unwrap();
    assert!(at(&format!("unmounted {first}")) < at("ec2:DisassociateAddress"));
}

#[test]
fn leaves_cleanly_when_a_termination_hook_gives_it_the_time() {
    let sim = world(7);
    let mut stack = prepare(&sim);
    stack.settings.hooks = vec![hook()];
    create(&sim, &stack);
    on(&sim, sim.put_lifecycle_hook("selfheal-web", &termination_hook())).unwrap();
    let first = healed(&sim, &stack);
    on(&sim, sim.terminate_instance(&first)).unwrap();
    rest(&sim);
    healed(&sim, &stack);
    sim.inspect(|world| assert_eq!(world.instances[&first].boot.phase, BootPhase::Left));
    let at = |part: &str| sim.trace_text().lines().position(|line| line.contains(part)).unwrap();
    assert!(at(&format!("released {first}")) < at(&format!("instance {first} terminated")));
}

#[test]
fn a_failed_boot_gives_the_volume_back_through_the_termination_hook() {
    let sim = world(13);
    let mut stack = prepare(&sim);
    stack.settings.hooks.push(termination_hook());
    sim.fail_boots("selfheal-web", true);
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    sim.settle(HOUR);
    assert_eq!(sim.inspect(|world| world.instances.len()), 3);
    assert_eq!(lines(&sim, " released i-").len(), 3, "{}", sim.trace_text());
    assert_safe(&sim);
}

#[test]
fn an_instance_that_hangs_is_waited_for_no_longer_than_its_hook() {
    let sim = world(14);
    let mut stack = prepare(&sim);
    stack.settings.hooks.push(termination_hook());
    create(&sim, &stack);
    let first = healed(&sim, &stack);
    sim.impair_instance(&first);
    rest(&sim);
    assert_ne!(healed(&sim, &stack), first);
    let at = |part: &str| {
        let line = sim
            .trace_text()
            .lines()
            .find(|line| line.contains(part))
            .map(str::trim_start)
            .unwrap()
            .to_owned();
        line.split_once('.').unwrap().0.parse::<u64>().unwrap()
    };
    let waited = at(&format!("{first} Terminating:Proceed")) - at(&format!("{first} Terminating:Wait"));
    assert!((299..=301).contains(&waited), "{waited}");
}

#[test]
fn without_the_model_instances_wait_for_their_lab() {
    let sim = Sim::new(SimConfig {
        boot_model: false,
        ..SimConfig::seeded(8)
    });
    let stack = prepare(&sim);
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    sim.advance(Duration::from_secs(60));
    let id = member(&sim);
    assert!(lines(&sim, "AttachVolume").is_empty());
    // The lab's boot makes the calls itself.
    let caller = sim.as_instance(&id);
    caller.attach_volume(&stack.volume, &id, "/dev/sdf").unwrap();
    sim.advance(Duration::from_secs(5));
    caller.associate_address(&stack.address, id.as_str(), true).unwrap();
    caller
        .complete_lifecycle_action("selfheal-web", &hook().name, &id, "CONTINUE")
        .unwrap();
    rest(&sim);
    let public = sim.inspect(|world| world.public_ip(&id));
    assert_eq!(
        public,
        sim.inspect(|world| Some(world.addresses[&stack.address].address.public_ip.clone()))
    );
    assert!(
        caller
            .describe_group_tags("selfheal-web")
            .unwrap()
            .contains_key("selfheal:stack")
    );
    assert_eq!(*caller.id(), id);
}

#[test]
fn nobody_notices_a_failed_application_without_a_watchdog() {
    let sim = world(9);
    let stack = prepare_with(&sim, |spec| spec.app.health = None);
    create(&sim, &stack);
    let id = healed(&sim, &stack);
    assert!(!sim.fail_app(&id));
    rest(&sim);
    assert_eq!(healed(&sim, &stack), id);
}

#[test]
fn an_application_that_fails_after_each_good_start_runs_into_the_breaker() {
    let sim = world(10);
    let stack = launch(&sim);
    for count in 1..=3 {
        let id = member(&sim);
        // Before its boot counts as good.
        while lines(&sim, &format!("{id} InService")).is_empty() {
            sim.advance(Duration::from_secs(5));
        }
        assert!(sim.fail_app(&id));
        while lines(&sim, &format!("{id} unhealthy")).is_empty() {
            sim.advance(Duration::from_secs(5));
        }
        sim.advance(Duration::from_secs(60));
        let counted = sim.inspect(|world| world.groups["selfheal-web"].tags["selfheal:failed-boots"].clone());
        assert_eq!(counted, count.to_string());
    }
    sim.settle(HOUR);
    sim.inspect(|world| {
        let group = &world.groups["selfheal-web"];
        assert!(
            group.suspends("Launch") && group.suspends("ReplaceUnhealthy"),
            "{:?}",
            group.suspended
        );
    });
    assert_safe(&sim);
    assert!(!lines(&sim, stack.address.as_str()).is_empty());
}

#[test]
fn a_wait_keeps_its_hook_alive() {
    let mut config = SimConfig::seeded(11);
    config.timings.volume_release = selfheal_aws::sim::Range::exactly(600_000);
    let sim = Sim::new(config);
    let mut stack = prepare(&sim);
    stack.settings.hooks[0].heartbeat_s = 120;
    create(&sim, &stack);
    sim.kill_instance(&member(&sim));
    rest(&sim);
    healed(&sim, &stack);
    assert_eq!(
        sim.inspect(|world| world.instances.len()),
        2,
        "the hook did not time out"
    );
    assert!(lines(&sim, "RecordLifecycleActionHeartbeat").len() >= 8);
}

#[test]
fn a_lab_tells_what_it_saw_and_is_judged() {
    let sim = Sim::new(SimConfig {
        boot_model: false,
        ..SimConfig::seeded(12)
    });
    let stack = prepare(&sim);
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    sim.advance(Duration::from_secs(60));
    let id = member(&sim);
    sim.as_instance(&id)
        .attach_volume(&stack.volume, &id, "/dev/sdf")
        .unwrap();
    sim.advance(Duration::from_secs(5));
    sim.report_format(&id, &stack.volume, "xfs");
    sim.report_mount(&id, Some(&stack.volume));
    assert_safe(&sim);
    // A second format, and a second writer.
    sim.report_format(&id, &stack.volume, "xfs");
    let other = InstanceId::from("i-0123456789abcdef0");
    sim.tamper(|world| {
        let mut copy = world.instances[&id].clone();
        copy.id.clone_from(&other);
        world.instances.insert(other.clone(), copy);
    });
    sim.report_mount(&other, Some(&stack.volume));
    let seen: Vec<String> = sim
        .violations()
        .into_iter()
        .map(|violation| violation.to_string())
        .collect();
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert_eq!(
        seen[0],
        format!("S1: what {id} made on {} is not there any more", stack.volume)
    );
    assert_eq!(seen[1], format!("S3: {} is mounted by {other} and {id}", stack.volume));
    assert!(
        seen[2].starts_with("S3:") && seen[2].ends_with("not attached to it"),
        "{seen:?}"
    );
    assert!(seen[3].ends_with("although it was not blank"), "{seen:?}");
}
