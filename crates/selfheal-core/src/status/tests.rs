//! A status from an observed world.

use jiff::{SignedDuration, Timestamp};

use super::{StatusReport, status};
use crate::names::{Names, ResourceKind, TAG_FAILED_BOOTS, TAG_LAST_ERROR, TAG_LAST_LOG, TAG_PARKED, TAG_REPAIRS};
use crate::plan::plan;
use crate::spec::{DataSpec, DnsSpec, Filesystem, ImageRef, Spec, VolumeType, ZoneRef};
use crate::world::{
    Address, ApplicationStatus, Attachment, AttachmentState, Group, GroupInstance, HealthStatus, HostedZone, IamRole,
    Identity, Instance, InstanceProfile, InstanceState, LaunchTemplate, LogGroup, Observed, RecordSet, TemplateData,
    Volume, VolumeState,
};

const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

fn spec() -> Spec {
    let mut spec = Spec::minimal(
        "web",
        "eu-west-1",
        "t4g.small",
        ImageRef::Id("ami-0123456789abcdef0".into()),
    );
    spec.data = Some(DataSpec {
        size_gib: 20,
        mount: "/srv/data".to_owned(),
        filesystem: Filesystem::Xfs,
        volume_type: VolumeType::Gp3,
        iops: None,
        throughput_mibps: None,
        volume: None,
        kms_key: None,
        snapshots: None,
    });
    spec.dns = Some(DnsSpec {
        zone: ZoneRef::Name("example.com".to_owned()),
        name: "app.example.com".to_owned(),
        ttl_s: 60,
        overwrite: false,
    });
    spec
}

fn member(id: &str, lifecycle: &str, health: &str) -> GroupInstance {
    GroupInstance {
        id: id.into(),
        lifecycle: lifecycle.into(),
        health: health.into(),
        template_version: Some("2".to_owned()),
        instance_type: None,
    }
}

fn instance(id: &str, state: &str, age: SignedDuration) -> Instance {
    Instance {
        id: id.into(),
        state: state.into(),
        launched_at: NOW - age,
        zone: "eu-west-1a".to_owned(),
        public_ip: None,
        tags: crate::names::Tags::new(),
    }
}

fn group(names: &Names) -> Group {
    Group {
        name: names.group.clone(),
        min: 1,
        max: 1,
        desired: 1,
        subnets: vec!["subnet-0123456789abcdef0".into()],
        template_id: Some("lt-0123456789abcdef0".into()),
        template_version: Some("2".to_owned()),
        mixed: None,
        health_check_type: "EC2".to_owned(),
        health_check_grace_s: 60,
        suspended: Vec::new(),
        deleting: false,
        instances: vec![member("i-a", "InService", "Healthy")],
        tags: names.tags(ResourceKind::Group),
    }
}

fn role(names: &Names) -> IamRole {
    IamRole {
        name: names.role.clone(),
        arn: format!("arn:aws:iam::123456789012:role/selfheal/{}", names.role),
        trust_policy: selfheal_policy::trust_policy(selfheal_policy::Partition::of_region("eu-west-1"))
            .to_json()
            .into(),
        permissions_boundary: None,
        tags: names.tags(ResourceKind::Role),
    }
}

