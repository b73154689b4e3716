//! Nothing secret leaves the boot program but in a signature.

use std::fs;

use crate::support::aws::SECRETS;
use crate::support::full;
use crate::support::machine::Machine;

/// Fails if a file below the folder holds a secret.
fn assert_clean(folder: &std::path::Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += assert_clean(&path);
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            for secret in SECRETS {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{secret} in {}", path.display());
            }
            files += 1;
        }
    }
    files
}

#[test]
fn secrets_are_in_no_argument_environment_file_or_output() {
    let machine = Machine::new();
    // Each curl shows what any process on the machine could read of it, and of the program that started it.
    let seen = machine.folder().join("seen");
    let look = "cat /proc/$$/cmdline /proc/$$/environ /proc/$PPID/cmdline /proc/$PPID/environ";
    machine.stub(
        "curl",
        &format!("{look} >>{}\nexec /usr/bin/curl \"$@\"", seen.display()),
    );
    let text = machine.boot(&full(), 0);
    for secret in SECRETS {
        assert!(!text.contains(secret), "{text}");
    }
    // The look through the keyhole did see the calls.
    let seen = fs::read(seen).unwrap();
    assert!(seen.windows(11).filter(|window| *window == b"--aws-sigv4").count() >= 6);
    assert!(assert_clean(machine.folder()) > 20);
}

#[test]
fn what_is_installed_is_readable_by_root_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let machine = Machine::new();
    machine.boot(&full(), 0);
    for (path, mode) in [
        ("etc/selfheal/config", 0o600),
        ("etc/selfheal/setup", 0o700),
        ("var/log/selfheal", 0o700),
    ] {
        let found = fs::metadata(machine.root().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path}");
    }
}
