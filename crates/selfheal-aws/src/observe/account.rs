//! The reading of an account and a Region: what the readings of many stacks have in common, asked once.
//!
//! A listing by tags or names is asked for all stacks together; what several specs name (an image, a hosted zone, an instance
//! type) once for all that name it. Nothing is asked before a stack's view needs it, and nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt, Shared};
use jiff::Timestamp;
use selfheal_core::Names;
use selfheal_core::names::{TAG_STACK, Tags};
use selfheal_core::spec::{Ingress, Spec, ZoneRef};
use selfheal_core::world::{
    Address, ApplicationCheck, DefaultRoute, Group, HostedZone, HostedZoneId, Identity, Image, ImageId, Instance,
    InstanceType, LaunchTemplate, SecurityGroup, Snapshot, Subnet, SubnetId, Volume, VpcId,
};

use super::records::{self, RecordsByName};
use crate::backend::{Aws, CallResult, SecurityGroupQuery, SubnetQuery};
use crate::control::Control;
use crate::retry::{Repeat, retry};

/// Stacks that one request names at most.
///
/// Source: `DescribeAutoScalingGroups` takes fifty names. EC2 takes 200 values of a filter, which would save a call for each
/// fifty stacks and kind, and needs a second figure.
const NAMES_MAX: usize = 50;

/// Something that is asked once, when the first reading needs it, and answers all.
pub(super) type Asked<'a, T> = Shared<BoxFuture<'a, CallResult<Arc<T>>>>;

/// Something that is asked once for each key.
struct Keyed<'a, K, T>(Mutex<BTreeMap<K, Asked<'a, T>>>);

impl<K, T> Default for Keyed<'_, K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<'a, K: Clone + Ord, T> Keyed<'a, K, T> {
    fn get(&self, key: K, ask: impl FnOnce(K) -> Asked<'a, T>) -> Asked<'a, T> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = key.clone();
        asked.entry(key).or_insert_with(|| ask(of_key)).clone()
    }
}

/// What is asked for all stacks together.
pub(super) struct Account<'a> {
    pub(super) aws: &'a dyn Aws,
    pub(super) ctl: &'a Control<'a>,
    /// When the first of it was asked at the earliest.
    pub(super) began: Timestamp,
    pub(super) identity: Asked<'a, Identity>,
    pub(super) addresses: Asked<'a, Vec<Address>>,
    pub(super) address_quota: Asked<'a, Option<u32>>,
    pub(super) default_key: Asked<'a, Option<String>>,
    pub(super) default_subnets: Asked<'a, Vec<Subnet>>,
    pub(super) named_subnets: Asked<'a, Vec<Subnet>>,
    pub(super) volumes: Asked<'a, Vec<Volume>>,
    pub(super) own_security_groups: Asked<'a, Vec<SecurityGroup>>,
    pub(super) given_security_groups: Asked<'a, Vec<SecurityGroup>>,
    pub(super) templates: Asked<'a, Vec<LaunchTemplate>>,
    pub(super) checks: Asked<'a, Vec<ApplicationCheck>>,
    pub(super) groups: Asked<'a, Vec<Group>>,
    pub(super) instances: Asked<'a, Vec<Instance>>,
    pub(super) snapshots: Asked<'a, Vec<Snapshot>>,
    parameters: Keyed<'a, String, Option<String>>,
    images: Keyed<'a, ImageId, Option<Image>>,
    types: Keyed<'a, String, InstanceType>,
    routes: Keyed<'a, (SubnetId, VpcId), DefaultRoute>,
    zones: Keyed<'a, String, Vec<HostedZone>>,
    records: Keyed<'a, String, RecordsByName>,
    /// The names at which records are looked for, by the zone as the specs name it.
    dns_names: BTreeMap<String, BTreeSet<String>>,
}

impl fmt::Debug for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("began", &self.began)
            .finish_non_exhaustive()
    }
}

/// Calls a listing that takes names.
type Listing<T> = for<'c> fn(&'c dyn Aws, &'c [&'c str]) -> BoxFuture<'c, CallResult<Vec<T>>>;

