//! Ids in AWS's shapes, drawn from the seed.

use std::fmt::Write as _;

use super::rng::Rng;

/// `<prefix>-0` and sixteen hexadecimal digits, as EC2 has spelt its ids since 2016.
pub(super) fn long_id(rng: &mut Rng, prefix: &str) -> String {
    format!("{prefix}-0{:016x}", rng.draw())
}

/// An id of 21 capital letters and digits, such as IAM's and Route 53's.
pub(super) fn upper_id(rng: &mut Rng, prefix: &str, length: usize) -> String {
    const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut id = prefix.to_owned();
    while id.len() < length {
        // The index is below 36 by construction.
        id.push(char::from(ALPHABET[(rng.draw() % 36) as usize]));
    }
    id
}

/// A UUID of version 4.
pub(super) fn uuid(rng: &mut Rng) -> String {
    let (high, low) = (rng.draw(), rng.draw());
    let mut text = String::with_capacity(36);
    let written = write!(
        text,
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    );
    debug_assert!(written.is_ok(), "writing to a string does not fail");
    text
}

/// An address of the range that RFC 5737 sets aside for documentation; past its 254, one of RFC 2544's test range.
pub(super) fn elastic_ip(rng: &mut Rng, taken: impl Fn(&str) -> bool) -> String {
    for _ in 0..64 {
        let ip = format!("203.0.113.{}", 1 + rng.draw() % 254);
        if !taken(&ip) {
            return ip;
        }
    }
    benchmark_ip(rng, 18, taken)
}

/// A public address that EC2 assigns at launch: one of RFC 2544's test range.
pub(super) fn launch_ip(rng: &mut Rng, taken: impl Fn(&str) -> bool) -> String {
    benchmark_ip(rng, 19, taken)
}

fn benchmark_ip(rng: &mut Rng, second: u8, taken: impl Fn(&str) -> bool) -> String {
    loop {
        let draw = rng.draw();
        let ip = format!("198.{second}.{}.{}", (draw >> 8) & 0xff, draw & 0xff);
        if !taken(&ip) {
            return ip;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_shapes_of_aws() {
        let mut rng = Rng::new(1, "ids");
        let id = long_id(&mut rng, "vol");
        let digits = id.strip_prefix("vol-0").unwrap();
        assert_eq!(digits.len(), 16);
        assert!(
            digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{id}"
        );
        let zone = upper_id(&mut rng, "Z", 21);
        assert!(zone.len() == 21 && zone.starts_with('Z') && zone.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let uuid = uuid(&mut rng);
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!(uuid.as_bytes()[14], b'4', "{uuid}");
    }

    #[test]
    fn addresses_are_never_drawn_twice() {
        let mut rng = Rng::new(1, "ids");
        let mut taken = Vec::new();
        for _ in 0..300 {
            let ip = elastic_ip(&mut rng, |ip| taken.iter().any(|other| other == ip));
            assert!(ip.parse::<std::net::Ipv4Addr>().is_ok() && !taken.contains(&ip), "{ip}");
            taken.push(ip);
        }
        assert!(taken[0].starts_with("203.0.113."), "{}", taken[0]);
        assert!(launch_ip(&mut rng, |_| false).starts_with("198.19."));
    }
}
