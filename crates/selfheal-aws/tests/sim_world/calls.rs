//! The model of the boot program makes the calls that are listed, in their order; the boot program itself is held to the
//! same list by the tests of selfheal-userdata.

use selfheal_aws::sim::{InstanceChange, Sim, TraceKind};
use selfheal_aws::{AutoScaling, Ec2, Goal};
use selfheal_core::spec::{
    Answers, ChallengeKind, ConfigSpec, DnsSpec, HealthFrom, HealthProbe, HealthSpec, HttpsSpec, Repair, Setup, Site,
    ZoneRef,
};
use selfheal_core::world::{InstanceId, InstanceState, ModifyVolume};

use crate::call_list::{Calls, assert_calls, scenarios};
use crate::story::run;
use crate::support::{HOUR, Stack, create, member, on, prepare_with, rest, spec, termination_hook, world};

/// A probe that is asked from here.
fn probe(from: HealthFrom) -> HealthSpec {
    HealthSpec {
        from,
        ..HealthSpec::new(HealthProbe::Http {
            tls: false,
            port: 80,
            path: "/".to_owned(),
        })
    }
}

/// A world with a stack that is not launched yet: its health check, and both hooks.
fn prepared(health: Option<HealthFrom>) -> (Sim, Stack) {
    let sim = world(1);
    let mut stack = prepare_with(&sim, |spec| spec.app.health = health.map(probe));
    stack.settings.hooks.push(termination_hook());
    (sim, stack)
}

/// A stack in service, and the instance that serves.
fn launched(health: Option<HealthFrom>) -> (Sim, Stack, InstanceId) {
    let (sim, stack) = prepared(health);
    create(&sim, &stack);
    let instance = member(&sim);
    (sim, stack, instance)
}

