//! A world of resources: ours, another stack's, another account's, another Region's; and requests on them.
//!
//! It plays the adversary. Another account's and another Region's resources bear our names, ids and tags wherever AWS
//! lets them; another stack's lie in our subnet; and every request carries whatever tags and keys would help it.

use std::collections::BTreeSet;

use selfheal_policy::eval::{Context, Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::reference::{Action, Row, reference};
use selfheal_policy::requests::{Call, documented};
use selfheal_policy::{
    DRILL_KEYS, Document, GROUP_MARK_KEYS, RECORD_KEYS, RESOURCE_TAG_KEYS, RESTORE_TAG_KEYS, ROLE_DRILL_COPY,
    ROLE_INSTANCE, TAG_FIRST_USE, TAG_REQUEST, TAG_ROLE, TAG_SNAPSHOTS, TAG_STACK,
};

use super::{ACCOUNT, BOUNDARY, REGION};

/// Says whose a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    Own,
    OtherStack,
    OtherAccount,
    OtherRegion,
}

impl Owner {
    pub const ALL: [Self; 4] = [Self::Own, Self::OtherStack, Self::OtherAccount, Self::OtherRegion];

    pub fn label(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::OtherStack => "other-stack",
            Self::OtherAccount => "other-account",
            Self::OtherRegion => "other-region",
        }
    }

    fn stack(self) -> &'static str {
        if self == Self::OtherStack { "api" } else { "web" }
    }

    fn account(self) -> &'static str {
        if self == Self::OtherAccount {
            "999999999999"
        } else {
            ACCOUNT
        }
    }

    pub fn region(self) -> &'static str {
        if self == Self::OtherRegion { "us-east-1" } else { REGION }
    }

    fn id(self) -> &'static str {
        if self == Self::OtherStack {
            "0bbbbbbbbbbbbbbbb"
        } else {
            "0aaaaaaaaaaaaaaaa"
        }
    }
}

/// Is a resource of the world.
#[derive(Clone, Debug)]
pub struct Thing {
    pub label: String,
    pub request: ResourceRequest,
}

/// Returns the last parts of the resources of a type, with a label for each where there is more than one.
fn names(kind: &str, owner: Owner) -> Vec<(&'static str, String)> {
    let (stack, id) = (owner.stack(), owner.id());
    let one = |name: String| vec![("", name)];
    match kind {
        "elastic-ip" => one(format!("eipalloc-{id}")),
        // The data volume, and what a drill makes of a snapshot.
        "volume" => vec![
            ("", format!("vol-{id}")),
            (":drill", format!("vol-{}", id.replace('0', "7"))),
        ],
        // The instance that calls, and another one of the same stack, such as its predecessor.
        "instance" => vec![
            ("", format!("i-{id}")),
            (":sibling", format!("i-{}", id.replace('0', "9"))),
        ],
        "network-interface" => one(format!("eni-{id}")),
        "vpc" => one(format!("vpc-{id}")),
        "subnet" => one(format!("subnet-{id}")),
        "security-group" => one(format!("sg-{id}")),
        "application-status-check" => one(format!("asc-{id}")),
        "launch-template" => one(format!("lt-{id}")),
        "image" => one(format!("ami-{id}")),
        "snapshot" => one(format!("snap-{id}")),
        "role" => roles(owner),
        "instance-profile" => vec![
            ("", format!("selfheal/selfheal-{stack}-{REGION}")),
            (":unpathed", format!("selfheal-{stack}-{REGION}")),
        ],
        "hostedzone" if owner == Owner::Own || owner == Owner::OtherRegion => one("Z0AAAAAAAAAAAAAAAAAAA".to_owned()),
        "hostedzone" => one("Z0BBBBBBBBBBBBBBBBBBB".to_owned()),
        "key" if owner == Owner::OtherStack => vec![
            ("", "ffffffff-12ab-34cd-56ef-1234567890ab".to_owned()),
            (":parameters", "eeeeeeee-12ab-34cd-56ef-1234567890ab".to_owned()),
        ],
        "key" => vec![
            ("", "1234abcd-12ab-34cd-56ef-1234567890ab".to_owned()),
            (":parameters", "5678abcd-12ab-34cd-56ef-1234567890ab".to_owned()),
        ],
        "parameter" => {
            let image = if owner == Owner::OtherStack {
                "images/api"
            } else {
                "images/web"
            };
            let mut parameters = vec![
                (":path", format!("apps/{stack}")),
                (":below", format!("apps/{stack}/secret")),
                (":beside", format!("apps/{stack}2/secret")),
                (":bundle", format!("selfheal/{stack}/bundle/0123abcd")),
                (":besides-bundle", format!("selfheal/{stack}/bundles")),
                (":image", image.to_owned()),
            ];
            // Public parameters are AWS's, and everybody's.
            if owner == Owner::Own || owner == Owner::OtherRegion {
                parameters.push((":public", "aws/service/ami/al2023".to_owned()));
            }
            parameters
        }
        // Whose quotas they are, no quota tells: another service's stand for another's.
        "quota" if owner == Owner::OtherStack => one("s3".to_owned()),
        "quota" => one("ec2".to_owned()),
        "document" => documents(owner),
        other => one(format!("{other}-{id}")),
    }
}

