//! Where links lead: those of the built book to a page, and to a place on it; those of the pages beside it to a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::{Context, TaskError, TaskResult};

/// The pages beside the book.
const PAGES: [&str; 5] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
];

/// Fails with every link of the pages in the root folder that leads to no file, or to no heading.
///
/// # Errors
/// A page cannot be read, or a link leads nowhere.
pub fn check_root(root: &Path) -> TaskResult<()> {
    let mut lost = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(root.join(page)).context(|| format!("read {page}"))?;
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let lead = |link: &str| match link.split_once('#') {
            Some(("", place)) => headings(&text).any(|heading| heading == place),
            Some((file, _)) => root.join(file).exists(),
            None => root.join(link).exists(),
        };
        lost.extend(
            links
                .filter(|(link, _)| !link.contains("://") && !lead(link))
                .map(|(link, _)| format!("{page}: {link}")),
        );
    }
    verdict(&lost)
}

/// The places that a page's headings make, as the usual viewers of Markdown name them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

/// Fails with every link of the built book that leads nowhere.
///
/// # Errors
/// A page cannot be read, or a link leads nowhere.
pub fn check(pages: &Path) -> TaskResult<()> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(pages).context(|| format!("list {}", pages.display()))? {
        let path = entry.context(|| format!("list {}", pages.display()))?.path();
        // The page for printing and the table of contents repeat the others; what a server shows for a page that is none is not
        // of the book.
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "html")
            && !["404.html", "print.html", "toc.html"].contains(&&*name)
        {
            let text = fs::read_to_string(&path).context(|| format!("read {}", path.display()))?;
            texts.insert(name, text);
        }
    }
    let lost: Vec<String> = texts
        .iter()
        .flat_map(|(page, text)| {
            let texts = &texts;
            attributes(text, "href")
                .filter(move |link| !leads(page, link, pages, texts))
                .map(move |link| format!("{page}: {link}"))
        })
        .collect();
    verdict(&lost)
}

fn verdict(lost: &[String]) -> TaskResult<()> {
    if lost.is_empty() {
        return Ok(());
    }
    Err(TaskError::failed(lost.join("\n")))
}

fn leads(page: &str, link: &str, pages: &Path, texts: &BTreeMap<String, String>) -> bool {
    if link.contains("://") || link.starts_with("mailto:") {
        return true;
    }
    let (file, place) = link.split_once('#').unwrap_or((link, ""));
    let file = if file.is_empty() { page } else { file };
    match texts.get(file) {
        Some(text) => place.is_empty() || attributes(text, "id").any(|id| id == place),
        None => place.is_empty() && pages.join(file).is_file(),
    }
}

/// The values of an attribute, as far as they are in double quotes, which is how the book has them.
fn attributes<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let before = format!(" {name}=\"");
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(before.as_str())?;
        let (value, after) = after.split_once('"')?;
        rest = after;
        Some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_page_and_to_a_place_on_it() {
        let pages: BTreeMap<String, String> = [
            ("a.html", "<p id=\"here\"><a href=\"b.html#there\">"),
            ("b.html", "<h2 id=\"there\">"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
        let leads = |link| leads("a.html", link, Path::new("/nowhere"), &pages);
        assert!(leads("b.html#there") && leads("b.html") && leads("#here") && leads("https://aws.amazon.com/"));
        assert!(!leads("b.html#here") && !leads("c.html") && !leads("#there"));
        assert_eq!(
            attributes(&pages["a.html"], "href").collect::<Vec<_>>(),
            ["b.html#there"]
        );
    }
}
