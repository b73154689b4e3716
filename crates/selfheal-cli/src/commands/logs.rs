//! `selfheal logs`: what the stack's instances logged, also those that are gone; else the console of the newest.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selfheal_aws::{CallError, CallErrorKind, CallResult, LogEvent, LogPage, LogQuery, Silent};
use selfheal_core::names::Names;
use selfheal_core::world::{InstanceId, InstanceState};

use crate::cli::LogsArgs;
use crate::entry::Entry;
use crate::error::CliError;
use crate::exit;
use crate::log_line::{LogLine, Source};
use crate::session::Session;

/// Lines that are shown where nobody says how many, nor since when.
const LINES: usize = 100;
/// From the tail CloudWatch Logs reads nothing of before 2024, in seconds since 1970.
const TAIL_FROM_S: i64 = 1_704_067_200;
/// Between two looks of who follows.
const POLL: Duration = Duration::from_secs(2);
/// How far back each of these looks: an instance ships every few seconds, and a new one begins late with what it said first.
const LATE: Duration = Duration::from_secs(60);
/// How often a read is made again that was throttled or whose answer was lost.
const TRIES: u32 = 8;
/// How long a simulated AWS is followed without a line: it takes no time, so that nobody would ever interrupt it.
const SIMULATED: Duration = Duration::from_secs(20 * 60);

/// Shows what was logged.
///
/// # Errors
/// A call fails for good, or `--follow` has nothing to follow.
pub fn run(session: &Session, args: &LogsArgs) -> Result<u8, CliError> {
    let reader = Reader { session, args };
    if session.spec.logs.is_none() {
        if args.follow {
            let message = "there is nothing to follow: the stack's file has no [logs]";
            return Err(CliError::Usage(message.to_owned()));
        }
        eprintln!("the stack's file has no [logs]: this is the console output");
        return reader.console();
    }
    let group = Names::of(&session.spec).log_group;
    let (events, any) = reader.newest(&group)?;
    let shown: Vec<LogLine> = events.iter().rev().map(LogLine::of).collect();
    if !any && !args.follow {
        eprintln!("the log group {group} is empty: this is the console output");
        return reader.console();
    }
    if shown.is_empty() {
        eprintln!("no line of the log group {group} matches");
    }
    reader.print(&shown)?;
    if args.follow {
        reader.follow(&group, &events)?;
    }
    Ok(exit::DONE)
}

struct Reader<'a> {
    session: &'a Session,
    args: &'a LogsArgs,
}

