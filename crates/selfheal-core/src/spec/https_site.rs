//! A site: names, and what answers requests for them. One stands in `[https]` itself, several in `[[https.site]]`.

use selfheal_userdata::{
    Answers, Challenge, ChallengeZone, HTTPS_DOMAINS_MAX, Https, HttpsFault, LETS_ENCRYPT, Site, UPSTREAMS_MAX,
};
use toml_edit::{Array, Table, value};

use super::reader::{Fault, Located, Reader, Section};
use super::syntax;
use super::values::strings;

/// The keys of a site.
pub(super) const KEYS: &[&str] = &["domains", "upstream", "root"];

/// Reads a site; `None` when something that is required is not there or not sound.
///
/// `wildcards` tells whether the authority gives certificates for names that begin with `*.`.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>, wildcards: bool) -> Option<Site> {
    let names = "a list of names, such as [\"app.example.com\"]";
    if !section.has("domains") {
        section.missing(reader, "domains", names);
    }
    let domains = section.strings(reader, "domains", names).and_then(|found| {
        each(reader, found, HTTPS_DOMAINS_MAX, |name| {
            syntax::dns_name(name.strip_prefix("*.").unwrap_or(name))?;
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            checked(name, |https, name| {
                https.sites[0].domains = vec![name];
                if wildcards {
                    https.challenge = Challenge::Dns(any_zone());
                }
            })
        })
    });
    let answers = answers(reader, section);
    Some(Site {
        domains: domains?,
        answers: answers?,
    })
}

/// Reads what answers requests: exactly one of the two.
fn answers(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Answers> {
    let server = "a server on the instance, such as \"127.0.0.1:8080\" or \"unix:/run/app.sock\", or a list of them";
    match (section.has("upstream"), section.has("root")) {
        (true, true) => {
            let fault = Fault::conflict("is here as well as `upstream`", "one of `upstream` and `root`");
            reader.report(&section.name("root"), section.key_span("root"), fault);
            None
        }
        (false, true) => {
            let root = section.string(reader, "root", "a folder on the instance, such as \"/srv/data/www\"");
            let root = reader.check(root, |path| {
                checked(path.clone(), |https, path| https.sites[0].answers = Answers::Root(path))
            });
            root.map(|root| Answers::Root(root.value))
        }
        (has, false) => {
            if !has {
                let expected = format!("{server}; or `root`, a folder of files");
                section.missing(reader, "upstream", &expected);
            }
            let servers = section.one_or_more(reader, "upstream", server)?;
            let servers = each(reader, servers, UPSTREAMS_MAX, |server| {
                checked(server.clone(), |https, server| {
                    https.sites[0].answers = Answers::Upstreams(vec![server]);
                })
            });
            servers.map(Answers::Upstreams)
        }
    }
}

/// What each of the values means; what is wrong with one is noted, and the others are kept.
fn each(
    reader: &mut Reader<'_>,
    found: Vec<Located<String>>,
    max: usize,
    check: impl Fn(&String) -> Result<String, Fault>,
) -> Option<Vec<String>> {
    let mut values: Vec<String> = Vec::new();
    let mut sound = !found.is_empty();
    if let Some(at) = found.get(max) {
        reader.fault(at, Fault::out_of_range("is one too many", format!("at most {max}")));
        sound = false;
    }
    for at in found {
        let twice = |value: &String| {
            values
                .contains(value)
                .then(|| Fault::conflict("is named twice", "each once"))
        };
        let at = reader.check(Some(at), |text| {
            let value = check(text)?;
            twice(&value).map_or(Ok(value), Err)
        });
        match at {
            Some(at) => values.push(at.value),
            None => sound = false,
        }
    }
    sound.then_some(values)
}

/// A zone that stands for any.
fn any_zone() -> ChallengeZone {
    ChallengeZone {
        id: "Z0".to_owned(),
        endpoint: "https://route53.amazonaws.com".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

/// Asks the boot program, which knows what it can take, whether it takes this one value.
pub(super) fn checked(text: String, put: impl FnOnce(&mut Https, String)) -> Result<String, Fault> {
    let mut https = Https {
        sites: vec![Site {
            domains: vec!["app.example.com".to_owned()],
            answers: Answers::Upstreams(vec!["127.0.0.1:8080".to_owned()]),
        }],
        email: None,
        ca: LETS_ENCRYPT.to_owned(),
        ca_bundle: None,
        body_mib_max: 1,
        timeout_s: 1,
        hsts: true,
        extra: None,
        challenge: Challenge::Http,
    };
    put(&mut https, text.clone());
    match https.check() {
        Ok(()) => Ok(text),
        Err(HttpsFault { expected, .. }) => {
            let expected = expected.strip_prefix("must be ").unwrap_or(expected);
            Err(Fault::malformed(syntax::is(&text), expected))
        }
    }
}

/// Puts a site into a table.
pub(super) fn put(table: &mut Table, site: &Site) {
    table["domains"] = strings(site.domains.iter().cloned());
    match &site.answers {
        Answers::Root(path) => table["root"] = value(path),
        Answers::Upstreams(servers) => {
            table["upstream"] = match &servers[..] {
                [one] => value(one),
                several => value(several.iter().collect::<Array>()),
            };
        }
    }
}
