//! Notifications: a topic with its subscriptions, and what the group tells it.
//!
//! The role's policy names the topic that the instance may publish to, before there is one and until it is gone: whoever
//! finds that statement looks for the topic and for what the group tells it, so that a run which is killed in between orphans
//! neither.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind};
use crate::desired::{self, notification_types};
use crate::names::ResourceKind;
use crate::permissions::told_topic;
use crate::spec::{NotifySpec, NotifyTo};
use crate::world::{Action, Group, NotificationCall, NotificationConfiguration, Subscription, Topic, TopicCall};

/// Protocols whose subscriptions the spec names all of.
const NAMED_PROTOCOLS: [&str; 2] = ["email", "https"];

/// Removes what tells a topic that the spec does not send to, and the stack's own topic where it has ceased to ask for it;
/// answers what must be done before the role's policy may cease to name the topic.
pub(super) fn drop_unwanted(builder: &mut Builder<'_>) -> BTreeSet<Need> {
    let wanted = desired::notify_topic(builder.spec, &builder.observed.identity.account);
    let mut needs = unconfigure(builder, wanted.as_deref());
    let own = own(builder).filter(|topic| wanted.as_ref() != Some(&topic.arn));
    if let Some(topic) = own {
        let reason = match builder.spec.notify {
            Some(_) => "the spec names a topic that exists already",
            None => "the spec has no [notify]",
        };
        needs = delete_topic(builder, topic, reason, needs);
    }
    needs
}

/// Deletes the stack's topic and what the group tells to any topic of ours; answers what must be done until the topic is gone.
pub(super) fn delete(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) -> BTreeSet<Need> {
    let untold = unconfigure(builder, None);
    let before = stopped.union(&untold).cloned().collect();
    let reason = "made by this stack, with its subscriptions";
    match own(builder) {
        Some(topic) => delete_topic(builder, topic, reason, before),
        None => untold,
    }
}

/// The topic of our name, where it is ours.
fn own<'a>(builder: &Builder<'a>) -> Option<&'a Topic> {
    let topic = builder.observed.topic.as_ref();
    topic.filter(|topic| builder.names.owns(&topic.tags, ResourceKind::Topic))
}

fn delete_topic(builder: &mut Builder<'_>, topic: &Topic, reason: &str, before: BTreeSet<Need>) -> BTreeSet<Need> {
    let mut draft = Draft::new(StepKind::DeleteTopic, Change::Delete, reason).target(topic.arn.clone());
    if !topic.subscriptions.is_empty() {
        let endpoints: Vec<&str> = topic.subscriptions.iter().map(|it| it.endpoint.as_str()).collect();
        draft = draft.removes("subscriptions", endpoints.join(", "));
    }
    let arn = topic.arn.clone();
    let action = Action::Topic(TopicCall::DeleteTopic { arn });
    BTreeSet::from([builder.step(draft, Deferred::Known(action).not_before(&before))])
}

/// The stack's group, where it is there and can be told anything.
fn group<'a>(builder: &Builder<'a>) -> Option<&'a Group> {
    let group = builder.observed.group.as_ref().filter(|group| !group.deleting);
    group.filter(|group| builder.names.owns(&group.tags, ResourceKind::Group))
}

/// Ends what the group tells to a topic of ours, but to the one that is wanted. Others' are left alone.
fn unconfigure(builder: &mut Builder<'_>, wanted: Option<&str>) -> BTreeSet<Need> {
    let Some(group) = group(builder) else {
        return BTreeSet::new();
    };
    let account = &builder.observed.identity.account;
    let ours = [
        Some(desired::own_topic(builder.spec, account)),
        builder.observed.role_policy.as_ref().and_then(told_topic),
        desired::notify_topic(builder.spec, account),
    ];
    let told = builder.observed.notifications.iter();
    let told: Vec<&NotificationConfiguration> = told
        .filter(|told| ours.iter().flatten().any(|arn| *arn == told.topic) && wanted != Some(told.topic.as_str()))
        .collect();
    let reason = "the group is to tell this topic nothing more";
    let mut needs = BTreeSet::new();
    for told in told {
        let draft = Draft::new(StepKind::DeleteNotificationConfiguration, Change::Delete, reason)
            .target(told.topic.clone())
            .removes("tells of", show(&told.types));
        let (group, topic) = (group.name.clone(), told.topic.clone());
        let action = Action::Notification(NotificationCall::DeleteNotificationConfiguration { group, topic });
        needs.insert(builder.step(draft, Deferred::Known(action)));
    }
    needs
}

