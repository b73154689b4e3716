//! Answers in XML, as EC2, Auto Scaling and SNS spell them.

/// The content type of all.
pub(super) const CONTENT_TYPE: &str = "text/xml;charset=UTF-8";
const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const AUTOSCALING_NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const SNS_NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// A request id of the shape of AWS's.
pub(super) fn request_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Escapes text for an element.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// An element with text.
pub(super) fn leaf(name: &str, text: &str) -> String {
    node(name, &escape(text))
}

/// An element around others; AWS spells an empty one `<name/>`.
pub(super) fn node(name: &str, inner: &str) -> String {
    if inner.is_empty() {
        format!("<{name}/>")
    } else {
        format!("<{name}>{inner}</{name}>")
    }
}

/// EC2's answer to an action. Lines are broken and indented, as AWS does it, so that nobody relies on one line.
pub(super) fn ec2(action: &str, inner: &str, request_id: &str) -> String {
    let inner = inner.replace("><", ">\n    <");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"{EC2_NAMESPACE}\">\n    \
         <requestId>{request_id}</requestId>\n    {inner}\n</{action}Response>"
    )
}

/// The namespace of a Query service.
fn namespace(service: &str) -> &'static str {
    if service == "sns" {
        SNS_NAMESPACE
    } else {
        AUTOSCALING_NAMESPACE
    }
}

/// A Query service's answer to an action; without a result there is no result element.
pub(super) fn query(service: &str, action: &str, result: Option<&str>, request_id: &str) -> String {
    let result = match result {
        Some("") => format!("  <{action}Result/>\n"),
        Some(inner) => format!(
            "  <{action}Result>{}</{action}Result>\n",
            inner.replace("><", ">\n    <")
        ),
        None => String::new(),
    };
    format!(
        "<{action}Response xmlns=\"{}\">\n{result}  <ResponseMetadata>\n    \
         <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</{action}Response>\n",
        namespace(service)
    )
}

/// EC2's form of an error.
pub(super) fn ec2_error(code: &str, message: &str, request_id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>{}{}</Error></Errors>\
         <RequestID>{request_id}</RequestID></Response>",
        leaf("Code", code),
        leaf("Message", message)
    )
}

/// The Query services' form of an error.
pub(super) fn query_error(service: &str, code: &str, message: &str, request_id: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>Sender</Type>\n    {}\n    {}\n  \
         </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
        namespace(service),
        leaf("Code", code),
        leaf("Message", message)
    )
}
