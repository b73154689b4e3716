//! `certificate`: what the instance has noted of it, on the simulated AWS.

use std::time::Duration;

use crate::support::{Folder, SPEC};

const HTTPS: &str = "[https]\ndomains = [\"app.example.com\"]\nupstream = \"127.0.0.1:8080\"\n";

#[test]
fn a_certificate_is_shown_as_its_instance_notes_it() {
    let folder = Folder::new();
    let none = folder.expect(&["certificate"], 2);
    assert!(none.stderr.contains("no [https]"), "{}", none.stderr);
    folder.write("selfheal.toml", &format!("{}\n{HTTPS}", *SPEC));
    let text = folder.expect(&["certificate"], 0).stdout;
    assert!(text.contains("No instance has noted anything"), "{text}");
    folder.expect(&["apply", "--yes"], 0);
    folder.pass(Duration::from_secs(3_600));
    let text = folder.expect(&["certificate"], 0).stdout;
    for part in [
        "names     app.example.com\n",
        "issuer    https://ca.example.com/dir\n",
        "in 89d\n",
        "in 59d\n",
        "tried     never\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("error") && !text.contains("missing"), "{text}");
    let report = folder.json(&["certificate"]);
    assert_eq!(report["certificate"]["names"][0], "app.example.com", "{report:#}");
    assert_eq!(report["certificate"]["error"], serde_json::Value::Null, "{report:#}");
    let status = folder.json(&["status"]);
    assert_eq!(status["certificate"], report["certificate"]);
    folder.pass(Duration::from_secs(80 * 86_400));
    let status = folder.json(&["status"]);
    assert_eq!(status["findings"][0]["code"], "certificate-expiring", "{status:#}");
    let text = folder.expect(&["status"], 0).stdout;
    assert!(text.contains("healthy, and its certificate is late"), "{text}");
}

#[test]
fn the_instance_is_asked_for_another_certificate_and_for_the_one_before() {
    let folder = Folder::new();
    folder.write("selfheal.toml", &format!("{}\n{HTTPS}", *SPEC));
    let none = folder.expect(&["certificate", "--renew"], 12);
    assert!(none.stderr.contains("no instance is in service"), "{}", none.stderr);
    folder.expect(&["apply", "--yes"], 0);
    folder.pass(Duration::from_secs(3_600));
    let none = folder.expect(&["certificate", "--rollback"], 1);
    assert!(
        none.stderr.contains("could not (rollback): none before"),
        "{}",
        none.stderr
    );
    let first = folder.json(&["certificate"])["certificate"]["until"].clone();
    let renewed = folder.expect(&["certificate", "--renew"], 0);
    assert!(
        renewed.stdout.contains(": what is served now ends "),
        "{}",
        renewed.stdout
    );
    let second = folder.json(&["certificate"])["certificate"]["until"].clone();
    assert_ne!(first, second);
    let report = folder.json(&["certificate", "--rollback"]);
    assert_eq!(report["certificate"]["until"], first, "{report:#}");
    assert!(
        report["answer"].as_str().is_some_and(|answer| answer.contains("ends")),
        "{report:#}"
    );
    folder.expect(&["certificate", "--renew", "--rollback"], 2);
}
