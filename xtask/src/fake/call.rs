//! What a request to AWS asks for, read off the wire.

use std::fmt;

use crate::net::Request;

/// What the access keys of the `selfheal` binary begin with; the number of the run follows. They open nothing.
pub const OPERATOR_KEY: &str = "AKIDOPERATOREXAMPLE";
/// The access key of the instance's role. It opens nothing.
pub const INSTANCE_KEY: &str = "ASIDINSTANCEEXAMPLE";

/// Who makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The `selfheal` binary.
    Operator,
    /// The boot program.
    Instance,
    /// Somebody whose key is neither.
    Unknown,
}

/// One API call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The service as the signature names it, such as `ec2`.
    pub service: String,
    /// The API action, such as `DescribeVolumes`.
    pub action: String,
    /// Who makes it.
    pub caller: Caller,
}

/// The number of the run of `selfheal` that a request comes from; `None` where it comes from somebody else.
pub fn run_number(request: &Request) -> Option<u64> {
    credential(request)
        .split('/')
        .next()?
        .strip_prefix(OPERATOR_KEY)?
        .parse()
        .ok()
}

/// The credential in a request's signature: key, date, Region and service.
fn credential(request: &Request) -> &str {
    request
        .header("authorization")
        .and_then(|value| value.split("Credential=").nth(1))
        .and_then(|value| value.split([',', ' ']).next())
        .unwrap_or_default()
}

impl Call {
    /// Reads off a request what it asks for.
    pub fn of(request: &Request) -> Self {
        let mut scope = credential(request).split('/');
        let caller = match scope.next() {
            Some(key) if key.starts_with(OPERATOR_KEY) => Caller::Operator,
            Some(INSTANCE_KEY) => Caller::Instance,
            _ => Caller::Unknown,
        };
        let service = scope.nth(2).unwrap_or("unsigned").to_owned();
        let action = action(request, &service);
        Self {
            service,
            action,
            caller,
        }
    }

    /// Whether the call may change something: whatever is not plainly a read.
    pub fn is_mutating(&self) -> bool {
        !["Describe", "Filter", "Get", "List"]
            .iter()
            .any(|read| self.action.starts_with(read))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.action)
    }
}

fn action(request: &Request, service: &str) -> String {
    if let Some(target) = request.header("x-amz-target") {
        return target.rsplit('.').next().unwrap_or_default().to_owned();
    }
    if let Some(action) = form_value(&request.body, "Action") {
        return action;
    }
    if service == "route53" {
        return route53_action(&request.method, request.path());
    }
    format!("{} {}", request.method, request.path())
}

/// The value of a field of a form; names of actions and the ids that are looked up here need no decoding.
pub fn form_value(body: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

fn route53_action(method: &str, path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    match (method, parts.as_slice()) {
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName".to_owned(),
        ("GET", ["hostedzone"]) => "ListHostedZones".to_owned(),
        ("POST", ["hostedzone"]) => "CreateHostedZone".to_owned(),
        ("GET", ["hostedzone", _]) => "GetHostedZone".to_owned(),
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets".to_owned(),
        ("POST", ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets".to_owned(),
        ("GET", ["change", _]) => "GetChange".to_owned(),
        _ => format!("{method} {path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: &str, service: &str, method: &str, target: &str, body: &str) -> Request {
        let scope =
            format!("AWS4-HMAC-SHA256 Credential={key}/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host");
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![("authorization".to_owned(), scope)],
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn reads_query_calls() {
        let call = Call::of(&request(
            INSTANCE_KEY,
            "ec2",
            "POST",
            "/",
            "Version=1&Action=AttachVolume&VolumeId=vol-1",
        ));
        assert_eq!(call.to_string(), "ec2:AttachVolume");
        assert_eq!(call.caller, Caller::Instance);
        assert!(call.is_mutating());
    }

    #[test]
    fn reads_rest_calls() {
        let list = Call::of(&request(
            OPERATOR_KEY,
            "route53",
            "GET",
            "/2013-04-01/hostedzone/Z1/rrset?name=a",
            "",
        ));
        assert_eq!(
            (list.action.as_str(), list.is_mutating()),
            ("ListResourceRecordSets", false)
        );
        let change = Call::of(&request(
            OPERATOR_KEY,
            "route53",
            "POST",
            "/2013-04-01/hostedzone/Z1/rrset/",
            "<x/>",
        ));
        assert_eq!(
            (change.action.as_str(), change.is_mutating()),
            ("ChangeResourceRecordSets", true)
        );
    }

    #[test]
    fn reads_json_calls() {
        let mut json = request(OPERATOR_KEY, "ssm", "POST", "/", "{}");
        json.headers
            .push(("X-Amz-Target".to_owned(), "AmazonSSM.GetParameter".to_owned()));
        assert_eq!(Call::of(&json).to_string(), "ssm:GetParameter");
    }

    #[test]
    fn runs_are_told_apart_by_their_keys() {
        let request = |key: &str| request(key, "ec2", "POST", "/", "Action=DescribeVolumes");
        assert_eq!(run_number(&request("AKIDOPERATOREXAMPLE17")), Some(17));
        assert_eq!(Call::of(&request("AKIDOPERATOREXAMPLE17")).caller, Caller::Operator);
        assert_eq!(run_number(&request(INSTANCE_KEY)), None);
    }

    #[test]
    fn what_is_unknown_counts_as_a_change() {
        assert!(Call::of(&request("AKIDOTHER", "s3", "PUT", "/bucket", "")).is_mutating());
    }
}
