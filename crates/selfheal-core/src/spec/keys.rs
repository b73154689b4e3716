//! The keys of a spec file.

pub(super) const ROOT: &[&str] = &[
    "name", "region", "instance", "address", "data", "dns", "app", "access", "schema",
];
pub(super) const INSTANCE: &[&str] = &[
    "type",
    "image",
    "subnet",
    "ingress",
    "security_groups",
    "root_size",
    "permissions_boundary",
    "kms_key",
];
pub(super) const ADDRESS: &[&str] = &["allocation", "take", "when"];
pub(super) const DNS: &[&str] = &["zone", "name", "ttl", "overwrite"];
pub(super) const ACCESS: &[&str] = &["session_manager"];
pub(super) const APP: &[&str] = &["setup", "setup_timeout", "policy", "breaker", "health"];
pub(super) const HEALTH: &[&str] = &[
    "http",
    "tcp",
    "command",
    "interval",
    "threshold",
    "startup_budget",
    "from",
];

/// The keys of `[data]`.
pub(super) const DATA: &[&str] = &[
    "size",
    "mount",
    "filesystem",
    "type",
    "iops",
    "throughput",
    "volume",
    "kms_key",
];

/// Every section with its keys.
pub(super) const SECTIONS: &[(&str, &[&str])] = &[
    ("", ROOT),
    ("instance", INSTANCE),
    ("address", ADDRESS),
    ("data", DATA),
    ("dns", DNS),
    ("app", APP),
    ("access", ACCESS),
    ("app.health", HEALTH),
];

#[cfg(test)]
mod tests {
    use super::SECTIONS;

    #[test]
    fn the_table_of_keys_is_complete() {
        let mut rows = include_str!("keys.md").lines().filter(|line| line.starts_with("| "));
        let mut documented = Vec::new();
        let mut section = String::new();
        rows.next();
        for row in rows {
            let cells: Vec<&str> = row.trim_start_matches('|').split(" | ").map(str::trim).collect();
            if !cells[0].is_empty() {
                section = cells[0].trim_matches(['`', '[', ']']).to_owned();
            }
            documented.push((section.clone(), cells[1].trim_matches('`').to_owned()));
        }
        // The sections at the top are documented by their own rows.
        let mut known: Vec<(String, String)> = SECTIONS
            .iter()
            .flat_map(|(section, keys)| keys.iter().map(|key| ((*section).to_owned(), (*key).to_owned())))
            .filter(|(section, key)| !(section.is_empty() && SECTIONS.iter().any(|(path, _)| path == key)))
            .collect();
        documented.sort();
        known.sort();
        assert_eq!(documented, known);
    }

    /// The schema of the file that editors read has the keys that this module reads.
    #[test]
    fn the_schema_of_the_file_has_every_key() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../../schema/spec.schema.json")).expect("a schema is JSON");
        let required = |at: &serde_json::Value| at["required"].as_array().map_or(0, Vec::len);
        assert_eq!(required(&schema), 3);
        for (section, keys) in SECTIONS {
            let path: String = section
                .split('.')
                .filter(|part| !part.is_empty())
                .map(|part| format!("/properties/{part}"))
                .collect();
            let at = schema
                .pointer(&path)
                .unwrap_or_else(|| panic!("the schema lacks the section {section}"));
            let properties = at["properties"].as_object().expect("a section is an object");
            let mut described: Vec<&str> = properties.keys().map(String::as_str).collect();
            let mut known = keys.to_vec();
            described.sort_unstable();
            known.sort_unstable();
            assert_eq!(described, known, "[{section}]");
            assert_eq!(at["additionalProperties"], false, "[{section}]");
        }
    }
}
