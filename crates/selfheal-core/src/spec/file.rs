//! A spec file: TOML in, a validated [`Spec`] or everything that is wrong with it out.

use std::str::FromStr;

use toml_edit::Document;

use super::app::Files;
use super::app_files::Named;
use super::problem::{SpecErrors, SpecProblemKind};
use super::reader::{Fault, Located, Reader};
use super::{AppPolicy, Setup, Spec, app_policy, stack};

/// A spec file that was parsed and found to be sound, but for the files that it names, whose content is not part of it:
/// scripts, the app's policy and its files.
///
/// ```
/// use selfheal_core::spec::SpecFile;
///
/// let file = SpecFile::parse(
///     r#"
///     name = "web"
///     region = "eu-west-1"
///     [instance]
///     type = "t4g.small"
///     image = "al2023-arm64"
///     ingress = ["80/tcp"]
///     "#,
/// )?;
/// assert_eq!(file.setup_path(), None);
/// let spec = file.into_spec(None)?;
/// assert_eq!(spec.instance.instance_type, "t4g.small");
/// # Ok::<(), selfheal_core::spec::SpecErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpecFile {
    text: String,
    spec: Spec,
    prepare: Option<Located<String>>,
    setup: Option<Located<String>>,
    policy: Option<Located<String>>,
    others: Vec<Named>,
    extra: Option<Located<String>>,
}

/// Parses the text of a spec file that names no other files.
///
/// # Errors
/// Everything that is wrong with it; a setup script or a policy that it names, which only [`SpecFile`] can complete.
impl FromStr for Spec {
    type Err = SpecErrors;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let file = SpecFile::parse(text)?;
        if file.policy.is_some() {
            return Err(file.policy_unreadable("is a file, which this text comes without"));
        }
        if file.prepare.is_some() {
            return Err(file.prepare_unreadable("is a file, which this text comes without"));
        }
        if file.setup.is_some() {
            return Err(file.setup_unreadable("is a file, which this text comes without"));
        }
        if let Some(from) = file.file_paths().next() {
            return Err(file.file_unreadable(from, "is a file, which this text comes without"));
        }
        file.into_spec(None)
    }
}

