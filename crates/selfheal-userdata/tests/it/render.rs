//! What the rendered text looks like, and what other tools say of it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use selfheal_userdata::{
    AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, PROGRAM_PATH, Probe, RenderError,
    RenderErrorKind, Step, USER_DATA_MAX_BYTES, decode, mount_unit, render, unbundle,
};

use crate::support::machine::{Machine, text};
use crate::support::{bare, bundled, configured, everything, full, logged, noise, secured, secured_by_dns};

/// Stacks that together need every fragment.
fn stacks() -> Vec<(&'static str, BootConfig)> {
    let full = full();
    let health = full.health.clone().unwrap();
    let data = full.data.clone().unwrap();
    let http = HealthCheck {
        probe: Probe::Http {
            url: "http://127.0.0.1/healthz".into(),
        },
        from: HealthFrom::Aws,
        ..health.clone()
    };
    let tcp = HealthCheck {
        probe: Probe::Tcp { port: 5432 },
        from: HealthFrom::Both,
        ..health
    };
    vec![
        ("bare", bare()),
        (
            "http",
            BootConfig {
                data: Some(DataVolume {
                    filesystem: Filesystem::Ext4,
                    ..data
                }),
                health: Some(http),
                setup: None,
                ..full.clone()
            },
        ),
        (
            "tcp",
            BootConfig {
                health: Some(tcp),
                address_when: AddressWhen::Mounted,
                ..full.clone()
            },
        ),
        ("bundled", bundled()),
        ("configured", configured()),
        ("logged", logged()),
        ("everything", everything(1_000)),
        ("secured", secured()),
        ("secured_by_dns", secured_by_dns("https://route53.amazonaws.com")),
        ("full", full),
    ]
}

/// Returns the script without the program, which has its source in `src/boot`, but with the part that Rust writes.
fn reviewed(config: &BootConfig) -> String {
    let script = render(config).unwrap().script().to_owned();
    let (head, rest) = script.split_once("set -u\numask 077").unwrap();
    let (_, tail) = rest.split_once("\nboot() {").unwrap();
    format!("{head}[src/boot]\n\nboot() {{{tail}")
}

#[test]
fn scripts_are_as_reviewed() {
    for (name, config) in stacks() {
        insta::assert_snapshot!(name, reviewed(&config));
    }
}

#[test]
fn steps_are_those_that_the_stack_needs() {
    use Step::{Address, App, Breaker, Health, Identity, Launch, Ready, Signer, Tools, Watch};
    assert_eq!(
        Step::sequence(&bare(), false),
        [Signer, Identity, Tools, Ready, App, Address, Launch, Watch, Breaker]
    );
    let mounted = BootConfig {
        address_when: AddressWhen::Mounted,
        data: None,
        setup: None,
        ..full()
    };
    assert_eq!(
        Step::sequence(&mounted, false),
        [Signer, Identity, Tools, Ready, App, Address, Health, Launch, Watch]
    );
}

#[test]
fn size_leaves_room_for_a_setup_script() {
    for (name, config) in stacks() {
        let size = render(&config).unwrap().bytes().len();
        println!("{name}: {size} bytes");
        // What is there beside a setup script goes into the bundle with it, where it does not fit.
        let limit = match name {
            "configured" | "logged" => 16_128,
            _ => 14_848,
        };
        assert!(size <= limit, "{name}: {size}");
    }
}

#[test]
fn too_large_says_by_how_much() {
    let command = String::from_utf8(noise(40_000)).unwrap();
    // What a bundle cannot hold: its own configuration is read before it.
    let error = render(&BootConfig {
        health: full().health.map(|health| HealthCheck {
            probe: Probe::Command { command },
            ..health
        }),
        ..full()
    })
    .unwrap_err();
    assert_eq!(error.kind(), RenderErrorKind::TooLarge);
    let RenderError::TooLarge { size, limit } = error else {
        panic!("{error}")
    };
    assert_eq!(limit, USER_DATA_MAX_BYTES);
    let message = format!(
        "user data is {size} bytes compressed, {} over EC2's limit of 16384",
        size - limit
    );
    assert_eq!(error.to_string(), message);
}

