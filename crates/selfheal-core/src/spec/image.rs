//! Machine images and the architectures they are for.

use std::fmt;

use crate::ids::ImageId;

/// Processor architecture, as EC2 spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// `x86_64`.
    X86_64,
    /// `arm64`.
    Arm64,
}

impl Architecture {
    /// The architecture of an instance type, from AWS's naming convention: a `g` among the attributes that follow the
    /// generation means Graviton (or, as in `p6e-gb200`, Grace), and `a1` is the one family older than the convention.
    ///
    /// `None` where the name does not tell: Mac instances, and what does not look like an instance type.
    /// Source: EC2 User Guide, "Amazon EC2 instance type naming conventions".
    #[must_use]
    pub fn of_instance_type(instance_type: &str) -> Option<Self> {
        let (family, size) = instance_type.split_once('.')?;
        if family.is_empty() || size.is_empty() || family.starts_with("mac") {
            return None;
        }
        // High-memory families (`u-6tb1`) name their memory where others have a generation; all are x86.
        if family.starts_with("u-") {
            return Some(Self::X86_64);
        }
        let generation = family.find(|c: char| c.is_ascii_digit())?;
        if generation == 0 {
            return None;
        }
        let attributes = family[generation..].trim_start_matches(|c: char| c.is_ascii_digit());
        Some(if family == "a1" || attributes.contains('g') {
            Self::Arm64
        } else {
            Self::X86_64
        })
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

/// Which machine image to boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageRef {
    /// `ami-…`.
    Id(ImageId),
    /// A distribution's public parameter, known by a short name such as `al2023-arm64`.
    Alias {
        /// The short name, as written in the spec.
        alias: String,
        /// The public SSM parameter that holds the image's id.
        parameter: String,
        /// Name of the image's root device, which differs between distributions.
        root_device: String,
        /// The image's architecture.
        architecture: Architecture,
        /// Size of the image's own root snapshot in GiB: a root volume cannot be smaller.
        root_size_gib: u32,
    },
    /// `ssm:/path`: a parameter of the user's own.
    Parameter(String),
}

/// A short name for a distribution's current image.
struct Alias {
    name: &'static str,
    parameter: &'static str,
    root_device: &'static str,
    architecture: Architecture,
}

/// Size of the root snapshot of every image with an alias, in GiB.
///
/// Sources: AL2023 User Guide, "AL2023 default (8 GiB) and minimal images"; Debian wiki, "Cloud/AmazonEC2Image", whose
/// images are built with 8 GiB; Ubuntu's cloud images for EC2, likewise.
const ALIAS_ROOT_SIZE_GIB: u32 = 8;

const XVDA: &str = "/dev/xvda";
const SDA1: &str = "/dev/sda1";

/// The aliases, each with the parameter that its distribution documents.
///
/// Sources: Amazon Linux 2023 User Guide, "AL2023 on Amazon EC2"; Debian wiki, "Cloud/AmazonEC2Image"; Ubuntu on AWS
/// documentation, "Find Ubuntu images on AWS" (22.04 is published with gp2 roots alone; the launch template sets gp3).
const ALIASES: &[Alias] = &[
    alias(
        "al2023",
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
        XVDA,
        X86_64,
    ),
    alias(
        "al2023-x86_64",
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
        XVDA,
        X86_64,
    ),
    alias(
        "al2023-arm64",
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        XVDA,
        ARM64,
    ),
    alias("debian-12", "/aws/service/debian/release/12/latest/amd64", XVDA, X86_64),
    alias(
        "debian-12-arm64",
        "/aws/service/debian/release/12/latest/arm64",
        XVDA,
        ARM64,
    ),
    alias("debian-13", "/aws/service/debian/release/13/latest/amd64", XVDA, X86_64),
    alias(
        "debian-13-arm64",
        "/aws/service/debian/release/13/latest/arm64",
        XVDA,
        ARM64,
    ),
    alias(
        "ubuntu-22.04",
        "/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id",
        SDA1,
        X86_64,
    ),
    alias(
        "ubuntu-22.04-arm64",
        "/aws/service/canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id",
        SDA1,
        ARM64,
    ),
    alias(
        "ubuntu-24.04",
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
        SDA1,
        X86_64,
    ),
    alias(
        "ubuntu-24.04-arm64",
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
        SDA1,
        ARM64,
    ),
];

const X86_64: Architecture = Architecture::X86_64;
const ARM64: Architecture = Architecture::Arm64;

const fn alias(
    name: &'static str,
    parameter: &'static str,
    root_device: &'static str,
    architecture: Architecture,
) -> Alias {
    Alias {
        name,
        parameter,
        root_device,
        architecture,
    }
}

impl ImageRef {
    /// The image of a short name such as `al2023-arm64`; `None` when there is no such name.
    #[must_use]
    pub fn alias(name: &str) -> Option<Self> {
        let found = ALIASES.iter().find(|alias| alias.name == name)?;
        Some(Self::Alias {
            alias: found.name.to_owned(),
            parameter: found.parameter.to_owned(),
            root_device: found.root_device.to_owned(),
            architecture: found.architecture,
            root_size_gib: ALIAS_ROOT_SIZE_GIB,
        })
    }

    /// The short names that [`ImageRef::alias`] knows.
    pub fn aliases() -> impl Iterator<Item = &'static str> {
        ALIASES.iter().map(|alias| alias.name)
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id.as_str()),
            Self::Alias { alias, .. } => f.write_str(alias),
            Self::Parameter(path) => write!(f, "ssm:{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_type_tells_its_architecture() {
        let arm = [
            "t4g.small",
            "a1.medium",
            "m6gd.large",
            "c7gn.xlarge",
            "x2gd.medium",
            "im4gn.large",
            "is4gen.large",
        ];
        let arm = arm.iter().chain(&[
            "g5g.xlarge",
            "hpc7g.4xlarge",
            "r8g.metal-24xl",
            "i8ge.large",
            "p6e-gb200.36xlarge",
        ]);
        for instance_type in arm {
            assert_eq!(
                Architecture::of_instance_type(instance_type),
                Some(Architecture::Arm64),
                "{instance_type}"
            );
        }
        let x86 = [
            "t3.small",
            "t3a.nano",
            "g4dn.xlarge",
            "g6e.xlarge",
            "gr6.4xlarge",
            "c7i-flex.large",
            "u-6tb1.metal",
        ];
        for instance_type in
            x86.iter()
                .chain(&["u7in-16tb.224xlarge", "p6-b200.48xlarge", "m7a.medium", "trn1.2xlarge"])
        {
            assert_eq!(
                Architecture::of_instance_type(instance_type),
                Some(Architecture::X86_64),
                "{instance_type}"
            );
        }
        for unknown in ["mac2.metal", "mac1.metal", "t4g", "", ".", "4g.small", "x.y"] {
            assert_eq!(Architecture::of_instance_type(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_alias_names_its_own_architecture() {
        for name in ImageRef::aliases() {
            let Some(ImageRef::Alias {
                parameter,
                architecture,
                ..
            }) = ImageRef::alias(name)
            else {
                panic!("{name} is not an alias");
            };
            let arm = name.ends_with("-arm64");
            assert_eq!(architecture == Architecture::Arm64, arm, "{name}");
            assert_eq!(parameter.contains("arm64"), arm, "{name}");
        }
    }
}