impl SpecFile {
    /// Parses a spec file.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once. A file that is not TOML has one problem, the first.
    pub fn parse(text: &str) -> Result<Self, SpecErrors> {
        let mut reader = Reader::new(text, stack::SECTIONS);
        let parsed = match Document::parse(text) {
            Ok(document) => stack::read(&mut reader, document.as_table()),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                let message = error.message().lines().next().unwrap_or_default().to_owned();
                reader.report("", span, Fault::new(SpecProblemKind::Syntax, message, ""));
                None
            }
        };
        let (spec, files) = reader.finish(parsed)?;
        let Files {
            prepare,
            setup,
            policy,
            others,
            extra,
        } = files;
        Ok(Self {
            text: text.to_owned(),
            spec,
            prepare,
            setup,
            policy,
            others,
            extra,
        })
    }

    /// The paths of the files that `[app.files]` and `https.extra` put on the instance, as they name them: relative to the
    /// file's folder, or absolute.
    pub fn file_paths(&self) -> impl Iterator<Item = &str> {
        let others = self.others.iter().map(|named| named.file.from.as_str());
        others.chain(self.extra.as_ref().map(|extra| extra.value.as_str()))
    }

    /// The problem of such a file that cannot be read.
    ///
    /// `reason` is a clause such as `cannot be read: no such file`.
    #[must_use]
    pub fn file_unreadable(&self, path: &str, reason: &str) -> SpecErrors {
        let others = self
            .others
            .iter()
            .map(|named| (&named.file.from, &named.at.key, &named.at.span));
        let extra = self.extra.iter().map(|extra| (&extra.value, &extra.key, &extra.span));
        let at = others.chain(extra).find(|(from, ..)| *from == path);
        let (key, span) = at.map_or(("app.files", 0..0), |(_, key, span)| (key.as_str(), span.clone()));
        let mut reader = Reader::new(&self.text, stack::SECTIONS);
        let expected = "the path of a file, relative to this file's folder";
        reader.report(key, span, Fault::new(SpecProblemKind::Setup, reason, expected));
        reader.into_errors()
    }

    /// Completes the spec with the content of a file, by the path that [`SpecFile::file_paths`] gives, before
    /// [`SpecFile::into_spec`].
    #[must_use]
    pub fn with_file(mut self, path: &str, content: &[u8]) -> Self {
        for named in self.others.iter_mut().filter(|named| named.file.from == path) {
            named.file.content = Some(content.to_vec());
        }
        if let Some(extra) = self.spec.https.as_mut().and_then(|https| https.extra.as_mut())
            && extra.path == path
        {
            // What is no text is told when it is missing.
            extra.content = String::from_utf8(content.to_vec()).ok();
        }
        self
    }

    /// The path of the script that prepares the instance, as the file names it: relative to the file's folder, or absolute.
    #[must_use]
    pub fn prepare_path(&self) -> Option<&str> {
        self.prepare.as_ref().map(|prepare| prepare.value.as_str())
    }

    /// The problem of such a script that cannot be read, where the file names it.
    ///
    /// `reason` is a clause such as `cannot be read: no such file`.
    #[must_use]
    pub fn prepare_unreadable(&self, reason: &str) -> SpecErrors {
        self.prepare_problem(
            reason.to_owned(),
            "the path of a script, relative to this file's folder",
        )
    }

    /// Completes the spec with the script that prepares the instance, before [`SpecFile::into_spec`], where the file names one.
    ///
    /// # Errors
    /// It is none that can be executed, as [`SpecFile::into_spec`] says of the setup script.
    pub fn with_prepare(mut self, body: Vec<u8>) -> Result<Self, SpecErrors> {
        let Some(prepare) = &self.prepare else { return Ok(self) };
        check_script(&body).map_err(|(found, expected)| self.prepare_problem(found, expected))?;
        self.spec.app.prepare = Some(Setup {
            path: prepare.value.clone(),
            body,
        });
        Ok(self)
    }

    /// The path of the setup script as the file names it: relative to the file's folder, or absolute.
    #[must_use]
    pub fn setup_path(&self) -> Option<&str> {
        self.setup.as_ref().map(|setup| setup.value.as_str())
    }

    /// The problem of a setup script that cannot be read, where the file names it.
    ///
    /// `reason` is a clause such as `cannot be read: no such file`.
    #[must_use]
    pub fn setup_unreadable(&self, reason: &str) -> SpecErrors {
        self.setup_problem(
            reason.to_owned(),
            "the path of a script, relative to this file's folder",
        )
    }

    /// The path of the app's policy as the file names it: relative to the file's folder, or absolute.
    #[must_use]
    pub fn policy_path(&self) -> Option<&str> {
        self.policy.as_ref().map(|policy| policy.value.as_str())
    }

    /// The problem of an app's policy that cannot be read, where the file names it.
    ///
    /// `reason` is a clause such as `cannot be read: no such file`.
    #[must_use]
    pub fn policy_unreadable(&self, reason: &str) -> SpecErrors {
        self.policy_problem(
            reason.to_owned(),
            "the path of a policy, relative to this file's folder",
        )
    }

    /// Completes the spec with the app's policy, before [`SpecFile::into_spec`], where the file names one.
    ///
    /// # Errors
    /// It is no policy that IAM would put on a role, or allows everything.
    pub fn with_policy(mut self, body: &[u8]) -> Result<Self, SpecErrors> {
        let Some(policy) = &self.policy else { return Ok(self) };
        let document = app_policy::read(body)
            .map_err(|why| self.policy_problem(format!("names a policy that {why}"), app_policy::EXPECTED))?;
        self.spec.app.policy = Some(AppPolicy {
            path: policy.value.clone(),
            document,
        });
        Ok(self)
    }

    fn policy_problem(&self, found: String, expected: &str) -> SpecErrors {
        let span = self.policy.as_ref().map_or(0..0, |policy| policy.span.clone());
        let mut reader = Reader::new(&self.text, stack::SECTIONS);
        reader.report("app.policy", span, Fault::new(SpecProblemKind::Policy, found, expected));
        reader.into_errors()
    }

    /// Completes the spec with the setup script's content, which is there exactly when [`SpecFile::setup_path`] is.
    ///
    /// # Errors
    /// The script is missing, is named by no key, is empty, does not begin with `#!` (it is executed, not sourced), or has
    /// lines that end as Windows ends them: the kernel would look for an interpreter whose name ends in a carriage return.
    pub fn into_spec(self, setup_body: Option<Vec<u8>>) -> Result<Spec, SpecErrors> {
        if self.policy.is_some() && self.spec.app.policy.is_none() {
            return Err(self.policy_problem("names a policy that was not read".to_owned(), app_policy::EXPECTED));
        }
        if self.prepare.is_some() && self.spec.app.prepare.is_none() {
            return Err(self.prepare_problem("names a script that was not read".to_owned(), SCRIPT));
        }
        if let Some(named) = self.others.iter().find(|named| named.file.content.is_none()) {
            return Err(self.file_unreadable(&named.file.from, "names a file that was not read"));
        }
        if let Some(extra) = self.spec.https.as_ref().and_then(|https| https.extra.as_ref()) {
            let text = extra.content.as_deref();
            if text.is_none_or(|text| text.is_empty() || text.contains('\0')) {
                return Err(self.file_unreadable(&extra.path, "names a file that is no text, is empty or was not read"));
            }
        }
        let mut spec = self.spec.clone();
        spec.app.files = self.others.iter().map(|named| named.file.clone()).collect();
        match (&self.setup, setup_body) {
            (None, None) => Ok(spec),
            (Some(setup), Some(body)) => {
                check_script(&body).map_err(|(found, expected)| self.setup_problem(found, expected))?;
                let setup = Setup {
                    path: setup.value.clone(),
                    body,
                };
                spec.app.setup = Some(setup);
                Ok(spec)
            }
            (Some(_), None) => Err(self.setup_problem("names a script that was not read".to_owned(), SCRIPT)),
            (None, Some(_)) => Err(self.setup_problem("is missing, though a script was read".to_owned(), SCRIPT)),
        }
    }

    /// Completes the spec without reading the setup script and the files, for what can be done without it: a status, a destroy.
    #[must_use]
    pub fn into_spec_unread(self) -> Spec {
        let mut spec = self.spec;
        spec.app.prepare = self.prepare.map(|prepare| Setup::unread(prepare.value));
        spec.app.setup = self.setup.map(|setup| Setup::unread(setup.value));
        spec.app.files = self.others.into_iter().map(|named| named.file).collect();
        spec
    }

    fn prepare_problem(&self, found: String, expected: &str) -> SpecErrors {
        let span = self.prepare.as_ref().map_or(0..0, |prepare| prepare.span.clone());
        let mut reader = Reader::new(&self.text, stack::SECTIONS);
        reader.report("app.prepare", span, Fault::new(SpecProblemKind::Setup, found, expected));
        reader.into_errors()
    }

    fn setup_problem(&self, found: String, expected: &str) -> SpecErrors {
        let span = self.setup.as_ref().map_or(0..0, |setup| setup.span.clone());
        let mut reader = Reader::new(&self.text, stack::SECTIONS);
        reader.report("app.setup", span, Fault::new(SpecProblemKind::Setup, found, expected));
        reader.into_errors()
    }
}

