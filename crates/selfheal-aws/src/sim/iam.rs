//! IAM: names that are taken, deletions that conflict, and changes that reach other services late.

use async_trait::async_trait;
use selfheal_core::doctor::{Permission, PermissionRequest};
use selfheal_core::names::{IAM_PATH, Tags};
use selfheal_core::world::{IamRole, InstanceProfile, PolicyText};
use selfheal_policy::Partition;

use super::auth;
use super::call::{Call, fail};
use super::pages::cut_list;
use super::runtime::Sim;
use super::state::{ProfileRecord, RolePolicyRecord, RoleRecord};
use super::target::Target;
use super::world::World;
use crate::backend::{CallResult, Iam};

/// Names on a page of a listing.
const PAGE: usize = 100;
/// Characters that all inline policies of a role may have together, white space not counted.
const ROLE_POLICIES_MAX: usize = 10_240;
/// Characters that a trust policy may have.
const TRUST_POLICY_MAX: usize = 2_048;

impl World {
    fn live_role(&mut self, action: &'static str, name: &str) -> CallResult<&mut RoleRecord> {
        let now_ms = self.now_ms;
        match self.roles.get_mut(name).filter(|record| record.visible_ms <= now_ms) {
            Some(record) => Ok(record),
            None => fail(
                action,
                "NoSuchEntity",
                format!("The role with name {name} cannot be found."),
            ),
        }
    }

    fn live_profile(&mut self, action: &'static str, name: &str) -> CallResult<&mut ProfileRecord> {
        let now_ms = self.now_ms;
        match self.profiles.get_mut(name).filter(|record| record.visible_ms <= now_ms) {
            Some(record) => Ok(record),
            None => fail(
                action,
                "NoSuchEntity",
                format!("Instance Profile {name} cannot be found."),
            ),
        }
    }

    fn create_role(
        &mut self,
        name: &str,
        trust_policy: &str,
        tags: &Tags,
        boundary: Option<&String>,
    ) -> CallResult<IamRole> {
        const ACTION: &str = "iam:CreateRole";
        check_name(ACTION, "roleName", name, 64)?;
        check_trust(ACTION, trust_policy, self.partition())?;
        self.check_boundary(ACTION, boundary)?;
        if self.roles.contains_key(name) {
            return fail(
                ACTION,
                "EntityAlreadyExists",
                format!("Role with name {name} already exists."),
            );
        }
        let role = IamRole {
            name: name.to_owned(),
            arn: self.arn("iam", &format!("role{IAM_PATH}{name}")),
            trust_policy: trust_policy.into(),
            permissions_boundary: boundary.cloned(),
            tags: tags.clone(),
        };
        let record = RoleRecord {
            role: role.clone(),
            policies: std::collections::BTreeMap::new(),
            attached: Vec::new(),
            visible_ms: self.visible_from(),
        };
        self.roles.insert(name.to_owned(), record);
        Ok(role)
    }

    /// A boundary is a managed policy that exists.
    fn check_boundary(&self, action: &'static str, boundary: Option<&String>) -> CallResult<()> {
        match boundary.filter(|arn| !self.config.managed_policies.contains_key(*arn)) {
            None => Ok(()),
            Some(arn) => {
                let message = format!("Scope ARN: {arn} does not exist or is not attachable.");
                fail(action, "NoSuchEntity", message)
            }
        }
    }

    fn bound_role(&mut self, action: &'static str, role: &str, boundary: Option<String>) -> CallResult<()> {
        self.check_boundary(action, boundary.as_ref())?;
        let record = self.live_role(action, role)?;
        if boundary.is_none() && record.role.permissions_boundary.is_none() {
            return fail(action, "NoSuchEntity", format!("{role} has no permissions boundary"));
        }
        record.role.permissions_boundary = boundary;
        Ok(())
    }

    fn put_role_policy(&mut self, role: &str, policy: &str, document: &str) -> CallResult<()> {
        const ACTION: &str = "iam:PutRolePolicy";
        check_name(ACTION, "policyName", policy, 128)?;
        if let Err(why) = auth::is_role_policy(document) {
            return fail(ACTION, "MalformedPolicyDocument", why);
        }
        let now_ms = self.now_ms;
        let delay = self.rng_events.between(self.config.timings.policy_propagation);
        let effective_ms = now_ms + delay.max(self.late_propagation_ms);
        let record = self.live_role(ACTION, role)?;
        let others = record.policies.iter().filter(|(name, _)| *name != policy);
        let size: usize = others.map(|(_, other)| significant(&other.document)).sum::<usize>() + significant(document);
        if size > ROLE_POLICIES_MAX {
            let message = format!("Maximum policy size of {ROLE_POLICIES_MAX} bytes exceeded for role {role}");
            return fail(ACTION, "LimitExceeded", message);
        }
        let before = record
            .policies
            .get(policy)
            .and_then(|old| old.in_force(now_ms).cloned());
        let new = RolePolicyRecord {
            document: document.into(),
            before,
            effective_ms,
        };
        record.policies.insert(policy.to_owned(), new);
        Ok(())
    }

