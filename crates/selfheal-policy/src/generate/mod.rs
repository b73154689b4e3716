//! Generators of least-privilege documents.

mod boundary;
mod build;
mod check;
mod collect;
mod error;
mod grants;
mod instance;
mod lifecycle;
mod names;
mod operator;
mod scope;
mod statements;

pub use boundary::boundary_policy;
pub use error::{ScopeError, ScopeErrorKind};
pub use instance::{instance_policy, trust_policy};
pub use lifecycle::{lifecycle_policy_document, lifecycle_trust_policy};
pub use names::{
    DRILL_KEYS, GROUP_MARK_KEYS, RECORD_KEYS, RESOURCE_TAG_KEYS, RESTORE_TAG_KEYS, ROLE_DRILL_COPY, ROLE_INSTANCE,
    SNAPSHOT_ROLE_SUFFIX, TAG_DRILL, TAG_FIRST_USE, TAG_MARKERS, TAG_REQUEST, TAG_RESTORE_DRILL, TAG_ROLE, TAG_SCHEMA,
    TAG_SNAPSHOTS, TAG_STACK, group_name, launch_template_name, role_name, security_group_name, snapshot_role_name,
};
pub use operator::{operator_policy, operator_statement_for, operator_statements_for};
pub use scope::{ChallengeScope, FormerRecord, InstanceScope, LifecycleScope, OperatorScope};
