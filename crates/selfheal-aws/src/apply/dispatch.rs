//! From an action to the call that makes it, and to the parts of the world that it changes.

use selfheal_core::plan::StepKey;
use selfheal_core::{Action, Answer};

use crate::backend::{Aws, CallResult};
use crate::observe::Part;
use crate::retry::Repeat;

/// Makes the call of an action, once.
pub(super) async fn dispatch(aws: &dyn Aws, action: &Action) -> CallResult<Answer> {
    let done = match action {
        Action::AllocateAddress { tags } => return aws.allocate_address(tags).await.map(Answer::Address),
        Action::CreateVolume(input) => return aws.create_volume(input).await.map(Answer::Volume),
        Action::CreateSecurityGroup { name, vpc_id, tags } => {
            return aws
                .create_security_group(name, vpc_id, tags)
                .await
                .map(Answer::SecurityGroup);
        }
        Action::CreateRole {
            name,
            trust_policy,
            tags,
            permissions_boundary,
        } => {
            return aws
                .create_role(name, trust_policy, tags, permissions_boundary.as_deref())
                .await
                .map(Answer::Role);
        }
        Action::CreateInstanceProfile { name, tags } => {
            return aws.create_instance_profile(name, tags).await.map(Answer::Profile);
        }
        Action::CreateLaunchTemplate { name, data, tags } => {
            return aws.create_launch_template(name, data, tags).await.map(Answer::Template);
        }
        Action::CreateTemplateVersion { template_id, data } => {
            return aws
                .create_template_version(template_id, data)
                .await
                .map(Answer::Version);
        }
        Action::CreateSnapshot {
            volume_id,
            description,
            tags,
        } => {
            return aws
                .create_snapshot(volume_id, description, tags)
                .await
                .map(Answer::Snapshot);
        }
        Action::CreateApplicationStatusCheck(input) => {
            return aws
                .create_application_status_check(input)
                .await
                .map(Answer::ApplicationCheck);
        }
        Action::AssociateApplicationStatusCheck { id, key, value } => {
            aws.associate_application_status_check(id, key, value).await
        }
        Action::ModifyApplicationStatusCheck { id, settings } => {
            aws.modify_application_status_check(id, settings).await
        }
        Action::DeleteApplicationStatusCheck { id } => aws.delete_application_status_check(id).await,
        Action::CreateTags { resource, tags } => aws.create_tags(resource, tags).await,
        Action::ModifyVolume(input) => aws.modify_volume(input).await,
        Action::AuthorizeIngress { group_id, rules } => aws.authorize_ingress(group_id, rules).await,
        Action::RevokeIngress { group_id, rules } => aws.revoke_ingress(group_id, rules).await,
        Action::UpdateTrustPolicy { role, trust_policy } => aws.update_trust_policy(role, trust_policy).await,
        Action::PutPermissionsBoundary { role, boundary } => aws.put_role_permissions_boundary(role, boundary).await,
        Action::DeletePermissionsBoundary { role } => aws.delete_role_permissions_boundary(role).await,
        Action::PutRolePolicy {
            role,
            policy_name,
            document,
        } => aws.put_role_policy(role, policy_name, document).await,
        Action::AddRoleToProfile { profile, role } => aws.add_role_to_profile(profile, role).await,
        Action::CreateGroup(settings) => aws.create_group(settings).await,
        Action::UpdateGroup(settings) => aws.update_group(settings).await,
        Action::PutLifecycleHook { group, hook } => aws.put_lifecycle_hook(group, hook).await,
        Action::ResumeProcesses { group, processes } => aws.resume_processes(group, processes).await,
        Action::DeleteGroupTags { group, keys } => aws.delete_group_tags(group, keys).await,
        Action::UpsertRecord(record) => aws.upsert_record(record).await,
        Action::DeleteRecord(record) => aws.delete_record(record).await,
        Action::DeleteGroup { name } => aws.delete_group(name).await,
        Action::DeleteLaunchTemplate { id } => aws.delete_launch_template(id).await,
        Action::DeleteSecurityGroup { id } => aws.delete_security_group(id).await,
        Action::RemoveRoleFromProfile { profile, role } => aws.remove_role_from_profile(profile, role).await,
        Action::DeleteInstanceProfile { name } => aws.delete_instance_profile(name).await,
        Action::DeleteRolePolicy { role, policy_name } => aws.delete_role_policy(role, policy_name).await,
        Action::DeleteRole { name } => aws.delete_role(name).await,
        Action::DisassociateAddress { association_id } => aws.disassociate_address(association_id).await,
        Action::ReleaseAddress { allocation_id } => aws.release_address(allocation_id).await,
        Action::DeleteVolume { id } => aws.delete_volume(id).await,
        // `Action` may grow in a later version of selfheal-core, which this crate is released with.
        other => unreachable_action(other),
    };
    done.map(|()| Answer::Done)
}

