//! The certificate: asked for when the instance serves, and kept on the data volume with what is known of the attempts.

use selfheal_core::names::{TAG_TLS, Tags};
use selfheal_core::world::{InstanceId, VolumeId};

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootPhase, CertificateRecord, OrderRecord};
use super::super::world::World;

/// From the end of a boot to the first look.
const FIRST: Range = Range::exactly(10_000);
/// Between looks that come to nothing: what costs the authority nothing is done often at first.
const LOOKS_MS: [u64; 5] = [60_000, 120_000, 300_000, 600_000, 1_800_000];
/// After the first attempt that came to nothing; twice as long after each further one, up to the last.
const AGAIN_MS: (u64, u64) = (600_000, 43_200_000);
/// The authority of this world, and how long its certificates live: as Let's Encrypt's do today.
const AUTHORITY: &str = "https://ca.example.com/dir";
pub(super) const LIFE_MS: u64 = 90 * 86_400_000;
/// Looks of one start: a world must come to rest.
const LOOKS_MAX: u32 = 50;

impl World {
    /// Lets an instance that serves look after its certificate, where it has one.
    pub(super) fn begin_certificate(&mut self, id: &InstanceId, config: &BootConfig) {
        if !config.domains.is_empty() {
            self.forget_answering(id);
            self.look_after_certificate(id, FIRST);
        }
    }

    fn look_after_certificate(&mut self, id: &InstanceId, delay: Range) {
        let Some(instance) = self.instances.get_mut(id).filter(|it| it.boot.looks < LOOKS_MAX) else {
            return;
        };
        instance.boot.looks += 1;
        let event = WorldEvent::Certificate {
            instance: id.clone(),
            boot: instance.boots,
        };
        self.after(delay, event);
    }

    /// One look: nothing where the volume holds a certificate for all names, else an order, once it may go well and may be made.
    pub(in crate::sim) fn certificate_step(&mut self, id: &InstanceId, boot: u32) {
        let Some((me, BootPhase::Ready, config)) = self.booting(id, boot) else {
            return;
        };
        let mounted = self.instances.get(id).and_then(|instance| instance.mounted.clone());
        let Some(volume) = config.volume.clone().filter(|volume| mounted.as_ref() == Some(volume)) else {
            return;
        };
        if let Some((change, since_ms)) = self.answering(id) {
            return self.await_records(id, &me, &config, &volume, &change, since_ms);
        }
        if let Err(why) = self.remove_records(&me, &config, &volume) {
            self.say(id, format!("ChangeResourceRecordSets: {why}"));
            return self.look_after_certificate(id, Range::exactly(LOOKS_MS[0]));
        }
        let have = self.certificates.entry(volume.clone()).or_default().clone();
        if config.domains.iter().all(|domain| have.domains.contains(domain)) {
            return self.note_certificate(id, &me, &config, &have, "");
        }
        let looks = self.instances.get(id).map_or(0, |instance| instance.boot.looks);
        if let Some(name) = self.astray(id, &config).filter(|_| config.challenge_zone.is_none()) {
            let why = format!("{name} does not lead here");
            self.say(id, format!("no certificate yet: {why}"));
            self.note_certificate(id, &me, &config, &have, &why);
            let wait_ms = LOOKS_MS[usize::try_from(looks).unwrap_or_default().clamp(1, LOOKS_MS.len()) - 1];
            return self.look_after_certificate(id, Range::exactly(wait_ms));
        }
        let due_ms = due_ms(&have.tries_ms);
        if self.now_ms < due_ms {
            return self.look_after_certificate(id, Range::exactly(due_ms - self.now_ms));
        }
        self.note_order(id, &volume);
        if let Some(zone) = &config.challenge_zone {
            return self.write_records(id, &me, &config, &volume, zone);
        }
        let error = self.order(id, &volume, &config);
        let have = self.certificates.get(&volume).cloned().unwrap_or_default();
        if !error.is_empty() {
            self.ask_again_later(id, &have);
        }
        self.note_certificate(id, &me, &config, &have, error);
    }

    /// The next look after an attempt: when the authority may be asked again.
    pub(super) fn ask_again_later(&mut self, id: &InstanceId, have: &CertificateRecord) {
        let wait_ms = due_ms(&have.tries_ms).saturating_sub(self.now_ms).max(LOOKS_MS[0]);
        self.look_after_certificate(id, Range::exactly(wait_ms));
    }

