//! A stack in each of AWS's partitions, made, healed and removed within the generated policies.

use selfheal_aws::Goal;
use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_core::operator::operator_scope;
use selfheal_core::plan::DestroyOptions;
use selfheal_core::{Observed, Spec};
use selfheal_policy::{Purpose, operator_policy};

use crate::support::{even, look, run, run_until_done, serving, web};

const REGIONS: [&str; 8] = [
    "eu-west-1",
    "cn-north-1",
    "us-gov-west-1",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "eu-isoe-west-1",
    "us-isof-south-1",
];

fn operate(sim: &Sim, spec: &Spec, purpose: Purpose) {
    let scope = operator_scope(spec, "123456789012", &Observed::default());
    let policy = operator_policy(&scope, purpose).expect("the scope is well-formed");
    sim.tamper(|world| world.config.operator_policy = Some(policy.to_json().into()));
}

#[test]
fn a_stack_lives_in_every_partition() {
    for region in REGIONS {
        let mut spec = web();
        region.clone_into(&mut spec.region);
        let sim = Sim::new(SimConfig {
            region: region.to_owned(),
            ..even(1)
        });
        operate(&sim, &spec, Purpose::Apply);
        run_until_done(&sim, &spec, Goal::Apply, 1);
        sim.settle(std::time::Duration::from_secs(3_600));
        let (first, address, volume) = serving(&sim).unwrap_or_else(|| panic!("{region}\n{}", sim.trace_text()));
        sim.kill_instance(&first);
        sim.settle(std::time::Duration::from_secs(3_600));
        let (second, ..) = serving(&sim).expect("it healed");
        assert_ne!(first, second);
        assert_eq!(
            serving(&sim).map(|(_, a, v)| (a, v)),
            Some((address, volume)),
            "{region}"
        );
        assert!(look(&sim, &spec, Goal::Apply).is_empty(), "{region}");
        operate(&sim, &spec, Purpose::Destroy);
        run_until_done(&sim, &spec, Goal::Destroy(DestroyOptions::default()), 1);
        assert!(sim.inspect(|world| world.roles.is_empty()), "{region}");
    }
}

#[test]
fn a_stack_of_another_region_is_refused_before_anything_is_made() {
    let config = SimConfig {
        region: "us-east-1".to_owned(),
        ..SimConfig::seeded(7)
    };
    let sim = Sim::new(config);
    let plan = look(&sim, &web(), Goal::Apply);
    assert!(
        plan.refusals.iter().any(|refusal| refusal.code == "other-region"),
        "{plan}"
    );
    let ended = sim.block_on(run(&sim, &web(), Goal::Apply)).expect("it ends");
    assert!(ended.is_err());
    assert_eq!(sim.effects(), 0, "{}", sim.trace_text());
}
