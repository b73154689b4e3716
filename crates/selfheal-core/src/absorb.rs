//! Putting the answers of calls into the observed world.

mod readings;

use std::collections::BTreeSet;

use crate::action::{Action, CreateApplicationStatusCheck, CreateVolume, GroupSettings};
use crate::names::{APP_POLICY_NAME, Role, TAG_ROLE, Tags};
use crate::observed::{
    Address, ApplicationCheck, Group, IamRole, IngressRule, InstanceProfile, LaunchTemplate, Observed, RecordSet,
    SecurityGroup, Snapshot, Volume, VolumeModification, VolumeState,
};

/// What AWS answers to an action.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Done, and nothing more to know.
    Done,
    /// The address that was allocated.
    Address(Address),
    /// The volume that was created.
    Volume(Volume),
    /// The id of the security group that was created.
    SecurityGroup(String),
    /// The role that was created.
    Role(IamRole),
    /// The profile that was created.
    Profile(InstanceProfile),
    /// The id of the launch template that was created.
    Template(String),
    /// The number of the version that was created.
    Version(u64),
    /// The snapshot that was started.
    Snapshot(Snapshot),
    /// The application status check that was created.
    ApplicationCheck(ApplicationCheck),
}

impl Observed {
    /// Puts the answer of an action that succeeded into the observed world, so that the next plan sees its effect without
    /// reading it again.
    ///
    /// Guarantees that the step that carried the action is not planned again. An answer that does not fit its action
    /// changes nothing, so that the step is planned again and the mistake is seen.
    pub fn absorb(&mut self, action: &Action, answer: Answer) {
        match (action, answer) {
            (Action::AllocateAddress { .. }, Answer::Address(address)) => {
                self.unseen.insert(address.allocation_id.clone());
                self.addresses.push(address);
            }
            // Should AWS answer with a volume that is gone, its token is as good as spent.
            (Action::CreateVolume(_), Answer::Volume(volume))
                if matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted) =>
            {
                self.spend_token(action);
            }
            (Action::CreateVolume(_), Answer::Volume(volume)) => {
                self.own_volumes.push(volume.id.clone());
                self.unseen_volumes.push(volume.id.clone());
                self.volumes.push(volume);
            }
            (Action::CreateSecurityGroup { name, vpc_id, tags }, Answer::SecurityGroup(id)) => {
                self.unseen.insert(id.clone());
                self.security_groups.push(SecurityGroup {
                    id,
                    name: name.clone(),
                    vpc_id: vpc_id.clone(),
                    ingress: Vec::new(),
                    egress: vec![IngressRule::everywhere()],
                    tags: tags.clone(),
                });
            }
            (Action::CreateRole { .. }, Answer::Role(role)) => {
                self.unseen.insert(readings::role_key(&role));
                self.role = Some(role);
                self.made_role = true;
                // What was read for the name before belonged to a role that is gone.
                self.role_policy = None;
                self.role_app_policy = None;
            }
            (Action::CreateInstanceProfile { .. }, Answer::Profile(profile)) => {
                self.unseen.insert(readings::profile_key(&profile));
                self.profile = Some(profile);
            }
            (Action::CreateLaunchTemplate { name, data, .. }, Answer::Template(id)) => {
                self.unseen.insert(id.clone());
                self.launch_template = Some(LaunchTemplate {
                    id,
                    name: name.clone(),
                    version: 1,
                    data: data.clone(),
                });
            }
            (Action::CreateTemplateVersion { data, .. }, Answer::Version(version)) => {
                if let Some(template) = &mut self.launch_template {
                    template.version = version;
                    template.data = data.clone();
                }
            }
            (Action::CreateApplicationStatusCheck(_), Answer::ApplicationCheck(check)) => self.absorb_check(check),
            (Action::CreateSnapshot { .. }, Answer::Snapshot(snapshot)) => {
                self.own_snapshots.push(snapshot.id.clone());
                self.unseen.insert(snapshot.id.clone());
                self.snapshots.push(snapshot);
            }
            (action, Answer::Done) => self.absorb_done(action),
            _ => {}
        }
    }

    /// Puts a new reading of the volumes into the observed world.
    ///
    /// A volume that this run made and that the reading does not show stays, because a listing lags behind and may even go
    /// back in time; it is unseen then, so that nothing counts on it. One that an earlier reading showed is to be read by
    /// its id.
    pub fn read_volumes(&mut self, volumes: Vec<Volume>) {
        let missing = |id: &String| !volumes.iter().any(|volume| volume.id == *id);
        self.unseen_volumes = self.own_volumes.iter().filter(|id| missing(id)).cloned().collect();
        // They tell of what was shown before.
        self.modifications.clear();
        let before = std::mem::replace(&mut self.volumes, volumes);
        let shown: BTreeSet<String> = self.volumes.iter().map(|volume| volume.id.clone()).collect();
        self.gone.retain(|id| !shown.contains(id));
        for volume in before.into_iter().filter(|volume| !shown.contains(&volume.id)) {
            if self.unseen_volumes.contains(&volume.id) {
                self.volumes.push(volume);
            } else if volume
                .tags
                .get(TAG_ROLE)
                .is_some_and(|role| role == Role::Volume.as_str())
            {
                self.missed_volumes.insert(volume.id);
            }
        }
        self.missed_volumes.retain(|id| !shown.contains(id));
    }

    /// Gives up a volume that AWS answered with and that does not exist: it does so where the volume's key cannot be used.
    pub fn give_up_volume(&mut self, id: &str) {
        for known in [&mut self.own_volumes, &mut self.unseen_volumes] {
            known.retain(|other| other != id);
        }
        self.volumes.retain(|volume| volume.id != id);
        self.vanished_volumes.push(id.to_owned());
    }

    /// Takes down that AWS refused the client token of an action, because what it made is gone: the next one differs.
    ///
    /// Answers whether the action has a token at all.
    pub fn spend_token(&mut self, action: &Action) -> bool {
        let (Action::CreateVolume(CreateVolume { client_token, .. })
        | Action::CreateApplicationStatusCheck(CreateApplicationStatusCheck { client_token, .. })) = action
        else {
            return false;
        };
        self.spent_tokens.push(client_token.clone());
        true
    }

    /// The tags that the answer says the check is associated with are not believed: AWS may repeat an old answer to a
    /// token, and the association is the first call that shows whether the check still exists.
    fn absorb_check(&mut self, check: ApplicationCheck) {
        if check.deleted {
            self.give_up_check(&check.id);
        } else {
            self.application_checks.retain(|have| have.id != check.id);
            self.unseen.insert(check.id.clone());
            self.application_checks.push(ApplicationCheck {
                targets: Vec::new(),
                ..check
            });
        }
    }

    /// Gives up an application status check that does not exist any more: the next create has another token.
    pub fn give_up_check(&mut self, id: &str) {
        self.application_checks.retain(|check| check.id != id);
        self.unseen.remove(id);
        self.dead_checks.push(id.to_owned());
        // Two operators who know the same are to come to the same token, in whatever order they learned it.
        self.dead_checks.sort();
        self.dead_checks.dedup();
    }

    fn absorb_done(&mut self, action: &Action) {
        match action {
            Action::CreateTags { resource, tags } => self.add_tags(resource, tags),
            Action::ModifyVolume(input) => {
                let record = VolumeModification {
                    state: "modifying".to_owned(),
                    size_gib: input.size_gib,
                    volume_type: input.volume_type.clone(),
                    iops: input.iops,
                    throughput_mibps: input.throughput_mibps,
                    started_at: None,
                };
                self.modifications.insert(input.id.clone(), Some(record));
                for volume in self.volumes.iter_mut().filter(|volume| volume.id == input.id) {
                    volume.size_gib = input.size_gib.unwrap_or(volume.size_gib);
                    volume.volume_type = input.volume_type.clone().unwrap_or_else(|| volume.volume_type.clone());
                    volume.iops = input.iops.or(volume.iops);
                    volume.throughput_mibps = input.throughput_mibps.or(volume.throughput_mibps);
                }
            }
            Action::AuthorizeIngress { group_id, rules } => {
                for group in self.security_groups.iter_mut().filter(|group| group.id == *group_id) {
                    group.ingress.extend(rules.iter().cloned());
                }
            }
            Action::RevokeIngress { group_id, rules } => {
                for group in self.security_groups.iter_mut().filter(|group| group.id == *group_id) {
                    group.ingress.retain(|rule| !rules.contains(rule));
                }
            }
            Action::UpdateTrustPolicy { trust_policy, .. } => {
                if let Some(role) = &mut self.role {
                    role.trust_policy.clone_from(trust_policy);
                }
            }
            Action::PutPermissionsBoundary { boundary, .. } => self.bound_role(Some(boundary)),
            Action::DeletePermissionsBoundary { .. } => self.bound_role(None),
            Action::PutRolePolicy {
                policy_name, document, ..
            } => *self.policy_of(policy_name) = Some(document.clone()),
            Action::AddRoleToProfile { role, .. } => {
                if let Some(profile) = &mut self.profile {
                    profile.role = Some(role.clone());
                }
            }
            Action::UpsertRecord(record) => {
                self.records.retain(|have| have.record_type != "A");
                self.records.push(RecordSet {
                    name: record.name.clone(),
                    record_type: "A".to_owned(),
                    ttl_s: Some(record.ttl_s),
                    values: vec![record.value.clone()],
                    set_identifier: None,
                });
            }
            Action::AssociateApplicationStatusCheck { id, key, value } => {
                for check in self.application_checks.iter_mut().filter(|check| check.id == *id) {
                    check.targets.push((key.clone(), value.clone()));
                }
            }
            Action::ModifyApplicationStatusCheck { id, settings } => {
                for check in self.application_checks.iter_mut().filter(|check| check.id == *id) {
                    check.settings.clone_from(settings);
                }
            }
            other => self.absorb_group(other),
        }
    }

    /// The inline policy of this name, which is one of our two.
    fn policy_of(&mut self, name: &str) -> &mut Option<String> {
        if name == APP_POLICY_NAME {
            &mut self.role_app_policy
        } else {
            &mut self.role_policy
        }
    }

    fn bound_role(&mut self, boundary: Option<&String>) {
        if let Some(role) = &mut self.role {
            role.permissions_boundary = boundary.cloned();
        }
    }

    fn absorb_group(&mut self, action: &Action) {
        match action {
            Action::CreateGroup(settings) => {
                let group = new_group(settings);
                self.unseen.insert(readings::group_key(&group));
                self.group = Some(group);
            }
            Action::UpdateGroup(settings) => {
                if let Some(group) = &mut self.group {
                    *group = Group {
                        tags: std::mem::take(&mut group.tags),
                        instances: std::mem::take(&mut group.instances),
                        suspended: std::mem::take(&mut group.suspended),
                        ..new_group(settings)
                    };
                }
            }
            Action::PutLifecycleHook { hook, .. } => {
                self.hooks.retain(|have| have.name != hook.name);
                self.hooks.push(hook.clone());
            }
            Action::ResumeProcesses { processes, .. } => {
                if let Some(group) = &mut self.group {
                    group.suspended.retain(|process| !processes.contains(process));
                }
            }
            Action::DeleteGroupTags { keys, .. } => {
                if let Some(group) = &mut self.group {
                    group.tags.retain(|key, _| !keys.contains(key));
                }
            }
            Action::DeleteGroup { .. } => {
                self.hooks.clear();
                if let Some(group) = &mut self.group {
                    self.unseen.remove(&readings::group_key(group));
                    group.deleting = true;
                }
            }
            other => self.absorb_delete(other),
        }
    }

    fn absorb_delete(&mut self, action: &Action) {
        readings::forget(&mut self.unseen, action);
        match action {
            Action::DeleteRecord(record) => {
                let is_it = |have: &RecordSet| have.name == record.name && have.values == [record.value.clone()];
                self.records.retain(|have| !is_it(have));
                let formers = self.former_records.iter_mut();
                for former in formers.filter(|former| former.zone_id == record.zone_id) {
                    former.records.retain(|have| !is_it(have));
                }
            }
            Action::DeleteApplicationStatusCheck { id } => self.give_up_check(id),
            Action::DeleteLaunchTemplate { .. } => self.launch_template = None,
            Action::DeleteSecurityGroup { id } => self.security_groups.retain(|group| group.id != *id),
            Action::RemoveRoleFromProfile { .. } => {
                if let Some(profile) = &mut self.profile {
                    profile.role = None;
                }
            }
            Action::DeleteInstanceProfile { .. } => self.profile = None,
            Action::DeleteRolePolicy { policy_name, .. } => {
                *self.policy_of(policy_name) = None;
                self.role_policies.retain(|name| name != policy_name);
            }
            Action::DeleteRole { .. } => self.role = None,
            Action::DisassociateAddress { association_id } => {
                for address in &mut self.addresses {
                    if address.association_id.as_ref() == Some(association_id) {
                        address.association_id = None;
                        address.instance_id = None;
                        address.interface_id = None;
                    }
                }
            }
            Action::ReleaseAddress { allocation_id } => {
                self.addresses.retain(|address| address.allocation_id != *allocation_id);
                self.gone.insert(allocation_id.clone());
            }
            Action::DeleteVolume { id } => {
                self.volumes.retain(|volume| volume.id != *id);
                self.own_volumes.retain(|own| own != id);
                self.gone.insert(id.clone());
            }
            _ => {}
        }
    }

    fn add_tags(&mut self, resource: &str, tags: &Tags) {
        for address in self
            .addresses
            .iter_mut()
            .filter(|address| address.allocation_id == resource)
        {
            address.tags.extend(tags.clone());
        }
        for volume in self.volumes.iter_mut().filter(|volume| volume.id == resource) {
            volume.tags.extend(tags.clone());
            self.tagged_volumes.insert(volume.id.clone());
        }
    }
}

fn new_group(settings: &GroupSettings) -> Group {
    Group {
        name: settings.name.clone(),
        min: settings.min,
        max: settings.max,
        desired: settings.desired,
        subnets: vec![settings.subnet.clone()],
        template_id: Some(settings.template_id.clone()),
        template_version: Some(settings.template_version.to_string()),
        health_check_type: settings.health_check_type.clone(),
        health_check_grace_s: settings.health_check_grace_s,
        suspended: Vec::new(),
        deleting: false,
        instances: Vec::new(),
        tags: settings.tags.clone(),
    }
}
