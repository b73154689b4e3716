//! STS and Parameter Store.

use async_trait::async_trait;
use selfheal_core::world::Identity;

use super::Sdk;
use super::convert::field;
use super::error::{absent, failed};
use crate::backend::{Account, CallResult};

#[async_trait]
impl Account for Sdk {
    async fn caller_identity(&self) -> CallResult<Identity> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let output = self
            .clients
            .sts
            .get_caller_identity()
            .send()
            .await
            .map_err(failed(ACTION, None))?;
        Ok(Identity {
            account: field(output.account, ACTION, "account")?,
            arn: field(output.arn, ACTION, "ARN")?,
            region: self.region.clone(),
        })
    }

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
}
