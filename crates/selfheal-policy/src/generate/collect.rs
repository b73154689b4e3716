//! Collects what the resources grant, each for itself, into the statements of one policy.
//!
//! Most statements are one resource's own. A few are shared, so that a policy stays short: each resource adds its actions
//! to what all of them need under one condition, which is fixed here. What the parts of a shared statement say does not
//! depend on the order of the resources; how they are printed does.

use std::collections::BTreeMap;

use super::build::{Place, allow, deny, in_region, owned, tagged};
use super::error::ScopeError;
use super::scope::{InstanceScope, OperatorScope};
use super::statements::{InstanceStatement, OperatorStatement};
use crate::condition::{Comparison, Conditions, Operator};
use crate::purpose::Purpose;
use crate::statement::{ResourcePattern, Statement};

/// What a resource answers that grants: nothing, or why a statement cannot be made.
pub(crate) type Granted = Result<(), ScopeError>;

/// When a part of a shared statement is needed. Parts are printed in this order, and those of one kind in the order of
/// the resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// By every command that the statement is for, in every stack.
    Always,
    /// By the command at hand.
    ForCommand,
    /// Where the spec asks for it, or what exists does.
    WhereAsked,
}

/// What one resource adds to a shared statement.
#[derive(Debug)]
struct Part {
    when: When,
    /// Actions; of `TagOnCreate` the calls within which the tags are set.
    words: Vec<&'static str>,
    resources: Vec<ResourcePattern>,
}

