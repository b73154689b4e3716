//! What the tests share: configurations, and a machine to boot in.

pub mod aws;
pub mod machine;

use selfheal_userdata::{AddressWhen, BootConfig, BootFile, DataVolume, Filesystem, HealthCheck, HealthFrom, Probe};

/// A stack with everything.
pub fn full() -> BootConfig {
    BootConfig {
        stack: "web".into(),
        region: "eu-west-1".into(),
        dns_suffix: "amazonaws.com".into(),
        group: "selfheal-web".into(),
        launch_hook: "selfheal-launch".into(),
        terminate_hook: Some("selfheal-terminate".into()),
        role: "selfheal-web-eu-west-1".into(),
        allocation_id: "eipalloc-0123456789abcdef0".into(),
        data: Some(DataVolume {
            volume_id: "vol-0123456789abcdef0".into(),
            mount: "/srv/data".into(),
            filesystem: Filesystem::Xfs,
        }),
        setup: Some(b"#!/bin/sh\necho \"it's $SELFHEAL_STACK\"\n".to_vec()),
        setup_timeout_s: 3_600,
        files: Vec::new(),
        health: Some(HealthCheck {
            probe: Probe::Command {
                command: "test -e /etc/hostname".into(),
            },
            interval_s: 1,
            threshold: 2,
            startup_budget_s: 3,
            from: HealthFrom::Instance,
        }),
        address_when: AddressWhen::Healthy,
        breaker_limit: 3,
    }
}

/// The least that a stack can be: an address.
pub fn bare() -> BootConfig {
    BootConfig {
        terminate_hook: None,
        data: None,
        setup: None,
        health: None,
        ..full()
    }
}

/// Text that hardly compresses.
pub fn noise(length: usize) -> Vec<u8> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (seed >> 27) as u8 % 26
    };
    (0..length).map(|_| next()).collect()
}

/// A stack with everything, whose setup script does not fit, and tells that it ran.
pub fn bundled() -> BootConfig {
    let mut setup = b"#!/bin/sh\necho \"set up $SELFHEAL_STACK\"\nexit 0\n# ".to_vec();
    setup.extend(noise(30_000));
    BootConfig {
        setup: Some(setup),
        files: vec![BootFile {
            path: "/etc/app/app.yml".into(),
            content: b"a: \0\n".to_vec(),
            owner: "root".into(),
            mode: 0o640,
        }],
        ..full()
    }
}
