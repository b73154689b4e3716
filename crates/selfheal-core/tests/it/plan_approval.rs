//! What was shown is what is done: kind, resource, and the values on both sides of the arrow.

use crate::common::{carry_out, empty_world, probed, web};
use selfheal_core::plan::{Approval, DestroyOptions, StepKind, plan, plan_destroy};
use selfheal_core::spec::HealthFrom;
use selfheal_core::world::Observed;

/// A stack that was applied.
fn applied() -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(&web(), world), &mut world);
    world
}

#[test]
fn another_target_is_another_step_3() {
    let all = DestroyOptions::ALL;
    let world = applied();
    let approval = Approval::of(&plan_destroy(&web(), &world, &all));
    let mut moved = world.clone();
    moved.volumes[0].id = "vol-0000000000000ffff".into();
    moved.addresses[0].allocation_id = "eipalloc-0000000000000ffff".into();
    moved.role_policy = None;
    moved.launch_template = None;
    let now = plan_destroy(&web(), &moved, &all);
    for (key, told) in [
        (StepKind::DeleteVolume, "it would be about vol-0000000000000ffff"),
        (StepKind::ReleaseAddress, "it would be about eipalloc-0000000000000ffff"),
        (
            StepKind::CreateSnapshot,
            "`volume` would become `vol-0000000000000ffff`",
        ),
    ] {
        let step = now.step(key).expect("it is planned");
        let deviation = approval.check(step).expect_err("it was not shown").to_string();
        assert!(deviation.contains(told), "{deviation}");
    }
}

#[test]
fn another_value_before_is_a_stale_plan_3() {
    let mut spec = probed(HealthFrom::Instance);
    let mut world = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    spec.instance.instance_type = "t4g.medium".to_owned();
    let approval = Approval::of(&plan(&spec, &world));
    let mut theirs = world.clone();
    theirs.launch_template.as_mut().expect("applied").data.instance_type = "t4g.large".to_owned();
    let now = plan(&spec, &theirs);
    let step = now.step(StepKind::CreateTemplateVersion).expect("it differs");
    let deviation = approval
        .check(step)
        .expect_err("it moves the stack backwards")
        .to_string();
    assert!(deviation.contains("`instance type` is t4g.large by now"), "{deviation}");
}

#[test]
fn what_hangs_on_no_id_is_shown_before_the_ids_are_known_3() {
    let mut without = web();
    without.data = None;
    let mut world = empty_world();
    carry_out(|world| plan(&without, world), &mut world);
    // Today the alias means another image, and the spec asks for a volume, which has no id yet.
    world.image.as_mut().expect("there is one").id = "ami-00000000000000002".into();
    let shown = plan(&web(), &world);
    let approval = Approval::of(&shown);
    let deviations = std::cell::RefCell::new(Vec::new());
    carry_out(
        |world| {
            let now = plan(&web(), world);
            let ready = now.ready().filter_map(|(step, _)| approval.check(step).err());
            deviations.borrow_mut().extend(ready);
            now
        },
        &mut world,
    );
    assert!(deviations.borrow().is_empty(), "{:?}", deviations.borrow());
}