/// Returns the roles of a stack.
fn roles(owner: Owner) -> Vec<(&'static str, String)> {
    let name = format!("selfheal-{}-{REGION}", owner.stack());
    let mut roles = vec![
        ("", format!("selfheal/{name}")),
        (":unpathed", name.clone()),
        (":dlm", format!("selfheal/{name}-dlm")),
        (":dlm-unpathed", format!("{name}-dlm")),
    ];
    // Auto Scaling's own role is the account's, and no stack's.
    if owner != Owner::OtherStack {
        let name = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
        roles.push((":autoscaling", name.to_owned()));
    }
    roles
}

/// Returns the documents of Systems Manager. AWS's own belong to no account; what others have made may be called alike.
fn documents(owner: Owner) -> Vec<(&'static str, String)> {
    let (shell, prefix) = match owner {
        Owner::Own | Owner::OtherRegion => ("SSM", "AWS"),
        Owner::OtherStack | Owner::OtherAccount => ("Own", "Own"),
    };
    vec![
        (":shell", format!("{shell}-SessionManagerRunShell")),
        (":command", format!("{prefix}-StartInteractiveCommand")),
        (":forward", format!("{prefix}-StartPortForwardingSession")),
        (":remote", format!("{prefix}-StartPortForwardingSessionToRemoteHost")),
        (":ssh", format!("{prefix}-StartSSHSession")),
        (":run", format!("{prefix}-RunShellScript")),
    ]
}

/// Fills an ARN template of the reference.
fn fill(template: &str, kind: &str, owner: Owner, name: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    let mut filled = false;
    while let Some(start) = rest.find("${") {
        let end = start + rest[start..].find('}').unwrap();
        out.push_str(&rest[..start]);
        out.push_str(match &rest[start + 2..end] {
            "Partition" => "aws",
            "Region" => owner.region(),
            // A public parameter belongs to no account.
            "Account" if name.starts_with("aws/service/") || name.starts_with("AWS-") => "",
            "Account" => owner.account(),
            "GroupId" => "8e3dc91b-0000-4000-8000-000000000000",
            "GroupFriendlyName" if owner == Owner::OtherStack => "selfheal-api",
            "GroupFriendlyName" => "selfheal-web",
            "LogGroupName" if owner == Owner::OtherStack => "/selfheal/api",
            "LogGroupName" => "/selfheal/web",
            "TopicName" if owner == Owner::OtherStack => "selfheal-api",
            "TopicName" => "selfheal-web",
            _ if filled => "second",
            _ => {
                filled = kind != "autoScalingGroup";
                name
            }
        });
        rest = &rest[end + 1..];
    }
    out + rest
}

/// Returns the resources of a type that an owner has.
pub fn things(service: &str, kind: &str, owner: Owner) -> Vec<Thing> {
    let template = reference().service(service).unwrap().arn_template(kind).unwrap();
    names(kind, owner)
        .into_iter()
        .map(|(suffix, name)| {
            let arn = fill(template, kind, owner, &name).parse().unwrap();
            let request = describe(ResourceRequest::new(arn), kind, owner, &name);
            Thing {
                label: format!("{kind}{suffix}"),
                // AWS's documents bear no tags, and those of a person need none to be called alike.
                request: match kind {
                    "document" => request,
                    "volume" => request
                        .tagged(TAG_STACK, owner.stack())
                        .tagged(TAG_ROLE, if suffix.is_empty() { "volume" } else { ROLE_DRILL_COPY })
                        .tagged(TAG_SNAPSHOTS, owner.stack()),
                    "instance" => request.tagged(TAG_STACK, owner.stack()).tagged(TAG_ROLE, ROLE_INSTANCE),
                    _ => request.tagged(TAG_STACK, owner.stack()),
                },
            }
        })
        .collect()
}

