//! The section `[https]`: what of it is taken, what is said of what is not, and what a plan tells of it.

use crate::common::{carry_out, empty_world, probed, web};
use jiff::Timestamp;
use selfheal_core::desired::user_data;
use selfheal_core::names::TAG_TLS;
use selfheal_core::plan::{Need, Plan, Readiness, StepKind, WaitFor, plan};
use selfheal_core::spec::{Answers, EXAMPLE, HealthFrom, Spec, SpecFile};
use selfheal_core::status::{CertificateStatus, status};
use selfheal_core::world::Observed;

const SECTION: &str = "domains = [\"app.example.com\", \"WWW.example.com.\"]\nupstream = \"127.0.0.1:8080\"\n";

fn parse(text: &str) -> Result<Spec, String> {
    let spec = SpecFile::parse(text).and_then(|file| file.into_spec(None));
    spec.map_err(|errors| errors.to_string())
}

fn with(section: &str) -> Result<Spec, String> {
    parse(&format!("{EXAMPLE}\n[https]\n{section}"))
}

fn notes<'a>(plan: &'a Plan, code: &str) -> Vec<&'a str> {
    let notes = plan.notes.iter().filter(|note| note.code == code);
    notes.map(|note| note.message.as_str()).collect()
}

#[test]
fn names_are_taken_in_lower_case_and_an_authority_by_its_name_or_its_url() {
    let https = with(SECTION).expect("it is valid").https.expect("https");
    assert_eq!(https.domains(), ["app.example.com", "www.example.com"]);
    let server = Answers::Upstreams(vec!["127.0.0.1:8080".to_owned()]);
    assert_eq!(https.sites[0].answers, server);
    assert_eq!((https.body_mib_max, https.timeout_s, https.hsts), (10, 60, true));
    assert_eq!((https.email, https.ca_bundle), (None, None));
    assert_eq!(https.ca, "https://acme-v02.api.letsencrypt.org/directory");
    let more = "ca = \"staging\"\nca_bundle = \"/etc/ca.pem\"\nemail = \"ops@example.com\"\n";
    let several = "domains = [\"a.b\"]\nupstream = [\"127.0.0.1:8080\", \"unix:/run/app/app.sock\"]\n";
    let https = with(&format!("{several}{more}"))
        .expect("it is valid")
        .https
        .expect("https");
    assert_eq!(https.ca, "https://acme-staging-v02.api.letsencrypt.org/directory");
    assert!(matches!(&https.sites[0].answers, Answers::Upstreams(servers) if servers.len() == 2));
    assert!(!https.hsts, "nobody trusts it");
    let own = with(&format!("{SECTION}ca = \"https://ca.internal:14000/dir\"")).expect("it is valid");
    assert_eq!(own.https.expect("https").ca, "https://ca.internal:14000/dir");
}

#[test]
fn sites_have_names_of_their_own_and_one_certificate() {
    let text = "max_body = \"1GiB\"\ntimeout = \"5m\"\nhsts = false\n[[https.site]]\ndomains = [\"a.b\"]\nupstream = \"a:1\"\n\
                [[https.site]]\ndomains = [\"c.d\"]\nroot = \"/srv/data/www\"\n";
    let https = with(text).expect("it is valid").https.expect("https");
    assert_eq!(https.domains(), ["a.b", "c.d"]);
    assert_eq!(https.sites[1].answers, Answers::Root("/srv/data/www".to_owned()));
    assert_eq!((https.body_mib_max, https.timeout_s, https.hsts), (1_024, 300, false));
    let inline = "site = [{ domains = [\"a.b\"], root = \"/srv\" }]";
    let https = with(inline).expect("it is valid").https.expect("https");
    assert_eq!(https.sites.len(), 1);
}

