//! The launch template: a new version for each change, never an edit.

use std::collections::BTreeSet;

use selfheal_userdata::RenderError;

use super::builder::{Builder, Deferred, Draft};
use super::volume::DataVolume;
use super::{Change, Need, StepKind, WaitFor, fingerprint, https};
use crate::desired;
use crate::names::{ResourceKind, TAG_STACK, Tags};
use crate::spec::{NginxExtra, Setup};
use crate::world::{
    Action, Address, AllocationId, HostedZoneId, LaunchTemplate, LaunchTemplateCall, LaunchTemplateId, SecurityGroupId,
    TemplateData, UserDataText, VolumeId,
};

/// The launch template that the group is to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) template_id: LaunchTemplateId,
    pub(super) version: u64,
}

/// Plans the launch template and answers what the group pins. A new version waits for `before`, and for what it names of
/// `bundled`, as a new template does.
pub(super) fn plan(
    builder: &mut Builder<'_>,
    groups: &Deferred<Vec<SecurityGroupId>>,
    address: &Deferred<Address>,
    volume: &DataVolume,
    before: &BTreeSet<Need>,
    bundled: &BTreeSet<Need>,
) -> Deferred<Pin> {
    check_setup(builder);
    let Some((sample, data)) = desired_data(builder, groups, address, volume) else {
        return Deferred::After([].into());
    };
    let name = builder.names.launch_template.clone();
    let Some(have) = &builder.observed.launch_template else {
        let tags = builder.names.tags(ResourceKind::LaunchTemplate);
        let draft = show_new(builder, &data).target(name.clone());
        let action =
            data.map(|data| Action::LaunchTemplate(LaunchTemplateCall::CreateLaunchTemplate { name, data, tags }));
        return Deferred::after(builder.step(draft, action.not_before(bundled)));
    };
    // The template's own tags need a call of their own to read; what its latest version puts on an instance tells as well.
    if have.data.instance_tags.get(TAG_STACK) != Some(&builder.spec.name) {
        refuse_foreign(builder, have);
    }
    let unread = is_setup_unread(builder);
    if matches!(&data, Deferred::Known(data) if same(&have.data, data, unread)) {
        return Deferred::Known(Pin {
            template_id: have.id.clone(),
            version: have.version,
        });
    }
    let draft = show_change(builder, have, &sample, &data);
    let template_id = have.id.clone();
    let action =
        data.map(|data| Action::LaunchTemplate(LaunchTemplateCall::CreateTemplateVersion { template_id, data }));
    Deferred::after(builder.step(draft, action.not_before(before).not_before(bundled)))
}

fn is_setup_unread(builder: &Builder<'_>) -> bool {
    let app = &builder.spec.app;
    let mut scripts = app.prepare.iter().chain(&app.setup);
    scripts.any(Setup::is_unread)
        || app.files.iter().any(|file| file.content.is_none())
        || unread_extra(builder).is_some()
}

/// The file of nginx's directives, where it was not read.
fn unread_extra<'a>(builder: &Builder<'a>) -> Option<&'a NginxExtra> {
    let extra = builder.spec.https.as_ref()?.extra.as_ref();
    extra.filter(|extra| extra.content.is_none())
}

/// Refuses to make user data without the setup script or a file.
fn check_setup(builder: &mut Builder<'_>) {
    if let Some(file) = builder.spec.app.files.iter().find(|file| file.content.is_none()) {
        let message = format!(
            "the file `{}` was not read, so that the boot program is not compared",
            file.from
        );
        builder.refuse("file-unread", message, "put it where `app.files` says");
    }
    if let Some(extra) = unread_extra(builder) {
        let message = format!(
            "the file `{}` was not read, so that the boot program is not compared",
            extra.path
        );
        builder.refuse("file-unread", message, "put it where `https.extra` says");
    }
    let app = &builder.spec.app;
    for (what, key, script) in [
        ("script that prepares the instance,", "app.prepare", &app.prepare),
        ("setup script", "app.setup", &app.setup),
    ] {
        if let Some(script) = script.as_ref().filter(|script| script.is_unread()) {
            let message = format!(
                "the {what} `{}` was not read, so that the boot program is not compared",
                script.path
            );
            builder.refuse("setup-unread", message, format!("put it where `{key}` says"));
        }
    }
}

