//! Rust files as the compiler reads them.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Item, Meta};

use super::Source;
use crate::error::{TaskError, TaskResult};

/// A file that was parsed.
pub struct Parsed<'a> {
    /// Its path from the workspace's root.
    pub path: &'a str,
    /// What it holds.
    pub file: syn::File,
}

/// Parses every file.
///
/// # Errors
/// When one is no Rust.
pub fn parse(sources: &[Source]) -> TaskResult<Vec<Parsed<'_>>> {
    let mut files = Vec::new();
    for Source { path, text } in sources {
        let file = syn::parse_file(text).map_err(|error| TaskError::malformed(path, error))?;
        files.push(Parsed { path, file });
    }
    Ok(files)
}

/// Whether an item is compiled for tests alone.
pub fn is_for_tests(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    };
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => is_word(&list.tokens, "test"),
        _ => false,
    })
}

/// Whether the tokens are this one word.
fn is_word(tokens: &TokenStream, word: &str) -> bool {
    let mut tokens = tokens.clone().into_iter();
    matches!((tokens.next(), tokens.next()), (Some(TokenTree::Ident(ident)), None) if ident == word)
}
