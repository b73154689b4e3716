//! Reading a stack: every call at once, two round trips deep at most.

mod basis;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, try_join, try_join_all};
use selfheal_core::Names;
use selfheal_core::names::{APP_POLICY_NAME, POLICY_NAME, ResourceKind};
use selfheal_core::permissions::tells_of_app_policy;
use selfheal_core::plan::former_record;
use selfheal_core::spec::{Ingress, Spec, ZoneRef};
use selfheal_core::world::{
    Address, ApplicationCheck, ApplicationStatus, FormerRecord, HostedZone, Instance, InstanceState, LaunchTemplate,
    Observed, Part, PolicyText, RecordSet, SecurityGroup,
};
use selfheal_core::{Found, Unread, counted_addresses, unread};

use crate::backend::{Aws, CallResult, SecurityGroupQuery, SubnetQuery};
use crate::control::Control;
use crate::error::{CallError, CallErrorKind};
use crate::retry::{Repeat, backoff, retry};

/// How many of a group's last activities are read: the last launch is among them, whatever ended since.
const ACTIVITIES_READ: u32 = 10;

/// Elastic IPs that an account may hold in a Region unless AWS has allowed it more.
///
/// Source: Amazon VPC User Guide, "Amazon VPC quotas".
const ADDRESS_QUOTA_DEFAULT: usize = 5;

/// How much of a stack is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// What planning needs.
    Plan,
    /// The same without what is asked before something is made: resuming makes nothing.
    Resume,
    /// Also the instances, and the snapshots where the spec has a data volume.
    Status,
    /// Also the instances and the snapshots; not the image, which may be gone.
    Destroy,
}

/// What is read of a stack by one call or one chain of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    /// Whose credentials are in use.
    Identity,
    /// Template, group, hooks, volumes, subnets and image, and what they leave open in this scope.
    Basis(Scope),
    /// The subnets that the spec may mean.
    Subnets,
    /// The addresses, and the account's quota of them where one has to be allocated and none may be left.
    AddressesToAllocate,
    /// What policies the role has, whoever gave it them.
    RoleGrants,
    /// The instances, and what AWS's application status check finds of them.
    AskedInstances,
    /// A part that is also read by itself.
    Part(Part),
}

impl From<Part> for Read {
    fn from(part: Part) -> Self {
        Self::Part(part)
    }
}

impl Scope {
    /// What is read of a stack. Application status checks are read where the spec asks for one; where it does not, the launch
    /// template tells whether there may be one, so that a Region without them is never asked in vain.
    pub(crate) fn parts(self, spec: &Spec) -> Vec<Read> {
        let parts = |parts: &[Part]| parts.iter().copied().map(Read::Part).collect::<Vec<_>>();
        let mut all = vec![Read::Identity];
        all.extend(parts(&[Part::SecurityGroups, Part::Role, Part::Profile, Part::Dns]));
        match self {
            Self::Plan | Self::Resume => all.push(Read::Basis(self)),
            Self::Status if spec.asks_aws() => all.extend([Read::Basis(self), Read::AskedInstances]),
            Self::Status => all.extend([Read::Basis(self), Read::Part(Part::Instances)]),
            Self::Destroy => {
                all.push(Read::Subnets);
                all.extend(parts(&[
                    Part::Volumes,
                    Part::LaunchTemplate,
                    Part::Group,
                    Part::Hooks,
                    Part::Instances,
                    Part::Snapshots,
                ]));
                all.push(Read::RoleGrants);
            }
        }
        match self {
            Self::Plan | Self::Status if spec.address.allocation.is_none() => all.push(Read::AddressesToAllocate),
            _ => all.push(Part::Addresses.into()),
        }
        if spec.app.policy.is_some() {
            all.push(Part::AppPolicy.into());
        }
        if self == Self::Status && spec.data.is_some() {
            all.push(Part::Snapshots.into());
        }
        if spec.asks_aws() {
            all.push(Part::ApplicationChecks.into());
        }
        all
    }
}

