//! The section `[dns]`: the A record.

use std::fmt;

use toml_edit::{Table, value};

use super::reader::{Fault, Reader, Section};
use super::syntax;
use crate::ids::HostedZoneId;

/// Its keys.
pub(super) const KEYS: &[&str] = &["zone", "name", "ttl", "overwrite"];

/// Time to live of the record where the file does not say: a minute, since the address never changes anyway.
const TTL_S_DEFAULT: u32 = 60;

/// The A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSpec {
    /// The hosted zone, which exists already.
    pub zone: ZoneRef,
    /// The record's name, without the final dot: the zone's own name or one below it.
    pub name: String,
    /// Whether a record that somebody else made may be pointed at the stack, once its instance serves.
    pub overwrite: bool,
    /// Time to live in seconds, 1 to 86,400.
    pub ttl_s: u32,
}

/// Which hosted zone a record is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneRef {
    /// The public one of this name, without the final dot.
    Name(String),
    /// The one with this id, `Z…`: where several have the same name.
    Id(HostedZoneId),
}

impl fmt::Display for ZoneRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Id(id) => f.write_str(id.as_str()),
        }
    }
}

/// Reads the section; `None` when something that is required is not there or not sound.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<DnsSpec> {
    let zone = section.required(reader, "zone", "an existing hosted zone such as \"example.com\"");
    let zone = reader.check(zone, |value| zone_ref(value));
    let name = section.required(reader, "name", "the record's name, such as \"app.example.com\"");
    let name = reader.check(name, |name| syntax::dns_name(name));
    let ttl = section.integer(reader, "ttl", 1..=86_400, " seconds");
    let (zone, name) = (zone?, name?);
    let overwrite = section.boolean(reader, "overwrite");
    // What a zone is called that is named by its id is known once it is read.
    if let ZoneRef::Name(zone) = &zone.value
        && !is_below(&name.value, zone)
    {
        let expected = format!("`{zone}` itself or a name below it");
        reader.fault(
            &name,
            Fault::conflict(format!("{} and is outside the zone", syntax::is(&name.value)), expected),
        );
    }
    Some(DnsSpec {
        zone: zone.value,
        name: name.value,
        ttl_s: ttl.map_or(TTL_S_DEFAULT, |ttl| ttl.value),
        overwrite: overwrite.is_some_and(|overwrite| overwrite.value),
    })
}

/// Whether a name is a zone's own or one below it.
pub(crate) fn is_below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The section as a table.
pub(super) fn table(spec: &DnsSpec) -> Table {
    let mut table = Table::new();
    table["zone"] = value(spec.zone.to_string());
    table["name"] = value(&spec.name);
    table["ttl"] = value(i64::from(spec.ttl_s));
    if spec.overwrite {
        table["overwrite"] = value(true);
    }
    table
}

/// A hosted zone: its name, or its id, which has no dot and therefore is no name.
fn zone_ref(value: &str) -> Result<ZoneRef, Fault> {
    let is_id = value.starts_with('Z')
        && (8..=32).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if is_id {
        return Ok(ZoneRef::Id(value.into()));
    }
    syntax::dns_name(value).map(ZoneRef::Name)
}
