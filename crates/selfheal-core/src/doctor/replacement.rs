//! What would stop a replacement, if the instance were lost now.

use super::{Check, CheckCode, Read};
use crate::existing::existing;
use crate::existing::instance_type::is_offered;
use crate::status::{Finding, Severity, status};

/// The check of a stack that has a group; `None` where there is nothing to replace.
pub(super) fn replacement(read: &Read<'_>) -> Option<Check> {
    let code = CheckCode::Replacement;
    read.observed.group.as_ref()?;
    let report = status(read.spec, read.observed, read.plan);
    let stops = |finding: &&Finding| matches!(finding.severity, Severity::Down | Severity::CannotHeal);
    let mut found: Vec<(String, String)> = report
        .findings
        .iter()
        .filter(stops)
        .map(|finding| (finding.message.clone(), finding.help.clone()))
        .collect();
    if let Some(image) = &read.observed.gone_image {
        found.push((
            format!("the image {image} of the launch template is gone"),
            "`selfheal apply` takes the spec's image".to_owned(),
        ));
    }
    found.extend(zone(read));
    if found.is_empty() {
        return Some(Check::well(code, "nothing that was read would stop it"));
    }
    let (messages, helps): (Vec<String>, Vec<String>) = found.into_iter().unzip();
    Some(Check::fails(code, messages.join("; "), helps.join("; ")))
}

/// Whether the zone has ceased to offer what the group launches.
fn zone(read: &Read<'_>) -> Option<(String, String)> {
    let subnet = existing(read.spec, read.observed).subnet?;
    let types = &read.observed.instance_types;
    let none = !types.is_empty() && !types.iter().any(|kind| is_offered(kind, &subnet.zone));
    none.then(|| {
        (
            format!("EC2 offers none of the spec's types in {}", subnet.zone),
            "choose another `instance.type`".to_owned(),
        )
    })
}
