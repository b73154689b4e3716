//! Rules that the compiler does not hold: who may depend on whom, what pure crates may name, how long files and functions
//! may be, which lists are closed.

mod api;
mod arrows;
mod circles;
mod closed;
mod exceptions;
mod functions;
mod modules;
mod rooms;
mod simulation;
mod syntax;
mod text;
mod version;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, TaskResult};
use crate::report::{Counts, Report};
use crate::workspace;

/// A file of Rust source.
#[derive(Clone, Debug)]
struct Source {
    /// Its path from the workspace's root, with `/`.
    path: String,
    /// What it holds.
    text: String,
}

/// Checks every rule.
pub fn run() -> TaskResult<Counts> {
    let root = workspace::root();
    let sources = sources(root)?;
    let parsed = syntax::parse(&sources)?;
    let crates = rooms::Crate::all(&parsed);
    let mut report = Report::new("tidy");
    for (name, findings) in [
        (
            "crates depend on each other as ARCHITECTURE.md says",
            arrows::check(root)?,
        ),
        ("the public items are those of api/", api::check(root, &parsed)?),
        ("every Rust file is part of a crate", modules::check(&sources)),
        (
            "files are short, and hold nothing that is left over",
            text::check_all(&sources),
        ),
        (
            "README and CONTRIBUTING tell the Rust of Cargo.toml",
            version::check(root)?,
        ),
        ("functions are short", functions::check(&parsed)),
        ("no modules need each other", circles::check(&crates)),
        ("lists are closed", closed::check(&sources)),
        (
            "the simulation rests on the backend alone, and nothing on it",
            simulation::check(&crates),
        ),
        ("only the SDK backend names the SDK", text::check_sdk(&sources)),
        (
            "pure crates name no clock, environment, file or chance",
            text::check_pure(&sources),
        ),
    ] {
        report.expect(name, findings.is_empty(), || findings.join("\n"));
    }
    Ok(report.finish())
}

/// Every Rust file of the workspace.
fn sources(root: &Path) -> TaskResult<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.join("crates"), root.join("xtask")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).context(|| format!("list {}", folder.display()))? {
            let path = entry.context(|| format!("list {}", folder.display()))?.path();
            if path.is_dir() {
                // Build output, where somebody has built in a crate's own folder.
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).context(|| format!("read {}", path.display()))?;
                let path = path
                    .strip_prefix(root)
                    .unwrap_or(&path)
                    .to_string_lossy()
                    .replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}
