//! Reading a stack: every call at once, two round trips deep at most. Reading many: what they have in common once.

mod account;
mod basis;
mod records;
mod scope;
mod source;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, try_join, try_join_all};
use futures::stream::{self, StreamExt};
use selfheal_core::Names;
use selfheal_core::desired::{bundle_path, notify_topic, own_topic, tells_of_bundle};
use selfheal_core::names::{APP_POLICY_NAME, POLICY_NAME, ResourceKind, TAG_SNAPSHOTS};
use selfheal_core::permissions::{tells_of_app_policy, tells_of_logs, told_topic};
use selfheal_core::plan::former_record;
use selfheal_core::spec::Spec;
use selfheal_core::world::{
    Address, ApplicationStatus, FormerRecord, Group, HostedZone, Instance, InstanceId, InstanceState, LaunchTemplate,
    Observed, Part, PolicyText, RecordSet,
};
use selfheal_core::{Found, Unread, counted_addresses, marked_for_snapshots, unread};

use self::account::Account;
use crate::backend::{Aws, CallResult};
use crate::control::Control;
use crate::error::{CallError, CallErrorKind};
use crate::retry::backoff;

pub(crate) use scope::Read;
pub use scope::Scope;
pub(crate) use source::Source;

/// How many of a group's last activities are read: the last launch is among them, whatever ended since.
const ACTIVITIES_READ: u32 = 10;

/// Elastic IPs that an account may hold in a Region unless AWS has allowed it more.
///
/// Source: Amazon VPC User Guide, "Amazon VPC quotas".
const ADDRESS_QUOTA_DEFAULT: usize = 5;

/// Reads a stack.
///
/// Guarantees that nothing is changed, that a failed read fails the whole, and that a read which may pass is repeated with
/// jitter, within bounds.
///
/// # Errors
/// The first call that failed for good.
pub async fn observe(aws: &dyn Aws, spec: &Spec, scope: Scope, ctl: &Control<'_>) -> CallResult<Observed> {
    view(Source::own(aws, ctl), spec, scope).await
}

/// Reads many stacks of one account and Region; answers in their order.
///
/// Guarantees what [`observe`] does, stack by stack: each view is what a reading of its own would give of the same world, and
/// one that fails takes none of the others along. What the stacks have in common is asked once: listings for all of them
/// together, page by page, and what several specs name, such as an image or a hosted zone, once for all that name it. What AWS
/// tells of one thing at a time, which is hooks, roles, their policies and profiles, is asked of a few stacks at once.
pub async fn observe_all(
    aws: &dyn Aws,
    specs: &[Spec],
    scope: Scope,
    ctl: &Control<'_>,
) -> Vec<Result<Observed, StackUnread>> {
    let account = Account::of(aws, specs, ctl);
    let views = specs.iter().map(|spec| {
        let view = view(Source::of(&account), spec, scope);
        view.map(|read| read.map_err(|error| StackUnread::of(spec, error)))
    });
    stream::iter(views).buffered(STACKS_AT_ONCE).collect().await
}

/// A stack that could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("stack {stack} could not be read: {error}")]
#[non_exhaustive]
pub struct StackUnread {
    /// The stack's name.
    pub stack: String,
    /// The first call that failed for good.
    pub error: CallError,
}

impl StackUnread {
    fn of(spec: &Spec, error: CallError) -> Self {
        Self {
            stack: spec.name.clone(),
            error,
        }
    }
}

/// Stacks that are read at once: each asks for three things of its own at a time, and IAM, which tells nobody how much it
/// bears, answers some twenty calls at once.
const STACKS_AT_ONCE: usize = 8;