/// Reads a stack.
///
/// Guarantees that nothing is changed, that a failed read fails the whole, and that a read which may pass is repeated with
/// jitter, within bounds.
///
/// # Errors
/// The first call that failed for good.
pub async fn observe(aws: &dyn Aws, spec: &Spec, scope: Scope, ctl: &Control<'_>) -> CallResult<Observed> {
    let mut observed = Observed {
        observed_at: ctl.clock.now(),
        ..Observed::default()
    };
    let readings = try_join_all(scope.parts(spec).into_iter().map(|what| read(aws, spec, what, ctl))).await?;
    for reading in readings {
        reading(&mut observed);
    }
    // What is read by its id may ask for more: a volume, then its modification.
    for _ in 0..ROUNDS_MAX {
        let unread = missing(spec, &observed, scope);
        if unread.is_empty() {
            break;
        }
        read_unread(aws, unread, ctl)
            .await?
            .into_iter()
            .for_each(|found| observed.found(found));
    }
    Ok(observed)
}

/// What a reading of this scope lacks. Whether a volume is being modified matters to no destroy.
pub(crate) fn missing(spec: &Spec, observed: &Observed, scope: Scope) -> Unread {
    let mut unread = unread(spec, observed);
    if scope == Scope::Destroy {
        unread.modifications.clear();
    }
    unread
}

/// How often what was read may ask for more: a volume by its id, its modification, and one to spare.
const ROUNDS_MAX: u32 = 3;

/// How often AWS has to say that something does not exist before that is believed, with a pause between: for longer than
/// a listing lags behind, because what is new may be unknown by its id as well.
const GONE_READS: u32 = 5;

/// Reads by their ids what the stack's other witnesses name and no listing shows.
pub(crate) async fn read_unread(aws: &dyn Aws, unread: Unread, ctl: &Control<'_>) -> CallResult<Vec<Found>> {
    let mut calls: Vec<BoxFuture<'_, CallResult<Found>>> = Vec::new();
    for id in unread.volumes {
        calls.push(
            async move {
                let volume = unless_gone(ctl, || aws.describe_volume(&id)).await?;
                Ok(Found::Volume(id, volume.map(Box::new)))
            }
            .boxed(),
        );
    }
    for id in unread.addresses {
        calls.push(
            async move {
                let address = unless_gone(ctl, || aws.describe_address(&id)).await?;
                Ok(Found::Address(id, address))
            }
            .boxed(),
        );
    }
    for id in unread.attached_to {
        calls.push(
            async move {
                let volumes = retry(ctl, Repeat::Read, || aws.describe_attached_volumes(&id)).await?;
                Ok(Found::Attached(id, volumes))
            }
            .boxed(),
        );
    }
    for id in unread.modifications {
        calls.push(
            async move {
                let last = retry(ctl, Repeat::Read, || aws.describe_volume_modification(&id)).await?;
                Ok(Found::Modification(id, last))
            }
            .boxed(),
        );
    }
    try_join_all(calls).await
}

