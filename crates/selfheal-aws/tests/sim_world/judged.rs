//! Each invariant finds the bug that was planted for it: what a tool would do that had it.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use selfheal_aws::sim::{Content, Sim};
use selfheal_aws::{AutoScaling, Ec2, Iam};
use selfheal_core::desired::user_data;
use selfheal_core::names::{POLICY_NAME, ResourceKind, TAG_SCHEMA, TAG_STACK, Tags};
use selfheal_core::world::{GroupSettings, UserDataText};

use crate::support::{
    HOUR, create, healed, launch, member, names, on, policy, prepare, prepare_with, rest, spec, template_data,
    without_data, world,
};

/// What an act violates, if anything.
fn violated(sim: &Sim, act: impl Future<Output = ()>) -> Vec<String> {
    drop(sim.block_on(act));
    let violations = sim.violations();
    violations.iter().map(|violation| violation.invariant.clone()).collect()
}

#[test]
fn s1_data_that_is_written_over_is_missed() {
    let sim = world(1);
    let stack = launch(&sim);
    let id = healed(&sim, &stack);
    sim.tamper(|world| world.volumes.get_mut(&stack.volume).unwrap().content = Content::Blank);
    sim.advance(HOUR);
    let told: Vec<String> = sim.violations().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [format!("S1: what {id} made on {} is not there any more", stack.volume)]
    );
}

#[test]
fn s5_two_instances_in_service_are_one_too_many() {
    let sim = world(5);
    let stack = prepare_with(&sim, without_data);
    create(&sim, &stack);
    let two = GroupSettings {
        max: 2,
        ..stack.settings.clone()
    };
    on(&sim, sim.update_group(&two)).unwrap();
    on(&sim, sim.set_desired_capacity(&two.name, 2)).unwrap();
    sim.advance(HOUR);
    assert_eq!(sim.violations().len(), 1, "{:?}", sim.violations());
    assert!(sim.violations()[0].to_string().starts_with("S5: stack web has i-"));
}

#[test]
fn s6_a_run_that_serves_one_stack_keeps_off_the_other() {
    let sim = world(6);
    let stack = prepare(&sim);
    let rules = sim.inspect(|world| world.security_groups[&stack.security_group].group.ingress.clone());
    let run = sim.serving("web");
    let own = violated(&sim, async {
        drop(run.authorize_ingress(&stack.security_group, &rules).await);
        drop(run.create_tags(stack.address.as_str(), &Tags::new()).await);
    });
    assert!(own.is_empty(), "{own:?}");
    let other = sim.serving("shop");
    // Also what adopts it: a tag is no way to take what is another's.
    let adopts = violated(&sim, async {
        drop(other.create_tags(stack.address.as_str(), &Tags::new()).await);
    });
    assert_eq!(adopts, ["S6"]);
    let told = sim.violations()[0].to_string();
    assert!(
        told.ends_with("which is of stack web, in the service of shop"),
        "{told}"
    );
}

#[test]
fn s6_an_instance_whose_role_does_not_hold_it_in_is_found_out() {
    let sim = world(7);
    let stack = launch(&sim);
    let id = member(&sim);
    let wide = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Wide","Effect":"Allow","Action":"ec2:DeleteTags","Resource":"*"}]}"#;
    sim.tamper(|world| world.config.check_invariants = false);
    on(&sim, sim.put_role_policy(&names().role, POLICY_NAME, wide)).unwrap();
    sim.advance(HOUR);
    sim.tamper(|world| {
        world.config.check_invariants = true;
        let tags = &mut world.volumes.get_mut(&stack.volume).unwrap().volume.tags;
        tags.insert(TAG_STACK.to_owned(), "shop".to_owned());
    });
    sim.as_instance(&id)
        .delete_tags(stack.volume.as_str(), &["x".to_owned()])
        .unwrap();
    assert_eq!(sim.violations()[0].invariant, "S6", "{:?}", sim.violations());
}

