//! The image, the subnet and the security groups.

use std::collections::BTreeSet;

use super::builder::{Builder, Deferred, Draft};
use super::{Change, Need, StepKind};
use crate::existing::{instance_type, subnet};
use crate::names::ResourceKind;
use crate::spec::{ImageRef, Ingress, OpenPorts};
use crate::world::{Action, IngressRule, SecurityGroup, SecurityGroupCall, SecurityGroupId, Subnet};

/// Refuses an image that does not exist or does not fit the instance type.
pub(super) fn check_image(builder: &mut Builder<'_>) {
    let spec = &builder.spec.instance;
    let Some(image) = &builder.observed.image else {
        builder.refuse(
            "image-missing",
            format!(
                "the image `{}` resolves to nothing in {}",
                spec.image, builder.spec.region
            ),
            "check the id or parameter and the region; a deregistered image no longer exists",
        );
        return;
    };
    let fits = |name: &&String| {
        let wanted = instance_type::architectures(builder, name);
        let has = image.architecture.as_ref();
        has.is_none_or(|has| wanted.is_empty() || wanted.contains(has))
    };
    // One image boots on all of the types, or the last resort is none.
    let misfit = spec.types().find(|name| !fits(name));
    if let Some((name, has)) = misfit.zip(image.architecture.as_ref()) {
        let wanted = instance_type::architectures(builder, name).join(" or ");
        let hint = match &spec.image {
            ImageRef::Alias { alias, .. } => format!("use an image for {wanted} in the place of `{alias}`"),
            _ => format!("use an image for {wanted}"),
        };
        builder.refuse(
            "image-architecture",
            format!("the image {} is for {has}, {name} is {wanted}", image.id),
            format!("{hint}, or another instance type"),
        );
    }
    if let Some(least) = image.root_size_gib.filter(|least| *least > spec.root_size_gib) {
        builder.refuse(
            "root-too-small",
            format!(
                "the image {} needs a root volume of {least} GiB, the spec says {}",
                image.id, spec.root_size_gib
            ),
            format!("write root_size = \"{least}GiB\""),
        );
    }
}

/// Tells where a replacement could not boot: the image that is launched until the next apply is gone.
pub(super) fn tell_image(builder: &mut Builder<'_>) {
    if let Some(gone) = &builder.observed.gone_image {
        builder.note(
            "image-gone",
            format!(
                "the image {gone} of the launch template no longer exists: a replacement cannot boot until an apply"
            ),
        );
    }
}

/// The one subnet: the spec's, else the default one in the data volume's zone, else where the group is, else the first of an
/// Availability Zone that offers the instance type.
pub(super) fn plan_subnet<'a>(builder: &mut Builder<'a>) -> Option<&'a Subnet> {
    let found = subnet::choose(builder);
    if found.is_some() {
        return found;
    }
    let region = &builder.spec.region;
    if let Some(id) = &builder.spec.instance.subnet {
        builder.refuse(
            "subnet-missing",
            format!("there is no subnet {id} in {region}"),
            "check `instance.subnet`, the region and the account",
        );
    } else if let Some(zone) = subnet::zone_of_volume(builder) {
        builder.refuse(
            "no-subnet-in-zone",
            format!("the data volume is in {zone}, where the default VPC has no default subnet"),
            format!("name a subnet in {zone} as `instance.subnet`"),
        );
    } else {
        builder.refuse(
            "no-default-vpc",
            format!("there is no default VPC with a subnet in {region}"),
            "name a subnet as `instance.subnet`",
        );
    }
    None
}

/// The ids of the security groups of the instance, sorted.
pub(super) fn plan_security_groups(
    builder: &mut Builder<'_>,
    subnet: Option<&Subnet>,
) -> Deferred<Vec<SecurityGroupId>> {
    match &builder.spec.instance.ingress {
        Ingress::Groups(ids) => {
            check_given(builder, ids, subnet);
            tell_left_behind(builder, ids);
            let mut ids = ids.clone();
            ids.sort();
            Deferred::Known(ids)
        }
        Ingress::Ports(ports) => own_group(builder, ports, subnet).map(|id| vec![id]),
    }
}

