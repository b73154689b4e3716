//! `selfheal config`: the app's configuration in Parameter Store. What is shown of it is never a value, but for `get`.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Read as _};

use jiff::Timestamp;
use schemars::JsonSchema;
use selfheal_aws::{Silent, list_parameters, noted_parameters, read_parameter, remove_parameter, write_parameter};
use selfheal_core::Names;
use selfheal_core::config::{
    ConfigDiff, Parameter, UnfitParameter, VALUE_MAX_BYTES, Value, WriteParameter, check, check_name, diff,
};
use selfheal_core::spec::ConfigSpec;
use serde::Serialize;

use crate::cli::{ConfigArgs, ConfigCommand, GetArgs, RemoveArgs, SetArgs};
use crate::duration::age;
use crate::error::CliError;
use crate::exit;
use crate::prompt::{Question, confirm};
use crate::session::Session;

/// Does what the subcommand says.
///
/// # Errors
/// The stack's file has no `[config]`, a call failed, or what is to be written does not fit.
pub fn run(session: &Session, args: &ConfigArgs) -> Result<u8, CliError> {
    let Some(config) = &session.spec.config else {
        return Err(CliError::Usage(
            "the stack's file has no section [config], which says where its configuration is".to_owned(),
        ));
    };
    match &args.command {
        ConfigCommand::Set(args) => set(session, config, args),
        ConfigCommand::Get(args) => get(session, config, args),
        ConfigCommand::List(args) => list(session, config, args.json),
        ConfigCommand::Rm(args) => remove(session, config, args),
        ConfigCommand::Diff(args) => compare(session, config, args.json),
    }
}

/// What is below the path, without values.
fn present(session: &Session, config: &ConfigSpec) -> Result<Vec<Parameter>, CliError> {
    let control = session.backend.control(&Silent);
    session.ask(list_parameters(session.backend.aws(), &config.path, &control))
}

fn place(config: &ConfigSpec, name: &str) -> String {
    format!("{}/{name}", config.path)
}

fn unfit(error: &UnfitParameter) -> CliError {
    CliError::Usage(error.to_string())
}

fn set(session: &Session, config: &ConfigSpec, args: &SetArgs) -> Result<u8, CliError> {
    let present = present(session, config)?;
    check_name(&config.path, &args.name, &present).map_err(|error| unfit(&error))?;
    let value = read_value(&args.name)?;
    check(&config.path, &args.name, &value, &present).map_err(|error| unfit(&error))?;
    let input = WriteParameter {
        name: place(config, &args.name),
        value,
        secret: !args.plain,
        kms_key: config.kms_key.clone().filter(|_| !args.plain),
    };
    let control = session.backend.control(&Silent);
    let written = session.ask(write_parameter(session.backend.aws(), &input, &control))?;
    let mut text = format!("{} is version {}. {}", input.name, written.version, when(config));
    if !written.shown {
        text.push_str(" Parameter Store still showed an earlier version after a minute.");
    }
    text.push('\n');
    session.output.text(&text)?;
    Ok(exit::DONE)
}

/// When the running instance has what was changed.
fn when(config: &ConfigSpec) -> String {
    match config.refresh_s {
        Some(refresh_s) => format!(
            "The running instance has it within {}, and restarts the app.",
            age(refresh_s.into())
        ),
        None => "The running instance has it after its next boot.".to_owned(),
    }
}

/// Reads the value: without echo from a terminal, else all of standard input but for a newline at its end.
fn read_value(name: &str) -> Result<Value, CliError> {
    let failed = |error: std::io::Error| CliError::Failed(format!("cannot read the value: {error}"));
    if std::io::stdin().is_terminal() {
        eprint!("Value of {name}, which is not shown: ");
        let line = console::Term::stderr().read_secure_line().map_err(failed)?;
        return Ok(Value::new(line));
    }
    let mut bytes = Vec::new();
    // More than fits is read, so that what is too long can be said.
    let most = u64::try_from(VALUE_MAX_BYTES * 16).unwrap_or(u64::MAX);
    std::io::stdin()
        .lock()
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::Usage("the value is not UTF-8: encode it, for example in base64".to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Value::new(text.strip_suffix('\r').unwrap_or(text)))
}

fn get(session: &Session, config: &ConfigSpec, args: &GetArgs) -> Result<u8, CliError> {
    let name = place(config, &args.name);
    let present = present(session, config)?;
    let Some(told) = present.iter().find(|told| told.name == name) else {
        return Err(missing(&name));
    };
    if told.is_secret() && !args.yes {
        let question = format!("Show the secret {name}?");
        confirm(&session.backend, Question::YesNo(&question))?;
    }
    let control = session.backend.control(&Silent);
    let found = session.ask(read_parameter(session.backend.aws(), &name, &control))?;
    let (_, value) = found.ok_or_else(|| missing(&name))?;
    session.output.bytes(format!("{}\n", value.expose()).as_bytes())?;
    Ok(exit::DONE)
}

fn missing(name: &str) -> CliError {
    CliError::Failed(format!("there is no parameter {name}"))
}

fn remove(session: &Session, config: &ConfigSpec, args: &RemoveArgs) -> Result<u8, CliError> {
    let name = place(config, &args.name);
    if !present(session, config)?.iter().any(|told| told.name == name) {
        return Err(missing(&name));
    }
    if !args.yes {
        let required = config.required.contains(&args.name);
        let warning = if required { ", without which a boot fails" } else { "" };
        let question = format!("Remove {name}{warning}? Its value and all versions are gone for good.");
        confirm(&session.backend, Question::YesNo(&question))?;
    }
    let control = session.backend.control(&Silent);
    session.ask(remove_parameter(session.backend.aws(), &name, &control))?;
    session.output.text(&format!("{name} is removed. {}\n", when(config)))?;
    Ok(exit::DONE)
}

