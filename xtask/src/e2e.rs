//! The end-to-end test: the built `selfheal` with the real SDK against moto, and the launched instance's own user data
//! executed, from nothing to a stack that heals, and back to nothing.

mod capacity;
mod config;
mod first_file;
mod logs;
mod notify;
mod replace;
mod restore;
mod sleep;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::error::{TaskError, TaskResult};
use crate::fake::inventory::{Address, Instance, Inventory};
use crate::fake::{At, Caller, Fault, Moment, log};
use crate::granted::Policies;
use crate::machine::Machine;
use crate::noise::noise;
use crate::report::{Counts, Report};
use crate::world::{Run, World};

/// The exit code of `plan --check` where something would change.
const PENDING: i32 = 3;
/// The record's name in the spec.
/// Letters of noise that user data have no room for.
const NOISE: usize = 20_000;
const NAME: &str = "app.example.com";

/// Runs the whole story.
pub fn run() -> TaskResult<Counts> {
    let mut report = Report::new("e2e");
    if let Err(error) = story(&mut report) {
        report.check("the story went to its end", Err(error));
    }
    Ok(report.finish())
}

/// What must not change from instance to instance.
struct Identity {
    allocation_id: String,
    public_ip: String,
    volume_id: String,
}

fn story(report: &mut Report) -> TaskResult<()> {
    let world = World::new()?;
    first_file::written(&world, report)?;
    first_apply(&world, report)?;
    let (machine, instance) = boot(&world, report, "the first instance boots from its own user data")?;
    let identity = first_boot(&world, report, &machine, &instance)?;
    nothing_to_do(&world, report, "a second apply")?;
    status(&world, report, &identity, &instance)?;
    first_file::like(&world, report, &instance)?;
    let (machine, second) = replacement(&world, report, machine, &instance, &identity)?;
    let (machine, instance) = replace::by_hand(&world, report, machine, (&instance, &second), &identity)?;
    new_type(&world, report)?;
    first_file::ports(&world, report)?;
    lost_hook(&world, report)?;
    // Its group goes, and with it the instance: its power is cut.
    drop(machine);
    destroy(&world, report, &identity, &instance)?;
    adoption(&world, report, &identity)?;
    sleep::with_schedule(&world, report)?;
    world.expect(&["resume", "--yes"], 0)?;
    let policies = Policies::read(&world)?;
    sleep::leave(&world, report)?;
    restore::there_and_back(&world, report)?;
    capacity::while_it_sleeps(&world, report)?;
    destroy_all(&world, report)?;
    policies.compare(&world, report);
    logs::failed_boot(report)?;
    notify::end_to_end(report)?;
    rough_weather(report)
}

fn first_apply(world: &World, report: &mut Report) -> TaskResult<()> {
    let plan = world.expect(&["plan", "--check"], PENDING)?;
    report.expect(
        "a plan in an empty account shows what an apply would make, and touches nothing",
        plan.stdout.contains("Elastic IP") && log::mutating(&world.proxy().log(), Caller::Operator).is_empty(),
        || plan.text(),
    );
    let apply = world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let inventory = world.inventory()?;
    let address = the_address(&inventory)?;
    report.expect(
        "apply ends with the address and the name",
        apply.text().contains(&address.public_ip) && apply.text().contains(NAME),
        || apply.text(),
    );
    report.expect(
        "the record is the address",
        inventory.records == [(format!("{NAME}."), address.public_ip.clone())],
        || format!("{:?}", inventory.records),
    );
    Ok(())
}

/// Boots the one instance that runs.
fn boot(world: &World, report: &mut Report, name: &str) -> TaskResult<(Machine, Instance)> {
    world.proxy().begin(Duration::ZERO, Vec::new());
    let instance = the_instance(&world.inventory()?)?;
    let machine = Machine::boot(world, &instance);
    let booted = machine
        .as_ref()
        .map(|_| ())
        .map_err(|error| TaskError::failed(error.to_string()));
    report.check(name, booted);
    Ok((machine?, instance))
}

fn first_boot(world: &World, report: &mut Report, machine: &Machine, instance: &Instance) -> TaskResult<Identity> {
    let calls: Vec<String> = log::of(&world.proxy().log(), Caller::Instance)
        .map(|entry| entry.call.action.clone())
        .collect();
    let order = ["AttachVolume", "AssociateAddress", "CompleteLifecycleAction"]
        .map(|action| calls.iter().position(|call| call == action));
    report.expect(
        "it attaches the volume, then takes the address, then completes the launch hook",
        order.iter().all(Option::is_some) && order.is_sorted(),
        || calls.join(", "),
    );
    report.expect(
        "it never asks the metadata service without a token",
        machine.unauthorised_reads() == 0,
        || format!("{} requests were refused", machine.unauthorised_reads()),
    );
    let inventory = world.inventory()?;
    let identity = Identity {
        allocation_id: the_address(&inventory)?.allocation_id.clone(),
        public_ip: the_address(&inventory)?.public_ip.clone(),
        volume_id: the_volume(&inventory)?,
    };
    holds_everything(report, &inventory, instance, &identity)?;
    signed_by(world, report, machine, &[instance])?;
    Ok(identity)
}

