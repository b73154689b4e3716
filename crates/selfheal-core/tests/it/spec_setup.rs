//! What a setup script must look like (issue 8, number 34).

use selfheal_core::spec::SpecFile;

const SPEC: &str = "name = \"web\"\nregion = \"eu-west-1\"\n[instance]\ntype = \"t4g.small\"\n\
                    image = \"al2023-arm64\"\ningress = []\n[app]\nsetup = \"setup.sh\"\n";

/// What is wrong with a script, if anything is.
fn problem(body: &[u8]) -> Option<String> {
    let file = SpecFile::parse(SPEC).expect("the spec is sound");
    file.into_spec(Some(body.to_vec())).err().map(|error| error.to_string())
}

#[test]
fn lines_that_end_as_windows_ends_them_are_refused_with_their_number() {
    insta::assert_snapshot!(problem(b"#!/bin/sh\r\necho\r\n").unwrap_or_default(), @r"line 8, column 9: `app.setup` names a script whose line 1 ends in CR LF, as Windows ends lines (expected lines that end in LF alone: `sed -i 's/\r$//'` mends it)");
    insta::assert_snapshot!(problem(b"#!/bin/sh\necho\necho\r\n").unwrap_or_default(), @r"line 8, column 9: `app.setup` names a script whose line 3 ends in CR LF, as Windows ends lines (expected lines that end in LF alone: `sed -i 's/\r$//'` mends it)");
    assert!(problem(b"#!/bin/sh\necho\r").is_some_and(|found| found.contains("line 2 ")));
    assert_eq!(
        problem(b"#!/bin/sh\nprintf 'a\rb'\n"),
        None,
        "a carriage return within a line is the script's own matter"
    );
}

#[test]
fn a_packed_file_behind_a_script_may_hold_anything() {
    assert_eq!(
        problem(b"#!/bin/sh\ntail -n +3 \"$0\" | tar x; exit\n\xff\xfe\r\n\r\n"),
        None
    );
    assert!(problem(b"#!/bin/sh\r\nexit\n\xff\xfe\n").is_some_and(|found| found.contains("line 1 ")));
}

#[test]
fn a_byte_order_mark_is_named() {
    insta::assert_snapshot!(problem("\u{feff}#!/bin/sh\n".as_bytes()).unwrap_or_default(), @"line 8, column 9: `app.setup` names a script that begins with a byte order mark, before its `#!` (expected an executable script that begins with a line such as `#!/bin/sh`)");
}
