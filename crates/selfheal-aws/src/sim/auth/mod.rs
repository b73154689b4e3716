//! Authorisation: what the caller's policies allow, decided by the evaluator of `selfheal-policy`.

mod allowlist;
mod targets;

use selfheal_core::doctor::{Permission, PermissionRequest};
use selfheal_core::names::{IAM_PATH, TAG_STACK};
use selfheal_core::world::{GroupSettings, InstanceId, InstanceState, PolicyText};
use selfheal_policy::eval::{Decision, Layer, Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::requests::documented;
use selfheal_policy::{
    Arn, Document, Effect, ParseErrorKind, Partition, Principal, PrincipalSet, Principals, Target as PolicyTarget,
};

use super::call::{Call, Caller};
use super::faults::denied;
use super::state::{Granted, RoleRecord};
use super::target::Target;
use super::world::World;
use crate::backend::CallResult;
use crate::error::CallError;

/// Whether IAM takes a document as a policy of a role; its words where it does not.
pub(super) fn is_role_policy(document: &str) -> Result<(), String> {
    match Document::parse_identity(document) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ParseErrorKind::WrongKind => {
            Err("Policy document should not specify a principal.".to_owned())
        }
        Err(error) => Err(format!("Syntax errors in policy: {error}")),
    }
}

/// Whether IAM takes a document as a trust policy; its words where it does not.
pub(super) fn is_trust_policy(document: &str) -> Result<(), String> {
    match Document::parse_trust(document) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ParseErrorKind::WrongKind => Err("Has prohibited field Resource".to_owned()),
        Err(error) => Err(format!("Syntax errors in policy: {error}")),
    }
}

/// The service that a trust policy names by a name which IAM does not know in this partition.
///
/// Every partition knows the names below `amazonaws.com`; China has its own as well, and the others that have another
/// suffix for their endpoints do not (pulumi-eks#2341).
pub(super) fn unknown_service(document: &str, partition: Partition) -> Option<String> {
    let known = |name: &str| {
        name.ends_with(".amazonaws.com") || (partition == Partition::AwsCn && name.ends_with(".amazonaws.com.cn"))
    };
    services(document.parse().ok()?).into_iter().find(|name| !known(name))
}

/// The services that the statements of a trust policy name.
fn services(document: Document) -> Vec<String> {
    let named = document
        .statements
        .into_iter()
        .filter_map(|statement| match statement.target {
            PolicyTarget::Trust(PrincipalSet::Principal(Principals::Named(named))) => Some(named),
            _ => None,
        });
    named
        .flat_map(|named| named.iter().cloned().collect::<Vec<_>>())
        .filter_map(|principal| match principal {
            Principal::Service(name) => Some(name),
            _ => None,
        })
        .collect()
}

/// Whether a trust policy lets EC2 take the role: without that, an instance gets no credentials from its profile.
pub(super) fn trusts_ec2(policy: &PolicyText) -> bool {
    trusts(policy, |service| service.starts_with("ec2.amazonaws."))
}

/// The name by which Data Lifecycle Manager takes a role.
const DLM: &str = "dlm.amazonaws.com";

/// Whether a trust policy lets a service take the role.
fn trusts(policy: &PolicyText, is_service: impl Fn(&str) -> bool) -> bool {
    let Some(document) = policy.document() else {
        return false;
    };
    let wanted = |principal: &Principal| matches!(principal, Principal::Service(name) if is_service(name));
    document.statements.iter().any(|statement| {
        statement.effect == Effect::Allow
            && statement.actions.contains("sts:AssumeRole")
            && matches!(&statement.target, PolicyTarget::Trust(PrincipalSet::Principal(Principals::Named(named)))
                if named.iter().any(wanted))
    })
}

/// The policies that decide on a caller's requests.
struct Rights {
    documents: Vec<PolicyText>,
    boundary: Option<PolicyText>,
}

