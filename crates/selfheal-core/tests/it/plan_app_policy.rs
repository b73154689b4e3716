//! What an apply and a destroy plan for the app's own policy, and what is refused of it.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::Action;
use selfheal_core::names::{APP_POLICY_NAME, POLICY_NAME};
use selfheal_core::permissions::tells_of_app_policy;
use selfheal_core::plan::{DestroyOptions, StepKind, plan, plan_destroy};
use selfheal_core::spec::{AppPolicy, HealthFrom, Spec, SpecFile};
use selfheal_core::world::{Observed, RoleCall};

const READ: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"Files","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::web-files/*"}}"#;
const WRITE: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"Files","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::web-files/*"}}"#;

fn with(policy: &str) -> Spec {
    let mut spec = web();
    spec.app.policy = Some(AppPolicy {
        path: "policy.json".to_owned(),
        document: policy.parse().expect("a policy"),
    });
    spec
}

fn applied(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    world
}

/// The names of the policies that an apply writes (`+`) and deletes (`-`), in order.
fn writes(spec: &Spec, world: &mut Observed) -> Vec<String> {
    let actions = carry_out(|world| plan(spec, world), world);
    let policies = actions.iter().filter_map(|action| match action {
        Action::Role(RoleCall::PutRolePolicy { policy_name, .. }) => Some(format!("+{policy_name}")),
        Action::Role(RoleCall::DeleteRolePolicy { policy_name, .. }) => Some(format!("-{policy_name}")),
        _ => None,
    });
    policies.collect()
}

#[test]
fn it_is_put_beside_the_roles_own_policy_changed_and_taken_away() {
    let mut world = empty_world();
    let own = format!("+{POLICY_NAME}");
    let app = format!("+{APP_POLICY_NAME}");
    // The role's own policy tells of the app's before it is put, and until it is deleted.
    assert_eq!(writes(&with(READ), &mut world), [own.clone(), app.clone()]);
    assert!(tells_of_app_policy(world.role_policy.as_ref().unwrap()));
    assert!(plan(&with(READ), &world).is_empty());
    assert_eq!(writes(&with(WRITE), &mut world), std::slice::from_ref(&app));
    assert!(world.role_app_policy.as_ref().unwrap().contains("s3:PutObject"));
    assert_eq!(writes(&web(), &mut world), [format!("-{APP_POLICY_NAME}"), own.clone()]);
    assert!(!tells_of_app_policy(world.role_policy.as_ref().unwrap()));
    assert_eq!(world.role_app_policy, None);
    assert!(plan(&web(), &world).is_empty());
    assert_eq!(writes(&with(READ), &mut world), [own, app]);
}

#[test]
fn a_plan_shows_what_the_app_may_do() {
    let text = plan(&with(READ), &empty_world()).to_string();
    assert!(text.contains("+ app policy selfheal-web-eu-west-1"), "{text}");
    assert!(
        text.contains("Files: allows s3:GetObject on arn:aws:s3:::web-files/*"),
        "{text}"
    );
    let text = plan(&with(WRITE), &applied(&with(READ))).to_string();
    assert!(text.contains("~ app policy selfheal-web-eu-west-1"), "{text}");
    assert!(text.contains("Files: allows s3:GetObject, s3:PutObject on"), "{text}");
    let text = plan(&web(), &applied(&with(READ))).to_string();
    assert!(text.contains("- app policy selfheal-web-eu-west-1"), "{text}");
}

#[test]
fn a_policy_changed_by_hand_is_put_back() {
    let spec = with(READ);
    let mut world = applied(&spec);
    world.role_app_policy = Some(WRITE.into());
    let keys: Vec<StepKind> = plan(&spec, &world).steps.iter().map(|step| step.kind).collect();
    assert_eq!(keys, [StepKind::PutAppPolicy]);
    world.role_app_policy = None;
    let keys: Vec<StepKind> = plan(&spec, &world).steps.iter().map(|step| step.kind).collect();
    assert_eq!(keys, [StepKind::PutAppPolicy]);
}

