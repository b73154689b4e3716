//! Requests: the instance sees a tag of its own in its metadata, does what that asks, once, and answers in a tag of its group.

use selfheal_core::names::Tags;
use selfheal_core::request::{Request, TAG_ANSWER, TAG_REQUEST};
use selfheal_core::world::{InstanceId, VolumeId};

use super::super::call::Caller;
use super::super::events::WorldEvent;
use super::super::rng::Range;
use super::super::state::{BootConfig, BootPhase, Content};
use super::super::world::World;
use super::wishes::Outcome;

/// From a tag to its place in the metadata, and from there to the look of whoever watches them.
const SEEN: Range = Range::new(500, 12_000);
/// From a request that is taken to what it asks being done.
const DOES: Range = Range::new(20, 2_000);
/// From an answer that could not be given to the next attempt.
const AGAIN: Range = Range::new(30_000, 33_000);
/// How an instance makes itself fail.
const FAILS: [&str; 4] = ["app", "hang", "reboot", "poweroff"];
/// What is told of a request whose instance went down before it was done.
const CUT_OFF: &str = "failed it was cut off";

impl World {
    /// The tags of an instance have changed, or it has come to serve: it sees in a while what it is asked.
    pub(in crate::sim) fn show_request(&mut self, id: &InstanceId) {
        self.wake_request(id, SEEN);
    }

    fn wake_request(&mut self, id: &InstanceId, delay: Range) {
        let asked = |it: &&super::super::state::InstanceRecord| {
            it.boots > 0 && it.tags.contains_key(TAG_REQUEST) && it.data.metadata_tags == "enabled"
        };
        if let Some(boot) = self.instances.get(id).filter(asked).map(|instance| instance.boots) {
            let instance = id.to_owned();
            self.after(delay, WorldEvent::Request { instance, boot });
        }
    }

    /// Takes a request that was not taken before; does it at the next step; and tells what is to be told.
    pub(in crate::sim) fn request_step(&mut self, id: &InstanceId, boot: u32) {
        let Some((me, BootPhase::Ready, config)) = self.booting(id, boot) else {
            return;
        };
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        let request = instance
            .tags
            .get(TAG_REQUEST)
            .and_then(|tag| tag.parse::<Request>().ok());
        let Some(request) = request.filter(|_| !instance.boot.noticed && instance.boot.lost_ms.is_none()) else {
            return;
        };
        let mut fails = None;
        let taken = instance.boot.asked.last().is_some_and(|last| last == request.id());
        if taken && instance.boot.doing {
            instance.boot.doing = false;
            match self.do_request(id, &request, &config) {
                Some((done, words)) => {
                    self.end_request(id, done, &words);
                    let how = request.words().first();
                    fails = how.filter(|_| done && request.verb() == "fail").cloned();
                }
                // What is noted until then holds where it is cut off.
                None => return,
            }
        } else if !taken {
            if instance.boot.asked.iter().any(|before| before == request.id()) {
                return;
            }
            instance.boot.asked.push(request.id().to_owned());
            instance.boot.doing = true;
            self.set_reply(id, Some(CUT_OFF.to_owned()));
            self.say(id, format!("asked for: {}", request.verb()));
            self.wake_request(id, DOES);
            return;
        }
        if !self.is_wished(id) {
            let told = self.tell_reply(id, &me, &config, &request);
            if let Some(how) = fails.filter(|_| told) {
                self.fail_as_asked(id, &how, &config);
            }
        }
    }

    fn end_request(&mut self, id: &InstanceId, done: bool, words: &str) {
        let end = if done { "ok" } else { "failed" };
        self.set_reply(id, Some(format!("{end} {words}")));
    }

    /// What came of a request that took longer than its step: it is told at the next one.
    pub(super) fn finish_request(&mut self, id: &InstanceId, done: bool, words: &str) {
        self.end_request(id, done, words);
        self.wake_request(id, DOES);
    }

