//! HTTPS on the instance: nginx before the app, and where its certificate comes from.

use crate::error::RenderError;

/// Directory of Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Directory of Let's Encrypt's staging environment, whose certificates nobody trusts.
pub const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
/// The largest number of names: what Let's Encrypt puts into one certificate.
pub const HTTPS_DOMAINS_MAX: usize = 100;
/// The largest number of servers that requests are passed to.
pub const UPSTREAMS_MAX: usize = 20;
/// The largest number of sites.
pub const SITES_MAX: usize = 20;
/// The longest path of a Unix socket that the kernel takes, in bytes.
const SOCKET_PATH_MAX: usize = 107;

/// HTTPS by nginx, with a certificate that is on the data volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Https {
    /// What is served: at least one. One certificate is for the names of all.
    pub sites: Vec<Site>,
    /// Address of whom the certificate authority may write to.
    pub email: Option<String>,
    /// Directory of the certificate authority, by ACME: a URL.
    pub ca: String,
    /// Path on the instance of the certificates by which the authority itself is known, where the image does not know it.
    pub ca_bundle: Option<String>,
    /// MiB that the body of a request may have; at least 1.
    pub body_mib_max: u32,
    /// Seconds for which a server may say nothing, or take nothing; at least 1.
    pub timeout_s: u32,
    /// Whether browsers are told to insist on HTTPS for a year, once the authority's certificate is there.
    pub hsts: bool,
    /// What else nginx is told of each site, in its own words; where it does not take that, it serves with what it took last.
    pub extra: Option<String>,
    /// How the authority is shown that the names are the stack's.
    pub challenge: Challenge,
}

/// How an authority is shown whose a name is: by a challenge of ACME.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// By files at port 80 (HTTP-01).
    #[default]
    Http,
    /// By records in a hosted zone (DNS-01), which holds for names with a wildcard, too.
    Dns(ChallengeZone),
}

/// The hosted zone that the records of challenges are in, and where it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeZone {
    /// Its id, such as `Z0123456789ABCDEFGHIJ`.
    pub id: String,
    /// Route 53 of the partition: a URL.
    pub endpoint: String,
    /// The Region that calls of it are signed for.
    pub region: String,
}

/// Names, and what answers requests for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Names: at least one, in lower case and without their final dot.
    pub domains: Vec<String>,
    /// What answers.
    pub answers: Answers,
}

/// What answers requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Servers that they are passed to, `host:port` or `unix:/path`: at least one.
    Upstreams(Vec<String>),
    /// nginx itself, with the files below a folder.
    Root(String),
}

/// What of HTTPS cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsFault {
    /// Field, such as `https.domains`.
    pub field: &'static str,
    /// What the field accepts, as "must be …".
    pub expected: &'static str,
    /// Refused value.
    pub value: String,
}

impl From<HttpsFault> for RenderError {
    fn from(fault: HttpsFault) -> Self {
        let HttpsFault { field, expected, value } = fault;
        Self::Invalid { field, expected, value }
    }
}

impl Https {
    /// Returns the names of all sites, in their order.
    #[must_use]
    pub fn domains(&self) -> Vec<String> {
        self.sites.iter().flat_map(|site| site.domains.clone()).collect()
    }

    /// Whether challenges are answered by records, and not by files.
    #[must_use]
    pub const fn asks_in_dns(&self) -> bool {
        matches!(self.challenge, Challenge::Dns(_))
    }

    /// Checks what nginx, certbot and the shell rely on.
    ///
    /// # Errors
    /// The first field that cannot be what it is.
    pub fn check(&self) -> Result<(), HttpsFault> {
        let fault = |field, expected, value: &str| {
            Err(HttpsFault {
                field,
                expected,
                value: value.to_owned(),
            })
        };
        let domains = self.domains();
        if domains.len() > HTTPS_DOMAINS_MAX || self.sites.iter().any(|site| site.domains.is_empty()) {
            return fault("https.domains", "must be 1 to 100 names", &domains.len().to_string());
        }
        if self.sites.is_empty() || self.sites.len() > SITES_MAX {
            return fault("https.sites", "must be 1 to 20 sites", &self.sites.len().to_string());
        }
        self.check_names(&domains)?;
        for site in &self.sites {
            site.answers.check()?;
        }
        if let Some(email) = self.email.as_ref().filter(|email| !is_email(email)) {
            return fault("https.email", "must be an address such as ops@example.com", email);
        }
        for (field, value) in [
            ("https.body_mib_max", self.body_mib_max),
            ("https.timeout_s", self.timeout_s),
        ] {
            if value == 0 {
                return fault(field, "must be at least 1", "0");
            }
        }
        // A shell word ends at a NUL byte.
        if self
            .extra
            .as_ref()
            .is_some_and(|extra| extra.is_empty() || extra.contains('\0'))
        {
            return fault("https.extra", "must be text that is not empty and holds no NUL", "");
        }
        if !is_url(&self.ca) {
            return fault("https.ca", "must begin with https:// and be plain", &self.ca);
        }
        if let Challenge::Dns(zone) = &self.challenge {
            zone.check()?;
        }
        match &self.ca_bundle {
            Some(path) if !is_path(path) => fault("https.ca_bundle", PATH, path),
            _ => Ok(()),
        }
    }

