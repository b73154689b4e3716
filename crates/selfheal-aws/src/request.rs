//! Asking the running instance to do something, and waiting for its answer.

use std::time::Duration;

use jiff::SignedDuration;
use selfheal_core::Names;
use selfheal_core::names::Tags;
use selfheal_core::request::{Reply, Request, TAG_ANSWER, TAG_REQUEST};
use selfheal_core::spec::Spec;
use selfheal_core::world::InstanceId;

use crate::backend::{Aws, CallResult};
use crate::control::Control;
use crate::retry::{Repeat, retry};

/// For how long an answer is waited for: the metadata show a tag after seconds, the instance looks every five, and then needs the
/// time of what it is asked.
pub const ANSWER_MAX: SignedDuration = SignedDuration::from_secs(120);

/// Between two looks at the group's tag.
const LOOK: Duration = Duration::from_secs(2);

/// Draws a request's id.
#[must_use]
pub fn request_id(ctl: &Control<'_>) -> String {
    let digit = |_| char::from_digit((ctl.jitter.fraction() * 16.0) as u32 & 15, 16).unwrap_or('0');
    (0..16).map(digit).collect()
}

/// Asks the instance, and waits for its answer; `None` where none came within `at_most`.
///
/// A request is a tag, so that what is asked stands until the instance has read it: one that answers later than it is waited for
/// may still do what it was asked. It is never done twice. A later request takes the place of one that was not read yet.
///
/// # Errors
/// The call that failed for good: where it is the first, nothing is asked, unless its answer was lost.
pub async fn ask(
    aws: &dyn Aws,
    spec: &Spec,
    instance: &InstanceId,
    request: &Request,
    at_most: SignedDuration,
    ctl: &Control<'_>,
) -> CallResult<Option<Reply>> {
    let tags = Tags::from([(TAG_REQUEST.to_owned(), request.to_string())]);
    // The same tag twice is the same request.
    retry(ctl, Repeat::Read, || aws.create_tags(instance.as_str(), &tags)).await?;
    let asked = ctl.clock.now();
    let name = Names::of(spec).group;
    loop {
        let group = retry(ctl, Repeat::Read, || aws.describe_group(&name)).await?;
        let answer = group.as_ref().and_then(|group| group.tags.get(TAG_ANSWER));
        let reply = answer.and_then(|answer| request.reply_in(answer));
        if reply.is_some() || ctl.clock.now().duration_since(asked) >= at_most {
            return Ok(reply);
        }
        ctl.clock.sleep(LOOK).await;
    }
}