/// A stack that serves: one instance, which holds everything.
fn serving() -> Observed {
    let names = Names::new("web", "eu-west-1");
    Observed {
        observed_at: NOW,
        identity: Identity {
            account: "123456789012".to_owned(),
            arn: "arn:aws:iam::123456789012:user/operator".to_owned(),
            region: "eu-west-1".to_owned(),
        },
        addresses: vec![Address {
            allocation_id: "eipalloc-0123456789abcdef0".into(),
            public_ip: "203.0.113.7".to_owned(),
            association_id: Some("eipassoc-0123456789abcdef0".into()),
            instance_id: Some("i-a".into()),
            interface_id: Some("eni-0123456789abcdef0".into()),
            service_managed: None,
            own_pool: false,
            tags: names.tags(ResourceKind::Address),
        }],
        volumes: vec![Volume {
            id: "vol-0123456789abcdef0".into(),
            zone: "eu-west-1a".to_owned(),
            size_gib: 20,
            volume_type: "gp3".to_owned(),
            iops: Some(3000),
            throughput_mibps: Some(125),
            encrypted: true,
            kms_key: None,
            state: VolumeState::InUse,
            snapshot_id: None,
            attachment: Some(Attachment {
                instance_id: "i-a".into(),
                state: AttachmentState::Attached,
            }),
            tags: names.tags(ResourceKind::Volume),
        }],
        launch_template: Some(LaunchTemplate {
            id: "lt-0123456789abcdef0".into(),
            name: names.launch_template.clone(),
            version: 3,
            data: TemplateData::default(),
        }),
        group: Some(group(&names)),
        role: Some(role(&names)),
        role_policy: Some("{}".into()),
        profile: Some(InstanceProfile {
            name: names.profile.clone(),
            arn: String::new(),
            role: Some(names.role.clone()),
            tags: names.tags(ResourceKind::Profile),
        }),
        hosted_zone: Some(HostedZone {
            id: "Z0123456789".into(),
            name: "example.com".to_owned(),
            private: false,
        }),
        records: vec![RecordSet {
            name: "app.example.com".to_owned(),
            record_type: "A".to_owned(),
            ttl_s: Some(60),
            values: vec!["203.0.113.7".to_owned()],
            set_identifier: None,
        }],
        instances: vec![instance("i-a", "running", SignedDuration::from_mins(5))],
        ..Observed::default()
    }
}

/// The status of a serving stack in which this was changed.
fn with(change: impl FnOnce(&mut Observed, &mut Group)) -> StatusReport {
    let mut observed = serving();
    let mut group = observed
        .group
        .take()
        .unwrap_or_else(|| unreachable!("a serving stack has a group"));
    change(&mut observed, &mut group);
    observed.group = Some(group);
    status(&spec(), &observed, &plan(&spec(), &observed))
}

