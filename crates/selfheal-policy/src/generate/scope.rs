//! What a policy is generated from.

use super::names;
use crate::partition::Partition;

/// The scope of the instance's policy: what the instance may touch, from the spec and from what exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceScope {
    /// The partition of the Region.
    pub partition: Partition,
    /// The Region, such as `eu-west-1`.
    pub region: String,
    /// The account, twelve digits.
    pub account: String,
    /// The stack's name.
    pub stack: String,
    /// The Auto Scaling group's name; its ARN takes `*` for the id, which is unknown before the group exists.
    pub group: String,
    /// The ARN of the instance's own instance profile.
    pub instance_profile: String,
    /// The Elastic IP's allocation, `eipalloc-…`.
    pub allocation_id: String,
    /// The data volume, `vol-…`, if the stack has one.
    pub volume_id: Option<String>,
    /// The VPC of the instance, `vpc-…`; used where the subnet is not known.
    pub vpc_id: Option<String>,
    /// The subnet of the instance, `subnet-…`.
    pub subnet_id: Option<String>,
    /// Whether Session Manager may open sessions on the instance.
    pub session_manager: bool,
    /// The path of Parameter Store below which the app's configuration is, such as `/web`, if it has any there.
    pub parameter_path: Option<String>,
    /// The ARN of the customer key that encrypts the secrets below that path.
    pub parameter_key: Option<String>,
    /// The path of Parameter Store below which the stack's bundles are, if it has any.
    pub bundle_path: Option<String>,
    /// The log group in which streams may be made and written.
    pub log_group: Option<String>,
    /// The ARN of the topic that messages are published to, if any are.
    pub topic: Option<String>,
    /// The ARN of the customer key that encrypts the data volume.
    pub kms_key: Option<String>,
    /// Whether the stack has one of EC2's application status checks, whose findings the instance counts.
    pub application_check: bool,
    /// The records by which the instance shows a certificate authority whose its names are, if it does so in the DNS.
    pub challenge: Option<ChallengeScope>,
}

/// The records of DNS challenges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeScope {
    /// The hosted zone's id.
    pub zone_id: String,
    /// Names of the records, such as `_acme-challenge.app.example.com`: at least one.
    pub names: Vec<String>,
}

/// The scope of the policy under which Data Lifecycle Manager takes the stack's snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleScope {
    /// The partition of the Region.
    pub partition: Partition,
    /// The Region, such as `eu-west-1`.
    pub region: String,
    /// The account, twelve digits.
    pub account: String,
    /// The stack's name.
    pub stack: String,
}

