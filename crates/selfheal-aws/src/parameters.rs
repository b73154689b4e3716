//! The app's configuration in Parameter Store, as a person lists, reads, writes and removes it.

use std::time::Duration;

use jiff::SignedDuration;
use selfheal_core::config::{Parameter, Value, WriteParameter};
use selfheal_core::names::TAG_CONFIG;

use crate::backend::{Aws, CallResult};
use crate::control::Control;
use crate::retry::{Repeat, retry};

/// How long a parameter may show what it was before: AWS names no time, and it is a matter of seconds.
const STALE: SignedDuration = SignedDuration::from_secs(60);
/// Between two looks whether it shows what was written.
const LOOK: Duration = Duration::from_millis(500);

/// What came of writing a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Its version.
    pub version: u64,
    /// Whether it was read back: an instance that fetches it from now on gets this version, or a later one. `false` where it
    /// still showed an earlier one after a minute.
    pub shown: bool,
}

/// Lists what is below a path, without its values.
///
/// # Errors
/// The call that failed for good.
pub async fn list_parameters(aws: &dyn Aws, path: &str, ctl: &Control<'_>) -> CallResult<Vec<Parameter>> {
    retry(ctl, Repeat::Read, || aws.list_parameters(path)).await
}

/// Reads a parameter, decrypted; `None` where there is none of that name.
///
/// # Errors
/// The call that failed for good.
pub async fn read_parameter(aws: &dyn Aws, name: &str, ctl: &Control<'_>) -> CallResult<Option<(Parameter, Value)>> {
    retry(ctl, Repeat::Read, || aws.read_parameter(name, true)).await
}

/// Writes a parameter, and waits until its version shows.
///
/// # Errors
/// The call that failed for good. Where the answer to the write itself was lost, it may have been written.
pub async fn write_parameter(aws: &dyn Aws, input: &WriteParameter, ctl: &Control<'_>) -> CallResult<Written> {
    // A value that is written twice is two versions of the same, so that a lost answer is no reason to stop.
    let version = retry(ctl, Repeat::Read, || aws.write_parameter(input)).await?;
    let until = ctl.clock.now().saturating_add(STALE).unwrap_or(jiff::Timestamp::MAX);
    loop {
        // Not decrypted: who may write need not be one who may read.
        let found = retry(ctl, Repeat::Read, || aws.read_parameter(&input.name, false)).await?;
        let shown = found.is_some_and(|(told, _)| told.version >= version);
        if shown || ctl.clock.now() >= until {
            return Ok(Written { version, shown });
        }
        ctl.clock.sleep(LOOK).await;
    }
}

/// Removes a parameter. One that does not exist is no error.
///
/// # Errors
/// The call that failed for good.
pub async fn remove_parameter(aws: &dyn Aws, name: &str, ctl: &Control<'_>) -> CallResult<()> {
    let names = [name.to_owned()];
    retry(ctl, Repeat::Read, || aws.delete_parameters(&names)).await
}

/// Reads what the stack's instance has noted of its configuration, in its group's tag; `None` where there is no group, or no
/// instance has noted anything yet.
///
/// # Errors
/// The call that failed for good.
pub async fn noted_parameters(aws: &dyn Aws, group: &str, ctl: &Control<'_>) -> CallResult<Option<String>> {
    let group = retry(ctl, Repeat::Read, || aws.describe_group(group)).await?;
    Ok(group.and_then(|group| group.tags.get(TAG_CONFIG).cloned()))
}
