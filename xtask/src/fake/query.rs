//! The tasks' own calls to moto: not through the proxy, and not through the SDK, whose reading of answers is under test.

use std::net::SocketAddr;

use roxmltree::{Document, Node};

use crate::error::{Context, TaskError, TaskResult};
use crate::net::{self, Request};

/// Version of the EC2 API.
const EC2: &str = "2016-11-15";
/// Version of the Auto Scaling API.
const AUTO_SCALING: &str = "2011-01-01";
/// Version of the IAM API.
const IAM: &str = "2010-05-08";
/// Version of the SNS API.
const SNS: &str = "2010-03-31";
/// Version of the SQS API.
const SQS: &str = "2012-11-05";
/// Path of the Route 53 API.
const ROUTE53: &str = "/2013-04-01";

/// A client of moto for one Region.
#[derive(Clone, Debug)]
pub struct Aws {
    address: SocketAddr,
    region: String,
}

impl Aws {
    /// Makes a client.
    pub fn new(address: SocketAddr, region: &str) -> Self {
        Self {
            address,
            region: region.to_owned(),
        }
    }

    /// Calls EC2; answers the XML.
    pub fn ec2(&self, action: &str, parameters: &[(&str, &str)]) -> TaskResult<String> {
        self.form("ec2", EC2, action, parameters)
    }

    /// Calls Auto Scaling; answers the XML.
    pub fn autoscaling(&self, action: &str, parameters: &[(&str, &str)]) -> TaskResult<String> {
        self.form("autoscaling", AUTO_SCALING, action, parameters)
    }

    /// Calls IAM; answers the XML.
    pub fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> TaskResult<String> {
        self.form("iam", IAM, action, parameters)
    }

    /// Calls SNS; answers the XML.
    pub fn sns(&self, action: &str, parameters: &[(&str, &str)]) -> TaskResult<String> {
        self.form("sns", SNS, action, parameters)
    }

    /// Calls SQS; answers the XML.
    pub fn sqs(&self, action: &str, parameters: &[(&str, &str)]) -> TaskResult<String> {
        self.form("sqs", SQS, action, parameters)
    }

    /// Calls CloudWatch Logs; answers the JSON.
    pub fn logs(&self, action: &str) -> TaskResult<String> {
        self.json("logs", "Logs_20140328", action, "{}")
    }

    /// Calls Systems Manager; answers the JSON.
    pub fn ssm(&self, action: &str, body: &str) -> TaskResult<String> {
        self.json("ssm", "AmazonSSM", action, body)
    }

    fn json(&self, service: &str, prefix: &str, action: &str, body: &str) -> TaskResult<String> {
        let target = ("X-Amz-Target".to_owned(), format!("{prefix}.{action}"));
        let headers = vec![content("application/x-amz-json-1.1"), target];
        self.send_with(service, action, "POST", "/", headers, body)
    }

    /// Calls Route 53 with GET, or with POST where there is a body; answers the XML.
    pub fn route53(&self, path: &str, body: Option<&str>) -> TaskResult<String> {
        let method = if body.is_some() { "POST" } else { "GET" };
        let body = body.unwrap_or_default();
        self.send("route53", path, method, &format!("{ROUTE53}/{path}"), "text/xml", body)
    }

    fn form(&self, service: &str, version: &str, action: &str, parameters: &[(&str, &str)]) -> TaskResult<String> {
        let mut body = format!("Action={action}&Version={version}");
        for (key, value) in parameters {
            body.push('&');
            body.push_str(key);
            body.push('=');
            body.push_str(&percent_encode(value));
        }
        self.send(service, action, "POST", "/", "application/x-www-form-urlencoded", &body)
    }

    fn send(
        &self,
        service: &str,
        action: &str,
        method: &str,
        target: &str,
        content_type: &str,
        body: &str,
    ) -> TaskResult<String> {
        self.send_with(service, action, method, target, vec![content(content_type)], body)
    }

    fn send_with(
        &self,
        service: &str,
        action: &str,
        method: &str,
        target: &str,
        mut headers: Vec<(String, String)>,
        body: &str,
    ) -> TaskResult<String> {
        // moto finds the service in the credential's scope, and checks no signature.
        let scope = format!("AKIDTASKEXAMPLE/20260101/{}/{service}/aws4_request", self.region);
        let authorization = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        headers.push(("Host".to_owned(), self.address.to_string()));
        headers.push(("Authorization".to_owned(), authorization));
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: body.as_bytes().to_vec(),
        };
        let answer = net::send(self.address, &request).context(|| format!("call {service}:{action}"))?;
        if answer.is_success() {
            return Ok(answer.text());
        }
        Err(TaskError::Refused {
            action: format!("{service}:{action}"),
            status: answer.status,
            body: answer.text(),
        })
    }
}

fn content(kind: &str) -> (String, String) {
    ("Content-Type".to_owned(), kind.to_owned())
}

/// Encodes a value of a form.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Parses an answer.
pub fn parse(xml: &str) -> TaskResult<Document<'_>> {
    Document::parse(xml).map_err(|error| TaskError::malformed("an answer of moto", error))
}

/// The members of the first list of this name below a node: its `item` or `member` elements, or those of `each`.
pub fn items<'a, 'i>(node: Node<'a, 'i>, list: &str) -> Vec<Node<'a, 'i>> {
    node.descendants()
        .find(|found| found.tag_name().name() == list)
        .map_or_else(Vec::new, |found| found.children().filter(Node::is_element).collect())
}

/// The text of the first element of this name among a node's children; empty when there is none.
pub fn text(node: Node<'_, '_>, name: &str) -> String {
    node.children()
        .find(|child| child.tag_name().name() == name)
        .and_then(|child| child.text())
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// The text of the first element of this name anywhere below a node; empty when there is none.
pub fn deep_text(node: Node<'_, '_>, name: &str) -> String {
    node.descendants()
        .find(|found| found.tag_name().name() == name)
        .and_then(|found| found.text())
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_what_a_form_cannot_hold() {
        assert_eq!(
            percent_encode("tag:selfheal:stack a/b&c"),
            "tag%3Aselfheal%3Astack%20a%2Fb%26c"
        );
    }

    #[test]
    fn reads_lists_and_texts() {
        let xml = "<r xmlns='urn:x'><volumeSet><item><volumeId>vol-1</volumeId><tagSet><item><key>k</key></item></tagSet>\
                   </item></volumeSet></r>";
        let document = parse(xml).unwrap();
        let volumes = items(document.root(), "volumeSet");
        assert_eq!(volumes.len(), 1);
        assert_eq!(
            (text(volumes[0], "volumeId"), text(volumes[0], "key")),
            ("vol-1".to_owned(), String::new())
        );
        assert_eq!(deep_text(volumes[0], "key"), "k");
    }
}
