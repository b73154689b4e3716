//! Adds wildcards to what is generated, in every place: the linter finds every one.

use selfheal_policy::lint::{DocumentKind, lint};
use selfheal_policy::{
    ActionSet, Conditions, Document, Effect, NonEmpty, Operator, Purpose, ResourcePattern, ResourceSet, Statement,
    Target, instance_policy, lifecycle_policy_document, operator_policy, trust_policy,
};

use crate::common::{instance_scope, lifecycle_scope, operator_scope};

fn documents() -> Vec<(DocumentKind, Document)> {
    let mut out = vec![
        (DocumentKind::InstanceRole, instance_policy(&instance_scope()).unwrap()),
        (
            DocumentKind::LifecycleRole,
            lifecycle_policy_document(&lifecycle_scope()).unwrap(),
        ),
    ];
    for purpose in Purpose::ALL {
        out.push((
            DocumentKind::Operator,
            operator_policy(&operator_scope(), purpose).unwrap(),
        ));
    }
    out
}

/// Applies a change to each statement that allows in turn and asks the linter about the result. A wildcard in a deny takes
/// something away.
fn each(change: impl Fn(&Statement) -> Vec<Statement>) -> usize {
    let mut count = 0;
    for (kind, document) in documents() {
        let allows = |index: &usize| document.statements[*index].effect == Effect::Allow;
        for index in (0..document.statements.len()).filter(allows) {
            for mutant in change(&document.statements[index]) {
                let mut mutated = document.clone();
                mutated.statements[index] = mutant;
                assert!(
                    !lint(&mutated, kind).is_empty(),
                    "not found: {}",
                    mutated.statements[index]
                );
                count += 1;
            }
        }
    }
    count
}

fn resources(statement: &Statement) -> Vec<ResourcePattern> {
    statement.target.resources().unwrap().patterns().to_vec()
}

fn with_resources(statement: &Statement, resources: Vec<ResourcePattern>) -> Statement {
    let set = ResourceSet::Resource(NonEmpty::new(resources).unwrap());
    Statement {
        target: Target::Identity(set),
        ..statement.clone()
    }
}

/// Returns every way to put a wildcard into an ARN that its grammar allows.
fn widened(arn: &str) -> Vec<String> {
    if arn == "*" {
        return Vec::new();
    }
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let mut out = Vec::new();
    for index in [1, 3, 4, 5] {
        let mut wide: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        wide[index] = "*".to_owned();
        out.push(wide.join(":"));
    }
    for (at, _) in arn.char_indices().filter(|(_, c)| ['/', ':'].contains(c)).skip(5) {
        out.push(format!("{}*", &arn[..=at]));
    }
    out.push(format!("{arn}*"));
    out.push(format!("{}?", &arn[..arn.len() - 1]));
    out.retain(|wide| wide != arn);
    out
}

#[test]
fn added_actions_with_wildcards() {
    let count = each(|statement| {
        let patterns = statement.actions.patterns().to_vec();
        let service = patterns[0].service().to_owned();
        let name: String = patterns[0].name().chars().take(4).collect();
        [
            "*".to_owned(),
            format!("{service}:*"),
            format!("{service}:{name}*"),
            "*:*".to_owned(),
        ]
        .into_iter()
        .map(|wide| {
            let mut patterns = patterns.clone();
            patterns.push(wide.parse().unwrap());
            Statement {
                actions: ActionSet::Action(NonEmpty::new(patterns).unwrap()),
                ..statement.clone()
            }
        })
        .collect()
    });
    assert!(count > 150, "{count} mutants");
}

#[test]
fn added_resources_with_wildcards() {
    let count = each(|statement| {
        let patterns = resources(statement);
        let mut wide: Vec<String> = patterns.iter().flat_map(|pattern| widened(pattern.as_str())).collect();
        // What stands in the list already adds nothing, and `*` where it is the only resource there is.
        wide.retain(|wide| {
            patterns
                .iter()
                .all(|pattern| pattern.as_str() != wide && pattern.as_str() != "*")
        });
        if patterns.iter().all(|pattern| *pattern != ResourcePattern::Any) {
            wide.push("*".to_owned());
        }
        wide.iter()
            .filter_map(|wide| wide.parse().ok())
            .map(|wide| {
                let mut patterns = patterns.clone();
                patterns.push(wide);
                with_resources(statement, patterns)
            })
            .collect()
    });
    assert!(count > 500, "{count} mutants");
}

