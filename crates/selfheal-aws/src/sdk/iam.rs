//! IAM.

use async_trait::async_trait;
use aws_sdk_iam::types;
use selfheal_core::doctor::{ContextKind, ContextValue, Permission, PermissionRequest};
use selfheal_core::names::{IAM_PATH, Tags};
use selfheal_core::world::{IamRole, InstanceProfile, PolicyText};

use super::Sdk;
use super::convert::{field, percent_decoded};
use super::error::{absent, failed};
use crate::backend::{CallResult, Iam};
use crate::error::{CallError, CallErrorKind};

#[async_trait]
impl Iam for Sdk {
    async fn get_role(&self, name: &str) -> CallResult<Option<IamRole>> {
        const ACTION: &str = "iam:GetRole";
        let result = self
            .clients
            .iam
            .get_role()
            .role_name(name)
            .send()
            .await
            .map_err(failed(ACTION, Some(name)));
        let Some(output) = absent(result)? else { return Ok(None) };
        Ok(Some(role(field(output.role, ACTION, "role")?)))
    }

    async fn get_role_policy(&self, role: &str, policy: &str) -> CallResult<Option<PolicyText>> {
        let call = self.clients.iam.get_role_policy().role_name(role).policy_name(policy);
        let result = call.send().await.map_err(failed("iam:GetRolePolicy", Some(role)));
        Ok(absent(result)?.map(|output| percent_decoded(&output.policy_document).into()))
    }

    async fn get_instance_profile(&self, name: &str) -> CallResult<Option<InstanceProfile>> {
        const ACTION: &str = "iam:GetInstanceProfile";
        let call = self.clients.iam.get_instance_profile().instance_profile_name(name);
        let Some(output) = absent(call.send().await.map_err(failed(ACTION, Some(name))))? else {
            return Ok(None);
        };
        Ok(Some(profile(field(
            output.instance_profile,
            ACTION,
            "instance profile",
        )?)))
    }

    async fn list_role_policies(&self, role: &str) -> CallResult<Vec<String>> {
        let pages = self
            .clients
            .iam
            .list_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        let result = pages
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed("iam:ListRolePolicies", Some(role)));
        Ok(absent(result)?.unwrap_or_default())
    }

    async fn list_attached_role_policies(&self, role: &str) -> CallResult<Vec<String>> {
        const ACTION: &str = "iam:ListAttachedRolePolicies";
        let pages = self
            .clients
            .iam
            .list_attached_role_policies()
            .role_name(role)
            .into_paginator()
            .items()
            .send();
        let result = pages
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed(ACTION, Some(role)));
        let policies = absent(result)?.unwrap_or_default();
        policies
            .into_iter()
            .map(|policy| field(policy.policy_arn, ACTION, "policy ARN"))
            .collect()
    }

    async fn create_role(
        &self,
        name: &str,
        trust_policy: &str,
        tags: &Tags,
        permissions_boundary: Option<&str>,
    ) -> CallResult<IamRole> {
        const ACTION: &str = "iam:CreateRole";
        let call = self.clients.iam.create_role().path(IAM_PATH).role_name(name);
        let call = call
            .assume_role_policy_document(trust_policy)
            .set_permissions_boundary(permissions_boundary.map(str::to_owned))
            .set_tags(request_tags(ACTION, tags)?);
        let output = call.send().await.map_err(failed(ACTION, Some(name)))?;
        let mut made = role(field(output.role, ACTION, "role")?);
        // The answer need not tell what the request has set.
        made.permissions_boundary = made.permissions_boundary.or(permissions_boundary.map(str::to_owned));
        Ok(made)
    }

    async fn put_role_permissions_boundary(&self, role: &str, boundary: &str) -> CallResult<()> {
        let call = self.clients.iam.put_role_permissions_boundary().role_name(role);
        let call = call.permissions_boundary(boundary);
        call.send()
            .await
            .map_err(failed("iam:PutRolePermissionsBoundary", Some(role)))?;
        Ok(())
    }

    async fn delete_role_permissions_boundary(&self, role: &str) -> CallResult<()> {
        let call = self.clients.iam.delete_role_permissions_boundary().role_name(role);
        call.send()
            .await
            .map_err(failed("iam:DeleteRolePermissionsBoundary", Some(role)))?;
        Ok(())
    }

    async fn update_trust_policy(&self, role: &str, trust_policy: &str) -> CallResult<()> {
        let call = self
            .clients
            .iam
            .update_assume_role_policy()
            .role_name(role)
            .policy_document(trust_policy);
        call.send()
            .await
            .map_err(failed("iam:UpdateAssumeRolePolicy", Some(role)))?;
        Ok(())
    }

    async fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> CallResult<()> {
        let call = self
            .clients
            .iam
            .put_role_policy()
            .role_name(role)
            .policy_name(policy)
            .policy_document(document);
        call.send().await.map_err(failed("iam:PutRolePolicy", Some(role)))?;
        Ok(())
    }

    async fn create_instance_profile(&self, name: &str, tags: &Tags) -> CallResult<InstanceProfile> {
        const ACTION: &str = "iam:CreateInstanceProfile";
        let call = self
            .clients
            .iam
            .create_instance_profile()
            .path(IAM_PATH)
            .instance_profile_name(name);
        let call = call.set_tags(request_tags(ACTION, tags)?);
        let output = call.send().await.map_err(failed(ACTION, Some(name)))?;
        Ok(profile(field(output.instance_profile, ACTION, "instance profile")?))
    }

    async fn add_role_to_profile(&self, profile: &str, role: &str) -> CallResult<()> {
        let call = self
            .clients
            .iam
            .add_role_to_instance_profile()
            .instance_profile_name(profile)
            .role_name(role);
        call.send()
            .await
            .map_err(failed("iam:AddRoleToInstanceProfile", Some(profile)))?;
        Ok(())
    }

    async fn remove_role_from_profile(&self, profile: &str, role: &str) -> CallResult<()> {
        let call = self
            .clients
            .iam
            .remove_role_from_instance_profile()
            .instance_profile_name(profile)
            .role_name(role);
        call.send()
            .await
            .map_err(failed("iam:RemoveRoleFromInstanceProfile", Some(profile)))?;
        Ok(())
    }

    async fn delete_instance_profile(&self, name: &str) -> CallResult<()> {
        let call = self.clients.iam.delete_instance_profile().instance_profile_name(name);
        call.send()
            .await
            .map_err(failed("iam:DeleteInstanceProfile", Some(name)))?;
        Ok(())
    }

    async fn delete_role_policy(&self, role: &str, policy: &str) -> CallResult<()> {
        let call = self
            .clients
            .iam
            .delete_role_policy()
            .role_name(role)
            .policy_name(policy);
        call.send().await.map_err(failed("iam:DeleteRolePolicy", Some(role)))?;
        Ok(())
    }

    async fn delete_role(&self, name: &str) -> CallResult<()> {
        let call = self.clients.iam.delete_role().role_name(name);
        call.send().await.map_err(failed("iam:DeleteRole", Some(name)))?;
        Ok(())
    }

    async fn simulate_policy(&self, principal: &str, request: &PermissionRequest) -> CallResult<Vec<Permission>> {
        let context = request.context.iter().map(entry).collect();
        let resources = Some(request.resources.clone()).filter(|resources| !resources.is_empty());
        let call = self.clients.iam.simulate_principal_policy();
        let call = call
            .policy_source_arn(principal)
            .set_action_names(Some(request.actions.clone()))
            .set_resource_arns(resources)
            .set_context_entries(Some(context));
        let results = call
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(failed("iam:SimulatePrincipalPolicy", Some(principal)))?;
        Ok(results.into_iter().map(permission).collect())
    }
}

