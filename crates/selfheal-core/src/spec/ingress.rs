//! The key `instance.ingress`: what is open to whom.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use toml_edit::{Array, InlineTable, Item, Value, value};

use super::reader::{Entry, Fault, Located, Reader, Section};
use super::syntax;
use crate::ids::SecurityGroupId;

/// The keys of an entry that is a table.
pub(super) const KEYS: &[&str] = &["port", "from"];

/// What an entry looks like.
const ENTRY: &str = "a list of ports such as [\"80/tcp\", \"443/tcp\"]";
/// What a port looks like.
const PORT: &str = "a port and a protocol, such as \"80/tcp\" or \"53/udp\", or a range such as \"8000-8010/tcp\"";
/// What a source looks like.
const SOURCE: &str =
    "a CIDR block such as \"203.0.113.0/24\" or \"2001:db8::/32\", a security group `sg-…` or a prefix list `pl-…`";

/// How traffic reaches the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingress {
    /// A security group of ours with these ports open, sorted, each range once.
    Ports(Vec<OpenPorts>),
    /// Security groups that somebody else keeps, 1 to 5 of them.
    Groups(Vec<SecurityGroupId>),
}

impl Ingress {
    /// Rules that fit into one security group: 60 for each of IPv4 and IPv6 is the default quota of Amazon VPC.
    pub(crate) const RULES_MAX: usize = 60;

    /// A security group of ours with these ports open to every IPv4 address.
    #[must_use]
    pub fn to_world(ports: impl IntoIterator<Item = (u16, Protocol)>) -> Self {
        Self::Ports(ports.into_iter().map(OpenPorts::from).collect())
    }
}

/// A range of ports that is open, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenPorts {
    /// The first port, from 1 on.
    pub first: u16,
    /// The last port, which is the first one or a later one.
    pub last: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// Whom it is open to, sorted, each once: one at least.
    pub from: Vec<Source>,
}

impl OpenPorts {
    /// Whether a port of TCP is among them.
    #[must_use]
    pub fn has_tcp(&self, port: u16) -> bool {
        self.protocol == Protocol::Tcp && (self.first..=self.last).contains(&port)
    }

    /// Whether every IPv4 address may come in, so that whoever asks from the internet gets through.
    #[must_use]
    pub fn is_open_to_world(&self) -> bool {
        self.from.contains(&Source::WORLD)
    }

    /// Whether it lets in what comes from private addresses, some of them at least: from within the VPC.
    #[must_use]
    pub fn lets_private_in(&self) -> bool {
        self.from.iter().any(Source::has_private)
    }

    /// Whether it lets some in by IPv4 and not everybody.
    fn is_limited(&self) -> bool {
        !self.is_open_to_world() && self.from.iter().any(|source| !matches!(source, Source::Ipv6(..)))
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.first <= other.last && other.first <= self.last
    }
}

impl From<(u16, Protocol)> for OpenPorts {
    /// One port, open to every IPv4 address.
    fn from((port, protocol): (u16, Protocol)) -> Self {
        Self {
            first: port,
            last: port,
            protocol,
            from: vec![Source::WORLD],
        }
    }
}

/// The ports without those whom they are open to: `80/tcp`, `8000-8010/tcp`.
impl fmt::Display for OpenPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}/{}", self.first, self.protocol)
        } else {
            write!(f, "{}-{}/{}", self.first, self.last, self.protocol)
        }
    }
}

/// Transport protocol of an ingress rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// Whom ports are open to. It is displayed as AWS writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// IPv4 addresses: the first one and the number of bits that they share, 0 to 32. No bit behind these is set.
    Ipv4(Ipv4Addr, u8),
    /// IPv6 addresses, likewise; 0 to 128 bits.
    Ipv6(Ipv6Addr, u8),
    /// The interfaces in a security group.
    Group(SecurityGroupId),
    /// What a prefix list holds, `pl-…`.
    PrefixList(String),
}

impl Source {
    /// Every IPv4 address.
    pub const WORLD: Self = Self::Ipv4(Ipv4Addr::UNSPECIFIED, 0);

