//! Auto Scaling: what a group refuses, and how it heals.

use std::time::Duration;

use selfheal_aws::AutoScaling;
use selfheal_aws::Ec2;
use selfheal_aws::sim::{Sim, SimConfig, unhealed};
use selfheal_core::world::{ActivityStatus, GroupSettings, HealthStatus, InstanceId, LifecycleState};

use crate::support::{
    code, create, healed, hook, launch, lines, member, names, on, prepare, rest, termination_hook, words, world,
};

fn refused(sim: &Sim, settings: &GroupSettings) -> String {
    words(on(sim, sim.create_group(settings)))
}

#[test]
fn a_group_is_checked_as_its_launch_would_be() {
    let sim = world(1);
    let stack = prepare(&sim);
    let good = stack.settings.clone();
    let with = |change: &dyn Fn(&mut GroupSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        refused(&sim, &settings)
    };
    let template = "ValidationError: You must use a valid fully-formed launch template. ";
    let missing = "The specified launch template, with template ID lt-0, does not exist.";
    assert_eq!(
        with(&|it| it.template_id = "lt-0".into()),
        format!("{template}{missing}")
    );
    assert!(
        with(&|it| it.template_version = 9).starts_with(&format!("{template}Could not find the specified version 9"))
    );
    assert_eq!(
        with(&|it| it.subnet = "subnet-0".into()),
        format!("{template}The subnet ID 'subnet-0' does not exist")
    );
    assert_eq!(
        with(&|it| it.min = 2),
        "ValidationError: Max bound, 1, must be greater than or equal to min bound, 2"
    );
    assert!(with(&|it| it.desired = 2).contains("Desired capacity:2 must be between"));
    assert!(with(&|it| it.hooks[0].heartbeat_s = 29).contains("HeartbeatTimeout"));
    assert!(with(&|it| it.hooks[0].transition = "x".to_owned()).contains("transition"));
    assert!(with(&|it| it.name = "a:b".to_owned()).contains("Invalid group name"));
    on(&sim, sim.create_group(&good)).unwrap();
    let taken = "AutoScalingGroup by this name already exists - A group with the name selfheal-web already exists";
    assert_eq!(refused(&sim, &good), format!("AlreadyExists: {taken}"));
    rest(&sim);
}

#[test]
fn a_profile_must_have_spread_and_hold_a_role() {
    let sim = world(2);
    let stack = prepare(&sim);
    let names = names();
    sim.block_on(async {
        use selfheal_aws::Iam;
        sim.remove_role_from_profile(&names.profile, &names.role).await.unwrap();
        let empty = words(sim.create_group(&stack.settings).await);
        assert!(empty.contains("has no associated IAM Roles"), "{empty}");
        sim.add_role_to_profile(&names.profile, &names.role).await.unwrap();
        let early = sim.create_group(&stack.settings).await.unwrap_err();
        assert_eq!(early.kind(), selfheal_aws::CallErrorKind::NotReady, "{early}");
        selfheal_aws::Clock::sleep(&sim, Duration::from_secs(13)).await;
        sim.create_group(&stack.settings).await.unwrap();
    })
    .unwrap();
}

#[test]
fn heals_from_every_loss_with_the_same_address_and_the_same_bytes() {
    type Loss = fn(&Sim, &InstanceId);
    let losses: [(&str, Loss); 6] = [
        ("terminated", |sim, id| assert!(sim.kill_instance(id))),
        ("stopped", |sim, id| assert!(sim.stop_instance(id))),
        ("impaired", |sim, id| assert!(sim.impair_instance(id))),
        ("application", |sim, id| assert!(sim.fail_app(id))),
        ("reported", |sim, id| {
            sim.as_instance(id)
                .set_instance_health(id, &HealthStatus::Unhealthy, false)
                .unwrap();
        }),
        ("by the group", |sim, id| on(sim, sim.terminate_instance(id)).unwrap()),
    ];
    for seed in 0..8 {
        for (name, loss) in losses {
            let sim = world(seed);
            let stack = launch(&sim);
            let first = healed(&sim, &stack);
            let content = |sim: &Sim| sim.inspect(|world| format!("{:?}", world.volumes[&stack.volume].content));
            let before = content(&sim);
            loss(&sim, &first);
            rest(&sim);
            let second = healed(&sim, &stack);
            assert_ne!(first, second, "{name}");
            assert_eq!(before.replace("writes: 1", "writes: 2"), content(&sim), "{name}");
            let peak = sim.inspect(|world| world.instances.len());
            assert_eq!(peak, 2, "{name}: exactly one replacement");
        }
    }
}

