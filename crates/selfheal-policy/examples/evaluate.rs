//! Generates the policies of a stack, asks the evaluator what they decide, and the linter what it has to say.
//!
//! `cargo run -p selfheal-policy --example evaluate`

use std::error::Error;
use std::fmt::Write as _;

use selfheal_policy::eval::{Policies, Request, ResourceRequest, evaluate};
use selfheal_policy::lint::{DocumentKind, lint};
use selfheal_policy::requests::documented;
use selfheal_policy::{
    Arn, Limit, OperatorScope, Partition, Purpose, TAG_STACK, operator_policy, operator_statement_for,
};

/// Prints the story.
///
/// # Errors
/// None here: the scope is sound.
pub fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", story()?);
    Ok(())
}

/// Tells what the policies hold and what they decide.
///
/// # Errors
/// When a scope is malformed, or a text is no ARN.
pub fn story() -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    // What the operator of the stack `web` may touch: all names derive from the stack's.
    let mut scope = OperatorScope::new(Partition::Aws, "eu-west-1", "123456789012", "web");
    scope.record_name = Some("app.example.com".to_owned());
    let apply = operator_policy(&scope, Purpose::Apply)?;
    let destroy = operator_policy(&scope, Purpose::Destroy)?;
    for (policy, purpose) in [(&apply, Purpose::Apply), (&destroy, Purpose::Destroy)] {
        writeln!(
            text,
            "{purpose}: {} statements, {} characters, of which a managed policy holds {}",
            policy.statements.len(),
            policy.size(),
            Limit::Managed.characters()
        )?;
        for finding in lint(policy, DocumentKind::Operator) {
            writeln!(text, "  {finding}")?;
        }
    }

    // Who may delete which volume? `documented` drops the keys that AWS does not evaluate for the action.
    let volume: Arn = "arn:aws:ec2:eu-west-1:123456789012:volume/vol-0123456789abcdef0".parse()?;
    for stack in ["web", "other"] {
        let named = ResourceRequest::new(volume.clone()).tagged(TAG_STACK, stack);
        let request = documented(Request::new("ec2:DeleteVolume").on(named));
        for (policy, purpose) in [(&apply, Purpose::Apply), (&destroy, Purpose::Destroy)] {
            let decision = evaluate(Policies::identity(&[policy]), &request);
            writeln!(text, "{purpose} deletes a volume of {stack}: {decision}")?;
        }
    }

    // The one statement that a policy needs for a call that was denied.
    if let Some(statement) = operator_statement_for(&scope, "ec2:ReleaseAddress") {
        writeln!(text, "{statement}")?;
    }
    Ok(text)
}
