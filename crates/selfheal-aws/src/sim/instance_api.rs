//! The calls of the boot program, made by an instance with the rights of its role.

use std::collections::BTreeMap;

use selfheal_core::names::Tags;
use selfheal_core::world::{
    Activity, Address, AllocationId, ApplicationStatus, AssociationId, HealthStatus, InstanceId, Volume, VolumeId,
};

use super::call::{Call, Caller, fail};
use super::ec2::missing_code;
use super::runtime::Sim;
use super::state::ParameterRecord;
use super::target::Target;
use super::world::World;
use crate::backend::CallResult;

/// An instance as a caller. Its calls take effect at once: whoever serves them to a real boot drives the clock.
///
/// Every call is authorised by the policy of the instance's role and passes through the faults that are set.
#[derive(Clone, Debug)]
pub struct InstanceCaller {
    sim: Sim,
    id: InstanceId,
}

impl Sim {
    /// Makes a handle for the calls of an instance, by its id.
    #[must_use]
    pub fn as_instance(&self, id: &InstanceId) -> InstanceCaller {
        InstanceCaller {
            sim: self.clone(),
            id: id.to_owned(),
        }
    }
}

impl InstanceCaller {
    pub(super) fn call<T>(&self, make: impl FnOnce(&mut World, &Caller) -> CallResult<T>) -> CallResult<T> {
        self.sim.tamper(|world| make(world, &Caller::Instance(self.id.clone())))
    }

    /// Returns the id of the instance.
    #[must_use]
    pub fn id(&self) -> &InstanceId {
        &self.id
    }

    /// `ec2:AttachVolume`.
    ///
    /// # Errors
    /// As AWS answers them; so for all calls here.
    pub fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> CallResult<Volume> {
        self.call(|world, me| world.api_attach_volume(me, volume, instance, device))
    }

