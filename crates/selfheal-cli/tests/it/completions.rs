//! What shells and `man` read of the command line, and what the binary says it was built of.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::Folder;

#[test]
fn each_shell_has_completions_that_name_the_commands() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = folder.expect(&["completions", shell], 0).stdout;
        for word in ["rollback", "snapshots", "no-wait"] {
            assert!(text.contains(word), "{shell} knows no {word}");
        }
    }
    folder.expect(&["completions", "tcsh"], 2);
}

#[test]
fn bash_takes_them_and_completes() {
    let folder = Folder::new();
    let text = folder.expect(&["completions", "bash"], 0).stdout;
    let asks = "COMP_WORDS=(selfheal snap); COMP_CWORD=1; _selfheal selfheal snap selfheal; echo \"${COMPREPLY[@]}\"\n";
    let mut bash = Command::new("bash");
    let spawned = bash.arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.expect("the tests need bash");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all((text + asks).as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "snapshot snapshots");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = Folder::new();
    folder.expect(&["man", "pages"], 0);
    let page = |name: &str| std::fs::read_to_string(folder.path().join("pages").join(name)).expect(name);
    assert!(page("selfheal.1").contains("EXIT CODES") || page("selfheal.1").contains("Exit codes"));
    assert!(page("selfheal-apply.1").contains("no\\-wait"));
    assert!(page("selfheal-config-set.1").contains("plain"));
    folder.write("taken", "");
    folder.expect(&["man", "taken"], 1);
}

#[test]
fn the_version_tells_what_it_was_built_of() {
    let said = Folder::new().expect(&["--version"], 0).stdout;
    let (version, built) = said.trim().split_once(" (").expect("more than a number");
    assert_eq!(version, format!("selfheal {}", env!("CARGO_PKG_VERSION")));
    assert!(built.ends_with(')') && built.contains('-'), "{said}");
}
