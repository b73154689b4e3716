//! EC2's application status check.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::list;
use super::{Answer, Observed};
use crate::names::Tags;

/// An EC2 application status check: a request that AWS makes to every instance of some tags, from its own side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationCheck {
    /// `asc-…`.
    pub id: String,
    /// What it asks, and how it judges.
    pub settings: ApplicationCheckSettings,
    /// Keys and values of the tags that it is associated with: instances that have one of them are asked.
    pub targets: Vec<(String, String)>,
    /// Whether it was deleted: AWS still shows a check for a while after that.
    pub deleted: bool,
    /// Its own tags.
    pub tags: Tags,
}

/// What an application status check asks, and how it judges, in the fields that this tool sets.
///
/// Its network paths are not among them: without any, AWS asks from the instance's own subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationCheckSettings {
    /// `included` where it counts for the instance, and its group therefore acts on it; else `excluded`.
    pub aggregation: String,
    /// `http` or `https`.
    pub protocol: String,
    /// The port.
    pub port: u16,
    /// The path, which begins with `/`.
    pub path: String,
    /// Index of the network device that is asked.
    pub device_index: u32,
    /// `ipv4` or `ipv6`.
    pub ip_version: String,
    /// `private`.
    pub ip_scope: String,
    /// Seconds between two requests; AWS knows 60 alone.
    pub interval_s: u32,
    /// Seconds to wait for an answer, 1 to 30.
    pub timeout_s: u32,
    /// Failures in a row that make it fail.
    pub failure_threshold: u32,
    /// Successes in a row that make it pass.
    pub success_threshold: u32,
    /// Status codes that are a success, such as `200-399`.
    pub status_codes: String,
    /// Seconds after the launch of an instance before it is asked first, 1 to 600.
    pub initial_grace_s: u32,
}

/// One mutating call about application status checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum ApplicationCheckCall {
    /// `ec2:CreateApplicationStatusCheck`, with tags.
    CreateApplicationStatusCheck(CreateApplicationStatusCheck),
    /// `ec2:AssociateApplicationStatusCheck` with instances of a tag.
    AssociateApplicationStatusCheck {
        /// The check.
        id: String,
        /// The tag's key.
        key: String,
        /// The tag's value.
        value: String,
    },
    /// `ec2:ModifyApplicationStatusCheck`.
    ModifyApplicationStatusCheck {
        /// The check.
        id: String,
        /// What it is to ask, whole.
        settings: ApplicationCheckSettings,
    },
    /// `ec2:DeleteApplicationStatusCheck`, which ends its associations as well.
    DeleteApplicationStatusCheck {
        /// The check.
        id: String,
    },
}

/// Inputs of `ec2:CreateApplicationStatusCheck`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreateApplicationStatusCheck {
    /// What it asks, and how it judges.
    pub settings: ApplicationCheckSettings,
    /// Its tags.
    pub tags: Tags,
    /// Idempotency token, at most 64 ASCII characters, derived from the inputs.
    pub client_token: String,
}

/// What a run knows of the application status checks beyond what a listing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationCheckRun {
    /// Checks of the stack that are known to be gone, sorted: AWS may repeat the first answer to a token, also when the
    /// check was deleted since. They make the next token differ.
    pub dead: Vec<String>,
}

pub(super) fn record(observed: &mut Observed, call: &ApplicationCheckCall, answer: Answer) {
    match call {
        ApplicationCheckCall::CreateApplicationStatusCheck(_) => {
            let Answer::ApplicationCheck(check) = answer else {
                return;
            };
            created(observed, check);
        }
        // An answer that does not fit changes nothing.
        _ if answer != Answer::Done => {}
        ApplicationCheckCall::AssociateApplicationStatusCheck { id, key, value } => {
            for check in of_id(observed, id) {
                check.targets.push((key.clone(), value.clone()));
            }
        }
        ApplicationCheckCall::ModifyApplicationStatusCheck { id, settings } => {
            for check in of_id(observed, id) {
                check.settings.clone_from(settings);
            }
        }
        ApplicationCheckCall::DeleteApplicationStatusCheck { id } => observed.give_up_check(id),
    }
}

/// The tags that the answer says the check is associated with are not believed: AWS may repeat an old answer to a token,
/// and the association is the first call that shows whether the check still exists.
fn created(observed: &mut Observed, check: ApplicationCheck) {
    if check.deleted {
        observed.give_up_check(&check.id);
    } else {
        observed.application_checks.retain(|have| have.id != check.id);
        observed.run.unseen.insert(check.id.clone());
        observed.application_checks.push(ApplicationCheck {
            targets: Vec::new(),
            ..check
        });
    }
}

fn of_id<'a>(observed: &'a mut Observed, id: &'a str) -> impl Iterator<Item = &'a mut ApplicationCheck> {
    observed
        .application_checks
        .iter_mut()
        .filter(move |check| check.id == id)
}

impl Observed {
    /// Puts a new reading of the application status checks into the observed world, the recently deleted ones among them.
    pub fn read_checks(&mut self, checks: Vec<ApplicationCheck>) {
        let (dead, live): (Vec<_>, Vec<_>) = checks.into_iter().partition(|check| check.deleted);
        dead.iter().for_each(|check| self.give_up_check(&check.id));
        list(&mut self.application_checks, live, &mut self.run.unseen, |check| {
            check.id.clone()
        });
    }

    /// Gives up an application status check that does not exist any more: the next create has another token.
    pub fn give_up_check(&mut self, id: &str) {
        self.application_checks.retain(|check| check.id != id);
        self.run.unseen.remove(id);
        let dead = &mut self.run.application_checks.dead;
        dead.push(id.to_owned());
        // Two operators who know the same are to come to the same token, in whatever order they learned it.
        dead.sort();
        dead.dedup();
    }
}
