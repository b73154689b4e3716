//! From an action to the call that makes it, and to the parts of the world that it changes.

use selfheal_core::{Action, Answer};

use crate::backend::{Aws, CallResult};
use selfheal_core::world::{
    AddressCall, ApplicationCheckCall, BundleCall, GroupCall, InstanceProfileCall, LaunchTemplateCall,
    LifecyclePolicyCall, LogGroupCall, NotificationCall, RecordCall, RoleCall, ScheduledActionCall, SecurityGroupCall,
    SnapshotCall, TagCall, TopicCall, VolumeCall,
};

/// Makes the call of an action, once.
pub(super) async fn dispatch(aws: &dyn Aws, action: &Action) -> CallResult<Answer> {
    match action {
        Action::Address(call) => address(aws, call).await,
        Action::Volume(call) => volume(aws, call).await,
        Action::Snapshot(call) => snapshot(aws, call).await,
        Action::SecurityGroup(call) => security_group(aws, call).await,
        Action::Role(call) => role(aws, call).await,
        Action::InstanceProfile(call) => instance_profile(aws, call).await,
        Action::LaunchTemplate(call) => launch_template(aws, call).await,
        Action::ApplicationCheck(call) => application_check(aws, call).await,
        Action::Group(call) => group(aws, call).await,
        Action::ScheduledAction(call) => scheduled_action(aws, call).await,
        Action::Record(call) => record(aws, call).await,
        Action::LogGroup(call) => log_group(aws, call).await,
        Action::LifecyclePolicy(call) => lifecycle_policy(aws, call).await,
        Action::Topic(call) => topic(aws, call).await,
        Action::Notification(call) => notification(aws, call).await,
        Action::Bundle(call) => bundle(aws, call).await,
        Action::Tag(call) => tag(aws, call).await,
    }
}

async fn address(aws: &dyn Aws, call: &AddressCall) -> CallResult<Answer> {
    match call {
        AddressCall::AllocateAddress { tags } => aws.allocate_address(tags).await.map(Answer::Address),
        AddressCall::DisassociateAddress { association_id } => done(aws.disassociate_address(association_id).await),
        AddressCall::ReleaseAddress { allocation_id } => done(aws.release_address(allocation_id).await),
    }
}

async fn volume(aws: &dyn Aws, call: &VolumeCall) -> CallResult<Answer> {
    match call {
        VolumeCall::CreateVolume(input) => aws.create_volume(input).await.map(Answer::Volume),
        VolumeCall::CopyVolume(input) => aws.copy_volume(input).await.map(Answer::Volume),
        VolumeCall::ModifyVolume(input) => done(aws.modify_volume(input).await),
        VolumeCall::DeleteVolume { id } => done(aws.delete_volume(id).await),
    }
}

async fn snapshot(aws: &dyn Aws, call: &SnapshotCall) -> CallResult<Answer> {
    match call {
        SnapshotCall::CreateSnapshot {
            volume_id,
            description,
            tags,
        } => {
            let snapshot = aws.create_snapshot(volume_id, description, tags).await;
            snapshot.map(Answer::Snapshot)
        }
    }
}

async fn security_group(aws: &dyn Aws, call: &SecurityGroupCall) -> CallResult<Answer> {
    match call {
        SecurityGroupCall::CreateSecurityGroup { name, vpc_id, tags } => {
            let id = aws.create_security_group(name, vpc_id, tags).await;
            id.map(Answer::SecurityGroup)
        }
        SecurityGroupCall::AuthorizeIngress { group_id, rules } => done(aws.authorize_ingress(group_id, rules).await),
        SecurityGroupCall::RevokeIngress { group_id, rules } => done(aws.revoke_ingress(group_id, rules).await),
        SecurityGroupCall::DeleteSecurityGroup { id } => done(aws.delete_security_group(id).await),
    }
}