#[test]
fn exact_resources_replaced_by_wildcards() {
    let count = each(|statement| {
        let patterns = resources(statement);
        let mut mutants = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            for wide in widened(pattern.as_str()) {
                // A type of resource under a condition that narrows it is what the generator writes where it knows no
                // id, and a parameter's path may be as short as two levels; nothing tells these from a wish.
                let a_type = wide.ends_with("/*") && !wide.contains(":*") && !wide.contains("iam:");
                let Ok(wide) = wide.parse() else { continue };
                if a_type || *pattern == ResourcePattern::Any {
                    continue;
                }
                let mut patterns = patterns.clone();
                patterns[index] = wide;
                mutants.push(with_resources(statement, patterns));
            }
        }
        mutants
    });
    assert!(count > 400, "{count} mutants");
}

#[test]
fn the_instances_volume_and_address_replaced_by_their_types() {
    let document = instance_policy(&instance_scope()).unwrap();
    for (sid, index, wide) in [
        ("TheAddress", 0, "arn:aws:ec2:eu-west-1:123456789012:elastic-ip/*"),
        ("TheVolume", 0, "arn:aws:ec2:eu-west-1:123456789012:volume/*"),
        ("VolumeIsUsed", 0, "arn:aws:ec2:eu-west-1:123456789012:volume/*"),
    ] {
        let at = document
            .statements
            .iter()
            .position(|statement| statement.name() == sid)
            .unwrap();
        let mut patterns = resources(&document.statements[at]);
        patterns[index] = wide.parse().unwrap();
        let mut mutated = document.clone();
        mutated.statements[at] = with_resources(&document.statements[at], patterns);
        assert!(!lint(&mutated, DocumentKind::InstanceRole).is_empty(), "{sid}");
    }
}

#[test]
fn values_of_conditions_with_wildcards() {
    let count = each(|statement| {
        let mut mutants = Vec::new();
        for (at, _) in statement.conditions.iter().enumerate() {
            let mut conditions = Conditions::none();
            let mut changed = false;
            for (index, (operator, key, values)) in statement.conditions.iter().enumerate() {
                let like: Operator = match operator.to_string().as_str() {
                    text if index != at => text.parse().unwrap(),
                    text => text
                        .replace("StringEquals", "StringLike")
                        .replace("ArnEquals", "ArnLike")
                        .parse()
                        .unwrap(),
                };
                let mut values = values.to_vec();
                if index == at && like.to_string().contains("Like") {
                    values.push("*".to_owned());
                    changed = true;
                }
                conditions = conditions.with(like, key.as_str(), values);
            }
            if changed {
                mutants.push(Statement {
                    conditions,
                    ..statement.clone()
                });
            }
        }
        mutants
    });
    assert!(count > 30, "{count} mutants");
}

#[test]
fn not_action_and_not_resource() {
    let count = each(|statement| {
        let actions = NonEmpty::new(statement.actions.patterns().to_vec()).unwrap();
        let set = ResourceSet::NotResource(NonEmpty::new(resources(statement)).unwrap());
        vec![
            Statement {
                actions: ActionSet::NotAction(actions),
                ..statement.clone()
            },
            Statement {
                target: Target::Identity(set),
                ..statement.clone()
            },
        ]
    });
    assert!(count > 80, "{count} mutants");
}

#[test]
fn conditions_removed_from_open_resources() {
    let count = each(|statement| {
        let open = resources(statement).iter().any(|resource| {
            let text = resource.as_str();
            text == "*" || (text.contains(":ec2:") && text.ends_with("/*"))
        });
        let narrowed = !statement.conditions.is_empty();
        let without = Statement {
            conditions: Conditions::none(),
            ..statement.clone()
        };
        if open && narrowed { vec![without] } else { Vec::new() }
    });
    assert!(count > 20, "{count} mutants");
}

#[test]
fn a_trust_policy_for_everyone() {
    let document = trust_policy(selfheal_policy::Partition::Aws);
    assert_eq!(lint(&document, DocumentKind::Trust), []);
    for principal in [r#""*""#, r#"{"AWS":"*"}"#] {
        let text = document
            .to_json()
            .replace(r#"{"Service":"ec2.amazonaws.com"}"#, principal);
        assert!(!lint(&text.parse().unwrap(), DocumentKind::Trust).is_empty(), "{text}");
    }
    assert_eq!(document.statements[0].effect, Effect::Allow);
}
