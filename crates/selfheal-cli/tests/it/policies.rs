//! The policies as the command prints them: for each command, and in parts that fit into managed policies.

use serde_json::Value;

use crate::support::Folder;

/// The characters that IAM counts: all but white space.
fn size(text: &str) -> usize {
    let value: Value = serde_json::from_str(text).expect("a policy is JSON");
    value
        .to_string()
        .chars()
        .filter(|character| !character.is_whitespace())
        .count()
}

fn statements(text: &str) -> Vec<Value> {
    let value: Value = serde_json::from_str(text).expect("a policy is JSON");
    value["Statement"].as_array().expect("it has statements").clone()
}

#[test]
fn a_policy_that_is_too_long_for_a_managed_one_is_printed_in_parts() {
    let folder = Folder::new();
    let apply = ["policy", "operator", "--for", "apply", "--offline"];
    let whole = folder.expect(&apply, 0);
    assert!(size(&whole.stdout) > 6_144, "{}", size(&whole.stdout));
    assert!(whole.stderr.contains("`--part 1` to `--part 2`"), "{}", whole.stderr);
    let mut joined = Vec::new();
    for part in ["1", "2"] {
        let part = folder.expect(&[&apply[..], &["--part", part]].concat(), 0);
        assert!(size(&part.stdout) <= 6_144, "{}", size(&part.stdout));
        assert!(!part.stderr.contains("--part"), "{}", part.stderr);
        joined.extend(statements(&part.stdout));
    }
    assert_eq!(joined, statements(&whole.stdout), "the parts are the whole, in order");
    for part in ["0", "3"] {
        let missing = folder.run(&[&apply[..], &["--part", part]].concat());
        assert_ne!(missing.code, 0);
        assert!(missing.stdout.is_empty());
        let expected = format!("there is no part {part}: the policy has parts 1 to 2");
        assert!(missing.stderr.contains(&expected), "{}", missing.stderr);
    }
    let plan = folder.expect(&["policy", "operator", "--for", "plan", "--offline", "--part", "1"], 0);
    assert!(!plan.stderr.contains("--part"), "{}", plan.stderr);
}

#[test]
fn the_policy_for_resume_lets_a_parked_group_act_again_and_nothing_else() {
    let folder = Folder::new();
    let policy = folder
        .expect(&["policy", "operator", "--for", "resume", "--offline"], 0)
        .stdout;
    assert!(
        policy.contains("autoscaling:ResumeProcesses") && policy.contains("autoscaling:DeleteTags"),
        "{policy}"
    );
    let apply = folder
        .expect(&["policy", "operator", "--for", "apply", "--offline"], 0)
        .stdout;
    assert!(!apply.contains("autoscaling:ResumeProcesses"), "{apply}");
    for changing in ["Create", "Update", "Put", "Delete"] {
        let actions: Vec<&str> = policy.matches(changing).collect();
        assert_eq!(
            actions.len(),
            usize::from(changing == "Delete"),
            "{changing} in {policy}"
        );
    }
}