    /// Whether private IPv4 addresses are among these. Of a group or a prefix list that is not known.
    ///
    /// Source: RFC 1918, and RFC 6598 for the shared ones that a VPC may have as well.
    #[must_use]
    pub fn has_private(&self) -> bool {
        const PRIVATE: [(Ipv4Addr, u8); 4] = [
            (Ipv4Addr::new(10, 0, 0, 0), 8),
            (Ipv4Addr::new(172, 16, 0, 0), 12),
            (Ipv4Addr::new(192, 168, 0, 0), 16),
            (Ipv4Addr::new(100, 64, 0, 0), 10),
        ];
        let Self::Ipv4(first, bits) = self else { return false };
        // Two blocks overlap where they agree in the bits that both fix.
        PRIVATE.iter().any(|(private, fixed)| {
            let mask = mask_v4(*bits.min(fixed));
            first.to_bits() & mask == private.to_bits() & mask
        })
    }

    /// Whether all that the other lets in this one does too; of groups and lists, what is the same.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ipv4(first, bits), Self::Ipv4(within, more)) => {
                bits <= more && within.to_bits() & mask_v4(*bits) == first.to_bits()
            }
            (Self::Ipv6(first, bits), Self::Ipv6(within, more)) => {
                bits <= more && within.to_bits() & mask_v6(*bits) == first.to_bits()
            }
            (this, other) => this == other,
        }
    }

    fn read(text: &str) -> Result<Self, Fault> {
        if text.starts_with("sg-") {
            return syntax::id("sg", text).map(|id| Self::Group(id.into()));
        }
        if text.starts_with("pl-") {
            return syntax::id("pl", text).map(Self::PrefixList);
        }
        if matches!(text, "me" | "self" | "my-ip" | "myip") {
            return Err(Fault::malformed(
                format!(
                    "{}: the address that you have differs by network and by day, so that the same file would open the port to \
                     somebody else whenever anybody applies it",
                    syntax::is(text)
                ),
                "the block that you come from, such as \"203.0.113.7/32\" (https://checkip.amazonaws.com tells yours today); \
                 `selfheal shell` needs no open port",
            ));
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let malformed = |near: Option<String>| Fault::malformed(syntax::is(text), SOURCE).near(near.as_deref());
        let number = |most: u8| {
            let bits = bits.ok_or_else(|| malformed(Some(format!("{address}/{most}"))))?;
            let plain = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
            let bits = bits.parse::<u8>().ok().filter(|bits| plain && *bits <= most);
            bits.ok_or_else(|| malformed(None))
        };
        // AWS cuts what the bits do not cover off, and would then show another block than the file has.
        let cut = |first: Self, whole: bool| {
            if whole {
                return Ok(first);
            }
            let fault = Fault::malformed(
                format!("{}, which begins in the middle of its block", syntax::is(text)),
                SOURCE,
            );
            Err(fault.near(Some(&first.to_string())))
        };
        if let Ok(address) = address.parse::<Ipv4Addr>() {
            let bits = number(32)?;
            let first = Ipv4Addr::from_bits(address.to_bits() & mask_v4(bits));
            return cut(Self::Ipv4(first, bits), first == address);
        }
        if let Ok(address) = address.parse::<Ipv6Addr>() {
            let bits = number(128)?;
            let first = Ipv6Addr::from_bits(address.to_bits() & mask_v6(bits));
            return cut(Self::Ipv6(first, bits), first == address);
        }
        Err(malformed(None))
    }
}

/// What a text that is no source is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSource(String);

/// Reads a source as AWS writes it, and as a spec may have it.
impl std::str::FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text).map_err(|fault| InvalidSource(format!("{} (expected {})", fault.found, fault.expected)))
    }
}

fn mask_v4(bits: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)
}

fn mask_v6(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(first, bits) => write!(f, "{first}/{bits}"),
            Self::Ipv6(first, bits) => write!(f, "{first}/{bits}"),
            Self::Group(id) => f.write_str(id.as_str()),
            Self::PrefixList(id) => f.write_str(id),
        }
    }
}

/// Reads the key of the section `[instance]`.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Ingress> {
    let entries = section.texts_or_tables(reader, "ingress", "instance.ingress", KEYS, ENTRY)?;
    let mut open: Vec<_> = entries.into_iter().filter_map(|it| entry(reader, it)).collect();
    open.sort_by(|a, b| a.value.cmp(&b.value));
    for (at, this) in open.iter().enumerate() {
        let clash = open[..at].iter().find_map(|other| clash(&this.value, &other.value));
        if let Some(fault) = clash {
            reader.fault(this, fault);
        }
    }
    let count: usize = open.iter().map(|ports| ports.value.from.len()).sum();
    if count > Ingress::RULES_MAX {
        let found = format!("has {count} rules, one for each port or range and each of those whom it is open to");
        let fault = Fault::out_of_range(
            found,
            format!("at most {}, which is what a security group holds", Ingress::RULES_MAX),
        );
        reader.report(&section.name("ingress"), section.key_span("ingress"), fault);
    }
    Some(Ingress::Ports(open.into_iter().map(|ports| ports.value).collect()))
}

