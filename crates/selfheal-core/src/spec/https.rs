//! The section `[https]`: nginx before the app, and whose certificate it has.

use selfheal_userdata::{Challenge, ChallengeZone, Https, LETS_ENCRYPT, LETS_ENCRYPT_STAGING, SITES_MAX, Site};
use toml_edit::{ArrayOfTables, Item, Table, value};

use super::dns::{DnsSpec, ZoneRef, is_below};
use super::health::HealthProbe;
use super::https_site::checked;
use super::ingress::Ingress;
use super::reader::{Fault, Located, Reader, Section};
use super::values::duration;
use super::{https_site, syntax};

/// Its keys.
pub(super) const KEYS: &[&str] = &[
    "domains",
    "email",
    "upstream",
    "root",
    "site",
    "ca",
    "ca_bundle",
    "max_body",
    "timeout",
    "hsts",
    "extra",
    "challenge",
];

/// HTTPS by nginx on the instance, with a certificate that is on the data volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsSpec {
    /// What is served: at least one. Their names, each once, are those of the certificate.
    pub sites: Vec<Site>,
    /// Address of whom the certificate authority may write to.
    pub email: Option<String>,
    /// Directory of the certificate authority: a URL.
    pub ca: String,
    /// Path on the instance of the certificates by which the authority itself is known.
    pub ca_bundle: Option<String>,
    /// MiB that the body of a request may have, 1 to 10,240.
    pub body_mib_max: u32,
    /// Seconds for which a server may say nothing, or take nothing, 1 to 86,400.
    pub timeout_s: u32,
    /// Whether browsers are told to insist on HTTPS, once the authority's certificate is there.
    pub hsts: bool,
    /// What else nginx is told of each site.
    pub extra: Option<NginxExtra>,
    /// How the authority is shown that the names are the stack's.
    pub challenge: ChallengeKind,
}

/// How an authority is shown whose a name is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChallengeKind {
    /// By files at port 80.
    #[default]
    Http,
    /// By records in the hosted zone of `[dns]`.
    Dns,
}

impl ChallengeKind {
    /// All of them, by what a file calls them.
    const ALL: [(&'static str, Self); 2] = [("http", Self::Http), ("dns", Self::Dns)];
}

/// A file with directives of nginx's for a `server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NginxExtra {
    /// Where it came from, as the spec names it.
    pub path: String,
    /// What it says; `None` where it was not read, for what can be done without it: a status, a destroy. An apply is refused.
    pub content: Option<String>,
}

impl HttpsSpec {
    /// Authorities that have a name of their own.
    const AUTHORITIES: [(&'static str, &'static str); 2] =
        [("letsencrypt", LETS_ENCRYPT), ("staging", LETS_ENCRYPT_STAGING)];

    /// What a photograph of a telephone has, and a form with several of them.
    pub const BODY_MIB_DEFAULT: u32 = 10;
    /// As long as nginx and most clients wait by themselves.
    pub const TIMEOUT_S_DEFAULT: u32 = 60;

    /// HTTPS for these sites, with a certificate of Let's Encrypt.
    #[must_use]
    pub fn new(sites: Vec<Site>) -> Self {
        Self {
            sites,
            email: None,
            ca: LETS_ENCRYPT.to_owned(),
            ca_bundle: None,
            body_mib_max: Self::BODY_MIB_DEFAULT,
            timeout_s: Self::TIMEOUT_S_DEFAULT,
            hsts: true,
            extra: None,
            challenge: ChallengeKind::Http,
        }
    }

    /// The names of the certificate: those of all sites, in their order.
    #[must_use]
    pub fn domains(&self) -> Vec<String> {
        self.sites.iter().flat_map(|site| site.domains.clone()).collect()
    }

    /// Whether browsers are told to insist where the spec says nothing: not where they may not trust the authority, whose own
    /// roots they would have to know.
    fn hsts_default(ca: &str, ca_bundle: Option<&str>) -> bool {
        ca != LETS_ENCRYPT_STAGING && ca_bundle.is_none()
    }

    /// Whether challenges are answered by records, and not by files.
    #[must_use]
    pub fn asks_in_dns(&self) -> bool {
        self.challenge == ChallengeKind::Dns
    }

