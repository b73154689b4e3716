//! STS.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use jiff::Timestamp;
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

    async fn server_time(&self) -> CallResult<Option<Timestamp>> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let seen = DateHeader::default();
        let call = self.clients.sts.get_caller_identity().customize();
        let answer = call.interceptor(seen.clone()).send().await;
        let said = seen.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (said, answer) {
            // Who is refused because of a wrong clock is to learn by how much it is wrong.
            (Some(text), _) => Ok(parse(&text)),
            (None, Ok(_)) => Ok(None),
            (None, Err(error)) => Err(failed(ACTION, None)(error)),
        }
    }
}

/// The `Date` of an answer, whatever else the answer says.
#[derive(Clone, Debug, Default)]
struct DateHeader(Arc<Mutex<Option<String>>>);

impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

/// Reads the date of an HTTP header.
fn parse(text: &str) -> Option<Timestamp> {
    let date = DateTime::from_str(text, Format::HttpDate).ok()?;
    Timestamp::from_second(date.secs()).ok()
}
