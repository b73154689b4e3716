//! What a planner has made before, to be made once a run and not once a plan.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selfheal_policy::{Document, ScopeError};
use selfheal_userdata::{BootConfig, Bundle, RenderError};

use crate::desired::Ids;
use crate::permissions;
use crate::spec::Spec;
use crate::world::UserDataText;

/// How many of a kind are kept: a run alternates between ids that it knows and stand-ins for them.
const KEPT: usize = 4;

/// What was made for one spec, each by everything else that it is made from. Nothing in it can become wrong.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    user_data: Mutex<Vec<(BootConfig, Rendered)>>,
    policies: Mutex<Vec<(Ids, (Document, usize))>>,
}

impl Memo {
    /// The user data of this configuration.
    pub(crate) fn user_data(&self, config: &BootConfig) -> Result<UserDataText, RenderError> {
        self.rendered(config).map(|rendered| rendered.text)
    }

    /// The bundle that the user data of this configuration name, where they need one.
    pub(crate) fn bundle(&self, config: &BootConfig) -> Result<Option<Arc<Bundle>>, RenderError> {
        self.rendered(config).map(|rendered| rendered.bundle)
    }

    fn rendered(&self, config: &BootConfig) -> Result<Rendered, RenderError> {
        recall(lock(&self.user_data), config, || {
            selfheal_userdata::render(config).map(|rendered| Rendered {
                text: UserDataText::from(&rendered),
                bundle: rendered.bundle().cloned(),
            })
        })
    }

    /// The policy of the instance's role, for the one spec that this memo serves, and its size.
    pub(crate) fn instance_policy(&self, spec: &Spec, ids: &Ids) -> Result<(Document, usize), ScopeError> {
        recall(lock(&self.policies), ids, || {
            let document = permissions::instance_policy(spec, ids)?;
            let size = document.size();
            Ok((document, size))
        })
    }
}

/// User data with the bundle that they name.
#[derive(Clone, Debug)]
struct Rendered {
    text: UserDataText,
    bundle: Option<Arc<Bundle>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked has left whole entries: one is put in only after it was made.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was made from this key before; made now and kept where it was not, in the place of the oldest.
fn recall<K: Clone + PartialEq, V: Clone, E>(
    mut known: MutexGuard<'_, Vec<(K, V)>>,
    key: &K,
    make: impl FnOnce() -> Result<V, E>,
) -> Result<V, E> {
    if let Some((_, value)) = known.iter().find(|(have, _)| have == key) {
        return Ok(value.clone());
    }
    let made = make()?;
    if known.len() >= KEPT {
        known.remove(0);
    }
    known.push((key.clone(), made.clone()));
    Ok(made)
}
