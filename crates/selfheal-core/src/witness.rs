//! Who else knows what a stack owns, beside the tags of the resources.
//!
//! A listing by tags may be short: tags are removed by hand, listings lag, an answer is cut. What a stack holds its data
//! and its address in is therefore also looked for where it is written down, in the role's policy and in the user data of
//! the launch template, and where it is in use, at the group's instances. What one of them names and the listing does not
//! show is read by its id, before anything is planned on its absence.

use std::collections::BTreeSet;

use selfheal_policy::ResourceSet;

use crate::names::{Names, ResourceKind};
use crate::spec::Spec;
use crate::world::{
    AllocationId, InstanceId, Observed, PolicyText, UserDataText, Volume, VolumeId, VolumeModification, VolumeState,
};

/// What has to be read beyond the listings before a plan may be made. Empty for a stack that is as it was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread {
    /// Volumes, by id.
    pub volumes: BTreeSet<VolumeId>,
    /// Elastic IPs, by allocation id.
    pub addresses: BTreeSet<AllocationId>,
    /// Instances whose attached volumes have to be read.
    pub attached_to: BTreeSet<InstanceId>,
    /// Volumes whose last modification has to be read.
    pub modifications: BTreeSet<VolumeId>,
}

impl Unread {
    /// Whether everything that matters was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.volumes.is_empty()
            && self.addresses.is_empty()
            && self.attached_to.is_empty()
            && self.modifications.is_empty()
    }
}

/// What was read because [`Unread`] asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A volume, or that AWS says that there is none of this id.
    Volume(VolumeId, Option<Box<Volume>>),
    /// An Elastic IP, likewise.
    Address(AllocationId, Option<crate::world::Address>),
    /// The volumes that are attached to an instance.
    Attached(InstanceId, Vec<Volume>),
    /// The last modification of a volume, if it ever was modified.
    Modification(VolumeId, Option<VolumeModification>),
}

/// Says what has to be read beyond the listings.
#[must_use]
pub fn unread(spec: &Spec, observed: &Observed) -> Unread {
    unread_of(spec, observed, &named(observed))
}

/// The same, where it is known already what the policy and the launch template name.
pub(crate) fn unread_of(spec: &Spec, observed: &Observed, named: &Named) -> Unread {
    let listed = |id: &VolumeId| observed.volumes.iter().any(|volume| volume.id == *id);
    let known = |id: &VolumeId| listed(id) || observed.run.gone.contains(id.as_str());
    let asked = spec.data.as_ref().and_then(|data| data.volume.clone());
    let missed = observed.run.volumes.missed.iter().cloned();
    let volumes = named.volumes.iter().cloned().chain(asked).chain(missed);
    let has_address = |id: &AllocationId| observed.addresses.iter().any(|address| address.allocation_id == *id);
    Unread {
        volumes: volumes.filter(|id| !known(id)).collect(),
        addresses: named
            .addresses
            .iter()
            .filter(|id| !has_address(id) && !observed.run.gone.contains(id.as_str()))
            .cloned()
            .collect(),
        attached_to: unnamed_holders(spec, observed, named)
            .into_iter()
            .filter(|id| !observed.run.volumes.attachments_read.contains(id))
            .collect(),
        modifications: modifications(spec, observed),
    }
}

/// The instances whose attachments are the last witness: nothing bears the stack's tags, and nothing that could name a
/// volume can be read.
fn unnamed_holders(spec: &Spec, observed: &Observed, named: &Named) -> BTreeSet<InstanceId> {
    let nothing_is_known = spec.data.is_some() && !named.tells && data_volumes(spec, observed).next().is_none();
    let instances = observed.group.iter().flat_map(|group| &group.instances);
    if nothing_is_known {
        instances.map(|instance| instance.id.clone()).collect()
    } else {
        BTreeSet::new()
    }
}

/// The volumes that bear the stack's tags as its data volume: root volumes come and go with their instances.
fn data_volumes<'a>(spec: &Spec, observed: &'a Observed) -> impl Iterator<Item = &'a Volume> + use<'a> {
    let names = Names::new(&spec.name, &spec.region);
    let volumes = observed.volumes.iter().filter(|volume| is_there(volume));
    volumes.filter(move |volume| names.owns(&volume.tags, ResourceKind::Volume))
}

