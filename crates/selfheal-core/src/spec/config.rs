//! The section `[config]`: the app's configuration in Parameter Store.

use selfheal_userdata::Parameters;
use toml_edit::{Table, value};

use super::problem::SpecProblemKind;
use super::reader::{Fault, Located, Reader, Section};
use super::syntax;
use super::values::{duration, kms_key, strings};

/// Its keys.
pub(super) const KEYS: &[&str] = &["path", "required", "refresh", "kms_key"];

/// Where the app's configuration is in Parameter Store, and what of it must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSpec {
    /// Path below which the parameters are, without a slash at its end.
    pub path: String,
    /// Names without which a boot fails, as the app knows them.
    pub required: Vec<String>,
    /// Seconds between two looks for what has changed; `None` where only a boot fetches it.
    pub refresh_s: Option<u32>,
    /// ARN of the KMS key that encrypts the secrets; `None` for AWS's own key for Parameter Store.
    pub kms_key: Option<String>,
}

impl ConfigSpec {
    /// The shortest and the longest time between two looks, in seconds. A look costs a call or more, of which an account has
    /// forty a second for all of its own.
    const REFRESH_S: std::ops::RangeInclusive<u32> = 60..=86_400;

    /// What the boot program is told of it.
    pub(crate) fn to_parameters(&self) -> Parameters {
        Parameters {
            path: self.path.clone(),
            required: self.required.clone(),
            refresh_s: self.refresh_s,
            kms_key: self.kms_key.clone(),
        }
    }
}

/// Reads the section; `stack` is the name of the stack, as far as it is known.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>, stack: Option<&str>) -> Option<ConfigSpec> {
    let path = section.required(reader, "path", PATH);
    let path = reader.check(path, |path| parse_path(path, stack));
    let required = section.strings(reader, "required", "names such as [\"DATABASE_URL\"]");
    let refresh = duration(reader, section, "refresh", ConfigSpec::REFRESH_S);
    let kms_key = kms_key(reader, section);
    let mut names: Vec<String> = Vec::new();
    for name in required.unwrap_or_default() {
        if let Some(name) = required_name(reader, name)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    Some(ConfigSpec {
        path: path?.value,
        required: names,
        refresh_s: refresh.map(|refresh| refresh.value),
        kms_key,
    })
}

/// What a path has to be.
const PATH: &str = "a path of A-Z a-z 0-9 . _ - and / in Parameter Store, such as \"/web/\"";

fn parse_path(text: &str, stack: Option<&str>) -> Result<String, Fault> {
    let parameters = Parameters {
        path: text.strip_suffix('/').unwrap_or(text).to_owned(),
        required: Vec::new(),
        refresh_s: None,
        kms_key: None,
    };
    if parameters.check().is_err() {
        return Err(Fault::malformed(syntax::is(text), PATH));
    }
    if stack.is_some_and(|stack| parameters.overlaps(stack)) {
        let expected = "a path that neither holds the stack's bundle nor is one";
        let found = format!(
            "{}, where selfheal keeps what does not fit into user data",
            syntax::is(text)
        );
        return Err(Fault::new(SpecProblemKind::Malformed, found, expected));
    }
    Ok(parameters.path)
}

fn required_name(reader: &mut Reader<'_>, name: Located<String>) -> Option<String> {
    let checked = reader.check(Some(name), |name| match selfheal_userdata::parameter_name(name) {
        Ok(variable) if variable == *name => Ok(variable),
        Ok(variable) => {
            let expected = format!("the name of its variable, {variable}");
            Err(Fault::malformed(syntax::is(name), expected))
        }
        Err(fault) => {
            let expected = fault.expected.replacen("must be ", "", 1);
            let expected = format!("the name of a variable: {expected}");
            Err(Fault::malformed(syntax::is(name), expected))
        }
    });
    checked.map(|name| name.value)
}

/// The section as a table.
pub(super) fn table(spec: &ConfigSpec) -> Table {
    let mut table = Table::new();
    table["path"] = value(format!("{}/", spec.path));
    if !spec.required.is_empty() {
        table["required"] = strings(spec.required.iter().cloned());
    }
    if let Some(refresh_s) = spec.refresh_s {
        table["refresh"] = value(format!("{refresh_s}s"));
    }
    if let Some(key) = &spec.kms_key {
        table["kms_key"] = value(key);
    }
    table
}
