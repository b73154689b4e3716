//! Properties of reading spec files: no text panics, and what is rendered reads back the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use selfheal_core::spec::{
    AccessSpec, AddressSpec, AddressWhen, AgentPin, Answers, AppFile, AppPolicy, AppSpec, ChallengeKind, ConfigSpec,
    DataSpec, DnsSpec, Filesystem, HealthFrom, HealthProbe, HealthSpec, HttpsSpec, ImageRef, Ingress, InstanceSpec,
    LogsSpec, Market, NginxExtra, NotifySpec, NotifyTo, OpenPorts, Protocol, Repair, ScheduleSpec, Setup, Site,
    SnapshotsSpec, Source, Spec, SpecFile, VolumeType, ZoneRef,
};
use selfheal_core::world::{AllocationId, VolumeId};

fn id(prefix: &'static str) -> impl Strategy<Value = String> {
    prop_oneof!["[0-9a-f]{8}", "[0-9a-f]{17}"].prop_map(move |hex| format!("{prefix}-{hex}"))
}

fn image() -> impl Strategy<Value = ImageRef> {
    let aliases: Vec<&'static str> = ImageRef::aliases().collect();
    prop_oneof![
        id("ami").prop_map(|id| ImageRef::Id(id.into())),
        proptest::sample::select(aliases).prop_filter_map("an alias", ImageRef::alias),
        "(/[A-Za-z0-9._-]{1,12}){1,4}".prop_map(ImageRef::Parameter),
    ]
}

fn sources() -> impl Strategy<Value = Vec<Source>> {
    let within = |bits: u32, of: u128, shown: u8| of & u128::MAX.checked_shl(bits - u32::from(shown)).unwrap_or(0);
    let some = prop_oneof![
        (any::<u32>(), 1..=32_u8).prop_map(move |(first, bits)| {
            let first = within(32, u128::from(first), bits) as u32;
            Source::Ipv4(first.into(), bits)
        }),
        (any::<u128>(), 0..=128_u8).prop_map(move |(first, bits)| Source::Ipv6(within(128, first, bits).into(), bits)),
        id("sg").prop_map(|id| Source::Group(id.into())),
        id("pl").prop_map(Source::PrefixList),
    ];
    let one = some.prop_map(|source| vec![source]);
    prop_oneof![
        2 => Just(vec![Source::WORLD]),
        1 => one,
        1 => (any::<u32>(), id("sg"), id("pl")).prop_map(|(host, group, list)| vec![
            Source::Ipv4(host.into(), 32),
            Source::Ipv6(std::net::Ipv6Addr::UNSPECIFIED, 0),
            Source::Group(group.into()),
            Source::PrefixList(list),
        ]),
    ]
}

fn ingress() -> impl Strategy<Value = Ingress> {
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)];
    // Ranges that do not overlap: which ones may is for tests of their own.
    let range = (1..=600_u16, 0..100_u16, protocol, sources());
    prop_oneof![
        proptest::collection::btree_map(0..100_u16, range, 0..8).prop_map(|ranges| {
            let mut ports: Vec<OpenPorts> = ranges
                .into_iter()
                .map(|(place, (first, more, protocol, from))| OpenPorts {
                    first: place * 650 + first.min(500),
                    last: place * 650 + first.min(500) + more,
                    protocol,
                    from,
                })
                .collect();
            ports.sort();
            Ingress::Ports(ports)
        }),
        proptest::collection::btree_set(id("sg"), 1..=5)
            .prop_map(|ids| Ingress::Groups(ids.into_iter().map(Into::into).collect())),
    ]
}

fn kms_key() -> impl Strategy<Value = Option<String>> {
    let key =
        "arn:aws(-cn)?:kms:[a-z]{2}-[a-z]{4}-[1-9]:[0-9]{12}:key/(mrk-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    proptest::option::of(key)
}

