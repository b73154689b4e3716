//! What every choice rests on.

use std::cell::OnceCell;

use crate::names::Names;
use crate::spec::Spec;
use crate::witness::{Named, named};
use crate::world::Observed;

/// A stack as a person wants it and as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Stack<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) observed: &'a Observed,
    pub(crate) names: Names,
    /// Whether a person asked for a new, empty data volume in the place of one that is gone.
    pub(crate) new_volume: bool,
    /// The zone in which the data volume is to be, where that is not the one in which it is.
    pub(crate) zone: Option<String>,
    named: OnceCell<Named>,
}

impl<'a> Stack<'a> {
    pub(crate) fn new(spec: &'a Spec, observed: &'a Observed) -> Self {
        Self {
            spec,
            observed,
            names: Names::of(spec),
            new_volume: false,
            zone: None,
            named: OnceCell::new(),
        }
    }

    /// What the role's policy and the launch template name.
    pub(crate) fn named(&self) -> &Named {
        self.named.get_or_init(|| named(self.observed))
    }
}
