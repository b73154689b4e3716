//! Names and tags that derive from a stack's name.

/// The tag that names the stack a resource belongs to.
pub const TAG_STACK: &str = "selfheal:stack";

/// The tag that says what a resource is within its stack.
pub const TAG_ROLE: &str = "selfheal:role";

/// The tag that says in which form a resource was written.
pub const TAG_SCHEMA: &str = "selfheal:schema";

/// The tags of the address that note the DNS record which points at it.
pub const RECORD_KEYS: [&str; 2] = ["selfheal:record", "selfheal:record-zone"];

/// The tag of the data volume by which a lifecycle policy finds it.
pub const TAG_SNAPSHOTS: &str = "selfheal:snapshots";

/// The tag that marks a volume as never used; the boot program formats no volume without it.
pub const TAG_FIRST_USE: &str = "selfheal:first-use";

/// The tags that a resource of a stack bears, and the only ones that an adopted one may be given; a test of core
/// compares them with what is sent.
pub const RESOURCE_TAG_KEYS: [&str; 4] = ["Name", TAG_STACK, TAG_ROLE, TAG_SCHEMA];

/// How the name of the role of a stack's lifecycle policy ends; that of its instance's role ends in the Region.
pub const SNAPSHOT_ROLE_SUFFIX: &str = "-dlm";

/// The tags of the stack's volumes that say which of them is its data volume, and how far a restore is; a test of core
/// compares them with what is sent.
pub const RESTORE_TAG_KEYS: [&str; 5] = [
    TAG_ROLE,
    TAG_SNAPSHOTS,
    "selfheal:restore",
    "selfheal:restored-from",
    "selfheal:replaces",
];

/// The tag of the instance that holds what it is asked to do.
pub const TAG_REQUEST: &str = "selfheal:request";

/// The tag of the address that holds what the last drill has shown.
pub const TAG_DRILL: &str = "selfheal:drill";

/// The tag of the address that holds what the last drill of a restore has shown.
pub const TAG_RESTORE_DRILL: &str = "selfheal:restore-drill";

/// The tag of the address that holds the markers which were written to the data volume.
pub const TAG_MARKERS: &str = "selfheal:markers";

/// The tags of the address that drills write.
pub const DRILL_KEYS: [&str; 3] = [TAG_DRILL, TAG_RESTORE_DRILL, TAG_MARKERS];

/// The value of [`TAG_ROLE`] of an instance.
pub const ROLE_INSTANCE: &str = "instance";

/// The value of [`TAG_ROLE`] of a volume that a drill of a restore makes, and takes away again.
pub const ROLE_DRILL_COPY: &str = "drill-copy";

/// The tags of the group in which the boot program notes what has to survive the instance: failed boots, the
/// volume that it begins to format, the size to which its filesystem has grown, the versions of the app's configuration that it
/// has, repairs in place, how its certificate is, and what it answers to a request.
pub const GROUP_MARK_KEYS: [&str; 10] = [
    "selfheal:failed-boots",
    "selfheal:parked",
    "selfheal:last-error",
    "selfheal:last-log",
    "selfheal:formatting",
    "selfheal:grown",
    "selfheal:config",
    "selfheal:repairs",
    "selfheal:tls",
    "selfheal:answer",
];

/// The IAM path of the roles and instance profiles, without its slashes.
pub(crate) const IAM_PATH: &str = "selfheal";

/// Returns the name of the stack's Auto Scaling group.
#[must_use]
pub fn group_name(stack: &str) -> String {
    format!("selfheal-{stack}")
}

/// Returns the name of the stack's launch template.
#[must_use]
pub fn launch_template_name(stack: &str) -> String {
    format!("selfheal-{stack}")
}

/// Returns the name of the stack's security group.
#[must_use]
pub fn security_group_name(stack: &str) -> String {
    format!("selfheal-{stack}")
}

/// Returns the name of the role of the stack's lifecycle policy.
#[must_use]
pub fn snapshot_role_name(stack: &str, region: &str) -> String {
    format!("{}{SNAPSHOT_ROLE_SUFFIX}", role_name(stack, region))
}

/// Returns the name of the stack's role and of its instance profile; IAM is global, so it carries the Region.
#[must_use]
pub fn role_name(stack: &str, region: &str) -> String {
    format!("selfheal-{stack}-{region}")
}
