//! The parser: every form that IAM accepts, and errors that say what and where.

use selfheal_policy::{DOCUMENT_BYTES_MAX, Document, Location, ParseErrorKind, Statement};

fn path(text: &str) -> Location {
    Location::Path(text.to_owned())
}

#[track_caller]
fn check(text: &str, kind: ParseErrorKind, location: &Location) {
    let error = text.parse::<Document>().unwrap_err();
    assert_eq!((error.kind(), error.location()), (kind, location), "{error}");
}

const ACTION: &str = r#""Action":"ec2:AttachVolume""#;
const RESOURCE: &str = r#""Resource":"*""#;

fn statement(body: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{body}}}]}}"#)
}

#[test]
fn errors_in_a_document_say_what_and_where() {
    for (text, kind, at) in [
        ("[]".to_owned(), ParseErrorKind::Type, ""),
        ("{}".to_owned(), ParseErrorKind::Missing, ""),
        (r#"{"Statement":[]}"#.to_owned(), ParseErrorKind::Missing, "Statement"),
        (r#"{"Statement":[7]}"#.to_owned(), ParseErrorKind::Type, "Statement[0]"),
        (
            r#"{"Version":"2013-01-01","Statement":[]}"#.to_owned(),
            ParseErrorKind::Version,
            "Version",
        ),
        (
            r#"{"Version":2012,"Statement":[]}"#.to_owned(),
            ParseErrorKind::Type,
            "Version",
        ),
        (
            r#"{"Statement":[],"Statement":[]}"#.to_owned(),
            ParseErrorKind::Duplicate,
            "Statement",
        ),
        (r#"{"Rules":[]}"#.to_owned(), ParseErrorKind::UnknownElement, "Rules"),
    ] {
        check(&text, kind, &path(at));
    }
}

#[test]
fn errors_in_a_statement_say_what_and_where() {
    let (action, resource) = (ACTION, RESOURCE);
    for (text, kind, at) in [
        (statement(action), ParseErrorKind::Missing, "Statement[0]"),
        (statement(resource), ParseErrorKind::Missing, "Statement[0]"),
        (
            statement(&format!(r#"{action},"NotAction":"a:B",{resource}"#)),
            ParseErrorKind::Contradiction,
            "Statement[0]",
        ),
        (
            statement(&format!(r#"{action},{resource},{resource}"#)),
            ParseErrorKind::Duplicate,
            "Statement[0].Resource",
        ),
        (
            statement(&format!(r#"{action},{resource},"Sid":"a b""#)),
            ParseErrorKind::Sid,
            "Statement[0].Sid",
        ),
        (
            statement(&format!(r#"{action},{resource},"Effects":"x""#)),
            ParseErrorKind::UnknownElement,
            "Statement[0].Effects",
        ),
    ] {
        check(&text, kind, &path(at));
    }
}

#[test]
fn errors_in_an_element_say_what_and_where() {
    let (action, resource) = (ACTION, RESOURCE);
    for (text, kind, at) in [
        (
            statement(&format!(r#""Action":["a:B","x"],{resource}"#)),
            ParseErrorKind::Action,
            "Statement[0].Action[1]",
        ),
        (
            statement(&format!(r#""Action":[],{resource}"#)),
            ParseErrorKind::Missing,
            "Statement[0].Action",
        ),
        (
            statement(&format!(r#"{action},"Resource":"vol-1""#)),
            ParseErrorKind::Resource,
            "Statement[0].Resource",
        ),
        (
            statement(&format!(r#"{action},"Principal":"me""#)),
            ParseErrorKind::Principal,
            "Statement[0].Principal",
        ),
        (
            statement(&format!(r#"{action},"Principal":{{}}"#)),
            ParseErrorKind::Missing,
            "Statement[0].Principal",
        ),
        (
            statement(&format!(
                r#"{action},{resource},"Condition":{{"StringLikee":{{"a":"b"}}}}"#
            )),
            ParseErrorKind::Operator,
            "Statement[0].Condition.StringLikee",
        ),
        (
            statement(&format!(
                r#"{action},{resource},"Condition":{{"Bool":{{"a":[true,null]}}}}"#
            )),
            ParseErrorKind::Type,
            "Statement[0].Condition.Bool.a[1]",
        ),
        (
            statement(&format!(
                r#"{action},{resource},"Condition":{{"Bool":{{"a":true,"A":false}}}}"#
            )),
            ParseErrorKind::Duplicate,
            "Statement[0].Condition.Bool.A",
        ),
    ] {
        check(&text, kind, &path(at));
    }
}

#[test]
fn malformed_json_has_a_line_and_a_column() {
    check(
        "{\n  \"Version\" 7\n}",
        ParseErrorKind::Syntax,
        &Location::Text { line: 2, column: 13 },
    );
    let deep = "[".repeat(100_000);
    assert_eq!(deep.parse::<Document>().unwrap_err().kind(), ParseErrorKind::Syntax);
}

#[test]
fn two_sids_of_one_name_and_long_documents_are_refused() {
    let one = r#"{"Sid":"A","Effect":"Allow","Action":"a:B","Resource":"*"}"#;
    check(
        &format!(r#"{{"Statement":[{one},{one}]}}"#),
        ParseErrorKind::Sid,
        &path("Statement[1].Sid"),
    );
    check(&" ".repeat(DOCUMENT_BYTES_MAX + 1), ParseErrorKind::TooLong, &path(""));
}

#[test]
fn every_form_means_the_same() {
    let listed: Document = r#"{"Version":"2012-10-17","Statement":[{"Sid":"One","Effect":"Allow",
        "Action":["EC2:attachvolume","ec2:DetachVolume"],
        "Resource":["arn:aws:ec2:eu-west-1:123456789012:volume/vol-1"],
        "Condition":{"bool":{"AWS:SecureTransport":[true]},"StringEquals":{"aws:x":["b","a"]}}}]}"#
        .parse()
        .unwrap();
    let plain: Document = r#"{"Statement":{"Effect":"Allow","Resource":"arn:aws:ec2:eu-west-1:123456789012:volume/vol-1",
        "Action":["ec2:DetachVolume","ec2:AttachVolume","ec2:AttachVolume"],
        "Condition":{"StringEquals":{"aws:x":["a","b"]},"Bool":{"aws:SecureTransport":"true"}}},"Version":"2012-10-17"}"#
        .parse()
        .unwrap();
    assert!(listed.equivalent(&plain));
    assert_ne!(listed, plain);
    for (from, to) in [
        ("vol-1", "vol-2"),
        ("Allow", "Deny"),
        ("\"Action\"", "\"NotAction\""),
        ("\"Resource\"", "\"NotResource\""),
        ("\"a\",\"b\"", "\"a\""),
        ("2012-10-17", "2008-10-17"),
        ("Bool", "BoolIfExists"),
    ] {
        let text = plain.to_json().replace(from, to);
        assert_ne!(text, plain.to_json(), "{from} occurs");
        assert!(!listed.equivalent(&text.parse().unwrap()), "{from} became {to}");
    }
}

#[test]
fn serde_reads_and_writes_documents_and_statements() {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let document: Document = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&document).unwrap(), text);
    let statement: Statement = serde_json::from_value(serde_json::to_value(&document.statements[0]).unwrap()).unwrap();
    assert_eq!(statement, document.statements[0]);
    let error = serde_json::from_str::<Document>(r#"{"Statement":{"Effect":"Perhaps"}}"#).unwrap_err();
    assert!(error.to_string().contains("Statement.Effect"), "{error}");
}