#[test]
fn a_replacement_starts_before_the_lost_instance_is_gone() {
    let sim = world(3);
    launch(&sim);
    let first = member(&sim);
    sim.drain_trace();
    sim.impair_instance(&first);
    rest(&sim);
    let at = |part: &str| sim.trace_text().lines().position(|line| line.contains(part)).unwrap();
    let second = member(&sim);
    assert!(at(&format!("instance {second} pending")) < at(&format!("instance {first} terminated")));
    assert_eq!(
        lines(&sim, &format!("group selfheal-web {second} Pending:Wait")).len(),
        1
    );
}

#[test]
fn waits_out_a_volume_that_is_let_go_late() {
    let mut config = SimConfig::seeded(4);
    config.timings.volume_release = selfheal_aws::sim::Range::exactly(600_000);
    let sim = Sim::new(config);
    let stack = launch(&sim);
    let first = healed(&sim, &stack);
    sim.drain_trace();
    sim.kill_instance(&first);
    rest(&sim);
    healed(&sim, &stack);
    assert!(
        lines(&sim, "ec2:AttachVolume")
            .iter()
            .filter(|line| line.ends_with("VolumeInUse"))
            .count()
            > 100
    );
    assert_eq!(
        sim.inspect(|world| world.instances.len()),
        2,
        "the replacement waited, and was not replaced itself"
    );
}

#[test]
fn a_hook_holds_until_its_time_is_over() {
    let mut config = SimConfig::seeded(5);
    config.boot_model = false;
    let sim = Sim::new(config);
    let mut stack = prepare(&sim);
    stack.settings.hooks[0].heartbeat_s = 300;
    stack.settings.hooks[0].default_result = "CONTINUE".to_owned();
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    sim.advance(Duration::from_secs(60));
    let id = member(&sim);
    let state = |sim: &Sim| sim.inspect(|world| world.groups["selfheal-web"].members[0].lifecycle.clone());
    assert_eq!(state(&sim), LifecycleState::PendingWait);
    assert_eq!(sim.target_lifecycle_state(&id), Some(LifecycleState::InService));
    sim.as_instance(&id)
        .record_lifecycle_action_heartbeat("selfheal-web", &hook().name, &id)
        .unwrap();
    sim.advance(Duration::from_secs(280));
    assert_eq!(
        state(&sim),
        LifecycleState::PendingWait,
        "the heartbeat began the time again"
    );
    sim.advance(Duration::from_secs(60));
    assert_eq!(state(&sim), LifecycleState::InService);
    let late = sim
        .as_instance(&id)
        .complete_lifecycle_action("selfheal-web", &hook().name, &id, "CONTINUE");
    assert_eq!(
        words(late),
        format!("ValidationError: No active Lifecycle Action found with instance ID {id}")
    );
}

#[test]
fn heartbeats_do_not_hold_for_ever() {
    let mut config = SimConfig::seeded(6);
    config.boot_model = false;
    let sim = Sim::new(config);
    let mut stack = prepare(&sim);
    stack.settings.hooks[0].heartbeat_s = 30;
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    while lines(&sim, "Pending:Wait").is_empty() {
        sim.advance(Duration::from_secs(1));
    }
    let id = member(&sim);
    let caller = sim.as_instance(&id);
    let mut beats = 0;
    while caller
        .record_lifecycle_action_heartbeat("selfheal-web", &hook().name, &id)
        .is_ok()
    {
        sim.advance(Duration::from_secs(20));
        beats += 1;
        assert!(beats < 1_000, "held for ever");
    }
    // A hundred heartbeats of 30 s, recorded every 20 s.
    assert!((145..=152).contains(&beats), "{beats}");
}

#[test]
fn an_abandoned_launch_is_replaced_and_slowed_down() {
    let mut config = SimConfig::seeded(7);
    config.boot_model = false;
    let sim = Sim::new(config);
    let stack = prepare(&sim);
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let waiting = loop {
            sim.advance(Duration::from_secs(1));
            let found = sim.inspect(|world| {
                let members = &world.groups["selfheal-web"].members;
                members
                    .iter()
                    .find(|it| it.lifecycle == LifecycleState::PendingWait)
                    .map(|it| it.id.clone())
            });
            if let Some(found) = found {
                break found;
            }
        };
        seen.push(sim.now_ms());
        sim.as_instance(&waiting)
            .complete_lifecycle_action("selfheal-web", &hook().name, &waiting, "ABANDON")
            .unwrap();
    }
    let pauses: Vec<u64> = seen.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[3] > pauses[0] + 30_000, "{pauses:?}");
    let activities = on(&sim, sim.describe_activities("selfheal-web", 50)).unwrap();
    assert!(
        activities
            .iter()
            .filter(|it| it.status == ActivityStatus::Cancelled)
            .count()
            >= 4,
        "{activities:?}"
    );
    assert!(activities[0].started_at >= activities[1].started_at, "newest first");
}

