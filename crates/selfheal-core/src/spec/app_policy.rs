//! The app's own policy: what is refused of it, and what a person should know.

use selfheal_policy::lint::{DocumentKind, Rule, lint};
use selfheal_policy::{Document, Effect, Statement};

use super::Spec;

/// What the file has to hold.
pub(super) const EXPECTED: &str = "an IAM policy as JSON, such as the policy of a role";

/// Reads the policy; the error is a clause.
pub(super) fn read(body: &[u8]) -> Result<Document, String> {
    let text = std::str::from_utf8(body).map_err(|_| "is not UTF-8".to_owned())?;
    let document = Document::parse_identity(text).map_err(|error| format!("IAM would refuse: {error}"))?;
    if document.statements.is_empty() {
        return Err("has no statement".to_owned());
    }
    // What IAM refuses is refused here, where nothing has been made yet.
    let refused = |rule: Rule| matches!(rule, Rule::TooLong | Rule::WrongKind);
    let findings = lint(&document, DocumentKind::InstanceRole);
    if let Some(finding) = findings.iter().find(|finding| refused(finding.rule)) {
        return Err(format!("IAM would refuse: {}", finding.message));
    }
    // The instance could then take any volume and any address, and lock and tags would protect nothing.
    let everything = |statement: &&Statement| {
        statement.effect == Effect::Allow && statement.actions.contains("no-service-of-aws:NoAction")
    };
    match document.statements.iter().find(everything) {
        Some(statement) => Err(format!(
            "allows every action{}, other stacks' volumes and addresses included",
            named(statement)
        )),
        None => Ok(document),
    }
}

fn named(statement: &Statement) -> String {
    match statement.name() {
        "" => String::new(),
        name => format!(" in `{name}`"),
    }
}

/// Findings that are told: nobody reads on beyond so many.
const NOTES_MAX: usize = 10;

impl Spec {
    /// What a person should know about the app's policy: what the linter finds, and what it denies the boot program.
    #[must_use]
    pub fn app_policy_notes(&self) -> Vec<String> {
        let Some(policy) = &self.app.policy else {
            return Vec::new();
        };
        let findings = lint(&policy.document, DocumentKind::InstanceRole);
        let mut notes: Vec<String> = findings
            .iter()
            // The calls of the boot program are allowed beside it.
            .filter(|finding| finding.rule != Rule::IncompleteCall)
            .map(|finding| match finding.statement {
                Some(index) if finding.sid.is_empty() => format!("statement {}: {}", index + 1, finding.message),
                Some(_) => format!("statement `{}`: {}", finding.sid, finding.message),
                None => finding.message.clone(),
            })
            .collect();
        notes.extend(denied(&policy.document).map(|(statement, action)| {
            format!(
                "it denies{} {action}, which the instance needs to heal",
                named(statement)
            )
        }));
        if notes.len() > NOTES_MAX {
            let more = notes.len() - NOTES_MAX;
            notes.truncate(NOTES_MAX);
            notes.push(format!("and {more} more"));
        }
        notes
    }
}

/// The statements that deny, perhaps under a condition, what the boot program calls.
fn denied(document: &Document) -> impl Iterator<Item = (&Statement, &'static str)> {
    let needs = |statement: &Statement| {
        let by_instance = selfheal_policy::requests::Caller::Instance;
        let mut calls = selfheal_policy::requests::calls().filter(move |call| call.is_made_by(by_instance));
        calls
            .find(|call| statement.actions.contains(call.action))
            .map(|call| call.action)
    };
    let denies = document
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Deny);
    denies.filter_map(move |statement| Some((statement, needs(statement)?)))
}
