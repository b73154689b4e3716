//! The arguments of `drill`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use selfheal_core::drill::How;

/// Arguments of `drill`.
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// How the stack is made to fail
    #[arg(long, value_name = "HOW", default_value = How::Terminate.as_str(), value_parser = PossibleValuesParser::new(How::ALL.map(How::as_str)))]
    pub how: String,
    /// Prove on a copy that the last snapshot can be restored, in place of making the stack fail
    #[arg(long, conflicts_with_all = ["how", "no_snapshot", "report"])]
    pub restore: bool,
    /// The stack's name, in place of typing it in: nobody is asked
    #[arg(long, value_name = "STACK")]
    pub confirm: Option<String>,
    /// Do without a snapshot of the last day
    #[arg(long)]
    pub no_snapshot: bool,
    /// Write the report into this file, as one page of HTML that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print each event as a line of JSON, and the result as the last one
    #[arg(long)]
    pub json: bool,
}