impl Rights {
    fn decide(&self, request: &Request) -> Decision {
        let documents: Vec<&Document> = self.documents.iter().filter_map(PolicyText::document).collect();
        // A boundary that was deleted, or cannot be read, allows nothing.
        let nothing = Document::new(Vec::new());
        let policies = Policies {
            boundary: (self.boundary.as_ref()).map(|boundary| boundary.document().unwrap_or(&nothing)),
            ..Policies::identity(&documents)
        };
        evaluate(policies, request)
    }
}

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
    pub(super) fn role_of(&self, instance: &InstanceId) -> Option<String> {
        let arn = &self.instances.get(instance)?.data.profile_arn;
        self.profiles
            .values()
            .find(|record| record.profile.arn == *arn)?
            .profile
            .role
            .clone()
    }

    /// Refuses a call that the caller's policies do not allow, and notes which statements allow it.
    pub(super) fn authorise(&mut self, caller: &Caller, call: &Call) -> CallResult<()> {
        let Some(rights) = self.rights(caller) else {
            return Ok(());
        };
        // Only the keys that the Service Authorization Reference lists for an action are there for a policy to ask for.
        for request in self.requests(caller, call).into_iter().map(documented) {
            if !self.is_granted(caller, &rights, &request) {
                return Err(self.refuse(caller, call, &request));
            }
        }
        Ok(())
    }

    /// Whether the role of an instance lets Systems Manager's agent register there and be reached.
    pub(super) fn may_connect(&mut self, instance: &InstanceId) -> bool {
        let caller = Caller::Instance(instance.clone());
        let Some(rights) = self.rights(&caller) else {
            return true;
        };
        let Some(resource) = self.resource(&Target::Instance(instance.clone())) else {
            return false;
        };
        let register = self.request(&caller, "ssm:UpdateInstanceInformation").on(resource);
        let channels = [
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ];
        let channels = channels.map(|action| self.request(&caller, action));
        let mut needed = std::iter::once(register).chain(channels);
        needed.all(|request| self.is_granted(&caller, &rights, &documented(request)))
    }

    /// Whether a caller may use a customer's key through EC2: by its own policies, the key's letting in whom they do.
    ///
    /// Source: EBS user guide, "How Amazon EBS encryption works": what creates or attaches a volume asks for a grant in the
    /// caller's name.
    pub(super) fn may_use_key(&mut self, caller: &Caller, key: &str) -> bool {
        if self.config.unusable_keys.contains(key) {
            return false;
        }
        let Some(rights) = self.rights(caller) else {
            return true;
        };
        let Some(resource) = self.resource(&Target::Key(key.to_owned())) else {
            return false;
        };
        let via = format!("ec2.{}.amazonaws.com", self.config.region);
        let mut needed = vec!["kms:CreateGrant", "kms:Decrypt"];
        if matches!(caller, Caller::Operator(_)) {
            needed.extend(["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"]);
        }
        needed.into_iter().all(|action| {
            let mut request = self.request(caller, action).on(resource.clone());
            request = request.with("kms:ViaService", via.clone());
            if action == "kms:CreateGrant" {
                request = request.with("kms:GrantIsForAWSResource", "true");
            }
            self.is_granted(caller, &rights, &documented(request))
        })
    }

    /// Whether a caller may use a customer's key through Parameter Store, for the value of a parameter.
    ///
    /// Source: Systems Manager user guide, "How AWS Systems Manager Parameter Store uses AWS KMS": the encryption context is
    /// the ARN of the parameter.
    pub(super) fn may_use_parameter_key(&mut self, caller: &Caller, key: &str, action: &str, name: &str) -> bool {
        if self.config.unusable_keys.contains(key) {
            return false;
        }
        let Some(rights) = self.rights(caller) else {
            return true;
        };
        let Some(resource) = self.resource(&Target::Key(key.to_owned())) else {
            return false;
        };
        let parameter = self.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')));
        let request = self
            .request(caller, action)
            .on(resource)
            .with("kms:ViaService", format!("ssm.{}.amazonaws.com", self.config.region))
            .with("kms:EncryptionContext:PARAMETER_ARN", parameter);
        self.is_granted(caller, &rights, &documented(request))
    }

    /// Whether Data Lifecycle Manager may do something under the role of this ARN: it trusts the service, and its policies
    /// and its boundary allow the call.
    pub(super) fn service_may(&self, role_arn: &str, action: &str, targets: &[Target]) -> bool {
        let role = self.roles.values().find(|record| record.role.arn == role_arn);
        let Some(record) = role.filter(|record| trusts(&record.role.trust_policy, |service| service == DLM)) else {
            return false;
        };
        let mut request = Request::new(action).with("aws:RequestedRegion", self.config.region.clone());
        for target in targets {
            request = match self.resource(target) {
                Some(resource) => request.on(resource),
                None => return false,
            };
        }
        matches!(
            self.rights_of(Some(record)).decide(&documented(request)),
            Decision::Allow(_)
        )
    }

    /// Whether what a caller may do includes a request; notes which of its own statements allow it.
    fn is_granted(&mut self, caller: &Caller, rights: &Rights, request: &Request) -> bool {
        let Decision::Allow(grants) = rights.decide(request) else {
            return false;
        };
        let of_identity = grants.into_iter().filter(|grant| grant.layer == Layer::Identity);
        let granted = of_identity.map(|grant| Granted {
            operator: matches!(caller, Caller::Operator(_)),
            statement: grant.sid,
            action: request.action.clone(),
        });
        self.granted.extend(granted);
        true
    }

    /// What a caller may do; `None` for one that may do everything.
    fn rights(&self, caller: &Caller) -> Option<Rights> {
        match caller {
            Caller::Operator(_) => Some(Rights {
                documents: vec![self.config.operator_policy.clone()?],
                boundary: None,
            }),
            Caller::Instance(_) if !self.config.authorise_instances => None,
            Caller::Instance(id) => {
                let running = self
                    .instances
                    .get(id)
                    .is_some_and(|it| it.state != InstanceState::Terminated);
                let role = self.role_of(id).filter(|_| running);
                let record = role.as_deref().and_then(|role| self.roles.get(role));
                Some(self.rights_of(record.filter(|record| trusts_ec2(&record.role.trust_policy))))
            }
        }
    }

    /// What whoever has taken a role may do; nothing where it could not be taken.
    fn rights_of(&self, record: Option<&RoleRecord>) -> Rights {
        let policies = record.into_iter().flat_map(|record| record.policies.values());
        let boundary = record.and_then(|record| record.role.permissions_boundary.as_ref());
        Rights {
            documents: policies
                .filter_map(|policy| policy.in_force(self.now_ms).cloned())
                .collect(),
            boundary: boundary.map(|arn| self.config.managed_policies.get(arn).cloned().unwrap_or_default()),
        }
    }

    /// What the policies of whoever asks say to a request that is not made, as IAM's simulator tells it.
    ///
    /// Source: API reference of `SimulatePrincipalPolicy`: each action with each resource, or with `*` where none is named;
    /// keys that nobody gives are not there.
    pub(super) fn simulate(&self, caller: &Caller, asked: &PermissionRequest) -> Vec<Permission> {
        let rights = self.rights(caller);
        let resources = match asked.resources.as_slice() {
            [] => vec!["*".to_owned()],
            named => named.to_vec(),
        };
        let pairs = asked
            .actions
            .iter()
            .flat_map(|action| resources.iter().map(move |resource| (action, resource)));
        let judge = |(action, resource): (&String, &String)| {
            let mut request = Request::new(action).with("aws:PrincipalArn", self.principal_arn(caller));
            let mut named = resource.parse().ok().map(ResourceRequest::new);
            for value in &asked.context {
                request = request.with_all(&value.key, value.values.clone());
                for text in &value.values {
                    named = named.map(|named| named.with(&value.key, text.clone()));
                }
            }
            if let Some(named) = named {
                request = request.on(named);
            }
            let decision = rights.as_ref().map(|rights| rights.decide(&documented(request)));
            Permission {
                action: action.clone(),
                resource: resource.clone(),
                allowed: decision.is_none_or(|decision| decision.is_allowed()),
            }
        };
        pairs.map(judge).collect()
    }

    fn refuse(&self, caller: &Caller, call: &Call, request: &Request) -> CallError {
        // Auto Scaling says of a launch alone that the template may not be used, and of nothing that is lacking.
        if call.action.starts_with("autoscaling:") && request.action.starts_with("ec2:") {
            let template = call.targets.iter().find_map(|target| match target {
                Target::NewGroup(settings) | Target::ChangedGroup(settings) => Some(settings.template_id.as_str()),
                _ => None,
            });
            let template = template.unwrap_or_default();
            let message = format!("You are not authorized to use launch template: {template}");
            return CallError::from_code(call.action, "AccessDenied", message);
        }
        let who = self.principal_arn(caller);
        let resource = request.resources.first().map_or("*", |resource| resource.arn.as_str());
        denied(call.action, &request.action, &who, resource)
    }

    /// Notes what a caller changes although it bears another stack's tag, or, where an operator does, none (S6). Tagging what
    /// bears none is how it is adopted.
    pub(super) fn note_strangers(&mut self, caller: &Caller, call: &Call) {
        if !call.mutating {
            return;
        }
        let serves = match caller {
            Caller::Operator(_) => call.charge.as_ref().and_then(|charge| charge.stack.clone()),
            // One that no policy holds in is a test's own.
            Caller::Instance(_) if !self.config.authorise_instances => None,
            Caller::Instance(id) => self.instances.get(id).and_then(|it| it.tags.get(TAG_STACK)).cloned(),
        };
        let unowned = call.action != "ec2:CreateTags" && matches!(caller, Caller::Operator(_));
        for target in &call.targets {
            if target.is_made_by(call.action) {
                continue;
            }
            let Some((name, tags)) = self.owner_tags(target) else {
                continue;
            };
            match (tags.get(TAG_STACK), &serves) {
                (None, _) if unowned => self.ledger.stranger(call.action, &name),
                (Some(owner), Some(stack)) if owner != stack => {
                    self.ledger.of_another(call.action, &name, owner, stack);
                }
                _ => {}
            }
        }
    }

    /// The requests that AWS evaluates for a call: its own, and those of the actions that it implies.
    fn requests(&self, caller: &Caller, call: &Call) -> Vec<Request> {
        let mut own = self.request(caller, call.action);
        for target in &call.targets {
            if matches!(target, Target::NewLifecyclePolicy) {
                // The call takes no resource: what it tags stands in the request itself.
                for (key, value) in &call.tags {
                    own = own.with(&format!("aws:RequestTag/{key}"), value.clone());
                }
                continue;
            }
            let Some(mut resource) = self.resource(target) else {
                continue;
            };
            if !call.tags_on_create || target.is_made_by(call.action) {
                for (key, value) in &call.tags {
                    resource = resource.tagging(key, value);
                }
            }
            own = own.on(resource);
            for (key, value) in self.request_keys(target, call.action) {
                own = own.with(key, value);
            }
        }
        if let Some(boundary) = call.boundary.clone().or_else(|| self.boundary_of(&call.targets)) {
            own = own.with("iam:PermissionsBoundary", boundary);
        }
        let mut requests = vec![own.with_all("aws:TagKeys", call.tag_keys.clone())];
        if call.tags_on_create {
            requests.extend(self.tagging_request(caller, call));
        }
        if let Some(role) = &call.passes_role {
            let service = match call.action.starts_with("dlm:") {
                true => DLM,
                // Under its universal name, in every partition; the name of its endpoint is told of older requests alone.
                false => "ec2.amazonaws.com",
            };
            requests.extend(self.pass_role(caller, role, service));
        }
        for target in &call.targets {
            if let Target::NewGroup(settings) | Target::ChangedGroup(settings) = target {
                requests.extend(self.launch_requests(caller, settings));
            }
        }
        requests
    }

    /// The boundary of the role that a request names, where the request itself sets none.
    fn boundary_of(&self, targets: &[Target]) -> Option<String> {
        targets.iter().find_map(|target| match target {
            Target::Role(name) => self.roles.get(name)?.role.permissions_boundary.clone(),
            _ => None,
        })
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
                // The session of an instance's role is named after the instance.
                request
                    .with("aws:userid", format!("AROA{}:{id}", role.to_ascii_uppercase()))
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
            ("logs", _) => "logs:TagResource",
            ("dlm", _) => "dlm:TagResource",
            ("sns", _) => "sns:TagResource",
            ("autoscaling", _) => "autoscaling:CreateOrUpdateTags",
            _ => return None,
        };
        let made = call.targets.iter().find(|target| target.is_made_by(call.action));
        let mut resource = made.and_then(|target| self.resource(target))?;
        for (key, value) in &call.tags {
            resource = resource.tagging(key, value);
        }
        let mut request = self.request(caller, action).on(resource);
        if service == "ec2" {
            request = request.with("ec2:CreateAction", name);
        }
        Some(request)
    }

    fn pass_role(&self, caller: &Caller, role: &str, service: &str) -> Option<Request> {
        let arn: Arn = self.arn("iam", &format!("role{IAM_PATH}{role}")).parse().ok()?;
        let request = self.request(caller, "iam:PassRole").on(ResourceRequest::new(arn));
        Some(request.with("iam:PassedToService", service))
    }

    /// What Auto Scaling checks in the caller's name when a group takes a template: the launch, its tags, and the role.
    fn launch_requests(&self, caller: &Caller, settings: &GroupSettings) -> Vec<Request> {
        let template = self.templates.get(&settings.template_id);
        let Some(data) = template.and_then(|template| template.version(settings.template_version)) else {
            return Vec::new();
        };
        let ec2 = |name: String| self.arn("ec2", &name).parse::<Arn>().ok().map(ResourceRequest::new);
        let partition = self.partition();
        let image = format!("arn:{partition}:ec2:{}::image/{}", self.config.region, data.image_id);
        let by = self.arn("ec2", &format!("launch-template/{}", settings.template_id));
        let mut launch = self.request(caller, "ec2:RunInstances");
        let tagged = [
            ("instance/*", &data.instance_tags),
            ("volume/*", &data.volume_tags),
            ("network-interface/*", &data.interface_tags),
        ];
        let mut requests = Vec::new();
        for (name, tags) in tagged {
            let Some(mut resource) = ec2(name.to_owned()) else {
                continue;
            };
            for (key, value) in tags {
                resource = resource.tagging(key, value);
            }
            if !tags.is_empty() {
                let tagging = self
                    .request(caller, "ec2:CreateTags")
                    .with("ec2:CreateAction", "RunInstances");
                requests.push(tagging.on(resource.clone()));
            }
            launch = launch.on(resource.with("ec2:LaunchTemplate", by.clone()));
        }
        let others = data
            .security_groups
            .iter()
            .map(|id| ec2(format!("security-group/{id}")));
        let subnet = ec2(format!("subnet/{}", settings.subnet));
        let image = image.parse::<Arn>().ok().map(ResourceRequest::new);
        for resource in others.chain([subnet, image]).flatten() {
            launch = launch.on(resource.with("ec2:LaunchTemplate", by.clone()));
        }
        if let Some(template) = self.resource(&Target::Template(settings.template_id.clone())) {
            launch = launch.on(template);
        }
        requests.push(launch);
        let profile = self
            .profiles
            .values()
            .find(|record| record.profile.arn == data.profile_arn);
        if let Some(role) = profile.and_then(|record| record.profile.role.as_deref()) {
            requests.extend(self.pass_role(caller, role, "ec2.amazonaws.com"));
        }
        requests
    }
}
