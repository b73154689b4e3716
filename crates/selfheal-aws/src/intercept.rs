//! One hook for every call of a backend: to fail, count, delay or log calls without a method for each.

use std::fmt::Debug;
use std::future::Future;

use async_trait::async_trait;
use jiff::Timestamp;
use selfheal_core::config::{Parameter, Value, WriteParameter};
use selfheal_core::doctor::{Permission, PermissionRequest};
use selfheal_core::init::InstanceLikeness;
use selfheal_core::names::Tags;
use selfheal_core::world::{
    ARecord, Activity, Address, Agent, AllocationId, ApplicationCheck, ApplicationCheckSettings, ApplicationStatus,
    AssociationId, CopyVolume, CreateApplicationStatusCheck, CreateVolume, DefaultRoute, Group, GroupSettings,
    HostedZone, HostedZoneId, IamRole, Identity, Image, ImageId, IngressRule, Instance, InstanceId, InstanceProfile,
    InstanceTypeDetails, LaunchTemplate, LaunchTemplateId, LifecycleHook, LifecyclePolicy, LifecycleSettings,
    ModifyVolume, NotificationConfiguration, PolicyText, RecordSet, RunningInstance, ScheduledAction, SecurityGroup,
    SecurityGroupId, Snapshot, Subnet, SubnetId, Subscription, TemplateData, Volume, VolumeId, VolumeModification,
    VpcId,
};

use crate::backend::{
    Account, ApplicationChecks, AutoScaling, Aws, CallResult, Ec2, Iam, Inventory, Invocation, Lifecycle, LogPage,
    LogQuery, Logs, Offers, ParameterStore, Quotas, RecordPage, Route53, SecurityGroupQuery, SendCommand, Sns,
    SubnetQuery, SystemsManager,
};
use crate::error::CallError;

