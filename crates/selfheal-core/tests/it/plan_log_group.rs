//! What an apply and a destroy plan for the stack's log group.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::Action;
use selfheal_core::names::{TAG_ROLE, Tags};
use selfheal_core::permissions::tells_of_logs;
use selfheal_core::plan::{Change, DestroyOptions, Plan, StepKind, plan, plan_destroy};
use selfheal_core::spec::{HealthFrom, LogsSpec, Spec};
use selfheal_core::world::{LogGroup, LogGroupCall, Observed};

const NAME: &str = "/selfheal/web";

fn kept_for(retention_days: u32) -> Spec {
    Spec {
        logs: Some(LogsSpec {
            retention_days,
            files: Vec::new(),
        }),
        ..probed(HealthFrom::Instance)
    }
}

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

fn calls(actions: &[Action]) -> Vec<LogGroupCall> {
    let calls = actions.iter().filter_map(|action| match action {
        Action::LogGroup(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}

fn notes(plan: &Plan) -> Vec<&str> {
    plan.notes.iter().map(|note| note.code.as_str()).collect()
}

#[test]
fn it_is_made_with_the_stacks_tags_and_given_its_retention_before_an_instance_starts() {
    let mut world = empty_world();
    let actions = carry_out(|world| plan(&kept_for(14), world), &mut world);
    let made = calls(&actions);
    let [
        LogGroupCall::CreateLogGroup { name, tags },
        LogGroupCall::PutRetentionPolicy { name: of, days: 14 },
    ] = made.as_slice()
    else {
        panic!("{made:?}");
    };
    assert_eq!((name.as_str(), of.as_str()), (NAME, NAME));
    assert_eq!(tags[TAG_ROLE], "log-group");
    let at = |wanted: fn(&Action) -> bool| actions.iter().position(wanted).expect("it is planned");
    let retained = at(|action| matches!(action, Action::LogGroup(LogGroupCall::PutRetentionPolicy { .. })));
    assert!(retained < at(|action| matches!(action, Action::Group(_))));
    assert!(plan(&kept_for(14), &world).is_empty());
    assert!(tells_of_logs(
        world.role_policy.as_ref().expect("the role has a policy")
    ));
    // A stack that asks for none plans nothing of it.
    assert_eq!(calls(&carry_out(|world| plan(&web(), world), &mut empty_world())), []);
}

#[test]
fn a_run_that_ended_between_the_two_calls_is_finished_and_a_retention_is_changed() {
    let mut world = applied(&kept_for(14));
    let group = world.log_group.as_mut().expect("it is there");
    group.retention_days = None;
    let resumed = plan(&kept_for(14), &world);
    let [step] = resumed.steps.as_slice() else {
        panic!("{resumed:?}");
    };
    assert_eq!((step.kind, step.change), (StepKind::PutRetentionPolicy, Change::Create));
    carry_out(|world| plan(&kept_for(14), world), &mut world);
    let changed = plan(&kept_for(90), &world).to_string();
    assert!(changed.contains("14 days") && changed.contains("90 days"), "{changed}");
    carry_out(|world| plan(&kept_for(90), world), &mut world);
    assert!(plan(&kept_for(90), &world).is_empty());
}

#[test]
fn a_group_of_that_name_that_is_somebody_elses_is_refused() {
    let mut world = empty_world();
    world.log_group = Some(LogGroup {
        name: NAME.to_owned(),
        retention_days: None,
        tags: Tags::new(),
    });
    let refused = plan(&kept_for(14), &world);
    assert_eq!(refused.refusals[0].code, "foreign-resource");
    // Nor is it deleted, or spoken of.
    let gone = plan_destroy(&kept_for(14), &world, &DestroyOptions::ALL);
    assert!(gone.is_empty() && !notes(&gone).contains(&"logs-kept"), "{gone}");
    assert!(notes(&gone).contains(&"logs-unknown"), "{gone}");
}

#[test]
fn a_destroy_that_names_logs_of_which_nothing_is_known_says_so() {
    let told = |spec: &Spec, world: &Observed, options: &DestroyOptions| {
        let plan = plan_destroy(spec, world, options);
        let note = plan.notes.iter().find(|note| note.code == "logs-unknown");
        note.map(|note| note.message.clone()).unwrap_or_default()
    };
    let without = applied(&web());
    let unasked = told(&web(), &without, &DestroyOptions::ALL);
    assert!(unasked.contains("neither the spec nor the role's policy"), "{unasked}");
    assert!(unasked.contains("with [logs] in the spec, /selfheal/web"), "{unasked}");
    let missing = told(&kept_for(14), &without, &DestroyOptions::ALL);
    assert!(missing.contains("there is no log group /selfheal/web"), "{missing}");
    assert_eq!(told(&web(), &without, &DestroyOptions::KEEP), "");
    assert_eq!(told(&kept_for(14), &applied(&kept_for(14)), &DestroyOptions::ALL), "");
}

#[test]
fn what_leaves_the_spec_is_kept_and_told_as_long_as_the_role_tells_of_it() {
    let mut world = applied(&kept_for(14));
    let left = plan(&web(), &world);
    assert!(notes(&left).contains(&"logs-kept"), "{left}");
    let actions = carry_out(|world| plan(&web(), world), &mut world);
    assert_eq!(calls(&actions), []);
    assert!(!tells_of_logs(
        world.role_policy.as_ref().expect("the role has a policy")
    ));
}

#[test]
fn a_destroy_keeps_it_unless_it_is_named() {
    let mut world = applied(&kept_for(14));
    let kept = plan_destroy(&kept_for(14), &world, &DestroyOptions::KEEP);
    assert!(kept.to_string().contains("--delete-logs"), "{kept}");
    let options = DestroyOptions {
        delete_logs: true,
        ..DestroyOptions::KEEP
    };
    let actions = carry_out(|world| plan_destroy(&kept_for(14), world, &options), &mut world);
    let at = |wanted: fn(&Action) -> bool| actions.iter().position(wanted).expect("it is planned");
    let deleted = at(|action| matches!(action, Action::LogGroup(LogGroupCall::DeleteLogGroup { .. })));
    let stopped = at(|action| matches!(action, Action::Group(_)));
    // The instance is gone by then, and the role's policy, which tells of the group, goes after it.
    assert!(stopped < deleted && deleted < at(|action| matches!(action, Action::Role(_))));
    assert_eq!(world.log_group, None);
}

#[test]
fn only_a_retention_that_cloudwatch_logs_knows_is_read() {
    let parse = |section: &str| {
        let head = "name = \"web\"\nregion = \"eu-west-1\"\n\
                    [instance]\ntype = \"t4g.small\"\nimage = \"al2023-arm64\"\ningress = []\n";
        format!("{head}{section}")
            .parse::<Spec>()
            .map(|spec| spec.logs.map(|logs| logs.retention_days))
            .map_err(|errors| errors.to_string())
    };
    assert_eq!(parse(""), Ok(None));
    assert_eq!(parse("[logs]\n"), Ok(Some(30)));
    assert_eq!(parse("[logs]\nretention_days = 3653\n"), Ok(Some(3653)));
    let none = parse("[logs]\nretention_days = 31\n").expect_err("it is refused");
    assert!(none.contains("the next longer one: 60"), "{none}");
    for wrong in ["0", "3654", "\"30d\"", "true"] {
        parse(&format!("[logs]\nretention_days = {wrong}\n")).expect_err(wrong);
    }
}
