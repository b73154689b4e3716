//! Where the reading of a stack gets its answers: from calls of its own, or from the reading of its account.
//!
//! One code reads a stack either way (`observe`, `basis`); only here they part. A stack alone asks AWS with filters that
//! show it nothing of others', in as few calls as there can be; of many, each takes its part out of what was asked for all.

use std::future::Future;

use futures::future::{FutureExt, try_join, try_join_all};
use jiff::Timestamp;
use selfheal_core::Names;
use selfheal_core::desired::own_topic;
use selfheal_core::spec::{Ingress, Spec, ZoneRef};
use selfheal_core::world::{
    Activity, Address, Agents, AllocationId, ApplicationCheck, ApplicationStatus, DefaultRoute, Group, HostedZone,
    HostedZoneId, IamRole, Identity, Image, ImageId, Instance, InstanceId, InstanceProfile, InstanceType,
    LaunchTemplate, LifecycleHook, LifecyclePolicy, LogGroup, NotificationConfiguration, PolicyText, RecordSet,
    ScheduledAction, SecurityGroup, SecurityGroupId, Snapshot, Subnet, SubnetId, Topic, Volume, VolumeId,
    VolumeModification, VpcId,
};

use super::account::{Account, Asked, of_stack};
use crate::backend::{Aws, CallResult, SecurityGroupQuery, SubnetQuery};
use crate::control::Control;
use crate::error::{CallError, CallErrorKind};
use crate::retry::{Repeat, retry};

/// Where answers come from. Every read that may pass is repeated with jitter, within bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'s, 'a> {
    aws: &'a dyn Aws,
    pub(super) ctl: &'a Control<'a>,
    account: Option<&'s Account<'a>>,
}

impl<'s, 'a> Source<'s, 'a> {
    /// Calls of the stack's own.
    pub(crate) const fn own(aws: &'a dyn Aws, ctl: &'a Control<'a>) -> Self {
        Self {
            aws,
            ctl,
            account: None,
        }
    }

    /// What was asked for all stacks, and calls of the stack's own where AWS can tell only of one.
    pub(super) const fn of(account: &'s Account<'a>) -> Self {
        Self {
            aws: account.aws,
            ctl: account.ctl,
            account: Some(account),
        }
    }

    /// When the reading began.
    pub(super) fn began(self) -> Timestamp {
        self.account
            .map_or_else(|| self.ctl.clock.now(), |account| account.began)
    }

    /// Asks AWS.
    async fn ask<T, Fut>(self, call: impl FnMut() -> Fut) -> CallResult<T>
    where
        Fut: Future<Output = CallResult<T>>,
    {
        retry(self.ctl, Repeat::Read, call).await
    }