/// What a script is to be.
const SCRIPT: &str = "an executable script that begins with a line such as `#!/bin/sh`";

/// Checks a script that is to be executed, and not sourced; what is wrong with it, and what is expected.
fn check_script(body: &[u8]) -> Result<(), (String, &'static str)> {
    if !body.starts_with(b"#!") {
        let what = if body.is_empty() {
            "is empty"
        } else if body.starts_with("\u{feff}".as_bytes()) {
            "begins with a byte order mark, before its `#!`"
        } else {
            "does not begin with `#!`"
        };
        return Err((format!("names a script that {what}"), SCRIPT));
    }
    match first_windows_line(body) {
        Some(line) => Err((
            format!("names a script whose line {line} ends in CR LF, as Windows ends lines"),
            "lines that end in LF alone: `sed -i 's/\\r$//'` mends it",
        )),
        None => Ok(()),
    }
}

/// The number of the first line that ends in a carriage return. Of what is no text only the first line is looked at: a
/// script may carry a packed file behind its last command.
fn first_windows_line(body: &[u8]) -> Option<usize> {
    let is_text = std::str::from_utf8(body).is_ok();
    let lines = body
        .split(|byte| *byte == b'\n')
        .take(if is_text { usize::MAX } else { 1 });
    lines
        .zip(1..)
        .find_map(|(line, number)| line.ends_with(b"\r").then_some(number))
}
