//! What a failed call says, and what may be done about it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A failed API call. It can be cloned, because several stacks may wait for one answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub struct CallError {
    /// What may be done about it.
    pub kind: CallErrorKind,
    /// The IAM action, such as `ec2:CreateVolume`.
    pub action: &'static str,
    /// The AWS error code, when there was an answer that had one.
    pub code: Option<String>,
    /// AWS's own words, or what went wrong on the way.
    pub message: String,
    /// The request id, for AWS support.
    pub request_id: Option<String>,
    /// The resource that the call was about, when it named one.
    pub resource: Option<String>,
    /// The action that AWS refused, when it names one: it need not be the call's own, since `CreateAutoScalingGroup`
    /// also needs `iam:PassRole` and every creation with tags needs `ec2:CreateTags`.
    pub denied_action: Option<String>,
    /// The cause.
    #[source]
    pub source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What may be done about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallErrorKind {
    /// Refused before any effect for being too fast; may be repeated after a pause.
    Throttled,
    /// The effect is unknown: a time-out, a lost connection or a server error. Read before repeating.
    Ambiguous,
    /// Something that was just made is not visible everywhere yet; may be repeated for minutes.
    NotReady,
    /// Another change is under way; may be repeated.
    Busy,
    /// What the call names does not exist.
    NotFound,
    /// What the call would make exists.
    AlreadyExists,
    /// Something else still depends on it.
    InUse,
    /// The caller may not do this.
    Denied,
    /// The credentials are missing, expired, or signed by a skewed clock.
    Unauthenticated,
    /// A quota or limit of the account.
    LimitExceeded,
    /// The client token stands for something that is gone, or was made with other inputs: another token is needed.
    TokenSpent,
    /// AWS refuses the inputs.
    Invalid,
    /// No request could be made at all: no credentials, no region, no network.
    Unreachable,
    /// Anything else.
    Other,
}

impl CallError {
    /// A failure of this kind, with AWS's words.
    #[must_use]
    pub fn new(kind: CallErrorKind, action: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            action,
            code: None,
            message: message.into(),
            request_id: None,
            resource: None,
            denied_action: None,
            source: None,
        }
    }

    /// A failure that AWS answered with a code; the kind follows from code and message.
    #[must_use]
    pub fn from_code(action: &'static str, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let kind = classify(code, &message);
        let denied_action = named_action(&message).filter(|_| kind == CallErrorKind::Denied);
        Self {
            code: Some(code.to_owned()),
            denied_action: denied_action.map(str::to_owned),
            ..Self::new(kind, action, message)
        }
    }

    /// The actions that the caller may lack, where the call was denied: the one that AWS names, or else all that AWS checks
    /// for the call, since some of its refusals name none ("You are not authorized to use launch template").
    #[must_use]
    pub fn missing_actions(&self) -> Vec<&str> {
        if self.kind != CallErrorKind::Denied {
            return Vec::new();
        }
        match &self.denied_action {
            Some(action) => vec![action],
            // The group itself was allowed where the launch is what is refused.
            None if self.message.contains("launch template") => also_checked(self.action).to_vec(),
            None => [&[self.action], also_checked(self.action)].concat(),
        }
    }

    /// Names the resource that the call was about.
    #[must_use]
    pub fn about(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// What may be done about it.
    #[must_use]
    pub const fn kind(&self) -> CallErrorKind {
        self.kind
    }

    /// Whether it failed for what is the service's, or the network's, and may pass: it says nothing of whoever called.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(
            self.kind,
            CallErrorKind::Ambiguous | CallErrorKind::Throttled | CallErrorKind::Unreachable
        )
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.action)?;
        if let Some(resource) = &self.resource {
            write!(f, " on {resource}")?;
        }
        if let Some(code) = &self.code {
            write!(f, ": {code}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

/// What AWS checks for a call beside its own action, when it makes or launches what we make and launch.
fn also_checked(action: &str) -> &'static [&'static str] {
    match action {
        "ec2:AllocateAddress"
        | "ec2:CreateVolume"
        | "ec2:CreateSecurityGroup"
        | "ec2:CreateLaunchTemplate"
        | "ec2:CreateSnapshot"
        | "ec2:CreateApplicationStatusCheck" => &["ec2:CreateTags"],
        "autoscaling:CreateAutoScalingGroup" | "autoscaling:UpdateAutoScalingGroup" => {
            &["ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"]
        }
        "iam:CreateRole" => &["iam:TagRole"],
        "iam:CreateInstanceProfile" => &["iam:TagInstanceProfile"],
        "iam:AddRoleToInstanceProfile" => &["iam:PassRole"],
        _ => &[],
    }
}

/// The action that a refusal names, in the words that all services share.
pub(crate) fn named_action(message: &str) -> Option<&str> {
    word_after(message, "not authorized to perform: ")
}

/// The word that follows this phrase, without a full stop at its end.
pub(crate) fn word_after<'a>(message: &'a str, phrase: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(phrase)?;
    rest.split_whitespace()
        .next()
        .map(|word| word.trim_end_matches(['.', ',']))
}