/// Reads a stack from a source.
async fn view(source: Source<'_, '_>, spec: &Spec, scope: Scope) -> CallResult<Observed> {
    let mut observed = Observed {
        observed_at: source.began(),
        ..Observed::default()
    };
    let readings = try_join_all(scope.parts(spec).into_iter().map(|what| read(source, spec, what))).await?;
    for reading in readings {
        reading(&mut observed);
    }
    if scope != Scope::Sleep
        && !scope.is_about_instance()
        && spec.logs.is_none()
        && observed.role_policy.as_ref().is_some_and(tells_of_logs)
    {
        read(source, spec, Part::LogGroup.into()).await?(&mut observed);
    }
    let reads_snapshots =
        !matches!(scope, Scope::Sleep | Scope::Resume | Scope::Snapshot) && !scope.is_about_instance();
    if reads_snapshots && spec.snapshots().is_none() && marked_for_snapshots(&observed) {
        let parts = [Part::LifecyclePolicies, Part::SnapshotRole].into_iter();
        for reading in try_join_all(parts.map(|part| read(source, spec, part.into()))).await? {
            reading(&mut observed);
        }
    }
    if !matches!(scope, Scope::Sleep | Scope::Snapshot) && !scope.is_about_instance() {
        let parts = told_parts(spec, &observed).into_iter();
        for reading in try_join_all(parts.map(|part| read(source, spec, part.into()))).await? {
            reading(&mut observed);
        }
    }
    if scope == Scope::Destroy {
        let told = observed.role_policy.as_ref().is_some_and(tells_of_bundle);
        if told || bundle_path(spec).is_some() {
            read(source, spec, Read::Bundles).await?(&mut observed);
        }
    }
    // What is read by its id may ask for more: a volume, then its modification.
    for _ in 0..ROUNDS_MAX {
        let unread = missing(spec, &observed, scope);
        if unread.is_empty() {
            break;
        }
        read_unread(source, unread)
            .await?
            .into_iter()
            .for_each(|found| observed.found(found));
    }
    Ok(observed)
}

/// What is read of notifications because the role's policy tells of a topic that the spec does not send to.
fn told_parts(spec: &Spec, observed: &Observed) -> Vec<Part> {
    let account = &observed.identity.account;
    let told = observed.role_policy.as_ref().and_then(told_topic);
    let wanted = notify_topic(spec, account);
    let own = own_topic(spec, account);
    let mut parts = Vec::new();
    if told.is_some() && wanted.is_none() {
        parts.push(Part::Notifications);
    }
    if told.as_ref() == Some(&own) && wanted != told {
        parts.push(Part::Topic);
    }
    parts
}

/// What a reading of this scope lacks. Whether a volume is being modified matters to no destroy, nor to a snapshot.
pub(crate) fn missing(spec: &Spec, observed: &Observed, scope: Scope) -> Unread {
    if scope == Scope::Sleep || scope.is_about_instance() {
        return Unread::default();
    }
    let mut unread = unread(spec, observed);
    if matches!(scope, Scope::Destroy | Scope::Snapshot) {
        unread.modifications.clear();
    }
    if scope == Scope::Snapshot {
        unread.addresses.clear();
    }
    unread
}

/// How often what was read may ask for more: a volume by its id, its modification, and one to spare.
const ROUNDS_MAX: u32 = 3;

/// How often AWS has to say that something does not exist before that is believed, with a pause between: for longer than
/// a listing lags behind, because what is new may be unknown by its id as well.
const GONE_READS: u32 = 5;

/// Reads by their ids what the stack's other witnesses name and no listing shows.
pub(crate) async fn read_unread(source: Source<'_, '_>, unread: Unread) -> CallResult<Vec<Found>> {
    let mut calls: Vec<BoxFuture<'_, CallResult<Found>>> = Vec::new();
    for id in unread.volumes {
        calls.push(
            async move {
                let volume = unless_gone(source, || source.volume(&id)).await?;
                Ok(Found::Volume(id, volume.map(Box::new)))
            }
            .boxed(),
        );
    }
    for id in unread.addresses {
        calls.push(
            async move {
                let address = unless_gone(source, || source.address(&id)).await?;
                Ok(Found::Address(id, address))
            }
            .boxed(),
        );
    }
    for id in unread.attached_to {
        calls.push(
            async move {
                let volumes = source.attached_volumes(&id).await?;
                Ok(Found::Attached(id, volumes))
            }
            .boxed(),
        );
    }
    for id in unread.modifications {
        calls.push(
            async move {
                let last = source.volume_modification(&id).await?;
                Ok(Found::Modification(id, last))
            }
            .boxed(),
        );
    }
    try_join_all(calls).await
}

