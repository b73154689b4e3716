//! Issue 8, number 47: `healthy` means serving and able to heal, and whatever keeps a stack from either is a headline of its
//! own with what mends it.

use std::collections::BTreeSet;

use crate::common::{self, carry_out, empty_world, web};
use jiff::Timestamp;
use selfheal_core::names::{TAG_GROWN, TAG_PARKED};
use selfheal_core::plan::{StepKind, plan};
use selfheal_core::spec::{Ingress, Spec};
use selfheal_core::status::{Finding, FindingCode as Code, Severity, StatusReport, status};
use selfheal_core::world::{
    Activity, Attachment, AttachmentState, GroupInstance, HealthStatus, Instance, InstanceState, LifecycleState,
    Observed,
};

/// The stack of the README, applied and with its instance at work.
fn serving() -> Observed {
    let spec = web();
    let mut world = empty_world();
    carry_out(|world| plan(&spec, world), &mut world);
    let group = world.group.as_mut().expect("it was made");
    group.instances.push(GroupInstance {
        id: "i-a".into(),
        lifecycle: LifecycleState::InService,
        health: HealthStatus::Healthy,
        template_version: Some("1".to_owned()),
        instance_type: None,
    });
    world.instances.push(Instance {
        id: "i-a".into(),
        state: InstanceState::Running,
        launched_at: Timestamp::UNIX_EPOCH,
        zone: "eu-west-1a".to_owned(),
        public_ip: None,
        tags: selfheal_core::names::Tags::new(),
    });
    world.addresses[0].instance_id = Some("i-a".into());
    world.volumes[0].attachment = Some(Attachment {
        instance_id: "i-a".into(),
        state: AttachmentState::Attached,
    });
    world
}

fn look(spec: &Spec, world: &Observed) -> StatusReport {
    status(spec, world, &plan(spec, world))
}

/// What is found once something was changed behind our back.
fn found(change: impl FnOnce(&mut Observed)) -> Vec<Finding> {
    let mut world = serving();
    change(&mut world);
    let report = look(&web(), &world);
    assert_eq!(
        report.healthy,
        report
            .findings
            .iter()
            .all(|finding| finding.severity == Severity::Outdated)
    );
    assert_eq!(
        report.severity,
        report.findings.iter().map(|finding| finding.severity).min()
    );
    report.findings
}

fn codes(change: impl FnOnce(&mut Observed)) -> Vec<Code> {
    found(change).iter().map(|finding| finding.code).collect()
}

#[test]
fn a_stack_that_serves_and_can_heal_is_healthy() {
    let report = look(&web(), &serving());
    assert_eq!(report.findings, []);
    assert!(report.healthy && report.drift.is_empty(), "{report}");
}

#[test]
fn what_a_replacement_needs_and_does_not_find_is_a_headline() {
    assert_eq!(codes(|world| world.launch_template = None), [Code::TemplateMissing]);
    assert_eq!(codes(|world| world.role_policy = None), [Code::RolePolicyMissing]);
    assert_eq!(codes(|world| world.profile = None), [Code::ProfileMissing]);
    assert_eq!(codes(|world| world.role = None), [Code::RoleMissing]);
    assert_eq!(
        codes(|world| world.hooks.clear()),
        [Code::HookMissing, Code::HookMissing]
    );
    assert_eq!(
        codes(|world| world.profile.as_mut().expect("one").role = None),
        [Code::ProfileChanged]
    );
}

#[test]
fn what_was_changed_by_hand_is_a_headline() {
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    assert_eq!(
        codes(|world| world.role_policy = Some(policy.into())),
        [Code::RolePolicyChanged]
    );
    assert_eq!(
        codes(|world| world.role.as_mut().expect("one").trust_policy = policy.into()),
        [Code::TrustChanged]
    );
    assert_eq!(
        codes(|world| world.hooks[0].default_result = "CONTINUE".to_owned()),
        [Code::HookChanged]
    );
    assert_eq!(
        codes(|world| world.security_groups[0].egress.clear()),
        [Code::EgressClosed]
    );
    assert_eq!(
        codes(|world| world.group.as_mut().expect("one").template_id = Some("lt-other".into())),
        [Code::TemplateElsewhere]
    );
}

#[test]
fn a_group_that_would_not_heal_is_a_headline() {
    let group = |change: fn(&mut selfheal_core::world::Group)| {
        codes(move |world| change(world.group.as_mut().expect("there is one")))
    };
    assert_eq!(group(|group| group.desired = 0), [Code::DesiredZero]);
    assert_eq!(group(|group| group.desired = 2), [Code::DesiredMany]);
    assert_eq!(group(|group| group.deleting = true), [Code::GroupDeleting]);
    assert_eq!(group(|group| group.tags.clear()), [Code::GroupForeign]);
    assert_eq!(
        group(|group| group.suspended = vec!["Launch".to_owned()]),
        [Code::Suspended]
    );
    let parked = group(|group| {
        group.suspended = vec!["Launch".to_owned(), "ReplaceUnhealthy".to_owned()];
        group.tags.insert(TAG_PARKED.to_owned(), "since noon".to_owned());
    });
    assert_eq!(parked, [Code::Parked, Code::Suspended]);
}

