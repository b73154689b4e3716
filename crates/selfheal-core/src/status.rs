//! How a stack is: what serves, and what differs from its spec.
//!
//! [`StatusReport`] is what `selfheal status --json` prints. Its shape is stable: fields are added, never renamed or
//! removed, and an absent thing is `null` rather than left out.

mod agent;
mod certificate;
mod diagnose;
mod display;
mod drilled;
mod filesystem;
mod finding;
mod notify;
mod repairs;
mod replacements;
mod sleep;
mod snapshots;
#[cfg(test)]
mod tests;

pub use agent::{AgentState, AgentStatus};
pub use certificate::CertificateStatus;
pub use drilled::{LastDrill, LastRestoreDrill};
pub use finding::{Finding, FindingCode, Severity};
pub use notify::{NotifyStatus, SubscriptionStatus};
pub use repairs::RepairsStatus;
pub use replacements::{ACTIVITIES_MAX, ReplacementsStatus};
pub use sleep::{AsleepStatus, Sleeper, TurnStatus};
pub use snapshots::ScheduledSnapshots;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::existing::{Existing, existing};
use crate::names::{
    Names, ResourceKind, TAG_CONFIG, TAG_FAILED_BOOTS, TAG_LAST_ERROR, TAG_LAST_LOG, TAG_PARKED, TAG_REPAIRS,
};
use crate::plan::{Plan, Step, StepKind};
use crate::spec::Spec;
use crate::world::{
    AllocationId, ApplicationStatus, AttachmentState, Group, GroupInstance, HealthStatus, InstanceId, InstanceState,
    LaunchTemplateId, LifecycleState, Observed, SnapshotId, SnapshotState, VolumeId, VolumeState,
};
use diagnose::diagnose;
use filesystem::{Noted, noted};

/// How a stack is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct StatusReport {
    /// The stack's name.
    pub stack: String,
    /// The Region.
    pub region: String,
    /// The account's twelve digits.
    pub account: String,
    /// When the reading began, RFC 3339.
    pub observed_at: Timestamp,
    /// Whether it serves and is able to heal: one instance in service, holding the address and the data volume, the name
    /// pointing at it; and the group free to replace it, with everything that a replacement needs. Drift alone does not
    /// make a stack unhealthy, nor does an instance that is older than what a replacement would be. One that sleeps is
    /// healthy if it could wake.
    pub healthy: bool,
    /// Why it is not healthy: clauses, the worst first, empty when it is.
    pub problems: Vec<String>,
    /// The severity of the worst finding: `down`, `cannot-heal`, `outdated`, `unprotected` or `unheard`; `null` where there is none.
    pub severity: Option<Severity>,
    /// Everything that is wrong, the worst first, each with a code and with what mends it.
    pub findings: Vec<Finding>,
    /// The port at which the spec says that the app listens; `null` where it says none.
    pub app_port: Option<u16>,
    /// The Elastic IP.
    pub address: Option<AddressStatus>,
    /// The data volume; `null` also where the spec has none.
    pub volume: Option<VolumeStatus>,
    /// The last snapshot of the stack's data, which outlives the stack; `null` where there is none, or the spec has no
    /// data volume.
    pub last_snapshot: Option<SnapshotStatus>,
    /// The lifecycle policy that takes snapshots by schedule; `null` where there is none.
    pub snapshots: Option<ScheduledSnapshots>,
    /// The instance: the one in service, else the one on its way there, else any that the group has.
    pub instance: Option<InstanceStatus>,
    /// Systems Manager's agent on that instance, by which `selfheal shell`, `forward` and `run` reach it; `null` where the spec
    /// does not let Session Manager in, or there is no instance.
    pub agent: Option<AgentStatus>,
    /// Further instances of the group, during a replacement.
    pub other_instances: Vec<InstanceStatus>,
    /// Name of the Auto Scaling group.
    pub group: Option<String>,
    /// Processes of the group that are suspended, sorted.
    pub suspended: Vec<String>,
    /// The launch template.
    pub launch_template: Option<TemplateStatus>,
    /// EC2's application status check; `null` where there is none, or the spec asks for none.
    pub application_check: Option<ApplicationCheckStatus>,
    /// The DNS record; `null` where the spec has none.
    pub dns: Option<DnsStatus>,
    /// The log group; `null` where the stack has none, or neither the spec nor the role's policy tells of one.
    pub log_group: Option<LogGroupStatus>,
    /// Whom the stack tells what happens to it; `null` where the spec has nobody told.
    pub notify: Option<NotifyStatus>,
    /// The app's configuration in Parameter Store; `null` where the spec has none.
    pub config: Option<ConfigStatus>,
    /// The certificate of the stack's HTTPS; `null` where the spec has none.
    pub certificate: Option<CertificateStatus>,
    /// Replacements in a row that failed to become healthy.
    pub failed_boots: u32,
    /// Since when and why the stack parked itself, where it did; `selfheal resume` lifts it.
    pub parked: Option<String>,
    /// Time, instance and reason of the last failure.
    pub last_error: Option<String>,
    /// The end of that failure's log: 250 characters, lines parted by ` / `.
    pub last_log: Option<String>,
    /// Repairs in place; `null` where there was none.
    pub repairs: Option<RepairsStatus>,
    /// The last drill, which says when healing was last proven; `null` where there was none.
    pub last_drill: Option<LastDrill>,
    /// The last drill of a restore, which says when a snapshot was last proven; `null` where there was none.
    pub last_restore_drill: Option<LastRestoreDrill>,
    /// Replacements by another instance; `null` where there was none.
    pub replacements: Option<ReplacementsStatus>,
    /// Since when, until when and by whom the stack sleeps; `null` where it does not.
    pub asleep: Option<AsleepStatus>,
    /// What the schedule does next, the earliest first: three times, or none where there is no schedule.
    pub schedule: Vec<TurnStatus>,
    /// What differs from the spec: what an apply would change, or refuse to. Empty when nothing does.
    pub drift: Vec<Drift>,
    /// What a person should know though an apply would do nothing about it, such as duplicates.
    pub notes: Vec<Remark>,
}

