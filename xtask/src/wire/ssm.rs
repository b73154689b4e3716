//! The calls of Parameter Store, in JSON.

use std::collections::BTreeMap;

use selfheal_aws::sim::InstanceCaller;
use serde_json::{Value, json};

use super::query::Failure;
use super::{WireCall, WireError};
use crate::net::Request;

/// The content type of JSON 1.1 services.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const TARGET: &str = "AmazonSSM.";

/// Reads the action and the parameters; nested values are kept as JSON text.
pub(super) fn read(request: &Request) -> Result<(String, BTreeMap<String, String>), WireError> {
    let bad = |code: &str, why: &str| WireError::new(400, code, why);
    if request.method != "POST" {
        return Err(bad("UnknownOperationException", "only POST is served"));
    }
    let target = request
        .header("x-amz-target")
        .and_then(|target| target.strip_prefix(TARGET));
    let action = target.ok_or_else(|| bad("UnknownOperationException", "no X-Amz-Target of AmazonSSM"))?;
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
            let found = me.parameters_by_path(path).map_err(Failure::Call)?;
            let parameters: Vec<Value> = found
                .iter()
                .map(|(name, value)| json!({"Name": name, "Type": "String", "Value": value, "Version": 1}))
                .collect();
            Ok(json!({ "Parameters": parameters }).to_string())
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
