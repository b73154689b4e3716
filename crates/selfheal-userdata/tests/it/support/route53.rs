//! Route 53 of the fake: a hosted zone with TXT records.

use std::collections::{BTreeMap, VecDeque};

use super::aws::{Request, State, error};

/// Begins every path.
pub(super) const VERSION: &str = "/2013-04-01/";
/// The zone that there is.
const ZONE: &str = "Z0123456789ABCDEFGHIJ";

impl State {
    /// Answers a call of Route 53, which is told by method and path.
    pub(super) fn route53(&mut self, request: &Request) -> (u16, String) {
        self.check_signature(request, "us-east-1/route53");
        let path = &request.path[VERSION.len()..];
        let action = match (request.method.as_str(), path) {
            ("POST", path) if path == format!("hostedzone/{ZONE}/rrset/") => "ChangeResourceRecordSets",
            ("GET", "change/C0CHANGE") => "GetChange",
            _ => return error(404, "NoSuchHostedZone", path),
        };
        self.calls.push((
            action.to_owned(),
            BTreeMap::from([("Body".to_owned(), request.body.clone())]),
        ));
        if let Some((status, code, message)) = self.faults.get_mut(action).and_then(VecDeque::pop_front) {
            return error(status, code, message);
        }
        if self.keeps_records && request.body.contains("<Action>DELETE</Action>") {
            return error(400, "Throttling", "Rate exceeded");
        }
        let mut status = "INSYNC";
        if action == "GetChange" && self.behind > 0 {
            self.behind -= 1;
            status = "PENDING";
        }
        if action == "ChangeResourceRecordSets" {
            if let Err(why) = self.change_records(&request.body) {
                let xml =
                    format!("<InvalidChangeBatch><Messages><Message>{why}</Message></Messages></InvalidChangeBatch>");
                return (400, xml);
            }
            status = "PENDING";
        }
        let info = format!("<ChangeInfo><Id>/change/C0CHANGE</Id><Status>{status}</Status></ChangeInfo>");
        (
            200,
            format!("<?xml version=\"1.0\"?>\n<{action}Response>{info}</{action}Response>"),
        )
    }

    /// Makes all changes of a batch, or none.
    fn change_records(&mut self, body: &str) -> Result<(), String> {
        let mut records = self.records.clone();
        let text = |part: &str, name: &str| {
            let (_, rest) = part.split_once(&format!("<{name}>")).unwrap();
            rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
        };
        for part in body.split("<Change>").skip(1) {
            assert!(part.contains("<Type>TXT</Type><TTL>60</TTL>"), "{part}");
            let name = text(part, "Name");
            let values: Vec<String> = part
                .split("<ResourceRecord>")
                .skip(1)
                .map(|it| text(it, "Value"))
                .collect();
            match text(part, "Action").as_str() {
                "UPSERT" => drop(records.insert(name, values)),
                "DELETE" if records.get(&name) == Some(&values) => drop(records.remove(&name)),
                _ => {
                    return Err(format!(
                        "[Tried to delete resource record set [name='{name}'] but it was not found]"
                    ));
                }
            }
        }
        self.records = records;
        Ok(())
    }
}