#[test]
fn a_file_of_directives_is_read_and_missed() {
    let text = format!("{EXAMPLE}\n[https]\n{SECTION}extra = \"nginx-extra.conf\"\n");
    let file = SpecFile::parse(&text).expect("it is valid");
    assert_eq!(file.file_paths().collect::<Vec<_>>(), ["nginx-extra.conf"]);
    let unread = file.clone().into_spec_unread();
    assert!(
        plan(&unread, &empty_world())
            .refusals
            .iter()
            .any(|refusal| refusal.code == "file-unread")
    );
    for content in [None, Some(&b""[..]), Some(b"\xff"), Some(b"a\0b")] {
        let file = match content {
            Some(content) => file.clone().with_file("nginx-extra.conf", content),
            None => file.clone(),
        };
        let told = file.into_spec(None).expect_err("it is refused").to_string();
        assert!(told.contains("`https.extra` names a file that is no text"), "{told}");
    }
    let spec = file
        .with_file("nginx-extra.conf", b"gzip on;\n")
        .into_spec(None)
        .expect("it is read");
    let extra = spec.https.clone().and_then(|https| https.extra).expect("it is there");
    assert_eq!(extra.content.as_deref(), Some("gzip on;\n"));
    let user_data = user_data(&spec, "1", &"eipalloc-1".into(), Some(&"vol-1".into()), None).expect("it fits");
    assert!(format!("{user_data:?}").contains("https_extra=1"));
}

#[test]
fn what_cannot_be_is_told_with_what_can() {
    for (section, part) in [
        ("upstream = \"a:1\"", "`https.domains` is missing"),
        ("domains = [\"a.b\"]", "`https.upstream` is missing"),
        (
            "domains = [\"*.example.com\"]\nupstream = \"a:1\"",
            "a name without `*`",
        ),
        ("domains = [\"a.b\", \"A.b\"]\nupstream = \"a:1\"", "is named twice"),
        (
            "domains = [\"a.b\"]\nupstream = \"8080\"",
            "host:port, such as 127.0.0.1:8080",
        ),
        (
            "domains = [\"a.b\"]\nupstream = [\"a:1\", \"a:1;x\"]",
            "host:port, such as 127.0.0.1:8080",
        ),
        (
            "domains = [\"a.b\"]\nupstream = \"a:1\"\nca = \"http://ca\"",
            "begin with https://",
        ),
        (
            "domains = [\"a.b\"]\nupstream = \"a:1\"\nca_bundle = \"ca.pem\"",
            "an absolute path",
        ),
        (
            "domains = [\"a.b\"]\nupstream = \"a:1\"\nemail = \"ops\"",
            "an address such as",
        ),
        (
            "domains = [\"a.b\"]\nupstream = \"a:1\"\nmail = \"a@b.c\"",
            "did you mean `email`?",
        ),
    ] {
        let told = with(section).expect_err("it is refused");
        assert!(told.contains(part), "{section}: {told}");
    }
}

#[test]
fn sites_and_limits_that_cannot_be_are_told_with_those_that_can() {
    for (section, part) in [
        (
            "domains = [\"a.b\"]\nupstream = \"a:1\"\nroot = \"/srv\"",
            "one of `upstream` and",
        ),
        ("domains = [\"a.b\"]\nroot = \"srv\"", "an absolute path"),
        (
            "domains = [\"a.b\"]\nroot = \"/srv\"\nmax_body = \"11GiB\"",
            "from 1MiB to 10GiB",
        ),
        (
            "domains = [\"a.b\"]\nroot = \"/srv\"\nmax_body = \"5m\"",
            "from 1MiB to 10GiB",
        ),
        (
            "domains = [\"a.b\"]\nroot = \"/srv\"\ntimeout = \"0s\"",
            "from 1 to 86400 seconds",
        ),
        (
            "domains = [\"a.b\"]\nroot = \"/srv\"\nca = \"staging\"\nhsts = true",
            "lock visitors out",
        ),
        ("site = \"x\"", "tables: `[[https.site]]`"),
        ("site = []", "is 0 sites"),
        (
            "root = \"/srv\"\n[[https.site]]\ndomains = [\"a.b\"]\nroot = \"/srv\"",
            "as well as `[[https.site]]`",
        ),
        (
            "[[https.site]]\ndomains = [\"a.b\"]\nroots = \"/srv\"",
            "did you mean `root`?",
        ),
        (
            "[[https.site]]\ndomains = [\"a.b\"]\nroot = \"/srv\"\n[[https.site]]\ndomains = [\"A.b\"]\nroot = \"/srv\"",
            "has a.b, which another site has",
        ),
    ] {
        let told = with(section).expect_err("it is refused");
        assert!(told.contains(part), "{section}: {told}");
    }
}

