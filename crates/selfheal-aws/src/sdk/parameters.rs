//! Parameter Store.

use async_trait::async_trait;
use aws_sdk_ssm::types::{self, ParameterTier, ParameterType};
use jiff::Timestamp;
use selfheal_core::config::{Parameter, Value, WriteParameter};

use super::Sdk;
use super::convert::field;
use super::error::{absent, failed};
use crate::backend::{CallResult, ParameterStore};

/// Parameters in a page; AWS takes no more.
const PAGE: i32 = 10;
/// The call that reads them by pages.
const BY_PATH: &str = "ssm:GetParametersByPath";

/// What is told of a parameter beside its value.
fn told(parameter: &types::Parameter, action: &'static str) -> CallResult<Parameter> {
    let modified = parameter
        .last_modified_date()
        .and_then(|date| Timestamp::from_second(date.secs()).ok());
    let kind = parameter.r#type().map_or("", ParameterType::as_str);
    let version = u64::try_from(parameter.version()).unwrap_or_default();
    let name = field(parameter.name.clone(), action, "name")?;
    Ok(Parameter::new(name, kind, version, modified))
}

impl Sdk {
    /// Reads every page of what is below a path, secrets as ciphertext: one may be empty and not be the last.
    async fn parameters_below(&self, path: &str) -> CallResult<Vec<types::Parameter>> {
        let call = self.clients.ssm.get_parameters_by_path().path(path).recursive(true);
        let mut pages = call.max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed(BY_PATH, Some(path)))?;
            found.extend(page.parameters.unwrap_or_default());
        }
        Ok(found)
    }
}

#[async_trait]
impl ParameterStore for Sdk {
    async fn get_parameter(&self, name: &str) -> CallResult<Option<String>> {
        const ACTION: &str = "ssm:GetParameter";
        // Not decrypted: what is read here is public names of images. A secret would come back as ciphertext.
        let result = self
            .clients
            .ssm
            .get_parameter()
            .name(name)
            .send()
            .await
            .map_err(failed(ACTION, Some(name)));
        Ok(absent(result)?
            .and_then(|output| output.parameter)
            .and_then(|parameter| parameter.value))
    }

    async fn get_parameters_by_path(&self, path: &str) -> CallResult<Vec<(String, String)>> {
        let below = self.parameters_below(path).await?;
        let pair = |parameter: types::Parameter| {
            let name = field(parameter.name, BY_PATH, "name")?;
            Ok((name, field(parameter.value, BY_PATH, "value")?))
        };
        below.into_iter().map(pair).collect()
    }

    async fn put_parameter(&self, name: &str, value: &str) -> CallResult<()> {
        let call = self.clients.ssm.put_parameter().name(name).value(value).overwrite(true);
        // An account may have another tier as its default, which costs money.
        let call = call.r#type(ParameterType::String).tier(ParameterTier::Standard);
        call.send().await.map_err(failed("ssm:PutParameter", Some(name)))?;
        Ok(())
    }

    async fn list_parameters(&self, path: &str) -> CallResult<Vec<Parameter>> {
        let below = self.parameters_below(path).await?;
        below.iter().map(|parameter| told(parameter, BY_PATH)).collect()
    }

    async fn read_parameter(&self, name: &str, decrypt: bool) -> CallResult<Option<(Parameter, Value)>> {
        const ACTION: &str = "ssm:GetParameter";
        let call = self.clients.ssm.get_parameter().name(name).with_decryption(decrypt);
        let result = call.send().await.map_err(failed(ACTION, Some(name)));
        let Some(parameter) = absent(result)?.and_then(|output| output.parameter) else {
            return Ok(None);
        };
        let told = told(&parameter, ACTION)?;
        Ok(Some((told, Value::new(field(parameter.value, ACTION, "value")?))))
    }

    async fn write_parameter(&self, input: &WriteParameter) -> CallResult<u64> {
        const ACTION: &str = "ssm:PutParameter";
        let kind = match input.secret {
            true => ParameterType::SecureString,
            false => ParameterType::String,
        };
        let key = input.kms_key.clone().filter(|_| input.secret);
        let call = self
            .clients
            .ssm
            .put_parameter()
            .name(&input.name)
            .value(input.value.expose());
        let call = call
            .overwrite(true)
            .tier(ParameterTier::Standard)
            .r#type(kind)
            .set_key_id(key);
        let answer = call.send().await.map_err(failed(ACTION, Some(&input.name)))?;
        Ok(u64::try_from(answer.version()).unwrap_or_default())
    }

    async fn delete_parameters(&self, names: &[String]) -> CallResult<()> {
        let call = self.clients.ssm.delete_parameters().set_names(Some(names.to_vec()));
        let about = names.first().map(String::as_str);
        call.send().await.map_err(failed("ssm:DeleteParameters", about))?;
        Ok(())
    }
}
