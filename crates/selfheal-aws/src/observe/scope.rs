//! How much of a stack is read, and what that takes.

use selfheal_core::desired::bundle_path;
use selfheal_core::spec::{NotifyTo, Spec};
use selfheal_core::world::Part;

/// How much of a stack is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// What planning needs.
    Plan,
    /// The same without what is asked before something is made: resuming makes nothing.
    Resume,
    /// The group and its scheduled actions alone: putting it to sleep and waking it touches nothing else.
    Sleep,
    /// The group, and what its instance holds: replacing it touches nothing else.
    Replace,
    /// The same, and this version of the launch template in the place of the latest: what is gone back to is read before.
    Rollback(u64),
    /// What a replacement needs, and the snapshots where the spec has a data volume.
    Drill,
    /// The volumes and the snapshots, and what tells which volume is the stack's.
    Snapshot,
    /// What planning needs, the instances and the snapshots.
    Restore,
    /// Also the instances, and the snapshots where the spec has a data volume.
    Status,
    /// What a status needs, and what is asked before something is made, whether or not it is made.
    Doctor,
    /// Also the instances and the snapshots; not the image, which may be gone.
    Destroy,
}

/// What is read of a stack by one call or one chain of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    /// Whose credentials are in use.
    Identity,
    /// Template, group, hooks, volumes, subnets and image, and what they leave open in this scope.
    Basis(Scope),
    /// The subnets that the spec may mean.
    Subnets,
    /// The addresses, and the account's quota of them where one has to be allocated and none may be left.
    AddressesToAllocate,
    /// Every bundle, whichever template's version names it.
    Bundles,
    /// What policies the role has, whoever gave it them.
    RoleGrants,
    /// The instances, and what AWS's application status check finds of them.
    AskedInstances,
    /// The group's last activities, where none of its instances is in service: they alone tell why a launch fails.
    Launches,
    /// This version of the launch template, in the place of the latest.
    TemplateAt(u64),
    /// A part that is also read by itself.
    Part(Part),
}

impl From<Part> for Read {
    fn from(part: Part) -> Self {
        Self::Part(part)
    }
}

impl Scope {
    /// Whether it is about the group and what its instance holds, and nothing else of the stack.
    pub(crate) const fn is_about_instance(self) -> bool {
        matches!(self, Self::Replace | Self::Drill | Self::Rollback(_))
    }

    /// Whether it shows how the stack is, beside what it is.
    pub(super) const fn is_status(self) -> bool {
        matches!(self, Self::Status | Self::Doctor)
    }

    /// What is read of a stack. Application status checks are read where the spec asks for one; where it does not, the launch
    /// template tells whether there may be one, so that a Region without them is never asked in vain.
    pub(crate) fn parts(self, spec: &Spec) -> Vec<Read> {
        let parts = |parts: &[Part]| parts.iter().copied().map(Read::Part).collect::<Vec<_>>();
        let mut all = vec![Read::Identity];
        if self == Self::Sleep {
            all.extend(parts(&[Part::Group, Part::ScheduledActions]));
            return all;
        }
        if self.is_about_instance() {
            all.extend(parts(&[Part::Group, Part::Volumes, Part::Addresses, Part::Dns]));
            if self == Self::Drill && spec.data.is_some() {
                all.push(Part::Snapshots.into());
            }
            if let Self::Rollback(version) = self {
                all.push(Read::TemplateAt(version));
            }
            return all;
        }
        if self == Self::Snapshot {
            all.extend(parts(&[
                Part::Role,
                Part::LaunchTemplate,
                Part::Group,
                Part::Volumes,
                Part::Snapshots,
            ]));
            return all;
        }
        all.extend(parts(&[Part::SecurityGroups, Part::Role, Part::Profile, Part::Dns]));
        match self {
            Self::Plan
            | Self::Resume
            | Self::Sleep
            | Self::Replace
            | Self::Drill
            | Self::Rollback(_)
            | Self::Snapshot => {
                all.push(Read::Basis(self));
            }
            Self::Restore => {
                all.push(Read::Basis(self));
                all.extend(parts(&[Part::Instances, Part::Snapshots]));
            }
            Self::Status | Self::Doctor if spec.asks_aws() => all.extend([Read::Basis(self), Read::AskedInstances]),
            Self::Status | Self::Doctor => all.extend([Read::Basis(self), Read::Part(Part::Instances)]),
            Self::Destroy => {
                all.push(Read::Subnets);
                all.extend(parts(&[
                    Part::Volumes,
                    Part::LaunchTemplate,
                    Part::Group,
                    Part::Hooks,
                    Part::Instances,
                    Part::Snapshots,
                ]));
                all.push(Read::RoleGrants);
            }
        }
        all.extend(self.where_asked(spec));
        all
    }

    /// What is read where the spec asks for it.
    fn where_asked(self, spec: &Spec) -> Vec<Read> {
        let mut all = Vec::new();
        match self {
            Self::Plan | Self::Restore | Self::Status | Self::Doctor if spec.address.allocation.is_none() => {
                all.push(Read::AddressesToAllocate);
            }
            _ => all.push(Part::Addresses.into()),
        }
        if spec.app.policy.is_some() {
            all.push(Part::AppPolicy.into());
        }
        if self.is_status() && spec.data.is_some() {
            all.push(Part::Snapshots.into());
        }
        if spec.asks_aws() {
            all.push(Part::ApplicationChecks.into());
        }
        if spec.logs.is_some() {
            all.push(Part::LogGroup.into());
        }
        if spec.snapshots().is_some() && self != Self::Resume {
            all.extend([Part::LifecyclePolicies, Part::SnapshotRole].map(Read::Part));
        }
        if let Some(notify) = &spec.notify {
            all.push(Part::Notifications.into());
            if matches!(notify.to, NotifyTo::Own { .. }) {
                all.push(Part::Topic.into());
            }
        }
        if matches!(self, Self::Plan | Self::Restore | Self::Status | Self::Doctor) && bundle_path(spec).is_some() {
            all.push(Part::Bundle.into());
        }
        all
    }
}
