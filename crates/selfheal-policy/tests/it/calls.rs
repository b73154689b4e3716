//! The calls that selfheal makes, whole: every one is allowed on our own resources, refused on anybody else's, and each
//! statement is needed by some of them.

use std::collections::{BTreeMap, BTreeSet};

use selfheal_policy::requests::{Call, Caller, calls};
use selfheal_policy::{
    Document, Effect, FormerRecord, Purpose, instance_policy, lifecycle_policy_document, operator_policy,
};

use crate::common::world::{Owner, allows};
use crate::common::{instance_scope, lifecycle_scope, operator_scope};

/// What an operator of another spec does: the one at hand adopts no address, looks for its zone by name, has had no other
/// name, and names a boundary.
const OTHERWISE: [&str; 4] = [
    "marks an adopted",
    "reads the zone that the spec names by its id",
    "deletes the record of a former name",
    "takes off a boundary that the spec has ceased to name",
];

fn made_by(caller: Caller) -> impl Iterator<Item = &'static Call> {
    calls()
        .filter(move |call| call.is_made_by(caller) && !OTHERWISE.iter().any(|start| call.purpose.starts_with(start)))
}

fn policies() -> Vec<(Caller, Document)> {
    let mut out = vec![
        (Caller::Instance, instance_policy(&instance_scope()).unwrap()),
        (
            Caller::Lifecycle,
            lifecycle_policy_document(&lifecycle_scope()).unwrap(),
        ),
    ];
    for purpose in Purpose::ALL {
        out.push((
            Caller::Operator(purpose),
            operator_policy(&operator_scope(), purpose).unwrap(),
        ));
    }
    out
}

fn own(call: &Call) -> Vec<Owner> {
    vec![Owner::Own; call.names.len()]
}

#[test]
fn every_call_is_allowed_on_our_own_resources() {
    for (caller, document) in policies() {
        for call in made_by(caller) {
            assert!(allows(&document, call, &own(call)), "{caller:?} {}", call.action);
        }
    }
}

#[test]
fn no_call_is_allowed_on_anybody_elses() {
    for (caller, document) in policies() {
        for call in made_by(caller) {
            for (index, named) in call.names.iter().enumerate() {
                for other in [Owner::OtherStack, Owner::OtherAccount] {
                    let mut owners = own(call);
                    owners[index] = other;
                    // What is told apart neither by name nor by key: see the lists of the proof.
                    let nobodys = match (call.action, named.resource_type) {
                        ("ssm:UpdateInstanceInformation", _) => other == Owner::OtherStack,
                        ("ec2:RunInstances", "image") | ("ec2:CreateTags" | "ec2:CreateSnapshot", "snapshot") => true,
                        ("ec2:RunInstances", "security-group" | "instance" | "volume" | "network-interface") => {
                            other == Owner::OtherStack
                        }
                        ("route53:GetChange", _) => true,
                        ("iam:CreateServiceLinkedRole", _) => other == Owner::OtherStack,
                        ("dlm:TagResource", _) => other == Owner::OtherStack,
                        _ => false,
                    };
                    if !nobodys {
                        let what = named.resource_type;
                        assert!(
                            !allows(&document, call, &owners),
                            "{caller:?} {} on {other:?}'s {what}",
                            call.action
                        );
                    }
                }
            }
        }
    }
}

/// Returns the calls that fail without each statement.
fn needed_by(caller: Caller, document: &Document) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut out = BTreeMap::new();
    // What a deny is for shows in what is allowed without it; see the tests of what is pinned.
    let allowing = |index: &usize| document.statements[*index].effect == Effect::Allow;
    for index in (0..document.statements.len()).filter(allowing) {
        let mut without = document.clone();
        let removed = without.statements.remove(index);
        let failing: BTreeSet<_> = made_by(caller)
            .filter(|call| !allows(&without, call, &own(call)))
            .map(|call| call.action)
            .collect();
        out.insert(removed.name().to_owned(), failing);
    }
    out
}

#[test]
fn removing_any_statement_makes_a_call_fail() {
    for (caller, document) in policies() {
        for (sid, failing) in needed_by(caller, &document) {
            assert!(!failing.is_empty(), "nothing of {caller:?} needs {sid}");
        }
    }
}