#[test]
fn a_launch_that_aws_refuses_says_why_in_its_words() {
    let activity = |status: &str, message: Option<&str>| Activity {
        id: "a".to_owned(),
        description: "Launching a new EC2 instance".to_owned(),
        cause: String::new(),
        status: status.into(),
        status_message: message.map(str::to_owned),
        started_at: Timestamp::UNIX_EPOCH,
        ended_at: None,
    };
    let words = "We currently do not have sufficient t4g.small capacity. Launching EC2 instance failed.";
    let without = |activities: Vec<Activity>| {
        found(move |world| {
            world.group.as_mut().expect("one").instances.clear();
            world.activities = activities;
        })
    };
    let findings = without(vec![activity("Failed", Some(words)), activity("Successful", None)]);
    assert_eq!(findings[0].code, Code::LaunchFailing);
    assert!(findings[0].message.contains(words), "{findings:?}");
    assert!(!findings.iter().any(|finding| finding.code == Code::InstanceMissing));
    // A failure that a later launch has overcome is none.
    let findings = without(vec![activity("InProgress", None), activity("Failed", Some(words))]);
    assert_eq!(findings[0].code, Code::InstanceMissing);
}

#[test]
fn an_instance_of_an_older_version_is_told_and_no_illness() {
    let findings = found(|world| {
        world.group.as_mut().expect("one").instances[0].template_version = Some("7".to_owned());
    });
    assert_eq!(
        findings.iter().map(|finding| finding.code).collect::<Vec<_>>(),
        [Code::VersionBehind]
    );
    assert_eq!(findings[0].severity, Severity::Outdated);
    assert!(findings[0].message.starts_with("i-a runs version 7"), "{findings:?}");
    assert!(findings[0].help.contains("`selfheal replace`"), "{findings:?}");
}

#[test]
fn a_filesystem_that_is_behind_its_volume_is_told_where_an_instance_has_noted_it() {
    let noted = |text: &str, size_gib: u32| {
        found(|world| {
            world.volumes[0].size_gib = size_gib;
            let text = text.replace("VOLUME", world.volumes[0].id.as_str());
            let group = world.group.as_mut().expect("one");
            group.tags.insert(TAG_GROWN.to_owned(), text);
        })
    };
    let codes = |findings: &[Finding]| findings.iter().map(|finding| finding.code).collect::<Vec<_>>();
    let behind = noted("VOLUME 20 GiB", 40);
    assert_eq!(codes(&behind), [Code::FilesystemBehind]);
    assert!(behind[0].message.contains("20 of 40 GiB"), "{behind:?}");
    let failed = noted("VOLUME 40 GiB failed", 40);
    assert_eq!(codes(&failed), [Code::FilesystemBehind]);
    assert!(failed[0].message.contains("could not be grown"), "{failed:?}");
    // What is not known is not told: of another volume, or in words of another version.
    for text in [
        "VOLUME 40 GiB",
        "vol-0ther 20 GiB",
        "VOLUME 20",
        "VOLUME 20 GiB perhaps",
        "",
    ] {
        assert_eq!(noted(text, 40), [], "{text}");
    }
    // A stack whose volume is not at its instance has other sorrows.
    let elsewhere = found(|world| {
        let id = world.volumes[0].id.clone();
        world.volumes[0].attachment = None;
        world.volumes[0].size_gib = 40;
        let group = world.group.as_mut().expect("one");
        group.tags.insert(TAG_GROWN.to_owned(), format!("{id} 20 GiB"));
    });
    assert!(!codes(&elsewhere).contains(&Code::FilesystemBehind), "{elsewhere:?}");
}

#[test]
fn a_spec_that_is_not_applied_yet_is_drift_and_no_illness() {
    // The probe changes the role's policy and the boot program, as a spec may; nobody has touched anything.
    let mut spec = common::probed(selfheal_core::spec::HealthFrom::Both);
    spec.instance.ingress = Ingress::to_world([(80, selfheal_core::spec::Protocol::Tcp)]);
    let report = look(&spec, &serving());
    let drift: BTreeSet<&str> = report.drift.iter().map(|drift| drift.code.as_str()).collect();
    assert!(drift.contains(StepKind::PutRolePolicy.code()), "{drift:?}");
    assert_eq!(report.findings, []);
}

#[test]
fn the_worst_comes_first_and_every_code_has_a_word_of_its_own() {
    let severities: Vec<Severity> = Code::ALL.iter().map(|code| code.severity()).collect();
    assert!(severities.is_sorted(), "the table begins with what is worst");
    let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    assert_eq!(words.len(), Code::ALL.len());
    let codes = codes(|world| {
        world.group.as_mut().expect("one").suspended = vec!["Launch".to_owned()];
        world.hooks.clear();
        world.addresses[0].instance_id = None;
    });
    assert_eq!(
        codes,
        [
            Code::AddressElsewhere,
            Code::Suspended,
            Code::HookMissing,
            Code::HookMissing
        ]
    );
}

#[test]
fn headlines_stand_above_the_drift_with_what_mends_them() {
    let mut world = serving();
    world.role_policy = None;
    let text = look(&web(), &world).to_string();
    assert!(
        text.starts_with("Stack web in eu-west-1, account 123456789012: serves, but would not heal\n"),
        "{text}"
    );
    let headline =
        "\n! the role selfheal-web-eu-west-1 has no policy: an instance can take nothing\n    `selfheal apply` ";
    assert!(text.contains(headline), "{text}");
}
