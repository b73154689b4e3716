//! A status as people read it, without colour.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{InstanceStatus, StatusReport};

impl fmt::Display for StatusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.healthy { "healthy" } else { "not healthy" };
        writeln!(
            f,
            "Stack {} in {}, account {}: {state}\n",
            self.stack, self.region, self.account
        )?;
        self.resources(f)?;
        if !self.problems.is_empty() {
            writeln!(f)?;
        }
        for problem in &self.problems {
            writeln!(f, "! {problem}")?;
        }
        if let Some(error) = &self.last_error {
            writeln!(f, "\nLast failed boot ({} in a row):", self.failed_boots)?;
            for line in error.lines() {
                writeln!(f, "  {line}")?;
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
        let holder = |id: &Option<String>| {
            id.as_ref()
                .map_or_else(|| "at no instance".to_owned(), |id| format!("at {id}"))
        };
        match &self.address {
            Some(address) => line(
                f,
                "address",
                format_args!(
                    "{} ({}), {}",
                    address.public_ip,
                    address.allocation_id,
                    holder(&address.associated_instance)
                ),
            )?,
            None => line(f, "address", format_args!("none"))?,
        }
        if let Some(volume) = &self.volume {
            let (id, size, zone) = (&volume.id, volume.size_gib, &volume.zone);
            let holder = holder(&volume.attached_instance);
            line(
                f,
                "volume",
                format_args!("{id}, {size} GiB in {zone}, {}, {holder}", volume.state),
            )?;
        }
        match &self.instance {
            Some(instance) => line(
                f,
                "instance",
                format_args!(
                    "{}",
                    Described {
                        instance,
                        now: self.observed_at
                    }
                ),
            )?,
            None => line(f, "instance", format_args!("none"))?,
        }
        for instance in &self.other_instances {
            line(
                f,
                "",
                format_args!(
                    "{}",
                    Described {
                        instance,
                        now: self.observed_at
                    }
                ),
            )?;
        }
        line(f, "group", format_args!("{}", self.group.as_deref().unwrap_or("none")))?;
        if let Some(template) = &self.launch_template {
            let latest = if template.latest == template.version {
                String::new()
            } else {
                format!(" of {}", template.latest)
            };
            line(
                f,
                "template",
                format_args!("{} version {}{latest}", template.id, template.version),
            )?;
        }
        if let Some(dns) = &self.dns {
            let value = dns.value.as_deref().unwrap_or("nothing");
            let sync = if dns.in_sync { "in sync" } else { "not in sync" };
            line(f, "dns", format_args!("{} -> {value}, {sync}", dns.name))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, text: fmt::Arguments<'_>) -> fmt::Result {
    writeln!(f, "  {name:<9} {text}")
}

struct Described<'a> {
    instance: &'a InstanceStatus,
    now: Timestamp,
}

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InstanceStatus {
            id,
            state,
            health,
            lifecycle,
            launched_at,
            ..
        } = self.instance;
        write!(f, "{id}, ")?;
        if let Some(state) = state {
            write!(f, "{state}, ")?;
        }
        write!(f, "{health}, {lifecycle}")?;
        match launched_at {
            Some(launched_at) => write!(f, ", launched {} ago", age(self.now.duration_since(*launched_at))),
            None => Ok(()),
        }
    }
}

/// A duration in its one greatest unit: what a person takes in at a glance.
fn age(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
