//! The invariants that judge a whole run find the bug that was planted for them.

use selfheal_aws::sim::{Sim, SimConfig, SimError};
use selfheal_aws::{Control, Goal, Silent, apply, observe};
use selfheal_core::plan::{DestroyOptions, Plan};
use selfheal_core::spec::Spec;

use crate::support::{applied, look, run, run_until_done, web};

/// An executor that does not ask what was shown: it takes the plan of what it reads for approved.
async fn blindly(sim: &Sim, spec: &Spec, goal: Goal, shown: &Plan) {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    let sim = sim.showing(shown);
    let observed = observe(&sim, spec, goal.scope(), &ctl).await.expect("it can be read");
    let fresh = goal.plan(spec, &observed);
    drop(apply(&sim, spec, goal, &fresh, observed, &ctl).await);
}

fn first(error: &SimError) -> String {
    match error {
        SimError::Violated { violations, .. } => violations[0].to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn s7_an_executor_that_does_more_than_was_shown_is_told() {
    let sim = applied(SimConfig::seeded(1));
    let spec = web();
    let goal = Goal::Apply;
    let shown = look(&sim, &spec, goal.clone());
    assert!(shown.is_empty());
    // Somebody closes a port after the plan was shown: what opens it again was not.
    sim.tamper(|world| {
        let groups = world.security_groups.values_mut();
        groups.for_each(|record| record.group.ingress.clear());
    });
    let error = sim.block_on(blindly(&sim, &spec, goal, &shown)).unwrap_err();
    assert!(
        first(&error).starts_with("S7: ec2:AuthorizeSecurityGroupIngress on sg-"),
        "{error}"
    );
}

#[test]
fn s7_what_was_shown_of_one_address_is_not_done_to_another() {
    let sim = applied(SimConfig::seeded(2));
    let (spec, release) = (
        web(),
        Goal::Destroy(DestroyOptions {
            release_address: true,
            ..DestroyOptions::KEEP
        }),
    );
    let mut shown = look(&sim, &spec, release.clone());
    for step in &mut shown.steps {
        step.target = step
            .target
            .take()
            .map(|target| target.replace("eipalloc-0", "eipalloc-1"));
    }
    let held: Vec<String> = sim.inspect(|world| world.addresses.keys().map(ToString::to_string).collect());
    held.iter().for_each(|id| sim.permit(id));
    let error = sim.block_on(blindly(&sim, &spec, release, &shown)).unwrap_err();
    assert!(first(&error).starts_with("S7: ec2:"), "{error}");
    assert!(first(&error).contains(&held[0]), "{error}");
}

#[test]
fn s6_a_run_about_another_stack_than_it_serves_is_told() {
    let sim = applied(SimConfig::seeded(3));
    let mut shop = web();
    shop.name = "shop".to_owned();
    shop.dns = None;
    run_until_done(&sim, &shop, Goal::Apply, 2);
    let mut closed = shop.clone();
    closed.instance.instance_type = "t4g.medium".to_owned();
    // The handle says web; the run changes what is shop's.
    let ctl = Control {
        clock: &sim,
        jitter: &sim,
        progress: &Silent,
    };
    let web = sim.serving("web");
    let mistaken = async {
        let observed = observe(&web, &closed, Goal::Apply.scope(), &ctl).await.unwrap();
        let shown = Goal::Apply.plan(&closed, &observed);
        drop(apply(&web, &closed, Goal::Apply, &shown, observed, &ctl).await);
    };
    let error = sim.block_on(mistaken).unwrap_err();
    assert!(
        first(&error).starts_with("S6: ec2:CreateLaunchTemplateVersion on lt-"),
        "{error}"
    );
    assert!(
        first(&error).ends_with("which is of stack shop, in the service of web"),
        "{error}"
    );
}

#[test]
fn s11_a_plan_that_shows_a_parameter_is_told() {
    let sim = Sim::new(SimConfig::seeded(4));
    let spec = web();
    sim.tamper(|world| {
        let record = spec.dns.as_ref().unwrap().name.clone();
        world.set_parameter("/web/secret", &record);
    });
    let error = sim.block_on(run(&sim, &spec, Goal::Apply)).map(drop).unwrap_err();
    assert!(first(&error).starts_with("S11: "), "{error}");
    assert!(
        first(&error).ends_with("tells the value of /web/secret in the plan"),
        "{error}"
    );
}
