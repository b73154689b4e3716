//! The calls of EC2, Auto Scaling and SNS, in the Query protocol.

use std::collections::BTreeMap;

use selfheal_aws::CallError;
use selfheal_aws::sim::InstanceCaller;
use selfheal_core::names::Tags;
use selfheal_core::world::{Activity, Address, ApplicationStatus, InstanceId, SnapshotId, Volume};

use super::xml::{ec2 as answer, leaf, node, query as query_answer};
use super::{WireCall, WireError};
use crate::net::Request;

/// Why a call has no answer.
pub(super) enum Failure {
    /// The request is not one that the service knows.
    Wire(WireError),
    /// The simulated AWS refused it.
    Call(CallError),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

/// Reads the action and the parameters of a form.
pub(super) fn read(request: &Request) -> Result<(String, BTreeMap<String, String>), WireError> {
    let form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if request.method != "POST" || request.target != "/" || !form {
        return Err(WireError::new(
            400,
            "InvalidAction",
            "only forms, posted to / without a query, are served",
        ));
    }
    let malformed = || WireError::new(400, "MalformedQueryString", "the body is not a form");
    let body = std::str::from_utf8(&request.body).map_err(|_| malformed())?;
    let mut parameters = BTreeMap::new();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(malformed)?;
        let (key, value) = (decode(key).ok_or_else(malformed)?, decode(value).ok_or_else(malformed)?);
        parameters.insert(key, value);
    }
    let action = parameters
        .remove("Action")
        .ok_or_else(|| WireError::new(400, "MissingAction", "no Action"))?;
    parameters
        .remove("Version")
        .ok_or_else(|| WireError::new(400, "MissingParameter", "no Version"))?;
    Ok((action, parameters))
}

/// Decodes a form's text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The parameters of a call as they are taken up; what is left at the end was not known.
struct Parameters<'a> {
    left: BTreeMap<&'a str, &'a str>,
}

impl<'a> Parameters<'a> {
    fn of(call: &'a WireCall) -> Self {
        Self {
            left: call
                .parameters
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect(),
        }
    }

    fn optional(&mut self, key: &str) -> Option<&'a str> {
        self.left.remove(key)
    }

    fn required(&mut self, key: &str) -> Result<&'a str, WireError> {
        self.optional(key).ok_or_else(|| {
            WireError::new(
                400,
                "MissingParameter",
                format!("The request must contain the parameter {key}"),
            )
        })
    }

    /// `prefix1`, `prefix2`, …
    fn list<T: From<&'a str>>(&mut self, prefix: &str) -> Vec<T> {
        (1..)
            .map_while(|at| self.optional(&format!("{prefix}{at}")))
            .map(T::from)
            .collect()
    }

    fn flag(&mut self, key: &str, otherwise: bool) -> Result<bool, WireError> {
        match self.optional(key) {
            None => Ok(otherwise),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(WireError::new(
                400,
                "InvalidParameterValue",
                format!("{key} cannot be '{other}'"),
            )),
        }
    }

    fn end(self) -> Result<(), WireError> {
        match self.left.into_keys().next() {
            None => Ok(()),
            Some(key) => Err(WireError::new(
                400,
                "UnknownParameter",
                format!("The parameter {key} is not recognized"),
            )),
        }
    }
}

