//! Reads of one thing by its id, which tell what is gone from what a listing merely does not show.

use selfheal_core::world::{Address, Volume, VolumeModification};

use super::super::Sdk;
use super::super::error::{absent, failed};
use super::{PAGE, filter, read};
use crate::backend::CallResult;
use crate::error::{CallError, CallErrorKind};

/// The one thing that an answer about an id must hold; `None` where AWS said that there is none.
///
/// An answer without it says neither: an empty list is also what a body that was cut short is read as.
fn the_one<T>(found: Option<Option<T>>, action: &'static str, id: &str) -> CallResult<Option<T>> {
    match found {
        None => Ok(None),
        Some(Some(one)) => Ok(Some(one)),
        Some(None) => {
            let message = "the answer neither holds it nor says that it does not exist";
            Err(CallError::new(CallErrorKind::Ambiguous, action, message).about(id))
        }
    }
}

pub(super) async fn volume(sdk: &Sdk, id: &str) -> CallResult<Option<Volume>> {
    const ACTION: &str = "ec2:DescribeVolumes";
    let call = sdk.clients.ec2.describe_volumes().volume_ids(id);
    let output = absent(call.send().await.map_err(failed(ACTION, Some(id))))?;
    let volumes = output.map(|output| output.volumes.unwrap_or_default());
    let found = volumes.map(|volumes| {
        volumes
            .into_iter()
            .find(|volume| volume.volume_id.as_deref() == Some(id))
    });
    let found = the_one(found, ACTION, id)?;
    found.map(|volume| read::volume(volume, ACTION)).transpose()
}

pub(super) async fn attached_volumes(sdk: &Sdk, instance_id: &str) -> CallResult<Vec<Volume>> {
    const ACTION: &str = "ec2:DescribeVolumes";
    let by_instance = filter("attachment.instance-id", instance_id);
    let call = sdk.clients.ec2.describe_volumes().filters(by_instance);
    let pages = call.into_paginator().page_size(PAGE).items().send();
    let volumes = pages.collect::<Result<Vec<_>, _>>().await;
    let volumes = volumes.map_err(failed(ACTION, Some(instance_id)))?;
    volumes.into_iter().map(|volume| read::volume(volume, ACTION)).collect()
}

/// By filter: asked by the id, AWS answers with an error where the volume never was modified.
pub(super) async fn volume_modification(sdk: &Sdk, volume_id: &str) -> CallResult<Option<VolumeModification>> {
    const ACTION: &str = "ec2:DescribeVolumesModifications";
    let call = sdk.clients.ec2.describe_volumes_modifications();
    let call = call.filters(filter("volume-id", volume_id));
    let Some(output) = absent(call.send().await.map_err(failed(ACTION, Some(volume_id))))? else {
        return Ok(None);
    };
    let of_volume = output.volumes_modifications.unwrap_or_default().into_iter();
    let all = of_volume.filter(|it| it.volume_id.as_deref() == Some(volume_id));
    Ok(all.map(read::modification).max_by_key(|it| it.started_at))
}

pub(super) async fn address(sdk: &Sdk, allocation_id: &str) -> CallResult<Option<Address>> {
    const ACTION: &str = "ec2:DescribeAddresses";
    let call = sdk.clients.ec2.describe_addresses().allocation_ids(allocation_id);
    let output = absent(call.send().await.map_err(failed(ACTION, Some(allocation_id))))?;
    let addresses = output.map(|output| output.addresses.unwrap_or_default().into_iter());
    let found = addresses.map(|addresses| {
        let mut read = addresses.filter_map(read::address);
        read.find(|address| address.allocation_id == allocation_id)
    });
    the_one(found, ACTION, allocation_id)
}
