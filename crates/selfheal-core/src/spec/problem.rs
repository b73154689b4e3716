//! What is wrong with a spec file, and where.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Range;

/// Everything that is wrong with a spec file: at least one problem, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecErrors {
    problems: Vec<SpecProblem>,
}

impl SpecErrors {
    /// Sorts problems, of which there is at least one, by where they are.
    pub(super) fn new(mut problems: Vec<SpecProblem>) -> Self {
        problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        Self { problems }
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn problems(&self) -> &[SpecProblem] {
        &self.problems
    }
}

impl fmt::Display for SpecErrors {
    /// One line for each problem: `line 3, column 8: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "line {}, column {}: {problem}", problem.line, problem.column)?;
            if let Some(help) = problem.help() {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl StdError for SpecErrors {}

/// One problem of a spec file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpecProblem {
    /// What sort of problem it is.
    pub kind: SpecProblemKind,
    /// The key, such as `data.size`; empty when the problem is the file's as a whole.
    pub key: String,
    /// Where it is, in bytes of the file's text. It lies within the text and on character boundaries.
    pub span: Range<usize>,
    /// The line of the span's start, from 1.
    pub line: usize,
    /// The column of the span's start in characters, from 1.
    pub column: usize,
    /// What was found there, or what is wrong with it: a clause.
    pub found: String,
    /// What was expected: a noun phrase. Empty where `found` says it all.
    pub expected: String,
    /// The valid key or value that is nearest to what was found.
    pub nearest: Option<String>,
}

impl SpecProblem {
    /// What to do: what was expected, and what may have been meant.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let expected = (!self.expected.is_empty()).then(|| format!("expected {}", self.expected));
        let nearest = self
            .nearest
            .as_ref()
            .map(|nearest| format!("did you mean `{nearest}`?"));
        match (nearest, expected) {
            (Some(nearest), Some(expected)) => Some(format!("{nearest} {expected}")),
            (nearest, expected) => nearest.or(expected),
        }
    }
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            f.write_str(&self.found)
        } else {
            write!(f, "`{}` {}", self.key, self.found)
        }
    }
}

/// What sort of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpecProblemKind {
    /// The file is not TOML. Nothing else is reported then.
    Syntax,
    /// A key that means nothing here.
    UnknownKey,
    /// A key that is required and is not there.
    MissingKey,
    /// A value of the wrong type.
    WrongType,
    /// A number or a size outside its range.
    OutOfRange,
    /// A string that is not what it has to be.
    Malformed,
    /// Keys that contradict each other.
    Conflict,
    /// The file is for a newer version. Nothing else is reported then.
    NewerSchema,
    /// The setup script cannot be used.
    Setup,
    /// The app's policy cannot be used.
    Policy,
}

/// Line and column of a byte offset, both from 1; the column counts characters.
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor_boundary(text, offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
    (line, 1 + before[line_start..].chars().count())
}

/// The span, cut to the text and widened to character boundaries.
pub(super) fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let start = floor_boundary(text, span.start);
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// The greatest character boundary that is not beyond the offset.
fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
