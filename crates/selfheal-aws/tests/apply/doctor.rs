//! What a doctor finds: for each check a world in which it fails, and one in which all is well.

use selfheal_aws::sim::{Fault, FaultPlan, Sim, SimConfig, SubnetConfig, When, World};
use selfheal_aws::{Control, Goal, Scope, Silent, facts};
use selfheal_core::doctor::{Check, CheckCode, DoctorReport, Verdict, before_first_apply, examine};
use selfheal_core::spec::{ChallengeKind, DnsSpec, EXAMPLE, Market, Spec};
use selfheal_policy::{Purpose, operator_policy};

use crate::support::{applied_as, read, run, run_until_done, web};

const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// The stack of the README with HTTPS.
fn secure() -> Spec {
    let more = "[app]\nhealth = { http = \"http://localhost:8080/\" }\n\n[https]\ndomains = [\"app.example.com\"]\nupstream = \
                \"127.0.0.1:8080\"\n";
    let whole = format!("{EXAMPLE}\n{more}");
    whole.parse().unwrap_or_else(|error| panic!("{error}\n{whole}"))
}

fn doctor(sim: &Sim, spec: &Spec) -> DoctorReport {
    let ctl = Control {
        clock: sim,
        jitter: sim,
        progress: &Silent,
    };
    let facts = sim.block_on(facts(sim, sim, spec, &ctl)).expect("it ends");
    examine(spec, &facts)
}

#[track_caller]
fn check(report: &DoctorReport, code: CheckCode) -> &Check {
    let found = report.checks.iter().find(|check| check.code == code);
    found.unwrap_or_else(|| panic!("no check {}: {report}", code.word()))
}

/// A world of its own for one check.
struct Case {
    code: CheckCode,
    /// Words of what is found, and of what mends it.
    found: &'static str,
    mend: &'static str,
    /// Whether the stack is there already.
    applied: bool,
    spec: fn(&mut Spec),
    world: fn(&mut World),
}

impl Case {
    const fn new(code: CheckCode, found: &'static str, mend: &'static str, world: fn(&mut World)) -> Self {
        Self {
            code,
            found,
            mend,
            applied: false,
            spec: |_| {},
            world,
        }
    }

    const fn spec(self, spec: fn(&mut Spec)) -> Self {
        Self { spec, ..self }
    }

    const fn applied(self) -> Self {
        Self { applied: true, ..self }
    }
}

fn allow(world: &mut World, policy: &str) {
    world.config.operator_policy = Some(policy.into());
}

fn of_account(world: &mut World) {
    world.subnets.clear();
}

fn private_subnet(world: &mut World) {
    for subnet in world.subnets.keys() {
        world.config.routes.insert(subnet.clone(), None);
    }
}

fn nobodys_zone(world: &mut World) {
    world.config.delegations.insert("example.com".to_owned(), Vec::new());
}

fn another_registrar(world: &mut World) {
    let servers = vec!["ns1.elsewhere.test.".to_owned()];
    world.config.delegations.insert("example.com".to_owned(), servers);
}

fn other_authority(world: &mut World) {
    let issue = ("issue".to_owned(), "pki.example".to_owned());
    world.config.caa_records.insert("example.com".to_owned(), vec![issue]);
}

fn by_dns_alone(world: &mut World) {
    let issue = (
        "issue".to_owned(),
        "letsencrypt.org; validationmethods=dns-01".to_owned(),
    );
    world.config.caa_records.insert("example.com".to_owned(), vec![issue]);
}

fn by_http_alone(world: &mut World) {
    let issue = (
        "issue".to_owned(),
        "letsencrypt.org; validationmethods=http-01".to_owned(),
    );
    world.config.caa_records.insert("example.com".to_owned(), vec![issue]);
}

/// Records under which Let's Encrypt may issue for each name, and for none with a wildcard.
fn no_wildcards(world: &mut World) {
    let records = [
        ("issue", "letsencrypt.org; validationmethods=dns-01"),
        ("issuewild", ";"),
    ];
    let records = records.map(|(tag, value)| (tag.to_owned(), value.to_owned())).to_vec();
    world.config.caa_records.insert("example.com".to_owned(), records);
}

/// Challenges by records, for all names of the zone.
fn in_dns(spec: &mut Spec) {
    if let Some(https) = &mut spec.https {
        https.challenge = ChallengeKind::Dns;
        https.sites[0].domains.push("*.example.com".to_owned());
    }
}

