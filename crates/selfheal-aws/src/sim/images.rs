//! The public images, and the parameters of Parameter Store that lead to them.

use selfheal_core::world::{Image, ImageId};

/// The public image parameters: prefix, architectures as the path spells them, suffix, root device, root size in GiB.
const PUBLIC_IMAGES: &[(&str, [&str; 2], &str, &str, u32)] = &[
    (
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-",
        ["arm64", "x86_64"],
        "",
        "/dev/xvda",
        8,
    ),
    (
        "/aws/service/debian/release/12/latest/",
        ["arm64", "amd64"],
        "",
        "/dev/xvda",
        8,
    ),
    (
        "/aws/service/debian/release/13/latest/",
        ["arm64", "amd64"],
        "",
        "/dev/xvda",
        8,
    ),
    (
        "/aws/service/canonical/ubuntu/server/22.04/stable/current/",
        ["arm64", "amd64"],
        "/hvm/ebs-gp2/ami-id",
        "/dev/sda1",
        8,
    ),
    (
        "/aws/service/canonical/ubuntu/server/24.04/stable/current/",
        ["arm64", "amd64"],
        "/hvm/ebs-gp3/ami-id",
        "/dev/sda1",
        8,
    ),
];

/// Ubuntu's images under the other volume type that its parameters have been published with.
const UBUNTU_OTHER_TYPE: [(&str, &str); 2] = [("22.04", "gp3"), ("24.04", "gp2")];

/// An image that its owner publishes, without the id that it gets in a world.
pub(super) struct PublicImage {
    architecture: &'static str,
    root_device: &'static str,
    root_size_gib: u32,
    /// The public parameters that lead to it.
    pub(super) parameters: Vec<String>,
}

impl PublicImage {
    /// The image by this id.
    pub(super) fn image(&self, id: ImageId) -> Image {
        Image {
            id,
            root_device: self.root_device.to_owned(),
            architecture: Some(self.architecture.to_owned()),
            root_size_gib: Some(self.root_size_gib),
        }
    }
}

/// Every published image.
pub(super) fn public_images() -> Vec<PublicImage> {
    let mut found = Vec::new();
    for (prefix, architectures, suffix, root_device, root_size_gib) in PUBLIC_IMAGES {
        for architecture in architectures {
            let mut parameters = vec![format!("{prefix}{architecture}{suffix}")];
            for (release, volume_type) in UBUNTU_OTHER_TYPE {
                if prefix.contains(&format!("/server/{release}/")) {
                    parameters.push(format!("{prefix}{architecture}/hvm/ebs-{volume_type}/ami-id"));
                }
            }
            found.push(PublicImage {
                architecture: if *architecture == "arm64" { "arm64" } else { "x86_64" },
                root_device,
                root_size_gib: *root_size_gib,
                parameters,
            });
        }
    }
    found
}
