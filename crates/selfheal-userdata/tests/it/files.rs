//! The user's files are in their places before the setup script runs, at every boot.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use selfheal_userdata::{BootConfig, BootExit, BootFile, RenderError, render};

use crate::support::full;
use crate::support::machine::Machine;

fn file(path: &str, content: &[u8]) -> BootFile {
    BootFile {
        path: path.into(),
        content: content.to_vec(),
        owner: "root".into(),
        mode: 0o644,
    }
}

fn with(files: Vec<BootFile>) -> BootConfig {
    BootConfig { files, ..full() }
}

#[test]
fn files_are_written_whole_with_their_mode_and_owner() {
    let hostile = b"$(touch /tmp/x) `id` 'q' \"d\" \\ \t\nEND_OF_PROGRAM\nput 0600 /x y\n";
    let binary: Vec<u8> = (0..=255).collect();
    let mut private = file("/etc/app/private.yml", b"");
    (private.mode, private.owner) = (0o600, "1:2".into());
    let config = with(vec![
        file("/etc/app/it's a file.yml", hostile),
        file("/usr/local/bin/tool", &binary),
        private,
    ]);
    let machine = Machine::new();
    machine.boot(&config, 0);
    let root = machine.root();
    assert_eq!(fs::read(root.join("etc/app/it's a file.yml")).unwrap(), hostile);
    assert_eq!(fs::read(root.join("usr/local/bin/tool")).unwrap(), binary);
    let private = fs::metadata(root.join("etc/app/private.yml")).unwrap();
    assert_eq!(private.permissions().mode() & 0o7777, 0o600);
    assert_eq!((private.uid(), private.gid()), (1, 2));
    let folder = fs::metadata(root.join("etc/app")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o7777, 0o755);
}

#[test]
fn a_file_that_was_changed_is_put_right_at_the_next_boot() {
    let config = with(vec![file("/etc/app.yml", b"right\n")]);
    let machine = Machine::new();
    machine.boot(&config, 0);
    fs::write(machine.root().join("etc/app.yml"), "wrong\n").unwrap();
    machine.again("boot", 0);
    assert_eq!(fs::read(machine.root().join("etc/app.yml")).unwrap(), b"right\n");
}

#[test]
fn an_owner_whom_the_setup_makes_has_his_file_after_it() {
    let mut own = file("/etc/app.yml", b"x");
    own.owner = "app".into();
    let mut config = with(vec![own]);
    config.setup = Some(b"#!/bin/sh\n: >\"$SELFHEAL_ROOT/made\"\n".to_vec());
    let chown = "[[ -e $SELFHEAL_ROOT/made ]] && exec /usr/bin/chown 7 \"$2\"";
    let machine = Machine::new();
    machine.stub("chown", chown);
    machine.boot(&config, 0);
    let owner = fs::metadata(machine.root().join("etc/app.yml")).unwrap().uid();
    assert_eq!(owner, 7);
}

#[test]
fn an_owner_who_does_not_exist_fails_the_boot() {
    let mut own = file("/etc/app.yml", b"x");
    own.owner = "nobody-of-that-name".into();
    let machine = Machine::new();
    let output = machine.boot(&with(vec![own]), BootExit::Files.code().into());
    let expected = "failed: the file /etc/app.yml cannot be given to nobody-of-that-name";
    assert!(output.contains(expected), "{output}");
}

#[test]
fn a_file_that_cannot_be_written_fails_the_boot_by_its_name() {
    let machine = Machine::new();
    fs::create_dir_all(machine.root().join("etc/app.yml/folder")).unwrap();
    let output = machine.boot(&with(vec![file("/etc/app.yml", b"x")]), BootExit::Files.code().into());
    assert!(
        output.contains("failed: cannot write the file /etc/app.yml"),
        "{output}"
    );
}

#[test]
fn places_and_owners_that_cannot_be_are_refused() {
    let change = |change: fn(&mut BootFile)| {
        let mut file = file("/etc/app.yml", b"");
        change(&mut file);
        file
    };
    let refused = [
        ("files.path", file("etc/app", b"")),
        ("files.path", file("/", b"")),
        ("files.path", file("/etc/../x", b"")),
        ("files.path", file("/etc/a\nb", b"")),
        ("files.path", file("/etc/selfheal/config", b"")),
        ("files.path", file("/run/app", b"")),
        ("files.owner", change(|file| file.owner = "-R".into())),
        ("files.owner", change(|file| file.owner = "a:".into())),
        ("files.owner", change(|file| file.owner = "a b".into())),
        ("files.mode", change(|file| file.mode = 0o4755)),
    ];
    for (expected, file) in refused {
        match render(&with(vec![file.clone()])).unwrap_err() {
            RenderError::Invalid { field, .. } => assert_eq!(field, expected, "{file:?}"),
            other => panic!("{file:?}: {other}"),
        }
    }
    let fine = with(vec![file("/etc/selfheal.d/x", b""), file("/runner", b"")]);
    assert!(render(&fine).is_ok());
}
