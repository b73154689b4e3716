//! The app's configuration in Parameter Store, on the simulated AWS: what a boot needs of it, and how it is written.

use std::collections::BTreeSet;
use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, FaultRule, Sim, SimConfig, When};
use selfheal_aws::{
    CallErrorKind, Control, Goal, Silent, list_parameters, noted_parameters, read_parameter, remove_parameter,
    write_parameter,
};
use selfheal_core::config::{ConfigDiff, Value, WriteParameter, diff};
use selfheal_core::spec::{ConfigSpec, Spec};
use selfheal_policy::Purpose;

use crate::support::{even, look, operate, run_until_done, serving, web};

const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const PATH: &str = "/web";

fn configured(required: &[&str], key: Option<&str>) -> Spec {
    let mut spec = web();
    spec.config = Some(ConfigSpec {
        path: PATH.to_owned(),
        required: required.iter().map(|name| (*name).to_owned()).collect(),
        refresh_s: None,
        kms_key: key.map(str::to_owned),
    });
    spec
}

fn control(sim: &Sim) -> Control<'_> {
    Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    }
}

fn input(name: &str, value: &str, key: Option<&str>) -> WriteParameter {
    WriteParameter {
        name: format!("{PATH}/{name}"),
        value: Value::new(value),
        secret: true,
        kms_key: key.map(str::to_owned),
    }
}

fn write(sim: &Sim, input: &WriteParameter) -> selfheal_aws::Written {
    let written = sim.block_on(write_parameter(sim, input, &control(sim)));
    written.expect("it ends").expect("it is written")
}

fn settle(sim: &Sim) {
    sim.settle(Duration::from_secs(1_800));
}

#[test]
fn a_required_parameter_that_is_missing_fails_every_boot_until_the_stack_parks_itself() {
    let (sim, spec) = (Sim::new(even(1)), configured(&["DATABASE_URL"], None));
    run_until_done(&sim, &spec, Goal::Apply, 1);
    sim.settle(Duration::from_secs(6 * 3_600));
    assert!(serving(&sim).is_none());
    let tags = sim.inspect(|world| world.groups["selfheal-web"].tags.clone());
    assert_eq!(tags["selfheal:failed-boots"], "3");
    assert!(tags.contains_key("selfheal:parked"), "{tags:?}");
    let expected = "the parameter /web/DATABASE_URL is not there, and required";
    assert!(tags["selfheal:last-error"].contains(expected), "{tags:?}");
    write(&sim, &input("DATABASE_URL", "postgres://db/app", None));
    run_until_done(&sim, &spec, Goal::Resume, 1);
    settle(&sim);
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
}

#[test]
fn the_instance_notes_what_it_has_and_a_reboot_fetches_again() {
    let (sim, spec) = (Sim::new(even(2)), configured(&[], None));
    write(&sim, &input("A", "one", None));
    run_until_done(&sim, &spec, Goal::Apply, 1);
    settle(&sim);
    let compare = |sim: &Sim| {
        let control = control(sim);
        sim.block_on(async {
            let present = list_parameters(sim, PATH, &control).await?;
            let noted = noted_parameters(sim, "selfheal-web", &control).await?;
            Ok::<_, selfheal_aws::CallError>(diff(noted.as_deref(), PATH, &present))
        })
        .expect("it ends")
        .expect("it can be read")
    };
    assert_eq!(compare(&sim), ConfigDiff::Same);
    let written = write(&sim, &input("A", "two", None));
    assert_eq!((written.version, written.shown), (2, true));
    assert!(matches!(compare(&sim), ConfigDiff::Changed { changes } if changes.len() == 1));
    let (instance, ..) = serving(&sim).expect("it serves");
    sim.reboot_instance(&instance);
    settle(&sim);
    assert_eq!(compare(&sim), ConfigDiff::Same);
    // What the instance notes is no drift.
    assert!(look(&sim, &spec, Goal::Apply).is_empty());
}

