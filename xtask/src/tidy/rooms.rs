//! The modules of a crate as rooms, and who refers to whom.
//!
//! A module is one room with its ancestors and its descendants: what stands in a `mod.rs` is the floor of what stands
//! beside it. An arrow leads from a module to another one of the same parent, or from inside of the one to inside of the
//! other. What is imported by way of a re-export counts where it is defined. Tests do not count.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, File, Item, ItemMod, ItemUse, Macro, UseTree, Visibility};

use super::syntax::{Parsed, is_for_tests};

/// How many re-exports are followed from one to the next. Two are the most here; this ends what leads in a circle.
const DOORS_MAX: usize = 8;

/// A module's path below the root of its crate.
pub type Path = Vec<String>;

/// A crate's modules.
pub struct Crate {
    /// The folder of its sources.
    pub folder: String,
    modules: BTreeMap<Path, Module>,
}

/// What one file says.
#[derive(Default)]
struct Module {
    file: String,
    /// What it defines.
    items: BTreeSet<String>,
    /// What it imports or re-exports, by the name under which it does.
    doors: BTreeMap<String, Path>,
    /// What it imports or re-exports with everything in it.
    globs: Vec<Path>,
    /// What it refers to, and where.
    references: Vec<(Path, usize)>,
}

/// One module's reference to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The module in which both stand.
    pub parent: Path,
    /// Which one of its children refers.
    pub from: String,
    /// To which one.
    pub to: String,
    /// Where one of the references is, and what it names.
    pub example: String,
}

