//! `doctor`.

use serde_json::Value;

use crate::support::Folder;

fn verdict<'a>(report: &'a Value, code: &str) -> &'a Value {
    let checks = report["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["code"] == code);
    found.unwrap_or_else(|| panic!("no check {code}: {report:#}"))
}

#[test]
fn a_doctor_ends_by_its_code_and_tells_what_mends() {
    let folder = Folder::new();
    let before = folder.expect(&["doctor"], 0).stdout;
    assert!(before.contains("nothing found that would fail"), "{before}");
    assert!(!before.contains("replacement "), "{before}");
    let applied = folder.expect(&["apply", "--yes"], 0);
    assert!(
        applied
            .stderr
            .contains("checks before the first apply found nothing amiss"),
        "{}",
        applied.stderr
    );
    let report = folder.json(&["doctor"]);
    assert_eq!(report["well"], true, "{report:#}");
    assert_eq!(verdict(&report, "replacement")["verdict"], "well");
    let again = folder.expect(&["apply", "--yes"], 0);
    assert!(!again.stderr.contains("first apply"), "{}", again.stderr);

    folder.tamper(|world| {
        world.config.quotas.insert("L-1216C47A".to_owned(), 1);
        world.config.delegations.insert("example.com".to_owned(), Vec::new());
    });
    let run = folder.expect(&["doctor", "--json"], 9);
    let report: Value = serde_json::from_str(&run.stdout).expect("one document");
    let quota = verdict(&report, "vcpu-quota");
    assert_eq!(quota["verdict"], "fails");
    let mend = quota["mend"].as_str().expect("a command");
    assert!(
        mend.contains("--quota-code L-1216C47A --desired-value 2 --region eu-west-1"),
        "{mend}"
    );
    assert_eq!(verdict(&report, "delegation")["verdict"], "fails");
    let text = folder.expect(&["doctor"], 9).stdout;
    assert!(
        text.contains("2 checks fail") && text.contains("! delegation"),
        "{text}"
    );
}

/// Who may do nothing is told so check by check, and by the one code.
#[test]
fn who_may_do_nothing_is_told_what_is_not_known() {
    let folder = Folder::new();
    folder.expect(&["plan"], 0);
    folder.authorise_by(r#"{"Version":"2012-10-17","Statement":[]}"#);
    let run = folder.expect(&["doctor", "--json"], 9);
    let report: Value = serde_json::from_str(&run.stdout).expect("one document");
    assert_eq!(verdict(&report, "credentials")["verdict"], "fails", "{report:#}");
}
