//! The model of the boot program makes the calls that are listed, in their order; the boot program itself is held to the
//! same list by the tests of selfheal-userdata.

use selfheal_aws::sim::{InstanceChange, Sim, SimConfig, TraceKind};
use selfheal_aws::{ApplicationChecks, AutoScaling, Ec2};
use selfheal_core::names::{ResourceKind, TAG_STACK};
use selfheal_core::world::{CreateApplicationStatusCheck, IngressRule, InstanceState};
use selfheal_userdata::{BootConfig, HealthCheck, HealthFrom, render};

use crate::call_list::{Calls, assert_calls, scenarios};
use crate::support::{HOUR, Stack, check_settings, create, member, names, on, prepare_with, rest, termination_hook};

/// A world with a stack that is not launched yet: its health check, and both hooks.
fn prepared(health: Option<HealthFrom>) -> (Sim, Stack) {
    // The operator's grants of an application status check are no part of the hand-made stack.
    let sim = Sim::new(SimConfig {
        authorise_instances: health != Some(HealthFrom::Aws),
        ..SimConfig::seeded(1)
    });
    let mut stack = prepare_with(&sim, |config| {
        let check = config.health.clone();
        BootConfig {
            health: health.and_then(|from| check.map(|check| HealthCheck { from, ..check })),
            terminate_hook: Some(termination_hook().name),
            ..config
        }
    });
    stack.settings.hooks.push(termination_hook());
    (sim, stack)
}

/// A stack in service, and the instance that serves.
fn launched(health: Option<HealthFrom>) -> (Sim, Stack, String) {
    let (sim, stack) = prepared(health);
    create(&sim, &stack);
    let instance = member(&sim);
    (sim, stack, instance)
}

/// What an instance has asked for since the trace had so many entries, as the service and the action.
fn calls(sim: &Sim, instance: &str, since: usize) -> Calls {
    let trace = sim.trace();
    let call = |kind: &TraceKind| match kind {
        TraceKind::Call(call) if call.caller == instance => Some(call.action.clone()),
        _ => None,
    };
    trace[since..].iter().filter_map(|event| call(&event.what)).collect()
}

/// What the `nth` instance of a stack has asked for that was launched in a world, the first of which is 0.
fn calls_of_launch(sim: &Sim, nth: usize) -> Calls {
    let launched = |kind: &TraceKind| match kind {
        TraceKind::Instance { id, state, .. } if *state == InstanceChange::State(InstanceState::Pending) => {
            Some(id.clone())
        }
        _ => None,
    };
    let instance = sim.trace().iter().filter_map(|event| launched(&event.what)).nth(nth);
    calls(sim, &instance.expect("it was launched"), 0)
}

/// Lets something happen to the instance that serves, and answers what it asks from then on.
fn after(health: Option<HealthFrom>, happen: impl FnOnce(&Sim, &Stack, &str)) -> Calls {
    let (sim, stack, instance) = launched(health);
    let since = sim.trace().len();
    happen(&sim, &stack, &instance);
    rest(&sim);
    calls(&sim, &instance, since)
}

/// Launches a stack whose boots fail, until it parks itself.
fn failing() -> Sim {
    let (sim, stack) = prepared(None);
    sim.fail_boots(&stack.settings.name, true);
    create(&sim, &stack);
    sim
}

fn impaired() -> Calls {
    let (sim, stack) = prepared(Some(HealthFrom::Aws));
    let check = CreateApplicationStatusCheck {
        settings: check_settings(),
        tags: names().tags(ResourceKind::ApplicationCheck),
        client_token: "token-1".to_owned(),
    };
    let rule = IngressRule {
        protocol: "tcp".to_owned(),
        from_port: 80,
        to_port: 80,
        source: "0.0.0.0/0".to_owned(),
    };
    on(&sim, async {
        sim.authorize_ingress(&stack.security_group, &[rule]).await?;
        let id = sim.create_application_status_check(&check).await?.id;
        sim.associate_application_status_check(&id, TAG_STACK, "web").await
    })
    .expect("it is made");
    create(&sim, &stack);
    let instance = member(&sim);
    let since = sim.trace().len();
    sim.fail_app(&instance);
    rest(&sim);
    calls(&sim, &instance, since)
}

