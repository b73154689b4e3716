//! The section `[data]`: the volume, and what EBS allows of it.

use std::fmt;
use std::ops::RangeInclusive;

use toml_edit::{Item, Table, value};

use super::reader::{Fault, Located, Reader, Section};
use super::values::{kms_key, one_of, size, size_fault, within};
use super::{SnapshotsSpec, snapshots, syntax};
use crate::ids::VolumeId;

/// Its keys.
pub(super) const KEYS: &[&str] = &[
    "size",
    "mount",
    "filesystem",
    "type",
    "iops",
    "throughput",
    "volume",
    "kms_key",
    "snapshots",
];

/// The data volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSpec {
    /// Size in GiB: 1 to 65,536 for gp3, 4 to 65,536 for io2.
    pub size_gib: u32,
    /// Where it is mounted: an absolute path of `A-Za-z0-9._-/`, not `/` nor a directory of the system's.
    pub mount: String,
    /// The filesystem it is formatted with, once.
    pub filesystem: Filesystem,
    /// The volume's type.
    pub volume_type: VolumeType,
    /// Provisioned IOPS; without it, the type's default. An io2 volume always has it.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s, gp3 alone; without it, the type's default.
    pub throughput_mibps: Option<u32>,
    /// A volume that exists, to be adopted instead of creating one, or to be used of several that bear the stack's tags.
    pub volume: Option<VolumeId>,
    /// ARN of the KMS key that encrypts the volume; without it, the account's default key at its creation.
    pub kms_key: Option<String>,
    /// How often it is snapshotted, where it is by schedule.
    pub snapshots: Option<SnapshotsSpec>,
}

/// Filesystem of the data volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filesystem {
    /// XFS.
    Xfs,
    /// ext4.
    Ext4,
}

impl fmt::Display for Filesystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xfs => "xfs",
            Self::Ext4 => "ext4",
        })
    }
}

/// EBS volume type of the data volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VolumeType {
    /// General purpose, the default.
    Gp3,
    /// Provisioned IOPS.
    Io2,
}

impl fmt::Display for VolumeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gp3 => "gp3",
            Self::Io2 => "io2",
        })
    }
}

/// What EBS allows of a volume type. Source: EBS User Guide, "Amazon EBS volume types".
struct Limits {
    size_gib: RangeInclusive<u32>,
    iops: RangeInclusive<u32>,
    /// Most IOPS for each GiB; the least IOPS of the type are allowed at any size.
    iops_per_gib_max: u32,
}

const GP3: Limits = Limits {
    size_gib: 1..=65_536,
    iops: 3_000..=80_000,
    iops_per_gib_max: 500,
};
const IO2: Limits = Limits {
    size_gib: 4..=65_536,
    iops: 100..=256_000,
    iops_per_gib_max: 1_000,
};

/// Throughput of a gp3 volume in MiB/s.
const GP3_THROUGHPUT_MIBPS: RangeInclusive<u32> = 125..=2_000;
/// IOPS that each MiB/s of a gp3 volume's throughput needs: 0.25 MiB/s for each provisioned IOPS.
const GP3_IOPS_PER_MIBPS: u32 = 4;

impl VolumeType {
    const fn limits(self) -> Limits {
        match self {
            Self::Gp3 => GP3,
            Self::Io2 => IO2,
        }
    }
}