/// Reads one thing by its id, and believes that it is gone only when AWS keeps saying so.
async fn unless_gone<T, F, Fut>(source: Source<'_, '_>, mut call: F) -> CallResult<Option<T>>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = CallResult<Option<T>>>,
{
    for attempt in 0..GONE_READS {
        if attempt > 0 {
            let pause = backoff(source.ctl, Duration::from_secs(1), Duration::from_secs(8), attempt);
            source.ctl.clock.sleep(pause).await;
        }
        let found = call().await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Reads the role of the lifecycle policy, with its policy.
async fn read_snapshot_role(source: Source<'_, '_>, spec: &Spec) -> CallResult<Reading> {
    let name = Names::of(spec).snapshot_role;
    let (role, policy) = try_join(source.role(&name), source.role_policy(&name, POLICY_NAME)).await?;
    Ok(Box::new(move |observed: &mut Observed| {
        observed.read_snapshot_role(role.clone());
        observed.snapshot_role_policy.clone_from(&policy);
    }))
}

/// Puts what one part's reading found into the observed world.
pub(crate) type Reading = Box<dyn Fn(&mut Observed) + Send + Sync>;

/// Reads one part.
pub(crate) fn read<'s, 'a: 's>(
    source: Source<'s, 'a>,
    spec: &'s Spec,
    what: Read,
) -> BoxFuture<'s, CallResult<Reading>> {
    let names = Names::new(&spec.name, &spec.region);
    /// Takes the answer and says where it belongs.
    macro_rules! reading {
        ($field:ident, $answer:expr) => {
            async move {
                let value = $answer.await?;
                Ok(Box::new(move |observed: &mut Observed| observed.$field.clone_from(&value)) as Reading)
            }
            .boxed()
        };
        (through $method:ident, $answer:expr) => {
            async move {
                let value = $answer.await?;
                Ok(Box::new(move |observed: &mut Observed| observed.$method(value.clone())) as Reading)
            }
            .boxed()
        };
    }
    match what {
        Read::Identity => reading!(identity, source.identity()),
        Read::Basis(scope) => basis::read(source, spec, scope).boxed(),
        Read::Subnets => reading!(subnets, source.subnets(spec)),
        Read::AddressesToAllocate => read_addresses(source, spec, true).boxed(),
        Read::Part(Part::Addresses) => read_addresses(source, spec, false).boxed(),
        Read::Part(Part::Volumes) => reading!(through read_volumes, source.volumes(&names.stack)),
        Read::Part(Part::SecurityGroups) => reading!(through read_security_groups, source.security_groups(spec)),
        Read::Part(Part::LaunchTemplate) => read_template(source, spec).boxed(),
        Read::Part(Part::ApplicationChecks) => reading!(through read_checks, source.application_checks(&names.stack)),
        Read::Part(Part::Group) => reading!(through read_group, source.group(&names.group)),
        Read::Part(Part::ScheduledActions) => {
            reading!(scheduled_actions, source.scheduled_actions(&names.group))
        }
        Read::Part(Part::Hooks) => reading!(hooks, source.hooks(&names.group)),
        Read::Part(Part::Role) => read_role(source, spec).boxed(),
        Read::Part(Part::RolePolicy) => async move {
            let policies = read_role_policy(source, spec).await?;
            Ok(Box::new(move |observed: &mut Observed| put_role_policy(observed, &policies)) as Reading)
        }
        .boxed(),
        Read::Part(Part::AppPolicy) => reading!(role_app_policy, source.role_policy(&names.role, APP_POLICY_NAME)),
        Read::TemplateAt(version) => {
            reading!(through read_template, source.launch_template_at(&names.launch_template, version))
        }
        Read::Launches => read_launches(source, names.group).boxed(),
        Read::RoleGrants => read_role_grants(source, names.role).boxed(),
        Read::Part(Part::Profile) => reading!(through read_profile, source.profile(&names.profile)),
        Read::Part(Part::Dns) => read_dns(source, spec).boxed(),
        Read::Bundles => read_bundle(source, Some(Names::of(spec).bundle)).boxed(),
        Read::Part(Part::Bundle) => read_bundle(source, bundle_path(spec)).boxed(),
        Read::Part(Part::LifecyclePolicies) => {
            reading!(through read_lifecycle_policies, source.lifecycle_policies((TAG_SNAPSHOTS, &names.stack)))
        }
        Read::Part(Part::SnapshotRole) => read_snapshot_role(source, spec).boxed(),
        Read::Part(Part::LogGroup) => reading!(through read_log_group, source.log_group(&names.log_group)),
        Read::Part(Part::Topic) => reading!(through read_topic, source.topic(spec)),
        Read::Part(Part::Notifications) => reading!(notifications, source.notifications(&names.group)),
        Read::Part(Part::Instances) => reading!(instances, source.instances(&names.stack)),
        Read::AskedInstances => put_asked_instances(source, names.stack).boxed(),
        Read::Part(Part::Snapshots) => reading!(through read_snapshots, source.snapshots(&names.stack)),
    }
}

