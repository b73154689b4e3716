//! Authorisation: what the caller's policies allow, decided by the evaluator of `selfheal-policy`.

use selfheal_core::action::{ARecord, CreateVolume, GroupSettings};
use selfheal_core::names::{IAM_PATH, Tags};
use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::{Arn, Document};

use super::World;
use super::call::{Call, Caller};
use super::faults::denied;
use super::state::InstanceState;
use crate::backend::CallResult;
use crate::error::CallError;

/// A resource that a request names, and AWS therefore evaluates.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Address(String),
    Association(String),
    Volume(String),
    Instance(String),
    /// The network interface of an instance.
    Interface(String),
    SecurityGroup(String),
    Template(String),
    Snapshot(String),
    Vpc(String),
    Group(String),
    /// The group of an instance.
    GroupOf(String),
    Role(String),
    Profile(String),
    Zone(String),
    Record {
        record: ARecord,
        change: &'static str,
    },
    Parameter(String),
    NewAddress,
    NewVolume(CreateVolume),
    NewSnapshot,
    NewSecurityGroup,
    NewTemplate,
    NewGroup(GroupSettings),
    Unknown,
}

impl Target {
    /// The target that an EC2 id stands for.
    pub(super) fn of_ec2_id(id: &str) -> Self {
        let own = id.to_owned();
        match id.split_once('-').map(|(prefix, _)| prefix) {
            Some("eipalloc") => Self::Address(own),
            Some("vol") => Self::Volume(own),
            Some("i") => Self::Instance(own),
            Some("sg") => Self::SecurityGroup(own),
            Some("lt") => Self::Template(own),
            Some("snap") => Self::Snapshot(own),
            _ => Self::Unknown,
        }
    }
}

/// Whether a policy document can be read; IAM's words where it cannot.
pub(super) fn parses(document: &str) -> Result<(), String> {
    match document.parse::<Document>() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("Syntax errors in policy: {error}")),
    }
}

