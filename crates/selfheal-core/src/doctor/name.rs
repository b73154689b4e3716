//! The name: the hosted zone, who answers for it, and who may issue certificates for it.

use super::{CaaSet, Check, CheckCode, Facts, Read, Reading};
use crate::spec::ChallengeKind;

/// What Let's Encrypt goes by in CAA records.
///
/// Source: Let's Encrypt's documentation, "Certificate Authority Authorization (CAA)".
const LETS_ENCRYPT_NAME: &str = "letsencrypt.org";

pub(super) fn hosted_zone(read: &Read<'_>) -> Option<Check> {
    let code = CheckCode::HostedZone;
    let dns = read.spec.dns.as_ref()?;
    if let Some(why) = &read.observed.dns_unread {
        return Some(Check::unknown(code, why, "aws route53 list-hosted-zones-by-name"));
    }
    Some(read.unless_refused(code, || match &read.observed.hosted_zone {
        Some(zone) => Check::well(code, format!("{} ({}) for {}", zone.id, zone.name, dns.name)),
        None => Check::unknown(
            code,
            "the hosted zone was not read",
            "aws route53 list-hosted-zones-by-name",
        ),
    }))
}

pub(super) fn delegation(read: &Read<'_>, facts: &Facts) -> Option<Check> {
    let code = CheckCode::Delegation;
    let zone = read.observed.hosted_zone.as_ref()?;
    let ask = format!("dig NS {}", zone.name);
    let (servers, found) = match (&facts.zone_servers, &facts.delegation) {
        (Reading::NotAsked, _) | (_, Reading::NotAsked) => return None,
        (Reading::Unknown(why), _) | (_, Reading::Unknown(why)) => return Some(Check::unknown(code, why, ask)),
        (Reading::Told(servers), Reading::Told(found)) => (normal(servers), normal(found)),
    };
    let mend = format!(
        "where {} is registered, or in the zone above it, make these its name servers and no others: {}",
        zone.name,
        servers.join(", ")
    );
    let strange: Vec<&str> = found
        .iter()
        .filter(|server| !servers.contains(server))
        .map(String::as_str)
        .collect();
    Some(match (found.is_empty(), strange.is_empty()) {
        (true, _) => Check::fails(code, format!("the DNS knows no name servers of {}", zone.name), mend),
        (false, false) => Check::fails(
            code,
            format!(
                "{} is delegated to {}, which the hosted zone {} is not served by",
                zone.name,
                strange.join(", "),
                zone.id
            ),
            mend,
        ),
        (false, true) => Check::well(code, format!("{} is delegated to {}", zone.name, found.join(", "))),
    })
}

/// Names as they compare: lower case, without the final dot, sorted.
fn normal(names: &[String]) -> Vec<String> {
    let mut names: Vec<String> = names
        .iter()
        .map(|name| name.trim_end_matches('.').to_ascii_lowercase())
        .collect();
    names.sort();
    names.dedup();
    names
}