#[test]
fn both_policies_count_together() {
    let long = |count: usize| {
        let names: Vec<String> = (0..count)
            .map(|n| format!("\"arn:aws:s3:::web-files-{n:04}/*\""))
            .collect();
        READ.replace("\"arn:aws:s3:::web-files/*\"", &format!("[{}]", names.join(",")))
    };
    let codes = |spec: &Spec| -> Vec<String> {
        let plan = plan(spec, &empty_world());
        plan.refusals.iter().map(|refusal| refusal.code.clone()).collect()
    };
    assert_eq!(codes(&with(&long(100))), [""; 0]);
    assert_eq!(codes(&with(&long(300))), ["app-policy-too-long"]);
}

#[test]
fn what_the_linter_finds_is_told_and_nothing_is_refused_for_it() {
    let wide = READ
        .replace("arn:aws:s3:::web-files/*", "*")
        .replace("s3:GetObject", "s3:*");
    let plan = plan(&with(&wide), &empty_world());
    assert!(!plan.is_refused());
    let notes: Vec<&str> = plan
        .notes
        .iter()
        .filter(|note| note.code == "app-policy")
        .map(|note| note.message.as_str())
        .collect();
    assert!(
        !notes.is_empty()
            && notes
                .iter()
                .all(|note| note.starts_with("policy.json: statement `Files`: ")),
        "{notes:?}"
    );
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ec2:Attach*","Resource":"*"}}"#;
    let told = with(deny).app_policy_notes();
    assert!(
        told.iter()
            .any(|note| note == "it denies ec2:AttachVolume, which the instance needs to heal"),
        "{told:?}"
    );
}

#[test]
fn a_policy_that_iam_would_refuse_or_that_allows_everything_is_no_policy() {
    let text = web().to_toml() + "\n[app]\npolicy = \"policy.json\"\n";
    let file = || SpecFile::parse(&text).unwrap();
    let read = |body: &str| {
        file()
            .with_policy(body.as_bytes())
            .map(drop)
            .map_err(|errors| errors.to_string())
    };
    assert_eq!(file().policy_path(), Some("policy.json"));
    assert_eq!(read(READ), Ok(()));
    for (body, why) in [
        ("{", "IAM would refuse: "),
        (r#"{"Version":"2012-10-17","Statement":[]}"#, "policy"),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}}"#,
            "an identity policy names no principals",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "allows every action in `All`",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}}"#,
            "allows every action",
        ),
    ] {
        let error = read(body).unwrap_err();
        assert!(
            error.contains("`app.policy` names a policy that ") && error.contains(why),
            "{body}: {error}"
        );
    }
    let unread = file().into_spec(None).unwrap_err().to_string();
    assert!(
        unread.contains("`app.policy` names a policy that was not read"),
        "{unread}"
    );
    let unreadable = file().policy_unreadable("cannot be read: no such file").to_string();
    assert!(
        unreadable.contains("`app.policy` cannot be read: no such file"),
        "{unreadable}"
    );
}

#[test]
fn a_destroy_deletes_both_and_refuses_up_front_where_others_gave_the_role_policies() {
    let keep = DestroyOptions::default();
    for spec in [with(READ), probed(HealthFrom::Both)] {
        let mut world = applied(&spec);
        world.role_policies = vec![POLICY_NAME.to_owned()];
        if spec.app.policy.is_some() {
            world.role_policies.push(APP_POLICY_NAME.to_owned());
        }
        // The spec need not name it any more.
        let mut gone = spec.clone();
        gone.app.policy = None;
        let mut left = world.clone();
        left.role_app_policy = None;
        for (spec, world) in [(&spec, world.clone()), (&gone, left)] {
            let mut world = world;
            carry_out(|world| plan_destroy(spec, world, &keep), &mut world);
            assert_eq!((&world.role, &world.role_app_policy), (&None, &None));
            assert!(world.role_policies.iter().all(|name| name != APP_POLICY_NAME));
        }
        world.role_policies.push("backup".to_owned());
        world
            .role_attached
            .push("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore".to_owned());
        let plan = plan_destroy(&spec, &world, &keep);
        assert_eq!(plan.ready().count(), 0, "nothing is deleted");
        let refusal = &plan.refusals[0];
        assert_eq!(refusal.code, "role-policies");
        assert!(
            refusal
                .message
                .ends_with("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore, backup"),
            "{refusal:?}"
        );
        assert!(
            refusal
                .help
                .contains("aws iam detach-role-policy --role-name selfheal-web-eu-west-1"),
            "{refusal:?}"
        );
        assert!(!refusal.message.contains(APP_POLICY_NAME));
    }
}