impl<'a> Account<'a> {
    /// Prepares the reading of these stacks; nothing is asked yet.
    pub(super) fn of(aws: &'a dyn Aws, specs: &[Spec], ctl: &'a Control<'a>) -> Self {
        let stacks = specs.iter().map(|spec| spec.name.clone()).collect::<BTreeSet<_>>();
        let names: Vec<Names> = specs.iter().map(|spec| Names::new(&spec.name, &spec.region)).collect();
        let of_names =
            |name: fn(&Names) -> &String| names.iter().map(|names| name(names).clone()).collect::<BTreeSet<_>>();
        let given = specs.iter().filter_map(|spec| match &spec.instance.ingress {
            Ingress::Groups(ids) => Some(ids.iter().map(String::from)),
            Ingress::Ports(_) => None,
        });
        let subnets = specs
            .iter()
            .filter_map(|spec| spec.instance.subnet.as_ref().map(String::from));
        let mut dns_names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for dns in specs.iter().filter_map(|spec| spec.dns.as_ref()) {
            dns_names
                .entry(dns.zone.to_string())
                .or_default()
                .insert(dns.name.clone());
        }
        let list = Lister { aws, ctl };
        Self {
            aws,
            ctl,
            began: ctl.clock.now(),
            identity: asked(retry(ctl, Repeat::Read, || aws.caller_identity())),
            addresses: asked(retry(ctl, Repeat::Read, || aws.describe_addresses())),
            address_quota: asked(retry(ctl, Repeat::Read, || aws.address_quota())),
            default_key: asked(retry(ctl, Repeat::Read, || aws.default_kms_key())),
            default_subnets: asked(retry(ctl, Repeat::Read, || {
                aws.describe_subnets(&SubnetQuery::DefaultForZone)
            })),
            named_subnets: list.of(subnets, |aws, ids| {
                let query = SubnetQuery::Ids(owned(ids));
                async move { aws.describe_subnets(&query).await }.boxed()
            }),
            volumes: list.of(stacks.clone(), |aws, stacks| aws.describe_volumes(stacks)),
            own_security_groups: list.of(of_names(|names| &names.security_group), |aws, names| {
                let query = SecurityGroupQuery::Named(owned(names));
                async move { aws.describe_security_groups(&query).await }.boxed()
            }),
            given_security_groups: list.of(given.flatten(), |aws, ids| {
                let query = SecurityGroupQuery::Ids(owned(ids));
                async move { aws.describe_security_groups(&query).await }.boxed()
            }),
            templates: asked(retry(ctl, Repeat::Read, || aws.describe_launch_templates())),
            checks: list.whole(stacks.clone(), |aws, stacks| {
                aws.describe_application_status_checks(stacks)
            }),
            groups: list.of(of_names(|names| &names.group), |aws, names| aws.describe_groups(names)),
            instances: list.of(stacks.clone(), |aws, stacks| aws.describe_instances(stacks)),
            snapshots: list.of(stacks, |aws, stacks| aws.describe_snapshots(stacks)),
            parameters: Keyed::default(),
            images: Keyed::default(),
            types: Keyed::default(),
            routes: Keyed::default(),
            zones: Keyed::default(),
            records: Keyed::default(),
            dns_names,
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Asked<'a, Option<String>> {
        let (aws, ctl) = (self.aws, self.ctl);
        self.parameters.get(name.to_owned(), |name| {
            asked(async move { retry(ctl, Repeat::Read, || aws.get_parameter(&name)).await })
        })
    }

    pub(super) fn image(&self, id: &ImageId) -> Asked<'a, Option<Image>> {
        let (aws, ctl) = (self.aws, self.ctl);
        self.images.get(id.clone(), |id| {
            asked(async move { retry(ctl, Repeat::Read, || aws.describe_image(&id)).await })
        })
    }

    pub(super) fn instance_type(
        &self,
        name: &str,
        read: impl FnOnce(String) -> BoxFuture<'a, CallResult<InstanceType>>,
    ) -> Asked<'a, InstanceType> {
        self.types.get(name.to_owned(), |name| asked(read(name)))
    }

    pub(super) fn default_route(&self, subnet: &SubnetId, vpc: &VpcId) -> Asked<'a, DefaultRoute> {
        let (aws, ctl) = (self.aws, self.ctl);
        self.routes.get((subnet.clone(), vpc.clone()), |(subnet, vpc)| {
            asked(async move { retry(ctl, Repeat::Read, || aws.describe_default_route(&subnet, &vpc)).await })
        })
    }

    pub(super) fn zones(
        &self,
        zone: &ZoneRef,
        read: impl FnOnce(ZoneRef) -> BoxFuture<'a, CallResult<Vec<HostedZone>>>,
    ) -> Asked<'a, Vec<HostedZone>> {
        // An id has no dot, and is therefore no name.
        self.zones.get(zone.to_string(), |_| asked(read(zone.clone())))
    }

    /// The record sets at the names of all specs that name this zone so.
    pub(super) fn records(&self, zone: &ZoneRef, zone_id: &HostedZoneId) -> Asked<'a, RecordsByName> {
        let (aws, ctl, zone_id) = (self.aws, self.ctl, zone_id.clone());
        self.records.get(zone.to_string(), |zone| {
            let names = self.dns_names.get(&zone).cloned().unwrap_or_default();
            asked(async move { records::read(aws, &zone_id, names, ctl).await })
        })
    }
}

/// Asks for what takes names, fifty at a time.
#[derive(Clone, Copy)]
struct Lister<'a> {
    aws: &'a dyn Aws,
    ctl: &'a Control<'a>,
}

impl<'a> Lister<'a> {
    fn of<T: Send + Sync + 'a>(self, names: impl IntoIterator<Item = String>, call: Listing<T>) -> Asked<'a, Vec<T>> {
        self.by(names, NAMES_MAX, call)
    }

    /// The same for a call without a filter, whose answer is picked out here: one call, however many names.
    fn whole<T: Send + Sync + 'a>(
        self,
        names: impl IntoIterator<Item = String>,
        call: Listing<T>,
    ) -> Asked<'a, Vec<T>> {
        self.by(names, usize::MAX, call)
    }

    fn by<T: Send + Sync + 'a>(
        self,
        names: impl IntoIterator<Item = String>,
        at_once: usize,
        call: Listing<T>,
    ) -> Asked<'a, Vec<T>> {
        // In one order, and each once.
        let names: BTreeSet<String> = names.into_iter().collect();
        asked(async move {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut all = Vec::new();
            for chunk in names.chunks(at_once) {
                all.extend(retry(self.ctl, Repeat::Read, || call(self.aws, chunk)).await?);
            }
            Ok(all)
        })
    }
}

fn asked<'a, T: Send + Sync + 'a>(ask: impl Future<Output = CallResult<T>> + Send + 'a) -> Asked<'a, T> {
    async move { Ok(Arc::new(ask.await?)) }.boxed().shared()
}

fn owned<T: for<'t> From<&'t str>>(texts: &[&str]) -> Vec<T> {
    texts.iter().copied().map(T::from).collect()
}

/// Whether the tags say that something belongs to the stack.
pub(super) fn of_stack(tags: &Tags, stack: &str) -> bool {
    tags.get(TAG_STACK).is_some_and(|value| value == stack)
}
