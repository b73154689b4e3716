//! Putting new readings into the observed world, without losing what this run made and a listing does not show yet.

use std::collections::BTreeSet;

use crate::action::Action;
use crate::observed::{
    Address, ApplicationCheck, Group, IamRole, InstanceProfile, LaunchTemplate, Observed, SecurityGroup, Snapshot,
};

pub(super) fn role_key(role: &IamRole) -> String {
    format!("role/{}", role.name)
}

pub(super) fn profile_key(profile: &InstanceProfile) -> String {
    format!("instance-profile/{}", profile.name)
}

pub(super) fn group_key(group: &Group) -> String {
    format!("group/{}", group.name)
}

/// Forgets what an action deletes: a reading that does not show it tells the truth.
pub(super) fn forget(unseen: &mut BTreeSet<String>, action: &Action) {
    match action {
        Action::DeleteLaunchTemplate { id } | Action::DeleteSecurityGroup { id } => unseen.remove(id),
        Action::DeleteInstanceProfile { name } => unseen.remove(&format!("instance-profile/{name}")),
        Action::DeleteRole { name } => unseen.remove(&format!("role/{name}")),
        Action::ReleaseAddress { allocation_id } => unseen.remove(allocation_id),
        _ => false,
    };
}

/// Puts a listing in the place of an earlier one. What this run made stays until a listing has shown it.
fn list<T>(have: &mut Vec<T>, read: Vec<T>, unseen: &mut BTreeSet<String>, key: impl Fn(&T) -> String) {
    for shown in &read {
        unseen.remove(&key(shown));
    }
    let before = std::mem::replace(have, read);
    have.extend(before.into_iter().filter(|made| unseen.contains(&key(made))));
}

/// The same for what there is one of.
fn one<T>(have: &mut Option<T>, read: Option<T>, unseen: &mut BTreeSet<String>, key: impl Fn(&T) -> String) {
    match (&read, &have) {
        (Some(shown), _) => {
            unseen.remove(&key(shown));
        }
        (None, Some(made)) if unseen.contains(&key(made)) => return,
        (None, _) => {}
    }
    *have = read;
}

impl Observed {
    /// Puts a new reading of the addresses into the observed world.
    ///
    /// This and the readings below keep what this run made and the reading does not show: a listing lags behind, and what
    /// is not in it would be made again.
    pub fn read_addresses(&mut self, addresses: Vec<Address>) {
        let key = |address: &Address| address.allocation_id.clone();
        list(&mut self.addresses, addresses, &mut self.unseen, key);
    }

    /// Puts a new reading of the security groups into the observed world.
    pub fn read_security_groups(&mut self, groups: Vec<SecurityGroup>) {
        list(&mut self.security_groups, groups, &mut self.unseen, |group| {
            group.id.clone()
        });
    }

    /// Puts a new reading of the snapshots into the observed world.
    pub fn read_snapshots(&mut self, snapshots: Vec<Snapshot>) {
        list(&mut self.snapshots, snapshots, &mut self.unseen, |snapshot| {
            snapshot.id.clone()
        });
    }

    /// Puts a new reading of the application status checks into the observed world, the recently deleted ones among them.
    pub fn read_checks(&mut self, checks: Vec<ApplicationCheck>) {
        let (dead, live): (Vec<_>, Vec<_>) = checks.into_iter().partition(|check| check.deleted);
        dead.iter().for_each(|check| self.give_up_check(&check.id));
        list(&mut self.application_checks, live, &mut self.unseen, |check| {
            check.id.clone()
        });
    }

    /// Puts a new reading of the launch template into the observed world. Versions only grow: an earlier one than is known
    /// is an old reading.
    pub fn read_template(&mut self, template: Option<LaunchTemplate>) {
        let known = self.launch_template.as_ref().zip(template.as_ref());
        if known.is_some_and(|(have, read)| have.id == read.id && have.version > read.version) {
            return;
        }
        one(&mut self.launch_template, template, &mut self.unseen, |template| {
            template.id.clone()
        });
    }

    /// Puts a new reading of the group into the observed world.
    pub fn read_group(&mut self, group: Option<Group>) {
        one(&mut self.group, group, &mut self.unseen, group_key);
    }

    /// Puts a new reading of the instance role into the observed world.
    pub fn read_role(&mut self, role: Option<IamRole>) {
        one(&mut self.role, role, &mut self.unseen, role_key);
    }

    /// Puts a new reading of the instance profile into the observed world.
    pub fn read_profile(&mut self, profile: Option<InstanceProfile>) {
        one(&mut self.profile, profile, &mut self.unseen, profile_key);
    }
}