/// What the codes mean that mean one thing, whatever their messages say.
const CODES: &[(CallErrorKind, &[&str])] = &[
    (
        CallErrorKind::Throttled,
        &[
            "RequestLimitExceeded",
            "EC2ThrottledException",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "Throttled",
            "TooManyRequestsException",
            "RequestThrottled",
            "SlowDown",
        ],
    ),
    (
        CallErrorKind::Ambiguous,
        &[
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "Unavailable",
            "ServiceFailure",
            "ServiceException",
            "RequestTimeout",
            "RequestTimeoutException",
        ],
    ),
    (CallErrorKind::NotReady, &["ServiceLinkedRoleFailure"]),
    (
        CallErrorKind::Busy,
        &[
            "PriorRequestNotComplete",
            "ResourceContention",
            "ScalingActivityInProgress",
            "ConcurrentModification",
            "ConcurrentModificationException",
            "InstanceRefreshInProgress",
            "OperationAbortedException",
            "ConcurrentAccess",
            "IncorrectState",
            "IncorrectInstanceState",
        ],
    ),
    (
        CallErrorKind::NotFound,
        &[
            "NoSuchEntity",
            "NoSuchHostedZone",
            "NoSuchResourceException",
            "ResourceNotFoundException",
            "NotFound",
            "ResourceNotFound",
            "ParameterNotFound",
            "InvocationDoesNotExist",
            "InvalidLaunchTemplateName.NotFoundException",
            "InvalidLaunchTemplateId.VersionNotFound",
        ],
    ),
    (
        CallErrorKind::AlreadyExists,
        &[
            "AlreadyExists",
            "AlreadyExistsFault",
            "EntityAlreadyExists",
            "ResourceAlreadyExistsException",
            "InvalidGroup.Duplicate",
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "InvalidPermission.Duplicate",
        ],
    ),
    (
        CallErrorKind::InUse,
        &[
            "DependencyViolation",
            "DeleteConflict",
            "VolumeInUse",
            "InvalidGroup.InUse",
            "ResourceInUse",
            "ResourceInUseFault",
            "InvalidIPAddress.InUse",
        ],
    ),
    (CallErrorKind::TokenSpent, &["IdempotentParameterMismatch"]),
    (
        CallErrorKind::Denied,
        &[
            "UnauthorizedOperation",
            "AuthorizationError",
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedAccess",
        ],
    ),
    (
        CallErrorKind::Unauthenticated,
        &[
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "UnrecognizedClientException",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "OptInRequired",
        ],
    ),
    (
        CallErrorKind::LimitExceeded,
        &[
            "LimitExceeded",
            "LimitExceededException",
            "LimitExceededFault",
            "AddressLimitExceeded",
            "VolumeLimitExceeded",
            "SnapshotLimitExceeded",
            "SecurityGroupLimitExceeded",
            "AttachmentLimitExceeded",
            // Minutes to hours, which no run waits out.
            "IncorrectModificationState",
            "VolumeModificationRateExceeded",
            // Not in the references yet; spelled as EC2 spells the others.
            "ApplicationStatusCheckLimitExceeded",
            "MaxIOPSLimitExceeded",
        ],
    ),
];

/// Decides from AWS's error code and message what may be done.
///
/// Codes are those of the EC2, Auto Scaling, IAM, Route 53, SSM and STS API references. A code that is not known here
/// is [`CallErrorKind::Other`], which nothing retries.
#[must_use]
pub fn classify(code: &str, message: &str) -> CallErrorKind {
    // Both services report a profile that IAM has not spread yet as bad input, under codes that mean other things too.
    let names_profile = message.contains("IAM Instance Profile") || message.contains("iamInstanceProfile");
    if names_profile && matches!(code, "ValidationError" | "InvalidParameterValue") {
        return CallErrorKind::NotReady;
    }
    // So does Data Lifecycle Manager with a role.
    if code == "InvalidRequestException" && message.to_ascii_lowercase().contains("role") {
        return CallErrorKind::NotReady;
    }
    // Auto Scaling has no code of its own for a group that does not exist.
    let is_missing = message.contains("not found") || message.contains("does not exist");
    if is_missing && code == "ValidationError" {
        return CallErrorKind::NotFound;
    }
    if let Some((kind, _)) = CODES.iter().find(|(_, codes)| codes.contains(&code)) {
        return *kind;
    }
    let begins = |words: &[&str]| words.iter().any(|word| code.starts_with(word));
    if code.ends_with(".NotFound") || code.ends_with(".NotFoundException") {
        CallErrorKind::NotFound
    } else if begins(&["Invalid", "Malformed", "Missing"]) || matches!(code, "ValidationError" | "ValidationException")
    {
        CallErrorKind::Invalid
    } else {
        CallErrorKind::Other
    }
}
