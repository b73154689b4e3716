//! Parameter Store, as far as image aliases need it, and who the caller is.

use async_trait::async_trait;
use selfheal_core::world::Identity;

use super::call::Call;
use super::runtime::Sim;
use super::target::Target;
use crate::backend::{Account, CallResult};

#[async_trait]
impl Account for Sim {
    async fn caller_identity(&self) -> CallResult<Identity> {
        let caller = self.caller().name().to_owned();
        self.call(Call::read("sts:GetCallerIdentity"), move |world| {
            let arn = world.arn("iam", &format!("user/{caller}"));
            Ok(Identity {
                account: world.config.account.clone(),
                arn,
                region: world.config.region.clone(),
            })
        })
        .await
    }

    async fn get_parameter(&self, name: &str) -> CallResult<Option<String>> {
        let call = Call::read("ssm:GetParameter")
            .about(name)
            .on(Target::Parameter(name.to_owned()));
        let name = name.to_owned();
        self.call(call, move |world| Ok(world.parameters.get(&name).cloned()))
            .await
    }
}
