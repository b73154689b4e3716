//! Properties over random documents, requests, scopes and texts.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::lint::{DocumentKind, lint};
use selfheal_policy::{
    ActionSet, Arn, ChallengeScope, Comparison, Conditions, Document, Effect, InstanceScope, NonEmpty, Operator,
    Principal, PrincipalSet, Principals, Quantifier, ResourcePattern, ResourceSet, Statement, Target, Version,
    instance_policy,
};

use crate::common::instance_scope;

/// Few enough that a random statement often speaks of a random request.
const ACTIONS: [&str; 7] = [
    "*",
    "ec2:*",
    "EC2:attach*",
    "ec2:AttachVolume",
    "ec2:Detach?olume",
    "s3:GetObject",
    "s3:*",
];
const CALLED: [&str; 3] = ["ec2:AttachVolume", "ec2:DetachVolume", "s3:GetObject"];
const RESOURCES: [&str; 6] = [
    "*",
    "arn:aws:ec2:eu-west-1:123456789012:volume/*",
    "arn:aws:ec2:eu-west-1:123456789012:volume/vol-1",
    "arn:aws:ec2:*:*:instance/i-?",
    "arn:aws:s3:::bucket/${aws:username}/*",
    "arn:aws:s3:::bucket/${aws:username, 'nobody'}/*",
];
const NAMED: [&str; 4] = [
    "arn:aws:ec2:eu-west-1:123456789012:volume/vol-1",
    "arn:aws:ec2:eu-west-1:123456789012:volume/vol-2",
    "arn:aws:ec2:eu-west-1:123456789012:instance/i-1",
    "arn:aws:s3:::bucket/jo/photo",
];
const KEYS: [&str; 3] = ["aws:username", "aws:SourceIp", "ec2:VolumeSize"];
const VALUES: [&str; 8] = [
    "jo",
    "j*",
    "203.0.113.7",
    "203.0.113.0/24",
    "20",
    "true",
    "false",
    "2020-01-01T00:00:00Z",
];

fn operator() -> impl Strategy<Value = Operator> {
    let quantifier = select(vec![Quantifier::One, Quantifier::ForAllValues, Quantifier::ForAnyValue]);
    (select(Comparison::ALL.to_vec()), quantifier, any::<bool>()).prop_map(|(comparison, quantifier, if_exists)| {
        let plain = Operator::new(comparison);
        let quantified = plain.quantified(quantifier).unwrap_or(plain);
        if if_exists {
            quantified.if_exists().unwrap_or(quantified)
        } else {
            quantified
        }
    })
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let entry = (operator(), select(&KEYS[..]), vec(select(&VALUES[..]), 1..3));
    vec(entry, 0..2).prop_map(|entries| {
        entries
            .into_iter()
            .fold(Conditions::none(), |all, (operator, key, values)| {
                all.with(operator, key, values)
            })
    })
}

fn non_empty<T: std::fmt::Debug>(element: impl Strategy<Value = T>) -> impl Strategy<Value = NonEmpty<T>> {
    vec(element, 1..3).prop_map(|elements| NonEmpty::new(elements).unwrap())
}

fn statement(effect: impl Strategy<Value = Effect>) -> impl Strategy<Value = Statement> {
    let actions = non_empty(select(&ACTIONS[..]).prop_map(|text| text.parse().unwrap()));
    let resources = non_empty(select(&RESOURCES[..]).prop_map(|text| text.parse::<ResourcePattern>().unwrap()));
    // Mostly the plain forms, so that random requests are often allowed.
    let plain = prop::bool::weighted(0.9);
    (effect, actions, resources, conditions(), plain, plain).prop_map(
        |(effect, actions, resources, conditions, action, resource)| Statement {
            sid: None,
            effect,
            actions: if action {
                ActionSet::Action(actions)
            } else {
                ActionSet::NotAction(actions)
            },
            target: Target::Identity(if resource {
                ResourceSet::Resource(resources)
            } else {
                ResourceSet::NotResource(resources)
            }),
            conditions,
        },
    )
}

fn either() -> impl Strategy<Value = Effect> {
    prop::bool::weighted(0.8).prop_map(|allow| if allow { Effect::Allow } else { Effect::Deny })
}

fn document() -> impl Strategy<Value = Document> {
    vec(statement(either()), 1..5).prop_map(Document::new)
}

