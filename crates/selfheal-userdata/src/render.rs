//! Puts the boot program, its configuration and the units into user data.

use std::io::Read as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use crate::bundle::{Bundle, pack};
use crate::config::BootConfig;
use crate::error::RenderError;
use crate::file;
use crate::https::Challenge;
use crate::nginx::nginx_conf;
use crate::program::{bare, config_text, kept, program, words};
use crate::quote::quote;
use crate::units::{
    BOOT_UNIT, PARTS_PATH, PROGRAM_PATH, Unit, first_units_beside, log_file_units, manager_text, units, units_beside,
};

/// Largest user data that EC2 accepts, in bytes before base64.
///
/// Source: EC2 user guide, "Run commands when you launch an EC2 instance with user data input": 16 KB in raw form.
pub const USER_DATA_MAX_BYTES: usize = 16 * 1024;

/// Path at which the configuration is installed, below the root prefix.
pub const CONFIG_PATH: &str = "/etc/selfheal/config";
/// Path at which the script is installed that prepares the instance, below the root prefix.
pub const PREPARE_PATH: &str = "/etc/selfheal/prepare";
/// Path at which the setup script is installed, below the root prefix.
pub const SETUP_PATH: &str = "/etc/selfheal/setup";
/// Path at which it is installed what puts the user's files in their places, below the root prefix.
pub(crate) const FILES_PATH: &str = "/usr/local/lib/selfheal/files";
/// Path at which nginx's configuration is installed, below the root prefix.
pub(crate) const NGINX_PATH: &str = "/etc/selfheal/nginx.conf";
/// Path at which it is installed what the user tells nginx, below the root prefix.
pub(crate) const NGINX_EXTRA_PATH: &str = "/etc/selfheal/nginx-extra.conf";
/// Bytes of the user's own that never make a bundle: beside them nothing is ever too large but what a bundle cannot hold.
const ALWAYS_FITS_BYTES: usize = 1_000;
/// Bytes that are left free for ids that are not known yet, beyond those that stand for them.
const ROOM_FOR_IDS: usize = 64;

/// Where needrestart is told, in Perl, to leave our units alone when an upgrade changes what they run on: a restart in the
/// middle of the boot would be one in the middle of the user's setup, and one of the boot unit stops the app. It is written
/// where there is no needrestart yet, too: it may come with the setup's own packages.
const NEEDRESTART_PATH: &str = "/etc/needrestart/conf.d/selfheal.conf";
const NEEDRESTART: &str = "$nrconf{override_rc}{qr(^selfheal-)} = 0;\n";

/// Where systemd itself is configured, below the root prefix.
const MANAGER_PATH: &str = "/etc/systemd/system.conf.d/selfheal.conf";

/// Where the kernel's settings are, below the root prefix. It comes before a `/etc/sysctl.conf` of the user's.
const SYSCTL_PATH: &str = "/etc/sysctl.d/99-selfheal.conf";
/// A kernel that has panicked starts anew after ten seconds, in which its last words reach the console; one that goes on after a
/// fault in itself may hang later. Neither a task that waits for a volume nor want of memory is a panic: the first would make a
/// loop of reboots, and of the second the kernel ends what uses most.
const SYSCTL: &str = "kernel.panic=10\nkernel.panic_on_oops=1\n";
/// Sets the same at once, where the kernel lets us: later starts are systemd's.
const SYSCTL_NOW: &str =
    "{ echo 10 >\"$root/proc/sys/kernel/panic\"; echo 1 >\"$root/proc/sys/kernel/panic_on_oops\"; } 2>/dev/null || :\n";