/// Configurations that are refused, each for the field that is named.
fn refused(cases: impl IntoIterator<Item = (&'static str, BootConfig)>) {
    for (expected, config) in cases {
        match render(&config).unwrap_err() {
            RenderError::Invalid { field, .. } => assert_eq!(field, expected),
            other => panic!("{expected}: {other}"),
        }
    }
}

#[test]
fn mount_points_that_cannot_be_carried_are_refused() {
    let long = format!("/{}", "-".repeat(70));
    let places = ["srv", "/", "/srv//data", "/srv/../etc", "/srv/a\nb", "/srv/a ", &long];
    refused(places.map(|mount| {
        let data = full().data.map(|data| DataVolume {
            mount: mount.into(),
            ..data
        });
        ("data.mount", BootConfig { data, ..full() })
    }));
}

#[test]
fn values_that_cannot_be_carried_are_refused() {
    let with = |change: fn(&mut BootConfig)| {
        let mut config = full();
        change(&mut config);
        config
    };
    refused([
        ("region", with(|it| it.region = "eu-west-1.evil.example/".into())),
        ("role", with(|it| it.role = "../../x".into())),
        ("allocation_id", with(|it| it.allocation_id = String::new())),
        ("stack", with(|it| it.stack = "a\0b".into())),
        ("breaker_limit", with(|it| it.breaker_limit = 0)),
    ]);
}

#[test]
fn probes_that_cannot_be_carried_are_refused() {
    let health = |change: fn(&mut HealthCheck)| {
        let mut config = full();
        config.health.iter_mut().for_each(change);
        config
    };
    refused([
        ("health.interval_s", health(|health| health.interval_s = 0)),
        ("health.threshold", health(|health| health.threshold = 0)),
        (
            "health.probe.url",
            health(|health| {
                health.probe = Probe::Http {
                    url: "file:///etc/passwd".into(),
                }
            }),
        ),
        (
            "health.probe.port",
            health(|health| health.probe = Probe::Tcp { port: 0 }),
        ),
    ]);
}

#[test]
fn mount_units_are_named_as_systemd_names_them() {
    for (path, unit) in [
        ("/srv/data", "srv-data.mount"),
        ("/srv/my-data", r"srv-my\x2ddata.mount"),
        ("/.hidden/x.y", r"\x2ehidden-x.y.mount"),
        ("/a b/é", r"a\x20b-\xc3\xa9.mount"),
    ] {
        assert_eq!(mount_unit(path), unit);
    }
}

#[test]
fn decode_refuses_what_is_not_user_data() {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    assert_eq!(decode("not base64!"), None);
    assert_eq!(decode(&encode(&[0x1f, 0x8b, 8, 0, 1])), None);
    assert_eq!(decode(&encode(b"#!/bin/sh\n")).as_deref(), Some(&b"#!/bin/sh\n"[..]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decode_gives_back_the_script(setup in proptest::collection::vec(any::<u8>(), 0..2000), stack in "[ -~]{1,30}") {
        let config = BootConfig { setup: Some(setup), stack, ..full() };
        let user_data = render(&config).unwrap();
        prop_assert_eq!(decode(&user_data.to_base64()).unwrap(), user_data.script().as_bytes());
        prop_assert_eq!(&render(&config).unwrap(), &user_data);
    }
}

/// Finds a tool: the one that the variable names, or the one on the PATH.
fn tool(variable: &str, name: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from);
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = named.or_else(|| {
        env::split_paths(&paths)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    });
    if found.is_none() {
        println!("skipped: {name} is not installed");
    }
    found
}

fn assert_silent(command: &mut Command, what: &str) {
    let output = command.output().unwrap();
    assert!(
        output.status.success() && text(&output).is_empty(),
        "{what}: {}",
        text(&output)
    );
}

#[test]
fn bash_and_shellcheck_find_nothing() {
    let shellcheck = tool("SELFHEAL_SHELLCHECK", "shellcheck");
    for (name, config) in stacks() {
        let machine = Machine::new();
        machine.install(&config);
        let script = machine.user_data();
        let program = machine.root().join(PROGRAM_PATH.trim_start_matches('/'));
        let mut files = vec![script, program];
        let bundled = render(&config).unwrap().bundle().is_some();
        if let Some(bundle) = render(&config).unwrap().bundle() {
            let chunks = bundle.chunks().iter().map(String::as_str);
            let text = String::from_utf8(unbundle(bundle.digest(), chunks).unwrap()).unwrap();
            let (parts, _) = text
                .split_once("<<'END_OF_PROGRAM'\n")
                .unwrap()
                .1
                .split_once("END_OF_PROGRAM\n")
                .unwrap();
            // The program's own parts stand in it where there is no bundle, and are checked so above.
            assert!(parts.contains("run_setup() {"), "{name}");
            let path = machine.folder().join("bundle");
            std::fs::write(&path, format!("#!/bin/bash\n# shellcheck disable=SC2016\n{text}")).unwrap();
            files.push(path);
        }
        for file in &files {
            assert_silent(Command::new("bash").arg("-n").arg(file), name);
            if let Some(shellcheck) = &shellcheck {
                let mut command = Command::new(shellcheck);
                command.args(["--external-sources", "--severity=style", "--source-path"]);
                command.arg(machine.root().join("etc/selfheal")).arg(file);
                if bundled {
                    // A variable that the parts alone read. Where they stand in the program, it is checked.
                    command.arg("--exclude=SC2034");
                }
                assert_silent(&mut command, name);
            }
        }
    }
}

#[test]
fn systemd_finds_nothing_in_the_units() {
    let Some(analyze) = tool("SELFHEAL_SYSTEMD_ANALYZE", "systemd-analyze") else {
        return;
    };
    for (name, config) in stacks() {
        let machine = Machine::new();
        machine.install(&config);
        let units = machine.root().join("etc/systemd/system");
        // Drop-ins are read with what they belong to.
        for unit in ["app.service", "backup.service"] {
            std::fs::write(units.join(unit), "[Service]\nExecStart=/bin/true\n").unwrap();
        }
        std::fs::write(units.join("backup.timer"), "[Timer]\nOnActiveSec=1\n").unwrap();
        let files = std::fs::read_dir(&units).unwrap().map(|entry| entry.unwrap().path());
        for unit in files.filter(|path| path.is_file()) {
            let mut command = Command::new(&analyze);
            command.args(["verify", "--man=no", "--recursive-errors=no"]).arg(unit);
            command.env("SYSTEMD_UNIT_PATH", format!("{}:", Path::new(&units).display()));
            assert_silent(&mut command, name);
        }
    }
}

#[test]
fn what_was_rendered_before_does_not_show_in_what_is_rendered_next() {
    let first: Vec<_> = stacks().iter().map(|(_, config)| render(config).unwrap()).collect();
    // Each again, among others that differ in one id, and in another order.
    for (place, (name, config)) in stacks().iter().enumerate().rev() {
        let other = BootConfig {
            allocation_id: "eipalloc-0fedcba9876543210".to_owned(),
            ..config.clone()
        };
        assert!(
            render(&other).unwrap().script().contains("eipalloc-0fedcba9876543210"),
            "{name}"
        );
        assert_eq!(render(config).unwrap(), first[place], "{name}");
    }
}

/// The parts of the program share their names: the second function of a name takes the place of the first.
#[test]
fn no_function_of_the_program_is_defined_twice() {
    for config in [
        everything(0),
        BootConfig {
            agent: None,
            ..everything(0)
        },
        full(),
        bare(),
    ] {
        let user_data = render(&config).unwrap();
        let parts = user_data.bundle().map(|bundle| {
            let chunks = bundle.chunks().iter().map(String::as_str);
            String::from_utf8(unbundle(bundle.digest(), chunks).unwrap()).unwrap()
        });
        let heads = |text: &str| -> Vec<String> {
            let names = text.lines().filter_map(|line| line.strip_suffix("() {"));
            names.map(str::to_owned).collect()
        };
        let mut names = heads(user_data.script());
        // Both scripts begin with what puts files in their places, and what waits for the parts is to give way to them.
        let shared = ["put", "watch"];
        let parts = heads(&parts.unwrap_or_default()).into_iter();
        names.extend(parts.filter(|name| !shared.contains(&name.as_str())));
        assert!(names.len() > 50, "{names:?}");
        names.sort();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
