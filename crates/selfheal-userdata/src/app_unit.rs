//! The names of the user's own units.

/// The largest number of units of the user's.
pub const APP_UNITS_MAX: usize = 20;
/// The longest name that systemd gives a unit.
const NAME_MAX_BYTES: usize = 255;
/// Kinds of units that a person starts and stops: what they are made from stays when the data volume goes.
const KINDS: [&str; 4] = ["service", "socket", "timer", "path"];
/// Beginnings of the names of units that a boot itself rests on: one that waited for the boot would never end it.
const TAKEN: [&str; 4] = ["selfheal-", "systemd-", "cloud-", "dbus"];

/// Checks the name of a unit of the user's, such as `app.service` or `worker@1.service`.
///
/// # Errors
/// What a name must be, as "must be …".
pub fn check_app_unit(name: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let (stem, kind) = name.rsplit_once('.').unwrap_or((name, ""));
    if !KINDS.contains(&kind) {
        return Err("must be the name of a service, a socket, a timer or a path, such as \"app.service\"");
    }
    if stem.is_empty() || stem.starts_with(['@', '-']) || name.len() > NAME_MAX_BYTES || !stem.chars().all(plain) {
        return Err(
            "must be a name as systemd has them: at most 255 of A-Z, a-z, 0-9, `:`, `-`, `_`, `.`, `\\` and `@`",
        );
    }
    if stem.ends_with('@') {
        return Err("must be a unit and not a template, such as \"worker@1.service\"");
    }
    if TAKEN.iter().any(|taken| stem.starts_with(taken)) {
        return Err("must be a unit of the app's: the boot rests on those of selfheal, systemd, cloud-init and D-Bus");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_app_unit;

    #[test]
    fn names_are_those_that_systemd_gives_to_what_starts_and_stops() {
        for name in [
            "app.service",
            "worker@1.service",
            r"a\x2db.socket",
            "a@b@c.timer",
            "x.y.path",
        ] {
            assert_eq!(check_app_unit(name), Ok(()), "{name}");
        }
        let long = format!("{}.service", "a".repeat(250));
        for name in [
            "",
            "app",
            ".service",
            "app.mount",
            "app.target",
            "worker@.service",
            "@1.service",
            "a b.service",
            "a/b.service",
            "-x.service",
            "x\n.service",
            "ä.service",
            "*.service",
            "selfheal-boot.service",
            "systemd-networkd.service",
            "cloud-final.service",
            "dbus.socket",
            &long,
        ] {
            assert!(check_app_unit(name).is_err(), "{name}");
        }
    }
}
