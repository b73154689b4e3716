//! Decides whether a request is allowed, as IAM does.
//!
//! The rules and where they come from, all in the IAM User Guide:
//! - A request is denied unless something allows it, and an explicit deny wins over every allow: "Policy evaluation
//!   logic".
//! - A permissions boundary and a session policy grant nothing; with one, a request must be allowed by it as well:
//!   "Permissions boundaries for IAM entities", "Session policies".
//! - Every resource that a request names must be allowed; a deny of one denies the request: "Actions, resources, and
//!   condition keys for Amazon EC2" and the EC2 guide's "Identity-based policies" ("the request fails if the user lacks
//!   permission for any of the resources").
//! - Actions are compared without regard to case, resources with: "IAM JSON policy elements: Action" and "Resource".
//! - All operators and keys of a condition block must hold; one of the values of a key suffices, and none may match
//!   under a negated operator: "Conditions with multiple context keys or values".
//! - A key that the request lacks makes a comparison false, a negated one true, and `…IfExists` true; `Null` asks for
//!   the key itself: "IAM JSON policy elements: Condition operators".
//! - `ForAllValues` is true and `ForAnyValue` false of a key without values: "Set operators for multivalued context
//!   keys".
//! - A policy variable without value or default equals nothing and is like nothing, so that negated operators hold of
//!   it; a resource of `Resource` or `NotResource` that uses it stands for none: "Policy variables with no value".
//!   Documents of version 2008-10-17 have no variables: "IAM JSON policy elements: Version".
//!
//! Resource-based policies, service control policies and resource control policies are not evaluated.

mod condition;
mod context;
mod decide;
mod value;

pub use context::{Context, Request, ResourceRequest};
pub use decide::{Decision, Grant, Layer, Policies, evaluate};
