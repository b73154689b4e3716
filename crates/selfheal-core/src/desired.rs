//! What is sent to AWS on the instance's behalf: its user data, its launch template, and the ids that its documents name.

use selfheal_policy::Partition;
use selfheal_userdata::{
    BootConfig, ChallengeZone, DataVolume, HealthCheck, HealthFrom, LogShipping, Messages, Prepare, Probe, RenderError,
    Repair, UserData, may_need_bundle,
};

use crate::names::{
    IAM_PATH, LAUNCH_HOOK, Names, ResourceKind, TAG_APPLICATION_CHECK, TAG_RECORD, TAG_RECORD_ZONE, TAG_STACK,
    TERMINATE_HOOK, Tags,
};
use crate::spec::{self, AppFile, ConfigSpec, HealthProbe, HealthSpec, HttpsSpec, NotifySpec, NotifyTo, Spec, ZoneRef};
use crate::world::{
    AllocationId, ApplicationCheckSettings, HostedZoneId, Image, Observed, PolicyText, RootVolume, SecurityGroupId,
    SubnetId, TemplateData, UserDataText, VolumeId,
};

/// Heartbeat time-out of the launch hook, in seconds.
///
/// The boot program says every minute that it is alive, whatever it waits for, so that only an instance which hangs is given
/// up: after a quarter of an hour, in which its own first steps have room. AWS holds an instance for at most a hundred times
/// as long, 25 hours, whatever the heartbeats say.
pub const LAUNCH_HOOK_HEARTBEAT_S: u32 = 900;

/// Heartbeat time-out of the terminate hook, in seconds.
///
/// An instance that can still act stops its app, unmounts and completes the hook in a few seconds. One that hangs delays its
/// successor by this long, because it holds the volume until AWS terminates it.
pub const TERMINATE_HOOK_HEARTBEAT_S: u32 = 60;

/// Grace period of the group's health check, in seconds.
///
/// The launch hook already keeps an instance out of service until its boot program is done, so that this only has to
/// outlast the first moments after.
pub const HEALTH_CHECK_GRACE_S: u32 = 60;

/// Seconds between two requests of an application status check. AWS knows no other interval.
pub const APPLICATION_CHECK_INTERVAL_S: u32 = 60;

/// Seconds that an application status check waits for an answer.
///
/// As long as the boot program's own probe waits at most. AWS allows 1 to 30; an app that needs longer than 10 for its own
/// health page serves nobody.
pub const APPLICATION_CHECK_TIMEOUT_S: u32 = 10;

/// Seconds for which what an application status check says of an instance may be out of date.
///
/// A boot that waited for the volume longer than the check's initial grace is `impaired` when its app begins to answer,
/// and stays so until the next request: an interval, and the time-out of the request before it. The rest is for AWS, which
/// promises no time in which one of its services hears of what another has found.
pub const APPLICATION_CHECK_LAG_S: u32 = 180;

/// The longest initial grace that an application status check can have, in seconds.
const APPLICATION_CHECK_GRACE_S_MAX: u32 = 600;

/// What EC2's application status check of the stack asks; `None` where the spec asks for none, or for one that cannot be.
#[must_use]
pub fn application_check(spec: &Spec) -> Option<ApplicationCheckSettings> {
    let health = spec
        .app
        .health
        .as_ref()
        .filter(|health| health.from.probes_from_aws())?;
    let HealthProbe::Http { tls, port, path } = &health.probe else {
        return None;
    };
    Some(ApplicationCheckSettings {
        aggregation: "included".to_owned(),
        protocol: if *tls { "https" } else { "http" }.to_owned(),
        port: *port,
        path: path.clone(),
        device_index: 0,
        ip_version: "ipv4".to_owned(),
        ip_scope: "private".to_owned(),
        interval_s: APPLICATION_CHECK_INTERVAL_S,
        timeout_s: APPLICATION_CHECK_TIMEOUT_S,
        failure_threshold: health.threshold,
        // An app that answers once works; each further success would keep a healed instance under suspicion for a minute.
        success_threshold: 1,
        // What the boot program's probe takes for healthy.
        status_codes: "200-399".to_owned(),
        initial_grace_s: health.startup_budget_s.clamp(1, APPLICATION_CHECK_GRACE_S_MAX),
    })
}

/// Grace period of the stack's group, in seconds, counted from an instance's entry into service.
///
/// Where AWS asks, what it says may be out of date when the launch hook is completed.
#[must_use]
pub fn health_check_grace_s(spec: &Spec) -> u32 {
    match &spec.app.health {
        Some(health) if health.from.probes_from_aws() => APPLICATION_CHECK_LAG_S,
        _ => HEALTH_CHECK_GRACE_S,
    }
}

