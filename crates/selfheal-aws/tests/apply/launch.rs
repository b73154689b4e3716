//! What cannot be launched is refused in the plan, and the simulated AWS shows what would become of it.

use std::time::Duration;

use selfheal_aws::sim::{Sim, SimConfig, SubnetConfig};
use selfheal_aws::{Control, Goal, Scope, Silent, observe};
use selfheal_core::plan::{Plan, plan};
use selfheal_core::spec::{ImageRef, Spec};
use selfheal_core::world::Subnet;

use crate::support::{applied, applied_as, calls, even, look, run_until_done, serving, web};

/// The spec's type, with an image of this alias.
fn of_type(name: &str, alias: &str) -> Spec {
    let mut spec = web();
    spec.instance.instance_type = name.to_owned();
    spec.instance.image = ImageRef::alias(alias).expect("a known alias");
    spec
}

fn offered_in(name: &str, zones: &[char]) -> SimConfig {
    let mut config = even(71);
    config.type_zones.insert(name.to_owned(), zones.to_vec());
    config
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

/// The subnets and zones of the groups that exist.
fn zone_of_group(sim: &Sim) -> String {
    sim.inspect(|world| {
        let group = world.groups.get("selfheal-web").expect("it was made");
        world.subnets[&group.settings.subnet].subnet.zone.clone()
    })
}

#[test]
fn a_type_that_is_misspelt_or_of_another_region_is_refused() {
    let plan = look(&Sim::new(even(71)), &of_type("t4g.smal", "al2023-arm64"), Goal::Apply);
    assert_eq!(codes(&plan), ["type-unknown"], "{plan}");
    assert!(plan.refusals[0].message.contains("t4g.smal"), "{plan}");
}

#[test]
fn the_first_zone_that_offers_the_type_is_chosen() {
    let sim = applied(offered_in("t4g.small", &['b', 'c']));
    assert_eq!(zone_of_group(&sim), "eu-west-1b");
    sim.settle(Duration::from_secs(900));
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
}

#[test]
fn a_local_zone_is_never_chosen_though_it_sorts_first() {
    let sim = Sim::new(SimConfig {
        zones: vec!['d'],
        ..even(72)
    });
    sim.tamper(|world| {
        let mut local = world.subnets.values().next().expect("there is one").clone();
        local.subnet = Subnet {
            id: "subnet-00000000000000001".into(),
            zone: "eu-west-1-bud-1a".to_owned(),
            ..local.subnet
        };
        world.subnets.insert(local.subnet.id.clone(), local);
    });
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert_eq!(zone_of_group(&sim), "eu-west-1d");
}

#[test]
fn a_type_that_the_volumes_zone_does_not_offer_is_refused_and_would_not_launch() {
    let sim = applied(offered_in("m7g.large", &['b', 'c']));
    let spec = of_type("m7g.large", "al2023-arm64");
    let plan = look(&sim, &spec, Goal::Apply);
    assert_eq!(codes(&plan), ["type-not-offered"], "{plan}");
    let text = plan.to_string();
    assert!(text.contains("where the data volume vol-"), "{text}");
    assert!(text.contains("eu-west-1b, eu-west-1c"), "{text}");

    // A plan that was not asked would come to this.
    sim.tamper(|world| {
        let template = world.templates.values_mut().next().expect("it was made");
        template.versions[0].instance_type = "m7g.large".to_owned();
    });
    sim.settle(Duration::from_secs(900));
    let failed = "is not supported in your requested Availability Zone";
    assert!(sim.trace_text().contains(failed), "{}", sim.trace_text());
}

#[test]
fn without_data_the_group_moves_to_a_zone_that_offers_the_type() {
    let mut config = offered_in("m7g.large", &['c']);
    config.type_zones.insert("t4g.small".to_owned(), vec!['a']);
    let mut spec = web();
    spec.data = None;
    let sim = applied_as(config, &spec);
    assert_eq!(zone_of_group(&sim), "eu-west-1a");
    spec.instance.instance_type = "m7g.large".to_owned();
    run_until_done(&sim, &spec, Goal::Apply, 1);
    assert_eq!(zone_of_group(&sim), "eu-west-1c");
}

#[test]
fn a_type_without_nvme_is_refused_with_data_and_taken_without() {
    let mut spec = of_type("t2.micro", "al2023");
    let sim = Sim::new(even(73));
    assert_eq!(codes(&look(&sim, &spec, Goal::Apply)), ["type-without-nvme"]);
    let data = spec.data.take();
    run_until_done(&sim, &spec, Goal::Apply, 1);
    sim.settle(Duration::from_secs(900));
    // Data for a stack whose type was launched long ago.
    spec.data = data;
    assert_eq!(codes(&look(&sim, &spec, Goal::Apply)), ["type-without-nvme"]);
}

#[test]
fn a_type_of_another_architecture_is_refused_by_what_ec2_tells() {
    let plan = look(&Sim::new(even(74)), &of_type("m7i.large", "al2023-arm64"), Goal::Apply);
    assert_eq!(codes(&plan), ["image-architecture"], "{plan}");
    assert!(
        look(&Sim::new(even(74)), &of_type("m7i.large", "al2023"), Goal::Apply)
            .refusals
            .is_empty()
    );
}

#[test]
fn a_type_too_slow_to_read_the_volume_within_a_day_is_refused() {
    let sim = Sim::new(even(75));
    let mut spec = of_type("t4g.nano", "al2023-arm64");
    spec.data.as_mut().expect("it has data").size_gib = 1_500;
    let plan = look(&sim, &spec, Goal::Apply);
    assert_eq!(codes(&plan), ["volume-reading"], "{plan}");
    assert!(plan.refusals[0].message.contains("the instance type's pace"), "{plan}");
    // The volume itself reads that in four hours.
    spec.instance.instance_type = "m7g.large".to_owned();
    let plan = look(&sim, &spec, Goal::Apply);
    assert!(plan.refusals.is_empty(), "{plan}");
    assert!(plan.to_string().contains("about 321 min longer"), "{plan}");
}

#[test]
fn a_subnet_without_an_internet_gateway_is_told_once() {
    for (target, told) in [(None, "has no route out"), (Some("nat-1"), "to nat-1 and not to")] {
        let subnet = "subnet-00000000000000009";
        let mut config = even(76);
        config.subnets.push(SubnetConfig {
            id: subnet.into(),
            vpc_id: "vpc-00000000000000009".into(),
            zone: 'a',
        });
        config.routes.insert(subnet.into(), target.map(str::to_owned));
        let mut spec = web();
        spec.instance.subnet = Some(subnet.into());
        let sim = Sim::new(config);
        let plan = look(&sim, &spec, Goal::Apply);
        let note = plan.notes.iter().find(|note| note.code == "subnet-without-route");
        assert!(note.is_some_and(|note| note.message.contains(told)), "{plan}");
        assert!(plan.refusals.is_empty());
    }
    assert!(look(&Sim::new(even(76)), &web(), Goal::Apply).notes.is_empty());
}

#[test]
fn a_root_volume_below_the_images_snapshot_is_refused_for_aliases_and_ids() {
    let sim = Sim::new(even(77));
    let mut spec = web();
    spec.instance.root_size_gib = 4;
    for alias in ["al2023-arm64", "debian-12-arm64", "ubuntu-24.04-arm64"] {
        spec.instance.image = ImageRef::alias(alias).expect("a known alias");
        let refused = codes(&look(&sim, &spec, Goal::Apply)).contains(&"root-too-small");
        assert!(refused, "{alias}");
    }
    let own = sim.inspect(|world| {
        let arm = world
            .images
            .values()
            .find(|image| image.architecture.as_deref() == Some("arm64"));
        arm.expect("it is published").id.clone()
    });
    spec.instance.image = ImageRef::Id(own);
    assert_eq!(codes(&look(&sim, &spec, Goal::Apply)), ["root-too-small"]);
    spec.instance.root_size_gib = 8;
    assert!(look(&sim, &spec, Goal::Apply).refusals.is_empty());
}

#[test]
fn a_pinned_image_that_is_deregistered_is_told_by_plan_and_status() {
    let sim = applied(even(78));
    sim.settle(Duration::from_secs(900));
    // The distribution publishes a new image and takes the old one away.
    sim.tamper(|world| {
        let old = world.templates.values().next().expect("it was made").versions[0]
            .image_id
            .clone();
        let mut new = world.images.remove(&old).expect("it was launched");
        new.id = "ami-0fffffffffffffff1".into();
        for record in world
            .parameters
            .values_mut()
            .filter(|record| old == record.value.as_str())
        {
            record.value = new.id.to_string();
        }
        world.images.insert(new.id.clone(), new);
    });
    for scope in [Scope::Plan, Scope::Status] {
        sim.drain_trace();
        let ctl = Control {
            clock: &sim,
            jitter: &sim,
            progress: &Silent,
        };
        let observed = sim
            .block_on(observe(&sim, &web(), scope, &ctl))
            .expect("it ends")
            .expect("it reads");
        let plan = plan(&web(), &observed);
        assert!(plan.notes.iter().any(|note| note.code == "image-gone"), "{plan}");
        let status = selfheal_core::status::status(&web(), &observed, &plan);
        assert!(status.notes.iter().any(|note| note.code == "image-gone"), "{status:?}");
        // One call more than a plan with nothing to do, where the image differs.
        assert_eq!(
            calls(&sim),
            if scope == Scope::Plan { 15 } else { 19 },
            "{}",
            sim.trace_text()
        );
    }
    let (first, ..) = serving(&sim).expect("it serves");
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.kill_instance(&first);
    sim.settle(Duration::from_secs(1800));
    assert!(serving(&sim).is_some(), "{}", sim.trace_text());
}

#[test]
fn a_run_that_is_killed_before_the_group_chooses_the_same_zone_again() {
    use selfheal_aws::sim::{Fault, FaultPlan, When};
    let mut spec = web();
    spec.data = None;
    let sim = Sim::new(offered_in("t4g.small", &['c']));
    let create = When::Nth("autoscaling:CreateAutoScalingGroup".to_owned(), 1);
    sim.set_faults(FaultPlan::none().with_times(create, Fault::CrashBefore, 1));
    run_until_done(&sim, &spec, Goal::Apply, 2);
    assert_eq!(zone_of_group(&sim), "eu-west-1c");
}
