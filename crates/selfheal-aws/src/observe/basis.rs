//! What decides on the rest of a stack, and what is asked only because of it.
//!
//! A stack that exists answers its own questions: its type was launched, its image booted. So whether EC2 offers the type,
//! where the subnet leads and by which key volumes are encrypted is asked only before something is made that hangs on it.
//! All of it is asked at once, behind one round trip, so that a reading stays two deep.

use futures::future::{OptionFuture, try_join_all, try_join3, try_join4, try_join5};
use selfheal_core::Names;
use selfheal_core::names::ResourceKind;
use selfheal_core::spec::{ImageRef, Spec};
use selfheal_core::status::ACTIVITIES_MAX;
use selfheal_core::world::{
    Activity, Agents, ApplicationCheck, DefaultRoute, Group, Image, ImageId, InstanceId, InstanceType, LaunchTemplate,
    LifecycleHook, Observed, ScheduledAction, Subnet, SubnetId, Volume, VolumeState, VpcId,
};

use super::source::Source;
use super::{Reading, Scope};
use crate::backend::CallResult;

/// What the first round trip tells.
#[derive(Clone, Debug)]
struct First {
    template: Option<LaunchTemplate>,
    group: Option<Group>,
    volumes: Vec<Volume>,
    subnets: Vec<Subnet>,
    image: Resolved,
}

/// How far the first round trip resolves the spec's image.
#[derive(Clone, Debug)]
enum Resolved {
    /// All that is needed of it, or that there is none.
    Image(Option<Image>),
    /// Its id alone.
    Id(ImageId),
}

impl Resolved {
    fn id(&self) -> Option<&ImageId> {
        match self {
            Self::Image(image) => image.as_ref().map(|image| &image.id),
            Self::Id(id) => Some(id),
        }
    }
}

/// What the second round trip tells.
#[derive(Clone, Debug)]
struct Second {
    hooks: Vec<LifecycleHook>,
    scheduled: Vec<ScheduledAction>,
    activities: Vec<Activity>,
    checks: Option<Vec<ApplicationCheck>>,
    agents: Agents,
    image: Option<Image>,
    gone_image: Option<ImageId>,
    instance_types: Option<Vec<InstanceType>>,
    default_route: Option<DefaultRoute>,
    default_key: Option<String>,
}

/// Reads template, group, hooks, volumes, subnets and image, and what they leave open.
pub(super) async fn read(source: Source<'_, '_>, spec: &Spec, scope: Scope) -> CallResult<Reading> {
    let names = Names::new(&spec.name, &spec.region);
    let (template, group, volumes, subnets, image) = try_join5(
        source.launch_template(&names.launch_template),
        source.group(&names.group),
        source.volumes(&names.stack),
        source.subnets(spec),
        resolve(source, &spec.instance.image),
    )
    .await?;
    let first = First {
        template,
        group,
        volumes,
        subnets,
        image,
    };
    let second = ask(source, spec, scope, &first).await?;
    Ok(Box::new(move |observed: &mut Observed| {
        put(observed, first.clone(), second.clone());
    }))
}

fn put(observed: &mut Observed, first: First, second: Second) {
    observed.read_template(first.template);
    observed.read_group(first.group);
    observed.read_volumes(first.volumes);
    observed.subnets = first.subnets;
    observed.hooks = second.hooks;
    observed.scheduled_actions = second.scheduled;
    observed.activities = second.activities;
    observed.agents = second.agents;
    if let Some(checks) = second.checks {
        observed.read_checks(checks);
    }
    observed.image = second.image;
    observed.gone_image = second.gone_image;
    // What this run has learned before it made the template holds, though nothing asks for it any more.
    if let Some(types) = second.instance_types {
        observed.instance_types = types;
    }
    observed.default_route = second.default_route.or(observed.default_route.take());
    observed.default_key = second.default_key.or(observed.default_key.take());
}

/// Resolves the spec's image as far as one round trip goes. A known alias tells everything but the id.
async fn resolve(source: Source<'_, '_>, image: &ImageRef) -> CallResult<Resolved> {
    Ok(match image {
        ImageRef::Id(id) => Resolved::Image(source.image(id).await?),
        ImageRef::Parameter(path) => match source.parameter(path).await? {
            Some(id) => Resolved::Id(id.into()),
            None => Resolved::Image(None),
        },
        ImageRef::Alias {
            parameter: path,
            root_device,
            architecture,
            root_size_gib,
            ..
        } => Resolved::Image(source.parameter(path).await?.map(|id| Image {
            id: id.into(),
            root_device: root_device.clone(),
            architecture: Some(architecture.to_string()),
            root_size_gib: Some(*root_size_gib),
        })),
    })
}

/// What is about to be made, and therefore asked about.
struct Makes {
    /// An instance that differs in its type from what was launched, or the first one.
    instance: bool,
    /// The data volume.
    volume: bool,
    /// The first instance in the subnet that the spec names.
    subnet: Option<(SubnetId, VpcId)>,
}