/// The ARN of the stack's instance profile.
#[must_use]
pub fn profile_arn(names: &Names, account: &str, region: &str) -> String {
    let partition = Partition::of_region(region);
    format!(
        "arn:{partition}:iam::{account}:instance-profile{IAM_PATH}{}",
        names.profile
    )
}

/// The ARN of the role of the stack's lifecycle policy.
#[must_use]
pub fn snapshot_role_arn(names: &Names, account: &str, region: &str) -> String {
    let partition = Partition::of_region(region);
    format!("arn:{partition}:iam::{account}:role{IAM_PATH}{}", names.snapshot_role)
}

/// The user data of the instance, for these ids. Where challenges are answered in the DNS and the zone is not known, zeroes stand
/// for its id.
///
/// # Errors
/// When it does not fit into what EC2 accepts, or a string cannot be rendered.
pub fn user_data(
    spec: &Spec,
    account: &str,
    allocation_id: &AllocationId,
    volume_id: Option<&VolumeId>,
    challenge_zone: Option<&HostedZoneId>,
) -> Result<UserData, RenderError> {
    selfheal_userdata::render(&boot_config(spec, account, allocation_id, volume_id, challenge_zone))
}

/// What the user data of the instance is rendered from, for these ids.
pub(crate) fn boot_config(
    spec: &Spec,
    account: &str,
    allocation_id: &AllocationId,
    volume_id: Option<&VolumeId>,
    challenge_zone: Option<&HostedZoneId>,
) -> BootConfig {
    let names = Names::of(spec);
    let data = spec.data.as_ref().zip(volume_id).map(|(data, volume_id)| DataVolume {
        volume_id: volume_id.to_string(),
        mount: data.mount.clone(),
        filesystem: match data.filesystem {
            spec::Filesystem::Xfs => selfheal_userdata::Filesystem::Xfs,
            spec::Filesystem::Ext4 => selfheal_userdata::Filesystem::Ext4,
        },
    });
    BootConfig {
        stack: spec.name.clone(),
        region: spec.region.clone(),
        dns_suffix: Partition::of_region(&spec.region).dns_suffix().to_owned(),
        group: names.group,
        launch_hook: LAUNCH_HOOK.to_owned(),
        terminate_hook: Some(TERMINATE_HOOK.to_owned()),
        role: names.role,
        allocation_id: allocation_id.to_string(),
        data,
        prepare: spec.app.prepare.as_ref().map(|prepare| Prepare {
            script: prepare.body.clone(),
            timeout_s: spec.app.prepare_timeout_s,
        }),
        setup: spec.app.setup.as_ref().map(|setup| setup.body.clone()),
        setup_timeout_s: spec.app.setup_timeout_s,
        stop_timeout_s: spec.app.stop_timeout_s,
        files: spec.app.files.iter().filter_map(AppFile::to_boot_file).collect(),
        units: spec.app.units.clone(),
        parameters: spec.config.as_ref().map(ConfigSpec::to_parameters),
        health: spec.app.health.as_ref().map(health_check),
        address_when: match spec.address_when() {
            spec::AddressWhen::Mounted => selfheal_userdata::AddressWhen::Mounted,
            spec::AddressWhen::Healthy => selfheal_userdata::AddressWhen::Healthy,
        },
        breaker_limit: spec.app.breaker_limit,
        notify: spec
            .notify
            .as_ref()
            .zip(notify_topic(spec, account))
            .map(|(notify, topic)| Messages {
                topic,
                disk_percent: notify.disk_percent,
            }),
        logs: spec.logs.as_ref().map(|logs| LogShipping {
            group: names.log_group,
            days: logs.retention_days.min(LATE_DAYS_MAX),
            files: logs.files.clone(),
        }),
        agent: spec.access.agent_source(&spec.instance.image),
        https: spec.https.as_ref().map(|https| {
            let partition = Partition::of_region(&spec.region);
            https.to_https(ChallengeZone {
                id: challenge_zone.map_or(PLACEHOLDER_ZONE, HostedZoneId::as_str).to_owned(),
                endpoint: partition.route53_endpoint(),
                region: partition.route53_region().to_owned(),
            })
        }),
        repair: repair(spec),
    }
}

/// What the instance does about itself before the group replaces it.
fn repair(spec: &Spec) -> Repair {
    Repair {
        restart: spec.repairs_in_place(),
        reboot: spec.repairs_in_place() && spec.app.repair == Some(spec::Repair::Reboot),
        reboot_on_hang: spec.app.reboot_on_hang,
    }
}

/// The ARN of the topic that the stack makes for itself.
#[must_use]
pub fn own_topic(spec: &Spec, account: &str) -> String {
    let partition = Partition::of_region(&spec.region);
    format!(
        "arn:{partition}:sns:{}:{account}:{}",
        spec.region,
        Names::of(spec).topic
    )
}

