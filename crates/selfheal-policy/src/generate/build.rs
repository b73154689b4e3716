//! Builds statements and ARNs for the generators.

use super::error::ScopeError;
use super::names::{IAM_PATH, TAG_STACK};
use super::scope::InstanceScope;
use crate::action::ActionPattern;
use crate::arn::Arn;
use crate::condition::{Comparison, Conditions, Operator, Quantifier};
use crate::document::Document;
use crate::limit::Limit;
use crate::partition::Partition;
use crate::statement::{ActionSet, Effect, NonEmpty, ResourcePattern, ResourceSet, Sid, Statement, Target};

/// Builds an allowing statement; nothing if there is no action or no resource.
pub(crate) fn allow(
    sid: &'static str,
    actions: &[&'static str],
    resources: Vec<ResourcePattern>,
    conditions: Conditions,
) -> Option<Statement> {
    let actions = NonEmpty::new(actions.iter().map(|action| ActionPattern::of_our_own(action)).collect())?;
    let resources = NonEmpty::new(resources)?;
    Some(Statement {
        sid: Some(Sid::of_our_own(sid)),
        effect: Effect::Allow,
        actions: ActionSet::Action(actions),
        target: Target::Identity(ResourceSet::Resource(resources)),
        conditions,
    })
}

/// Builds a denying statement; nothing if there is no action or no resource.
pub(crate) fn deny(
    sid: &'static str,
    actions: &[&'static str],
    resources: Vec<ResourcePattern>,
    conditions: Conditions,
) -> Option<Statement> {
    allow(sid, actions, resources, conditions).map(|statement| Statement {
        effect: Effect::Deny,
        ..statement
    })
}

/// Checks the document's size and returns it.
pub(crate) fn finish(statements: Vec<Statement>, limit: Limit) -> Result<Document, ScopeError> {
    let document = Document::new(statements);
    let size = document.size();
    if size > limit.characters() {
        Err(ScopeError::TooLong { size, limit })
    } else {
        Ok(document)
    }
}

/// Makes the ARNs of one account and Region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) partition: Partition,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
}

type Made = Result<ResourcePattern, ScopeError>;

impl Place<'_> {
    fn arn(self, service: &str, region: &str, account: &str, resource: &str) -> Result<Arn, ScopeError> {
        Arn::new(self.partition, service, region, account, resource).map_err(|source| {
            let text = format!("arn:{}:{service}:{region}:{account}:{resource}", self.partition);
            ScopeError::Arn { text, source }
        })
    }

    /// Makes an EC2 ARN, such as that of `volume/vol-…`.
    pub(crate) fn ec2(self, resource: &str) -> Made {
        self.arn("ec2", self.region, self.account, resource).map(Into::into)
    }

    /// Makes several EC2 ARNs.
    pub(crate) fn ec2_all(self, resources: &[&str]) -> Result<Vec<ResourcePattern>, ScopeError> {
        resources.iter().map(|resource| self.ec2(resource)).collect()
    }

    /// Makes the ARN of an image, which belongs to no account in its name.
    pub(crate) fn images(self) -> Made {
        self.arn("ec2", self.region, "", "image/*").map(Into::into)
    }

    /// Makes the ARN of snapshots, which belong to no account in their name.
    pub(crate) fn snapshots(self) -> Made {
        self.arn("ec2", self.region, "", "snapshot/*").map(Into::into)
    }

    /// Makes a group's ARN; its id is unknown before it exists, and its name is unique in the account and Region.
    pub(crate) fn group(self, name: &str) -> Made {
        let resource = format!("autoScalingGroup:*:autoScalingGroupName/{name}");
        self.arn("autoscaling", self.region, self.account, &resource)
            .map(Into::into)
    }

    /// Makes the ARN of a role of ours.
    pub(crate) fn role(self, name: &str) -> Made {
        self.arn("iam", "", self.account, &format!("role/{IAM_PATH}/{name}"))
            .map(Into::into)
    }

    /// Makes the ARN of an instance profile of ours.
    pub(crate) fn profile(self, name: &str) -> Made {
        self.arn("iam", "", self.account, &format!("instance-profile/{IAM_PATH}/{name}"))
            .map(Into::into)
    }

    /// Makes the ARNs by which IAM judges a read of a role: with our path where it exists, and without it where it does not.
    pub(crate) fn role_to_read(self, role: &str) -> Result<Vec<ResourcePattern>, ScopeError> {
        let unpathed = self.arn("iam", "", self.account, &format!("role/{role}"));
        Ok(vec![self.role(role)?, unpathed.map(Into::into)?])
    }

    /// Makes the ARNs by which IAM judges a read of a role and of an instance profile.
    pub(crate) fn identity_to_read(self, role: &str, profile: &str) -> Result<Vec<ResourcePattern>, ScopeError> {
        let unpathed = self.arn("iam", "", self.account, &format!("instance-profile/{profile}"));
        let mut both = self.role_to_read(role)?;
        both.extend([self.profile(profile)?, unpathed.map(Into::into)?]);
        Ok(both)
    }

    /// Makes the ARN of the role that Auto Scaling itself acts under.
    pub(crate) fn autoscaling_role(self) -> Made {
        let resource = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
        self.arn("iam", "", self.account, resource).map(Into::into)
    }

    /// Makes the ARN of all quotas of a service.
    pub(crate) fn quotas(self, service: &str) -> Made {
        self.arn("servicequotas", self.region, self.account, &format!("{service}/*"))
            .map(Into::into)
    }

    /// Makes the ARN of a parameter or of a path; the leading slash is not part of it.
    pub(crate) fn parameter(self, account: &str, path: &str) -> Made {
        self.arn(
            "ssm",
            self.region,
            account,
            &format!("parameter/{}", path.trim_start_matches('/')),
        )
        .map(Into::into)
    }

    /// Makes the ARN of a document of Systems Manager: of AWS's own, which belong to no account, or of the account's.
    pub(crate) fn document(self, name: &str) -> Made {
        let account = if name.starts_with("AWS-") { "" } else { self.account };
        self.arn("ssm", self.region, account, &format!("document/{name}"))
            .map(Into::into)
    }

    /// Makes the ARN of any session.
    pub(crate) fn sessions(self) -> Made {
        self.arn("ssm", self.region, self.account, "session/*").map(Into::into)
    }

    /// Makes the ARN of a log group, or of what is below it after a colon.
    pub(crate) fn log_group(self, name: &str) -> Made {
        self.arn("logs", self.region, self.account, &format!("log-group:{name}"))
            .map(Into::into)
    }

    /// Makes the ARN of any lifecycle policy: AWS chooses their ids.
    pub(crate) fn lifecycle_policies(self) -> Made {
        self.arn("dlm", self.region, self.account, "policy/*").map(Into::into)
    }

    /// Makes the ARN of an SNS topic.
    pub(crate) fn topic(self, name: &str) -> Made {
        self.arn("sns", self.region, self.account, name).map(Into::into)
    }

    /// Makes the ARN of a hosted zone, or of any where its id is not known.
    pub(crate) fn hosted_zone(self, id: Option<&str>) -> Made {
        self.arn("route53", "", "", &format!("hostedzone/{}", id.unwrap_or("*")))
            .map(Into::into)
    }

    /// Makes the ARN of any change of records: Route 53 chooses their ids.
    pub(crate) fn record_changes(self) -> Made {
        self.arn("route53", "", "", "change/*").map(Into::into)
    }
}

