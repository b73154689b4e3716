//! Reads that go back in time: what an attachment or an association was before its last change.
//!
//! DescribeVolumes has been seen without an attachment that was just made (kubernetes#85675), and DescribeAddresses without
//! an association that had succeeded (provider-aws#35113).

use selfheal_core::world::{Address, Volume};

use super::super::state::{Past, Shown};
use super::super::world::World;

impl World {
    /// Keeps what an address or a volume is, just before that changes.
    pub(in crate::sim) fn keep_past(&mut self, id: &str) {
        let shown = if let Some(record) = self.addresses.get(id) {
            Shown::Address {
                association_id: record.address.association_id.clone(),
                instance_id: record.address.instance_id.clone(),
            }
        } else if let Some(record) = self.volumes.get(id) {
            Shown::Volume {
                state: record.volume.state.clone(),
                attachment: record.volume.attachment.clone(),
            }
        } else {
            return;
        };
        let changed_ms = self.now_ms;
        self.pasts.insert(id.to_owned(), Past { changed_ms, shown });
    }

    /// The past of a resource, where the current read is stale and its last change more recent than that.
    fn past(&self, id: &str) -> Option<&Shown> {
        let past = self.pasts.get(id)?;
        (past.changed_ms + self.stale_ms > self.now_ms).then_some(&past.shown)
    }

    /// An address as the current read shows it.
    pub(super) fn read_address(&self, address: &Address) -> Address {
        let mut read = address.clone();
        if let Some(Shown::Address {
            association_id,
            instance_id,
        }) = self.past(address.allocation_id.as_str())
        {
            read.association_id.clone_from(association_id);
            read.instance_id.clone_from(instance_id);
        }
        read
    }

    /// A volume as the current read shows it.
    pub(super) fn read_volume(&self, volume: &Volume) -> Volume {
        let mut read = volume.clone();
        if let Some(Shown::Volume { state, attachment }) = self.past(volume.id.as_str()) {
            read.state.clone_from(state);
            read.attachment.clone_from(attachment);
        }
        read
    }
}
