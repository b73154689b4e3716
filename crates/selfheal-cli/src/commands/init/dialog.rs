//! Asking for a first spec, question by question.

use selfheal_core::init::{Draft, Offered};

use crate::backend::Backend;
use crate::error::CliError;

/// Who is asked.
pub trait Person {
    /// Shows a text, and answers the line that is typed; `None` at the end of input.
    ///
    /// # Errors
    /// Interrupted.
    fn answer(&mut self, text: &str) -> Result<Option<String>, CliError>;
}

/// A person on the terminal.
#[derive(Debug)]
pub struct Terminal<'a>(&'a Backend);

impl Person for Terminal<'_> {
    fn answer(&mut self, text: &str) -> Result<Option<String>, CliError> {
        eprint!("{text}");
        // An interrupt leaves the cursor behind the question.
        self.0.read_line().inspect_err(|_| eprintln!())
    }
}

/// A dialog with a person.
#[derive(Debug)]
pub struct Dialog<P> {
    person: P,
}

impl<'a> Dialog<Terminal<'a>> {
    /// Asks on the terminal; questions go to standard error.
    pub const fn new(backend: &'a Backend) -> Self {
        Self {
            person: Terminal(backend),
        }
    }
}

impl<P: Person> Dialog<P> {
    /// Asks somebody else.
    #[cfg(test)]
    pub const fn with(person: P) -> Self {
        Self { person }
    }

    /// Asks until the answer is sound: a number of what is offered, or a value; nothing takes the default.
    ///
    /// `take` makes the draft with the answer in it, or says why it cannot. Of its problems those at `key` are the answer's.
    ///
    /// # Errors
    /// Interrupted, or the input has ended.
    pub fn ask(
        &mut self,
        question: &str,
        offers: &[(String, String)],
        default: &str,
        key: &str,
        take: &dyn Fn(&str) -> Result<Draft, String>,
    ) -> Result<Draft, CliError> {
        let mut text = format!("\n{question}\n");
        for (number, (_, shown)) in (1..).zip(offers) {
            text.push_str(&format!("  {number:>2}  {shown}\n"));
        }
        loop {
            let line = self.person.answer(&format!("{text}[{default}] "))?;
            let Some(line) = line else {
                return Err(CliError::Declined("the input has ended"));
            };
            let typed = match line.trim() {
                "" => default,
                typed => typed,
            };
            let number = typed.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let chosen = number.and_then(|at| offers.get(at)).map_or(typed, |(value, _)| value);
            let sound = take(chosen).and_then(|draft| {
                let problems = draft.problems();
                let of_key = problems.iter().find(|(at, _)| at.starts_with(key));
                of_key.map_or(Ok(draft), |(_, problem)| Err(problem.clone()))
            });
            match sound {
                Ok(draft) => return Ok(draft),
                Err(why) => text = format!("  ! {why}\n"),
            }
        }
    }

    /// Asks for the Region, where it was not given.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn region(&mut self, draft: &Draft, has: &Offered) -> Result<String, CliError> {
        let offers: Vec<_> = has
            .regions
            .iter()
            .map(|region| (region.clone(), region.clone()))
            .collect();
        let take = |region: &str| {
            if !has.regions.is_empty() && !has.regions.iter().any(|known| known == region) {
                return Err(format!("the account may use no Region {region}"));
            }
            Ok(Draft {
                region: region.to_owned(),
                ..draft.clone()
            })
        };
        let default = if has.regions.is_empty() || has.regions.contains(&draft.region) {
            &draft.region
        } else {
            &has.regions[0]
        };
        Ok(self.ask("In which Region?", &offers, default, "region", &take)?.region)
    }
}
