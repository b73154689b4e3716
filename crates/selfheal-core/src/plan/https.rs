//! What a person should know of HTTPS when it begins, changes or ends. Nothing of it is a resource of AWS.

use super::WaitFor;
use super::builder::{Builder, Deferred};
use crate::desired;
use crate::spec::{ChallengeKind, is_below};
use crate::world::{Address, HostedZoneId};

/// The hosted zone in which challenges are answered; none where files answer them. One that is not there was refused where the
/// record is planned.
pub(super) fn challenge_zone(builder: &mut Builder<'_>) -> Deferred<Option<HostedZoneId>> {
    if !desired::asks_in_dns(builder.spec) {
        return Deferred::Known(None);
    }
    match desired::challenge_zone(builder.spec, builder.observed) {
        Some(zone) => Deferred::Known(Some(zone)),
        None if builder.observed.dns_unread.is_some() => Deferred::after(builder.wait(WaitFor::DnsAnswers)),
        None => Deferred::After([].into()),
    }
}

/// Refuses names that are outside the zone in which their challenges would be answered.
fn check_zone(builder: &mut Builder<'_>) {
    let zone = builder
        .observed
        .hosted_zone
        .as_ref()
        .filter(|_| desired::asks_in_dns(builder.spec));
    let (Some(zone), Some(https)) = (zone, &builder.spec.https) else {
        return;
    };
    if let Some(domain) = https.domains().iter().find(|domain| !is_below(domain, &zone.name)) {
        builder.refuse(
            "challenge-outside-zone",
            format!(
                "`{domain}` is outside the hosted zone {} (`{}`), so that no record there can show whose it is",
                zone.id, zone.name
            ),
            format!(
                "name domains of `{}` and below it alone, or leave `https.challenge` at `http`",
                zone.name
            ),
        );
    }
}

/// Says which records a certificate needs that the stack does not keep, and what becomes of one that is not wanted any more.
pub(super) fn tell(builder: &mut Builder<'_>, address: &Deferred<Address>) {
    let template = builder.observed.launch_template.as_ref();
    let settings = template.and_then(|template| template.data.user_data.settings());
    let before = settings.and_then(|settings| settings.get("https_domains"));
    let Some(https) = &builder.spec.https else {
        if before.is_some() {
            let mount = builder
                .spec
                .data
                .as_ref()
                .map_or("the data volume", |data| data.mount.as_str());
            let kept = format!("the next instance has no nginx; the certificates stay below {mount}, in .selfheal/tls");
            builder.note("https-off", kept);
        }
        return;
    };
    check_zone(builder);
    if before.is_some_and(|before| *before == https.domains().join(" ").into_bytes()) {
        return;
    }
    let kept = builder.spec.dns.as_ref().map(|dns| dns.name.as_str());
    let mut others = https.domains();
    others.retain(|domain| Some(domain.as_str()) != kept);
    let to = match address {
        Deferred::Known(address) => address.public_ip.as_str(),
        Deferred::After(_) => "the stack's address",
    };
    if !others.is_empty() {
        let others = others.join(", ");
        let message = match https.challenge {
            ChallengeKind::Http => format!(
                "an A record to {to} alone, and no AAAA record, is yours to keep for {others}: until it is there, no certificate"
            ),
            ChallengeKind::Dns => {
                format!("an A record to {to} is yours to keep for {others}: by that visitors come here")
            }
        };
        builder.note("https-records", message);
    }
}
