//! The data volume.

use super::super::build::{of_ours, only, owned, tagged};
use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::names::{
    RESOURCE_TAG_KEYS, RESTORE_TAG_KEYS, ROLE_DRILL_COPY, ROLE_INSTANCE, TAG_FIRST_USE, TAG_ROLE,
};
use super::super::statements::InstanceStatement as Instance;
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{Comparison, Conditions};
use crate::purpose::Purpose;

const ATTACH: &str = "ec2:AttachVolume";
const DETACH: &str = "ec2:DetachVolume";

const VOLUMES: &[&str] = &["volume/*"];

/// The instance takes the volume, gives it up, reads it, and takes the mark of first use off once it is formatted.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let Some(volume_id) = &scope.volume_id else {
        return Ok(());
    };
    let volume = place.ec2(&format!("volume/{volume_id}"))?;
    let named = vec![volume.clone(), place.ec2("instance/*")?];
    let mark = only(Conditions::none(), "aws:TagKeys", &[TAG_FIRST_USE]);
    grants.allow(Instance::TheVolume, &[ATTACH, DETACH], named, of_ours(scope));
    grants.allow(Instance::VolumeIsUsed, &["ec2:DeleteTags"], vec![volume], mark);
    grants.only_itself(When::WhereAsked, &[ATTACH, DETACH]);
    grants.look(When::WhereAsked, &["ec2:DescribeVolumes"]);
    Ok(())
}

/// Every command finds the volume; an apply makes, grows or adopts it; a destroy deletes it.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    grants.look(When::Always, &["ec2:DescribeVolumes"])?;
    if !grants.scope.data_volume {
        return Ok(());
    }
    match grants.purpose {
        Purpose::Apply => {
            look_at_changes(grants)?;
            grants.create(When::WhereAsked, "ec2:CreateVolume", VOLUMES)?;
            grants.change(When::WhereAsked, &["ec2:ModifyVolume"], VOLUMES)?;
            grants.tag_on_create(When::WhereAsked, "CreateVolume", VOLUMES)?;
            adopt(grants)
        }
        Purpose::Destroy => {
            // In a statement of its own that can be struck.
            let volumes = grants.place.ec2_all(VOLUMES)?;
            let stack = &grants.scope.stack;
            grants.allow(Operator::DeleteData, &["ec2:DeleteVolume"], volumes, owned(stack));
            Ok(())
        }
        Purpose::Snapshot => {
            // IAM judges the copy alone: no key of the call tells whose the source is.
            grants.create(When::WhereAsked, "ec2:CopyVolumes", VOLUMES)?;
            grants.tag_on_create(When::WhereAsked, "CopyVolumes", VOLUMES)
        }
        Purpose::Restore => restore(grants),
        Purpose::DrillRestore => drill(grants),
        Purpose::Replace | Purpose::Drill => Ok(()),
        _ => look_at_changes(grants),
    }
}

/// Lets it be seen whether the volume is being changed, which is asked where it differs from the spec.
fn look_at_changes(grants: &mut OperatorGrants<'_>) -> Granted {
    grants.look(When::WhereAsked, &["ec2:DescribeVolumesModifications"])
}

/// Lets a volume be made of a snapshot that bears the stack's tag, and lets it be said which of the stack's volumes is its
/// data volume.
fn restore(grants: &mut OperatorGrants<'_>) -> Granted {
    let (place, stack) = (grants.place, &grants.scope.stack);
    let both = vec![place.ec2("volume/*")?, place.snapshots()?];
    let create = ["ec2:CreateVolume"];
    let marks = only(owned(stack), "aws:TagKeys", &RESTORE_TAG_KEYS);
    let volumes = place.ec2_all(VOLUMES)?;
    grants.allow(Operator::RestoreTagged, &create, both.clone(), tagged(stack));
    // The ARN of a snapshot names no account.
    let ours = owned(stack).when(Comparison::StringEquals, "ec2:Owner", place.account);
    grants.allow(Operator::RestoreOwnSnapshot, &create, both, ours);
    grants.allow(Operator::SwitchVolumes, &["ec2:CreateTags"], volumes, marks);
    Ok(())
}

/// Lets a copy be made of a snapshot of the stack, be attached to the stack's instances, and be taken away: what bears the mark of such a
/// copy, and no other volume of the stack.
fn drill(grants: &mut OperatorGrants<'_>) -> Granted {
    let (place, stack) = (grants.place, &grants.scope.stack);
    let (create, attach) = (["ec2:CreateVolume"], [ATTACH, DETACH]);
    let volumes = place.ec2_all(VOLUMES)?;
    let made = vec![place.ec2("volume/*")?, place.snapshots()?];
    let both = vec![place.ec2("volume/*")?, place.ec2("instance/*")?];
    let of = |role: &str| owned(stack).when(Comparison::StringEquals, &format!("aws:ResourceTag/{TAG_ROLE}"), role);
    let new = tagged(stack).when(
        Comparison::StringEquals,
        &format!("aws:RequestTag/{TAG_ROLE}"),
        ROLE_DRILL_COPY,
    );
    // The ARN of a snapshot names no account.
    let ours = owned(stack).when(Comparison::StringEquals, "ec2:Owner", place.account);
    grants.tag_on_create(When::WhereAsked, "CreateVolume", VOLUMES)?;
    grants.allow(Operator::MakeDrillCopy, &create, made.clone(), new);
    grants.allow(Operator::OfOwnSnapshot, &create, made, ours);
    grants.allow(Operator::TheDrillCopy, &attach, both.clone(), of(ROLE_DRILL_COPY));
    grants.allow(Operator::ToOwnInstance, &attach, both, of(ROLE_INSTANCE));
    grants.allow(
        Operator::RemoveDrillCopy,
        &["ec2:DeleteVolume"],
        volumes,
        of(ROLE_DRILL_COPY),
    );
    Ok(())
}

/// Lets one existing volume be marked as the stack's, with our two tags and a name. Any volume would be too much: what
/// bears the stack's tags can be deleted in its name.
fn adopt(grants: &mut OperatorGrants<'_>) -> Granted {
    let Some(volume) = &grants.scope.volume_id else {
        return Ok(());
    };
    let volume = vec![grants.place.ec2(&format!("volume/{volume}"))?];
    let ours = only(tagged(&grants.scope.stack), "aws:TagKeys", &RESOURCE_TAG_KEYS);
    grants.allow(Operator::AdoptVolume, &["ec2:CreateTags"], volume, ours);
    Ok(())
}
