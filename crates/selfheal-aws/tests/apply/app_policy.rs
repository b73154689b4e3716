//! The app's own policy on the simulated AWS: put, found again, taken away, and what others gave the role.

use selfheal_aws::sim::{Fault, FaultPlan, Sim, When};
use selfheal_aws::{ApplyErrorKind, Goal};
use selfheal_core::names::{APP_POLICY_NAME, POLICY_NAME};
use selfheal_core::plan::DestroyOptions;
use selfheal_core::spec::{AppPolicy, Spec};
use selfheal_policy::Purpose;

use crate::support::{applied_as, calls, even, look, operate, run, run_until_done, web};

const READ: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"Files","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::web-files/*"}}"#;
const KEEP: Goal = Goal::Destroy(DestroyOptions::KEEP);

fn with_policy() -> Spec {
    let mut spec = web();
    spec.app.policy = Some(AppPolicy {
        path: "policy.json".to_owned(),
        document: READ.parse().expect("a policy"),
    });
    spec
}

fn policies(sim: &Sim) -> Vec<String> {
    sim.inspect(|world| {
        let roles = world.roles.values();
        roles.flat_map(|role| role.policies.keys().cloned()).collect()
    })
}

#[test]
fn it_is_made_found_and_taken_away_within_the_generated_policies() {
    let sim = Sim::new(even(1));
    operate(&sim, Purpose::Apply, |scope| scope.app_policy = true);
    run_until_done(&sim, &with_policy(), Goal::Apply, 1);
    assert_eq!(policies(&sim), [POLICY_NAME, APP_POLICY_NAME]);
    assert!(look(&sim, &with_policy(), Goal::Apply).is_empty());
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(policies(&sim), [POLICY_NAME]);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    run_until_done(&sim, &with_policy(), Goal::Apply, 1);
    operate(&sim, Purpose::Destroy, |scope| scope.app_policy = true);
    // Not even the spec names it any more.
    run_until_done(&sim, &web(), KEEP, 1);
    assert!(sim.inspect(|world| world.roles.is_empty()));
}

/// One call more where the spec names a policy, or the role's own policy tells of one; none elsewhere.
#[test]
fn only_a_stack_with_an_app_policy_pays_for_it() {
    let reads = |sim: &Sim, spec: &Spec| {
        let before = calls(sim);
        look(sim, spec, Goal::Apply);
        calls(sim) - before
    };
    let plain = applied_as(even(2), &web());
    let own = applied_as(even(2), &with_policy());
    let fewest = reads(&plain, &web());
    assert_eq!(fewest, 14);
    assert_eq!(reads(&own, &with_policy()), fewest + 1);
    assert_eq!(reads(&own, &web()), fewest + 1);
}

#[test]
fn an_answer_lost_at_any_of_its_calls_orphans_nothing() {
    for name in ["iam:PutRolePolicy", "iam:DeleteRolePolicy"] {
        for fault in [Fault::AnswerLost, Fault::AccessDenied] {
            let sim = applied_as(even(3), &with_policy());
            let plan = FaultPlan::none().with(When::Nth(name.to_owned(), 1), fault.clone());
            sim.set_faults(plan);
            for _ in 0..3 {
                let _ = sim.block_on(run(&sim, &web(), Goal::Apply));
            }
            assert_eq!(policies(&sim), [POLICY_NAME], "{name} {fault:?}\n{}", sim.trace_text());
            assert!(look(&sim, &web(), Goal::Apply).is_empty());
        }
    }
}

#[test]
fn what_others_gave_the_role_is_a_refusal_before_anything_is_deleted() {
    let sim = applied_as(even(4), &web());
    sim.tamper(|world| {
        let role = world.roles.values_mut().next().expect("a role");
        role.attached
            .push("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore".to_owned());
    });
    let before = sim.effects();
    let error = sim
        .block_on(run(&sim, &web(), KEEP))
        .expect("no crash")
        .expect_err("it is refused");
    let ApplyErrorKind::Refused(refusals) = &error.kind else {
        panic!("{error}");
    };
    assert!(
        refusals[0].message.contains("AmazonSSMManagedInstanceCore"),
        "{refusals:?}"
    );
    assert_eq!(sim.effects(), before, "nothing was deleted");
    sim.tamper(|world| world.roles.values_mut().for_each(|role| role.attached.clear()));
    run_until_done(&sim, &web(), KEEP, 1);
}
