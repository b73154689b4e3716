//! The calls that moto lacks, answered in its place.
//!
//! moto answers what it lacks with HTTP 500 and a page of HTML, which a client takes for a fault that passes. Two calls of
//! the boot program are among them. They are answered here as AWS does when all is well, and noted in the log as stood
//! in for; nothing changes in moto's world by them. No other call is touched.

use super::call::Call;
use crate::net::Response;

/// The calls that are answered here: service and action.
const MISSING: [(&str, &str); 2] = [
    ("autoscaling", "CompleteLifecycleAction"),
    ("autoscaling", "RecordLifecycleActionHeartbeat"),
];

/// Answers a call that moto lacks; `None` for every other call.
pub fn stand_in(call: &Call) -> Option<Response> {
    let action = &call.action;
    MISSING
        .iter()
        .any(|(service, missing)| call.service == *service && action == missing)
        .then(|| {
            let body = format!(
                "<{action}Response xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><{action}Result/>\
             <ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>\
             </{action}Response>"
            );
            Response::new(200, "text/xml", body)
        })
}
