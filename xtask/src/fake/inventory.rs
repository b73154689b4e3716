//! What exists in moto's world, read by the task itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use roxmltree::Node;

use super::query::{Aws, deep_text, items, parse, text};
use crate::error::{TaskError, TaskResult};

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// An Elastic IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its allocation id.
    pub allocation_id: String,
    /// The address.
    pub public_ip: String,
    /// The instance that it is associated with; empty when it is free.
    pub instance_id: String,
    /// Its tags.
    pub tags: Tags,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its id.
    pub id: String,
    /// Size, type, zone and encryption in words, for comparison.
    pub kind: String,
    /// The instances that it is attached to.
    pub attached_to: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its state, such as `running`.
    pub state: String,
    /// Its type.
    pub instance_type: String,
    /// Its zone.
    pub zone: String,
    /// Its private address.
    pub private_ip: String,
    /// Its primary network interface.
    pub interface_id: String,
    /// Its tags.
    pub tags: Tags,
}

/// What exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Elastic IPs.
    pub addresses: Vec<Address>,
    /// Volumes, root volumes among them.
    pub volumes: Vec<Volume>,
    /// Instances that are not terminated.
    pub instances: Vec<Instance>,
    /// The A records: name and value.
    pub records: Vec<(String, String)>,
    /// Everything else in words without ids, one line each, for comparison.
    pub others: Vec<String>,
}

impl Inventory {
    /// Reads what exists.
    pub fn read(aws: &Aws, zone_id: &str) -> TaskResult<Self> {
        let mut inventory = Self {
            addresses: addresses(aws)?,
            volumes: volumes(aws)?,
            instances: instances(aws)?,
            records: records(aws, zone_id)?,
            others: Vec::new(),
        };
        inventory.others.extend(security_groups(aws)?);
        inventory.others.extend(launch_templates(aws)?);
        inventory.others.extend(groups(aws)?);
        inventory.others.extend(roles(aws)?);
        inventory.others.extend(profiles(aws)?);
        inventory.others.extend(snapshots(aws)?);
        inventory.others.extend(log_groups(aws)?);
        inventory.others.extend(parameters(aws)?);
        inventory.others.extend(topics(aws)?);
        Ok(inventory)
    }

    /// The volume that is the stack's data volume, by its tag.
    pub fn data_volumes(&self) -> Vec<&Volume> {
        self.volumes
            .iter()
            .filter(|volume| volume.tags.get("selfheal:role").is_some_and(|role| role == "volume"))
            .collect()
    }

    /// Everything in words, sorted, ids left out: equal for worlds that hold the same.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = self.others.clone();
        for address in &self.addresses {
            lines.push(format!("address, {}", words(&address.tags)));
        }
        for volume in &self.volumes {
            lines.push(format!("volume of {}, {}", volume.kind, words(&volume.tags)));
        }
        for instance in &self.instances {
            lines.push(format!(
                "instance {} {}, {}",
                instance.state,
                instance.instance_type,
                words(&instance.tags)
            ));
        }
        for (name, value) in &self.records {
            let ours = self.addresses.iter().any(|address| address.public_ip == *value);
            lines.push(format!(
                "record {name} {}",
                if ours { "of the address" } else { "of another address" }
            ));
        }
        lines.sort();
        lines
    }
}

fn words(tags: &Tags) -> String {
    let mut line = "tags".to_owned();
    // AWS's own tags hold ids.
    for (key, value) in tags.iter().filter(|(key, _)| !key.starts_with("aws:")) {
        let _ = write!(line, " {key}={value}");
    }
    line
}

fn tags(node: Node<'_, '_>, list: &str, key: &str, value: &str) -> Tags {
    items(node, list)
        .into_iter()
        .map(|tag| (text(tag, key), text(tag, value)))
        .collect()
}

fn ec2_tags(node: Node<'_, '_>) -> Tags {
    tags(node, "tagSet", "key", "value")
}

fn addresses(aws: &Aws) -> TaskResult<Vec<Address>> {
    addresses_in(&aws.ec2("DescribeAddresses", &[])?)
}

/// Reads the answer of `DescribeAddresses`.
pub fn addresses_in(xml: &str) -> TaskResult<Vec<Address>> {
    Ok(items(parse(xml)?.root(), "addressesSet")
        .into_iter()
        .map(|node| Address {
            allocation_id: text(node, "allocationId"),
            public_ip: text(node, "publicIp"),
            instance_id: text(node, "instanceId"),
            tags: ec2_tags(node),
        })
        .collect())
}

