//! The calls of Parameter Store, in JSON.

use std::collections::BTreeMap;

use selfheal_aws::sim::InstanceCaller;
use serde_json::{Value, json};

use super::query::Failure;
use super::{WireCall, WireError};
use crate::net::Request;

/// The content type of JSON 1.1 services.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// Parameters in a page; AWS takes no more.
const PAGE: usize = 10;
/// What names an operation, before its name.
pub(super) const TARGET: &str = "AmazonSSM.";

/// Reads the action, whose target begins with the prefix, and the parameters; nested values are kept as JSON text.
pub(super) fn read(request: &Request, prefix: &str) -> Result<(String, BTreeMap<String, String>), WireError> {
    let bad = |code: &str, why: &str| WireError::new(400, code, why);
    if request.method != "POST" {
        return Err(bad("UnknownOperationException", "only POST is served"));
    }
    let target = request
        .header("x-amz-target")
        .and_then(|target| target.strip_prefix(prefix));
    let action = target.ok_or_else(|| bad("UnknownOperationException", "no X-Amz-Target of the service"))?;
    let body: BTreeMap<String, Value> =
        serde_json::from_slice(&request.body).map_err(|_| bad("SerializationException", "not a JSON object"))?;
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok((
        action.to_owned(),
        body.into_iter().map(|(key, value)| (key, text(value))).collect(),
    ))
}

/// Makes a call.
pub(super) fn call(me: &InstanceCaller, call: &WireCall) -> Result<String, Failure> {
    match call.action.as_str() {
        "GetParametersByPath" => {
            let path = call
                .parameters
                .get("Path")
                .ok_or_else(|| Failure::Wire(WireError::new(400, "ValidationException", "Path is required")))?;
            let decrypt = call
                .parameters
                .get("WithDecryption")
                .is_some_and(|asked| asked == "true");
            let found = me.parameters_by_path(path, decrypt).map_err(Failure::Call)?;
            let size: usize = call
                .parameters
                .get("MaxResults")
                .and_then(|size| size.parse().ok())
                .filter(|size| (1..=PAGE).contains(size))
                .unwrap_or(PAGE);
            // A page that is empty comes before each that is not: AWS may send one, and it is not the last.
            let asked = call
                .parameters
                .get("NextToken")
                .map_or(Ok(0), |token| token.parse::<usize>());
            let page = asked.map_err(|_| Failure::Wire(WireError::new(400, "InvalidNextToken", "no such page")))?;
            let begin = page / 2 * size;
            let shown = found
                .iter()
                .skip(begin)
                .take(if page.is_multiple_of(2) { 0 } else { size });
            let parameters: Vec<Value> = shown
                .map(|(name, record)| {
                    let kind = if record.secret { "SecureString" } else { "String" };
                    let seconds = record.changed_ms / 1_000;
                    json!({
                        "Name": name, "Type": kind, "Value": record.value, "Version": record.version,
                        "LastModifiedDate": seconds, "DataType": "text",
                    })
                })
                .collect();
            let more = page.is_multiple_of(2) && !found.is_empty() || begin + size < found.len();
            let next = more.then(|| (page + 1).to_string());
            Ok(json!({ "Parameters": parameters, "NextToken": next }).to_string())
        }
        other => Err(Failure::Wire(WireError::new(
            400,
            "UnknownOperationException",
            format!("no operation {other}"),
        ))),
    }
}

/// The form of an error.
pub(super) fn error(code: &str, message: &str) -> String {
    json!({ "__type": code, "message": message }).to_string()
}
