//! What an instance may write into a hosted zone: the records of its challenges, whole requests of them, and nothing else.

use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::instance_policy;
use selfheal_policy::requests::documented;

use crate::common::instance_scope;

const OWN: &str = "_acme-challenge.app.example.com";

/// Whether the instance may make one request that does these things with these records.
fn may(zone: &str, names: &[&str], types: &[&str], actions: &[&str]) -> bool {
    let document = instance_policy(&instance_scope()).expect("a policy");
    let zone = format!("arn:aws:route53:::hostedzone/{zone}").parse().expect("an ARN");
    let mut request = documented(Request::new("route53:ChangeResourceRecordSets").on(ResourceRequest::new(zone)));
    for (key, values) in [
        ("route53:ChangeResourceRecordSetsNormalizedRecordNames", names),
        ("route53:ChangeResourceRecordSetsRecordTypes", types),
        ("route53:ChangeResourceRecordSetsActions", actions),
    ] {
        if !values.is_empty() {
            request.context = request.context.with_all(key, values.iter().copied());
        }
    }
    evaluate(Policies::identity(&[&document]), &request).is_allowed()
}

#[test]
fn the_records_of_its_challenges_and_no_others() {
    let zone = "Z0AAAAAAAAAAAAAAAAAAA";
    for (names, actions) in [
        (&[OWN][..], &["UPSERT"][..]),
        (&[OWN], &["DELETE"]),
        (&[OWN, "_acme-challenge.example.com"], &["UPSERT"]),
    ] {
        assert!(may(zone, names, &["TXT"], actions), "{names:?} {actions:?}");
    }
    for (zone, names, types, actions) in [
        // Another zone, another name, the name itself, one of several that is another.
        ("Z0BBBBBBBBBBBBBBBBBBB", &[OWN][..], &["TXT"][..], &["UPSERT"][..]),
        (zone, &["_acme-challenge.other.example.com"], &["TXT"], &["UPSERT"]),
        (zone, &["app.example.com"], &["TXT"], &["UPSERT"]),
        (zone, &[OWN, "app.example.com"], &["TXT"], &["UPSERT"]),
        // Another type, and both of them.
        (zone, &[OWN], &["A"], &["UPSERT"]),
        (zone, &[OWN], &["TXT", "NS"], &["UPSERT"]),
        (zone, &[OWN], &["TXT"], &["CREATE"]),
        // A request of which AWS tells nothing.
        (zone, &[], &["TXT"], &["UPSERT"]),
        (zone, &[OWN], &[], &["UPSERT"]),
        (zone, &[OWN], &["TXT"], &[]),
    ] {
        assert!(
            !may(zone, names, types, actions),
            "{zone} {names:?} {types:?} {actions:?}"
        );
    }
}
