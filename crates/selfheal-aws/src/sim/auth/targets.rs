//! The resources that requests name, with what policies may ask of them.

use selfheal_core::names::{IAM_PATH, Tags};
use selfheal_core::world::{ARecord, GroupSettings, RecordSet, SnapshotId};
use selfheal_policy::Arn;
use selfheal_policy::eval::ResourceRequest;

use super::super::world::World;
use super::Target;

/// Keys of one resource.
type Keys = Vec<(&'static str, String)>;

impl World {
    /// The name and the tags of something that exists and can be tagged.
    pub(in crate::sim) fn owner_tags(&self, target: &Target) -> Option<(String, Tags)> {
        let (name, tags) = match target {
            Target::Address(id) => (id.as_str(), self.addresses.get(id).map(|record| &record.address.tags)),
            Target::Volume(id) => (id.as_str(), self.volumes.get(id).map(|record| &record.volume.tags)),
            Target::SecurityGroup(id) => (
                id.as_str(),
                self.security_groups.get(id).map(|record| &record.group.tags),
            ),
            Target::Template(id) => (id.as_str(), self.templates.get(id).map(|record| &record.tags)),
            Target::ApplicationCheck(id) => (
                id.as_str(),
                self.application_checks.get(id).map(|record| &record.check.tags),
            ),
            Target::LifecyclePolicy(id) => (
                id.as_str(),
                self.lifecycle_policies.get(id).map(|record| &record.policy.tags),
            ),
            Target::LogGroup(name) | Target::LogGroupTags(name) => {
                (name.as_str(), self.log_groups.get(name).map(|record| &record.tags))
            }
            Target::Topic(name) | Target::Subscription(name, _) => {
                (name.as_str(), self.topics.get(name).map(|record| &record.tags))
            }
            Target::Role(name) => (name.as_str(), self.roles.get(name).map(|record| &record.role.tags)),
            Target::Profile(name) => (
                name.as_str(),
                self.profiles.get(name).map(|record| &record.profile.tags),
            ),
            Target::Group(name) | Target::GroupBounds(name, ..) | Target::ChangedGroup(GroupSettings { name, .. }) => {
                (name.as_str(), self.groups.get(name).map(|record| &record.tags))
            }
            Target::Association(id) => return self.owner_tags(&Target::Address(self.allocation_of(id)?)),
            Target::GroupOf(instance) => return self.owner_tags(&Target::Group(self.group_of(instance)?)),
            _ => return None,
        };
        Some((name.to_owned(), tags?.clone()))
    }

    /// Keys of the whole request that a target brings.
    pub(super) fn request_keys(&self, target: &Target, action: &str) -> Keys {
        match target {
            Target::NewGroup(settings) | Target::ChangedGroup(settings) if action.starts_with("autoscaling:") => {
                let types = settings.mixed.iter().flat_map(|policy| policy.types.clone());
                let types = types.map(|name| ("autoscaling:InstanceTypes", name));
                let bounds = [
                    ("autoscaling:MinSize", settings.min.to_string()),
                    ("autoscaling:MaxSize", settings.max.to_string()),
                    ("autoscaling:LaunchTemplateVersionSpecified", "true".to_owned()),
                ];
                bounds.into_iter().chain(types).collect()
            }
            Target::GroupBounds(_, min, max) => {
                let min = min.map(|min| ("autoscaling:MinSize", min.to_string()));
                let max = max.map(|max| ("autoscaling:MaxSize", max.to_string()));
                min.into_iter().chain(max).collect()
            }
            Target::Subscription(_, protocol) => vec![("sns:Protocol", protocol.clone())],
            Target::Record { record, change } => vec![
                (
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames",
                    record.name.to_ascii_lowercase(),
                ),
                ("route53:ChangeResourceRecordSetsRecordTypes", "A".to_owned()),
                ("route53:ChangeResourceRecordSetsActions", (*change).to_owned()),
            ],
            Target::Records { records, change, .. } => {
                let of_record = |record: &RecordSet| {
                    [
                        (
                            "route53:ChangeResourceRecordSetsNormalizedRecordNames",
                            record.name.to_ascii_lowercase(),
                        ),
                        (
                            "route53:ChangeResourceRecordSetsRecordTypes",
                            record.record_type.clone(),
                        ),
                    ]
                };
                let action = ("route53:ChangeResourceRecordSetsActions", change.clone());
                records.iter().flat_map(of_record).chain([action]).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A target as the evaluator sees it; `None` for what does not exist and could not be named.
    pub(super) fn resource(&self, target: &Target) -> Option<ResourceRequest> {
        let (service, name, keys, tags) = match target {
            Target::Association(id) => {
                let allocation = self.allocation_of(id)?;
                return self.resource(&Target::Address(allocation));
            }
            Target::AssociatedInterface(id) => {
                let allocation = self.allocation_of(id)?;
                let instance = self.addresses.get(&allocation)?.address.instance_id.clone()?;
                return self.resource(&Target::Interface(instance));
            }
            Target::GroupOf(instance) => {
                let group = self.group_of(instance)?;
                return self.resource(&Target::Group(group));
            }
            Target::Address(_) | Target::Volume(_) | Target::Instance(_) | Target::Interface(_) => {
                self.ec2_target(target)?
            }
            Target::Role(_) | Target::Profile(_) | Target::ReadRole(_) | Target::ReadProfile(_) => {
                self.iam_target(target)?
            }
            Target::Unknown => return None,
            Target::Key(arn) | Target::Principal(arn) => return Some(ResourceRequest::new(arn.parse().ok()?)),
            Target::Quota(code) => {
                let arn = self.arn("servicequotas", &format!("ec2/{code}")).parse().ok()?;
                return Some(ResourceRequest::new(arn).with("servicequotas:service", "ec2"));
            }
            _ => self.plain_target(target),
        };
        let arn: Arn = self.target_arn(service, &name).parse().ok()?;
        let mut resource = ResourceRequest::new(arn);
        for (key, value) in keys {
            resource = resource.with(key, value);
        }
        for (key, value) in tags {
            resource = resource.tagged(&key, &value);
        }
        Some(resource)
    }

    /// Snapshots, and AWS's own parameters and documents, belong to no account in their ARN.
    fn target_arn(&self, service: &str, name: &str) -> String {
        let ownerless = (service == "ec2" && name.starts_with("snapshot/"))
            || (service == "ssm" && (name.starts_with("parameter/aws/service/") || name.starts_with("document/AWS-")));
        let (partition, region) = (self.partition(), &self.config.region);
        if ownerless {
            format!("arn:{partition}:{service}:{region}::{name}")
        } else {
            self.arn(service, name)
        }
    }

    /// The EC2 resources of which policies know more than the name.
    fn ec2_target(&self, target: &Target) -> Option<(&'static str, String, Keys, Tags)> {
        let found = match target {
            Target::Address(id) => {
                let record = self.addresses.get(id);
                let ip = record.map(|record| ("ec2:PublicIpAddress", record.address.public_ip.clone()));
                let mut keys = vec![("ec2:AllocationId", id.to_string()), ("ec2:Domain", "vpc".to_owned())];
                keys.extend(ip);
                (
                    format!("elastic-ip/{id}"),
                    keys,
                    record.map(|record| record.address.tags.clone()),
                )
            }
            Target::Volume(id) => {
                let volume = self.volumes.get(id).map(|record| &record.volume);
                let mut keys = vec![("ec2:VolumeID", id.to_string())];
                if let Some(volume) = volume {
                    keys.push(("ec2:AvailabilityZone", volume.zone.clone()));
                    keys.push(("ec2:Encrypted", volume.encrypted.to_string()));
                    keys.push(("ec2:VolumeType", volume.volume_type.clone()));
                }
                (format!("volume/{id}"), keys, volume.map(|volume| volume.tags.clone()))
            }
            Target::Instance(id) => {
                let instance = self.instances.get(id);
                let mut keys = vec![("ec2:InstanceID", id.to_string())];
                if let Some(instance) = instance {
                    keys.push(("ec2:InstanceProfile", instance.data.profile_arn.clone()));
                    keys.push(("ec2:AvailabilityZone", instance.zone.clone()));
                    keys.push(("ec2:InstanceType", instance.data.instance_type.clone()));
                }
                (
                    format!("instance/{id}"),
                    keys,
                    instance.map(|instance| instance.tags.clone()),
                )
            }
            Target::Interface(instance) => {
                let instance = self.instances.get(instance)?;
                let keys = vec![
                    ("ec2:NetworkInterfaceID", instance.interface_id.to_string()),
                    ("ec2:Subnet", self.arn("ec2", &format!("subnet/{}", instance.subnet_id))),
                    ("ec2:Vpc", self.arn("ec2", &format!("vpc/{}", instance.vpc_id))),
                ];
                let tags = instance.data.interface_tags.clone();
                (format!("network-interface/{}", instance.interface_id), keys, Some(tags))
            }
            _ => return None,
        };
        let (name, keys, tags) = found;
        Some(("ec2", name, keys, tags.unwrap_or_default()))
    }

    /// Roles and instance profiles.
    fn iam_target(&self, target: &Target) -> Option<(&'static str, String, Keys, Tags)> {
        let (name, tags) = match target {
            Target::Role(name) => (
                format!("role{IAM_PATH}{name}"),
                self.roles.get(name).map(|record| &record.role.tags),
            ),
            Target::Profile(name) => (
                format!("instance-profile{IAM_PATH}{name}"),
                self.profiles.get(name).map(|record| &record.profile.tags),
            ),
            Target::ReadRole(name) => {
                let record = self.roles.get(name).filter(|record| self.sees(record.visible_ms));
                let arn = record.map(|record| record.role.arn.as_str());
                (read_name("role", name, arn), record.map(|record| &record.role.tags))
            }
            Target::ReadProfile(name) => {
                let record = self.profiles.get(name).filter(|record| self.sees(record.visible_ms));
                let arn = record.map(|record| record.profile.arn.as_str());
                (
                    read_name("instance-profile", name, arn),
                    record.map(|record| &record.profile.tags),
                )
            }
            _ => return None,
        };
        Some(("iam", name, Keys::new(), tags.cloned().unwrap_or_default()))
    }

    /// A snapshot, whose ARN names no account.
    fn snapshot_target(&self, id: &SnapshotId) -> (&'static str, String, Keys, Tags) {
        let keys = vec![("ec2:Owner", self.config.account.clone())];
        let tags = self.snapshots.get(id).map(|record| record.snapshot.tags.clone());
        ("ec2", format!("snapshot/{id}"), keys, tags.unwrap_or_default())
    }

    /// The other resources: a name and tags.
    fn plain_target(&self, target: &Target) -> (&'static str, String, Keys, Tags) {
        let ec2 = |name: String, tags: Option<&Tags>| ("ec2", name, Keys::new(), tags.cloned().unwrap_or_default());
        match target {
            Target::SecurityGroup(id) => ec2(
                format!("security-group/{id}"),
                self.security_groups.get(id).map(|record| &record.group.tags),
            ),
            Target::Template(id) => ec2(
                format!("launch-template/{id}"),
                self.templates.get(id).map(|record| &record.tags),
            ),
            Target::Snapshot(id) => self.snapshot_target(id),
            Target::ApplicationCheck(id) => ec2(
                format!("application-status-check/{id}"),
                self.application_checks.get(id).map(|record| &record.check.tags),
            ),
            Target::Vpc(id) => {
                let keys = vec![("ec2:VpcID", id.to_string())];
                ("ec2", format!("vpc/{id}"), keys, Tags::new())
            }
            Target::RecordChange(id) => ("route53", format!("change/{id}"), Keys::new(), Tags::new()),
            Target::Zone(id)
            | Target::Records { zone: id, .. }
            | Target::Record {
                record: ARecord { zone_id: id, .. },
                ..
            } => ("route53", format!("hostedzone/{id}"), Keys::new(), Tags::new()),
            Target::LifecyclePolicy(id) => {
                let tags = self.lifecycle_policies.get(id).map(|record| record.policy.tags.clone());
                ("dlm", format!("policy/{id}"), Keys::new(), tags.unwrap_or_default())
            }
            Target::NewLifecyclePolicy => ("dlm", "policy/*".to_owned(), Keys::new(), Tags::new()),
            Target::LogGroup(_) | Target::LogGroupTags(_) | Target::LogStream(..) => self.log_target(target),
            Target::Topic(name) | Target::Subscription(name, _) => {
                let tags = self.topics.get(name).map(|record| record.tags.clone());
                ("sns", name.clone(), Keys::new(), tags.unwrap_or_default())
            }
            Target::Document(name) => ("ssm", format!("document/{name}"), Keys::new(), Tags::new()),
            Target::Parameter(name) => (
                "ssm",
                format!("parameter/{}", name.trim_start_matches('/')),
                Keys::new(),
                Tags::new(),
            ),
            Target::Group(name)
            | Target::GroupBounds(name, ..)
            | Target::NewGroup(GroupSettings { name, .. })
            | Target::ChangedGroup(GroupSettings { name, .. }) => {
                let record = self.groups.get(name);
                let uuid = record.map_or("*", |record| record.uuid.as_str());
                let tags = record.map(|record| record.tags.clone()).unwrap_or_default();
                (
                    "autoscaling",
                    format!("autoScalingGroup:{uuid}:autoScalingGroupName/{name}"),
                    Keys::new(),
                    tags,
                )
            }
            _ => {
                let (name, keys) = self.new_target(target);
                ("ec2", name, keys, Tags::new())
            }
        }
    }

    /// The log group, and what is in it.
    fn log_target(&self, target: &Target) -> (&'static str, String, Keys, Tags) {
        let (name, within) = match target {
            // But for those about its tags, calls are judged as about all that is in the group.
            Target::LogGroup(name) => (name, ":log-stream:".to_owned()),
            Target::LogStream(group, stream) => {
                let arn = format!("log-group:{group}:log-stream:{stream}");
                return ("logs", arn, Keys::new(), Tags::new());
            }
            Target::LogGroupTags(name) => (name, String::new()),
            _ => return ("logs", String::new(), Keys::new(), Tags::new()),
        };
        let tags = self.log_groups.get(name).map(|record| record.tags.clone());
        (
            "logs",
            format!("log-group:{name}{within}"),
            Keys::new(),
            tags.unwrap_or_default(),
        )
    }

    /// What an EC2 call makes: its id is not known yet, so that it is evaluated as any of its type.
    fn new_target(&self, target: &Target) -> (String, Keys) {
        let (name, keys) = match target {
            Target::NewAddress => ("elastic-ip/*", Keys::new()),
            Target::NewVolume(input) => {
                let keys = vec![
                    ("ec2:AvailabilityZone", input.zone.clone()),
                    ("ec2:Encrypted", input.encrypted.to_string()),
                    ("ec2:VolumeType", input.volume_type.clone()),
                    ("ec2:VolumeSize", input.size_gib.to_string()),
                ];
                ("volume/*", keys)
            }
            Target::CopiedVolume(input) => {
                let keys = vec![
                    ("ec2:VolumeType", input.volume_type.clone()),
                    ("ec2:VolumeSize", input.size_gib.to_string()),
                ];
                ("volume/*", keys)
            }
            Target::NewSnapshot => ("snapshot/*", Keys::new()),
            Target::NewSecurityGroup(vpc) => {
                let keys = vec![("ec2:Vpc", self.arn("ec2", &format!("vpc/{vpc}")))];
                ("security-group/*", keys)
            }
            Target::NewTemplate => ("launch-template/*", Keys::new()),
            Target::NewApplicationCheck => ("application-status-check/*", Keys::new()),
            _ => ("*", Keys::new()),
        };
        (name.to_owned(), keys)
    }
}

/// The last part of the ARN by which IAM judges a read: that of what exists, and the bare name, without any path, of what
/// does not (aws-parallelcluster#5837).
fn read_name(kind: &str, name: &str, arn: Option<&str>) -> String {
    let of_arn = arn.and_then(|arn| arn.splitn(6, ':').nth(5)).map(str::to_owned);
    of_arn.unwrap_or_else(|| format!("{kind}/{name}"))
}
