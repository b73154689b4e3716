//! Simple Notification Service: topics, subscriptions that have to be confirmed, and what was delivered.

use async_trait::async_trait;
use selfheal_core::names::Tags;
use selfheal_core::world::Subscription;

use super::call::{Call, Caller, fail};
use super::ids;
use super::pages::cut_list;
use super::runtime::Sim;
use super::state::{MessageRecord, SubscriptionRecord, TopicRecord};
use super::target::Target;
use super::world::World;
use crate::backend::{CallResult, Sns};

/// Subscriptions of one page.
const PAGE: usize = 100;
/// How long a subscription waits to be confirmed, in milliseconds, before SNS forgets it.
///
/// Source: Amazon SNS API reference, `Subscribe`.
const PENDING_MS: u64 = 2 * 24 * 3_600_000;
/// Bytes of a message.
const MESSAGE_MAX: usize = 256 * 1_024;
/// Characters of a subject.
const SUBJECT_MAX: usize = 100;

/// The name of a topic, by its ARN.
pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

impl World {
    /// A topic that callers can see.
    pub(super) fn topic(&mut self, action: &'static str, arn: &str) -> CallResult<&mut TopicRecord> {
        let now_ms = self.now_ms;
        let ours = self.arn("sns", name_of(arn)) == arn;
        let found = self
            .topics
            .get_mut(name_of(arn))
            .filter(|topic| ours && topic.visible_ms <= now_ms);
        let Some(topic) = found else {
            return fail(action, "NotFound", "Topic does not exist");
        };
        topic
            .subscriptions
            .retain(|it| it.confirmed || it.asked_ms + PENDING_MS > now_ms);
        Ok(topic)
    }

    fn create_topic(&mut self, name: &str, tags: &Tags) -> CallResult<()> {
        const ACTION: &str = "sns:CreateTopic";
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if name.is_empty() || name.len() > 256 || !name.chars().all(allowed) {
            return fail(ACTION, "InvalidParameter", "Invalid parameter: Topic Name");
        }
        let visible_ms = self.visible_from();
        let has = self.topics.entry(name.to_owned()).or_insert_with(|| TopicRecord {
            tags: tags.clone(),
            visible_ms,
            ..TopicRecord::default()
        });
        if has.tags != *tags {
            let message = "Invalid parameter: Tags Reason: Topic already exists with different tags";
            return fail(ACTION, "InvalidParameter", message);
        }
        Ok(())
    }

    fn subscribe(&mut self, arn: &str, protocol: &str, endpoint: &str) -> CallResult<()> {
        const ACTION: &str = "sns:Subscribe";
        let sound = match protocol {
            "email" => endpoint.contains('@'),
            "https" => endpoint.starts_with("https://"),
            _ => true,
        };
        if !sound {
            return fail(ACTION, "InvalidParameter", "Invalid parameter: Endpoint");
        }
        let (now_ms, visible_ms) = (self.now_ms, self.visible_from());
        let subscription = format!("{arn}:{}", ids::uuid(&mut self.rng_ids));
        let topic = self.topic(ACTION, arn)?;
        let is_it = |it: &&mut SubscriptionRecord| it.protocol == protocol && it.endpoint == endpoint;
        match topic.subscriptions.iter_mut().find(is_it) {
            Some(known) if known.confirmed => {}
            // It is asked once more.
            Some(known) => {
                known.asked += 1;
                known.asked_ms = now_ms;
            }
            None => topic.subscriptions.push(SubscriptionRecord {
                arn: subscription,
                protocol: protocol.to_owned(),
                endpoint: endpoint.to_owned(),
                confirmed: false,
                asked: 1,
                asked_ms: now_ms,
                visible_ms,
            }),
        }
        Ok(())
    }

    fn unsubscribe(&mut self, subscription: &str) -> CallResult<()> {
        let topics = self.topics.values_mut();
        let mut held = topics.filter(|topic| topic.subscriptions.iter().any(|it| it.arn == subscription));
        let Some(topic) = held.next() else {
            return fail("sns:Unsubscribe", "NotFound", "Subscription does not exist");
        };
        topic.subscriptions.retain(|it| it.arn != subscription);
        Ok(())
    }

    /// The subscriptions of a topic, as a listing tells them: of one that is not confirmed no ARN.
    fn subscriptions(&mut self, arn: &str) -> CallResult<Vec<Subscription>> {
        let now_ms = self.now_ms;
        let topic = self.topic("sns:ListSubscriptionsByTopic", arn)?;
        let seen = topic.subscriptions.iter().filter(|it| it.visible_ms <= now_ms);
        let tell = |it: &SubscriptionRecord| Subscription {
            protocol: it.protocol.clone(),
            endpoint: it.endpoint.clone(),
            arn: it.confirmed.then(|| it.arn.clone()),
        };
        Ok(seen.map(tell).collect())
    }