    /// Notes how the certificate is in the group's tag, where that is something else than this instance has noted before.
    pub(super) fn note_certificate(
        &mut self,
        id: &InstanceId,
        me: &Caller,
        config: &BootConfig,
        have: &CertificateRecord,
        error: &str,
    ) {
        let seconds = |ms: u64| self.time_of(ms).as_second();
        let mut fields = Vec::new();
        if !have.domains.is_empty() {
            let until = have.issued_ms + LIFE_MS;
            fields.push(format!(
                "ca={AUTHORITY} until={} renews={}",
                seconds(until),
                seconds(until - LIFE_MS / 3)
            ));
            let missing = config.domains.iter().filter(|domain| !have.domains.contains(domain));
            let missing: Vec<&str> = missing.map(String::as_str).collect();
            if !missing.is_empty() {
                fields.push(format!("missing={}", missing.join("+")));
            }
        }
        if let Some(tried) = have.tries_ms.last() {
            fields.push(format!("tried={}", seconds(*tried)));
        }
        if !error.is_empty() {
            fields.push(format!("error={error}"));
        }
        let text = fields.join(" ");
        if self
            .instances
            .get(id)
            .is_none_or(|instance| instance.boot.tls_noted.as_ref() == Some(&text))
        {
            return;
        }
        let tags = Tags::from([(TAG_TLS.to_owned(), text.clone())]);
        match self.api_set_group_tags(me, &config.group, &tags) {
            Ok(()) => {
                if let Some(instance) = self.instances.get_mut(id) {
                    instance.boot.tls_noted = Some(text);
                }
            }
            Err(why) => {
                self.say(id, format!("could not note how its certificate is: {why}"));
                self.look_after_certificate(id, Range::exactly(LOOKS_MS[0]));
            }
        }
    }

    /// A name that does not lead to this instance, as far as this world's zones say anything of it.
    pub(super) fn astray(&self, id: &InstanceId, config: &BootConfig) -> Option<String> {
        let ip = self.public_ip(id);
        let leads = |domain: &String| {
            let zone = self.zones.values().find(|zone| {
                let below = domain.strip_suffix(zone.name.as_str());
                !zone.private && below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            });
            zone.is_none_or(|zone| {
                let mut records = zone.records.iter();
                let record = records.find(|record| record.name == *domain && record.record_type == "A");
                record.is_some_and(|record| ip.iter().eq(&record.values))
            })
        };
        config.domains.iter().find(|domain| !leads(domain)).cloned()
    }

    /// Notes an attempt, before it is made.
    pub(super) fn note_order(&mut self, id: &InstanceId, volume: &VolumeId) {
        let now_ms = self.now_ms;
        self.orders.push(OrderRecord {
            at_ms: now_ms,
            instance: id.clone(),
            volume: volume.clone(),
        });
        let record = self.certificates.entry(volume.clone()).or_default();
        record.tries_ms.push(now_ms);
    }

    /// Asks the authority; what came of it, where that is no certificate.
    pub(super) fn order(&mut self, id: &InstanceId, volume: &VolumeId, config: &BootConfig) -> &'static str {
        let now_ms = self.now_ms;
        let (order, away) = (self.orders.len(), self.authority_away);
        let record = self.certificates.entry(volume.clone()).or_default();
        if away {
            self.say(id, "no certificate yet: the authority is away");
            return "the authority is away";
        }
        let former = CertificateRecord {
            before: None,
            ..record.clone()
        };
        record.before = (!former.domains.is_empty()).then(|| Box::new(former));
        record.issued_ms = now_ms;
        record.domains.clone_from(&config.domains);
        record.order = order;
        record.tries_ms.clear();
        self.say(id, format!("certificate: published for {}", config.domains.join(" ")));
        ""
    }
}

/// From when on the authority may be asked again.
pub(super) fn due_ms(tries_ms: &[u64]) -> u64 {
    let (first_ms, longest_ms) = AGAIN_MS;
    tries_ms.last().map_or(0, |last_ms| {
        let doublings = u32::try_from(tries_ms.len() - 1).unwrap_or(u32::MAX).min(16);
        last_ms + (first_ms << doublings).min(longest_ms)
    })
}
