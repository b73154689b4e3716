//! Security groups: a name unique in its VPC, rules that are there once, and no deletion while in use.

use std::collections::BTreeMap;

use selfheal_core::names::Tags;
use selfheal_core::world::{IngressRule, InstanceState, SecurityGroup, SecurityGroupId, VpcId};

use super::super::call::fail;
use super::super::pages::{Page, cut};
use super::super::state::SecurityGroupRecord;
use super::super::world::World;
use super::check_tags;
use crate::backend::{CallResult, SecurityGroupQuery};

/// Rules that one group may have by default, of those for IPv4 and of those for IPv6 each.
///
/// Source: Amazon VPC user guide, "Amazon VPC quotas": a rule about another group counts for both, and one about a prefix
/// list as often as the list has entries at most.
const RULES_MAX: u32 = 60;

impl World {
    pub(super) fn describe_security_groups(
        &self,
        query: &SecurityGroupQuery,
        page: (Option<SecurityGroupId>, usize),
    ) -> Page<SecurityGroupId, SecurityGroup> {
        let wanted = |group: &SecurityGroup| match query {
            SecurityGroupQuery::Named(names) => names.contains(&group.name),
            SecurityGroupQuery::Ids(ids) => ids.contains(&group.id),
        };
        let show = |record: &SecurityGroupRecord| wanted(&record.group).then(|| record.group.clone());
        cut(&self.security_groups, page, |record| self.sees(record.visible_ms), show)
    }

    pub(super) fn create_security_group(
        &mut self,
        name: &str,
        vpc_id: &VpcId,
        tags: &Tags,
    ) -> CallResult<SecurityGroupId> {
        const ACTION: &str = "ec2:CreateSecurityGroup";
        check_tags(ACTION, tags)?;
        if name.is_empty() || name.len() > 255 || name.starts_with("sg-") {
            return fail(
                ACTION,
                "InvalidParameterValue",
                format!("Invalid value '{name}' for GroupName."),
            );
        }
        if !self.subnets.values().any(|record| record.subnet.vpc_id == *vpc_id) {
            return fail(
                ACTION,
                "InvalidVpcID.NotFound",
                format!("The vpc ID '{vpc_id}' does not exist"),
            );
        }
        let same = |record: &SecurityGroupRecord| record.group.name == name && record.group.vpc_id == *vpc_id;
        if self.security_groups.values().any(same) {
            let message = format!("The security group '{name}' already exists for VPC '{vpc_id}'");
            return fail(ACTION, "InvalidGroup.Duplicate", message);
        }
        let id = SecurityGroupId::from(self.new_id("sg"));
        let group = SecurityGroup {
            id: id.clone(),
            name: name.to_owned(),
            vpc_id: vpc_id.clone(),
            ingress: Vec::new(),
            egress: vec![IngressRule::everywhere()],
            tags: tags.clone(),
        };
        let record = SecurityGroupRecord {
            group,
            visible_ms: self.visible_from(),
        };
        self.security_groups.insert(id.clone(), record);
        self.made = Some(id.to_string());
        Ok(id)
    }

    fn live_group(&mut self, action: &'static str, id: &SecurityGroupId) -> CallResult<&mut SecurityGroup> {
        let now_ms = self.now_ms;
        match self
            .security_groups
            .get_mut(id)
            .filter(|record| record.visible_ms <= now_ms)
        {
            Some(record) => Ok(&mut record.group),
            None => fail(
                action,
                "InvalidGroup.NotFound",
                format!("The security group '{id}' does not exist"),
            ),
        }
    }

    /// `AuthorizeSecurityGroupIngress`: all rules or none.
    pub(super) fn authorize_ingress(&mut self, id: &SecurityGroupId, rules: &[IngressRule]) -> CallResult<()> {
        const ACTION: &str = "ec2:AuthorizeSecurityGroupIngress";
        self.live_group(ACTION, id)?;
        for rule in rules {
            check_rule(ACTION, rule)?;
            self.check_source(ACTION, &rule.source)?;
        }
        let lists = self.config.prefix_lists.clone();
        let group = self.live_group(ACTION, id)?;
        for (at, rule) in rules.iter().enumerate() {
            if group.ingress.contains(rule) || rules.iter().take(at).any(|earlier| earlier == rule) {
                let message = format!("the specified rule \"{}\" already exists", rule_text(rule));
                return fail(ACTION, "InvalidPermission.Duplicate", message);
            }
        }
        let all = || group.ingress.iter().chain(rules);
        let counted = |ipv6| all().map(|rule| weight(&rule.source, ipv6, &lists)).sum::<u32>();
        if counted(false).max(counted(true)) > RULES_MAX {
            let message = "The maximum number of rules per security group has been reached.";
            return fail(ACTION, "RulesPerSecurityGroupLimitExceeded", message);
        }
        group.ingress.extend_from_slice(rules);
        self.ask_anew();
        Ok(())
    }