/// The app's configuration in Parameter Store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ConfigStatus {
    /// Path below which its parameters are.
    pub path: String,
    /// What the last boot or look noted: its path, and the version of each parameter or the digest of them all; `null` before
    /// the first.
    pub noted: Option<String>,
}

/// The Elastic IP of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AddressStatus {
    /// `eipalloc-…`.
    pub allocation_id: AllocationId,
    /// The IPv4 address.
    pub public_ip: String,
    /// The instance that it is associated with.
    pub associated_instance: Option<InstanceId>,
}

/// The data volume of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct VolumeStatus {
    /// `vol-…`.
    pub id: VolumeId,
    /// `creating`, `available`, `in-use`, `deleting`, `deleted` or `error`.
    pub state: VolumeState,
    /// The instance that it is attached to, in any state of the attachment but `detached`.
    pub attached_instance: Option<InstanceId>,
    /// Its Availability Zone.
    pub zone: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// Size of its filesystem in GiB, as the instance that made or grew it has noted; `null` where none has.
    pub filesystem_gib: Option<u32>,
}

/// A snapshot of a stack's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SnapshotStatus {
    /// `snap-…`.
    pub id: SnapshotId,
    /// The volume that it was taken of.
    pub volume_id: VolumeId,
    /// `pending`, `completed` or `error`.
    pub state: SnapshotState,
    /// When it was started, RFC 3339.
    pub started_at: Timestamp,
}

/// An instance of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct InstanceStatus {
    /// `i-…`.
    pub id: InstanceId,
    /// State as EC2 sees it, such as `running`; `null` when EC2 does not list it (yet, or any more).
    pub state: Option<InstanceState>,
    /// Health as the group sees it: `Healthy` or `Unhealthy`.
    pub health: HealthStatus,
    /// Lifecycle state as the group sees it, such as `InService` or `Pending:Wait`.
    pub lifecycle: LifecycleState,
    /// When it was launched, RFC 3339.
    pub launched_at: Option<Timestamp>,
    /// The launch template version that it was launched from.
    pub template_version: Option<String>,
    /// Its instance type, as the group tells it: one of those that the spec names in order, where it names several.
    pub instance_type: Option<String>,
}

/// The launch template of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct TemplateStatus {
    /// `lt-…`.
    pub id: LaunchTemplateId,
    /// The version that the group is pinned to; the latest where there is no group.
    pub version: u64,
    /// The latest version.
    pub latest: u64,
}

/// EC2's application status check of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ApplicationCheckStatus {
    /// `asc-…`.
    pub id: String,
    /// What AWS makes of the instance: `ok`, `impaired`, `initializing`, `insufficient-data`, `not-applicable` or
    /// `suppressed`; `null` where it says nothing of it.
    pub instance_status: Option<ApplicationStatus>,
}