/// The ARN of the topic that the stack's messages go to, where the spec has any sent.
#[must_use]
pub fn notify_topic(spec: &Spec, account: &str) -> Option<String> {
    spec.notify.as_ref().map(|notify| match &notify.to {
        NotifyTo::Own { .. } => own_topic(spec, account),
        NotifyTo::Given(arn) => arn.clone(),
    })
}

/// The types of notifications that the group sends, sorted.
///
/// Ends are left out unless asked for: a schedule ends an instance every night, and one that failed is followed by a launch.
pub(crate) fn notification_types(notify: &NotifySpec) -> Vec<String> {
    let kinds = ["LAUNCH", "LAUNCH_ERROR", "TERMINATE", "TERMINATE_ERROR"];
    let kinds = kinds
        .into_iter()
        .filter(|kind| *kind != "TERMINATE" || notify.terminations);
    kinds.map(|kind| format!("autoscaling:EC2_INSTANCE_{kind}")).collect()
}

/// Days after which CloudWatch Logs takes no event any more, whatever the retention.
///
/// Source: Amazon CloudWatch Logs API reference, `PutLogEvents`.
const LATE_DAYS_MAX: u32 = 14;

/// The path of the bundle that the stack's user data name, where they need one; `None` also where they cannot be made.
#[must_use]
pub fn bundle_path(spec: &Spec) -> Option<String> {
    let config = placeholder_config(spec);
    if !may_need_bundle(&config) {
        return None;
    }
    let user_data = selfheal_userdata::render(&config).ok()?;
    let digest = user_data.bundle()?.digest();
    Some(format!("{}/{digest}", Names::of(spec).bundle))
}

/// Tells whether the role's policy, a JSON document, lets the instance read a bundle.
///
/// It is how bundles are found after the spec has ceased to need one: an earlier version of the template may name one. `false`
/// for what is no policy document.
#[must_use]
pub fn tells_of_bundle(role_policy: &PolicyText) -> bool {
    let document = role_policy.document();
    document.is_some_and(|document| document.statement(BUNDLE).is_some())
}

/// Identifier of the statement that lets the instance read its bundle.
const BUNDLE: &str = "Bundle";

/// What the user data are rendered from, as far as it hangs on no id.
pub(crate) fn placeholder_config(spec: &Spec) -> BootConfig {
    boot_config(
        spec,
        PLACEHOLDER_ACCOUNT,
        &PLACEHOLDER_ALLOCATION.into(),
        Some(&PLACEHOLDER_VOLUME.into()),
        None,
    )
}

fn health_check(health: &HealthSpec) -> HealthCheck {
    HealthCheck {
        probe: match &health.probe {
            HealthProbe::Http { .. } => Probe::Http {
                url: health.probe.to_string(),
            },
            HealthProbe::Tcp { port } => Probe::Tcp { port: *port },
            HealthProbe::Command { line } => Probe::Command { command: line.clone() },
        },
        interval_s: health.interval_s,
        threshold: health.threshold,
        startup_budget_s: health.startup_budget_s,
        from: match health.from {
            spec::HealthFrom::Instance => HealthFrom::Instance,
            spec::HealthFrom::Aws => HealthFrom::Aws,
            spec::HealthFrom::Both => HealthFrom::Both,
        },
    }
}

/// What the launch template of the stack holds.
#[must_use]
pub fn template_data(
    spec: &Spec,
    account: &str,
    image: &Image,
    security_groups: &[SecurityGroupId],
    user_data: &UserDataText,
) -> TemplateData {
    let names = Names::of(spec);
    let [instance_tags, volume_tags, interface_tags] = launch_tags(spec);
    TemplateData {
        image_id: image.id.clone(),
        instance_type: spec.instance.instance_type.clone(),
        profile_arn: profile_arn(&names, account, &spec.region),
        security_groups: security_groups.to_vec(),
        public_ip: true,
        root: RootVolume {
            device: image.root_device.clone(),
            size_gib: spec.instance.root_size_gib,
            volume_type: "gp3".to_owned(),
            encrypted: true,
            kms_key: spec.instance.kms_key.clone(),
        },
        user_data: user_data.clone(),
        http_tokens: "required".to_owned(),
        hop_limit: 1,
        // The instance sees in its own tags what it is asked to do. None of them has a name that its metadata cannot have.
        metadata_tags: "enabled".to_owned(),
        instance_tags,
        volume_tags,
        interface_tags,
    }
}

/// The tags of what is launched: of the instance, of its root volume and of its network interface.
#[must_use]
pub(crate) fn launch_tags(spec: &Spec) -> [Tags; 3] {
    let names = Names::of(spec);
    let mut instance = names.tags(ResourceKind::Instance);
    if application_check(spec).is_some() {
        instance.insert(TAG_APPLICATION_CHECK.to_owned(), names.stack.clone());
    }
    [
        instance,
        names.tags(ResourceKind::RootVolume),
        names.tags(ResourceKind::NetworkInterface),
    ]
}

