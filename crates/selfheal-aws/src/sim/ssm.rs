//! Parameter Store, as far as image aliases need it, and who the caller is.

use async_trait::async_trait;
use selfheal_core::world::{Identity, Image};

use super::auth::Target;
use super::call::Call;
use super::{Sim, World};
use crate::backend::{Account, CallResult};

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

/// Publishes the images and the parameters that lead to them.
pub(super) fn publish_images(world: &mut World) {
    for (prefix, architectures, suffix, root_device, root_size_gib) in PUBLIC_IMAGES {
        for architecture in architectures {
            let id = world.new_id("ami");
            let image = Image {
                id: id.clone(),
                root_device: (*root_device).to_owned(),
                architecture: Some(if *architecture == "arm64" { "arm64" } else { "x86_64" }.to_owned()),
                root_size_gib: Some(*root_size_gib),
            };
            world.images.insert(id.clone(), image);
            world
                .parameters
                .entry(format!("{prefix}{architecture}{suffix}"))
                .or_insert_with(|| id.clone());
            for (release, volume_type) in UBUNTU_OTHER_TYPE {
                if prefix.contains(&format!("/server/{release}/")) {
                    let name = format!("{prefix}{architecture}/hvm/ebs-{volume_type}/ami-id");
                    world.parameters.entry(name).or_insert_with(|| id.clone());
                }
            }
        }
    }
}

#[async_trait]
impl Account for Sim {
    async fn caller_identity(&self) -> CallResult<Identity> {
        let caller = self.caller().name().to_owned();
        self.call(Call::read("sts:GetCallerIdentity"), move |world| {
            let arn = world.arn("iam", &format!("user/{caller}"));
            Ok(Identity {
                account: world.config.account.clone(),
                arn,
                region: world.config.region.clone(),
            })
        })
        .await
    }

    async fn get_parameter(&self, name: &str) -> CallResult<Option<String>> {
        let call = Call::read("ssm:GetParameter")
            .about(name)
            .on(Target::Parameter(name.to_owned()));
        let name = name.to_owned();
        self.call(call, move |world| Ok(world.parameters.get(&name).cloned()))
            .await
    }
}
