//! Policy documents: the parser with the linter, and the evaluator.

use selfheal_core::desired::Ids;
use selfheal_core::operator::operator_scope;
use selfheal_core::permissions::{instance_policy, permissions_boundary};
use selfheal_core::spec::{EXAMPLE, Spec};
use selfheal_core::world::Observed;
use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::lint::{DocumentKind, lint};
use selfheal_policy::{Arn, Document, Limit, Partition, Purpose, operator_policy, trust_policy};
use serde_json::Value;

use super::{Target, example, holds};
use crate::error::TaskResult;

const WORDS: &[&str] = &[
    "\"Statement\":",
    "\"Sid\":",
    "\"Effect\":\"Deny\",",
    "\"NotAction\":\"*\",",
    "\"NotResource\":",
    "\"Principal\":{\"AWS\":\"*\"},",
    "\"Condition\":{",
    "\"ForAllValues:",
    "\"ForAnyValue:",
    "IfExists\":",
    "\"Null\":{\"a:b\":\"true\"}",
    "\"StringLike\":",
    "\"NumericLessThan\":",
    "\"DateGreaterThan\":",
    "\"IpAddress\":",
    "\"Bool\":",
    "\"ArnLike\":",
    "\"BinaryEquals\":",
    "${aws:username}",
    "${aws:userid, 'x'}",
    "${*}",
    "${$}",
    "arn:aws:s3:::",
    "*",
    "?",
    "[",
    "]",
    "{",
    "}",
    "null",
    "\\u0000",
    "\\ud800",
    "203.0.113.0/24",
    "::/0",
    "2020-01-01T00:00:00Z",
    "\"Version\":\"2008-10-17\",",
    "\"Id\":\"x\",",
];

/// The parser: no panic, and printing is undone by parsing. The linter and the distribution over several documents are total.
pub const PARSER: Target = Target {
    name: "policy",
    corpus: documents,
    words: WORDS,
    check: parse,
};

/// The evaluator: total, the same each time, and a deny of everything wins.
pub const EVALUATOR: Target = Target {
    name: "evaluate",
    corpus: documents,
    words: WORDS,
    check: decide,
};

/// Documents that IAM's guide shows, and all that are generated for the example of a stack.
fn documents() -> TaskResult<Vec<Vec<u8>>> {
    let spec: Spec = EXAMPLE.parse().map_err(|why| example("of a stack", &why))?;
    let made =
        |result: Result<Document, selfheal_policy::ScopeError>| result.map_err(|why| example("of a policy", &why));
    let ids = Ids::of(&spec, &Observed::default());
    let mut documents = vec![
        made(instance_policy(&spec, &ids))?,
        made(permissions_boundary(&spec, &ids))?,
        trust_policy(Partition::of_region(&spec.region)),
    ];
    let mut scope = operator_scope(&spec, "123456789012", &Observed::default());
    scope.application_check = true;
    scope.permissions_boundary = Some("arn:aws:iam::123456789012:policy/boundary".to_owned());
    for purpose in Purpose::ALL {
        documents.push(made(operator_policy(&scope, purpose))?);
    }
    let mut corpus: Vec<Vec<u8>> = documents
        .iter()
        .map(|document| document.to_json().into_bytes())
        .collect();
    corpus.extend(BY_HAND.iter().map(|text| text.as_bytes().to_vec()));
    Ok(corpus)
}

/// What the generators do not make: forms that IAM takes beside those.
const BY_HAND: &[&str] = &[
    r#"{"Version":"2012-10-17","Id":"one","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#,
    r#"{"Version":"2008-10-17","Statement":[{"Sid":"A","Effect":"Deny","NotAction":["iam:*","sts:Get?aller*"],
        "NotResource":"arn:aws:s3:::bucket/${aws:username}/*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":false},
        "NumericLessThanEquals":{"s3:max-keys":10},"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:db8::/32"]}}}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:root"],
        "Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"DateLessThan":
        {"aws:CurrentTime":"2030-06-30T23:59:59Z"},"ForAllValues:StringEqualsIfExists":{"aws:TagKeys":["a","b"]}}}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:GetItem"],"Resource":
        "arn:aws:dynamodb:*:*:table/t","Condition":{"ForAnyValue:StringLike":{"dynamodb:Attributes":["a*","b?"]},
        "Null":{"aws:TokenIssueTime":"true"},"BinaryEquals":{"k:v":"QmluYXJ5"},"ArnNotLike":{"aws:SourceArn":"arn:aws:sns:*:*:x"}}}]}"#,
];

