//! Properties of reading spec files: no text panics, and what is rendered reads back the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use selfheal_core::spec::{
    AccessSpec, AddressSpec, AddressWhen, AppFile, AppPolicy, AppSpec, DataSpec, DnsSpec, Filesystem, HealthFrom,
    HealthProbe, HealthSpec, ImageRef, Ingress, InstanceSpec, LogsSpec, Protocol, ScheduleSpec, Setup, Spec, SpecFile,
    VolumeType, ZoneRef,
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

fn ingress() -> impl Strategy<Value = Ingress> {
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)];
    prop_oneof![
        proptest::collection::btree_set((1..=u16::MAX, protocol), 0..8)
            .prop_map(|ports| Ingress::Ports(ports.into_iter().collect())),
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
    let instance_type = proptest::sample::select(vec!["t4g.small", "m7i-flex.large", "u-6tb1.metal", "c7gn.16xlarge"]);
    (
        instance_type,
        image(),
        proptest::option::of(id("subnet")),
        ingress(),
        1..=16_384_u32,
        proptest::option::of("arn:aws:iam::(aws|[0-9]{12}):policy/([a-z]{1,9}/)?[A-Za-z0-9+=,.@_-]{1,20}"),
        kms_key(),
    )
        .prop_map(
            |(instance_type, image, subnet, ingress, root_size_gib, permissions_boundary, kms_key)| InstanceSpec {
                instance_type: instance_type.to_owned(),
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
    let inputs = (
        prop_oneof![gp3, io2],
        "(/[a-z0-9_-]{1,8}){1,3}",
        filesystem,
        volume,
        kms_key(),
    );
    inputs.prop_map(
        |((volume_type, size_gib, iops, throughput_mibps), mount, filesystem, volume, kms_key)| DataSpec {
            size_gib,
            mount: format!("/srv{mount}"),
            filesystem,
            volume_type,
            iops,
            throughput_mibps,
            volume: volume.map(VolumeId::from),
            kms_key,
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

prop_compose! {
    fn spec()(
        name in "[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
        instance in instance(),
        allocation in proptest::option::of(id("eipalloc")),
        mounted in any::<bool>(),
        data in proptest::option::of(data()),
        dns in proptest::option::of(dns()),
        setup in proptest::option::of(("[^\\x00]{1,20}", 60..=43_200_u32)),
        health in proptest::option::of(health()),
        breaker_limit in 1..=10_u32,
        session_manager in any::<bool>(),
        retention_days in proptest::option::of(proptest::sample::select(vec![1, 30, 3653])),
        schedule in proptest::option::of(schedule()),
        policy in proptest::option::of("[a-z]{1,20}"),
        files in proptest::collection::btree_map("(/[a-z][a-z .\"']{0,8}[a-z]){1,3}", app_file(), 0..3),
    ) -> Spec {
        let when = mounted.then_some(AddressWhen::Mounted);
        let setup_timeout_s = setup.as_ref().map_or(AppSpec::SETUP_TIMEOUT_S_DEFAULT, |(_, seconds)| *seconds);
        let setup = setup.map(|(path, _)| Setup { path, body: b"#!/bin/sh\n".to_vec() });
        let policy = policy.map(|path| AppPolicy { path, document: APP_POLICY.parse().expect("a policy") });
        Spec {
            name,
            region: "eu-west-1".to_owned(),
            instance,
            address: AddressSpec { take: allocation.is_some(), allocation: allocation.map(AllocationId::from), when },
            data,
            dns,
            app: AppSpec { setup, setup_timeout_s, health, breaker_limit, policy, files: placed(files) },
            access: AccessSpec { session_manager },
            logs: retention_days.map(|retention_days| LogsSpec { retention_days }),
            schedule,
        }
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
        for path in file.file_paths().map(str::to_owned).collect::<Vec<_>>() {
            file = file.with_file(&path, path.as_bytes());
        }
        prop_assert_eq!(file.into_spec(body).unwrap(), spec);
    }
}
