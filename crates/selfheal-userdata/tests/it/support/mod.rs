//! What the tests share: configurations, and a machine to boot in.

pub mod aws;
pub mod machine;

use selfheal_userdata::{AddressWhen, BootConfig, DataVolume, Filesystem, HealthCheck, HealthFrom, Probe};

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
