//! A status as people read it, without colour.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{FindingCode, InstanceStatus, Severity, StatusReport};
use crate::plan::show_retention;
use crate::world::{ApplicationStatus, InstanceId, LifecyclePolicy};

impl StatusReport {
    /// Says in a few words how the stack is, such as `healthy` or `does not serve`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.severity {
            None | Some(Severity::Outdated | Severity::Unprotected | Severity::Unheard) if self.asleep.is_some() => {
                "asleep"
            }
            Some(Severity::CannotHeal) if self.asleep.is_some() => "asleep, and would not wake",
            None => "healthy",
            Some(Severity::Outdated) if self.findings[0].code != FindingCode::VersionBehind => {
                "healthy, and its certificate is late"
            }
            Some(Severity::Outdated) => "healthy, on an older version",
            Some(Severity::Unprotected) => "healthy, without the snapshots that it is to have",
            Some(Severity::Unheard) => "healthy, and not everybody is told",
            Some(Severity::CannotHeal) => "serves, but would not heal",
            Some(Severity::Down) => "does not serve",
        }
    }
}

impl fmt::Display for StatusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Stack {} in {}, account {}: {}\n",
            self.stack,
            self.region,
            self.account,
            self.state()
        )?;
        self.resources(f)?;
        if !self.findings.is_empty() {
            writeln!(f)?;
        }
        for finding in &self.findings {
            writeln!(f, "! {}\n    {}", finding.message, finding.help)?;
        }
        if let Some(error) = &self.last_error {
            writeln!(f, "\nLast failed boot ({} in a row):", self.failed_boots)?;
            writeln!(f, "  {error}")?;
            let log = self.last_log.as_deref().unwrap_or_default();
            for line in log.split(" / ").filter(|line| !line.is_empty()) {
                writeln!(f, "  | {line}")?;
            }
        }
        if !self.notes.is_empty() {
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "* {}", note.message)?;
        }
        match self.drift.as_slice() {
            [] => writeln!(f, "\nNo drift: the stack is as the spec says."),
            drift => {
                writeln!(f, "\nDrift:")?;
                drift
                    .iter()
                    .try_for_each(|drift| writeln!(f, "  {}: {}", drift.subject, drift.message))
            }
        }
    }
}

impl StatusReport {
    fn resources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "address", &self.address_text())?;
        if let Some(volume) = &self.volume {
            let (id, size, zone) = (&volume.id, volume.size_gib, &volume.zone);
            let holder = holder(volume.attached_instance.as_ref());
            line(
                f,
                "volume",
                &format!("{id}, {size} GiB in {zone}, {}, {holder}", volume.state),
            )?;
        }
        self.snapshot_lines(f)?;
        let now = self.observed_at;
        let instance = self.instance.as_ref();
        line(
            f,
            "instance",
            &instance.map_or_else(none, |instance| describe(instance, now)),
        )?;
        for instance in &self.other_instances {
            line(f, "", &describe(instance, now))?;
        }
        if let Some(agent) = &self.agent {
            line(f, "agent", &agent.describe(now))?;
        }
        self.sleep(f)?;
        line(f, "group", self.group.as_deref().unwrap_or("none"))?;
        if let Some(template) = &self.launch_template {
            let pinned = format!("{} version {}", template.id, template.version);
            let is_latest = template.latest == template.version;
            line(
                f,
                "template",
                &if is_latest {
                    pinned
                } else {
                    format!("{pinned} of {}", template.latest)
                },
            )?;
        }
        if let Some(check) = &self.application_check {
            let says = check
                .instance_status
                .as_ref()
                .map_or("says nothing yet", ApplicationStatus::as_str);
            line(f, "check", &format!("{}, {says}", check.id))?;
        }
        if let Some(dns) = &self.dns {
            let value = dns.value.as_deref().unwrap_or("nothing");
            let sync = if dns.in_sync { "in sync" } else { "not in sync" };
            line(f, "dns", &format!("{} -> {value}, {sync}", dns.name))?;
        }
        if let Some(logs) = &self.log_group {
            let retention = show_retention(logs.retention_days);
            line(f, "logs", &format!("{}, kept {retention}", logs.name))?;
        }
        self.last_lines(f)
    }

    fn snapshot_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(snapshot) = &self.last_snapshot {
            let age = age(self.observed_at.duration_since(snapshot.started_at));
            line(
                f,
                "snapshot",
                &format!(
                    "{} of {}, {}, started {age} ago",
                    snapshot.id, snapshot.volume_id, snapshot.state
                ),
            )?;
        }
        if let Some(snapshots) = &self.snapshots {
            let state = match snapshots.state.as_str() {
                LifecyclePolicy::ENABLED => String::new(),
                other => format!(", {other}"),
            };
            let says = format!(
                "every {} h, kept {} days, by {}{state}",
                snapshots.every_h, snapshots.keep_days, snapshots.policy
            );
            line(f, "snapshots", &says)?;
        }
        Ok(())
    }

    fn last_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(notify) = &self.notify {
            line(f, "notify", &notify.to_string())?;
        }
        if let Some(repairs) = &self.repairs {
            line(f, "repairs", &repairs.describe())?;
        }
        if let Some(drill) = &self.last_drill {
            line(f, "drill", &drill.describe())?;
        }
        if let Some(drill) = &self.last_restore_drill {
            line(f, "backup", &drill.describe())?;
        }
        if let Some(replacements) = &self.replacements {
            line(f, "replaced", &replacements.describe(self.observed_at))?;
        }
        if let Some(certificate) = &self.certificate {
            line(f, "https", &certificate.describe(self.observed_at))?;
        }
        let Some(config) = &self.config else {
            return Ok(());
        };
        let noted = match &config.noted {
            Some(noted) => format!("the instance has {noted}"),
            None => format!("{}, fetched by no instance yet", config.path),
        };
        line(f, "config", &noted)
    }

    fn sleep(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(asleep) = &self.asleep {
            line(f, "asleep", &asleep.describe(self.observed_at))?;
        }
        for (index, turn) in self.schedule.iter().enumerate() {
            let name = if index == 0 { "next" } else { "" };
            line(f, name, &format!("{} {}", turn.turn, turn.local))?;
        }
        Ok(())
    }

    fn address_text(&self) -> String {
        self.address.as_ref().map_or_else(none, |address| {
            let holder = holder(address.associated_instance.as_ref());
            format!("{} ({}), {holder}", address.public_ip, address.allocation_id)
        })
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {name:<9} {text}")
}

fn none() -> String {
    "none".to_owned()
}

fn holder(instance: Option<&InstanceId>) -> String {
    instance.map_or_else(|| "at no instance".to_owned(), |id| format!("at {id}"))
}

fn describe(instance: &InstanceStatus, now: Timestamp) -> String {
    let InstanceStatus {
        id,
        state,
        health,
        lifecycle,
        launched_at,
        instance_type,
        ..
    } = instance;
    let kind = instance_type
        .as_ref()
        .map(|kind| format!("{kind}, "))
        .unwrap_or_default();
    let state = state.as_ref().map(|state| format!("{state}, ")).unwrap_or_default();
    let launched = launched_at
        .map(|at| format!(", launched {} ago", age(now.duration_since(at))))
        .unwrap_or_default();
    format!("{id}, {kind}{state}{health}, {lifecycle}{launched}")
}

/// A duration in its one greatest unit: what a person takes in at a glance.
pub(super) fn age(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