    /// Answers what all share and is the same for each, or asks.
    async fn same<T: Clone + 'static, Fut>(
        self,
        shared: impl FnOnce(&'s Account<'a>) -> Asked<'a, T>,
        call: impl FnMut() -> Fut,
    ) -> CallResult<T>
    where
        Fut: Future<Output = CallResult<T>>,
    {
        match self.account {
            Some(account) => Ok(shared(account).await?.as_ref().clone()),
            None => self.ask(call).await,
        }
    }

    /// Picks the stack's part out of a listing that was asked for all, or asks for it alone.
    ///
    /// Where the listing failed for what may be another stack's, or for its length, it is asked for this stack alone, once:
    /// no view is lost by what is wrong with others, and an outage costs a call a stack and not a minute.
    async fn part<T: 'static, P, Fut>(
        self,
        shared: impl FnOnce(&'s Account<'a>) -> &'s Asked<'a, Vec<T>>,
        pick: impl FnOnce(&[T]) -> P,
        mut call: impl FnMut() -> Fut,
    ) -> CallResult<P>
    where
        Fut: Future<Output = CallResult<P>>,
    {
        let Some(account) = self.account else {
            return self.ask(call).await;
        };
        match shared(account).clone().await {
            Ok(all) => Ok(pick(&all)),
            Err(error) if is_everybodys(&error) => Err(error),
            Err(_) => call().await,
        }
    }

    pub(super) async fn identity(self) -> CallResult<Identity> {
        self.same(|account| account.identity.clone(), || self.aws.caller_identity())
            .await
    }

    pub(super) async fn addresses(self) -> CallResult<Vec<Address>> {
        self.same(|account| account.addresses.clone(), || self.aws.describe_addresses())
            .await
    }

    /// The account's quota of addresses. Who may not ask for it learns of it from AWS's refusal to allocate.
    pub(super) async fn address_quota(self) -> CallResult<Option<u32>> {
        let quota = self.same(|account| account.address_quota.clone(), || self.aws.address_quota());
        match quota.await {
            Err(error) if error.kind() == CallErrorKind::Denied => Ok(None),
            quota => quota,
        }
    }

    pub(super) async fn default_kms_key(self) -> CallResult<Option<String>> {
        self.same(|account| account.default_key.clone(), || self.aws.default_kms_key())
            .await
    }

    pub(super) async fn parameter(self, name: &str) -> CallResult<Option<String>> {
        self.same(|account| account.parameter(name), || self.aws.get_parameter(name))
            .await
    }

    pub(super) async fn image(self, id: &ImageId) -> CallResult<Option<Image>> {
        self.same(|account| account.image(id), || self.aws.describe_image(id))
            .await
    }

    pub(super) async fn instance_type(self, name: &str) -> CallResult<InstanceType> {
        match self.account {
            Some(account) => {
                let read = |name: String| async move { Source::own(self.aws, self.ctl).offered(&name).await }.boxed();
                Ok(account.instance_type(name, read).await?.as_ref().clone())
            }
            None => self.offered(name).await,
        }
    }

    async fn offered(self, name: &str) -> CallResult<InstanceType> {
        let details = self.ask(|| self.aws.describe_instance_type(name));
        let (details, zones) = try_join(details, self.ask(|| self.aws.describe_type_zones(name))).await?;
        Ok(InstanceType {
            name: name.to_owned(),
            details,
            zones,
        })
    }

    pub(super) async fn default_route(self, subnet: &SubnetId, vpc: &VpcId) -> CallResult<DefaultRoute> {
        self.same(
            |account| account.default_route(subnet, vpc),
            || self.aws.describe_default_route(subnet, vpc),
        )
        .await
    }

    /// The subnets that the spec may mean.
    pub(super) async fn subnets(self, spec: &Spec) -> CallResult<Vec<Subnet>> {
        match &spec.instance.subnet {
            None => {
                self.same(
                    |account| account.default_subnets.clone(),
                    || self.aws.describe_subnets(&SubnetQuery::DefaultForZone),
                )
                .await
            }
            Some(id) => {
                let query = SubnetQuery::Ids(vec![id.clone()]);
                self.part(
                    |account| &account.named_subnets,
                    |all| picked(all, |subnet| subnet.id == *id),
                    || self.aws.describe_subnets(&query),
                )
                .await
            }
        }
    }

    /// The parameters below a path, which is a stack's own.
    pub(super) async fn parameters(self, path: &str) -> CallResult<Vec<(String, String)>> {
        self.ask(|| self.aws.get_parameters_by_path(path)).await
    }

    /// The log group of this name, and whose it is. What lists log groups does not tell their tags, so that each stack asks for
    /// its own.
    pub(super) async fn log_group(self, name: &str) -> CallResult<Option<LogGroup>> {
        let Some((arn, retention_days)) = self.ask(|| self.aws.describe_log_group(name)).await? else {
            return Ok(None);
        };
        match self.ask(|| self.aws.list_log_group_tags(&arn)).await {
            Ok(tags) => Ok(Some(LogGroup {
                name: name.to_owned(),
                retention_days,
                tags,
            })),
            // It went meanwhile.
            Err(error) if error.kind() == CallErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The lifecycle policies for volumes that bear a tag, whosever they are; one that goes meanwhile is none.
    pub(super) async fn lifecycle_policies(self, (key, value): (&str, &str)) -> CallResult<Vec<LifecyclePolicy>> {
        let ids = self.ask(|| self.aws.find_lifecycle_policies(key, value)).await?;
        let each = ids.iter().map(|id| self.ask(|| self.aws.get_lifecycle_policy(id)));
        let policies = try_join_all(each).await?;
        Ok(policies.into_iter().flatten().collect())
    }

    /// The topic of this name, whose ARN names the account; and what it tells whom.
    pub(super) async fn topic(self, spec: &Spec) -> CallResult<Option<Topic>> {
        let account = self.identity().await?.account;
        let arn = own_topic(spec, &account);
        let tags = self.ask(|| self.aws.list_topic_tags(&arn));
        match try_join(tags, self.ask(|| self.aws.list_subscriptions(&arn))).await {
            Ok((tags, subscriptions)) => Ok(Some(Topic {
                arn,
                tags,
                subscriptions,
            })),
            Err(error) if error.kind() == CallErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the group tells to topics; nothing of a group that there is none of.
    pub(super) async fn notifications(self, group: &str) -> CallResult<Vec<NotificationConfiguration>> {
        match self.ask(|| self.aws.describe_notifications(group)).await {
            Err(error) if error.kind() == CallErrorKind::NotFound => Ok(Vec::new()),
            told => told,
        }
    }

    pub(super) async fn volumes(self, stack: &str) -> CallResult<Vec<Volume>> {
        let alone = [stack];
        self.part(
            |account| &account.volumes,
            |all| picked(all, |volume| of_stack(&volume.tags, stack)),
            || self.aws.describe_volumes(&alone),
        )
        .await
    }

    /// The security group of the stack's own name, or those that the spec names and, behind them, that one: `ingress` made it
    /// before the spec named any, nothing else tells of it, and a destroy is to take it along.
    pub(super) async fn security_groups(self, spec: &Spec) -> CallResult<Vec<SecurityGroup>> {
        let name = Names::new(&spec.name, &spec.region).security_group;
        let own = SecurityGroupQuery::Named(vec![name.clone()]);
        let own = self.part(
            |account| &account.own_security_groups,
            |all| picked(all, |group| group.name == name),
            || self.aws.describe_security_groups(&own),
        );
        let Ingress::Groups(ids) = &spec.instance.ingress else {
            return own.await;
        };
        let given = SecurityGroupQuery::Ids(ids.clone());
        let given = self.part(
            |account| &account.given_security_groups,
            |all| picked(all, |group| ids.contains(&group.id)),
            || self.aws.describe_security_groups(&given),
        );
        let (mut groups, own) = try_join(given, own).await?;
        // The spec may name that very group.
        let known: Vec<SecurityGroupId> = groups.iter().map(|group| group.id.clone()).collect();
        groups.extend(own.into_iter().filter(|group| !known.contains(&group.id)));
        Ok(groups)
    }

    /// One version of the launch template of this name.
    pub(super) async fn launch_template_at(self, name: &str, version: u64) -> CallResult<Option<LaunchTemplate>> {
        self.ask(|| self.aws.describe_launch_template(name, Some(version)))
            .await
    }

    /// The launch template of this name, at its latest version. One that the listing of all does not show is asked for by its name before its
    /// absence counts: it is a witness of what the stack owns.
    pub(super) async fn launch_template(self, name: &str) -> CallResult<Option<LaunchTemplate>> {
        let call = || self.aws.describe_launch_template(name, None);
        let listed = self.part(
            |account| &account.templates,
            |all| all.iter().find(|template| template.name == name).cloned(),
            call,
        );
        match listed.await? {
            None if self.account.is_some() => self.ask(call).await,
            template => Ok(template),
        }
    }

    pub(super) async fn application_checks(self, stack: &str) -> CallResult<Vec<ApplicationCheck>> {
        let alone = [stack];
        self.part(
            |account| &account.checks,
            |all| picked(all, |check| of_stack(&check.tags, stack)),
            || self.aws.describe_application_status_checks(&alone),
        )
        .await
    }

    pub(super) async fn group(self, name: &str) -> CallResult<Option<Group>> {
        self.part(
            |account| &account.groups,
            |all| all.iter().find(|group| group.name == name).cloned(),
            || self.aws.describe_group(name),
        )
        .await
    }

    pub(super) async fn hooks(self, group: &str) -> CallResult<Vec<LifecycleHook>> {
        self.ask(|| self.aws.describe_hooks(group)).await
    }

    pub(super) async fn scheduled_actions(self, group: &str) -> CallResult<Vec<ScheduledAction>> {
        self.ask(|| self.aws.describe_scheduled_actions(group)).await
    }

    pub(super) async fn activities(self, group: &str, limit: u32) -> CallResult<Vec<Activity>> {
        self.ask(|| self.aws.describe_activities(group, limit)).await
    }

    pub(super) async fn role(self, name: &str) -> CallResult<Option<IamRole>> {
        self.ask(|| self.aws.get_role(name)).await
    }

    pub(super) async fn role_policy(self, role: &str, policy: &str) -> CallResult<Option<PolicyText>> {
        self.ask(|| self.aws.get_role_policy(role, policy)).await
    }

    /// The names of the role's inline policies, and the ARNs of its managed ones.
    pub(super) async fn role_grants(self, role: &str) -> CallResult<(Vec<String>, Vec<String>)> {
        let inline = self.ask(|| self.aws.list_role_policies(role));
        try_join(inline, self.ask(|| self.aws.list_attached_role_policies(role))).await
    }

    pub(super) async fn profile(self, name: &str) -> CallResult<Option<InstanceProfile>> {
        self.ask(|| self.aws.get_instance_profile(name)).await
    }

    pub(super) async fn instances(self, stack: &str) -> CallResult<Vec<Instance>> {
        let alone = [stack];
        self.part(
            |account| &account.instances,
            |all| picked(all, |instance| of_stack(&instance.tags, stack)),
            || self.aws.describe_instances(&alone),
        )
        .await
    }

    pub(super) async fn application_status(
        self,
        instances: &[InstanceId],
    ) -> CallResult<Vec<(InstanceId, ApplicationStatus)>> {
        self.ask(|| self.aws.describe_application_status(instances)).await
    }

    /// What Systems Manager tells of the agents on these instances. A status does not hang on it, whatever the call answers,
    /// and waits for an answer for seconds.
    pub(super) async fn agents(self, instances: &[InstanceId]) -> Agents {
        match retry(self.ctl, Repeat::ReadDns, || self.aws.describe_agents(instances)).await {
            Ok(agents) => Agents::Read(agents),
            Err(error) => Agents::Failed(error.to_string()),
        }
    }

    pub(super) async fn snapshots(self, stack: &str) -> CallResult<Vec<Snapshot>> {
        let alone = [stack];
        self.part(
            |account| &account.snapshots,
            |all| picked(all, |snapshot| of_stack(&snapshot.tags, stack)),
            || self.aws.describe_snapshots(&alone),
        )
        .await
    }

    /// The hosted zones that the spec may mean.
    pub(super) async fn zones(self, zone: &ZoneRef) -> CallResult<Vec<HostedZone>> {
        match self.account {
            Some(account) => {
                let read =
                    |zone: ZoneRef| async move { Source::own(self.aws, self.ctl).find_zones(&zone).await }.boxed();
                Ok(account.zones(zone, read).await?.as_ref().clone())
            }
            None => self.find_zones(zone).await,
        }
    }

    async fn find_zones(self, zone: &ZoneRef) -> CallResult<Vec<HostedZone>> {
        match zone {
            ZoneRef::Name(name) => retry(self.ctl, Repeat::ReadDns, || self.aws.find_hosted_zones(name)).await,
            ZoneRef::Id(id) => {
                let found = retry(self.ctl, Repeat::ReadDns, || self.aws.get_hosted_zone(id)).await?;
                Ok(Vec::from_iter(found))
            }
        }
    }

    /// The record sets at a name that a spec has in this zone.
    pub(super) async fn records(
        self,
        zone: &ZoneRef,
        zone_id: &HostedZoneId,
        name: &str,
    ) -> CallResult<Vec<RecordSet>> {
        match self.account {
            Some(account) => {
                let all = account.records(zone, zone_id).await?;
                Ok(all.get(name).cloned().unwrap_or_default())
            }
            None => self.records_at(zone_id, name).await,
        }
    }

    /// The record sets at any name.
    pub(super) async fn records_at(self, zone_id: &HostedZoneId, name: &str) -> CallResult<Vec<RecordSet>> {
        retry(self.ctl, Repeat::ReadDns, || self.aws.list_records(zone_id, name)).await
    }

    /// One volume by its id, by one answer.
    pub(super) async fn volume(self, id: &VolumeId) -> CallResult<Option<Volume>> {
        self.ask(|| self.aws.describe_volume(id)).await
    }

    /// One address by its allocation id, by one answer.
    pub(super) async fn address(self, allocation_id: &AllocationId) -> CallResult<Option<Address>> {
        self.ask(|| self.aws.describe_address(allocation_id)).await
    }

    pub(super) async fn attached_volumes(self, instance_id: &InstanceId) -> CallResult<Vec<Volume>> {
        self.ask(|| self.aws.describe_attached_volumes(instance_id)).await
    }

    pub(super) async fn volume_modification(self, volume_id: &VolumeId) -> CallResult<Option<VolumeModification>> {
        self.ask(|| self.aws.describe_volume_modification(volume_id)).await
    }
}

fn picked<T: Clone>(all: &[T], wanted: impl Fn(&T) -> bool) -> Vec<T> {
    all.iter().filter(|one| wanted(one)).cloned().collect()
}

/// Whether a listing failed for what each stack's own would fail for just so.
fn is_everybodys(error: &CallError) -> bool {
    matches!(
        error.kind(),
        CallErrorKind::Denied | CallErrorKind::Unauthenticated | CallErrorKind::Throttled | CallErrorKind::Unreachable
    )
}
