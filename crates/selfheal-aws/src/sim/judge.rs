//! The invariants that judge an act: what a call of an operator or of an instance does, beside what the world then is.

use jiff::SignedDuration;
use selfheal_core::names::{POLICY_NAME, ResourceKind, TAG_ROLE, TAG_SCHEMA, TAG_STACK, Tags};
use selfheal_userdata::read_with_bundle;

use super::call::{Call, Caller};
use super::ledger::Violation;
use super::state::RoleRecord;
use super::target::Target;
use super::world::World;

/// Calls that a run makes at most (S14). The longest of them, a destroy that waits for a volume that is held, makes some
/// three hundred. One that looks on for hours and changes nothing makes no more within each.
const CALLS_MAX: u32 = 1_000;
/// Times in a row that an operator makes a call which is refused (S14): fifteen minutes of the longest pauses, and the short
/// ones before.
const REFUSED_MAX: u32 = 150;
/// Times in a row that an instance makes a call which is refused (S14). It bears an outage of four hours, and
/// makes a call every six seconds at most.
const INSTANCE_REFUSED_MAX: u32 = 2_400;
/// Letters that a parameter has at least to count as a secret: anything shorter may stand anywhere by chance.
const SECRET_MIN: usize = 8;

impl World {
    /// What would be wrong about a change if it took effect, judged by the world before it: S7 and S8.
    pub(super) fn suspect(&self, caller: &Caller, call: &Call) -> Vec<Violation> {
        let mut found = Vec::new();
        if !call.mutating || !self.config.check_invariants || !matches!(caller, Caller::Operator(_)) {
            return found;
        }
        if let Some(charge) = &call.charge
            && !charge.shows(call.action, &call.resource)
        {
            let detail = format!(
                "{} on {} was not part of the plan that was shown",
                call.action, call.resource
            );
            found.push(Violation::new("S7", detail));
        }
        found.extend(call.targets.iter().filter_map(|target| self.goes_back(target, call)));
        found
    }

    /// S8: neither the pinned version nor the form of a stack ever goes back, unless a person asked for that version.
    fn goes_back(&self, target: &Target, call: &Call) -> Option<Violation> {
        if let Target::ChangedGroup(settings) = target {
            let before = &self.groups.get(&settings.name)?.settings;
            let (was, is) = (before.template_version, settings.template_version);
            let versions = self.templates.get(&settings.template_id)?;
            // Of two operators who make the same version at once, whoever pins last may pin the first of the two.
            let same = versions.version(was) == versions.version(is);
            let asked = self
                .ledger
                .permitted
                .contains(&format!("{} version {is}", settings.name));
            if before.template_id == settings.template_id && is < was && !same && !asked {
                let detail = format!("{} went back from version {was} to {is}", settings.name);
                return Some(Violation::new("S8", detail));
            }
        }
        let form = |tags: &Tags| tags.get(TAG_SCHEMA).and_then(|form| form.parse::<u32>().ok());
        let is = form(&call.tags).filter(|_| call.action == "ec2:CreateTags")?;
        let (name, tags) = self.owner_tags(target)?;
        let was = form(&tags).filter(|was| *was > is)?;
        Some(Violation::new(
            "S8",
            format!("{name} went back from form {was} to {is}"),
        ))
    }

    /// Judges a change that took effect by what it said and left: S10, S11 and S12.
    pub(super) fn judge_change(&mut self, caller: &Caller, call: &Call, resource: &str) {
        if !call.mutating || !self.config.check_invariants {
            return;
        }
        let mut found = self.tells_secret(call, resource);
        if let Caller::Instance(id) = caller
            && call.action == "autoscaling:CreateOrUpdateTags"
        {
            self.happened_by_tags(id, &call.tags);
        }
        if matches!(caller, Caller::Operator(_)) {
            found.extend(self.does_not_read_back(call, resource));
            found.extend(self.lets_too_much(call));
        }
        self.ledger.faults.extend(found);
    }

    /// S11: no parameter of the account stands in what AWS shows to others: tags, user data, policies, plans. AWS's own are
    /// public, and what is kept for a stack's boot program holds no secret, as no user data does.
    fn tells_secret(&self, call: &Call, resource: &str) -> Vec<Violation> {
        let secrets: Vec<(&String, &String)> = self
            .parameters
            .iter()
            .filter(|(name, _)| !name.starts_with("/aws/") && !name.starts_with("/selfheal/"))
            .map(|(name, record)| (name, &record.value))
            .filter(|(_, value)| value.len() >= SECRET_MIN)
            .collect();
        if secrets.is_empty() {
            return Vec::new();
        }
        let mut told: Vec<(&str, String)> = Vec::new();
        told.extend(call.tags.values().map(|value| ("a tag", value.clone())));
        if let Some(data) = self.latest_version(call, resource) {
            let script = data.user_data.script().unwrap_or_default();
            told.push(("user data", String::from_utf8_lossy(script).into_owned()));
        }
        for target in &call.targets {
            if let Target::Role(name) = target {
                let policies = self
                    .roles
                    .get(name)
                    .into_iter()
                    .flat_map(|record| record.policies.values());
                told.extend(policies.map(|policy| ("a policy", policy.document.to_string())));
            }
        }
        told.extend(call.charge.iter().map(|charge| ("the plan", charge.text.clone())));
        let mut found = Vec::new();
        for (name, value) in secrets {
            for (place, _) in told.iter().filter(|(_, text)| text.contains(value.as_str())) {
                let detail = format!("{} tells the value of {name} in {place}", call.action);
                found.push(Violation::new("S11", detail));
            }
        }
        found
    }

