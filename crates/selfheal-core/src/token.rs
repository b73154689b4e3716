//! Idempotency tokens.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::names::Tags;
use crate::world::{CopyVolume, CreateApplicationStatusCheck, CreateVolume, LaunchTemplateId};

/// Derives the token of a `CreateVolume` from its inputs, so that two operators who create at once make one volume.
///
/// A token outlives its volume: AWS refuses it once the volume is gone. The tokens that were refused lead to the next
/// one. `others` are volumes that the same inputs made before and that have had their time.
pub(crate) fn client_token(account: &str, input: &CreateVolume, others: &[String], spent: &[String]) -> String {
    let CreateVolume {
        zone,
        size_gib,
        volume_type,
        iops,
        throughput_mibps,
        encrypted,
        kms_key,
        snapshot_id,
        tags,
        client_token: _,
    } = input;
    let inputs = format!("{account}\n{zone}\n{size_gib}\n{volume_type}\n{iops:?}\n{throughput_mibps:?}\n{encrypted}\n");
    let key = kms_key.as_ref().map(|key| format!("{key}\n")).unwrap_or_default();
    let from = snapshot_id.as_ref().map(|id| format!("{id}\n")).unwrap_or_default();
    unspent(&format!("{inputs}{key}{from}"), tags, others, spent)
}

/// Derives the token of a `CopyVolumes` from its inputs, which say when the run began that asks for it.
pub(crate) fn copy_token(account: &str, input: &CopyVolume, spent: &[String]) -> String {
    unspent(&format!("{account}\n{}\n", input.source), &input.tags, &[], spent)
}

/// Derives the token of a `CreateApplicationStatusCheck`, likewise.
///
/// The launch template's id is part of it, because a stack that was destroyed and made again has another one: AWS shows
/// a deleted check for a while, and may remember its token for longer.
pub(crate) fn check_token(
    account: &str,
    template_id: &LaunchTemplateId,
    input: &CreateApplicationStatusCheck,
    dead: &[String],
    spent: &[String],
) -> String {
    let CreateApplicationStatusCheck {
        settings,
        tags,
        client_token: _,
    } = input;
    unspent(&format!("{account}\n{template_id}\n{settings:?}\n"), tags, dead, spent)
}

/// The first token of the inputs' row that was not refused. Each follows from the one before, so that everybody who finds
/// the same ones spent comes to the same next one, in this run or in another.
fn unspent(inputs: &str, tags: &Tags, dead: &[String], spent: &[String]) -> String {
    let mut token = digest(inputs, tags, dead);
    while spent.contains(&token) {
        token = digest(&format!("{inputs}{token}\n"), tags, dead);
    }
    token
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