fn instance() -> impl Strategy<Value = InstanceSpec> {
    let instance_type = proptest::sample::select(vec![
        ("t4g.small", vec![]),
        ("m7i-flex.large", vec!["t3.large"]),
        ("u-6tb1.metal", vec![]),
        ("c7gn.16xlarge", vec!["c7g.16xlarge", "a1.metal"]),
    ]);
    let market = prop_oneof![Just(Market::OnDemand), Just(Market::Spot)];
    (
        (instance_type, market),
        image(),
        proptest::option::of(id("subnet")),
        ingress(),
        1..=16_384_u32,
        proptest::option::of("arn:aws:iam::(aws|[0-9]{12}):policy/([a-z]{1,9}/)?[A-Za-z0-9+=,.@_-]{1,20}"),
        kms_key(),
    )
        .prop_map(
            |(
                ((instance_type, others), market),
                image,
                subnet,
                ingress,
                root_size_gib,
                permissions_boundary,
                kms_key,
            )| InstanceSpec {
                instance_type: instance_type.to_owned(),
                fallback_types: others.into_iter().map(str::to_owned).collect(),
                market,
                image,
                subnet: subnet.map(Into::into),
                ingress,
                root_size_gib,
                permissions_boundary,
                kms_key,
            },
        )
}

fn data() -> impl Strategy<Value = DataSpec> {
    let filesystem = prop_oneof![Just(Filesystem::Xfs), Just(Filesystem::Ext4)];
    let gp3 = (
        1..=65_536_u32,
        proptest::option::of(0.0..=1.0),
        proptest::option::of(0.0..=1.0),
    )
        .prop_map(
            |(size, iops_share, throughput_share): (u32, Option<f64>, Option<f64>)| {
                let between = |least: u32, most: u32, share: f64| least + (f64::from(most - least) * share) as u32;
                let iops = iops_share.map(|share| between(3_000, (size * 500).clamp(3_000, 80_000), share));
                let most = (iops.unwrap_or(3_000) / 4).min(2_000);
                (
                    VolumeType::Gp3,
                    size,
                    iops,
                    throughput_share.map(|share| between(125, most, share)),
                )
            },
        );
    let io2 = (4..=65_536_u32, 100..=4_000_u32).prop_map(|(size, iops)| (VolumeType::Io2, size, Some(iops), None));
    let volume = proptest::option::of(id("vol"));
    let snapshots = (
        prop_oneof![Just(1_u32), Just(6), Just(24)],
        1..=3_650_u32,
        (0..24_u8, 0..60_u8).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}")),
    );
    let snapshots = snapshots.prop_map(|(every_h, keep_days, at)| SnapshotsSpec { every_h, keep_days, at });
    let inputs = (
        prop_oneof![gp3, io2],
        "(/[a-z0-9_-]{1,8}){1,3}",
        filesystem,
        volume,
        kms_key(),
        proptest::option::of(snapshots),
    );
    inputs.prop_map(
        |((volume_type, size_gib, iops, throughput_mibps), mount, filesystem, volume, kms_key, snapshots)| DataSpec {
            size_gib,
            mount: format!("/srv{mount}"),
            filesystem,
            volume_type,
            iops,
            throughput_mibps,
            volume: volume.map(VolumeId::from),
            kms_key,
            snapshots,
        },
    )
}

fn dns() -> impl Strategy<Value = DnsSpec> {
    (
        "([a-z0-9]{1,10}\\.){0,3}",
        "[a-z0-9]{1,10}\\.[a-z]{2,8}",
        proptest::option::of("Z[A-Z0-9]{7,31}"),
        1..=86_400_u32,
        any::<bool>(),
    )
        .prop_map(|(label, zone, id, ttl_s, overwrite)| {
            let name = format!("{label}{zone}");
            let zone = id.map_or(ZoneRef::Name(zone), |id| ZoneRef::Id(id.into()));
            DnsSpec {
                zone,
                name,
                ttl_s,
                overwrite,
            }
        })
}

fn health() -> impl Strategy<Value = HealthSpec> {
    let from = prop_oneof![
        Just(HealthFrom::Instance),
        Just(HealthFrom::Aws),
        Just(HealthFrom::Both)
    ];
    let probe =
        prop_oneof![
            (any::<bool>(), 1..=u16::MAX, "(/[a-z0-9?=&%.-]{0,9}){1,3}")
                .prop_map(|(tls, port, path)| HealthProbe::Http { tls, port, path }),
            (1..=u16::MAX).prop_map(|port| HealthProbe::Tcp { port }),
            "[^\\x00]{0,40}x".prop_map(|line| HealthProbe::Command { line }),
        ];
    (probe, 5..=300_u32, 1..=20_u32, 10..=7_200_u32, from).prop_map(
        |(probe, interval_s, threshold, startup_budget_s, from)| {
            let from = if matches!(probe, HealthProbe::Http { .. }) {
                from
            } else {
                HealthFrom::Instance
            };
            HealthSpec {
                probe,
                interval_s,
                threshold,
                startup_budget_s,
                from,
            }
        },
    )
}