fn parse(input: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(input);
    if let Ok(arn) = text.parse::<Arn>() {
        holds(arn.to_string() == text, "an ARN is printed as another", || {
            arn.to_string()
        })?;
    }
    let Ok(document) = text.parse::<Document>() else {
        return Ok(());
    };
    for printed in [document.to_json(), document.to_json_pretty()] {
        let again = printed.parse::<Document>();
        holds(
            again.as_ref() == Ok(&document),
            "what is printed is read as another",
            || printed.clone(),
        )?;
    }
    holds(document.equivalent(&document), "a document differs from itself", || {
        document.to_json()
    })?;
    for kind in [DocumentKind::InstanceRole, DocumentKind::Operator, DocumentKind::Trust] {
        drop(lint(&document, kind));
    }
    if let Ok(parts) = document.split(Limit::Managed) {
        let together: Vec<_> = parts.iter().flat_map(|part| part.statements.clone()).collect();
        holds(together == document.statements, "a part of a document is lost", || {
            document.to_json()
        })?;
        let fit = parts.iter().all(|part| part.size() <= Limit::Managed.characters());
        holds(fit, "a part exceeds the limit", || document.to_json())?;
    }
    Ok(())
}

fn decide(input: &[u8]) -> Result<(), String> {
    let Ok(document) = String::from_utf8_lossy(input).parse::<Document>() else {
        return Ok(());
    };
    let printed = document.to_json();
    let Ok(again) = printed.parse::<Document>() else {
        return Ok(());
    };
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let deny = deny.parse::<Document>().map_err(|error| error.to_string())?;
    let nothing = Document::new(Vec::new());
    for request in requests(&printed) {
        let shown = || format!("{printed}\n{request:?}");
        let allows = |documents: &[&Document]| evaluate(Policies::identity(documents), &request).is_allowed();
        let allowed = allows(&[&document]);
        holds(
            allowed == allows(&[&again]),
            "what is printed decides as another",
            shown,
        )?;
        holds(
            allowed == allows(&[&document, &document]),
            "twice the same decides as another",
            shown,
        )?;
        holds(
            !allows(&[&document, &deny]) && !allows(&[&deny, &document]),
            "a deny is no deny",
            shown,
        )?;
        holds(!allows(&[&nothing]), "nothing allows something", shown)?;
        let identity = [&document];
        let within = Policies {
            boundary: Some(&nothing),
            ..Policies::identity(&identity)
        };
        holds(
            !evaluate(within, &request).is_allowed(),
            "a boundary of nothing allows something",
            shown,
        )?;
    }
    Ok(())
}

/// Requests that a document is likely to speak of: of its own actions, resources, keys and values.
fn requests(document: &str) -> Vec<Request> {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let statements = document["Statement"].as_array().cloned().unwrap_or_default();
    let mut requests = vec![Request::new("ec2:AttachVolume"), Request::new("")];
    for statement in statements.iter().take(4) {
        let of = |one: &str, other: &str| [texts(&statement[one]), texts(&statement[other])].concat();
        let actions = of("Action", "NotAction");
        let mut request = Request::new(actions.first().map_or("", String::as_str));
        for arn in of("Resource", "NotResource")
            .iter()
            .filter_map(|text| text.parse().ok())
            .take(3)
        {
            request = request.on(ResourceRequest::new(arn).tagged("selfheal:stack", "web"));
        }
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        for (key, values) in conditions.flat_map(|(_, keys)| keys.as_object().into_iter().flatten()) {
            request = request.with_all(key, texts(values));
        }
        requests.push(request);
    }
    requests
}

/// The texts of a value, each with something in the place of what stands for anything.
fn texts(value: &Value) -> Vec<String> {
    let plain = |text: &str| {
        text.replace('*', "x")
            .replace('?', "y")
            .replace("${aws:username}", "jo")
    };
    match value {
        Value::String(text) => vec![plain(text)],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Bool(_) | Value::Number(_) => vec![value.to_string()],
        Value::Null | Value::Object(_) => Vec::new(),
    }
}
