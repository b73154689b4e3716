//! The backend traits: one method for each AWS API call that selfheal makes, in our own types.
//!
//! # Contract
//! - A method makes one API call (a listing makes as many as it has pages) and never retries: retrying is the
//!   executor's, who knows whether a call may be repeated. A page that is lost fails the whole listing.
//! - A read of something that does not exist answers `None` or an empty list, not an error.
//! - An error whose [`kind`](crate::CallError::kind) is [`Ambiguous`](crate::CallErrorKind::Ambiguous) may have taken
//!   effect.
//! - Dropping a future abandons the answer, not the effect.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use selfheal_core::config::{Parameter, Value, WriteParameter};
use selfheal_core::doctor::{Permission, PermissionRequest};
use selfheal_core::drill::Outside;
use selfheal_core::init::InstanceLikeness;
use selfheal_core::names::Tags;
use selfheal_core::world::{
    ARecord, Activity, Address, Agent, AllocationId, ApplicationCheck, ApplicationCheckSettings, ApplicationStatus,
    AssociationId, CommandStatus, CopyVolume, CreateApplicationStatusCheck, CreateVolume, DefaultRoute, Group,
    GroupSettings, HostedZone, HostedZoneId, IamRole, Identity, Image, ImageId, IngressRule, Instance, InstanceId,
    InstanceProfile, InstanceTypeDetails, LaunchTemplate, LaunchTemplateId, LifecycleHook, LifecyclePolicy,
    LifecycleSettings, ModifyVolume, NotificationConfiguration, PolicyText, RecordSet, RunningInstance,
    ScheduledAction, SecurityGroup, SecurityGroupId, Snapshot, Subnet, SubnetId, Subscription, TemplateData, Volume,
    VolumeId, VolumeModification, VpcId,
};

use crate::error::CallError;

/// What a call answers.
pub type CallResult<T> = Result<T, CallError>;

/// Which security groups to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityGroupQuery {
    /// Those of these names, in any VPC.
    Named(Vec<String>),
    /// Those with these ids; one that is missing is left out of the answer.
    Ids(Vec<SecurityGroupId>),
}

/// Which subnets to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubnetQuery {
    /// The subnets that are the default of their zone.
    DefaultForZone,
    /// Those with these ids; one that does not exist is left out of the answer.
    Ids(Vec<SubnetId>),
}

/// One page of the record sets of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPage {
    /// The record sets, in Route 53's order, so that those of one name stand together.
    pub records: Vec<RecordSet>,
    /// Whether others follow, which may be of the same name as the last ones here.
    pub more: bool,
}

/// Which log events to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Name of the log group.
    pub group: String,
    /// Log stream; all of the group's where there is none.
    pub stream: Option<String>,
    /// Events of this time and after it, but none of before 2024.
    pub from: Timestamp,
    /// Whether the newest come first.
    pub newest_first: bool,
    /// Page after the first, as the one before told it. Everything else must be as it was then.
    pub page: Option<String>,
}

/// One page of log events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The events, in the order that was asked for. It may be empty though others follow.
    pub events: Vec<LogEvent>,
    /// What asks for the next page, where there is one.
    pub next: Option<String>,
}

/// One log event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// AWS's id of it: the same in every reading.
    pub id: String,
    /// Log stream that it is in.
    pub stream: String,
    /// When it happened, as whoever logged it said.
    pub at: Timestamp,
    /// Text.
    pub message: String,
}