const APP_POLICY: &str = r#"{"Version":"2012-10-17","Statement":
    {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::web-files/*"}}"#;

/// A schedule whose stop and start are at different hours.
fn schedule() -> impl Strategy<Value = ScheduleSpec> {
    let zone = proptest::sample::select(vec!["Europe/Paris", "America/New_York", "Asia/Kolkata", "UTC"]);
    let days = proptest::sample::select(vec!["* * *", "* * 1-5", "1,15 * *", "*/2 1-11 *", "* * 0,6"]);
    (0..60_u32, 0..12_u32, 12..24_u32, days, zone).prop_map(|(minute, start, stop, days, timezone)| {
        let at = |hour: u32| format!("{minute} {hour} {days}").parse().expect("a recurrence");
        ScheduleSpec {
            stop: at(stop),
            start: at(start),
            timezone: timezone.to_owned(),
        }
    })
}

fn config() -> impl Strategy<Value = ConfigSpec> {
    let required = proptest::collection::btree_set("APP_[A-Z0-9_]{0,8}", 0..3);
    let path = "(/[b-rt-z0-9._-]{1,8}){1,3}";
    (path, required, proptest::option::of(60..=86_400_u32), kms_key()).prop_map(
        |(path, required, refresh_s, kms_key)| ConfigSpec {
            path,
            required: required.into_iter().collect(),
            refresh_s,
            kms_key,
        },
    )
}

fn notify() -> impl Strategy<Value = NotifySpec> {
    let own = (
        proptest::sample::subsequence(
            vec!["ops@example.com".to_owned(), "a.b+c@x-y.example".to_owned()],
            1..=2,
        ),
        proptest::option::of("https://[a-z]{1,9}\\.example/[a-zA-Z0-9?=&%]{0,9}"),
    );
    let to = prop_oneof![
        own.prop_map(|(emails, webhook)| NotifyTo::Own { emails, webhook }),
        "arn:aws:sns:eu-west-1:[0-9]{12}:[A-Za-z0-9_-]{1,9}".prop_map(NotifyTo::Given),
    ];
    (to, 50..=99_u32, any::<bool>()).prop_map(|(to, disk_percent, terminations)| NotifySpec {
        to,
        disk_percent,
        terminations,
    })
}

fn https() -> impl Strategy<Value = HttpsSpec> {
    let path = "(/[A-Za-z0-9_-]{1,9}){1,3}";
    let server = prop_oneof![
        "[a-z][a-z0-9.-]{0,9}:[1-9][0-9]{0,3}",
        "unix:(/[A-Za-z0-9_-]{1,9}){1,3}"
    ];
    let answers = prop_oneof![
        proptest::collection::btree_set(server, 1..3)
            .prop_map(|servers| Answers::Upstreams(servers.into_iter().collect())),
        path.prop_map(Answers::Root),
    ];
    (
        proptest::collection::btree_set("[a-z0-9]{1,9}(-[a-z0-9]{1,9})?\\.[a-z]{2,9}", 3),
        proptest::collection::vec(answers, 1..=3),
        proptest::option::of("[a-z.+_-]{1,9}@example\\.com"),
        prop_oneof![
            Just("https://acme-v02.api.letsencrypt.org/directory"),
            Just("https://acme-staging-v02.api.letsencrypt.org/directory"),
            Just("https://ca.example.com:14000/dir"),
        ],
        proptest::option::of(path),
        (
            1..=10_240_u32,
            1..=86_400_u32,
            any::<bool>(),
            proptest::option::of("[a-z.]{1,9}"),
        ),
    )
        .prop_map(
            |(names, answers, email, ca, ca_bundle, (body_mib_max, timeout_s, hsts, extra))| {
                let sites = names.into_iter().zip(answers).map(|(name, answers)| Site {
                    domains: vec![name.clone(), format!("www.{name}")],
                    answers,
                });
                HttpsSpec {
                    sites: sites.collect(),
                    email,
                    ca: ca.to_owned(),
                    ca_bundle,
                    body_mib_max,
                    timeout_s,
                    hsts: hsts && !ca.contains("staging"),
                    extra: extra.map(|path| NginxExtra {
                        content: Some(path.clone()),
                        path,
                    }),
                    challenge: ChallengeKind::Http,
                }
            },
        )
}

