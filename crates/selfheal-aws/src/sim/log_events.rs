//! Log events: what instances write, within the limits of `PutLogEvents`, and what is read of it.

use super::call::{Call, Caller, fail};
use super::state::LogEventRecord;
use super::target::Target;
use super::world::World;
use crate::backend::{CallResult, LogEvent, LogPage, LogQuery};

/// Events of one call.
const EVENTS_MAX: usize = 10_000;
/// Bytes of one call: of each message in UTF-8, and 26 beside each.
const BYTES_MAX: usize = 1_048_576;
const BESIDE_BYTES: usize = 26;
/// Time between the first and the last event of one call, in milliseconds.
const SPAN_MS_MAX: i64 = 24 * 3_600_000;
/// How far ahead of AWS's time an event may be, and how far behind it, in milliseconds.
const AHEAD_MS_MAX: i64 = 2 * 3_600_000;
const BEHIND_DAYS_MAX: u32 = 14;
const DAY_MS: i64 = 24 * 3_600_000;
/// Before 2024 nothing is read from the tail, in milliseconds since 1970.
const TAIL_FROM_MS: i64 = 1_704_067_200_000;

impl World {
    fn epoch_ms(&self) -> i64 {
        self.now().as_millisecond()
    }

    fn create_log_stream(&mut self, group: &str, stream: &str) -> CallResult<()> {
        const ACTION: &str = "logs:CreateLogStream";
        if stream.is_empty() || stream.len() > 512 || stream.contains([':', '*']) {
            return fail(
                ACTION,
                "InvalidParameterException",
                "the name of the log stream is malformed",
            );
        }
        let record = self.log_group(ACTION, group)?;
        if record.streams.contains_key(stream) {
            let message = "The specified log stream already exists";
            return fail(ACTION, "ResourceAlreadyExistsException", message);
        }
        record.streams.insert(stream.to_owned(), Vec::new());
        Ok(())
    }

    /// Appends events; answers how many of them were dropped, because they are too old or too far ahead.
    fn put_log_events(&mut self, group: &str, stream: &str, events: &[(i64, String)]) -> CallResult<usize> {
        const ACTION: &str = "logs:PutLogEvents";
        let refused = |message: &str| fail(ACTION, "InvalidParameterException", message);
        let bytes: usize = events.iter().map(|(_, message)| message.len() + BESIDE_BYTES).sum();
        if events.is_empty() || events.len() > EVENTS_MAX || events.iter().any(|(_, message)| message.is_empty()) {
            return refused("1 validation error detected: Value at 'logEvents' failed to satisfy constraint");
        }
        if bytes > BYTES_MAX {
            return refused("Upload too large: more than 1048576 bytes");
        }
        if !events.is_sorted_by_key(|(at_ms, _)| *at_ms) {
            return refused("Log events in a single PutLogEvents request must be in chronological order.");
        }
        let ends = events.first().zip(events.last());
        if ends.is_some_and(|((first, _), (last, _))| last - first > SPAN_MS_MAX) {
            let message = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
            return refused(message);
        }
        let (now_ms, epoch_ms, visible_ms) = (self.now_ms, self.epoch_ms(), self.visible_from());
        let seq = self.seq();
        let record = self.log_group(ACTION, group)?;
        let days = record.retention_days.unwrap_or(BEHIND_DAYS_MAX).min(BEHIND_DAYS_MAX);
        let oldest_ms = epoch_ms - i64::from(days) * DAY_MS;
        let Some(known) = record.streams.get_mut(stream) else {
            return fail(
                ACTION,
                "ResourceNotFoundException",
                "The specified log stream does not exist.",
            );
        };
        let before = known.len();
        let taken = events
            .iter()
            .filter(|(at_ms, _)| (oldest_ms..=epoch_ms + AHEAD_MS_MAX).contains(at_ms));
        known.extend(taken.map(|(at_ms, message)| LogEventRecord {
            seq,
            at_ms: *at_ms,
            visible_ms: visible_ms.max(now_ms),
            message: message.clone(),
        }));
        Ok(events.len() - (known.len() - before))
    }

    /// A page of the events that callers can see. It is cut before a stream is picked out, so that it may be empty.
    pub(super) fn filter_log_events(&mut self, query: &LogQuery) -> CallResult<Option<LogPage>> {
        const ACTION: &str = "logs:FilterLogEvents";
        let refused = |message: &str| fail(ACTION, "InvalidParameterException", message);
        let from_ms = query.from.as_millisecond();
        if query.newest_first && from_ms < TAIL_FROM_MS {
            return refused("startTime must not be before 2024-01-01 where startFromHead is false");
        }
        let (now_ms, epoch_ms, size) = (self.now_ms, self.epoch_ms(), self.page_size(EVENTS_MAX));
        let Ok(record) = self.log_group(ACTION, &query.group) else {
            return Ok(None);
        };
        let asked = query.stream.as_ref();
        if asked.is_some_and(|stream| !record.streams.contains_key(stream)) {
            return Ok(None);
        }
        let oldest_ms = record.retention_days.map(|days| epoch_ms - i64::from(days) * DAY_MS);
        let from_ms = oldest_ms.map_or(from_ms, |oldest_ms| oldest_ms.max(from_ms));
        let mut events: Vec<LogEvent> = Vec::new();
        for (stream, records) in &record.streams {
            let seen = (0..).zip(records);
            let seen = seen.filter(|(_, record)| record.visible_ms <= now_ms && record.at_ms >= from_ms);
            events.extend(seen.filter_map(|(place, record): (u64, _)| {
                Some(LogEvent {
                    id: format!("{:016}{:016}{place:024}", record.at_ms, record.seq),
                    stream: stream.clone(),
                    at: jiff::Timestamp::from_millisecond(record.at_ms).ok()?,
                    message: record.message.clone(),
                })
            }));
        }
        events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        if query.newest_first {
            events.reverse();
        }
        let begin = match &query.page {
            Some(token) => match token.strip_prefix("after/") {
                Some(id) => events.iter().position(|event| event.id == id).map(|place| place + 1),
                None => None,
            },
            None => Some(0),
        };
        let Some(begin) = begin else {
            return refused("The specified nextToken is invalid.");
        };
        let end = (begin + size).min(events.len());
        let next = (end < events.len()).then(|| format!("after/{}", events[end - 1].id));
        let mut page = events.drain(begin..end).collect::<Vec<_>>();
        page.retain(|event| asked.is_none_or(|stream| event.stream == *stream));
        Ok(Some(LogPage { events: page, next }))
    }

    pub(super) fn api_create_log_stream(&mut self, me: &Caller, group: &str, stream: &str) -> CallResult<()> {
        let call = Call::change("logs:CreateLogStream").about(&format!("{group}:{stream}"));
        let call = call.on(Target::LogStream(group.to_owned(), stream.to_owned()));
        self.call_now(me, &call, |world| world.create_log_stream(group, stream))
    }

    pub(super) fn api_put_log_events(
        &mut self,
        me: &Caller,
        group: &str,
        stream: &str,
        events: &[(i64, String)],
    ) -> CallResult<usize> {
        let call = Call::change("logs:PutLogEvents").about(&format!("{group}:{stream}"));
        let call = call.on(Target::LogStream(group.to_owned(), stream.to_owned()));
        self.call_now(me, &call, |world| world.put_log_events(group, stream, events))
    }
}
