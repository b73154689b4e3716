//! The record sets at many names of one zone, in few pages.

use std::collections::{BTreeMap, BTreeSet};

use selfheal_core::world::{HostedZoneId, RecordSet};

use crate::backend::{Aws, CallResult, RecordPage};
use crate::control::Control;
use crate::retry::{Repeat, retry};

/// Record sets by the name that was asked for; empty where there are none at it.
pub(super) type RecordsByName = BTreeMap<String, Vec<RecordSet>>;

/// Reads the record sets at these names.
///
/// A page begins at a name and goes on to what stands behind it, so that it may tell of other names as well. What a page
/// does not show of them says nothing: nothing here rests on the order of names, so that none is taken for free that is
/// not. A name has no record sets only where a page that begins with it shows none.
pub(super) async fn read(
    aws: &dyn Aws,
    zone_id: &HostedZoneId,
    names: BTreeSet<String>,
    ctl: &Control<'_>,
) -> CallResult<RecordsByName> {
    let mut found = RecordsByName::new();
    // In the order of Route 53, so that a page tells of as many as it can.
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort_by_cached_key(|name| name.rsplit('.').map(str::to_owned).collect::<Vec<_>>());
    for name in &names {
        if found.contains_key(name) {
            continue;
        }
        let page = retry(ctl, Repeat::ReadDns, || aws.list_record_page(zone_id, name)).await?;
        let mut told = complete(&page);
        let runs_on = page.more && page.records.iter().all(|record| record.name == *name) && !page.records.is_empty();
        let own = if runs_on {
            retry(ctl, Repeat::ReadDns, || aws.list_records(zone_id, name)).await?
        } else {
            told.remove(name).unwrap_or_default()
        };
        found.insert(name.clone(), own);
        let others = told.into_iter().filter(|(name, _)| names.contains(name));
        found.extend(others);
    }
    Ok(found)
}

/// The names of a page that are told to their end: all but the last one where others follow.
fn complete(page: &RecordPage) -> RecordsByName {
    let mut told = RecordsByName::new();
    let last = page.records.last().filter(|_| page.more).map(|record| &record.name);
    for record in page.records.iter().filter(|record| Some(&record.name) != last) {
        told.entry(record.name.clone()).or_default().push(record.clone());
    }
    told
}
