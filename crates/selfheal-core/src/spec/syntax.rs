//! What single values look like: names, ids, sizes, durations, ports, paths.

use selfheal_policy::Partition;

use super::ImageRef;
use super::reader::Fault;
use super::words::{list, nearest};

/// Longest value that an error repeats, in characters: more would hide the message.
const QUOTED_CHARS_MAX: usize = 60;

/// "is `value`", cut to a readable length.
pub(super) fn is(value: &str) -> String {
    let cut: String = value.chars().take(QUOTED_CHARS_MAX).collect();
    let more = if cut.len() < value.len() { "…" } else { "" };
    format!("is `{}{more}`", cut.escape_debug())
}

/// A stack's name.
pub(super) fn stack_name(name: &str) -> Result<String, Fault> {
    let sound = (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-');
    let expected = "1 to 32 of a-z, 0-9 and `-`, beginning with a letter and not ending in `-`";
    if sound {
        Ok(name.to_owned())
    } else {
        Err(Fault::malformed(is(name), expected))
    }
}

/// A Region's name. Which Regions exist is AWS's to say; this is only what their names look like.
pub(super) fn region(name: &str) -> Result<String, Fault> {
    let parts: Vec<&str> = name.split('-').collect();
    let sound = parts.len() >= 3
        && name.len() <= 22
        && parts[..parts.len() - 1]
            .iter()
            .all(|p| p.len() >= 2 && p.bytes().all(|b| b.is_ascii_lowercase()))
        && matches!(
            parts[parts.len() - 1].as_bytes(),
            [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']
        );
    if sound {
        return Ok(name.to_owned());
    }
    let expected = match name.strip_suffix(|c: char| c.is_ascii_lowercase()) {
        Some(rest) if region(rest).is_ok() => format!("a Region such as `{rest}`, not a zone"),
        _ => "a Region such as \"eu-west-1\"".to_owned(),
    };
    Err(Fault::malformed(is(name), expected))
}

/// An instance type, such as `t4g.small`.
pub(super) fn instance_type(name: &str) -> Result<String, Fault> {
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let sound = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .split_once('.')
            .is_some_and(|(family, size)| word(family) && word(size));
    if sound {
        Ok(name.to_owned())
    } else {
        Err(Fault::malformed(is(name), "an instance type such as \"t4g.small\""))
    }
}

/// An id of AWS's: a prefix and 8 or 17 hexadecimal digits.
pub(super) fn id(prefix: &str, value: &str) -> Result<String, Fault> {
    let sound = value
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|hex| matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    if sound {
        Ok(value.to_owned())
    } else {
        Err(Fault::malformed(
            is(value),
            format!("an id such as \"{prefix}-0123456789abcdef0\""),
        ))
    }
}

/// The ARN of a managed policy: of an account's own, or of AWS.
pub(super) fn policy_arn(value: &str) -> Result<String, Fault> {
    let owner = |text: &str| text == "aws" || (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/+=,.@_-".contains(&b);
    let named = |text: &str| {
        text.strip_prefix("policy/").is_some_and(|name| {
            !name.is_empty() && !name.ends_with('/') && name.len() <= 512 && name.bytes().all(plain)
        })
    };
    let sound = match value.split(':').collect::<Vec<_>>()[..] {
        ["arn", partition, "iam", "", account, resource] => {
            partition.parse::<Partition>().is_ok() && owner(account) && named(resource)
        }
        _ => false,
    };
    if sound {
        Ok(value.to_owned())
    } else {
        let expected = "a managed policy's ARN such as \"arn:aws:iam::123456789012:policy/boundary\"";
        Err(Fault::malformed(is(value), expected))
    }
}

/// A KMS key, by its ARN: policies name a key by nothing else, and an id or an alias would have to be looked up.
pub(super) fn kms_key(value: &str) -> Result<String, Fault> {
    if is_kms_key(value) {
        Ok(value.to_owned())
    } else {
        Err(Fault::malformed(
            is(value),
            "a key's ARN such as \"arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\"",
        ))
    }
}

/// Whether a text is the ARN of a KMS key, and not of an alias.
pub(crate) fn is_kms_key(value: &str) -> bool {
    let parts: Vec<&str> = value.split(':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else {
        return false;
    };
    let word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let id = resource.strip_prefix("key/").unwrap_or_default();
    (arn, service) == ("arn", "kms")
        && word(partition)
        && word(region)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && word(id)
        && value.len() <= 200
}

/// An image: an id, `ssm:/path` or an alias.
pub(super) fn image(value: &str) -> Result<ImageRef, Fault> {
    if value.starts_with("ami-") {
        return id("ami", value).map(|id| ImageRef::Id(id.into()));
    }
    if let Some(path) = value.strip_prefix("ssm:") {
        // Systems Manager allows 1,011 characters after the parameter's ARN prefix.
        let sound = path.starts_with('/')
            && (2..=1011).contains(&path.len())
            && path
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_'));
        return if sound {
            Ok(ImageRef::Parameter(path.to_owned()))
        } else {
            Err(Fault::malformed(
                is(value),
                "a parameter's path such as \"ssm:/images/web\"",
            ))
        };
    }
    ImageRef::alias(value).ok_or_else(|| {
        let aliases: Vec<&str> = ImageRef::aliases().collect();
        let expected = format!(
            "an image id `ami-…`, a parameter `ssm:/…`, or one of {}",
            list(&aliases)
        );
        Fault::malformed(is(value), expected).near(nearest(value, aliases))
    })
}

/// A size with its unit, in GiB.
pub(super) fn size_gib(value: &str) -> Result<u32, Fault> {
    const EXPECTED: &str = "a whole number of GiB or TiB, such as \"20GiB\"";
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let unit = unit.trim_start_matches(' ');
    let (factor, right_unit) = match unit {
        "GiB" => (1, None),
        "TiB" => (1024, None),
        "" | "G" | "GB" | "gb" | "g" | "gib" | "Gi" => (0, Some("GiB")),
        "T" | "TB" | "tb" | "t" | "tib" | "Ti" => (0, Some("TiB")),
        _ => (0, None),
    };
    if number.is_empty() || factor == 0 {
        let rewritten = right_unit
            .filter(|_| !number.is_empty())
            .map(|unit| format!("{number}{unit}"));
        return Err(Fault::malformed(is(value), EXPECTED).near(rewritten.as_deref()));
    }
    let size = number.parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
    size.ok_or_else(|| Fault::out_of_range(is(value), EXPECTED))
}

/// A duration with its unit, in seconds.
pub(super) fn duration_s(value: &str) -> Result<u32, Fault> {
    const EXPECTED: &str = "a whole number of seconds, minutes or hours, such as \"30s\", \"5m\" or \"1h\"";
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let factor = match unit.trim_start_matches(' ') {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err(Fault::malformed(is(value), EXPECTED)),
    };
    let duration = number.parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
    duration.ok_or_else(|| Fault::malformed(is(value), EXPECTED))
}

/// A DNS name, lower case and without its final dot.
pub(super) fn dns_name(value: &str) -> Result<String, Fault> {
    let name = value.strip_suffix('.').unwrap_or(value).to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if !name.is_ascii() {
        return Err(Fault::malformed(
            is(value),
            "a name in ASCII: internationalised names in their `xn--` form",
        ));
    }
    if name.len() <= 253 && name.contains('.') && name.split('.').all(label) {
        Ok(name)
    } else {
        Err(Fault::malformed(is(value), "a domain name such as \"app.example.com\""))
    }
}

/// Directories that a mount would hide from the system, with nothing allowed below them either.
const SYSTEM_TREES: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/efi",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr",
    "/var/lib/cloud",
    "/var/lib/selfheal",
    "/var/log/selfheal",
    "/var/run",
    "/var/tmp",
];

/// Directories that a mount would hide from the system, below which there is room.
const SYSTEM_DIRECTORIES: &[&str] = &["/home", "/opt", "/root", "/var", "/var/cache", "/var/lib", "/var/log"];

/// Where the data volume is mounted.
pub(super) fn mount(value: &str) -> Result<String, Fault> {
    let sound = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    let below = |tree: &str| {
        value
            .strip_prefix(tree)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let Some(parts) = value.strip_prefix('/') else {
        return Err(Fault::malformed(is(value), "an absolute path such as \"/srv/data\""));
    };
    if parts.is_empty() || SYSTEM_DIRECTORIES.contains(&value) || SYSTEM_TREES.iter().any(|tree| below(tree)) {
        let found = format!("{}, which is the system's", is(value));
        return Err(Fault::malformed(found, "a directory of its own, such as \"/srv/data\""));
    }
    if value.len() <= 200 && parts.split('/').all(sound) {
        return Ok(value.to_owned());
    }
    let expected = "a plain path of A-Z, a-z, 0-9, `.`, `_`, `-` and `/`, with no `//`, `.`, `..` or final `/`";
    Err(Fault::malformed(is(value), expected))
}

/// Where a file is that the spec names, relative to the spec file or absolute.
pub(super) fn file_path(value: &str, expected: &str) -> Result<String, Fault> {
    if value.is_empty() || value.contains('\0') {
        return Err(Fault::malformed(is(value), expected));
    }
    Ok(value.to_owned())
}