async fn role(aws: &dyn Aws, call: &RoleCall) -> CallResult<Answer> {
    match call {
        RoleCall::CreateRole {
            name,
            trust_policy,
            tags,
            permissions_boundary,
        } => {
            let boundary = permissions_boundary.as_deref();
            aws.create_role(name, trust_policy, tags, boundary)
                .await
                .map(Answer::Role)
        }
        RoleCall::PutPermissionsBoundary { role, boundary } => {
            done(aws.put_role_permissions_boundary(role, boundary).await)
        }
        RoleCall::DeletePermissionsBoundary { role } => done(aws.delete_role_permissions_boundary(role).await),
        RoleCall::UpdateTrustPolicy { role, trust_policy } => done(aws.update_trust_policy(role, trust_policy).await),
        RoleCall::PutRolePolicy {
            role,
            policy_name,
            document,
        } => done(aws.put_role_policy(role, policy_name, document).await),
        RoleCall::DeleteRolePolicy { role, policy_name } => done(aws.delete_role_policy(role, policy_name).await),
        RoleCall::DeleteRole { name } => done(aws.delete_role(name).await),
    }
}

async fn instance_profile(aws: &dyn Aws, call: &InstanceProfileCall) -> CallResult<Answer> {
    use InstanceProfileCall as C;
    match call {
        C::CreateInstanceProfile { name, tags } => aws.create_instance_profile(name, tags).await.map(Answer::Profile),
        C::AddRoleToProfile { profile, role } => done(aws.add_role_to_profile(profile, role).await),
        C::RemoveRoleFromProfile { profile, role } => done(aws.remove_role_from_profile(profile, role).await),
        C::DeleteInstanceProfile { name } => done(aws.delete_instance_profile(name).await),
    }
}

async fn launch_template(aws: &dyn Aws, call: &LaunchTemplateCall) -> CallResult<Answer> {
    match call {
        LaunchTemplateCall::CreateLaunchTemplate { name, data, tags } => {
            let id = aws.create_launch_template(name, data, tags).await;
            id.map(Answer::Template)
        }
        LaunchTemplateCall::CreateTemplateVersion { template_id, data } => {
            let version = aws.create_template_version(template_id, data).await;
            version.map(Answer::Version)
        }
        LaunchTemplateCall::DeleteLaunchTemplate { id } => done(aws.delete_launch_template(id).await),
    }
}

async fn application_check(aws: &dyn Aws, call: &ApplicationCheckCall) -> CallResult<Answer> {
    use ApplicationCheckCall as C;
    match call {
        C::CreateApplicationStatusCheck(input) => {
            let check = aws.create_application_status_check(input).await;
            check.map(Answer::ApplicationCheck)
        }
        C::AssociateApplicationStatusCheck { id, key, value } => {
            done(aws.associate_application_status_check(id, key, value).await)
        }
        C::ModifyApplicationStatusCheck { id, settings } => {
            done(aws.modify_application_status_check(id, settings).await)
        }
        C::DeleteApplicationStatusCheck { id } => done(aws.delete_application_status_check(id).await),
    }
}

async fn group(aws: &dyn Aws, call: &GroupCall) -> CallResult<Answer> {
    done(match call {
        GroupCall::CreateGroup(settings) => aws.create_group(settings).await,
        GroupCall::UpdateGroup(settings) => aws.update_group(settings).await,
        GroupCall::PutLifecycleHook { group, hook } => aws.put_lifecycle_hook(group, hook).await,
        GroupCall::SetMinSize { group, min } => aws.set_min_size(group, *min).await,
        GroupCall::SetDesiredCapacity { group, desired } => aws.set_desired_capacity(group, *desired).await,
        GroupCall::SuspendProcesses { group, processes } => aws.suspend_processes(group, processes).await,
        GroupCall::ResumeProcesses { group, processes } => aws.resume_processes(group, processes).await,
        GroupCall::DeleteGroupTags { group, keys } => aws.delete_group_tags(group, keys).await,
        GroupCall::TerminateInstance { id, .. } => aws.terminate_instance(id).await,
        GroupCall::DeleteGroup { name } => aws.delete_group(name).await,
    })
}

async fn scheduled_action(aws: &dyn Aws, call: &ScheduledActionCall) -> CallResult<Answer> {
    use ScheduledActionCall as C;
    done(match call {
        C::PutScheduledAction { group, action } => aws.put_scheduled_action(group, action).await,
        C::DeleteScheduledAction { group, name } => aws.delete_scheduled_action(group, name).await,
    })
}

