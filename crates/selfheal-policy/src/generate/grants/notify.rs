//! The SNS topic, and what the group tells it.

use super::super::build::{given, in_region};
use super::super::collect::{Granted, InstanceGrants, OperatorGrants, When};
use super::super::statements::{InstanceStatement as Instance, OperatorStatement as Operator};
use crate::condition::{Comparison, Conditions, Operator as Operation};
use crate::purpose::Purpose;
use crate::statement::ResourcePattern;

/// The instance publishes to the one topic. The statement also tells that there is, or may be, such a topic.
pub(super) fn instance(grants: &mut InstanceGrants<'_>) -> Granted {
    if let Some(topic) = &grants.scope.topic {
        let topic = vec![given(topic)?];
        grants.allow(Instance::Publish, &["sns:Publish"], topic, Conditions::none());
        // Whether it has taken another one's place is what the group says of its launch.
        grants.look(When::WhereAsked, &["autoscaling:DescribeScalingActivities"]);
    }
    Ok(())
}

/// Every command finds the topic and what the group tells it; an apply makes, changes and drops both, a destroy drops them,
/// and who tries whether messages arrive publishes one.
///
/// The topic's name is the stack's own, so that no condition narrows it further, but for who may be subscribed to it: people
/// by mail, and a webhook. AWS tells of no subscription whose it is, so that whoever may end one may end any.
pub(super) fn operator(grants: &mut OperatorGrants<'_>) -> Granted {
    let scope = grants.scope;
    if grants.purpose == Purpose::Notify {
        if let Some(topic) = &scope.topic {
            grants.allow(
                Operator::Publish,
                &["sns:Publish"],
                vec![given(topic)?],
                Conditions::none(),
            );
        }
        return Ok(());
    }
    if scope.notifications {
        grants.look(When::WhereAsked, &["autoscaling:DescribeNotificationConfigurations"])?;
        let group = vec![grants.place.group(&scope.group)?];
        let calls: &[&str] = match grants.purpose {
            Purpose::Apply => &[
                "autoscaling:PutNotificationConfiguration",
                "autoscaling:DeleteNotificationConfiguration",
            ],
            Purpose::Destroy => &["autoscaling:DeleteNotificationConfiguration"],
            _ => &[],
        };
        grants.allow(Operator::Notifications, calls, group, Conditions::none());
    }
    if scope.own_topic {
        own_topic(grants)?;
    }
    Ok(())
}

fn own_topic(grants: &mut OperatorGrants<'_>) -> Granted {
    let scope = grants.scope;
    let topic = vec![grants.place.topic(&format!("selfheal-{}", scope.stack))?];
    let mut calls = vec!["sns:ListTagsForResource", "sns:ListSubscriptionsByTopic"];
    match grants.purpose {
        Purpose::Apply => {
            calls.extend(["sns:CreateTopic", "sns:TagResource", "sns:DeleteTopic"]);
            let people = Conditions::none().with(
                Operation::new(Comparison::StringEquals),
                "sns:Protocol",
                ["email", "https"],
            );
            grants.allow(Operator::Subscribe, &["sns:Subscribe"], topic.clone(), people);
            let any = vec![ResourcePattern::Any];
            grants.allow(
                Operator::Unsubscribe,
                &["sns:Unsubscribe"],
                any,
                in_region(&scope.region),
            );
        }
        Purpose::Destroy => calls.push("sns:DeleteTopic"),
        _ => {}
    }
    grants.allow(Operator::TheTopic, &calls, topic, Conditions::none());
    Ok(())
}