/// The DNS record of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct DnsStatus {
    /// The record's name, without the final dot.
    pub name: String,
    /// What the A record says: its values, separated by commas.
    pub value: Option<String>,
    /// Whether that is the stack's address and nothing else.
    pub in_sync: bool,
}

/// The log group of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LogGroupStatus {
    /// Its name.
    pub name: String,
    /// Days after which CloudWatch Logs deletes events; `null` where they are kept for ever.
    pub retention_days: Option<u32>,
}

/// One difference between a stack and its spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Drift {
    /// A stable word for scripts: a step such as `update-group`, or a refusal such as `volume-shrinks`.
    pub code: String,
    /// What differs, such as `Auto Scaling group selfheal-web`.
    pub subject: String,
    /// In what it differs: a clause.
    pub message: String,
}

/// Something that a person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Remark {
    /// A stable word for scripts, such as `duplicate-address`.
    pub code: String,
    /// What it is: a clause.
    pub message: String,
}

fn application_check(
    existing: &Existing,
    observed: &Observed,
    instance: Option<&InstanceStatus>,
) -> Option<ApplicationCheckStatus> {
    let check = existing.application_check.as_ref()?;
    Some(ApplicationCheckStatus {
        id: check.id.clone(),
        instance_status: instance.and_then(|instance| observed.application_status.get(&instance.id).cloned()),
    })
}

/// Says how a stack is, from what was read of it in the scope of a status and from the plan that follows from that.
#[must_use]
pub fn status(spec: &Spec, observed: &Observed, plan: &Plan) -> StatusReport {
    let existing = existing(spec, observed);
    let group = observed.group.as_ref();
    let mut instances = instances(observed, group);
    let instance = (!instances.is_empty()).then(|| instances.remove(0));
    let tag = |key: &str| group.and_then(|group| group.tags.get(key).cloned());
    let mut report = StatusReport {
        stack: spec.name.clone(),
        region: spec.region.clone(),
        account: observed.identity.account.clone(),
        observed_at: observed.observed_at,
        healthy: false,
        problems: Vec::new(),
        severity: None,
        findings: Vec::new(),
        app_port: spec.app.port,
        address: address(&existing),
        volume: volume(&existing, group),
        last_snapshot: last_snapshot(observed),
        snapshots: snapshots::scheduled(spec, observed),
        agent: instance
            .as_ref()
            .and_then(|instance| agent::agent(spec, observed, &instance.id)),
        instance,
        other_instances: instances,
        group: group.map(|group| group.name.clone()),
        suspended: group.map(|group| group.suspended.clone()).unwrap_or_default(),
        launch_template: template(observed),
        application_check: None,
        dns: dns(spec, observed, &existing),
        log_group: log_group(spec, observed),
        notify: notify::notify(spec, observed, plan),
        config: spec.config.as_ref().map(|config| ConfigStatus {
            path: config.path.clone(),
            noted: tag(TAG_CONFIG),
        }),
        certificate: CertificateStatus::of(spec, group),
        failed_boots: tag(TAG_FAILED_BOOTS).and_then(|count| count.parse().ok()).unwrap_or(0),
        parked: tag(TAG_PARKED),
        last_error: tag(TAG_LAST_ERROR),
        last_log: tag(TAG_LAST_LOG),
        repairs: tag(TAG_REPAIRS).and_then(|tag| RepairsStatus::of(&tag)),
        last_drill: LastDrill::in_tags(&existing),
        last_restore_drill: LastRestoreDrill::in_tags(&existing),
        replacements: ReplacementsStatus::of(&observed.activities),
        asleep: group.and_then(|group| sleep::asleep(observed, group)),
        schedule: sleep::schedule(spec, observed.observed_at),
        drift: drift(plan),
        notes: plan
            .notes
            .iter()
            .map(|note| Remark {
                code: note.code.clone(),
                message: note.message.clone(),
            })
            .collect(),
    };
    report.application_check = application_check(&existing, observed, report.instance.as_ref());
    report.findings = diagnose(spec, observed, plan, &report);
    report.severity = report.findings.first().map(|finding| finding.severity);
    let ill = report
        .findings
        .iter()
        .filter(|finding| finding.severity <= Severity::CannotHeal);
    report.problems = ill.map(ToString::to_string).collect();
    report.healthy = report.problems.is_empty();
    report
}

fn address(existing: &Existing) -> Option<AddressStatus> {
    existing.address.as_ref().map(|address| AddressStatus {
        allocation_id: address.allocation_id.clone(),
        public_ip: address.public_ip.clone(),
        associated_instance: address.instance_id.clone(),
    })
}

