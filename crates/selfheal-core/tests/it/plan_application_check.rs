//! EC2's application status check: made, changed and dropped with what the spec says.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::Action;
use selfheal_core::names::TAG_APPLICATION_CHECK;
use selfheal_core::plan::{Need, Readiness, Step, StepId, StepKind, plan};
use selfheal_core::spec::{HealthFrom, HealthProbe, HealthSpec, Ingress, Protocol, Spec};
use selfheal_core::world::{ApplicationCheck, ApplicationCheckCall, CreateApplicationStatusCheck, Observed};

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

fn refusals(spec: &Spec) -> Vec<String> {
    let refusals = plan(spec, &empty_world()).refusals;
    refusals.into_iter().map(|refusal| refusal.code).collect()
}

fn health(spec: &mut Spec) -> &mut HealthSpec {
    spec.app.health.as_mut().expect("the example has a probe")
}

/// What the planner would create, once its inputs are known.
fn create(spec: &Spec, world: &Observed) -> CreateApplicationStatusCheck {
    match plan(spec, world)
        .ready()
        .find(|(step, _)| step.kind == StepKind::CreateApplicationStatusCheck)
    {
        Some((_, Action::ApplicationCheck(ApplicationCheckCall::CreateApplicationStatusCheck(input)))) => input.clone(),
        other => panic!("no check is created: {other:?}"),
    }
}

/// Whether the version of the template that is there bears the tag.
fn is_marked(world: &Observed) -> bool {
    let template = world.launch_template.as_ref().expect("it was applied");
    template.data.instance_tags.get(TAG_APPLICATION_CHECK) == Some(&"web".to_owned())
}

#[test]
fn the_plan_shows_what_aws_will_ask() {
    let plan = plan(&probed(HealthFrom::Both), &empty_world());
    let steps = [
        StepKind::CreateApplicationStatusCheck,
        StepKind::AssociateApplicationStatusCheck,
    ];
    let shown: String = steps
        .iter()
        .map(|key| plan.step(*key).expect("it is planned").to_string())
        .collect();
    insta::assert_snapshot!(shown);
}

#[test]
fn a_check_is_made_for_instances_that_are_tagged_already_and_an_apply_ends_there() {
    for from in [HealthFrom::Aws, HealthFrom::Both] {
        let spec = probed(from);
        let first = plan(&spec, &empty_world());
        let step = first
            .step(StepKind::CreateApplicationStatusCheck)
            .expect("it is planned");
        let needs = vec![Need::Step(StepId {
            kind: StepKind::CreateLaunchTemplate,
            target: Some("selfheal-web".to_owned()),
        })];
        assert_eq!(step.readiness, Readiness::Waiting { needs });
        let world = applied(&spec);
        assert!(plan(&spec, &world).is_empty());
        assert!(is_marked(&world));
        let [check] = &world.application_checks[..] else {
            panic!("{:?}", world.application_checks)
        };
        assert_eq!(check.targets, [(TAG_APPLICATION_CHECK.to_owned(), "web".to_owned())]);
        insta::allow_duplicates! { insta::assert_debug_snapshot!(check.settings); }
    }
}

#[test]
fn the_group_is_patient_for_as_long_as_the_check_may_be_out_of_date() {
    let grace = |spec: &Spec| applied(spec).group.expect("it was applied").health_check_grace_s;
    assert_eq!(grace(&web()), 60);
    assert_eq!(grace(&probed(HealthFrom::Instance)), 60);
    assert_eq!(grace(&probed(HealthFrom::Both)), 180);
    assert_eq!(grace(&probed(HealthFrom::Aws)), 180);
}

#[test]
fn a_long_startup_is_as_much_of_it_as_aws_allows() {
    let mut spec = probed(HealthFrom::Aws);
    health(&mut spec).startup_budget_s = 7_200;
    assert_eq!(applied(&spec).application_checks[0].settings.initial_grace_s, 600);
}

#[test]
fn only_http_on_an_open_port_can_be_asked_from_outside() {
    let mut spec = probed(HealthFrom::Both);
    assert_eq!(refusals(&spec), [""; 0]);
    spec.instance.ingress = Ingress::to_world([(80, Protocol::Udp), (443, Protocol::Tcp)]);
    assert_eq!(refusals(&spec), ["health-port-closed"]);
    // Groups that exist already are the user's to judge: what they let in is not read.
    spec.instance.ingress = Ingress::Groups(Vec::new());
    assert_eq!(refusals(&spec), [""; 0]);
    health(&mut spec).probe = HealthProbe::Tcp { port: 80 };
    assert_eq!(refusals(&spec), ["health-from-aws"]);
    health(&mut spec).from = HealthFrom::Instance;
    assert_eq!(refusals(&spec), [""; 0]);
}

