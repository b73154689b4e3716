//! What moto lacks, answered or done in its place: all of it, and nothing else.
//!
//! 1. `CompleteLifecycleAction` and `RecordLifecycleActionHeartbeat`. moto answers what it lacks with HTTP 500 and a page of
//!    HTML, which a client takes for a fault that passes. Here they are answered as AWS does when all is well, and noted in
//!    the log as stood in for; nothing changes in moto's world.
//! 2. Lifecycle hooks given to `CreateAutoScalingGroup`. moto accepts and drops them, so that every later plan would find
//!    the hook missing. Once moto has created the group, the same hooks are put with `PutLifecycleHook`, which it has.
//! 3. `AssociateAddress` by network interface. moto then forgets which instance the address is at, so that DescribeAddresses
//!    names none. It is asked for the interface's instance, and told that.
//! 4. `GetEbsDefaultKmsKeyId`, answered as AWS does for an account that has chosen no key of its own.
//! 5. `DescribeInstanceInformation` of Systems Manager, answered as AWS does where it has seen no agent.
//! 6. What groups tell to topics, kept by [`super::notifications`].

use super::call::{Call, form_value};
use crate::net::{Request, Response};

/// The calls that are answered here: service and action.
const MISSING: [(&str, &str); 2] = [
    ("autoscaling", "CompleteLifecycleAction"),
    ("autoscaling", "RecordLifecycleActionHeartbeat"),
];
/// The fields of a hook, which `CreateAutoScalingGroup` and `PutLifecycleHook` name alike.
const HOOK_FIELDS: [&str; 4] = [
    "LifecycleHookName",
    "LifecycleTransition",
    "HeartbeatTimeout",
    "DefaultResult",
];

/// Answers a call that moto lacks; `None` for every other call.
pub fn stand_in(call: &Call) -> Option<Response> {
    let action = &call.action;
    if call.service == "ec2" && action == "GetEbsDefaultKmsKeyId" {
        let body = "<GetEbsDefaultKmsKeyIdResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
                    <requestId>00000000-0000-4000-8000-000000000000</requestId><kmsKeyId>alias/aws/ebs</kmsKeyId>\
                    </GetEbsDefaultKmsKeyIdResponse>";
        return Some(Response::new(200, "text/xml", body.to_owned()));
    }
    if call.service == "ssm" && action == "DescribeInstanceInformation" {
        let body = "{\"InstanceInformationList\":[]}".to_owned();
        return Some(Response::new(200, "application/x-amz-json-1.1", body));
    }
    let missing = MISSING
        .iter()
        .any(|(service, missing)| call.service == *service && action == missing);
    missing.then(|| {
        let body = format!(
            "<{action}Response xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><{action}Result/>\
             <ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>\
             </{action}Response>"
        );
        Response::new(200, "text/xml", body)
    })
}

/// The calls that put the hooks which a `CreateAutoScalingGroup` carries; none for every other call.
pub fn hooks_at_creation(call: &Call, request: &Request) -> Vec<Request> {
    if call.service != "autoscaling" || call.action != "CreateAutoScalingGroup" {
        return Vec::new();
    }
    let Some(group) = form_value(&request.body, "AutoScalingGroupName") else {
        return Vec::new();
    };
    (1..)
        .map_while(|number| {
            let field = |name: &str| {
                let value = form_value(
                    &request.body,
                    &format!("LifecycleHookSpecificationList.member.{number}.{name}"),
                )?;
                Some(format!("&{name}={value}"))
            };
            field(HOOK_FIELDS[0])?;
            let fields: String = HOOK_FIELDS.into_iter().filter_map(field).collect();
            let body = format!("Action=PutLifecycleHook&Version=2011-01-01&AutoScalingGroupName={group}{fields}");
            Some(Request {
                body: body.into_bytes(),
                ..request.clone()
            })
        })
        .collect()
}

/// The call that asks for the instance of the network interface that an address is associated to; `None` for every other
/// call.
pub fn owner_of_interface(call: &Call, request: &Request) -> Option<Request> {
    if call.service != "ec2" || call.action != "AssociateAddress" {
        return None;
    }
    let interface = form_value(&request.body, "NetworkInterfaceId")?;
    let body = format!("Action=DescribeNetworkInterfaces&Version=2016-11-15&NetworkInterfaceId.1={interface}");
    Some(Request {
        body: body.into_bytes(),
        ..request.clone()
    })
}

/// The same association by the instance that moto's answer names.
pub fn by_instance(request: &Request, answer: &str) -> Request {
    let instance = answer
        .split_once("<instanceId>")
        .and_then(|(_, rest)| rest.split_once('<'))
        .map_or("", |(instance, _)| instance);
    let body = String::from_utf8_lossy(&request.body);
    let pairs: Vec<String> = body
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some(("NetworkInterfaceId", _)) => format!("InstanceId={instance}"),
            _ => pair.to_owned(),
        })
        .collect();
    Request {
        body: pairs.join("&").into_bytes(),
        ..request.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Caller;

    fn call(action: &str) -> Call {
        Call {
            service: "autoscaling".to_owned(),
            action: action.to_owned(),
            caller: Caller::Operator,
        }
    }

    #[test]
    fn only_what_moto_lacks_is_answered() {
        assert!(stand_in(&call("CompleteLifecycleAction")).is_some());
        assert!(stand_in(&call("SetInstanceHealth")).is_none());
    }

    #[test]
    fn an_association_by_interface_becomes_one_by_instance() {
        let request = Request {
            body: b"Action=AssociateAddress&AllocationId=eipalloc-1&NetworkInterfaceId=eni-1&Version=1".to_vec(),
            ..Request::default()
        };
        let call = Call {
            service: "ec2".to_owned(),
            ..call("AssociateAddress")
        };
        let asked = owner_of_interface(&call, &request).unwrap();
        assert!(asked.body.ends_with(b"&NetworkInterfaceId.1=eni-1"));
        let told = by_instance(&request, "<attachment><instanceId>i-1</instanceId></attachment>");
        assert_eq!(
            String::from_utf8_lossy(&told.body),
            "Action=AssociateAddress&AllocationId=eipalloc-1&InstanceId=i-1&Version=1"
        );
    }

    #[test]
    fn the_hooks_of_a_new_group_are_put() {
        let request = Request {
            body: b"Action=CreateAutoScalingGroup&AutoScalingGroupName=g&LifecycleHookSpecificationList.member.1.\
                    LifecycleHookName=h&LifecycleHookSpecificationList.member.1.HeartbeatTimeout=60"
                .to_vec(),
            ..Request::default()
        };
        let puts = hooks_at_creation(&call("CreateAutoScalingGroup"), &request);
        assert_eq!(puts.len(), 1);
        assert_eq!(
            String::from_utf8_lossy(&puts[0].body),
            "Action=PutLifecycleHook&Version=2011-01-01&AutoScalingGroupName=g&LifecycleHookName=h&HeartbeatTimeout=60"
        );
        assert!(hooks_at_creation(&call("UpdateAutoScalingGroup"), &request).is_empty());
    }
}
