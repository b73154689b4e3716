//! A stack that a newer version has written is left alone.

use super::builder::Builder;
use crate::names::{SCHEMA, TAG_SCHEMA, TAG_STACK, Tags};

/// Refuses a stack of which something bears a form that this version does not know; answers whether it did.
///
/// Nothing else is planned then: what this version made of such a stack could only be wrong.
pub(super) fn refuse_newer(builder: &mut Builder<'_>) -> bool {
    let Some((what, form)) = newer(builder) else {
        return false;
    };
    builder.refuse(
        "newer-schema",
        format!("the stack was written by a newer selfheal: {what} is of form {form}, and this version knows {SCHEMA}"),
        "use the newer version: this one could undo what it does not know",
    );
    true
}

/// The first thing of the stack that is of a form which this version does not know.
fn newer(builder: &Builder<'_>) -> Option<(String, String)> {
    let observed = builder.observed;
    let things = (observed
        .addresses
        .iter()
        .map(|it| (it.allocation_id.as_str(), &it.tags)))
    .chain(observed.volumes.iter().map(|it| (it.id.as_str(), &it.tags)))
    .chain(observed.security_groups.iter().map(|it| (it.id.as_str(), &it.tags)))
    .chain(observed.application_checks.iter().map(|it| (it.id.as_str(), &it.tags)))
    .chain(
        observed
            .launch_template
            .iter()
            .map(|it| (it.id.as_str(), &it.data.instance_tags)),
    )
    .chain(observed.group.iter().map(|it| (&*it.name, &it.tags)))
    .chain(observed.role.iter().map(|it| (&*it.name, &it.tags)))
    .chain(observed.profile.iter().map(|it| (&*it.name, &it.tags)));
    let ours = |tags: &Tags| tags.get(TAG_STACK) == Some(&builder.spec.name);
    let unknown = |form: &String| form.parse::<u32>().map_or(true, |form| form > SCHEMA);
    things.filter(|(_, tags)| ours(tags)).find_map(|(what, tags)| {
        Some((
            what.to_owned(),
            tags.get(TAG_SCHEMA).filter(|form| unknown(form))?.clone(),
        ))
    })
}