    fn create_instance_profile(&mut self, name: &str, tags: &Tags) -> CallResult<InstanceProfile> {
        const ACTION: &str = "iam:CreateInstanceProfile";
        check_name(ACTION, "instanceProfileName", name, 128)?;
        if self.profiles.contains_key(name) {
            return fail(
                ACTION,
                "EntityAlreadyExists",
                format!("Instance Profile {name} already exists."),
            );
        }
        let profile = InstanceProfile {
            name: name.to_owned(),
            arn: self.arn("iam", &format!("instance-profile{IAM_PATH}{name}")),
            role: None,
            tags: tags.clone(),
        };
        let record = ProfileRecord {
            profile: profile.clone(),
            propagated_ms: self.propagated_from(),
            visible_ms: self.visible_from(),
        };
        self.profiles.insert(name.to_owned(), record);
        Ok(profile)
    }

    fn propagated_from(&mut self) -> u64 {
        let delay = self.rng_events.between(self.config.timings.iam_propagation);
        self.now_ms + delay.max(self.late_propagation_ms)
    }

    fn add_role_to_profile(&mut self, profile: &str, role: &str) -> CallResult<()> {
        const ACTION: &str = "iam:AddRoleToInstanceProfile";
        self.live_role(ACTION, role)?;
        let propagated_ms = self.propagated_from();
        let record = self.live_profile(ACTION, profile)?;
        if record.profile.role.is_some() {
            let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
            return fail(ACTION, "LimitExceeded", message);
        }
        record.profile.role = Some(role.to_owned());
        record.propagated_ms = record.propagated_ms.max(propagated_ms);
        Ok(())
    }

    fn remove_role_from_profile(&mut self, profile: &str, role: &str) -> CallResult<()> {
        const ACTION: &str = "iam:RemoveRoleFromInstanceProfile";
        let record = self.live_profile(ACTION, profile)?;
        if record.profile.role.as_deref() != Some(role) {
            let message = format!("Role {role} in Instance Profile {profile} cannot be found.");
            return fail(ACTION, "NoSuchEntity", message);
        }
        record.profile.role = None;
        Ok(())
    }

    fn delete_instance_profile(&mut self, name: &str) -> CallResult<()> {
        const ACTION: &str = "iam:DeleteInstanceProfile";
        if self.live_profile(ACTION, name)?.profile.role.is_some() {
            let message = "Cannot delete entity, must remove roles from instance profile first.";
            return fail(ACTION, "DeleteConflict", message);
        }
        self.profiles.remove(name);
        Ok(())
    }

    fn delete_role_policy(&mut self, role: &str, policy: &str) -> CallResult<()> {
        const ACTION: &str = "iam:DeleteRolePolicy";
        match self.live_role(ACTION, role)?.policies.remove(policy) {
            Some(_) => Ok(()),
            None => fail(
                ACTION,
                "NoSuchEntity",
                format!("The role policy with name {policy} cannot be found."),
            ),
        }
    }

    fn delete_role(&mut self, name: &str) -> CallResult<()> {
        const ACTION: &str = "iam:DeleteRole";
        let record = self.live_role(ACTION, name)?;
        if !record.policies.is_empty() {
            return fail(
                ACTION,
                "DeleteConflict",
                "Cannot delete entity, must delete policies first.",
            );
        }
        if !record.attached.is_empty() {
            return fail(
                ACTION,
                "DeleteConflict",
                "Cannot delete entity, must detach all policies first.",
            );
        }
        if self
            .profiles
            .values()
            .any(|record| record.profile.role.as_deref() == Some(name))
        {
            let message = "Cannot delete entity, must remove roles from instance profile first.";
            return fail(ACTION, "DeleteConflict", message);
        }
        self.roles.remove(name);
        Ok(())
    }
}