    /// `ec2:DetachVolume`, not forced.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn detach_volume(&self, volume: &VolumeId, instance: Option<&InstanceId>) -> CallResult<Volume> {
        self.call(|world, me| world.api_detach_volume(me, volume, instance))
    }

    /// `ec2:DescribeVolumes` by ids; one that is missing is an error, as on AWS.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn describe_volumes(&self, ids: &[VolumeId]) -> CallResult<Vec<Volume>> {
        self.call(|world, me| world.api_describe_volumes(me, ids))
    }

    /// `ec2:DescribeAddresses`: of these allocations, or all.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn describe_addresses(&self, allocations: &[AllocationId]) -> CallResult<Vec<Address>> {
        self.call(|world, me| world.api_describe_addresses(me, allocations))
    }

    /// `ec2:AssociateAddress` with an instance or its primary network interface; answers the association.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn associate_address(
        &self,
        allocation: &AllocationId,
        holder: &str,
        reassociate: bool,
    ) -> CallResult<AssociationId> {
        self.call(|world, me| world.api_associate_address(me, allocation, holder, reassociate))
    }

    /// `ec2:DisassociateAddress`.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn disassociate_address(&self, association: &AssociationId) -> CallResult<()> {
        self.call(|world, me| world.api_disassociate_address(me, association))
    }

    /// `ec2:DeleteTags`: these keys, whatever their values.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn delete_tags(&self, resource: &str, keys: &[String]) -> CallResult<()> {
        self.call(|world, me| world.api_delete_tags(me, resource, keys))
    }

    /// `autoscaling:CompleteLifecycleAction` by the instance's id.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn complete_lifecycle_action(
        &self,
        group: &str,
        hook: &str,
        instance: &InstanceId,
        result: &str,
    ) -> CallResult<()> {
        self.call(|world, me| world.api_complete_lifecycle_action(me, group, hook, instance, result))
    }

    /// `autoscaling:RecordLifecycleActionHeartbeat` by the instance's id.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn record_lifecycle_action_heartbeat(&self, group: &str, hook: &str, instance: &InstanceId) -> CallResult<()> {
        self.call(|world, me| world.api_heartbeat(me, group, hook, instance))
    }

    /// `autoscaling:SetInstanceHealth`; `respect_grace` is `ShouldRespectGracePeriod`.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn set_instance_health(
        &self,
        instance: &InstanceId,
        status: &HealthStatus,
        respect_grace: bool,
    ) -> CallResult<()> {
        self.call(|world, me| world.api_set_instance_health(me, instance, status, respect_grace))
    }

    /// `autoscaling:SuspendProcesses`; none named means all.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn suspend_processes(&self, group: &str, processes: &[String]) -> CallResult<()> {
        self.call(|world, me| world.api_suspend_processes(me, group, processes))
    }

    /// `autoscaling:DescribeTags` of one group; empty when there is no such group.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn describe_group_tags(&self, group: &str) -> CallResult<Tags> {
        self.call(|world, me| world.api_describe_group_tags(me, group))
    }

    /// `autoscaling:CreateOrUpdateTags` of one group.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn set_group_tags(&self, group: &str, tags: &Tags) -> CallResult<()> {
        self.call(|world, me| world.api_set_group_tags(me, group, tags))
    }

    /// `ec2:DescribeApplicationStatus` of instances by id: each with its status.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn describe_application_status(&self, ids: &[InstanceId]) -> CallResult<Vec<(InstanceId, ApplicationStatus)>> {
        self.call(|world, me| world.api_describe_application_status(me, ids))
    }

    /// `ssm:GetParametersByPath`, recursive and decrypted where that is asked for: the parameters by their names.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn parameters_by_path(&self, path: &str, decrypt: bool) -> CallResult<BTreeMap<String, ParameterRecord>> {
        self.call(|world, me| world.api_parameters_by_path(me, path, decrypt))
    }

    /// `logs:CreateLogStream`.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn create_log_stream(&self, group: &str, stream: &str) -> CallResult<()> {
        self.call(|world, me| world.api_create_log_stream(me, group, stream))
    }

    /// `logs:PutLogEvents`: the time of each event in milliseconds since 1970, and its text; answers how many were dropped for
    /// being too old or too far ahead.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn put_log_events(&self, group: &str, stream: &str, events: &[(i64, String)]) -> CallResult<usize> {
        self.call(|world, me| world.api_put_log_events(me, group, stream, events))
    }
}

impl InstanceCaller {
    /// `autoscaling:DescribeScalingActivities` of one group: the newest first, so many at most.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn describe_scaling_activities(&self, group: &str, limit: u32) -> CallResult<Vec<Activity>> {
        self.call(|world, me| world.api_describe_activities(me, group, limit))
    }

    /// `sns:Publish`.
    ///
    /// # Errors
    /// As AWS answers them.
    pub fn publish(&self, topic: &str, subject: &str, text: &str) -> CallResult<()> {
        self.call(|world, me| world.api_publish(me, topic, subject, text))
    }
}

impl World {
    pub(super) fn api_attach_volume(
        &mut self,
        me: &Caller,
        volume: &VolumeId,
        instance: &InstanceId,
        device: &str,
    ) -> CallResult<Volume> {
        let call = Call::change("ec2:AttachVolume")
            .about(volume.as_str())
            .on(Target::Volume(volume.to_owned()))
            .on(Target::Instance(instance.to_owned()));
        self.call_now(me, &call, |world| {
            world.check_key_of(me, volume)?;
            world.attach_volume(volume, instance, device)
        })
    }

