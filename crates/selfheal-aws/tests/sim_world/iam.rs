//! IAM: names, conflicts, sizes, and changes that take effect late.

use selfheal_aws::Iam;
use selfheal_aws::sim::{Fault, FaultPlan, When};
use selfheal_core::names::{Names, POLICY_NAME, ResourceKind, Tags};
use selfheal_policy::{Partition, trust_policy};

use crate::support::{code, healed, launch, lines, member, names, on, policy, prepare, rest, words, world};

const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}]}"#;

fn ours() -> Tags {
    Names::new("other", "eu-west-1").tags(ResourceKind::Role)
}

fn trust() -> String {
    trust_policy(Partition::Aws).to_json()
}

#[test]
fn names_are_taken_once() {
    let sim = world(1);
    prepare(&sim);
    let names = names();
    let role = on(&sim, sim.create_role(&names.role, &trust(), &Tags::new(), None));
    assert_eq!(
        words(role),
        format!("EntityAlreadyExists: Role with name {} already exists.", names.role)
    );
    let profile = on(&sim, sim.create_instance_profile(&names.profile, &Tags::new()));
    assert_eq!(
        words(profile),
        format!(
            "EntityAlreadyExists: Instance Profile {} already exists.",
            names.profile
        )
    );
    assert_eq!(
        code(on(&sim, sim.create_role(&"r".repeat(65), &trust(), &Tags::new(), None))),
        "ValidationError"
    );
    assert_eq!(
        code(on(&sim, sim.create_role("a b", &trust(), &Tags::new(), None))),
        "ValidationError"
    );
}

#[test]
fn what_does_not_exist_is_none_to_read_and_an_error_to_change() {
    let sim = world(2);
    assert_eq!(on(&sim, sim.get_role("r")).unwrap(), None);
    assert_eq!(on(&sim, sim.get_role_policy("r", "p")).unwrap(), None);
    assert_eq!(on(&sim, sim.get_instance_profile("p")).unwrap(), None);
    assert!(on(&sim, sim.list_role_policies("r")).unwrap().is_empty());
    assert!(on(&sim, sim.list_attached_role_policies("r")).unwrap().is_empty());
    let missing = "NoSuchEntity: The role with name r cannot be found.";
    assert_eq!(words(on(&sim, sim.put_role_policy("r", "p", ALLOW))), missing);
    assert_eq!(words(on(&sim, sim.update_trust_policy("r", &trust()))), missing);
    assert_eq!(words(on(&sim, sim.delete_role("r"))), missing);
    assert_eq!(code(on(&sim, sim.delete_instance_profile("p"))), "NoSuchEntity");
    assert_eq!(code(on(&sim, sim.add_role_to_profile("p", "r"))), "NoSuchEntity");
}

#[test]
fn deletions_conflict_until_nothing_hangs_on() {
    let sim = world(3);
    prepare(&sim);
    let (names, other) = (names(), "other");
    let deleted = words(on(&sim, sim.delete_role(&names.role)));
    assert_eq!(
        deleted,
        "DeleteConflict: Cannot delete entity, must delete policies first."
    );
    on(&sim, sim.delete_role_policy(&names.role, POLICY_NAME)).unwrap();
    assert_eq!(
        code(on(&sim, sim.delete_role_policy(&names.role, POLICY_NAME))),
        "NoSuchEntity"
    );
    let held = "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.";
    assert_eq!(words(on(&sim, sim.delete_role(&names.role))), held);
    assert_eq!(words(on(&sim, sim.delete_instance_profile(&names.profile))), held);
    on(&sim, sim.create_role(other, &trust(), &ours(), None)).unwrap();
    assert_eq!(
        code(on(&sim, sim.add_role_to_profile(&names.profile, other))),
        "LimitExceeded"
    );
    assert_eq!(
        code(on(&sim, sim.remove_role_from_profile(&names.profile, other))),
        "NoSuchEntity"
    );
    on(&sim, sim.remove_role_from_profile(&names.profile, &names.role)).unwrap();
    on(&sim, sim.delete_instance_profile(&names.profile)).unwrap();
    on(&sim, sim.delete_role(&names.role)).unwrap();
}

#[test]
fn a_managed_policy_keeps_its_role() {
    let sim = world(4);
    on(&sim, sim.create_role("r", &trust(), &ours(), None)).unwrap();
    let managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore".to_owned();
    sim.tamper(|world| world.roles.get_mut("r").unwrap().attached.push(managed.clone()));
    assert_eq!(on(&sim, sim.list_attached_role_policies("r")).unwrap(), [managed]);
    assert!(words(on(&sim, sim.delete_role("r"))).contains("must detach all policies first"));
}

