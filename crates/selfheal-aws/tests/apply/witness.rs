//! What a stack owns is also looked for where it is written down and where it is in use: a listing that does not show the
//! volume or the address is no proof that there is none.

use std::time::Duration;

use selfheal_aws::sim::{Content, Fault, FaultPlan, Sim, SimConfig, When};
use selfheal_aws::{ApplyError, ApplyErrorKind, Control, Goal, Outcome, Silent, apply, observe};
use selfheal_core::names::{TAG_FIRST_USE, TAG_ROLE, TAG_STACK};
use selfheal_core::plan::{DestroyOptions, Plan, PlanOptions, StepKind};
use selfheal_core::world::{AllocationId, VolumeId, VolumeState};

use crate::support::{applied, calls, census, even, look, run, run_until_done, serving, web};

const DESTROY: Goal = Goal::Destroy(DestroyOptions::KEEP);

/// A stack that serves, with the ids of its volume and its address.
fn stack(seed: u64) -> (Sim, VolumeId, AllocationId) {
    let sim = applied(even(seed));
    sim.settle(Duration::from_secs(900));
    let (_, _, volume) = serving(&sim).expect("it serves");
    let address = sim
        .inspect(|world| world.addresses.keys().next().cloned())
        .expect("it has one");
    (sim, volume, address)
}

fn set_volume_tags(sim: &Sim, volume: &str, change: impl FnOnce(&mut selfheal_core::names::Tags)) {
    sim.tamper(|world| change(&mut world.volumes.get_mut(volume).expect("it exists").volume.tags));
}

fn keys(plan: &Plan) -> Vec<StepKind> {
    plan.steps.iter().map(|step| step.kind).collect()
}