    fn check_names(&self, domains: &[String]) -> Result<(), HttpsFault> {
        let fault = |expected, value: &str| {
            Err(HttpsFault {
                field: "https.domains",
                expected,
                value: value.to_owned(),
            })
        };
        for (place, domain) in domains.iter().enumerate() {
            let below = domain.strip_prefix("*.");
            if below.is_some() && !self.asks_in_dns() {
                let expected = "must be a name without `*`: an authority gives those for `challenge = \"dns\"` alone";
                return fault(expected, domain);
            }
            if !is_domain(below.unwrap_or(domain)) {
                let expected =
                    "must be a name in lower case with a dot in it and none at its end, such as app.example.com";
                return fault(expected, domain);
            }
            if domains[..place].contains(domain) {
                return fault("must be named once", domain);
            }
        }
        Ok(())
    }
}

impl ChallengeZone {
    fn check(&self) -> Result<(), HttpsFault> {
        let fault = |expected, value: &str| {
            Err(HttpsFault {
                field: "https.challenge",
                expected,
                value: value.to_owned(),
            })
        };
        let made_of = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !made_of(&self.id, "") {
            return fault("must name a zone by its id, such as Z0123456789ABCDEFGHIJ", &self.id);
        }
        if !made_of(&self.region, "-") {
            return fault("must name a Region to sign for, such as us-east-1", &self.region);
        }
        if !is_url(&self.endpoint) {
            return fault(
                "must have an endpoint that begins with https:// and is plain",
                &self.endpoint,
            );
        }
        Ok(())
    }
}

impl Answers {
    fn check(&self) -> Result<(), HttpsFault> {
        let fault = |field, expected, value: &str| {
            Err(HttpsFault {
                field,
                expected,
                value: value.to_owned(),
            })
        };
        match self {
            Self::Root(path) if !is_path(path) => fault("https.root", PATH, path),
            Self::Root(_) => Ok(()),
            Self::Upstreams(servers) if servers.is_empty() || servers.len() > UPSTREAMS_MAX => {
                fault("https.upstreams", "must be 1 to 20 servers", &servers.len().to_string())
            }
            Self::Upstreams(servers) => match servers.iter().find(|server| !is_upstream(server)) {
                Some(server) => {
                    let expected = "must be host:port, such as 127.0.0.1:8080, or unix: and the path of a socket";
                    fault("https.upstreams", expected, server)
                }
                None => Ok(()),
            },
        }
    }
}

impl Site {
    /// Returns the site as a setting holds it, a line of two words: nothing in it holds a space or a comma.
    pub(crate) fn to_line(&self) -> String {
        let answers = match &self.answers {
            Answers::Upstreams(servers) => servers.join(","),
            Answers::Root(path) => path.clone(),
        };
        format!("{} {answers}", self.domains.join(","))
    }

    /// Reads what [`to_line`](Self::to_line) has written.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let words = |text: &str| text.split(',').map(str::to_owned).collect();
        let (domains, answers) = line.split_once(' ')?;
        Some(Self {
            domains: words(domains),
            // No server begins so.
            answers: match answers.starts_with('/') {
                true => Answers::Root(answers.to_owned()),
                false => Answers::Upstreams(words(answers)),
            },
        })
    }
}

/// What a path has to be.
const PATH: &str = "must be an absolute path of A-Z a-z 0-9 . _ - without empty parts, . or ..";

/// Tells whether a name can be in a certificate, without a wildcard.
fn is_domain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

fn is_email(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    let (name, domain) = text.split_once('@').unwrap_or_default();
    !name.is_empty() && text.len() <= 254 && name.chars().all(plain) && is_domain(&domain.to_ascii_lowercase())
}

fn is_upstream(text: &str) -> bool {
    if let Some(path) = text.strip_prefix("unix:") {
        return is_path(path) && path.len() <= SOCKET_PATH_MAX;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let (host, port) = text.rsplit_once(':').unwrap_or_default();
    let port: u16 = port.parse().unwrap_or_default();
    !host.is_empty() && host.chars().all(plain) && !host.starts_with('-') && port > 0
}

fn is_url(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:%?=&".contains(c);
    let rest = text.strip_prefix("https://").unwrap_or_default();
    !rest.is_empty() && !rest.starts_with('/') && text.len() <= 250 && text.chars().all(plain)
}

fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(plain);
    text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part))
}