/// What `config list` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConfigList {
    /// The stack's name.
    stack: String,
    /// Path below which the parameters are.
    path: String,
    /// The parameters, in the order of their names.
    parameters: Vec<Listed>,
    /// What would fail a boot: a required parameter that is not there, a name that cannot be a variable's.
    problems: Vec<String>,
}

/// A parameter, without its value.
#[derive(Debug, Serialize, JsonSchema)]
struct Listed {
    /// Its name below the path.
    name: String,
    /// Its type: `String`, `StringList` or `SecureString`.
    #[serde(rename = "type")]
    kind: String,
    /// Its version.
    version: u64,
    /// When it got its value.
    modified: Option<Timestamp>,
}

fn list(session: &Session, config: &ConfigSpec, json: bool) -> Result<u8, CliError> {
    let mut present = present(session, config)?;
    present.sort_by(|one, other| one.name.cmp(&other.name));
    let below = format!("{}/", config.path);
    let relative = |told: &Parameter| told.name.strip_prefix(&below).unwrap_or(&told.name).to_owned();
    let list = ConfigList {
        stack: session.spec.name.clone(),
        path: config.path.clone(),
        problems: problems(config, &present),
        parameters: present
            .iter()
            .map(|told| Listed {
                name: relative(told),
                kind: told.kind.clone(),
                version: told.version,
                modified: told.modified,
            })
            .collect(),
    };
    if json {
        session.output.report(&list)?;
        return Ok(exit::DONE);
    }
    let now = session.backend.now();
    let widest = list
        .parameters
        .iter()
        .map(|listed| listed.name.len())
        .max()
        .unwrap_or(0)
        .max(4);
    let mut text = format!("{:<widest$}  {:<12}  version  age\n", "name", "type");
    for listed in &list.parameters {
        let seconds = listed
            .modified
            .map(|at| now.as_second().saturating_sub(at.as_second()).max(0));
        let age = seconds.map_or_else(|| "?".to_owned(), |seconds| age(seconds.unsigned_abs()));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<widest$}  {:<12}  {:>7}  {age}",
            listed.name, listed.kind, listed.version
        );
    }
    for problem in &list.problems {
        let _ = writeln!(text, "! {problem}");
    }
    session.output.text(&text)?;
    Ok(exit::DONE)
}

/// What of the parameters would fail a boot.
fn problems(config: &ConfigSpec, present: &[Parameter]) -> Vec<String> {
    let below = format!("{}/", config.path);
    let names: Vec<&str> = present
        .iter()
        .filter_map(|told| told.name.strip_prefix(&below))
        .collect();
    let unfit = names
        .iter()
        .filter_map(|name| check_name(&config.path, name, present).err());
    let variables: Vec<String> = names
        .iter()
        .filter_map(|name| selfheal_userdata::parameter_name(name).ok())
        .collect();
    let lost = config.required.iter().filter(|name| !variables.contains(name));
    let lost = lost.map(|name| format!("{} is required, and not there", place(config, name)));
    unfit.map(|error| error.to_string()).chain(lost).collect()
}

/// What `config diff` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConfigCompared {
    /// The stack's name.
    stack: String,
    /// Path below which the parameters are.
    path: String,
    /// What the instance noted last; `null` where none has noted anything.
    noted: Option<String>,
    /// How that compares with what there is.
    diff: ConfigDiff,
}

fn compare(session: &Session, config: &ConfigSpec, json: bool) -> Result<u8, CliError> {
    let present = present(session, config)?;
    let group = Names::of(&session.spec).group;
    let control = session.backend.control(&Silent);
    let noted = session.ask(noted_parameters(session.backend.aws(), &group, &control))?;
    let compared = ConfigCompared {
        stack: session.spec.name.clone(),
        path: config.path.clone(),
        diff: diff(noted.as_deref(), &config.path, &present),
        noted,
    };
    if json {
        session.output.report(&compared)?;
    } else {
        session.output.text(&told(&compared.diff, config))?;
    }
    Ok(exit::DONE)
}

fn told(diff: &ConfigDiff, config: &ConfigSpec) -> String {
    let version = |version: Option<u64>| version.map_or_else(|| "none".to_owned(), |version| version.to_string());
    match diff {
        ConfigDiff::Changed { changes } => {
            let mut text = String::new();
            for change in changes {
                let sign = match (change.running, change.present) {
                    (None, _) => '+',
                    (_, None) => '-',
                    _ => '~',
                };
                let (running, present) = (version(change.running), version(change.present));
                let _ = writeln!(text, "{sign} {}: {running} -> {present}", change.name);
            }
            text + &when(config) + "\n"
        }
        ConfigDiff::Same => "The running instance has every version that there is.\n".to_owned(),
        ConfigDiff::OtherPath { path } => format!(
            "The running instance has the parameters below {path}, not those below {}: a replacement has them.\n",
            config.path
        ),
        ConfigDiff::Differs => format!(
            "The running instance has other versions. There are too many to note each of them. {}\n",
            when(config)
        ),
        ConfigDiff::Unknown => "No instance has fetched the configuration yet.\n".to_owned(),
    }
}
