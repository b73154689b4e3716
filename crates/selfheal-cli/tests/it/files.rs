//! Issue 8, number 34: what the program reads of a person's files is regular and of a bounded size.

use std::io::Read;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Folder;

/// Runs with a limit of time and of memory: what hangs or swallows a device fails here instead of filling the machine.
#[track_caller]
fn ends(folder: &Folder, args: &[&str]) -> (Option<i32>, String) {
    let mut limited = Command::new("bash");
    let plain = folder.command(args);
    limited
        .args(["-c", "ulimit -v 4000000; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder.path())
        .env("SELFHEAL_BACKEND", "sim")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = limited.spawn().expect("bash starts");
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        if began.elapsed() > Duration::from_secs(20) {
            child.kill().expect("it is ours");
            panic!("selfheal {} still runs after 20 s", args.join(" "));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut stderr = String::new();
    let mut pipe = child.stderr.take().expect("a pipe");
    pipe.read_to_string(&mut stderr).expect("UTF-8");
    (status.code(), stderr)
}

#[test]
fn a_pipe_a_device_a_folder_or_a_huge_file_is_refused_at_once() {
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    let made = Command::new("mkfifo").arg(at("pipe")).status().expect("mkfifo starts");
    assert!(made.success());
    symlink("/dev/zero", at("zero")).expect("the folder is writable");
    std::fs::create_dir(at("folder")).expect("the folder is writable");
    std::fs::File::create(at("huge"))
        .and_then(|file| file.set_len(64 << 30))
        .expect("a sparse file");
    for (name, why) in [
        ("pipe", "not a regular file"),
        ("zero", "not a regular file"),
        ("folder", "it is a directory"),
        ("huge", "more than 1024 KiB"),
    ] {
        folder.edit("setup.sh", name);
        for args in [&["plan"][..], &["userdata", "--offline"], &["-f", name, "plan"]] {
            let (code, stderr) = ends(&folder, args);
            assert_eq!(code, Some(6), "{args:?} {name}: {stderr}");
            assert!(stderr.contains(why), "{args:?} {name}: {stderr}");
        }
        let why = why.replace("1024", "65536");
        let (code, stderr) = ends(&folder, &["plan", "-f", "fine.toml", "--sim-file", name]);
        assert_eq!(code, Some(6), "{stderr}");
        folder.write("fine.toml", &crate::support::SPEC);
        folder.write("setup.sh", "#!/bin/sh\n");
        let (code, stderr) = ends(&folder, &["plan", "-f", "fine.toml", "--sim-file", name]);
        assert_eq!(code, Some(1), "{name}: {stderr}");
        assert!(stderr.contains(&why), "{name}: {stderr}");
        std::fs::remove_file(at("fine.toml")).expect("it is there");
    }
}

#[test]
fn a_setup_script_from_windows_is_refused_with_its_line() {
    let folder = Folder::new();
    folder.write("setup.sh", "#!/bin/sh\necho one\necho two\r\necho three\r\n");
    insta::assert_snapshot!(folder.expect(&["plan"], 6).stderr, @r#"
      × `app.setup` names a script whose line 3 ends in CR LF, as Windows ends lines
        ╭─[selfheal.toml:21:9]
     20 │ [app]
     21 │ setup = "setup.sh"
        ·         ──────────
        ╰────
      help: expected lines that end in LF alone: `sed -i 's/\r$//'` mends it

    error: selfheal.toml has 1 problem
    "#);
}

#[test]
fn a_stack_file_that_is_no_text_says_so() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("selfheal.toml"), b"name = \"\xff\"").expect("the folder is writable");
    insta::assert_snapshot!(folder.expect(&["plan"], 6).stderr, @"error: cannot read selfheal.toml: it is not UTF-8: invalid utf-8 sequence of 1 bytes from index 8");
}
