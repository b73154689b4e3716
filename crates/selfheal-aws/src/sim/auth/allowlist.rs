//! What no instance may do, whatever its stack: the probes by which a role's policy is judged (S10).
//!
//! That a policy allows exactly a list is proven in selfheal-policy, over every action there is. Here the policy that was
//! really written is asked, about the resources that really exist.

use selfheal_core::names::{IAM_PATH, Names, TAG_STACK};
use selfheal_policy::Document;
use selfheal_policy::eval::{Decision, Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::requests::documented;

use super::super::target::Target;
use super::super::world::World;

/// Calls that only operators make, by the kind of the stack's own resource.
const OPERATORS_ALONE: [(&str, &str); 14] = [
    ("ec2:DeleteVolume", "vol"),
    ("ec2:ModifyVolume", "vol"),
    ("ec2:CreateSnapshot", "vol"),
    ("ec2:CreateTags", "vol"),
    ("ec2:ReleaseAddress", "eipalloc"),
    ("ec2:CreateTags", "eipalloc"),
    ("ec2:DeleteSecurityGroup", "sg"),
    ("ec2:AuthorizeSecurityGroupIngress", "sg"),
    ("ec2:CreateLaunchTemplateVersion", "lt"),
    ("ec2:DeleteLaunchTemplate", "lt"),
    ("autoscaling:UpdateAutoScalingGroup", "group"),
    ("autoscaling:DeleteAutoScalingGroup", "group"),
    ("iam:PutRolePolicy", "role"),
    ("iam:PassRole", "role"),
];

/// Calls that an instance makes about its own stack, and may not make about another.
const OF_OTHERS: [(&str, &str); 6] = [
    ("ec2:AttachVolume", "volume/vol-0fffffffffffffff0"),
    ("ec2:DetachVolume", "volume/vol-0fffffffffffffff0"),
    ("ec2:DeleteTags", "volume/vol-0fffffffffffffff0"),
    ("ec2:AssociateAddress", "elastic-ip/eipalloc-0fffffffffffffff0"),
    ("autoscaling:SetInstanceHealth", GROUP_OF_OTHERS),
    ("autoscaling:CreateOrUpdateTags", GROUP_OF_OTHERS),
];
const GROUP_OF_OTHERS: &str =
    "autoScalingGroup:00000000-0000-4000-8000-000000000000:autoScalingGroupName/selfheal-others";

impl World {
    /// What a document lets an instance of a stack do that no instance may.
    pub(in crate::sim) fn beyond_the_list(&self, stack: &str, document: &Document) -> Vec<String> {
        let own = OPERATORS_ALONE.iter().flat_map(|(action, kind)| {
            let targets = self.own_targets(stack, kind).into_iter();
            targets.filter_map(move |target| Some((*action, self.resource(&target)?)))
        });
        let of_others = OF_OTHERS.iter().filter_map(|(action, name)| {
            let service = action.split_once(':')?.0;
            let resource = ResourceRequest::new(self.arn(service, name).parse().ok()?);
            Some((*action, resource.tagged(TAG_STACK, "others")))
        });
        own.chain(of_others)
            .filter(|(action, resource)| self.is_allowed(document, stack, action, resource))
            .map(|(action, resource)| format!("{action} on {}", resource.arn))
            .collect()
    }

    fn is_allowed(&self, document: &Document, stack: &str, action: &str, resource: &ResourceRequest) -> bool {
        let region = &self.config.region;
        let names = Names::new(stack, region);
        // Everything that a condition could be content with: the stack's own instance asks, for an instance.
        let request = Request::new(action)
            .on(resource.clone())
            .with("aws:RequestedRegion", region.clone())
            .with("ec2:Region", region.clone())
            .with("aws:userid", "AROAPROBE:i-0fffffffffffffff0")
            .with(
                "aws:PrincipalArn",
                self.arn("iam", &format!("role{IAM_PATH}{}", names.role)),
            )
            .with("ec2:SourceInstanceARN", self.arn("ec2", "instance/i-0fffffffffffffff0"));
        let decision = evaluate(Policies::identity(&[document]), &documented(request));
        matches!(decision, Decision::Allow(_))
    }

    /// The resources of one kind that bear a stack's tag.
    fn own_targets(&self, stack: &str, kind: &str) -> Vec<Target> {
        let all: Vec<Target> = match kind {
            "vol" => self.volumes.keys().cloned().map(Target::Volume).collect(),
            "eipalloc" => self.addresses.keys().cloned().map(Target::Address).collect(),
            "sg" => self
                .security_groups
                .keys()
                .cloned()
                .map(Target::SecurityGroup)
                .collect(),
            "lt" => self.templates.keys().cloned().map(Target::Template).collect(),
            "group" => self.groups.keys().cloned().map(Target::Group).collect(),
            _ => self.roles.keys().cloned().map(Target::Role).collect(),
        };
        let is_own = |target: &Target| {
            let tags = self.owner_tags(target).map(|(_, tags)| tags);
            tags.is_some_and(|tags| tags.get(TAG_STACK).is_some_and(|owner| owner == stack))
        };
        all.into_iter().filter(is_own).collect()
    }
}
