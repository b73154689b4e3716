//! The filesystem follows its volume, at a boot and while the app runs.

use selfheal_core::names::{TAG_GROWN, Tags};
use selfheal_core::world::{InstanceId, VolumeId};

use super::super::call::Caller;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootPhase, Content};
use super::super::world::World;

/// From a device that has grown to the look of whoever watches it.
const LOOK: Range = Range::new(0, 10_000);

/// What the group's tag says of a filesystem of this size.
pub(super) fn grown(volume: &VolumeId, size_gib: u32) -> String {
    format!("{volume} {size_gib} GiB")
}

impl World {
    /// A volume has its new size: the instance that has it mounted looks before long.
    pub(in crate::sim) fn device_has_grown(&mut self, volume: &VolumeId) {
        let mounts = |id: &&InstanceId| {
            let instance = &self.instances[*id];
            instance.mounted.as_ref() == Some(volume) && instance.boot.phase == BootPhase::Ready
        };
        if let Some(id) = self.instances.keys().find(mounts).cloned() {
            self.wake_watch(&id, LOOK);
        }
    }

    /// Grows the filesystem to its volume, and notes it in the group's tag where it was smaller. Answers the reason for which
    /// that is still to be noted.
    pub(super) fn follow_size(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig) -> Option<String> {
        let volume = config.volume.as_ref().filter(|volume| self.has_device(id, volume))?;
        let record = self.volumes.get_mut(volume)?;
        let size = record.volume.size_gib;
        if let Content::Filesystem { size_gib, .. } = &mut record.content
            && *size_gib < size
        {
            *size_gib = size;
            self.instances.get_mut(id)?.boot.grown = Some(grown(volume, size));
        }
        let note = self.instances.get(id)?.boot.grown.clone()?;
        let tags = Tags::from([(TAG_GROWN.to_owned(), note)]);
        match self.api_set_group_tags(me, &config.group, &tags) {
            Ok(()) => {
                self.instances.get_mut(id)?.boot.grown = None;
                None
            }
            Err(error) => {
                self.say(id, format!("could not note the size of the filesystem: {error}"));
                Some(error.to_string())
            }
        }
    }
}
