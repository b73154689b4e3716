//! The examples, run.

#[path = "../../examples/plan.rs"]
mod plan;

use selfheal_core::plan::StepKind;

#[test]
fn the_example_plans_a_stack_without_aws() {
    let first = plan::first_plan().expect("the example is valid");
    assert!(first.step(StepKind::CreateGroup).is_some());
    let refused: Vec<&str> = first.refusals.iter().map(|refusal| refusal.code.as_str()).collect();
    // The zone is the one thing of the example that an account without it refuses.
    assert_eq!(refused, ["zone-missing"]);
    plan::main().expect("it prints");
}
