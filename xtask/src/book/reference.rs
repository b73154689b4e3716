//! The page of all keys of `selfheal.toml`, out of its schema.

use std::fmt::Write as _;

use serde_json::Value;

const INTRODUCTION: &str = "\
# The spec

`selfheal.toml` describes one stack. Every key that there is, made from [the schema] of the file, which editors understand as well; a key
that is not here is an error that shows the line and the nearest key. A file that a key names is searched beside `selfheal.toml`.

[the schema]: https://json-schema.org/
";

/// The page.
pub fn page(schema: &Value) -> String {
    let mut page = INTRODUCTION.to_owned();
    section(&mut page, "", schema);
    page
}

/// Writes a section's keys as a table, and then the sections within it.
fn section(page: &mut String, name: &str, schema: &Value) {
    let required: Vec<&str> = texts(&schema["required"]).collect();
    let keys = || schema["properties"].as_object().into_iter().flatten();
    let mut rows = String::new();
    for (key, value) in keys().filter(|(_, value)| inner(value).is_none()) {
        let must = if required.contains(&key.as_str()) {
            "; required"
        } else {
            ""
        };
        let meaning = value["description"].as_str().unwrap_or_default().replace('|', "\\|");
        let _ = writeln!(rows, "| `{key}` | {}{must} | {meaning} |", values(value));
    }
    if !rows.is_empty() {
        let _ = write!(page, "\n| key | value | meaning |\n|---|---|---|\n{rows}");
    }
    for (key, value) in keys() {
        let Some(within) = inner(value) else { continue };
        let path = if name.is_empty() {
            key.clone()
        } else {
            format!("{name}.{key}")
        };
        let heading = if value["type"] == "array" {
            format!("[[{path}]]")
        } else {
            format!("[{path}]")
        };
        let meaning = value["description"].as_str().unwrap_or_default();
        let _ = write!(page, "\n## `{heading}`\n\n{meaning}\n");
        section(page, &path, within);
    }
}

/// The keys within a section, or within each table of a list of them.
fn inner(value: &Value) -> Option<&Value> {
    [value, &value["items"]]
        .into_iter()
        .find(|value| value["properties"].is_object())
}

/// What may stand for a key, in words.
fn values(schema: &Value) -> String {
    if let Some(one) = schema.get("const") {
        return format!("`{one}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    if let Some(ways) = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array()) {
        let ways: Vec<String> = ways.iter().map(values).collect();
        return ways.join(", or ");
    }
    match schema["type"].as_str() {
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("integer") => match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            (Some(low), Some(high)) => format!("{low} to {high}"),
            _ => "a number".to_owned(),
        },
        Some("array") => {
            let most = schema["maxItems"].as_u64().map(|most| format!(", at most {most}"));
            format!("a list{} of: {}", most.unwrap_or_default(), values(&schema["items"]))
        }
        Some("object") => table(schema),
        _ => text(schema["pattern"].as_str().unwrap_or_default()),
    }
}

/// A table as a value: its keys, or for names that are the user's own what each of them has.
fn table(schema: &Value) -> String {
    if schema["additionalProperties"].is_object() {
        return format!("a table of: {}", values(&schema["additionalProperties"]));
    }
    let keys = schema["properties"].as_object().into_iter().flatten();
    let keys: Vec<String> = keys.map(|(key, value)| format!("`{key}`: {}", values(value))).collect();
    format!("a table of {}", keys.join("; "))
}

/// A text as a value, with its units where its pattern has them.
fn text(pattern: &str) -> String {
    let units = pattern
        .strip_prefix("^[0-9]+ *")
        .and_then(|units| units.strip_suffix('$'))
        .map(|units| units.trim_matches(['(', ')']).split('|').collect::<Vec<_>>());
    match units.as_deref() {
        Some([rest @ .., last]) if !rest.is_empty() => {
            format!("text: a number with `{}` or `{last}`", rest.join("`, `"))
        }
        Some([unit]) => format!("text: a number with `{unit}`"),
        _ => "text".to_owned(),
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_section_is_a_table_of_its_keys_and_a_list_of_tables_a_section() {
        let schema = json!({
            "required": ["name"],
            "properties": {
                "name": { "type": "string", "description": "The name." },
                "data": { "type": "object", "description": "The data.", "properties": {
                    "size": { "type": "string", "pattern": "^[0-9]+ *(GiB|TiB)$", "description": "a|b" },
                    "ports": { "type": "array", "maxItems": 3, "items": { "type": "integer", "minimum": 1, "maximum": 9 } },
                    "site": { "type": "array", "items": { "properties": { "hsts": { "type": "boolean" } } } },
                } },
            },
        });
        let page = page(&schema);
        let (_, keys) = page.split_once("json-schema.org/\n").expect("its introduction");
        let expected = "
| key | value | meaning |
|---|---|---|
| `name` | text; required | The name. |

## `[data]`

The data.

| key | value | meaning |
|---|---|---|
| `size` | text: a number with `GiB` or `TiB` | a\\|b |
| `ports` | a list, at most 3 of: 1 to 9 |  |

## `[[data.site]]`



| key | value | meaning |
|---|---|---|
| `hsts` | `true` or `false` |  |
";
        assert_eq!(keys, expected);
    }
}
