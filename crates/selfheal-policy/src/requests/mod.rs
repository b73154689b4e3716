//! The calls that selfheal makes, and the resources that AWS evaluates for each.
//!
//! Which resource types an action takes, and which condition keys each has, comes from the Service Authorization
//! Reference ([`crate::reference`]). What the reference leaves open is written down here: which of the optional types
//! our request names, and which resources it creates. Where AWS's behaviour is not documented the table names more
//! rather than fewer, so that a policy that passes here passes there.

mod call;
mod table;

use crate::eval::Request;
use crate::reference::{Action, reference};
use crate::statement::ResourcePattern;

pub use call::{Call, Caller, Named};
pub(crate) use table::Resource;

/// Returns every call, resource by resource.
pub fn calls() -> impl Iterator<Item = &'static Call> {
    Resource::ALL.iter().flat_map(|resource| resource.calls())
}

/// Drops from a request what AWS does not evaluate: the keys that the reference does not list for the action and the
/// type of each resource.
///
/// A simulated AWS can thus put all that it knows of a resource into the request. Keys that hold for every service,
/// such as `aws:RequestedRegion` and `aws:PrincipalArn`, stay; the tag keys are kept only where the reference has them.
/// Requests of actions that the reference does not know come back unchanged.
#[must_use]
pub fn documented(mut request: Request) -> Request {
    let Some(action) = reference().action(&request.action) else {
        return request;
    };
    request
        .context
        .retain(|key| is_global(key) || action.has_key_anywhere(key));
    for resource in &mut request.resources {
        let types: Vec<&str> = type_of(action, &ResourcePattern::Arn(resource.arn.clone()));
        resource
            .context
            .retain(|key| is_global(key) || types.iter().any(|kind| action.has_key(Some(kind), key)));
    }
    request
}

/// Tells whether a key, in any case, holds for the requests of every service.
///
/// Source: "AWS global condition context keys". The three tag keys depend on the action, so they are not among these.
pub(crate) fn is_global(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let tags = ["aws:resourcetag/", "aws:requesttag/", "aws:tagkeys"];
    key.starts_with("aws:") && !tags.iter().any(|tag| key.starts_with(tag))
}

/// Returns those of a statement's resources that an action takes; none where it takes none, or the reference does not know it.
#[must_use]
pub fn taken_by(action: &str, resources: &[ResourcePattern]) -> Vec<ResourcePattern> {
    let Some(action) = reference().action(action) else {
        return Vec::new();
    };
    let taken = resources
        .iter()
        .filter(|resource| !type_of(action, resource).is_empty());
    taken.cloned().collect()
}

/// Returns the types of an action that a resource of a policy could be.
pub(crate) fn type_of(action: &Action, resource: &ResourcePattern) -> Vec<&'static str> {
    let Some(service) = reference().service(action.service()) else {
        return Vec::new();
    };
    let of_action = action.rows().iter().filter_map(crate::reference::Row::resource_type);
    match resource {
        ResourcePattern::Any => of_action.collect(),
        ResourcePattern::Arn(arn) => of_action.filter(|kind| service.is_of_type(arn, kind)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_one_of_the_reference() {
        for call in calls() {
            let action = call
                .reference()
                .unwrap_or_else(|| panic!("{} does not exist", call.action));
            for named in call.names {
                let row = action.row(named.resource_type);
                assert!(row.is_some(), "{} does not take a {}", call.action, named.resource_type);
            }
            // CreateTags aside, whatever the reference requires is named.
            for row in action.rows().iter().filter(|row| row.required()) {
                let named = call
                    .names
                    .iter()
                    .any(|named| Some(named.resource_type) == row.resource_type());
                assert!(named, "{} also names a {:?}", call.action, row.resource_type());
            }
            assert_eq!(call.names.is_empty(), !action.has_resources(), "{}", call.action);
        }
    }

    #[test]
    fn what_is_created_is_tagged_in_the_request() {
        for call in calls() {
            for named in call.names.iter().filter(|named| named.created) {
                let action = call.reference().unwrap();
                assert!(
                    action.has_key(Some(named.resource_type), "aws:RequestTag/x"),
                    "{}",
                    call.action
                );
            }
        }
    }

    #[test]
    fn keys_that_aws_does_not_evaluate_are_dropped() {
        use crate::eval::ResourceRequest;
        let volume = "arn:aws:ec2:eu-west-1:123456789012:volume/vol-1".parse().unwrap();
        let resource = ResourceRequest::new(volume)
            .tagged("selfheal:stack", "web")
            .with("ec2:InstanceProfile", "x")
            .with("ec2:VolumeID", "vol-1");
        let request = Request::new("ec2:AttachVolume")
            .on(resource)
            .with("aws:RequestedRegion", "eu-west-1");
        let request = documented(request.with("ec2:CreateAction", "x"));
        let keys: Vec<_> = request.resources[0]
            .context
            .iter()
            .map(|(key, _)| key.to_owned())
            .collect();
        assert_eq!(
            keys,
            [
                "aws:resourcetag/selfheal:stack",
                "ec2:resourcetag/selfheal:stack",
                "ec2:volumeid"
            ]
        );
        assert_eq!(
            request.context.get("aws:RequestedRegion"),
            Some(["eu-west-1".to_owned()].as_slice())
        );
        assert_eq!(request.context.get("ec2:CreateAction"), None);
    }
}