/// The EC2 calls.
#[async_trait]
pub trait Ec2: Send + Sync + Debug {
    /// `DescribeImages` of one id; `None` when there is no such image, or it was deregistered.
    async fn describe_image(&self, id: &ImageId) -> CallResult<Option<Image>>;
    /// `DescribeSubnets`.
    async fn describe_subnets(&self, query: &SubnetQuery) -> CallResult<Vec<Subnet>>;
    /// `DescribeAddresses`, all of the account in the Region: the call has no pages, and an account holds few.
    async fn describe_addresses(&self) -> CallResult<Vec<Address>>;
    /// `DescribeAccountAttributes`: how many Elastic IPs the account may hold in the Region; `None` where AWS does not say.
    async fn address_quota(&self) -> CallResult<Option<u32>>;
    /// `DescribeVolumes` by the tag `selfheal:stack`: those of these stacks.
    async fn describe_volumes(&self, stacks: &[&str]) -> CallResult<Vec<Volume>>;
    /// `DescribeVolumes` of one id, whatever its tags; `None` when AWS says that there is no such volume. An answer that
    /// holds neither it nor that word is an error.
    async fn describe_volume(&self, id: &VolumeId) -> CallResult<Option<Volume>>;
    /// `DescribeVolumes` by the instance that they are attached to.
    async fn describe_attached_volumes(&self, instance_id: &InstanceId) -> CallResult<Vec<Volume>>;
    /// `DescribeVolumesModifications` of one volume: the last one, or `None` when it never was modified.
    async fn describe_volume_modification(&self, volume_id: &VolumeId) -> CallResult<Option<VolumeModification>>;
    /// `DescribeAddresses` of one allocation, whatever its tags; `None` when AWS says that there is none. An answer that
    /// holds neither it nor that word is an error.
    async fn describe_address(&self, allocation_id: &AllocationId) -> CallResult<Option<Address>>;
    /// `DescribeSecurityGroups`.
    async fn describe_security_groups(&self, query: &SecurityGroupQuery) -> CallResult<Vec<SecurityGroup>>;
    /// `DescribeLaunchTemplateVersions` of one version, or of `$Latest` where it is `None`, by the template's name.
    async fn describe_launch_template(&self, name: &str, version: Option<u64>) -> CallResult<Option<LaunchTemplate>>;
    /// `DescribeLaunchTemplateVersions` of `$Latest` of every template in the account: the call has no filter for their
    /// names or tags.
    async fn describe_launch_templates(&self) -> CallResult<Vec<LaunchTemplate>>;
    /// `DescribeInstances` by the tag `selfheal:stack`: those of these stacks.
    async fn describe_instances(&self, stacks: &[&str]) -> CallResult<Vec<Instance>>;
    /// `GetConsoleOutput`: the last 64 KiB that the instance wrote to its console, which AWS keeps for about an hour after its
    /// end; `None` where there is none yet, and where there is no such instance. `latest` asks for how it is now, which
    /// works while the instance is there; else it is as AWS last took it.
    async fn console_output(&self, instance_id: &InstanceId, latest: bool) -> CallResult<Option<String>>;
    /// `DescribeSnapshots` of one's own by the tag `selfheal:stack`: those of these stacks.
    async fn describe_snapshots(&self, stacks: &[&str]) -> CallResult<Vec<Snapshot>>;
    /// `AllocateAddress` in the VPC domain, with tags. It has no idempotency token.
    async fn allocate_address(&self, tags: &Tags) -> CallResult<Address>;
    /// `CreateTags` on one resource.
    async fn create_tags(&self, resource: &str, tags: &Tags) -> CallResult<()>;
    /// `CreateVolume`.
    async fn create_volume(&self, input: &CreateVolume) -> CallResult<Volume>;
    /// `CopyVolumes` of one volume: a copy in its zone, encrypted as it is.
    async fn copy_volume(&self, input: &CopyVolume) -> CallResult<Volume>;
    /// `ModifyVolume`.
    async fn modify_volume(&self, input: &ModifyVolume) -> CallResult<()>;
    /// `CreateSecurityGroup`; answers the group's id.
    async fn create_security_group(&self, name: &str, vpc_id: &VpcId, tags: &Tags) -> CallResult<SecurityGroupId>;
    /// `AuthorizeSecurityGroupIngress`.
    async fn authorize_ingress(&self, group_id: &SecurityGroupId, rules: &[IngressRule]) -> CallResult<()>;
    /// `RevokeSecurityGroupIngress`.
    async fn revoke_ingress(&self, group_id: &SecurityGroupId, rules: &[IngressRule]) -> CallResult<()>;
    /// `CreateLaunchTemplate`; answers its id. The name is unique, so no token is needed.
    async fn create_launch_template(
        &self,
        name: &str,
        data: &TemplateData,
        tags: &Tags,
    ) -> CallResult<LaunchTemplateId>;
    /// `CreateLaunchTemplateVersion`; answers the version's number.
    async fn create_template_version(&self, template_id: &LaunchTemplateId, data: &TemplateData) -> CallResult<u64>;
    /// `DeleteLaunchTemplate`.
    async fn delete_launch_template(&self, id: &LaunchTemplateId) -> CallResult<()>;
    /// `DeleteSecurityGroup`.
    async fn delete_security_group(&self, id: &SecurityGroupId) -> CallResult<()>;
    /// `DisassociateAddress`.
    async fn disassociate_address(&self, association_id: &AssociationId) -> CallResult<()>;
    /// `ReleaseAddress`.
    async fn release_address(&self, allocation_id: &AllocationId) -> CallResult<()>;
    /// `CreateSnapshot`.
    async fn create_snapshot(&self, volume_id: &VolumeId, description: &str, tags: &Tags) -> CallResult<Snapshot>;
    /// `AttachVolume`.
    async fn attach_volume(&self, id: &VolumeId, instance_id: &InstanceId, device: &str) -> CallResult<()>;
    /// `DetachVolume`, which is not forced: where the volume is mounted it goes on once that has ended.
    async fn detach_volume(&self, id: &VolumeId, instance_id: &InstanceId) -> CallResult<()>;
    /// `DeleteVolume`.
    async fn delete_volume(&self, id: &VolumeId) -> CallResult<()>;
}