pub(super) fn caa(read: &Read<'_>, facts: &Facts) -> Option<Check> {
    let code = CheckCode::Caa;
    let https = read.spec.https.as_ref()?;
    let asked: Vec<String> = https
        .domains()
        .iter()
        .map(|name| name.strip_prefix(WILDCARD).unwrap_or(name).to_owned())
        .collect();
    let ask = format!("dig CAA {}", asked.join(" "));
    let sets = match &facts.caa {
        Reading::NotAsked => return None,
        Reading::Unknown(why) => return Some(Check::unknown(code, why, ask)),
        Reading::Told(sets) => sets,
    };
    let challenge = https.challenge;
    let bound: Vec<(&str, Vec<Issuer>)> = sets
        .iter()
        .map(|set| (set.name.as_str(), issuers(set, challenge)))
        .filter(|(_, issuers)| !issuers.is_empty())
        .collect();
    if bound.is_empty() {
        return Some(Check::well(
            code,
            "no CAA record says who may issue: every authority may",
        ));
    }
    let authority = https.authority();
    if !matches!(authority, "letsencrypt" | "staging") {
        let found = format!("there are CAA records, and what {authority} goes by in them is not known here");
        return Some(Check::unknown(code, found, ask));
    }
    let lets = |issuer: &Issuer| issuer.name == LETS_ENCRYPT_NAME && issuer.is_shown;
    let forbidden = bound.iter().find(|(_, issuers)| !issuers.iter().any(lets));
    let for_one_account = |(_, issuers): &&(&str, Vec<Issuer>)| issuers.iter().filter(|it| lets(it)).all(|it| it.bound);
    if forbidden.is_none()
        && let Some((name, _)) = bound.iter().find(for_one_account)
    {
        let found = format!("for {name} the CAA records let one account at {LETS_ENCRYPT_NAME} issue alone");
        return Some(Check::unknown(code, found, ask));
    }
    Some(match forbidden {
        Some((name, issuers)) => Check::fails(
            code,
            format!(
                "for {name} the CAA records let {} issue alone",
                listed(issuers, challenge)
            ),
            match name.strip_prefix(WILDCARD) {
                Some(above) => format!("add the record: {above} CAA 0 issuewild \"{LETS_ENCRYPT_NAME}\""),
                None => format!("add the record: {name} CAA 0 issue \"{LETS_ENCRYPT_NAME}\""),
            },
        ),
        None => Check::well(code, format!("the CAA records let {LETS_ENCRYPT_NAME} issue")),
    })
}

/// What a name with a wildcard begins with.
const WILDCARD: &str = "*.";

/// Whom the records let issue for the set's name. Of a name with a wildcard `issuewild` speaks alone, where it stands at all.
///
/// Source: RFC 8659, section 4.3.
fn issuers(set: &CaaSet, challenge: ChallengeKind) -> Vec<Issuer> {
    let tagged = |wanted: &str| -> Vec<Issuer> {
        let records = set.records.iter().filter(|(tag, _)| tag.eq_ignore_ascii_case(wanted));
        records.map(|(_, value)| Issuer::of(value, challenge)).collect()
    };
    let wild = match set.name.starts_with(WILDCARD) {
        true => tagged("issuewild"),
        false => Vec::new(),
    };
    if wild.is_empty() { tagged("issue") } else { wild }
}

/// How a challenge is called: by the authority, and by people.
const fn called(challenge: ChallengeKind) -> (&'static str, &'static str) {
    match challenge {
        ChallengeKind::Http => ("http-01", "HTTP"),
        ChallengeKind::Dns => ("dns-01", "DNS"),
    }
}

/// Whom a record lets issue.
struct Issuer {
    /// The authority; empty where it is nobody.
    name: String,
    /// Whether names may be shown to be somebody's in the way that the instance does.
    is_shown: bool,
    /// Whether it is for one account at the authority alone.
    bound: bool,
}

impl Issuer {
    /// Reads the value of an `issue` record, or of an `issuewild` one.
    ///
    /// Source: RFC 8659, section 4.2; RFC 8657, sections 3 and 4, which Let's Encrypt honours.
    fn of(value: &str, challenge: ChallengeKind) -> Self {
        let mut parts = value.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut is_shown, mut bound) = (true, false);
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "validationmethods" => is_shown = value.split(',').any(|method| method.trim() == called(challenge).0),
                "accounturi" => bound = true,
                _ => {}
            }
        }
        Self { name, is_shown, bound }
    }
}

/// Issuers as people read them; an empty one stands for nobody.
fn listed(issuers: &[Issuer], challenge: ChallengeKind) -> String {
    let named: Vec<String> = issuers
        .iter()
        .filter(|issuer| !issuer.name.is_empty())
        .map(|issuer| match issuer.is_shown {
            true => issuer.name.clone(),
            false => format!("{} (but not by {})", issuer.name, called(challenge).1),
        })
        .collect();
    if named.is_empty() {
        "nobody".to_owned()
    } else {
        named.join(", ")
    }
}