/// HTTPS where it can be, with the ports that it takes.
fn reachable(
    mut instance: InstanceSpec,
    https: Option<HttpsSpec>,
    data: bool,
    health: Option<&HealthSpec>,
    dns: Option<&DnsSpec>,
) -> (InstanceSpec, Option<HttpsSpec>) {
    let redirected = health.is_some_and(|health| {
        matches!(
            health.probe,
            HealthProbe::Http {
                tls: false,
                port: 80,
                ..
            }
        )
    });
    let mut https = https.filter(|_| data && !redirected);
    // Whether the names are in a zone that is named by its id, nobody knows before it is read.
    if let (Some(https), Some(ZoneRef::Id(_))) = (&mut https, dns.map(|dns| &dns.zone)) {
        https.challenge = ChallengeKind::Dns;
        https.sites[0].domains[0].insert_str(0, "*.");
    }
    if let (Some(https), Ingress::Ports(ports)) = (&https, &mut instance.ingress) {
        ports.retain(|open| ![80, 443].iter().any(|port| open.has_tcp(*port)));
        let asked = (https.challenge == ChallengeKind::Http).then_some(80);
        ports.extend(
            asked
                .into_iter()
                .chain([443])
                .map(|port| OpenPorts::from((port, Protocol::Tcp))),
        );
        ports.sort();
    }
    (instance, https)
}

/// A file of the user's without its place.
fn app_file() -> impl Strategy<Value = AppFile> {
    ("[^\\x00]{1,20}", "[a-z]{1,8}(:[a-z]{1,8})?", 0..=0o777_u32).prop_map(|(from, owner, mode)| AppFile {
        path: String::new(),
        content: Some(from.clone().into_bytes()),
        from,
        owner,
        mode,
    })
}

fn placed(files: BTreeMap<String, AppFile>) -> Vec<AppFile> {
    let ours = |path: &str| {
        ["/dev", "/proc", "/run", "/sys"]
            .iter()
            .any(|folder| path.starts_with(folder))
    };
    let files = files.into_iter().filter(|(path, _)| !ours(path));
    files.map(|(path, file)| AppFile { path, ..file }).collect()
}

/// A script or none, and how long it may take.
fn script() -> impl Strategy<Value = (Option<Setup>, u32)> {
    proptest::option::of(("[^\\x00]{1,20}", 60..=43_200_u32)).prop_map(|script| match script {
        Some((path, seconds)) => {
            let body = b"#!/bin/sh\n".to_vec();
            (Some(Setup { path, body }), seconds)
        }
        None => (None, AppSpec::SETUP_TIMEOUT_S_DEFAULT),
    })
}

prop_compose! {
    fn spec()(
        name in "[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
        instance in instance().boxed(),
        allocation in proptest::option::of(id("eipalloc")),
        mounted in any::<bool>(),
        data in proptest::option::of(data().boxed()),
        dns in proptest::option::of(dns().boxed()),
        (prepare, setup, stop_timeout_s) in (script(), script(), 5..=60_u32),
        health in proptest::option::of(health().boxed()),
        breaker_limit in 1..=10_u32,
        session_manager in any::<bool>(),
        logs in proptest::option::of((
            proptest::sample::select(vec![1, 30, 3653]),
            proptest::sample::subsequence(vec!["/var/log/app.log".to_owned(), "/srv/a/b@c.log".to_owned()], 0..=2),
        )),
        (schedule, config, notify) in
            (proptest::option::of(schedule().boxed()), proptest::option::of(config().boxed()), proptest::option::of(notify().boxed())),
        https in proptest::option::of(https().boxed()),
        policy in proptest::option::of("[a-z]{1,20}"),
        (units, repair, reboot_on_hang) in (
            proptest::sample::subsequence(vec!["app.service", "worker@1.service", "app.socket"], 0..=3),
            proptest::option::of(proptest::sample::select(vec![Repair::Restart, Repair::Reboot, Repair::Replace])),
            any::<bool>(),
        ),
        (port, agent) in (proptest::option::of(1_u16..), proptest::option::of(agent())),
        files in proptest::collection::btree_map("(/[a-z][a-z .\"']{0,8}[a-z]){1,3}", app_file(), 0..3),
    ) -> Spec {
        let access = access(session_manager, agent, &instance);
        let when = mounted.then_some(AddressWhen::Mounted);
        let ((prepare, prepare_timeout_s), (setup, setup_timeout_s)) = (prepare, setup);
        let units = units.into_iter().map(str::to_owned).collect();
        let probed = health.as_ref().is_some_and(|health| health.from != HealthFrom::Aws);
        let repair = repair.filter(|repair| probed || *repair == Repair::Replace);
        let policy = policy.map(|path| AppPolicy { path, document: APP_POLICY.parse().expect("a policy") });
        let (instance, https) = reachable(instance, https, data.is_some(), health.as_ref(), dns.as_ref());
        Spec {
            name,
            region: "eu-west-1".to_owned(),
            instance,
            address: AddressSpec { take: allocation.is_some(), allocation: allocation.map(AllocationId::from), when },
            data,
            dns,
            app: AppSpec { prepare, prepare_timeout_s, setup, setup_timeout_s, stop_timeout_s, health, breaker_limit, policy, files: placed(files), units, repair, reboot_on_hang, port },
            access,
            logs: logs.map(|(retention_days, files)| LogsSpec { retention_days, files }),
            schedule,
            config,
            notify,
            https,
        }
    }
}