/// Ids that stand for what does not exist yet, where a person asks to see a policy or user data before the first apply.
///
/// They have AWS's shape and can be told from real ones at a glance.
pub const PLACEHOLDER_ALLOCATION: &str = "eipalloc-00000000000000000";
/// See [`PLACEHOLDER_ALLOCATION`].
pub const PLACEHOLDER_VOLUME: &str = "vol-00000000000000000";
/// See [`PLACEHOLDER_ALLOCATION`].
pub const PLACEHOLDER_SUBNET: &str = "subnet-00000000000000000";
/// See [`PLACEHOLDER_ALLOCATION`].
pub const PLACEHOLDER_ZONE: &str = "Z00000000000000000000";
/// See [`PLACEHOLDER_ALLOCATION`].
pub const PLACEHOLDER_ACCOUNT: &str = "000000000000";

/// The ids that a stack's policy and user data are made from, with placeholders for what does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ids {
    /// The account.
    pub account: String,
    /// The subnet.
    pub subnet_id: SubnetId,
    /// The Elastic IP.
    pub allocation_id: AllocationId,
    /// The data volume, where the spec has one.
    pub volume_id: Option<VolumeId>,
    /// ARN of the customer's key of the data volume, where it has one.
    pub kms_key: Option<String>,
    /// Whether Parameter Store holds, or is to hold, a bundle: what does not fit into user data.
    pub bundle: bool,
    /// The hosted zone in which challenges of a certificate authority are answered, where they are answered in the DNS.
    pub challenge_zone: Option<HostedZoneId>,
    /// Whether every id is real.
    pub complete: bool,
}

/// The hosted zone in which challenges are answered, where the spec asks for that and the zone is known: the one that it names by
/// its id, the one that was read, or the one that the address remembers while Route 53 does not answer.
pub(crate) fn challenge_zone(spec: &Spec, observed: &Observed) -> Option<HostedZoneId> {
    let dns = spec.dns.as_ref().filter(|_| asks_in_dns(spec))?;
    if let ZoneRef::Id(id) = &dns.zone {
        return Some(id.clone());
    }
    if observed.dns_unread.is_none() {
        let zone = observed
            .hosted_zone
            .as_ref()
            .filter(|_| observed.other_zones.is_empty());
        return zone.map(|zone| zone.id.clone());
    }
    let own = observed.addresses.iter().map(|address| &address.tags);
    let own = own.filter(|tags| tags.get(TAG_STACK) == Some(&spec.name) && tags.get(TAG_RECORD) == Some(&dns.name));
    let mut zones = own.filter_map(|tags| tags.get(TAG_RECORD_ZONE).filter(|zone| !zone.is_empty()));
    zones.next().map(|zone| zone.clone().into())
}

/// Whether challenges are answered by records.
pub(crate) fn asks_in_dns(spec: &Spec) -> bool {
    spec.https.as_ref().is_some_and(HttpsSpec::asks_in_dns)
}

impl Ids {
    /// The ids of what exists, and placeholders for the rest.
    #[must_use]
    pub fn of(spec: &Spec, observed: &Observed) -> Self {
        let found = crate::existing::existing(spec, observed);
        let account = Some(observed.identity.account.clone()).filter(|account| !account.is_empty());
        let volume_missing = spec.data.is_some() && found.volume.is_none();
        let zone = challenge_zone(spec, observed);
        let zone_missing = asks_in_dns(spec) && zone.is_none();
        let complete =
            account.is_some() && found.address.is_some() && found.subnet.is_some() && !volume_missing && !zone_missing;
        let kms_key = match (&spec.data, &found.volume) {
            (None, _) => None,
            (Some(_), Some(volume)) => crate::existing::volume::key_of(spec, volume),
            (Some(data), None) => data.kms_key.clone().or_else(|| observed.default_key.clone()),
        };
        Self {
            kms_key,
            bundle: observed.role_policy.as_ref().is_some_and(tells_of_bundle) || bundle_path(spec).is_some(),
            account: account.unwrap_or_else(|| PLACEHOLDER_ACCOUNT.to_owned()),
            subnet_id: found
                .subnet
                .map_or_else(|| PLACEHOLDER_SUBNET.into(), |subnet| subnet.id),
            allocation_id: found
                .address
                .map_or_else(|| PLACEHOLDER_ALLOCATION.into(), |found| found.allocation_id),
            volume_id: spec.data.as_ref().map(|_| {
                found
                    .volume
                    .map_or_else(|| PLACEHOLDER_VOLUME.into(), |volume| volume.id)
            }),
            challenge_zone: asks_in_dns(spec).then(|| zone.unwrap_or_else(|| PLACEHOLDER_ZONE.into())),
            complete,
        }
    }
}
