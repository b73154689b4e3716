//! `selfheal init`: a first spec, from what the account has.

mod choose;
mod dialog;

use std::io::{IsTerminal, Write};
use std::path::Path;

use selfheal_aws::{Scope, draft_like, offered};
use selfheal_core::Spec;
use selfheal_core::init::{Draft, Offered, SCHEMA_FILE, name_from};
use selfheal_core::plan;
use selfheal_core::spec::{EXAMPLE, ImageRef};

use crate::backend::Backend;
use crate::cli::{Global, InitArgs, Prints};
use crate::error::CliError;
use crate::exit;
use crate::output::Output;
use crate::progress::Reporter;
use crate::session::Session;
use crate::spec::{Named, beside};
use choose::{choose, with_flags};
use dialog::Dialog;

/// The schema of specs, as editors read it.
const SCHEMA: &str = include_str!("../../../../../schema/spec.schema.json");

/// Region that is written where nobody says another one: the one whose prices are known.
const REGION: &str = "us-east-1";

/// Writes a first spec, and shows what comes next.
///
/// # Errors
/// The file is there already, or cannot be written; a choice is not sound; interrupted; nobody is there to be asked for what is missing.
pub fn run(global: &Global, output: Output, args: &InitArgs) -> Result<u8, CliError> {
    let file = global.file.as_path();
    // Looked at before anybody is asked; what counts is the look at the end, which no other program can come before.
    if file.exists() {
        return Err(is_there(file));
    }
    let asks = std::io::stdin().is_terminal() && !args.yes;
    let draft = Draft::new(name(args, file), region(global));
    let (draft, offered) = drafted(global, args, draft, asks)?;
    if let Some((key, problem)) = draft.problems().into_iter().next() {
        return Err(CliError::Usage(format!("{}: {problem}", choose::asked_by(&key))));
    }
    write_new(file, &draft.to_toml()).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => is_there(file),
        _ => CliError::Failed(format!("cannot write {}: {error}", file.display())),
    })?;
    let schema = beside(file, SCHEMA_FILE);
    let has_schema = schema.exists() || write_new(&schema, SCHEMA).is_ok();
    output.text(&next(global, file, has_schema))?;
    if offered.account.is_some() {
        eprintln!("{}", planned(global, output));
    }
    Ok(exit::DONE)
}

/// Prints the schema of a stack's file.
///
/// # Errors
/// Standard output cannot be written.
pub fn schema(output: Output) -> Result<u8, CliError> {
    output.bytes(SCHEMA.as_bytes())?;
    Ok(exit::DONE)
}

fn is_there(file: &Path) -> CliError {
    CliError::Usage(format!(
        "{} is there already, and stays as it is: `-f` names another file",
        file.display()
    ))
}

/// The draft with all that was chosen, and what the account has where that could be asked.
fn drafted(global: &Global, args: &InitArgs, draft: Draft, asks: bool) -> Result<(Draft, Offered), CliError> {
    let mut backend = Backend::open(global, &stand_in(&draft)?)?;
    let mut has = ask_account(&backend, args)?;
    let mut draft = draft;
    if asks && global.region.is_none() {
        let chosen = Dialog::new(&backend).region(&draft, &has)?;
        if chosen != draft.region {
            draft.region = chosen;
            // Nothing was done by the other: there is nothing to keep of it.
            drop(backend);
            backend = Backend::open(global, &stand_in(&draft)?)?;
            has = ask_account(&backend, args)?;
        }
    }
    if let Some(refused) = no_such_region(&draft, &has) {
        return Err(CliError::Usage(refused));
    }
    if let Some(id) = &args.from_instance {
        draft = like(&backend, args, draft, id, &has)?;
    }
    draft = with_flags(draft, args, &has)?;
    if asks {
        let mut dialog = Dialog::new(&backend);
        draft = choose(&mut dialog, draft, args, &has)?;
    }
    // Nobody was asked: a simulated AWS that nobody has seen is made for the spec, once there is one.
    if !args.offline {
        backend.close()?;
    }
    Ok((draft, has))
}

fn no_such_region(draft: &Draft, has: &Offered) -> Option<String> {
    let known = has.regions.is_empty() || has.regions.contains(&draft.region);
    (!known).then(|| {
        format!(
            "the account may use no Region {}: it has {}",
            draft.region,
            has.regions.join(", ")
        )
    })
}