    /// Attaching a volume under a customer's key asks for a grant in the caller's name.
    pub(in crate::sim) fn check_key_of(&mut self, me: &Caller, volume: &VolumeId) -> CallResult<()> {
        let key = self
            .volumes
            .get(volume)
            .and_then(|record| record.volume.kms_key.clone());
        let own = self.own_key();
        match key.filter(|key| *key != own) {
            Some(key) if !self.may_use_key(me, &key) => Err(super::faults::denied(
                "ec2:AttachVolume",
                "kms:CreateGrant",
                &self.principal_arn(me),
                &key,
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn api_detach_volume(
        &mut self,
        me: &Caller,
        volume: &VolumeId,
        instance: Option<&InstanceId>,
    ) -> CallResult<Volume> {
        let mut call = Call::change("ec2:DetachVolume")
            .about(volume.as_str())
            .on(Target::Volume(volume.to_owned()));
        if let Some(instance) = instance {
            call = call.on(Target::Instance(instance.to_owned()));
        }
        self.call_now(me, &call, |world| world.detach_volume(volume, instance))
    }

    pub(super) fn api_describe_volumes(&mut self, me: &Caller, ids: &[VolumeId]) -> CallResult<Vec<Volume>> {
        let call = Call::read("ec2:DescribeVolumes").about(&ids.join(","));
        self.call_now(me, &call, |world| {
            let found = world.describe_volumes(|volume| ids.is_empty() || ids.contains(&volume.id));
            match ids.iter().find(|id| !found.iter().any(|volume| volume.id == **id)) {
                Some(missing) => fail(
                    "ec2:DescribeVolumes",
                    "InvalidVolume.NotFound",
                    format!("The volume '{missing}' does not exist."),
                ),
                None => Ok(found),
            }
        })
    }

    pub(super) fn api_describe_addresses(&mut self, me: &Caller, ids: &[AllocationId]) -> CallResult<Vec<Address>> {
        let call = Call::read("ec2:DescribeAddresses").about(&ids.join(","));
        self.call_now(me, &call, |world| {
            let all = world.describe_addresses();
            match ids
                .iter()
                .find(|id| !all.iter().any(|address| address.allocation_id == **id))
            {
                Some(missing) => fail(
                    "ec2:DescribeAddresses",
                    "InvalidAllocationID.NotFound",
                    format!("The allocation ID '{missing}' does not exist"),
                ),
                None => Ok(all
                    .into_iter()
                    .filter(|it| ids.is_empty() || ids.contains(&it.allocation_id))
                    .collect()),
            }
        })
    }

    pub(super) fn api_associate_address(
        &mut self,
        me: &Caller,
        allocation: &AllocationId,
        holder: &str,
        reassociate: bool,
    ) -> CallResult<AssociationId> {
        let instance = self.owner_of_interface(holder);
        // Whichever of the two is named, both are taken to be evaluated: AWS does not say.
        let call = Call::change("ec2:AssociateAddress")
            .about(allocation.as_str())
            .on(Target::Address(allocation.to_owned()))
            .on(Target::Instance(instance.clone()))
            .on(Target::Interface(instance));
        self.call_now(me, &call, |world| {
            world.associate_address(allocation, holder, reassociate)
        })
    }

    pub(super) fn api_disassociate_address(&mut self, me: &Caller, association: &AssociationId) -> CallResult<()> {
        let call = Call::change("ec2:DisassociateAddress")
            .about(association.as_str())
            .on(Target::Association(association.to_owned()))
            .on(Target::AssociatedInterface(association.to_owned()));
        self.call_now(me, &call, |world| world.disassociate_address(association))
    }

    pub(super) fn api_delete_tags(&mut self, me: &Caller, resource: &str, keys: &[String]) -> CallResult<()> {
        let mut call = Call::change("ec2:DeleteTags")
            .about(resource)
            .on(Target::of_ec2_id(resource));
        call.tag_keys = keys.to_vec();
        self.call_now(me, &call, |world| match world.ec2_tags_mut(resource) {
            Some(tags) => {
                tags.retain(|key, _| !keys.contains(key));
                Ok(())
            }
            None => fail(
                "ec2:DeleteTags",
                missing_code(resource),
                format!("The ID '{resource}' is not valid"),
            ),
        })
    }

    pub(super) fn api_complete_lifecycle_action(
        &mut self,
        me: &Caller,
        group: &str,
        hook: &str,
        instance: &InstanceId,
        result: &str,
    ) -> CallResult<()> {
        let call = Call::change("autoscaling:CompleteLifecycleAction")
            .about(result)
            .on(Target::Group(group.to_owned()));
        self.call_now(me, &call, |world| {
            world.complete_lifecycle_action(group, hook, instance, result)
        })
    }

    pub(super) fn api_heartbeat(
        &mut self,
        me: &Caller,
        group: &str,
        hook: &str,
        instance: &InstanceId,
    ) -> CallResult<()> {
        let call = Call::change("autoscaling:RecordLifecycleActionHeartbeat")
            .about(group)
            .on(Target::Group(group.to_owned()));
        self.call_now(me, &call, |world| world.record_heartbeat(group, hook, instance))
    }

    pub(super) fn api_set_instance_health(
        &mut self,
        me: &Caller,
        instance: &InstanceId,
        status: &HealthStatus,
        respect_grace: bool,
    ) -> CallResult<()> {
        let call = Call::change("autoscaling:SetInstanceHealth")
            .about(status.as_str())
            .on(Target::GroupOf(instance.to_owned()));
        self.call_now(me, &call, |world| {
            world.set_instance_health(instance, status, respect_grace)
        })
    }

    pub(super) fn api_suspend_processes(&mut self, me: &Caller, group: &str, processes: &[String]) -> CallResult<()> {
        let call = Call::change("autoscaling:SuspendProcesses")
            .about(&processes.join(","))
            .on(Target::Group(group.to_owned()));
        self.call_now(me, &call, |world| world.suspend_processes(group, processes))
    }

    pub(super) fn api_describe_group_tags(&mut self, me: &Caller, group: &str) -> CallResult<Tags> {
        let call = Call::read("autoscaling:DescribeTags").about(group);
        self.call_now(me, &call, |world| Ok(world.group_tags(group)))
    }

    pub(super) fn api_set_group_tags(&mut self, me: &Caller, group: &str, tags: &Tags) -> CallResult<()> {
        let mut call = Call::change("autoscaling:CreateOrUpdateTags")
            .about(group)
            .on(Target::Group(group.to_owned()));
        call.tags = tags.clone();
        self.call_now(me, &call, |world| world.set_group_tags(group, tags))
    }

    pub(super) fn api_describe_activities(
        &mut self,
        me: &Caller,
        group: &str,
        limit: u32,
    ) -> CallResult<Vec<Activity>> {
        let call = Call::read("autoscaling:DescribeScalingActivities").about(group);
        self.call_now(me, &call, |world| Ok(world.describe_activities(group, limit)))
    }

    pub(super) fn api_describe_application_status(
        &mut self,
        me: &Caller,
        ids: &[InstanceId],
    ) -> CallResult<Vec<(InstanceId, ApplicationStatus)>> {
        let call = Call::read("ec2:DescribeApplicationStatus").about(&ids.join(","));
        self.call_now(me, &call, |world| Ok(world.describe_application_status(ids)))
    }

    /// What is below a path, as whoever reads it: a secret under a key that the instance may not use fails all of it.
    pub(super) fn api_parameters_by_path(
        &mut self,
        me: &Caller,
        path: &str,
        decrypt: bool,
    ) -> CallResult<BTreeMap<String, ParameterRecord>> {
        const ACTION: &str = "ssm:GetParametersByPath";
        let call = Call::read(ACTION).about(path).on(Target::Parameter(path.to_owned()));
        self.call_now(me, &call, |world| {
            let found = world.parameters_below(path);
            if decrypt {
                world.check_parameter_keys(me, (ACTION, "kms:Decrypt"), &found)?;
            }
            Ok(found)
        })
    }
}
