//! Puts the boot program, its configuration and the units into user data.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

use crate::config::BootConfig;
use crate::error::RenderError;
use crate::program::{bare, config_text, kept, program};
use crate::quote::quote;
use crate::units::{BOOT_UNIT, PROGRAM_PATH, WATCH_UNIT, units};

/// Largest user data that EC2 accepts, in bytes before base64.
///
/// Source: EC2 user guide, "Run commands when you launch an EC2 instance with user data input": 16 KB in raw form.
pub const USER_DATA_MAX_BYTES: usize = 16 * 1024;

/// Path at which the configuration is installed, below the root prefix.
pub const CONFIG_PATH: &str = "/etc/selfheal/config";
/// Path at which the setup script is installed, below the root prefix.
pub const SETUP_PATH: &str = "/etc/selfheal/setup";

/// Where needrestart is told, in Perl, to leave our units alone when an upgrade changes what they run on: a restart in the
/// middle of the boot would be one in the middle of the user's setup, and one of the boot unit stops the app.
const NEEDRESTART_PATH: &str = "/etc/needrestart/conf.d/selfheal.conf";
const NEEDRESTART: &str = "$nrconf{override_rc}{qr(^selfheal-)} = 0;\n";

/// Where what signs in curl's place is installed, below the root prefix.
const SIGN_PATH: &str = "/usr/local/lib/selfheal/sign";
/// The end of the here-documents that hold the boot program and what signs in curl's place. Both are our own text, and no
/// line of them is this.
pub(crate) const PROGRAM_END: &str = "END_OF_PROGRAM";
/// What user data may unpack to when it is read back: far above anything rendered here, and no strain on memory.
const DECODED_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// User data of a stack, rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserData {
    script: Arc<str>,
    bytes: Arc<[u8]>,
}

impl UserData {
    /// Returns what EC2 gets: the script, compressed where that is smaller. At most [`USER_DATA_MAX_BYTES`].
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the script in clear.
    #[must_use]
    pub fn script(&self) -> &str {
        &self.script
    }

    /// Returns [`bytes`](Self::bytes) in base64, as launch templates take it.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }
}

/// Renders the boot program of a stack as user data.
///
/// The same configuration gives the same bytes. The script installs the boot program, its configuration and the systemd
/// units, and starts the boot; everything else happens in the units, which run at every boot.
///
/// # Errors
/// [`RenderError::Invalid`] or [`RenderError::Nul`] if a value cannot be carried, [`RenderError::TooLarge`] if the user
/// data would be larger than [`USER_DATA_MAX_BYTES`], which the setup script alone can cause.
pub fn render(config: &BootConfig) -> Result<UserData, RenderError> {
    config.validate()?;
    let script = script(config)?;
    let packed = pack(script.as_bytes());
    let bytes = if packed.len() < script.len() {
        packed
    } else {
        script.clone().into_bytes()
    };
    if bytes.len() > USER_DATA_MAX_BYTES {
        return Err(RenderError::TooLarge {
            size: bytes.len(),
            limit: USER_DATA_MAX_BYTES,
        });
    }
    Ok(UserData {
        script: script.into(),
        bytes: bytes.into(),
    })
}

/// Recovers the script in clear from the base64 text that EC2 holds, so that a difference is judged by content and not
/// by compression. Gives `None` for what is not base64, or claims to be gzip and is not, or unpacks to over 4 MiB.
#[must_use]
pub fn decode(base64: &str) -> Option<Vec<u8>> {
    let compact: Vec<u8> = base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(compact).ok()?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Some(bytes);
    }
    let mut script = Vec::new();
    GzDecoder::new(bytes.as_slice())
        .take(DECODED_MAX_BYTES + 1)
        .read_to_end(&mut script)
        .ok()?;
    (script.len() as u64 <= DECODED_MAX_BYTES).then_some(script)
}

/// Compresses without a time or a name, so that equal scripts give equal bytes.
fn pack(script: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    // Writing to memory cannot fail; were it to, an empty result would be larger than nothing and never be chosen.
    let packed = encoder.write_all(script).and_then(|()| encoder.finish());
    packed.unwrap_or_else(|_| script.to_vec())
}

/// Returns the script in clear.
pub(crate) fn script(config: &BootConfig) -> Result<String, RenderError> {
    let mut script = String::from(
        "#!/bin/bash\n# shellcheck disable=SC2016 # what is installed is literal here\n\
         # selfheal installs its boot program; the systemd units run it at every boot.\n\
         set -euo pipefail\numask 077\nroot=${SELFHEAL_ROOT:-}\n\n",
    );
    script.push_str(&bare(include_str!("boot/install.sh")));
    script.push('\n');
    put(&mut script, 0o600, CONFIG_PATH, &quote(config_text(config)?)?);
    for (path, text) in [
        (PROGRAM_PATH, program(config)),
        (SIGN_PATH, kept(include_str!("boot/sign.py"))),
    ] {
        push(
            &mut script,
            format_args!("put 0755 {path} <<'{PROGRAM_END}'\n{text}{PROGRAM_END}\n"),
        );
    }
    if let Some(setup) = &config.setup {
        match quote(setup) {
            Ok(word) => {
                put(&mut script, 0o700, SETUP_PATH, &word);
            }
            // Only a NUL byte is refused, and a compiled program is full of them.
            Err(_) => push(
                &mut script,
                format_args!("base64 -d <<<'{}' | put 0700 {SETUP_PATH}\n", STANDARD.encode(setup)),
            ),
        }
    }
    for unit in units(config) {
        let words: Result<Vec<String>, RenderError> = unit.parts.iter().map(quote).collect();
        let path = quote(format!("/etc/systemd/system/{}", unit.name))?;
        put(&mut script, 0o644, &path, &words?.join("\"$root\""));
    }
    // Written where there is no needrestart yet, too: it may come with the setup's own packages.
    put(&mut script, 0o644, NEEDRESTART_PATH, &quote(NEEDRESTART)?);
    // cloud-init notes that it ran user data before it does, and never runs it again: what it installs has to be on the
    // disk, the link that enables the unit too, before the boot that may be cut short. What runs already came with the
    // image.
    push(
        &mut script,
        format_args!(
            "find_signer\nput 0644 /var/lib/selfheal/signer \"$signer\"$'\\n'\n\
             find_owner\nput 0644 /var/lib/selfheal/owner \"$owner\"$'\\n'\n\
             mkdir -p \"$root/var/log/selfheal\" \"$root/run/selfheal\"\n\
             systemctl daemon-reload\nsystemctl enable --quiet {BOOT_UNIT}\n\
             sync -f \"$root/etc/systemd/system\"\n\
             systemctl try-restart --no-block {WATCH_UNIT}\nsystemctl restart --no-block {BOOT_UNIT}\n"
        ),
    );
    Ok(script)
}

fn put(script: &mut String, mode: u32, path: &str, word: &str) {
    push(script, format_args!("put {mode:04o} {path} {word}\n"));
}

fn push(script: &mut String, text: std::fmt::Arguments<'_>) {
    script.push_str(&text.to_string());
}
