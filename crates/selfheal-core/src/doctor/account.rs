//! Whose account it is, and what one may do there.

use super::{Check, CheckCode, Facts, Permission, Reading};

/// How far a clock may be off.
///
/// Source: IAM user guide, "Signature Version 4 for API requests": a request has to reach AWS within five minutes of the time
/// that it is signed with.
const SKEW_S_MAX: u64 = 300;

/// How many of the actions that are denied are named.
const NAMED_MAX: usize = 8;

pub(super) fn credentials(facts: &Facts) -> Check {
    let code = CheckCode::Credentials;
    match &facts.identity {
        Reading::Told(identity) => Check::well(
            code,
            format!(
                "{} of account {} in {}",
                identity.arn, identity.account, identity.region
            ),
        ),
        Reading::Unknown(why) if facts.unanswered => Check::unknown(code, why, "aws sts get-caller-identity"),
        Reading::Unknown(why) => Check::fails(
            code,
            why,
            "sign in with `aws sso login` or `aws configure`, or name a profile with --profile; `aws sts get-caller-identity` \
             tells whose credentials are found",
        ),
        Reading::NotAsked => Check::unknown(code, "nobody asked", "aws sts get-caller-identity"),
    }
}

pub(super) fn clock(facts: &Facts) -> Option<Check> {
    let code = CheckCode::Clock;
    Some(match &facts.clock_ahead_s {
        Reading::NotAsked => return None,
        Reading::Unknown(why) => Check::unknown(code, why, "date -u"),
        Reading::Told(ahead_s) => {
            let off = match ahead_s.unsigned_abs() {
                0 | 1 => "this machine's clock is AWS's".to_owned(),
                by if *ahead_s > 0 => format!("this machine's clock is {by} seconds ahead of AWS's"),
                by => format!("this machine's clock is {by} seconds behind AWS's"),
            };
            if ahead_s.unsigned_abs() <= SKEW_S_MAX {
                Check::well(code, off)
            } else {
                Check::fails(code, off, "set it: `sudo timedatectl set-ntp true`")
            }
        }
    })
}

pub(super) fn permissions(facts: &Facts) -> Option<Check> {
    let code = CheckCode::Permissions;
    let list = "selfheal policy operator --for apply";
    if facts
        .identity
        .told()
        .is_some_and(|identity| identity.arn.ends_with(":root"))
    {
        let found = "the account's root, whom no policy holds in: better a role with the operator's policy";
        return Some(Check::well(code, found));
    }
    Some(match &facts.permissions {
        Reading::NotAsked => return None,
        Reading::Unknown(why) => Check::unknown(code, why, format!("compare with `{list}`")),
        Reading::Told(permissions) if permissions.is_empty() => {
            let why = "no policy can be made for a stack like this one, so that nothing could be asked";
            Check::unknown(code, why, list)
        }
        Reading::Told(permissions) => {
            let denied: Vec<&Permission> = permissions.iter().filter(|permission| !permission.allowed).collect();
            if denied.is_empty() {
                let found = format!("IAM's simulator allows each of {} requests", permissions.len());
                return Some(Check::well(code, found));
            }
            // An action may be denied on several resources, and in several statements: it is named once.
            let mut named: Vec<&str> = denied.iter().map(|permission| permission.action.as_str()).collect();
            named.sort_unstable();
            named.dedup();
            let more = named.len().saturating_sub(NAMED_MAX);
            named.truncate(NAMED_MAX);
            let more = if more > 0 {
                format!(", and {more} more")
            } else {
                String::new()
            };
            Check::fails(
                code,
                format!("IAM's simulator denies {}{more}", named.join(", ")),
                format!("give the caller the policy that `{list}` prints"),
            )
        }
    })
}
