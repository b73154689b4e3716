//! Checks of resources.

use super::conditions::demands;
use super::finding::{DocumentKind, Findings, Rule};
use super::redundant::redundant;
use crate::arn::Arn;
use crate::condition::Comparison;
use crate::pattern;
use crate::reference::{AccessLevel, Action, Row, reference};
use crate::requests::{is_global, type_of};
use crate::statement::{Effect, ResourcePattern, ResourceSet, Statement};

pub(super) fn check(statement: &Statement, kind: DocumentKind, findings: &mut Findings) {
    let Some(set) = statement.target.resources() else {
        return;
    };
    let actions: Vec<&Action> = statement
        .actions
        .patterns()
        .iter()
        .filter_map(|pattern| reference().action(pattern.as_str()))
        .collect();
    let known = actions.len() == statement.actions.patterns().len();
    if statement.effect == Effect::Allow {
        if matches!(set, ResourceSet::NotResource(_)) {
            findings.add(
                Rule::WildcardResource,
                "NotResource allows every resource but the named",
            );
        }
        if known {
            mismatches(&actions, set, findings);
        }
        for pattern in set.patterns() {
            match pattern {
                ResourcePattern::Any => any(statement, &actions, known, findings),
                ResourcePattern::Arn(arn) => wildcards(statement, arn, &actions, kind, findings),
            }
        }
    }
    let is_pattern = |pattern: &ResourcePattern| match pattern {
        ResourcePattern::Any => true,
        ResourcePattern::Arn(arn) => arn.has_wildcard(),
    };
    for one in redundant(set.patterns(), ToString::to_string, is_pattern, contains) {
        let message = format!("another resource of the list contains `{one}`");
        findings.add(Rule::Redundant, message);
    }
}

/// Finds actions that take none of the resources, and resources that no action takes.
fn mismatches(actions: &[&Action], set: &ResourceSet, findings: &mut Findings) {
    for action in actions {
        if !action.has_resources() {
            if !set.patterns().contains(&ResourcePattern::Any) {
                findings.add(
                    Rule::ResourceMismatch,
                    format!("{} takes no resource but `*`", action.full_name()),
                );
            }
        } else if set.patterns().iter().all(|pattern| type_of(action, pattern).is_empty()) {
            findings.add(
                Rule::ResourceMismatch,
                format!("{} takes none of the resources", action.full_name()),
            );
        }
    }
    for pattern in set
        .patterns()
        .iter()
        .filter(|pattern| matches!(pattern, ResourcePattern::Arn(_)))
    {
        if actions.iter().all(|action| type_of(action, pattern).is_empty()) {
            findings.add(
                Rule::ResourceMismatch,
                format!("no action of the statement takes `{pattern}`"),
            );
        }
    }
}

/// Finds `*` where a resource can be named, and where something could narrow it and nothing does.
///
/// An action that has a key of its own needs a condition on one. The calls of STS, Route 53 and IAM that take no
/// resource have none, and these services no Region; every other call has its Region.
fn any(statement: &Statement, actions: &[&Action], known: bool, findings: &mut Findings) {
    if !known {
        findings.add(
            Rule::WildcardResource,
            "`*` on actions that the reference does not hold",
        );
    }
    let asks = |narrow: &dyn Fn(&str) -> bool| {
        statement.conditions.iter().any(|(operator, key, values)| {
            demands(operator, values) && operator.comparison() != Comparison::Null && narrow(key.as_str())
        })
    };
    for action in actions {
        let name = action.full_name();
        let mut keys = action.rows().iter().flat_map(Row::keys);
        if action.has_resources() {
            findings.add(Rule::WildcardResource, format!("{name} takes a resource, `*` is none"));
        } else if keys.any(|key| *key != "ec2:Region") {
            if !asks(&|key| key != "ec2:Region" && action.has_key_anywhere(key)) {
                findings.add(
                    Rule::MissingCondition,
                    format!("{name} on `*` without a condition on a key of its own"),
                );
            }
        } else if !["sts", "route53", "iam"].contains(&action.service())
            && !asks(&|key| is_global(key) || action.has_key_anywhere(key))
        {
            let message = format!("{name} on `*` without a condition, not even on the Region");
            findings.add(Rule::MissingCondition, message);
        }
    }
}