/// Reads one thing by its id, and believes that it is gone only when AWS keeps saying so.
async fn unless_gone<T, F, Fut>(ctl: &Control<'_>, mut call: F) -> CallResult<Option<T>>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = CallResult<Option<T>>>,
{
    for attempt in 0..GONE_READS {
        if attempt > 0 {
            let pause = backoff(ctl, Duration::from_secs(1), Duration::from_secs(8), attempt);
            ctl.clock.sleep(pause).await;
        }
        let found = retry(ctl, Repeat::Read, &mut call).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Puts what one part's reading found into the observed world.
pub(crate) type Reading = Box<dyn Fn(&mut Observed) + Send + Sync>;

/// Reads one part.
pub(crate) fn read<'a>(
    aws: &'a dyn Aws,
    spec: &'a Spec,
    what: Read,
    ctl: &'a Control<'a>,
) -> BoxFuture<'a, CallResult<Reading>> {
    let names = Names::new(&spec.name, &spec.region);
    /// Makes the call, repeating it while it may pass, and says where its answer belongs.
    macro_rules! reading {
        ($field:ident, $call:expr) => {
            async move {
                let value = retry(ctl, Repeat::Read, || $call).await?;
                Ok(Box::new(move |observed: &mut Observed| observed.$field.clone_from(&value)) as Reading)
            }
            .boxed()
        };
        (through $method:ident, $call:expr) => {
            async move {
                let value = retry(ctl, Repeat::Read, || $call).await?;
                Ok(Box::new(move |observed: &mut Observed| observed.$method(value.clone())) as Reading)
            }
            .boxed()
        };
    }
    match what {
        Read::Identity => reading!(identity, aws.caller_identity()),
        Read::Basis(scope) => basis::read(aws, spec, scope, ctl).boxed(),
        Read::Subnets => {
            let query = subnet_query(spec);
            reading!(subnets, aws.describe_subnets(&query))
        }
        Read::AddressesToAllocate => read_addresses(aws, spec, true, ctl).boxed(),
        Read::Part(Part::Addresses) => read_addresses(aws, spec, false, ctl).boxed(),
        Read::Part(Part::Volumes) => reading!(through read_volumes, aws.describe_volumes(&names.stack)),
        Read::Part(Part::SecurityGroups) => {
            let own = SecurityGroupQuery::Named(names.security_group);
            match &spec.instance.ingress {
                Ingress::Ports(_) => reading!(through read_security_groups, aws.describe_security_groups(&own)),
                Ingress::Groups(ids) => {
                    let given = SecurityGroupQuery::Ids(ids.clone());
                    reading!(through read_security_groups, given_and_own_groups(aws, &given, &own))
                }
            }
        }
        Read::Part(Part::LaunchTemplate) => async move {
            let (template, checks) = read_template(aws, spec, ctl).await?;
            Ok(Box::new(move |observed: &mut Observed| {
                observed.read_template(template.clone());
                if let Some(checks) = &checks {
                    observed.read_checks(checks.clone());
                }
            }) as Reading)
        }
        .boxed(),
        Read::Part(Part::ApplicationChecks) => async move {
            let checks = retry(ctl, Repeat::Read, || {
                aws.describe_application_status_checks(&names.stack)
            })
            .await?;
            Ok(Box::new(move |observed: &mut Observed| observed.read_checks(checks.clone())) as Reading)
        }
        .boxed(),
        Read::Part(Part::Group) => reading!(through read_group, aws.describe_group(&names.group)),
        Read::Part(Part::Hooks) => reading!(hooks, aws.describe_hooks(&names.group)),
        Read::Part(Part::Role) => async move {
            let role = retry(ctl, Repeat::Read, || aws.get_role(&names.role)).await?;
            let (policy, app) = match &role {
                Some(_) => read_role_policy(aws, spec, ctl).await?,
                None => (None, None),
            };
            Ok(Box::new(move |observed: &mut Observed| {
                observed.read_role(role.clone());
                observed.role_policy.clone_from(&policy);
                if let Some(app) = &app {
                    observed.role_app_policy.clone_from(app);
                }
            }) as Reading)
        }
        .boxed(),
        Read::Part(Part::RolePolicy) => async move {
            let (policy, app) = read_role_policy(aws, spec, ctl).await?;
            Ok(Box::new(move |observed: &mut Observed| {
                observed.role_policy.clone_from(&policy);
                if let Some(app) = &app {
                    observed.role_app_policy.clone_from(app);
                }
            }) as Reading)
        }
        .boxed(),
        Read::Part(Part::AppPolicy) => reading!(role_app_policy, aws.get_role_policy(&names.role, APP_POLICY_NAME)),
        Read::RoleGrants => async move {
            let inline = retry(ctl, Repeat::Read, || aws.list_role_policies(&names.role));
            let attached = retry(ctl, Repeat::Read, || aws.list_attached_role_policies(&names.role));
            let (inline, attached) = try_join(inline, attached).await?;
            Ok(Box::new(move |observed: &mut Observed| {
                observed.role_policies.clone_from(&inline);
                observed.role_attached.clone_from(&attached);
            }) as Reading)
        }
        .boxed(),
        Read::Part(Part::Profile) => reading!(through read_profile, aws.get_instance_profile(&names.profile)),
        Read::Part(Part::Dns) => async move {
            let (mut zones, records, unread) = match read_dns(aws, spec, ctl).await {
                Ok((zones, records)) => (zones, records, None),
                Err(error) if is_outage(&error) => (Vec::new(), Vec::new(), Some(error.to_string())),
                Err(error) => return Err(error),
            };
            let zone = (!zones.is_empty()).then(|| zones.remove(0));
            Ok(Box::new(move |observed: &mut Observed| {
                observed.hosted_zone.clone_from(&zone);
                observed.other_zones.clone_from(&zones);
                observed.records.clone_from(&records);
                observed.dns_unread.clone_from(&unread);
            }) as Reading)
        }
        .boxed(),
        Read::Part(Part::Instances) => reading!(instances, aws.describe_instances(&names.stack)),
        Read::AskedInstances => async move {
            let (instances, status) = read_asked_instances(aws, &names.stack, ctl).await?;
            Ok(Box::new(move |observed: &mut Observed| {
                observed.instances.clone_from(&instances);
                observed.application_status.clone_from(&status);
            }) as Reading)
        }
        .boxed(),
        Read::Part(Part::Snapshots) => reading!(through read_snapshots, aws.describe_snapshots(&names.stack)),
    }
}

/// The security groups that the spec names, and the one that `ingress` made before it named any: nothing else tells of it,
/// and a destroy is to take it along.
async fn given_and_own_groups(
    aws: &dyn Aws,
    given: &SecurityGroupQuery,
    own: &SecurityGroupQuery,
) -> CallResult<Vec<SecurityGroup>> {
    let both = try_join(aws.describe_security_groups(given), aws.describe_security_groups(own));
    let (mut groups, own) = both.await?;
    // The spec may name that very group.
    let known: Vec<String> = groups.iter().map(|group| group.id.clone()).collect();
    groups.extend(own.into_iter().filter(|group| !known.contains(&group.id)));
    Ok(groups)
}

fn subnet_query(spec: &Spec) -> SubnetQuery {
    spec.instance
        .subnet
        .clone()
        .map_or(SubnetQuery::DefaultForZone, SubnetQuery::Id)
}

/// Reads the addresses, and what hangs on them: the account's quota where one may have to be allocated, and the record that
/// one remembers where it is not the spec's any more.
async fn read_addresses(aws: &dyn Aws, spec: &Spec, to_allocate: bool, ctl: &Control<'_>) -> CallResult<Reading> {
    let names = Names::new(&spec.name, &spec.region);
    let addresses = retry(ctl, Repeat::Read, || aws.describe_addresses()).await?;
    let owned: Vec<&Address> = addresses
        .iter()
        .filter(|address| names.owns(&address.tags, ResourceKind::Address))
        .collect();
    let scarce = owned.is_empty() && counted_addresses(&addresses) >= ADDRESS_QUOTA_DEFAULT;
    let quota = if to_allocate && scarce {
        read_quota(aws, ctl).await?
    } else {
        None
    };
    let (former, unread) = read_former(aws, spec, &owned, ctl).await?;
    Ok(Box::new(move |observed: &mut Observed| {
        observed.read_addresses(addresses.clone());
        observed.address_quota = quota;
        observed.former_records.clone_from(&former);
        observed.former_unread.clone_from(&unread);
    }))
}

/// Reads the account's quota of addresses. Who may not ask for it learns of it from AWS's refusal to allocate.
async fn read_quota(aws: &dyn Aws, ctl: &Control<'_>) -> CallResult<Option<u32>> {
    match retry(ctl, Repeat::Read, || aws.address_quota()).await {
        Err(error) if error.kind() == CallErrorKind::Denied => Ok(None),
        quota => quota,
    }
}

/// Reads the records that the stack's addresses remember and that are not the spec's any more.
async fn read_former(
    aws: &dyn Aws,
    spec: &Spec,
    owned: &[&Address],
    ctl: &Control<'_>,
) -> CallResult<(Vec<FormerRecord>, Option<String>)> {
    let mut formers = Vec::new();
    for (zone_id, name) in owned.iter().filter_map(|address| former_record(spec, &address.tags)) {
        let records = match retry(ctl, Repeat::ReadDns, || aws.list_records(zone_id, name)).await {
            Ok(records) => records,
            // The zone has gone, and its records with it.
            Err(error) if error.kind() == CallErrorKind::NotFound => Vec::new(),
            Err(error) if is_outage(&error) => return Ok((formers, Some(error.to_string()))),
            Err(error) => return Err(error),
        };
        formers.push(FormerRecord {
            zone_id: zone_id.to_owned(),
            name: name.to_owned(),
            records,
        });
    }
    Ok((formers, None))
}

/// Whether a read failed for what is the service's and may pass.
fn is_outage(error: &CallError) -> bool {
    matches!(
        error.kind(),
        CallErrorKind::Ambiguous | CallErrorKind::Throttled | CallErrorKind::Unreachable
    )
}

/// Reads the launch template, and the application status checks where it alone tells of one.
async fn read_template(
    aws: &dyn Aws,
    spec: &Spec,
    ctl: &Control<'_>,
) -> CallResult<(Option<LaunchTemplate>, Option<Vec<ApplicationCheck>>)> {
    let names = Names::new(&spec.name, &spec.region);
    let template = retry(ctl, Repeat::Read, || {
        aws.describe_launch_template(&names.launch_template)
    })
    .await?;
    if spec.asks_aws() || !template.as_ref().is_some_and(LaunchTemplate::tells_of_check) {
        return Ok((template, None));
    }
    let checks = retry(ctl, Repeat::Read, || {
        aws.describe_application_status_checks(&names.stack)
    })
    .await?;
    Ok((template, Some(checks)))
}

/// Reads the role's policy, and the app's where that alone tells of one.
async fn read_role_policy(
    aws: &dyn Aws,
    spec: &Spec,
    ctl: &Control<'_>,
) -> CallResult<(Option<PolicyText>, Option<Option<PolicyText>>)> {
    let role = Names::new(&spec.name, &spec.region).role;
    let policy = retry(ctl, Repeat::Read, || aws.get_role_policy(&role, POLICY_NAME)).await?;
    if spec.app.policy.is_some() || !policy.as_ref().is_some_and(tells_of_app_policy) {
        return Ok((policy, None));
    }
    let app = retry(ctl, Repeat::Read, || aws.get_role_policy(&role, APP_POLICY_NAME)).await?;
    Ok((policy, Some(app)))
}

/// Reads the instances, and what AWS's application status check finds of those that can be asked.
async fn read_asked_instances(
    aws: &dyn Aws,
    stack: &str,
    ctl: &Control<'_>,
) -> CallResult<(Vec<Instance>, BTreeMap<String, ApplicationStatus>)> {
    let instances = retry(ctl, Repeat::Read, || aws.describe_instances(stack)).await?;
    let asked = instances
        .iter()
        .filter(|instance| matches!(instance.state, InstanceState::Pending | InstanceState::Running));
    let ids: Vec<String> = asked.map(|instance| instance.id.clone()).collect();
    if ids.is_empty() {
        return Ok((instances, BTreeMap::new()));
    }
    let status = retry(ctl, Repeat::Read, || aws.describe_application_status(&ids)).await?;
    Ok((instances, status.into_iter().collect()))
}

/// Reads the hosted zones that the spec may mean, and the records at its name where there is no doubt which one it is.
async fn read_dns(
    aws: &dyn Aws,
    spec: &Spec,
    ctl: &Control<'_>,
) -> Result<(Vec<HostedZone>, Vec<RecordSet>), CallError> {
    let Some(dns) = &spec.dns else {
        return Ok((Vec::new(), Vec::new()));
    };
    let zones = match &dns.zone {
        ZoneRef::Name(name) => retry(ctl, Repeat::ReadDns, || aws.find_hosted_zones(name)).await?,
        ZoneRef::Id(id) => Vec::from_iter(retry(ctl, Repeat::ReadDns, || aws.get_hosted_zone(id)).await?),
    };
    let [zone] = zones.as_slice() else {
        return Ok((zones, Vec::new()));
    };
    let records = retry(ctl, Repeat::ReadDns, || aws.list_records(&zone.id, &dns.name)).await?;
    Ok((zones, records))
}
