//! What `selfheal forward` forwards, as people write it: as after `ssh -L`, and shorter.

use std::str::FromStr;

/// A port of this machine, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Port of this machine.
    pub local: u16,
    /// Host that the instance reaches; `None` for the instance itself.
    pub host: Option<String>,
    /// Port there.
    pub port: u16,
}

impl Forward {
    /// The same port at both ends.
    #[must_use]
    pub const fn same(port: u16) -> Self {
        Self {
            local: port,
            host: None,
            port,
        }
    }
}

impl FromStr for Forward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "expected a port such as 5432, LOCAL:PORT such as 8080:80, or LOCAL:HOST:PORT such as 5432:db.internal:5432, \
                 and not `{text}`"
            )
        };
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(expected);
        let Some((local, rest)) = text.split_once(':') else {
            return Ok(Self::same(port(text)?));
        };
        let local = port(local)?;
        let Some((host, last)) = rest.rsplit_once(':') else {
            return Ok(Self {
                local,
                host: None,
                port: port(rest)?,
            });
        };
        // An IPv6 address stands in brackets, for its colons.
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let sound = match address {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.starts_with('-') && host.chars().all(plain),
        };
        if !sound {
            return Err(expected());
        }
        Ok(Self {
            local,
            host: Some(address.unwrap_or(host).to_owned()),
            port: port(last)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Forward;

    #[test]
    fn ports_are_written_as_after_ssh() {
        let read = |text: &str| text.parse::<Forward>();
        let to = |local, host: Option<&str>, port| {
            Ok(Forward {
                local,
                host: host.map(str::to_owned),
                port,
            })
        };
        assert_eq!(read("5432"), to(5432, None, 5432));
        assert_eq!(read("8080:80"), to(8080, None, 80));
        assert_eq!(read("5432:db.internal:5433"), to(5432, Some("db.internal"), 5433));
        assert_eq!(read("80:[fd00::1]:81"), to(80, Some("fd00::1"), 81));
        for text in [
            "",
            "0",
            "65536",
            "a",
            "80:",
            ":80",
            "80:0",
            "80::80",
            "80:-x:80",
            "80:a b:80",
            "80:[x]:80",
            "1:2:3:4",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
