//! What is granted, by resource: the statements of every policy that speak of it stand beside each other in one file.
//!
//! Which request names which resources is in [`crate::requests`]; a test holds that every call of it is allowed whole.

mod account;
mod address;
mod application_check;
mod bundle;
mod group;
mod identity;
mod image;
mod instance;
mod key;
mod launch_template;
mod lifecycle;
mod logs;
mod network;
mod notify;
mod parameters;
mod record;
mod session_manager;
mod snapshot;
mod volume;

use super::collect::{Granted, InstanceGrants, OperatorGrants};
use crate::purpose::Purpose;
use crate::requests::Resource;

impl Resource {
    /// Grants what the instance may do with it.
    fn grant_instance(self, grants: &mut InstanceGrants<'_>) -> Granted {
        match self {
            Self::Address => address::instance(grants),
            Self::Volume => volume::instance(grants),
            Self::Group => group::instance(grants),
            Self::Key => key::instance(grants),
            Self::ApplicationCheck => application_check::instance(grants),
            Self::SessionManager => session_manager::instance(grants),
            Self::Parameters => parameters::instance(grants),
            Self::Logs => logs::instance(grants),
            Self::Notify => notify::instance(grants),
            Self::Bundle => bundle::instance(grants),
            Self::Record => record::instance(grants),
            Self::Image
            | Self::Instance
            | Self::Network
            | Self::LaunchTemplate
            | Self::Snapshot
            | Self::Lifecycle
            | Self::Identity
            | Self::Account => Ok(()),
        }
    }

    /// Grants what the operator may do with it by the command at hand.
    fn grant_operator(self, grants: &mut OperatorGrants<'_>) -> Granted {
        // Some commands are about few resources, and touch no others.
        let touches = match grants.purpose {
            Purpose::Sleep => matches!(self, Self::Group | Self::Account),
            Purpose::Replace => matches!(
                self,
                Self::Group | Self::Volume | Self::Address | Self::Record | Self::Account
            ),
            Purpose::Snapshot => matches!(
                self,
                Self::Group
                    | Self::LaunchTemplate
                    | Self::Volume
                    | Self::Snapshot
                    | Self::Key
                    | Self::Instance
                    | Self::Identity
                    | Self::Account
            ),
            Purpose::Restore => matches!(self, Self::Group | Self::Volume | Self::Snapshot | Self::Instance),
            Purpose::Drill | Purpose::DrillRestore => matches!(
                self,
                Self::Group
                    | Self::Volume
                    | Self::Address
                    | Self::Record
                    | Self::Snapshot
                    | Self::Key
                    | Self::Instance
                    | Self::Account
            ),
            Purpose::Request => matches!(self, Self::Group | Self::Instance | Self::Account),
            Purpose::Config => matches!(self, Self::Group | Self::Parameters),
            Purpose::Logs => matches!(self, Self::Instance | Self::Logs),
            Purpose::Notify => matches!(self, Self::Account | Self::Notify),
            Purpose::Init => matches!(self, Self::Account),
            Purpose::Doctor => matches!(self, Self::Account | Self::Instance | Self::Record),
            Purpose::Shell | Purpose::Forward | Purpose::Run => {
                matches!(self, Self::Group | Self::Account | Self::SessionManager)
            }
            Purpose::Plan | Purpose::Apply | Purpose::Status | Purpose::Destroy | Purpose::Resume => true,
        };
        if !touches {
            return Ok(());
        }
        match self {
            Self::Address => address::operator(grants),
            Self::Volume => volume::operator(grants),
            Self::Image => image::operator(grants),
            Self::Instance => instance::operator(grants),
            Self::Network => network::operator(grants),
            Self::LaunchTemplate => launch_template::operator(grants),
            Self::Group => group::operator(grants),
            Self::Snapshot => snapshot::operator(grants),
            Self::Lifecycle => lifecycle::operator(grants),
            Self::Key => key::operator(grants),
            Self::ApplicationCheck => application_check::operator(grants),
            Self::Identity => identity::operator(grants),
            Self::Record => record::operator(grants),
            Self::Account => account::operator(grants),
            Self::Logs => logs::operator(grants),
            Self::Notify => notify::operator(grants),
            Self::Bundle => bundle::operator(grants),
            Self::Parameters => parameters::operator(grants),
            Self::SessionManager => session_manager::operator(grants),
        }
    }
}

/// Grants all that the instance may do.
pub(crate) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    Resource::ALL
        .iter()
        .try_for_each(|resource| resource.grant_instance(grants))
}

/// Grants all that the operator may do by the command at hand.
pub(crate) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    Resource::ALL
        .iter()
        .try_for_each(|resource| resource.grant_operator(grants))
}
