//! Elastic IPs: a quota, one association each, and an instance that must be past `pending`.

use selfheal_core::names::Tags;
use selfheal_core::world::{Address, AllocationId, AssociationId, AttachmentState, InstanceId, InstanceState};

use super::super::call::fail;
use super::super::ids;
use super::super::state::AddressRecord;
use super::super::trace::TraceKind;
use super::super::world::World;
use super::check_tags;
use crate::backend::CallResult;

impl World {
    pub(in crate::sim) fn describe_addresses(&self) -> Vec<Address> {
        let seen = self.addresses.values().filter(|record| self.sees(record.visible_ms));
        seen.map(|record| self.read_address(&record.address)).collect()
    }

    /// `AllocateAddress`. It has no token: each call that takes effect makes an address.
    pub(super) fn allocate_address(&mut self, tags: &Tags) -> CallResult<Address> {
        const ACTION: &str = "ec2:AllocateAddress";
        check_tags(ACTION, tags)?;
        let counted = |record: &&AddressRecord| !record.address.own_pool && record.address.service_managed.is_none();
        if self.addresses.values().filter(counted).count() >= self.config.address_quota {
            return fail(
                ACTION,
                "AddressLimitExceeded",
                "The maximum number of addresses has been reached.",
            );
        }
        let address = self.new_address(tags);
        self.made = Some(address.allocation_id.to_string());
        Ok(address)
    }

    pub(in crate::sim) fn new_address(&mut self, tags: &Tags) -> Address {
        let taken: Vec<String> = self
            .addresses
            .values()
            .map(|record| record.address.public_ip.clone())
            .collect();
        let public_ip = ids::elastic_ip(&mut self.rng_ids, |ip| taken.iter().any(|other| other == ip));
        let allocation_id: AllocationId = self.new_id("eipalloc").into();
        let address = Address {
            allocation_id: allocation_id.clone(),
            public_ip,
            association_id: None,
            instance_id: None,
            interface_id: None,
            service_managed: None,
            own_pool: false,
            tags: tags.clone(),
        };
        let record = AddressRecord {
            address: address.clone(),
            visible_ms: self.visible_from(),
        };
        self.addresses.insert(allocation_id, record);
        address
    }

    /// The instance whose primary network interface this is; the id itself where it is another kind of id.
    pub(in crate::sim) fn owner_of_interface(&self, id: &str) -> InstanceId {
        let owner = self.instances.values().find(|record| record.interface_id == id);
        owner.map_or_else(|| id.into(), |record| record.id.clone())
    }

    /// `AssociateAddress` with the id of an instance or of its primary network interface; answers the association.
    ///
    /// An address that is on the instance already stays as it is. An instance with several interfaces is refused by its
    /// own id.
    pub(in crate::sim) fn associate_address(
        &mut self,
        allocation_id: &AllocationId,
        holder: &str,
        reassociate: bool,
    ) -> CallResult<AssociationId> {
        const ACTION: &str = "ec2:AssociateAddress";
        let now_ms = self.now_ms;
        let instance_id = &self.owner_of_interface(holder);
        let Some(instance) = self.instances.get(instance_id) else {
            let (code, what) = if holder.starts_with("eni-") {
                ("InvalidNetworkInterfaceID.NotFound", "network interface")
            } else {
                ("InvalidInstanceID.NotFound", "instance")
            };
            return fail(ACTION, code, format!("The {what} ID '{holder}' does not exist"));
        };
        if *instance_id == *holder && !instance.more_interfaces.is_empty() {
            let message = format!(
                "There are multiple interfaces attached to instance '{holder}'. Please specify an interface ID for the \
                 operation instead."
            );
            return fail(ACTION, "InvalidInstanceID", message);
        }
        let state = instance.state.clone();
        let Some(record) = self
            .addresses
            .get(allocation_id)
            .filter(|record| record.visible_ms <= now_ms)
        else {
            let message = format!("The allocation ID '{allocation_id}' does not exist");
            return fail(ACTION, "InvalidAllocationID.NotFound", message);
        };
        match state {
            InstanceState::Pending => {
                let message =
                    format!("The pending instance '{instance_id}' is not in a valid state for this operation.");
                return fail(ACTION, "InvalidInstanceID", message);
            }
            InstanceState::Terminated | InstanceState::ShuttingDown => {
                let message = format!("The instance '{instance_id}' is not in a valid state for this operation.");
                return fail(ACTION, "IncorrectInstanceState", message);
            }
            InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped | InstanceState::Other(_) => {}
        }
        let address = &record.address;
        // What a service manages, or a NAT gateway uses, only they can move.
        let held = address.instance_id.is_none() && address.interface_id.is_some();
        if held || address.service_managed.is_some() {
            let message = format!("You do not have permission to access the specified resource: {allocation_id}.");
            return fail(ACTION, "AuthFailure", message);
        }
        if let (Some(association), Some(holder)) = (&address.association_id, &address.instance_id) {
            if holder == instance_id {
                return Ok(association.clone());
            }
            if !reassociate {
                let message = format!("resource {allocation_id} is already associated with associate-id {association}");
                return fail(ACTION, "Resource.AlreadyAssociated", message);
            }
        }
        Ok(self.move_address(allocation_id, instance_id))
    }

