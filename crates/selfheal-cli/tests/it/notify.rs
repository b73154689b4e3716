//! Who is told what happens: by the command line, on the simulated AWS.

use crate::support::{Folder, SPEC};

const NOTIFY: &str =
    "[notify]\nemail = [\"ops@example.com\", \"me@example.com\"]\nwebhook = \"https://hooks.example.com/x\"\n";
const TOPIC: &str = "selfheal-web";

#[test]
fn whoever_is_named_is_asked_and_a_test_message_goes_out() {
    let folder = Folder::new();
    // Nobody is named.
    let nobody = folder.expect(&["notify", "--test"], 2);
    assert!(nobody.stderr.contains("no [notify]"), "{}", nobody.stderr);
    folder.write("selfheal.toml", &format!("{}\n{NOTIFY}", *SPEC));
    let plan = folder.expect(&["plan"], 0).stdout;
    for wanted in [
        "SNS topic selfheal-web",
        "subscription email ops@example.com",
        "subscription https https://hooks.example.com/x",
        "launch, launch_error, terminate_error",
    ] {
        assert!(plan.contains(wanted), "{wanted}: {plan}");
    }
    // There is no topic yet.
    folder.expect(&["notify", "--test"], 1);
    folder.expect(&["apply", "--yes"], 0);
    folder.expect(&["plan", "--check"], 0);
    let status = folder.json(&["status"]);
    let told = &status["notify"];
    assert_eq!(
        (&told["own"], &told["group_tells"]),
        (&true.into(), &true.into()),
        "{told:#}"
    );
    assert_eq!(told["subscriptions"].as_array().map(Vec::len), Some(3));
    assert_eq!(status["findings"][0]["code"], "subscription-pending", "{status:#}");
    assert_eq!(
        (&status["severity"], &status["healthy"]),
        (&"unheard".into(), &true.into())
    );
    folder.expect(&["status", "--check"], 3);
    let text = folder.expect(&["status"], 0).stdout;
    assert!(text.contains("healthy, and not everybody is told"), "{text}");
    assert!(text.contains("me@example.com (not confirmed)"), "{text}");
    let sent = folder.expect(&["notify", "--test"], 0).stdout;
    assert!(sent.contains(TOPIC) && sent.contains("web: test message"), "{sent}");
    let sent = folder.json(&["notify", "--test"]);
    assert_eq!(sent["subject"], "web: test message");
    folder.expect(&["notify"], 2);
    // The stack ceases to tell anybody.
    folder.write("selfheal.toml", &SPEC);
    let plan = folder.expect(&["plan"], 0).stdout;
    assert!(plan.contains("the spec has no [notify]"), "{plan}");
    folder.expect(&["apply", "--yes"], 0);
    assert!(folder.json(&["status"])["notify"].is_null());
}