/// Where what signs in curl's place is installed, below the root prefix.
const SIGN_PATH: &str = "/usr/local/lib/selfheal/sign";
/// Where what turns the journal into calls is installed, below the root prefix.
const LOGS_PATH: &str = "/usr/local/lib/selfheal/logs.awk";
/// The end of the here-documents that hold the boot program, what signs in curl's place and what turns the journal into calls.
/// All are our own text, and no line of them is this.
pub(crate) const PROGRAM_END: &str = "END_OF_PROGRAM";
/// What user data may unpack to when it is read back: far above anything rendered here, and no strain on memory.
const DECODED_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// User data of a stack, rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserData {
    script: Arc<str>,
    bytes: Arc<[u8]>,
    bundle: Option<Arc<Bundle>>,
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

    /// Returns the bundle that the script names; `None` where everything fits into user data.
    #[must_use]
    pub fn bundle(&self) -> Option<&Arc<Bundle>> {
        self.bundle.as_ref()
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
/// units, and starts the boot; everything else happens in the units, which run at every boot. What does not fit goes into a
/// [`Bundle`], which the user data names.
///
/// # Errors
/// [`RenderError::Invalid`] or [`RenderError::Nul`] if a value cannot be carried; [`RenderError::BundleTooLarge`] if the setup
/// script and the files are larger than a bundle may be; [`RenderError::TooLarge`] if the rest would be larger than
/// [`USER_DATA_MAX_BYTES`], which a probe's command of many kilobytes can cause.
pub fn render(config: &BootConfig) -> Result<UserData, RenderError> {
    config.validate()?;
    let whole = compose(config, false)?.0;
    let packed = smaller(&whole);
    if fits(config, packed.len())? {
        check_size(packed.len())?;
        return Ok(UserData {
            script: whole.into(),
            bytes: packed.into(),
            bundle: None,
        });
    }
    let (script, bundle) = compose(config, true)?;
    let bytes = smaller(&script);
    check_size(bytes.len())?;
    Ok(UserData {
        script: script.into(),
        bytes: bytes.into(),
        bundle: bundle.map(Arc::new),
    })
}

fn check_size(size: usize) -> Result<(), RenderError> {
    let limit = USER_DATA_MAX_BYTES;
    if size > limit {
        return Err(RenderError::TooLarge { size, limit });
    }
    Ok(())
}

/// Returns whether what is the user's own, or what the program is to do, is so much that rendering alone tells whether there is a bundle.
#[must_use]
pub fn may_need_bundle(config: &BootConfig) -> bool {
    let files = config.files.iter().map(|file| file.content.len() + file.path.len());
    let own: usize = config.scripts().map(Vec::len).chain(files).sum();
    // What is added to the program leaves less room.
    let more = config.repair.restart || config.notify.is_some() || config.agent.is_some();
    let much = config.parameters.is_some() || config.logs.is_some() || config.https.is_some();
    own > ALWAYS_FITS_BYTES || more || much
}

/// Returns whether user data that is `size` bytes with this configuration needs no bundle.
///
/// It does not hang on the ids: they are not known when a stack is planned first, and compress to a few bytes more or less.
fn fits(config: &BootConfig, size: usize) -> Result<bool, RenderError> {
    if !may_need_bundle(config) {
        return Ok(true);
    }
    let near = size.abs_diff(USER_DATA_MAX_BYTES) <= 4 * ROOM_FOR_IDS;
    if !near {
        return Ok(size < USER_DATA_MAX_BYTES);
    }
    let mut config = config.clone();
    config.allocation_id = "eipalloc-0".to_owned();
    if let Some(data) = &mut config.data {
        data.volume_id = "vol-0".to_owned();
    }
    if let Some(Challenge::Dns(zone)) = config.https.as_mut().map(|https| &mut https.challenge) {
        zone.id = "Z0".to_owned();
    }
    let size = smaller(&compose(&config, false)?.0).len();
    Ok(size + ROOM_FOR_IDS <= USER_DATA_MAX_BYTES)
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

/// Returns the script as EC2 gets it: compressed where that is smaller.
fn smaller(script: &str) -> Vec<u8> {
    let packed = pack(script.as_bytes());
    if packed.len() < script.len() {
        packed
    } else {
        script.as_bytes().to_vec()
    }
}

/// Returns the script in clear, and the bundle where it is to name one.
pub(crate) fn compose(config: &BootConfig, bundled: bool) -> Result<(String, Option<Bundle>), RenderError> {
    let program = program(config, bundled);
    let bundle = match bundled {
        true => Some(Bundle::of(&bundle_script(config, &program.parts)?)?),
        false => None,
    };
    let mut script = String::from(
        "#!/bin/bash\n# shellcheck disable=SC2016 # what is installed is literal here\n\
         # selfheal installs its boot program; the systemd units run it at every boot.\n\
         set -euo pipefail\numask 077\nroot=${SELFHEAL_ROOT:-}\n\n",
    );
    script.push_str(&bare(include_str!("boot/put.sh")));
    script.push_str(&bare(include_str!("boot/install.sh")));
    script.push('\n');
    put(
        &mut script,
        0o600,
        CONFIG_PATH,
        &quote(config_text(config, bundle.as_ref().map(Bundle::digest))?)?,
    );
    put_here(&mut script, PROGRAM_PATH, &program.text);
    put_here(&mut script, SIGN_PATH, &kept(include_str!("boot/sign.py")));
    if config.logs.is_some() {
        put_here(&mut script, LOGS_PATH, &bare(include_str!("boot/logs.awk")));
    }
    if !bundled {
        put_own(&mut script, config)?;
    }
    put_units(&mut script, config, |unit| !bundled || unit.is_first())?;
    if !bundled {
        put_settings(&mut script, config)?;
    }
    finish(&mut script, config, bundled)?;
    Ok((script, bundle))
}

/// Returns the script that a bundle holds, for these parts of the program.
pub(crate) fn bundle_script(config: &BootConfig, parts: &str) -> Result<String, RenderError> {
    let mut script = String::from("set -euo pipefail\numask 077\nroot=${SELFHEAL_ROOT:-}\n");
    script.push_str(&bare(include_str!("boot/put.sh")));
    put_here(&mut script, PARTS_PATH, parts);
    put_own(&mut script, config)?;
    put_units(&mut script, config, |unit| !unit.is_first())?;
    put_settings(&mut script, config)?;
    script.push_str("sync -f \"$root/etc/systemd/system\"\nsystemctl daemon-reload\n");
    // The boot unit wants them, from its next start on: when this one was begun they were not there.
    let wanted = log_file_units(config);
    if !wanted.is_empty() {
        push(
            &mut script,
            format_args!("systemctl start --no-block {}\n", wanted.join(" ")),
        );
    }
    Ok(script)
}

/// Installs what is the user's own: files and scripts.
fn put_own(script: &mut String, config: &BootConfig) -> Result<(), RenderError> {
    let prepare = config.prepare.as_ref().map(|prepare| &prepare.script);
    for (path, body) in [(PREPARE_PATH, prepare), (SETUP_PATH, config.setup.as_ref())] {
        let Some(body) = body else { continue };
        match quote(body) {
            Ok(word) => put(script, 0o700, path, &word),
            // Only a NUL byte is refused, and a compiled program is full of them.
            Err(_) => push(
                script,
                format_args!("base64 -d <<<'{}' | put 0700 {path}\n", STANDARD.encode(body)),
            ),
        }
    }
    if !config.files.is_empty() {
        put(script, 0o600, FILES_PATH, &quote(file::source(&config.files)?)?);
    }
    if let Some(https) = &config.https {
        if let Some(extra) = &https.extra {
            put(script, 0o644, NGINX_EXTRA_PATH, &quote(extra)?);
        }
        put(script, 0o644, NGINX_PATH, &quote(nginx_conf(https))?);
    }
    Ok(())
}

/// Installs those of the units that are chosen.
fn put_units(script: &mut String, config: &BootConfig, chosen: impl Fn(&Unit) -> bool) -> Result<(), RenderError> {
    for unit in units(config).iter().filter(|unit| chosen(unit)) {
        let words: Result<Vec<String>, RenderError> = unit.parts.iter().map(quote).collect();
        let path = quote(format!("/etc/systemd/system/{}", unit.name))?;
        put(script, 0o644, &path, &words?.join("\"$root\""));
    }
    Ok(())
}

/// Installs what others of the machine's programs are told.
fn put_settings(script: &mut String, config: &BootConfig) -> Result<(), RenderError> {
    put(script, 0o644, NEEDRESTART_PATH, &quote(NEEDRESTART)?);
    put(script, 0o644, MANAGER_PATH, &quote(manager_text(config))?);
    if config.repair.reboot_on_hang {
        put(script, 0o644, SYSCTL_PATH, &quote(SYSCTL)?);
        script.push_str(SYSCTL_NOW);
    }
    Ok(())
}

/// Starts the boot.
fn finish(script: &mut String, config: &BootConfig, bundled: bool) -> Result<(), RenderError> {
    // An earlier start of an image may run what comes with the bundle: the boot, which it comes after, starts it anew.
    let beside = match bundled {
        true => first_units_beside(config),
        false => units_beside(config),
    };
    // cloud-init notes that it ran user data before it does, and never runs it again: what it installs has to be on the
    // disk, the link that enables the unit too, before the boot that may be cut short. What runs already came with the
    // image.
    // An image may have started the user's units by now, before there was a volume.
    let held = match config.units.is_empty() {
        true => String::new(),
        false => format!("systemctl stop {} 2>/dev/null || :\n", words(&config.units)?),
    };
    push(
        script,
        format_args!(
            "find_signer\nput 0644 /var/lib/selfheal/signer \"$signer\"$'\\n'\n\
             find_owner\nput 0644 /var/lib/selfheal/owner \"$owner\"$'\\n'\n\
             mkdir -p \"$root/var/log/selfheal\" \"$root/run/selfheal\"\n\
             systemctl daemon-reload\n{held}systemctl enable --quiet {BOOT_UNIT}\n\
             sync -f \"$root/etc/systemd/system\"\n\
             systemctl try-restart --no-block {}\nsystemctl restart --no-block {BOOT_UNIT}\n",
            beside.join(" ")
        ),
    );
    Ok(())
}

/// Installs an executable text of ours, in which no line is [`PROGRAM_END`].
fn put_here(script: &mut String, path: &str, text: &str) {
    push(
        script,
        format_args!("put 0755 {path} <<'{PROGRAM_END}'\n{text}{PROGRAM_END}\n"),
    );
}

fn put(script: &mut String, mode: u32, path: &str, word: &str) {
    push(script, format_args!("put {mode:04o} {path} {word}\n"));
}

fn push(script: &mut String, text: std::fmt::Arguments<'_>) {
    script.push_str(&text.to_string());
}
