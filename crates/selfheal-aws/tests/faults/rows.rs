//! The rows: the catalogue of faults, in its order, a file a part.

mod boots;
mod calls;
mod instances;
mod runs;

use crate::Row;

/// Every fault of the catalogue.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [calls::ROWS, runs::ROWS, instances::ROWS, boots::ROWS]
        .into_iter()
        .flatten()
}