    /// `Publish`: delivers a message to whoever has confirmed.
    pub(super) fn publish(&mut self, arn: &str, subject: &str, text: &str) -> CallResult<()> {
        const ACTION: &str = "sns:Publish";
        let printable = |b: u8| b == b' ' || b.is_ascii_graphic();
        let sound = subject.bytes().all(printable) && !subject.starts_with(' ') && subject.len() <= SUBJECT_MAX;
        if !sound || subject.is_empty() {
            return fail(ACTION, "InvalidParameter", "Invalid parameter: Subject");
        }
        if text.is_empty() || text.len() > MESSAGE_MAX {
            return fail(ACTION, "InvalidParameter", "Invalid parameter: Message");
        }
        let at_ms = self.now_ms;
        let topic = self.topic(ACTION, arn)?;
        let told = topic.subscriptions.iter().filter(|it| it.confirmed);
        let delivered = told.map(|it| it.endpoint.clone()).collect();
        topic.messages.push(MessageRecord {
            at_ms,
            subject: subject.to_owned(),
            text: text.to_owned(),
            delivered,
        });
        Ok(())
    }

    /// Somebody follows the link in SNS's mail, or a webhook answers its request. Answers whether there was one to confirm.
    pub fn confirm_subscription(&mut self, endpoint: &str) -> bool {
        let now_ms = self.now_ms;
        let waits = |it: &&mut SubscriptionRecord| {
            it.endpoint == endpoint && !it.confirmed && it.asked_ms + PENDING_MS > now_ms
        };
        let all = self
            .topics
            .values_mut()
            .flat_map(|topic| topic.subscriptions.iter_mut());
        let mut waiting: Vec<&mut SubscriptionRecord> = all.filter(waits).collect();
        waiting.iter_mut().for_each(|it| it.confirmed = true);
        !waiting.is_empty()
    }

    /// `Publish` by an instance.
    pub(super) fn api_publish(&mut self, me: &Caller, topic: &str, subject: &str, text: &str) -> CallResult<()> {
        let call = on_topic(Call::change("sns:Publish"), topic);
        let told = self.call_now(me, &call, |world| {
            world.publish(topic, subject, text)?;
            if let Caller::Instance(id) = me {
                world.note_told(id, subject);
            }
            Ok(())
        });
        if let (Caller::Instance(id), Err(_)) = (me, &told) {
            self.note_refused(id, subject);
        }
        told
    }
}

fn on_topic(call: Call, arn: &str) -> Call {
    call.about(arn).on(Target::Topic(name_of(arn).to_owned()))
}

#[async_trait]
impl Sns for Sim {
    async fn list_topic_tags(&self, arn: &str) -> CallResult<Tags> {
        const ACTION: &str = "sns:ListTagsForResource";
        let (call, arn) = (on_topic(Call::read(ACTION), arn), arn.to_owned());
        self.call(call, move |world| Ok(world.topic(ACTION, &arn)?.tags.clone()))
            .await
    }

    async fn list_subscriptions(&self, topic: &str) -> CallResult<Vec<Subscription>> {
        let call = on_topic(Call::read("sns:ListSubscriptionsByTopic"), topic);
        let topic = topic.to_owned();
        self.listing(call, PAGE, move |world, page| {
            Ok(cut_list(&world.subscriptions(&topic)?, page))
        })
        .await
    }

    async fn create_topic(&self, name: &str, tags: &Tags) -> CallResult<()> {
        let call = Call::change("sns:CreateTopic").about(name).tagging(tags);
        let call = call.on(Target::Topic(name.to_owned()));
        let (name, tags) = (name.to_owned(), tags.clone());
        self.call(call, move |world| world.create_topic(&name, &tags)).await
    }

    async fn subscribe(&self, topic: &str, protocol: &str, endpoint: &str) -> CallResult<()> {
        let call = Call::change("sns:Subscribe").about(topic);
        let call = call.on(Target::Subscription(name_of(topic).to_owned(), protocol.to_owned()));
        let (topic, protocol, endpoint) = (topic.to_owned(), protocol.to_owned(), endpoint.to_owned());
        self.call(call, move |world| world.subscribe(&topic, &protocol, &endpoint))
            .await
    }

    async fn unsubscribe(&self, subscription: &str) -> CallResult<()> {
        let call = Call::change("sns:Unsubscribe").about(subscription);
        let subscription = subscription.to_owned();
        self.call(call, move |world| world.unsubscribe(&subscription)).await
    }

    async fn delete_topic(&self, arn: &str) -> CallResult<()> {
        let (call, arn) = (on_topic(Call::change("sns:DeleteTopic"), arn), arn.to_owned());
        self.call(call, move |world| {
            // It is no error where there is none.
            world.topics.remove(name_of(&arn));
            Ok(())
        })
        .await
    }

    async fn publish(&self, topic: &str, subject: &str, text: &str) -> CallResult<()> {
        let call = on_topic(Call::change("sns:Publish"), topic);
        let (topic, subject, text) = (topic.to_owned(), subject.to_owned(), text.to_owned());
        self.call(call, move |world| world.publish(&topic, &subject, &text))
            .await
    }
}
