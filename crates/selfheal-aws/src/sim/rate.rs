//! Request buckets: how fast an account may call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is left in the buckets, by their name.
pub(super) type Buckets = BTreeMap<String, Bucket>;

/// One bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bucket {
    /// Thousandths of a request that are left.
    left: u64,
    /// When it was last filled, in logical milliseconds.
    filled_ms: u64,
}

/// The bucket of an action: its name, what it holds, and what it regains a second.
///
/// Source: EC2 API reference, "Request throttling": describing actions 100 and 20, mutating ones 50 and 5, with some of their
/// own; Route 53 developer guide, "Quotas": five requests a second for the account. Auto Scaling, IAM, SSM and STS publish no
/// figures; the model gives them the EC2 ones.
fn bucket_of(action: &str) -> (&str, u64, u64) {
    let (service, name) = action.split_once(':').unwrap_or(("", action));
    match (service, name) {
        ("route53", _) => ("route53", 5, 5),
        ("ec2", "CreateVolume" | "CreateLaunchTemplateVersion") => (action, 100, 5),
        ("ec2", "CreateTags") => (action, 100, 10),
        _ if name.starts_with("Describe") || name.starts_with("Get") || name.starts_with("List") => (action, 100, 20),
        _ => (action, 50, 5),
    }
}

/// Takes a request out of the action's bucket; answers whether there was one left.
pub(super) fn take(buckets: &mut Buckets, action: &str, now_ms: u64) -> bool {
    let (name, capacity, refill) = bucket_of(action);
    let full = capacity * 1_000;
    let bucket = buckets.entry(name.to_owned()).or_insert(Bucket {
        left: full,
        filled_ms: now_ms,
    });
    // A thousandth of a request a millisecond is one a second.
    let regained = (now_ms - bucket.filled_ms).saturating_mul(refill);
    bucket.left = bucket.left.saturating_add(regained).min(full);
    bucket.filled_ms = now_ms;
    let left = bucket.left.checked_sub(1_000);
    bucket.left = left.unwrap_or(bucket.left);
    left.is_some()
}