/// The instance has the address and the volume, and the record leads to it.
fn holds_everything(
    report: &mut Report,
    inventory: &Inventory,
    instance: &Instance,
    identity: &Identity,
) -> TaskResult<()> {
    let address = the_address(inventory)?;
    report.expect(
        "the address is on the instance",
        {
            address.instance_id == instance.id
                && address.allocation_id == identity.allocation_id
                && address.public_ip == identity.public_ip
        },
        || format!("{address:?}"),
    );
    let volumes = inventory.data_volumes();
    report.expect(
        "the one data volume is attached to the instance and to no other",
        {
            volumes.len() == 1
                && volumes[0].id == identity.volume_id
                && volumes[0].attached_to == [instance.id.as_str()]
        },
        || format!("{volumes:?}"),
    );
    report.expect(
        "the record leads to the address",
        inventory.records == [(format!("{NAME}."), identity.public_ip.clone())],
        || format!("{:?}", inventory.records),
    );
    Ok(())
}

/// What is on the volume: the names of the instances that were there, and one formatting ever.
fn signed_by(world: &World, report: &mut Report, machine: &Machine, visitors: &[&Instance]) -> TaskResult<()> {
    let expected: String = visitors.iter().map(|instance| format!("{}\n", instance.id)).collect();
    let found = machine
        .read("/srv/data/visitors")
        .unwrap_or_else(|error| error.to_string());
    report.expect(
        &format!(
            "the data volume was signed by {} instances, one after the other",
            visitors.len()
        ),
        found == expected,
        || found,
    );
    let volume = the_volume(&world.inventory()?)?;
    let formatted =
        std::fs::read_to_string(world.folder().join(format!("volumes/{volume}.formatted"))).unwrap_or_default();
    report.expect("the volume was formatted once", formatted == "x", || {
        format!("{} times", formatted.len())
    });
    Ok(())
}

/// An apply makes no mutating call, and a check finds nothing pending.
fn nothing_to_do(world: &World, report: &mut Report, name: &str) -> TaskResult<()> {
    let apply = world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let calls = log::mutating(&world.proxy().log(), Caller::Operator);
    report.expect(&format!("{name} makes no mutating call"), calls.is_empty(), || {
        format!("{}\n{}", calls.join(", "), apply.text())
    });
    let check = world.run(&["plan", "--check"], Duration::ZERO, Vec::new())?;
    report.expect("a plan finds nothing to change", check.code == Some(0), || check.text());
    Ok(())
}

fn status(world: &World, report: &mut Report, identity: &Identity, instance: &Instance) -> TaskResult<()> {
    let run = world.expect(&["status", "--json"], 0)?;
    let status = json(&run)?;
    let expected = [
        ("/stack", "web"),
        ("/region", world.region()),
        ("/address/allocation_id", &identity.allocation_id),
        ("/address/public_ip", &identity.public_ip),
        ("/address/associated_instance", &instance.id),
        ("/volume/id", &identity.volume_id),
        ("/volume/attached_instance", &instance.id),
        ("/instance/id", &instance.id),
        ("/instance/state", "running"),
        ("/dns/name", NAME),
        ("/dns/value", &identity.public_ip),
    ];
    let wrong: Vec<String> = expected
        .iter()
        .filter(|(pointer, value)| status.pointer(pointer).and_then(Value::as_str) != Some(value))
        .map(|(pointer, value)| format!("{pointer} is {:?}, not {value}", status.pointer(pointer)))
        .collect();
    report.expect("status tells the same as AWS does", wrong.is_empty(), || {
        format!("{}\n{}", wrong.join("\n"), run.stdout)
    });
    let drift = status.pointer("/drift").and_then(Value::as_array).map(Vec::len);
    report.expect(
        "status finds no drift, and the record in sync",
        drift == Some(0) && status.pointer("/dns/in_sync") == Some(&Value::Bool(true)),
        || run.stdout.clone(),
    );
    Ok(())
}

