//! What an operator asks of the certificate: another one before it is due, and the one before.

use selfheal_core::world::{InstanceId, VolumeId};

use super::super::call::Caller;
use super::super::state::{BootConfig, CertificateRecord};
use super::super::world::World;
use super::certificate::{LIFE_MS, due_ms};

/// What came of a request: whether it was done, and what is told of it.
pub(super) type Outcome = (bool, String);

impl World {
    /// Has another certificate ordered now; `None` where what comes of it is told later, once the DNS has the records.
    pub(super) fn renew_certificate(&mut self, id: &InstanceId, config: &BootConfig) -> Option<Outcome> {
        let no = |why: String| Some((false, why));
        let Some(volume) = self.mounted_volume(id, config) else {
            return no("HTTPS is not served yet".to_owned());
        };
        if self.answering(id).is_some() {
            return no("the look was cut short".to_owned());
        }
        if let Some(name) = self.astray(id, config).filter(|_| config.challenge_zone.is_none()) {
            return no(format!("{name} does not lead here"));
        }
        let tries_ms = self.certificates.entry(volume.clone()).or_default().tries_ms.clone();
        let due_ms = due_ms(&tries_ms);
        if self.now_ms < due_ms {
            return no(format!("the authority is asked again after {}", self.time_of(due_ms)));
        }
        let me = Caller::Instance(id.clone());
        self.note_order(id, &volume);
        if let Some(zone) = &config.challenge_zone {
            self.set_wished(id, true);
            self.write_records(id, &me, config, &volume, zone);
            return None;
        }
        let error = self.order(id, &volume, config);
        let have = self.certificates.get(&volume).cloned().unwrap_or_default();
        self.note_certificate(id, &me, config, &have, error);
        Some(self.outcome(&have, error))
    }

    /// Serves the certificate before this one again.
    pub(super) fn roll_certificate_back(&mut self, id: &InstanceId, config: &BootConfig) -> Option<Outcome> {
        let Some(volume) = self.mounted_volume(id, config) else {
            return Some((false, "HTTPS is not served yet".to_owned()));
        };
        let now_ms = self.now_ms;
        let record = self.certificates.entry(volume).or_default();
        let before = record
            .before
            .take()
            .filter(|before| before.issued_ms + LIFE_MS > now_ms);
        let Some(before) = before else {
            return Some((false, "none before it is there that has not expired".to_owned()));
        };
        (record.domains, record.order, record.issued_ms) = (before.domains, before.order, before.issued_ms);
        let have = record.clone();
        let me = Caller::Instance(id.clone());
        self.note_certificate(id, &me, config, &have, "");
        Some(self.outcome(&have, ""))
    }

    /// The outcome of an attempt that somebody wished for.
    pub(super) fn outcome(&self, have: &CertificateRecord, error: &str) -> Outcome {
        match error {
            "" => {
                let ends = self.time_of(have.issued_ms + LIFE_MS);
                let names = have.domains.join(" ");
                (true, format!("what is served now ends {ends} and is for {names}"))
            }
            why => (false, why.to_owned()),
        }
    }

    fn mounted_volume(&self, id: &InstanceId, config: &BootConfig) -> Option<VolumeId> {
        let mounted = self.instances.get(id)?.mounted.clone();
        config.volume.clone().filter(|volume| mounted.as_ref() == Some(volume))
    }

    /// Whether somebody waits for what comes of the attempt under way.
    pub(super) fn is_wished(&self, id: &InstanceId) -> bool {
        self.instances.get(id).is_some_and(|instance| instance.boot.wished)
    }

    pub(super) fn set_wished(&mut self, id: &InstanceId, wished: bool) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.wished = wished;
        }
    }
}