fn request() -> impl Strategy<Value = Request> {
    let keys = vec((select(&KEYS[..]), select(&VALUES[..])), 0..4);
    (select(&CALLED[..]), vec(select(&NAMED[..]), 0..3), keys).prop_map(|(action, resources, keys)| {
        let request = resources.into_iter().fold(Request::new(action), |all, arn| {
            all.on(ResourceRequest::new(arn.parse().unwrap()))
        });
        keys.into_iter().fold(request, |all, (key, value)| all.with(key, value))
    })
}

fn allowed(document: &Document, request: &Request) -> bool {
    evaluate(Policies::identity(&[document]), request).is_allowed()
}

/// Any document at all, with every kind of target and texts that need escaping.
fn any_document() -> impl Strategy<Value = Document> {
    let text = "[a-zA-Z0-9:/\\\\\"\u{e9}\n ]{1,12}";
    let principal = (0..4, text).prop_map(|(kind, value)| match kind {
        0 => Principal::Aws(value),
        1 => Principal::Service(value),
        2 => Principal::Federated(value),
        _ => Principal::CanonicalUser(value),
    });
    let named = vec(principal, 1..4).prop_map(|mut named| {
        // Documents list principals by kind, so their order is that of the kinds.
        named.sort();
        Principals::Named(NonEmpty::new(named).unwrap())
    });
    let principals = prop_oneof![Just(Principals::Everyone), named].prop_map(PrincipalSet::Principal);
    let value = (text, any::<bool>(), any::<u16>());
    let entry = (operator(), "[a-z]{2,6}:[A-Za-z/]{1,8}", vec(value, 0..3));
    let conditions = vec(entry, 0..3).prop_map(|entries| {
        entries
            .into_iter()
            .fold(Conditions::none(), |all, (operator, key, values)| {
                all.with(operator, &key, values.into_iter().map(|(text, ..)| text))
            })
    });
    let sid = prop::option::of("[A-Za-z0-9]{1,8}");
    let parts = (statement(either()), 0..3, principals, conditions, sid);
    let statements = vec(parts, 1..4).prop_map(|parts| {
        parts
            .into_iter()
            .enumerate()
            .map(|(index, (statement, kind, principals, conditions, sid))| {
                let Target::Identity(resources) = statement.target.clone() else {
                    unreachable!()
                };
                Statement {
                    sid: sid.map(|sid| format!("{sid}{index}").parse().unwrap()),
                    target: match kind {
                        0 => Target::Identity(resources),
                        1 => Target::Trust(principals),
                        _ => Target::Resource(principals, resources),
                    },
                    conditions,
                    ..statement
                }
            })
            .collect::<Vec<_>>()
    });
    let version = prop::option::of(prop_oneof![Just(Version::V2008), Just(Version::V2012)]);
    (version, prop::option::of(text), statements).prop_map(|(version, id, statements)| Document {
        version,
        id,
        statements,
    })
}

