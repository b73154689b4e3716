//! Snapshots of the data volume.

use super::super::build::{owned, tagged};
use super::super::collect::{Granted, OperatorGrants, When};
use super::super::statements::OperatorStatement as Operator;
use crate::condition::Comparison;
use crate::purpose::Purpose;

/// A status finds the last snapshot; a destroy, a restore and `snapshot` find theirs and make it. None deletes one.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let has_data = grants.scope.data_volume;
    match grants.purpose {
        Purpose::Status | Purpose::Drill | Purpose::DrillRestore if has_data => {
            grants.look(When::ForCommand, &["ec2:DescribeSnapshots"])
        }
        Purpose::Destroy | Purpose::Snapshot | Purpose::Restore => {
            grants.look(When::ForCommand, &["ec2:DescribeSnapshots"])?;
            if has_data { make(grants) } else { Ok(()) }
        }
        _ => Ok(()),
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
