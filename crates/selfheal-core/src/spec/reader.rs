//! Reads values out of TOML tables and collects what is wrong with them.

use std::ops::Range;

use toml_edit::{Item, TableLike, Value};

use super::problem::{SpecErrors, SpecProblem, SpecProblemKind, position, within};
use super::words::{list, nearest};

/// A value with where it stands and what it is called.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) key: String,
    pub(super) span: Range<usize>,
}

/// Collects the problems of one file.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Every section that a file may have, with its keys: to tell where a misplaced key belongs.
    sections: &'static [(&'static str, &'static [&'static str])],
    problems: Vec<SpecProblem>,
}

/// What is wrong with a value, before it is known where the value stands.
pub(super) struct Fault {
    pub(super) kind: SpecProblemKind,
    pub(super) found: String,
    pub(super) expected: String,
    pub(super) nearest: Option<String>,
}

impl Fault {
    pub(super) fn new(kind: SpecProblemKind, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            kind,
            found: found.into(),
            expected: expected.into(),
            nearest: None,
        }
    }

    pub(super) fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::new(SpecProblemKind::Malformed, found, expected)
    }

    pub(super) fn out_of_range(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::new(SpecProblemKind::OutOfRange, found, expected)
    }

    pub(super) fn conflict(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::new(SpecProblemKind::Conflict, found, expected)
    }

    pub(super) fn near(mut self, nearest: Option<&str>) -> Self {
        self.nearest = nearest.map(str::to_owned);
        self
    }
}

impl<'t> Reader<'t> {
    pub(super) const fn new(text: &'t str, sections: &'static [(&'static str, &'static [&'static str])]) -> Self {
        Self {
            text,
            sections,
            problems: Vec::new(),
        }
    }

    /// Everything that is wrong. A key that is missing because it is misspelt is wrong once.
    pub(super) fn into_errors(mut self) -> SpecErrors {
        let unknown = self
            .problems
            .iter()
            .filter(|problem| problem.kind == SpecProblemKind::UnknownKey);
        let meant: Vec<String> = unknown
            .filter_map(|problem| {
                let nearest = problem.nearest.as_ref()?;
                Some(match problem.key.rsplit_once('.') {
                    Some((section, _)) => format!("{section}.{nearest}"),
                    None => nearest.clone(),
                })
            })
            .collect();
        self.problems
            .retain(|problem| problem.kind != SpecProblemKind::MissingKey || !meant.contains(&problem.key));
        SpecErrors::new(self.problems)
    }

    /// Answers the value if nothing is wrong, else everything that is.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, SpecErrors> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => {
                // Whatever has no value has said why. Should a reader ever forget to, the error is still not empty.
                if self.problems.is_empty() {
                    self.report("", 0..0, Fault::malformed("the file does not describe a stack", ""));
                }
                Err(self.into_errors())
            }
        }
    }

    /// Notes a fault of the key that stands at the span.
    pub(super) fn report(&mut self, key: &str, span: Range<usize>, fault: Fault) {
        let span = within(self.text, span);
        let (line, column) = position(self.text, span.start);
        let Fault {
            kind,
            found,
            expected,
            nearest,
        } = fault;
        self.problems.push(SpecProblem {
            kind,
            key: key.to_owned(),
            span,
            line,
            column,
            found,
            expected,
            nearest,
        });
    }

    /// Notes a fault of this value.
    pub(super) fn fault<T>(&mut self, at: &Located<T>, fault: Fault) {
        self.report(&at.key, at.span.clone(), fault);
    }

    /// Turns a located value into what it means, or notes why it means nothing.
    pub(super) fn check<T, U>(
        &mut self,
        at: Option<Located<T>>,
        check: impl FnOnce(&T) -> Result<U, Fault>,
    ) -> Option<Located<U>> {
        let at = at?;
        match check(&at.value) {
            Ok(value) => Some(Located {
                value,
                key: at.key,
                span: at.span,
            }),
            Err(fault) => {
                self.fault(&at, fault);
                None
            }
        }
    }
}

/// A table that was found, and where it stands.
type Found<'d> = (&'d dyn TableLike, Option<Range<usize>>);

/// An entry of a list that holds strings and tables.
pub(super) enum Entry<'d> {
    /// A string.
    Text(Located<String>),
    /// A table.
    Table(Section<'d>),
}

/// A table of the file, whose keys are known.
pub(super) struct Section<'d> {
    table: &'d dyn TableLike,
    path: &'static str,
    span: Range<usize>,
}

