//! Instances: launched by a group, and what may become of them.

use selfheal_core::names::Tags;
use selfheal_core::world::{
    Attachment, AttachmentState, Instance, InstanceId, InstanceState, Volume, VolumeId, VolumeState,
};

use super::super::events::WorldEvent;
use super::super::ids;
use super::super::pages::{Page, cut};
use super::super::rng::Range;
use super::super::state::{BootConfig, BootState, Content, InstanceRecord, VolumeRecord};
use super::super::trace::{InstanceChange, TraceKind};
use super::super::world::World;
use super::{check_metadata_tags, of_stacks};

/// From the notice of an interruption to the end.
const NOTICE_MS: u64 = 120_000;

impl World {
    pub(super) fn describe_instances(
        &self,
        stacks: &[String],
        page: (Option<InstanceId>, usize),
    ) -> Page<InstanceId, Instance> {
        let shown_ms = self.config.timings.terminated_shown_ms;
        let exists = |record: &InstanceRecord| {
            let shown = record.terminated_ms.is_none_or(|ms| self.now_ms - ms < shown_ms);
            shown && self.sees(record.visible_ms)
        };
        let describe = |record: &InstanceRecord| Instance {
            id: record.id.clone(),
            state: record.state.clone(),
            launched_at: self.time_of(record.launched_ms),
            zone: record.zone.clone(),
            public_ip: self.public_ip(&record.id),
            tags: self.shown_tags(record).cloned().unwrap_or_default(),
        };
        cut(&self.instances, page, exists, |record| {
            let none = Tags::new();
            let tags = self.shown_tags(record).unwrap_or(&none);
            of_stacks(tags, stacks).then(|| describe(record))
        })
    }