fn full_of_addresses(world: &mut World) {
    world.config.address_quota = 0;
}

fn few_vcpus(world: &mut World) {
    world.config.quotas.insert("L-1216C47A".to_owned(), 1);
}

fn no_spot(world: &mut World) {
    world.config.quotas.insert("L-34B43A08".to_owned(), 0);
}

const READS_ALONE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":
    ["*:Describe*","*:Get*","*:List*","iam:SimulatePrincipalPolicy"],"Resource":"*"}]}"#;

const CASES: &[Case] = &[
    Case::new(
        CheckCode::Credentials,
        "AccessDenied",
        "aws sts get-caller-identity",
        |world| {
            allow(world, r#"{"Version":"2012-10-17","Statement":[]}"#);
        },
    ),
    Case::new(CheckCode::Clock, "400 seconds ahead", "timedatectl", |world| {
        world.config.clock_ahead_s = 400;
    }),
    Case::new(CheckCode::Clock, "900 seconds behind", "timedatectl", |world| {
        world.config.clock_ahead_s = -900;
    }),
    Case::new(
        CheckCode::Permissions,
        "denies",
        "selfheal policy operator --for apply",
        |world| {
            allow(world, READS_ALONE);
        },
    ),
    Case::new(CheckCode::Stack, "AccessDenied", "--for plan", |world| {
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
        allow(world, policy);
    }),
    Case::new(CheckCode::Network, "default", "subnet", of_account),
    Case::new(CheckCode::Network, "subnet-0000000000000000f", "", |_| {})
        .spec(|spec| spec.instance.subnet = Some("subnet-0000000000000000f".into())),
    Case::new(CheckCode::Route, "no route out", "create-route", private_subnet),
    Case::new(CheckCode::InstanceType, "t4g.smal", "instance.type", |_| {})
        .spec(|spec| "t4g.smal".clone_into(&mut spec.instance.instance_type)),
    Case::new(CheckCode::Image, "ami-0", "", |_| {})
        .spec(|spec| spec.instance.image = selfheal_core::spec::ImageRef::Id("ami-0123456789abcdef0".into())),
    Case::new(CheckCode::Image, "arm64", "image", |_| {})
        .spec(|spec| "t3.small".clone_into(&mut spec.instance.instance_type)),
    Case::new(
        CheckCode::AddressQuota,
        "0 of 0 Elastic IPs",
        "--quota-code L-0263D0A3 --desired-value 1 --region eu-west-1",
        full_of_addresses,
    ),
    Case::new(
        CheckCode::VcpuQuota,
        "0 of 1 vCPUs of running on-demand standard instances",
        "--quota-code L-1216C47A --desired-value 2",
        few_vcpus,
    ),
    Case::new(
        CheckCode::VcpuQuota,
        "0 of 0 vCPUs of standard spot",
        "L-34B43A08",
        no_spot,
    )
    .spec(|spec| spec.instance.market = Market::Spot),
    Case::new(CheckCode::Key, "alias/ours", "ARN", |world| {
        world.config.default_key = Some("alias/ours".to_owned());
    }),
    Case::new(CheckCode::HostedZone, "example.com", "", |world| world.zones.clear()),
    Case::new(CheckCode::Delegation, "no name servers", "awsdns", nobodys_zone),
    Case::new(CheckCode::Delegation, "ns1.elsewhere.test", "awsdns", another_registrar),
    Case::new(CheckCode::Caa, "pki.example", "letsencrypt.org", other_authority),
    Case::new(CheckCode::Caa, "not by HTTP", "letsencrypt.org", by_dns_alone),
    Case::new(CheckCode::Caa, "not by DNS", "letsencrypt.org", by_http_alone).spec(in_dns),
    Case::new(
        CheckCode::Caa,
        "for *.example.com the CAA records let nobody",
        "example.com CAA 0 issuewild",
        no_wildcards,
    )
    .spec(in_dns),
    Case::new(CheckCode::Plan, "newer selfheal", "newer version", |world| {
        for role in world.roles.values_mut() {
            role.role.tags.insert("selfheal:schema".to_owned(), "99".to_owned());
        }
    })
    .applied(),
    Case::new(CheckCode::Replacement, "suspended", "", |world| {
        for group in world.groups.values_mut() {
            group.suspended.insert("Launch".to_owned());
        }
    })
    .applied(),
    Case::new(CheckCode::Replacement, "policy", "selfheal apply", |world| {
        world.roles.values_mut().for_each(|role| role.policies.clear());
    })
    .applied(),
    Case::new(
        CheckCode::Replacement,
        "none of the spec's types",
        "instance.type",
        |world| {
            world.config.type_zones.insert("t4g.small".to_owned(), Vec::new());
        },
    )
    .applied(),
];

fn stack(sim: &Sim, case: &Case) -> Spec {
    let mut spec = secure();
    (case.spec)(&mut spec);
    if case.applied {
        run_until_done(sim, &spec, Goal::Apply, 1);
        sim.settle(std::time::Duration::from_secs(1_200));
    }
    spec
}

#[test]
fn each_check_has_a_world_in_which_it_fails() {
    for case in CASES {
        let sim = Sim::new(SimConfig::seeded(3));
        let spec = stack(&sim, case);
        sim.tamper(case.world);
        let report = doctor(&sim, &spec);
        let found = check(&report, case.code);
        assert_eq!(found.verdict, Verdict::Fails, "{report}");
        let mend = found.mend.as_deref().unwrap_or_default();
        assert!(found.found.contains(case.found), "{}: {report}", case.found);
        assert!(mend.contains(case.mend) && !mend.is_empty(), "{}: {report}", case.mend);
        assert!(!report.well, "{report}");
    }
    let tried = |code: &&CheckCode| !CASES.iter().any(|case| case.code == **code);
    let untried: Vec<&CheckCode> = CheckCode::ALL.iter().filter(tried).collect();
    assert!(untried.is_empty(), "{untried:?}");
}

/// An outage says nothing of whose credentials these are.
#[test]
fn what_nobody_answers_is_not_known() {
    let sim = Sim::new(SimConfig::seeded(3));
    sim.set_faults(FaultPlan::none().with(When::Every("sts:".to_owned()), Fault::ServiceDown));
    let report = doctor(&sim, &web());
    let found = check(&report, CheckCode::Credentials);
    assert_eq!(found.verdict, Verdict::Unknown, "{report}");
    assert!(report.well, "{report}");
}

#[test]
fn in_a_world_in_which_all_is_well_nothing_fails_before_and_after() {
    let sim = Sim::new(SimConfig::seeded(4));
    let spec = secure();
    let before = doctor(&sim, &spec);
    assert!(before.well, "{before}");
    let checked = |report: &DoctorReport| report.checks.iter().map(|check| check.code).collect::<Vec<_>>();
    let all: Vec<CheckCode> = CheckCode::ALL.to_vec();
    assert_eq!(
        checked(&before),
        &all[..all.len() - 1],
        "nothing to replace yet: {before}"
    );
    assert!(
        before.checks.iter().all(|check| check.verdict == Verdict::Well),
        "{before}"
    );
    run_until_done(&sim, &spec, Goal::Apply, 1);
    sim.settle(std::time::Duration::from_secs(1_200));
    let after = doctor(&sim, &spec);
    assert!(after.well && checked(&after) == all, "{after}");
    assert!(
        after.checks.iter().all(|check| check.verdict == Verdict::Well),
        "{after}"
    );
}

/// A replacement takes the place of the one before, so that a quota that is full with it stands in nobody's way; and a launch
/// that the quota forbids fails as the doctor says.
#[test]
fn the_quota_counts_as_ec2_does() {
    let spec = web();
    let sim = applied_as(SimConfig::seeded(5), &spec);
    sim.settle(std::time::Duration::from_secs(1_200));
    sim.tamper(|world| {
        world.config.quotas.insert("L-1216C47A".to_owned(), 2);
    });
    let report = doctor(&sim, &spec);
    assert_eq!(check(&report, CheckCode::VcpuQuota).verdict, Verdict::Well, "{report}");

    let mut other = spec.clone();
    "other".clone_into(&mut other.name);
    other.dns = None;
    let second = doctor(&sim, &other);
    let quota = check(&second, CheckCode::VcpuQuota);
    assert_eq!(quota.verdict, Verdict::Fails, "{second}");
    assert!(
        quota
            .mend
            .as_deref()
            .is_some_and(|mend| mend.contains("--desired-value 4")),
        "{second}"
    );
    run_until_done(&sim, &other, Goal::Apply, 1);
    sim.advance(std::time::Duration::from_secs(120));
    let refused = sim.inspect(|world| {
        let activities = world.activities.iter();
        activities
            .filter(|it| {
                it.message
                    .as_deref()
                    .is_some_and(|text| text.contains("VcpuLimitExceeded"))
            })
            .count()
    });
    assert!(refused > 0, "{}", sim.trace_text());
}

/// Under the generated policies of a plan, a status and a doctor, each call of a doctor is allowed; without the doctor's own, what
/// it cannot ask is not known, and nothing is said to fail.
#[test]
fn a_doctor_needs_what_its_policy_says() {
    let spec = web();
    let sim = applied_as(SimConfig::seeded(6), &spec);
    sim.settle(std::time::Duration::from_secs(1_200));
    let observed = read(&sim, &spec, Scope::Doctor);
    let scope = selfheal_core::operator::operator_scope(&spec, "123456789012", &observed);
    let policy = |purposes: &[Purpose]| {
        let all = purposes
            .iter()
            .flat_map(|purpose| operator_policy(&scope, *purpose).unwrap().statements);
        let mut document = selfheal_policy::Document::new(all.collect());
        for (number, statement) in document.statements.iter_mut().enumerate() {
            statement.sid = Some(format!("S{number}").parse().unwrap());
        }
        document.to_json()
    };
    sim.tamper(|world| allow(world, &policy(&[Purpose::Plan, Purpose::Status, Purpose::Doctor])));
    let report = doctor(&sim, &spec);
    let unknown = |report: &DoctorReport| {
        let checks = report.checks.iter().filter(|check| check.verdict == Verdict::Unknown);
        checks.map(|check| check.code).collect::<Vec<_>>()
    };
    assert_eq!(unknown(&report), [], "{report}");
    // Who may read alone may not apply: that is what the simulator tells.
    let failing: Vec<CheckCode> = report.failing().map(|check| check.code).collect();
    assert_eq!(failing, [CheckCode::Permissions], "{report}");
    sim.tamper(|world| {
        allow(
            world,
            &policy(&[Purpose::Plan, Purpose::Status, Purpose::Apply, Purpose::Doctor]),
        );
    });
    assert!(doctor(&sim, &spec).well, "{}", doctor(&sim, &spec));
    sim.tamper(|world| allow(world, &policy(&[Purpose::Plan, Purpose::Status])));
    let report = doctor(&sim, &spec);
    assert_eq!(
        unknown(&report),
        [CheckCode::Permissions, CheckCode::VcpuQuota, CheckCode::Delegation],
        "{report}"
    );
    assert!(report.well, "{report}");
}

/// Before a first apply no call is made for it, and what was read is judged all the same.
#[test]
fn what_was_read_for_a_first_plan_is_judged_without_a_call_more() {
    let config = SimConfig {
        subnets: vec![SubnetConfig {
            id: "subnet-0000000000000000f".into(),
            vpc_id: "vpc-0000000000000000f".into(),
            zone: 'a',
        }],
        ..SimConfig::seeded(7)
    };
    let sim = Sim::new(config);
    sim.tamper(private_subnet);
    let mut spec = web();
    spec.instance.subnet = Some("subnet-0000000000000000f".into());
    let observed = read(&sim, &spec, Scope::Plan);
    let calls = sim.trace().len();
    let report = before_first_apply(&spec, &observed).expect("there is no group");
    assert_eq!(sim.trace().len(), calls);
    let failing: Vec<CheckCode> = report.failing().map(|check| check.code).collect();
    assert_eq!(failing, [CheckCode::Route], "{report}");
    sim.block_on(run(&sim, &spec, Goal::Apply))
        .expect("it ends")
        .expect("it is told, not refused");
    assert_eq!(before_first_apply(&spec, &read(&sim, &spec, Scope::Plan)), None);
}

/// A name in another's zone, by its id.
#[test]
fn without_a_name_nothing_is_said_of_names() {
    let sim = Sim::new(SimConfig::seeded(8));
    let mut spec = web();
    spec.dns = None::<DnsSpec>;
    let report = doctor(&sim, &spec);
    let names = [CheckCode::HostedZone, CheckCode::Delegation, CheckCode::Caa];
    assert!(
        report.checks.iter().all(|check| !names.contains(&check.code)),
        "{report}"
    );
    spec.instance.kms_key = Some(KEY.to_owned());
    let report = doctor(&sim, &spec);
    let key = check(&report, CheckCode::Key);
    assert_eq!(key.verdict, Verdict::Unknown, "{report}");
    assert!(
        key.mend
            .as_deref()
            .is_some_and(|mend| mend.contains("aws kms describe-key")),
        "{report}"
    );
}
