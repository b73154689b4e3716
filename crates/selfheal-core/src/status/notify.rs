//! Whom a stack tells what happens to it, as a status shows it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desired::notify_topic;
use crate::names::{Names, ResourceKind};
use crate::plan::{Plan, StepKind};
use crate::spec::{NotifyTo, Spec};
use crate::world::{Observed, Subscription};

/// Whom a stack tells what happens to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct NotifyStatus {
    /// The topic, by its ARN.
    pub topic: String,
    /// Whether it is the stack's own; whom another one tells is not read.
    pub own: bool,
    /// Whether the topic exists, as far as that is read: it is the stack's own.
    pub exists: bool,
    /// Whether the group tells the topic what the spec says.
    pub group_tells: bool,
    /// Subscriptions of the stack's own topic.
    pub subscriptions: Vec<SubscriptionStatus>,
}

/// A subscription of a stack's topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SubscriptionStatus {
    /// `email`, `https` or another protocol of SNS.
    pub protocol: String,
    /// The mail address or URL.
    pub endpoint: String,
    /// Whether whoever is there has confirmed it; nothing is delivered before.
    pub confirmed: bool,
}

/// What is read of it, and what the plan says of the group.
pub(super) fn notify(spec: &Spec, observed: &Observed, plan: &Plan) -> Option<NotifyStatus> {
    let notify = spec.notify.as_ref()?;
    let arn = notify_topic(spec, &observed.identity.account)?;
    let own = matches!(notify.to, NotifyTo::Own { .. });
    let names = Names::of(spec);
    let is_ours = |tags| names.owns(tags, ResourceKind::Topic);
    let topic = observed.topic.as_ref().filter(|topic| own && is_ours(&topic.tags));
    let status = |subscription: &Subscription| SubscriptionStatus {
        protocol: subscription.protocol.clone(),
        endpoint: subscription.endpoint.clone(),
        confirmed: subscription.arn.is_some(),
    };
    let told = observed.notifications.iter().any(|told| told.topic == arn);
    let subscriptions = topic.map_or(&[][..], |topic| topic.subscriptions.as_slice());
    Some(NotifyStatus {
        own,
        exists: !own || topic.is_some(),
        group_tells: told && plan.step(StepKind::PutNotificationConfiguration).is_none(),
        subscriptions: subscriptions.iter().map(status).collect(),
        topic: arn,
    })
}

impl NotifyStatus {
    /// The endpoints whose subscription nobody has confirmed.
    pub(super) fn pending(&self) -> Vec<&str> {
        let pending = self.subscriptions.iter().filter(|subscription| !subscription.confirmed);
        pending.map(|subscription| subscription.endpoint.as_str()).collect()
    }
}

impl fmt::Display for NotifyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.topic.rsplit(':').next().unwrap_or_default();
        match (self.own, self.exists) {
            (true, true) => write!(f, "topic {name}"),
            (true, false) => write!(f, "topic {name}, which does not exist"),
            (false, _) => write!(f, "topic {name}, whose subscriptions are not read"),
        }?;
        for (index, subscription) in self.subscriptions.iter().enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            let state = if subscription.confirmed { "" } else { " (not confirmed)" };
            write!(f, "{before}{}{state}", subscription.endpoint)?;
        }
        Ok(())
    }
}
