//! The SNS topic by which the stack tells what happens to it, with its subscriptions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::one;
use super::{Answer, Observed};
use crate::names::Tags;

/// A topic of SNS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Its ARN, which ends in its name.
    pub arn: String,
    /// Its tags.
    pub tags: Tags,
    /// Its subscriptions; those that were ended are not among them.
    pub subscriptions: Vec<Subscription>,
}

/// A subscription of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// `email`, `https` or another protocol of SNS.
    pub protocol: String,
    /// A mail address, a URL, or what else the protocol delivers to.
    pub endpoint: String,
    /// Its ARN; `None` until whoever gets the messages has confirmed it.
    pub arn: Option<String>,
}

impl Subscription {
    /// Whether it delivers to this endpoint. Mail addresses are told apart without regard to case.
    #[must_use]
    pub fn is(&self, protocol: &str, endpoint: &str) -> bool {
        let same = self.endpoint == endpoint;
        self.protocol == protocol && (same || protocol == "email" && self.endpoint.eq_ignore_ascii_case(endpoint))
    }
}

/// One mutating call about the topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum TopicCall {
    /// `sns:CreateTopic`, with tags. It answers a topic that has the name and the tags already.
    CreateTopic {
        /// Its name.
        name: String,
        /// The ARN that it will have.
        arn: String,
        /// Its tags.
        tags: Tags,
    },
    /// `sns:Subscribe`: asks whoever is at the endpoint to confirm that he wants the messages.
    Subscribe {
        /// The topic.
        topic: String,
        /// The protocol.
        protocol: String,
        /// The endpoint.
        endpoint: String,
    },
    /// `sns:Unsubscribe`.
    Unsubscribe {
        /// The subscription.
        subscription: String,
    },
    /// `sns:DeleteTopic`, with its subscriptions.
    DeleteTopic {
        /// The topic.
        arn: String,
    },
}

fn key(topic: &Topic) -> String {
    format!("topic/{}", topic.arn)
}

fn subscription_key(subscription: &Subscription) -> String {
    format!("subscription/{}/{}", subscription.protocol, subscription.endpoint)
}

pub(super) fn record(observed: &mut Observed, call: &TopicCall, answer: Answer) {
    // An answer that does not fit changes nothing.
    if answer != Answer::Done {
        return;
    }
    let topic = &mut observed.topic;
    match call {
        TopicCall::CreateTopic { arn, tags, .. } => {
            let made = Topic {
                arn: arn.clone(),
                tags: tags.clone(),
                subscriptions: Vec::new(),
            };
            observed.run.unseen.insert(key(&made));
            *topic = Some(made);
        }
        TopicCall::Subscribe { protocol, endpoint, .. } => {
            let made = Subscription {
                protocol: protocol.clone(),
                endpoint: endpoint.clone(),
                arn: None,
            };
            observed.run.unseen.insert(subscription_key(&made));
            topic
                .iter_mut()
                .for_each(|topic| topic.subscriptions.push(made.clone()));
        }
        TopicCall::Unsubscribe { subscription } => {
            let ended = |have: &Subscription| have.arn.as_ref() == Some(subscription);
            topic
                .iter_mut()
                .for_each(|topic| topic.subscriptions.retain(|have| !ended(have)));
        }
        TopicCall::DeleteTopic { .. } => {
            if let Some(topic) = topic.take() {
                observed.run.unseen.remove(&key(&topic));
            }
        }
    }
}

impl Observed {
    /// Puts a new reading of the topic into the observed world.
    pub fn read_topic(&mut self, mut topic: Option<Topic>) {
        if let (Some(shown), Some(have)) = (&mut topic, &self.topic) {
            let unseen = &mut self.run.unseen;
            for subscription in &shown.subscriptions {
                unseen.remove(&subscription_key(subscription));
            }
            let made = have.subscriptions.iter();
            let made: Vec<Subscription> = made
                .filter(|it| unseen.contains(&subscription_key(it)))
                .cloned()
                .collect();
            shown.subscriptions.extend(made);
        }
        one(&mut self.topic, topic, &mut self.run.unseen, key);
    }
}