/// Returns a resource that the request creates for an owner: no id, no tags, and the tags that the request gives.
pub fn created(service: &str, kind: &str, owner: Owner) -> Thing {
    let template = reference().service(service).unwrap().arn_template(kind).unwrap();
    let arn = fill(template, kind, owner, "*").parse().unwrap();
    let request = describe(ResourceRequest::new(arn), kind, owner, "*");
    Thing {
        label: format!("new-{kind}"),
        request: request
            .tagging(TAG_STACK, owner.stack())
            .tagging(TAG_ROLE, ROLE_DRILL_COPY),
    }
}

fn describe(request: ResourceRequest, kind: &str, owner: Owner, name: &str) -> ResourceRequest {
    let (account, region) = (owner.account(), owner.region());
    let profile = format!(
        "arn:aws:iam::{account}:instance-profile/selfheal/selfheal-{}-{REGION}",
        owner.stack()
    );
    let near = format!("arn:aws:ec2:{region}:{account}");
    let request = match kind {
        "instance" if name == "*" => request.with("ec2:InstanceProfile", profile),
        "instance" => request
            .with("ec2:InstanceProfile", profile)
            .with("ec2:InstanceID", name),
        "network-interface" => request
            .with("ec2:Subnet", format!("{near}:subnet/subnet-0aaaaaaaaaaaaaaaa"))
            .with("ec2:Vpc", format!("{near}:vpc/vpc-0aaaaaaaaaaaaaaaa")),
        "vpc" => request.with("ec2:VpcID", name),
        "volume" => request.with("ec2:VolumeID", name),
        "snapshot" => request.with("ec2:Owner", account),
        "quota" => request.with("servicequotas:service", name),
        // AWS tags a session with who has opened it.
        "session" => {
            let who = match owner {
                Owner::OtherStack => "AIDAEXAMPLE",
                _ => "AROAEXAMPLEROLEID:i-0aaaaaaaaaaaaaaaa",
            };
            request.with("ssm:resourceTag/aws:ssmmessages:session-id", who)
        }
        _ => request,
    };
    let template = Owner::Own;
    request.with(
        "ec2:LaunchTemplate",
        format!("arn:aws:ec2:{region}:{account}:launch-template/lt-{}", template.id()),
    )
}

/// Returns the keys of which a request could say one thing or another, each with all that it could say.
fn varied() -> [(&'static str, Vec<Vec<&'static str>>); 8] {
    let marks: Vec<&str> = GROUP_MARK_KEYS.to_vec();
    [
        (
            "aws:TagKeys",
            vec![
                RESOURCE_TAG_KEYS.to_vec(),
                RECORD_KEYS.to_vec(),
                RESTORE_TAG_KEYS.to_vec(),
                vec![TAG_FIRST_USE],
                vec![TAG_SNAPSHOTS],
                vec![TAG_REQUEST],
                DRILL_KEYS.to_vec(),
                marks,
            ],
        ),
        (
            "ec2:CreateAction",
            CREATE_ACTIONS
                .iter()
                .map(|action| vec![*action])
                .chain([vec![]])
                .collect(),
        ),
        (
            "iam:PassedToService",
            vec![vec!["ec2.amazonaws.com"], vec!["dlm.amazonaws.com"]],
        ),
        (
            "route53:ChangeResourceRecordSetsActions",
            vec![vec!["UPSERT"], vec!["DELETE"]],
        ),
        (
            "route53:ChangeResourceRecordSetsNormalizedRecordNames",
            vec![vec!["app.example.com"], vec!["_acme-challenge.app.example.com"]],
        ),
        (
            "route53:ChangeResourceRecordSetsRecordTypes",
            vec![vec!["A"], vec!["TXT"]],
        ),
        (
            "kms:ViaService",
            vec![vec!["ec2.eu-west-1.amazonaws.com"], vec!["ssm.eu-west-1.amazonaws.com"]],
        ),
        (
            "kms:EncryptionContext:PARAMETER_ARN",
            vec![
                vec!["arn:aws:ssm:eu-west-1:123456789012:parameter/apps/web/secret"],
                vec![],
            ],
        ),
    ]
}

