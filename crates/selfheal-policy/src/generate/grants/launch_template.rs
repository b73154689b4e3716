//! The launch template, and what a group launches from it.

use super::super::build::owned;
use super::super::collect::{Granted, OperatorGrants, When};
use super::super::statements::OperatorStatement as Operator;
use crate::condition::{Comparison, Conditions};
use crate::purpose::Purpose;

const TEMPLATES: &[&str] = &["launch-template/*"];

/// Every command finds the template; an apply makes it and its versions; a destroy deletes it.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    grants.look(When::Always, &["ec2:DescribeLaunchTemplateVersions"])?;
    match grants.purpose {
        Purpose::Apply => {
            grants.create(When::Always, "ec2:CreateLaunchTemplate", TEMPLATES)?;
            grants.change(When::Always, &["ec2:CreateLaunchTemplateVersion"], TEMPLATES)?;
            grants.tag_on_create(When::Always, "CreateLaunchTemplate", TEMPLATES)?;
            launch(grants)
        }
        Purpose::Destroy => grants.remove(When::Always, "ec2:DeleteLaunchTemplate", TEMPLATES),
        _ => Ok(()),
    }
}

/// Allows what Auto Scaling checks in the operator's name when a group takes a launch template.
///
/// The launch must use a template, and the template must carry the stack's tag; the role that it passes is narrowed by
/// `PassRole`. Image and security groups are those of the template, whatever they are.
fn launch(grants: &mut OperatorGrants<'_>) -> Granted {
    let (scope, place) = (grants.scope, grants.place);
    let tagged = ["instance/*", "network-interface/*", "volume/*"];
    grants.tag_on_create(When::Always, "RunInstances", &tagged)?;
    let subnet = format!("subnet/{}", scope.subnet_id.as_deref().unwrap_or("*"));
    let mut launched = place.ec2_all(&["instance/*", "network-interface/*", "security-group/*", &subnet])?;
    launched.push(place.images()?);
    let mut template = launched.clone();
    template.push(place.ec2("launch-template/*")?);
    launched.push(place.ec2("volume/*")?);
    let any_template = place.ec2("launch-template/*")?;
    let by_template = Conditions::none().when(Comparison::ArnLike, "ec2:LaunchTemplate", any_template.as_str());
    let run = ["ec2:RunInstances"];
    grants.allow(Operator::Launch, &run, launched, by_template);
    grants.allow(Operator::LaunchByOwnTemplate, &run, template, owned(&scope.stack));
    Ok(())
}
