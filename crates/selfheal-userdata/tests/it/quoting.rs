//! Whatever a string holds, bash makes exactly that of it.

use std::process::{Command, Stdio};

use proptest::prelude::*;
use selfheal_userdata::{
    BootConfig, CONFIG_PATH, DataVolume, Filesystem, HealthCheck, Probe, RenderErrorKind, SETUP_PATH, quote,
};

use crate::support::full;
use crate::support::machine::Machine;

/// Runs a script in bash from standard input and returns its output.
fn bash(script: &str, locale: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new("bash")
        .env_clear()
        .env("LC_ALL", locale)
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Strings that are likely to hurt, and any others.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let shell = "[$`\"'\\\\(){}\\[\\]*?~=!#&;|<>\n\t\r a-c0-9-]{0,20}".prop_map(String::into_bytes);
    let text = any::<String>().prop_map(|text| text.replace('\0', "").into_bytes());
    let bytes = proptest::collection::vec(1_u8.., 0..40);
    let known = prop_oneof![
        Just("$(touch /tmp/x)"),
        Just("`id`"),
        Just("END_OF_PROGRAM\n"),
        Just("'\\''"),
        Just("~root"),
        Just("a=b"),
        Just("-n"),
        Just("!!"),
        Just("\u{1}\u{7f}"),
        Just("$'\\n'"),
        Just("@ROOT@"),
        Just(""),
    ]
    .prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![shell, text, bytes, known]
}

proptest! {
    // One bash for a hundred strings: starting it costs more than all of them.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn word_expands_to_its_literal(strings in proptest::collection::vec(nasty(), 100)) {
        let mut script = String::new();
        let mut expected = Vec::new();
        for (at, string) in strings.iter().enumerate() {
            let word = quote(string).unwrap();
            let nested = quote(format!("printf '%s\\0' {word}")).unwrap();
            // As an argument, as an assignment, and within text that is quoted and read again.
            script.push_str(&format!("printf '%s\\0' {word}\nv{at}={word}\nprintf '%s\\0' \"$v{at}\"\neval {nested}\n"));
            for _ in 0..3 {
                expected.extend_from_slice(string);
                expected.push(0);
            }
        }
        for locale in ["C", "C.UTF-8"] {
            prop_assert!(bash(&script, locale) == expected);
        }
    }

    #[test]
    fn word_with_a_nul_is_refused(head in proptest::collection::vec(any::<u8>(), 0..9)) {
        let mut bytes = head;
        bytes.push(0);
        prop_assert_eq!(quote(&bytes).unwrap_err().kind(), RenderErrorKind::Invalid);
    }
}

/// A stack whose every free string is hostile.
fn hostile() -> BootConfig {
    let full = full();
    BootConfig {
        stack: "$(touch pwned)`id`'\"\\".into(),
        group: "a b;c&d|e>f\u{e9}\u{1f600}".into(),
        launch_hook: "*?[x]~{a,b}!#".into(),
        terminate_hook: Some("END_OF_PROGRAM".into()),
        data: Some(DataVolume {
            volume_id: "vol-0123456789abcdef0".into(),
            mount: "/srv/$(x) 'y'/100%/@ROOT@/-z\\q".into(),
            filesystem: Filesystem::Ext4,
        }),
        setup: Some(b"#!/bin/sh\nEND_OF_PROGRAM\n$'\\x00' \xff\r\n".to_vec()),
        health: full.health.clone().map(|health| HealthCheck {
            probe: Probe::Command {
                command: "printf '%s' \"$(echo \\'ok\\')\"\ntrue".into(),
            },
            ..health
        }),
        ..full
    }
}

#[test]
fn every_string_of_a_configuration_arrives_as_it_is() {
    let machine = Machine::new();
    let config = hostile();
    machine.install(&config);
    let root = machine.root();
    let path = root.join(CONFIG_PATH.trim_start_matches('/')).display().to_string();
    let names = "\"$stack\" \"$group\" \"$launch_hook\" \"$terminate_hook\" \"$mount_path\" \"$probe_target\"";
    let got = bash(
        &format!(". {}\nprintf '%s\\n--\\n' {names}\n", quote(path).unwrap()),
        "C.UTF-8",
    );
    let mount = &config.data.as_ref().unwrap().mount;
    let Some(HealthCheck {
        probe: Probe::Command { command },
        ..
    }) = &config.health
    else {
        unreachable!()
    };
    let hook = config.terminate_hook.as_deref().unwrap();
    let expected: String = [&config.stack, &config.group, &config.launch_hook, hook, mount, command]
        .map(|value| format!("{value}\n--\n"))
        .concat();
    assert_eq!(String::from_utf8(got).unwrap(), expected);
    let setup = std::fs::read(root.join(SETUP_PATH.trim_start_matches('/'))).unwrap();
    assert_eq!(Some(setup), config.setup);
    let unit = r"srv-\x24\x28x\x29\x20\x27y\x27-100\x25-\x40ROOT\x40-\x2dz\x5cq.mount";
    let text = std::fs::read_to_string(root.join("etc/systemd/system").join(unit)).unwrap();
    assert!(text.contains("\nWhere=/srv/$(x) 'y'/100%%/@ROOT@/-z\\q\n"), "{text}");
}

#[test]
fn setup_may_be_a_compiled_program() {
    let machine = Machine::new();
    let setup: Vec<u8> = (0..=255).cycle().take(2000).collect();
    machine.install(&BootConfig {
        setup: Some(setup.clone()),
        ..full()
    });
    assert_eq!(
        std::fs::read(machine.root().join(SETUP_PATH.trim_start_matches('/'))).unwrap(),
        setup
    );
}