/// Reads the instances, and what AWS's application status check finds of them.
async fn put_asked_instances(source: Source<'_, '_>, stack: String) -> CallResult<Reading> {
    let (instances, status) = read_asked_instances(source, &stack).await?;
    Ok(Box::new(move |observed: &mut Observed| {
        observed.instances.clone_from(&instances);
        observed.application_status.clone_from(&status);
    }))
}

/// Reads the group, and its last activities where none of its instances is in service.
async fn read_launches(source: Source<'_, '_>, name: String) -> CallResult<Reading> {
    let group = source.group(&name).await?;
    let in_service = group.as_ref().is_none_or(Group::has_one_in_service);
    let activities = if in_service {
        Vec::new()
    } else {
        source.activities(&name, ACTIVITIES_READ).await?
    };
    Ok(Box::new(move |observed: &mut Observed| {
        observed.read_group(group.clone());
        observed.activities.clone_from(&activities);
    }))
}

/// Reads which policies the role has, whoever gave it them.
async fn read_role_grants(source: Source<'_, '_>, role: String) -> CallResult<Reading> {
    let (inline, attached) = source.role_grants(&role).await?;
    Ok(Box::new(move |observed: &mut Observed| {
        observed.role_policies.clone_from(&inline);
        observed.role_attached.clone_from(&attached);
    }))
}

/// Reads the parameters below a path, where there is one to read.
async fn read_bundle(source: Source<'_, '_>, path: Option<String>) -> CallResult<Reading> {
    let Some(path) = path else {
        return Ok(Box::new(|_| {}));
    };
    let found = source.parameters(&path).await?;
    Ok(Box::new(move |observed: &mut Observed| {
        observed.read_bundle(&path, found.clone());
    }))
}

/// Reads the addresses, and what hangs on them: the account's quota where one may have to be allocated, and the record that
/// one remembers where it is not the spec's any more.
async fn read_addresses(source: Source<'_, '_>, spec: &Spec, to_allocate: bool) -> CallResult<Reading> {
    let names = Names::new(&spec.name, &spec.region);
    let addresses = source.addresses().await?;
    let owned: Vec<&Address> = addresses
        .iter()
        .filter(|address| names.owns(&address.tags, ResourceKind::Address))
        .collect();
    let scarce = owned.is_empty() && counted_addresses(&addresses) >= ADDRESS_QUOTA_DEFAULT;
    let quota = if to_allocate && scarce {
        source.address_quota().await?
    } else {
        None
    };
    let (former, unread) = read_former(source, spec, &owned).await?;
    Ok(Box::new(move |observed: &mut Observed| {
        observed.read_addresses(addresses.clone());
        observed.address_quota = quota;
        observed.former_records.clone_from(&former);
        observed.former_unread.clone_from(&unread);
    }))
}

/// Reads the records that the stack's addresses remember and that are not the spec's any more.
async fn read_former(
    source: Source<'_, '_>,
    spec: &Spec,
    owned: &[&Address],
) -> CallResult<(Vec<FormerRecord>, Option<String>)> {
    let mut formers = Vec::new();
    for (zone_id, name) in owned.iter().filter_map(|address| former_record(spec, &address.tags)) {
        let records = match source.records_at(&zone_id, name).await {
            Ok(records) => records,
            // The zone has gone, and its records with it.
            Err(error) if error.kind() == CallErrorKind::NotFound => Vec::new(),
            Err(error) if error.is_outage() => return Ok((formers, Some(error.to_string()))),
            Err(error) => return Err(error),
        };
        formers.push(FormerRecord {
            zone_id,
            name: name.to_owned(),
            records,
        });
    }
    Ok((formers, None))
}

