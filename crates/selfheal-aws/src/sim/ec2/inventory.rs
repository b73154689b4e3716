//! What the simulated account has, before there is a stack in it.

use async_trait::async_trait;
use selfheal_core::init::InstanceLikeness;
use selfheal_core::world::{HostedZone, InstanceId, InstanceState, MixedPolicy, Volume, VolumeState};

use super::super::call::Call;
use super::super::pages::cut;
use super::super::runtime::Sim;
use super::super::state::{InstanceRecord, VolumeRecord, ZoneRecord};
use super::super::world::World;
use super::PAGE_ASKED;
use crate::backend::{CallResult, Inventory};

/// Hosted zones on a page.
///
/// Source: Route 53 API reference, `ListHostedZones`.
const ZONES_PAGE: usize = 100;

impl World {
    /// What a stack would need to be like this instance.
    fn likeness(&self, id: &InstanceId) -> Option<InstanceLikeness> {
        let gone = |it: &&InstanceRecord| it.state != InstanceState::Terminated;
        let it = self
            .instances
            .get(id)
            .filter(|it| self.sees(it.visible_ms))
            .filter(gone)?;
        let group = it.group.as_ref().and_then(|name| self.groups.get(name));
        let mixed = group.and_then(|record| record.settings.mixed.as_ref());
        let root = &it.data.root.device;
        let held = |record: &&VolumeRecord| {
            record
                .volume
                .attachment
                .as_ref()
                .is_some_and(|at| at.instance_id == *id)
        };
        let attached = self.volumes.values().filter(held);
        let volumes = attached.filter_map(|record| Some((record.device.clone()?, record.volume.id.clone())));
        Some(InstanceLikeness {
            id: it.id.clone(),
            name: it.tags.get("Name").cloned(),
            instance_type: it.data.instance_type.clone(),
            image_id: it.data.image_id.clone(),
            subnet_id: Some(it.subnet_id.clone()),
            security_groups: it.data.security_groups.clone(),
            root_device: Some(root.clone()),
            volumes: volumes.collect(),
            spot: mixed.is_some_and(MixedPolicy::is_spot),
        })
    }
}

#[async_trait]
impl Inventory for Sim {
    async fn regions(&self) -> CallResult<Vec<String>> {
        self.call(Call::read("ec2:DescribeRegions"), |world| {
            Ok(vec![world.config.region.clone()])
        })
        .await
    }

    async fn unused_volumes(&self) -> CallResult<Vec<Volume>> {
        self.listing(Call::read("ec2:DescribeVolumes"), PAGE_ASKED, |world, page| {
            Ok(world.page_of_volumes(page, |volume| volume.state == VolumeState::Available))
        })
        .await
    }

    async fn describe_likeness(&self, instance_id: &InstanceId) -> CallResult<Option<InstanceLikeness>> {
        let call = Call::read("ec2:DescribeInstances").about(instance_id.as_str());
        let id = instance_id.clone();
        self.call(call, move |world| Ok(world.likeness(&id))).await
    }

    async fn public_zones(&self) -> CallResult<Vec<HostedZone>> {
        let call = Call::read("route53:ListHostedZones");
        let found = self.listing(call, ZONES_PAGE, |world, page| {
            Ok(cut(
                &world.zones,
                page,
                |_: &ZoneRecord| true,
                |zone| {
                    (!zone.private).then(|| HostedZone {
                        id: zone.id.clone(),
                        name: zone.name.clone(),
                        private: zone.private,
                    })
                },
            ))
        });
        let mut zones = found.await?;
        zones.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(zones)
    }
}
