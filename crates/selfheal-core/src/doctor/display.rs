//! A doctor's report as people read it, without colour.

use std::fmt;

use super::{DoctorReport, Verdict};

impl fmt::Display for DoctorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account.as_deref().unwrap_or("unknown");
        let fails = self.failing().count();
        let state = match fails {
            0 => "nothing found that would fail".to_owned(),
            1 => "1 check fails".to_owned(),
            _ => format!("{fails} checks fail"),
        };
        writeln!(
            f,
            "Stack {} in {}, account {account}: {state}\n",
            self.stack, self.region
        )?;
        for check in &self.checks {
            let sign = match check.verdict {
                Verdict::Well => "  ",
                Verdict::Unknown => "? ",
                Verdict::Fails => "! ",
            };
            writeln!(f, "{sign}{:<15} {}", check.code.word(), check.found)?;
            if check.verdict != Verdict::Well {
                writeln!(f, "{:>17} needed: {}", "", check.needed)?;
            }
            if let Some(mend) = &check.mend {
                let word = if check.verdict == Verdict::Fails { "mend" } else { "ask" };
                writeln!(f, "{:>17} {word}: {mend}", "")?;
            }
        }
        let unknown = self
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Unknown)
            .count();
        if unknown > 0 {
            writeln!(
                f,
                "\n? marks what is not known: {unknown} of {} checks.",
                self.checks.len()
            )?;
        }
        Ok(())
    }
}
