//! The filesystem on the data volume, as far as an instance has noted how large it is.

use super::VolumeStatus;
use super::finding::{Finding, FindingCode};
use crate::names::TAG_GROWN;
use crate::world::{Group, InstanceId, VolumeId};

/// What the group's tag says of the filesystem on a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It has this size in GiB.
    Has(u32),
    /// It could not be grown to this size in GiB.
    Lacks(u32),
}

/// What was noted of the filesystem on this volume; `None` where nothing was, or of another one.
pub(super) fn noted(group: Option<&Group>, volume: &VolumeId) -> Option<Noted> {
    let mut words = group?.tags.get(TAG_GROWN)?.split(' ');
    if words.next() != Some(volume.as_str()) {
        return None;
    }
    let size = words.next()?.parse().ok()?;
    if words.next() != Some("GiB") {
        return None;
    }
    match words.next() {
        None => Some(Noted::Has(size)),
        Some("failed") => Some(Noted::Lacks(size)),
        Some(_) => None,
    }
}

/// Whether the filesystem is behind its volume while this instance is in service. One that is mounted by the next boot is
/// grown then, so that there is nothing to say of a stack that sleeps.
pub(super) fn diagnose(group: &Group, volume: &VolumeStatus, serving: &InstanceId) -> Option<Finding> {
    let (id, size) = (&volume.id, volume.size_gib);
    if volume.attached_instance.as_ref() != Some(serving) {
        return None;
    }
    match noted(Some(group), id)? {
        Noted::Has(has) if has < size => Some(Finding::new(
            FindingCode::FilesystemBehind,
            format!("the filesystem on {id} has {has} of {size} GiB"),
            "its instance grows it within seconds: see again, and then the log of selfheal-watch on the instance",
        )),
        Noted::Lacks(wanted) => Some(Finding::new(
            FindingCode::FilesystemBehind,
            format!("the filesystem on {id} could not be grown to {wanted} GiB"),
            "its instance tries again every hour; the log of selfheal-watch on it says why it could not",
        )),
        Noted::Has(_) => None,
    }
}
