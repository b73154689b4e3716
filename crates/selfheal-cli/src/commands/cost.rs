//! `selfheal cost`: what the stack costs a month, from its file and the prices of this version alone.

use jiff::Timestamp;
use selfheal_core::cost;

use crate::cli::{CostArgs, Global};
use crate::error::CliError;
use crate::exit;
use crate::output::Output;
use crate::spec::{self, Named};

/// Prints the report.
///
/// # Errors
/// The file is invalid.
pub fn run(global: &Global, output: Output, args: &CostArgs) -> Result<u8, CliError> {
    let spec = spec::load(&global.file, Named::Optional)?;
    let report = cost(&spec, Timestamp::now());
    if args.json {
        output.report(&report)?;
    } else {
        output.text(&report.to_string())?;
    }
    Ok(exit::DONE)
}