fn volume(existing: &Existing, group: Option<&Group>) -> Option<VolumeStatus> {
    existing.volume.as_ref().map(|volume| VolumeStatus {
        id: volume.id.clone(),
        state: volume.state.clone(),
        attached_instance: volume
            .attachment
            .as_ref()
            .filter(|attachment| attachment.state != AttachmentState::Detached)
            .map(|attachment| attachment.instance_id.clone()),
        zone: volume.zone.clone(),
        size_gib: volume.size_gib,
        filesystem_gib: match noted(group, &volume.id) {
            Some(Noted::Has(size_gib)) => Some(size_gib),
            Some(Noted::Lacks(_)) | None => None,
        },
    })
}

fn last_snapshot(observed: &Observed) -> Option<SnapshotStatus> {
    let usable = observed
        .snapshots
        .iter()
        .filter(|snapshot| snapshot.state != SnapshotState::Error);
    usable
        .max_by_key(|snapshot| snapshot.started_at)
        .map(|snapshot| SnapshotStatus {
            id: snapshot.id.clone(),
            volume_id: snapshot.volume_id.clone(),
            state: snapshot.state.clone(),
            started_at: snapshot.started_at,
        })
}

/// The group's instances, the one that serves or will serve first.
fn instances(observed: &Observed, group: Option<&Group>) -> Vec<InstanceStatus> {
    let members = group.map(Group::foremost).unwrap_or_default();
    let status = |member: &GroupInstance| {
        let known = observed.instances.iter().find(|instance| instance.id == member.id);
        InstanceStatus {
            id: member.id.clone(),
            state: known.map(|instance| instance.state.clone()),
            health: member.health.clone(),
            lifecycle: member.lifecycle.clone(),
            launched_at: known.map(|instance| instance.launched_at),
            template_version: member.template_version.clone(),
            instance_type: member.instance_type.clone(),
        }
    };
    members.into_iter().map(status).collect()
}

fn template(observed: &Observed) -> Option<TemplateStatus> {
    observed.launch_template.as_ref().map(|template| {
        let pinned = observed
            .group
            .as_ref()
            .and_then(|group| group.template_version.as_ref()?.parse().ok());
        TemplateStatus {
            id: template.id.clone(),
            version: pinned.unwrap_or(template.version),
            latest: template.version,
        }
    })
}

fn dns(spec: &Spec, observed: &Observed, existing: &Existing) -> Option<DnsStatus> {
    let dns = spec.dns.as_ref()?;
    let values: Vec<&str> = observed
        .records
        .iter()
        .filter(|record| record.record_type == "A" && record.name == dns.name)
        .flat_map(|record| record.values.iter().map(String::as_str))
        .collect();
    let want = existing.address.as_ref().map(|address| address.public_ip.as_str());
    Some(DnsStatus {
        name: dns.name.clone(),
        in_sync: want.is_some_and(|want| values == [want]),
        value: (!values.is_empty()).then(|| values.join(", ")),
    })
}

fn log_group(spec: &Spec, observed: &Observed) -> Option<LogGroupStatus> {
    let names = Names::new(&spec.name, &spec.region);
    let group = observed.log_group.as_ref();
    group
        .filter(|group| names.owns(&group.tags, ResourceKind::LogGroup))
        .map(|group| LogGroupStatus {
            name: group.name.clone(),
            retention_days: group.retention_days,
        })
}

fn drift(plan: &Plan) -> Vec<Drift> {
    let steps = plan.steps.iter().map(|step| Drift {
        code: code(step.kind),
        subject: match &step.target {
            Some(target) => format!("{} {target}", step.kind.subject()),
            None => step.kind.subject().to_owned(),
        },
        message: message(step),
    });
    let refusals = plan.refusals.iter().map(|refusal| Drift {
        code: refusal.code.clone(),
        subject: plan.stack.clone(),
        message: format!("{}: {}", refusal.message, refusal.help),
    });
    refusals.chain(steps).collect()
}

/// The step's word in JSON, the same here as in a plan.
fn code(key: StepKind) -> String {
    match serde_json::to_value(key) {
        Ok(serde_json::Value::String(code)) => code,
        _ => key.subject().to_owned(),
    }
}

/// Why a step is needed, with the values that change.
fn message(step: &Step) -> String {
    let changes: Vec<String> = step
        .fields
        .iter()
        .filter(|field| field.before.is_some())
        .map(|field| format!("{} {field}", field.name))
        .collect();
    if changes.is_empty() {
        step.reason.clone()
    } else {
        format!("{} ({})", step.reason, changes.join(", "))
    }
}
