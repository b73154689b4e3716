//! A crate's modules, and where a public name leads.

use std::collections::BTreeMap;

use syn::{Item, ItemImpl, ItemUse, UseTree};

use super::super::syntax::is_for_tests;
use super::item;

/// How many re-exports are followed from one to the next. Three are the most here; this ends what leads in a circle.
const FOLLOWED_MAX: usize = 8;

/// A module's path below the root of its crate.
type Path = Vec<String>;

/// A crate's modules with their items; those for tests are left out.
pub struct Tree<'a> {
    modules: BTreeMap<Path, Vec<&'a Item>>,
}

/// Something that a name leads to.
enum Found<'a> {
    Item(Path, &'a Item),
    Module(Path),
    /// Nothing with this name, but lists in which it may be declared.
    Lists(Path, Vec<&'a Item>),
}

impl<'a> Tree<'a> {
    /// Reads a crate's files, whose paths are below its folder of sources.
    pub fn of(files: impl Iterator<Item = (&'a str, &'a syn::File)>) -> Self {
        let mut tree = Self {
            modules: BTreeMap::new(),
        };
        for (file, parsed) in files {
            let stem = file.trim_end_matches(".rs");
            let mut path: Path = stem.split('/').map(str::to_owned).collect();
            if path
                .last()
                .is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str()))
            {
                path.pop();
            }
            tree.add(path, &parsed.items);
        }
        tree
    }

    fn add(&mut self, path: Path, items: &'a [Item]) {
        for item in items.iter().filter(|item| !is_for_tests(item)) {
            if let Item::Mod(module) = item
                && let Some((_, items)) = &module.content
            {
                let mut inner = path.clone();
                inner.push(module.ident.to_string());
                self.add(inner, items);
            }
            self.modules.entry(path.clone()).or_default().push(item);
        }
    }

    /// Lists what is public below a module of the root, or below the root itself.
    pub fn public(&self, root: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let path: Path = if root.is_empty() {
            Vec::new()
        } else {
            vec![root.to_owned()]
        };
        self.module(&path, root, 0, &mut lines);
        lines
    }

    fn module(&self, path: &Path, shown: &str, depth: usize, lines: &mut Vec<String>) {
        for item in self.items(path) {
            match item {
                Item::Mod(module) if item::is_public(&module.vis) => {
                    let name = module.ident.to_string();
                    let shown = join(shown, &name);
                    lines.push(format!("{shown}: mod"));
                    self.module(&child(path, &name), &shown, depth + 1, lines);
                }
                Item::Use(used) if item::is_public(&used.vis) => {
                    for (target, name) in leaves(used) {
                        self.reexport(path, &target, &name, shown, depth, lines);
                    }
                }
                _ => {
                    if let Some(name) = item::public_name(item) {
                        self.item(path, item, &join(shown, &name), lines);
                    }
                }
            }
        }
    }

    fn items(&self, path: &Path) -> &[&'a Item] {
        self.modules.get(path).map_or(&[], Vec::as_slice)
    }

    fn reexport(&self, from: &Path, target: &Path, name: &str, shown: &str, depth: usize, lines: &mut Vec<String>) {
        let shown = join(shown, name);
        match self.find(from, target, depth) {
            Some(Found::Item(path, item)) => self.item(&path, item, &shown, lines),
            Some(Found::Module(path)) => {
                lines.push(format!("{shown}: mod"));
                self.module(&path, &shown, depth + 1, lines);
            }
            Some(Found::Lists(path, lists)) => {
                let name = target.last().map_or("", String::as_str);
                let rows = lists.into_iter().flat_map(|list| item::list(list, name));
                lines.extend(rows.map(|row| format!("{shown}: by {row}")));
                self.implementations(&path, name, &shown, lines);
            }
            None => lines.push(format!("{shown}: use {}", target.join("::"))),
        }
    }

    /// Finds what a path that stands in a module leads to; `None` for what is another crate's.
    fn find(&self, from: &Path, target: &Path, depth: usize) -> Option<Found<'a>> {
        if depth > FOLLOWED_MAX {
            return None;
        }
        let mut module = from.clone();
        let mut parts = target.iter().peekable();
        while let Some(part) = parts.next_if(|part| ["crate", "self", "super"].contains(&part.as_str())) {
            match part.as_str() {
                "crate" => module.clear(),
                "super" => drop(module.pop()),
                _ => {}
            }
        }
        let parts: Vec<&String> = parts.collect();
        let (name, through) = parts.split_last()?;
        for part in through {
            let next = child(&module, part);
            if self.modules.contains_key(&next) {
                module = next;
            } else {
                match self.named(&module, part, depth)? {
                    Found::Module(path) => module = path,
                    _ => return None,
                }
            }
        }
        self.named(&module, name, depth)
    }

    /// Finds what a name means in a module.
    fn named(&self, module: &Path, name: &str, depth: usize) -> Option<Found<'a>> {
        let items = self.items(module);
        if let Some(item) = items
            .iter()
            .find(|item| item::name(item).is_some_and(|other| other == name))
        {
            return Some(Found::Item(module.clone(), item));
        }
        let inner = child(module, name);
        if self.modules.contains_key(&inner) {
            return Some(Found::Module(inner));
        }
        let uses = items.iter().filter_map(|item| match item {
            Item::Use(used) => Some(leaves(used)),
            _ => None,
        });
        if let Some((target, _)) = uses.flatten().find(|(_, other)| other == name) {
            return self.find(module, &target, depth + 1);
        }
        let lists: Vec<&Item> = items.iter().copied().filter(|item| item::is_list(item)).collect();
        (!lists.is_empty()).then(|| Found::Lists(module.clone(), lists))
    }

    /// Lists an item, and what is public of its implementations.
    fn item(&self, path: &Path, item: &Item, shown: &str, lines: &mut Vec<String>) {
        lines.extend(item::lines(item, shown));
        if let (Item::Struct(_) | Item::Enum(_) | Item::Trait(_), Some(name)) = (item, item::name(item)) {
            self.implementations(path, &name, shown, lines);
        }
    }

    /// Lists what is public of the implementations of a type, in whatever module they stand.
    fn implementations(&self, path: &Path, name: &str, shown: &str, lines: &mut Vec<String>) {
        for (module, items) in &self.modules {
            for item in items {
                if let Item::Impl(implementation) = item
                    && self.is_about(module, implementation, path, name)
                {
                    lines.extend(item::implementation(implementation, shown));
                }
            }
        }
    }

    /// Tells whether an implementation in a module is one of this type.
    fn is_about(&self, module: &Path, implementation: &ItemImpl, path: &Path, name: &str) -> bool {
        let Some(about) = item::subject(implementation) else {
            return false;
        };
        match self.find(module, &about, 0) {
            Some(Found::Item(home, item)) => home == *path && item::name(item).is_some_and(|other| other == name),
            Some(Found::Lists(home, _)) => home == *path && about.last().is_some_and(|other| other == name),
            _ => false,
        }
    }
}

