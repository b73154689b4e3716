//! Finds what is wrong with a stack, from what was read of it and from the plan that follows from that.

use super::finding::{Finding, FindingCode as Code};
use super::{InstanceStatus, StatusReport, filesystem, snapshots};
use crate::existing::Stack;
use crate::existing::volume::{Afterwards, unfinished};
use crate::names::{LAUNCH_HOOK, Names, ResourceKind, TAG_PARKED, TAG_RESTORED_FROM, TERMINATE_HOOK};
use crate::plan::{Change, Plan, StepKind};
use crate::spec::{Ingress, Market, Spec};
use crate::world::{
    ApplicationStatus, Group, HealthStatus, InstanceId, InstanceState, LaunchTemplateId, LifecycleState, Observed,
    VolumeState,
};

/// What the parts look at.
struct Patient<'a> {
    spec: &'a Spec,
    observed: &'a Observed,
    plan: &'a Plan,
    report: &'a StatusReport,
    findings: Vec<Finding>,
}

/// Everything that is wrong, the worst first.
pub(super) fn diagnose(spec: &Spec, observed: &Observed, plan: &Plan, report: &StatusReport) -> Vec<Finding> {
    let mut patient = Patient {
        spec,
        observed,
        plan,
        report,
        findings: Vec::new(),
    };
    if let Some(group) = patient.group() {
        patient.size(group);
        if !group.is_asleep() {
            patient.instance();
        }
        patient.restore(group);
        patient.resources(group);
        patient.processes(group);
        patient.template(group);
        patient.identity();
        patient.hooks();
        patient.security_group();
        patient.version(group);
        patient.filesystem(group);
        patient.snapshots();
        patient.certificate();
        patient.notifications();
    }
    let mut findings = patient.findings;
    findings.sort_by_key(|finding| finding.code);
    findings
}