fn check_given(builder: &mut Builder<'_>, ids: &[SecurityGroupId], subnet: Option<&Subnet>) {
    for id in ids {
        let Some(group) = builder.observed.security_groups.iter().find(|group| group.id == *id) else {
            builder.refuse(
                "security-group-missing",
                format!("there is no security group {id} in {}", builder.spec.region),
                "check `instance.security_groups`, or write `ingress` to have one made",
            );
            continue;
        };
        if let Some(subnet) = subnet.filter(|subnet| subnet.vpc_id != group.vpc_id) {
            builder.refuse(
                "security-group-vpc",
                format!(
                    "the security group {id} is in {}, the subnet {} in {}",
                    group.vpc_id, subnet.id, subnet.vpc_id
                ),
                "an instance takes security groups of its own VPC alone",
            );
        }
    }
}

/// Tells of the group that `ingress` made before the spec named groups. It may still be the running instance's, and rules of
/// other groups may name it, so that only a destroy takes it along.
fn tell_left_behind(builder: &mut Builder<'_>, given: &[SecurityGroupId]) {
    let name = &builder.names.security_group;
    let left = builder.observed.security_groups.iter().find(|group| {
        group.name == *name
            && !given.contains(&group.id)
            && builder.names.owns(&group.tags, ResourceKind::SecurityGroup)
    });
    if let Some(group) = left {
        builder.note(
            "security-group-unused",
            format!(
                "the security group {} that `ingress` made is no longer used by new instances: delete it once the \
                 running one is replaced, or leave it to `selfheal destroy`",
                group.id
            ),
        );
    }
}

/// Tells what a group made by us lets out, where that was changed: the spec has no word for it, so that it stays.
fn tell_egress(builder: &mut Builder<'_>, group: &SecurityGroup) {
    if group.egress.contains(&IngressRule::everywhere()) {
        return;
    }
    let rules: Vec<String> = group.egress.iter().map(|rule| show_rule(rule, "to")).collect();
    let out = if rules.is_empty() {
        "nothing".to_owned()
    } else {
        format!("{} alone", rules.join(", "))
    };
    builder.note(
        "egress-changed",
        format!(
            "the egress of the security group {} was changed: it lets out {out}",
            group.id
        ),
    );
}

fn own_group(builder: &mut Builder<'_>, ports: &[OpenPorts], subnet: Option<&Subnet>) -> Deferred<SecurityGroupId> {
    let vpc_id = subnet.map(|subnet| subnet.vpc_id.clone()).unwrap_or_default();
    let name = builder.names.security_group.clone();
    let wanted: Vec<IngressRule> = ports.iter().flat_map(rules).collect();
    let found = builder
        .observed
        .security_groups
        .iter()
        .find(|group| group.name == name && group.vpc_id == vpc_id);
    let Some(group) = found else {
        let tags = builder.names.tags(ResourceKind::SecurityGroup);
        let draft = Draft::new(StepKind::CreateSecurityGroup, Change::Create, "the spec opens ports")
            .target(name.clone())
            .sets("VPC", vpc_id.clone());
        let action = Action::SecurityGroup(SecurityGroupCall::CreateSecurityGroup { name, vpc_id, tags });
        let created = builder.step(draft, Deferred::Known(action));
        if !wanted.is_empty() {
            authorize(builder, Deferred::after(created.clone()), wanted);
        }
        return Deferred::after(created);
    };
    if !builder.names.owns(&group.tags, ResourceKind::SecurityGroup) {
        builder.refuse_foreign(
            ResourceKind::SecurityGroup,
            "security group",
            &format!("{name} ({})", group.id),
        );
    }
    let missing: Vec<IngressRule> = wanted
        .iter()
        .filter(|rule| !group.ingress.contains(rule))
        .cloned()
        .collect();
    let revoked = revoke_extra(builder, group, &wanted);
    if !missing.is_empty() {
        // Both at once, so that whoever may come in before and after is not kept out in between; but where the group has no
        // room for both, and a refusal would end the run with ports open that the spec closes.
        let of_list = |rule: &IngressRule| rule.source.starts_with("pl-");
        // A prefix list counts as often as it may have entries, which only AWS knows.
        let crowded = group.ingress.len() + missing.len() > Ingress::RULES_MAX || missing.iter().any(of_list);
        let first: BTreeSet<Need> = revoked.into_iter().filter(|_| crowded).collect();
        authorize(builder, Deferred::Known(group.id.clone()).not_before(&first), missing);
    }
    tell_egress(builder, group);
    Deferred::Known(group.id.clone())
}

