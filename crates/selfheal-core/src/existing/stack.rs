//! What every choice rests on.

use crate::names::Names;
use crate::spec::Spec;
use crate::world::Observed;

/// A stack as a person wants it and as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Stack<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) observed: &'a Observed,
    pub(crate) names: Names,
    /// Whether a person asked for a new, empty data volume in the place of one that is gone.
    pub(crate) new_volume: bool,
}

impl<'a> Stack<'a> {
    pub(crate) fn new(spec: &'a Spec, observed: &'a Observed) -> Self {
        Self {
            spec,
            observed,
            names: Names::of(spec),
            new_volume: false,
        }
    }
}