fn role(role: types::Role) -> IamRole {
    IamRole {
        name: role.role_name,
        arn: role.arn,
        trust_policy: role
            .assume_role_policy_document
            .as_deref()
            .map(|document| percent_decoded(document).into())
            .unwrap_or_default(),
        permissions_boundary: role
            .permissions_boundary
            .and_then(|boundary| boundary.permissions_boundary_arn),
        tags: tags(role.tags.unwrap_or_default()),
    }
}

fn profile(profile: types::InstanceProfile) -> InstanceProfile {
    InstanceProfile {
        name: profile.instance_profile_name,
        arn: profile.arn,
        role: profile.roles.into_iter().next().map(|role| role.role_name),
        tags: tags(profile.tags.unwrap_or_default()),
    }
}

fn tags(tags: Vec<types::Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn request_tags(action: &'static str, tags: &Tags) -> CallResult<Option<Vec<types::Tag>>> {
    let made: Result<Vec<_>, _> = tags
        .iter()
        .map(|(key, value)| types::Tag::builder().key(key).value(value).build())
        .collect();
    let made = made.map_err(|error| CallError::new(CallErrorKind::Invalid, action, error.to_string()))?;
    Ok((!made.is_empty()).then_some(made))
}
/// What a request says of itself, for the simulator.
fn entry(value: &ContextValue) -> types::ContextEntry {
    let kind = match value.kind {
        ContextKind::Text => types::ContextKeyTypeEnum::String,
        ContextKind::TextList => types::ContextKeyTypeEnum::StringList,
        ContextKind::Number => types::ContextKeyTypeEnum::Numeric,
        ContextKind::Flag => types::ContextKeyTypeEnum::Boolean,
    };
    types::ContextEntry::builder()
        .context_key_name(&value.key)
        .context_key_type(kind)
        .set_context_key_values(Some(value.values.clone()))
        .build()
}

/// What the simulator says. An organisation's policies are part of its decision.
fn permission(result: types::EvaluationResult) -> Permission {
    Permission {
        allowed: result.eval_decision == types::PolicyEvaluationDecisionType::Allowed,
        action: result.eval_action_name,
        resource: result.eval_resource_name.unwrap_or_else(|| "*".to_owned()),
    }
}