#[test]
fn documents_are_read_and_measured() {
    let sim = world(5);
    on(&sim, sim.create_role("r", &trust(), &ours(), None)).unwrap();
    let malformed = on(
        &sim,
        sim.put_role_policy("r", "p", r#"{"Statement":[{"Effect":"Perhaps"}]}"#),
    );
    assert_eq!(code(malformed), "MalformedPolicyDocument");
    assert_eq!(
        code(on(&sim, sim.create_role("s", "{", &Tags::new(), None))),
        "MalformedPolicyDocument"
    );
    // IAM stores no policy of a role that names a principal, and no trust policy that names a resource.
    let with_principal = ALLOW.replace(r#""Action""#, r#""Principal":"*","Action""#);
    assert!(words(on(&sim, sim.put_role_policy("r", "p", &with_principal))).contains("should not specify a principal"));
    assert_eq!(
        code(on(&sim, sim.create_role("t", ALLOW, &Tags::new(), None))),
        "MalformedPolicyDocument"
    );
    let padded = ALLOW.replace("ec2:DescribeImages", &format!("ec2:{}", "A".repeat(6_000)));
    on(&sim, sim.put_role_policy("r", "one", &padded)).unwrap();
    assert_eq!(
        code(on(&sim, sim.put_role_policy("r", "two", &padded))),
        "LimitExceeded",
        "they count together"
    );
    on(&sim, sim.put_role_policy("r", "one", ALLOW)).unwrap();
    on(&sim, sim.put_role_policy("r", "two", &padded)).unwrap();
    assert_eq!(on(&sim, sim.list_role_policies("r")).unwrap(), ["one", "two"]);
}

#[test]
fn the_instance_may_do_what_its_role_says_and_nothing_else() {
    let sim = world(6);
    let stack = launch(&sim);
    let id = healed(&sim, &stack);
    let other = on(&sim, selfheal_aws::Ec2::allocate_address(&sim, &Tags::new()))
        .unwrap()
        .allocation_id;
    let caller = sim.as_instance(&id);
    let refused = caller.associate_address(&other, id.as_str(), true).unwrap_err();
    assert_eq!(refused.kind(), selfheal_aws::CallErrorKind::Denied);
    assert!(
        refused.to_string().contains(&format!("elastic-ip/{other}")),
        "{refused}"
    );
    let key = ["selfheal:stack".to_owned()];
    assert_eq!(
        code(caller.delete_tags(stack.volume.as_str(), &key)),
        "UnauthorizedOperation",
        "no other key"
    );
    let own = ["selfheal:first-use".to_owned()];
    caller.delete_tags(stack.volume.as_str(), &own).unwrap();
    let mark = Tags::from([("selfheal:stack".to_owned(), "theirs".to_owned())]);
    assert_eq!(code(caller.set_group_tags("selfheal-web", &mark)), "AccessDenied");
    assert_eq!(
        code(caller.complete_lifecycle_action("other", "hook", &id, "CONTINUE")),
        "AccessDenied"
    );
    assert_eq!(code(caller.parameters_by_path("/selfheal/web", false)), "AccessDenied");
}

#[test]
fn a_role_that_ec2_may_not_take_gives_no_rights() {
    let sim = world(7);
    let stack = launch(&sim);
    let id = healed(&sim, &stack);
    let theirs = trust().replace("ec2.amazonaws.com", "lambda.amazonaws.com");
    on(&sim, sim.update_trust_policy(&names().role, &theirs)).unwrap();
    assert_eq!(
        code(sim.as_instance(&id).describe_addresses(&[])),
        "UnauthorizedOperation"
    );
    on(&sim, sim.update_trust_policy(&names().role, &trust())).unwrap();
    sim.as_instance(&id).describe_addresses(&[]).unwrap();
}

#[test]
fn a_changed_policy_is_in_force_late() {
    let sim = world(8);
    let stack = launch(&sim);
    let id = healed(&sim, &stack);
    let whole = policy(&sim);
    let late = FaultPlan::none().with(
        When::Every("iam:PutRolePolicy".to_owned()),
        Fault::LatePropagation(60_000),
    );
    sim.set_faults(late);
    on(&sim, sim.put_role_policy(&names().role, POLICY_NAME, ALLOW)).unwrap();
    assert_eq!(
        on(&sim, sim.get_role_policy(&names().role, POLICY_NAME))
            .unwrap()
            .as_deref(),
        Some(ALLOW)
    );
    sim.advance(std::time::Duration::from_secs(50));
    sim.as_instance(&id).describe_addresses(&[]).unwrap();
    sim.advance(std::time::Duration::from_secs(20));
    assert_eq!(
        code(sim.as_instance(&id).describe_addresses(&[])),
        "UnauthorizedOperation"
    );
    on(&sim, sim.put_role_policy(&names().role, POLICY_NAME, &whole)).unwrap();
    rest(&sim);
}

#[test]
fn a_boot_bears_with_a_policy_that_spreads_in_a_minute() {
    let sim = world(9);
    let plan = FaultPlan::none().with(
        When::Every("iam:PutRolePolicy".to_owned()),
        Fault::LatePropagation(100_000),
    );
    sim.set_faults(plan);
    let stack = prepare(&sim);
    crate::support::create(&sim, &stack);
    healed(&sim, &stack);
    let denied = lines(&sim, "ec2:AttachVolume")
        .iter()
        .filter(|line| line.ends_with("UnauthorizedOperation"))
        .count();
    assert!(denied > 5, "{denied}");
    assert_eq!(
        member(&sim),
        sim.inspect(|world| world.instances.keys().next().unwrap().clone())
    );
}
