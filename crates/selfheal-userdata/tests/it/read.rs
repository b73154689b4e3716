//! A configuration can be read back from what EC2 keeps: the parser inverts the renderer.

use proptest::prelude::*;
use selfheal_userdata::{
    AddressWhen, BootConfig, BootFile, DataVolume, Filesystem, HealthCheck, HealthFrom, Probe, ReadError, decode, read,
    render,
};

use crate::support::{bare, full};

/// Any text without control characters, and what hurts a shell or a careless parser.
fn printable() -> impl Strategy<Value = String> {
    prop_oneof![
        "[^\\p{C}]{1,40}",
        "[$`\"'\\\\(){}\\[\\]*?~=!#&;| a-c-]{1,20}",
        Just("END_OF_PROGRAM".to_owned()),
        Just("put 0700 /etc/selfheal/setup x".to_owned()),
        Just("OnUnitInactiveSec=9".to_owned()),
        Just("volume_id=vol-1".to_owned()),
        Just("@ROOT@".to_owned()),
    ]
}

fn setup() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        Just(b"#!/bin/sh\nput 0600 /etc/selfheal/config 'volume_id=vol-1\n'\n".to_vec()),
        Just(b"\nEND_OF_PROGRAM\n\nboot() {\nbegin boot\nawait_health\n".to_vec()),
        Just(b"\nOnUnitInactiveSec=7\n".to_vec()),
        // Compiled programs are full of NUL bytes.
        proptest::collection::vec(any::<u8>(), 0..300),
        "[^\\x00]{0,200}".prop_map(String::into_bytes),
    ]
}

fn file() -> impl Strategy<Value = BootFile> {
    let owner = prop_oneof![Just("root".to_owned()), "[a-z0-9_]{1,8}(:[a-z0-9_]{1,8})?"];
    ("(/[a-z '\"$%]{0,8}[a-z]){1,3}", setup(), owner, 0_u32..=0o777)
        .prop_filter("a place of ours", |(path, ..)| !path.starts_with("/etc/selfheal"))
        .prop_map(|(path, content, owner, mode)| BootFile {
            path,
            content,
            owner,
            mode,
        })
}

fn data() -> impl Strategy<Value = DataVolume> {
    let filesystem = prop_oneof![Just(Filesystem::Xfs), Just(Filesystem::Ext4)];
    let mount = prop_oneof![
        "(/[a-z '\"$%]{0,8}[a-z]){1,3}",
        Just("/srv/@ROOT@/OnUnitInactiveSec=3".to_owned())
    ];
    ("vol-[0-9a-f]{8,17}", mount, filesystem).prop_map(|(volume_id, mount, filesystem)| DataVolume {
        volume_id,
        mount,
        filesystem,
    })
}

fn health() -> impl Strategy<Value = HealthCheck> {
    let probe = prop_oneof![
        "https?://[^\\p{C}]{1,30}".prop_map(|url| Probe::Http { url }),
        (1_u16..).prop_map(|port| Probe::Tcp { port }),
        // A command may look like a port or an address.
        prop_oneof![
            "[^\\x00]{0,40}",
            "[1-9][0-9]{0,4}",
            Just("http://127.0.0.1/".to_owned())
        ]
        .prop_map(|command| Probe::Command { command }),
    ];
    let from = prop_oneof![
        Just(HealthFrom::Instance),
        Just(HealthFrom::Aws),
        Just(HealthFrom::Both)
    ];
    (probe, 1_u32.., 1_u32.., 1_u32.., from).prop_map(|(probe, interval_s, threshold, startup_budget_s, from)| {
        HealthCheck {
            probe,
            interval_s,
            threshold,
            startup_budget_s,
            from,
        }
    })
}

