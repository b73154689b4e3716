//! The mount unit's name.

/// Returns the name of the mount unit for the mount point, as `systemd-escape --path --suffix=mount` gives it.
///
/// A unit with `RequiresMountsFor=` on the mount point requires this unit, so it never runs without the volume.
#[must_use]
pub fn mount_unit(mount: &str) -> String {
    let mut name = String::new();
    for (at, byte) in mount.trim_matches('/').bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if at == 0 => name.push_str(r"\x2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => name.push(char::from(byte)),
            _ => name.push_str(&format!(r"\x{byte:02x}")),
        }
    }
    name + ".mount"
}