/// Reads the section; `None` when something that is required is not there or not sound.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<DataSpec> {
    let types = [("gp3", VolumeType::Gp3), ("io2", VolumeType::Io2)];
    let volume_type = one_of(reader, section, "type", &types).map_or(VolumeType::Gp3, |at| at.value);
    let limits = volume_type.limits();
    let size = section.required(reader, "size", "a size with its unit, such as \"20GiB\"");
    let size = reader.check(size, |size| {
        within(syntax::size_gib(size)?, limits.size_gib.clone()).map_err(|range| size_fault(size, &range))
    });
    let mount = section.required(reader, "mount", "an absolute path such as \"/srv/data\"");
    let mount = reader.check(mount, |mount| syntax::mount(mount));
    let filesystems = [("xfs", Filesystem::Xfs), ("ext4", Filesystem::Ext4)];
    let filesystem = one_of(reader, section, "filesystem", &filesystems);
    let iops = section.integer(reader, "iops", limits.iops.clone(), &format!(" for {volume_type}"));
    if volume_type == VolumeType::Io2 && !section.has("iops") {
        section.missing(reader, "iops", "a number of IOPS, which io2 has no default for");
    }
    if let (Some(iops), Some(size)) = (&iops, &size) {
        check_iops(reader, iops, size.value, volume_type);
    }
    let throughput = throughput(reader, section, volume_type, iops.as_ref());
    let volume = section.string(reader, "volume", "an id such as \"vol-0123456789abcdef0\"");
    let volume = reader.check(volume, |id| syntax::id("vol", id));
    let kms_key = kms_key(reader, section);
    let snapshots = section.child(reader, "snapshots", "data.snapshots", snapshots::KEYS);
    let snapshots = snapshots.map(|section| snapshots::read(reader, &section));
    Some(DataSpec {
        size_gib: size?.value,
        mount: mount?.value,
        filesystem: filesystem.map_or(Filesystem::Xfs, |at| at.value),
        volume_type,
        iops: iops.map(|at| at.value),
        throughput_mibps: throughput.map(|at| at.value),
        volume: volume.map(|at| at.value.into()),
        kms_key,
        snapshots: match snapshots {
            Some(read) => Some(read?),
            None => None,
        },
    })
}

fn check_iops(reader: &mut Reader<'_>, iops: &Located<u32>, size_gib: u32, volume_type: VolumeType) {
    let limits = volume_type.limits();
    let most = size_gib
        .saturating_mul(limits.iops_per_gib_max)
        .max(*limits.iops.start());
    if iops.value > most {
        let expected = format!(
            "at most {most} at {size_gib} GiB: {volume_type} has at most {} IOPS for each GiB",
            limits.iops_per_gib_max
        );
        reader.fault(iops, Fault::conflict(format!("is {}", iops.value), expected));
    }
}

fn throughput(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    volume_type: VolumeType,
    iops: Option<&Located<u32>>,
) -> Option<Located<u32>> {
    if volume_type != VolumeType::Gp3 {
        if section.has("throughput") {
            let found = format!("cannot be set for {volume_type}");
            let fault = Fault::conflict(found, "no `throughput`, or `type = \"gp3\"`");
            reader.report(&section.name("throughput"), section.key_span("throughput"), fault);
        }
        return None;
    }
    let throughput = section.integer(reader, "throughput", GP3_THROUGHPUT_MIBPS, " MiB/s")?;
    let iops = iops.map_or(*GP3.iops.start(), |at| at.value);
    if throughput.value.saturating_mul(GP3_IOPS_PER_MIBPS) > iops {
        let expected = format!(
            "at most {} MiB/s at {iops} IOPS (a quarter of the IOPS), or `iops = {}`",
            iops / GP3_IOPS_PER_MIBPS,
            throughput.value * GP3_IOPS_PER_MIBPS
        );
        reader.fault(
            &throughput,
            Fault::conflict(format!("is {}", throughput.value), expected),
        );
    }
    Some(throughput)
}

/// The section as a table.
pub(super) fn table(spec: &DataSpec) -> Table {
    let mut table = Table::new();
    table["size"] = size(spec.size_gib);
    table["mount"] = value(&spec.mount);
    table["filesystem"] = value(spec.filesystem.to_string());
    table["type"] = value(spec.volume_type.to_string());
    if let Some(iops) = spec.iops {
        table["iops"] = value(i64::from(iops));
    }
    if let Some(throughput) = spec.throughput_mibps {
        table["throughput"] = value(i64::from(throughput));
    }
    if let Some(volume) = &spec.volume {
        table["volume"] = value(volume.as_str());
    }
    if let Some(key) = &spec.kms_key {
        table["kms_key"] = value(key);
    }
    if let Some(snapshots) = &spec.snapshots {
        table["snapshots"] = Item::Table(snapshots::table(snapshots));
    }
    table
}