fn agent() -> impl Strategy<Value = AgentPin> {
    ("[0-9]{1,4}(\\.[0-9]{1,4}){3}", "[0-9a-f]{64}").prop_map(|(version, sum)| AgentPin {
        version,
        sha256_amd64: Some(sum.clone()),
        sha256_arm64: Some(sum),
    })
}

/// An agent goes with an image that may lack it.
fn access(session_manager: bool, agent: Option<AgentPin>, instance: &InstanceSpec) -> AccessSpec {
    let brings = matches!(&instance.image, ImageRef::Alias { alias, .. } if !alias.starts_with("debian-"));
    AccessSpec {
        session_manager,
        agent: agent.filter(|_| session_manager && !brings),
    }
}

/// Lines that are almost a spec file: keys, headers and values of ours in any order, and garbage.
fn almost_a_file() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "(name|region|type|image|size|mount|iops|ttl|http|from|when|ingress|setup) = [\"0-9a-zGiB/\\[\\], é]{0,20}",
        "\\[\\[?(instance|data|dns|app|app\\.health|address)\\]?\\]",
        "(instance|data|app\\.health)\\.[a-z_]{1,8} = (1|\"20GiB\"|true|\\{ size = 1 \\}|2020-01-01|1\\.5)",
        "\\PC{0,30}",
    ];
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

/// Parses a text and holds every promise that an error makes about its place.
fn parse_and_check_places(text: &str) {
    if let Err(errors) = SpecFile::parse(text) {
        assert!(!errors.problems().is_empty());
        for problem in errors.problems() {
            assert!(
                text.get(problem.span.clone()).is_some(),
                "{problem:?} is not within the text"
            );
            assert!(problem.line >= 1 && problem.column >= 1);
            assert!(problem.line <= text.split('\n').count());
        }
        assert!(!errors.to_string().is_empty());
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        parse_and_check_places(&text);
    }

    #[test]
    fn nothing_that_is_almost_a_file_panics(text in almost_a_file()) {
        parse_and_check_places(&text);
    }

    #[test]
    fn one_changed_byte_does_not_panic(spec in spec(), at in any::<proptest::sample::Index>(), byte in any::<char>()) {
        let text = spec.to_toml();
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        let place = places[at.index(places.len())];
        let mut changed = text.clone();
        changed.insert(place, byte);
        parse_and_check_places(&changed);
    }

    #[test]
    fn what_is_rendered_reads_back_the_same(spec in spec()) {
        let text = spec.to_toml();
        let file = SpecFile::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        let body = spec.app.setup.as_ref().map(|setup| setup.body.clone());
        let mut file = file.with_policy(APP_POLICY.as_bytes()).unwrap();
        file = file.with_prepare(b"#!/bin/sh\n".to_vec()).unwrap();
        for path in file.file_paths().map(str::to_owned).collect::<Vec<_>>() {
            file = file.with_file(&path, path.as_bytes());
        }
        prop_assert_eq!(file.into_spec(body).unwrap(), spec);
    }
}
