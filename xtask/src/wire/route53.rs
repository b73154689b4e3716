//! The two calls of Route 53 that answer a certificate authority's challenges: REST, with XML.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};
use selfheal_aws::sim::InstanceCaller;
use selfheal_core::world::RecordSet;

use super::query::Failure;
use super::xml::leaf;
use super::{WireCall, WireError};
use crate::net::Request;

const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";
/// Begins every path.
const VERSION: &str = "/2013-04-01/";

/// Reads the action, which method and path say, and what it is about.
pub(super) fn read(request: &Request) -> Result<(String, BTreeMap<String, String>), WireError> {
    let path = request.path().strip_prefix(VERSION).unwrap_or_default();
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let (action, key, value) = match (request.method.as_str(), &parts[..]) {
        ("POST", ["hostedzone", zone, "rrset"]) => ("ChangeResourceRecordSets", "Id", *zone),
        ("GET", ["change", id]) => ("GetChange", "Id", *id),
        _ => {
            return Err(WireError::new(
                404,
                "UnknownOperationException",
                format!("no {} {path} here", request.method),
            ));
        }
    };
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let parameters = [(key.to_owned(), value.to_owned()), ("Body".to_owned(), body)];
    Ok((action.to_owned(), parameters.into_iter().collect()))
}

/// Makes a call.
pub(super) fn call(me: &InstanceCaller, call: &WireCall) -> Result<String, Failure> {
    let parameter = |name: &str| call.parameters.get(name).map_or("", String::as_str);
    let id = parameter("Id");
    let (change, in_sync) = if call.action == "GetChange" {
        (id.to_owned(), me.is_in_sync(id).map_err(Failure::Call)?)
    } else {
        let (action, records) = batch(parameter("Body")).map_err(Failure::Wire)?;
        (
            me.change_records(&id.into(), &action, &records)
                .map_err(Failure::Call)?,
            false,
        )
    };
    let status = if in_sync { "INSYNC" } else { "PENDING" };
    let inner = [
        leaf("Id", &format!("/change/{change}")),
        leaf("Status", status),
        leaf("SubmittedAt", "2026-01-01T00:00:00.000Z"),
    ];
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"{NAMESPACE}\"><ChangeInfo>{}</ChangeInfo></{action}Response>",
        inner.concat(),
        action = call.action,
    ))
}

/// Reads a batch whose changes all do the same, as those of the boot program do: what they do, and with which records.
fn batch(body: &str) -> Result<(String, Vec<RecordSet>), WireError> {
    let bad = |why: String| WireError::new(400, "InvalidInput", why);
    let document = Document::parse(body).map_err(|error| bad(format!("Unparseable XML: {error}")))?;
    let root = document.root_element();
    if root.tag_name().namespace() != Some(NAMESPACE) || root.tag_name().name() != "ChangeResourceRecordSetsRequest" {
        return Err(bad("another document was expected".to_owned()));
    }
    let mut actions = Vec::new();
    let mut records = Vec::new();
    for change in named(root, "Change") {
        let text = |name: &str| {
            named(change, name)
                .next()
                .and_then(|node| node.text())
                .unwrap_or_default()
                .to_owned()
        };
        actions.push(text("Action"));
        records.push(RecordSet {
            name: text("Name").trim_end_matches('.').to_owned(),
            record_type: text("Type"),
            ttl_s: text("TTL").parse().ok(),
            values: named(change, "Value")
                .filter_map(|node| node.text())
                .map(str::to_owned)
                .collect(),
            set_identifier: None,
        });
    }
    actions.dedup();
    match &actions[..] {
        [one] => Ok((one.clone(), records)),
        _ => Err(bad(format!(
            "a batch that does one thing was expected, and not {actions:?}"
        ))),
    }
}

/// The elements of this name below a node.
fn named<'a, 'input>(node: Node<'a, 'input>, name: &'a str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.descendants()
        .filter(move |child| child.has_tag_name((NAMESPACE, name)))
}

/// What Route 53 says of a batch that it does not take: an element of its own.
pub(super) fn invalid_batch(message: &str, request_id: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<InvalidChangeBatch xmlns=\"{NAMESPACE}\"><Messages>{}</Messages>{}</InvalidChangeBatch>",
        leaf("Message", message),
        leaf("RequestId", request_id)
    )
}