impl Crate {
    /// Reads the crates that have a folder of sources.
    pub fn all(files: &[Parsed<'_>]) -> Vec<Self> {
        let mut crates: BTreeMap<&str, Vec<(Path, &Parsed<'_>)>> = BTreeMap::new();
        for parsed in files {
            let Some((folder, rest)) = parsed.path.split_once("/src/") else {
                continue;
            };
            crates.entry(folder).or_default().push((module_path(rest), parsed));
        }
        crates
            .into_iter()
            .map(|(folder, files)| Self::read(folder, &files))
            .collect()
    }

    fn read(folder: &str, files: &[(Path, &Parsed<'_>)]) -> Self {
        let hidden = for_tests(files);
        let is_hidden = |path: &Path| (0..=path.len()).any(|end| hidden.contains(&path[..end]));
        let known: BTreeSet<&Path> = files.iter().map(|(path, _)| path).collect();
        let mut modules = BTreeMap::new();
        for (path, parsed) in files.iter().filter(|(path, _)| !is_hidden(path)) {
            // A program beside a library is a crate of its own, which only calls it.
            if parsed.path.ends_with("/src/main.rs") && modules.contains_key(path) {
                continue;
            }
            let mut reader = Reader {
                known: &known,
                scope: path.clone(),
                module: Module {
                    file: parsed.path.to_owned(),
                    ..Module::default()
                },
            };
            reader.define(&parsed.file);
            reader.visit_file(&parsed.file);
            modules.insert(path.clone(), reader.module);
        }
        Self {
            folder: format!("{folder}/src"),
            modules,
        }
    }

    /// Every arrow between modules of one parent, once each, with an example.
    pub fn arrows(&self) -> Vec<Arrow> {
        let mut arrows: BTreeMap<(Path, String, String), String> = BTreeMap::new();
        for (from, module) in &self.modules {
            for (path, line) in &module.references {
                let to = self.home(path, DOORS_MAX);
                let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
                if let (Some(one), Some(other)) = (from.get(shared), to.get(shared)) {
                    let key = (from[..shared].to_vec(), one.clone(), other.clone());
                    let example = || format!("{}:{line}: {}", module.file, path.join("::"));
                    arrows.entry(key).or_insert_with(example);
                }
            }
        }
        let arrow = |((parent, from, to), example)| Arrow {
            parent,
            from,
            to,
            example,
        };
        arrows.into_iter().map(arrow).collect()
    }

    /// The module in which what a path names is defined.
    fn home(&self, path: &[String], doors: usize) -> Path {
        let end = (0..=path.len())
            .rev()
            .find(|end| self.modules.contains_key(&path[..*end]));
        let (inside, rest) = path.split_at(end.unwrap_or(0));
        let (Some(module), Some((name, below)), true) = (self.modules.get(inside), rest.split_first(), doors > 0)
        else {
            return inside.to_vec();
        };
        let beyond = |door: &Path| [door, below].concat();
        if module.items.contains(name) {
            return inside.to_vec();
        }
        if let Some(door) = module.doors.get(name) {
            return self.home(&beyond(door), doors - 1);
        }
        for glob in &module.globs {
            let candidate = [&glob[..], rest].concat();
            let opened = self.home(glob, doors - 1);
            let knows = |module: &Module| module.items.contains(name) || module.doors.contains_key(name);
            if opened != inside && self.modules.get(&opened).is_some_and(knows) {
                return self.home(&candidate, doors - 1);
            }
        }
        inside.to_vec()
    }
}

/// The module of a file, from its path below the folder of sources.
fn module_path(file: &str) -> Path {
    let stem = file.trim_end_matches(".rs");
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    match stem {
        "lib" | "main" => Vec::new(),
        stem => stem.split('/').map(str::to_owned).collect(),
    }
}

/// The modules that are declared for tests alone.
fn for_tests(files: &[(Path, &Parsed<'_>)]) -> BTreeSet<Path> {
    let mut hidden = BTreeSet::new();
    for (path, parsed) in files {
        for item in &parsed.file.items {
            if let Item::Mod(ItemMod {
                ident, content: None, ..
            }) = item
                && is_for_tests(item)
            {
                hidden.insert([&path[..], &[ident.to_string()]].concat());
            }
        }
    }
    hidden
}

/// Reads what a file defines, opens and refers to.
struct Reader<'a> {
    known: &'a BTreeSet<&'a Path>,
    /// The module that is being read, which may be one within the file.
    scope: Path,
    module: Module,
}

impl Reader<'_> {
    /// Notes what the file itself defines.
    fn define(&mut self, file: &File) {
        for item in file.items.iter().filter(|item| !is_for_tests(item)) {
            let name = match item {
                Item::Const(item) => Some(&item.ident),
                Item::Enum(item) => Some(&item.ident),
                Item::Fn(item) => Some(&item.sig.ident),
                Item::Macro(item) => item.ident.as_ref(),
                Item::Static(item) => Some(&item.ident),
                Item::Struct(item) => Some(&item.ident),
                Item::Trait(item) => Some(&item.ident),
                Item::Type(item) => Some(&item.ident),
                _ => None,
            };
            self.module.items.extend(name.map(ToString::to_string));
        }
    }

    /// A path of this crate from its root; `None` for one that leads elsewhere, or to a name of the module itself.
    fn absolute(&self, path: &[String]) -> Option<Path> {
        let mut at = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" => self.scope.clone(),
            "super" => self.scope[..self.scope.len().saturating_sub(1)].to_vec(),
            child => {
                let child = [&self.scope[..], &[child.to_owned()]].concat();
                self.known.get(&child)?;
                child
            }
        };
        for part in &path[1..] {
            if part == "super" {
                at.pop();
            } else if part != "self" {
                at.push(part.clone());
            }
        }
        Some(at)
    }

    fn refer(&mut self, path: &[String], line: usize) {
        if let Some(path) = self.absolute(path) {
            self.module.references.push((path, line));
        }
    }

    /// Takes up one branch of a `use`, whose path so far is `before`.
    fn open(&mut self, before: &[String], tree: &UseTree, public: bool) {
        let with = |name: String| [before, &[name]].concat();
        let (path, name, line) = match tree {
            UseTree::Path(path) => return self.open(&with(path.ident.to_string()), &path.tree, public),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.open(before, tree, public);
                }
                return;
            }
            UseTree::Name(name) => {
                let line = name.ident.span().start().line;
                let path = with(name.ident.to_string());
                (path, name.ident.to_string(), line)
            }
            UseTree::Rename(name) => (
                with(name.ident.to_string()),
                name.rename.to_string(),
                name.ident.span().start().line,
            ),
            UseTree::Glob(_) => {
                if let Some(path) = self.absolute(before) {
                    self.module.globs.push(path.clone());
                    self.module.references.push((path, 0));
                }
                return;
            }
        };
        let Some(path) = self.absolute(&path) else { return };
        // A re-export is a door that others go through, and no reference of the module itself.
        if !public {
            self.module.references.push((path.clone(), line));
        }
        let name = if name == "self" {
            path.last().cloned()
        } else {
            Some(name)
        };
        self.module.doors.extend(name.map(|name| (name, path)));
    }

    /// Finds paths in what a macro is given, which is not parsed.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if path.is_empty() || colons != 2 {
                        self.end(&mut path, line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Group(group) => {
                    self.end(&mut path, line);
                    self.scan(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.end(&mut path, line),
            }
        }
        self.end(&mut path, line);
    }

    /// Takes up a path that was found in a macro. A name alone is as likely to be a variable.
    fn end(&mut self, path: &mut Vec<String>, line: usize) {
        if path.len() > 1 {
            self.refer(path, line);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.scope.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.scope.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let public = !matches!(item.vis, Visibility::Inherited);
        self.open(&[], &item.tree, public);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let (true, Some(first)) = (segments.len() > 1, path.segments.first()) {
            self.refer(&segments, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, found: &'ast Macro) {
        self.scan(found.tokens.clone());
        visit::visit_macro(self, found);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}
