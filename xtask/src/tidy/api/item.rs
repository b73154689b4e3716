//! An item as lines.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Fields, FnArg, ImplItem, Item, ItemImpl, Meta, Signature, TraitItem, Type, Visibility};

/// The name of an item that has one, whoever can see it.
pub fn name(item: &Item) -> Option<String> {
    match item {
        Item::Const(item) => Some(item.ident.to_string()),
        Item::Enum(item) => Some(item.ident.to_string()),
        Item::Fn(item) => Some(item.sig.ident.to_string()),
        Item::Static(item) => Some(item.ident.to_string()),
        Item::Struct(item) => Some(item.ident.to_string()),
        Item::Trait(item) => Some(item.ident.to_string()),
        Item::Type(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

/// The name of an item that is public.
pub fn public_name(item: &Item) -> Option<String> {
    let visibility = match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        _ => return None,
    };
    name(item).filter(|_| is_public(visibility))
}

/// Tells whether an item is public to everybody.
pub fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Tells whether an item is a list that a macro of the crate makes items of.
pub fn is_list(item: &Item) -> bool {
    matches!(item, Item::Macro(item) if item.ident.is_none())
}

/// The rows of a list that declare the item of a name: those of its own braces, where it has some, or else all.
pub fn list(item: &Item, name: &str) -> Vec<String> {
    let Item::Macro(item) = item else { return Vec::new() };
    let tokens: Vec<TokenTree> = item.mac.tokens.clone().into_iter().collect();
    let own = tokens.windows(2).find_map(|pair| match pair {
        [TokenTree::Ident(ident), TokenTree::Group(group)]
            if ident == name && group.delimiter() == Delimiter::Brace =>
        {
            Some(group.stream().into_iter().collect())
        }
        _ => None,
    });
    let rows: Vec<TokenTree> = own.unwrap_or(tokens);
    let is = |token: &TokenTree, sign| matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign);
    let between = if rows.iter().any(|token| is(token, ';')) {
        ';'
    } else {
        ','
    };
    let rows = rows.split(|token| is(token, between)).map(|row| {
        // Documentation is no part of an item's form.
        let mut tokens = row.iter().peekable();
        let mut kept = TokenStream::new();
        while let Some(token) = tokens.next() {
            if is(token, '#') && tokens.next_if(|next| matches!(next, TokenTree::Group(_))).is_some() {
                continue;
            }
            kept.extend([token.clone()]);
        }
        text(&kept)
    });
    rows.filter(|row| !row.is_empty())
        .map(|row| format!("{}! {row}", text(&item.mac.path)))
        .collect()
}

/// The lines of an item under a name.
pub fn lines(item: &Item, name: &str) -> Vec<String> {
    match item {
        Item::Const(item) => vec![format!("{name}: const {} = {}", text(&item.ty), text(&item.expr))],
        Item::Static(item) => vec![format!("{name}: static {}", text(&item.ty))],
        Item::Type(item) => vec![format!("{name}: type{} = {}", text(&item.generics), text(&item.ty))],
        Item::Fn(item) => vec![format!("{name}: {}", signature(&item.sig))],
        Item::Enum(item) => {
            let mut lines = vec![head(name, &item.attrs, &format!("enum{}", text(&item.generics)), "")];
            for variant in &item.variants {
                let fields = match &variant.fields {
                    Fields::Named(fields) => format!(" {{ {} }}", joined(fields.named.iter().map(field))),
                    Fields::Unnamed(fields) => format!("({})", joined(fields.unnamed.iter().map(field))),
                    Fields::Unit => String::new(),
                };
                lines.push(format!("{name}::{}{fields}{}", variant.ident, told(&variant.attrs)));
            }
            lines
        }
        Item::Struct(item) => {
            let hidden = item.fields.iter().any(|field| !is_public(&field.vis));
            let kind = format!("struct{}", text(&item.generics));
            let rest = if hidden { ", with private fields" } else { "" };
            let mut lines = vec![head(name, &item.attrs, &kind, rest)];
            for (at, one) in item
                .fields
                .iter()
                .enumerate()
                .filter(|(_, field)| is_public(&field.vis))
            {
                let label = one.ident.as_ref().map_or_else(|| at.to_string(), ToString::to_string);
                lines.push(format!("{name}.{label}: {}{}", text(&one.ty), told(&one.attrs)));
            }
            lines
        }
        Item::Trait(item) => {
            let above = if item.supertraits.is_empty() {
                String::new()
            } else {
                format!(": {}", text(&item.supertraits))
            };
            let mut lines = vec![format!("{name}: trait{}{above}", text(&item.generics))];
            for item in &item.items {
                lines.push(match item {
                    TraitItem::Const(item) => format!("{name}::{}: const {}", item.ident, text(&item.ty)),
                    TraitItem::Fn(item) => {
                        let given = if item.default.is_some() { ", provided" } else { "" };
                        format!("{name}::{}: {}{given}", item.sig.ident, signature(&item.sig))
                    }
                    other => format!("{name}: {}", text(other)),
                });
            }
            lines
        }
        other => vec![format!("{name}: {}", text(other))],
    }
}

/// What an implementation is of: the path of its type.
pub fn subject(implementation: &ItemImpl) -> Option<Vec<String>> {
    match &*implementation.self_ty {
        Type::Path(path) => Some(path.path.segments.iter().map(|part| part.ident.to_string()).collect()),
        _ => None,
    }
}

/// The lines of an implementation of a type.
pub fn implementation(implementation: &ItemImpl, name: &str) -> Vec<String> {
    let generics = text(&implementation.generics);
    if let Some((of, _)) = &implementation.trait_ {
        let generics = if generics.is_empty() {
            String::new()
        } else {
            format!("impl{generics} ")
        };
        return vec![format!("{name}: {generics}{}", text(of))];
    }
    let items = implementation.items.iter().filter_map(|item| match item {
        ImplItem::Fn(item) if is_public(&item.vis) => {
            Some(format!("{name}::{}: {}", item.sig.ident, signature(&item.sig)))
        }
        ImplItem::Const(item) if is_public(&item.vis) => Some(format!(
            "{name}::{}: const {} = {}",
            item.ident,
            text(&item.ty),
            text(&item.expr)
        )),
        _ => None,
    });
    items.collect()
}

fn field(field: &syn::Field) -> String {
    match &field.ident {
        Some(name) => format!("{name}: {}", text(&field.ty)),
        None => text(&field.ty),
    }
}

fn head(name: &str, attributes: &[Attribute], kind: &str, rest: &str) -> String {
    let closed = attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("non_exhaustive"));
    let derives = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("derive") => Some(text(&list.tokens)),
        _ => None,
    });
    let derives: Vec<String> = derives.collect();
    let derives = if derives.is_empty() {
        String::new()
    } else {
        format!(", derives {}", derives.join(", "))
    };
    format!(
        "{name}: {}{kind}{derives}{rest}",
        if closed { "#[non_exhaustive] " } else { "" }
    )
}

