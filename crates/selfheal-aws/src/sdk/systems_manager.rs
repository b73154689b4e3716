//! Systems Manager's agent, and the commands that it runs.

use async_trait::async_trait;
use aws_sdk_ssm::types::InstanceInformationStringFilter;
use selfheal_core::world::{Agent, CommandStatus, InstanceId};

use super::Sdk;
use super::convert::{field, text, time};
use super::error::{absent, failed};
use crate::backend::{CallResult, Invocation, SendCommand, SystemsManager};
use crate::error::{CallError, CallErrorKind};

/// AWS's document that runs a shell script.
const RUN: &str = "AWS-RunShellScript";
/// Seconds in which the command has to reach the instance: its agent is connected, or nobody waits for it.
const DELIVERY_S_MAX: i32 = 60;
/// The exit status of a command that has none.
const NO_EXIT: i32 = -1;

#[async_trait]
impl SystemsManager for Sdk {
    async fn describe_agents(&self, instances: &[InstanceId]) -> CallResult<Vec<Agent>> {
        const ACTION: &str = "ssm:DescribeInstanceInformation";
        let filter = InstanceInformationStringFilter::builder().key("InstanceIds");
        let filter = filter
            .set_values(Some(instances.iter().map(InstanceId::to_string).collect()))
            .build();
        let filter = filter.map_err(|error| CallError::new(CallErrorKind::Invalid, ACTION, error.to_string()))?;
        let mut pages = self
            .clients
            .ssm
            .describe_instance_information()
            .filters(filter)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed(ACTION, instances.first().map(InstanceId::as_str)))?;
            for known in page.instance_information_list.unwrap_or_default() {
                let ping = field(known.ping_status.as_ref(), ACTION, "ping status")?;
                found.push(Agent {
                    ping: ping.as_str().into(),
                    last_ping: time(known.last_ping_date_time.as_ref()),
                    version: text(known.agent_version.as_deref()),
                    instance_id: field(known.instance_id, ACTION, "instance id")?.into(),
                });
            }
        }
        Ok(found)
    }

    async fn send_command(&self, input: &SendCommand) -> CallResult<String> {
        const ACTION: &str = "ssm:SendCommand";
        let call = self.clients.ssm.send_command().document_name(RUN);
        let output = call
            .instance_ids(input.instance_id.as_str())
            .parameters("commands", vec![input.script.clone()])
            .parameters("executionTimeout", vec![input.timeout_s.to_string()])
            .timeout_seconds(DELIVERY_S_MAX)
            .send()
            .await
            .map_err(failed(ACTION, Some(input.instance_id.as_str())))?;
        field(
            output.command.and_then(|command| command.command_id),
            ACTION,
            "command id",
        )
    }

    async fn get_command(&self, command_id: &str, instance_id: &InstanceId) -> CallResult<Option<Invocation>> {
        const ACTION: &str = "ssm:GetCommandInvocation";
        let call = self.clients.ssm.get_command_invocation().command_id(command_id);
        let result = call.instance_id(instance_id.as_str()).send().await;
        let Some(output) = absent(result.map_err(failed(ACTION, Some(command_id))))? else {
            return Ok(None);
        };
        let status = field(output.status.as_ref(), ACTION, "status")?;
        let status: CommandStatus = status.as_str().into();
        let exit = Some(output.response_code).filter(|code| *code != NO_EXIT && !status.is_open());
        Ok(Some(Invocation {
            status,
            details: output.status_details.unwrap_or_default(),
            exit,
            stdout: output.standard_output_content.unwrap_or_default(),
            stderr: output.standard_error_content.unwrap_or_default(),
        }))
    }

    async fn cancel_command(&self, command_id: &str, instance_id: &InstanceId) -> CallResult<()> {
        let call = self.clients.ssm.cancel_command().command_id(command_id);
        let result = call.instance_ids(instance_id.as_str()).send().await;
        result.map_err(failed("ssm:CancelCommand", Some(command_id)))?;
        Ok(())
    }
}