#[test]
fn it_needs_a_volume_its_ports_and_a_probe_that_nginx_does_not_answer() {
    let text = format!("{EXAMPLE}\n[https]\n{SECTION}");
    let data = "[data]\nsize = \"20GiB\"\nmount = \"/srv/data\"\n";
    let told = parse(&text.replace(data, "")).expect_err("no volume");
    assert!(
        told.contains("no place for its certificate") && told.contains("a section `[data]`"),
        "{told}"
    );
    let told = parse(&text.replace("\"80/tcp\", ", "")).expect_err("no port 80");
    assert!(told.contains("`80/tcp` in `instance.ingress`"), "{told}");
    let told = parse(&text.replace("\"80/tcp\", \"443/tcp\"", "")).expect_err("neither port");
    assert!(told.contains("`80/tcp` and `443/tcp` in"), "{told}");
    // What groups of somebody else's open is theirs to know.
    let groups = "security_groups = [\"sg-0123456789abcdef0\"]";
    parse(&text.replace("ingress = [\"80/tcp\", \"443/tcp\"]", groups)).expect("it is valid");
    let https = with(SECTION).expect("it is valid").https;
    let redirected = Spec {
        https,
        ..probed(HealthFrom::Aws)
    };
    let told = parse(&redirected.to_toml()).expect_err("AWS would ask nginx");
    assert!(told.contains("answers the probe in the app's place"), "{told}");
    for (probe, taken) in [
        ("http = \"/health\"", false),
        ("http = \"http://localhost:80/\"", false),
        ("http = \"https://localhost/health\"", true),
        ("http = \"http://localhost:8080/health\"", true),
        ("tcp = 80", true),
    ] {
        let read = parse(&format!("{text}\n[app.health]\n{probe}\n"));
        assert_eq!(read.is_ok(), taken, "{probe}: {read:?}");
    }
}

#[test]
fn a_plan_tells_which_records_are_yours_and_that_certificates_stay() {
    let (on, off) = (with(SECTION).expect("it is valid"), web());
    let mut world: Observed = empty_world();
    let first = plan(&on, &world);
    assert_eq!(
        notes(&first, "https-records"),
        [
            "an A record to the stack's address alone, and no AAAA record, is yours to keep for www.example.com: until it \
             is there, no certificate"
        ]
    );
    carry_out(|world| plan(&on, world), &mut world);
    let again = plan(&on, &world);
    assert!(
        again.is_empty() && notes(&again, "https-records").is_empty(),
        "told once"
    );
    let last = plan(&off, &world);
    assert_eq!(
        notes(&last, "https-off"),
        ["the next instance has no nginx; the certificates stay below /srv/data, in .selfheal/tls"]
    );
    let kinds: Vec<StepKind> = last.steps.iter().map(|step| step.kind).collect();
    assert!(kinds.contains(&StepKind::CreateTemplateVersion), "{kinds:?}");
    carry_out(|world| plan(&off, world), &mut world);
    assert!(notes(&plan(&off, &world), "https-off").is_empty());
    let mine = with(&SECTION.replace(", \"WWW.example.com.\"", "")).expect("it is valid");
    assert!(
        notes(&plan(&mine, &world), "https-records").is_empty(),
        "the stack's own record"
    );
}

/// The section with challenges in the DNS, for a name with a wildcard too.
const BY_DNS: &str =
    "domains = [\"app.example.com\", \"*.example.com\"]\nupstream = \"127.0.0.1:8080\"\nchallenge = \"dns\"\n";