#[test]
fn a_termination_hook_holds_the_way_out() {
    let sim = world(8);
    let mut stack = prepare(&sim);
    stack.settings.hooks = vec![hook()];
    create(&sim, &stack);
    on(&sim, sim.put_lifecycle_hook("selfheal-web", &termination_hook())).unwrap();
    let first = healed(&sim, &stack);
    // It does not hear of it, and holds its hook.
    sim.tamper(|world| world.instances.get_mut(&first).expect("it exists").boot.config = None);
    on(&sim, sim.terminate_instance(&first)).unwrap();
    sim.advance(Duration::from_secs(30));
    let held = |sim: &Sim| {
        sim.inspect(|world| {
            world.groups["selfheal-web"]
                .members
                .iter()
                .find(|it| it.id == first)
                .map(|it| it.lifecycle.clone())
        })
    };
    assert_eq!(sim.target_lifecycle_state(&first), Some(LifecycleState::Terminated));
    assert_eq!(held(&sim), Some(LifecycleState::TerminatingWait));
    sim.as_instance(&first)
        .complete_lifecycle_action("selfheal-web", &termination_hook().name, &first, "CONTINUE")
        .unwrap();
    sim.advance(Duration::from_secs(60));
    assert_eq!(held(&sim), None);
    assert_eq!(on(&sim, sim.describe_hooks("selfheal-web")).unwrap().len(), 2);
}

#[test]
fn what_has_not_healed_is_told() {
    let sim = world(16);
    let stack = launch(&sim);
    let told = |sim: &Sim| -> Vec<String> {
        sim.inspect(unhealed)
            .iter()
            .map(|violation| violation.invariant.clone())
            .collect()
    };
    assert!(told(&sim).is_empty());
    let id = healed(&sim, &stack);
    sim.tamper(|world| world.instances.get_mut(&id).unwrap().mounted = None);
    assert_eq!(told(&sim), ["L4", "S9"]);
    sim.kill_instance(&id);
    while lines(&sim, " unhealthy").is_empty() {
        sim.advance(Duration::from_secs(1));
    }
    assert!(told(&sim).contains(&"L4".to_owned()));
    rest(&sim);
    assert!(told(&sim).is_empty());
}

#[test]
fn suspended_processes_stay_undone_until_resumed() {
    let sim = world(9);
    let stack = launch(&sim);
    let first = healed(&sim, &stack);
    let processes = [
        "HealthCheck".to_owned(),
        "Launch".to_owned(),
        "ReplaceUnhealthy".to_owned(),
    ];
    sim.as_instance(&first)
        .suspend_processes("selfheal-web", &processes)
        .unwrap();
    sim.kill_instance(&first);
    rest(&sim);
    assert_eq!(member(&sim), first, "the group has not looked");
    let unknown = on(&sim, sim.resume_processes("selfheal-web", &["Nap".to_owned()]));
    assert_eq!(code(unknown), "ValidationError");
    on(&sim, sim.resume_processes("selfheal-web", &processes)).unwrap();
    rest(&sim);
    assert_ne!(healed(&sim, &stack), first);
}

#[test]
fn a_suspended_launch_does_not_keep_the_group_from_terminating() {
    let mut config = SimConfig::seeded(10);
    config.check_invariants = false;
    let sim = Sim::new(config);
    let stack = launch(&sim);
    let first = healed(&sim, &stack);
    sim.as_instance(&first)
        .suspend_processes("selfheal-web", &["Launch".to_owned()])
        .unwrap();
    let violations = sim.inspect(selfheal_aws::sim::invariants);
    assert_eq!(violations[0].invariant, "S13");
    sim.impair_instance(&first);
    assert!(sim.settle(Duration::from_secs(3600)));
    sim.inspect(|world| assert!(world.groups["selfheal-web"].members.is_empty()));
}

