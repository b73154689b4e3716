//! Whether an answer is whole, and AWS's at all.
//!
//! The SDK's parsers take what they find: a list that is cut off behind an item is a shorter list to them, a call whose
//! answer has no fields succeeds whatever stands in it, and no JSON at all is an object without fields. Each of these says
//! "there is no such thing" where nothing was said. So every answer of success is looked at before its content counts.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Refuses answers of success that are not whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeAnswers;

impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if !response.status().is_success() {
            return Ok(());
        }
        // A body that could not be read is an error already.
        let Some(body) = response.body().bytes() else {
            return Ok(());
        };
        match look(response.headers().get("content-type"), body) {
            None => Ok(()),
            Some(Flaw::Empty) if bag.load::<Metadata>().is_some_and(has_no_output) => Ok(()),
            Some(flaw) => Err(flaw.into()),
        }
    }
}

/// Whether AWS answers a call with nothing at all. Those of CloudWatch Logs that have no output are the only ones.
fn has_no_output(call: &Metadata) -> bool {
    matches!(call.name(), "CreateLogGroup" | "PutRetentionPolicy" | "DeleteLogGroup")
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Nothing is in it.
    Empty,
    /// It is a web page: a proxy, a sign-in page of a network or another server answered.
    WebPage,
    /// It ends before its last element is closed.
    CutShort,
    /// It is neither XML nor JSON.
    Foreign,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the answer is empty",
            Self::WebPage => "the answer is a web page: something on the way to AWS answered in its place",
            Self::CutShort => "the answer ends early",
            Self::Foreign => "the answer is neither XML nor JSON: something on the way to AWS answered in its place",
        })
    }
}

impl StdError for Flaw {}

/// Looks at the body of an answer; `None` where nothing is wrong with it.
///
/// Nearly all calls answer with XML or JSON, those too that have nothing to tell.
pub(super) fn look(content_type: Option<&str>, body: &[u8]) -> Option<Flaw> {
    let body = body.trim_ascii();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.is_empty() {
        return Some(Flaw::Empty);
    }
    if is_web_page(content_type, body) {
        return Some(Flaw::WebPage);
    }
    match body[0] {
        b'{' if body.ends_with(b"}") => None,
        b'<' => (!is_closed(body)).then_some(Flaw::CutShort),
        b'{' => Some(Flaw::CutShort),
        _ => Some(Flaw::Foreign),
    }
}

/// Whether an answer is a web page, by what it says of itself or by how it begins.
pub(super) fn is_web_page(content_type: Option<&str>, body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    let starts = |with: &[u8]| {
        body.get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    // A server that sends JSON and forgets to say so calls it a page; a page never begins so.
    let called_so = content_type.is_some_and(|kind| kind.starts_with("text/html")) && !starts(b"{");
    called_so || starts(b"<!doctype html") || starts(b"<html")
}

/// Whether an XML document ends with the end of the element that it begins with.
pub(super) fn is_closed(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let mut rest = text.trim();
    // The declaration and comments come before the element.
    while let Some(after) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!")) {
        let Some((_, behind)) = after.split_once('>') else {
            return false;
        };
        rest = behind.trim_start();
    }
    let Some(inside) = rest.strip_prefix('<') else {
        return false;
    };
    let name: &str = inside
        .split(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))
        .next()
        .unwrap_or_default();
    let alone = inside
        .split_once('>')
        .is_some_and(|(tag, behind)| tag.ends_with('/') && behind.is_empty());
    let closed = rest
        .strip_suffix('>')
        .map(str::trim_end)
        .and_then(|rest| rest.strip_suffix(name))
        .is_some_and(|rest| rest.ends_with("</"));
    !name.is_empty() && (alone || closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_answers_pass() {
        for body in [
            "<A><b/></A>",
            "<?xml version=\"1.0\"?>\n<A xmlns=\"x\">\n</A>\n",
            "<A/>",
            "<A xmlns=\"http://x/\"/>",
            "<!-- so --><A></A >",
            "{}",
            " {\"a\": 1} ",
        ] {
            assert_eq!(look(None, body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn every_cut_of_an_answer_is_seen() {
        let whole = "<?xml version=\"1.0\"?><DescribeVolumesResponse xmlns=\"x\"><volumeSet><item><volumeId>vol-1</volumeId>\
                     </item></volumeSet></DescribeVolumesResponse>";
        for end in 1..whole.len() {
            assert_eq!(
                look(Some("text/xml"), &whole.as_bytes()[..end]),
                Some(Flaw::CutShort),
                "{end}"
            );
        }
        assert_eq!(look(None, b"{\"Parameter\": {\"Value\": \"ami-1\"}"), None);
        assert_eq!(look(None, b"{\"Parameter\": {\"Value\": \"ami"), Some(Flaw::CutShort));
    }

    #[test]
    fn what_is_not_awss_is_told() {
        assert_eq!(look(None, b" \n"), Some(Flaw::Empty));
        assert_eq!(
            look(Some("text/html; charset=utf-8"), b"<p>Sign in</p>"),
            Some(Flaw::WebPage)
        );
        assert_eq!(look(None, b"<!DOCTYPE html><html></html>"), Some(Flaw::WebPage));
        assert_eq!(look(Some("text/html; charset=utf-8"), b"{\"logGroups\": []}"), None);
        assert_eq!(look(Some("text/html"), b"{\"logGroups\": ["), Some(Flaw::CutShort));
        assert_eq!(look(None, b"OK"), Some(Flaw::Foreign));
    }
}
