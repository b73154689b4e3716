//! Feeds arbitrary text to the parser. What it accepts must print and parse to the same document, and neither the
//! linter nor the evaluator may panic on it.
//!
//! With cargo-fuzz: `cargo +nightly fuzz run document` in `crates/selfheal-policy`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::lint::{DocumentKind, lint};
use selfheal_policy::{Arn, Document};

fuzz_target!(|text: &str| {
    if let Ok(arn) = text.parse::<Arn>() {
        assert_eq!(arn.to_string(), text);
    }
    let Ok(document) = text.parse::<Document>() else { return };
    let printed = document.to_json();
    assert_eq!(printed.parse::<Document>().as_ref(), Ok(&document));
    assert!(document.equivalent(&document));
    for kind in [DocumentKind::InstanceRole, DocumentKind::Operator, DocumentKind::Trust] {
        let _findings = lint(&document, kind);
    }
    let arn = "arn:aws:ec2:eu-west-1:123456789012:volume/vol-0123456789abcdef0";
    let Ok(arn) = arn.parse() else { return };
    let request = Request::new("ec2:AttachVolume").on(ResourceRequest::new(arn).tagged("selfheal:stack", "web"));
    let _decision = evaluate(Policies::identity(&[&document]), &request);
});