impl<'a> Patient<'a> {
    fn find(&mut self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::new(code, message, help));
    }

    /// The stack's group, where there is one that can do its work.
    fn group(&mut self) -> Option<&'a Group> {
        let apply = "`selfheal apply` makes it";
        let Some(group) = &self.observed.group else {
            if self.report.launch_template.is_none() {
                self.find(Code::StackMissing, "the stack does not exist", apply);
            } else {
                let what = "there is no Auto Scaling group to keep an instance alive";
                self.find(Code::GroupMissing, what, apply);
            }
            return None;
        };
        if !Names::of(self.spec).owns(&group.tags, ResourceKind::Group) {
            self.find(
                Code::GroupForeign,
                format!("the Auto Scaling group {} does not bear the stack's tags", group.name),
                "if it is this stack's, put its tags back; else choose another `name`",
            );
            return None;
        }
        if group.deleting {
            let what = format!("the Auto Scaling group {} is being deleted", group.name);
            self.find(
                Code::GroupDeleting,
                what,
                "`selfheal apply` waits for that and makes it anew",
            );
            return None;
        }
        Some(group)
    }

    fn snapshots(&mut self) {
        self.findings.extend(snapshots::diagnose(
            self.spec,
            self.observed,
            self.report.last_snapshot.as_ref(),
        ));
    }

    /// One that sleeps looks after it when it wakes.
    fn certificate(&mut self) {
        let certificate = self
            .report
            .certificate
            .as_ref()
            .filter(|_| self.report.asleep.is_none());
        let found = certificate.and_then(|certificate| certificate.diagnose(self.observed.observed_at));
        self.findings.extend(found);
    }

    fn size(&mut self, group: &Group) {
        let apply = "`selfheal apply` sets it to 1";
        let wake = if group.may_sleep() {
            "`selfheal wake` sets it to 1"
        } else {
            apply
        };
        match group.desired {
            1 => {}
            0 if group.is_asleep() => {}
            0 => self.find(
                Code::DesiredZero,
                "the group is to have no instance: its desired capacity is 0",
                wake,
            ),
            many => self.find(
                Code::DesiredMany,
                format!("the group is to have {many} instances, and only one can hold the volume and the address"),
                apply,
            ),
        }
    }

    /// A restore that left the stack without an instance that it is to have.
    fn restore(&mut self, group: &Group) {
        let stack = Stack::new(self.spec, self.observed);
        let Some((volume, Afterwards::Awake)) = unfinished(&stack) else {
            return;
        };
        if group.desired == 0 {
            let from = volume.tags.get(TAG_RESTORED_FROM).map_or("", String::as_str);
            self.find(
                Code::RestoreUnfinished,
                format!("a restore from {from} was cut off while the stack was stopped"),
                format!("`selfheal restore --from {from}` finishes it, and `selfheal restore --undo` gives it up"),
            );
        }
    }

    /// The instance itself; the reason why there is none, where AWS gives one.
    fn instance(&mut self) {
        let failure = self.observed.launch_failure();
        if let Some(why) = failure {
            self.find(
                Code::LaunchFailing,
                format!("the group cannot launch an instance: {why}"),
                way_out(self.spec, why),
            );
        }
        let report = self.report;
        let Some(instance) = &report.instance else {
            if failure.is_none() {
                let help = "the group launches one within minutes, unless something here keeps it from that";
                self.find(Code::InstanceMissing, "the group has no instance", help);
            }
            return;
        };
        let InstanceStatus {
            id, lifecycle, health, ..
        } = instance;
        if *lifecycle != LifecycleState::InService || *health != HealthStatus::Healthy {
            self.find(
                Code::InstanceNotInService,
                format!("{id} is {lifecycle} and {health}"),
                "a boot or a replacement takes minutes: see again; the boot's log is on the instance's console",
            );
        }
        // Just after a launch EC2 may not list the instance yet; the group's word counts then.
        if let Some(state) = instance
            .state
            .as_ref()
            .filter(|state| **state != InstanceState::Running)
        {
            let help = "the group notices within minutes, and replaces it";
            self.find(Code::InstanceNotRunning, format!("{id} is {state}"), help);
        }
        let asked = report.application_check.as_ref();
        if asked.and_then(|check| check.instance_status.as_ref()) == Some(&ApplicationStatus::Impaired) {
            self.find(
                Code::CheckImpaired,
                format!("AWS's application check finds {id} impaired"),
                "the group replaces it, unless the app answers again",
            );
        }
    }

    /// What the instance must hold: address, volume, name.
    fn resources(&mut self, group: &Group) {
        let report = self.report;
        // One that leaves a stack which falls asleep gives back what it holds.
        let instance = report.instance.as_ref().filter(|_| !group.is_asleep());
        let instance = instance.map(|instance| &instance.id);
        match (&report.address, instance) {
            (None, _) => self.find(
                Code::AddressMissing,
                "there is no Elastic IP",
                "`selfheal apply` allocates one",
            ),
            (Some(address), Some(id)) if address.associated_instance.as_ref() != Some(id) => self.find(
                Code::AddressElsewhere,
                format!("the address is not at {id}"),
                "an instance takes it when it holds the volume and its app answers",
            ),
            _ => {}
        }
        if self.spec.data.is_some() {
            self.volume(instance);
        }
        // What could not be read is told by the plan's notes, and is no fault of the stack's.
        let unread = report.notes.iter().any(|note| note.code == "dns-unread");
        if let Some(dns) = report.dns.as_ref().filter(|dns| !dns.in_sync && !unread) {
            let what = format!("{} does not point at the address", dns.name);
            self.find(Code::NameElsewhere, what, "`selfheal apply` writes the record");
        }
    }

    fn volume(&mut self, instance: Option<&InstanceId>) {
        let Some(volume) = &self.report.volume else {
            let help = "`selfheal plan` says what an apply would do about it";
            return self.find(Code::VolumeMissing, "there is no data volume", help);
        };
        if self
            .observed
            .volumes
            .iter()
            .any(|known| known.id == volume.id && known.state == VolumeState::Error)
        {
            self.find(
                Code::VolumeFailed,
                format!("the data volume {} is in the state error", volume.id),
                "AWS cannot bring it back: `selfheal restore --from latest` makes a volume of the last snapshot",
            );
        }
        if let Some(id) = instance.filter(|id| volume.attached_instance.as_ref() != Some(id)) {
            self.find(
                Code::VolumeElsewhere,
                format!("the data volume is not at {id}"),
                "a boot waits until whoever holds it lets go; one that lost it is replaced by itself",
            );
        }
    }

    fn processes(&mut self, group: &Group) {
        let resume = "`selfheal resume` lifts it";
        let suspended = group.held_back_by().map(String::as_str).collect::<Vec<_>>().join(", ");
        if let Some(parked) = group.tags.get(TAG_PARKED) {
            let what = format!("the stack has parked itself ({parked})");
            self.find(Code::Parked, what, format!("mend the cause, then {resume}"));
        }
        if group.is_replacing() {
            self.find(
                Code::ReplacementUnfinished,
                "an apply was cut off while it replaced the instance: nothing is launched until that is finished",
                "`selfheal apply` finishes it",
            );
        } else if !suspended.is_empty() {
            self.find(
                Code::Suspended,
                format!("the group's processes {suspended} are suspended"),
                resume,
            );
        }
    }

    fn template(&mut self, group: &Group) {
        let apply = "`selfheal apply` makes it so";
        let Some(template) = &self.observed.launch_template else {
            let what = "there is no launch template, so that no instance could be launched";
            return self.find(Code::TemplateMissing, what, apply);
        };
        if group.template_id.as_ref().is_some_and(|id| *id != template.id) || group.template_id.is_none() {
            let other = group.template_id.as_ref().map_or("none", LaunchTemplateId::as_str);
            let what = format!("the group launches from the template {other}, not from {}", template.id);
            self.find(Code::TemplateElsewhere, what, apply);
        }
    }

    /// Role, policy and profile. A policy that differs together with the launch template follows the spec; one that
    /// differs alone was changed by hand.
    fn identity(&mut self) {
        let apply = "`selfheal apply` writes it again";
        let names = Names::of(self.spec);
        match &self.observed.role {
            None => self.find(
                Code::RoleMissing,
                format!("the instance role {} does not exist", names.role),
                "`selfheal apply` makes it; an instance that runs has lost its rights until it is replaced",
            ),
            Some(_) if self.plan.step(StepKind::UpdateTrustPolicy).is_some() => {
                let what = format!("the trust policy of the role {} was changed", names.role);
                self.find(Code::TrustChanged, what, apply);
            }
            Some(_) => {}
        }
        let follows_the_spec = self.plan.step(StepKind::CreateTemplateVersion).is_some();
        if self.observed.role.is_some() && self.observed.role_policy.is_none() {
            let what = format!("the role {} has no policy: an instance can take nothing", names.role);
            self.find(Code::RolePolicyMissing, what, apply);
        } else if self
            .plan
            .step(StepKind::PutRolePolicy)
            .is_some_and(|step| step.change == Change::Update)
            && !follows_the_spec
        {
            let what = format!("the policy of the role {} is not what the instance needs", names.role);
            self.find(Code::RolePolicyChanged, what, apply);
        }
        match &self.observed.profile {
            None => self.find(
                Code::ProfileMissing,
                format!("the instance profile {} does not exist", names.profile),
                "`selfheal apply` makes it",
            ),
            Some(profile) if profile.role.as_ref() != Some(&names.role) => {
                let holds = profile.role.as_deref().unwrap_or("no role");
                let what = format!("the instance profile {} holds {holds}", names.profile);
                self.find(Code::ProfileChanged, what, "`selfheal plan` says what mends it");
            }
            Some(_) => {}
        }
    }

    fn hooks(&mut self) {
        for (key, name, without) in [
            (
                StepKind::PutLaunchHook,
                LAUNCH_HOOK,
                "an instance would be in service before its app is",
            ),
            (
                StepKind::PutTerminateHook,
                TERMINATE_HOOK,
                "an instance would not give its volume back",
            ),
        ] {
            match self.plan.step(key).map(|step| step.change) {
                None => {}
                Some(Change::Create) => {
                    let what = format!("the lifecycle hook {name} is missing: {without}");
                    self.find(Code::HookMissing, what, "`selfheal apply` writes it again");
                }
                Some(_) => {
                    let what = format!("the lifecycle hook {name} was changed");
                    self.find(Code::HookChanged, what, "`selfheal apply` writes it again");
                }
            }
        }
    }

    fn security_group(&mut self) {
        let name = Names::of(self.spec).security_group;
        let used = self
            .observed
            .security_groups
            .iter()
            .filter(|group| match &self.spec.instance.ingress {
                Ingress::Groups(ids) => ids.contains(&group.id),
                Ingress::Ports(_) => group.name == name,
            });
        let used: Vec<_> = used.collect();
        // The rules of several groups add up.
        if !used.is_empty() && !used.iter().any(|group| group.lets_https_out()) {
            let ids: Vec<&str> = used.iter().map(|group| group.id.as_str()).collect();
            self.find(
                Code::EgressClosed,
                format!(
                    "the egress of {} lets no HTTPS out: no boot could ask AWS for anything",
                    ids.join(", ")
                ),
                "open it again, for tcp 443 at least",
            );
        }
    }

    /// Whether those hear of it who are to be told.
    fn notifications(&mut self) {
        let Some(notify) = &self.report.notify else { return };
        let apply = "`selfheal apply` makes it so";
        if !notify.exists {
            let what = format!("the topic {} does not exist: nobody is told what happens", notify.topic);
            self.find(Code::NotificationsMissing, what, apply);
        } else if !notify.group_tells {
            let what = format!("the group does not tell {} of launches and failures", notify.topic);
            self.find(Code::NotificationsMissing, what, apply);
        }
        let pending = notify.pending();
        if !pending.is_empty() {
            self.find(
                Code::SubscriptionPending,
                format!(
                    "nothing is told to {} before the subscription is confirmed",
                    pending.join(", ")
                ),
                "follow the link in SNS's mail, which is valid for two days; once SNS has forgotten the subscription, \
                 `selfheal apply` asks again",
            );
        }
        if notify.exists && self.plan.step(StepKind::Subscribe).is_some() {
            let what = "somebody who is to be told is not subscribed";
            self.find(
                Code::SubscriptionPending,
                what,
                "`selfheal apply` asks SNS to subscribe them",
            );
        }
    }

    fn filesystem(&mut self, group: &Group) {
        let serving = self.report.instance.as_ref();
        let serving = serving.filter(|instance| instance.lifecycle == LifecycleState::InService);
        if let (Some(volume), Some(instance)) = (&self.report.volume, serving) {
            self.findings.extend(filesystem::diagnose(group, volume, &instance.id));
        }
    }

    fn version(&mut self, group: &Group) {
        let Some(instance) = &self.report.instance else { return };
        let (Some(runs), Some(pinned)) = (&instance.template_version, &group.template_version) else {
            return;
        };
        let older = matches!((runs.parse::<u64>(), pinned.parse::<u64>()), (Ok(runs), Ok(pinned)) if runs != pinned);
        if older && instance.lifecycle == LifecycleState::InService {
            self.find(
                Code::VersionBehind,
                format!(
                    "{} runs version {runs} of the launch template, a replacement would run {pinned}",
                    instance.id
                ),
                "`selfheal replace` replaces it now; the stack is down until the next one serves",
            );
        }
    }
}

