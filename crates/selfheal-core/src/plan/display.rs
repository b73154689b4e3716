//! A plan as people read it, without colour.

use std::fmt;

use super::{Change, Field, Plan, Step, Value, WaitFor};

/// Column at which the reason of a step begins.
const REASON_COLUMN: usize = 46;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Stack {} in {}, account {}", self.stack, self.region, self.account)?;
        if let Some(image) = &self.image {
            if image.asked == image.id.as_str() {
                writeln!(f, "Image {}", image.id)?;
            } else {
                writeln!(f, "Image {} is {} today", image.asked, image.id)?;
            }
        }
        if !self.steps.is_empty() {
            writeln!(f)?;
        }
        for step in &self.steps {
            write!(f, "{step}")?;
        }
        for refusal in &self.refusals {
            writeln!(f, "\n! {}\n    {}", refusal.message, refusal.help)?;
        }
        if !self.notes.is_empty() {
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "* {}", note.message)?;
        }
        writeln!(f, "\n{}", self.summary())
    }
}

impl Plan {
    /// One line that says how much there is to do.
    #[must_use]
    pub fn summary(&self) -> String {
        if self.is_refused() {
            let count = self.refusals.len();
            return format!(
                "Refused: {count} {} to solve first.",
                if count == 1 { "problem" } else { "problems" }
            );
        }
        if self.steps.is_empty() {
            return match self.held_back() {
                None => "Nothing to do: the stack is as the spec says.".to_owned(),
                Some(_) => "Nothing to change, but the stack would not heal: see above.".to_owned(),
            };
        }
        let count = |change| self.steps.iter().filter(|step| step.change == change).count();
        format!(
            "Plan: {} to create, {} to update, {} to delete.",
            count(Change::Create),
            count(Change::Update),
            count(Change::Delete)
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self
            .target
            .as_ref()
            .map(|target| format!(" {target}"))
            .unwrap_or_default();
        let head = format!("{} {}{target}", self.change.sign(), self.kind.subject());
        writeln!(f, "{head:<REASON_COLUMN$}  {}", self.reason)?;
        let width = self.fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
        for field in &self.fields {
            writeln!(f, "    {:<width$}  {field}", field.name)?;
        }
        Ok(())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{before} -> {after}"),
            (None, Some(after)) => write!(f, "{after}"),
            (Some(before), None) => write!(f, "{before} -> nothing"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => f.write_str(value),
            Self::AfterApply => f.write_str("(known after apply)"),
        }
    }
}

/// What is waited for, as it stands after "waiting for".
impl fmt::Display for WaitFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VolumeSeen { id } => write!(f, "the volume {id} to show"),
            Self::AddressesSettled => write!(f, "an address to show that an earlier run may have allocated"),
            Self::VolumesSettled => write!(f, "another restore to show, should anybody have begun one"),
            Self::DnsAnswers => write!(f, "Route 53 to answer"),
            Self::Serving { group } => {
                write!(f, "the instance of {group} to serve, before the name is taken over")
            }
            Self::Awake { group } => write!(f, "the instance of {group} to be in service"),
            Self::Restored { group, volume } => {
                write!(f, "the instance of {group} to be in service with {volume}")
            }
            Self::GroupGone { name } => write!(f, "the group {name} to be gone"),
            Self::InstancesLeft { group, ids } => write!(f, "{} to leave {group}", ids.join(", ")),
            Self::Stopped { ids, .. } => write!(f, "{} to terminate", ids.join(", ")),
            Self::Rested { group } => write!(f, "{group} to be seen asleep"),
            Self::InstancesGone { ids } => write!(f, "{} to terminate", ids.join(", ")),
            Self::SnapshotCompleted { id } => write!(f, "the snapshot {id} to be complete"),
        }
    }
}