/// The scope of an operator's policy: what the operator of a stack may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorScope {
    /// The partition of the Region.
    pub partition: Partition,
    /// The Region, such as `eu-west-1`.
    pub region: String,
    /// The account, twelve digits.
    pub account: String,
    /// The stack's name.
    pub stack: String,
    /// The Auto Scaling group's name.
    pub group: String,
    /// The role's name, without its path.
    pub role_name: String,
    /// Whether the stack has, or is to have, a lifecycle policy with a role of its own.
    pub snapshots: bool,
    /// The name of the lifecycle policy's role, without its path.
    pub snapshot_role_name: String,
    /// The instance profile's name, without its path.
    pub profile_name: String,
    /// The hosted zone's id, such as `Z0123456789ABCDEFGHIJ`; without it the zone is any, narrowed by the record's
    /// name.
    pub hosted_zone_id: Option<String>,
    /// Whether the spec names the hosted zone by its id, so that it is not looked for by its name.
    pub zone_by_id: bool,
    /// The DNS record's name, such as `app.example.com`; without it there are no Route 53 statements.
    pub record_name: Option<String>,
    /// The record that the stack wrote before under another name, and that is still to be removed.
    pub former_record: Option<FormerRecord>,
    /// The allocation of an adopted address; without it an address is allocated and found by its tag.
    pub allocation_id: Option<String>,
    /// The volume that is to bear the stack's tags: one that the spec names, or that has lost them; without it no volume
    /// that exists can be tagged.
    pub volume_id: Option<String>,
    /// Whether the stack has a data volume.
    pub data_volume: bool,
    /// The VPC, `vpc-…`, if the spec or what exists gives it.
    pub vpc_id: Option<String>,
    /// The subnet, `subnet-…`, if the spec or what exists gives it.
    pub subnet_id: Option<String>,
    /// The parameter of the user's own that names the image, such as `/images/web`; public ones are always readable.
    pub image_parameter: Option<String>,
    /// The ARN of the customer key that encrypts the data volume.
    pub kms_key: Option<String>,
    /// Whether the stack has, or is to have, one of EC2's application status checks.
    pub application_check: bool,
    /// Whether the stack has, or is to have, a log group, whose name derives from the stack's.
    pub logs: bool,
    /// The ARN of the topic that messages are published to, if any are.
    pub topic: Option<String>,
    /// Whether the stack has, or is to have, a topic of its own, whose name derives from the stack's.
    pub own_topic: bool,
    /// Whether the group tells, or is to tell, a topic what it does.
    pub notifications: bool,
    /// Whether the stack has, or is to have, a schedule, whose scheduled actions are those of its group.
    pub schedule: bool,
    /// The instance types of the mixed instances policy that the group is to have; empty where a launch template says it all.
    pub instance_types: Vec<String>,
    /// Whether an apply may have to replace the instance: the group has, or is to have, a mixed instances policy.
    pub replaces: bool,
    /// Whether Session Manager may open sessions on the instance.
    pub session_manager: bool,
    /// Whether the stack has, or is to have, a bundle in Parameter Store, whose path derives from the stack's name.
    pub bundle: bool,
    /// The path of Parameter Store below which the app's configuration is, such as `/web`, if it has any there.
    pub parameter_path: Option<String>,
    /// The ARN of the customer key that encrypts the secrets below that path.
    pub parameter_key: Option<String>,
    /// The ARN of the managed policy that must bound the role; without it the role may be given whatever IAM allows.
    pub permissions_boundary: Option<String>,
    /// Whether the role has, or is to have, a policy of the app's, which is deleted once the spec names none.
    pub app_policy: bool,
    /// Whether the role has a boundary that the spec does not name any more, which an apply takes away.
    pub drops_boundary: bool,
    /// The ARN of the user or role whose policy it is, where that is known: a doctor asks what they may do.
    pub principal: Option<String>,
}

/// A record that the stack wrote and its spec does not name any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerRecord {
    /// The hosted zone's id.
    pub zone_id: String,
    /// The record's name.
    pub name: String,
}

impl OperatorScope {
    /// Builds the scope of a stack with the names that derive from its name, a data volume and nothing else.
    #[must_use]
    pub fn new(partition: Partition, region: &str, account: &str, stack: &str) -> Self {
        let role = names::role_name(stack, region);
        Self {
            partition,
            region: region.to_owned(),
            account: account.to_owned(),
            stack: stack.to_owned(),
            group: names::group_name(stack),
            role_name: role.clone(),
            snapshots: false,
            snapshot_role_name: names::snapshot_role_name(stack, region),
            profile_name: role,
            hosted_zone_id: None,
            zone_by_id: false,
            record_name: None,
            former_record: None,
            allocation_id: None,
            volume_id: None,
            data_volume: true,
            vpc_id: None,
            subnet_id: None,
            image_parameter: None,
            kms_key: None,
            application_check: false,
            logs: false,
            topic: None,
            own_topic: false,
            notifications: false,
            schedule: false,
            instance_types: Vec::new(),
            replaces: false,
            session_manager: false,
            bundle: false,
            parameter_path: None,
            parameter_key: None,
            permissions_boundary: None,
            app_policy: false,
            drops_boundary: false,
            principal: None,
        }
    }
}