#[test]
fn both_live_within_the_generated_policies_and_use_all_that_they_grant_about_it() {
    let sim = Sim::new(even(3));
    let spec = configured(&["A"], Some(KEY));
    write(&sim, &input("A", "one", Some(KEY)));
    run_until_done(&sim, &spec, Goal::Apply, 1);
    settle(&sim);
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    let used = |sim: &Sim, operator: bool| -> BTreeSet<String> {
        sim.inspect(|world| {
            let granted = world.granted.iter().filter(|granted| granted.operator == operator);
            let actions = granted.filter(|granted| granted.statement.contains("Parameter"));
            actions.map(|granted| granted.action.clone()).collect()
        })
    };
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<String>>()
    };
    assert_eq!(used(&sim, false), set(&["kms:Decrypt", "ssm:GetParametersByPath"]));
    operate(&sim, Purpose::Config, |scope| {
        scope.parameter_path = Some(PATH.to_owned());
        scope.parameter_key = Some(KEY.to_owned());
    });
    let control = control(&sim);
    let all = sim.block_on(async {
        list_parameters(&sim, PATH, &control).await?;
        write_parameter(&sim, &input("B", "two", Some(KEY)), &control).await?;
        let read = read_parameter(&sim, "/web/B", &control).await?;
        remove_parameter(&sim, "/web/B", &control).await?;
        noted_parameters(&sim, "selfheal-web", &control).await?;
        Ok::<_, selfheal_aws::CallError>(read)
    });
    let (told, value) = all.expect("it ends").expect("all is allowed").expect("it is there");
    assert_eq!((told.version, value.expose(), told.is_secret()), (1, "two", true));
    let expected = [
        "kms:Decrypt",
        "kms:Encrypt",
        "ssm:DeleteParameters",
        "ssm:GetParameter",
        "ssm:GetParametersByPath",
        "ssm:PutParameter",
    ];
    assert_eq!(used(&sim, true), set(&expected));
    for other in ["/other/A", "/web2/A", "/selfheal/web/bundle/0123/00"] {
        let foreign = WriteParameter {
            name: other.to_owned(),
            ..input("A", "x", None)
        };
        let written = sim
            .block_on(write_parameter(&sim, &foreign, &control))
            .expect("it ends");
        assert_eq!(written.unwrap_err().kind(), CallErrorKind::Denied, "{other}");
    }
}

#[test]
fn a_key_that_the_instance_may_not_use_fails_its_boot() {
    let sim = Sim::new(even(4));
    // The spec names no key, and a parameter was written under one.
    write(&sim, &input("A", "one", Some(KEY)));
    run_until_done(&sim, &configured(&[], None), Goal::Apply, 1);
    settle(&sim);
    let tags = sim.inspect(|world| world.groups["selfheal-web"].tags.clone());
    let error = &tags["selfheal:last-error"];
    assert!(error.contains("AccessDenied") && error.contains(KEY), "{tags:?}");
}

#[test]
fn what_was_written_shows_late_and_is_waited_for() {
    let sim = Sim::new(even(5));
    write(&sim, &input("A", "one", None));
    sim.set_faults(FaultPlan {
        rules: vec![FaultRule {
            when: When::Nth("ssm:PutParameter".to_owned(), 1),
            caller: None,
            fault: Fault::LateVisibility(20_000),
            times: Some(1),
        }],
        ..FaultPlan::none()
    });
    let before = sim.inspect(|world| world.now_ms);
    let written = write(&sim, &input("A", "two", None));
    assert_eq!((written.version, written.shown), (2, true));
    let took_ms = sim.inspect(|world| world.now_ms) - before;
    assert!((20_000..40_000).contains(&took_ms), "{took_ms}");
}

#[test]
fn throttled_and_lost_answers_are_borne() {
    for fault in [Fault::Throttle, Fault::ErrorBeforeEffect, Fault::AnswerLost] {
        for action in [
            "ssm:PutParameter",
            "ssm:GetParameter",
            "ssm:GetParametersByPath",
            "ssm:DeleteParameters",
        ] {
            let sim = Sim::new(SimConfig {
                page_size: Some(2),
                ..even(6)
            });
            sim.set_faults(FaultPlan {
                rules: vec![FaultRule {
                    when: When::Every(action.to_owned()),
                    caller: None,
                    fault: fault.clone(),
                    times: Some(2),
                }],
                ..FaultPlan::none()
            });
            let control = control(&sim);
            let left = sim.block_on(async {
                for name in ["A", "B", "C", "D", "E"] {
                    write_parameter(&sim, &input(name, name, None), &control).await?;
                }
                remove_parameter(&sim, "/web/C", &control).await?;
                list_parameters(&sim, PATH, &control).await
            });
            let names: Vec<String> = (left.expect("it ends").expect("it passes").into_iter())
                .map(|told| told.name)
                .collect();
            assert_eq!(names, ["/web/A", "/web/B", "/web/D", "/web/E"], "{fault:?} at {action}");
        }
    }
}