#[test]
fn s8_neither_the_pinned_version_nor_the_form_goes_back() {
    let sim = world(8);
    let stack = launch(&sim);
    let mut data = sim.inspect(|world| world.templates[&stack.template].versions[0].clone());
    data.instance_type = "t4g.medium".to_owned();
    let mut newer = stack.settings.clone();
    newer.template_version = on(&sim, sim.create_template_version(&stack.template, &data)).unwrap();
    let forth = violated(&sim, async { sim.update_group(&newer).await.unwrap() });
    assert!(forth.is_empty(), "{forth:?}");
    // Two operators who make the same version at once may pin the second one first.
    let mut twin = newer.clone();
    twin.template_version = on(&sim, sim.create_template_version(&stack.template, &data)).unwrap();
    let twins = violated(&sim, async {
        sim.update_group(&twin).await.unwrap();
        sim.update_group(&newer).await.unwrap();
    });
    assert!(twins.is_empty(), "{twins:?}");
    let back = violated(&sim, async { sim.update_group(&stack.settings).await.unwrap() });
    assert_eq!(back, ["S8"]);

    let form = |number: &str| Tags::from([(TAG_SCHEMA.to_owned(), number.to_owned())]);
    on(&sim, sim.create_tags(stack.address.as_str(), &form("7"))).unwrap();
    let back = violated(&sim, async {
        sim.create_tags(stack.address.as_str(), &form("6")).await.unwrap();
    });
    assert_eq!(back, ["S8", "S8"]);
}

#[test]
fn s10_a_role_that_may_do_more_than_an_instance_does_is_told() {
    let alone = [
        "ec2:DeleteVolume",
        "ec2:ModifyVolume",
        "ec2:CreateSnapshot",
        "ec2:CreateTags",
        "ec2:ReleaseAddress",
        "ec2:DeleteSecurityGroup",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:DeleteLaunchTemplate",
        "autoscaling:UpdateAutoScalingGroup",
        "autoscaling:DeleteAutoScalingGroup",
        "iam:PutRolePolicy",
        "iam:PassRole",
    ];
    // The last ones are an instance's own, but for the resource.
    let wide = [
        "ec2:AttachVolume",
        "ec2:DetachVolume",
        "ec2:DeleteTags",
        "ec2:AssociateAddress",
        "autoscaling:SetInstanceHealth",
        "autoscaling:CreateOrUpdateTags",
    ];
    for action in alone.into_iter().chain(wide) {
        let sim = world(10);
        launch(&sim);
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
        );
        let found = violated(&sim, async {
            drop(sim.put_role_policy(&names().role, POLICY_NAME, &document).await);
        });
        assert!(found.contains(&"S10".to_owned()), "{action}: {found:?}");
        let told = sim.violations()[0].to_string();
        assert!(told.contains(&format!("allows {action} on arn:aws:")), "{told}");
    }
}

#[test]
fn s10_the_generated_policy_is_no_violation_and_one_condition_less_is() {
    let sim = world(11);
    launch(&sim);
    let whole = policy(&sim);
    let put = |document: String| {
        violated(&sim, async {
            sim.put_role_policy(&names().role, POLICY_NAME, &document)
                .await
                .unwrap();
        })
    };
    assert!(put(whole.clone()).is_empty());
    let any_group = whole.replace("autoScalingGroupName/selfheal-web", "autoScalingGroupName/*");
    assert_ne!(any_group, whole);
    assert!(put(any_group).contains(&"S10".to_owned()));
}

