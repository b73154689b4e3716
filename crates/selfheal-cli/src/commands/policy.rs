//! `selfheal policy`: the least-privilege policies, as JSON.

use selfheal_aws::Scope;
use selfheal_core::desired::{Ids, PLACEHOLDER_ACCOUNT};
use selfheal_core::operator::operator_scope;
use selfheal_core::permissions::{instance_policy, permissions_boundary};
use selfheal_core::{Observed, Spec};
use selfheal_policy::Limit;
use selfheal_policy::{Document, Purpose, operator_policy};

use crate::cli::{Global, OfflineArgs, PolicyArgs, Prints, Whose};
use crate::error::CliError;
use crate::exit;
use crate::output::Output;
use crate::session::Session;
use crate::spec::{self, Named};

/// Prints a policy.
///
/// # Errors
/// The stack cannot be read, or an id is not of AWS's shape.
pub fn run(global: &Global, output: Output, args: &PolicyArgs) -> Result<u8, CliError> {
    let render = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
    let document = match args.whose {
        Whose::Instance => {
            let (spec, observed) = known(global, output, &args.offline, Named::Optional)?;
            let ids = ids(&spec, &observed);
            instance_policy(&spec, &ids).map_err(|error| render(&error))?
        }
        Whose::Boundary => {
            let (spec, observed) = known_to_newcomer(global, output, &args.offline)?;
            // It holds for whatever ids there are: which they are is no part of it.
            let ids = Ids::of(&spec, &observed);
            permissions_boundary(&spec, &ids).map_err(|error| render(&error))?
        }
        Whose::Operator => {
            let (spec, observed) = known_to_newcomer(global, output, &args.offline)?;
            let purpose: Purpose = args.purpose.parse().map_err(|error| render(&error))?;
            let account = Some(observed.identity.account.as_str()).filter(|account| !account.is_empty());
            let scope = operator_scope(&spec, account.unwrap_or(PLACEHOLDER_ACCOUNT), &observed);
            operator_policy(&scope, purpose).map_err(|error| render(&error))?
        }
    };
    output.json(&part(document, args.part)?)?;
    Ok(exit::DONE)
}

/// Returns the document, or one of the managed policies that make it together; tells on standard error where the whole is
/// too long for one.
fn part(document: Document, number: Option<usize>) -> Result<Document, CliError> {
    let failed = |message: String| CliError::Failed(message);
    let limit = Limit::Managed.characters();
    let parts = document.split(Limit::Managed).map_err(|statement| {
        failed(format!(
            "the statement `{}` alone is longer than the {limit} characters of a managed policy",
            statement.name()
        ))
    })?;
    match number {
        Some(number) => {
            let of = parts.len();
            let part = number.checked_sub(1).and_then(|at| parts.into_iter().nth(at));
            part.ok_or_else(|| failed(format!("there is no part {number}: the policy has parts 1 to {of}")))
        }
        None => {
            if parts.len() > 1 {
                eprintln!(
                    "note: {} characters; a managed policy holds {limit}, the inline policies of a role {}: `--part 1` to \
                     `--part {}` print it as managed policies",
                    document.size(),
                    Limit::RoleInline.characters(),
                    parts.len()
                );
            }
            Ok(document)
        }
    }
}

/// Reads the stack's file, and what exists of the stack, or assumes what is known of it without asking.
///
/// # Errors
/// The file is invalid, or the stack cannot be read.
pub fn known(
    global: &Global,
    output: Output,
    offline: &OfflineArgs,
    named: Named,
) -> Result<(Spec, Observed), CliError> {
    if offline.offline {
        return Ok((spec::load(&global.file, named)?, assumed(offline)));
    }
    Session::open(global, output, named, Prints::Text)?
        .run(|session| Ok((session.spec.clone(), session.observe(Scope::Plan)?)))
}

/// Reads the same for somebody who may not read the stack yet, and asks for the policy that would let them: who they are is
/// enough then.
fn known_to_newcomer(global: &Global, output: Output, offline: &OfflineArgs) -> Result<(Spec, Observed), CliError> {
    if offline.offline {
        return known(global, output, offline, Named::Optional);
    }
    Session::open(global, output, Named::Optional, Prints::Text)?.run(|session| match session.observe(Scope::Plan) {
        Ok(observed) => Ok((session.spec.clone(), observed)),
        Err(error) if exit::of(&error) == exit::DENIED => {
            let identity = session.backend.block_on(session.backend.aws().caller_identity())?;
            let identity = identity.map_err(|error| CliError::Call {
                error: Box::new(error),
                statement: None,
            })?;
            Ok((
                session.spec.clone(),
                Observed {
                    identity,
                    ..Observed::default()
                },
            ))
        }
        Err(error) => Err(error),
    })
}

fn assumed(offline: &OfflineArgs) -> Observed {
    let mut observed = Observed::default();
    observed.identity.account = offline.account.clone().unwrap_or_default();
    observed
}

/// Returns the ids that the stack's documents are made from; tells on standard error where zeroes stand for some.
#[must_use]
pub fn ids(spec: &Spec, observed: &Observed) -> Ids {
    let ids = Ids::of(spec, observed);
    if !ids.complete {
        eprintln!("note: ids of what does not exist yet, or was not asked for, stand as zeroes");
    }
    ids
}