    /// Fails, once that is told: who is asked again does not.
    fn fail_as_asked(&mut self, id: &InstanceId, how: &str, config: &BootConfig) {
        match how {
            "app" => {
                self.fail_app(id, config.repairs);
            }
            "poweroff" => {
                self.press_power(id);
            }
            // A kernel that panics starts the machine anew as well.
            _ => {
                self.reboot(id);
            }
        }
    }

    fn set_reply(&mut self, id: &InstanceId, reply: Option<String>) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.boot.reply = reply;
        }
    }

    /// Tells what is to be told; answers whether it is.
    fn tell_reply(&mut self, id: &InstanceId, me: &Caller, config: &BootConfig, request: &Request) -> bool {
        let Some(reply) = self.instances.get(id).and_then(|instance| instance.boot.reply.clone()) else {
            return false;
        };
        let tags = Tags::from([(TAG_ANSWER.to_owned(), format!("{} {reply}", request.id()))]);
        match self.api_set_group_tags(me, &config.group, &tags) {
            Ok(()) => {
                self.say(id, format!("answered: {reply}"));
                self.set_reply(id, None);
                true
            }
            Err(error) => {
                self.say(id, format!("could not answer: {error}"));
                self.wake_request(id, AGAIN);
                false
            }
        }
    }

    /// Does what is asked; answers whether it was done, and what came of it, or nothing where that takes longer.
    fn do_request(&mut self, id: &InstanceId, request: &Request, config: &BootConfig) -> Option<Outcome> {
        match request.verb() {
            "marker" => Some(self.mark_volume(id, request.words(), config)),
            "copy" => Some(self.read_copy(id, request.words(), config)),
            "fail" => Some(match request.words() {
                [how] if how == "app" && !config.repairs => (false, "the app has no units to stop".to_owned()),
                [how] if FAILS.contains(&how.as_str()) => (true, "it fails now".to_owned()),
                _ => (false, "there is no such way to fail".to_owned()),
            }),
            "renew" if !config.domains.is_empty() => self.renew_certificate(id, config),
            "rollback" if !config.domains.is_empty() => self.roll_certificate_back(id, config),
            unknown => Some((false, format!("this instance knows no {unknown}"))),
        }
    }

    /// Writes the marker to the data volume, where there is one, and tells the one that is there.
    fn mark_volume(&mut self, id: &InstanceId, words: &[String], config: &BootConfig) -> (bool, String) {
        let mounted = self.instances.get(id).and_then(|instance| instance.mounted.clone());
        let held = config.volume.clone().filter(|volume| self.has_device(id, volume));
        let record = held
            .filter(|volume| mounted.as_ref() == Some(volume))
            .and_then(|volume| self.volumes.get_mut(&volume));
        let Some(Content::Filesystem { marker, .. }) = record.map(|record| &mut record.content) else {
            return (false, "the data volume is not mounted".to_owned());
        };
        match words {
            [] => {}
            [new] if is_marker(new) => *marker = Some(new.clone()),
            _ => return (false, "the marker cannot be written".to_owned()),
        }
        match marker {
            Some(marker) => (true, marker.clone()),
            None => (false, "there is no marker".to_owned()),
        }
    }

    /// Mounts a copy of a snapshot's data, tells the marker on it and how much of it is used, and unmounts it.
    fn read_copy(&self, id: &InstanceId, words: &[String], config: &BootConfig) -> Outcome {
        let [copy] = words else {
            return (false, "there is no such copy".to_owned());
        };
        let copy = VolumeId::from(copy.as_str());
        if config.volume.as_ref() == Some(&copy) || !self.has_device(id, &copy) {
            return (false, "there is no such copy".to_owned());
        }
        match self.volumes.get(&copy).map(|record| &record.content) {
            Some(Content::Filesystem { marker, writes, .. }) => {
                let marker = marker.as_deref().unwrap_or("none");
                (true, format!("{marker} {writes}"))
            }
            _ => (false, "the copy cannot be mounted".to_owned()),
        }
    }
}

fn is_marker(word: &str) -> bool {
    word.len() == 32 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