/// Puts parts into one list of words and one of resources, each entry once.
fn merged(mut parts: Vec<Part>) -> (Vec<&'static str>, Vec<ResourcePattern>) {
    parts.sort_by_key(|part| part.when);
    let (mut words, mut resources) = (Vec::new(), Vec::new());
    for part in parts {
        for word in part.words {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        for resource in part.resources {
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
    }
    (words, resources)
}

/// The statements of the instance's policy, as far as they are collected.
#[derive(Debug)]
pub(crate) struct InstanceGrants<'a> {
    pub(crate) scope: &'a InstanceScope,
    pub(crate) place: Place<'a>,
    statements: BTreeMap<InstanceStatement, Statement>,
    look: Vec<Part>,
    only_itself: Vec<Part>,
}

impl<'a> InstanceGrants<'a> {
    /// Begins without any statement.
    pub(crate) fn new(scope: &'a InstanceScope) -> Self {
        let place = Place {
            partition: scope.partition,
            region: &scope.region,
            account: &scope.account,
        };
        Self {
            scope,
            place,
            statements: BTreeMap::new(),
            look: Vec::new(),
            only_itself: Vec::new(),
        }
    }

    /// Allows actions on resources in a statement of their own.
    pub(crate) fn allow(
        &mut self,
        statement: InstanceStatement,
        actions: &[&'static str],
        resources: Vec<ResourcePattern>,
        conditions: Conditions,
    ) {
        let made = allow(statement.sid(), actions, resources, conditions);
        self.statements.extend(made.map(|made| (statement, made)));
    }

    /// Allows calls that describe (`Look`). They take no resource, so `*` it is, in the one Region.
    pub(crate) fn look(&mut self, when: When, actions: &[&'static str]) {
        self.look.push(Part {
            when,
            words: actions.to_vec(),
            resources: Vec::new(),
        });
    }

    /// Denies to name in these calls another instance than the one that calls (`OnlyItself`).
    pub(crate) fn only_itself(&mut self, when: When, actions: &[&'static str]) {
        self.only_itself.push(Part {
            when,
            words: actions.to_vec(),
            resources: Vec::new(),
        });
    }

    /// Returns the statements, in order.
    pub(crate) fn finish(mut self) -> Result<Vec<Statement>, ScopeError> {
        let (actions, _) = merged(std::mem::take(&mut self.look));
        let any = vec![ResourcePattern::Any];
        self.allow(InstanceStatement::Look, &actions, any, in_region(&self.scope.region));
        let (actions, _) = merged(std::mem::take(&mut self.only_itself));
        // The id of a role holds no colon, so that what follows it is the whole name of the session.
        let another = Conditions::none()
            .when(Comparison::StringNotLike, "aws:userid", "*:${ec2:InstanceID}")
            .when(Comparison::Null, "ec2:InstanceID", "false");
        let statement = InstanceStatement::OnlyItself;
        let denied = deny(statement.sid(), &actions, vec![self.place.ec2("instance/*")?], another);
        self.statements.extend(denied.map(|denied| (statement, denied)));
        Ok(self.statements.into_values().collect())
    }
}

/// The statements of one of the operator's policies, as far as they are collected.
#[derive(Debug)]
pub(crate) struct OperatorGrants<'a> {
    pub(crate) scope: &'a OperatorScope,
    pub(crate) place: Place<'a>,
    /// The command that the policy is for.
    pub(crate) purpose: Purpose,
    statements: BTreeMap<OperatorStatement, Statement>,
    shared: BTreeMap<Shared, Vec<Part>>,
}

/// The statements that several resources share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    WhoAmI,
    Look,
    Create,
    Change,
    TagOnCreate,
    Remove,
}

impl<'a> OperatorGrants<'a> {
    /// Begins without any statement.
    pub(crate) fn new(scope: &'a OperatorScope, purpose: Purpose) -> Self {
        let place = Place {
            partition: scope.partition,
            region: &scope.region,
            account: &scope.account,
        };
        Self {
            scope,
            place,
            purpose,
            statements: BTreeMap::new(),
            shared: BTreeMap::new(),
        }
    }

    /// Allows actions on resources in a statement of their own.
    pub(crate) fn allow(
        &mut self,
        statement: OperatorStatement,
        actions: &[&'static str],
        resources: Vec<ResourcePattern>,
        conditions: Conditions,
    ) {
        let made = allow(statement.sid(), actions, resources, conditions);
        self.statements.extend(made.map(|made| (statement, made)));
    }

    fn share(&mut self, shared: Shared, when: When, words: &[&'static str], types: &[&str]) -> Granted {
        let resources = self.place.ec2_all(types)?;
        self.shared.entry(shared).or_default().push(Part {
            when,
            words: words.to_vec(),
            resources,
        });
        Ok(())
    }

    /// Allows calls that take no resource and that nothing narrows (`WhoAmI`).
    pub(crate) fn ask(&mut self, when: When, actions: &[&'static str]) -> Granted {
        self.share(Shared::WhoAmI, when, actions, &[])
    }

    /// Allows calls that describe, in the one Region (`Look`).
    pub(crate) fn look(&mut self, when: When, actions: &[&'static str]) -> Granted {
        self.share(Shared::Look, when, actions, &[])
    }

    /// Allows a call that creates EC2 resources of these types, with the stack's tag in the request (`Create`).
    pub(crate) fn create(&mut self, when: When, action: &'static str, types: &[&str]) -> Granted {
        self.share(Shared::Create, when, &[action], types)
    }

    /// Allows calls that change EC2 resources of these types that bear the stack's tag (`Change`).
    pub(crate) fn change(&mut self, when: When, actions: &[&'static str], types: &[&str]) -> Granted {
        self.share(Shared::Change, when, actions, types)
    }

    /// Allows the tags of EC2 resources of these types within the call that creates them, such as `CreateVolume`
    /// (`TagOnCreate`).
    pub(crate) fn tag_on_create(&mut self, when: When, call: &'static str, types: &[&str]) -> Granted {
        self.share(Shared::TagOnCreate, when, &[call], types)
    }

    /// Allows a call that removes EC2 resources of these types that bear the stack's tag (`Remove`).
    pub(crate) fn remove(&mut self, when: When, action: &'static str, types: &[&str]) -> Granted {
        self.share(Shared::Remove, when, &[action], types)
    }

    /// Returns the statements, in order.
    pub(crate) fn finish(mut self) -> Vec<Statement> {
        for (shared, mut parts) in std::mem::take(&mut self.shared) {
            // What is removed goes in the reverse of the order in which it is made.
            if shared == Shared::Remove {
                parts.reverse();
            }
            let (words, resources) = merged(parts);
            let stack = &self.scope.stack;
            let any = vec![ResourcePattern::Any];
            match shared {
                Shared::WhoAmI => self.allow(OperatorStatement::WhoAmI, &words, any, Conditions::none()),
                Shared::Look => {
                    let here = in_region(&self.scope.region);
                    self.allow(OperatorStatement::Look, &words, any, here);
                }
                Shared::Create => self.allow(OperatorStatement::Create, &words, resources, tagged(stack)),
                Shared::Change => self.allow(OperatorStatement::Change, &words, resources, owned(stack)),
                Shared::TagOnCreate => {
                    let within = Operator::new(Comparison::StringEquals);
                    let conditions = tagged(stack).with(within, "ec2:CreateAction", words);
                    self.allow(
                        OperatorStatement::TagOnCreate,
                        &["ec2:CreateTags"],
                        resources,
                        conditions,
                    );
                }
                Shared::Remove => self.allow(OperatorStatement::Remove, &words, resources, owned(stack)),
            }
        }
        self.statements.into_values().collect()
    }
}
