//! The last snapshot of the data volume.

use super::super::build::{owned, tagged};
use super::super::collect::{Granted, OperatorGrants, When};
use super::super::statements::OperatorStatement as Operator;
use crate::condition::Comparison;
use crate::purpose::Purpose;

/// A status and a destroy find the snapshot; a destroy makes it. None deletes one.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let has_data = grants.scope.data_volume;
    match grants.purpose {
        Purpose::Plan | Purpose::Apply | Purpose::Resume | Purpose::Sleep => Ok(()),
        Purpose::Status if has_data => grants.look(When::ForCommand, &["ec2:DescribeSnapshots"]),
        Purpose::Status => Ok(()),
        Purpose::Destroy => {
            grants.look(When::ForCommand, &["ec2:DescribeSnapshots"])?;
            if has_data { make(grants) } else { Ok(()) }
        }
    }
}

fn make(grants: &mut OperatorGrants<'_>) -> Granted {
    let (place, stack) = (grants.place, &grants.scope.stack);
    let snapshots = vec![place.snapshots()?];
    let both = vec![place.snapshots()?, place.ec2("volume/*")?];
    let created = tagged(stack).when(Comparison::StringEquals, "ec2:CreateAction", "CreateSnapshot");
    let (create, tag) = (["ec2:CreateSnapshot"], ["ec2:CreateTags"]);
    grants.allow(Operator::SnapshotTagged, &create, both.clone(), tagged(stack));
    grants.allow(Operator::SnapshotOwnVolume, &create, both, owned(stack));
    grants.allow(Operator::TagSnapshot, &tag, snapshots, created);
    Ok(())
}
