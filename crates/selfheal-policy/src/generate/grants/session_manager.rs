//! Session Manager and Run Command, which reach the instance through Systems Manager's agent.

use super::super::build::in_region;
use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::names::TAG_STACK;
use super::super::statements::{InstanceStatement as Instance, OperatorStatement as Operator};
use crate::condition::{self, Comparison, Conditions};
use crate::purpose::Purpose;
use crate::statement::ResourcePattern;

/// The instance does Session Manager's minimum. AmazonSSMManagedInstanceCore would also allow to read every parameter.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    let scope = grants.scope;
    if !scope.session_manager {
        return Ok(());
    }
    let instances = grants.place.ec2("instance/*")?;
    let by_one =
        |conditions: Conditions| conditions.when(Comparison::ArnLike, "ec2:SourceInstanceARN", instances.as_str());
    let control = ["ssmmessages:CreateControlChannel"];
    let channels = [
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ];
    let any = || vec![ResourcePattern::Any];
    let (here, from_here) = (in_region(&scope.region), by_one(Conditions::none()));
    grants.allow(Instance::SessionControl, &control, any(), by_one(here.clone()));
    grants.allow(Instance::SessionChannels, &channels, any(), here);
    let register = ["ssm:UpdateInstanceInformation"];
    grants.allow(Instance::SessionRegistration, &register, vec![instances], from_here);
    Ok(())
}

/// Documents by which sessions are opened: the account's own of a shell, and AWS's of one command.
const SHELL: &[&str] = &["SSM-SessionManagerRunShell", "AWS-StartInteractiveCommand"];
/// Documents by which ports are forwarded: to the instance, and through it.
const FORWARD: &[&str] = &[
    "AWS-StartPortForwardingSession",
    "AWS-StartPortForwardingSessionToRemoteHost",
];
/// Document by which a command runs.
const RUN: &[&str] = &["AWS-RunShellScript"];

/// A status asks for the agent of the instance, where there may be one; so does whoever opens a session or runs a command,
/// by the one document that is for it, and on the stack's instances alone.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    if !grants.scope.session_manager {
        return Ok(());
    }
    let documents = match grants.purpose {
        Purpose::Plan | Purpose::Apply | Purpose::Destroy | Purpose::Resume | Purpose::Sleep | Purpose::Config => {
            return Ok(());
        }
        Purpose::Status => return grants.look(When::WhereAsked, &[LOOK_AT_AGENT]),
        Purpose::Shell => SHELL,
        Purpose::Forward => FORWARD,
        Purpose::Run => RUN,
        _ => return Ok(()),
    };
    grants.look(When::WhereAsked, &[LOOK_AT_AGENT])?;
    let documents: Result<Vec<ResourcePattern>, _> = documents.iter().map(|name| grants.place.document(name)).collect();
    let documents = documents?;
    let instances = grants.place.ec2("instance/*")?;
    let tag = format!("ssm:resourceTag/{TAG_STACK}");
    let of_the_stack = Conditions::none().when(Comparison::StringEquals, &tag, &grants.scope.stack);
    if grants.purpose == Purpose::Run {
        // A statement about the instances lists the document as well, which has no tags to fit it: the call requires one.
        let both = [documents.clone(), vec![instances]].concat();
        let command = ["ssm:SendCommand"];
        grants.allow(Operator::CommandOnInstance, &command, both, of_the_stack);
        grants.allow(Operator::CommandDocument, &command, documents, Conditions::none());
        // AWS has no key to tell one command from another, but its id, which nobody guesses.
        let follow = ["ssm:GetCommandInvocation", "ssm:CancelCommand"];
        let here = in_region(&grants.scope.region);
        grants.allow(Operator::TheCommand, &follow, vec![ResourcePattern::Any], here);
        return Ok(());
    }
    // Without this key in every statement about the call, a document that it names is not judged at all.
    let check = condition::Operator::new(Comparison::Bool);
    let check = check.if_exists().unwrap_or(check);
    let checked = |conditions: Conditions| conditions.with(check, "ssm:SessionDocumentAccessCheck", ["true"]);
    let start = ["ssm:StartSession"];
    grants.allow(
        Operator::SessionOnInstance,
        &start,
        vec![instances],
        checked(of_the_stack),
    );
    grants.allow(
        Operator::SessionDocument,
        &start,
        documents,
        checked(Conditions::none()),
    );
    let end = ["ssm:ResumeSession", "ssm:TerminateSession"];
    // A session's id begins with a name that a person may share; by this tag AWS tells who has opened it.
    let key = "ssm:resourceTag/aws:ssmmessages:session-id";
    let own = Conditions::none().when(Comparison::StringEquals, key, "${aws:userid}");
    let sessions = vec![grants.place.sessions()?];
    grants.allow(Operator::OwnSessions, &end, sessions, own);
    Ok(())
}

const LOOK_AT_AGENT: &str = "ssm:DescribeInstanceInformation";
