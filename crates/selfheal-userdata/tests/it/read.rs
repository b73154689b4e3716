//! A configuration can be read back from what EC2 keeps: the parser inverts the renderer.

use proptest::prelude::*;
use selfheal_userdata::{
    AddressWhen, AgentPin, AgentSource, Answers, BootConfig, BootFile, Challenge, ChallengeZone, DataVolume,
    Filesystem, HealthCheck, HealthFrom, Https, LogShipping, Messages, Parameters, Prepare, Probe, ReadError, Repair,
    Site, check_app_unit, decode, read, read_with_bundle, render,
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

fn parameters() -> impl Strategy<Value = Parameters> {
    let required = proptest::collection::vec("[AC-KM-RT-Z][A-Z0-9_]{0,8}X", 0..3);
    let path = "(/[b-rt-z0-9._-]{1,8}){1,3}";
    let key = "arn:aws:kms:eu-west-1:[0-9]{12}:key/[0-9a-f]{1,8}";
    let more = (proptest::option::of(1_u32..), proptest::option::of(key));
    (path, required, more).prop_map(|(path, required, (refresh_s, kms_key))| Parameters {
        path,
        required,
        refresh_s,
        kms_key,
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

fn units() -> impl Strategy<Value = Vec<String>> {
    let unit = "[a-z@:_.\\\\-]{0,6}[a-z0-9]\\.(service|socket|timer|path)";
    let units = proptest::collection::vec(unit, 0..3);
    units.prop_map(|mut units| {
        units.sort();
        units.dedup();
        units.retain(|unit| check_app_unit(unit).is_ok());
        units
    })
}

/// What a configuration is called, and what it names.
type Names = (String, String, String, String, String, Option<String>, String, String);

fn names() -> impl Strategy<Value = Names> {
    (
        printable(),
        "[a-z]{2}-[a-z]{4,9}-[1-9]",
        "[a-z]{1,8}(\\.[a-z]{2,3}){1,2}",
        printable(),
        printable(),
        proptest::option::of(printable()),
        "[A-Za-z0-9+=,.@_-]{1,64}",
        "eipalloc-[0-9a-f]{8,17}",
    )
}

/// Any configuration that renders.
fn config() -> impl Strategy<Value = BootConfig> {
    let parts = (
        proptest::option::of(data()),
        (
            (proptest::option::of(prepare()), proptest::option::of(setup())),
            1_u32..=900,
            proptest::collection::vec(file(), 0..3),
            units(),
            proptest::option::of(parameters()),
        ),
        1_u32..,
        asked(),
        prop_oneof![Just(AddressWhen::Mounted), Just(AddressWhen::Healthy)],
        1_u32..,
        (
            proptest::option::of(logs()),
            proptest::option::of(agent()),
            proptest::option::of(messages()),
            proptest::option::of(https()),
        ),
    );
    (names(), parts).prop_map(|(names, parts)| {
        let (stack, region, dns_suffix, group, launch_hook, terminate_hook, role, allocation_id) = names;
        let (
            data,
            ((prepare, setup), stop_timeout_s, files, units, parameters),
            setup_timeout_s,
            (health, repair),
            address_when,
            breaker_limit,
            (logs, agent, notify, https),
        ) = parts;
        // Without a volume there is no place for a certificate.
        let https = https.filter(|_| data.is_some());
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
            prepare,
            setup,
            setup_timeout_s,
            stop_timeout_s,
            files,
            units,
            parameters,
            health,
            address_when,
            breaker_limit,
            logs,
            agent,
            notify,
            https,
            repair,
        }
    })
}

fn prepare() -> impl Strategy<Value = Prepare> {
    (setup(), 1_u32..).prop_map(|(script, timeout_s)| Prepare { script, timeout_s })
}

/// A health check or none, and what may be tried first: nobody restarts an app that the instance does not ask.
fn asked() -> impl Strategy<Value = (Option<HealthCheck>, Repair)> {
    let rungs = (any::<bool>(), any::<bool>(), any::<bool>());
    (proptest::option::of(health()), rungs).prop_map(|(health, (restart, reboot, reboot_on_hang))| {
        let asked = health.as_ref().is_some_and(|health| health.from != HealthFrom::Aws);
        let repair = Repair {
            restart: restart && asked,
            reboot: reboot && restart && asked,
            reboot_on_hang,
        };
        (health, repair)
    })
}

fn messages() -> impl Strategy<Value = Messages> {
    ("arn:aws:sns:[a-z0-9-]{1,9}:[0-9]{12}:[A-Za-z0-9_-]{1,9}", 50..=99_u32)
        .prop_map(|(topic, disk_percent)| Messages { topic, disk_percent })
}

fn agent() -> impl Strategy<Value = AgentSource> {
    let sum = || proptest::option::of("[0-9a-f]{64}");
    let pin = ("[0-9]{1,9}(\\.[0-9]{1,9}){3}", sum(), sum());
    let pinned = pin.prop_map(|(version, sha256_amd64, sha256_arm64)| {
        AgentSource::Pinned(AgentPin {
            version,
            sha256_amd64,
            sha256_arm64,
        })
    });
    prop_oneof![Just(AgentSource::Unpinned), pinned]
}

fn logs() -> impl Strategy<Value = LogShipping> {
    let files = proptest::collection::vec("(/([A-Za-z0-9_+=@:,-][A-Za-z0-9._+=@:,-]{0,8}|x@ROOT@)){1,3}", 0..4);
    ("[A-Za-z0-9._/#-]{1,80}", 1_u32..=14, files).prop_map(|(group, days, files)| LogShipping { group, days, files })
}

fn https() -> impl Strategy<Value = Https> {
    let name = "[a-z0-9]{1,9}(-[a-z0-9]{1,9})?\\.[a-z]{2,9}";
    let path = "(/[A-Za-z0-9_-]{1,9}){1,3}";
    let upstream = prop_oneof![
        "[a-z][a-z0-9._-]{0,9}:[1-9][0-9]{0,3}",
        "unix:(/[A-Za-z0-9_-]{1,9}){1,3}"
    ];
    let answers = prop_oneof![
        proptest::collection::vec(upstream, 1..3).prop_map(Answers::Upstreams),
        path.prop_map(Answers::Root),
    ];
    let extra = prop_oneof![
        "[^\0]{1,30}",
        Just("put 0644 /etc/selfheal/nginx.conf x\n'\n".to_owned())
    ];
    (
        proptest::collection::hash_set(name, 3),
        proptest::collection::vec(answers, 1..3),
        proptest::option::of("[a-z.+_-]{1,9}@example\\.com"),
        "https://[a-z0-9.-]{1,20}(:[1-9][0-9]{0,3})?/[a-z]{1,9}",
        proptest::option::of(path),
        (
            1_u32..,
            1_u32..,
            any::<bool>(),
            proptest::option::of(extra),
            proptest::option::of("Z[A-Z0-9]{1,31}"),
        ),
    )
        .prop_map(
            |(names, answers, email, ca, ca_bundle, (body_mib_max, timeout_s, hsts, extra, zone))| {
                let mut names = names.into_iter();
                let sites = answers.into_iter().map(|answers| Site {
                    domains: names.by_ref().take(1).collect(),
                    answers,
                });
                let mut sites: Vec<Site> = sites.collect();
                sites[0].domains.extend(names);
                let challenge = match &zone {
                    Some(id) => {
                        sites[0].domains[0].insert_str(0, "*.");
                        Challenge::Dns(ChallengeZone {
                            id: id.clone(),
                            endpoint: "https://route53.amazonaws.com".to_owned(),
                            region: "us-east-1".to_owned(),
                        })
                    }
                    None => Challenge::Http,
                };
                Https {
                    challenge,
                    sites,
                    email,
                    ca,
                    ca_bundle,
                    body_mib_max,
                    timeout_s,
                    hsts,
                    extra,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_rendered_is_read_back(config in config()) {
        let config = config.effective();
        let user_data = render(&config).unwrap();
        let script = decode(&user_data.to_base64()).unwrap();
        let bundle = user_data.bundle().map(|bundle| bundle.chunks().to_vec()).unwrap_or_default();
        let chunks: Vec<&str> = bundle.iter().map(String::as_str).collect();
        prop_assert_eq!(read_with_bundle(&script, &chunks), Ok(config));
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
