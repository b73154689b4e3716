//! Service Quotas.

use async_trait::async_trait;

use super::Sdk;
use super::error::{absent, failed};
use crate::backend::{CallResult, Quotas};

/// EC2, as Service Quotas calls it.
const SERVICE: &str = "ec2";

#[async_trait]
impl Quotas for Sdk {
    async fn ec2_quota(&self, code: &str) -> CallResult<Option<u32>> {
        const ACTION: &str = "servicequotas:GetServiceQuota";
        let call = self.clients.quotas.get_service_quota();
        let call = call.service_code(SERVICE).quota_code(code);
        let output = absent(call.send().await.map_err(failed(ACTION, Some(code))))?;
        let quota = output.and_then(|output| output.quota);
        Ok(quota.and_then(|quota| quota.value).map(whole))
    }

    async fn default_ec2_quota(&self, code: &str) -> CallResult<Option<u32>> {
        const ACTION: &str = "servicequotas:GetAWSDefaultServiceQuota";
        let call = self.clients.quotas.get_aws_default_service_quota();
        let call = call.service_code(SERVICE).quota_code(code);
        let output = absent(call.send().await.map_err(failed(ACTION, Some(code))))?;
        let quota = output.and_then(|output| output.quota);
        Ok(quota.and_then(|quota| quota.value).map(whole))
    }
}

/// What is counted has no fractions; a number that is none, or below nought, allows nothing.
fn whole(value: f64) -> u32 {
    // A float beyond the range saturates, and one that is no number becomes nought.
    value as u32
}