/// Refuses to touch a launch template that has our name and whose latest version does not put our tags on an instance.
pub(super) fn refuse_foreign(builder: &mut Builder<'_>, template: &LaunchTemplate) {
    builder.refuse(
        "foreign-resource",
        format!(
            "the launch template {} ({}) exists, and its version {} does not give instances the tags of stack `{}`",
            template.name, template.id, template.version, builder.spec.name
        ),
        format!(
            "if it is somebody else's, choose another `name`; if it is this stack's, delete version {}, which was made \
             by hand",
            template.version
        ),
    );
}

/// What a version is to hold, and the same with stand-ins for the ids that are not known yet.
fn desired_data(
    builder: &mut Builder<'_>,
    groups: &Deferred<Vec<SecurityGroupId>>,
    address: &Deferred<Address>,
    volume: &DataVolume,
) -> Option<(TemplateData, Deferred<TemplateData>)> {
    let image = builder.observed.image.clone()?;
    let ids = address.clone().and(volume.id.clone());
    // Its size is checked before any id is known, so that too much user data is an error of the plan and not of the apply.
    let sample = match &ids {
        Deferred::Known((address, volume_id)) => (address.allocation_id.clone(), volume_id.clone()),
        Deferred::After(_) => {
            let volume_id = builder.spec.data.as_ref().map(|_| desired::PLACEHOLDER_VOLUME.into());
            (desired::PLACEHOLDER_ALLOCATION.into(), volume_id)
        }
    };
    let zone = https::challenge_zone(builder);
    let sample_zone = match &zone {
        Deferred::Known(zone) => zone.clone(),
        Deferred::After(_) => None,
    };
    let user_data = match user_data(builder, &sample.0, sample.1.as_ref(), sample_zone.as_ref()) {
        Ok(user_data) => user_data,
        Err(error) => {
            builder.refuse(
                "user-data",
                format!("the user data cannot be made: {error}"),
                "shorten `app.prepare`, `app.setup` and `app.files`, or let a script fetch what it needs",
            );
            return None;
        }
    };
    let (spec, account) = (builder.spec, &builder.observed.identity.account);
    let make = |groups: Vec<SecurityGroupId>| desired::template_data(spec, account, &image, &groups, &user_data);
    Some((
        make(Vec::new()),
        groups.clone().and(ids).and(zone).map(|((groups, _), _)| make(groups)),
    ))
}

/// The user data for these ids: what the template holds already, where rendering would give that.
fn user_data(
    builder: &Builder<'_>,
    allocation_id: &AllocationId,
    volume_id: Option<&VolumeId>,
    challenge_zone: Option<&HostedZoneId>,
) -> Result<UserDataText, RenderError> {
    let config = desired::boot_config(
        builder.spec,
        &builder.observed.identity.account,
        allocation_id,
        volume_id,
        challenge_zone,
    );
    let have = builder.observed.launch_template.as_ref();
    match have.map(|template| &template.data.user_data) {
        Some(have) if have.is_rendered_from(&config) => Ok(have.clone()),
        _ => builder.memo.user_data(&config),
    }
}

fn show_new(builder: &Builder<'_>, data: &Deferred<TemplateData>) -> Draft {
    let spec = &builder.spec.instance;
    let image = builder
        .observed
        .image
        .as_ref()
        .map_or_else(String::new, |image| image.id.to_string());
    Draft::new(
        StepKind::CreateLaunchTemplate,
        Change::Create,
        "every replacement is launched from it",
    )
    .sets("image", image)
    .sets("instance type", spec.instance_type.clone())
    .sets(
        "root volume",
        format!(
            "{} GiB gp3, {}",
            spec.root_size_gib,
            show_key(true, spec.kms_key.as_ref())
        ),
    )
    .sets("metadata", "IMDSv2 required")
    .sets_later("security groups", data.show(|data| data.security_groups.join(", ")))
    .sets_later("user data", data.show(|data| show_user_data(&data.user_data)))
}

