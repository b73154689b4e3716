//! What the operator of a stack may touch, for `selfheal policy`, the message of a call that AWS denied, and the tests.

use selfheal_policy::{FormerRecord, OperatorScope, Partition};

use crate::desired::Ids;
use crate::existing::existing;
use crate::names::{Names, ResourceKind, TAG_STACK};
use crate::permissions::{tells_of_app_policy, tells_of_logs};
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
    let sleeps = |group: &Group| group.may_sleep() && !observed.scheduled_actions.is_empty();
    scope.schedule = spec.schedule.is_some() || observed.group.as_ref().is_some_and(sleeps);
    scope.bundle = Ids::of(spec, observed).bundle;
    scope.application_check = spec.asks_aws() || template.is_some_and(LaunchTemplate::tells_of_check);
    if let ImageRef::Parameter(path) = &spec.instance.image {
        scope.image_parameter = Some(path.clone());
    }
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
