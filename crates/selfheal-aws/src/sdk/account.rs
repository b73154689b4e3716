//! STS.

use async_trait::async_trait;
use selfheal_core::world::Identity;

use super::Sdk;
use super::convert::field;
use super::error::failed;
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
}
