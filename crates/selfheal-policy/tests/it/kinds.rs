//! Documents of another kind than they are used as, which IAM does not store.

use selfheal_policy::eval::{Decision, Layer, Policies, Request, evaluate};
use selfheal_policy::{Document, ParseErrorKind, Partition, trust_policy};

const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const WITH_PRINCIPAL: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"*","Resource":"*"},
    {"Effect":"Deny","Principal":"*","Action":"iam:*","Resource":"*"}]}"#;

/// "AWS JSON policy elements: Principal": "You cannot use the `Principal` element in an identity-based policy."
#[test]
fn an_identity_policy_that_names_a_principal_is_refused_when_it_is_read() {
    for element in ["Principal", "NotPrincipal"] {
        let text = WITH_PRINCIPAL.replace("Principal", element);
        let error = Document::parse_identity(&text).unwrap_err();
        assert_eq!(error.kind(), ParseErrorKind::WrongKind);
        assert_eq!(
            error.to_string(),
            format!("an identity policy names no principals (at Statement[1].{element})")
        );
        // As a document of no particular kind it is well-formed: resource policies look like this.
        assert!(text.parse::<Document>().is_ok());
    }
    let trust = trust_policy(Partition::Aws).to_json();
    assert_eq!(
        Document::parse_identity(&trust).unwrap_err().kind(),
        ParseErrorKind::WrongKind
    );
    assert!(Document::parse_identity(EVERYTHING).is_ok());
}

#[test]
fn a_trust_policy_that_names_a_resource_or_no_principal_is_refused_when_it_is_read() {
    let trust = trust_policy(Partition::Aws);
    assert_eq!(Document::parse_trust(&trust.to_json()), Ok(trust));
    for (text, message) in [
        (
            WITH_PRINCIPAL,
            "a trust policy names no resources (at Statement[0].Resource)",
        ),
        (EVERYTHING, "a trust policy names no resources (at Statement.Resource)"),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","NotResource":"*"}}"#,
            "a trust policy names no resources (at Statement.NotResource)",
        ),
    ] {
        let error = Document::parse_trust(text).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ParseErrorKind::WrongKind, message)
        );
    }
}

/// Its deny would be lost if the statement were passed over: no request is allowed under what IAM would not have stored.
#[test]
fn nothing_is_allowed_under_an_identity_policy_that_names_a_principal() {
    let (good, bad): (Document, Document) = (EVERYTHING.parse().unwrap(), WITH_PRINCIPAL.parse().unwrap());
    let request = Request::new("iam:CreateUser");
    let identity = [&good, &bad];
    let decision = evaluate(Policies::identity(&identity), &request);
    let malformed = |layer, document| Decision::Malformed {
        layer,
        document,
        statement: 1,
    };
    assert_eq!(decision, malformed(Layer::Identity, 1));
    assert!(!decision.is_allowed());
    assert_eq!(
        decision.to_string(),
        "denied: statement 1 of the identity policy names a principal, and IAM refuses such a policy"
    );
    let only_good = [&good];
    for (policies, layer) in [
        (
            Policies {
                boundary: Some(&bad),
                ..Policies::identity(&only_good)
            },
            Layer::Boundary,
        ),
        (
            Policies {
                session: Some(&bad),
                ..Policies::identity(&only_good)
            },
            Layer::Session,
        ),
    ] {
        assert_eq!(evaluate(policies, &request), malformed(layer, 0));
    }
}
