//! A snapshot, a restore of it and the way back, of a stack that sleeps.
//!
//! It sleeps because moto launches nothing from a second version of a launch template; that an instance then serves from the
//! other volume is for the simulated AWS to show.

use serde_json::Value;

use super::{json, nothing_to_do};
use crate::error::{TaskError, TaskResult};
use crate::fake::{Caller, log};
use crate::report::Report;
use crate::world::World;

/// Goes back to a snapshot and on again, and removes what is left over.
pub fn there_and_back(world: &World, report: &mut Report) -> TaskResult<()> {
    world.expect(&["sleep", "--yes"], 0)?;
    let before = data_volume(world)?;
    world.expect(&["snapshot", "--wait"], 0)?;
    let calls = log::mutating(&world.proxy().log(), Caller::Operator);
    report.expect("snapshot takes one snapshot", calls == ["ec2:CreateSnapshot"], || {
        calls.join(", ")
    });
    world.expect(&["restore", "--from", "latest", "--yes"], 0)?;
    let mut calls = log::mutating(&world.proxy().log(), Caller::Operator);
    calls.sort();
    report.expect(
        "a restore makes a volume, keeps what was, and names the new one everywhere",
        calls
            == [
                "autoscaling:UpdateAutoScalingGroup",
                "ec2:CreateLaunchTemplateVersion",
                "ec2:CreateSnapshot",
                "ec2:CreateTags",
                "ec2:CreateTags",
                "ec2:CreateTags",
                "ec2:CreateVolume",
                "iam:PutRolePolicy",
            ],
        || calls.join(", "),
    );
    let after = data_volume(world)?;
    let list = json(&world.expect(&["snapshots", "--json"], 0)?)?;
    let kept = list.pointer("/volumes/0/id").and_then(Value::as_str);
    report.expect(
        "the data volume is another one, and the list has the one that was",
        after != before && kept == Some(before.as_str()),
        || list.to_string(),
    );
    nothing_to_do(world, report, "an apply after the restore")?;
    world.expect(&["restore", "--undo", "--yes"], 0)?;
    report.expect(
        "undoing it brings the volume back that was",
        data_volume(world)? == before,
        || after.clone(),
    );
    nothing_to_do(world, report, "an apply after that")?;
    world.aws().ec2("DeleteVolume", &[("VolumeId", &after)])?;
    let taken = list.pointer("/snapshots").and_then(Value::as_array);
    for id in taken.into_iter().flatten().filter_map(|it| it.get("id")?.as_str()) {
        world.aws().ec2("DeleteSnapshot", &[("SnapshotId", id)])?;
    }
    Ok(())
}

fn data_volume(world: &World) -> TaskResult<String> {
    let status = json(&world.expect(&["status", "--json"], 0)?)?;
    let id = status.pointer("/volume/id").and_then(Value::as_str);
    id.map(str::to_owned)
        .ok_or_else(|| TaskError::failed(format!("no data volume: {status}")))
}
