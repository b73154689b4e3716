//! What may stand in a file.

use super::Source;

/// The most lines of a file.
const LINES_MAX: usize = 600;
/// The one folder that may name the SDK.
const SDK_FOLDER: &str = "crates/selfheal-aws/src/sdk/";
/// Tests of the SDK backend's wire mapping.
const SDK_TESTS: &str = "crates/selfheal-aws/tests/sdk_";
/// The source folders of the crates that are pure.
const PURE: [&str; 3] = [
    "crates/selfheal-core/src/",
    "crates/selfheal-policy/src/",
    "crates/selfheal-userdata/src/",
];

/// What no file may hold, in pieces so that this file does not hold it either, and why.
const LEFT_OVER: [(&str, &str, &str); 5] = [
    ("todo", "!", "what is not done is not merged"),
    ("unimplemented", "!", "what is not done is not merged"),
    ("dbg", "!", "left over from a search for a fault"),
    ("#[igno", "re", "a test that does not run proves nothing"),
    ("[allow", "(", "`expect` with a reason says when it is no longer needed"),
];

/// Crates of the SDK, by the beginnings of their names.
const SDK: [&str; 5] = [
    "aws_sdk_",
    "aws_config",
    "aws_smithy_",
    "aws_types",
    "aws_credential_types",
];

/// What a pure crate may not name.
const IMPURE: [&str; 14] = [
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "rand::",
    "tokio",
    "async ",
];

/// Checks what holds for every file.
pub fn check_all(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            findings.push(format!("{} has {lines} lines, more than {LINES_MAX}", source.path));
        }
        for (number, line) in code(source) {
            for (head, tail, why) in LEFT_OVER {
                if line.contains(&format!("{head}{tail}")) {
                    findings.push(format!("{}:{number}: {head}{tail}: {why}", source.path));
                }
            }
        }
    }
    findings
}

/// Checks that only the SDK backend names the SDK.
pub fn check_sdk(sources: &[Source]) -> Vec<String> {
    let others = sources.iter().filter(|source| {
        !source.path.starts_with(SDK_FOLDER)
            && !source.path.starts_with(SDK_TESTS)
            && !source.path.starts_with("xtask/")
    });
    naming(others, &SDK)
}

/// Checks that the pure crates name nothing impure outside their tests.
pub fn check_pure(sources: &[Source]) -> Vec<String> {
    let pure = sources
        .iter()
        .filter(|source| PURE.iter().any(|folder| source.path.starts_with(folder)));
    naming(pure, &IMPURE)
}

fn naming<'a>(sources: impl Iterator<Item = &'a Source>, names: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        // Tests stand last in a file, and may read files and the environment.
        for (number, line) in code(source).take_while(|(_, line)| line.trim() != "#[cfg(test)]") {
            for name in names.iter().filter(|name| line.contains(**name)) {
                findings.push(format!("{}:{number}: names {}", source.path, name.trim()));
            }
        }
    }
    findings
}

/// The lines of a file that are not comments, numbered from 1.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source
        .text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn long_files_and_left_overs_are_found() {
        let long = source("a.rs", &"\n".repeat(LINES_MAX + 1));
        assert_eq!(check_all(&[long]), ["a.rs has 601 lines, more than 600"]);
        let left = source(
            "b.rs",
            &format!("fn a() {{ {}!() }}\n// {}! in a comment\n", "todo", "todo"),
        );
        assert_eq!(
            check_all(&[left]),
            [format!("b.rs:1: {}!: what is not done is not merged", "todo")]
        );
    }

    #[test]
    fn the_sdk_is_named_in_one_folder() {
        let text = "use aws_sdk_ec2::Client;\n";
        assert!(check_sdk(&[source("crates/selfheal-aws/src/sdk/ec2.rs", text)]).is_empty());
        assert_eq!(
            check_sdk(&[source("crates/selfheal-cli/src/main.rs", text)]),
            ["crates/selfheal-cli/src/main.rs:1: names aws_sdk_"]
        );
    }

    #[test]
    fn pure_crates_stay_pure_outside_their_tests() {
        let path = "crates/selfheal-core/src/lib.rs";
        assert_eq!(
            check_pure(&[source(path, "use std::fs;\n")]),
            [format!("{path}:1: names std::fs")]
        );
        assert!(check_pure(&[source(path, "fn a() {}\n#[cfg(test)]\nmod tests { use std::fs; }\n")]).is_empty());
        assert!(check_pure(&[source("crates/selfheal-aws/src/lib.rs", "use std::fs;\n")]).is_empty());
    }
}