fn child(path: &Path, name: &str) -> Path {
    let mut path = path.clone();
    path.push(name.to_owned());
    path
}

fn join(shown: &str, name: &str) -> String {
    if shown.is_empty() {
        name.to_owned()
    } else {
        format!("{shown}::{name}")
    }
}

/// What an import or a re-export names, each with the name that it has from then on. A glob is named `*`.
fn leaves(used: &ItemUse) -> Vec<(Path, String)> {
    fn walk(tree: &UseTree, path: &Path, leaves: &mut Vec<(Path, String)>) {
        match tree {
            UseTree::Path(part) => walk(&part.tree, &child(path, &part.ident.to_string()), leaves),
            UseTree::Name(name) if name.ident == "self" => {
                leaves.push((path.clone(), path.last().cloned().unwrap_or_default()));
            }
            UseTree::Name(name) => leaves.push((child(path, &name.ident.to_string()), name.ident.to_string())),
            UseTree::Rename(name) => leaves.push((child(path, &name.ident.to_string()), name.rename.to_string())),
            UseTree::Glob(_) => leaves.push((child(path, "*"), "*".to_owned())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, path, leaves)),
        }
    }
    let mut leaves = Vec::new();
    walk(&used.tree, &Vec::new(), &mut leaves);
    leaves
}
