//! An instance's user data, as cloud-init would take it.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use crate::error::{Context, TaskError, TaskResult};
use crate::fake::Aws;
use crate::fake::query::{deep_text, parse};

/// The bytes that every gzip stream begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Fetches the user data of an instance from moto, and unpacks it if it is compressed, as cloud-init does.
///
/// # Errors
/// Fails on what is no script: cloud-init would not run it.
pub fn fetch(aws: &Aws, instance: &str) -> TaskResult<Vec<u8>> {
    let xml = aws.ec2(
        "DescribeInstanceAttribute",
        &[("InstanceId", instance), ("Attribute", "userData")],
    )?;
    let document = parse(&xml)?;
    let node = document.descendants().find(|node| node.tag_name().name() == "userData");
    let text = node.map(|node| deep_text(node, "value")).unwrap_or_default();
    decode(&text)
}

fn decode(text: &str) -> TaskResult<Vec<u8>> {
    let compact: String = text.split_whitespace().collect();
    let bytes = STANDARD
        .decode(compact)
        .map_err(|error| TaskError::malformed("user data", error))?;
    let script = if bytes.starts_with(&GZIP) {
        let mut script = Vec::new();
        GzDecoder::new(bytes.as_slice())
            .read_to_end(&mut script)
            .context(|| "unpack user data".to_owned())?;
        script
    } else {
        bytes
    };
    if script.starts_with(b"#!") {
        Ok(script)
    } else {
        Err(TaskError::failed("user data is no script"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn takes_scripts_plain_and_packed() {
        let script = b"#!/bin/sh\necho\n";
        assert_eq!(decode(&STANDARD.encode(script)).unwrap(), script);
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(script).unwrap();
        assert_eq!(decode(&STANDARD.encode(packer.finish().unwrap())).unwrap(), script);
    }

    #[test]
    fn refuses_what_cloud_init_would_not_run() {
        assert!(decode(&STANDARD.encode(b"echo")).is_err());
        assert!(decode("%%%").is_err());
    }
}