/// Returns everything that a request could say for itself, one context for each way to say it.
pub fn attempts(action: &Action, region: &str) -> Vec<Context> {
    let mut contexts = bounds(action, vec![helpful(region)]);
    for (key, values) in varied() {
        if action.has_key_anywhere(key) {
            contexts = contexts
                .iter()
                .flat_map(|context| {
                    values
                        .iter()
                        .map(|values| context.clone().with_all(key, values.iter().copied()))
                })
                .collect();
        }
    }
    // The tags of a request without a resource stand with the request itself.
    let tags = !action.has_resources() || action.service() == "dlm";
    for context in &mut contexts {
        context.retain(|key| {
            ["aws:requestedregion", "aws:userid"].contains(&key)
                || action.has_key_anywhere(key) && (tags || !key.starts_with("aws:requesttag/"))
        });
    }
    contexts
}

/// Returns what helps a request whatever it is about.
fn helpful(region: &str) -> Context {
    Context::new()
        .with("aws:RequestedRegion", region)
        .with("ec2:Region", region)
        .with(
            "ec2:SourceInstanceARN",
            format!("arn:aws:ec2:{region}:{ACCOUNT}:instance/i-0aaaaaaaaaaaaaaaa"),
        )
        .with("aws:userid", "AROAEXAMPLEROLEID:i-0aaaaaaaaaaaaaaaa")
        .with("iam:PermissionsBoundary", BOUNDARY)
        .with(&format!("aws:RequestTag/{TAG_STACK}"), "web")
        .with("iam:AWSServiceName", "autoscaling.amazonaws.com")
        .with("kms:GrantIsForAWSResource", "true")
        .with("ssm:SessionDocumentAccessCheck", "true")
        .with("sns:Protocol", "email")
}

/// Lets a request about a group's bounds say what apply sends, what lets a group have no instance, and nothing of them.
fn bounds(action: &Action, contexts: Vec<Context>) -> Vec<Context> {
    if !action.has_key_anywhere("autoscaling:MinSize") {
        return contexts;
    }
    let each = |context: Context| {
        [
            context
                .clone()
                .with("autoscaling:MaxSize", "1")
                .with("autoscaling:LaunchTemplateVersionSpecified", "true")
                .with("autoscaling:InstanceTypes", "t4g.small"),
            context.clone().with("autoscaling:MinSize", "0"),
            context,
        ]
    };
    contexts.into_iter().flat_map(each).collect()
}

pub const CREATE_ACTIONS: [&str; 8] = [
    "AllocateAddress",
    "CreateVolume",
    "CopyVolumes",
    "CreateSecurityGroup",
    "CreateLaunchTemplate",
    "RunInstances",
    "CreateSnapshot",
    "CreateApplicationStatusCheck",
];

/// Returns every `action resource owner` that the policy allows, over every action of every service of the reference.
pub fn allowed(document: &Document) -> BTreeSet<String> {
    // Without a statement that speaks of the action, whatever the resource, nothing can allow it.
    let speaks = |action: &&Action| {
        let name = action.full_name();
        document
            .statements
            .iter()
            .any(|statement| statement.actions.contains(&name))
    };
    let mut out = BTreeSet::new();
    for action in reference().actions().filter(speaks) {
        for owner in Owner::ALL {
            let contexts = attempts(action, owner.region());
            if !action.has_resources() {
                // A call without a resource is nobody's; calls of global services have no Region to be in either.
                let global = ["sts", "route53", "iam"].contains(&action.service());
                let asked = owner == Owner::Own || (owner == Owner::OtherRegion && !global);
                if asked && passes(document, action, None, &contexts) {
                    out.insert(format!("{} * {}", action.full_name(), owner.label()));
                }
            }
            for kind in action.rows().iter().filter_map(Row::resource_type) {
                for thing in candidates(action, kind, owner) {
                    if passes(document, action, Some(&thing), &contexts) {
                        out.insert(format!("{} {} {}", action.full_name(), thing.label, owner.label()));
                    }
                }
            }
        }
    }
    out
}

