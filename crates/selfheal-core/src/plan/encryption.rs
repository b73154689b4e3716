//! The keys that volumes are encrypted by.

use super::builder::Builder;
use crate::spec::{DataSpec, is_kms_key};
use crate::world::Volume;

/// The customer's key for a data volume that is to be made: the spec's, else the account's default; `None` for AWS's own.
///
/// It is named in the call even where the account would choose it, so that it is the one that was shown, and so that
/// whoever attaches the volume later is known to need it.
pub(super) fn of_new_volume(builder: &mut Builder<'_>, data: &DataSpec) -> Option<String> {
    if let Some(key) = &data.kms_key {
        check_region(builder, "data.kms_key", key);
        return Some(key.clone());
    }
    let key = builder.observed.default_key.clone()?;
    if !is_kms_key(&key) {
        builder.refuse(
            "default-key-alias",
            format!("the account encrypts new volumes by `{key}`, and a policy can name a key by its ARN alone"),
            "write that key's ARN as `data.kms_key`",
        );
    }
    Some(key)
}

/// Refuses another key than the one that a volume was made with.
pub(super) fn check_volume(builder: &mut Builder<'_>, data: &DataSpec, volume: &Volume) {
    let Some(wanted) = &data.kms_key else { return };
    if volume.kms_key.as_ref() == Some(wanted) {
        return;
    }
    let (is, help) = match &volume.kms_key {
        Some(key) => (format!("encrypted by {key}"), format!("write kms_key = \"{key}\"")),
        None => ("not encrypted".to_owned(), "leave out `data.kms_key`".to_owned()),
    };
    builder.refuse(
        "volume-key",
        format!("the data volume {} is {is}, the spec says {wanted}", volume.id),
        format!("a volume keeps its key: {help}"),
    );
}

/// Tells what the key of the root volume has to allow, while a template that names it is not there yet.
pub(super) fn tell_root(builder: &mut Builder<'_>) {
    let spec = builder.spec;
    let launched = builder.observed.launch_template.as_ref();
    let (key, whose) = match &spec.instance.kms_key {
        Some(key) => {
            check_region(builder, "instance.kms_key", key);
            if launched.is_some_and(|template| template.data.root.kms_key.as_ref() == Some(key)) {
                return;
            }
            (key.clone(), "")
        }
        None => match builder.observed.default_key.clone() {
            Some(key) if launched.is_none() => (key, ", the account's default"),
            _ => return,
        },
    };
    builder.note(
        "root-key",
        format!(
            "the root volume is encrypted by {key}{whose}: unless the key's policy lets the role \
             AWSServiceRoleForAutoScaling use it and grant its use, no instance can be launched"
        ),
    );
}

fn check_region(builder: &mut Builder<'_>, name: &str, key: &str) {
    let region = key.split(':').nth(3).unwrap_or_default();
    if region != builder.spec.region {
        builder.refuse(
            "key-region",
            format!("`{name}` is a key in {region}, the stack is in {}", builder.spec.region),
            "EBS takes keys of its own Region alone",
        );
    }
}

/// Refuses to go on where AWS took a volume of this run back.
pub(super) fn check_vanished(builder: &mut Builder<'_>, key: Option<&str>) {
    let vanished = builder.observed.run.volumes.vanished.join(", ");
    if vanished.is_empty() {
        return;
    }
    let key = key.map_or_else(|| "its key".to_owned(), |key| format!("the key {key}"));
    builder.refuse(
        "volume-vanished",
        format!(
            "AWS answered that it makes the data volume {vanished}, and it is gone: that is how it tells that {key} cannot \
             be used"
        ),
        "see that the key is enabled and that its policy lets you use it through EC2 (kms:CreateGrant, kms:Decrypt, \
         kms:DescribeKey, kms:GenerateDataKeyWithoutPlaintext), or name another as `data.kms_key`",
    );
}