impl Makes {
    fn of(spec: &Spec, scope: Scope, first: &First) -> Self {
        let names = Names::new(&spec.name, &spec.region);
        let group = first.group.as_ref().filter(|group| !group.deleting);
        let template = first.template.as_ref();
        let same_type = template.is_some_and(|template| template.data.instance_type == spec.instance.instance_type);
        let tried = |group: &Group| {
            let types = group.mixed.as_ref().map_or(&[][..], |policy| &policy.types);
            !spec.instance.is_mixed() || spec.instance.types().all(|name| types.contains(name))
        };
        let live = |volume: &&Volume| {
            names.owns(&volume.tags, ResourceKind::Volume)
                && !matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted)
        };
        let plans = matches!(scope, Scope::Plan | Scope::Restore | Scope::Doctor);
        // A doctor asks in any case: what was offered once need not be offered to a replacement.
        let asks = scope == Scope::Doctor;
        let made = spec.data.as_ref().is_some_and(|data| data.volume.is_none());
        // A restore makes a volume whatever there is.
        let restores = scope == Scope::Restore;
        let volume = plans && made && (restores || asks || !first.volumes.iter().any(|volume| live(&volume)));
        let named = first
            .subnets
            .iter()
            .find(|subnet| spec.instance.subnet.as_ref() == Some(&subnet.id))
            .filter(|subnet| plans && group.is_none_or(|group| !group.subnets.contains(&subnet.id)));
        Self {
            instance: plans && (asks || volume || !same_type || !group.is_some_and(tried)),
            volume,
            subnet: named.map(|subnet| (subnet.id.clone(), subnet.vpc_id.clone())),
        }
    }

    /// Whether something is encrypted by the account's default key: what names no key of its own.
    fn by_default_key(&self, spec: &Spec, first: &First) -> bool {
        let volume = self.volume && spec.data.as_ref().is_some_and(|data| data.kms_key.is_none());
        let root = self.instance && first.template.is_none() && spec.instance.kms_key.is_none();
        volume || root
    }
}

async fn ask(source: Source<'_, '_>, spec: &Spec, scope: Scope, first: &First) -> CallResult<Second> {
    let names = Names::new(&spec.name, &spec.region);
    let makes = Makes::of(spec, scope, first);
    let hooks = when(first.group.is_some(), || source.hooks(&names.group));
    // A stack that may sleep may have been put to sleep by the clock, whether or not its spec has a schedule by now.
    let may_sleep = |group: &Group| spec.schedule.is_some() || group.may_sleep();
    let scheduled = scope != Scope::Resume && first.group.as_ref().is_some_and(may_sleep);
    let scheduled = when(scheduled, || source.scheduled_actions(&names.group));
    // The group's last activities tell what was replaced, and alone tell why a launch fails.
    let told = scope.is_status() && first.group.is_some();
    let activities = when(told, || source.activities(&names.group, ACTIVITIES_MAX));
    // Where the spec asks for a check, a part of its own reads it.
    let told = !spec.asks_aws() && first.template.as_ref().is_some_and(LaunchTemplate::tells_of_check);
    let checks = when(told, || source.application_checks(&names.stack));
    let launched = first.template.as_ref().map(|template| &template.data.image_id);
    let gone = async {
        match launched.filter(|id| first.image.id() != Some(id)) {
            Some(id) => Ok(source.image(id).await?.is_none().then(|| id.clone())),
            None => Ok(None),
        }
    };
    let image = async {
        match &first.image {
            Resolved::Image(image) => Ok(image.clone()),
            Resolved::Id(id) => source.image(id).await,
        }
    };
    let kinds = when(makes.instance, || {
        try_join_all(spec.instance.types().map(|name| source.instance_type(name)))
    });
    let route = makes
        .subnet
        .as_ref()
        .map(|(subnet, vpc)| source.default_route(subnet, vpc));
    let route = OptionFuture::from(route);
    let key = when(makes.by_default_key(spec, first), || source.default_kms_key());
    let optional = async { try_join3(ok(kinds), ok(route), ok(key)).await };
    let members = first.group.iter().flat_map(|group| &group.instances);
    let members: Vec<InstanceId> = members.map(|member| member.id.clone()).collect();
    let asks = scope.is_status() && spec.access.session_manager && !members.is_empty();
    let agents = when(asks, || source.agents(&members));
    let (
        (hooks, scheduled, activities, checks),
        (image, gone_image, agents),
        (instance_types, default_route, default_key),
    ) = try_join3(
        async { try_join4(ok(hooks), ok(scheduled), ok(activities), ok(checks)).await },
        async { try_join3(image, gone, async { Ok(agents.await) }).await },
        optional,
    )
    .await?;
    Ok(Second {
        hooks: hooks.unwrap_or_default(),
        scheduled: scheduled.unwrap_or_default(),
        activities: activities.unwrap_or_default(),
        checks,
        agents: agents.unwrap_or_default(),
        image,
        gone_image,
        instance_types,
        default_route,
        default_key: default_key.flatten(),
    })
}

/// A call that is made only where it is needed.
fn when<F: Future>(needed: bool, call: impl FnOnce() -> F) -> OptionFuture<F> {
    OptionFuture::from(needed.then(call))
}

/// The answer of a call that may not have been made.
async fn ok<T, F: Future<Output = CallResult<T>>>(call: OptionFuture<F>) -> CallResult<Option<T>> {
    call.await.transpose()
}