/// `sample` holds for all that hangs on no id: it is shown also where ids are not known yet, since nothing is executed that
/// was not shown.
fn show_change(
    builder: &Builder<'_>,
    have: &LaunchTemplate,
    sample: &TemplateData,
    data: &Deferred<TemplateData>,
) -> Draft {
    let draft = Draft::new(
        StepKind::CreateTemplateVersion,
        Change::Update,
        format!(
            "version {} differs; the running instance stays until it is replaced",
            have.version
        ),
    )
    .target(have.id.clone());
    let have = &have.data;
    let want_tags = desired::launch_tags(builder.spec);
    let root = |data: &TemplateData| {
        let encryption = show_key(data.root.encrypted, data.root.kms_key.as_ref());
        format!(
            "{} {} GiB {}, {encryption}",
            data.root.device, data.root.size_gib, data.root.volume_type
        )
    };
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let draft = draft
        .changes(
            "tags",
            show_tags([&have.instance_tags, &have.volume_tags, &have.interface_tags]),
            show_tags(want_tags.each_ref()),
        )
        .changes("image", have.image_id.clone(), sample.image_id.clone())
        .changes(
            "instance type",
            have.instance_type.clone(),
            sample.instance_type.clone(),
        )
        .changes("instance profile", have.profile_arn.clone(), sample.profile_arn.clone())
        .changes_later(
            "security groups",
            have.security_groups.join(", "),
            data.show(|data| data.security_groups.join(", ")),
        )
        .changes("public address at launch", yes(have.public_ip), yes(sample.public_ip))
        .changes("root volume", root(have), root(sample))
        .changes("metadata", show_metadata(have), show_metadata(sample));
    let same = matches!(data, Deferred::Known(want) if same_user_data(&have.user_data, &want.user_data));
    if same || is_setup_unread(builder) {
        return draft;
    }
    draft.changes_later(
        "user data",
        show_user_data(&have.user_data),
        data.show(|data| show_user_data(&data.user_data)),
    )
}

fn show_key(encrypted: bool, key: Option<&String>) -> String {
    match key {
        Some(key) => format!("encrypted by {key}"),
        None if encrypted => "encrypted".to_owned(),
        None => "not encrypted".to_owned(),
    }
}

fn show_metadata(data: &TemplateData) -> String {
    format!(
        "tokens {}, hop limit {}, tags {}",
        data.http_tokens, data.hop_limit, data.metadata_tags
    )
}

fn show_tags(tags: [&Tags; 3]) -> String {
    tags.map(|tags| {
        let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(" ")
    })
    .join("; ")
}

/// Whether two versions do the same. User data is compared by what it unpacks to, so that another compressor is no change.
///
/// Without the setup script user data says nothing.
fn same(have: &TemplateData, want: &TemplateData, setup_unread: bool) -> bool {
    let mut have = have.clone();
    have.security_groups.sort();
    if setup_unread || same_user_data(&have.user_data, &want.user_data) {
        have.user_data.clone_from(&want.user_data);
    }
    have == *want
}

fn same_user_data(have: &UserDataText, want: &UserDataText) -> bool {
    have == want || matches!((have.script(), want.script()), (Some(a), Some(b)) if a == b)
}

fn show_user_data(user_data: &UserDataText) -> String {
    user_data.script().map_or_else(
        || fingerprint::describe("unreadable", user_data.as_bytes()),
        |script| fingerprint::describe("boot program", script),
    )
}

/// Deletes the launch template, after `before`: its tag is how a check is found that the spec does not ask for.
pub(super) fn delete(builder: &mut Builder<'_>, before: &BTreeSet<Need>) {
    let Some(template) = &builder.observed.launch_template else {
        return;
    };
    if template.data.instance_tags.get(TAG_STACK) != Some(&builder.spec.name) {
        refuse_foreign(builder, template);
        return;
    }
    let after_group = match builder.observed.group {
        Some(_) => Deferred::After(builder.planned(StepKind::DeleteGroup)),
        None => Deferred::Known(()),
    };
    let id = template.id.clone();
    let draft = Draft::new(StepKind::DeleteLaunchTemplate, Change::Delete, "with all its versions").target(id.clone());
    let after_group = match &builder.observed.group {
        Some(group) if group.deleting => Deferred::After(
            [builder.wait(WaitFor::GroupGone {
                name: group.name.clone(),
            })]
            .into(),
        ),
        _ => after_group,
    };
    let action = after_group.map(|()| Action::LaunchTemplate(LaunchTemplateCall::DeleteLaunchTemplate { id }));
    builder.step(draft, action.not_before(before));
}
