//! What a hostile document costs to read, to lint and to evaluate: about as much as its length, and never its square.
//!
//! Each document is as long as the parser accepts, or as the quota of a policy allows. What is quadratic takes minutes.

use std::time::{Duration, Instant};

use selfheal_policy::Limit;
use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::lint::{DocumentKind, Rule, lint};
use selfheal_policy::{DOCUMENT_BYTES_MAX, Document, Statement};

/// Far above what it takes on a busy machine without optimisation, and far below what a square takes.
const AT_MOST: Duration = Duration::from_secs(10);

/// Joins numbered entries to a list of JSON strings of about this length.
fn list(bytes: usize, entry: impl Fn(usize) -> String) -> String {
    let mut out = String::new();
    let mut number = 0;
    while out.len() < bytes {
        if number > 0 {
            out.push(',');
        }
        out.push_str(&format!("\"{}\"", entry(number)));
        number += 1;
    }
    out
}

fn with_actions(actions: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}}}"#)
}

fn with_resources(resources: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":["ec2:DeleteVolume","s3:GetObject"],
            "Resource":[{resources}]}}}}"#
    )
}

fn with_values(operator: &str, values: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:GetObject","Resource":"*",
            "Condition":{{"{operator}":{{"s3:prefix":[{values}]}}}}}}}}"#
    )
}

/// Returns documents of about this length that are hostile to whatever compares each entry with each other one.
fn documents(bytes: usize) -> Vec<(&'static str, String)> {
    let list = |entry: &dyn Fn(usize) -> String| list(bytes, entry);
    let statements: Vec<String> = (0..bytes / 60)
        .map(|number| format!(r#"{{"Effect":"Deny","Action":"a:{number}","Resource":"*"}}"#))
        .collect();
    let keys: Vec<String> = (0..bytes / 16).map(|number| format!(r#""a:k{number}":"v""#)).collect();
    vec![
        ("exact actions", with_actions(&list(&|number| format!("a:{number}")))),
        (
            "patterns of actions",
            with_actions(&list(&|number| format!("ec2:*{number}"))),
        ),
        (
            "resources",
            with_resources(&list(&|number| format!("arn:aws:s3:::{number}"))),
        ),
        (
            "patterns of resources",
            with_resources(&list(&|number| format!("arn:aws:ec2:*:*:*{number}"))),
        ),
        (
            "values",
            with_values("StringLike", &list(&|number| format!("*{number}"))),
        ),
        (
            "one value",
            with_values("StringLike", &format!("\"{}b\"", "*a?".repeat(bytes / 3))),
        ),
        (
            "statements",
            format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")),
        ),
        (
            "keys",
            format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"a:B","Resource":"*",
                    "Condition":{{"StringEquals":{{{}}}}}}}}}"#,
                keys.join(",")
            ),
        ),
    ]
}

#[test]
fn no_document_costs_the_square_of_its_length() {
    let object = format!("arn:aws:s3:::{}", "a".repeat(2_000));
    let request = Request::new("s3:GetObject")
        .on(ResourceRequest::new(object.parse().unwrap()))
        .with("s3:prefix", "a".repeat(1_000));
    let long = documents(DOCUMENT_BYTES_MAX - 4_000);
    let short = documents(Limit::RoleInline.characters() - 200);
    for (name, text) in long.into_iter().chain(short) {
        assert!(text.len() <= DOCUMENT_BYTES_MAX, "{name} is {} bytes", text.len());
        let start = Instant::now();
        let document: Document = text.parse().unwrap();
        let _findings = lint(&document, DocumentKind::Operator);
        let _decision = evaluate(Policies::identity(&[&document]), &request);
        let parts = document.split(Limit::Managed);
        let took = start.elapsed();
        assert!(took < AT_MOST, "{name}: {took:?}");
        if let Ok(parts) = parts {
            assert!(
                parts.iter().all(|part| part.size() <= Limit::Managed.characters()),
                "{name}"
            );
        }
    }
}

/// IAM refuses it whatever else it holds, so nothing else is said of it.
#[test]
fn of_a_document_that_is_too_long_nothing_else_is_said() {
    let document: Document = with_actions(&list(80_000, |number| format!("a:{number}")))
        .parse()
        .unwrap();
    let rules: Vec<Rule> = lint(&document, DocumentKind::Operator)
        .iter()
        .map(|finding| finding.rule)
        .collect();
    assert_eq!(rules, [Rule::TooLong]);
}

#[test]
fn a_pattern_of_many_wildcards_matches_what_it_should_and_in_time() {
    let text = "a".repeat(80_000);
    let like = |pattern: &str, value: &str| {
        let document: Document = with_values("StringLike", &format!("\"{pattern}\"")).parse().unwrap();
        let request = Request::new("s3:GetObject").with("s3:prefix", value);
        evaluate(Policies::identity(&[&document]), &request).is_allowed()
    };
    let start = Instant::now();
    let stars = "*a?".repeat(25_000);
    assert!(like(&stars, &text));
    assert!(!like(&format!("{stars}b"), &text));
    assert!(like(&format!("{stars}b"), &format!("{text}b")));
    assert!(!like(&"a?".repeat(25_000), &text));
    let half = "a".repeat(40_000);
    assert!(!like(&format!("*{half}b*"), &text));
    assert!(like(&format!("*{half}b*"), &format!("{text}bc")));
    assert!(start.elapsed() < AT_MOST, "{:?}", start.elapsed());
}

/// A document inside of another format, such as a Terraform state, comes by serde and not as a text of its own.
#[test]
fn what_serde_hands_over_is_limited_as_well() {
    let long = |extra: usize| with_actions(&format!("\"a:{}\"", "b".repeat(DOCUMENT_BYTES_MAX - 1_000 + extra)));
    assert!(serde_json::from_str::<Document>(&long(0)).is_ok());
    for text in [
        long(1_000),
        with_actions(&vec!["\"a:b\""; DOCUMENT_BYTES_MAX].join(",")),
        format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{{"Null":{{"a:b":[{}]}}}}}}}}"#,
            vec!["true"; DOCUMENT_BYTES_MAX].join(",")
        ),
    ] {
        let Err(error) = serde_json::from_str::<Document>(&text) else {
            panic!("{} bytes are read", text.len())
        };
        let error = error.to_string();
        assert!(error.contains("too long"), "{error}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(serde_json::from_value::<Document>(value.clone()).is_err());
        assert!(serde_json::from_value::<Statement>(value["Statement"].clone()).is_err());
    }
}

#[test]
fn what_serde_hands_over_is_not_nested_without_end() {
    let mut value = serde_json::Value::Null;
    for _ in 0..5_000 {
        value = serde_json::Value::Array(vec![value]);
    }
    // Built in memory, so that no parser's own limit comes first; and taken apart one by one, since dropping recurses.
    let error = serde::Deserialize::deserialize(&value).map(|document: Document| document);
    assert!(error.unwrap_err().to_string().contains("too deep"));
    while let serde_json::Value::Array(mut inner) = value {
        value = inner.pop().unwrap_or_default();
    }
}