/// Reads the volumes.
pub fn volumes(aws: &Aws) -> TaskResult<Vec<Volume>> {
    let xml = aws.ec2("DescribeVolumes", &[])?;
    Ok(items(parse(&xml)?.root(), "volumeSet")
        .into_iter()
        .map(|node| Volume {
            id: text(node, "volumeId"),
            kind: format!(
                "{} GiB {} in {}, encrypted {}",
                text(node, "size"),
                text(node, "volumeType"),
                text(node, "availabilityZone"),
                text(node, "encrypted")
            ),
            attached_to: items(node, "attachmentSet")
                .into_iter()
                .map(|one| text(one, "instanceId"))
                .collect(),
            tags: ec2_tags(node),
        })
        .collect())
}

/// Reads the instances that are not terminated.
pub fn instances(aws: &Aws) -> TaskResult<Vec<Instance>> {
    let xml = aws.ec2("DescribeInstances", &[])?;
    let document = parse(&xml)?;
    Ok(items(document.root(), "reservationSet")
        .into_iter()
        .flat_map(|reservation| items(reservation, "instancesSet"))
        .map(|node| Instance {
            id: text(node, "instanceId"),
            state: node
                .children()
                .find(|child| child.tag_name().name() == "instanceState")
                .map(|state| text(state, "name"))
                .unwrap_or_default(),
            instance_type: text(node, "instanceType"),
            zone: deep_text(node, "availabilityZone"),
            private_ip: text(node, "privateIpAddress"),
            interface_id: deep_text(node, "networkInterfaceId"),
            tags: ec2_tags(node),
        })
        .filter(|instance| instance.state != "terminated")
        .collect())
}

fn records(aws: &Aws, zone_id: &str) -> TaskResult<Vec<(String, String)>> {
    let xml = aws.route53(&format!("hostedzone/{zone_id}/rrset"), None)?;
    Ok(items(parse(&xml)?.root(), "ResourceRecordSets")
        .into_iter()
        .filter(|node| text(*node, "Type") == "A")
        .map(|node| (text(node, "Name"), deep_text(node, "Value")))
        .collect())
}

fn security_groups(aws: &Aws) -> TaskResult<Vec<String>> {
    let xml = aws.ec2("DescribeSecurityGroups", &[])?;
    Ok(items(parse(&xml)?.root(), "securityGroupInfo")
        .into_iter()
        .filter(|node| text(*node, "groupName") != "default")
        .map(|node| {
            let mut rules: Vec<String> = items(node, "ipPermissions")
                .into_iter()
                .flat_map(|rule| {
                    let ports = format!(
                        "{}-{}/{}",
                        text(rule, "fromPort"),
                        text(rule, "toPort"),
                        text(rule, "ipProtocol")
                    );
                    let v4 = items(rule, "ipRanges").into_iter().map(|range| text(range, "cidrIp"));
                    let v6 = items(rule, "ipv6Ranges")
                        .into_iter()
                        .map(|range| text(range, "cidrIpv6"));
                    v4.chain(v6)
                        .map(move |source| format!("{ports} from {source}"))
                        .collect::<Vec<_>>()
                })
                .collect();
            rules.sort();
            format!(
                "security group {} [{}], {}",
                text(node, "groupName"),
                rules.join(", "),
                words(&ec2_tags(node))
            )
        })
        .collect())
}

fn launch_templates(aws: &Aws) -> TaskResult<Vec<String>> {
    // moto cuts its lists at 15 without saying so.
    let xml = aws.ec2("DescribeLaunchTemplates", &[("MaxResults", "200")])?;
    Ok(items(parse(&xml)?.root(), "launchTemplates")
        .into_iter()
        .map(|node| {
            let name = text(node, "launchTemplateName");
            let latest = text(node, "latestVersionNumber");
            format!(
                "launch template {name} with {latest} versions, {}",
                words(&ec2_tags(node))
            )
        })
        .collect())
}

