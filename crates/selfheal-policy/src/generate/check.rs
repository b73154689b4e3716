//! Checks the fields of a scope before they reach an ARN.
//!
//! Everything that is put into an ARN or a condition passes here, so that no `*`, `?`, `$` or `:` in a name can widen
//! what the generated policy grants.

use super::error::ScopeError;
use super::scope::{InstanceScope, LifecycleScope, OperatorScope};
use crate::arn::Arn;
use crate::partition::Partition;

type Checked = Result<(), ScopeError>;

fn field(field: &'static str, value: &str, good: bool, expected: &'static str) -> Checked {
    if good {
        Ok(())
    } else {
        Err(ScopeError::Field {
            field,
            value: value.to_owned(),
            expected,
        })
    }
}

fn place(partition: Partition, region: &str, account: &str) -> Checked {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    field(
        "region",
        region,
        region.contains('-') && region.chars().all(plain),
        "a Region such as `eu-west-1`",
    )?;
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    field("account", account, digits, "twelve digits")?;
    if Partition::of_region(region) == partition {
        return Ok(());
    }
    let other = format!("partition `{partition}`");
    Err(ScopeError::Contradiction {
        field: "region",
        value: region.to_owned(),
        other,
    })
}

/// Checks a name that is put into an ARN: what IAM, EC2 and Auto Scaling all accept, and no character that IAM reads.
fn name(which: &'static str, value: &str) -> Checked {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+=,@".contains(c);
    let good = !value.is_empty() && value.len() <= 255 && value.chars().all(plain);
    field(which, value, good, "letters, digits and -_.+=,@")
}

fn id(which: &'static str, value: &str, prefix: &'static str) -> Checked {
    let good = value
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    field(which, value, good, prefix_text(prefix))
}

const fn prefix_text(prefix: &'static str) -> &'static str {
    match prefix.as_bytes() {
        b"eipalloc" => "an id such as `eipalloc-0123456789abcdef0`",
        b"vol" => "an id such as `vol-0123456789abcdef0`",
        b"vpc" => "an id such as `vpc-0123456789abcdef0`",
        _ => "an id such as `subnet-0123456789abcdef0`",
    }
}

fn optional(value: Option<&String>, check: impl Fn(&str) -> Checked) -> Checked {
    value.map_or(Ok(()), |value| check(value))
}

/// Checks that an ARN is exact and of our account, and returns it.
fn exact_arn(
    which: &'static str,
    text: &str,
    service: &str,
    kind: &str,
    account: &str,
    partition: Partition,
) -> Result<Arn, ScopeError> {
    let arn: Arn = text.parse().map_err(|source| ScopeError::Arn {
        text: text.to_owned(),
        source,
    })?;
    let good = arn.service() == service && arn.resource_type() == kind && !text.contains(['*', '?', '$']);
    field(which, text, good, "the exact ARN of such a resource")?;
    if arn.partition() == Some(partition) && (arn.account() == account || service == "kms") {
        return Ok(arn);
    }
    let other = format!("account `{account}` in partition `{partition}`");
    Err(ScopeError::Contradiction {
        field: which,
        value: text.to_owned(),
        other,
    })
}

fn parameter_path(which: &'static str, path: &str) -> Checked {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = path.strip_prefix('/').is_some_and(|rest| {
        rest.len() <= 1_011
            && rest
                .split('/')
                .all(|level| !level.is_empty() && level.chars().all(plain))
    });
    field(which, path, good, "a path such as `/selfheal/web`")
}

fn log_group(group: &str) -> Checked {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./#".contains(c);
    let good = !group.is_empty() && group.len() <= 512 && group.chars().all(plain);
    field("log_group", group, good, "a log group's name such as `/selfheal/web`")
}

/// Checks that a topic's ARN is exact, and of our Region. Its account may not be known yet, where zeroes stand for ours.
fn topic(text: &str, region: &str, partition: Partition) -> Checked {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let digits = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let rest = text.strip_prefix(&format!("arn:{partition}:sns:{region}:"));
    let good = rest
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(account, name)| {
            digits(account) && !name.is_empty() && name.len() <= 256 && name.chars().all(plain)
        });
    field("topic", text, good, "the exact ARN of a topic of this Region")
}

fn record_name(record: &str) -> Checked {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let good = record.len() <= 255
        && record
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(plain));
    field(
        "record_name",
        record,
        good,
        "a lower-case DNS name without a final dot, such as `app.example.com`",
    )
}

fn zone_id(zone: &str) -> Checked {
    let good = !zone.is_empty() && zone.len() <= 32 && zone.bytes().all(|byte| byte.is_ascii_alphanumeric());
    field(
        "hosted_zone_id",
        zone,
        good,
        "a hosted zone's id such as `Z0123456789ABCDEFGHIJ`",
    )
}

