//! Reading a stack: every call at once, two round trips deep at most.

mod basis;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, try_join, try_join_all};
use selfheal_core::Names;
use selfheal_core::desired::tells_of_app_policy;
use selfheal_core::names::{APP_POLICY_NAME, POLICY_NAME};
use selfheal_core::observed::{
    ApplicationCheck, HostedZone, Instance, LaunchTemplate, Observed, RecordSet, SecurityGroup,
};
use selfheal_core::spec::{Ingress, Spec};
use selfheal_core::{Found, Unread, unread};

use crate::backend::{Aws, CallResult, SecurityGroupQuery, SubnetQuery};
use crate::control::Control;
use crate::error::CallError;
use crate::retry::{Repeat, backoff, retry};

/// How many of a group's last activities are read: the last launch is among them, whatever ended since.
const ACTIVITIES_READ: u32 = 10;

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

/// One part of the observed world, read by one call or one chain of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Identity,
    /// Template, group, hooks, volumes, subnets and image, and what they leave open in this scope.
    Basis(Scope),
    Subnets,
    Addresses,
    Volumes,
    SecurityGroups,
    LaunchTemplate,
    Group,
    Hooks,
    Role,
    RolePolicy,
    AppPolicy,
    /// What policies the role has, whoever gave it them.
    RoleGrants,
    Profile,
    Dns,
    Instances,
    /// The instances, and what AWS's application status check finds of them.
    AskedInstances,
    ApplicationChecks,
    Snapshots,
}