async fn record(aws: &dyn Aws, call: &RecordCall) -> CallResult<Answer> {
    done(match call {
        RecordCall::UpsertRecord(record) => aws.upsert_record(record).await,
        RecordCall::DeleteRecord(record) => aws.delete_record(record).await,
    })
}

async fn log_group(aws: &dyn Aws, call: &LogGroupCall) -> CallResult<Answer> {
    done(match call {
        LogGroupCall::CreateLogGroup { name, tags } => aws.create_log_group(name, tags).await,
        LogGroupCall::PutRetentionPolicy { name, days } => aws.put_retention_policy(name, *days).await,
        LogGroupCall::DeleteLogGroup { name } => aws.delete_log_group(name).await,
    })
}

async fn lifecycle_policy(aws: &dyn Aws, call: &LifecyclePolicyCall) -> CallResult<Answer> {
    match call {
        LifecyclePolicyCall::CreateLifecyclePolicy {
            description,
            settings,
            tags,
        } => {
            let id = aws.create_lifecycle_policy(description, settings, tags).await;
            id.map(Answer::LifecyclePolicy)
        }
        LifecyclePolicyCall::UpdateLifecyclePolicy { id, settings } => {
            done(aws.update_lifecycle_policy(id, settings).await)
        }
        LifecyclePolicyCall::DeleteLifecyclePolicy { id } => done(aws.delete_lifecycle_policy(id).await),
    }
}

async fn topic(aws: &dyn Aws, call: &TopicCall) -> CallResult<Answer> {
    use TopicCall as C;
    done(match call {
        C::CreateTopic { name, tags, .. } => aws.create_topic(name, tags).await,
        C::Subscribe {
            topic,
            protocol,
            endpoint,
        } => aws.subscribe(topic, protocol, endpoint).await,
        C::Unsubscribe { subscription } => aws.unsubscribe(subscription).await,
        C::DeleteTopic { arn } => aws.delete_topic(arn).await,
    })
}

async fn notification(aws: &dyn Aws, call: &NotificationCall) -> CallResult<Answer> {
    use NotificationCall as C;
    done(match call {
        C::PutNotificationConfiguration { group, topic, types } => aws.put_notifications(group, topic, types).await,
        C::DeleteNotificationConfiguration { group, topic } => aws.delete_notifications(group, topic).await,
    })
}

async fn bundle(aws: &dyn Aws, call: &BundleCall) -> CallResult<Answer> {
    done(match call {
        BundleCall::PutParameter { name, value } => aws.put_parameter(name, value).await,
        BundleCall::DeleteParameters { names } => aws.delete_parameters(names).await,
    })
}

async fn tag(aws: &dyn Aws, call: &TagCall) -> CallResult<Answer> {
    match call {
        TagCall::CreateTags { resource, tags } => done(aws.create_tags(resource, tags).await),
    }
}

fn done(result: CallResult<()>) -> CallResult<Answer> {
    result.map(|()| Answer::Done)
}

/// What came of a step, for people.
pub(super) fn detail_of(action: &Action, answer: &Answer) -> String {
    match (action, answer) {
        (_, Answer::Address(address)) => format!("{} ({})", address.public_ip, address.allocation_id),
        (_, Answer::Volume(volume)) => volume.id.to_string(),
        (_, Answer::SecurityGroup(id)) => id.to_string(),
        (_, Answer::Template(id)) => id.to_string(),
        (_, Answer::Role(role)) => role.name.clone(),
        (_, Answer::Profile(profile)) => profile.name.clone(),
        (_, Answer::ApplicationCheck(check)) => check.id.clone(),
        (_, Answer::LifecyclePolicy(id)) => id.clone(),
        (_, Answer::Version(version)) => format!("version {version}"),
        (_, Answer::Snapshot(snapshot)) => snapshot.id.to_string(),
        (Action::Group(GroupCall::CreateGroup(settings)) | Action::Group(GroupCall::UpdateGroup(settings)), _) => {
            settings.name.clone()
        }
        (Action::Group(GroupCall::SetDesiredCapacity { desired, .. }), _) => format!("desired capacity {desired}"),
        (Action::Record(RecordCall::UpsertRecord(record)), _) => format!("{} -> {}", record.name, record.value),
        _ => String::new(),
    }
}
