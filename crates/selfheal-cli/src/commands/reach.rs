//! The way to the stack's instance, for the commands that go there.

use jiff::Timestamp;
use selfheal_aws::{Reached, reach};
use selfheal_core::spec::Spec;
use selfheal_core::world::{AgentPing, InstanceId, LifecycleState};

use crate::error::CliError;
use crate::progress::Reporter;
use crate::session::Session;

/// Returns the instance that can be reached.
///
/// # Errors
/// The spec lets nobody in; [`CliError::NotConnected`] where there is no instance, or its agent is not connected.
pub fn instance(session: &Session) -> Result<InstanceId, CliError> {
    if !session.spec.access.session_manager {
        return Err(CliError::Usage(
            "the stack's file lets nobody in: it says `session_manager = false` in [access]".to_owned(),
        ));
    }
    let reporter = Reporter::new("looking for the instance", None);
    let control = session.backend.control(&reporter);
    let reached = session
        .backend
        .block_on(reach(session.backend.aws(), &session.spec, &control));
    reporter.finish();
    let reached = reached?.map_err(|error| session.refused(error))?;
    let now = session.backend.now();
    choose(&session.spec, reached, now)
}

fn choose(spec: &Spec, reached: Reached, now: Timestamp) -> Result<InstanceId, CliError> {
    let no = |message: &str, help: &str| {
        Err(CliError::NotConnected {
            message: message.to_owned(),
            help: help.to_owned(),
        })
    };
    let Some(group) = reached.group else {
        return no(
            "the stack has no instance: it has no Auto Scaling group",
            "`selfheal apply` makes it",
        );
    };
    let Some(instance) = reached.instance else {
        return match group.desired {
            0 => no(
                "the stack sleeps: it has no instance",
                "`selfheal wake --wait` brings one",
            ),
            _ => no("the stack has no instance at the moment", "`selfheal status` says why"),
        };
    };
    let id = instance.id;
    if instance.lifecycle != LifecycleState::InService {
        eprintln!("note: {id} is not in service but {}", instance.lifecycle);
    }
    let Some(agent) = reached.agent else {
        let help = if spec.access.why_no_agent(&spec.instance.image).is_some() {
            "Debian's images come without the agent: write its version and its package's hash into [access.agent], apply, and \
             replace the instance"
        } else if spec.access.agent.is_some() {
            "it is installed once the instance serves, and connects within minutes of that; `selfheal logs --unit \
             selfheal-agent.service`, or the console, says what keeps it from it"
        } else {
            "it connects within a minute or two of a start, if the image has it, the instance reaches the internet or has VPC \
             endpoints for ssm and ssmmessages, and an apply has given the role the rights"
        };
        return no(&format!("AWS has not heard of Systems Manager's agent on {id}"), help);
    };
    match agent.ping {
        AgentPing::Online => Ok(id),
        ping => {
            let heard = agent.last_ping.map(|at| now.duration_since(at).as_secs().max(0) / 60);
            let heard = heard
                .map(|minutes| format!(", last heard of {minutes} min ago"))
                .unwrap_or_default();
            let message = format!("Systems Manager's agent on {id} is not connected ({ping}{heard})");
            no(
                &message,
                "an instance that hangs is replaced by its group; `selfheal status` shows what it finds",
            )
        }
    }
}
