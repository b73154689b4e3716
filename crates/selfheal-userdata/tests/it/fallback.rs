//! Where something is too old or missing.

use std::fs;

use crate::support::aws::INSTANCE;
use crate::support::full;
use crate::support::machine::Machine;

/// A curl of Ubuntu 22.04: it signs, but not the session token's header.
const OLD_CURL: &str = "[[ $1 != --version ]] || { echo 'curl 7.81.0 (x86_64-pc-linux-gnu)'; exit; }\n\
                        [[ \" $* \" != *' --aws-sigv4 '* ]] || exit 99\nexec /usr/bin/curl \"$@\"";

/// A new curl that was built without signing.
const LEAN_CURL: &str = "[[ \" $* \" != *' --aws-sigv4 '* ]] || exit 4\nexec /usr/bin/curl \"$@\"";

/// An AWS CLI that notes each call and answers what the boot program asks for.
fn cli(machine: &Machine) -> String {
    let calls = machine.folder().join("cli");
    let old = r#"[[ $2 != attach-volume || -e $0.tried ]] || { : >$0.tried; echo "An error occurred (VolumeInUse) when calling the AttachVolume operation (reached max retries: 2): held" >&2; exit 254; }"#;
    let describe = format!(
        r#"case $2 in
describe-volumes) printf '{{\n    "Volumes": [\n        {{\n            "VolumeId": "vol-0123456789abcdef0",\n            "SnapshotId": "",\n            "InstanceId": "{INSTANCE}",\n            "Tags": [\n                {{\n                    "Key": "selfheal:first-use",\n                    "Value": "true"\n                }}\n            ]\n        }}\n    ]\n}}\n' ;;
describe-addresses) printf '{{\n    "Addresses": [\n        {{\n            "InstanceId": "{INSTANCE}",\n            "PublicIp": "203.0.113.7"\n        }}\n    ]\n}}\n' ;;
describe-tags) printf '{{\n    "Tags": [\n        {{\n            "Key": "selfheal:failed-boots",\n            "Value": "2"\n        }}\n    ]\n}}\n' ;;
esac"#
    );
    format!(
        "printf '%s\\n' \"$*\" >>{}\n{old}\n{}\n{describe}",
        calls.display(),
        plug(machine)
    )
}

/// The volume shows up when the CLI attaches it.
fn plug(machine: &Machine) -> String {
    let root = machine.root().display().to_string();
    format!(
        "if [[ $2 == attach-volume ]]; then /bin/mkdir -p {root}/sys/class/nvme/nvme1; \
         echo vol0123456789abcdef0 >{root}/sys/class/nvme/nvme1/serial; /bin/mv {root}/volume {root}/dev/nvme1n1; fi"
    )
}

fn calls(machine: &Machine) -> Vec<String> {
    let text = fs::read_to_string(machine.folder().join("cli")).unwrap();
    let common = " --region eu-west-1 --output json";
    let endpoint = format!(" --endpoint-url {}", machine.aws.url);
    text.lines()
        .map(|line| line.replace(common, "").replace(&endpoint, ""))
        .collect()
}

#[test]
fn aws_cli_makes_the_calls() {
    let machine = Machine::new();
    machine.stub("curl", OLD_CURL);
    machine.stub("aws", &cli(&machine));
    machine.boot(&full(), 0);
    let attach =
        format!("ec2 attach-volume --volume-id vol-0123456789abcdef0 --instance-id {INSTANCE} --device /dev/sdf");
    let associate = format!(
        "ec2 associate-address --allocation-id eipalloc-0123456789abcdef0 --instance-id {INSTANCE} --allow-reassociation"
    );
    let complete = format!(
        "autoscaling complete-lifecycle-action --auto-scaling-group-name selfheal-web --lifecycle-hook-name \
         selfheal-launch --lifecycle-action-result CONTINUE --instance-id {INSTANCE}"
    );
    let expected = [
        attach.as_str(),
        &attach,
        "ec2 describe-volumes --volume-ids vol-0123456789abcdef0",
        "autoscaling create-or-update-tags --tags [{\"ResourceType\": \"auto-scaling-group\", \"ResourceId\": \
         \"selfheal-web\", \"Key\": \"selfheal:formatting\", \"Value\": \"vol-0123456789abcdef0\", \
         \"PropagateAtLaunch\": false}]",
        "ec2 delete-tags --resources vol-0123456789abcdef0 --tags Key=selfheal:first-use",
        &associate,
        "ec2 describe-addresses --allocation-ids eipalloc-0123456789abcdef0",
        &complete,
    ];
    assert_eq!(calls(&machine), expected);
    assert_eq!(machine.actions(), [""; 0]);
}

#[test]
fn aws_cli_parks_the_stack() {
    let machine = Machine::new();
    machine.stub("curl", OLD_CURL);
    machine.stub("aws", &cli(&machine));
    machine.stub("mount", "exit 32");
    machine.boot(&full(), 15);
    let calls = calls(&machine);
    let [read, suspend, tag, _] = &calls[5..] else {
        panic!("{calls:#?}")
    };
    assert_eq!(
        read,
        "autoscaling describe-tags --filters [{\"Name\": \"auto-scaling-group\", \"Values\": [\"selfheal-web\"]}, \
         {\"Name\": \"key\", \"Values\": [\"selfheal:failed-boots\"]}]"
    );
    let expected = "autoscaling suspend-processes --auto-scaling-group-name selfheal-web --scaling-processes Launch \
                    ReplaceUnhealthy";
    assert_eq!(suspend, expected);
    let first = "autoscaling create-or-update-tags --tags [{\"ResourceType\": \"auto-scaling-group\", \"ResourceId\": \
                 \"selfheal-web\", \"Key\": \"selfheal:failed-boots\", \"Value\": \"3\", \"PropagateAtLaunch\": false}, ";
    assert!(tag.starts_with(first), "{tag}");
}

#[test]
fn without_either_the_boot_says_so() {
    for curl in [OLD_CURL, LEAN_CURL] {
        let machine = Machine::new();
        machine.stub("curl", curl);
        let text = machine.boot(&full(), 10);
        assert!(
            text.contains("curl is older than 7.86 or cannot sign, and there is no AWS CLI"),
            "{text}"
        );
        assert_eq!(machine.count("mount"), 0);
    }
}

#[test]
fn missing_commands_are_named_before_anything_is_taken() {
    let machine = Machine::new();
    machine.install(&full());
    // The program also looks where the system has its tools, so the names must be ones that nobody has.
    let path = machine.root().join("etc/selfheal/config");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("tools=(", "tools=(no-blkid no-such-thing ")).unwrap();
    let text = machine.again("boot", 22);
    assert!(text.contains("failed: not installed: no-blkid no-such-thing"), "{text}");
    assert_eq!(
        machine.actions(),
        ["DescribeTags", "CreateOrUpdateTags", "CompleteLifecycleAction"]
    );
}
