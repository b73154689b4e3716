//! The calls of CloudWatch Logs, in JSON.

use selfheal_aws::sim::InstanceCaller;
use serde_json::{Value, json};

use super::query::Failure;
use super::{WireCall, WireError};

/// What names an operation, before its name.
pub(super) const TARGET: &str = "Logs_20140328.";

/// Makes a call.
pub(super) fn call(me: &InstanceCaller, call: &WireCall) -> Result<String, Failure> {
    let refused = |why: &str| Failure::Wire(WireError::new(400, "InvalidParameterException", why));
    let text = |name: &str| {
        let value = call.parameters.get(name);
        value.ok_or_else(|| refused(&format!("{name} is required")))
    };
    let (group, stream) = (text("logGroupName")?, text("logStreamName")?);
    match call.action.as_str() {
        "CreateLogStream" => {
            me.create_log_stream(group, stream).map_err(Failure::Call)?;
            // AWS answers it with nothing at all.
            Ok(String::new())
        }
        "PutLogEvents" => {
            let events: Vec<Value> =
                serde_json::from_str(text("logEvents")?).map_err(|_| refused("logEvents is no list"))?;
            let event = |event: &Value| {
                let at = event.get("timestamp").and_then(Value::as_i64);
                let message = event.get("message").and_then(Value::as_str);
                at.zip(message.map(str::to_owned))
            };
            let events: Option<Vec<(i64, String)>> = events.iter().map(event).collect();
            let events = events.ok_or_else(|| refused("an event lacks its time or its text"))?;
            let dropped = me.put_log_events(group, stream, &events).map_err(Failure::Call)?;
            let rejected = (dropped > 0).then(|| json!({ "tooOldLogEventEndIndex": dropped }));
            Ok(json!({ "nextSequenceToken": "49", "rejectedLogEventsInfo": rejected }).to_string())
        }
        other => Err(Failure::Wire(WireError::new(
            400,
            "UnknownOperationException",
            format!("no operation {other}"),
        ))),
    }
}