/// Any configuration that renders.
fn config() -> impl Strategy<Value = BootConfig> {
    let names = (
        printable(),
        "[a-z]{2}-[a-z]{4,9}-[1-9]",
        "[a-z]{1,8}(\\.[a-z]{2,3}){1,2}",
        printable(),
        printable(),
        proptest::option::of(printable()),
        "[A-Za-z0-9+=,.@_-]{1,64}",
        "eipalloc-[0-9a-f]{8,17}",
    );
    let parts = (
        proptest::option::of(data()),
        (proptest::option::of(setup()), proptest::collection::vec(file(), 0..3)),
        1_u32..,
        proptest::option::of(health()),
        prop_oneof![Just(AddressWhen::Mounted), Just(AddressWhen::Healthy)],
        1_u32..,
    );
    (names, parts).prop_map(|(names, parts)| {
        let (stack, region, dns_suffix, group, launch_hook, terminate_hook, role, allocation_id) = names;
        let (data, (setup, files), setup_timeout_s, health, address_when, breaker_limit) = parts;
        BootConfig {
            stack,
            region,
            dns_suffix,
            group,
            launch_hook,
            terminate_hook,
            role,
            allocation_id,
            data,
            setup,
            setup_timeout_s,
            files,
            health,
            address_when,
            breaker_limit,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_rendered_is_read_back(config in config()) {
        let config = config.effective();
        let user_data = render(&config).unwrap();
        let script = decode(&user_data.to_base64()).unwrap();
        prop_assert_eq!(read(&script), Ok(config));
    }

    #[test]
    fn what_a_configuration_leaves_open_does_not_show(config in config()) {
        let effective = config.effective();
        prop_assert_eq!(render(&config).unwrap(), render(&effective).unwrap());
        prop_assert_eq!(effective.effective(), effective);
    }

    #[test]
    fn a_script_that_was_changed_is_refused(config in config(), place in any::<proptest::sample::Index>(), bit in 0..8) {
        let mut script = render(&config).unwrap().script().as_bytes().to_vec();
        let at = place.index(script.len());
        script[at] ^= 1_u8 << bit;
        // Refused, or it is what another configuration renders to: a changed id may well be an id.
        if let Ok(other) = read(&script) {
            let again = render(&other).unwrap();
            prop_assert_eq!(again.script().as_bytes(), &script);
            prop_assert_ne!(other, config.effective());
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
        prop_assert!(read(&[b"\nput 0600 /etc/selfheal/config ", bytes.as_slice()].concat()).is_err());
    }
}

#[test]
fn what_is_not_ours_is_refused_with_the_reason() {
    assert_eq!(read(b"#!/bin/bash\nvolume_id=vol-1\n"), Err(ReadError::Foreign));
    let script = render(&full()).unwrap().script().to_owned();
    assert_eq!(read(&script.as_bytes()[..script.len() / 2]), Err(ReadError::Foreign));
    assert_eq!(
        read(format!("{script}# and more\n").as_bytes()),
        Err(ReadError::Differs)
    );
    let without = script.replacen("role=selfheal-web-eu-west-1\n", "", 1);
    assert_eq!(read(without.as_bytes()), Err(ReadError::Missing { name: "role" }));
    let many = script.replacen("breaker_limit=3\n", "breaker_limit=many\n", 1);
    let error = read(many.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "the user data's setting breaker_limit is \"many\"");
    // An earlier version's program: the settings are all there, and the text is another.
    let earlier = script.replacen("\npause() {\n", "\nrest() {\n", 1);
    assert_ne!(earlier, script);
    assert_eq!(read(earlier.as_bytes()), Err(ReadError::Differs));
}

/// Nothing is read that `render` would refuse, whoever wrote it there; and reading ends.
#[test]
fn what_no_configuration_may_have_is_not_read() {
    let mut config = full();
    if let Some(health) = &mut config.health {
        health.probe = Probe::Http {
            url: "http://127.0.0.1/".to_owned(),
        };
    }
    let script = render(&config).unwrap().script().to_owned();
    for (from, to) in [
        ("probe_target=http://", "probe_target=http9//"),
        ("breaker_limit=3\n", "breaker_limit=0\n"),
        ("volume_id=vol-", "volume_id=v/l-"),
        ("tools=(", "tools=(\n"),
    ] {
        let other = script.replacen(from, to, 1);
        assert!(other != script, "{from}");
        assert!(read(other.as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn what_only_one_field_tells_is_read_back() {
    let health = full().health.unwrap();
    for from in [HealthFrom::Instance, HealthFrom::Aws, HealthFrom::Both] {
        for address_when in [AddressWhen::Mounted, AddressWhen::Healthy] {
            let config = BootConfig {
                address_when,
                health: Some(HealthCheck {
                    from,
                    interval_s: 7,
                    ..health.clone()
                }),
                ..full()
            };
            assert_eq!(read(render(&config).unwrap().script().as_bytes()), Ok(config));
        }
    }
    let config = BootConfig {
        setup_timeout_s: 1,
        address_when: AddressWhen::Mounted,
        ..bare()
    };
    assert_eq!(read(render(&config).unwrap().script().as_bytes()), Ok(config));
}
