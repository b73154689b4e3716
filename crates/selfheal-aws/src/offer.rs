//! What an account has to offer to a first spec, asked all at once.

use futures::future::{join, join5, try_join_all};
use selfheal_core::init::{Draft, InstanceLikeness, Offered, TYPES};
use selfheal_core::world::{InstanceId, Volume};

use crate::backend::{Aws, CallResult};
use crate::control::Control;
use crate::error::{CallError, CallErrorKind};
use crate::retry::{Repeat, retry};

/// Asks what the account has: Regions, types, zones, addresses and volumes.
///
/// Guarantees that nothing is changed. What may not be read is left out, and told as a clause each.
///
/// # Errors
/// Who asks is not known, as without credentials: then nothing else is asked.
pub async fn offered(aws: &dyn Aws, ctl: &Control<'_>) -> CallResult<(Offered, Vec<String>)> {
    let identity = retry(ctl, Repeat::Read, || aws.caller_identity()).await?;
    let (regions, types, zones, addresses, volumes) = join5(
        retry(ctl, Repeat::Read, || aws.regions()),
        types(aws, ctl),
        retry(ctl, Repeat::Read, || aws.public_zones()),
        retry(ctl, Repeat::Read, || aws.describe_addresses()),
        retry(ctl, Repeat::Read, || aws.unused_volumes()),
    )
    .await;
    let mut unread = Vec::new();
    let offered = Offered {
        account: Some(identity.account),
        regions: known(regions, "Regions", &mut unread),
        types: known(types, "instance types", &mut unread),
        zones: known(zones, "hosted zones", &mut unread),
        addresses: known(addresses, "addresses", &mut unread),
        volumes: known(volumes, "volumes", &mut unread),
    };
    Ok((offered, unread))
}

/// Makes a draft like an instance that exists; `None` where there is none.
///
/// # Errors
/// It cannot be read, or one of its volumes.
pub async fn draft_like(
    aws: &dyn Aws,
    draft: Draft,
    instance_id: &InstanceId,
    offered: &Offered,
    ctl: &Control<'_>,
) -> CallResult<Option<(Draft, InstanceLikeness)>> {
    let (found, volumes) = join(
        retry(ctl, Repeat::Read, || aws.describe_likeness(instance_id)),
        retry(ctl, Repeat::Read, || aws.describe_attached_volumes(instance_id)),
    )
    .await;
    let volumes: Vec<Volume> = volumes?;
    Ok(found?.map(|it| (draft.like(&it, &volumes, &offered.addresses), it)))
}

/// Those of the types that the Region offers, in the order in which they are offered.
async fn types(aws: &dyn Aws, ctl: &Control<'_>) -> CallResult<Vec<String>> {
    let asked = TYPES.map(|name| async move {
        let zones = retry(ctl, Repeat::Read, || aws.describe_type_zones(name)).await?;
        Ok::<_, CallError>((!zones.is_empty()).then(|| name.to_owned()))
    });
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

fn known<T>(answer: CallResult<Vec<T>>, what: &str, unread: &mut Vec<String>) -> Vec<T> {
    answer.unwrap_or_else(|error| {
        unread.push(match error.kind() {
            CallErrorKind::Denied => format!(
                "{what} are not offered: AWS denies {}",
                error.missing_actions().join(" or ")
            ),
            _ => format!("{what} are not offered: {error}"),
        });
        Vec::new()
    })
}
