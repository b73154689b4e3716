//! The way to a stack's instance: which one it is, whether its agent is connected, and commands on it.

use std::time::Duration;

use jiff::SignedDuration;
use selfheal_core::Names;
use selfheal_core::plan::RepeatClass;
use selfheal_core::spec::Spec;
use selfheal_core::world::{Agent, Group, GroupInstance, InstanceId};

use crate::backend::{Aws, CallResult, Invocation, SendCommand};
use crate::control::Control;
use crate::error::{CallError, CallErrorKind};
use crate::retry::{Repeat, retry};

/// Pauses between two looks at a command: short at first, because most commands are.
const LOOK_FIRST: Duration = Duration::from_millis(500);
const LOOK_LONGEST: Duration = Duration::from_secs(5);
/// For how long AWS may not know a command that it has taken.
const UNKNOWN_MAX: SignedDuration = SignedDuration::from_mins(1);

/// What leads to the instance of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reached {
    /// The group; `None` where there is none.
    pub group: Option<Group>,
    /// The instance: the one in service, else the one on its way there, else any that the group has.
    pub instance: Option<GroupInstance>,
    /// Systems Manager's agent on it; `None` where AWS has never heard of it.
    pub agent: Option<Agent>,
}

/// Finds the instance of a stack and asks for its agent, by two calls.
///
/// # Errors
/// The first call that failed for good.
pub async fn reach(aws: &dyn Aws, spec: &Spec, ctl: &Control<'_>) -> CallResult<Reached> {
    let name = Names::of(spec).group;
    let group = retry(ctl, Repeat::Read, || aws.describe_group(&name)).await?;
    let instance = group
        .as_ref()
        .and_then(|group| group.foremost().first().copied().cloned());
    let mut agent = None;
    if let Some(instance) = &instance {
        let ids = [instance.id.clone()];
        agent = retry(ctl, Repeat::Read, || aws.describe_agents(&ids)).await?.pop();
    }
    Ok(Reached { group, instance, agent })
}

/// Sends a command; answers its id.
///
/// It is sent again only where AWS has refused it before any effect. Where the answer is lost, the command may run.
///
/// # Errors
/// The call that failed for good.
pub async fn send_command(aws: &dyn Aws, input: &SendCommand, ctl: &Control<'_>) -> CallResult<String> {
    retry(ctl, Repeat::Step(RepeatClass::Create), || aws.send_command(input)).await
}

/// Waits for the end of a command. Whoever drops the future leaves the command as it is.
///
/// # Errors
/// The first call that failed for good, and a command of which AWS knows nothing for a minute.
pub async fn await_command(
    aws: &dyn Aws,
    command_id: &str,
    instance: &InstanceId,
    ctl: &Control<'_>,
) -> CallResult<Invocation> {
    let began = ctl.clock.now();
    let mut pause = LOOK_FIRST;
    loop {
        ctl.clock.sleep(pause).await;
        pause = LOOK_LONGEST.min(pause.mul_f64(1.5));
        match retry(ctl, Repeat::Read, || aws.get_command(command_id, instance)).await? {
            Some(invocation) if !invocation.status.is_open() => return Ok(invocation),
            Some(_) => {}
            None if ctl.clock.now().duration_since(began) < UNKNOWN_MAX => {}
            None => {
                let message = format!("AWS does not know the command {command_id} that it has taken");
                return Err(CallError::new(
                    CallErrorKind::NotFound,
                    "ssm:GetCommandInvocation",
                    message,
                ));
            }
        }
    }
}

/// Asks for the end of a command. AWS does not promise it.
///
/// # Errors
/// The call that failed for good.
pub async fn cancel_command(
    aws: &dyn Aws,
    command_id: &str,
    instance: &InstanceId,
    ctl: &Control<'_>,
) -> CallResult<()> {
    retry(ctl, Repeat::Read, || aws.cancel_command(command_id, instance)).await
}