/// What an instance has asked for since the trace had so many entries, as the service and the action.
fn calls(sim: &Sim, instance: &InstanceId, since: usize) -> Calls {
    let trace = sim.trace();
    let call = |kind: &TraceKind| match kind {
        TraceKind::Call(call) if call.caller == instance.as_str() => Some(call.action.clone()),
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
fn after(health: Option<HealthFrom>, happen: impl FnOnce(&Sim, &Stack, &InstanceId)) -> Calls {
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

/// What an instance asks after its app has failed, where it restarts that first.
fn repaired(fail: impl FnOnce(&Sim, &InstanceId) -> bool) -> Calls {
    let sim = world(1);
    let mut stack = prepare_with(&sim, |spec| {
        spec.app.health = Some(probe(HealthFrom::Instance));
        spec.app.repair = Some(Repair::Restart);
    });
    stack.settings.hooks.push(termination_hook());
    create(&sim, &stack);
    let instance = member(&sim);
    let since = sim.trace().len();
    assert!(fail(&sim, &instance));
    rest(&sim);
    calls(&sim, &instance, since)
}

/// The data volume grows.
fn grow(sim: &Sim, stack: &Stack) {
    let larger = ModifyVolume {
        id: stack.volume.clone(),
        size_gib: Some(40),
        volume_type: None,
        iops: None,
        throughput_mibps: None,
    };
    on(sim, sim.modify_volume(&larger)).expect("it grows");
}

fn on_a_larger_volume() -> Calls {
    let (sim, stack, instance) = launched(None);
    sim.kill_instance(&instance);
    grow(&sim, &stack);
    rest(&sim);
    calls_of_launch(&sim, 1)
}

/// What an instance asks for a certificate that it gets by records in the DNS.
fn by_records() -> Calls {
    let sim = world(1);
    let site = Site {
        domains: vec!["app.example.com".to_owned()],
        answers: Answers::Root("/srv/data/www".to_owned()),
    };
    let stack = prepare_with(&sim, |spec| {
        spec.app.health = None;
        spec.dns = Some(DnsSpec {
            zone: ZoneRef::Name("example.com".to_owned()),
            name: "app.example.com".to_owned(),
            overwrite: false,
            ttl_s: 60,
        });
        spec.https = Some(HttpsSpec {
            challenge: ChallengeKind::Dns,
            ..HttpsSpec::new(vec![site])
        });
    });
    create(&sim, &stack);
    rest(&sim);
    let made = calls_of_launch(&sim, 0).into_iter();
    made.skip_while(|call| !call.starts_with("route53:")).collect()
}

fn impaired() -> Calls {
    let sim = world(1);
    let mut asked = spec();
    asked.app.health = Some(probe(HealthFrom::Aws));
    run(&sim, &asked, Goal::Apply);
    rest(&sim);
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
    let sim = world(1);
    let mut stack = prepare_with(&sim, |spec| {
        let mut noise = 1_u32;
        let mut letter = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (noise >> 27) as u8 % 26
        };
        spec.app.health = None;
        spec.app.setup = Some(Setup {
            path: "setup.sh".to_owned(),
            body: (0..20_000).map(|_| letter()).collect(),
        });
    });
    stack.settings.hooks.push(termination_hook());
    if !there {
        sim.tamper(|world| world.parameters.retain(|name, _| !name.starts_with("/selfheal/")));
    }
    create(&sim, &stack);
    calls_of_launch(&sim, 0)
}

/// The calls of the first instance of a stack that requires a parameter, which is there or is not.
fn configured(there: bool) -> Calls {
    let sim = world(1);
    let mut stack = prepare_with(&sim, |spec| {
        spec.app.health = None;
        spec.config = Some(ConfigSpec {
            path: "/web".to_owned(),
            required: vec!["DATABASE_URL".to_owned()],
            refresh_s: None,
            kms_key: None,
        });
    });
    stack.settings.hooks.push(termination_hook());
    if there {
        sim.tamper(|world| world.set_parameter("/web/DATABASE_URL", "postgres://db/app"));
    }
    create(&sim, &stack);
    calls_of_launch(&sim, 0)
}

fn volume_lost() -> Calls {
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

fn address_taken_off() -> Calls {
    let (sim, stack, instance) = launched(None);
    let association = sim.inspect(|world| world.addresses[&stack.address].address.association_id.clone());
    sim.as_instance(&instance)
        .disassociate_address(&association.expect("it is there"))
        .expect("it is taken off");
    let since = sim.trace().len();
    rest(&sim);
    calls(&sim, &instance, since)
}

/// What a repair asks that helps: once the app has stayed well the row of failures ends.
fn mended(fail: impl FnOnce(&Sim, &InstanceId) -> bool) -> Calls {
    let mut made = repaired(fail);
    made.truncate(2);
    made
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
        "first boot with a configuration" => configured(true),
        "first boot without a parameter" => configured(false),
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
        "replacement on a volume that has grown" => on_a_larger_volume(),
        "volume that grows while it serves" => after(None, |sim, stack, _| grow(sim, stack)),
        "replacement after a failed one" => after_a_failed_one(),
        "reboot" => after(None, |sim, _, instance| assert!(sim.reboot_instance(instance))),
        "machine that panics" => mended(Sim::panic_instance),
        "boot that fails" => calls_of_launch(&failing(), 0),
        "boot that parks the stack" => calls_of_launch(&failing(), 2),
        "termination by the group" => after(None, |sim, _, instance| {
            on(sim, sim.terminate_instance(instance)).expect("it is ended");
        }),
        "machine that goes off" => after(None, |sim, _, instance| {
            assert!(sim.power_off_instance(instance));
        }),
        "volume that is lost" => volume_lost(),
        "address that is taken off" => address_taken_off(),
        "app that dies" => {
            let mut made = after(Some(HealthFrom::Instance), |sim, _, instance| {
                assert!(sim.fail_app(instance));
            });
            // The group ends it next.
            let reported = made.iter().rposition(|call| call == "autoscaling:SetInstanceHealth");
            made.truncate(reported.expect("it is reported") + 1);
            made
        }
        "app that a restart mends" => mended(Sim::hang_app),
        "app that no restart mends" => {
            let mut made = repaired(Sim::fail_app);
            let reported = made.iter().position(|call| call == "autoscaling:SetInstanceHealth");
            made.truncate(reported.expect("it is reported") + 1);
            made
        }
        "certificate by records in the DNS" => by_records(),
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
