//! Listings, page by page.
//!
//! AWS cuts a page first and picks out what the filters ask for afterwards: a page may be empty and another one follow.
//! Each page is a call of its own, which may be throttled, lost or refused, and the world goes on between two of them.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::call::Call;
use super::runtime::Sim;
use super::world::World;
use crate::backend::CallResult;

/// One page of a listing: what it shows, and behind which key the next one begins where there is one.
pub(super) type Page<K, T> = (Vec<T>, Option<K>);

/// Cuts a page of at most `size` out of what exists behind a key, and shows of it what was asked for.
pub(super) fn cut<K: Ord + Clone, R, T>(
    records: &BTreeMap<K, R>,
    (after, size): (Option<K>, usize),
    exists: impl Fn(&R) -> bool,
    show: impl Fn(&R) -> Option<T>,
) -> Page<K, T> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut existing = records
        .range((from, Bound::Unbounded))
        .filter(|(_, record)| exists(record));
    let (mut shown, mut last) = (Vec::new(), None);
    for (key, record) in existing.by_ref().take(size) {
        last = Some(key);
        shown.extend(show(record));
    }
    let next = existing.next().and(last).cloned();
    (shown, next)
}

/// Cuts a page out of a list, whose keys are the places in it.
pub(super) fn cut_list<T: Clone>(list: &[T], (after, size): (Option<usize>, usize)) -> Page<usize, T> {
    let from = after.map_or(0, |place| place + 1).min(list.len());
    let to = from.saturating_add(size).min(list.len());
    (list[from..to].to_vec(), (to < list.len()).then(|| to - 1))
}

impl World {
    /// How many items a page of a listing has that AWS cuts after so many.
    pub(super) fn page_size(&self, largest: usize) -> usize {
        self.config.page_size.map_or(largest, |size| size.clamp(1, largest))
    }
}

impl Sim {
    /// Reads a listing to its end, one call a page. A page is given the key that it begins behind, and its size.
    pub(super) async fn listing<K, T, F>(&self, call: Call, largest: usize, page: F) -> CallResult<Vec<T>>
    where
        K: Send + 'static,
        T: Send + 'static,
        F: Fn(&mut World, (Option<K>, usize)) -> CallResult<Page<K, T>> + Clone + Send + 'static,
    {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let (page, begins) = (page.clone(), after.take());
            let (items, next) = self
                .call(call.clone(), move |world| {
                    let size = world.page_size(largest);
                    page(world, (begins, size))
                })
                .await?;
            found.extend(items);
            match next {
                Some(key) => after = Some(key),
                None => return Ok(found),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_what_exists_once_and_may_be_empty() {
        let records: BTreeMap<u32, u32> = (0..7).map(|n| (n, n)).collect();
        let exists = |n: &u32| *n != 3;
        let show = |n: &u32| (*n > 3).then_some(*n);
        let page = |after| cut(&records, (after, 2), exists, show);
        assert_eq!(page(None), (vec![], Some(1)));
        assert_eq!(page(Some(1)), (vec![4], Some(4)));
        assert_eq!(page(Some(4)), (vec![5, 6], None));
        assert_eq!(cut(&records, (None, 7), exists, show), (vec![4, 5, 6], None));
        assert_eq!(cut_list(&[1, 2, 3], (None, 2)), (vec![1, 2], Some(1)));
        assert_eq!(cut_list(&[1, 2, 3], (Some(1), 2)), (vec![3], None));
        assert_eq!(cut_list::<u8>(&[], (None, 2)), (vec![], None));
    }
}
