//! Idempotency tokens.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::action::CreateVolume;

/// Derives the token of a `CreateVolume` from its inputs, so that two operators who create at once make one volume.
///
/// AWS answers a repeated token with the first volume, even where that was deleted since. The ids of such volumes, once
/// they are known to be gone, are part of what is hashed, so that the next token differs.
pub(crate) fn client_token(account: &str, input: &CreateVolume, dead: &[String]) -> String {
    let mut hash = Sha256::new();
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
    hash.update(format!(
        "{account}\n{zone}\n{size_gib}\n{volume_type}\n{iops:?}\n{throughput_mibps:?}\n{encrypted}\n"
    ));
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