/// Returns what an action could be called on: what exists, and what it creates where the request can tag it.
fn candidates(action: &Action, kind: &'static str, owner: Owner) -> Vec<Thing> {
    let global = !reference()
        .service(action.service())
        .unwrap()
        .arn_template(kind)
        .unwrap()
        .contains("${Region}");
    if global && owner == Owner::OtherRegion {
        return Vec::new();
    }
    // What bears no account in its name cannot be told from our own where it is another account's.
    if ["image", "snapshot", "change"].contains(&kind) && owner == Owner::OtherAccount {
        return Vec::new();
    }
    let tags_new = action.has_key(Some(kind), "aws:RequestTag/x");
    let tags_old = action.has_key(Some(kind), "aws:ResourceTag/x");
    let named_by_us = ["iam", "autoscaling", "ssm", "logs", "kms", "route53", "sns"].contains(&action.service());
    let mut out = Vec::new();
    if tags_old || !tags_new || named_by_us {
        out.extend(things(action.service(), kind, owner));
    }
    if tags_new && !named_by_us {
        out.push(created(action.service(), kind, owner));
    }
    out
}

fn passes(document: &Document, action: &Action, thing: Option<&Thing>, contexts: &[Context]) -> bool {
    let mut request = Request::new(&action.full_name());
    let mut is_new = false;
    if let Some(thing) = thing {
        is_new = thing.label.starts_with("new-");
        let resource = thing.request.clone();
        // The adversary tags with whatever helps; what is created belongs to whom its tag says.
        let key = format!("aws:RequestTag/{TAG_STACK}");
        request = request.on(if is_new { resource } else { resource.with(&key, "web") });
    }
    let request = documented(request);
    contexts.iter().cloned().any(|mut context| {
        // AWS sets this key where a request tags what it creates, and there alone.
        context.retain(|key| is_new || key != "ec2:createaction");
        let request = Request {
            context,
            ..request.clone()
        };
        evaluate(Policies::identity(&[document]), &request).is_allowed()
    })
}

/// Returns one call of the table on resources whose owners are given in order, in every way to say it.
pub fn requests(call: &Call, owners: &[Owner], region: &str) -> Vec<Request> {
    let action = call.reference().unwrap();
    let mut resources = Vec::new();
    for (named, owner) in call.names.iter().zip(owners) {
        let thing = if named.created {
            created(action.service(), named.resource_type, *owner)
        } else {
            let wanted = match call.action {
                "ssm:GetParametersByPath" if call.purpose == "reads the app's configuration" => "parameter:path",
                "ssm:PutParameter" | "ssm:DeleteParameters" if call.purpose.ends_with("one parameter of the app's") => {
                    "parameter:below"
                }
                "ssm:GetParametersByPath" | "ssm:PutParameter" | "ssm:DeleteParameters" => "parameter:bundle",
                "kms:Decrypt" | "kms:Encrypt" if call.purpose.ends_with("through Parameter Store") => "key:parameters",
                "ssm:GetParameter" if call.purpose == "resolves the image's name" => "parameter:image",
                "ssm:GetParameter" => "parameter:below",
                "ssm:StartSession" if named.resource_type == "document" => match call.purpose {
                    "opens a shell" => "document:shell",
                    _ => "document:forward",
                },
                "ssm:SendCommand" if named.resource_type == "document" => "document:run",
                "ec2:AttachVolume" | "ec2:DetachVolume" | "ec2:DeleteVolume"
                    if call.purpose.contains("the copy") && named.resource_type == "volume" =>
                {
                    "volume:drill"
                }
                "iam:CreateServiceLinkedRole" => "role:autoscaling",
                "iam:PassRole" | "iam:DeleteRole" if call.purpose.contains("lifecycle policy") => "role:dlm",
                _ => named.resource_type,
            };
            things(action.service(), named.resource_type, *owner)
                .into_iter()
                .find(|thing| thing.label == wanted)
                .unwrap()
        };
        let mut resource = thing.request;
        if !named.created {
            resource = resource.with(&format!("aws:RequestTag/{TAG_STACK}"), "web");
        }
        resources.push(resource);
    }
    let is_new = call.names.iter().any(|named| named.created);
    let request = documented(Request {
        resources,
        ..Request::new(call.action)
    });
    attempts(action, region)
        .into_iter()
        .map(|mut context| {
            context.retain(|key| is_new || key != "ec2:createaction");
            Request {
                context,
                ..request.clone()
            }
        })
        .collect()
}

/// Tells whether the policy allows a call of the table on resources of these owners.
pub fn allows(document: &Document, call: &Call, owners: &[Owner]) -> bool {
    let policies = [document];
    requests(call, owners, REGION)
        .iter()
        .any(|request| evaluate(Policies::identity(&policies), request).is_allowed())
}