#[test]
fn a_serving_stack_is_healthy_though_it_drifts() {
    let report = with(|_, _| {});
    assert_eq!(report.problems, Vec::<String>::new());
    assert!(report.healthy);
    assert!(!report.drift.is_empty(), "the launch template of the test is empty");
    assert_eq!(
        report
            .launch_template
            .as_ref()
            .map(|template| (template.version, template.latest)),
        Some((2, 3))
    );
    let head: Vec<String> = report.to_string().lines().take(8).map(str::to_owned).collect();
    insta::assert_snapshot!(head.join("\n"), @r"
    Stack web in eu-west-1, account 123456789012: healthy

      address   203.0.113.7 (eipalloc-0123456789abcdef0), at i-a
      volume    vol-0123456789abcdef0, 20 GiB in eu-west-1a, in-use, at i-a
      instance  i-a, running, Healthy, InService, launched 5 min ago
      group     selfheal-web
      template  lt-0123456789abcdef0 version 2 of 3
      dns       app.example.com -> 203.0.113.7, in sync
    ");
}

#[test]
fn the_log_group_has_a_line_where_it_is_the_stacks() {
    let told = |retention_days: Option<u32>, stack: &str| {
        let report = with(|world, _| {
            world.log_group = Some(LogGroup {
                name: "/selfheal/web".to_owned(),
                retention_days,
                tags: Names::new(stack, "eu-west-1").tags(ResourceKind::LogGroup),
            });
        });
        let text = report.to_string();
        let line = text.lines().find(|line| line.starts_with("  logs"));
        assert_eq!(report.log_group.is_some(), line.is_some(), "{text}");
        line.unwrap_or("none").trim().to_owned()
    };
    assert_eq!(told(Some(14), "web"), "logs      /selfheal/web, kept 14 days");
    assert_eq!(told(None, "web"), "logs      /selfheal/web, kept for ever");
    assert_eq!(told(Some(14), "other"), "none");
}

#[test]
fn whatever_does_not_serve_is_named() {
    let problems = |change: fn(&mut Observed, &mut Group)| with(change).problems.join("; ");
    insta::assert_snapshot!(problems(|_, group| group.instances.clear()), @"the group has no instance");
    insta::assert_snapshot!(problems(|_, group| group.deleting = true), @"the Auto Scaling group selfheal-web is being deleted");
    insta::assert_snapshot!(problems(|_, group| group.suspended = vec!["Launch".to_owned()]), @"the group's processes Launch are suspended");
    insta::assert_snapshot!(problems(|_, group| group.instances[0].health = HealthStatus::Unhealthy), @"i-a is InService and Unhealthy");
    insta::assert_snapshot!(problems(|world, _| world.instances[0].state = InstanceState::Stopping), @"i-a is stopping");
    insta::assert_snapshot!(problems(|world, _| world.addresses[0].instance_id = Some("i-z".into())), @"the address is not at i-a");
    insta::assert_snapshot!(problems(|world, _| world.volumes[0].attachment = None), @"the data volume is not at i-a");
    insta::assert_snapshot!(problems(|world, _| world.records.clear()), @"app.example.com does not point at the address");
    insta::assert_snapshot!(problems(|world, _| world.records[0].values.push("203.0.113.8".to_owned())), @"app.example.com does not point at the address");
}

#[test]
fn during_a_replacement_the_one_that_will_serve_comes_first() {
    let report = with(|world, group| {
        group.instances = vec![
            member("i-a", "Terminating", "Unhealthy"),
            member("i-b", "Pending:Wait", "Healthy"),
        ];
        world
            .instances
            .push(instance("i-b", "running", SignedDuration::from_secs(40)));
    });
    assert_eq!(
        report.instance.as_ref().map(|instance| instance.id.as_str()),
        Some("i-b")
    );
    assert_eq!(report.other_instances.len(), 1);
    insta::assert_snapshot!(report.problems.join("; "), @"i-b is Pending:Wait and Healthy; the data volume is not at i-b; the address is not at i-b");
}

#[test]
fn a_parked_stack_says_since_when_and_why() {
    let report = with(|_, group| {
        group.tags.insert(TAG_FAILED_BOOTS.to_owned(), "3".to_owned());
        group
            .tags
            .insert(TAG_PARKED.to_owned(), "2026-01-01T00:00:00Z setup failed".to_owned());
        group
            .tags
            .insert(TAG_LAST_ERROR.to_owned(), "setup failed with status 1".to_owned());
        group
            .tags
            .insert(TAG_LAST_LOG.to_owned(), "installing / no space left".to_owned());
        group.suspended = vec!["Launch".to_owned(), "ReplaceUnhealthy".to_owned()];
    });
    assert_eq!((report.failed_boots, report.healthy), (3, false));
    assert!(
        report.to_string().contains(
            "Last failed boot (3 in a row):\n  setup failed with status 1\n  | installing\n  | no space left\n"
        ),
        "{report}"
    );
    insta::assert_snapshot!(report.problems.join("; "), @"the stack has parked itself (2026-01-01T00:00:00Z setup failed); the group's processes Launch, ReplaceUnhealthy are suspended");
}

#[test]
fn repairs_in_place_are_told_with_the_last_of_them() {
    let tag = "3 14 2026-01-01T00:00:00+0000 i-a the app failed 3 probes in a row";
    let report = with(|_, group| drop(group.tags.insert(TAG_REPAIRS.to_owned(), tag.to_owned())));
    let repairs = report.repairs.as_ref().unwrap();
    assert_eq!((repairs.count, repairs.last_seconds, report.healthy), (3, 14, true));
    let line =
        "repairs   3 in place, the last after 14 s: 2026-01-01T00:00:00+0000 i-a the app failed 3 probes in a row\n";
    assert!(report.to_string().contains(line), "{report}");
    // What no instance writes is told as nothing, and harms nothing.
    for strange in ["", "3", "x 1 y", "1 x y"] {
        let report = with(|_, group| drop(group.tags.insert(TAG_REPAIRS.to_owned(), strange.to_owned())));
        assert_eq!(report.repairs, None, "{strange}");
    }
}

#[test]
fn the_last_drill_of_a_restore_says_when_a_snapshot_was_proven() {
    let told = |tag: &str| {
        with(|observed, _| {
            let tags = &mut observed.addresses[0].tags;
            tags.insert(crate::drill::TAG_RESTORE_DRILL.to_owned(), tag.to_owned());
        })
    };
    for (end, line) in [
        ("passed marker", "a copy of it carries the marker"),
        ("passed", "a copy of it can be mounted"),
        ("failed marker", "failed"),
    ] {
        let report = told(&format!("2026-01-01T00:00:00Z snap-0123456789abcdef0 {end}"));
        let line = format!("backup    2026-01-01T00:00:00Z of snap-0123456789abcdef0: {line}\n");
        assert!(report.to_string().contains(&line), "{report}");
    }
    for strange in [
        "",
        "2026-01-01T00:00:00Z snap-0123456789abcdef0 well",
        "2026-01-01T00:00:00Z vol-1 passed",
        "soon snap-0123456789abcdef0 passed",
        "2026-01-01T00:00:00Z snap-0123456789abcdef0 passed marker x",
    ] {
        assert_eq!(told(strange).last_restore_drill, None, "{strange}");
    }
}

#[test]
fn the_last_drill_says_when_healing_was_proven() {
    let told = |tag: &str| {
        with(|observed, _| {
            let tags = &mut observed.addresses[0].tags;
            tags.insert(crate::drill::TAG_DRILL.to_owned(), tag.to_owned());
        })
    };
    let report = told("2026-01-01T00:00:00Z terminate passed 74");
    let drill = report.last_drill.as_ref().unwrap();
    assert_eq!((drill.at, drill.passed, drill.seconds), (NOW, true, Some(74)));
    let line = "drill     2026-01-01T00:00:00Z by `terminate`: healed within 74 s\n";
    assert!(report.to_string().contains(line), "{report}");
    let report = told("2026-01-01T00:00:00Z hang failed");
    assert!(
        report.to_string().contains("by `hang`: failed: it did not heal\n"),
        "{report}"
    );
    for strange in [
        "",
        "soon",
        "2026-01-01T00:00:00Z dance passed 1",
        "2026-01-01T00:00:00Z app passed x",
        "2026-01-01T00:00:00Z app well 1",
    ] {
        assert_eq!(told(strange).last_drill, None, "{strange}");
    }
}

#[test]
fn a_stack_that_was_never_made_has_nothing_but_drift() {
    let mut observed = Observed {
        observed_at: NOW,
        ..Observed::default()
    };
    observed.identity = serving().identity;
    let report = status(&spec(), &observed, &plan(&spec(), &observed));
    assert!(!report.healthy && report.group.is_none() && report.address.is_none() && report.instance.is_none());
    assert!(!report.drift.is_empty());
    insta::assert_snapshot!(report.problems.join("; "), @"the stack does not exist");
}

#[test]
fn json_reads_back_and_leaves_nothing_out() {
    let report = with(|_, _| {});
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<StatusReport>(&text).unwrap(), report);
    let absent = status(&spec(), &Observed::default(), &plan(&spec(), &Observed::default()));
    let json = serde_json::to_value(&absent).unwrap();
    for key in [
        "address",
        "volume",
        "instance",
        "group",
        "launch_template",
        "parked",
        "last_error",
        "last_log",
    ] {
        assert_eq!(json.get(key), Some(&serde_json::Value::Null), "{key}");
    }
}