/// What mends a launch that AWS refuses. A stack without capacity has no instance that could do anything about it.
fn way_out(spec: &Spec, why: &str) -> String {
    let instance = &spec.instance;
    let again = "the group tries again by itself, less and less often";
    if !NO_CAPACITY.iter().any(|words| why.contains(words)) {
        return format!("mend what AWS names; {again}");
    }
    let other = if instance.market == Market::Spot {
        "write `market = \"on-demand\"`"
    } else if instance.fallback_types.is_empty() {
        "write `types` in the place of `type`, with others of the same architecture behind it"
    } else {
        "add another type to `types`"
    };
    let zone = if spec.data.is_some() {
        "; `selfheal restore --from latest --zone ZONE` leaves the zone"
    } else {
        ""
    };
    format!(
        "{other} in `[instance]`, and run `selfheal apply`: no instance is there that it would replace{zone}; else {again}"
    )
}

/// What AWS says where it has no instance of a type left, on demand or spot.
///
/// Source: EC2 user guide, "Troubleshoot launch issues"; Auto Scaling user guide, "Troubleshoot: insufficient capacity".
const NO_CAPACITY: [&str; 4] = [
    "do not have sufficient",
    "InsufficientInstanceCapacity",
    "UnfulfillableCapacity",
    "no Spot capacity available",
];