/// EC2's calls about what it offers: whether what a spec describes can be launched at all.
#[async_trait]
pub trait Offers: Send + Sync + Debug {
    /// `DescribeInstanceTypes` of one type; `None` when the Region knows none of that name.
    async fn describe_instance_type(&self, name: &str) -> CallResult<Option<InstanceTypeDetails>>;
    /// `DescribeInstanceTypeOfferings` of one type by zone: the zones that offer it, sorted.
    async fn describe_type_zones(&self, name: &str) -> CallResult<Vec<String>>;
    /// `DescribeRouteTables` of a VPC: where this subnet, by its own table or else by the VPC's main one, sends what leaves
    /// for `0.0.0.0/0`.
    async fn describe_default_route(&self, subnet_id: &SubnetId, vpc_id: &VpcId) -> CallResult<DefaultRoute>;
    /// `GetEbsDefaultKmsKeyId`: the customer's key by which volumes are encrypted that name none, as AWS tells it, which is
    /// an ARN, an id or an alias; `None` where it is AWS's own.
    async fn default_kms_key(&self) -> CallResult<Option<String>>;
    /// `DescribeInstances` of all that run or are about to, whosever they are.
    async fn running_instances(&self) -> CallResult<Vec<RunningInstance>>;
}

/// The calls that list what an account has, before there is a stack in it.
#[async_trait]
pub trait Inventory: Send + Sync + Debug {
    /// `DescribeRegions`: the Regions that the account may use, sorted.
    async fn regions(&self) -> CallResult<Vec<String>>;
    /// `DescribeVolumes` of all that are available, which is to say attached to nothing.
    async fn unused_volumes(&self) -> CallResult<Vec<Volume>>;
    /// `DescribeInstances` of one id, whosever it is: what a stack would need to be like it; `None` where there is none.
    async fn describe_likeness(&self, instance_id: &InstanceId) -> CallResult<Option<InstanceLikeness>>;
    /// `ListHostedZones`: the public ones, by name.
    async fn public_zones(&self) -> CallResult<Vec<HostedZone>>;
}

/// EC2's calls about application status checks.
///
/// `DisassociateApplicationStatusCheck` is not among them: deleting a check ends its associations. Nor is
/// `DescribeApplicationStatusCheckAssociations`: what describes the checks tells the tags that they are associated with.
#[async_trait]
pub trait ApplicationChecks: Send + Sync + Debug {
    /// `DescribeApplicationStatusChecks` of the account, those of these stacks picked out by their tags, because the call has
    /// no filter for them; the recently deleted ones too, marked so.
    async fn describe_application_status_checks(&self, stacks: &[&str]) -> CallResult<Vec<ApplicationCheck>>;
    /// `DescribeApplicationStatus`: what AWS finds of each of these instances, such as `ok` or `impaired`. Instances of
    /// which it says nothing are left out.
    async fn describe_application_status(
        &self,
        instances: &[InstanceId],
    ) -> CallResult<Vec<(InstanceId, ApplicationStatus)>>;
    /// `CreateApplicationStatusCheck`.
    async fn create_application_status_check(
        &self,
        input: &CreateApplicationStatusCheck,
    ) -> CallResult<ApplicationCheck>;
    /// `AssociateApplicationStatusCheck` with the instances of a tag; one that is associated already stays so.
    async fn associate_application_status_check(&self, id: &str, key: &str, value: &str) -> CallResult<()>;
    /// `ModifyApplicationStatusCheck`.
    async fn modify_application_status_check(&self, id: &str, settings: &ApplicationCheckSettings) -> CallResult<()>;
    /// `DeleteApplicationStatusCheck`.
    async fn delete_application_status_check(&self, id: &str) -> CallResult<()>;
}

