//! The section `[notify]`: who is told when something happens to the stack.

use selfheal_policy::Partition;
use toml_edit::{Array, Item, Table, value};

use super::problem::SpecProblemKind;
use super::reader::{Fault, Located, Reader, Section};
use super::syntax;

/// Its keys.
pub(super) const KEYS: &[&str] = &["email", "webhook", "topic", "disk", "terminations"];
/// How many addresses may be told: each is one subscription that somebody has to confirm.
const EMAILS_MAX: usize = 20;
/// The longest endpoint: a bound of ours, far above any mail address or webhook.
const ENDPOINT_MAX: usize = 512;

/// Who is told, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifySpec {
    /// Where the messages go.
    pub to: NotifyTo,
    /// How full the root filesystem or that of the data may become, in percent, before that is told.
    pub disk_percent: u32,
    /// Whether each end of an instance is told too: also of one that the stack's schedule ends every night.
    pub terminations: bool,
}

/// Where the messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifyTo {
    /// A topic of the stack's own, with these subscriptions.
    Own {
        /// Mail addresses, each once.
        emails: Vec<String>,
        /// URL that SNS posts to.
        webhook: Option<String>,
    },
    /// A topic that exists, by its ARN: whom it tells is said there.
    Given(String),
}

impl NotifySpec {
    /// A full disk is the commonest end of a single server; at 90 % there is time to act, and nothing slows down yet.
    pub const DISK_PERCENT_DEFAULT: u32 = 90;

    /// The subscriptions that the stack's own topic is to have: protocol and endpoint.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<(&'static str, &str)> {
        match &self.to {
            NotifyTo::Given(_) => Vec::new(),
            NotifyTo::Own { emails, webhook } => {
                let emails = emails.iter().map(|email| ("email", email.as_str()));
                emails.chain(webhook.as_deref().map(|url| ("https", url))).collect()
            }
        }
    }
}

/// Reads the section; `None` where it does not say whom to tell, or says so wrongly.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<NotifySpec> {
    let emails = emails(reader, section);
    let webhook = section.string(reader, "webhook", WEBHOOK);
    let webhook = reader.check(webhook, |url| parse_webhook(url));
    let topic = section.string(reader, "topic", TOPIC);
    let topic = reader.check(topic, |arn| parse_topic(arn));
    let disk = section.integer(reader, "disk", 50..=99, " percent");
    let terminations = section.boolean(reader, "terminations");
    let others: Vec<&str> = ["email", "webhook"]
        .into_iter()
        .filter(|key| section.has(key))
        .collect();
    let to = match (section.has("topic"), others.as_slice()) {
        (false, []) => {
            let expected = "`email`, `webhook` or `topic`";
            reader.report(
                "notify",
                section.key_span(""),
                Fault::new(SpecProblemKind::MissingKey, "tells nobody", expected),
            );
            return None;
        }
        (true, [other, ..]) => {
            let found = format!("is given together with `notify.{other}`");
            let expected = "one of them: whom a topic tells that exists already is said there, and not by this stack";
            reader.report(
                "notify.topic",
                section.key_span("topic"),
                Fault::conflict(found, expected),
            );
            return None;
        }
        (true, []) => NotifyTo::Given(topic?.value),
        (false, _) => {
            if section.has("webhook") && webhook.is_none() {
                return None;
            }
            NotifyTo::Own {
                emails: emails?,
                webhook: webhook.map(|url| url.value),
            }
        }
    };
    Some(NotifySpec {
        to,
        disk_percent: disk.map_or(NotifySpec::DISK_PERCENT_DEFAULT, |disk| disk.value),
        terminations: terminations.is_some_and(|at| at.value),
    })
}

/// What is expected of addresses.
const EMAIL: &str = "a mail address such as \"ops@example.com\", or a list of such";

/// The addresses, of which there may be one without a list around it; `None` where the key holds neither, or nobody.
fn emails(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Vec<String>> {
    if !section.has("email") {
        return Some(Vec::new());
    }
    let given = if section.is_list("email") {
        section.strings(reader, "email", EMAIL)?
    } else {
        vec![section.string(reader, "email", EMAIL)?]
    };
    if given.is_empty() {
        let fault = Fault::new(SpecProblemKind::MissingKey, "names nobody", EMAIL);
        reader.report("notify.email", section.key_span("email"), fault);
        return None;
    }
    let mut emails: Vec<String> = Vec::new();
    for email in given {
        match parse_email(&email, &emails) {
            Ok(()) => emails.push(email.value),
            Err(fault) => reader.fault(&email, fault),
        }
    }
    Some(emails)
}

fn parse_email(email: &Located<String>, before: &[String]) -> Result<(), Fault> {
    let text = &email.value;
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"\"(),:;<>[\\]@".contains(&b))
    };
    let domain = |text: &str| text.contains('.') && text.split('.').all(|label| !label.is_empty());
    let sound = text.len() <= ENDPOINT_MAX
        && text
            .split_once('@')
            .is_some_and(|(local, host)| plain(local) && plain(host) && domain(host));
    if !sound {
        return Err(Fault::malformed(
            syntax::is(text),
            "a mail address such as \"ops@example.com\"",
        ));
    }
    if before.iter().any(|known| known.eq_ignore_ascii_case(text)) {
        return Err(Fault::conflict(
            format!("{} twice", syntax::is(text)),
            "each address once",
        ));
    }
    if before.len() == EMAILS_MAX {
        return Err(Fault::out_of_range(
            "is one address too many",
            format!("{EMAILS_MAX} addresses at most"),
        ));
    }
    Ok(())
}

/// What is expected of a webhook.
const WEBHOOK: &str = "a URL such as \"https://hooks.example.com/selfheal\", without a user in it";

fn parse_webhook(url: &str) -> Result<String, Fault> {
    let host = url
        .strip_prefix("https://")
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    // SNS would show a password to whoever may list the subscriptions.
    let sound = host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && url.len() <= ENDPOINT_MAX
        && url.bytes().all(|b| b.is_ascii_graphic());
    match sound {
        true => Ok(url.to_owned()),
        false => Err(Fault::malformed(syntax::is(url), WEBHOOK)),
    }
}

/// What is expected of a topic.
const TOPIC: &str = "a standard topic's ARN such as \"arn:aws:sns:eu-west-1:123456789012:alarms\"";

fn parse_topic(arn: &str) -> Result<String, Fault> {
    let named = |name: &str| {
        (1..=256).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let sound = match arn.split(':').collect::<Vec<_>>()[..] {
        ["arn", partition, "sns", region, owner, name] => {
            partition.parse::<Partition>().is_ok() && syntax::region(region).is_ok() && account(owner) && named(name)
        }
        _ => false,
    };
    match sound {
        true => Ok(arn.to_owned()),
        false => Err(Fault::malformed(syntax::is(arn), TOPIC)),
    }
}

/// The section as a table.
pub(super) fn table(spec: &NotifySpec) -> Table {
    let mut table = Table::new();
    match &spec.to {
        NotifyTo::Given(arn) => table["topic"] = value(arn),
        NotifyTo::Own { emails, webhook } => {
            match emails.as_slice() {
                [] => {}
                [one] => table["email"] = value(one),
                many => table["email"] = Item::Value(many.iter().collect::<Array>().into()),
            }
            if let Some(url) = webhook {
                table["webhook"] = value(url);
            }
        }
    }
    if spec.disk_percent != NotifySpec::DISK_PERCENT_DEFAULT {
        table["disk"] = value(i64::from(spec.disk_percent));
    }
    if spec.terminations {
        table["terminations"] = value(true);
    }
    table
}
