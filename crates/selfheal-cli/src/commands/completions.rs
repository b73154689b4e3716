//! `selfheal completions` and `selfheal man`: what shells and `man` read of the command line.

use crate::cli::{CompletionsArgs, ManArgs, command};
use crate::error::CliError;
use crate::exit;
use crate::output::Output;

/// Prints the completions for a shell.
///
/// # Errors
/// Standard output cannot be written.
pub fn completions(output: Output, args: &CompletionsArgs) -> Result<u8, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "selfheal", &mut text);
    output.bytes(&text)?;
    Ok(exit::DONE)
}

/// Writes the manual's pages into a folder: one for the program, and one for each command.
///
/// # Errors
/// The folder cannot be made or written to.
pub fn man(output: Output, args: &ManArgs) -> Result<u8, CliError> {
    let fails = |error: std::io::Error| CliError::Failed(format!("cannot write to {}: {error}", args.folder.display()));
    std::fs::create_dir_all(&args.folder).map_err(fails)?;
    clap_mangen::generate_to(command(), &args.folder).map_err(fails)?;
    output.text(&format!(
        "wrote the pages to {}: man {}/selfheal.1\n",
        args.folder.display(),
        args.folder.display()
    ))?;
    Ok(exit::DONE)
}
