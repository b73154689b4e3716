//! The right file in the wrong place: a stack that was renamed, and credentials of another account.

use std::time::Duration;

use selfheal_aws::Goal;
use selfheal_aws::sim::{Sim, SimConfig};

use crate::support::{applied, even, look, run, run_until_done, serving, web};

const SETTLED: Duration = Duration::from_secs(900);

#[test]
fn a_stack_that_is_renamed_is_another_one_and_takes_nothing_of_the_first() {
    let sim = applied(even(90));
    sim.settle(SETTLED);
    let before = serving(&sim);
    let address = before.as_ref().map(|(_, address, _)| address.clone());
    let mut renamed = web();
    renamed.name = "shop".to_owned();
    let effects = sim.effects();
    // The record is the first one's: refused before anything is made.
    let plan = look(&sim, &renamed, Goal::Apply);
    assert!(
        plan.refusals.iter().any(|it| it.message.contains("app.example.com")),
        "{plan}"
    );
    assert!(
        sim.block_on(run(&sim, &renamed, Goal::Apply))
            .expect("it ends")
            .is_err()
    );
    assert_eq!(sim.effects(), effects);
    // Without a name it is a stack beside the first.
    renamed.dns = None;
    run_until_done(&sim, &renamed, Goal::Apply, 1);
    sim.settle(SETTLED);
    assert_eq!(serving(&sim), before);
    let addresses: Vec<String> = sim.inspect(|world| {
        let all = world.addresses.values();
        all.map(|record| record.address.public_ip.clone()).collect()
    });
    assert!(addresses.len() == 2 && addresses.contains(&address.expect("it has one")));
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    assert!(sim.violations().is_empty(), "{:?}", sim.violations());
}

#[test]
fn a_stack_with_a_name_is_refused_in_an_account_that_has_not_its_zone_before_anything_is_made() {
    let sim = Sim::new(SimConfig {
        account: "999999999999".to_owned(),
        hosted_zones: Vec::new(),
        ..even(91)
    });
    let plan = look(&sim, &web(), Goal::Apply);
    assert!(plan.to_string().contains("account 999999999999"), "{plan}");
    let told = plan
        .refusals
        .iter()
        .any(|it| it.message.contains("in account 999999999999"));
    assert!(told, "{plan}");
    assert!(sim.block_on(run(&sim, &web(), Goal::Apply)).expect("it ends").is_err());
    assert_eq!(sim.effects(), 0);
}
