//! What the instance of a stack may do, and Data Lifecycle Manager for it: the policies of their roles, and the boundary that
//! fits both.
//!
//! The statements themselves are made by `selfheal-policy`, from a scope; which scope a stack has is said here, for
//! whoever asks: the planner, `selfheal policy`, and the tests. What the operator may do is said in [`crate::operator`],
//! which needs the planner's choices.

use selfheal_policy::{ChallengeScope, Document, InstanceScope, LifecycleScope, Partition, ScopeError};

use crate::desired::{Ids, application_check, notify_topic, profile_arn};
use crate::names::{Names, SID_BESIDE_APP};
use crate::spec::Spec;
use crate::world::PolicyText;

/// Generates the policy of the instance's role: what the boot program calls, on these ids and no others.
///
/// Where the spec gives the app a policy of its own, the statement `Look` bears another identifier, which tells of it
/// ([`tells_of_app_policy`]).
///
/// # Errors
/// When an id is not of AWS's shape.
pub fn instance_policy(spec: &Spec, ids: &Ids) -> Result<Document, ScopeError> {
    let scope = instance_scope(spec, ids);
    let mut document = selfheal_policy::instance_policy(&scope)?;
    if spec.app.policy.is_some()
        && let Some(look) = document
            .statements
            .iter_mut()
            .find(|statement| statement.name() == LOOK)
    {
        look.sid = SID_BESIDE_APP.parse().ok();
    }
    Ok(document)
}

/// Identifier of the statement that tells of the app's policy, where there is none to tell of.
const LOOK: &str = "Look";

/// Tells whether the role's policy says that there may be a policy of the app's beside it.
///
/// `false` for what is no policy document.
#[must_use]
pub fn tells_of_app_policy(role_policy: &PolicyText) -> bool {
    let document = role_policy.document();
    document.is_some_and(|document| document.statement(SID_BESIDE_APP).is_some())
}

/// Tells whether the role's policy, a JSON document, lets the instance write to a log group.
///
/// It is how the group is found after the spec has ceased to ask for one. `false` for what is no policy document.
#[must_use]
pub fn tells_of_logs(role_policy: &PolicyText) -> bool {
    let document = role_policy.document();
    document.is_some_and(|document| document.statement(LOG_STREAMS).is_some())
}

/// Identifier of the statement that lets the instance write to its log group.
const LOG_STREAMS: &str = "LogStreams";

/// The topic that the role's policy, a JSON document, lets the instance publish to.
///
/// It is how the topic, and what the group tells it, are found after the spec has ceased to name it. `None` for what is no
/// policy document.
#[must_use]
pub fn told_topic(role_policy: &PolicyText) -> Option<String> {
    let document = role_policy.document()?;
    let resources = document.statement(PUBLISH)?.target.resources()?;
    let topic = resources.patterns().first()?;
    Some(topic.as_str().to_owned())
}

/// Whether a topic is in a Region: a plan refuses one that is not.
pub(crate) fn is_of_region(topic: &str, region: &str) -> bool {
    topic.split(':').nth(3) == Some(region)
}

/// Identifier of the statement that lets the instance publish its messages.
const PUBLISH: &str = "Publish";

/// Generates a permissions boundary that fits the instance's role, whatever ids the stack comes to have, and that lets the
/// app's own policy through.
///
/// # Errors
/// When an id is not of AWS's shape, or the document exceeds the 6,144 characters of a managed policy.
pub fn permissions_boundary(spec: &Spec, ids: &Ids) -> Result<Document, ScopeError> {
    let scope = instance_scope(spec, ids);
    let app = spec.app.policy.as_ref().map(|policy| policy.document.clone());
    let snapshots = match spec.snapshots() {
        Some(_) => Some(lifecycle_policy_document(spec, &ids.account)?),
        None => None,
    };
    let beside: Vec<&Document> = [&app, &snapshots].into_iter().flatten().collect();
    selfheal_policy::boundary_policy(&scope, &beside)
}

/// Generates the policy of the role under which Data Lifecycle Manager takes the stack's snapshots.
///
/// # Errors
/// When the account is not twelve digits.
pub fn lifecycle_policy_document(spec: &Spec, account: &str) -> Result<Document, ScopeError> {
    selfheal_policy::lifecycle_policy_document(&lifecycle_scope(spec, account))
}

/// Generates the trust policy of that role.
///
/// # Errors
/// When the account is not twelve digits.
pub fn lifecycle_trust_policy(spec: &Spec, account: &str) -> Result<Document, ScopeError> {
    selfheal_policy::lifecycle_trust_policy(&lifecycle_scope(spec, account))
}

fn lifecycle_scope(spec: &Spec, account: &str) -> LifecycleScope {
    LifecycleScope {
        partition: Partition::of_region(&spec.region),
        region: spec.region.clone(),
        account: account.to_owned(),
        stack: spec.name.clone(),
    }
}

fn instance_scope(spec: &Spec, ids: &Ids) -> InstanceScope {
    let names = Names::of(spec);
    InstanceScope {
        partition: Partition::of_region(&spec.region),
        region: spec.region.clone(),
        account: ids.account.clone(),
        stack: spec.name.clone(),
        group: names.group.clone(),
        instance_profile: profile_arn(&names, &ids.account, &spec.region),
        allocation_id: ids.allocation_id.to_string(),
        volume_id: ids.volume_id.clone().map(String::from),
        vpc_id: None,
        subnet_id: Some(ids.subnet_id.to_string()),
        session_manager: spec.access.session_manager,
        bundle_path: ids.bundle.then_some(names.bundle),
        parameter_path: spec.config.as_ref().map(|config| config.path.clone()),
        parameter_key: spec.config.as_ref().and_then(|config| config.kms_key.clone()),
        log_group: spec.logs.as_ref().map(|_| names.log_group),
        topic: notify_topic(spec, &ids.account).filter(|arn| is_of_region(arn, &spec.region)),
        kms_key: ids.kms_key.clone(),
        application_check: application_check(spec).is_some(),
        challenge: challenge(spec, ids),
    }
}

/// The records of challenges, where they are answered in the DNS.
fn challenge(spec: &Spec, ids: &Ids) -> Option<ChallengeScope> {
    let names = spec.https.as_ref()?.challenge_records();
    let zone_id = ids.challenge_zone.as_ref()?.to_string();
    Some(ChallengeScope { zone_id, names }).filter(|challenge| !challenge.names.is_empty())
}