    /// Refuses a source that EC2 does not know.
    fn check_source(&self, action: &'static str, source: &str) -> CallResult<()> {
        if source.starts_with("sg-") && !self.security_groups.contains_key(&SecurityGroupId::from(source)) {
            let message = format!("The security group '{source}' does not exist");
            return fail(action, "InvalidGroup.NotFound", message);
        }
        if source.starts_with("pl-") && !self.config.prefix_lists.contains_key(source) {
            let message = format!("The prefix list ID '{source}' does not exist");
            return fail(action, "InvalidPrefixListID.NotFound", message);
        }
        Ok(())
    }

    /// `RevokeSecurityGroupIngress`: all rules or none.
    pub(super) fn revoke_ingress(&mut self, id: &SecurityGroupId, rules: &[IngressRule]) -> CallResult<()> {
        const ACTION: &str = "ec2:RevokeSecurityGroupIngress";
        let group = self.live_group(ACTION, id)?;
        if !rules.iter().all(|rule| group.ingress.contains(rule)) {
            let message = "The specified rule does not exist in this security group.";
            return fail(ACTION, "InvalidPermission.NotFound", message);
        }
        group.ingress.retain(|rule| !rules.contains(rule));
        self.ask_anew();
        Ok(())
    }

    /// `DeleteSecurityGroup`, refused while an instance that is not terminated uses it.
    pub(super) fn delete_security_group(&mut self, id: &SecurityGroupId) -> CallResult<()> {
        const ACTION: &str = "ec2:DeleteSecurityGroup";
        self.live_group(ACTION, id)?;
        let used = self.instances.values().any(|instance| {
            instance.state != InstanceState::Terminated && instance.data.security_groups.iter().any(|used| used == id)
        });
        let named = self
            .security_groups
            .values()
            .any(|record| record.group.id != *id && record.group.ingress.iter().any(|rule| rule.source == id.as_str()));
        if used || named {
            return fail(
                ACTION,
                "DependencyViolation",
                format!("resource {id} has a dependent object"),
            );
        }
        self.security_groups.remove(id);
        Ok(())
    }
}

fn check_rule(action: &'static str, rule: &IngressRule) -> CallResult<()> {
    let ports = match rule.protocol.as_str() {
        "tcp" | "udp" => (0..=65_535).contains(&rule.from_port) && (rule.from_port..=65_535).contains(&rule.to_port),
        "icmp" | "icmpv6" | "-1" => true,
        other => {
            return fail(
                action,
                "InvalidPermission.Malformed",
                format!("Invalid protocol: {other}"),
            );
        }
    };
    if ports {
        Ok(())
    } else {
        let message = format!("Invalid port range {}-{}.", rule.from_port, rule.to_port);
        fail(action, "InvalidParameterValue", message)
    }
}

/// As how many rules one counts among those for IPv6, or those for IPv4.
fn weight(source: &str, ipv6: bool, lists: &BTreeMap<String, u32>) -> u32 {
    match lists.get(source) {
        _ if source.starts_with("sg-") => 1,
        // A list is of one of the two; those that the world has are of IPv4.
        Some(entries) => {
            if ipv6 {
                0
            } else {
                *entries
            }
        }
        None => u32::from(source.contains(':') == ipv6),
    }
}

/// A rule in EC2's own words.
fn rule_text(rule: &IngressRule) -> String {
    format!(
        "peer: {}, {}, from port: {}, to port: {}, ALLOW",
        rule.source,
        rule.protocol.to_uppercase(),
        rule.from_port,
        rule.to_port
    )
}
