//! A stack's address as anybody outside sees it. It takes no time.

use async_trait::async_trait;
use selfheal_core::drill::Outside;
use selfheal_core::world::InstanceState;

use super::runtime::Sim;
use super::state::{BootPhase, InstanceRecord};
use crate::backend::Prober;

#[async_trait]
impl Prober for Sim {
    async fn answers(&self, ip: &str, _: &Outside) -> bool {
        self.inspect(|world| {
            let mut addresses = world.addresses.values();
            let address = addresses.find(|record| record.address.public_ip == ip);
            let holder = address.and_then(|record| record.address.instance_id.as_ref());
            holder.and_then(|id| world.instances.get(id)).is_some_and(serves)
        })
    }
}

fn serves(instance: &InstanceRecord) -> bool {
    let boot = &instance.boot;
    let up = matches!(boot.phase, BootPhase::Complete | BootPhase::Settle | BootPhase::Ready);
    let lets_go = boot.noticed || boot.lost_ms.is_some();
    instance.state == InstanceState::Running && !instance.impaired && up && !lets_go && !boot.app_fails()
}