impl<'d> Section<'d> {
    /// Opens the file's root. `keys` are the keys that mean something in it.
    pub(super) fn root(reader: &mut Reader<'_>, table: &'d dyn TableLike, keys: &[&'static str]) -> Self {
        let section = Self::unchecked(table);
        section.refuse_unknown(reader, keys);
        section
    }

    /// Opens the file's root without a look at its keys.
    pub(super) const fn unchecked(table: &'d dyn TableLike) -> Self {
        Self {
            table,
            path: "",
            span: 0..0,
        }
    }

    /// Opens the table below `key`, which is called `path` in the whole file; `None` when it is not there or no table.
    pub(super) fn child(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        path: &'static str,
        keys: &[&'static str],
    ) -> Option<Section<'d>> {
        let item = self.table.get(key).filter(|item| !item.is_none())?;
        let span = self.span_of(key, item);
        let Some(table) = item.as_table_like() else {
            reader.report(path, span, wrong_type(item, &format!("a table: `[{path}]`")));
            return None;
        };
        let section = Section { table, path, span };
        section.refuse_unknown(reader, keys);
        Some(section)
    }

    /// Opens the tables below `key`, each of which is called `path` in the whole file; `None` when something else is there.
    pub(super) fn tables(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        path: &'static str,
        keys: &[&'static str],
    ) -> Option<Vec<Section<'d>>> {
        let item = self.table.get(key).filter(|item| !item.is_none())?;
        let at = self.span_of(key, item);
        let found: Option<Vec<Found<'_>>> = match item {
            Item::ArrayOfTables(tables) => {
                let each = tables.iter().map(|table| (table as &dyn TableLike, table.span()));
                Some(each.collect())
            }
            Item::Value(Value::Array(values)) => {
                let one = |value: &'d Value| Some((value.as_inline_table()? as &dyn TableLike, value.span()));
                values.iter().map(one).collect()
            }
            _ => None,
        };
        let Some(found) = found else {
            reader.report(path, at, wrong_type(item, &format!("tables: `[[{path}]]`")));
            return None;
        };
        let sections = found.into_iter().map(|(table, span)| {
            let span = span.unwrap_or_else(|| at.clone());
            let section = Section { table, path, span };
            section.refuse_unknown(reader, keys);
            section
        });
        Some(sections.collect())
    }

