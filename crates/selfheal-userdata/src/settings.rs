//! The settings of the boot program, read out of user data by their names.

use std::collections::BTreeMap;

use crate::render::CONFIG_PATH;
use crate::word::Words;

/// Settings of a boot program: each name with its value, as bash would read them. Lists, such as the tools, are left out.
pub type Settings = BTreeMap<String, Vec<u8>>;

/// Reads the settings out of a script that [`render`](crate::render) made, in this version or in an earlier one. The script
/// is in clear, as [`decode`](crate::decode) gives it.
///
/// Gives `None` for anything else: it never guesses. [`read`](crate::read) gives the whole configuration in types, but of
/// this version's scripts alone.
///
/// ```
/// use selfheal_userdata::settings;
///
/// let script = b"\nput 0600 /etc/selfheal/config 'volume_id=vol-1\nmount_path=/srv\n'\n";
/// assert_eq!(settings(script).unwrap()["volume_id"], b"vol-1");
/// assert_eq!(settings(b"#!/bin/sh\nvolume_id=vol-1\n"), None);
/// ```
#[must_use]
pub fn settings(script: &[u8]) -> Option<Settings> {
    split_settings(script).map(|split| split.settings)
}

/// What a script is split into.
pub(crate) struct Split<'a> {
    pub(crate) settings: Settings,
    /// The lists, which the settings leave out, by their names.
    pub(crate) lists: BTreeMap<String, Vec<Vec<u8>>>,
    /// What comes after the settings.
    pub(crate) rest: &'a [u8],
}

/// Reads the settings and the lists, and gives with them what of the script comes after them.
pub(crate) fn split_settings(script: &[u8]) -> Option<Split<'_>> {
    let head = format!("\nput 0600 {CONFIG_PATH} ");
    let at = script
        .windows(head.len())
        .position(|window| window == head.as_bytes())?
        + head.len();
    let mut script = Words(script.get(at..)?);
    let text = script.word()?;
    let mut words = Words(&text);
    let (mut settings, mut lists) = (Settings::new(), BTreeMap::new());
    while !words.0.is_empty() {
        let name = words.name()?;
        if words.takes(b'(') {
            lists.insert(name, words.list()?);
        } else {
            settings.insert(name, words.word()?);
        }
        if !words.takes(b'\n') {
            return None;
        }
    }
    Some(Split {
        settings,
        lists,
        rest: script.0,
    })
}