/// Makes a call to EC2.
pub(super) fn ec2(me: &InstanceCaller, call: &WireCall, request_id: &str) -> Result<String, Failure> {
    let mut with = Parameters::of(call);
    if with.flag("DryRun", false)? {
        return Err(WireError::new(400, "InvalidParameterValue", "DryRun is not simulated").into());
    }
    let inner = match call.action.as_str() {
        "AttachVolume" => {
            let (volume, instance) = (with.required("VolumeId")?, with.required("InstanceId")?);
            let device = with.required("Device")?;
            with.end()?;
            attachment(&me.attach_volume(&volume.into(), &instance.into(), device)?, device)
        }
        "DetachVolume" => {
            let (volume, instance) = (
                with.required("VolumeId")?,
                with.optional("InstanceId").map(InstanceId::from),
            );
            // The boot program must never force; a test that sees this code has found that it does.
            if with.flag("Force", false)? {
                return Err(WireError::new(400, "InvalidParameterValue", "Force is not simulated").into());
            }
            with.end()?;
            attachment(&me.detach_volume(&volume.into(), instance.as_ref())?, "")
        }
        "DescribeVolumes" => {
            let ids = with.list("VolumeId.");
            with.end()?;
            let items: String = me.describe_volumes(&ids)?.iter().map(volume_item).collect();
            node("volumeSet", &items)
        }
        "DescribeAddresses" => {
            let ids = with.list("AllocationId.");
            with.end()?;
            let items: String = me.describe_addresses(&ids)?.iter().map(address_item).collect();
            node("addressesSet", &items)
        }
        "DescribeApplicationStatus" => {
            let ids = with.list("InstanceId.");
            with.end()?;
            let item = |(id, status): &(InstanceId, ApplicationStatus)| {
                let status = leaf("status", status.as_str()) + &node("detailSet", "");
                node(
                    "item",
                    &(leaf("instanceId", id.as_str()) + &node("applicationStatus", &status)),
                )
            };
            let items: String = me.describe_application_status(&ids)?.iter().map(item).collect();
            node("applicationStatusesResponseType", &node("instanceSet", &items))
        }
        "AssociateAddress" => associate(me, with)?,
        "DisassociateAddress" => {
            let association = with.required("AssociationId")?;
            with.end()?;
            me.disassociate_address(&association.into())?;
            leaf("return", "true")
        }
        "DeleteTags" => {
            delete_tags(me, with)?;
            leaf("return", "true")
        }
        other => return Err(unknown_action(other)),
    };
    Ok(answer(&call.action, &inner, request_id))
}

/// AssociateAddress with a network interface or an instance.
fn associate(me: &InstanceCaller, mut with: Parameters<'_>) -> Result<String, Failure> {
    let allocation = with.required("AllocationId")?;
    let holder = match with.optional("NetworkInterfaceId") {
        Some(interface) => interface,
        None => with.required("InstanceId")?,
    };
    let reassociate = with.flag("AllowReassociation", false)?;
    with.end()?;
    let association = me.associate_address(&allocation.into(), holder, reassociate)?;
    Ok(leaf("return", "true") + &leaf("associationId", association.as_str()))
}

/// DeleteTags of one resource, by their keys.
fn delete_tags(me: &InstanceCaller, mut with: Parameters<'_>) -> Result<(), Failure> {
    let resources: Vec<String> = with.list("ResourceId.");
    let keys: Vec<String> = (1..)
        .map_while(|at| with.optional(&format!("Tag.{at}.Key")))
        .map(str::to_owned)
        .collect();
    with.end()?;
    let [resource] = &resources[..] else {
        return Err(WireError::new(400, "InvalidParameterValue", "one resource at a time is simulated").into());
    };
    Ok(me.delete_tags(resource, &keys)?)
}

fn unknown_action(action: &str) -> Failure {
    WireError::new(
        400,
        "InvalidAction",
        format!("The action {action} is not valid for this web service."),
    )
    .into()
}

/// The volume's attachment as AttachVolume and DetachVolume answer it.
fn attachment(volume: &Volume, device: &str) -> String {
    let (instance, state) = volume.attachment.as_ref().map_or(("", "detached"), |attachment| {
        (attachment.instance_id.as_str(), attachment.state.as_str())
    });
    [
        leaf("volumeId", volume.id.as_str()),
        leaf("instanceId", instance),
        leaf("device", device),
        leaf("status", state),
        leaf("deleteOnTermination", "false"),
    ]
    .concat()
}