    /// The records that answer challenges, by their names, sorted; none where files do.
    #[must_use]
    pub fn challenge_records(&self) -> Vec<String> {
        let domains = self.domains();
        let domains = domains.iter().filter(|_| self.asks_in_dns());
        let mut names: Vec<String> = domains
            .map(|domain| format!("_acme-challenge.{}", domain.strip_prefix("*.").unwrap_or(domain)))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// What the boot program is told of it; the zone is where challenges in the DNS are answered.
    pub(crate) fn to_https(&self, zone: ChallengeZone) -> Https {
        Https {
            challenge: match self.challenge {
                ChallengeKind::Http => Challenge::Http,
                ChallengeKind::Dns => Challenge::Dns(zone),
            },
            sites: self.sites.clone(),
            email: self.email.clone(),
            ca: self.ca.clone(),
            ca_bundle: self.ca_bundle.clone(),
            body_mib_max: self.body_mib_max,
            timeout_s: self.timeout_s,
            hsts: self.hsts,
            extra: self.extra.as_ref().and_then(|extra| extra.content.clone()),
        }
    }

    /// What a person calls the authority.
    pub(crate) fn authority(&self) -> &str {
        let named = Self::AUTHORITIES.iter().find(|(_, url)| *url == self.ca);
        named.map_or(self.ca.as_str(), |(name, _)| name)
    }
}

/// What else of the file decides whether there can be HTTPS.
pub(super) struct Around<'a> {
    /// Whether there is a data volume.
    pub(super) data: bool,
    /// How traffic reaches the instance, where that is known.
    pub(super) ingress: Option<&'a Ingress>,
    /// The app's probe.
    pub(super) probe: Option<&'a HealthProbe>,
    /// Whether there is a record.
    pub(super) has_dns: bool,
    /// The record, where it is sound.
    pub(super) dns: Option<&'a DnsSpec>,
}

/// Reads the section, and where it names a file with more; `None` when something that is required is not there or not sound.
pub(super) fn read(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    around: &Around<'_>,
) -> (Option<HttpsSpec>, Option<Located<String>>) {
    let challenge = challenge(reader, section, around);
    look_around(reader, section, around, challenge);
    let extra = section.string(reader, "extra", EXTRA);
    let extra = reader.check(extra, |path| syntax::file_path(path, EXTRA));
    let sites = sites(reader, section, challenge == ChallengeKind::Dns);
    if let (Some(sites), ChallengeKind::Dns, Some(dns)) = (&sites, challenge, around.dns) {
        look_at_zone(reader, section, sites, dns);
    }
    let settings = settings(reader, section);
    let spec = sites.map(|sites| HttpsSpec {
        extra: extra.as_ref().map(|extra| NginxExtra {
            path: extra.value.clone(),
            content: None,
        }),
        sites,
        challenge,
        ..settings
    });
    (spec, extra)
}

/// What is to be told beside our own.
pub(super) const EXTRA: &str = "the path of a file with directives of nginx's, such as \"nginx-extra.conf\"";

/// Reads how the authority is shown whose the names are.
fn challenge(reader: &mut Reader<'_>, section: &Section<'_>, around: &Around<'_>) -> ChallengeKind {
    let expected = "`http` or `dns`";
    let kind = section.string(reader, "challenge", expected);
    let kind = reader.check(kind, |text| {
        let found = ChallengeKind::ALL.iter().find(|(name, _)| name == text);
        found.map_or_else(
            || Err(Fault::malformed(syntax::is(text), expected)),
            |(_, kind)| Ok(*kind),
        )
    });
    if let Some(at) = kind
        .as_ref()
        .filter(|at| at.value == ChallengeKind::Dns && !around.has_dns)
    {
        let fault = Fault::conflict(
            "needs a hosted zone, for the records by which names are shown to be yours",
            "a section `[dns]`",
        );
        reader.fault(at, fault);
    }
    kind.map_or(ChallengeKind::Http, |at| at.value)
}

/// Refuses names that are in another zone than the records of their challenges would be.
fn look_at_zone(reader: &mut Reader<'_>, section: &Section<'_>, sites: &[Site], dns: &DnsSpec) {
    // What a zone is called that is named by its id is known once it is read.
    let ZoneRef::Name(zone) = &dns.zone else { return };
    let mut domains = sites.iter().flat_map(|site| &site.domains);
    if let Some(domain) = domains.find(|domain| !is_below(domain, zone)) {
        let fault = Fault::conflict(
            format!("cannot show whose `{domain}` is, which is outside the zone `{zone}`"),
            format!("names of `{zone}` and below it"),
        );
        reader.report("https.challenge", section.key_span("challenge"), fault);
    }
}

/// Reads what is served: one site in the section itself, or several in tables of their own.
fn sites(reader: &mut Reader<'_>, section: &Section<'_>, wildcards: bool) -> Option<Vec<Site>> {
    if !section.has("site") {
        return https_site::read(reader, section, wildcards).map(|site| vec![site]);
    }
    for key in https_site::KEYS.iter().filter(|key| section.has(key)) {
        let fault = Fault::conflict("is here as well as `[[https.site]]`", "it in one of the sites");
        reader.report(&section.name(key), section.key_span(key), fault);
    }
    let tables = section.tables(reader, "site", "https.site", https_site::KEYS)?;
    if tables.is_empty() || tables.len() > SITES_MAX {
        let fault = Fault::out_of_range(format!("is {} sites", tables.len()), format!("1 to {SITES_MAX}"));
        reader.report("https.site", section.key_span("site"), fault);
    }
    let sites: Vec<Option<Site>> = tables
        .iter()
        .map(|table| https_site::read(reader, table, wildcards))
        .collect();
    let sites: Vec<Site> = sites.into_iter().collect::<Option<_>>()?;
    for (place, (site, table)) in sites.iter().zip(&tables).enumerate() {
        let before: Vec<&String> = sites[..place].iter().flat_map(|site| &site.domains).collect();
        if let Some(name) = site.domains.iter().find(|name| before.contains(name)) {
            let fault = Fault::conflict(format!("has {name}, which another site has"), "each name once");
            reader.report("https.site.domains", table.key_span("domains"), fault);
        }
    }
    Some(sites)
}

/// Reads what is the same for all sites.
fn settings(reader: &mut Reader<'_>, section: &Section<'_>) -> HttpsSpec {
    let email = section.string(reader, "email", "an address such as \"ops@example.com\"");
    let email = reader.check(email, |email| {
        checked(email.clone(), |https, email| https.email = Some(email))
    });
    let ca = section.string(reader, "ca", "`letsencrypt`, `staging` or the URL of a directory");
    let ca = reader.check(ca, |ca| {
        match HttpsSpec::AUTHORITIES.iter().find(|(name, _)| name == ca) {
            Some((_, url)) => Ok((*url).to_owned()),
            None => checked(ca.clone(), |https, ca| https.ca = ca),
        }
    });
    let ca_bundle = section.string(reader, "ca_bundle", "a path on the instance, such as \"/etc/ca.pem\"");
    let ca_bundle = reader.check(ca_bundle, |path| {
        checked(path.clone(), |https, path| https.ca_bundle = Some(path))
    });
    let ca = ca.map_or_else(|| LETS_ENCRYPT.to_owned(), |at| at.value);
    let ca_bundle = ca_bundle.map(|at| at.value);
    let max_body = section.string(reader, "max_body", MAX_BODY);
    let max_body = reader.check(max_body, |size| body_mib(size));
    let timeout = duration(reader, section, "timeout", 1..=86_400);
    let hsts = section.boolean(reader, "hsts");
    if let Some(at) = hsts.as_ref().filter(|at| at.value && ca == LETS_ENCRYPT_STAGING) {
        let fault = Fault::conflict(
            "would lock visitors out: nobody trusts what `staging` gives",
            "another `ca`",
        );
        reader.fault(at, fault);
    }
    HttpsSpec {
        email: email.map(|at| at.value),
        hsts: hsts.map_or_else(|| HttpsSpec::hsts_default(&ca, ca_bundle.as_deref()), |at| at.value),
        ca,
        ca_bundle,
        body_mib_max: max_body.map_or(HttpsSpec::BODY_MIB_DEFAULT, |at| at.value),
        timeout_s: timeout.map_or(HttpsSpec::TIMEOUT_S_DEFAULT, |at| at.value),
        ..HttpsSpec::new(Vec::new())
    }
}

/// What a size of a body looks like.
const MAX_BODY: &str = "a whole number of MiB or GiB from 1MiB to 10GiB, such as \"10MiB\"";

fn body_mib(text: &str) -> Result<u32, Fault> {
    let read = |unit: &str, factor: u32| {
        let number: u32 = text.strip_suffix(unit)?.trim_end_matches(' ').parse().ok()?;
        number.checked_mul(factor)
    };
    let size = read("MiB", 1).or_else(|| read("GiB", 1_024));
    size.filter(|mib| (1..=10_240).contains(mib))
        .ok_or_else(|| Fault::malformed(syntax::is(text), MAX_BODY))
}

/// Refuses what keeps HTTPS from ever working, whatever the section says.
fn look_around(reader: &mut Reader<'_>, section: &Section<'_>, around: &Around<'_>, challenge: ChallengeKind) {
    let at = section.key_span(if section.has("domains") { "domains" } else { "site" });
    let mut refuse = |found: &str, expected: &str| reader.report("https", at.clone(), Fault::conflict(found, expected));
    if !around.data {
        refuse(
            "has no place for its certificate: without a data volume each replacement would ask for another, of which an \
             authority gives a few a week",
            "a section `[data]`",
        );
    }
    if let Some(Ingress::Ports(ports)) = around.ingress {
        // Who may visit is the owner's affair. A public authority asks at port 80, from addresses that it tells nobody; one of
        // one's own may be near.
        let asked_from_anywhere = |port: u16| port == 80 && !section.has("ca_bundle");
        let open = |port: u16| {
            let mut rules = ports.iter().filter(|rule| rule.has_tcp(port));
            rules.any(|rule| rule.is_open_to_world() || !asked_from_anywhere(port))
        };
        let needed = [(80, challenge == ChallengeKind::Http), (443, true)];
        let closed: Vec<String> = needed
            .into_iter()
            .filter_map(|(port, needed)| needed.then_some(port))
            .filter(|port| !open(*port))
            .map(|port| format!("`{port}/tcp`"))
            .collect();
        if !closed.is_empty() {
            let expected = format!("{} in `instance.ingress`", closed.join(" and "));
            let why = match challenge {
                ChallengeKind::Http => {
                    "cannot be reached: the authority asks at port 80, from anywhere, and visitors at 443"
                }
                ChallengeKind::Dns => "cannot be reached: visitors ask at port 443",
            };
            refuse(why, &expected);
        }
    }
    if let Some(HealthProbe::Http {
        tls: false, port: 80, ..
    }) = around.probe
    {
        refuse(
            "answers the probe in the app's place: nginx redirects whatever comes to port 80, also where the app is dead",
            "the app's own port in `app.health.http`, or `https://localhost/…`",
        );
    }
}

/// The section as a table.
pub(super) fn table(spec: &HttpsSpec) -> Table {
    let mut table = Table::new();
    if let [site] = &spec.sites[..] {
        https_site::put(&mut table, site);
    }
    if let Some(email) = &spec.email {
        table["email"] = value(email);
    }
    if spec.ca != LETS_ENCRYPT {
        table["ca"] = value(spec.authority());
    }
    if let Some(path) = &spec.ca_bundle {
        table["ca_bundle"] = value(path);
    }
    if spec.body_mib_max != HttpsSpec::BODY_MIB_DEFAULT {
        table["max_body"] = value(format!("{}MiB", spec.body_mib_max));
    }
    if spec.timeout_s != HttpsSpec::TIMEOUT_S_DEFAULT {
        table["timeout"] = value(format!("{}s", spec.timeout_s));
    }
    if spec.hsts != HttpsSpec::hsts_default(&spec.ca, spec.ca_bundle.as_deref()) {
        table["hsts"] = value(spec.hsts);
    }
    if let Some(extra) = &spec.extra {
        table["extra"] = value(&extra.path);
    }
    if spec.asks_in_dns() {
        table["challenge"] = value("dns");
    }
    if spec.sites.len() > 1 {
        let mut sites = ArrayOfTables::new();
        for site in &spec.sites {
            let mut table = Table::new();
            https_site::put(&mut table, site);
            sites.push(table);
        }
        table["site"] = Item::ArrayOfTables(sites);
    }
    table
}