impl Reader<'_> {
    fn now(&self) -> Timestamp {
        self.session.backend.now()
    }

    fn print(&self, lines: &[LogLine]) -> Result<(), CliError> {
        let output = self.session.output;
        for line in lines {
            if self.args.json {
                output.line(line)?;
            } else {
                output.bytes(line.text(output.is_coloured()).as_bytes())?;
            }
        }
        Ok(())
    }

    /// Whether an event is one of those that are asked for.
    fn asked(&self, event: &LogEvent) -> bool {
        let entry = Entry::of(&event.message);
        let of_unit = |name: &String| entry.as_ref().is_some_and(|entry| entry.is_of(name));
        let boot = !self.args.boot || entry.as_ref().is_some_and(Entry::is_boot);
        boot && self.args.unit.as_ref().is_none_or(of_unit)
    }

    /// Reads a page, again where that may help; an empty one where there is no such log group or stream yet.
    fn page(&self, query: &LogQuery) -> Result<LogPage, CliError> {
        let aws = self.session.backend.aws();
        let page = self.again(|| self.session.backend.block_on(aws.filter_log_events(query)))?;
        Ok(page.unwrap_or_default())
    }

    fn again<T>(&self, call: impl Fn() -> Result<CallResult<T>, CliError>) -> Result<T, CliError> {
        let mut tries = 0;
        loop {
            let error = match call()? {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            tries += 1;
            let passes = matches!(error.kind(), CallErrorKind::Throttled | CallErrorKind::Ambiguous);
            if !passes || tries == TRIES {
                return Err(self.failed(error));
            }
            self.wait(Duration::from_secs(1))?;
        }
    }

    fn wait(&self, duration: Duration) -> Result<(), CliError> {
        let control = self.session.backend.control(&Silent);
        self.session.backend.block_on(control.clock.sleep(duration))
    }

    fn failed(&self, error: CallError) -> CliError {
        let statement = self.session.missing_statement(&error, None);
        CliError::Call {
            error: Box::new(error),
            statement,
        }
    }

    /// The newest events that are asked for, the newest first, and whether there are any at all.
    fn newest(&self, group: &str) -> Result<(Vec<LogEvent>, bool), CliError> {
        let begin = Timestamp::from_second(TAIL_FROM_S).unwrap_or(Timestamp::UNIX_EPOCH);
        let since = self.args.since.and_then(|since| self.now().checked_sub(since).ok());
        let most = match (self.args.lines, since) {
            (Some(lines), _) => lines,
            (None, Some(_)) => usize::MAX,
            (None, None) => LINES,
        };
        let mut query = LogQuery {
            group: group.to_owned(),
            stream: self.args.instance.clone(),
            from: since.map_or(begin, |since| since.max(begin)),
            newest_first: true,
            page: None,
        };
        let (mut found, mut any) = (Vec::new(), since.is_some());
        while found.len() < most {
            let page = self.page(&query)?;
            any |= !page.events.is_empty();
            found.extend(page.events.into_iter().filter(|event| self.asked(event)));
            query.page = page.next;
            if query.page.is_none() {
                break;
            }
        }
        found.truncate(most);
        // By time, whatever order the pages have.
        found.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
        Ok((found, any))
    }

    /// Shows what comes after the events that were shown, until somebody interrupts it.
    fn follow(&self, group: &str, shown: &[LogEvent]) -> Result<(), CliError> {
        let mut seen = Seen::default();
        let began = self.now().checked_sub(LATE).unwrap_or(Timestamp::UNIX_EPOCH);
        for event in shown {
            seen.takes(event);
        }
        let mut last = shown.first().map_or(began, |event| event.at);
        // What was there before and was not shown is not new.
        let mut first = true;
        let mut quiet_since = self.now();
        loop {
            let mut query = LogQuery {
                group: group.to_owned(),
                stream: self.args.instance.clone(),
                from: last.checked_sub(LATE).unwrap_or(Timestamp::UNIX_EPOCH),
                newest_first: false,
                page: None,
            };
            loop {
                let page = self.page(&query)?;
                let new = page.events.iter().filter(|event| seen.takes(event));
                let old = |event: &&LogEvent| first && shown.first().is_some_and(|newest| event.at < newest.at);
                let new: Vec<&LogEvent> = new.filter(|event| !old(event)).collect();
                last = new.iter().map(|event| event.at).chain([last]).max().unwrap_or(last);
                let lines = new.into_iter().filter(|event| self.asked(event));
                let lines: Vec<LogLine> = lines.map(LogLine::of).collect();
                if !lines.is_empty() {
                    quiet_since = self.now();
                }
                self.print(&lines)?;
                query.page = page.next;
                if query.page.is_none() {
                    break;
                }
            }
            first = false;
            seen.forget_before(query.from);
            let quiet = Duration::try_from(self.now().duration_since(quiet_since)).unwrap_or_default();
            if self.session.backend.is_simulated() && quiet > SIMULATED {
                return Ok(());
            }
            self.wait(POLL)?;
        }
    }

    /// Shows the end of an instance's console: of the newest, where none is named.
    fn console(&self) -> Result<u8, CliError> {
        let backend = &self.session.backend;
        let stack = self.session.spec.name.as_str();
        let found = self.again(|| backend.block_on(backend.aws().describe_instances(&[stack])))?;
        let named = |id: &InstanceId| {
            self.args
                .instance
                .as_ref()
                .is_none_or(|instance| instance == id.as_str())
        };
        let instance = found
            .into_iter()
            .filter(|it| named(&it.id))
            .max_by_key(|it| it.launched_at);
        let Some(instance) = instance else {
            eprintln!("there is no such instance of the stack: EC2 shows one for an hour after its end");
            return Ok(exit::DONE);
        };
        let id = &instance.id;
        let runs = instance.state == InstanceState::Running;
        let ask = |latest| self.again(|| backend.block_on(backend.aws().console_output(id, latest)));
        let output = match ask(runs) {
            // Only instances on Nitro tell how it is now.
            Err(CliError::Call { error, .. }) if runs && error.code.as_deref() == Some("UnsupportedOperation") => {
                ask(false)?
            }
            output => output?,
        };
        let Some(output) = output else {
            eprintln!("EC2 has no console output of {id} yet");
            return Ok(exit::DONE);
        };
        let lines: Vec<&str> = output.lines().collect();
        let from = lines.len().saturating_sub(self.args.lines.unwrap_or(LINES));
        let lines = lines[from..]
            .iter()
            .map(|line| LogLine::console(id.as_str(), line.trim_end_matches('\r')));
        self.print(&lines.collect::<Vec<_>>())?;
        Ok(exit::DONE)
    }
}

/// The events that were shown, by AWS's ids, for as long as they are read again.
#[derive(Default)]
struct Seen(BTreeMap<String, Timestamp>);

impl Seen {
    /// Tells whether an event is new, and takes it for seen.
    fn takes(&mut self, event: &LogEvent) -> bool {
        self.0.insert(event.id.clone(), event.at).is_none()
    }

    fn forget_before(&mut self, at: Timestamp) {
        self.0.retain(|_, seen| *seen >= at);
    }
}

impl LogLine {
    /// An event of the log group.
    fn of(event: &LogEvent) -> Self {
        let entry = Entry::of(&event.message);
        let (priority, unit, identifier, pid, text) = match entry {
            Some(entry) => (
                Some(entry.priority),
                entry.unit.map(str::to_owned),
                entry.identifier.map(str::to_owned),
                entry.pid,
                entry.text,
            ),
            None => (None, None, None, None, event.message.as_str()),
        };
        Self {
            source: Source::LogGroup,
            at: Some(event.at.to_string()),
            id: Some(event.id.clone()),
            instance: event.stream.clone(),
            priority,
            unit,
            identifier,
            pid,
            text: text.to_owned(),
        }
    }
}
