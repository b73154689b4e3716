//! What a resource was before its last change, for reads that go back in time.

use selfheal_core::world::{AssociationId, Attachment, InstanceId, VolumeState};
use serde::{Deserialize, Serialize};

/// What a stale read still shows of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sim) struct Past {
    /// When it changed last, in logical milliseconds.
    pub(in crate::sim) changed_ms: u64,
    /// What it was before.
    pub(in crate::sim) shown: Shown,
}

/// The part of a resource that a stale read shows as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sim) enum Shown {
    Address {
        association_id: Option<AssociationId>,
        instance_id: Option<InstanceId>,
    },
    Volume {
        state: VolumeState,
        attachment: Option<Attachment>,
    },
}
