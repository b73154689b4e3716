//! The decision itself.

use std::fmt;

use super::condition;
use super::context::{Request, ResourceRequest, View};
use crate::arn::Arn;
use crate::document::{Document, Version};
use crate::statement::{Effect, ResourcePattern, ResourceSet, Statement, Target};

/// The kind of policy that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The identity policies.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// The session policy.
    Session,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
        })
    }
}

/// The policies that a request is judged by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies<'a> {
    /// The identity policies: inline and attached, all together.
    pub identity: &'a [&'a Document],
    /// The permissions boundary, if there is one.
    pub boundary: Option<&'a Document>,
    /// The session policy, if there is one.
    pub session: Option<&'a Document>,
}

impl<'a> Policies<'a> {
    /// Builds the set of identity policies without boundary and session.
    #[must_use]
    pub fn identity(identity: &'a [&'a Document]) -> Self {
        Self {
            identity,
            boundary: None,
            session: None,
        }
    }
}

/// A statement that decided, by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The kind of policy.
    pub layer: Layer,
    /// The index among the documents of that kind.
    pub document: usize,
    /// The index among the document's statements.
    pub statement: usize,
    /// The statement's identifier; empty if it has none.
    pub sid: String,
    /// The resource that it decided about; `None` for a call that names none.
    pub resource: Option<Arn>,
}

/// The answer, with what decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allowed: for every resource and every kind of policy, the first statement that allows it.
    Allow(Vec<Grant>),
    /// Denied by a statement, whatever allows it.
    ExplicitDeny(Grant),
    /// Denied since nothing of a kind of policy allows it on a resource.
    ImplicitDeny {
        /// The kind of policy that has no statement for it.
        layer: Layer,
        /// The resource; `None` for a call that names none.
        resource: Option<Arn>,
    },
    /// Denied since a statement names a principal: IAM stores no such policy of this kind, and passing the statement over
    /// would lose what it denies.
    Malformed {
        /// The kind of policy.
        layer: Layer,
        /// The index among the documents of that kind.
        document: usize,
        /// The index among the document's statements.
        statement: usize,
    },
}

impl Decision {
    /// Tells whether the request is allowed.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = |resource: &Option<Arn>| resource.as_ref().map_or_else(|| "*".to_owned(), ToString::to_string);
        match self {
            Self::Allow(_) => f.write_str("allowed"),
            Self::ExplicitDeny(grant) => {
                let (layer, sid) = (grant.layer, &grant.sid);
                write!(
                    f,
                    "denied on {} by statement {} `{sid}` of the {layer}",
                    resource(&grant.resource),
                    grant.statement
                )
            }
            Self::ImplicitDeny { layer, resource: on } => {
                write!(f, "denied on {}: no statement of the {layer} allows it", resource(on))
            }
            Self::Malformed { layer, statement, .. } => write!(
                f,
                "denied: statement {statement} of the {layer} names a principal, and IAM refuses such a policy"
            ),
        }
    }
}

/// Decides whether the policies allow the request.
///
/// It is pure and total: malformed values in a policy or a request make a comparison false and never an error.
#[must_use]
pub fn evaluate(policies: Policies<'_>, request: &Request) -> Decision {
    let boundary = policies.boundary.as_slice();
    let session = policies.session.as_slice();
    let mut layers = vec![(Layer::Identity, policies.identity)];
    if policies.boundary.is_some() {
        layers.push((Layer::Boundary, boundary));
    }
    if policies.session.is_some() {
        layers.push((Layer::Session, session));
    }
    if let Some(malformed) = layers
        .iter()
        .find_map(|(layer, documents)| malformed(*layer, documents))
    {
        return malformed;
    }
    let resources: Vec<Option<&ResourceRequest>> = if request.resources.is_empty() {
        vec![None]
    } else {
        request.resources.iter().map(Some).collect()
    };
    let find = |effect, layer, documents, resource| find(effect, layer, documents, request, resource);
    for (layer, documents) in &layers {
        for resource in &resources {
            if let Some(grant) = find(Effect::Deny, *layer, documents, *resource) {
                return Decision::ExplicitDeny(grant);
            }
        }
    }
    let mut grants = Vec::with_capacity(resources.len() * layers.len());
    for (layer, documents) in &layers {
        for resource in &resources {
            match find(Effect::Allow, *layer, documents, *resource) {
                Some(grant) => grants.push(grant),
                None => {
                    let resource = resource.map(|resource| resource.arn.clone());
                    return Decision::ImplicitDeny {
                        layer: *layer,
                        resource,
                    };
                }
            }
        }
    }
    Decision::Allow(grants)
}

/// Finds a statement that names a principal; there is none in an identity policy, a boundary or a session policy.
fn malformed(layer: Layer, documents: &[&Document]) -> Option<Decision> {
    documents.iter().enumerate().find_map(|(document, one)| {
        let names_principal = |statement: &Statement| statement.target.principals().is_some();
        let statement = one.statements.iter().position(names_principal)?;
        Some(Decision::Malformed {
            layer,
            document,
            statement,
        })
    })
}

/// Finds the first statement of an effect that matches the request on one resource.
fn find(
    effect: Effect,
    layer: Layer,
    documents: &[&Document],
    request: &Request,
    resource: Option<&ResourceRequest>,
) -> Option<Grant> {
    for (document_index, document) in documents.iter().enumerate() {
        for (statement_index, statement) in document.statements.iter().enumerate() {
            if statement.effect == effect && applies(document, statement, request, resource) {
                return Some(Grant {
                    layer,
                    document: document_index,
                    statement: statement_index,
                    sid: statement.name().to_owned(),
                    resource: resource.map(|resource| resource.arn.clone()),
                });
            }
        }
    }
    None
}

/// Tells whether a statement speaks of the request on one resource.
fn applies(document: &Document, statement: &Statement, request: &Request, resource: Option<&ResourceRequest>) -> bool {
    let Target::Identity(resources) = &statement.target else {
        return false;
    };
    let view = View {
        request: &request.context,
        resource: resource.map(|resource| &resource.context),
    };
    let variables = document.version == Some(Version::V2012);
    statement.actions.contains(&request.action)
        && covers(resources, resource.map(|resource| &resource.arn), view, variables)
        && condition::hold(&statement.conditions, view, variables)
}

fn covers(set: &ResourceSet, arn: Option<&Arn>, view: View<'_>, variables: bool) -> bool {
    let any = set.patterns().iter().any(|pattern| match (pattern, arn) {
        (ResourcePattern::Any, _) => true,
        (ResourcePattern::Arn(_), None) => false,
        // A pattern with a variable that has no value stands for no resource: it matches nothing, and of `NotResource` it
        // excludes nothing. Source: "Policy variables with no value".
        (ResourcePattern::Arn(pattern), Some(arn)) if variables => pattern.matches_with(arn, &|key| view.variable(key)),
        (ResourcePattern::Arn(pattern), Some(arn)) => pattern.matches_as_text(arn),
    });
    match set {
        ResourceSet::Resource(_) => any,
        ResourceSet::NotResource(_) => !any,
    }
}
