//! Systems Manager's agent on instances, and the commands that it runs.
//!
//! What a command does follows from its text alone: a handful of the shell's own words, so that a test can say what it wants.

use async_trait::async_trait;
use selfheal_core::world::{Agent, AgentPing, CommandStatus, ImageId, InstanceId, InstanceState};

use super::call::{Call, fail};
use super::runtime::Sim;
use super::state::CommandRecord;
use super::target::Target;
use super::world::World;
use crate::backend::{CallResult, Invocation, OUTPUT_CHARS_MAX, SendCommand, SystemsManager};

/// AWS's document that runs a shell script.
const RUN: &str = "AWS-RunShellScript";
/// From a command's acceptance to its beginning on the instance.
const DELIVERY_MS: u64 = 800;
/// How long AWS does not know a command that it has taken.
const UNKNOWN_MS: u64 = 300;
/// Seconds that a command may take.
const TIMEOUT_S_MAX: u32 = 172_800;

/// What a script does.
struct Effect {
    exit: i32,
    stdout: String,
    stderr: String,
    takes_ms: u64,
}

/// Runs one of the words that this shell knows; `None` for any other.
fn effect(script: &str) -> Effect {
    let none = Effect {
        exit: 0,
        stdout: String::new(),
        stderr: String::new(),
        takes_ms: 100,
    };
    let Some(words) = shlex::split(script) else {
        let stderr = "sh: unterminated quoted string\n".to_owned();
        return Effect {
            exit: 2,
            stderr,
            ..none
        };
    };
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i32>().ok()).unwrap_or(0);
    match words.first().map(String::as_str) {
        None | Some("true") => none,
        Some("false") => Effect { exit: 1, ..none },
        Some("exit") => Effect {
            exit: number(1),
            ..none
        },
        Some("echo") => Effect {
            stdout: words[1..].join(" ") + "\n",
            ..none
        },
        Some("sleep") => Effect {
            takes_ms: u64::from(number(1).unsigned_abs()) * 1_000,
            ..none
        },
        // So many letters, to see what of a long output is kept.
        Some("yes") => Effect {
            stdout: "y".repeat(usize::try_from(number(1)).unwrap_or(0)),
            ..none
        },
        Some(other) => Effect {
            exit: 127,
            stderr: format!("sh: 1: {other}: not found\n"),
            ..none
        },
    }
}

/// What AWS keeps of an output.
fn kept(output: String) -> String {
    output.chars().take(OUTPUT_CHARS_MAX).collect()
}

impl World {
    /// Whether an image comes without the agent, as Debian's do.
    fn lacks_agent(&self, image: &ImageId) -> bool {
        let debian =
            |(name, value): (&String, &str)| name.starts_with("/aws/service/debian/") && value == image.as_str();
        let mut parameters = self.parameters.iter();
        parameters.any(|(name, record)| debian((name, &record.value)))
    }

    /// The agent on an instance; `None` where AWS has never heard of it.
    fn agent_of(&mut self, id: &InstanceId) -> Option<Agent> {
        let instance = self.instances.get(id)?;
        let (boot, image) = (&instance.boot, instance.data.image_id.clone());
        let (started_ms, installed_ms) = (boot.agent_ms, boot.installed_agent_ms);
        let up = instance.state == InstanceState::Running && !instance.impaired;
        let ended_ms = instance.terminated_ms;
        let since_ms = match self.lacks_agent(&image) {
            true => started_ms.max(installed_ms?),
            false => started_ms,
        };
        if since_ms == 0 || since_ms > ended_ms.unwrap_or(self.now_ms) {
            return None;
        }
        if up && !self.may_connect(id) {
            return None;
        }
        Some(Agent {
            instance_id: id.clone(),
            ping: if up {
                AgentPing::Online
            } else {
                AgentPing::ConnectionLost
            },
            last_ping: Some(self.time_of(since_ms)),
            version: Some("3.3.1345.0".to_owned()),
        })
    }

