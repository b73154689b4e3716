//! The AWS CLI and its plug-in for Session Manager, which speak a protocol of AWS's own: found on this machine, never fetched.

use std::env;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::error::CliError;

/// The AWS CLI.
const AWS: &str = "aws";
/// Its plug-in for Session Manager.
const PLUGIN: &str = "session-manager-plugin";
/// Where AWS publishes the plug-in.
const PLUGIN_URL: &str = "https://s3.amazonaws.com/session-manager-downloads/plugin/latest";
/// Where AWS tells how to install either, on any system.
const AWS_GUIDE: &str = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html";
const PLUGIN_GUIDE: &str =
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html";

/// Checks that both are there.
///
/// # Errors
/// [`CliError::ToolMissing`], with what installs them on this system.
pub fn require() -> Result<(), CliError> {
    let missing: Vec<&'static str> = [AWS, PLUGIN].into_iter().filter(|name| find(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let system = if cfg!(target_os = "macos") {
        "ID=macos".to_owned()
    } else {
        std::fs::read_to_string("/etc/os-release").unwrap_or_default()
    };
    let help = help(&missing, &system, env::consts::ARCH);
    Err(CliError::ToolMissing { missing, help })
}

/// Becomes the AWS CLI, so that the terminal and its signals are its own, and its status is that of this process.
///
/// # Errors
/// It could not be started.
pub fn become_aws(arguments: &[String]) -> CliError {
    let error = Command::new(AWS).args(arguments).exec();
    CliError::Failed(format!("cannot start {AWS}: {error}"))
}

/// Finds an executable by its name, as a shell does.
fn find(name: &str) -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    let executable = |path: &PathBuf| {
        let data = std::fs::metadata(path);
        data.is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&paths)
        .map(|folder| folder.join(name))
        .find(executable)
}

/// Says how to install what is missing, on the system that this `os-release` describes.
fn help(missing: &[&str], os_release: &str, architecture: &str) -> String {
    let arm = architecture == "aarch64";
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let (id, like) = (value("ID="), value("ID_LIKE="));
    let is = |names: &[&str]| names.contains(&id.as_str()) || like.split(' ').any(|like| names.contains(&like));
    let deb = if arm { "ubuntu_arm64" } else { "ubuntu_64bit" };
    let rpm = if arm { "linux_arm64" } else { "linux_64bit" };
    let (aws, plugin) = if id == "macos" {
        (
            "brew install awscli".to_owned(),
            "brew install --cask session-manager-plugin".to_owned(),
        )
    } else if is(&["debian", "ubuntu"]) {
        // Ubuntu has ceased to package it.
        let aws = if id == "ubuntu" {
            "sudo snap install aws-cli --classic"
        } else {
            "sudo apt install awscli"
        };
        let plugin = format!("curl -fsSLO {PLUGIN_URL}/{deb}/{PLUGIN}.deb && sudo dpkg -i {PLUGIN}.deb");
        (aws.to_owned(), plugin)
    } else if is(&["amzn", "fedora", "rhel", "centos"]) {
        let package = if id == "fedora" { "awscli2" } else { "awscli-2" };
        let aws = match id.as_str() {
            "amzn" | "fedora" => format!("sudo dnf install {package}"),
            _ => format!("see {AWS_GUIDE}"),
        };
        (aws, format!("sudo dnf install {PLUGIN_URL}/{rpm}/{PLUGIN}.rpm"))
    } else {
        (format!("see {AWS_GUIDE}"), format!("see {PLUGIN_GUIDE}"))
    };
    let lines = missing.iter().map(|name| {
        let how = if *name == AWS { &aws } else { &plugin };
        format!("{name}: {how}")
    });
    format!(
        "selfheal installs nothing by itself:\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::{AWS, PLUGIN, help};

    #[test]
    fn what_to_install_is_said_for_the_system_at_hand() {
        let both = |system: &str, architecture: &str| help(&[AWS, PLUGIN], system, architecture);
        insta::assert_snapshot!(both("NAME=\"Debian\"\nID=debian\n", "x86_64"));
        insta::assert_snapshot!(both("ID=ubuntu\nID_LIKE=debian\n", "aarch64"));
        insta::assert_snapshot!(both("ID=\"amzn\"\nID_LIKE=\"fedora\"\n", "aarch64"));
        insta::assert_snapshot!(both("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "x86_64"));
        insta::assert_snapshot!(both("ID=macos", "aarch64"));
        insta::assert_snapshot!(help(&[PLUGIN], "ID=arch\n", "x86_64"));
    }
}
