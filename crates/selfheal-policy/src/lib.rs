#![doc = include_str!("../README.md")]

mod action;
mod arn;
mod condition;
mod document;
pub mod eval;
mod generate;
mod json;
mod limit;
pub mod lint;
mod parse;
mod partition;
mod pattern;
mod purpose;
pub mod reference;
pub mod requests;
mod statement;

pub use action::{ActionPattern, InvalidAction};
pub use arn::{ARN_BYTES_MAX, Arn, ArnError, ArnErrorKind};
pub use condition::{Comparison, ConditionKey, Conditions, Operator, Quantifier, UnknownOperator};
pub use document::{Document, Version};
pub use generate::{
    ChallengeScope, DRILL_KEYS, FormerRecord, GROUP_MARK_KEYS, InstanceScope, LifecycleScope, OperatorScope,
    RECORD_KEYS, RESOURCE_TAG_KEYS, RESTORE_TAG_KEYS, ROLE_DRILL_COPY, ROLE_INSTANCE, SNAPSHOT_ROLE_SUFFIX, ScopeError,
    ScopeErrorKind, TAG_DRILL, TAG_FIRST_USE, TAG_MARKERS, TAG_REQUEST, TAG_RESTORE_DRILL, TAG_ROLE, TAG_SCHEMA,
    TAG_SNAPSHOTS, TAG_STACK, boundary_policy, group_name, instance_policy, launch_template_name,
    lifecycle_policy_document, lifecycle_trust_policy, operator_policy, operator_statement_for,
    operator_statements_for, role_name, security_group_name, snapshot_role_name, trust_policy,
};
pub use json::DOCUMENT_BYTES_MAX;
pub use limit::Limit;
pub use parse::{Location, ParseError, ParseErrorKind};
pub use partition::{Partition, UnknownPartition};
pub use purpose::{Purpose, UnknownPurpose};
pub use statement::{
    ActionSet, Effect, InvalidSid, NonEmpty, Principal, PrincipalSet, Principals, ResourcePattern, ResourceSet, Sid,
    Statement, Target,
};
