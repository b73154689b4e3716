//! Systems Manager's agent, which Debian's images come without.

use crate::error::RenderError;

/// What a boot does about an agent that its image may lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentSource {
    /// It installs this one, after everything else.
    Pinned(AgentPin),
    /// It says that there is none.
    Unpinned,
}

/// One version of the agent, by what it is and not by who says so.
///
/// AWS signs its packages too. But whoever trusts a key takes any version that it ever signed, and the key that AWS shows in its
/// guide expires every year or two: an instance that is replaced years after the last apply would refuse what it took before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPin {
    /// Version as AWS counts them: four numbers with points between them.
    pub version: String,
    /// SHA-256 of the Debian package for x86-64, in lower-case hexadecimal digits; `None` where none is to be installed there.
    pub sha256_amd64: Option<String>,
    /// The same for arm64.
    pub sha256_arm64: Option<String>,
}

impl AgentPin {
    /// Checks a version.
    ///
    /// # Errors
    /// What it must be.
    pub fn check_version(version: &str) -> Result<(), &'static str> {
        let number = |part: &str| (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        match version.split('.').count() == 4 && version.split('.').all(number) {
            true => Ok(()),
            false => Err("must be four numbers, such as 3.3.3270.0"),
        }
    }

    /// Checks the SHA-256 of a package.
    ///
    /// # Errors
    /// What it must be.
    pub fn check_sha256(sha256: &str) -> Result<(), &'static str> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match sha256.len() == 64 && sha256.bytes().all(digit) {
            true => Ok(()),
            false => Err("must be 64 lower-case hexadecimal digits, as sha256sum prints them"),
        }
    }

    /// The settings of the boot program that tell of it.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let sums = [
            ("agent_sha256_amd64", &self.sha256_amd64),
            ("agent_sha256_arm64", &self.sha256_arm64),
        ];
        let sums = sums.into_iter().filter_map(|(name, sum)| Some((name, sum.clone()?)));
        [("agent_version", self.version.clone())]
            .into_iter()
            .chain(sums)
            .collect()
    }

    pub(crate) fn validate(&self) -> Result<(), RenderError> {
        let refused = |checked: Result<(), &'static str>, field, value: &str| {
            checked.map_err(|expected| RenderError::Invalid {
                field,
                expected,
                value: value.to_owned(),
            })
        };
        refused(Self::check_version(&self.version), "agent.version", &self.version)?;
        let sums = [
            ("agent.sha256_amd64", &self.sha256_amd64),
            ("agent.sha256_arm64", &self.sha256_arm64),
        ];
        for (field, sum) in sums {
            if let Some(sum) = sum {
                refused(Self::check_sha256(sum), field, sum)?;
            }
        }
        Ok(())
    }
}