fn tag_set(tags: &Tags) -> String {
    let items: String = tags
        .iter()
        .map(|(key, value)| node("item", &(leaf("key", key) + &leaf("value", value))))
        .collect();
    node("tagSet", &items)
}

fn volume_item(volume: &Volume) -> String {
    let attached = volume.attachment.as_ref().map_or_else(String::new, |attachment| {
        let parts = [
            leaf("volumeId", volume.id.as_str()),
            leaf("instanceId", attachment.instance_id.as_str()),
            leaf("device", "/dev/sdf"),
            leaf("status", attachment.state.as_str()),
            leaf("deleteOnTermination", "false"),
        ];
        node("item", &parts.concat())
    });
    let parts = [
        leaf("volumeId", volume.id.as_str()),
        leaf("size", &volume.size_gib.to_string()),
        leaf("snapshotId", volume.snapshot_id.as_ref().map_or("", SnapshotId::as_str)),
        leaf("availabilityZone", &volume.zone),
        leaf("status", volume.state.as_str()),
        node("attachmentSet", &attached),
        tag_set(&volume.tags),
        leaf("volumeType", &volume.volume_type),
        leaf("encrypted", if volume.encrypted { "true" } else { "false" }),
        leaf("multiAttachEnabled", "false"),
    ];
    node("item", &parts.concat())
}

fn address_item(address: &Address) -> String {
    let mut parts = vec![
        leaf("publicIp", &address.public_ip),
        leaf("allocationId", address.allocation_id.as_str()),
    ];
    if let Some(association) = &address.association_id {
        parts.push(leaf("associationId", association.as_str()));
    }
    parts.push(leaf("domain", "vpc"));
    if let Some(instance) = &address.instance_id {
        parts.push(leaf("instanceId", instance.as_str()));
    }
    parts.push(tag_set(&address.tags));
    node("item", &parts.concat())
}

/// Makes a call to Auto Scaling.
pub(super) fn autoscaling(me: &InstanceCaller, call: &WireCall, request_id: &str) -> Result<String, Failure> {
    let mut with = Parameters::of(call);
    let result = match call.action.as_str() {
        "CompleteLifecycleAction" => {
            let (group, hook) = (
                with.required("AutoScalingGroupName")?,
                with.required("LifecycleHookName")?,
            );
            let (result, instance) = (with.required("LifecycleActionResult")?, with.required("InstanceId")?);
            with.end()?;
            me.complete_lifecycle_action(group, hook, &instance.into(), result)?;
            Some(String::new())
        }
        "RecordLifecycleActionHeartbeat" => {
            let (group, hook) = (
                with.required("AutoScalingGroupName")?,
                with.required("LifecycleHookName")?,
            );
            let instance = with.required("InstanceId")?;
            with.end()?;
            me.record_lifecycle_action_heartbeat(group, hook, &instance.into())?;
            Some(String::new())
        }
        "SetInstanceHealth" => {
            let (instance, status) = (with.required("InstanceId")?, with.required("HealthStatus")?);
            let grace = with.flag("ShouldRespectGracePeriod", true)?;
            with.end()?;
            me.set_instance_health(&instance.into(), &status.into(), grace)?;
            None
        }
        "SuspendProcesses" => {
            let group = with.required("AutoScalingGroupName")?;
            let processes = with.list("ScalingProcesses.member.");
            with.end()?;
            me.suspend_processes(group, &processes)?;
            None
        }
        "DescribeTags" => Some(describe_tags(me, with)?),
        "DescribeScalingActivities" => Some(describe_activities(me, with)?),
        "CreateOrUpdateTags" => {
            set_tags(me, with)?;
            None
        }
        other => return Err(unknown_action(other)),
    };
    Ok(query_answer("autoscaling", &call.action, result.as_deref(), request_id))
}