#[test]
fn a_check_that_differs_in_anything_is_modified_and_an_association_that_is_gone_made_again() {
    let spec = probed(HealthFrom::Both);
    let edits: [fn(&mut ApplicationCheck); 7] = [
        |check| check.settings.aggregation = "excluded".to_owned(),
        |check| check.settings.protocol = "https".to_owned(),
        |check| check.settings.path = "/".to_owned(),
        |check| check.settings.failure_threshold = 9,
        |check| check.settings.status_codes = "200".to_owned(),
        |check| check.settings.initial_grace_s = 1,
        |check| check.settings.device_index = 1,
    ];
    for edit in edits {
        let mut world = applied(&spec);
        edit(&mut world.application_checks[0]);
        let ran = carry_out(|world| plan(&spec, world), &mut world);
        assert!(
            matches!(
                &ran[..],
                [Action::ApplicationCheck(
                    ApplicationCheckCall::ModifyApplicationStatusCheck { .. }
                )]
            ),
            "{ran:#?}"
        );
        assert!(plan(&spec, &world).is_empty());
    }
    let mut world = applied(&spec);
    world.application_checks[0].targets.clear();
    let ran = carry_out(|world| plan(&spec, world), &mut world);
    assert!(
        matches!(
            &ran[..],
            [Action::ApplicationCheck(
                ApplicationCheckCall::AssociateApplicationStatusCheck { .. }
            )]
        ),
        "{ran:#?}"
    );
}

#[test]
fn a_check_that_is_not_wanted_any_more_is_deleted_before_the_template_forgets_it() {
    let mut world = applied(&probed(HealthFrom::Both));
    let spec = probed(HealthFrom::Instance);
    let now = plan(&spec, &world);
    let version = now.step(StepKind::CreateTemplateVersion).expect("the tag goes");
    let deleted = now.step(StepKind::DeleteApplicationStatusCheck).expect("it is deleted");
    let needs = vec![Need::Step(deleted.id())];
    assert_eq!(version.readiness, Readiness::Waiting { needs });
    carry_out(|world| plan(&spec, world), &mut world);
    assert_eq!(world.application_checks, []);
    assert!(!is_marked(&world));
    assert!(plan(&spec, &world).is_empty());
}

#[test]
fn another_check_of_the_stack_is_told_and_left_alone_while_one_is_wanted() {
    let spec = probed(HealthFrom::Both);
    let mut world = applied(&spec);
    let mut twin = world.application_checks[0].clone();
    twin.id = "asc-00000000000000000".to_owned();
    twin.targets.clear();
    world.application_checks.insert(0, twin);
    let now = plan(&spec, &world);
    assert!(now.steps.is_empty(), "{now}");
    assert_eq!(now.notes[0].code, "duplicate-application-check");
    assert!(now.notes[0].message.contains("asc-00000000000000000 bears"), "{now}");
    // A check that the spec does not ask for asks all the same: both are shown, and both go.
    let spec = web();
    let shown = plan(&spec, &world);
    let delete = |step: &&Step| step.kind == StepKind::DeleteApplicationStatusCheck;
    assert_eq!(shown.steps.iter().filter(delete).count(), 2, "{shown}");
    carry_out(|world| plan(&spec, world), &mut world);
    assert_eq!(world.application_checks, []);
}

#[test]
fn a_strangers_check_is_neither_used_nor_touched() {
    let spec = probed(HealthFrom::Both);
    let mut world = applied(&spec);
    for key in ["selfheal:stack", "selfheal:role"] {
        let mut strange = world.clone();
        strange.application_checks[0]
            .tags
            .insert(key.to_owned(), "other".to_owned());
        assert!(
            plan(&spec, &strange)
                .step(StepKind::CreateApplicationStatusCheck)
                .is_some()
        );
        assert!(
            plan(&web(), &strange)
                .step(StepKind::DeleteApplicationStatusCheck)
                .is_none()
        );
    }
    world.application_checks[0].deleted = true;
    assert!(
        plan(&spec, &world)
            .step(StepKind::CreateApplicationStatusCheck)
            .is_some()
    );
}

#[test]
fn the_token_is_the_same_for_two_operators_and_another_for_each_check_that_is_gone() {
    let spec = probed(HealthFrom::Both);
    let mut world = applied(&spec);
    let first = world.application_checks[0].clone();
    world.application_checks.clear();
    let token = |spec: &Spec, world: &Observed| create(spec, world).client_token;
    let one = token(&spec, &world);
    assert_eq!(one, token(&spec, &world));
    assert!(one.len() <= 64 && one.is_ascii(), "{one}");
    // A, then B, then A again.
    let mut other = spec.clone();
    health(&mut other).threshold = 5;
    let mut there = applied(&other);
    there.application_checks.clear();
    assert_ne!(one, token(&other, &there));
    let gone = |id: &str| ApplicationCheck {
        id: id.to_owned(),
        deleted: true,
        ..first.clone()
    };
    world.read_checks(vec![gone("asc-2"), gone("asc-1")]);
    let two = token(&spec, &world);
    assert_ne!(one, two);
    let mut colleague = world.clone();
    colleague.run.application_checks.dead.clear();
    colleague.read_checks(vec![gone("asc-1"), gone("asc-2")]);
    assert_eq!(two, token(&spec, &colleague));
    // What AWS answers to an old token may be a check that is gone.
    let action = Action::ApplicationCheck(ApplicationCheckCall::CreateApplicationStatusCheck(create(
        &spec, &world,
    )));
    world.record_answer(&action, selfheal_core::Answer::ApplicationCheck(gone("asc-3")));
    assert_eq!(world.application_checks, []);
    assert_ne!(two, token(&spec, &world));
    // A stack that was destroyed and made again has another template.
    let mut anew = colleague.clone();
    anew.launch_template.as_mut().expect("it was applied").id = "lt-anew".into();
    assert_ne!(two, token(&spec, &anew));
}
