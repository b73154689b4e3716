//! What the instance and the operator of a stack may do, from its spec and from what exists.
//!
//! The statements themselves are made by `selfheal-policy`, from a scope; which scope a stack has is said here, for
//! whoever asks: the planner, `selfheal policy`, the message of a call that AWS denied, and the tests.

use selfheal_policy::{Document, FormerRecord, InstanceScope, OperatorScope, Partition, ScopeError};

use crate::desired::{Ids, application_check, profile_arn};
use crate::names::{Role, SID_BESIDE_APP, TAG_STACK};
use crate::plan::{existing, former_record, names};
use crate::spec::{ImageRef, Spec, ZoneRef};
use crate::world::{IamRole, LaunchTemplate, Observed};

/// Generates the policy of the instance's role: what the boot program calls, on these ids and no others. `kms_key` is the
/// ARN of the customer's key of the data volume, where it has one.
///
/// Where the spec gives the app a policy of its own, the statement `Look` bears another identifier, which tells of it
/// ([`tells_of_app_policy`]).
///
/// # Errors
/// When an id is not of AWS's shape.
pub fn instance_policy(
    spec: &Spec,
    account: &str,
    subnet_id: &str,
    allocation_id: &str,
    volume_id: Option<&str>,
    kms_key: Option<&str>,
) -> Result<Document, ScopeError> {
    let scope = instance_scope(spec, account, subnet_id, allocation_id, volume_id, kms_key);
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

/// Tells whether the role's policy, a JSON document, says that there may be a policy of the app's beside it.
///
/// `false` for what is no policy document.
#[must_use]
pub fn tells_of_app_policy(role_policy: &str) -> bool {
    let document: Result<Document, _> = role_policy.parse();
    document.is_ok_and(|document| document.statement(SID_BESIDE_APP).is_some())
}

/// Generates a permissions boundary that fits the instance's role, whatever ids the stack comes to have, and that lets the
/// app's own policy through.
///
/// # Errors
/// When an id is not of AWS's shape, or the document exceeds the 6,144 characters of a managed policy.
pub fn permissions_boundary(spec: &Spec, ids: &Ids) -> Result<Document, ScopeError> {
    let (volume, key) = (ids.volume_id.as_deref(), ids.kms_key.as_deref());
    let scope = instance_scope(spec, &ids.account, &ids.subnet_id, &ids.allocation_id, volume, key);
    selfheal_policy::boundary_policy(&scope, spec.app.policy.as_ref().map(|policy| &policy.document))
}

fn instance_scope(
    spec: &Spec,
    account: &str,
    subnet_id: &str,
    allocation_id: &str,
    volume_id: Option<&str>,
    kms_key: Option<&str>,
) -> InstanceScope {
    let names = names(spec);
    InstanceScope {
        partition: Partition::of_region(&spec.region),
        region: spec.region.clone(),
        account: account.to_owned(),
        stack: spec.name.clone(),
        group: names.group.clone(),
        instance_profile: profile_arn(&names, account, &spec.region),
        allocation_id: allocation_id.to_owned(),
        volume_id: volume_id.map(str::to_owned),
        vpc_id: None,
        subnet_id: Some(subnet_id.to_owned()),
        session_manager: spec.access.session_manager,
        parameter_path: None,
        log_group: None,
        kms_key: kms_key.map(str::to_owned),
        application_check: application_check(spec).is_some(),
    }
}

/// Says what the operator of a stack may touch, from the spec and from what exists.
///
/// Ids that nothing tells yet are left open: the policy then narrows by name and by the stack's tag. `Observed::default()`
/// stands for an account of which nothing was read.
#[must_use]
pub fn operator_scope(spec: &Spec, account: &str, observed: &Observed) -> OperatorScope {
    let mut scope = OperatorScope::new(Partition::of_region(&spec.region), &spec.region, account, &spec.name);
    scope.allocation_id.clone_from(&spec.address.allocation);
    scope.data_volume = spec.data.is_some();
    scope.kms_key = Ids::of(spec, observed).kms_key;
    // A check that the spec has ceased to ask for is looked for, and deleted, as long as the template tells of one.
    let template = observed.launch_template.as_ref();
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
    scope.hosted_zone_id = observed.hosted_zone.as_ref().map(|zone| zone.id.clone());
    if let Some(ZoneRef::Id(id)) = spec.dns.as_ref().map(|dns| &dns.zone) {
        scope.zone_by_id = true;
        scope.hosted_zone_id = Some(id.clone());
    }
    scope.record_name = spec.dns.as_ref().map(|dns| dns.name.clone());
    let names = names(spec);
    let owned = observed
        .addresses
        .iter()
        .filter(|address| names.owns(&address.tags, Role::Address));
    let mut formers = owned.filter_map(|address| former_record(spec, &address.tags));
    scope.former_record = formers.next().map(|(zone_id, name)| FormerRecord {
        zone_id: zone_id.to_owned(),
        name: name.to_owned(),
    });
}

/// Fills in the subnet with its VPC, and the volume that is to bear the stack's tags.
fn place(scope: &mut OperatorScope, spec: &Spec, observed: &Observed) {
    let existing = existing(spec, observed);
    scope.vpc_id = existing.subnet.as_ref().map(|subnet| subnet.vpc_id.clone());
    scope.subnet_id = existing
        .subnet
        .map(|subnet| subnet.id)
        .or_else(|| spec.instance.subnet.clone());
    let untagged = existing
        .volume
        .filter(|volume| volume.tags.get(TAG_STACK) != Some(&spec.name));
    let named = spec.data.as_ref().and_then(|data| data.volume.clone());
    scope.volume_id = named.or(untagged.map(|volume| volume.id));
}

/// Fills in what bounds the role, and whether there is a policy of the app's beside that of selfheal.
fn role(scope: &mut OperatorScope, spec: &Spec, observed: &Observed) {
    scope
        .permissions_boundary
        .clone_from(&spec.instance.permissions_boundary);
    let has_boundary = |role: &IamRole| role.permissions_boundary.is_some();
    scope.drops_boundary = scope.permissions_boundary.is_none() && observed.role.as_ref().is_some_and(has_boundary);
    let told = observed.role_policy.as_deref().is_some_and(tells_of_app_policy);
    scope.app_policy = spec.app.policy.is_some() || told;
}
