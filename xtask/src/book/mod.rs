//! The book below `docs`: its page that the schema makes, its build, and its links.

mod links;
mod reference;

use std::fs;
use std::path::PathBuf;

use mdbook_driver::MDBook;

use crate::error::{Context, TaskError, TaskResult};
use crate::report::{Counts, Report};
use crate::workspace;

/// The variable that has the generated page written instead of compared.
const WRITE: &str = "SELFHEAL_BOOK";

/// Builds the book, after the page that is generated was compared or, with `SELFHEAL_BOOK=write`, written.
pub fn run() -> TaskResult<Counts> {
    let mut report = Report::new("book");
    report.check("the spec's page is what the schema says", spec_page());
    report.check(
        "the links of the pages beside it lead somewhere",
        links::check_root(workspace::root()),
    );
    let pages = workspace::target().join("book");
    if report.check("it builds", build(pages.clone())) {
        report.check("every link leads somewhere", links::check(&pages));
    }
    println!("book: {}", pages.join("index.html").display());
    Ok(report.finish())
}

fn spec_page() -> TaskResult<()> {
    let root = workspace::root();
    let schema = root.join("schema/spec.schema.json");
    let text = fs::read_to_string(&schema).context(|| format!("read {}", schema.display()))?;
    let schema = serde_json::from_str(&text).map_err(|error| TaskError::malformed("the spec's schema", error))?;
    let page = reference::page(&schema);
    let kept = root.join("docs/src/spec.md");
    if std::env::var_os(WRITE).is_some_and(|value| value == "write") {
        return fs::write(&kept, page).context(|| format!("write {}", kept.display()));
    }
    if fs::read_to_string(&kept).is_ok_and(|text| text == page) {
        return Ok(());
    }
    Err(TaskError::failed(format!(
        "docs/src/spec.md differs from what the schema makes: run `{WRITE}=write cargo xtask book`"
    )))
}

fn build(pages: PathBuf) -> TaskResult<()> {
    let failed = |error| TaskError::failed(format!("{error:#}"));
    let mut book = MDBook::load(workspace::root().join("docs")).map_err(failed)?;
    book.config.build.build_dir = pages;
    // What the summary names and nobody wrote is a mistake, and no chapter to be.
    book.config.build.create_missing = false;
    book.build().map_err(failed)
}