/// Plans what the spec asks for, once the role's policy names the topic.
pub(super) fn plan(builder: &mut Builder<'_>) {
    let Some(notify) = builder.spec.notify.clone() else {
        return;
    };
    let account = builder.observed.identity.account.clone();
    let topic = match &notify.to {
        NotifyTo::Given(arn) => Deferred::Known(arn.clone()),
        NotifyTo::Own { .. } => {
            let arn = desired::own_topic(builder.spec, &account);
            let Some(topic) = own_topic(builder, arn) else { return };
            subscriptions(builder, &notify, &topic);
            topic
        }
    };
    configuration(builder, &notify, topic);
}

/// Refuses a topic that Auto Scaling could not tell anything, or that is the stack's own.
pub(super) fn check(builder: &mut Builder<'_>) {
    let Some(NotifyTo::Given(arn)) = builder.spec.notify.as_ref().map(|notify| &notify.to) else {
        return;
    };
    let place = |part: usize| arn.split(':').nth(part).unwrap_or_default();
    let identity = &builder.observed.identity;
    if place(3) != builder.spec.region || place(4) != identity.account {
        builder.refuse(
            "notify-topic",
            format!(
                "the topic {arn} is not in {} of account {}: Auto Scaling tells no other",
                builder.spec.region, identity.account
            ),
            "name a topic of the same account and Region, or write `email` in place of `topic`",
        );
    } else if *arn == desired::own_topic(builder.spec, &identity.account) {
        builder.refuse(
            "notify-topic",
            format!("the topic {arn} is the one that this stack makes for itself"),
            "write `email` or `webhook` in place of `topic`",
        );
    }
}

/// The stack's own topic, which is made where there is none; `None` where it is somebody else's.
fn own_topic(builder: &mut Builder<'_>, arn: String) -> Option<Deferred<String>> {
    let name = builder.names.topic.clone();
    match &builder.observed.topic {
        Some(topic) if !builder.names.owns(&topic.tags, ResourceKind::Topic) => {
            builder.refuse_foreign(ResourceKind::Topic, "SNS topic", &name);
            None
        }
        Some(topic) => Some(Deferred::Known(topic.arn.clone())),
        None => {
            let reason = "whoever subscribes to it is told what happens to the stack";
            let draft = Draft::new(StepKind::CreateTopic, Change::Create, reason).target(name.clone());
            let tags = builder.names.tags(ResourceKind::Topic);
            let action = Action::Topic(TopicCall::CreateTopic { name, arn, tags });
            let named = builder.planned(StepKind::PutRolePolicy);
            Some(Deferred::after(
                builder.step(draft, Deferred::Known(action).not_before(&named)),
            ))
        }
    }
}

