//! Files of stacks, read for tests.

use selfheal_core::spec::{Spec, SpecFile};

pub fn parse(text: &str) -> Spec {
    let file = SpecFile::parse(text).expect("a sound file");
    let body = file.setup_path().map(|_| b"#!/bin/sh\n".to_vec());
    file.into_spec(body).expect("a sound script")
}

pub fn errors(text: &str) -> String {
    SpecFile::parse(text).expect_err("problems").to_string()
}

/// The smallest file, with one more line in a section of its own.
pub fn minimal_with(more: &str) -> String {
    format!(
        "name = \"web\"\nregion = \"eu-west-1\"\n\n[instance]\ntype = \"t4g.small\"\nimage = \"al2023-arm64\"\ningress = []\n{more}"
    )
}