fn groups(aws: &Aws) -> TaskResult<Vec<String>> {
    let xml = aws.autoscaling("DescribeAutoScalingGroups", &[])?;
    Ok(items(parse(&xml)?.root(), "AutoScalingGroups")
        .into_iter()
        .map(|node| {
            let size = ["MinSize", "DesiredCapacity", "MaxSize"]
                .map(|name| text(node, name))
                .join("/");
            let version = node
                .children()
                .find(|child| child.tag_name().name() == "LaunchTemplate")
                .map(|template| text(template, "Version"))
                .unwrap_or_default();
            let tags = tags(node, "Tags", "Key", "Value");
            let name = text(node, "AutoScalingGroupName");
            let instances = items(node, "Instances").len();
            format!(
                "group {name} of {size} at version {version} with {instances} instances, {}",
                words(&tags)
            )
        })
        .collect())
}

fn roles(aws: &Aws) -> TaskResult<Vec<String>> {
    let xml = aws.iam("ListRoles", &[("PathPrefix", "/selfheal/")])?;
    let document = parse(&xml)?;
    let mut lines = Vec::new();
    for node in items(document.root(), "Roles") {
        let name = text(node, "RoleName");
        let policies = aws.iam("ListRolePolicies", &[("RoleName", &name)])?;
        let policies: Vec<String> = items(parse(&policies)?.root(), "PolicyNames")
            .into_iter()
            .map(|policy| policy.text().unwrap_or_default().to_owned())
            .collect();
        let described = aws.iam("GetRole", &[("RoleName", &name)])?;
        let tags = tags(parse(&described)?.root_element(), "Tags", "Key", "Value");
        lines.push(format!(
            "role {name} with policies [{}], {}",
            policies.join(", "),
            words(&tags)
        ));
    }
    Ok(lines)
}

fn profiles(aws: &Aws) -> TaskResult<Vec<String>> {
    let xml = aws.iam("ListInstanceProfiles", &[("PathPrefix", "/selfheal/")])?;
    let document = parse(&xml)?;
    let mut lines = Vec::new();
    for node in items(document.root(), "InstanceProfiles") {
        let name = text(node, "InstanceProfileName");
        let roles: Vec<String> = items(node, "Roles")
            .into_iter()
            .map(|role| text(role, "RoleName"))
            .collect();
        let described = aws.iam("GetInstanceProfile", &[("InstanceProfileName", &name)])?;
        let tags = tags(parse(&described)?.root_element(), "Tags", "Key", "Value");
        lines.push(format!(
            "profile {name} with roles [{}], {}",
            roles.join(", "),
            words(&tags)
        ));
    }
    Ok(lines)
}

/// The parameters of stacks; there are many of AWS's own.
fn parameters(aws: &Aws) -> TaskResult<Vec<String>> {
    let (mut found, mut token) = (Vec::new(), serde_json::Value::Null);
    loop {
        let mut body = serde_json::json!({ "Path": "/selfheal", "Recursive": true });
        if !token.is_null() {
            body["NextToken"] = token;
        }
        let text = aws.ssm("GetParametersByPath", &body.to_string())?;
        let mut answer: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| TaskError::malformed("an answer of moto", error))?;
        for parameter in answer["Parameters"].as_array().into_iter().flatten() {
            found.push(format!("parameter {}", parameter["Name"].as_str().unwrap_or_default()));
        }
        token = answer["NextToken"].take();
        if token.is_null() {
            return Ok(found);
        }
    }
}

fn topics(aws: &Aws) -> TaskResult<Vec<String>> {
    let xml = aws.sns("ListTopics", &[])?;
    let document = parse(&xml)?;
    let topics = items(document.root(), "Topics");
    Ok(topics
        .iter()
        .map(|node| format!("topic {}", text(*node, "TopicArn")))
        .collect())
}

fn log_groups(aws: &Aws) -> TaskResult<Vec<String>> {
    let text = aws.logs("DescribeLogGroups")?;
    let answer: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| TaskError::malformed("an answer of moto", error))?;
    let groups = answer["logGroups"].as_array().cloned().unwrap_or_default();
    Ok(groups
        .iter()
        .map(|group| {
            let name = group["logGroupName"].as_str().unwrap_or_default();
            format!("log group {name}, {} days", group["retentionInDays"])
        })
        .collect())
}

fn snapshots(aws: &Aws) -> TaskResult<Vec<String>> {
    let xml = aws.ec2("DescribeSnapshots", &[("Owner.1", "self")])?;
    Ok(items(parse(&xml)?.root(), "snapshotSet")
        .into_iter()
        .filter(|node| ec2_tags(*node).contains_key("selfheal:stack"))
        .map(|node| format!("snapshot, {}", words(&ec2_tags(node))))
        .collect())
}
