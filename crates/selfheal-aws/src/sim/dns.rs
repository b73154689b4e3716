//! The DNS as anybody sees it. It takes no time, and none of AWS's policies speak of it.

use async_trait::async_trait;

use super::runtime::Sim;
use super::state::ZoneRecord;
use crate::backend::Resolver;

#[async_trait]
impl Resolver for Sim {
    async fn name_servers(&self, zone: &str) -> Result<Vec<String>, String> {
        self.inspect(|world| {
            if let Some(servers) = world.config.delegations.get(zone) {
                return Ok(servers.clone());
            }
            let mut zones = world.zones.values();
            let found = zones.find(|it| it.name == zone && !it.private);
            Ok(found.map(ZoneRecord::name_servers).unwrap_or_default())
        })
    }

    async fn caa_records(&self, name: &str) -> Result<Vec<(String, String)>, String> {
        self.inspect(|world| Ok(world.config.caa_records.get(name).cloned().unwrap_or_default()))
    }
}
