//! Parameter Store.

use async_trait::async_trait;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};

use super::Sdk;
use super::convert::field;
use super::error::{absent, failed};
use crate::backend::{CallResult, ParameterStore};

/// Parameters in a page; AWS takes no more.
const PAGE: i32 = 10;

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
        const ACTION: &str = "ssm:GetParametersByPath";
        let call = self.clients.ssm.get_parameters_by_path().path(path).recursive(true);
        // Each page is asked for until none follows: one may be empty and not be the last.
        let mut pages = call.max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for parameter in page.map_err(failed(ACTION, Some(path)))?.parameters.unwrap_or_default() {
                let name = field(parameter.name, ACTION, "name")?;
                found.push((name, field(parameter.value, ACTION, "value")?));
            }
        }
        Ok(found)
    }

    async fn put_parameter(&self, name: &str, value: &str) -> CallResult<()> {
        let call = self.clients.ssm.put_parameter().name(name).value(value).overwrite(true);
        // An account may have another tier as its default, which costs money.
        let call = call.r#type(ParameterType::String).tier(ParameterTier::Standard);
        call.send().await.map_err(failed("ssm:PutParameter", Some(name)))?;
        Ok(())
    }

    async fn delete_parameters(&self, names: &[String]) -> CallResult<()> {
        let call = self.clients.ssm.delete_parameters().set_names(Some(names.to_vec()));
        let about = names.first().map(String::as_str);
        call.send().await.map_err(failed("ssm:DeleteParameters", about))?;
        Ok(())
    }
}
