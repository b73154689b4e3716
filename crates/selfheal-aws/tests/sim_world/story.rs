//! The whole story with the executor: made, killed, healed, gone, each call within the operator's generated policy.

use selfheal_aws::sim::{Sim, SimConfig};
use selfheal_aws::{Goal, apply, observe};
use selfheal_core::Observed;
use selfheal_core::operator::operator_scope;
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::Spec;
use selfheal_policy::{Document, Purpose, operator_policy};

use crate::support::{control, example, member, rest, sim_text};

/// Reads, plans and executes, as the command does.
pub fn run(sim: &Sim, spec: &Spec, goal: Goal) {
    let outcome = sim.block_on(async {
        let ctl = control(sim);
        let observed = observe(sim, spec, goal.scope(), &ctl)
            .await
            .map_err(|error| error.to_string())?;
        let plan = goal.plan(spec, &observed);
        apply(sim, spec, goal, &plan, observed, &ctl)
            .await
            .map_err(|error| format!("{error}: {error:?}"))
    });
    match outcome {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => panic!("{error}\n{}", sim.trace_text()),
        Err(error) => panic!("{error}\n{}", sim.trace_text()),
    }
}

fn policy(purpose: Purpose) -> String {
    let scope = operator_scope(&example(), "123456789012", &Observed::default());
    operator_policy(&scope, purpose)
        .expect("the scope is well-formed")
        .to_json()
}

fn operate_under(sim: &Sim, purpose: Purpose) {
    sim.tamper(|world| world.config.operator_policy = Some(policy(purpose).into()));
}

#[test]
fn made_killed_healed_and_gone_within_the_generated_policies() {
    for seed in 0..10 {
        let sim = Sim::new(SimConfig::seeded(seed));
        let spec = example();
        operate_under(&sim, Purpose::Apply);
        run(&sim, &spec, Goal::Apply);
        rest(&sim);
        let first = member(&sim);
        let address = sim.inspect(|world| world.addresses.values().next().unwrap().address.clone());
        assert_eq!(address.instance_id.as_ref(), Some(&first));
        assert!(sim.kill_instance(&first));
        rest(&sim);
        let moved = sim.inspect(|world| world.addresses.values().next().unwrap().address.clone());
        assert_eq!(
            (moved.public_ip, moved.instance_id),
            (address.public_ip, Some(member(&sim)))
        );
        let before = sim.effects();
        run(&sim, &spec, Goal::Apply);
        assert_eq!(sim.effects(), before, "a second apply changes nothing");
        operate_under(&sim, Purpose::Destroy);
        run(&sim, &spec, Goal::Destroy(DestroyOptions::default()));
        rest(&sim);
        sim.inspect(|world| {
            assert_eq!(
                (world.addresses.len(), world.groups.len(), world.roles.len()),
                (1, 0, 0),
                "{}",
                sim_text(world)
            );
            assert_eq!(world.describe_all_volumes().len(), 1);
        });
    }
}

/// The ids of the resources that each statement of the apply policy lets through are all needed.
#[test]
fn without_any_one_statement_a_call_of_apply_is_refused() {
    let whole: Document = policy(Purpose::Apply).parse().unwrap();
    let mut idle = Vec::new();
    for statement in &whole.statements {
        let others: Vec<_> = whole
            .statements
            .iter()
            .filter(|other| *other != statement)
            .cloned()
            .collect();
        let sim = Sim::new(SimConfig::seeded(1));
        sim.tamper(|world| world.config.operator_policy = Some(Document::new(others).to_json().into()));
        let spec = example();
        let outcome = sim.block_on(async {
            let ctl = control(&sim);
            let observed = observe(&sim, &spec, Goal::Apply.scope(), &ctl)
                .await
                .map_err(|error| error.to_string())?;
            let plan = Goal::Apply.plan(&spec, &observed);
            apply(&sim, &spec, Goal::Apply, &plan, observed, &ctl)
                .await
                .map_err(|error| error.to_string())
        });
        if outcome.unwrap().is_ok() {
            idle.push(statement.sid.as_ref().unwrap().to_string());
        }
    }
    // A first apply notes the record in the call that allocates the address, changes no group, and the service-linked role of
    // Auto Scaling is taken to exist.
    assert_eq!(idle, ["RememberRecord", "ChangeGroup", "AutoScalingRole"]);
}