    /// S12: user data of ours says the configuration that it was rendered from, each string as one literal.
    fn does_not_read_back(&self, call: &Call, resource: &str) -> Option<Violation> {
        let user_data = &self.latest_version(call, resource)?.user_data;
        let settings = user_data.settings()?;
        let reads_back = user_data.config().is_some()
            || settings.get("bundle").is_some_and(|digest| {
                // It is there, whole, before a version names it.
                let below = format!("bundle/{}/", String::from_utf8_lossy(digest));
                let parts = self.parameters.iter().filter(|(name, _)| name.contains(&below));
                let parts: Vec<&str> = parts.map(|(_, record)| record.value.as_str()).collect();
                user_data
                    .script()
                    .is_some_and(|script| read_with_bundle(script, &parts).is_ok())
            });
        (!reads_back).then(|| {
            let detail = format!("the user data of {resource} is not what its configuration renders to");
            Violation::new("S12", detail)
        })
    }

    /// The version that a call has just made of a template.
    fn latest_version(&self, call: &Call, resource: &str) -> Option<&selfheal_core::world::TemplateData> {
        let made = matches!(
            call.action,
            "ec2:CreateLaunchTemplate" | "ec2:CreateLaunchTemplateVersion"
        );
        self.templates.get(resource).filter(|_| made)?.versions.last()
    }

    /// S10: the policy that the tool writes for a stack's role lets its instance do nothing of what no instance does.
    fn lets_too_much(&self, call: &Call) -> Vec<Violation> {
        if call.action != "iam:PutRolePolicy" {
            return Vec::new();
        }
        let roles = call.targets.iter().filter_map(|target| match target {
            Target::Role(name) => self.roles.get(name),
            _ => None,
        });
        let mut found = Vec::new();
        // What the role of a lifecycle policy may do is no instance's.
        let of_instance = |record: &&RoleRecord| {
            let kind = record.role.tags.get(TAG_ROLE);
            kind.is_none_or(|kind| kind != ResourceKind::SnapshotRole.as_str())
        };
        for record in roles.filter(of_instance) {
            let stack = record.role.tags.get(TAG_STACK);
            let policy = record.policies.get(POLICY_NAME);
            let (Some(stack), Some(document)) = (stack, policy.and_then(|policy| policy.document.document())) else {
                continue;
            };
            found.extend(self.beyond_the_list(stack, document).into_iter().map(|what| {
                let detail = format!("the role {} allows {what}", record.role.name);
                Violation::new("S10", detail)
            }));
        }
        found
    }

    /// S14: counts a call of a run, and how often it is refused in a row.
    pub(super) fn count_call(&mut self, caller: &Caller, call: &Call, refused: bool) {
        if !self.config.check_invariants {
            return;
        }
        let (operator, name) = (matches!(caller, Caller::Operator(_)), caller.name());
        if refused && !operator {
            self.put_off_telling(name);
        }
        let now = self.now();
        let run = self.ledger.run(name);
        let since = *run.looks_on_since.get_or_insert(now);
        if call.mutating {
            run.looks_on_since = Some(now);
        } else if now.duration_since(since) >= SignedDuration::from_hours(1) {
            run.looks_on_since = Some(now);
            run.calls = 0;
        }
        run.calls += u32::from(operator);
        if run.calls == CALLS_MAX + 1 {
            let detail = format!("a run of {name} made more than {CALLS_MAX} calls");
            self.ledger.faults.push(Violation::new("S14", detail));
            return;
        }
        if !refused && run.refused.is_empty() {
            return;
        }
        let what = format!("{} {}", call.action, call.resource);
        if !refused {
            run.refused.remove(&what);
            return;
        }
        let times = run.refused.entry(what).or_default();
        *times += 1;
        let most = if operator { REFUSED_MAX } else { INSTANCE_REFUSED_MAX };
        if *times == most + 1 {
            let detail = format!(
                "{name} made {} on {} {times} times though it was refused",
                call.action, call.resource
            );
            self.ledger.faults.push(Violation::new("S14", detail));
        }
    }
}