/// The instance is terminated by somebody; the group launches another, which boots and takes everything over.
fn replacement(
    world: &World,
    report: &mut Report,
    machine: Machine,
    first: &Instance,
    identity: &Identity,
) -> TaskResult<(Machine, Instance)> {
    drop(machine);
    world.aws().ec2("TerminateInstances", &[("InstanceId.1", &first.id)])?;
    let (machine, second) = boot(
        world,
        report,
        "the instance is terminated: the group's replacement boots",
    )?;
    report.expect("the replacement is another instance", second.id != first.id, || {
        second.id.clone()
    });
    holds_everything(report, &world.inventory()?, &second, identity)?;
    signed_by(world, report, &machine, &[first, &second])?;
    nothing_to_do(world, report, "an apply after the replacement")?;
    Ok((machine, second))
}

/// Another instance type: a version of the launch template and the group's pin, and nothing else.
fn new_type(world: &World, report: &mut Report) -> TaskResult<()> {
    world.edit_spec("t4g.small", "t4g.medium")?;
    let run = world.expect(&["plan", "--json"], 0)?;
    let plan = json(&run)?;
    let steps = plan.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    let keys: BTreeSet<&str> = steps
        .iter()
        .filter_map(|step| step.get("kind"))
        .filter_map(Value::as_str)
        .collect();
    report.expect(
        "another instance type plans exactly a template version and the group's pin",
        steps.len() == 2 && keys == BTreeSet::from(["create-template-version", "update-group"]),
        || run.stdout.clone(),
    );
    world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let calls = log::mutating(&world.proxy().log(), Caller::Operator);
    report.expect(
        "and its apply makes exactly these two calls",
        calls == ["ec2:CreateLaunchTemplateVersion", "autoscaling:UpdateAutoScalingGroup"],
        || calls.join(", "),
    );
    nothing_to_do(world, report, "an apply after that")
}

/// Somebody takes a hook away: it is put again, and nothing else.
fn lost_hook(world: &World, report: &mut Report) -> TaskResult<()> {
    let hook = [
        ("AutoScalingGroupName", "selfheal-web"),
        ("LifecycleHookName", "selfheal-launch"),
    ];
    world.aws().autoscaling("DeleteLifecycleHook", &hook)?;
    world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let calls = log::mutating(&world.proxy().log(), Caller::Operator);
    report.expect(
        "a hook that was deleted is put again, by one call",
        calls == ["autoscaling:PutLifecycleHook"],
        || calls.join(", "),
    );
    nothing_to_do(world, report, "an apply after that")
}

fn destroy(world: &World, report: &mut Report, identity: &Identity, instance: &Instance) -> TaskResult<()> {
    world.expect(&["destroy", "--yes"], 0)?;
    let left = world.inventory()?;
    let volumes: Vec<&str> = left.volumes.iter().map(|volume| volume.id.as_str()).collect();
    report.expect(
        "destroy leaves exactly the address and the volume",
        {
            left.addresses.len() == 1
                && left.addresses[0].allocation_id == identity.allocation_id
                && volumes == [identity.volume_id.as_str()]
                && left.instances.is_empty()
                && left.records.is_empty()
                && left.others.is_empty()
        },
        || left.summary().join("\n"),
    );
    let dead = left.instances.iter().all(|found| found.id != instance.id);
    report.expect("the instance is gone", dead, || instance.id.clone());
    Ok(())
}

/// Apply after destroy takes the address and the volume up again, with what is on it.
fn adoption(world: &World, report: &mut Report, identity: &Identity) -> TaskResult<()> {
    world.write("noise", &noise(NOISE))?;
    let more = "[logs]\nretention_days = 14\n\n[config]\npath = \"/web/\"\nrequired = [\"DATABASE_URL\"]\n\n[app.files]\n\"/etc/app/noise\" = \"noise\"\n\n[data]";
    world.edit_spec("[data]", more)?;
    config::write(world, report)?;
    world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let calls = log::mutating(&world.proxy().log(), Caller::Operator);
    report.expect(
        "apply after destroy allocates no address and creates no volume",
        {
            !calls
                .iter()
                .any(|call| call == "ec2:AllocateAddress" || call == "ec2:CreateVolume")
        },
        || calls.join(", "),
    );
    let logs = "log group /selfheal/web, 14 days".to_owned();
    let others = world.inventory()?.others;
    report.expect(
        "the log group that the spec now asks for is there with its retention",
        others.contains(&logs),
        || others.join(", "),
    );
    let parts = others
        .iter()
        .filter(|other| other.starts_with("parameter /selfheal/web/bundle/"));
    report.expect(
        "what does not fit into user data is in parameters",
        parts.count() > 3,
        || others.join(", "),
    );
    nothing_to_do(world, report, "an apply with a log group and a bundle")?;
    world.expect(&["status"], 0)?;
    logs::empty(world, report)?;
    let (machine, fourth) = boot(world, report, "its instance boots")?;
    holds_everything(report, &world.inventory()?, &fourth, identity)?;
    let visitors = machine.read("/srv/data/visitors").unwrap_or_default();
    report.expect(
        "with the data of the instances before it",
        visitors.lines().count() == 4 && visitors.lines().last() == Some(fourth.id.as_str()),
        || visitors.clone(),
    );
    let fetched = machine.read("/etc/app/noise").unwrap_or_default();
    report.expect(
        "and with the file that only its bundle holds",
        fetched == noise(NOISE),
        || format!("{} bytes", fetched.len()),
    );
    // The calls of the boot are those of the last command's log; what follows asks again and again.
    config::fetched(world, report, &machine)?;
    logs::shipped(world, report, &machine, &fourth)
}