    fn send_command(&mut self, input: &SendCommand) -> CallResult<String> {
        const ACTION: &str = "ssm:SendCommand";
        if !(1..=TIMEOUT_S_MAX).contains(&input.timeout_s) || input.script.is_empty() {
            return fail(
                ACTION,
                "InvalidParameters",
                "The parameters of the document are not valid.",
            );
        }
        let agent = self.agent_of(&input.instance_id);
        if agent.is_none_or(|agent| agent.ping != AgentPing::Online) {
            let message = "Instances [[i]] not in a valid state for account";
            return fail(
                ACTION,
                "InvalidInstanceId",
                message.replace("[i]", input.instance_id.as_str()),
            );
        }
        let begins_ms = self.now_ms + DELIVERY_MS;
        let id = self.new_id("command");
        let record = CommandRecord {
            instance: input.instance_id.clone(),
            script: input.script.clone(),
            begins_ms,
            ends_ms: begins_ms + effect(&input.script).takes_ms,
            deadline_ms: begins_ms + u64::from(input.timeout_s) * 1_000,
            cancelled_ms: None,
        };
        self.commands.insert(id.clone(), record);
        Ok(id)
    }

    fn get_command(&self, id: &str, instance: &InstanceId) -> CallResult<Option<Invocation>> {
        let record = self.commands.get(id).filter(|record| record.instance == *instance);
        let Some(record) = record.filter(|record| self.now_ms + DELIVERY_MS >= record.begins_ms + UNKNOWN_MS) else {
            return Ok(None);
        };
        let open = |status| Invocation {
            details: CommandStatus::as_str(&status).to_owned(),
            status,
            exit: None,
            stdout: String::new(),
            stderr: String::new(),
        };
        let end_ms = record.ends_ms.min(record.deadline_ms);
        if let Some(at_ms) = record.cancelled_ms.filter(|at_ms| *at_ms < end_ms) {
            let status = match self.now_ms >= at_ms + DELIVERY_MS {
                true => CommandStatus::Cancelled,
                false => CommandStatus::Cancelling,
            };
            return Ok(Some(open(status)));
        }
        if self.now_ms < end_ms {
            return Ok(Some(open(CommandStatus::InProgress)));
        }
        if record.deadline_ms < record.ends_ms {
            return Ok(Some(Invocation {
                details: "Execution Timed Out".to_owned(),
                exit: Some(137),
                ..open(CommandStatus::TimedOut)
            }));
        }
        let Effect {
            exit, stdout, stderr, ..
        } = effect(&record.script);
        let status = if exit == 0 {
            CommandStatus::Success
        } else {
            CommandStatus::Failed
        };
        Ok(Some(Invocation {
            exit: Some(exit),
            stdout: kept(stdout),
            stderr: kept(stderr),
            ..open(status)
        }))
    }
}

#[async_trait]
impl SystemsManager for Sim {
    async fn describe_agents(&self, instances: &[InstanceId]) -> CallResult<Vec<Agent>> {
        let ids: Vec<&str> = instances.iter().map(InstanceId::as_str).collect();
        let call = Call::read("ssm:DescribeInstanceInformation").about(&ids.join(","));
        let instances = instances.to_vec();
        self.call(call, move |world| {
            Ok(instances.iter().filter_map(|id| world.agent_of(id)).collect())
        })
        .await
    }

    async fn send_command(&self, input: &SendCommand) -> CallResult<String> {
        let call = Call::change("ssm:SendCommand").about(input.instance_id.as_str());
        let call = call
            .on(Target::Document(RUN))
            .on(Target::Instance(input.instance_id.clone()));
        let input = input.clone();
        self.call(call, move |world| world.send_command(&input)).await
    }

    async fn get_command(&self, command_id: &str, instance_id: &InstanceId) -> CallResult<Option<Invocation>> {
        let call = Call::read("ssm:GetCommandInvocation").about(command_id);
        let (id, instance) = (command_id.to_owned(), instance_id.clone());
        self.call(call, move |world| world.get_command(&id, &instance)).await
    }

    async fn cancel_command(&self, command_id: &str, instance_id: &InstanceId) -> CallResult<()> {
        const ACTION: &str = "ssm:CancelCommand";
        let call = Call::change(ACTION).about(command_id);
        let (id, instance) = (command_id.to_owned(), instance_id.clone());
        self.call(call, move |world| {
            let now_ms = world.now_ms;
            match world.commands.get_mut(&id).filter(|record| record.instance == instance) {
                Some(record) => {
                    record.cancelled_ms.get_or_insert(now_ms);
                    Ok(())
                }
                None => fail(ACTION, "InvalidCommandId", ""),
            }
        })
        .await
    }
}
