//! What signs in curl's place, against the verifier of the simulated AWS, which takes nothing but a right signature.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use super::stack::{Options, create, world};
use crate::wire::Wire;

/// Sends a call as the boot program does; answers what comes back.
fn send(url: &str, service: &str, config: &str) -> String {
    send_for("eu-west-1", url, service, config)
}

/// Sends a call that is signed for this Region.
fn send_for(region: &str, url: &str, service: &str, config: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/selfheal-userdata/src/boot/sign.py");
    let mut child = Command::new("python3")
        .arg("-I")
        .arg(program)
        .args([region, service, url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 signs");
    child
        .stdin
        .take()
        .expect("python3 signs")
        .write_all(config.as_bytes())
        .expect("python3 signs");
    let output = child.wait_with_output().expect("python3 signs");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("python3 signs")
}

#[test]
fn python_signs_as_aws_verifies() {
    let options = Options::default();
    let sim = world(&options);
    let stack = create(&sim, &options).unwrap();
    sim.advance_to(sim.now_ms() + 10_000);
    let id = sim.inspect(|world| world.instances.keys().next().cloned()).unwrap();
    // Signatures are dated by the real clock.
    sim.tamper(|world| {
        let since = jiff::SignedDuration::from_millis(i64::try_from(world.now_ms).unwrap());
        world.config.start = jiff::Timestamp::now().checked_sub(since).unwrap();
    });
    let wire = Wire::new(sim.clone());
    let credentials: serde_json::Value = serde_json::from_str(&wire.issue(&id).document()).unwrap();
    let text = |key: &str| credentials[key].as_str().unwrap().to_owned();
    let secrets = format!(
        "user = \"{}:{}\"\nheader = \"X-Amz-Security-Token: {}\"\n",
        text("AccessKeyId"),
        text("SecretAccessKey"),
        text("Token")
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let _server = wire.serve(listener).unwrap();
    let group = &stack.group;
    let tag = r#"A value: 100% of \"it\", a+b = c & d, \\ and /~é"#;
    let config = [
        "Version=2011-01-01",
        "Tags.member.1.ResourceType=auto-scaling-group",
        &format!("Tags.member.1.ResourceId={group}"),
        "Tags.member.1.Key=selfheal:last-error",
        &format!("Tags.member.1.Value={tag}"),
        "Tags.member.1.PropagateAtLaunch=false",
        "Action=CreateOrUpdateTags",
    ]
    .map(|pair| format!("data-urlencode = \"{pair}\"\n"))
    .concat();
    let answer = send(&url, "autoscaling", &(secrets.clone() + &config));
    assert!(answer.ends_with("\u{1e}200"), "{answer} {:?}", wire.log());
    let written = sim.inspect(|world| world.groups[group].tags["selfheal:last-error"].clone());
    assert_eq!(written, r#"A value: 100% of "it", a+b = c & d, \ and /~é"#);
    // A refusal comes with its status, its date and its body.
    let describe = "data-urlencode = \"Version=2016-11-15\"\ndata-urlencode = \"VolumeId.1=vol-0\"\n\
                    data-urlencode = \"Action=DescribeVolumes\"\n";
    let answer = send(&url, "ec2", &(secrets.clone() + describe));
    assert!(answer.ends_with(" GMT\u{1e}400"), "{answer}");
    assert!(answer.contains("<Code>InvalidVolume.NotFound</Code>"), "{answer}");
    // A secret that is not the role's is refused, so the verifier did look.
    let answer = send(
        &url,
        "ec2",
        &(secrets.replace(&text("SecretAccessKey"), "another") + describe),
    );
    assert!(answer.contains("SignatureDoesNotMatch"), "{answer}");
    signs_paths(&wire, &url, &secrets);
}

/// Calls of a service that is told by method and path, and is one for all Regions.
fn signs_paths(wire: &Wire, url: &str, secrets: &str) {
    // A path, with and without a body, for a service that is one for all Regions: it is the policy that refuses.
    for (path, body) in [
        (
            "hostedzone/Z0/rrset/",
            "header = \"Content-Type: text/xml\"\ndata-raw = \"<a b=\\\"c\\\"/>\"\n",
        ),
        ("change/C0", ""),
    ] {
        let url = format!("{url}2013-04-01/{path}");
        let answer = send_for("us-east-1", &url, "route53", &format!("{secrets}{body}"));
        let told = if body.is_empty() {
            "AccessDenied"
        } else {
            "InvalidInput"
        };
        assert!(answer.contains(told), "{path}: {answer} {:?}", wire.log().last());
    }
}