#[test]
fn what_aws_finds_of_the_instance_is_told_where_the_spec_asks_for_it() {
    let mut spec = spec();
    let mut health = crate::spec::HealthSpec::new(crate::spec::HealthProbe::Http {
        tls: false,
        port: 80,
        path: "/".to_owned(),
    });
    health.from = crate::spec::HealthFrom::Both;
    spec.app.health = Some(health);
    let mut world = serving();
    let settings = crate::desired::application_check(&spec).expect("it can be asked");
    world.application_checks.push(crate::world::ApplicationCheck {
        id: "asc-1".to_owned(),
        settings,
        targets: Vec::new(),
        deleted: false,
        tags: Names::new("web", "eu-west-1").tags(ResourceKind::ApplicationCheck),
    });
    let look = |world: &Observed| status(&spec, world, &plan(&spec, world));
    let report = look(&world);
    let check = report.application_check.clone().expect("there is one");
    assert_eq!((check.id.as_str(), check.instance_status), ("asc-1", None));
    assert!(
        report.to_string().contains("check     asc-1, says nothing yet"),
        "{report}"
    );
    let id = report.instance.expect("there is one").id;
    world.application_status.insert(id.clone(), ApplicationStatus::Impaired);
    let report = look(&world);
    assert_eq!(
        report.application_check.and_then(|check| check.instance_status),
        Some(ApplicationStatus::Impaired)
    );
    assert!(
        report
            .problems
            .contains(&format!("AWS's application check finds {id} impaired")),
        "{:?}",
        report.problems
    );
    spec.app.health = None;
    assert_eq!(status(&spec, &world, &plan(&spec, &world)).application_check, None);
}