    /// The tags of an instance as long as a reading shows them: those of the dead go before they do.
    fn shown_tags<'a>(&self, record: &'a InstanceRecord) -> Option<&'a Tags> {
        let tagged_ms = self.config.timings.terminated_tagged_ms;
        let tagged = record.terminated_ms.is_none_or(|ms| self.now_ms - ms < tagged_ms);
        tagged.then_some(&record.tags)
    }

    /// Returns the public address of an instance: its Elastic IP, else the one that it got at launch.
    #[must_use]
    pub fn public_ip(&self, instance_id: &InstanceId) -> Option<String> {
        let elastic = self
            .addresses
            .values()
            .find(|record| record.address.instance_id.as_ref() == Some(instance_id));
        if let Some(record) = elastic {
            return Some(record.address.public_ip.clone());
        }
        let instance = self.instances.get(instance_id)?;
        let live = matches!(instance.state, InstanceState::Pending | InstanceState::Running);
        instance.launch_ip.clone().filter(|_| live)
    }

    /// Launches an instance for a group; answers its id, or why EC2 refuses, in its words.
    pub(in crate::sim) fn run_instance(&mut self, group: &str) -> Result<InstanceId, String> {
        let Some(settings) = self.groups.get(group).map(|record| record.settings.clone()) else {
            return Err(format!("The group {group} does not exist."));
        };
        self.check_launch(&settings.template_id, settings.template_version, &settings.subnet)?;
        let template = self.templates.get(&settings.template_id);
        let Some(mut data) = template
            .and_then(|template| template.version(settings.template_version))
            .cloned()
        else {
            return Err("The launch template does not exist.".to_owned());
        };
        data.instance_type = self.choose_type(&settings, &data)?;
        let Some(subnet) = self.subnets.get(&settings.subnet).map(|record| record.subnet.clone()) else {
            return Err(format!("The subnet ID '{}' does not exist", settings.subnet));
        };
        if data.metadata_tags == "enabled" {
            check_metadata_tags(&data.instance_tags)?;
        }
        let id = InstanceId::from(self.new_id("i"));
        let interface_id = self.new_id("eni");
        let more_interfaces = (0..self.config.more_interfaces)
            .map(|_| self.new_id("eni").into())
            .collect();
        let taken: Vec<String> = self
            .instances
            .values()
            .filter_map(|other| other.launch_ip.clone())
            .collect();
        let launch_ip = data
            .public_ip
            .then(|| ids::launch_ip(&mut self.rng_ids, |ip| taken.iter().any(|other| other == ip)));
        let mut tags = data.instance_tags.clone();
        tags.insert("aws:autoscaling:groupName".to_owned(), group.to_owned());
        let record = InstanceRecord {
            id: id.clone(),
            state: InstanceState::Pending,
            launched_ms: self.now_ms,
            visible_ms: self.visible_from(),
            zone: subnet.zone.clone(),
            subnet_id: subnet.id,
            vpc_id: subnet.vpc_id,
            interface_id: interface_id.into(),
            more_interfaces,
            launch_ip,
            template_id: settings.template_id,
            template_version: settings.template_version,
            data: data.clone(),
            group: Some(group.to_owned()),
            tags,
            impaired: false,
            mounted: None,
            terminated_ms: None,
            boots: 0,
            boot: BootState::default(),
        };
        self.instances.insert(id.clone(), record);
        let config = BootConfig::of(self, &id);
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.boot.config = config;
        }
        self.attach_root_volume(&id, &subnet.zone, &data);
        self.trace_instance(&id, "");
        self.after(
            self.config.timings.instance_pending,
            WorldEvent::InstanceRunning(id.clone()),
        );
        Ok(id)
    }

    /// Lets EC2 take an instance back; answers whether it is running.
    ///
    /// Source: EC2 user guide, "Spot Instance interruption notices": the notice comes two minutes before the end.
    pub(in crate::sim) fn interrupt(&mut self, id: &InstanceId) -> bool {
        let running = |it: &&mut InstanceRecord| it.state == InstanceState::Running;
        let Some(instance) = self.instances.get_mut(id).filter(running) else {
            return false;
        };
        instance.boot.notice = true;
        // The program asks every five seconds.
        self.wake_watch(id, Range::new(0, 6_000));
        self.after_ms(NOTICE_MS, WorldEvent::TakenBack(id.to_owned()));
        true
    }

    fn attach_root_volume(&mut self, instance: &InstanceId, zone: &str, data: &selfheal_core::world::TemplateData) {
        let id: VolumeId = self.new_id("vol").into();
        let volume = Volume {
            id: id.clone(),
            zone: zone.to_owned(),
            size_gib: data.root.size_gib,
            volume_type: data.root.volume_type.clone(),
            iops: None,
            throughput_mibps: None,
            encrypted: data.root.encrypted,
            kms_key: data.root.kms_key.clone().or_else(|| self.config.default_key.clone()),
            state: VolumeState::InUse,
            snapshot_id: None,
            attachment: Some(Attachment {
                instance_id: instance.to_owned(),
                state: AttachmentState::Attached,
            }),
            tags: data.volume_tags.clone(),
        };
        let record = VolumeRecord {
            volume,
            visible_ms: self.visible_from(),
            content: Content::Foreign("the image".to_owned()),
            modification: None,
            delete_on_termination: true,
            device: Some(data.root.device.clone()),
        };
        self.volumes.insert(id, record);
    }

    pub(super) fn trace_instance(&mut self, id: &InstanceId, why: &str) {
        let Some(state) = self
            .instances
            .get(id)
            .map(|instance| InstanceChange::State(instance.state.clone()))
        else {
            return;
        };
        self.record(TraceKind::Instance {
            id: id.to_owned(),
            state,
            why: why.to_owned(),
        });
    }

    pub(in crate::sim) fn instance_running(&mut self, id: &InstanceId) {
        let Some(instance) = self
            .instances
            .get_mut(id)
            .filter(|it| it.state == InstanceState::Pending)
        else {
            return;
        };
        instance.state = InstanceState::Running;
        let first = instance.boots == 0;
        self.trace_instance(id, "");
        self.wake_checks(id);
        self.start_boot(id);
        if first {
            self.after(self.config.timings.hook_lag, WorldEvent::MemberRunning(id.to_owned()));
        }
    }

    /// Starts an instance that was stopped; answers whether it was.
    pub(in crate::sim) fn start_ec2(&mut self, id: &InstanceId) -> bool {
        let stopped = |it: &&mut InstanceRecord| it.state == InstanceState::Stopped;
        let Some(instance) = self.instances.get_mut(id).filter(stopped) else {
            return false;
        };
        instance.state = InstanceState::Pending;
        self.trace_instance(id, "started from outside");
        let running = WorldEvent::InstanceRunning(id.to_owned());
        self.after(self.config.timings.instance_pending, running);
        true
    }

    /// Terminates an instance; answers whether it was there to be terminated.
    pub(in crate::sim) fn terminate_ec2(&mut self, id: &InstanceId, why: &str) -> bool {
        let Some(instance) = self.instances.get_mut(id) else {
            return false;
        };
        if matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
            return false;
        }
        instance.state = InstanceState::ShuttingDown;
        self.trace_instance(id, why);
        self.after(
            self.config.timings.instance_terminate,
            WorldEvent::InstanceTerminated(id.to_owned()),
        );
        self.member_not_running(id, "an EC2 instance status change: it is being terminated");
        true
    }

    pub(in crate::sim) fn instance_terminated(&mut self, id: &InstanceId) {
        let now_ms = self.now_ms;
        let Some(instance) = self
            .instances
            .get_mut(id)
            .filter(|it| it.state == InstanceState::ShuttingDown)
        else {
            return;
        };
        instance.state = InstanceState::Terminated;
        instance.terminated_ms = Some(now_ms);
        self.application_results.remove(id);
        self.trace_instance(id, "");
        self.unmount(id);
        self.free_addresses_of(id);
        self.after(
            self.config.timings.volume_release,
            WorldEvent::VolumesReleased(id.to_owned()),
        );
        self.member_terminated(id);
    }

    /// Stops an instance; answers whether it was running.
    pub(in crate::sim) fn stop_ec2(&mut self, id: &InstanceId, why: &str) -> bool {
        let Some(instance) = self
            .instances
            .get_mut(id)
            .filter(|it| it.state == InstanceState::Running)
        else {
            return false;
        };
        instance.state = InstanceState::Stopping;
        self.trace_instance(id, why);
        self.after(
            self.config.timings.instance_stop,
            WorldEvent::InstanceStopped(id.to_owned()),
        );
        self.member_not_running(id, "an EC2 instance status change: it is being stopped");
        true
    }

    pub(in crate::sim) fn instance_stopped(&mut self, id: &InstanceId) {
        let Some(instance) = self
            .instances
            .get_mut(id)
            .filter(|it| it.state == InstanceState::Stopping)
        else {
            return;
        };
        if instance.boot.goes_off {
            self.after(Range::new(500, 1_000), WorldEvent::InstanceStopped(id.to_owned()));
            return;
        }
        instance.state = InstanceState::Stopped;
        self.trace_instance(id, "");
        self.unmount(id);
    }

    /// Lets the status checks report `impaired`; answers whether the instance is running.
    pub(in crate::sim) fn impair(&mut self, id: &InstanceId) -> bool {
        let Some(instance) = self
            .instances
            .get_mut(id)
            .filter(|it| it.state == InstanceState::Running)
        else {
            return false;
        };
        instance.impaired = true;
        let group = instance.group.clone();
        let what = TraceKind::Instance {
            id: id.to_owned(),
            state: InstanceChange::Impaired,
            why: String::new(),
        };
        self.record(what);
        self.wake_checks(id);
        if let Some(group) = group {
            let event = WorldEvent::Impaired {
                group,
                instance: id.to_owned(),
            };
            self.after(self.config.timings.health_impaired, event);
        }
        true
    }

    /// Reboots an instance; answers whether it is running.
    pub(in crate::sim) fn reboot(&mut self, id: &InstanceId) -> bool {
        if self
            .instances
            .get(id)
            .is_none_or(|it| it.state != InstanceState::Running)
        {
            return false;
        }
        let what = TraceKind::Instance {
            id: id.to_owned(),
            state: InstanceChange::Rebooted,
            why: String::new(),
        };
        self.record(what);
        self.unmount(id);
        self.start_boot(id);
        true
    }
}