/// Finds wildcards that could be narrower.
fn wildcards(statement: &Statement, arn: &Arn, actions: &[&Action], kind: DocumentKind, findings: &mut Findings) {
    let [partition, service, region, account, resource] = arn.components();
    for (what, component) in [("partition", partition), ("Region", region), ("account", account)] {
        if pattern::has_wildcard(component) {
            findings.add(Rule::WildcardResource, format!("`{arn}` has a wildcard for the {what}"));
        }
    }
    if !pattern::has_wildcard(resource) {
        return;
    }
    let mut bad = |why: &str| findings.add(Rule::WildcardResource, format!("`{arn}`: {why}"));
    match service {
        "autoscaling" => {
            let name = resource.strip_prefix("autoScalingGroup:*:autoScalingGroupName/");
            if name.is_none_or(pattern::has_wildcard) {
                bad("a group's id may be unknown, its name is not");
            }
        }
        "logs" => {
            // By its ARN with `:*` behind it AWS judges most calls about the group itself, which no instance makes.
            let whole = if kind == DocumentKind::Operator {
                ":*"
            } else {
                ":log-stream:*"
            };
            let name = resource.strip_prefix("log-group:");
            let group = name.and_then(|name| name.strip_suffix(":log-stream:*").or_else(|| name.strip_suffix(whole)));
            if group.is_none_or(pattern::has_wildcard) {
                bad("streams may be any of one log group");
            }
        }
        "ssm" if resource.starts_with("parameter/") => {
            let path = resource
                .strip_prefix("parameter/")
                .and_then(|rest| rest.strip_suffix("/*"));
            if path.is_none_or(|path| pattern::has_wildcard(path) || !path.contains('/')) {
                bad("parameters may be any below a path of two levels or more");
            }
        }
        "iam" | "kms" | "sts" => bad("its name is known"),
        _ => match resource.split_once('/') {
            Some((name, "*")) if !pattern::has_wildcard(name) => {
                if kind == DocumentKind::InstanceRole && ["elastic-ip", "volume"].contains(&name) {
                    bad("its id is known before the role's policy is written");
                }
                unnarrowed(statement, arn, actions, findings);
            }
            _ => bad("the wildcard is not the whole id"),
        },
    }
}

/// Finds actions for which nothing narrows a type of resource whose id is open.
///
/// A condition on a key that the type lacks narrows as well: the statement then does not speak of the type, which a
/// call that names it finds in another statement.
fn unnarrowed(statement: &Statement, arn: &Arn, actions: &[&Action], findings: &mut Findings) {
    let narrowed = statement.conditions.iter().any(|(operator, key, values)| {
        demands(operator, values) && !is_global(key.as_str()) && !key.as_str().eq_ignore_ascii_case("ec2:Region")
    });
    for action in actions.iter().filter(|_| !narrowed) {
        // The records of a zone can be listed or not, and there is no key to say which.
        let reads = matches!(action.level(), AccessLevel::List | AccessLevel::Read);
        if action.service() == "route53" && reads {
            continue;
        }
        for kind in type_of(action, &ResourcePattern::Arn(arn.clone())) {
            let message = format!("`{arn}` in {} without a condition on the {kind}", action.full_name());
            findings.add(Rule::MissingCondition, message);
        }
    }
}

/// Tells whether every resource of the second pattern is one of the first.
fn contains(outer: &ResourcePattern, inner: &ResourcePattern) -> bool {
    match (outer, inner) {
        (ResourcePattern::Any, _) => true,
        (ResourcePattern::Arn(_), ResourcePattern::Any) => false,
        // A wildcard of the inner one is a character that only a wildcard of the outer one matches.
        (ResourcePattern::Arn(outer), ResourcePattern::Arn(inner)) => outer
            .components()
            .iter()
            .zip(inner.components())
            .all(|(outer, inner)| pattern::glob(outer, inner)),
    }
}
