//! The section `[app.files]`: files that every boot puts in their places.

use selfheal_userdata::BootFile;
use toml_edit::{InlineTable, Item, Table, value};

use super::reader::{Fault, Located, Reader, Section};
use super::syntax;

/// The keys of an entry that is a table.
const KEYS: &[&str] = &["from", "owner", "mode"];

/// A file of the user's, put in its place at every boot before the setup script runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppFile {
    /// Absolute path on the instance.
    pub path: String,
    /// Where it came from, as the spec names it.
    pub from: String,
    /// Owner as `chown` takes it: `user`, `user:group` or numbers.
    pub owner: String,
    /// Permission bits, at most `0o777`.
    pub mode: u32,
    /// Content; `None` where it was not read, for what can be done without it: a status, a destroy. An apply is refused.
    pub content: Option<Vec<u8>>,
}

impl AppFile {
    /// Whose the files are that name nobody.
    pub const OWNER_DEFAULT: &str = "root";
    /// The permission bits of files that name none: everybody may read them, as most of `/etc`.
    pub const MODE_DEFAULT: u32 = 0o644;

    /// The file as the boot program puts it, where it was read.
    pub(crate) fn to_boot_file(&self) -> Option<BootFile> {
        Some(BootFile {
            path: self.path.clone(),
            content: self.content.clone()?,
            owner: self.owner.clone(),
            mode: self.mode,
        })
    }
}

/// A file that was named and not read yet, with where its source is named.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) file: AppFile,
    pub(super) at: Located<()>,
}

/// Reads the section; the files that it names are read by whoever can.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>) -> Vec<Named> {
    let keys = section.keys();
    keys.iter().filter_map(|path| one(reader, section, path)).collect()
}

fn one(reader: &mut Reader<'_>, section: &Section<'_>, path: &str) -> Option<Named> {
    let expected = "the path of a file, such as \"app.yml\", or a table with `from`, `owner` and `mode`";
    let (from, owner, mode) = match section.entry(reader, path, KEYS) {
        Some(entry) => {
            let from = entry.required(reader, "from", expected);
            let owner = entry.string(reader, "owner", "a user, or \"user:group\"");
            let mode = entry.string(reader, "mode", MODE);
            let mode = reader.check(mode, |mode| parse_mode(mode));
            (from, owner, mode)
        }
        None => (section.string(reader, path, expected), None, None),
    };
    let from = reader.check(from, |from| syntax::file_path(from, expected))?;
    let file = AppFile {
        path: path.to_owned(),
        from: from.value.clone(),
        owner: owner.map_or_else(|| AppFile::OWNER_DEFAULT.to_owned(), |owner| owner.value),
        mode: mode.map_or(AppFile::MODE_DEFAULT, |mode| mode.value),
        content: None,
    };
    let at = Located {
        value: (),
        key: section.name(path),
        span: from.span,
    };
    // The boot program knows what it can put where.
    let empty = BootFile {
        path: file.path.clone(),
        content: Vec::new(),
        owner: file.owner.clone(),
        mode: file.mode,
    };
    if let Err(fault) = empty.check() {
        let (key, span) = (section.name(path), section.key_span(path));
        let expected = fault.expected.replacen("must be ", "", 1);
        let expected = expected.replacen("must not be ", "a path that is not ", 1);
        reader.report(&key, span, Fault::malformed(syntax::is(&fault.value), expected));
        return None;
    }
    Some(Named { file, at })
}

/// What a mode has to be.
const MODE: &str = "permission bits in octal, such as \"0644\"";

fn parse_mode(text: &str) -> Result<u32, Fault> {
    let octal = (3..=4).contains(&text.len()) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| octal && *mode <= 0o777);
    mode.ok_or_else(|| Fault::malformed(syntax::is(text), MODE))
}

/// The section as a table, where it says anything.
pub(super) fn table(files: &[AppFile]) -> Option<Table> {
    let mut table = Table::new();
    for file in files {
        let plain = file.owner == AppFile::OWNER_DEFAULT && file.mode == AppFile::MODE_DEFAULT;
        table[&file.path] = if plain {
            value(&file.from)
        } else {
            let mut entry = InlineTable::new();
            entry.insert("from", file.from.as_str().into());
            entry.insert("owner", file.owner.as_str().into());
            entry.insert("mode", format!("{:04o}", file.mode).into());
            Item::Value(entry.into())
        };
    }
    (!table.is_empty()).then_some(table)
}
