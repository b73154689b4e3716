//! Notification configurations of Auto Scaling, which moto lacks: kept as AWS keeps them, a list of types a group and topic.
//! Nothing is sent for them: moto's groups have no activities either.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::call::{Call, form_value};
use crate::net::{Request, Response};

/// What groups tell: types of notifications by group and topic. All are spelled as forms spell them.
#[derive(Debug, Default)]
pub struct Notifications(Mutex<BTreeMap<(String, String), Vec<String>>>);

impl Notifications {
    /// Answers a call about them; `None` for every other call.
    pub fn answer(&self, call: &Call, request: &Request) -> Option<Response> {
        if call.service != "autoscaling" {
            return None;
        }
        let field = |name: &str| form_value(&request.body, name).unwrap_or_default();
        let list = |prefix: &str| -> Vec<String> {
            let values = (1..).map_while(|at| form_value(&request.body, &format!("{prefix}.member.{at}")));
            values.collect()
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = || (field("AutoScalingGroupName"), field("TopicARN"));
        let result = match call.action.as_str() {
            "PutNotificationConfiguration" => {
                kept.insert(key(), list("NotificationTypes"));
                String::new()
            }
            "DeleteNotificationConfiguration" => {
                kept.remove(&key());
                String::new()
            }
            "DescribeNotificationConfigurations" => {
                let groups = list("AutoScalingGroupNames");
                let told = kept.iter().filter(|((group, _), _)| groups.contains(group));
                let rows =
                    told.flat_map(|((group, topic), types)| types.iter().map(move |kind| row(group, topic, kind)));
                let rows: String = rows.collect();
                format!(
                    "<DescribeNotificationConfigurationsResult><NotificationConfigurations>{rows}\
                     </NotificationConfigurations></DescribeNotificationConfigurationsResult>"
                )
            }
            _ => return None,
        };
        let action = &call.action;
        let body = format!(
            "<{action}Response xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">{result}<ResponseMetadata>\
             <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></{action}Response>"
        );
        Some(Response::new(200, "text/xml", body))
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn row(group: &str, topic: &str, kind: &str) -> String {
    // Of what a form encodes, names, ARNs and types hold colons alone.
    let plain = |text: &str| text.replace("%3A", ":");
    format!(
        "<member><AutoScalingGroupName>{}</AutoScalingGroupName><TopicARN>{}</TopicARN><NotificationType>{}\
         </NotificationType></member>",
        plain(group),
        plain(topic),
        plain(kind)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Caller;

    fn ask(kept: &Notifications, action: &str, form: &str) -> Option<String> {
        let call = Call {
            service: "autoscaling".to_owned(),
            action: action.to_owned(),
            caller: Caller::Operator,
        };
        let request = Request {
            body: form.as_bytes().to_vec(),
            ..Request::default()
        };
        kept.answer(&call, &request).map(|response| response.text())
    }

    #[test]
    fn what_was_put_is_told_until_it_is_deleted() {
        let kept = Notifications::default();
        let told = || {
            ask(
                &kept,
                "DescribeNotificationConfigurations",
                "AutoScalingGroupNames.member.1=g",
            )
            .unwrap()
        };
        let put = "AutoScalingGroupName=g&TopicARN=arn%3Aaws%3Asns&NotificationTypes.member.1=autoscaling%3AX";
        assert!(ask(&kept, "PutNotificationConfiguration", put).is_some());
        assert!(told().contains("<TopicARN>arn:aws:sns</TopicARN><NotificationType>autoscaling:X</NotificationType>"));
        let delete = "AutoScalingGroupName=g&TopicARN=arn%3Aaws%3Asns";
        assert!(ask(&kept, "DeleteNotificationConfiguration", delete).is_some());
        assert!(!told().contains("<member>"));
        assert_eq!(ask(&kept, "DescribeTags", ""), None);
    }
}