#[test]
fn what_each_statement_of_the_instance_is_for() {
    let document = instance_policy(&instance_scope()).unwrap();
    let needed = needed_by(Caller::Instance, &document);
    let expected: [(&str, &[&str]); 20] = [
        ("TheAddress", &["ec2:AssociateAddress", "ec2:DisassociateAddress"]),
        ("AddressToOwnInstances", &["ec2:AssociateAddress"]),
        (
            "AddressToOwnInterfaces",
            &["ec2:AssociateAddress", "ec2:DisassociateAddress"],
        ),
        ("TheVolume", &["ec2:AttachVolume", "ec2:DetachVolume"]),
        ("VolumeIsUsed", &["ec2:DeleteTags"]),
        (
            "TheGroup",
            &[
                "autoscaling:CompleteLifecycleAction",
                "autoscaling:RecordLifecycleActionHeartbeat",
                "autoscaling:SetInstanceHealth",
                "autoscaling:SuspendProcesses",
            ],
        ),
        ("CountBoots", &["autoscaling:CreateOrUpdateTags"]),
        (
            "Look",
            &[
                "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags",
                "ec2:DescribeAddresses",
                "ec2:DescribeApplicationStatus",
                "ec2:DescribeVolumes",
            ],
        ),
        ("SessionControl", &["ssmmessages:CreateControlChannel"]),
        ("SessionRegistration", &["ssm:UpdateInstanceInformation"]),
        (
            "SessionChannels",
            &[
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
        ),
        ("ParameterPath", &["ssm:GetParametersByPath"]),
        ("DecryptParameters", &["kms:Decrypt"]),
        ("Bundle", &["ssm:GetParametersByPath"]),
        ("AnswerChallenge", &["route53:ChangeResourceRecordSets"]),
        ("SeeChange", &["route53:GetChange"]),
        ("Publish", &["sns:Publish"]),
        ("LogStreams", &["logs:CreateLogStream", "logs:PutLogEvents"]),
        ("DecryptWithTheKey", &["kms:Decrypt"]),
        ("GrantTheKeyToEbs", &["kms:CreateGrant"]),
    ];
    let expected: BTreeMap<String, BTreeSet<&str>> = expected
        .into_iter()
        .map(|(sid, calls)| (sid.to_owned(), calls.iter().copied().collect()))
        .collect();
    assert_eq!(needed, expected);
}

#[test]
fn the_elastic_ips_arn_alone_allows_nothing() {
    let mut document = instance_policy(&instance_scope()).unwrap();
    document.statements.retain(|statement| statement.name() == "TheAddress");
    let call = calls().find(|call| call.action == "ec2:AssociateAddress").unwrap();
    assert!(!allows(&document, call, &own(call)));
}

#[test]
fn a_stack_without_an_application_check_may_do_nothing_about_any() {
    let mut scope = operator_scope();
    scope.application_check = false;
    let about = |call: &&Call| {
        let names_one = |named: &selfheal_policy::requests::Named| named.resource_type == "application-status-check";
        call.action.contains("ApplicationStatus") || call.names.iter().any(names_one)
    };
    for purpose in Purpose::ALL {
        let document = operator_policy(&scope, purpose).unwrap();
        for call in made_by(Caller::Operator(purpose)).filter(about) {
            assert!(!allows(&document, call, &own(call)), "{purpose} {}", call.action);
        }
        assert!(!document.to_json().contains("pplication"), "{purpose}");
    }
}

#[test]
fn an_adopted_volume_is_marked_and_no_other() {
    let mut scope = operator_scope();
    // What marks a volume for snapshots says nothing of whose it is.
    scope.snapshots = false;
    let call = calls().find(|call| call.purpose == "marks an adopted volume").unwrap();
    let without = operator_policy(&scope, Purpose::Apply).unwrap();
    assert!(!allows(&without, call, &[Owner::Own]), "no volume is named");
    scope.volume_id = Some("vol-0aaaaaaaaaaaaaaaa".to_owned());
    let document = operator_policy(&scope, Purpose::Apply).unwrap();
    assert!(allows(&document, call, &[Owner::Own]));
    assert!(!allows(&document, call, &[Owner::OtherStack]));
    scope.data_volume = false;
    let document = operator_policy(&scope, Purpose::Apply).unwrap();
    assert!(!allows(&document, call, &[Owner::Own]), "the stack has no data volume");
}

/// The commands that read all of a stack. Who puts it to sleep or changes its configuration reads nothing else but its group, who takes a snapshot nothing but
/// what tells of its volume, and who restores has the policy of an apply beside.
fn reads_all() -> impl Iterator<Item = Purpose> {
    let few = [
        Purpose::Sleep,
        Purpose::Replace,
        Purpose::Config,
        Purpose::Snapshot,
        Purpose::Restore,
        Purpose::Request,
        Purpose::Drill,
        Purpose::DrillRestore,
        Purpose::Logs,
        Purpose::Notify,
        Purpose::Doctor,
        Purpose::Init,
    ];
    let reads = move |purpose: &Purpose| !few.contains(purpose) && !purpose.reaches_instance();
    Purpose::ALL.into_iter().filter(reads)
}

#[test]
fn a_zone_that_is_named_by_its_id_is_read_and_no_other_looked_for() {
    let mut scope = operator_scope();
    scope.zone_by_id = true;
    let call = |action: &str| calls().find(|call| call.action == action).unwrap();
    for purpose in reads_all() {
        let document = operator_policy(&scope, purpose).unwrap();
        let read = call("route53:GetHostedZone");
        assert!(allows(&document, read, &[Owner::Own]), "{purpose}");
        assert!(!allows(&document, read, &[Owner::OtherStack]), "{purpose}");
        assert!(
            !allows(&document, call("route53:ListHostedZonesByName"), &[]),
            "{purpose}"
        );
    }
}

#[test]
fn a_former_record_is_read_and_deleted_and_nothing_else_of_its_zone_changes() {
    let mut scope = operator_scope();
    scope.record_name = None;
    // The world's requests are about this name.
    let former = |name: &str| FormerRecord {
        zone_id: "Z0AAAAAAAAAAAAAAAAAAA".to_owned(),
        name: name.to_owned(),
    };
    scope.former_record = Some(former("app.example.com"));
    let call = |purpose: &str| calls().find(|call| call.purpose == purpose).unwrap();
    let (removes, notes) = (
        call("deletes the record of a former name"),
        call("notes the record on the address"),
    );
    for purpose in reads_all() {
        let document = operator_policy(&scope, purpose).unwrap();
        let changes = matches!(purpose, Purpose::Apply | Purpose::Destroy);
        assert_eq!(allows(&document, removes, &[Owner::Own]), changes, "{purpose}");
        assert!(!allows(&document, removes, &[Owner::OtherStack]), "{purpose}");
        assert!(allows(&document, call("reads the record"), &[Owner::Own]), "{purpose}");
        assert_eq!(
            allows(&document, notes, &[Owner::Own]),
            purpose == Purpose::Apply,
            "{purpose}"
        );
        assert!(!document.to_json().contains("UPSERT"), "{purpose}");
    }
    scope.former_record = Some(former("other.example.com"));
    let document = operator_policy(&scope, Purpose::Apply).unwrap();
    assert!(!allows(&document, removes, &[Owner::Own]), "another name of the zone");
}

#[test]
fn an_adopted_address_is_marked_and_no_other() {
    let mut scope = operator_scope();
    scope.allocation_id = Some("eipalloc-0aaaaaaaaaaaaaaaa".to_owned());
    let document = operator_policy(&scope, Purpose::Apply).unwrap();
    let call = calls().find(|call| call.purpose == "marks an adopted address").unwrap();
    assert!(allows(&document, call, &[Owner::Own]));
    assert!(!allows(&document, call, &[Owner::OtherStack]));
    let allocate = calls().find(|call| call.action == "ec2:AllocateAddress").unwrap();
    assert!(
        !allows(&document, allocate, &[Owner::Own]),
        "an adopted address is not allocated"
    );
}
