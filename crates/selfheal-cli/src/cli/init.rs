//! The arguments of `init`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The stack's name [default: the folder's]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Do not ask: take what the flags say, and the defaults
    #[arg(short, long)]
    pub yes: bool,
    /// Ask AWS nothing: no account is needed
    #[arg(long)]
    pub offline: bool,
    /// Be like this instance, from which nothing is taken
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "offline")]
    pub from_instance: Option<String>,
    /// Instance type
    #[arg(long = "type", value_name = "TYPE", value_parser = NonEmptyStringValueParser::new(), help_heading = "Choices")]
    pub instance_type: Option<String>,
    /// Image: an alias such as debian-13-arm64, ami-…, or ssm:/…
    #[arg(long, value_name = "IMAGE", value_parser = NonEmptyStringValueParser::new(), help_heading = "Choices")]
    pub image: Option<String>,
    /// Ports that are open to everybody, such as 80/tcp,443/tcp; `none` for none
    #[arg(long, value_name = "PORTS", value_delimiter = ',', help_heading = "Choices")]
    pub open: Option<Vec<String>>,
    /// Size of the data volume, such as 20GiB; `none` for none
    #[arg(long, value_name = "SIZE", value_parser = NonEmptyStringValueParser::new(), help_heading = "Choices")]
    pub data: Option<String>,
    /// Where the data volume is mounted
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new(), help_heading = "Choices")]
    pub mount: Option<String>,
    /// A volume that exists, to take along
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), help_heading = "Choices")]
    pub volume: Option<String>,
    /// An Elastic IP that exists, to take along: eipalloc-…
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), help_heading = "Choices")]
    pub address: Option<String>,
    /// Name of the record at the address, in a public hosted zone of the account
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), help_heading = "Choices")]
    pub dns: Option<String>,
    /// Its hosted zone, where that cannot be asked [default: the longest that the name ends in]
    #[arg(long, value_name = "ZONE", requires = "dns", value_parser = NonEmptyStringValueParser::new(), help_heading = "Choices")]
    pub zone: Option<String>,
}