/// The Auto Scaling calls.
#[async_trait]
pub trait AutoScaling: Send + Sync + Debug {
    /// `DescribeAutoScalingGroups` of these names, at most fifty; one that does not exist is left out of the answer.
    async fn describe_groups(&self, names: &[&str]) -> CallResult<Vec<Group>>;
    /// The same of one name.
    async fn describe_group(&self, name: &str) -> CallResult<Option<Group>> {
        Ok(self.describe_groups(&[name]).await?.pop())
    }
    /// `DescribeLifecycleHooks`; empty when the group does not exist.
    async fn describe_hooks(&self, group: &str) -> CallResult<Vec<LifecycleHook>>;
    /// `DescribeScalingActivities`: the newest first, at most `limit`.
    async fn describe_activities(&self, group: &str, limit: u32) -> CallResult<Vec<Activity>>;
    /// `DescribeScheduledActions`; empty when the group does not exist.
    async fn describe_scheduled_actions(&self, group: &str) -> CallResult<Vec<ScheduledAction>>;
    /// `CreateAutoScalingGroup`, with its hooks and tags.
    async fn create_group(&self, settings: &GroupSettings) -> CallResult<()>;
    /// `UpdateAutoScalingGroup`; desired capacity, hooks and tags of the settings are left alone.
    async fn update_group(&self, settings: &GroupSettings) -> CallResult<()>;
    /// `UpdateAutoScalingGroup` with the minimum size alone.
    async fn set_min_size(&self, group: &str, min: u32) -> CallResult<()>;
    /// `SetDesiredCapacity`, whatever cooldown there is.
    async fn set_desired_capacity(&self, group: &str, desired: u32) -> CallResult<()>;
    /// `PutScheduledUpdateGroupAction`: makes the action of this name, or replaces it.
    async fn put_scheduled_action(&self, group: &str, action: &ScheduledAction) -> CallResult<()>;
    /// `DeleteScheduledAction`.
    async fn delete_scheduled_action(&self, group: &str, name: &str) -> CallResult<()>;
    /// `DescribeNotificationConfigurations`, every page: what the group tells, by topic.
    async fn describe_notifications(&self, group: &str) -> CallResult<Vec<NotificationConfiguration>>;
    /// `PutNotificationConfiguration`, in the place of what the group told this topic before.
    async fn put_notifications(&self, group: &str, topic: &str, types: &[String]) -> CallResult<()>;
    /// `DeleteNotificationConfiguration`.
    async fn delete_notifications(&self, group: &str, topic: &str) -> CallResult<()>;
    /// `PutLifecycleHook`.
    async fn put_lifecycle_hook(&self, group: &str, hook: &LifecycleHook) -> CallResult<()>;
    /// `SuspendProcesses`.
    async fn suspend_processes(&self, group: &str, processes: &[String]) -> CallResult<()>;
    /// `ResumeProcesses`.
    async fn resume_processes(&self, group: &str, processes: &[String]) -> CallResult<()>;
    /// `DeleteTags` of a group.
    async fn delete_group_tags(&self, group: &str, keys: &[String]) -> CallResult<()>;
    /// `DeleteAutoScalingGroup` with `ForceDelete`.
    async fn delete_group(&self, name: &str) -> CallResult<()>;
    /// `TerminateInstanceInAutoScalingGroup` without decrementing the capacity, so that the group replaces it.
    async fn terminate_instance(&self, instance_id: &InstanceId) -> CallResult<()>;
}