fn unreachable_action(action: &Action) -> CallResult<()> {
    Err(crate::CallError::new(
        crate::CallErrorKind::Other,
        "unknown",
        format!("this version cannot execute {action:?}"),
    ))
}

/// The part of the world that tells whether a step took effect.
pub(super) const fn part_of(key: StepKey) -> Part {
    use StepKey as K;
    match key {
        K::AllocateAddress | K::TagAddress | K::RememberRecord | K::DisassociateAddress | K::ReleaseAddress => {
            Part::Addresses
        }
        K::CreateVolume | K::TagVolume | K::ModifyVolume | K::DeleteVolume => Part::Volumes,
        K::CreateSecurityGroup | K::AuthorizeIngress | K::RevokeIngress | K::DeleteSecurityGroup => {
            Part::SecurityGroups
        }
        K::CreateRole
        | K::UpdateTrustPolicy
        | K::PutPermissionsBoundary
        | K::DeletePermissionsBoundary
        | K::DeleteRole => Part::Role,
        K::PutRolePolicy | K::DeleteRolePolicy => Part::RolePolicy,
        K::PutAppPolicy | K::DeleteAppPolicy => Part::AppPolicy,
        K::CreateInstanceProfile | K::AddRoleToProfile | K::RemoveRoleFromProfile | K::DeleteInstanceProfile => {
            Part::Profile
        }
        K::CreateLaunchTemplate | K::CreateTemplateVersion | K::DeleteLaunchTemplate => Part::LaunchTemplate,
        K::CreateApplicationStatusCheck
        | K::AssociateApplicationStatusCheck
        | K::ModifyApplicationStatusCheck
        | K::DeleteApplicationStatusCheck => Part::ApplicationChecks,
        K::PutLaunchHook | K::PutTerminateHook => Part::Hooks,
        K::UpsertRecord | K::DeleteRecord => Part::Dns,
        K::DeleteFormerRecord => Part::Addresses,
        K::CreateSnapshot => Part::Snapshots,
        _ => Part::Group,
    }
}

/// Whether a step takes something away: it is done also where there is nothing left to take.
pub(super) const fn is_removal(key: StepKey) -> bool {
    use StepKey as K;
    matches!(
        key,
        K::DeleteRecord
            | K::DeleteFormerRecord
            | K::DeleteGroup
            | K::DeleteLaunchTemplate
            | K::DeleteSecurityGroup
            | K::RemoveRoleFromProfile
            | K::DeleteInstanceProfile
            | K::DeletePermissionsBoundary
            | K::DeleteAppPolicy
            | K::DeleteRolePolicy
            | K::DeleteRole
            | K::DisassociateAddress
            | K::ReleaseAddress
            | K::DeleteVolume
            | K::RevokeIngress
            | K::DeleteApplicationStatusCheck
    )
}

/// Whether a step is about the name, which nothing else of the stack needs: what fails of it is told when the rest is done.
pub(super) const fn is_dns(key: StepKey) -> bool {
    use StepKey as K;
    matches!(
        key,
        K::RememberRecord | K::UpsertRecord | K::DeleteRecord | K::DeleteFormerRecord
    )
}

/// Which failures of a step's call may be answered by making it again.
pub(super) const fn repeat_of(key: StepKey) -> Repeat {
    use StepKey as K;
    match key {
        K::AllocateAddress
        | K::CreateVolume
        | K::CreateRole
        | K::CreateInstanceProfile
        | K::CreateSecurityGroup
        | K::CreateApplicationStatusCheck => Repeat::Mutation,
        K::DeleteVolume => Repeat::VolumeRemoval,
        // Deletes wait for what still depends on the thing; creates for what was made a moment ago to be seen.
        _ => Repeat::MutationOfNew,
    }
}

/// What came of a step, for people.
pub(super) fn detail_of(action: &Action, answer: &Answer) -> String {
    match (action, answer) {
        (_, Answer::Address(address)) => format!("{} ({})", address.public_ip, address.allocation_id),
        (_, Answer::Volume(volume)) => volume.id.clone(),
        (_, Answer::SecurityGroup(id) | Answer::Template(id)) => id.clone(),
        (_, Answer::Role(role)) => role.name.clone(),
        (_, Answer::Profile(profile)) => profile.name.clone(),
        (_, Answer::ApplicationCheck(check)) => check.id.clone(),
        (_, Answer::Version(version)) => format!("version {version}"),
        (_, Answer::Snapshot(snapshot)) => snapshot.id.clone(),
        (Action::CreateGroup(settings) | Action::UpdateGroup(settings), _) => settings.name.clone(),
        (Action::UpsertRecord(record), _) => format!("{} -> {}", record.name, record.value),
        _ => String::new(),
    }
}