    /// Opens the table below `key`, whose keys are names that the user chose.
    pub(super) fn open(&self, reader: &mut Reader<'_>, key: &str, path: &'static str) -> Option<Section<'d>> {
        let item = self.table.get(key).filter(|item| !item.is_none())?;
        let span = self.span_of(key, item);
        let Some(table) = item.as_table_like() else {
            reader.report(path, span, wrong_type(item, &format!("a table: `[{path}]`")));
            return None;
        };
        Some(Section { table, path, span })
    }

    /// The keys that are there, in their order.
    pub(super) fn keys(&self) -> Vec<String> {
        let keys = self.table.iter().filter(|(_, item)| !item.is_none());
        keys.map(|(key, _)| key.to_owned()).collect()
    }

    /// Opens the table that an entry is, which is called by its section; `None` where it is no table.
    pub(super) fn entry(&self, reader: &mut Reader<'_>, key: &str, keys: &[&'static str]) -> Option<Section<'d>> {
        let item = self.table.get(key)?;
        let section = Section {
            table: item.as_table_like()?,
            path: self.path,
            span: self.span_of(key, item),
        };
        section.refuse_unknown(reader, keys);
        Some(section)
    }

    /// What a key of this section is called in the whole file.
    pub(super) fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Whether the key is there, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|item| !item.is_none())
    }

    /// Where the key stands; the section's header when it is not there.
    pub(super) fn key_span(&self, key: &str) -> Range<usize> {
        self.table
            .key(key)
            .and_then(toml_edit::Key::span)
            .unwrap_or_else(|| self.span.clone())
    }

    /// Notes that a required key is not there.
    pub(super) fn missing(&self, reader: &mut Reader<'_>, key: &str, expected: &str) {
        let fault = Fault::new(SpecProblemKind::MissingKey, "is missing", expected);
        reader.report(&self.name(key), self.span.clone(), fault);
    }

    /// Reads a string.
    pub(super) fn string(&self, reader: &mut Reader<'_>, key: &str, expected: &str) -> Option<Located<String>> {
        self.value(reader, key, expected, |value| value.as_str().map(str::to_owned))
    }

    /// Reads a string that must be there.
    pub(super) fn required(&self, reader: &mut Reader<'_>, key: &str, expected: &str) -> Option<Located<String>> {
        if !self.has(key) {
            self.missing(reader, key, expected);
        }
        self.string(reader, key, expected)
    }

    /// Reads `true` or `false`.
    pub(super) fn boolean(&self, reader: &mut Reader<'_>, key: &str) -> Option<Located<bool>> {
        self.value(reader, key, "`true` or `false`", Value::as_bool)
    }

    /// Reads a whole number within a range.
    pub(super) fn integer(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
        unit: &str,
    ) -> Option<Located<u32>> {
        let expected = format!("a whole number from {} to {}{unit}", range.start(), range.end());
        let read = self.value(reader, key, &expected, Value::as_integer);
        reader.check(read, |number| {
            u32::try_from(*number)
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| Fault::out_of_range(format!("is {number}"), expected.clone()))
        })
    }

    /// Whether the key holds a list.
    pub(super) fn is_list(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|item| item.as_array().is_some())
    }

    /// Reads a list of strings; entries that are none are noted and left out.
    pub(super) fn strings(&self, reader: &mut Reader<'_>, key: &str, expected: &str) -> Option<Vec<Located<String>>> {
        let list = self.value(reader, key, expected, |value| value.as_array().cloned())?;
        let mut strings = Vec::with_capacity(list.value.len());
        for (index, value) in list.value.iter().enumerate() {
            let at = Located {
                value: value.as_str(),
                key: format!("{}[{index}]", list.key),
                span: value.span().unwrap_or_else(|| list.span.clone()),
            };
            match at.value {
                Some(text) => strings.push(Located {
                    value: text.to_owned(),
                    key: at.key,
                    span: at.span,
                }),
                None => reader.fault(&at, wrong_type(&Item::Value(value.clone()), expected)),
            }
        }
        Some(strings)
    }

    /// Reads a list of strings and tables, the latter of which are called `path` in the whole file; entries that are neither
    /// are noted and left out.
    pub(super) fn texts_or_tables(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        path: &'static str,
        keys: &[&'static str],
        expected: &str,
    ) -> Option<Vec<Entry<'d>>> {
        let item = self.table.get(key).filter(|item| !item.is_none())?;
        if item.is_array_of_tables() {
            let tables = self.tables(reader, key, path, keys)?;
            return Some(tables.into_iter().map(Entry::Table).collect());
        }
        let (name, at) = (self.name(key), self.span_of(key, item));
        let Some(list) = item.as_array() else {
            reader.report(&name, at, wrong_type(item, expected));
            return None;
        };
        let mut entries = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let span = value.span().unwrap_or_else(|| at.clone());
            let key = format!("{name}[{index}]");
            match value {
                Value::String(text) => entries.push(Entry::Text(Located {
                    value: text.value().clone(),
                    key,
                    span,
                })),
                Value::InlineTable(table) => {
                    let section = Section { table, path, span };
                    section.refuse_unknown(reader, keys);
                    entries.push(Entry::Table(section));
                }
                other => reader.report(&key, span, wrong_type(&Item::Value(other.clone()), expected)),
            }
        }
        Some(entries)
    }

    /// Reads a string, or a list of strings as [`strings`](Self::strings) does.
    pub(super) fn one_or_more(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        expected: &str,
    ) -> Option<Vec<Located<String>>> {
        match self.table.get(key).and_then(Item::as_str) {
            Some(_) => self.string(reader, key, expected).map(|one| vec![one]),
            None => self.strings(reader, key, expected),
        }
    }

    fn value<T>(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<Located<T>> {
        let item = self.table.get(key).filter(|item| !item.is_none())?;
        let (name, span) = (self.name(key), self.span_of(key, item));
        match item.as_value().and_then(read) {
            Some(value) => Some(Located { value, key: name, span }),
            None => {
                reader.report(&name, span, wrong_type(item, expected));
                None
            }
        }
    }

    /// Where a value stands. A table that only dotted keys imply stands nowhere itself: its key does.
    fn span_of(&self, key: &str, item: &Item) -> Range<usize> {
        item.span().unwrap_or_else(|| self.key_span(key))
    }

    fn refuse_unknown(&self, reader: &mut Reader<'_>, keys: &[&'static str]) {
        let unknown = self
            .table
            .iter()
            .filter(|(key, item)| !item.is_none() && !keys.contains(key));
        for (key, _) in unknown {
            let place = |path: &str| {
                if path.is_empty() {
                    "at the top".to_owned()
                } else {
                    format!("in [{path}]")
                }
            };
            let elsewhere = reader.sections.iter().find(|(_, keys)| keys.contains(&key));
            let near = if elsewhere.is_some() {
                None
            } else {
                nearest(key, keys.iter().copied())
            };
            let found = match elsewhere {
                Some((path, _)) => format!("is not a key {}: it belongs {}", place(self.path), place(path)),
                None => format!("is not a key {}", place(self.path)),
            };
            let fault = Fault::new(SpecProblemKind::UnknownKey, found, format!("one of {}", list(keys)));
            reader.report(&self.name(key), self.key_span(key), fault.near(near));
        }
    }
}

fn wrong_type(item: &Item, expected: &str) -> Fault {
    let found = match item.type_name() {
        "integer" => "an integer",
        "string" => "a string",
        "float" => "a float",
        "boolean" => "a boolean",
        "datetime" => "a date",
        "array" => "a list",
        "array of tables" => "a list of tables",
        "table" | "inline table" => "a table",
        other => other,
    };
    Fault::new(SpecProblemKind::WrongType, format!("is {found}"), expected)
}