/// Keys of one resource.
type Keys = Vec<(&'static str, String)>;

impl World {
    /// The ARN that a caller goes by.
    pub(super) fn principal_arn(&self, caller: &Caller) -> String {
        match caller {
            Caller::Operator(name) => self.arn("iam", &format!("user/{name}")),
            Caller::Instance(id) => {
                let role = self.role_of(id).unwrap_or_default();
                let (partition, account) = (self.partition(), &self.config.account);
                format!("arn:{partition}:sts::{account}:assumed-role/{role}/{id}")
            }
        }
    }

    /// The role of an instance, through its profile.
    pub(super) fn role_of(&self, instance: &str) -> Option<String> {
        let arn = &self.instances.get(instance)?.data.profile_arn;
        self.profiles
            .values()
            .find(|record| record.profile.arn == *arn)?
            .profile
            .role
            .clone()
    }

    /// Refuses a call that the caller's policies do not allow.
    pub(super) fn authorise(&self, caller: &Caller, call: &Call) -> CallResult<()> {
        let documents = match caller {
            Caller::Operator(_) => match &self.config.operator_policy {
                None => return Ok(()),
                Some(text) => vec![text.as_str()],
            },
            Caller::Instance(_) if !self.config.authorise_instances => return Ok(()),
            Caller::Instance(id) => {
                let running = self
                    .instances
                    .get(id)
                    .is_some_and(|it| it.state != InstanceState::Terminated);
                let role = self.role_of(id).filter(|_| running);
                let policies = role
                    .as_deref()
                    .and_then(|role| self.roles.get(role))
                    .map(|record| &record.policies);
                policies
                    .into_iter()
                    .flatten()
                    .filter_map(|(_, policy)| policy.in_force(self.now_ms))
                    .collect()
            }
        };
        let documents: Vec<Document> = documents.into_iter().filter_map(|text| text.parse().ok()).collect();
        let documents: Vec<&Document> = documents.iter().collect();
        for request in self.requests(caller, call) {
            if !evaluate(Policies::identity(&documents), &request).is_allowed() {
                return Err(self.refuse(caller, call, &request));
            }
        }
        Ok(())
    }

    fn refuse(&self, caller: &Caller, call: &Call, request: &Request) -> CallError {
        let who = self.principal_arn(caller);
        let resource = request.resources.first().map_or("*", |resource| resource.arn.as_str());
        let mut error = denied(call.action, &who, resource);
        if request.action != call.action {
            error.message = error.message.replace(call.action, &request.action);
        }
        error
    }

    /// The requests that AWS evaluates for a call: its own, and those of the actions that it implies.
    fn requests(&self, caller: &Caller, call: &Call) -> Vec<Request> {
        let mut own = self.request(caller, call.action);
        for target in &call.targets {
            let Some(mut resource) = self.resource(target) else {
                continue;
            };
            for (key, value) in &call.tags {
                resource = resource.tagging(key, value);
            }
            own = own.on(resource);
        }
        own = own.with_all("aws:TagKeys", call.tag_keys.clone());
        for (key, value) in call.targets.iter().flat_map(|target| self.request_keys(target)) {
            own = own.with(key, value);
        }
        let mut requests = vec![own];
        if call.tags_on_create {
            requests.extend(self.tagging_request(caller, call));
        }
        if let Some(role) = &call.passes_role {
            requests.extend(self.pass_role(caller, role));
        }
        for target in &call.targets {
            if let Target::NewGroup(settings) = target
                && let Some(role) = self.role_of_template(settings)
            {
                requests.extend(self.pass_role(caller, &role));
            }
        }
        requests
    }

    fn request(&self, caller: &Caller, action: &str) -> Request {
        let region = self.config.region.clone();
        let mut request = Request::new(action).with("aws:RequestedRegion", region.clone());
        if action.starts_with("ec2:") {
            request = request.with("ec2:Region", region);
        }
        match caller {
            Caller::Operator(_) => request.with("aws:PrincipalArn", self.principal_arn(caller)),
            Caller::Instance(id) => {
                let role = self.role_of(id).unwrap_or_default();
                request
                    .with("aws:PrincipalArn", self.arn("iam", &format!("role{IAM_PATH}{role}")))
                    .with("ec2:SourceInstanceARN", self.arn("ec2", &format!("instance/{id}")))
            }
        }
    }

    /// What is tagged when it is made is authorised as `CreateTags` as well, with the action that makes it as a key.
    fn tagging_request(&self, caller: &Caller, call: &Call) -> Option<Request> {
        let (service, name) = call.action.split_once(':')?;
        let action = match (service, name) {
            ("ec2", _) => "ec2:CreateTags",
            ("iam", "CreateRole") => "iam:TagRole",
            ("iam", "CreateInstanceProfile") => "iam:TagInstanceProfile",
            ("autoscaling", _) => "autoscaling:CreateOrUpdateTags",
            _ => return None,
        };
        let made = |target: &&Target| {
            matches!(
                target,
                Target::NewAddress
                    | Target::NewVolume(_)
                    | Target::NewSnapshot
                    | Target::NewSecurityGroup
                    | Target::NewTemplate
                    | Target::NewGroup(_)
                    | Target::Role(_)
                    | Target::Profile(_)
            )
        };
        let mut resource = call
            .targets
            .iter()
            .find(made)
            .and_then(|target| self.resource(target))?;
        for (key, value) in &call.tags {
            resource = resource.tagging(key, value);
        }
        let mut request = self.request(caller, action).on(resource);
        if service == "ec2" {
            request = request.with("ec2:CreateAction", name);
        }
        Some(request)
    }

    fn pass_role(&self, caller: &Caller, role: &str) -> Option<Request> {
        let arn: Arn = self.arn("iam", &format!("role{IAM_PATH}{role}")).parse().ok()?;
        let service = if self.partition() == "aws-cn" {
            "ec2.amazonaws.com.cn"
        } else {
            "ec2.amazonaws.com"
        };
        let request = self.request(caller, "iam:PassRole").on(ResourceRequest::new(arn));
        Some(request.with("iam:PassedToService", service))
    }

    fn role_of_template(&self, settings: &GroupSettings) -> Option<String> {
        let data = self
            .templates
            .get(&settings.template_id)?
            .version(settings.template_version)?;
        self.profiles
            .values()
            .find(|record| record.profile.arn == data.profile_arn)?
            .profile
            .role
            .clone()
    }

    /// Keys of the whole request that a target brings.
    fn request_keys(&self, target: &Target) -> Keys {
        match target {
            Target::Record { record, change } => vec![
                (
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames",
                    record.name.to_ascii_lowercase(),
                ),
                ("route53:ChangeResourceRecordSetsRecordTypes", "A".to_owned()),
                ("route53:ChangeResourceRecordSetsActions", (*change).to_owned()),
            ],
            _ => Vec::new(),
        }
    }

    /// A target as the evaluator sees it; `None` for what does not exist and could not be named.
    fn resource(&self, target: &Target) -> Option<ResourceRequest> {
        let (service, name, keys, tags) = match target {
            Target::Association(id) => {
                let allocation = self.allocation_of(id)?;
                return self.resource(&Target::Address(allocation));
            }
            Target::GroupOf(instance) => {
                let group = self.group_of(instance)?;
                return self.resource(&Target::Group(group));
            }
            Target::Address(_) | Target::Volume(_) | Target::Instance(_) | Target::Interface(_) => {
                self.ec2_target(target)?
            }
            Target::Unknown => return None,
            _ => self.plain_target(target),
        };
        let arn: Arn = self.arn(service, &name).parse().ok()?;
        let mut resource = ResourceRequest::new(arn);
        for (key, value) in keys {
            resource = resource.with(key, value);
        }
        for (key, value) in tags {
            resource = resource.tagged(&key, &value);
        }
        Some(resource)
    }

    /// The EC2 resources of which policies know more than the name.
    fn ec2_target(&self, target: &Target) -> Option<(&'static str, String, Keys, Tags)> {
        let found = match target {
            Target::Address(id) => {
                let record = self.addresses.get(id);
                let ip = record.map(|record| ("ec2:PublicIpAddress", record.address.public_ip.clone()));
                let mut keys = vec![("ec2:AllocationId", id.clone()), ("ec2:Domain", "vpc".to_owned())];
                keys.extend(ip);
                (
                    format!("elastic-ip/{id}"),
                    keys,
                    record.map(|record| record.address.tags.clone()),
                )
            }
            Target::Volume(id) => {
                let volume = self.volumes.get(id).map(|record| &record.volume);
                let mut keys = vec![("ec2:VolumeID", id.clone())];
                if let Some(volume) = volume {
                    keys.push(("ec2:AvailabilityZone", volume.zone.clone()));
                    keys.push(("ec2:Encrypted", volume.encrypted.to_string()));
                    keys.push(("ec2:VolumeType", volume.volume_type.clone()));
                }
                (format!("volume/{id}"), keys, volume.map(|volume| volume.tags.clone()))
            }
            Target::Instance(id) => {
                let instance = self.instances.get(id);
                let mut keys = vec![("ec2:InstanceID", id.clone())];
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
                    ("ec2:NetworkInterfaceID", instance.interface_id.clone()),
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

    /// The other resources: a name and tags.
    fn plain_target(&self, target: &Target) -> (&'static str, String, Keys, Tags) {
        let ec2 = |name: String, tags: Option<&Tags>| ("ec2", name, Keys::new(), tags.cloned().unwrap_or_default());
        let iam = |name: String, tags: Option<&Tags>| ("iam", name, Keys::new(), tags.cloned().unwrap_or_default());
        match target {
            Target::SecurityGroup(id) => ec2(
                format!("security-group/{id}"),
                self.security_groups.get(id).map(|record| &record.group.tags),
            ),
            Target::Template(id) => ec2(
                format!("launch-template/{id}"),
                self.templates.get(id).map(|record| &record.tags),
            ),
            Target::Snapshot(id) => ec2(
                format!("snapshot/{id}"),
                self.snapshots.get(id).map(|record| &record.snapshot.tags),
            ),
            Target::Vpc(id) => ec2(format!("vpc/{id}"), None),
            Target::NewAddress => ec2("elastic-ip/*".to_owned(), None),
            Target::NewVolume(input) => {
                let keys = vec![
                    ("ec2:AvailabilityZone", input.zone.clone()),
                    ("ec2:Encrypted", input.encrypted.to_string()),
                    ("ec2:VolumeType", input.volume_type.clone()),
                    ("ec2:VolumeSize", input.size_gib.to_string()),
                ];
                ("ec2", "volume/*".to_owned(), keys, Tags::new())
            }
            Target::NewSnapshot => ec2("snapshot/*".to_owned(), None),
            Target::NewSecurityGroup => ec2("security-group/*".to_owned(), None),
            Target::NewTemplate => ec2("launch-template/*".to_owned(), None),
            Target::Role(name) => iam(
                format!("role{IAM_PATH}{name}"),
                self.roles.get(name).map(|record| &record.role.tags),
            ),
            Target::Profile(name) => iam(
                format!("instance-profile{IAM_PATH}{name}"),
                self.profiles.get(name).map(|record| &record.profile.tags),
            ),
            Target::Zone(id)
            | Target::Record {
                record: ARecord { zone_id: id, .. },
                ..
            } => ("route53", format!("hostedzone/{id}"), Keys::new(), Tags::new()),
            Target::Parameter(name) => (
                "ssm",
                format!("parameter/{}", name.trim_start_matches('/')),
                Keys::new(),
                Tags::new(),
            ),
            Target::Group(name) | Target::NewGroup(GroupSettings { name, .. }) => {
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
            _ => ("ec2", "*".to_owned(), Keys::new(), Tags::new()),
        }
    }
}
