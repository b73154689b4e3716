//! Who a machine of the lab is.

use selfheal_core::world::InstanceId;
use std::net::Ipv4Addr;

/// An instance's id and addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The instance's id, which is also the name of everything that belongs to the machine.
    pub instance: InstanceId,
    /// Its number in the lab, from 2, the last byte of its addresses.
    pub number: u8,
}

impl Identity {
    /// The private address.
    pub fn ip(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, self.number)
    }

    /// The hardware address.
    pub fn mac(&self) -> String {
        format!("02:00:00:00:00:{:02x}", self.number)
    }

    /// The name of a network namespace of its own.
    pub fn namespace(&self) -> String {
        format!("m{}", self.number)
    }

    /// The name of the interface in the lab that leads to it.
    pub fn interface(&self) -> String {
        format!("port{}", self.number)
    }

    /// The UUID by which cloud-init recognises EC2.
    pub fn uuid(&self) -> String {
        format!("ec2f1b2c-0000-4000-8000-{:0>12}", self.number)
    }
}