#[test]
fn desired_zero_is_off_and_one_is_on() {
    let sim = world(11);
    let stack = launch(&sim);
    let first = healed(&sim, &stack);
    on(&sim, sim.set_min_size("selfheal-web", 0)).unwrap();
    on(&sim, sim.set_desired_capacity("selfheal-web", 0)).unwrap();
    rest(&sim);
    sim.inspect(|world| {
        assert!(world.groups["selfheal-web"].members.is_empty());
        assert_eq!(world.addresses[&stack.address].address.association_id, None);
    });
    // The trap: a minimum above the size launches, without any word of the desired capacity.
    on(&sim, sim.update_group(&stack.settings)).unwrap();
    rest(&sim);
    assert_ne!(healed(&sim, &stack), first);
}

#[test]
fn an_update_pins_the_version_of_the_next_launch_alone() {
    let sim = world(12);
    let stack = launch(&sim);
    let first = healed(&sim, &stack);
    let mut data = sim.inspect(|world| world.templates[&stack.template].versions[0].clone());
    data.instance_type = "t4g.medium".to_owned();
    on(&sim, sim.create_template_version(&stack.template, &data)).unwrap();
    let settings = GroupSettings {
        template_version: 2,
        ..stack.settings.clone()
    };
    on(&sim, sim.update_group(&settings)).unwrap();
    rest(&sim);
    assert_eq!(healed(&sim, &stack), first);
    sim.kill_instance(&first);
    rest(&sim);
    let second = healed(&sim, &stack);
    assert_eq!(
        sim.inspect(|world| world.instances[&second].data.instance_type.clone()),
        "t4g.medium"
    );
    let group = on(&sim, sim.describe_group("selfheal-web")).unwrap().unwrap();
    assert_eq!(group.instances[0].template_version.as_deref(), Some("2"));
}

#[test]
fn deletion_takes_its_time_and_skips_hooks() {
    let sim = world(13);
    let stack = launch(&sim);
    on(&sim, sim.put_lifecycle_hook("selfheal-web", &termination_hook())).unwrap();
    on(&sim, sim.delete_group("selfheal-web")).unwrap();
    let group = on(&sim, sim.describe_group("selfheal-web")).unwrap().unwrap();
    assert!(group.deleting);
    assert_eq!(code(on(&sim, sim.create_group(&stack.settings))), "AlreadyExists");
    assert_eq!(
        code(on(&sim, sim.update_group(&stack.settings))),
        "ScalingActivityInProgress"
    );
    rest(&sim);
    assert!(lines(&sim, "Terminating:Wait").is_empty());
    assert_eq!(on(&sim, sim.describe_group("selfheal-web")).unwrap(), None);
    let missing = words(on(&sim, sim.delete_group("selfheal-web")));
    assert_eq!(
        missing,
        "ValidationError: AutoScalingGroup name not found - AutoScalingGroup selfheal-web not found"
    );
    // What holds data or an address is still there, and a new group takes it up.
    create(&sim, &stack);
    healed(&sim, &stack);
}

#[test]
fn a_launch_that_ec2_refuses_is_told_and_tried_again() {
    let sim = world(14);
    let stack = launch(&sim);
    let first = healed(&sim, &stack);
    let template = sim.tamper(|world| world.templates.remove(&stack.template)).unwrap();
    sim.kill_instance(&first);
    sim.advance(Duration::from_secs(600));
    let activities = on(&sim, sim.describe_activities("selfheal-web", 1)).unwrap();
    assert_eq!(activities[0].status, ActivityStatus::Failed);
    assert!(
        activities[0]
            .status_message
            .as_ref()
            .unwrap()
            .contains("does not exist"),
        "{activities:?}"
    );
    sim.tamper(|world| world.templates.insert(stack.template.clone(), template));
    rest(&sim);
    healed(&sim, &stack);
}

#[test]
fn health_within_the_grace_period_is_ignored_unless_told_otherwise() {
    let sim = world(15);
    let mut stack = prepare(&sim);
    stack.settings.health_check_grace_s = 3600;
    on(&sim, sim.create_group(&stack.settings)).unwrap();
    sim.advance(Duration::from_secs(120));
    let first = healed(&sim, &stack);
    sim.as_instance(&first)
        .set_instance_health(&first, &HealthStatus::Unhealthy, true)
        .unwrap();
    sim.advance(Duration::from_secs(120));
    assert_eq!(healed(&sim, &stack), first);
    assert_eq!(
        code(
            sim.as_instance(&first)
                .set_instance_health(&first, &"Poorly".into(), true)
        ),
        "ValidationError"
    );
    sim.as_instance(&first)
        .set_instance_health(&first, &HealthStatus::Unhealthy, false)
        .unwrap();
    rest(&sim);
    assert_ne!(healed(&sim, &stack), first);
}