/// The IAM calls.
#[async_trait]
pub trait Iam: Send + Sync + Debug {
    /// `GetRole`.
    async fn get_role(&self, name: &str) -> CallResult<Option<IamRole>>;
    /// `GetRolePolicy`: the document as JSON, percent-decoded.
    async fn get_role_policy(&self, role: &str, policy: &str) -> CallResult<Option<PolicyText>>;
    /// `GetInstanceProfile`.
    async fn get_instance_profile(&self, name: &str) -> CallResult<Option<InstanceProfile>>;
    /// `ListRolePolicies`: the names of the role's inline policies; empty when there is no such role.
    async fn list_role_policies(&self, role: &str) -> CallResult<Vec<String>>;
    /// `ListAttachedRolePolicies`: the ARNs of its managed policies; empty when there is no such role.
    async fn list_attached_role_policies(&self, role: &str) -> CallResult<Vec<String>>;
    /// `CreateRole` below [`IAM_PATH`](selfheal_core::names::IAM_PATH).
    async fn create_role(
        &self,
        name: &str,
        trust_policy: &str,
        tags: &Tags,
        permissions_boundary: Option<&str>,
    ) -> CallResult<IamRole>;
    /// `PutRolePermissionsBoundary`: sets or replaces it, by the ARN of a managed policy.
    async fn put_role_permissions_boundary(&self, role: &str, boundary: &str) -> CallResult<()>;
    /// `DeleteRolePermissionsBoundary`.
    async fn delete_role_permissions_boundary(&self, role: &str) -> CallResult<()>;
    /// `UpdateAssumeRolePolicy`.
    async fn update_trust_policy(&self, role: &str, trust_policy: &str) -> CallResult<()>;
    /// `PutRolePolicy`.
    async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> CallResult<()>;
    /// `CreateInstanceProfile` below [`IAM_PATH`](selfheal_core::names::IAM_PATH).
    async fn create_instance_profile(&self, name: &str, tags: &Tags) -> CallResult<InstanceProfile>;
    /// `AddRoleToInstanceProfile`.
    async fn add_role_to_profile(&self, profile: &str, role: &str) -> CallResult<()>;
    /// `RemoveRoleFromInstanceProfile`.
    async fn remove_role_from_profile(&self, profile: &str, role: &str) -> CallResult<()>;
    /// `DeleteInstanceProfile`.
    async fn delete_instance_profile(&self, name: &str) -> CallResult<()>;
    /// `DeleteRolePolicy`.
    async fn delete_role_policy(&self, role: &str, policy: &str) -> CallResult<()>;
    /// `DeleteRole`.
    async fn delete_role(&self, name: &str) -> CallResult<()>;
    /// `SimulatePrincipalPolicy`, every page: what the policies of a user or a role say to a request. Nothing is done.
    async fn simulate_policy(&self, principal: &str, request: &PermissionRequest) -> CallResult<Vec<Permission>>;
}

/// The calls of Service Quotas.
#[async_trait]
pub trait Quotas: Send + Sync + Debug {
    /// `GetServiceQuota` of EC2 by its code: what this account may have; `None` where Service Quotas knows of none.
    async fn ec2_quota(&self, code: &str) -> CallResult<Option<u32>>;
    /// `GetAWSDefaultServiceQuota` of EC2 by its code: what an account may have that has asked for no more.
    async fn default_ec2_quota(&self, code: &str) -> CallResult<Option<u32>>;
}

/// The Route 53 calls.
#[async_trait]
pub trait Route53: Send + Sync + Debug {
    /// `ListHostedZonesByName`: the public ones of exactly this name, which may be several.
    async fn find_hosted_zones(&self, name: &str) -> CallResult<Vec<HostedZone>>;
    /// `GetHostedZone`; `None` when there is none.
    async fn get_hosted_zone(&self, id: &HostedZoneId) -> CallResult<Option<HostedZone>>;
    /// `GetHostedZone`: the names of the servers that answer for it; none where there is no such zone.
    async fn zone_name_servers(&self, id: &HostedZoneId) -> CallResult<Vec<String>>;
    /// `ListResourceRecordSets` at exactly this name, of any type.
    async fn list_records(&self, zone_id: &HostedZoneId, name: &str) -> CallResult<Vec<RecordSet>>;
    /// One page of `ListResourceRecordSets`, from this name on in Route 53's order: first those at the name itself, if any.
    async fn list_record_page(&self, zone_id: &HostedZoneId, from: &str) -> CallResult<RecordPage>;
    /// `ChangeResourceRecordSets`, UPSERT.
    async fn upsert_record(&self, record: &ARecord) -> CallResult<()>;
    /// `ChangeResourceRecordSets`, DELETE of exactly this record.
    async fn delete_record(&self, record: &ARecord) -> CallResult<()>;
}

