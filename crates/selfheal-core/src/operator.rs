//! What the operator of a stack may touch, for `selfheal policy`, the message of a call that AWS denied, and the tests.

use selfheal_policy::{FormerRecord, OperatorScope, Partition};

use crate::desired::{Ids, notify_topic, own_topic};
use crate::existing::{existing, marked_for_snapshots};
use crate::names::{Names, ResourceKind, TAG_STACK};
use crate::permissions::{is_of_region, tells_of_app_policy, tells_of_logs, told_topic};
use crate::plan::former_record;
use crate::spec::{ImageRef, Spec, ZoneRef};
use crate::world::{Group, IamRole, LaunchTemplate, Observed};

/// Says what the operator of a stack may touch, from the spec and from what exists.
///
/// Ids that nothing tells yet are left open: the policy then narrows by name and by the stack's tag. `Observed::default()`
/// stands for an account of which nothing was read.
#[must_use]
pub fn operator_scope(spec: &Spec, account: &str, observed: &Observed) -> OperatorScope {
    let mut scope = OperatorScope::new(Partition::of_region(&spec.region), &spec.region, account, &spec.name);
    scope.allocation_id = spec.address.allocation.clone().map(String::from);
    scope.data_volume = spec.data.is_some();
    scope.kms_key = Ids::of(spec, observed).kms_key;
    // A check that the spec has ceased to ask for is looked for, and deleted, as long as the template tells of one.
    let template = observed.launch_template.as_ref();
    scope.logs = spec.logs.is_some() || observed.role_policy.as_ref().is_some_and(tells_of_logs);
    let told = observed.role_policy.as_ref().and_then(told_topic);
    scope.topic = notify_topic(spec, account).filter(|arn| is_of_region(arn, &spec.region));
    scope.notifications = scope.topic.is_some() || told.is_some();
    let own = Some(own_topic(spec, account));
    scope.own_topic = scope.topic == own || told == own;
    let sleeps = |group: &Group| group.may_sleep() && !observed.scheduled_actions.is_empty();
    scope.schedule = spec.schedule.is_some() || observed.group.as_ref().is_some_and(sleeps);
    scope.snapshots = spec.snapshots().is_some() || marked_for_snapshots(observed);
    let mixed = |group: &Group| group.mixed.is_some();
    if spec.instance.is_mixed() {
        scope.instance_types = spec.instance.types().cloned().collect();
    }
    scope.replaces = spec.instance.is_mixed() || observed.group.as_ref().is_some_and(mixed);
    scope.session_manager = spec.access.session_manager;
    scope.bundle = Ids::of(spec, observed).bundle;
    scope.parameter_path = spec.config.as_ref().map(|config| config.path.clone());
    scope.parameter_key = spec.config.as_ref().and_then(|config| config.kms_key.clone());
    scope.application_check = spec.asks_aws() || template.is_some_and(LaunchTemplate::tells_of_check);
    if let ImageRef::Parameter(path) = &spec.instance.image {
        scope.image_parameter = Some(path.clone());
    }
    scope.principal = principal(&observed.identity.arn);
    record(&mut scope, spec, observed);
    place(&mut scope, spec, observed);
    role(&mut scope, spec, observed);
    scope
}

/// Fills in the zone, the record, and the record that the spec has ceased to name.
fn record(scope: &mut OperatorScope, spec: &Spec, observed: &Observed) {
    scope.hosted_zone_id = observed.hosted_zone.as_ref().map(|zone| zone.id.to_string());
    if let Some(ZoneRef::Id(id)) = spec.dns.as_ref().map(|dns| &dns.zone) {
        scope.zone_by_id = true;
        scope.hosted_zone_id = Some(id.to_string());
    }
    scope.record_name = spec.dns.as_ref().map(|dns| dns.name.clone());
    let names = Names::of(spec);
    let owned = observed
        .addresses
        .iter()
        .filter(|address| names.owns(&address.tags, ResourceKind::Address));
    let mut formers = owned.filter_map(|address| former_record(spec, &address.tags));
    scope.former_record = formers.next().map(|(zone_id, name)| FormerRecord {
        zone_id: zone_id.to_string(),
        name: name.to_owned(),
    });
}

/// Fills in the subnet with its VPC, and the volume that is to bear the stack's tags.
fn place(scope: &mut OperatorScope, spec: &Spec, observed: &Observed) {
    let existing = existing(spec, observed);
    scope.vpc_id = existing.subnet.as_ref().map(|subnet| subnet.vpc_id.to_string());
    scope.subnet_id = existing
        .subnet
        .map(|subnet| subnet.id)
        .or_else(|| spec.instance.subnet.clone())
        .map(String::from);
    let untagged = existing
        .volume
        .filter(|volume| volume.tags.get(TAG_STACK) != Some(&spec.name));
    let named = spec.data.as_ref().and_then(|data| data.volume.clone());
    scope.volume_id = named.or(untagged.map(|volume| volume.id)).map(String::from);
}

/// Fills in what bounds the role, and whether there is a policy of the app's beside that of selfheal.
fn role(scope: &mut OperatorScope, spec: &Spec, observed: &Observed) {
    scope
        .permissions_boundary
        .clone_from(&spec.instance.permissions_boundary);
    let has_boundary = |role: &IamRole| role.permissions_boundary.is_some();
    scope.drops_boundary = scope.permissions_boundary.is_none() && observed.role.as_ref().is_some_and(has_boundary);
    let told = observed.role_policy.as_ref().is_some_and(tells_of_app_policy);
    scope.app_policy = spec.app.policy.is_some() || told;
}

/// The user or role that the policies of somebody who calls hang on, by the ARN that the caller goes by; `None` where that tells
/// of neither, as of the account's root, who has none.
///
/// A session bears the name of its role without the role's path, so that this is right only where the role has none.
#[must_use]
pub fn principal(arn: &str) -> Option<String> {
    let (front, resource) = arn.rsplit_once(':')?;
    if resource.starts_with("user/") || resource.starts_with("role/") {
        // Users and roles are IAM's; what another service calls so is not what a policy hangs on.
        return (front.split(':').nth(2) == Some("iam")).then(|| arn.to_owned());
    }
    let role = resource.strip_prefix("assumed-role/")?.split('/').next()?;
    let front = front.replacen(":sts:", ":iam:", 1);
    Some(format!("{front}:role/{role}"))
}