    fn move_address(&mut self, allocation_id: &AllocationId, instance_id: &InstanceId) -> AssociationId {
        let association: AssociationId = self.new_id("eipassoc").into();
        self.judge_taking(allocation_id.as_str(), instance_id);
        if !self.may_take_address(instance_id) {
            self.ledger.stray_address(allocation_id.as_str(), instance_id);
        }
        // An interface has one public address: another Elastic IP of the instance loses its place.
        let displaced: Vec<AllocationId> = self
            .addresses
            .values()
            .filter(|record| record.address.instance_id.as_ref() == Some(instance_id))
            .map(|record| record.address.allocation_id.clone())
            .collect();
        for other in displaced {
            self.free_address(&other);
        }
        self.keep_past(allocation_id.as_str());
        let interface = self.instances.get(instance_id).map(|it| it.interface_id.clone());
        if let Some(record) = self.addresses.get_mut(allocation_id) {
            record.address.association_id = Some(association.clone());
            record.address.instance_id = Some(instance_id.to_owned());
            record.address.interface_id = interface;
            let ip = record.address.public_ip.clone();
            let (id, instance) = (allocation_id.to_owned(), Some(instance_id.to_owned()));
            self.record(TraceKind::Address { id, ip, instance });
        }
        self.address_missed(allocation_id.as_str());
        association
    }

    /// Whether the instance holds the data volume that it is made for, which is the lock; true where there is none.
    fn may_take_address(&self, instance_id: &InstanceId) -> bool {
        let config = self.instances.get(instance_id).and_then(|it| it.boot.config.as_ref());
        let volume = config.and_then(|config| config.volume.as_ref());
        let Some(record) = volume.and_then(|volume| self.volumes.get(volume)) else {
            return true;
        };
        let held = record.volume.attachment.as_ref();
        // Busy is asked to leave and still mounted: nobody else can have it yet.
        held.is_some_and(|held| {
            held.instance_id == *instance_id && matches!(held.state, AttachmentState::Attached | AttachmentState::Busy)
        })
    }

    fn free_address(&mut self, allocation_id: &AllocationId) {
        self.keep_past(allocation_id.as_str());
        let Some(record) = self.addresses.get_mut(allocation_id) else {
            return;
        };
        record.address.association_id = None;
        record.address.instance_id = None;
        record.address.interface_id = None;
        let ip = record.address.public_ip.clone();
        self.record(TraceKind::Address {
            id: allocation_id.to_owned(),
            ip,
            instance: None,
        });
        self.address_missed(allocation_id.as_str());
    }

    /// Takes every Elastic IP off an instance, as its termination does.
    pub(super) fn free_addresses_of(&mut self, instance_id: &InstanceId) {
        let held: Vec<AllocationId> = self
            .addresses
            .values()
            .filter(|record| record.address.instance_id.as_ref() == Some(instance_id))
            .map(|record| record.address.allocation_id.clone())
            .collect();
        for allocation_id in held {
            self.free_address(&allocation_id);
        }
    }

    /// `DisassociateAddress`.
    pub(in crate::sim) fn disassociate_address(&mut self, association_id: &AssociationId) -> CallResult<()> {
        let Some(allocation_id) = self.allocation_of(association_id) else {
            let message = format!("The association ID '{association_id}' does not exist");
            return fail("ec2:DisassociateAddress", "InvalidAssociationID.NotFound", message);
        };
        self.free_address(&allocation_id);
        Ok(())
    }

    /// The allocation that an association belongs to.
    pub(in crate::sim) fn allocation_of(&self, association_id: &AssociationId) -> Option<AllocationId> {
        let holds = |record: &&AddressRecord| record.address.association_id.as_ref() == Some(association_id);
        self.addresses
            .values()
            .find(holds)
            .map(|record| record.address.allocation_id.clone())
    }

    /// `ReleaseAddress`.
    pub(super) fn release_address(&mut self, allocation_id: &AllocationId) -> CallResult<()> {
        const ACTION: &str = "ec2:ReleaseAddress";
        let Some(record) = self
            .addresses
            .get(allocation_id)
            .filter(|record| self.sees(record.visible_ms))
        else {
            let message = format!("The allocation ID '{allocation_id}' does not exist");
            return fail(ACTION, "InvalidAllocationID.NotFound", message);
        };
        if record.address.association_id.is_some() {
            let message = format!("Address {} is in use.", record.address.public_ip);
            return fail(ACTION, "InvalidIPAddress.InUse", message);
        }
        self.addresses.remove(allocation_id);
        self.ledger.release(allocation_id.as_str());
        Ok(())
    }
}