#[cfg(test)]
mod tests {
    use super::{Answers, Challenge, ChallengeZone, Https, LETS_ENCRYPT, Site};

    fn with(change: impl FnOnce(&mut Https)) -> Option<&'static str> {
        let mut https = Https {
            sites: vec![Site {
                domains: vec!["app.example.com".into()],
                answers: Answers::Upstreams(vec!["127.0.0.1:8080".into()]),
            }],
            email: Some("ops@example.com".into()),
            ca: LETS_ENCRYPT.into(),
            ca_bundle: None,
            body_mib_max: 10,
            timeout_s: 60,
            hsts: true,
            extra: None,
            challenge: Challenge::Http,
        };
        change(&mut https);
        https.check().err().map(|fault| fault.field)
    }

    #[test]
    fn what_nginx_and_certbot_can_take_is_taken() {
        assert_eq!(with(|_| {}), None);
        for upstream in ["localhost:1", "app_1.internal:65535", "unix:/run/app/app.sock"] {
            assert_eq!(
                with(|https| https.sites[0].answers = Answers::Upstreams(vec![upstream.into()])),
                None,
                "{upstream}"
            );
        }
        assert_eq!(with(|https| https.email = None), None);
        assert_eq!(with(|https| https.ca_bundle = Some("/etc/ca.pem".into())), None);
        assert_eq!(with(|https| https.ca = "https://ca.internal:14000/dir".into()), None);
    }

    #[test]
    fn a_wildcard_is_for_challenges_in_the_dns() {
        let dns = |id: &str, domain: &str| {
            let zone = ChallengeZone {
                id: id.into(),
                endpoint: "https://route53.amazonaws.com".into(),
                region: "us-east-1".into(),
            };
            with(|https| {
                https.challenge = Challenge::Dns(zone);
                https.sites[0].domains = vec![domain.into()];
            })
        };
        for domain in ["*.example.com", "app.example.com"] {
            assert_eq!(dns("Z0123456789ABCDEFGHIJ", domain), None, "{domain}");
        }
        for domain in ["*.com", "*", "**.a.b", "a.*.b", "*.*.a.b", "*a.b.c"] {
            assert_eq!(dns("Z0", domain), Some("https.domains"), "{domain}");
        }
        for id in ["", "Z/0", "Z 0"] {
            assert_eq!(dns(id, "a.b"), Some("https.challenge"), "{id}");
        }
    }

    #[test]
    fn nothing_that_would_be_read_as_something_else_is_taken() {
        for domain in [
            "",
            "app",
            "App.example.com",
            "a_b.example.com",
            "*.example.com",
            "a.b;",
            "a..b",
            "-a.b",
            "a.b.",
        ] {
            assert_eq!(
                with(|https| https.sites[0].domains = vec![domain.into()]),
                Some("https.domains"),
                "{domain}"
            );
        }
        assert_eq!(with(|https| https.sites[0].domains.clear()), Some("https.domains"));
        assert_eq!(with(|https| https.sites.clear()), Some("https.sites"));
        let twice = |https: &mut Https| https.sites.push(https.sites[0].clone());
        assert_eq!(with(twice), Some("https.domains"));
        assert_eq!(
            with(|https| https.sites[0].domains = vec!["a.b".into(), "a.b".into()]),
            Some("https.domains")
        );
        for upstream in [
            "",
            "8080",
            ":8080",
            "a:0",
            "a:65536",
            "a b:1",
            "a;:1",
            "unix:run",
            "unix:/a b",
            "[::1]:80",
        ] {
            assert_eq!(
                with(|https| https.sites[0].answers = Answers::Upstreams(vec![upstream.into()])),
                Some("https.upstreams"),
                "{upstream}"
            );
        }
        for email in ["", "ops", "ops@", "@b.c", "a b@b.c", "a@b", "a\n@b.c"] {
            assert_eq!(
                with(|https| https.email = Some(email.into())),
                Some("https.email"),
                "{email}"
            );
        }
        for ca in ["", "http://a.b", "https://", "https:///a", "https://a b", "https://a'b"] {
            assert_eq!(with(|https| https.ca = ca.into()), Some("https.ca"), "{ca}");
        }
        assert_eq!(with(|https| https.body_mib_max = 0), Some("https.body_mib_max"));
        assert_eq!(with(|https| https.timeout_s = 0), Some("https.timeout_s"));
        for extra in ["", "a\0b"] {
            assert_eq!(with(|https| https.extra = Some(extra.into())), Some("https.extra"));
        }
        for path in ["", "ca.pem", "/", "/a/../b", "/a b"] {
            let root = |https: &mut Https| https.sites[0].answers = Answers::Root(path.into());
            assert_eq!(with(root), Some("https.root"), "{path}");
            assert_eq!(
                with(|https| https.ca_bundle = Some(path.into())),
                Some("https.ca_bundle"),
                "{path}"
            );
        }
    }
}