impl RolePolicyRecord {
    /// Returns the document in force at an instant: a change takes a while to reach the services that decide by it.
    #[must_use]
    pub fn in_force(&self, now_ms: u64) -> Option<&PolicyText> {
        if self.effective_ms <= now_ms {
            Some(&self.document)
        } else {
            self.before.as_ref()
        }
    }
}

/// Characters of a document that count: IAM leaves white space out.
fn significant(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

fn check_name(action: &'static str, field: &str, name: &str, longest: usize) -> CallResult<()> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c);
    if name.is_empty() || name.len() > longest || !name.chars().all(valid) {
        let message = format!(
            "1 validation error detected: Value '{name}' at '{field}' failed to satisfy constraint: Member must have \
             length less than or equal to {longest} and match [\\w+=,.@-]+"
        );
        return fail(action, "ValidationError", message);
    }
    Ok(())
}

fn check_trust(action: &'static str, document: &str, partition: Partition) -> CallResult<()> {
    if let Err(why) = auth::is_trust_policy(document) {
        return fail(action, "MalformedPolicyDocument", why);
    }
    if let Some(name) = auth::unknown_service(document, partition) {
        let message = format!("Invalid principal in policy: \"SERVICE\":\"{name}\"");
        return fail(action, "MalformedPolicyDocument", message);
    }
    if significant(document) > TRUST_POLICY_MAX {
        let message = format!("Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_MAX}");
        return fail(action, "LimitExceeded", message);
    }
    Ok(())
}

fn on_role(action: &'static str, role: &str) -> Call {
    Call::change(action).about(role).on(Target::Role(role.to_owned()))
}

fn on_profile(action: &'static str, profile: &str) -> Call {
    Call::change(action)
        .about(profile)
        .on(Target::Profile(profile.to_owned()))
}

#[async_trait]
impl Iam for Sim {
    async fn get_role(&self, name: &str) -> CallResult<Option<IamRole>> {
        let call = Call::read("iam:GetRole")
            .about(name)
            .on(Target::ReadRole(name.to_owned()));
        let name = name.to_owned();
        self.call(call, move |world| {
            let seen = world.roles.get(&name).filter(|record| world.sees(record.visible_ms));
            Ok(seen.map(|record| record.role.clone()))
        })
        .await
    }

    async fn get_role_policy(&self, role: &str, policy: &str) -> CallResult<Option<PolicyText>> {
        let call = Call::read("iam:GetRolePolicy")
            .about(role)
            .on(Target::ReadRole(role.to_owned()));
        let (role, policy) = (role.to_owned(), policy.to_owned());
        self.call(call, move |world| {
            let found = world.roles.get(&role).and_then(|record| record.policies.get(&policy));
            Ok(found.map(|record| record.document.clone()))
        })
        .await
    }

    async fn get_instance_profile(&self, name: &str) -> CallResult<Option<InstanceProfile>> {
        let call = Call::read("iam:GetInstanceProfile")
            .about(name)
            .on(Target::ReadProfile(name.to_owned()));
        let name = name.to_owned();
        self.call(call, move |world| {
            let seen = world.profiles.get(&name).filter(|record| world.sees(record.visible_ms));
            Ok(seen.map(|record| record.profile.clone()))
        })
        .await
    }

    async fn list_role_policies(&self, role: &str) -> CallResult<Vec<String>> {
        let call = Call::read("iam:ListRolePolicies")
            .about(role)
            .on(Target::ReadRole(role.to_owned()));
        let role = role.to_owned();
        self.listing(call, PAGE, move |world, page| {
            let record = world.roles.get(&role);
            let names = record.map(|record| record.policies.keys().cloned().collect::<Vec<_>>());
            Ok(cut_list(&names.unwrap_or_default(), page))
        })
        .await
    }

    async fn list_attached_role_policies(&self, role: &str) -> CallResult<Vec<String>> {
        let call = Call::read("iam:ListAttachedRolePolicies")
            .about(role)
            .on(Target::ReadRole(role.to_owned()));
        let role = role.to_owned();
        self.listing(call, PAGE, move |world, page| {
            let attached = world.roles.get(&role).map(|record| record.attached.as_slice());
            Ok(cut_list(attached.unwrap_or_default(), page))
        })
        .await
    }

    async fn create_role(
        &self,
        name: &str,
        trust_policy: &str,
        tags: &Tags,
        permissions_boundary: Option<&str>,
    ) -> CallResult<IamRole> {
        let mut call = on_role("iam:CreateRole", name).tagging(tags);
        let boundary = permissions_boundary.map(str::to_owned);
        call.boundary.clone_from(&boundary);
        let (name, trust_policy, tags) = (name.to_owned(), trust_policy.to_owned(), tags.clone());
        self.call(call, move |world| {
            world.create_role(&name, &trust_policy, &tags, boundary.as_ref())
        })
        .await
    }

    async fn put_role_permissions_boundary(&self, role: &str, boundary: &str) -> CallResult<()> {
        const ACTION: &str = "iam:PutRolePermissionsBoundary";
        let mut call = on_role(ACTION, role);
        let (role, boundary) = (role.to_owned(), boundary.to_owned());
        call.boundary = Some(boundary.clone());
        self.call(call, move |world| world.bound_role(ACTION, &role, Some(boundary)))
            .await
    }

    async fn delete_role_permissions_boundary(&self, role: &str) -> CallResult<()> {
        const ACTION: &str = "iam:DeleteRolePermissionsBoundary";
        let call = on_role(ACTION, role);
        let role = role.to_owned();
        self.call(call, move |world| world.bound_role(ACTION, &role, None))
            .await
    }

    async fn update_trust_policy(&self, role: &str, trust_policy: &str) -> CallResult<()> {
        const ACTION: &str = "iam:UpdateAssumeRolePolicy";
        let (name, trust_policy) = (role.to_owned(), trust_policy.to_owned());
        self.call(on_role(ACTION, role), move |world| {
            check_trust(ACTION, &trust_policy, world.partition())?;
            world.live_role(ACTION, &name)?.role.trust_policy = trust_policy.into();
            Ok(())
        })
        .await
    }

    async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> CallResult<()> {
        let call = on_role("iam:PutRolePolicy", role);
        let (role, policy, document) = (role.to_owned(), policy.to_owned(), document.to_owned());
        self.call(call, move |world| world.put_role_policy(&role, &policy, &document))
            .await
    }

    async fn create_instance_profile(&self, name: &str, tags: &Tags) -> CallResult<InstanceProfile> {
        let call = on_profile("iam:CreateInstanceProfile", name).tagging(tags);
        let (name, tags) = (name.to_owned(), tags.clone());
        self.call(call, move |world| world.create_instance_profile(&name, &tags))
            .await
    }

    async fn add_role_to_profile(&self, profile: &str, role: &str) -> CallResult<()> {
        let mut call = on_profile("iam:AddRoleToInstanceProfile", profile);
        call.passes_role = Some(role.to_owned());
        let (profile, role) = (profile.to_owned(), role.to_owned());
        self.call(call, move |world| world.add_role_to_profile(&profile, &role))
            .await
    }

    async fn remove_role_from_profile(&self, profile: &str, role: &str) -> CallResult<()> {
        let call = on_profile("iam:RemoveRoleFromInstanceProfile", profile);
        let (profile, role) = (profile.to_owned(), role.to_owned());
        self.call(call, move |world| world.remove_role_from_profile(&profile, &role))
            .await
    }

    async fn delete_instance_profile(&self, name: &str) -> CallResult<()> {
        let call = on_profile("iam:DeleteInstanceProfile", name);
        let name = name.to_owned();
        self.call(call, move |world| world.delete_instance_profile(&name)).await
    }

    async fn delete_role_policy(&self, role: &str, policy: &str) -> CallResult<()> {
        let call = on_role("iam:DeleteRolePolicy", role);
        let (role, policy) = (role.to_owned(), policy.to_owned());
        self.call(call, move |world| world.delete_role_policy(&role, &policy))
            .await
    }

    async fn delete_role(&self, name: &str) -> CallResult<()> {
        let call = on_role("iam:DeleteRole", name);
        let name = name.to_owned();
        self.call(call, move |world| world.delete_role(&name)).await
    }

    async fn simulate_policy(&self, principal: &str, request: &PermissionRequest) -> CallResult<Vec<Permission>> {
        const ACTION: &str = "iam:SimulatePrincipalPolicy";
        let call = Call::read(ACTION)
            .about(principal)
            .on(Target::Principal(principal.to_owned()));
        let (caller, request, principal) = (self.caller().clone(), request.clone(), principal.to_owned());
        self.call(call, move |world| {
            // Of users there are those alone who run the tool.
            if world.principal_arn(&caller) != principal {
                return fail(
                    ACTION,
                    "NoSuchEntity",
                    format!("The principal {principal} cannot be found."),
                );
            }
            Ok(world.simulate(&caller, &request))
        })
        .await
    }
}