proptest! {
    #[test]
    fn parsing_undoes_printing(document in any_document()) {
        prop_assert_eq!(document.to_json().parse::<Document>(), Ok(document.clone()));
        prop_assert_eq!(document.to_json_pretty().parse::<Document>(), Ok(document.clone()));
        prop_assert!(document.equivalent(&document));
    }

    #[test]
    fn the_order_of_statements_does_not_matter(document in document(), request in request()) {
        let mut reversed = document.clone();
        reversed.statements.reverse();
        prop_assert!(document.equivalent(&reversed));
        prop_assert_eq!(allowed(&document, &request), allowed(&reversed, &request));
    }

    #[test]
    fn a_deny_wins_wherever_it_is_added(document in document(), request in request(), at in any::<prop::sample::Index>()) {
        let mut denied = document;
        let deny = format!(r#"{{"Effect":"Deny","Action":"{}","Resource":"*"}}"#, request.action);
        let at = at.index(denied.statements.len() + 1);
        denied.statements.insert(at, serde_json::from_str(&deny).unwrap());
        prop_assert!(!allowed(&denied, &request));
    }

    #[test]
    fn adding_an_allow_never_removes_a_permission(
        document in document(),
        more in statement(Just(Effect::Allow)),
        request in request(),
        at in any::<prop::sample::Index>(),
    ) {
        let before = allowed(&document, &request);
        let mut wider = document;
        let at = at.index(wider.statements.len() + 1);
        wider.statements.insert(at, more);
        prop_assert!(!before || allowed(&wider, &request));
    }

    #[test]
    fn adding_a_deny_never_adds_a_permission(document in document(), less in statement(Just(Effect::Deny)), request in request()) {
        let after = { let mut narrower = document.clone(); narrower.statements.push(less); allowed(&narrower, &request) };
        prop_assert!(!after || allowed(&document, &request));
    }

    #[test]
    fn a_boundary_and_a_session_only_narrow(document in document(), other in document(), request in request()) {
        let identity = [&document];
        let bounded = Policies { boundary: Some(&other), ..Policies::identity(&identity) };
        let session = Policies { session: Some(&other), ..Policies::identity(&identity) };
        let both = allowed(&document, &request) && allowed(&other, &request);
        prop_assert_eq!(evaluate(bounded, &request).is_allowed(), both);
        prop_assert_eq!(evaluate(session, &request).is_allowed(), both);
    }

    #[test]
    fn a_call_is_allowed_only_if_each_of_its_resources_is(document in document(), request in request()) {
        if !request.resources.is_empty() {
            let each = request.resources.iter().all(|resource| {
                allowed(&document, &Request { resources: vec![resource.clone()], ..request.clone() })
            });
            prop_assert_eq!(allowed(&document, &request), each);
        }
    }

    #[test]
    fn splitting_keeps_what_is_allowed(document in document(), request in request()) {
        let parts = document.split(selfheal_policy::Limit::Trust).unwrap();
        let parts: Vec<&Document> = parts.iter().collect();
        prop_assert_eq!(evaluate(Policies::identity(&parts), &request).is_allowed(), allowed(&document, &request));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(document) = text.parse::<Document>() {
            prop_assert_eq!(document.to_json().parse::<Document>(), Ok(document));
        }
    }

    #[test]
    fn no_damage_to_a_document_makes_the_parser_panic(
        document in any_document(),
        at in any::<prop::sample::Index>(),
        removed in 0_usize..8,
        inserted in "[\\[\\]{}\":,*?$a-zA-Z0-9. ]{0,8}",
    ) {
        let text: Vec<char> = document.to_json().chars().collect();
        let start = at.index(text.len());
        let end = (start + removed).min(text.len());
        let damaged: String = text[..start].iter().copied().chain(inserted.chars()).chain(text[end..].iter().copied()).collect();
        if let Ok(read) = damaged.parse::<Document>() {
            prop_assert_eq!(read.to_json().parse::<Document>(), Ok(read.clone()));
            let _findings = lint(&read, DocumentKind::Operator);
            let _decision = allowed(&read, &Request::new("ec2:AttachVolume"));
        }
    }

    #[test]
    fn an_arn_prints_as_it_was_read(text in "arn:[a-z*-]{0,6}:[a-z0-9]{0,6}:[a-z0-9*-]{0,9}:[0-9*]{0,12}:[ -~]{0,20}") {
        match text.parse::<Arn>() {
            Ok(arn) => {
                prop_assert_eq!(arn.to_string(), &text[..]);
                prop_assert_eq!(format!("arn:{}", arn.components().join(":")), text);
            }
            Err(error) => prop_assert!(error.offset() <= text.len()),
        }
    }

    #[test]
    fn no_name_in_a_scope_widens_the_policy(
        stack in "[a-z*?$:{}/-]{1,6}",
        group in "[a-z*?$:{}-]{1,6}",
        volume in "vol-[a-f0-9*?]{1,6}",
        path in "/[a-z*?/$]{1,6}",
        log_group in "[a-z*?:/$]{1,6}",
        (zone, record) in ("[A-Z0-9*?]{1,6}", "[a-z*?.$_-]{1,6}"),
    ) {
        let scope = InstanceScope {
            challenge: Some(ChallengeScope { zone_id: zone, names: vec![record] }),
            stack,
            group,
            volume_id: Some(volume),
            parameter_path: Some(path),
            log_group: Some(log_group),
            ..instance_scope()
        };
        if let Ok(document) = instance_policy(&scope) {
            let wild: Vec<_> = lint(&document, DocumentKind::InstanceRole)
                .into_iter()
                // A path of one level is the user's to choose, and is said to be wide.
                .filter(|finding| !finding.message.contains("path of two levels"))
                .collect();
            prop_assert_eq!(wild, vec![]);
        }
    }
}
