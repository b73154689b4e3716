//! The section `[config]`: what of it is taken, and what is said of what is not.

use selfheal_core::spec::{EXAMPLE, Spec, SpecFile};

fn parse(section: &str) -> Result<Spec, String> {
    let text = format!("{EXAMPLE}\n[config]\n{section}");
    let spec = SpecFile::parse(&text).and_then(|file| file.into_spec(None));
    spec.map_err(|errors| errors.to_string())
}

#[test]
fn a_path_is_taken_with_and_without_a_slash_at_its_end() {
    for path in ["/web/", "/web"] {
        let spec = parse(&format!("path = \"{path}\"")).expect("it is valid");
        let config = spec.config.expect("a configuration");
        assert_eq!(config.path, "/web");
        assert_eq!(
            (config.required.len(), config.refresh_s, config.kms_key),
            (0, None, None)
        );
    }
    let all = "path = \"/web/app\"\nrequired = [\"A\", \"B_1\", \"A\"]\nrefresh = \"15m\"\n\
               kms_key = \"arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\"\n";
    let config = parse(all).expect("it is valid").config.expect("a configuration");
    assert_eq!(config.required, ["A", "B_1"]);
    assert_eq!(config.refresh_s, Some(900));
    assert!(config.kms_key.is_some());
}

#[test]
fn what_cannot_be_is_told_with_what_can() {
    for (section, part) in [
        ("", "`config.path`"),
        ("path = \"web\"", "expected a path of A-Z"),
        ("path = \"/\"", "expected a path of A-Z"),
        ("path = \"/aws/web\"", "expected a path of A-Z"),
        ("path = \"/a b\"", "expected a path of A-Z"),
        ("path = \"/selfheal/\"", "neither holds the stack's bundle nor is one"),
        (
            "path = \"/selfheal/web/bundle\"",
            "neither holds the stack's bundle nor is one",
        ),
        (
            "path = \"/selfheal/web/bundle/x/\"",
            "neither holds the stack's bundle nor is one",
        ),
        (
            "path = \"/web\"\nrequired = [\"tls.key\"]",
            "the name of its variable, tls_key",
        ),
        (
            "path = \"/web\"\nrequired = [\"PATH\"]",
            "no variable of the system's own",
        ),
        ("path = \"/web\"\nrefresh = \"30s\"", "from 60 to 86400 seconds"),
        ("path = \"/web\"\nkms_key = \"alias/x\"", "`config.kms_key`"),
        ("path = \"/web\"\nfresh = \"5m\"", "did you mean `refresh`?"),
    ] {
        let told = parse(section).expect_err("it is refused");
        assert!(told.contains(part), "{section}: {told}");
    }
    assert!(parse("path = \"/selfheal/web/app/\"").is_ok(), "beside the bundle");
}
