//! Volumes under a customer's key.

use std::time::Duration;

use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, When};
use selfheal_aws::{ApplyErrorKind, Goal};
use selfheal_core::Observed;
use selfheal_core::operator::operator_scope;
use selfheal_core::plan::PlanOptions;
use selfheal_core::spec::Spec;
use selfheal_policy::{Purpose, operator_policy};

use crate::support::{applied_as, census, even, look, run, run_until_done, serving, web};

const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn keyed() -> Spec {
    let mut spec = web();
    spec.data.as_mut().expect("it has data").kms_key = Some(KEY.to_owned());
    spec.instance.kms_key = Some(KEY.to_owned());
    spec
}

/// The operator's policy for apply, of a stack under this key.
fn operator(key: Option<&str>) -> String {
    let mut spec = web();
    spec.data.as_mut().expect("it has data").kms_key = key.map(str::to_owned);
    let scope = operator_scope(&spec, "123456789012", &Observed::default());
    operator_policy(&scope, Purpose::Apply)
        .expect("a sound scope")
        .to_json()
}

fn data_keys(sim: &Sim) -> Vec<Option<String>> {
    sim.inspect(|world| {
        let data = world.volumes.values().filter(|record| !record.delete_on_termination);
        data.map(|record| record.volume.kms_key.clone()).collect()
    })
}

#[test]
fn a_key_of_the_spec_encrypts_both_volumes_and_the_policies_suffice() {
    let sim = applied_as(
        SimConfig {
            operator_policy: Some(operator(Some(KEY)).into()),
            ..even(81)
        },
        &keyed(),
    );
    sim.settle(Duration::from_secs(900));
    let (first, ..) = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    assert_eq!(data_keys(&sim), [Some(KEY.to_owned())]);
    let root = sim.inspect(|world| {
        let template = world.templates.values().next().expect("it was made");
        template.versions[0].root.kms_key.clone()
    });
    assert_eq!(root.as_deref(), Some(KEY));
    assert!(look(&sim, &keyed(), Goal::Apply).is_empty());
    sim.kill_instance(&first);
    sim.settle(Duration::from_secs(1800));
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
}

#[test]
fn the_accounts_default_key_is_noticed_named_and_granted() {
    let sim = Sim::new(SimConfig {
        default_key: Some(KEY.to_owned()),
        ..even(82)
    });
    let plan = look(&sim, &web(), Goal::Apply);
    assert!(plan.to_string().contains(&format!("by {KEY}")), "{plan}");
    assert!(plan.notes.iter().any(|note| note.code == "root-key"), "{plan}");
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.settle(Duration::from_secs(900));
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    let policy = sim.inspect(|world| {
        let role = world.roles.values().next().expect("it was made");
        format!("{:?}", role.policies)
    });
    assert!(policy.contains("kms:CreateGrant") && policy.contains(KEY), "{policy}");
    // Nothing asks for it again, and nothing forgets it.
    sim.tamper(|world| world.config.default_key = None);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
}

#[test]
fn a_default_key_that_no_policy_can_name_is_refused() {
    let sim = Sim::new(SimConfig {
        default_key: Some("alias/ours".to_owned()),
        ..even(83)
    });
    let plan = look(&sim, &web(), Goal::Apply);
    assert_eq!(plan.refusals[0].code, "default-key-alias", "{plan}");
}

#[test]
fn a_volume_keeps_its_key_and_a_key_of_another_region_is_none() {
    let sim = applied_as(even(84), &web());
    let plan = look(&sim, &keyed(), Goal::Apply);
    assert_eq!(plan.refusals[0].code, "volume-key", "{plan}");
    let mut spec = web();
    let elsewhere = KEY.replace("eu-west-1", "us-east-1");
    spec.data.as_mut().expect("it has data").kms_key = Some(elsewhere);
    let plan = look(&Sim::new(even(84)), &spec, Goal::Apply);
    assert_eq!(plan.refusals[0].code, "key-region", "{plan}");
}

#[test]
fn a_volume_that_vanishes_since_its_key_cannot_be_used_is_explained_and_not_made_again() {
    let broken = SimConfig {
        unusable_keys: [KEY.to_owned()].into(),
        ..even(85)
    };
    let denied = SimConfig {
        operator_policy: Some(operator(None).into()),
        ..even(85)
    };
    for config in [broken, denied] {
        let sim = Sim::new(config.clone());
        for run_number in 1..=2 {
            let error = sim
                .block_on(run(&sim, &keyed(), Goal::Apply))
                .expect("no crash")
                .expect_err("the key cannot be used");
            let ApplyErrorKind::Refused(refusals) = &error.kind else {
                panic!("{error}\n{}", sim.trace_text())
            };
            assert_eq!(refusals[0].code, "volume-vanished");
            assert!(refusals[0].message.contains(KEY) && refusals[0].help.contains("kms:CreateGrant"));
            let made = sim.inspect(|world| world.volumes.len());
            assert_eq!(made, run_number, "one volume a run\n{}", sim.trace_text());
            assert_eq!(sim.inspect(|world| world.groups.len()), 0, "{}", sim.trace_text());
        }
        // The way out: the key can be used again.
        sim.tamper(|world| {
            world.config.unusable_keys.clear();
            world.config.operator_policy = None;
        });
        run_until_done(&sim, &keyed(), Goal::Apply, 1);
        sim.settle(Duration::from_secs(900));
        assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    }
}

#[test]
fn a_volume_under_awss_own_key_that_vanishes_is_explained_too() {
    let sim = Sim::new(even(86));
    let create = When::Nth("ec2:CreateVolume".to_owned(), 1);
    sim.set_faults(
        FaultPlan::none()
            .with_times(create.clone(), Fault::CreationFails, 1)
            .with(
                When::Every("autoscaling:CreateAutoScalingGroup".to_owned()),
                Fault::Refuse(
                    "ValidationError".to_owned(),
                    "Invalid IAM Instance Profile name".to_owned(),
                ),
            ),
    );
    // It is gone before the group is made, or after: no run ends as if there were one.
    let first = sim.block_on(run(&sim, &web(), Goal::Apply)).expect("no crash");
    assert!(first.is_err());
    sim.set_faults(FaultPlan::none());
    // Policy and template name it by then: only a person can say that it held nothing.
    let plan = look(&sim, &web(), Goal::Apply);
    assert_eq!(plan.refusals[0].code, "volume-lost", "{plan}");
    let anew = Goal::ApplyWith(PlanOptions {
        new_volume: true,
        ..PlanOptions::default()
    });
    run_until_done(&sim, &web(), anew, 1);
    sim.settle(Duration::from_secs(900));
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    assert_eq!(census(&sim)[1], ("data volumes", 1));
}