/// The calls of Data Lifecycle Manager.
#[async_trait]
pub trait Lifecycle: Send + Sync + Debug {
    /// `GetLifecyclePolicies`: the ids of those for resources that bear this tag, whosever they are.
    async fn find_lifecycle_policies(&self, key: &str, value: &str) -> CallResult<Vec<String>>;
    /// `GetLifecyclePolicy`; `None` when there is none.
    async fn get_lifecycle_policy(&self, id: &str) -> CallResult<Option<LifecyclePolicy>>;
    /// `CreateLifecyclePolicy`, enabled, with tags; answers its id. It has no token.
    async fn create_lifecycle_policy(
        &self,
        description: &str,
        settings: &LifecycleSettings,
        tags: &Tags,
    ) -> CallResult<String>;
    /// `UpdateLifecyclePolicy`, enabled.
    async fn update_lifecycle_policy(&self, id: &str, settings: &LifecycleSettings) -> CallResult<()>;
    /// `DeleteLifecyclePolicy`; the snapshots that it took stay.
    async fn delete_lifecycle_policy(&self, id: &str) -> CallResult<()>;
}

/// The CloudWatch Logs calls.
#[async_trait]
pub trait Logs: Send + Sync + Debug {
    /// `DescribeLogGroups`: ARN and retention in days of the log group of exactly this name; its tags are not told.
    async fn describe_log_group(&self, name: &str) -> CallResult<Option<(String, Option<u32>)>>;
    /// `ListTagsForResource` of a log group, by its ARN without `:*`.
    async fn list_log_group_tags(&self, arn: &str) -> CallResult<Tags>;
    /// `CreateLogGroup`, with tags. The name is unique, so no token is needed.
    async fn create_log_group(&self, name: &str, tags: &Tags) -> CallResult<()>;
    /// `PutRetentionPolicy`.
    async fn put_retention_policy(&self, name: &str, days: u32) -> CallResult<()>;
    /// `DeleteLogGroup`, with its streams and events.
    async fn delete_log_group(&self, name: &str) -> CallResult<()>;
    /// `FilterLogEvents`, one page; `None` where there is no such log group or log stream.
    async fn filter_log_events(&self, query: &LogQuery) -> CallResult<Option<LogPage>>;
}

/// The calls of Simple Notification Service.
#[async_trait]
pub trait Sns: Send + Sync + Debug {
    /// `ListTagsForResource` of a topic.
    async fn list_topic_tags(&self, arn: &str) -> CallResult<Tags>;
    /// `ListSubscriptionsByTopic`, every page, without those that were ended.
    async fn list_subscriptions(&self, topic: &str) -> CallResult<Vec<Subscription>>;
    /// `CreateTopic`, with tags. It succeeds where there is such a topic with these tags, so that no token is needed.
    async fn create_topic(&self, name: &str, tags: &Tags) -> CallResult<()>;
    /// `Subscribe`. Made twice, it asks twice.
    async fn subscribe(&self, topic: &str, protocol: &str, endpoint: &str) -> CallResult<()>;
    /// `Unsubscribe`.
    async fn unsubscribe(&self, subscription: &str) -> CallResult<()>;
    /// `DeleteTopic`, with its subscriptions. It succeeds where there is none.
    async fn delete_topic(&self, arn: &str) -> CallResult<()>;
    /// `Publish`.
    async fn publish(&self, topic: &str, subject: &str, text: &str) -> CallResult<()>;
}

/// The calls that say who we are and what a parameter holds.
#[async_trait]
pub trait Account: Send + Sync + Debug {
    /// STS `GetCallerIdentity`.
    async fn caller_identity(&self) -> CallResult<Identity>;
    /// STS `GetCallerIdentity`: what time it is on AWS's side, by whole seconds, as any answer of its says, also one that refuses;
    /// `None` where the answer does not say.
    async fn server_time(&self) -> CallResult<Option<Timestamp>>;
}

/// The calls of Parameter Store.
#[async_trait]
pub trait ParameterStore: Send + Sync + Debug {
    /// SSM `GetParameter`, not decrypted; `None` when there is none of that name.
    async fn get_parameter(&self, name: &str) -> CallResult<Option<String>>;
    /// SSM `GetParametersByPath`, recursive and not decrypted, every page: names and values.
    async fn get_parameters_by_path(&self, path: &str) -> CallResult<Vec<(String, String)>>;
    /// SSM `PutParameter` of type `String` and tier `Standard`, in the place of what was there.
    async fn put_parameter(&self, name: &str, value: &str) -> CallResult<()>;
    /// SSM `GetParametersByPath`, recursive and not decrypted, every page: what is told of each parameter without its value.
    async fn list_parameters(&self, path: &str) -> CallResult<Vec<Parameter>>;
    /// SSM `GetParameter` with what is told beside the value, which is decrypted where that is asked for, and is of no use
    /// otherwise; `None` when there is none of that name.
    async fn read_parameter(&self, name: &str, decrypt: bool) -> CallResult<Option<(Parameter, Value)>>;
    /// SSM `PutParameter` of tier `Standard`, in the place of what was there; answers its version. Made twice, it makes two
    /// versions of the same value.
    async fn write_parameter(&self, input: &WriteParameter) -> CallResult<u64>;
    /// SSM `DeleteParameters`, at most ten. One that does not exist is no error.
    async fn delete_parameters(&self, names: &[String]) -> CallResult<()>;
}