/// The attributes that say how the command line names something.
fn told(attributes: &[Attribute]) -> String {
    let told = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("arg") || attribute.path().is_ident("command"));
    told.map(|attribute| format!(" {}", text(attribute))).collect()
}

fn signature(signature: &Signature) -> String {
    let words = [
        (signature.constness.is_some(), "const "),
        (signature.asyncness.is_some(), "async "),
    ];
    let words: String = words.iter().filter_map(|(is, word)| is.then_some(*word)).collect();
    let inputs = joined(signature.inputs.iter().map(|input| match input {
        FnArg::Receiver(receiver) => text(receiver),
        FnArg::Typed(typed) => text(typed),
    }));
    let output = text(&signature.output);
    let output = if output.is_empty() {
        output
    } else {
        format!(" {output}")
    };
    let bounds = signature
        .generics
        .where_clause
        .as_ref()
        .map_or_else(String::new, |bounds| format!(" {}", text(bounds)));
    format!("{words}fn{}({inputs}){output}{bounds}", text(&signature.generics))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// Tokens in one line, spaced as rustfmt would, whatever the source looks like.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = format!(" {} ", tokens.to_token_stream())
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for (from, to) in [
        (" , )", " )"),
        (" , >", " >"),
        (" , ]", " ]"),
        (" , }", " }"),
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" <", "<"),
        (" > ", "> "),
        (" >", ">"),
        ("& ", "&"),
        (" ,", ","),
        (" ;", ";"),
        (" : ", ": "),
        ("( ", "("),
        (" )", ")"),
        (" (", "("),
        ("[ ", "["),
        (" ]", "]"),
        ("# [", "#["),
        (" !", "!"),
        ("' ", "'"),
        (" ?", "?"),
        ("- >", "->"),
        ("= >", "=>"),
    ] {
        text = text.replace(from, to);
    }
    // What the replacements above joined that rustfmt keeps apart.
    text.replace("->(", "-> (").trim_end_matches(',').trim().to_owned()
}