/// Named, the address and the data go too; a snapshot of the data stays.
fn destroy_all(world: &World, report: &mut Report) -> TaskResult<()> {
    let all = [
        "destroy",
        "--yes",
        "--release-address",
        "--delete-data",
        "--delete-logs",
    ];
    world.expect(&all, 0)?;
    let left = world.inventory()?;
    report.expect(
        "destroy with all named leaves a snapshot of the data and nothing else",
        {
            left.addresses.is_empty()
                && left.volumes.is_empty()
                && left.instances.is_empty()
                && left.others.len() == 1
                && left.others[0].starts_with("snapshot")
        },
        || left.summary().join("\n"),
    );
    Ok(())
}

/// The wire as it is on a bad day: refusals for the rate, and answers that never come.
fn rough_weather(report: &mut Report) -> TaskResult<()> {
    let mut world = World::new()?;
    world.expect(&["apply", "--yes", "--no-wait"], 0)?;
    let undisturbed = world.inventory()?.summary();
    for (name, fault, every) in [
        ("every third call is refused for its rate", Fault::Throttle, 3),
        ("every fourth answer is lost", Fault::Drop(Moment::After), 4),
        ("every fourth call is lost", Fault::Drop(Moment::Before), 4),
    ] {
        let faults = (1..40)
            .step_by(every)
            .map(|number| (At::Number(number), fault))
            .collect();
        world.reset()?;
        let run = world.run(&["apply", "--yes", "--no-wait"], Duration::ZERO, faults)?;
        let found = world.inventory()?.summary();
        report.expect(
            &format!("{name}: apply ends well, with the same resources, none twice"),
            run.code == Some(0) && found == undisturbed,
            || {
                format!(
                    "exit {:?}\n{}\n{}",
                    run.code,
                    difference(&undisturbed, &found),
                    run.text()
                )
            },
        );
    }
    Ok(())
}

/// What is in one list and not in the other, each as often as it is there.
pub fn difference(expected: &[String], found: &[String]) -> String {
    let mut rest = found.to_vec();
    let mut lines = Vec::new();
    for line in expected {
        match rest.iter().position(|other| other == line) {
            Some(place) => {
                rest.remove(place);
            }
            None => lines.push(format!("missing: {line}")),
        }
    }
    lines.extend(rest.into_iter().map(|line| format!("too many: {line}")));
    lines.join("\n")
}

fn json(run: &Run) -> TaskResult<Value> {
    serde_json::from_str(&run.stdout)
        .map_err(|error| TaskError::malformed(format!("the JSON of selfheal\n{}", run.text()), error))
}

fn the_address(inventory: &Inventory) -> TaskResult<&Address> {
    match inventory.addresses.as_slice() {
        [address] => Ok(address),
        others => Err(TaskError::failed(format!("{} addresses, not one", others.len()))),
    }
}

fn the_instance(inventory: &Inventory) -> TaskResult<Instance> {
    match inventory.instances.as_slice() {
        [instance] if instance.state == "running" => Ok(instance.clone()),
        others => Err(TaskError::failed(format!("not one running instance: {others:?}"))),
    }
}

fn the_volume(inventory: &Inventory) -> TaskResult<String> {
    match inventory.data_volumes().as_slice() {
        [volume] => Ok(volume.id.clone()),
        others => Err(TaskError::failed(format!("{} data volumes, not one", others.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_difference_counts_duplicates() {
        let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(difference(&lines(&["a", "b"]), &lines(&["b", "a"])), "");
        assert_eq!(
            difference(&lines(&["a", "b"]), &lines(&["a", "a"])),
            "missing: b\ntoo many: a"
        );
    }
}