fn refusals(plan: &Plan) -> Vec<&str> {
    plan.refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

/// Kills the instance, and says which volume and address its successor serves with, and how many boots wrote to it.
fn healed(sim: &Sim) -> (VolumeId, String, u64) {
    let (instance, ..) = serving(sim).expect("it serves");
    sim.kill_instance(&instance);
    sim.settle(Duration::from_secs(1_800));
    let (_, ip, volume) = serving(sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    let writes = sim.inspect(|world| match world.volumes[&volume].content {
        Content::Filesystem { writes, .. } => writes,
        _ => 0,
    });
    (volume, ip, writes)
}

#[test]
fn a_volume_that_lost_its_tags_gets_them_back_and_nothing_else_1() {
    for missing in [TAG_STACK, TAG_ROLE] {
        let (sim, volume, _) = stack(101);
        set_volume_tags(&sim, volume.as_str(), |tags| drop(tags.remove(missing)));
        let mut bigger = web();
        bigger.data.as_mut().expect("it has one").size_gib = 40;
        let plan = look(&sim, &bigger, Goal::Apply);
        assert_eq!(keys(&plan), [StepKind::TagVolume], "{plan}");
        let outcome = run_until_done(&sim, &bigger, Goal::Apply, 1);
        assert_eq!(outcome.done.len(), 1, "{:?}", outcome.done);
        // Only then is it grown.
        assert_eq!(keys(&look(&sim, &bigger, Goal::Apply)), [StepKind::ModifyVolume]);
        assert!(look(&sim, &web(), Goal::Apply).is_empty());
        let first_use = sim.inspect(|world| world.volumes[&volume].volume.tags.contains_key(TAG_FIRST_USE));
        assert!(!first_use, "what it holds was not made by this run");
        let (after, _, writes) = healed(&sim);
        assert_eq!((after, writes), (volume, 2));
    }
}

#[test]
fn a_listing_that_is_cut_replaces_neither_volume_nor_address_1() {
    let (sim, volume, address) = stack(102);
    let ip = serving(&sim).expect("it serves").1;
    sim.tamper(|world| world.unlisted.extend([volume.to_string(), address.to_string()]));
    let plan = look(&sim, &web(), Goal::Apply);
    assert!(plan.is_empty(), "{plan}");
    run_until_done(&sim, &web(), Goal::Apply, 1);
    let (after, same_ip, writes) = healed(&sim);
    assert_eq!((after, same_ip, writes), (volume, ip, 2));
    assert_eq!(sim.inspect(|world| world.addresses.len()), 1);
}

#[test]
fn an_address_that_lost_its_tags_gets_them_back_1() {
    let (sim, _, address) = stack(103);
    sim.tamper(|world| {
        world
            .addresses
            .get_mut(&address)
            .expect("it exists")
            .address
            .tags
            .clear();
    });
    let plan = look(&sim, &web(), Goal::Apply);
    assert_eq!(keys(&plan), [StepKind::TagAddress], "{plan}");
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    assert_eq!(sim.inspect(|world| world.addresses.len()), 1);
}

#[test]
fn what_bears_another_stacks_tags_is_refused_1() {
    let (sim, volume, address) = stack(104);
    set_volume_tags(&sim, volume.as_str(), |tags| {
        drop(tags.insert(TAG_STACK.to_owned(), "other".to_owned()));
    });
    assert_eq!(refusals(&look(&sim, &web(), Goal::Apply)), ["volume-claimed"]);
    sim.tamper(|world| {
        let tags = &mut world.addresses.get_mut(&address).expect("it exists").address.tags;
        tags.insert(TAG_STACK.to_owned(), "other".to_owned());
    });
    assert_eq!(
        refusals(&look(&sim, &web(), Goal::Apply)),
        ["address-claimed", "volume-claimed"]
    );
}

/// The volume and the address are gone for good.
fn lose(sim: &Sim, volume: &str, address: &str) {
    sim.tamper(|world| {
        let record = world.volumes.get_mut(volume).expect("it exists");
        record.volume.state = VolumeState::Deleted;
        record.volume.attachment = None;
        world.addresses.remove(address);
    });
}

#[test]
fn what_is_gone_is_refused_and_named_and_replaced_only_when_asked_for_1() {
    // That a volume is gone is the test's own doing.
    let sim = applied(SimConfig {
        check_invariants: false,
        ..even(105)
    });
    sim.settle(Duration::from_secs(900));
    let (_, _, volume) = serving(&sim).expect("it serves");
    let address = sim
        .inspect(|world| world.addresses.keys().next().cloned())
        .expect("it has one");
    lose(&sim, volume.as_str(), address.as_str());
    let plan = look(&sim, &web(), Goal::Apply);
    assert_eq!(refusals(&plan), ["address-lost", "volume-lost"], "{plan}");
    assert!(
        plan.to_string().contains(volume.as_str()) && plan.to_string().contains("--new-volume"),
        "{plan}"
    );
    assert!(
        plan.to_string().contains(address.as_str()) && plan.to_string().contains("--new-address"),
        "{plan}"
    );
    let effects = sim.effects();
    let refused = sim.block_on(run(&sim, &web(), Goal::Apply)).expect("no crash");
    assert!(
        matches!(
            refused,
            Err(ApplyError {
                kind: ApplyErrorKind::Refused(_),
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(sim.effects(), effects);
    let anew = Goal::ApplyWith(PlanOptions {
        new_volume: true,
        new_address: true,
        ..PlanOptions::default()
    });
    run_until_done(&sim, &web(), anew, 1);
    assert!(look(&sim, &web(), Goal::Apply).is_empty());
    // The instance that ran without its volume is replaced at last.
    for instance in sim.inspect(|world| world.instances.keys().cloned().collect::<Vec<_>>()) {
        sim.kill_instance(&instance);
    }
    sim.settle(Duration::from_secs(3_600));
    let (_, _, other) = serving(&sim).unwrap_or_else(|| panic!("{}", sim.trace_text()));
    assert_ne!(other, volume);
}

#[test]
fn an_option_alone_replaces_nothing_that_exists_1() {
    let (sim, volume, _) = stack(106);
    set_volume_tags(&sim, volume.as_str(), selfheal_core::names::Tags::clear);
    let anew = Goal::ApplyWith(PlanOptions {
        new_volume: true,
        new_address: true,
        ..PlanOptions::default()
    });
    assert_eq!(keys(&look(&sim, &web(), anew)), [StepKind::TagVolume]);
}

/// Observes and plans, then changes the world behind the run's back, and executes at once.
fn blindfolded(
    sim: &Sim,
    spec: &selfheal_core::spec::Spec,
    faults: FaultPlan,
    hide: &[&str],
) -> Result<Outcome, ApplyError> {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    sim.block_on(async {
        let observed = observe(sim, spec, Goal::Apply.scope(), &ctl)
            .await
            .expect("it can be read");
        let shown = Goal::Apply.plan(spec, &observed);
        sim.set_faults(faults);
        sim.tamper(|world| world.unlisted.extend(hide.iter().map(|id| (*id).to_owned())));
        apply(sim, spec, Goal::Apply, &shown, observed, &ctl).await
    })
    .expect("no crash")
}

#[test]
fn a_reading_in_the_middle_of_a_run_that_is_cut_replaces_nothing_1() {
    let (sim, volume, address) = stack(107);
    let mut bigger = web();
    bigger.data.as_mut().expect("it has one").size_gib = 40;
    let lost = FaultPlan::none().with_times(When::Nth("ec2:ModifyVolume".to_owned(), 1), Fault::AnswerLost, 1);
    let before = census(&sim);
    let done = blindfolded(&sim, &bigger, lost, &[volume.as_str(), address.as_str()]);
    done.unwrap_or_else(|error| panic!("{error}\n{}", sim.trace_text()));
    assert_eq!(census(&sim), before, "{}", sim.trace_text());
}

#[test]
fn a_volume_that_nothing_names_but_the_instance_is_for_a_person_to_name_1() {
    let (sim, volume, _) = stack(108);
    set_volume_tags(&sim, volume.as_str(), selfheal_core::names::Tags::clear);
    sim.tamper(|world| {
        world.roles.values_mut().for_each(|role| role.policies.clear());
        for template in world.templates.values_mut() {
            template
                .versions
                .iter_mut()
                .for_each(|version| version.user_data = "".into());
        }
    });
    let plan = look(&sim, &web(), Goal::Apply);
    assert_eq!(refusals(&plan), ["volume-unnamed"], "{plan}");
    let mut named = web();
    named.data.as_mut().expect("it has one").volume = Some(volume.clone());
    run_until_done(&sim, &named, Goal::Apply, 1);
    assert_eq!(healed(&sim).0, volume);
}

#[test]
fn a_destroy_removes_no_witness_of_what_has_lost_its_tags_1() {
    let (sim, volume, _) = stack(109);
    set_volume_tags(&sim, volume.as_str(), selfheal_core::names::Tags::clear);
    assert_eq!(refusals(&look(&sim, &web(), DESTROY)), ["tags-lost"]);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    run_until_done(&sim, &web(), DESTROY, 1);
    run_until_done(&sim, &web(), Goal::Apply, 1);
    sim.settle(Duration::from_secs(900));
    assert_eq!(serving(&sim).expect("it serves again").2, volume);
}

#[test]
fn what_is_as_it_was_left_costs_no_call_more_1() {
    let (sim, ..) = stack(110);
    sim.drain_trace();
    run_until_done(&sim, &web(), Goal::Apply, 1);
    assert!(calls(&sim) <= 14, "{} calls\n{}", calls(&sim), sim.trace_text());
}
