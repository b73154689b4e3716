//! The arguments of `config`.

use clap::{Args, Subcommand};

/// Arguments of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What `config` does.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Write a parameter, its value from standard input or a prompt without echo
    Set(SetArgs),
    /// Print the value of a parameter
    Get(GetArgs),
    /// List the parameters without their values
    List(ShowArgs),
    /// Remove a parameter for good
    Rm(RemoveArgs),
    /// Compare the versions that the running instance has with those there are
    Diff(ShowArgs),
}

impl ConfigCommand {
    /// Tells whether it prints JSON.
    pub(super) const fn json(&self) -> bool {
        match self {
            Self::List(args) | Self::Diff(args) => args.json,
            Self::Set(_) | Self::Get(_) | Self::Rm(_) => false,
        }
    }
}

/// Arguments of `config set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// Its name below the path, such as DATABASE_URL or tls/key.pem
    pub name: String,
    /// Write it as plain text, for whoever may read parameters; a secret is encrypted
    #[arg(long)]
    pub plain: bool,
}

/// Arguments of `config get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// Its name below the path
    pub name: String,
    /// Do not ask before a secret is shown
    #[arg(short, long)]
    pub yes: bool,
}

/// Arguments of `config rm`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Its name below the path
    pub name: String,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Arguments of `config list` and `config diff`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}
