//! Security groups.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listing::list;
use super::{Answer, Observed, SecurityGroupId, VpcId};
use crate::names::Tags;

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// `sg-…`.
    pub id: SecurityGroupId,
    /// Its name.
    pub name: String,
    /// Its VPC.
    pub vpc_id: VpcId,
    /// Ingress rules, one for each protocol, port range and source.
    pub ingress: Vec<IngressRule>,
    /// Egress rules, likewise; a new group lets everything out.
    pub egress: Vec<IngressRule>,
    /// Its tags.
    pub tags: Tags,
}

impl SecurityGroup {
    /// Whether it lets requests out that could reach AWS: HTTPS, to any peer at all.
    #[must_use]
    pub fn lets_https_out(&self) -> bool {
        self.egress.iter().any(IngressRule::covers_https)
    }
}

/// One rule of a security group: a protocol, a port range and one peer, which is the source of ingress and the target of
/// egress.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct IngressRule {
    /// `tcp`, `udp`, `icmp` or `-1` for all.
    pub protocol: String,
    /// First port, or -1.
    pub from_port: i32,
    /// Last port, or -1.
    pub to_port: i32,
    /// The peer: a CIDR block (IPv4 or IPv6), a prefix list or a group id.
    pub source: String,
}

impl IngressRule {
    /// Everything, from or to every IPv4 address: the egress that AWS gives to a new security group.
    #[must_use]
    pub fn everywhere() -> Self {
        Self {
            protocol: "-1".to_owned(),
            from_port: -1,
            to_port: -1,
            source: "0.0.0.0/0".to_owned(),
        }
    }

    /// Whether it is about HTTPS, whoever the peer is.
    fn covers_https(&self) -> bool {
        self.protocol == "-1" || (self.protocol == "tcp" && (self.from_port..=self.to_port).contains(&443))
    }
}

/// One mutating call about security groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call")]
pub enum SecurityGroupCall {
    /// `ec2:CreateSecurityGroup`.
    CreateSecurityGroup {
        /// Its name.
        name: String,
        /// Its VPC.
        vpc_id: VpcId,
        /// Its tags.
        tags: Tags,
    },
    /// `ec2:AuthorizeSecurityGroupIngress`.
    AuthorizeIngress {
        /// The group.
        group_id: SecurityGroupId,
        /// The rules to add.
        rules: Vec<IngressRule>,
    },
    /// `ec2:RevokeSecurityGroupIngress`.
    RevokeIngress {
        /// The group.
        group_id: SecurityGroupId,
        /// The rules to take away.
        rules: Vec<IngressRule>,
    },
    /// `ec2:DeleteSecurityGroup`.
    DeleteSecurityGroup {
        /// The group.
        id: SecurityGroupId,
    },
}

pub(super) fn record(observed: &mut Observed, call: &SecurityGroupCall, answer: Answer) {
    match call {
        SecurityGroupCall::CreateSecurityGroup { name, vpc_id, tags } => {
            let Answer::SecurityGroup(id) = answer else { return };
            observed.run.unseen.insert(id.to_string());
            observed.security_groups.push(SecurityGroup {
                id,
                name: name.clone(),
                vpc_id: vpc_id.clone(),
                ingress: Vec::new(),
                egress: vec![IngressRule::everywhere()],
                tags: tags.clone(),
            });
        }
        // An answer that does not fit changes nothing.
        _ if answer != Answer::Done => {}
        SecurityGroupCall::AuthorizeIngress { group_id, rules } => {
            for group in of_id(observed, group_id) {
                group.ingress.extend(rules.iter().cloned());
            }
        }
        SecurityGroupCall::RevokeIngress { group_id, rules } => {
            for group in of_id(observed, group_id) {
                group.ingress.retain(|rule| !rules.contains(rule));
            }
        }
        SecurityGroupCall::DeleteSecurityGroup { id } => {
            observed.run.unseen.remove(id.as_str());
            observed.security_groups.retain(|group| group.id != *id);
        }
    }
}

fn of_id<'a>(observed: &'a mut Observed, id: &'a SecurityGroupId) -> impl Iterator<Item = &'a mut SecurityGroup> {
    observed.security_groups.iter_mut().filter(move |group| group.id == *id)
}

impl Observed {
    /// Puts a new reading of the security groups into the observed world.
    pub fn read_security_groups(&mut self, groups: Vec<SecurityGroup>) {
        list(&mut self.security_groups, groups, &mut self.run.unseen, |group| {
            group.id.to_string()
        });
    }
}
