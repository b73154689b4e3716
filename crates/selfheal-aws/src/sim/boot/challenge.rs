//! The records by which an authority is shown whose the names are: written, waited for, and removed again, by whichever instance
//! has the volume that they are noted on.

use selfheal_core::world::{HostedZoneId, InstanceId, RecordSet, VolumeId};

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::BootConfig;
use super::super::world::World;
use crate::error::CallError;

/// Between two questions whether the DNS has the records.
const POLL: Range = Range::exactly(2_000);
/// For how long it is asked.
const SYNC_MS_MAX: u64 = 120_000;

impl World {
    /// The change that an instance waits for, and since when.
    pub(super) fn answering(&self, id: &InstanceId) -> Option<(String, u64)> {
        self.instances.get(id)?.boot.answering.clone()
    }

    /// A start knows nothing of what was under way before it but what the volume tells.
    pub(super) fn forget_answering(&mut self, id: &InstanceId) {
        self.set_answering(id, None);
        self.set_wished(id, false);
    }

    fn set_answering(&mut self, id: &InstanceId, change: Option<(String, u64)>) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.answering = change;
        }
    }

    /// Writes the records of an attempt, which are noted on the volume before.
    pub(super) fn write_records(
        &mut self,
        id: &InstanceId,
        me: &Caller,
        config: &BootConfig,
        volume: &VolumeId,
        zone: &HostedZoneId,
    ) {
        let number = self.orders.len();
        let names = config
            .domains
            .iter()
            .map(|domain| domain.strip_prefix("*.").unwrap_or(domain));
        let mut records: Vec<RecordSet> = names
            .map(|name| RecordSet {
                name: format!("_acme-challenge.{name}"),
                record_type: "TXT".to_owned(),
                ttl_s: Some(60),
                values: vec![format!("\"order-{number}\"")],
                set_identifier: None,
            })
            .collect();
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records.dedup();
        let noted = self.certificates.entry(volume.clone()).or_default();
        noted.records.clone_from(&records);
        match self.api_change_records(me, zone, "UPSERT", &records) {
            Ok(change) => {
                self.set_answering(id, Some((change, self.now_ms)));
                self.poll(id);
            }
            Err(why) => self.end_attempt(id, me, config, volume, format!("ChangeResourceRecordSets: {why}")),
        }
    }

    fn poll(&mut self, id: &InstanceId) {
        let Some(boot) = self.instances.get(id).map(|instance| instance.boots) else {
            return;
        };
        let instance = id.clone();
        self.after(POLL, WorldEvent::Certificate { instance, boot });
    }

    /// Looks whether the zone's servers have the records; then the authority looks, and they are removed.
    pub(super) fn await_records(
        &mut self,
        id: &InstanceId,
        me: &Caller,
        config: &BootConfig,
        volume: &VolumeId,
        change: &str,
        since_ms: u64,
    ) {
        let late = self.now_ms >= since_ms + SYNC_MS_MAX;
        match self.api_get_change(me, change) {
            Ok(true) => {
                self.set_answering(id, None);
                let noted = self.certificates.entry(volume.clone()).or_default().records.clone();
                let zone = config.challenge_zone.as_ref();
                let shown = zone.is_some_and(|zone| self.answers_with(zone, &noted));
                let error = match shown {
                    true => self.order(id, volume, config).to_owned(),
                    false => "the authority does not find the records".to_owned(),
                };
                self.end_attempt(id, me, config, volume, error);
            }
            Ok(false) if late => {
                self.set_answering(id, None);
                self.end_attempt(id, me, config, volume, "the DNS does not have the records".to_owned());
            }
            Ok(false) => self.poll(id),
            Err(_) if !late => self.poll(id),
            Err(why) => {
                self.set_answering(id, None);
                self.end_attempt(id, me, config, volume, format!("GetChange: {why}"));
            }
        }
    }

    /// Removes what an attempt has written, notes what came of it, and looks again where that is no certificate.
    fn end_attempt(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig, volume: &VolumeId, error: String) {
        let removed = self.remove_records(me, config, volume);
        if let Err(why) = &removed {
            self.say(id, format!("ChangeResourceRecordSets: {why}"));
        }
        let have = self.certificates.get(volume).cloned().unwrap_or_default();
        if self.is_wished(id) {
            self.set_wished(id, false);
            let (done, words) = self.outcome(&have, &error);
            self.finish_request(id, done, &words);
        }
        if !error.is_empty() || removed.is_err() {
            self.ask_again_later(id, &have);
        }
        self.note_certificate(id, me, config, &have, &error);
    }

    /// Removes what was written for an authority, by this instance or by one before it.
    pub(super) fn remove_records(
        &mut self,
        me: &Caller,
        config: &BootConfig,
        volume: &VolumeId,
    ) -> Result<(), CallError> {
        let Some(zone) = &config.challenge_zone else {
            return Ok(());
        };
        let noted = self.certificates.entry(volume.clone()).or_default().records.clone();
        for record in noted {
            match self.api_change_records(me, zone, "DELETE", &[record]) {
                // What is not there any more, or is another's by now, is none of ours.
                Err(why) if why.code.as_deref() != Some("InvalidChangeBatch") => return Err(why),
                _ => {}
            }
        }
        self.certificates.entry(volume.clone()).or_default().records.clear();
        Ok(())
    }
}
