//! The Elastic IP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::list;
use super::{AllocationId, Answer, AssociationId, InstanceId, NetworkInterfaceId, Observed};
use crate::names::Tags;

/// An Elastic IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Its id.
    pub allocation_id: AllocationId,
    /// The IPv4 address.
    pub public_ip: String,
    /// The association, when it is associated.
    pub association_id: Option<AssociationId>,
    /// The instance it is associated with.
    pub instance_id: Option<InstanceId>,
    /// The network interface it is associated with, an instance's or that of something else, such as a NAT gateway.
    #[serde(default)]
    pub interface_id: Option<NetworkInterfaceId>,
    /// The service that manages it, such as `alb` or `rnat`; nobody else can move it then.
    #[serde(default)]
    pub service_managed: Option<String>,
    /// Whether it is from a pool of addresses that the account brought itself; such ones do not count towards the quota.
    #[serde(default)]
    pub own_pool: bool,
    /// Its tags.
    pub tags: Tags,
}

/// One mutating call about Elastic IPs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum AddressCall {
    /// `ec2:AllocateAddress`, with tags.
    AllocateAddress {
        /// Tags.
        tags: Tags,
    },
    /// `ec2:DisassociateAddress`.
    DisassociateAddress {
        /// The association.
        association_id: AssociationId,
    },
    /// `ec2:ReleaseAddress`.
    ReleaseAddress {
        /// The allocation.
        allocation_id: AllocationId,
    },
}

/// What a run knows of the addresses beyond what a listing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRun {
    /// Whether the addresses were read for as long as a listing lags behind since the role was seen.
    pub settled: bool,
}

pub(super) fn record(observed: &mut Observed, call: &AddressCall, answer: Answer) {
    match call {
        AddressCall::AllocateAddress { .. } => {
            let Answer::Address(address) = answer else { return };
            observed.run.unseen.insert(address.allocation_id.to_string());
            observed.addresses.push(address);
        }
        // An answer that does not fit changes nothing.
        _ if answer != Answer::Done => {}
        AddressCall::DisassociateAddress { association_id } => {
            for address in &mut observed.addresses {
                if address.association_id.as_ref() == Some(association_id) {
                    address.association_id = None;
                    address.instance_id = None;
                    address.interface_id = None;
                }
            }
        }
        AddressCall::ReleaseAddress { allocation_id } => {
            observed.run.unseen.remove(allocation_id.as_str());
            observed
                .addresses
                .retain(|address| address.allocation_id != *allocation_id);
            observed.run.gone.insert(allocation_id.to_string());
        }
    }
}

/// Adds tags to the address of this allocation.
pub(super) fn tag(observed: &mut Observed, allocation_id: &str, tags: &Tags) {
    for address in &mut observed.addresses {
        if address.allocation_id == allocation_id {
            address.tags.extend(tags.clone());
        }
    }
}

impl Observed {
    /// Puts a new reading of the addresses into the observed world.
    ///
    /// This and the readings of other resources keep what this run made and the reading does not show: a listing lags
    /// behind, and what is not in it would be made again.
    pub fn read_addresses(&mut self, addresses: Vec<Address>) {
        let key = |address: &Address| address.allocation_id.to_string();
        list(&mut self.addresses, addresses, &mut self.run.unseen, key);
    }
}