fn authorize(builder: &mut Builder<'_>, group_id: Deferred<SecurityGroupId>, rules: Vec<IngressRule>) {
    let mut draft = Draft::new(StepKind::AuthorizeIngress, Change::Create, "the spec opens these ports");
    if let Deferred::Known(id) = &group_id {
        draft = draft.target(id.clone());
    }
    for rule in &rules {
        draft = draft.sets("open", show_rule(rule, "from"));
    }
    builder.step(
        draft,
        group_id.map(|group_id| Action::SecurityGroup(SecurityGroupCall::AuthorizeIngress { group_id, rules })),
    );
}

fn revoke_extra(builder: &mut Builder<'_>, group: &SecurityGroup, wanted: &[IngressRule]) -> Option<Need> {
    let extra: Vec<IngressRule> = group
        .ingress
        .iter()
        .filter(|rule| !wanted.contains(rule))
        .cloned()
        .collect();
    if extra.is_empty() {
        return None;
    }
    let mut draft =
        Draft::new(StepKind::RevokeIngress, Change::Delete, "the spec does not open these").target(group.id.clone());
    for rule in &extra {
        draft = draft.removes("open", show_rule(rule, "from"));
    }
    let revoked = builder.step(
        draft,
        Deferred::Known(Action::SecurityGroup(SecurityGroupCall::RevokeIngress {
            group_id: group.id.clone(),
            rules: extra,
        })),
    );
    Some(revoked)
}

/// The rules that open these ports, one for each of those whom they are open to.
fn rules(ports: &OpenPorts) -> impl Iterator<Item = IngressRule> {
    ports.from.iter().map(|source| IngressRule {
        protocol: ports.protocol.to_string(),
        from_port: i32::from(ports.first),
        to_port: i32::from(ports.last),
        source: source.to_string(),
    })
}

/// A rule as people read it, with the word before its peer.
fn show_rule(rule: &IngressRule, preposition: &str) -> String {
    let ports = if rule.protocol == "-1" {
        "everything".to_owned()
    } else if rule.from_port == rule.to_port {
        format!("{}/{}", rule.from_port, rule.protocol)
    } else {
        format!("{}-{}/{}", rule.from_port, rule.to_port, rule.protocol)
    };
    format!("{ports} {preposition} {}", rule.source)
}

pub(super) fn delete_security_group(builder: &mut Builder<'_>, stopped: &BTreeSet<Need>) {
    let name = builder.names.security_group.clone();
    for group in builder
        .observed
        .security_groups
        .iter()
        .filter(|group| group.name == name)
    {
        if !builder.names.owns(&group.tags, ResourceKind::SecurityGroup) {
            builder.note(
                "foreign-resource",
                format!("the security group {} is not ours: it stays", group.id),
            );
            continue;
        }
        let id = group.id.clone();
        let draft = Draft::new(StepKind::DeleteSecurityGroup, Change::Delete, "made by this stack").target(id.clone());
        builder.step(
            draft,
            Deferred::Known(Action::SecurityGroup(SecurityGroupCall::DeleteSecurityGroup { id })).not_before(stopped),
        );
    }
}