#[test]
fn a_challenge_in_the_dns_needs_a_zone_that_has_all_names_and_no_port_80() {
    let https = with(BY_DNS).expect("it is valid").https.expect("https");
    assert_eq!(
        https.challenge_records(),
        ["_acme-challenge.app.example.com", "_acme-challenge.example.com"]
    );
    assert!(
        with(SECTION)
            .expect("it is valid")
            .https
            .expect("https")
            .challenge_records()
            .is_empty()
    );
    let text = format!("{EXAMPLE}\n[https]\n{BY_DNS}");
    parse(&text.replace("\"80/tcp\", ", "")).expect("nobody asks at port 80");
    let told = parse(&text.replace(", \"443/tcp\"", "")).expect_err("no port 443");
    assert!(
        told.contains("visitors ask at port 443") && told.contains("`443/tcp` in"),
        "{told}"
    );
    let zone = "[dns]\nzone = \"example.com\"\nname = \"app.example.com\"\n";
    let told = parse(&text.replace(zone, "")).expect_err("no zone");
    assert!(
        told.contains("needs a hosted zone") && told.contains("a section `[dns]`"),
        "{told}"
    );
    for (old, new, part) in [
        (
            "*.example.com",
            "*.example.org",
            "`*.example.org` is, which is outside the zone `example.com`",
        ),
        ("\"dns\"", "\"tls\"", "`http` or `dns`"),
        ("*.example.com", "a.*.example.com", "a domain name such as"),
        ("challenge = \"dns\"\n", "", "for `challenge = \"dns\"` alone"),
    ] {
        let told = with(&BY_DNS.replace(old, new)).expect_err("it is refused");
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn the_instance_is_told_the_zone_and_may_write_there_what_challenges_need() {
    let spec = with(BY_DNS).expect("it is valid");
    let mut world: Observed = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    let policy = world
        .role_policy
        .as_ref()
        .and_then(|policy| policy.document())
        .expect("it was put");
    let statement = policy.statement("AnswerChallenge").expect("it may answer").to_string();
    assert!(statement.contains(":hostedzone/Z0123456789\""), "{statement}");
    let template = world.launch_template.as_ref().expect("it was made");
    let settings = template.data.user_data.settings().expect("a boot program");
    assert_eq!(settings["https_zone"], b"Z0123456789");
    assert_eq!(settings["https_dns_region"], b"us-east-1");
    assert_eq!(settings["https_dns_endpoint"], b"https://route53.amazonaws.com");
    assert_eq!(
        notes(&plan(&spec, &empty_world()), "https-records"),
        ["an A record to the stack's address is yours to keep for *.example.com: by that visitors come here"]
    );
    // While Route 53 does not answer, the address remembers the zone: nothing changes.
    let mut unread = world.clone();
    (unread.hosted_zone, unread.dns_unread) = (None, Some("throttled".to_owned()));
    let later = plan(&spec, &unread);
    let kinds: Vec<StepKind> = later.steps.iter().map(|step| step.kind).collect();
    let record = [StepKind::RememberRecord, StepKind::UpsertRecord];
    assert!(kinds.iter().all(|kind| record.contains(kind)), "{kinds:?}");
    // Without that, what needs the zone waits until it does.
    let mut world = empty_world();
    let by_files = with(SECTION).expect("it is valid");
    carry_out(|world| plan(&by_files, world), &mut world);
    (world.hosted_zone, world.dns_unread) = (None, Some("throttled".to_owned()));
    for address in &mut world.addresses {
        address.tags.remove("selfheal:record-zone");
    }
    let waiting = plan(&spec, &world);
    for kind in [StepKind::CreateTemplateVersion, StepKind::PutRolePolicy] {
        let step = waiting
            .steps
            .iter()
            .find(|step| step.kind == kind)
            .expect("it is planned");
        let Readiness::Waiting { needs } = &step.readiness else {
            panic!("{kind:?}: {:?}", step.readiness);
        };
        assert!(needs.contains(&Need::World(WaitFor::DnsAnswers)), "{kind:?}: {needs:?}");
    }
    assert!(waiting.refusals.is_empty(), "{:?}", waiting.refusals);
}

#[test]
fn names_outside_a_zone_that_is_named_by_its_id_are_refused_once_it_is_read() {
    let text = format!("{EXAMPLE}\n[https]\n{BY_DNS}").replace("zone = \"example.com\"", "zone = \"Z0123456789\"");
    let spec = parse(&text.replace("*.example.com", "*.example.org")).expect("nobody knows the zone's name yet");
    let refused = plan(&spec, &empty_world());
    let codes: Vec<&str> = refused.refusals.iter().map(|refusal| refusal.code.as_str()).collect();
    assert_eq!(codes, ["challenge-outside-zone"]);
    assert!(
        plan(&parse(&text).expect("it is valid"), &empty_world())
            .refusals
            .is_empty()
    );
}

/// What a status finds, and says, of a certificate of which the instance noted this.
fn certificate(noted: &str) -> (CertificateStatus, Vec<String>, String) {
    let on = with(SECTION).expect("it is valid");
    let mut world: Observed = empty_world();
    carry_out(|world| plan(&on, world), &mut world);
    world.observed_at = Timestamp::from_second(1_000_000_000).expect("a time");
    let group = world.group.as_mut().expect("it was made");
    group.tags.insert(TAG_TLS.to_owned(), noted.to_owned());
    let report = status(&on, &world, &plan(&on, &world));
    let found = report
        .findings
        .iter()
        .filter(|finding| finding.code.word().starts_with("certificate"));
    let found = found
        .map(|finding| format!("{}: {}", finding.code.word(), finding.message))
        .collect();
    let text = report.to_string();
    let line = text.lines().find(|line| line.starts_with("  https ")).expect("a line");
    (
        report.certificate.clone().expect("https"),
        found,
        line.trim().to_owned(),
    )
}

#[test]
fn a_status_tells_how_the_certificate_is() {
    let day = 86_400;
    let good = |left: i64| {
        let until = 1_000_000_000 + left * day;
        format!(
            "ca=https://ca.example.com/dir until={until} renews={} tried=999999000",
            until - 30 * day
        )
    };
    let (told, found, line) = certificate(&good(60));
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(
        line,
        "https     app.example.com, www.example.com, of ca.example.com, expires in 60 days"
    );
    assert_eq!(told.ca.as_deref(), Some("https://ca.example.com/dir"));
    assert!(told.missing.is_empty() && told.noted && told.error.is_none());
    assert_eq!(told.tried, Timestamp::from_second(999_999_000).ok());
    // A renewal is due, and may take its time.
    let failing = |left| format!("{} error=the authority is away", good(left));
    assert_eq!(certificate(&failing(20)).1, Vec::<String>::new());
    let (_, found, _) = certificate(&failing(14));
    assert_eq!(
        found,
        ["certificate-expiring: the certificate expires in 14 days: the authority is away"]
    );
    let (_, found, line) = certificate(&failing(-2));
    assert_eq!(
        found,
        ["certificate-expired: the certificate expired 2 days ago: the authority is away"]
    );
    assert!(line.ends_with("expired 2 days ago"), "{line}");
    let (told, found, line) = certificate("error=app.example.com has no A record, and it has to have one");
    assert_eq!(
        found,
        [
            "certificate-missing: there is no certificate yet that visitors trust: app.example.com has no A record, and it has \
          to have one"
        ]
    );
    assert_eq!(
        (told.missing.len(), line.as_str()),
        (2, "https     none yet, but one of the instance's own making")
    );
    let (told, found, line) = certificate(&format!("{} missing=www.example.com error=x", good(60)));
    assert_eq!(told.missing, ["www.example.com"]);
    assert_eq!(
        found,
        ["certificate-missing: the certificate is not for www.example.com: x"]
    );
    assert!(line.ends_with("expires in 60 days, not for www.example.com"), "{line}");
    for odd in ["", "until=x renews= ca", "until=99999999999999999999"] {
        assert_eq!(certificate(odd).0.until, None, "{odd}");
    }
}