#[test]
fn s11_a_parameter_that_stands_where_others_read_it_is_told() {
    const SECRET: &str = "correct horse battery staple";
    let sim = world(12);
    let stack = prepare(&sim);
    sim.tamper(|world| {
        world.set_parameter("/shop/password", SECRET);
    });
    let data = |setup: &str| {
        let mut spec = spec();
        spec.app.setup.as_mut().unwrap().body = format!("#!/bin/sh\nlogin {setup}\n").into_bytes();
        let user_data = user_data(&spec, "123456789012", &stack.address, Some(&stack.volume), None).unwrap();
        template_data(&sim, &stack, &user_data.to_base64())
    };
    let by_reference = data("$SHOP_PASSWORD");
    let fine = violated(&sim, async {
        sim.create_template_version(&stack.template, &by_reference)
            .await
            .unwrap();
    });
    assert!(fine.is_empty(), "{fine:?}");
    let in_clear = data(SECRET);
    let found = violated(&sim, async {
        let tags = names().tags(ResourceKind::LaunchTemplate);
        sim.create_launch_template("another", &in_clear, &tags).await.unwrap();
        let tags = Tags::from([("note".to_owned(), SECRET.to_owned())]);
        sim.create_tags(stack.address.as_str(), &tags).await.unwrap();
    });
    assert!(found.contains(&"S11".to_owned()), "{found:?}");
    let told: Vec<String> = sim.violations().iter().map(ToString::to_string).collect();
    assert!(
        told.iter()
            .any(|it| it.ends_with("the value of /shop/password in user data")),
        "{told:?}"
    );
    sim.tamper(|world| world.config.check_invariants = true);
    let tags = Tags::from([("note".to_owned(), SECRET.to_owned())]);
    drop(on_any(&sim, sim.create_tags(stack.address.as_str(), &tags)));
    let told: Vec<String> = sim.violations().iter().map(ToString::to_string).collect();
    assert!(
        told.iter()
            .any(|it| it.ends_with("the value of /shop/password in a tag")),
        "{told:?}"
    );
}

/// Runs a call whatever it violates.
fn on_any<T>(sim: &Sim, call: impl Future<Output = T>) -> Option<T> {
    sim.block_on(call).ok()
}

#[test]
fn s12_user_data_whose_strings_are_no_literals_is_told() {
    let sim = world(13);
    let stack = prepare(&sim);
    let rendered = user_data(&spec(), "123456789012", &stack.address, Some(&stack.volume), None).unwrap();
    let put = |script: &str| {
        let text = packed(script);
        assert!(UserDataText::from(text.as_str()).settings().is_some(), "it is ours");
        let data = template_data(&sim, &stack, &text);
        violated(&sim, async {
            sim.create_template_version(&stack.template, &data).await.unwrap();
        })
    };
    assert!(put(rendered.script()).is_empty());
    let (whole, installs) = (rendered.script(), "put 0700 /etc/selfheal/setup ");
    let runs = whole.replacen(installs, &format!("{installs}\"$(reboot)\""), 1);
    assert_ne!(runs, whole);
    assert_eq!(put(&runs), ["S12"]);
}

/// Packs a script as user data is packed, which has room for no more.
fn packed(script: &str) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(script.as_bytes()).expect("memory takes it");
    STANDARD.encode(encoder.finish().expect("memory takes it"))
}

#[test]
fn s14_a_run_without_end_and_a_call_that_is_made_again_for_ever_are_told() {
    let sim = world(14);
    let busy = violated(&sim, async {
        for _ in 0..=1_000 {
            drop(sim.describe_addresses().await);
        }
    });
    assert_eq!(busy, ["S14"]);

    let sim = world(15);
    let patient = violated(&sim, async {
        for _ in 0..150 {
            drop(sim.delete_security_group(&"sg-0fffffffffffffff0".into()).await);
        }
    });
    assert!(patient.is_empty(), "{patient:?}");
    let blind = violated(&sim, async {
        for _ in 0..151 {
            drop(sim.delete_security_group(&"sg-0fffffffffffffff0".into()).await);
        }
    });
    assert_eq!(blind, ["S14"]);
    rest_is_not_asked(&sim);
}

/// A run that ends lets the next one count from the beginning.
fn rest_is_not_asked(sim: &Sim) {
    let before = sim.violations().len();
    drop(sim.block_on(async { drop(sim.describe_addresses().await) }));
    assert_eq!(sim.violations().len(), before);
}

#[test]
fn what_is_wrong_is_told_where_a_resting_clock_is_advanced() {
    let sim = world(16);
    let stack = launch(&sim);
    rest(&sim);
    sim.tamper(|world| {
        let group = world.groups.get_mut(&stack.settings.name).unwrap();
        group.suspended.insert("Launch".to_owned());
    });
    sim.advance(std::time::Duration::from_secs(1));
    assert_eq!(sim.violations()[0].invariant, "S13");
}