/// What happens around each call of a backend.
#[async_trait]
pub trait Interceptor: Send + Sync + Debug {
    /// Runs before the call of an IAM action, such as `ec2:CreateVolume`. An error is answered in its place, and the call is
    /// not made.
    async fn before(&self, action: &'static str) -> CallResult<()>;

    /// Runs once the call has ended, with its failure where it has failed. An error takes the place of what it answered: what
    /// the call has done stays done.
    async fn after(&self, action: &'static str, failure: Option<&CallError>) -> CallResult<()>;
}

/// A backend with a hook around each of its calls.
#[derive(Clone, Debug)]
pub struct Intercepted<A, I> {
    /// Who makes the calls.
    pub backend: A,
    /// The hook.
    pub interceptor: I,
}

impl<A: Aws, I: Interceptor> Intercepted<A, I> {
    /// Puts a hook around a backend.
    pub const fn new(backend: A, interceptor: I) -> Self {
        Self { backend, interceptor }
    }

    async fn around<T: Send>(
        &self,
        action: &'static str,
        call: impl Future<Output = CallResult<T>> + Send,
    ) -> CallResult<T> {
        self.interceptor.before(action).await?;
        let answer = call.await;
        self.interceptor.after(action, answer.as_ref().err()).await?;
        answer
    }
}

/// Hands every method of the backend traits on, within the hook.
macro_rules! hand_on {
    ($($name:ident { $($method:ident($($input:ident: $type:ty),*) -> $answer:ty = $action:literal;)* })*) => {
        $(
            #[async_trait]
            impl<A: Aws, I: Interceptor> $name for Intercepted<A, I> {
                $(
                    async fn $method(&self, $($input: $type),*) -> CallResult<$answer> {
                        self.around($action, self.backend.$method($($input),*)).await
                    }
                )*
            }
        )*

        #[cfg(test)]
        const ACTIONS: &[&str] = &[$($($action),*),*];
    };
}

hand_on! {
    Ec2 {
        describe_image(id: &ImageId) -> Option<Image> = "ec2:DescribeImages";
        describe_subnets(query: &SubnetQuery) -> Vec<Subnet> = "ec2:DescribeSubnets";
        describe_addresses() -> Vec<Address> = "ec2:DescribeAddresses";
        address_quota() -> Option<u32> = "ec2:DescribeAccountAttributes";
        describe_volumes(stacks: &[&str]) -> Vec<Volume> = "ec2:DescribeVolumes";
        describe_volume(id: &VolumeId) -> Option<Volume> = "ec2:DescribeVolumes";
        describe_attached_volumes(instance_id: &InstanceId) -> Vec<Volume> = "ec2:DescribeVolumes";
        describe_volume_modification(volume_id: &VolumeId) -> Option<VolumeModification> = "ec2:DescribeVolumesModifications";
        describe_address(allocation_id: &AllocationId) -> Option<Address> = "ec2:DescribeAddresses";
        describe_security_groups(query: &SecurityGroupQuery) -> Vec<SecurityGroup> = "ec2:DescribeSecurityGroups";
        describe_launch_template(name: &str, version: Option<u64>) -> Option<LaunchTemplate> = "ec2:DescribeLaunchTemplateVersions";
        describe_launch_templates() -> Vec<LaunchTemplate> = "ec2:DescribeLaunchTemplateVersions";
        describe_instances(stacks: &[&str]) -> Vec<Instance> = "ec2:DescribeInstances";
        console_output(instance_id: &InstanceId, latest: bool) -> Option<String> = "ec2:GetConsoleOutput";
        describe_snapshots(stacks: &[&str]) -> Vec<Snapshot> = "ec2:DescribeSnapshots";
        allocate_address(tags: &Tags) -> Address = "ec2:AllocateAddress";
        create_tags(resource: &str, tags: &Tags) -> () = "ec2:CreateTags";
        create_volume(input: &CreateVolume) -> Volume = "ec2:CreateVolume";
        copy_volume(input: &CopyVolume) -> Volume = "ec2:CopyVolumes";
        modify_volume(input: &ModifyVolume) -> () = "ec2:ModifyVolume";
        create_security_group(name: &str, vpc_id: &VpcId, tags: &Tags) -> SecurityGroupId = "ec2:CreateSecurityGroup";
        authorize_ingress(group_id: &SecurityGroupId, rules: &[IngressRule]) -> () = "ec2:AuthorizeSecurityGroupIngress";
        revoke_ingress(group_id: &SecurityGroupId, rules: &[IngressRule]) -> () = "ec2:RevokeSecurityGroupIngress";
        create_launch_template(name: &str, data: &TemplateData, tags: &Tags) -> LaunchTemplateId = "ec2:CreateLaunchTemplate";
        create_template_version(template_id: &LaunchTemplateId, data: &TemplateData) -> u64 = "ec2:CreateLaunchTemplateVersion";
        delete_launch_template(id: &LaunchTemplateId) -> () = "ec2:DeleteLaunchTemplate";
        delete_security_group(id: &SecurityGroupId) -> () = "ec2:DeleteSecurityGroup";
        disassociate_address(association_id: &AssociationId) -> () = "ec2:DisassociateAddress";
        release_address(allocation_id: &AllocationId) -> () = "ec2:ReleaseAddress";
        create_snapshot(volume_id: &VolumeId, description: &str, tags: &Tags) -> Snapshot = "ec2:CreateSnapshot";
        attach_volume(id: &VolumeId, instance_id: &InstanceId, device: &str) -> () = "ec2:AttachVolume";
        detach_volume(id: &VolumeId, instance_id: &InstanceId) -> () = "ec2:DetachVolume";
        delete_volume(id: &VolumeId) -> () = "ec2:DeleteVolume";
    }
    Offers {
        describe_instance_type(name: &str) -> Option<InstanceTypeDetails> = "ec2:DescribeInstanceTypes";
        describe_type_zones(name: &str) -> Vec<String> = "ec2:DescribeInstanceTypeOfferings";
        describe_default_route(subnet_id: &SubnetId, vpc_id: &VpcId) -> DefaultRoute = "ec2:DescribeRouteTables";
        default_kms_key() -> Option<String> = "ec2:GetEbsDefaultKmsKeyId";
        running_instances() -> Vec<RunningInstance> = "ec2:DescribeInstances";
    }
    Inventory {
        regions() -> Vec<String> = "ec2:DescribeRegions";
        unused_volumes() -> Vec<Volume> = "ec2:DescribeVolumes";
        describe_likeness(instance_id: &InstanceId) -> Option<InstanceLikeness> = "ec2:DescribeInstances";
        public_zones() -> Vec<HostedZone> = "route53:ListHostedZones";
    }
    ApplicationChecks {
        describe_application_status_checks(stacks: &[&str]) -> Vec<ApplicationCheck> = "ec2:DescribeApplicationStatusChecks";
        describe_application_status(instances: &[InstanceId]) -> Vec<(InstanceId, ApplicationStatus)> = "ec2:DescribeApplicationStatus";
        create_application_status_check(input: &CreateApplicationStatusCheck) -> ApplicationCheck = "ec2:CreateApplicationStatusCheck";
        associate_application_status_check(id: &str, key: &str, value: &str) -> () = "ec2:AssociateApplicationStatusCheck";
        modify_application_status_check(id: &str, settings: &ApplicationCheckSettings) -> () = "ec2:ModifyApplicationStatusCheck";
        delete_application_status_check(id: &str) -> () = "ec2:DeleteApplicationStatusCheck";
    }
    AutoScaling {
        describe_groups(names: &[&str]) -> Vec<Group> = "autoscaling:DescribeAutoScalingGroups";
        describe_group(name: &str) -> Option<Group> = "autoscaling:DescribeAutoScalingGroups";
        describe_hooks(group: &str) -> Vec<LifecycleHook> = "autoscaling:DescribeLifecycleHooks";
        describe_activities(group: &str, limit: u32) -> Vec<Activity> = "autoscaling:DescribeScalingActivities";
        create_group(settings: &GroupSettings) -> () = "autoscaling:CreateAutoScalingGroup";
        update_group(settings: &GroupSettings) -> () = "autoscaling:UpdateAutoScalingGroup";
        put_lifecycle_hook(group: &str, hook: &LifecycleHook) -> () = "autoscaling:PutLifecycleHook";
        describe_scheduled_actions(group: &str) -> Vec<ScheduledAction> = "autoscaling:DescribeScheduledActions";
        set_min_size(group: &str, min: u32) -> () = "autoscaling:UpdateAutoScalingGroup";
        set_desired_capacity(group: &str, desired: u32) -> () = "autoscaling:SetDesiredCapacity";
        put_scheduled_action(group: &str, action: &ScheduledAction) -> () = "autoscaling:PutScheduledUpdateGroupAction";
        delete_scheduled_action(group: &str, name: &str) -> () = "autoscaling:DeleteScheduledAction";
        describe_notifications(group: &str) -> Vec<NotificationConfiguration> = "autoscaling:DescribeNotificationConfigurations";
        put_notifications(group: &str, topic: &str, types: &[String]) -> () = "autoscaling:PutNotificationConfiguration";
        delete_notifications(group: &str, topic: &str) -> () = "autoscaling:DeleteNotificationConfiguration";
        suspend_processes(group: &str, processes: &[String]) -> () = "autoscaling:SuspendProcesses";
        resume_processes(group: &str, processes: &[String]) -> () = "autoscaling:ResumeProcesses";
        delete_group_tags(group: &str, keys: &[String]) -> () = "autoscaling:DeleteTags";
        delete_group(name: &str) -> () = "autoscaling:DeleteAutoScalingGroup";
        terminate_instance(instance_id: &InstanceId) -> () = "autoscaling:TerminateInstanceInAutoScalingGroup";
    }
    Iam {
        get_role(name: &str) -> Option<IamRole> = "iam:GetRole";
        get_role_policy(role: &str, policy: &str) -> Option<PolicyText> = "iam:GetRolePolicy";
        get_instance_profile(name: &str) -> Option<InstanceProfile> = "iam:GetInstanceProfile";
        list_role_policies(role: &str) -> Vec<String> = "iam:ListRolePolicies";
        list_attached_role_policies(role: &str) -> Vec<String> = "iam:ListAttachedRolePolicies";
        create_role(name: &str, trust_policy: &str, tags: &Tags, permissions_boundary: Option<&str>) -> IamRole = "iam:CreateRole";
        put_role_permissions_boundary(role: &str, boundary: &str) -> () = "iam:PutRolePermissionsBoundary";
        delete_role_permissions_boundary(role: &str) -> () = "iam:DeleteRolePermissionsBoundary";
        update_trust_policy(role: &str, trust_policy: &str) -> () = "iam:UpdateAssumeRolePolicy";
        put_role_policy(role: &str, policy: &str, document: &str) -> () = "iam:PutRolePolicy";
        create_instance_profile(name: &str, tags: &Tags) -> InstanceProfile = "iam:CreateInstanceProfile";
        add_role_to_profile(profile: &str, role: &str) -> () = "iam:AddRoleToInstanceProfile";
        remove_role_from_profile(profile: &str, role: &str) -> () = "iam:RemoveRoleFromInstanceProfile";
        delete_instance_profile(name: &str) -> () = "iam:DeleteInstanceProfile";
        delete_role_policy(role: &str, policy: &str) -> () = "iam:DeleteRolePolicy";
        delete_role(name: &str) -> () = "iam:DeleteRole";
        simulate_policy(principal: &str, request: &PermissionRequest) -> Vec<Permission> = "iam:SimulatePrincipalPolicy";
    }
    Quotas {
        ec2_quota(code: &str) -> Option<u32> = "servicequotas:GetServiceQuota";
        default_ec2_quota(code: &str) -> Option<u32> = "servicequotas:GetAWSDefaultServiceQuota";
    }
    Route53 {
        find_hosted_zones(name: &str) -> Vec<HostedZone> = "route53:ListHostedZonesByName";
        get_hosted_zone(id: &HostedZoneId) -> Option<HostedZone> = "route53:GetHostedZone";
        zone_name_servers(id: &HostedZoneId) -> Vec<String> = "route53:GetHostedZone";
        list_records(zone_id: &HostedZoneId, name: &str) -> Vec<RecordSet> = "route53:ListResourceRecordSets";
        list_record_page(zone_id: &HostedZoneId, from: &str) -> RecordPage = "route53:ListResourceRecordSets";
        upsert_record(record: &ARecord) -> () = "route53:ChangeResourceRecordSets";
        delete_record(record: &ARecord) -> () = "route53:ChangeResourceRecordSets";
    }
    Lifecycle {
        find_lifecycle_policies(key: &str, value: &str) -> Vec<String> = "dlm:GetLifecyclePolicies";
        get_lifecycle_policy(id: &str) -> Option<LifecyclePolicy> = "dlm:GetLifecyclePolicy";
        create_lifecycle_policy(description: &str, settings: &LifecycleSettings, tags: &Tags) -> String
            = "dlm:CreateLifecyclePolicy";
        update_lifecycle_policy(id: &str, settings: &LifecycleSettings) -> () = "dlm:UpdateLifecyclePolicy";
        delete_lifecycle_policy(id: &str) -> () = "dlm:DeleteLifecyclePolicy";
    }
    Logs {
        describe_log_group(name: &str) -> Option<(String, Option<u32>)> = "logs:DescribeLogGroups";
        list_log_group_tags(arn: &str) -> Tags = "logs:ListTagsForResource";
        create_log_group(name: &str, tags: &Tags) -> () = "logs:CreateLogGroup";
        put_retention_policy(name: &str, days: u32) -> () = "logs:PutRetentionPolicy";
        delete_log_group(name: &str) -> () = "logs:DeleteLogGroup";
        filter_log_events(query: &LogQuery) -> Option<LogPage> = "logs:FilterLogEvents";
    }
    Sns {
        list_topic_tags(arn: &str) -> Tags = "sns:ListTagsForResource";
        list_subscriptions(topic: &str) -> Vec<Subscription> = "sns:ListSubscriptionsByTopic";
        create_topic(name: &str, tags: &Tags) -> () = "sns:CreateTopic";
        subscribe(topic: &str, protocol: &str, endpoint: &str) -> () = "sns:Subscribe";
        unsubscribe(subscription: &str) -> () = "sns:Unsubscribe";
        delete_topic(arn: &str) -> () = "sns:DeleteTopic";
        publish(topic: &str, subject: &str, text: &str) -> () = "sns:Publish";
    }
    Account {
        caller_identity() -> Identity = "sts:GetCallerIdentity";
        server_time() -> Option<Timestamp> = "sts:GetCallerIdentity";
    }
    ParameterStore {
        get_parameter(name: &str) -> Option<String> = "ssm:GetParameter";
        get_parameters_by_path(path: &str) -> Vec<(String, String)> = "ssm:GetParametersByPath";
        put_parameter(name: &str, value: &str) -> () = "ssm:PutParameter";
        list_parameters(path: &str) -> Vec<Parameter> = "ssm:GetParametersByPath";
        read_parameter(name: &str, decrypt: bool) -> Option<(Parameter, Value)> = "ssm:GetParameter";
        write_parameter(input: &WriteParameter) -> u64 = "ssm:PutParameter";
        delete_parameters(names: &[String]) -> () = "ssm:DeleteParameters";
    }
    SystemsManager {
        describe_agents(instances: &[InstanceId]) -> Vec<Agent> = "ssm:DescribeInstanceInformation";
        send_command(input: &SendCommand) -> String = "ssm:SendCommand";
        get_command(command_id: &str, instance_id: &InstanceId) -> Option<Invocation> = "ssm:GetCommandInvocation";
        cancel_command(command_id: &str, instance_id: &InstanceId) -> () = "ssm:CancelCommand";
    }
}

#[cfg(test)]
mod tests {
    use selfheal_policy::requests::calls;

    use super::ACTIONS;

    #[test]
    fn each_call_is_told_by_the_action_that_policies_allow() {
        let unknown: Vec<&str> = ACTIONS
            .iter()
            .copied()
            .filter(|action| !calls().any(|call| call.action == *action))
            .collect();
        assert_eq!(unknown, [""; 0]);
    }
}
