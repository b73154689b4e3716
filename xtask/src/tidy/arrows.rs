//! Which crate may depend on which of ours.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::error::{Context, TaskError, TaskResult};
use crate::shell::{cargo, describe};

/// Each crate and those of ours that it may depend on.
const ARROWS: [(&str, &[&str]); 7] = [
    ("selfheal-policy", &[]),
    ("selfheal-userdata", &[]),
    ("selfheal-core", &["selfheal-policy", "selfheal-userdata"]),
    (
        "selfheal-aws",
        &["selfheal-core", "selfheal-policy", "selfheal-userdata"],
    ),
    (
        "selfheal-cli",
        &["selfheal-aws", "selfheal-core", "selfheal-policy", "selfheal-userdata"],
    ),
    ("selfheal-days", &["selfheal-aws", "selfheal-core"]),
    (
        "xtask",
        &["selfheal-aws", "selfheal-core", "selfheal-policy", "selfheal-userdata"],
    ),
];

/// Finds dependencies, of any kind, that the table does not have.
pub fn check(root: &Path) -> TaskResult<Vec<String>> {
    let mut command = cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"]);
    let output = command
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context(|| format!("start {}", describe(&command)))?;
    if !output.status.success() {
        let program = describe(&command);
        return Err(TaskError::Command {
            program,
            status: output.status.to_string(),
        });
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| TaskError::malformed("cargo's metadata", error))?;
    Ok(findings(&dependencies(&metadata)))
}

/// Every package of the workspace with the names of what it depends on.
fn dependencies(metadata: &Value) -> Vec<(String, Vec<String>)> {
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |value: &Value| value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    list(metadata, "packages")
        .iter()
        .map(|package| (name(package), list(package, "dependencies").iter().map(name).collect()))
        .collect()
}

fn findings(packages: &[(String, Vec<String>)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (package, dependencies) in packages {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == package) else {
            findings.push(format!("{package} is not in the table of arrows"));
            continue;
        };
        for dependency in dependencies {
            if ARROWS.iter().any(|(name, _)| name == dependency) && !allowed.contains(&dependency.as_str()) {
                findings.push(format!("{package} must not depend on {dependency}"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::findings;

    fn package(name: &str, dependencies: &[&str]) -> (String, Vec<String>) {
        (
            name.to_owned(),
            dependencies.iter().map(|name| (*name).to_owned()).collect(),
        )
    }

    #[test]
    fn arrows_point_one_way() {
        assert!(findings(&[package("selfheal-core", &["selfheal-policy", "serde"])]).is_empty());
        assert_eq!(
            findings(&[
                package("selfheal-core", &["selfheal-aws"]),
                package("selfheal-new", &[])
            ]),
            [
                "selfheal-core must not depend on selfheal-aws",
                "selfheal-new is not in the table of arrows"
            ]
        );
    }
}
