//! Reading `[access]` and `[access.agent]`.

use crate::files::{errors, minimal_with, parse};

#[test]
fn an_agent_goes_with_an_image_that_lacks_one_and_its_package_with_the_instance() {
    let sum = "0a".repeat(32);
    let agent = |more: &str| format!("[access.agent]\nversion = \"3.3.3270.0\"\n{more}\n");
    let debian = |more: &str| minimal_with(more).replace("al2023", "debian-12");
    let arm64 = format!("sha256_arm64 = \"{sum}\"");
    let spec = parse(&debian(&agent(&arm64)));
    let pin = spec.access.agent.as_ref().expect("the agent");
    assert_eq!(
        (pin.version.as_str(), &pin.sha256_arm64),
        ("3.3.3270.0", &Some(sum.clone()))
    );
    assert_eq!(parse(&spec.to_toml()), spec);
    assert_eq!(spec.access.why_no_agent(&spec.instance.image), None);
    let without = parse(&debian(""));
    assert!(without.access.why_no_agent(&without.instance.image).is_some());
    // Which image this is, nobody knows before it runs.
    parse(&minimal_with(&agent(&arm64)).replace("al2023-arm64", "ami-0123456789abcdef0"));
    let cases = [
        (minimal_with(&agent(&arm64)), "no agent: the image brings its own"),
        (
            debian(&agent(&arm64)).replace("3.3.3270.0", "latest"),
            "four numbers, such as 3.3.3270.0",
        ),
        (debian(&agent("")), "one of `sha256_amd64` and `sha256_arm64`"),
        (
            debian(&agent("sha256_arm64 = \"0A\"")),
            "64 lower-case hexadecimal digits",
        ),
        (
            debian(&agent(&arm64.replace("arm64", "amd64"))),
            "`sha256_arm64`: a t4g.small takes no other",
        ),
        (
            debian(&format!("[access]\nsession_manager = false\n{}", agent(&arm64))),
            "no agent where `session_manager` is false",
        ),
    ];
    for (text, expected) in cases {
        let said = errors(&text);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}