/// Makes the subscriptions that are missing, and ends those that the spec does not name.
fn subscriptions(builder: &mut Builder<'_>, notify: &NotifySpec, topic: &Deferred<String>) {
    let have = own(builder)
        .map(|topic| topic.subscriptions.clone())
        .unwrap_or_default();
    let wanted = notify.subscriptions();
    for (protocol, endpoint) in &wanted {
        if have.iter().any(|have| have.is(protocol, endpoint)) {
            continue;
        }
        let reason = match *protocol {
            "email" => {
                "SNS sends a mail with a link, which is valid for two days: nothing arrives until it is followed"
            }
            _ => "SNS posts a request that has to be confirmed within two days: nothing arrives before",
        };
        let draft = Draft::new(StepKind::Subscribe, Change::Create, reason).target(format!("{protocol} {endpoint}"));
        let (protocol, endpoint) = ((*protocol).to_owned(), (*endpoint).to_owned());
        let action = topic.clone().map(|topic| {
            Action::Topic(TopicCall::Subscribe {
                topic,
                protocol,
                endpoint,
            })
        });
        builder.step(draft, action);
    }
    for other in have {
        let named = wanted.iter().any(|(protocol, endpoint)| other.is(protocol, endpoint));
        match named {
            true => tell_pending(builder, &other),
            false => end(builder, &other),
        }
    }
}

fn tell_pending(builder: &mut Builder<'_>, subscription: &Subscription) {
    if subscription.arn.is_none() {
        let message = format!(
            "{} has not confirmed its subscription, and is told nothing until it does: the link in SNS's mail is valid for two \
             days; once SNS has forgotten the subscription, the next apply asks again",
            subscription.endpoint
        );
        builder.note("subscription-pending", message);
    }
}

/// Ends a subscription that the spec does not name, where it can be, and where specs name such at all.
fn end(builder: &mut Builder<'_>, subscription: &Subscription) {
    let Subscription {
        protocol,
        endpoint,
        arn,
    } = subscription;
    if !NAMED_PROTOCOLS.contains(&protocol.as_str()) {
        let message = format!("the topic also tells {endpoint} by {protocol}, which is left alone");
        return builder.note("subscription-foreign", message);
    }
    let Some(arn) = arn else {
        let message = format!(
            "{endpoint} is asked to confirm a subscription that the spec does not name: SNS lets nobody take that back, and \
             forgets it after two days"
        );
        return builder.note("subscription-lapses", message);
    };
    let reason = "the spec does not name it";
    let draft = Draft::new(StepKind::Unsubscribe, Change::Delete, reason).target(format!("{protocol} {endpoint}"));
    let subscription = arn.clone();
    builder.step(
        draft,
        Deferred::Known(Action::Topic(TopicCall::Unsubscribe { subscription })),
    );
}

/// Writes what the group tells the topic, where that is missing or differs.
fn configuration(builder: &mut Builder<'_>, notify: &NotifySpec, topic: Deferred<String>) {
    let types = notification_types(notify);
    let arn = desired::notify_topic(builder.spec, &builder.observed.identity.account).unwrap_or_default();
    let group = group(builder);
    let told = group.and_then(|_| builder.observed.notifications.iter().find(|told| told.topic == arn));
    let draft = match told {
        None => {
            let reason = "the group tells of launches, and of launches and ends that fail";
            Draft::new(StepKind::PutNotificationConfiguration, Change::Create, reason).sets("tells of", show(&types))
        }
        Some(told) => Draft::new(
            StepKind::PutNotificationConfiguration,
            Change::Update,
            "what the group tells differs",
        )
        .changes("tells of", show(&told.types), show(&types)),
    };
    if !draft.has_changes() {
        return;
    }
    let mut before = builder.planned(StepKind::PutRolePolicy);
    if group.is_none() {
        before.extend(builder.planned(StepKind::CreateGroup));
    }
    let group = builder.names.group.clone();
    let action =
        topic.map(|topic| Action::Notification(NotificationCall::PutNotificationConfiguration { group, topic, types }));
    builder.step(draft.target(arn), action.not_before(&before));
}

/// Types of notifications, for people.
fn show(types: &[String]) -> String {
    let short = types.iter().map(|kind| {
        let kind = kind.strip_prefix("autoscaling:").unwrap_or(kind);
        kind.strip_prefix("EC2_INSTANCE_").unwrap_or(kind).to_lowercase()
    });
    short.collect::<Vec<_>>().join(", ")
}