/// DescribeScalingActivities of one group, in one page.
fn describe_activities(me: &InstanceCaller, mut with: Parameters<'_>) -> Result<String, Failure> {
    let group = with.required("AutoScalingGroupName")?;
    let most = with.optional("MaxRecords").unwrap_or("100").parse();
    let most = most.map_err(|_| WireError::new(400, "ValidationError", "MaxRecords is no number"))?;
    with.end()?;
    let member = |activity: &Activity| {
        let parts = [
            leaf("ActivityId", &activity.id),
            leaf("Description", &activity.description),
            leaf("Cause", &activity.cause),
            leaf(
                "StartTime",
                &activity.started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            ),
            leaf("StatusCode", activity.status.as_str()),
        ];
        node("member", &parts.concat())
    };
    let activities = me.describe_scaling_activities(group, most)?;
    let members: String = activities.iter().map(member).collect();
    Ok(node("Activities", &members))
}

/// Makes a call to SNS.
pub(super) fn sns(me: &InstanceCaller, call: &WireCall, request_id: &str) -> Result<String, Failure> {
    let mut with = Parameters::of(call);
    if call.action != "Publish" {
        return Err(unknown_action(&call.action));
    }
    let (topic, subject) = (with.required("TopicArn")?, with.required("Subject")?);
    let text = with.required("Message")?;
    with.end()?;
    me.publish(topic, subject, text)?;
    let result = leaf("MessageId", request_id);
    Ok(query_answer("sns", &call.action, Some(&result), request_id))
}

/// DescribeTags with filters on group and key, which is how the boot program asks.
fn describe_tags(me: &InstanceCaller, mut with: Parameters<'_>) -> Result<String, Failure> {
    let (mut groups, mut keys) = (Vec::new(), Vec::new());
    for at in 1.. {
        let Some(name) = with.optional(&format!("Filters.member.{at}.Name")) else {
            break;
        };
        let values: Vec<String> = with.list(&format!("Filters.member.{at}.Values.member."));
        match name {
            "auto-scaling-group" => groups = values,
            "key" => keys = values,
            other => return Err(WireError::new(400, "ValidationError", format!("no filter {other}")).into()),
        }
    }
    with.end()?;
    let [group] = &groups[..] else {
        return Err(WireError::new(400, "ValidationError", "one group at a time is simulated").into());
    };
    let tags = me.describe_group_tags(group)?;
    let wanted = tags.iter().filter(|(key, _)| keys.is_empty() || keys.contains(key));
    let members: String = wanted
        .map(|(key, value)| {
            let parts = [
                leaf("ResourceId", group),
                leaf("PropagateAtLaunch", "false"),
                leaf("Key", key),
                leaf("Value", value),
                leaf("ResourceType", "auto-scaling-group"),
            ];
            node("member", &parts.concat())
        })
        .collect();
    Ok(node("Tags", &members))
}

fn set_tags(me: &InstanceCaller, mut with: Parameters<'_>) -> Result<(), Failure> {
    let mut tags = Tags::new();
    let mut groups = Vec::new();
    for at in 1.. {
        let tag = format!("Tags.member.{at}.");
        let Some(key) = with.optional(&format!("{tag}Key")) else {
            break;
        };
        let value = with.optional(&format!("{tag}Value")).unwrap_or_default();
        let kind = with.required(&format!("{tag}ResourceType"))?;
        with.flag(&format!("{tag}PropagateAtLaunch"), false)?;
        if kind != "auto-scaling-group" || key.len() > 128 || value.chars().count() > 256 {
            return Err(WireError::new(400, "ValidationError", format!("a bad tag: {key}={value}")).into());
        }
        groups.push(with.required(&format!("{tag}ResourceId"))?);
        tags.insert(key.to_owned(), value.to_owned());
    }
    with.end()?;
    groups.dedup();
    let [group] = groups[..] else {
        return Err(WireError::new(400, "ValidationError", "one group at a time is simulated").into());
    };
    Ok(me.set_group_tags(group, &tags)?)
}
