//! What a new version of the launch template changes in the scripts and files that the user wrote, line by line: of the user data
//! as a whole a plan tells a size and a hash.

use std::collections::BTreeMap;

use selfheal_userdata::{BootConfig, ReadError, read, read_with_bundle};
use similar::TextDiff;

use crate::names::Names;
use crate::spec::{Setup, Spec};
use crate::world::{LaunchTemplate, Observed};

/// Lines that are shown around each change, as `diff -u` does.
const CONTEXT_LINES: usize = 3;

/// Says how the user's scripts and files differ from those of the latest version of the launch template, as a unified diff of each;
/// nothing where there is no template yet, or it was rendered by another version of selfheal, whose scripts it does not know.
#[must_use]
pub fn script_changes(spec: &Spec, observed: &Observed) -> Vec<String> {
    let Some(template) = &observed.launch_template else {
        return Vec::new();
    };
    let Some(have) = launched(spec, template, observed) else {
        return Vec::new();
    };
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    let prepare = have.prepare.as_ref().map(|prepare| &prepare.script);
    for (what, have, want) in [
        ("app.prepare", prepare, &spec.app.prepare),
        ("app.setup", have.setup.as_ref(), &spec.app.setup),
    ] {
        if want.as_ref().is_some_and(Setup::is_unread) {
            continue;
        }
        before.extend(have.map(|script| (what, script.as_slice())));
        after.extend(want.as_ref().map(|want| (what, want.body.as_slice())));
    }
    // Where one was not read, nothing is known of any.
    if spec.app.files.iter().all(|file| file.content.is_some()) {
        before.extend(
            have.files
                .iter()
                .map(|file| (file.path.as_str(), file.content.as_slice())),
        );
        let wanted = spec.app.files.iter();
        after.extend(wanted.filter_map(|file| Some((file.path.as_str(), file.content.as_deref()?))));
    }
    let names = before.keys().chain(after.keys()).copied();
    let names: std::collections::BTreeSet<&str> = names.collect();
    names
        .into_iter()
        .filter(|what| before.get(what) != after.get(what))
        .map(|what| {
            difference(
                what,
                template.version,
                before.get(what).copied(),
                after.get(what).copied(),
            )
        })
        .collect()
}

/// The configuration that the latest version boots with.
fn launched(spec: &Spec, template: &LaunchTemplate, observed: &Observed) -> Option<BootConfig> {
    let script = template.data.user_data.script()?;
    match read(script) {
        Err(ReadError::Bundled { digest }) => {
            let path = format!("{}/{digest}/", Names::of(spec).bundle);
            let parts = observed.bundles.iter().filter(|(name, _)| name.starts_with(&path));
            let parts: Vec<&str> = parts.map(|(_, value)| value.as_str()).collect();
            read_with_bundle(script, &parts).ok()
        }
        told => told.ok(),
    }
}

fn difference(what: &str, version: u64, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let text = |bytes: Option<&[u8]>| std::str::from_utf8(bytes.unwrap_or_default()).map(str::to_owned);
    let (Ok(old), Ok(new)) = (text(before), text(after)) else {
        return format!("{what} differs, and is no text\n");
    };
    let header = |text: Option<&[u8]>, of: String| match text {
        Some(_) => format!("{what}, {of}"),
        None => format!("{what}, not there"),
    };
    TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(
            &header(before, format!("version {version}")),
            &header(after, "as the spec says".to_owned()),
        )
        .to_string()
}