/// Characters of each output that Run Command keeps.
///
/// Source: API reference of `GetCommandInvocation`, `StandardOutputContent`.
pub const OUTPUT_CHARS_MAX: usize = 24_000;

/// A shell command for one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendCommand {
    /// The instance, `i-…`.
    pub instance_id: InstanceId,
    /// What its shell runs.
    pub script: String,
    /// Seconds that it may take once it has begun, 1 to 172,800.
    pub timeout_s: u32,
}

/// What came of a command on one instance so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// How it stands.
    pub status: CommandStatus,
    /// The same in more detail, such as `Undeliverable`.
    pub details: String,
    /// Exit status of the command; `None` while it has none.
    pub exit: Option<i32>,
    /// The first 24,000 characters of what it has printed.
    pub stdout: String,
    /// The same of its standard error.
    pub stderr: String,
}

/// The calls of Systems Manager that reach an instance through its agent.
#[async_trait]
pub trait SystemsManager: Send + Sync + Debug {
    /// SSM `DescribeInstanceInformation` of these instances: those of whose agent AWS has ever heard.
    async fn describe_agents(&self, instances: &[InstanceId]) -> CallResult<Vec<Agent>>;
    /// SSM `SendCommand` by `AWS-RunShellScript`; answers the command's id. It has no idempotency token.
    async fn send_command(&self, input: &SendCommand) -> CallResult<String>;
    /// SSM `GetCommandInvocation`; `None` where there is none yet.
    async fn get_command(&self, command_id: &str, instance_id: &InstanceId) -> CallResult<Option<Invocation>>;
    /// SSM `CancelCommand` on one instance. It is not certain to have an effect.
    async fn cancel_command(&self, command_id: &str, instance_id: &InstanceId) -> CallResult<()>;
}

/// All of AWS that selfheal uses.
pub trait Aws:
    Ec2
    + Offers
    + Inventory
    + ApplicationChecks
    + AutoScaling
    + Iam
    + Route53
    + Lifecycle
    + Logs
    + Sns
    + ParameterStore
    + SystemsManager
    + Quotas
    + Account
{
}

impl<T> Aws for T where
    T: Ec2
        + Offers
        + Inventory
        + ApplicationChecks
        + AutoScaling
        + Iam
        + Route53
        + Lifecycle
        + Logs
        + Sns
        + ParameterStore
        + SystemsManager
        + Quotas
        + Account
{
}

/// The DNS, as anybody sees it. It is none of AWS's APIs, and asked by a doctor alone.
#[async_trait]
pub trait Resolver: Send + Sync + Debug {
    /// The name servers that the DNS knows of a zone, without final dots; none where it knows of no such zone.
    ///
    /// # Errors
    /// Nobody answers: a clause that says why.
    async fn name_servers(&self, zone: &str) -> Result<Vec<String>, String>;
    /// The CAA records at exactly this name: tag and value of each.
    ///
    /// # Errors
    /// Likewise.
    async fn caa_records(&self, name: &str) -> Result<Vec<(String, String)>, String>;
}

/// A stack's address, as anybody outside sees it. It is none of AWS's APIs, and asked by a drill alone.
#[async_trait]
pub trait Prober: Send + Sync + Debug {
    /// Whether somebody answers there as a stack that serves does, within two seconds.
    async fn answers(&self, ip: &str, asked: &Outside) -> bool;
}

/// Time, as the executor sees it: real for the real AWS, logical for the simulated one.
#[async_trait]
pub trait Clock: Send + Sync + Debug {
    /// What time it is.
    fn now(&self) -> Timestamp;
    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// Randomness, for jitter: drawn from the system for the real AWS, from the seed for the simulated one.
pub trait Jitter: Send + Sync + Debug {
    /// A number drawn evenly from `0.0..1.0`.
    fn fraction(&self) -> f64;
}
