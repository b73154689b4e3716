//! A machine of the lab, of either kind: namespaces with a systemd of their own, or a virtual machine.

use std::path::PathBuf;

use super::config::LabConfig;
use super::disk::{Disk, Loop};
use super::identity::Identity;
use super::machine::Machine;
use super::vm::Vm;
use crate::error::{TaskError, TaskResult};

/// A machine, off or running.
#[derive(Debug)]
pub enum Host {
    /// Namespaces on the lab's own kernel.
    Namespaces(Box<Machine>),
    /// A virtual machine with a kernel of its own.
    Virtual(Box<Vm>),
}

impl Host {
    /// Prepares a machine of the kind that this lab has; nothing runs yet.
    pub fn prepare(config: &LabConfig, identity: Identity) -> TaskResult<Self> {
        match &config.image {
            None => Ok(Self::Namespaces(Box::new(Machine::prepare(config, identity)?))),
            Some(image) => Ok(Self::Virtual(Box::new(Vm::prepare(config, image, identity)?))),
        }
    }

    /// The machine, where it is one in namespaces: only there the lab sees its files and runs commands in it.
    pub fn machine(&mut self) -> TaskResult<&mut Machine> {
        match self {
            Self::Namespaces(machine) => Ok(machine),
            Self::Virtual(vm) => Err(TaskError::failed(format!(
                "{} is a virtual machine: nobody sees into it",
                vm.identity().instance
            ))),
        }
    }

    /// The machine, where it is a virtual machine.
    pub fn vm(&mut self) -> TaskResult<&mut Vm> {
        match self {
            Self::Namespaces(machine) => Err(TaskError::failed(format!(
                "{} is no virtual machine",
                machine.identity().instance
            ))),
            Self::Virtual(vm) => Ok(vm),
        }
    }

    /// Who it is.
    pub const fn identity(&self) -> &Identity {
        match self {
            Self::Namespaces(machine) => machine.identity(),
            Self::Virtual(vm) => vm.identity(),
        }
    }

    /// The log of its console.
    pub fn console(&self) -> PathBuf {
        match self {
            Self::Namespaces(machine) => machine.console(),
            Self::Virtual(vm) => vm.console(),
        }
    }

    /// Switches it on.
    pub fn power_on(&mut self) -> TaskResult<()> {
        match self {
            Self::Namespaces(machine) => machine.power_on(),
            Self::Virtual(vm) => vm.power_on(),
        }
    }

    /// Presses the power button; what follows is the machine's affair.
    pub fn press_power(&mut self) -> TaskResult<()> {
        match self {
            Self::Namespaces(machine) => machine.press_power(),
            Self::Virtual(vm) => vm.press_power(),
        }
    }

    /// Ends it at once. What it had written and not flushed may still reach its volumes.
    pub fn kill(&mut self) -> TaskResult<()> {
        match self {
            Self::Namespaces(machine) => machine.kill(),
            Self::Virtual(vm) => vm.kill(),
        }
    }

    /// Cuts the power: what it had not written to these volumes, which are all that it has, is lost.
    pub fn cut_power<'a>(&mut self, volumes: impl Iterator<Item = &'a mut Disk>) -> TaskResult<()> {
        match self {
            Self::Namespaces(machine) => machine.cut_power(volumes),
            // Its page cache is its own and ends with it.
            Self::Virtual(vm) => vm.kill(),
        }
    }

    /// Shows a volume as an NVMe device with the volume's id as its serial, through the loop device that was made
    /// beforehand if there is one.
    pub fn plug(&mut self, volume: &str, disk: &Disk, spare: Option<Loop>) -> TaskResult<()> {
        match self {
            Self::Namespaces(machine) => machine.plug(volume, spare.map_or_else(|| disk.attach(), Ok)?),
            Self::Virtual(vm) => vm.plug(volume, disk),
        }
    }

    /// Takes a volume's device away.
    pub fn unplug_disk(&mut self, volume: &str) -> TaskResult<()> {
        match self {
            Self::Namespaces(machine) => machine.unplug_disk(volume),
            Self::Virtual(vm) => vm.unplug_disk(volume),
        }
    }

    /// Whether it has this volume mounted. Of a virtual machine nobody can tell; there QEMU's lock on the volume's file
    /// keeps a second one from having it at all.
    pub fn has_mounted(&self, volume: &str) -> bool {
        match self {
            Self::Namespaces(machine) => machine.has_mounted(volume),
            Self::Virtual(_) => false,
        }
    }
}
