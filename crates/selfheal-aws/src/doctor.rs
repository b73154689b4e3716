//! What a doctor asks: all that can be asked at once, and nothing that changes anything.

use futures::future::{join, join3, join5, try_join_all};
use futures::stream::{self, StreamExt, TryStreamExt};
use selfheal_core::doctor::{ADDRESS_QUOTA, CaaSet, Facts, Permission, Reading, permission_requests, vcpu_quota};
use selfheal_core::operator::principal;
use selfheal_core::world::{DefaultRoute, HostedZoneId, Identity, Observed, RunningInstance};
use selfheal_core::{Spec, existing};

use crate::backend::{Aws, CallResult, Resolver};
use crate::control::Control;
use crate::error::{CallError, CallErrorKind};
use crate::observe::{Scope, observe};
use crate::retry::{Repeat, retry};

/// Questions to IAM's simulator that are under way at once: IAM tells nobody how many it bears, and answers a few.
const SIMULATIONS_AT_ONCE: usize = 4;

/// Asks all that a doctor wants to know of a stack.
///
/// Guarantees that nothing is changed. What cannot be read is told as not known, and takes nothing else along, but that without
/// credentials nothing else is asked.
pub async fn facts(aws: &dyn Aws, resolver: &dyn Resolver, spec: &Spec, ctl: &Control<'_>) -> Facts {
    let began = ctl.clock.now();
    let (identity, time) = join(
        retry(ctl, Repeat::Read, || aws.caller_identity()),
        retry(ctl, Repeat::Read, || aws.server_time()),
    )
    .await;
    // What is told by whole seconds is half a second later in the mean; the answer was on its way for half of the time.
    let mut facts = Facts {
        clock_ahead_s: match time {
            Ok(Some(server)) => {
                let now = ctl.clock.now();
                let middle = began.as_millisecond().midpoint(now.as_millisecond());
                let ahead_ms = middle - server.as_millisecond() - 500;
                Reading::Told((ahead_ms + 500).div_euclid(1_000))
            }
            Ok(None) => Reading::Unknown("AWS's answer says no time".to_owned()),
            Err(error) => unknown(&error),
        },
        unanswered: identity.as_ref().is_err_and(CallError::is_outage),
        identity: reading(identity),
        ..Facts::default()
    };
    let Some(identity) = facts.identity.told().cloned() else {
        return facts;
    };
    let (stack, limits) = join(observe(aws, spec, Scope::Doctor, ctl), limits(aws, spec, ctl)).await;
    facts.stack = reading(stack);
    (facts.address_quota, facts.vcpu_quota, facts.running) = limits;
    let unread = Observed {
        identity: identity.clone(),
        ..Observed::default()
    };
    let observed = facts.stack.told().unwrap_or(&unread);
    let zone = observed.hosted_zone.as_ref();
    let (route, permissions, servers, delegation, caa) = join5(
        route(aws, spec, observed, ctl),
        permissions(aws, spec, observed, &identity, ctl),
        name_servers(aws, zone.map(|zone| &zone.id), ctl),
        delegation(resolver, zone.map(|zone| zone.name.as_str())),
        caa(resolver, spec),
    )
    .await;
    (facts.route, facts.permissions) = (route, permissions);
    (facts.zone_servers, facts.delegation, facts.caa) = (servers, delegation, caa);
    facts
}

fn reading<T>(result: CallResult<T>) -> Reading<T> {
    match result {
        Ok(value) => Reading::Told(value),
        Err(error) => unknown(&error),
    }
}

fn unknown<T>(error: &CallError) -> Reading<T> {
    Reading::Unknown(match error.kind() {
        CallErrorKind::Denied => format!("AWS denies {} (AccessDenied)", error.missing_actions().join(" or ")),
        _ => error.to_string(),
    })
}

/// How many Elastic IPs and vCPUs there may be, and what runs.
async fn limits(
    aws: &dyn Aws,
    spec: &Spec,
    ctl: &Control<'_>,
) -> (Reading<u32>, Reading<u32>, Reading<Vec<RunningInstance>>) {
    let vcpus = async {
        match vcpu_quota(spec) {
            Some(quota) => quota_of(aws, quota.code, ctl).await,
            None => Reading::NotAsked,
        }
    };
    let running = retry(ctl, Repeat::Read, || aws.running_instances());
    let (addresses, vcpus, running) = join3(quota_of(aws, ADDRESS_QUOTA.code, ctl), vcpus, running).await;
    (addresses, vcpus, reading(running))
}

