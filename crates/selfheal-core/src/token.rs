//! Idempotency tokens.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::action::{CreateApplicationStatusCheck, CreateVolume};
use crate::names::Tags;

/// Derives the token of a `CreateVolume` from its inputs, so that two operators who create at once make one volume.
///
/// AWS answers a repeated token with the first volume, even where that was deleted since. The ids of such volumes, once
/// they are known to be gone, are part of what is hashed, so that the next token differs.
pub(crate) fn client_token(account: &str, input: &CreateVolume, dead: &[String]) -> String {
    let CreateVolume {
        zone,
        size_gib,
        volume_type,
        iops,
        throughput_mibps,
        encrypted,
        tags,
        client_token: _,
    } = input;
    let inputs = format!("{account}\n{zone}\n{size_gib}\n{volume_type}\n{iops:?}\n{throughput_mibps:?}\n{encrypted}\n");
    digest(&inputs, tags, dead)
}

/// Derives the token of a `CreateApplicationStatusCheck`, likewise.
///
/// The launch template's id is part of it, because a stack that was destroyed and made again has another one: AWS shows
/// a deleted check for a while, and may remember its token for longer.
pub(crate) fn check_token(
    account: &str,
    template_id: &str,
    input: &CreateApplicationStatusCheck,
    dead: &[String],
) -> String {
    let CreateApplicationStatusCheck {
        settings,
        tags,
        client_token: _,
    } = input;
    digest(&format!("{account}\n{template_id}\n{settings:?}\n"), tags, dead)
}

fn digest(inputs: &str, tags: &Tags, dead: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update(inputs);
    for (key, value) in tags {
        hash.update(format!("{key}={value}\n"));
    }
    for id in dead {
        hash.update(format!("{id}\n"));
    }
    let mut token = "selfheal-".to_owned();
    for byte in &hash.finalize()[..20] {
        // Writing to a string cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    token
}
