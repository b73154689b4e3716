//! Reading the stack's file and the setup script beside it.

use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use selfheal_core::Spec;
use selfheal_core::spec::{SpecErrors, SpecFile, SpecProblem};

use crate::error::CliError;
use crate::files;

/// Whether the files that the stack's file names are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// What is done depends on them.
    Needed,
    /// What is done can be done without them: they may be lost, and the stack is to be seen and removed all the same.
    Optional,
}

/// Reads and validates the stack's file, and reads the files that it names.
///
/// # Errors
/// The file cannot be read, or something in it is wrong.
pub fn load(path: &Path, named: Named) -> Result<Spec, CliError> {
    let text = files::read_text(path).map_err(|error| CliError::SpecUnreadable {
        path: path.to_path_buf(),
        error,
    })?;
    let invalid = |errors: SpecErrors| CliError::Spec {
        path: path.to_path_buf(),
        text: text.clone(),
        errors,
    };
    let file = SpecFile::parse(&text).map_err(invalid)?;
    match complete(path, file.clone()) {
        Err(_) if named == Named::Optional => Ok(file.into_spec_unread()),
        completed => completed.map_err(invalid),
    }
}

/// Completes a sound file with what it names.
fn complete(path: &Path, mut file: SpecFile) -> Result<Spec, SpecErrors> {
    if let Some(policy) = file.policy_path().map(|policy| beside(path, policy)) {
        let body = files::read(&policy, files::WRITTEN_BYTES_MAX)
            .map_err(|error| file.policy_unreadable(&format!("cannot be read: {error}")))?;
        file = file.with_policy(&body)?;
    }
    for from in file.file_paths().map(str::to_owned).collect::<Vec<_>>() {
        let content = files::read(&beside(path, &from), files::WRITTEN_BYTES_MAX)
            .map_err(|error| file.file_unreadable(&from, &format!("cannot be read: {error}")))?;
        file = file.with_file(&from, &content);
    }
    if let Some(prepare) = file.prepare_path().map(|prepare| beside(path, prepare)) {
        let body = files::read(&prepare, files::WRITTEN_BYTES_MAX)
            .map_err(|error| file.prepare_unreadable(&format!("cannot be read: {error}")))?;
        file = file.with_prepare(body)?;
    }
    let setup = file.setup_path().map(|setup| beside(path, setup));
    let body = setup
        .map(|setup| files::read(&setup, files::WRITTEN_BYTES_MAX))
        .transpose();
    let body = body.map_err(|error| file.setup_unreadable(&format!("cannot be read: {error}")))?;
    file.into_spec(body)
}

/// Returns the path that a file names, relative to the file's own folder.
#[must_use]
pub fn beside(file: &Path, name: impl AsRef<Path>) -> PathBuf {
    file.parent().unwrap_or_else(|| Path::new("")).join(name)
}

/// Renders every problem with its line, a caret and what to do.
#[must_use]
pub fn render(path: &Path, text: &str, errors: &SpecErrors, colour: bool) -> String {
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(100)
        .with_context_lines(1);
    let mut rendered = String::new();
    for (index, problem) in errors.problems().iter().enumerate() {
        if index > 0 {
            rendered.push('\n');
        }
        let shown = Shown {
            problem,
            source: NamedSource::new(path.to_string_lossy(), text.to_owned()),
        };
        // Rendering into a string fails only where the diagnostic's own spans do, which lie within the text.
        if handler.render_report(&mut rendered, &shown).is_err() {
            rendered.push_str(&format!(
                "line {}, column {}: {problem}\n",
                problem.line, problem.column
            ));
        }
    }
    rendered
}

/// A problem as miette shows it.
#[derive(Debug)]
struct Shown<'a> {
    problem: &'a SpecProblem,
    source: NamedSource<String>,
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.problem)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.problem
            .help()
            .map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            None,
            self.problem.span.clone(),
        ))))
    }
}