/// Why two entries cannot both be meant: the same ports twice, or a limit that another entry undoes.
fn clash(this: &OpenPorts, other: &OpenPorts) -> Option<Fault> {
    if (this.first, this.last, this.protocol) == (other.first, other.last, other.protocol) {
        let expected = "each port once, with all whom it is open to in one `from`";
        return Some(Fault::conflict("is in the list twice", expected));
    }
    let undoes = |wide: &OpenPorts, narrow: &OpenPorts| wide.is_open_to_world() && narrow.is_limited();
    let undone = this.overlaps(other) && (undoes(this, other) || undoes(other, this));
    undone.then(|| {
        let (wide, narrow) = if undoes(this, other) {
            (this, other)
        } else {
            (other, this)
        };
        let found = format!("opens ports to everybody by `{wide}` that `{narrow}` limits to some");
        Fault::conflict(
            found,
            "ranges that do not overlap, since what one rule lets in no other keeps out",
        )
    })
}

fn entry(reader: &mut Reader<'_>, entry: Entry<'_>) -> Option<Located<OpenPorts>> {
    let table = match entry {
        Entry::Text(text) => {
            return reader.check(Some(text), |text| {
                let (first, last, protocol) = port(text)?;
                Ok(OpenPorts {
                    first,
                    last,
                    protocol,
                    from: vec![Source::WORLD],
                })
            });
        }
        Entry::Table(table) => table,
    };
    let ports = table.required(reader, "port", PORT);
    let ports = reader.check(ports, |text| port(text));
    if !table.has("from") {
        table.missing(reader, "from", SOURCE);
    }
    let sources = table.one_or_more(reader, "from", SOURCE)?;
    let empty = sources.is_empty();
    if empty {
        let fault = Fault::malformed("is empty", format!("{SOURCE}; what nobody may reach is left out"));
        reader.report(&table.name("from"), table.key_span("from"), fault);
    }
    let mut from: Vec<_> = sources
        .into_iter()
        .filter_map(|source| reader.check(Some(source), |text| Source::read(text)))
        .collect();
    from.sort_by(|a, b| a.value.cmp(&b.value));
    // A wider block sorts before those within it.
    for (at, this) in from.iter().enumerate() {
        if let Some(wide) = from[..at].iter().find(|wide| wide.value.covers(&this.value)) {
            let found = format!("is `{}` and within `{}`", this.value, wide.value);
            reader.fault(
                this,
                Fault::conflict(found, "each once, since what one lets in no other keeps out"),
            );
        }
    }
    let ports = ports?;
    let (first, last, protocol) = ports.value;
    Some(Located {
        value: OpenPorts {
            first,
            last,
            protocol,
            from: from.into_iter().map(|source| source.value).collect(),
        },
        key: ports.key,
        span: ports.span,
    })
}

/// A port or a range of ports, such as `80/tcp` or `8000-8010/tcp`.
fn port(text: &str) -> Result<(u16, u16, Protocol), Fault> {
    let Some((ports, protocol)) = text.split_once('/') else {
        let rewritten = text.parse::<u16>().is_ok().then(|| format!("{text}/tcp"));
        return Err(Fault::malformed(syntax::is(text), PORT).near(rewritten.as_deref()));
    };
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return Err(Fault::malformed(syntax::is(text), PORT)),
    };
    let number = |digits: &str| match digits.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Err(Fault::out_of_range(syntax::is(text), "ports from 1 to 65535"))
        }
        _ => Err(Fault::malformed(syntax::is(text), PORT)),
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(Fault::out_of_range(syntax::is(text), "the lower port first"));
    }
    Ok((first, last, protocol))
}

/// The ports as a value.
pub(super) fn item(ports: &[OpenPorts]) -> Item {
    let entry = |ports: &OpenPorts| {
        if ports.from == [Source::WORLD] {
            return Value::from(ports.to_string());
        }
        let mut table = InlineTable::new();
        table.insert("port", ports.to_string().into());
        let from: Array = ports.from.iter().map(ToString::to_string).collect();
        table.insert("from", Value::Array(from));
        Value::InlineTable(table)
    };
    value(Value::Array(ports.iter().map(entry).collect::<Array>()))
}