/// What a backend is opened by, before there is a spec.
fn stand_in(draft: &Draft) -> Result<Spec, CliError> {
    let wrong = draft
        .problems()
        .into_iter()
        .find(|(key, _)| key == "region" || key == "name");
    if let Some((key, problem)) = wrong {
        return Err(CliError::Usage(format!("{}: {problem}", choose::asked_by(&key))));
    }
    let image = ImageRef::alias("al2023-arm64").ok_or_else(|| CliError::Failed("no image".to_owned()))?;
    let spec = Spec::minimal(&draft.name, &draft.region, &draft.instance_type, image);
    // A simulated AWS has the zone of the example.
    let example: Spec = EXAMPLE.parse().map_err(|error| CliError::Failed(format!("{error}")))?;
    Ok(Spec {
        dns: example.dns,
        ..spec
    })
}

/// What the account has; nothing where it may not be asked, or cannot be.
fn ask_account(backend: &Backend, args: &InitArgs) -> Result<Offered, CliError> {
    if args.offline {
        return Ok(Offered::default());
    }
    let reporter = Reporter::new("looking at what the account has", None);
    let control = backend.control(&reporter);
    let asked = backend.block_on(offered(backend.aws(), &control));
    reporter.finish();
    match asked? {
        Ok((has, unread)) => {
            unread.iter().for_each(|clause| eprintln!("note: {clause}"));
            Ok(has)
        }
        Err(error) if args.from_instance.is_some() => Err(CliError::Call {
            error: Box::new(error),
            statement: None,
        }),
        Err(error) => {
            eprintln!("note: what the account has is not known, and nothing of it is offered: {error}");
            Ok(Offered::default())
        }
    }
}

fn like(backend: &Backend, args: &InitArgs, draft: Draft, id: &str, has: &Offered) -> Result<Draft, CliError> {
    let reporter = Reporter::new("reading the instance", None);
    let control = backend.control(&reporter);
    let instance_id = id.into();
    let asked = backend.block_on(draft_like(backend.aws(), draft.clone(), &instance_id, has, &control));
    reporter.finish();
    let found = asked?.map_err(|error| CliError::Call {
        error: Box::new(error),
        statement: None,
    })?;
    let Some((mut like, it)) = found else {
        return Err(CliError::Usage(format!(
            "there is no instance {id} in {}",
            draft.region
        )));
    };
    if let Some(name) = it.name.as_ref().filter(|_| args.name.is_none()) {
        like.name = name_from(name);
    }
    Ok(like)
}

/// The name that was given, or that of the file's folder.
fn name(args: &InitArgs, file: &Path) -> String {
    args.name.clone().unwrap_or_else(|| {
        let folder = std::path::absolute(file).ok();
        let folder = folder.as_deref().and_then(Path::parent).and_then(Path::file_name);
        name_from(&folder.unwrap_or_default().to_string_lossy())
    })
}

/// The Region that was given, or the one that every AWS tool would take.
fn region(global: &Global) -> String {
    let named = |variable: &str| std::env::var(variable).ok().filter(|region| !region.is_empty());
    let given = global.region.clone().or_else(|| named("AWS_REGION"));
    given
        .or_else(|| named("AWS_DEFAULT_REGION"))
        .unwrap_or_else(|| REGION.to_owned())
}

/// Writes a file that is not there yet, whole or not at all.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::File::create_new(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.inspect_err(|_| {
        // Half a file is of no use; that it cannot be removed changes nothing.
        drop(std::fs::remove_file(path));
    })
}

fn next(global: &Global, file: &Path, has_schema: bool) -> String {
    let named = if global.file == Path::new("selfheal.toml") {
        String::new()
    } else {
        format!(" -f {}", file.display())
    };
    let schema = if has_schema {
        format!("{SCHEMA_FILE} lets an editor check it as you type")
    } else {
        format!("`selfheal schema > {SCHEMA_FILE}` lets an editor check it as you type")
    };
    format!(
        "wrote {}; {schema}\n\nNext:\n  selfheal{named} doctor   what would stop a first apply\n  selfheal{named} plan     what an apply \
         would do; touches nothing\n  selfheal{named} cost     what it costs a month\n  selfheal{named} apply    makes it so, and waits \
         until it serves\n",
        file.display()
    )
}

/// Plans what was written, so that a first look at it is not the person's; a clause on what came of it.
fn planned(global: &Global, output: Output) -> String {
    let looked = Session::open(global, output, Named::Optional, Prints::Text).and_then(|session| {
        session.run(|session| {
            let observed = session.observe(Scope::Plan)?;
            Ok(plan(&session.spec, &observed))
        })
    });
    match looked {
        Ok(plan) if plan.is_refused() => {
            let refusals = plan.refusals.iter();
            let told: Vec<String> = refusals
                .map(|it| format!("! {}\n    {}", it.message, it.help))
                .collect();
            format!("\nA plan of it is refused so far:\n{}", told.join("\n"))
        }
        Ok(plan) => plan.summary(),
        Err(error) => format!("note: not planned yet: {error}"),
    }
}
