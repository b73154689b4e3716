//! A spec file: TOML in, a validated [`Spec`] or everything that is wrong with it out.

use std::str::FromStr;

use toml_edit::Document;

use super::app::Files;
use super::app_files::Named;
use super::problem::{SpecErrors, SpecProblemKind};
use super::reader::{Fault, Located, Reader};
use super::{AppPolicy, Setup, Spec, app_policy, stack};

/// A spec file that was parsed and found to be sound, but for the files that it names, whose content is not part of it: the
/// setup script and the app's policy.
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
    setup: Option<Located<String>>,
    policy: Option<Located<String>>,
    others: Vec<Named>,
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
        if file.setup.is_some() {
            return Err(file.setup_unreadable("is a file, which this text comes without"));
        }
        if let Some(named) = file.others.first() {
            return Err(file.file_unreadable(&named.file.from, "is a file, which this text comes without"));
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
        let (spec, Files { setup, policy, others }) = reader.finish(parsed)?;
        Ok(Self {
            text: text.to_owned(),
            spec,
            setup,
            policy,
            others,
        })
    }

    /// The paths of the files that `[app.files]` puts on the instance, as it names them: relative to the file's folder, or
    /// absolute.
    pub fn file_paths(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|named| named.file.from.as_str())
    }

    /// The problem of such a file that cannot be read.
    ///
    /// `reason` is a clause such as `cannot be read: no such file`.
    #[must_use]
    pub fn file_unreadable(&self, path: &str, reason: &str) -> SpecErrors {
        let at = self
            .others
            .iter()
            .find(|named| named.file.from == path)
            .map(|named| &named.at);
        let (key, span) = at.map_or(("app.files", 0..0), |at| (at.key.as_str(), at.span.clone()));
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
        self
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
        if let Some(named) = self.others.iter().find(|named| named.file.content.is_none()) {
            return Err(self.file_unreadable(&named.file.from, "names a file that was not read"));
        }
        let mut spec = self.spec.clone();
        spec.app.files = self.others.iter().map(|named| named.file.clone()).collect();
        let expected = "an executable script that begins with a line such as `#!/bin/sh`";
        match (&self.setup, setup_body) {
            (None, None) => Ok(spec),
            (Some(_), Some(body)) if !body.starts_with(b"#!") => {
                let what = if body.is_empty() {
                    "is empty"
                } else if body.starts_with("\u{feff}".as_bytes()) {
                    "begins with a byte order mark, before its `#!`"
                } else {
                    "does not begin with `#!`"
                };
                Err(self.setup_problem(format!("names a script that {what}"), expected))
            }
            (Some(setup), Some(body)) => {
                if let Some(line) = first_windows_line(&body) {
                    let found = format!("names a script whose line {line} ends in CR LF, as Windows ends lines");
                    return Err(self.setup_problem(found, "lines that end in LF alone: `sed -i 's/\\r$//'` mends it"));
                }
                let setup = Setup {
                    path: setup.value.clone(),
                    body,
                };
                spec.app.setup = Some(setup);
                Ok(spec)
            }
            (Some(_), None) => Err(self.setup_problem("names a script that was not read".to_owned(), expected)),
            (None, Some(_)) => Err(self.setup_problem("is missing, though a script was read".to_owned(), expected)),
        }
    }

    /// Completes the spec without reading the setup script and the files, for what can be done without it: a status, a destroy.
    #[must_use]
    pub fn into_spec_unread(self) -> Spec {
        let mut spec = self.spec;
        spec.app.setup = self.setup.map(|setup| Setup::unread(setup.value));
        spec.app.files = self.others.into_iter().map(|named| named.file).collect();
        spec
    }

    fn setup_problem(&self, found: String, expected: &str) -> SpecErrors {
        let span = self.setup.as_ref().map_or(0..0, |setup| setup.span.clone());
        let mut reader = Reader::new(&self.text, stack::SECTIONS);
        reader.report("app.setup", span, Fault::new(SpecProblemKind::Setup, found, expected));
        reader.into_errors()
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
