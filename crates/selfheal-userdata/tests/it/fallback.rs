//! Where something is too old or missing.

use std::fs;

use selfheal_userdata::{BootConfig, HealthCheck, Probe};

use crate::support::aws::SECRETS;
use crate::support::full;
use crate::support::machine::Machine;

/// A curl of Ubuntu 22.04: it signs, but not the session token's header.
const OLD_CURL: &str = "[[ $1 != --version ]] || { echo 'curl 7.81.0 (x86_64-pc-linux-gnu)'; exit; }\n\
                        [[ \" $* \" != *' --aws-sigv4 '* ]] || exit 99\nexec /usr/bin/curl \"$@\"";

/// A new curl that was built without signing.
const LEAN_CURL: &str = "[[ \" $* \" != *' --aws-sigv4 '* ]] || exit 4\nexec /usr/bin/curl \"$@\"";

/// No curl at all, where the shell does not look for another.
const NO_CURL: &str = "echo 'no curl here' >&2; exit 127";

/// Gives the machine a Python that notes what any process could read of it and of the program that started it.
fn give_python(machine: &Machine) {
    let seen = machine.folder().join("seen");
    let look = "/bin/cat /proc/$$/cmdline /proc/$$/environ /proc/$PPID/cmdline /proc/$PPID/environ";
    let python = format!("{look} >>{}\nexec /usr/bin/python3 \"$@\"", seen.display());
    machine.stub("python3", &python);
}

/// A stack whose app answers over HTTP, which an old curl can ask.
fn over_http(machine: &Machine) -> BootConfig {
    let url = format!("{}/app/healthy", machine.aws.url);
    let health = full().health.map(|health| HealthCheck {
        probe: Probe::Http { url },
        ..health
    });
    BootConfig { health, ..full() }
}

#[test]
fn python_signs_where_curl_cannot() {
    for curl in [OLD_CURL, LEAN_CURL, NO_CURL] {
        let machine = Machine::new();
        machine.stub("curl", curl);
        give_python(&machine);
        let config = if curl == NO_CURL { full() } else { over_http(&machine) };
        let text = machine.boot(&config, 0);
        let calls = [
            "AttachVolume",
            "DescribeVolumes",
            "CreateOrUpdateTags",
            "DeleteTags",
            "AssociateAddress",
            "DescribeAddresses",
            "CompleteLifecycleAction",
        ];
        assert_eq!(machine.actions(), calls, "{text}");
        // What was seen of it are its path and arguments alone.
        let seen = fs::read(machine.folder().join("seen")).unwrap();
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.matches("lib/selfheal/sign").count() >= calls.len());
        for secret in SECRETS {
            assert!(!seen.contains(secret) && !text.contains(secret), "{secret}");
        }
    }
}

#[test]
fn python_hears_refusals_and_faults_as_curl_does() {
    let machine = Machine::new();
    machine.stub("curl", OLD_CURL);
    give_python(&machine);
    machine.aws.fail(
        "AttachVolume",
        &[
            (400, "VolumeInUse", "held"),
            (503, "Unavailable", "try again"),
            (503, "RequestLimitExceeded", "slow"),
        ],
    );
    machine
        .aws
        .state()
        .tags
        .insert("selfheal:failed-boots".into(), "2".into());
    let setup = b"#!/bin/sh\necho \"100% of 'it' + \\\"that\\\" = a/b\"; exit 7\n".to_vec();
    let text = machine.boot(
        &BootConfig {
            setup: Some(setup),
            ..full()
        },
        16,
    );
    assert!(text.contains("AttachVolume: VolumeInUse: held"), "{text}");
    let state = machine.aws.state();
    assert_eq!(state.suspended, ["Launch", "ReplaceUnhealthy"]);
    // What a tag does not take is left out; the rest comes through as it is.
    assert_eq!(state.tags["selfheal:last-log"], "100  of  it  +  that  = a/b");
    assert_eq!(state.tags["selfheal:failed-boots"], "3");
}

#[test]
fn endpoint_that_python_does_not_reach_is_named_in_a_line() {
    let machine = Machine::new();
    machine.stub("curl", OLD_CURL);
    give_python(&machine);
    machine.install(&full());
    let path = machine.root().join("etc/selfheal/config");
    let config = fs::read_to_string(&path).unwrap();
    // Nobody listens there.
    fs::write(
        &path,
        config + "AWS_ENDPOINT_URL_EC2=http://127.0.0.1:1\nattach_s_max=0\n",
    )
    .unwrap();
    let program = machine.root().join("usr/local/lib/selfheal/program");
    let text = fs::read_to_string(&program).unwrap();
    fs::write(&program, text.replace("attach_s_max=900\n", "")).unwrap();
    let text = machine.again("boot", 12);
    assert!(
        text.contains("AttachVolume: Network: no answer from http://127.0.0.1:1"),
        "{text}"
    );
    assert!(
        text.contains("Connection refused") && !text.contains("Traceback"),
        "{text}"
    );
}

#[test]
fn without_either_the_boot_says_so() {
    for curl in [OLD_CURL, LEAN_CURL, NO_CURL] {
        let machine = Machine::new();
        machine.stub("curl", curl);
        machine.install(&full());
        // The program also looks where the system has its tools.
        fs::write(machine.root().join("var/lib/selfheal/signer"), "\n").unwrap();
        let text = machine.again("boot", 10);
        assert!(
            text.contains("failed: neither curl from 7.86 on nor Python signs here"),
            "{text}"
        );
        assert_eq!(machine.count("mount"), 0);
    }
}

#[test]
fn missing_commands_are_named_before_anything_is_taken() {
    let machine = Machine::new();
    machine.install(&full());
    // The program also looks where the system has its tools, so the names must be ones that nobody has.
    let path = machine.root().join("etc/selfheal/config");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("tools=(", "tools=(no-blkid no-such-thing ")).unwrap();
    let text = machine.again("boot", 22);
    assert!(text.contains("failed: not installed: no-blkid no-such-thing"), "{text}");
    assert_eq!(
        machine.actions(),
        ["DescribeTags", "CreateOrUpdateTags", "CompleteLifecycleAction"]
    );
}

#[test]
fn boot_that_hears_nothing_does_not_loop_without_end() {
    for (hours_max, stops) in [(0, true), (u32::MAX, false)] {
        let machine = Machine::new();
        machine.install_with(&full(), &[("metadata_s_max", 1), ("outage_s_max", hours_max)]);
        machine
            .aws
            .state()
            .metadata_faults
            .insert("api/token".into(), [500; 100].into());
        let text = machine.again("boot", 11);
        let stopped = machine.commands().contains(&"systemctl poweroff".to_owned());
        assert_eq!(stopped, stops, "{text}");
    }
}
