//! What bounds the instance's role, whatever its policies say.

use super::build::finish;
use super::error::ScopeError;
use super::instance::instance_policy;
use super::scope::InstanceScope;
use crate::condition::Conditions;
use crate::document::Document;
use crate::limit::Limit;
use crate::statement::{NonEmpty, ResourcePattern, ResourceSet, Statement, Target};

/// Generates a permissions boundary that fits the instance's role: what the policy of [`instance_policy`] allows, for
/// whatever address, volume and subnet the stack comes to have, and what the documents beside it say: the app's own policy, and
/// that of the role of a lifecycle policy, which is bound by the same.
///
/// It allows nothing by itself: a role may do what both its policies and its boundary allow. So that it need not change when
/// a volume is restored or an address is allocated anew, ids that AWS chooses stand as `*`; the account, the Region and the
/// names that derive from the stack's stay.
///
/// # Errors
/// When a field of the scope is malformed, or the policy exceeds the 6,144 characters of a managed policy.
pub fn boundary_policy(scope: &InstanceScope, beside: &[&Document]) -> Result<Document, ScopeError> {
    let policy = instance_policy(scope)?;
    let mut ids = vec![scope.allocation_id.as_str()];
    ids.extend(scope.challenge.iter().map(|challenge| challenge.zone_id.as_str()));
    ids.extend(
        [&scope.volume_id, &scope.vpc_id, &scope.subnet_id]
            .into_iter()
            .filter_map(Option::as_deref),
    );
    let widen = |text: &str| {
        let mut wide = text.to_owned();
        for id in &ids {
            wide = wide.replace(id, "*");
        }
        wide
    };
    let mut statements = Vec::new();
    for statement in policy.statements {
        statements.push(widened(statement, &widen)?);
    }
    for document in beside {
        statements.extend(document.statements.iter().cloned());
    }
    finish(statements, Limit::Managed)
}

/// Rewrites the resources and the values of a statement.
fn widened(statement: Statement, widen: &impl Fn(&str) -> String) -> Result<Statement, ScopeError> {
    let mut conditions = Conditions::none();
    for (operator, key, values) in statement.conditions.iter() {
        conditions = conditions.with(operator, key.as_str(), values.iter().map(|value| widen(value)));
    }
    let target = match statement.target {
        Target::Identity(ResourceSet::Resource(resources)) => {
            let mut wide: Vec<ResourcePattern> = Vec::new();
            for resource in resources.iter() {
                let text = widen(resource.as_str());
                let parsed = text.parse().map_err(|source| ScopeError::Arn { text, source })?;
                if !wide.contains(&parsed) {
                    wide.push(parsed);
                }
            }
            let set = NonEmpty::new(wide).map_or(ResourceSet::Resource(resources), ResourceSet::Resource);
            Target::Identity(set)
        }
        other => other,
    };
    Ok(Statement {
        conditions,
        target,
        ..statement
    })
}