/// Reads the launch template, and the application status checks where it alone tells of one.
async fn read_template(source: Source<'_, '_>, spec: &Spec) -> CallResult<Reading> {
    let names = Names::new(&spec.name, &spec.region);
    let template = source.launch_template(&names.launch_template).await?;
    let told = !spec.asks_aws() && template.as_ref().is_some_and(LaunchTemplate::tells_of_check);
    let checks = if told {
        Some(source.application_checks(&names.stack).await?)
    } else {
        None
    };
    Ok(Box::new(move |observed: &mut Observed| {
        observed.read_template(template.clone());
        if let Some(checks) = &checks {
            observed.read_checks(checks.clone());
        }
    }))
}

/// Reads the role, and its policies where there is one.
async fn read_role(source: Source<'_, '_>, spec: &Spec) -> CallResult<Reading> {
    let names = Names::new(&spec.name, &spec.region);
    let role = source.role(&names.role).await?;
    let policies = match &role {
        Some(_) => read_role_policy(source, spec).await?,
        None => (None, None),
    };
    Ok(Box::new(move |observed: &mut Observed| {
        observed.read_role(role.clone());
        put_role_policy(observed, &policies);
    }))
}

/// The role's policy, and the app's where it was read with it.
type RolePolicies = (Option<PolicyText>, Option<Option<PolicyText>>);

fn put_role_policy(observed: &mut Observed, (policy, app): &RolePolicies) {
    observed.role_policy.clone_from(policy);
    if let Some(app) = app {
        observed.role_app_policy.clone_from(app);
    }
}

/// Reads the role's policy, and the app's where that alone tells of one.
async fn read_role_policy(source: Source<'_, '_>, spec: &Spec) -> CallResult<RolePolicies> {
    let role = Names::new(&spec.name, &spec.region).role;
    let policy = source.role_policy(&role, POLICY_NAME).await?;
    if spec.app.policy.is_some() || !policy.as_ref().is_some_and(tells_of_app_policy) {
        return Ok((policy, None));
    }
    let app = source.role_policy(&role, APP_POLICY_NAME).await?;
    Ok((policy, Some(app)))
}

/// Reads the instances, and what AWS's application status check finds of those that can be asked.
async fn read_asked_instances(
    source: Source<'_, '_>,
    stack: &str,
) -> CallResult<(Vec<Instance>, BTreeMap<InstanceId, ApplicationStatus>)> {
    let instances = source.instances(stack).await?;
    let asked = instances
        .iter()
        .filter(|instance| matches!(instance.state, InstanceState::Pending | InstanceState::Running));
    let ids: Vec<InstanceId> = asked.map(|instance| instance.id.clone()).collect();
    if ids.is_empty() {
        return Ok((instances, BTreeMap::new()));
    }
    let status = source.application_status(&ids).await?;
    Ok((instances, status.into_iter().collect()))
}

/// Reads the hosted zone and the records at the spec's name, or why Route 53 does not tell.
async fn read_dns(source: Source<'_, '_>, spec: &Spec) -> CallResult<Reading> {
    let (mut zones, records, unread) = match read_zones(source, spec).await {
        Ok((zones, records)) => (zones, records, None),
        Err(error) if error.is_outage() => (Vec::new(), Vec::new(), Some(error.to_string())),
        Err(error) => return Err(error),
    };
    let zone = (!zones.is_empty()).then(|| zones.remove(0));
    Ok(Box::new(move |observed: &mut Observed| {
        observed.hosted_zone.clone_from(&zone);
        observed.other_zones.clone_from(&zones);
        observed.records.clone_from(&records);
        observed.dns_unread.clone_from(&unread);
    }))
}

/// Reads the hosted zones that the spec may mean, and the records at its name where there is no doubt which one it is.
async fn read_zones(source: Source<'_, '_>, spec: &Spec) -> CallResult<(Vec<HostedZone>, Vec<RecordSet>)> {
    let Some(dns) = &spec.dns else {
        return Ok((Vec::new(), Vec::new()));
    };
    let zones = source.zones(&dns.zone).await?;
    let [zone] = zones.as_slice() else {
        return Ok((zones, Vec::new()));
    };
    let records = source.records(&dns.zone, &zone.id, &dns.name).await?;
    Ok((zones, records))
}