/// Parses the ARN of a resource that the scope gives whole.
pub(crate) fn given(text: &str) -> Made {
    text.parse()
        .map(ResourcePattern::Arn)
        .map_err(|source| ScopeError::Arn {
            text: text.to_owned(),
            source,
        })
}

/// Asks for the stack's tag on the resource.
pub(crate) fn owned(stack: &str) -> Conditions {
    Conditions::none().when(Comparison::StringEquals, &format!("aws:ResourceTag/{TAG_STACK}"), stack)
}

/// Asks for the stack's tag, and for our own instance profile of what AWS tells one of.
pub(crate) fn of_ours(scope: &InstanceScope) -> Conditions {
    let arn_equals = Operator::new(Comparison::ArnEquals);
    owned(&scope.stack).with(
        arn_equals.if_exists().unwrap_or(arn_equals),
        "ec2:InstanceProfile",
        [scope.instance_profile.as_str()],
    )
}

/// Asks for the stack's tag in the request that creates a resource.
pub(crate) fn tagged(stack: &str) -> Conditions {
    Conditions::none().when(Comparison::StringEquals, &format!("aws:RequestTag/{TAG_STACK}"), stack)
}

/// Asks for the Region: the one narrowing of calls that take no resource.
pub(crate) fn in_region(region: &str) -> Conditions {
    Conditions::none().when(Comparison::StringEquals, "aws:RequestedRegion", region)
}

/// Asks that a multivalued key is there and holds nothing but the given values.
///
/// `ForAllValues` alone is true of a request without the key, and DeleteTags without keys removes every tag; so `Null`
/// asks for the key as well. Source: "Set operators for multivalued context keys".
pub(crate) fn only(conditions: Conditions, key: &str, values: &[&str]) -> Conditions {
    let operator = Operator::new(Comparison::StringEquals);
    let operator = operator.quantified(Quantifier::ForAllValues).unwrap_or(operator);
    conditions
        .with(operator, key, values.iter().copied())
        .when(Comparison::Null, key, "false")
}

/// Returns the names under which services ask KMS for a key.
///
/// The documentation of `kms:ViaService` gives the suffix `amazonaws.com`; the endpoints of some partitions end in another,
/// so both spellings stand there.
pub(crate) fn via_services(partition: Partition, region: &str, services: &[&str]) -> Vec<String> {
    services
        .iter()
        .flat_map(|service| partition.spellings(&format!("{service}.{region}")))
        .collect()
}
