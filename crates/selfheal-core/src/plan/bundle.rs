//! The bundle: written before a launch template's version names it, and kept for as long as there is the template.
//!
//! Each version names its bundle by its content, and each version may be launched from again; so that nothing of it is removed
//! before the template is, nor the instance's right to read it.

use std::collections::BTreeSet;
use std::sync::Arc;

use selfheal_userdata::{Bundle, may_need_bundle, unbundle};

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind};
use crate::desired::{self, tells_of_bundle};
use crate::world::{Action, BundleCall, DELETED_AT_ONCE};

/// The bundle that the spec needs; `None` also where the user data cannot be made, which is refused where they are.
fn wanted(builder: &Builder<'_>) -> Option<Arc<Bundle>> {
    let config = desired::placeholder_config(builder.spec);
    if !may_need_bundle(&config) {
        return None;
    }
    builder.memo.bundle(&config).ok().flatten()
}

/// Whether the instance is to read bundles: the spec needs one, or a version may name one.
pub(super) fn is_read(builder: &Builder<'_>) -> bool {
    let told = builder.observed.role_policy.as_ref().is_some_and(tells_of_bundle);
    told || wanted(builder).is_some()
}

/// Plans the bundle that the spec needs; answers what must be done before a version may name it.
pub(super) fn plan(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    let Some(bundle) = wanted(builder) else {
        return BTreeSet::new();
    };
    let path = format!("{}/{}", builder.names.bundle, bundle.digest());
    let below = format!("{path}/");
    let have = &builder.observed.bundles;
    let there = have.iter().filter(|(name, _)| name.starts_with(&below));
    // Another version of this program may have compressed it otherwise.
    if unbundle(bundle.digest(), there.map(|(_, value)| value.as_str())).is_some() {
        return BTreeSet::new();
    }
    let count = bundle.chunks().len();
    let mut needs = BTreeSet::new();
    for (place, chunk) in bundle.chunks().iter().enumerate() {
        let name = format!("{path}/{place:02}");
        let change = match builder.observed.bundles.get(&name) {
            Some(value) if value == chunk => continue,
            Some(_) => Change::Update,
            None => Change::Create,
        };
        let reason = format!("{} of {count} of what does not fit into user data", place + 1);
        let draft = Draft::new(StepKind::PutBundle, change, reason).target(name.clone());
        let value = chunk.clone();
        let action = Action::Bundle(BundleCall::PutParameter { name, value });
        needs.insert(builder.step(draft, Deferred::Known(action)));
    }
    needs
}

/// Deletes every bundle once the template is gone that names them; answers what must be done until they are.
pub(super) fn delete(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    let names: Vec<String> = builder.observed.bundles.keys().cloned().collect();
    let unnamed = match &builder.observed.launch_template {
        Some(_) => builder.planned(StepKind::DeleteLaunchTemplate),
        None => BTreeSet::new(),
    };
    let mut needs = BTreeSet::new();
    for names in names.chunks(DELETED_AT_ONCE) {
        let reason = "made by this stack, and nothing names them any more";
        let draft = Draft::new(StepKind::DeleteBundle, Change::Delete, reason)
            .target(names[0].clone())
            .removes("parts", names.len().to_string());
        let action = Action::Bundle(BundleCall::DeleteParameters { names: names.to_vec() });
        needs.insert(builder.step(draft, Deferred::Known(action).not_before(&unnamed)));
    }
    needs
}