/// What the account may have, or else what every account may.
async fn quota_of(aws: &dyn Aws, code: &str, ctl: &Control<'_>) -> Reading<u32> {
    let applied = match retry(ctl, Repeat::Read, || aws.ec2_quota(code)).await {
        Ok(Some(quota)) => return Reading::Told(quota),
        Ok(None) => retry(ctl, Repeat::Read, || aws.default_ec2_quota(code)).await,
        Err(error) => return unknown(&error),
    };
    match applied {
        Ok(Some(quota)) => Reading::Told(quota),
        Ok(None) => Reading::Unknown(format!("Service Quotas knows of no quota {code}")),
        Err(error) => unknown(&error),
    }
}

/// The way out of the stack's subnet, whoever chose it.
async fn route(aws: &dyn Aws, spec: &Spec, observed: &Observed, ctl: &Control<'_>) -> Reading<DefaultRoute> {
    let Some(subnet) = existing(spec, observed).subnet else {
        return Reading::NotAsked;
    };
    let route = retry(ctl, Repeat::Read, || {
        aws.describe_default_route(&subnet.id, &subnet.vpc_id)
    });
    reading(route.await)
}

/// What IAM's simulator says to all that an apply does.
async fn permissions(
    aws: &dyn Aws,
    spec: &Spec,
    observed: &Observed,
    identity: &Identity,
    ctl: &Control<'_>,
) -> Reading<Vec<Permission>> {
    let Some(principal) = principal(&identity.arn) else {
        return Reading::Unknown(format!(
            "IAM's simulator speaks of users and roles, and {} is neither",
            identity.arn
        ));
    };
    let requests = permission_requests(spec, observed);
    let ask = |request| {
        let principal = &principal;
        async move { retry(ctl, Repeat::Read, || aws.simulate_policy(principal, request)).await }
    };
    let calls: Vec<_> = requests.iter().map(ask).collect();
    let asked = stream::iter(calls).buffered(SIMULATIONS_AT_ONCE).try_concat();
    reading(asked.await)
}

async fn name_servers(aws: &dyn Aws, zone: Option<&HostedZoneId>, ctl: &Control<'_>) -> Reading<Vec<String>> {
    match zone {
        Some(id) => reading(retry(ctl, Repeat::Read, || aws.zone_name_servers(id)).await),
        None => Reading::NotAsked,
    }
}

async fn delegation(resolver: &dyn Resolver, zone: Option<&str>) -> Reading<Vec<String>> {
    let Some(zone) = zone else {
        return Reading::NotAsked;
    };
    match resolver.name_servers(zone).await {
        Ok(servers) => Reading::Told(servers),
        Err(why) => Reading::Unknown(format!("the DNS could not be asked: {why}")),
    }
}

/// The CAA records of each name of the certificate.
async fn caa(resolver: &dyn Resolver, spec: &Spec) -> Reading<Vec<CaaSet>> {
    let Some(https) = &spec.https else {
        return Reading::NotAsked;
    };
    let names = https.domains();
    match try_join_all(names.iter().map(|name| caa_of(resolver, name))).await {
        Ok(sets) => Reading::Told(sets),
        Err(why) => Reading::Unknown(format!("the DNS could not be asked: {why}")),
    }
}

/// The records that hold for a name: its own, or those of the nearest name above it.
///
/// Source: RFC 8659, section 3.
async fn caa_of(resolver: &dyn Resolver, name: &str) -> Result<CaaSet, String> {
    // The records for a name with a wildcard are those of the name that it is below.
    let mut at = name.strip_prefix("*.").unwrap_or(name);
    loop {
        let records = resolver.caa_records(at).await?;
        let above = at.split_once('.').map(|(_, above)| above);
        match above {
            Some(above) if records.is_empty() => at = above,
            _ => {
                return Ok(CaaSet {
                    name: name.to_owned(),
                    records,
                });
            }
        }
    }
}