impl Scope {
    /// The parts of a stack. Application status checks are read where the spec asks for one; where it does not, the launch
    /// template tells whether there may be one, so that a Region without them is never asked in vain.
    pub(crate) fn parts(self, spec: &Spec) -> Vec<Part> {
        use Part as P;
        let mut parts = vec![
            P::Identity,
            P::Addresses,
            P::SecurityGroups,
            P::Role,
            P::Profile,
            P::Dns,
        ];
        match self {
            Self::Plan | Self::Resume => parts.push(P::Basis(self)),
            Self::Status if spec.asks_aws() => parts.extend([P::Basis(self), P::AskedInstances]),
            Self::Status => parts.extend([P::Basis(self), P::Instances]),
            Self::Destroy => parts.extend([
                P::Subnets,
                P::Volumes,
                P::LaunchTemplate,
                P::Group,
                P::Hooks,
                P::Instances,
                P::Snapshots,
                P::RoleGrants,
            ]),
        }
        if spec.app.policy.is_some() {
            parts.push(P::AppPolicy);
        }
        if self == Self::Status && spec.data.is_some() {
            parts.push(P::Snapshots);
        }
        if spec.asks_aws() {
            parts.push(P::ApplicationChecks);
        }
        parts
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
    let readings = try_join_all(scope.parts(spec).into_iter().map(|part| read(aws, spec, part, ctl))).await?;
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
    part: Part,
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
    }
    match part {
        Part::Identity => reading!(identity, aws.caller_identity()),
        Part::Basis(scope) => basis::read(aws, spec, scope, ctl).boxed(),
        Part::Subnets => {
            let query = subnet_query(spec);
            reading!(subnets, aws.describe_subnets(&query))
        }
        Part::Addresses => reading!(addresses, aws.describe_addresses()),
        Part::Volumes => async move {
            let volumes = retry(ctl, Repeat::Read, || aws.describe_volumes(&names.stack)).await?;
            Ok(Box::new(move |observed: &mut Observed| observed.read_volumes(volumes.clone())) as Reading)
        }
        .boxed(),
        Part::SecurityGroups => {
            let own = SecurityGroupQuery::Named(names.security_group);
            match &spec.instance.ingress {
                Ingress::Ports(_) => reading!(security_groups, aws.describe_security_groups(&own)),
                Ingress::Groups(ids) => {
                    let given = SecurityGroupQuery::Ids(ids.clone());
                    reading!(security_groups, given_and_own_groups(aws, &given, &own))
                }
            }
        }
        Part::LaunchTemplate => async move {
            let (template, checks) = read_template(aws, spec, ctl).await?;
            Ok(Box::new(move |observed: &mut Observed| {
                observed.launch_template.clone_from(&template);
                if let Some(checks) = &checks {
                    observed.read_checks(checks.clone());
                }
            }) as Reading)
        }
        .boxed(),
        Part::ApplicationChecks => async move {
            let checks = retry(ctl, Repeat::Read, || {
                aws.describe_application_status_checks(&names.stack)
            })
            .await?;
            Ok(Box::new(move |observed: &mut Observed| observed.read_checks(checks.clone())) as Reading)
        }
        .boxed(),
        Part::Group => reading!(group, aws.describe_group(&names.group)),
        Part::Hooks => reading!(hooks, aws.describe_hooks(&names.group)),
        Part::Role => async move {
            let role = retry(ctl, Repeat::Read, || aws.get_role(&names.role)).await?;
            let (policy, app) = match &role {
                Some(_) => read_role_policy(aws, spec, ctl).await?,
                None => (None, None),
            };
            Ok(Box::new(move |observed: &mut Observed| {
                observed.role.clone_from(&role);
                observed.role_policy.clone_from(&policy);
                if let Some(app) = &app {
                    observed.role_app_policy.clone_from(app);
                }
            }) as Reading)
        }
        .boxed(),
        Part::RolePolicy => async move {
            let (policy, app) = read_role_policy(aws, spec, ctl).await?;
            Ok(Box::new(move |observed: &mut Observed| {
                observed.role_policy.clone_from(&policy);
                if let Some(app) = &app {
                    observed.role_app_policy.clone_from(app);
                }
            }) as Reading)
        }
        .boxed(),
        Part::AppPolicy => reading!(role_app_policy, aws.get_role_policy(&names.role, APP_POLICY_NAME)),
        Part::RoleGrants => async move {
            let inline = retry(ctl, Repeat::Read, || aws.list_role_policies(&names.role));
            let attached = retry(ctl, Repeat::Read, || aws.list_attached_role_policies(&names.role));
            let (inline, attached) = try_join(inline, attached).await?;
            Ok(Box::new(move |observed: &mut Observed| {
                observed.role_policies.clone_from(&inline);
                observed.role_attached.clone_from(&attached);
            }) as Reading)
        }
        .boxed(),
        Part::Profile => reading!(profile, aws.get_instance_profile(&names.profile)),
        Part::Dns => async move {
            let (zone, records) = read_dns(aws, spec, ctl).await?;
            Ok(Box::new(move |observed: &mut Observed| {
                observed.hosted_zone.clone_from(&zone);
                observed.records.clone_from(&records);
            }) as Reading)
        }
        .boxed(),
        Part::Instances => reading!(instances, aws.describe_instances(&names.stack)),
        Part::AskedInstances => async move {
            let (instances, status) = read_asked_instances(aws, &names.stack, ctl).await?;
            Ok(Box::new(move |observed: &mut Observed| {
                observed.instances.clone_from(&instances);
                observed.application_status.clone_from(&status);
            }) as Reading)
        }
        .boxed(),
        Part::Snapshots => reading!(snapshots, aws.describe_snapshots(&names.stack)),
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
) -> CallResult<(Option<String>, Option<Option<String>>)> {
    let role = Names::new(&spec.name, &spec.region).role;
    let policy = retry(ctl, Repeat::Read, || aws.get_role_policy(&role, POLICY_NAME)).await?;
    if spec.app.policy.is_some() || !policy.as_deref().is_some_and(tells_of_app_policy) {
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
) -> CallResult<(Vec<Instance>, BTreeMap<String, String>)> {
    let instances = retry(ctl, Repeat::Read, || aws.describe_instances(stack)).await?;
    let asked = instances
        .iter()
        .filter(|instance| matches!(instance.state.as_str(), "pending" | "running"));
    let ids: Vec<String> = asked.map(|instance| instance.id.clone()).collect();
    if ids.is_empty() {
        return Ok((instances, BTreeMap::new()));
    }
    let status = retry(ctl, Repeat::Read, || aws.describe_application_status(&ids)).await?;
    Ok((instances, status.into_iter().collect()))
}

async fn read_dns(
    aws: &dyn Aws,
    spec: &Spec,
    ctl: &Control<'_>,
) -> Result<(Option<HostedZone>, Vec<RecordSet>), CallError> {
    let Some(dns) = &spec.dns else {
        return Ok((None, Vec::new()));
    };
    let Some(zone) = retry(ctl, Repeat::Read, || aws.find_hosted_zone(&dns.zone)).await? else {
        return Ok((None, Vec::new()));
    };
    let records = retry(ctl, Repeat::Read, || aws.list_records(&zone.id, &dns.name)).await?;
    Ok((Some(zone), records))
}