fn after_a_failed_one() -> Calls {
    let (sim, stack, instance) = launched(None);
    sim.fail_boots(&stack.settings.name, true);
    sim.kill_instance(&instance);
    while sim.inspect(|world| world.instances.len()) < 3 {
        sim.advance(HOUR / 3600);
    }
    sim.fail_boots(&stack.settings.name, false);
    rest(&sim);
    calls_of_launch(&sim, 2)
}

/// The calls of the first instance of a stack whose user data name a bundle, which is there or is not.
fn bundled(there: bool) -> Calls {
    // The hand-made stack's role has no right to it.
    let sim = Sim::new(SimConfig {
        authorise_instances: false,
        ..SimConfig::seeded(1)
    });
    let mut stack = prepare_with(&sim, |config| {
        let mut noise = 1_u32;
        let mut letter = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (noise >> 27) as u8 % 26
        };
        let config = BootConfig {
            setup: Some((0..20_000).map(|_| letter()).collect()),
            health: None,
            terminate_hook: Some(termination_hook().name),
            ..config
        };
        let user_data = render(&config).expect("it renders");
        let bundle = user_data.bundle().expect("it does not fit");
        // Before the template names it.
        sim.tamper(|world| {
            for (place, chunk) in bundle.chunks().iter().enumerate() {
                world.set_parameter(&format!("/selfheal/web/bundle/{}/{place:02}", bundle.digest()), chunk);
            }
        });
        config
    });
    stack.settings.hooks.push(termination_hook());
    if !there {
        sim.tamper(|world| world.parameters.retain(|name, _| !name.starts_with("/selfheal/")));
    }
    create(&sim, &stack);
    calls_of_launch(&sim, 0)
}

/// Plays a scenario, and answers what the instance that it is about asks.
fn play(scenario: &str) -> Calls {
    match scenario {
        "first boot" => {
            let (sim, _, instance) = launched(None);
            calls(&sim, &instance, 0)
        }
        "first boot with a bundle" => bundled(true),
        "first boot without its bundle" => bundled(false),
        "first boot, watched by the instance" => {
            let (sim, _, instance) = launched(Some(HealthFrom::Instance));
            calls(&sim, &instance, 0)
        }
        "replacement that takes volume and address" => {
            let (sim, _, instance) = launched(None);
            sim.kill_instance(&instance);
            rest(&sim);
            calls_of_launch(&sim, 1)
        }
        "replacement after a failed one" => after_a_failed_one(),
        "reboot" => after(None, |sim, _, instance| {
            sim.reboot_instance(instance);
        }),
        "boot that fails" => calls_of_launch(&failing(), 0),
        "boot that parks the stack" => calls_of_launch(&failing(), 2),
        "termination by the group" => after(None, |sim, _, instance| {
            on(sim, sim.terminate_instance(instance)).expect("it is ended");
        }),
        "volume that is lost" => {
            let (sim, stack, instance) = launched(None);
            sim.as_instance(&instance)
                .detach_volume(&stack.volume, None)
                .expect("it is let go");
            let since = sim.trace().len();
            rest(&sim);
            let mut made = calls(&sim, &instance, since);
            // The group ends it next.
            made.truncate(3);
            made
        }
        "address that is taken off" => {
            let (sim, stack, instance) = launched(None);
            let association = sim.inspect(|world| world.addresses[&stack.address].address.association_id.clone());
            sim.as_instance(&instance)
                .disassociate_address(&association.expect("it is there"))
                .expect("it is taken off");
            let since = sim.trace().len();
            rest(&sim);
            calls(&sim, &instance, since)
        }
        "app that dies" => {
            let mut made = after(Some(HealthFrom::Instance), |sim, _, instance| {
                assert!(sim.fail_app(instance));
            });
            // The group ends it next.
            let reported = made.iter().rposition(|call| call == "autoscaling:SetInstanceHealth");
            made.truncate(reported.expect("it is reported") + 1);
            made
        }
        "app that AWS finds impaired" => {
            let mut made = impaired();
            let counted = made.iter().position(|call| call == "autoscaling:CreateOrUpdateTags");
            made.truncate(counted.expect("it is counted") + 1);
            made
        }
        other => panic!("nobody plays {other}"),
    }
}

#[test]
fn the_model_makes_the_calls_that_are_listed() {
    let mut wrong = Vec::new();
    for (scenario, listed) in scenarios(true) {
        let made = play(&scenario);
        if std::panic::catch_unwind(|| assert_calls(&scenario, &listed, made.clone())).is_err() {
            wrong.push(scenario);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
