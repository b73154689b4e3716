//! What a group launches: the type of the launch template, or the first of a mixed instances policy that EC2 has.

use selfheal_core::world::{GroupSettings, MixedPolicy, TemplateData};

use super::super::world::World;

impl World {
    /// Chooses the type of a launch; answers why EC2 refuses it, in its words, where it has none of the types.
    ///
    /// Auto Scaling takes a group whose template EC2 refuses only when it launches.
    pub(in crate::sim) fn choose_type(&self, settings: &GroupSettings, data: &TemplateData) -> Result<String, String> {
        let subnet = self.subnets.get(&settings.subnet);
        let zone = subnet.map_or("", |record| record.subnet.zone.as_str());
        let Some(policy) = &settings.mixed else {
            return self
                .check_capacity(&data.instance_type, data, zone)
                .and_then(|()| self.check_quota(&data.instance_type, false))
                .map(|()| data.instance_type.clone());
        };
        // The order counts in either market: of spot it is best effort, and here as good as that.
        let spot = policy.is_spot();
        let mut refusals = Vec::new();
        for name in &policy.types {
            let spot_left = |name: &String| !spot || !self.without_spot.contains(name);
            let room = || self.check_quota(name, spot);
            match self.check_capacity(name, data, zone).and_then(|()| room()) {
                Ok(()) if spot_left(name) => return Ok(name.clone()),
                Ok(()) => refusals.push(format!(
                    "UnfulfillableCapacity - There is no Spot capacity available that matches your request for {name} in {zone}."
                )),
                Err(why) => refusals.push(why),
            }
        }
        Err(of_policy(policy, &refusals))
    }

    fn check_capacity(&self, name: &str, data: &TemplateData, zone: &str) -> Result<(), String> {
        if self.without_capacity.contains(zone) || self.sold_out.contains(name) {
            return Err(format!(
                "We currently do not have sufficient {name} capacity in the Availability Zone you requested ({zone}). Our \
                 system will be working on provisioning additional capacity."
            ));
        }
        let key = data.root.kms_key.as_ref().or(self.config.default_key.as_ref());
        if key.is_some_and(|key| self.config.unusable_keys.contains(key)) {
            return Err("Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state".to_owned());
        }
        self.check_type(name, &data.image_id, data.root.size_gib, zone)
    }
}

/// The refusal of every type, as AWS words it for a mixed instances policy.
fn of_policy(policy: &MixedPolicy, refusals: &[String]) -> String {
    let market = if policy.is_spot() { "Spot" } else { "On-Demand" };
    format!("Could not launch {market} Instances. {}", refusals.join(" "))
}