/// The volumes that differ from the spec in what a modification changes: one may be under way.
fn modifications(spec: &Spec, observed: &Observed) -> BTreeSet<VolumeId> {
    let Some(data) = &spec.data else { return BTreeSet::new() };
    let differs = |volume: &&Volume| {
        let other = |want: Option<u32>, have: Option<u32>| want.is_some() && want != have;
        data.size_gib != volume.size_gib
            || data.volume_type.to_string() != volume.volume_type
            || other(data.iops, volume.iops)
            || other(data.throughput_mibps, volume.throughput_mibps)
    };
    data_volumes(spec, observed)
        .filter(differs)
        .map(|volume| volume.id.clone())
        .filter(|id| !observed.modifications.contains_key(id))
        .collect()
}

/// What the role's policy and the launch template name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Volumes.
    pub(crate) volumes: BTreeSet<VolumeId>,
    /// Elastic IPs.
    pub(crate) addresses: BTreeSet<AllocationId>,
    /// Whether either could be read: it then also tells that there is none.
    pub(crate) tells: bool,
}

/// Finds what the role's policy and the latest version of the launch template name. What this run has seen to be dead
/// counts as not named.
pub(crate) fn named(observed: &Observed) -> Named {
    let mut named = Named::default();
    let document = observed.role_policy.as_ref().and_then(PolicyText::document);
    if let Some(document) = document {
        named.tells = true;
        for statement in &document.statements {
            let patterns = statement
                .target
                .resources()
                .map(ResourceSet::patterns)
                .unwrap_or_default();
            for pattern in patterns {
                named.take(pattern.as_str().rsplit([':', '/']).next().unwrap_or_default());
            }
        }
    }
    let user_data = observed
        .launch_template
        .as_ref()
        .map(|template| &template.data.user_data);
    if let Some(settings) = user_data.and_then(UserDataText::settings) {
        named.tells = true;
        for value in ["volume_id", "allocation_id"]
            .iter()
            .filter_map(|name| settings.get(*name))
        {
            named.take(&String::from_utf8_lossy(value));
        }
    }
    named.volumes.retain(|id| !observed.run.volumes.vanished.contains(id));
    named
}

impl Named {
    fn take(&mut self, id: &str) {
        let is_id = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if id.strip_prefix("vol-").is_some_and(is_id) {
            self.volumes.insert(id.into());
        } else if id.strip_prefix("eipalloc-").is_some_and(is_id) {
            self.addresses.insert(id.into());
        }
    }
}

/// Whether a volume exists and is not on its way out.
pub(crate) fn is_there(volume: &Volume) -> bool {
    !matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted)
}

/// Whether an instance is one of the group's.
pub(crate) fn is_of_group(observed: &Observed, instance: &InstanceId) -> bool {
    let instances = observed.group.iter().flat_map(|group| &group.instances);
    instances.into_iter().any(|member| member.id == *instance)
}

impl Observed {
    /// Puts what was read by its id into the observed world.
    pub fn found(&mut self, found: Found) {
        match found {
            Found::Volume(id, volume) => {
                self.run.volumes.missed.remove(&id);
                self.volumes.retain(|have| have.id != id);
                match volume {
                    Some(volume) => self.volumes.push(*volume),
                    None => drop(self.run.gone.insert(id.into())),
                }
            }
            Found::Address(id, address) => {
                self.addresses.retain(|have| have.allocation_id != id);
                match address {
                    Some(address) => self.addresses.push(address),
                    None => drop(self.run.gone.insert(id.into())),
                }
            }
            Found::Attached(instance, volumes) => {
                self.run.volumes.attachments_read.insert(instance);
                for volume in volumes {
                    if self.volumes.iter().all(|have| have.id != volume.id) {
                        self.volumes.push(volume);
                    }
                }
            }
            Found::Modification(id, modification) => drop(self.modifications.insert(id, modification)),
        }
    }
}
