//! What the tests share: configurations, and a machine to boot in.

pub mod aws;
pub mod machine;
mod route53;

use selfheal_userdata::{
    AddressWhen, AgentPin, AgentSource, Answers, BootConfig, BootFile, Challenge, ChallengeZone, DataVolume,
    Filesystem, HealthCheck, HealthFrom, Https, LogShipping, Messages, Parameters, Prepare, Probe, Repair, Site,
};

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
        prepare: None,
        setup: Some(b"#!/bin/sh\necho \"it's $SELFHEAL_STACK\"\n".to_vec()),
        setup_timeout_s: 3_600,
        stop_timeout_s: 15,
        files: Vec::new(),
        units: Vec::new(),
        parameters: None,
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
        logs: None,
        agent: None,
        notify: None,
        https: None,
        repair: Repair {
            reboot_on_hang: true,
            ..Repair::default()
        },
    }
}

/// Where a stack's parameters are.
pub fn parameters() -> Parameters {
    Parameters {
        path: "/web".into(),
        required: vec!["DATABASE_URL".into()],
        refresh_s: Some(900),
        kms_key: None,
    }
}

/// A stack with everything, which has its app's configuration in Parameter Store.
pub fn configured() -> BootConfig {
    BootConfig {
        parameters: Some(parameters()),
        ..full()
    }
}

/// HTTPS for a name that curl takes for this machine without asking anybody.
pub fn https() -> Https {
    Https {
        sites: vec![Site {
            domains: vec!["app.localhost".into()],
            answers: Answers::Upstreams(vec!["127.0.0.1:8080".into()]),
        }],
        email: Some("ops@example.com".into()),
        ca: "https://ca.example.com/dir".into(),
        ca_bundle: None,
        body_mib_max: 10,
        timeout_s: 60,
        hsts: true,
        extra: Some("gzip on;\n".into()),
        challenge: Challenge::Http,
    }
}

/// A stack with everything, whose HTTPS answers challenges in the DNS, for a name with a wildcard too.
pub fn secured_by_dns(endpoint: &str) -> BootConfig {
    BootConfig {
        https: Some(Https {
            sites: vec![Site {
                domains: vec![
                    "app.localhost".into(),
                    "localhost.test".into(),
                    "*.localhost.test".into(),
                ],
                answers: Answers::Upstreams(vec!["127.0.0.1:8080".into()]),
            }],
            challenge: Challenge::Dns(ChallengeZone {
                id: "Z0123456789ABCDEFGHIJ".into(),
                endpoint: endpoint.into(),
                region: "us-east-1".into(),
            }),
            ..https()
        }),
        ..full()
    }
}

/// A stack with everything, and HTTPS.
pub fn secured() -> BootConfig {
    BootConfig {
        https: Some(https()),
        ..full()
    }
}

/// The least that a stack can be: an address.
pub fn bare() -> BootConfig {
    BootConfig {
        terminate_hook: None,
        data: None,
        setup: None,
        health: None,
        repair: Repair::default(),
        ..full()
    }
}

/// A stack with everything, that ships its logs and two files.
pub fn logged() -> BootConfig {
    BootConfig {
        logs: Some(LogShipping {
            group: "/selfheal/web".into(),
            days: 14,
            files: vec!["/var/log/nginx/access.log".into(), "/srv/data/app.log".into()],
        }),
        ..full()
    }
}

/// A stack with everything, that tells a topic what happens to it.
pub fn told() -> BootConfig {
    BootConfig {
        notify: Some(Messages {
            topic: TOPIC.to_owned(),
            disk_percent: 90,
        }),
        ..full()
    }
}

/// A stack with everything, whose app is restarted before it is reported.
pub fn mended() -> BootConfig {
    BootConfig {
        units: vec!["app.service".into()],
        repair: Repair {
            restart: true,
            ..full().repair
        },
        ..full()
    }
}

/// A script that prepares an instance.
pub fn preparation(script: &str) -> Prepare {
    Prepare {
        script: script.as_bytes().to_vec(),
        timeout_s: 3_600,
    }
}

/// The topic that is told.
pub const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:selfheal-web";

/// A stack with all that there is, with a setup script of this many bytes: too large for user data alone in any case.
pub fn everything(setup: usize) -> BootConfig {
    BootConfig {
        setup: Some(noise(setup)),
        files: bundled().files,
        units: bundled().units,
        parameters: Some(parameters()),
        health: full().health.map(|health| HealthCheck {
            from: HealthFrom::Both,
            ..health
        }),
        logs: logged().logs,
        agent: Some(AgentSource::Pinned(agent_pin())),
        notify: told().notify,
        https: secured().https,
        repair: Repair {
            restart: true,
            reboot: true,
            reboot_on_hang: true,
        },
        prepare: Some(preparation("#!/bin/sh\necho \"it's prepared\"\n")),
        ..full()
    }
}

/// A version of Systems Manager's agent, by the SHA-256 of what tests take for its package.
pub fn agent_pin() -> AgentPin {
    AgentPin {
        version: "3.3.3270.0".into(),
        sha256_amd64: Some("5c9ee5ef2bef8ea1d1ea4e1a9ff2f8dd9b0a1d2b5d8b3f6a5f1a3f7c2d4e6f80".into()),
        sha256_arm64: None,
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
        units: vec!["app.service".into(), "backup.timer".into()],
        ..full()
    }
}