/// Checks the ARN of a managed policy: the account's own, or one of AWS's.
fn managed_policy(which: &'static str, text: &str, account: &str, partition: Partition) -> Checked {
    let owner = if text.contains("::aws:policy/") { "aws" } else { account };
    exact_arn(which, text, "iam", "policy", owner, partition).map(drop)
}

/// Checks the ARN of somebody who calls: a user or a role of the account.
fn principal(text: &str, account: &str, partition: Partition) -> Checked {
    let kind = if text.contains(":role/") { "role" } else { "user" };
    exact_arn("principal", text, "iam", kind, account, partition).map(drop)
}

fn key(which: &'static str, scope_key: Option<&String>, account: &str, partition: Partition) -> Checked {
    optional(scope_key, |text| {
        exact_arn(which, text, "kms", "key", account, partition).map(drop)
    })
}

/// Checks where the app's configuration is, and its key.
fn parameters((path, own_key): (Option<&String>, Option<&String>), account: &str, partition: Partition) -> Checked {
    optional(path, |path| parameter_path("parameter_path", path))?;
    key("parameter_key", own_key, account, partition)
}

/// Checks an instance's scope.
pub(crate) fn instance(scope: &InstanceScope) -> Checked {
    place(scope.partition, &scope.region, &scope.account)?;
    name("stack", &scope.stack)?;
    name("group", &scope.group)?;
    let profile = &scope.instance_profile;
    exact_arn(
        "instance_profile",
        profile,
        "iam",
        "instance-profile",
        &scope.account,
        scope.partition,
    )?;
    id("allocation_id", &scope.allocation_id, "eipalloc")?;
    optional(scope.volume_id.as_ref(), |value| id("volume_id", value, "vol"))?;
    optional(scope.vpc_id.as_ref(), |value| id("vpc_id", value, "vpc"))?;
    optional(scope.subnet_id.as_ref(), |value| id("subnet_id", value, "subnet"))?;
    if scope.vpc_id.is_none() && scope.subnet_id.is_none() {
        let reason = "network interfaces are narrowed by the subnet or the VPC";
        return Err(ScopeError::Missing {
            field: "subnet_id",
            reason,
        });
    }
    parameters(
        (scope.parameter_path.as_ref(), scope.parameter_key.as_ref()),
        &scope.account,
        scope.partition,
    )?;
    optional(scope.log_group.as_ref(), log_group)?;
    optional(scope.topic.as_ref(), |text| topic(text, &scope.region, scope.partition))?;
    if let Some(challenge) = &scope.challenge {
        zone_id(&challenge.zone_id)?;
        challenge.names.iter().try_for_each(|name| record_name(name))?;
    }
    key("kms_key", scope.kms_key.as_ref(), &scope.account, scope.partition)
}

/// Checks the scope of a lifecycle policy's role.
pub(crate) fn lifecycle(scope: &LifecycleScope) -> Checked {
    place(scope.partition, &scope.region, &scope.account)?;
    name("stack", &scope.stack)
}

/// Checks an operator's scope.
pub(crate) fn operator(scope: &OperatorScope) -> Checked {
    place(scope.partition, &scope.region, &scope.account)?;
    name("stack", &scope.stack)?;
    name("group", &scope.group)?;
    name("role_name", &scope.role_name)?;
    name("snapshot_role_name", &scope.snapshot_role_name)?;
    name("profile_name", &scope.profile_name)?;
    optional(scope.hosted_zone_id.as_ref(), zone_id)?;
    optional(scope.record_name.as_ref(), record_name)?;
    if let Some(former) = &scope.former_record {
        zone_id(&former.zone_id)?;
        record_name(&former.name)?;
    }
    optional(scope.allocation_id.as_ref(), |value| {
        id("allocation_id", value, "eipalloc")
    })?;
    optional(scope.vpc_id.as_ref(), |value| id("vpc_id", value, "vpc"))?;
    optional(scope.subnet_id.as_ref(), |value| id("subnet_id", value, "subnet"))?;
    optional(scope.image_parameter.as_ref(), |path| {
        parameter_path("image_parameter", path)
    })?;
    parameters(
        (scope.parameter_path.as_ref(), scope.parameter_key.as_ref()),
        &scope.account,
        scope.partition,
    )?;
    optional(scope.topic.as_ref(), |text| topic(text, &scope.region, scope.partition))?;
    optional(scope.permissions_boundary.as_ref(), |text| {
        managed_policy("permissions_boundary", text, &scope.account, scope.partition)
    })?;
    optional(scope.principal.as_ref(), |text| {
        principal(text, &scope.account, scope.partition)
    })?;
    key("kms_key", scope.kms_key.as_ref(), &scope.account, scope.partition)
}
