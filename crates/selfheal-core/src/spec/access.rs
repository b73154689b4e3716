//! The sections `[access]` and `[access.agent]`: how people get at the instance.

use selfheal_userdata::{AgentPin, AgentSource};
use toml_edit::{Table, value};

use super::image::{Architecture, ImageRef};
use super::instance::InstanceSpec;
use super::reader::{Fault, Reader, Section};
use super::syntax;

/// Its keys.
pub(super) const KEYS: &[&str] = &["session_manager", "agent"];
/// Those of the agent.
pub(super) const AGENT_KEYS: &[&str] = &["version", "sha256_amd64", "sha256_arm64"];

/// How people get at the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessSpec {
    /// Whether the instance's role lets Session Manager open sessions on it.
    pub session_manager: bool,
    /// Systems Manager's agent for an image of Debian, which has none.
    pub agent: Option<AgentPin>,
}

impl Default for AccessSpec {
    /// Without it nobody gets at an instance that has no key and no open port.
    fn default() -> Self {
        Self {
            session_manager: true,
            agent: None,
        }
    }
}

impl AccessSpec {
    /// What the boot program does about the agent on this image: installs it where it is pinned, and says that it is missing
    /// where the image is known to lack it.
    pub(crate) fn agent_source(&self, image: &ImageRef) -> Option<AgentSource> {
        match &self.agent {
            _ if !self.session_manager => None,
            Some(pin) => Some(AgentSource::Pinned(pin.clone())),
            None => lacks_agent(image).then_some(AgentSource::Unpinned),
        }
    }

    /// Why there is no agent on this image, where it is known to lack one and nothing installs it.
    #[must_use]
    pub fn why_no_agent(&self, image: &ImageRef) -> Option<&'static str> {
        const WHY: &str =
            "Debian's images come without Systems Manager's agent, and [access.agent] names none to install";
        (self.agent_source(image) == Some(AgentSource::Unpinned)).then_some(WHY)
    }
}

/// Whether an image is known to come without the agent.
fn lacks_agent(image: &ImageRef) -> bool {
    matches!(image, ImageRef::Alias { alias, .. } if alias.starts_with("debian-"))
}

/// Reads the section.
pub(super) fn read(reader: &mut Reader<'_>, section: &Section<'_>, instance: Option<&InstanceSpec>) -> AccessSpec {
    let session_manager = section.boolean(reader, "session_manager");
    let defaults = AccessSpec::default();
    let session_manager = session_manager.map_or(defaults.session_manager, |at| at.value);
    let agent = section.child(reader, "agent", "access.agent", AGENT_KEYS);
    if agent.is_some() && !session_manager {
        let fault = Fault::conflict("is of no use here", "no agent where `session_manager` is false");
        reader.report("access.agent", section.key_span("agent"), fault);
    }
    let agent = agent.and_then(|section| agent_pin(reader, &section));
    if let Some((pin, instance)) = agent.as_ref().zip(instance) {
        check_use(reader, section, pin, instance);
    }
    AccessSpec { session_manager, agent }
}

fn agent_pin(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<AgentPin> {
    let version = section.string(reader, "version", "a version, such as \"3.3.3270.0\"");
    if !section.has("version") {
        section.missing(reader, "version", "the agent's version, such as \"3.3.3270.0\"");
    }
    let version = reader.check(version, |version| checked(AgentPin::check_version(version), version));
    let mut sum = |key| {
        let sum = section.string(reader, key, "the SHA-256 of the package");
        let sum = reader.check(sum, |sum| checked(AgentPin::check_sha256(sum), sum));
        sum.map(|at| at.value)
    };
    let (sha256_amd64, sha256_arm64) = (sum("sha256_amd64"), sum("sha256_arm64"));
    if !section.has("sha256_amd64") && !section.has("sha256_arm64") {
        section.missing(reader, "sha256_amd64", "one of `sha256_amd64` and `sha256_arm64`");
    }
    Some(AgentPin {
        version: version?.value,
        sha256_amd64,
        sha256_arm64,
    })
}

fn checked(result: Result<(), &'static str>, value: &str) -> Result<String, Fault> {
    match result {
        Ok(()) => Ok(value.to_owned()),
        Err(expected) => Err(Fault::malformed(
            syntax::is(value),
            expected.replacen("must be ", "", 1),
        )),
    }
}

/// Notes an agent that this instance has no use for: its image brings one, or its architecture has no package.
fn check_use(reader: &mut Reader<'_>, section: &Section<'_>, pin: &AgentPin, instance: &InstanceSpec) {
    if let ImageRef::Alias { alias, .. } = &instance.image
        && !lacks_agent(&instance.image)
    {
        let fault = Fault::conflict(format!("is of no use to {alias}"), "no agent: the image brings its own");
        reader.report("access.agent", section.key_span("agent"), fault);
        return;
    }
    let (key, sum) = match Architecture::of_instance_type(&instance.instance_type) {
        Some(Architecture::X86_64) => ("sha256_amd64", &pin.sha256_amd64),
        Some(Architecture::Arm64) => ("sha256_arm64", &pin.sha256_arm64),
        None => return,
    };
    if sum.is_none() {
        let expected = format!("`{key}`: a {} takes no other package", instance.instance_type);
        let fault = Fault::conflict("has no package for the instance", expected);
        reader.report("access.agent", section.key_span("agent"), fault);
    }
}

/// The section as a table, where it says anything.
pub(super) fn table(spec: &AccessSpec) -> Option<Table> {
    let mut table = Table::new();
    if spec.session_manager != AccessSpec::default().session_manager {
        table["session_manager"] = value(spec.session_manager);
    }
    if let Some(pin) = &spec.agent {
        let mut agent = Table::new();
        agent["version"] = value(&pin.version);
        for (key, sum) in [("sha256_amd64", &pin.sha256_amd64), ("sha256_arm64", &pin.sha256_arm64)] {
            if let Some(sum) = sum {
                agent[key] = value(sum);
            }
        }
        table["agent"] = toml_edit::Item::Table(agent);
    }
    (!table.is_empty()).then_some(table)
}
