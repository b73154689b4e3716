//! The app's configuration comes from Parameter Store as it is, whole or not at all, and shows nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use selfheal_userdata::{BootExit, Parameters, parameter_name};

use crate::support::machine::Machine;
use crate::support::{configured, parameters};
use selfheal_userdata::BootConfig;

/// A machine whose stack has these parameters, beside the one that it requires.
fn machine(values: &[(&str, &str)]) -> Machine {
    let machine = Machine::new();
    machine.stub("systemctl", SYSTEMCTL);
    let all = [("DATABASE_URL", "postgres://secret-1@db/app")];
    for (name, value) in all.iter().chain(values) {
        put(&machine, name, value);
    }
    machine
}

/// One that notes what it is asked, and knows the members of the app's target.
const SYSTEMCTL: &str = "echo \"systemctl $*\" >>\"${0%/*}/../commands\"; \
     [[ $1 != show ]] || printf '%s\\n' app.service 'worker.service app.service'";

fn put(machine: &Machine, name: &str, value: &str) {
    let mut state = machine.aws.state();
    state.parameters.insert(format!("/web/{name}"), value.to_owned());
}

fn env(machine: &Machine) -> String {
    fs::read_to_string(machine.root().join("run/selfheal/config/env")).unwrap()
}

fn file(machine: &Machine, name: &str) -> Vec<u8> {
    fs::read(machine.root().join("run/selfheal/config/files").join(name)).unwrap()
}

/// Reads the file as systemd does: source, systemd's `src/basic/env-file.c`, what it does between double quotes.
fn parse(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => match chars.next().unwrap() {
                    (_, c @ ('"' | '\\' | '`' | '$')) => value.push(c),
                    (_, '\n') => {}
                    (_, c) => value.extend(['\\', c]),
                },
                (_, c) => value.push(c),
            }
        };
        rest = after[end + 1..].strip_prefix('\n').unwrap();
        found.push((name.to_owned(), value));
    }
    found
}

/// Values that are hard to carry.
fn hostile() -> Vec<(&'static str, String)> {
    let ascii: String = (1..=127_u8).map(char::from).collect();
    vec![
        ("ASCII", ascii),
        (
            "EMOJI",
            "\u{1f600} \u{1f680} \u{e9}\u{df}\u{4e2d} \u{fffd} \u{10fffd} \u{80}".repeat(20),
        ),
        ("LINES", "\n\na\r\n\\\n\"\n'\n".into()),
        ("SHELL", "$(touch /tmp/x) `id` ${PATH} \\$HOME !! 'a'\\''b'".into()),
        (
            "JSON",
            "{\"Name\":\"/web/X\",\"Value\":\"v\",\"NextToken\":\"t\"}},{".into(),
        ),
        ("QUOTES", "\"".repeat(4096)),
        ("SLASHES", "\\".repeat(4095)),
        ("UNICODE_ESCAPES", "\\u0041\\n\\\\u0000 \\\"".into()),
        ("CONTROL", "\u{1}\u{2}\u{3}".repeat(1365)),
        ("LONG", "\u{1f600}".repeat(2048)),
        ("BLANKS", "  \t a  ".into()),
        ("tls/key.pem", "-----BEGIN\nKEY-----\n".into()),
        ("a-b.c", "#;= x".into()),
    ]
}

#[test]
fn every_value_comes_as_it_is() {
    let values = hostile();
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let machine = machine(&values);
    machine.boot(&configured(), 0);
    let mut expected = vec![("DATABASE_URL".to_owned(), "postgres://secret-1@db/app".to_owned())];
    expected.extend(
        values
            .iter()
            .map(|(name, value)| (parameter_name(name).unwrap(), (*value).to_owned())),
    );
    expected.sort();
    assert_eq!(parse(&env(&machine)), expected);
    for (name, value) in &expected {
        assert_eq!(String::from_utf8(file(&machine, name)).as_ref(), Ok(value));
    }
    let folder = machine.root().join("run/selfheal/config");
    for (path, mode) in [("env", 0o600), ("files/ASCII", 0o600), ("files", 0o700), (".", 0o700)] {
        let found = fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path}");
    }
    let calls = machine
        .actions()
        .iter()
        .filter(|action| *action == "GetParametersByPath")
        .count();
    assert!(calls >= 9, "every page, also behind an empty one: {calls}");
}

#[test]
fn a_shell_reads_the_file_as_well() {
    let values = hostile();
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let machine = machine(&values);
    machine.boot(&configured(), 0);
    let path = machine.root().join("run/selfheal/config/env");
    let script = format!(". {}; printf %s \"$ASCII$SHELL$LINES$UNICODE_ESCAPES\"", path.display());
    let output = std::process::Command::new("/bin/bash")
        .args(["-c", &script])
        .output()
        .unwrap();
    let of = |name| values.iter().find(|(have, _)| *have == name).unwrap().1;
    let expected = ["ASCII", "SHELL", "LINES", "UNICODE_ESCAPES"].map(of).concat();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn the_largest_value_of_the_worst_kind_takes_no_time_that_counts() {
    let machine = machine(&[("WORST", &"\u{1}".repeat(8192)), ("QUOTES", &"\"".repeat(8192))]);
    machine.install(&configured());
    let began = Instant::now();
    machine.again("boot", 0);
    println!("a boot with two values of 8 KB: {} ms", began.elapsed().as_millis());
    assert_eq!(file(&machine, "WORST").len(), 8192);
}

/// The reason that a boot gave, where it is to fail by its configuration.
fn refusal(machine: &Machine) -> String {
    let output = machine.again("boot", BootExit::Config.code().into());
    let line = output.lines().rfind(|line| line.contains("failed: ")).unwrap();
    assert!(!output.contains("secret-"), "{output}");
    assert!(!machine.root().join("run/selfheal/config").exists());
    assert!(machine.actions().contains(&"CompleteLifecycleAction".to_owned()));
    assert_eq!(machine.count("chmod") + machine.count("mkfs.ext4"), 0);
    line.split_once("failed: ").unwrap().1.replace(" (exit 26)", "")
}

#[test]
fn what_cannot_be_a_setting_is_named_and_its_value_is_not() {
    let long = format!("secret-{}", "x".repeat(8192));
    let faults = [
        ("1st", "secret-2", "the parameter /web/1st cannot be called 1st"),
        ("PATH", "secret-2", "the parameter /web/PATH cannot be called PATH"),
        (
            "LD_PRELOAD",
            "secret-2",
            "the parameter /web/LD_PRELOAD cannot be called LD_PRELOAD",
        ),
        (
            "BASH_ENV",
            "secret-2",
            "the parameter /web/BASH_ENV cannot be called BASH_ENV",
        ),
        (
            "SELFHEAL/X",
            "secret-2",
            "the parameter /web/SELFHEAL/X cannot be called SELFHEAL_X",
        ),
        (
            "DATABASE/URL",
            "secret-2",
            "the parameter /web/DATABASE_URL would be called DATABASE_URL, as another one",
        ),
        ("Z", long.as_str(), "the parameter /web/Z is longer than 8192 bytes"),
        ("Z", "secret-\0", "the parameter /web/Z is no text"),
        ("Z", "raw:secret-\\ud800", "the parameter /web/Z is no text"),
        ("Z", "raw:secret-\\ud800x", "the parameter /web/Z is no text"),
        ("Z", "raw:secret-\\ud800\\u0041", "the parameter /web/Z is no text"),
        ("Z", "raw:secret-\\udc00", "the parameter /web/Z is no text"),
        ("Z", "raw:secret-\\u00g0", "the parameter /web/Z is no text"),
    ];
    for (name, value, expected) in faults {
        let machine = machine(&[(name, value)]);
        machine.install(&configured());
        assert_eq!(refusal(&machine), expected);
        if !value.starts_with("raw:") && !name.contains("DATABASE") && name != "Z" {
            assert!(parameter_name(name).is_err(), "{name}");
        }
    }
}

#[test]
fn bytes_that_are_no_utf_8_never_reach_the_file() {
    // The fake speaks UTF-8, so that the program is asked by itself.
    let machine = machine(&[]);
    machine.install(&configured());
    let script = machine.folder().join("decode");
    for (bytes, good) in [
        (
            r"a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\xef\xbf\xbd\xf4\x8f\xbf\xbd",
            true,
        ),
        (r"\xff", false),
        (r"\xc3", false),
        (r"\xc3a\xa9", false),
        (r"\xc0\xaf", false),
        (r"\xe0\x80\x80", false),
        (r"\xed\xa0\x80", false),
        (r"\xf0\x80\x80\x80", false),
        (r"\xf4\x90\x80\x80", false),
        (r"\xf5\x80\x80\x80", false),
        (r"\x80", false),
        // What Unicode has set apart from characters, and its neighbours.
        (r"\xef\xb7\x8f\xef\xb7\xb0\xf0\x9f\xbf\xbd\xf0\x90\x80\x80", true),
        (r"\xef\xb7\x90", false),
        (r"\xef\xb7\xaf", false),
        (r"\xef\xbf\xbe", false),
        (r"\xef\xbf\xbf", false),
        (r"\xf0\x9f\xbf\xbe", false),
        (r"\xf1\x8f\xbf\xbf", false),
        (r"\xf4\x8f\xbf\xbf", false),
    ] {
        fs::write(
            &script,
            format!(
                "LC_ALL=C newline=$'\\n'\nset -u\n{}\ndecode $'{bytes}'",
                functions(&["cut_at", "decode"])
            ),
        )
        .unwrap();
        let status = std::process::Command::new("/bin/bash").arg(&script).status().unwrap();
        assert_eq!(status.success(), good, "{bytes}");
    }
}

/// Functions of the fragment.
fn functions(names: &[&str]) -> String {
    let source = include_str!("../../src/boot/config.sh");
    let one = |name: &&str| {
        let (_, rest) = source.split_once(&format!("\n{name}() {{\n")).unwrap();
        let (body, _) = rest.split_once("\n}\n").unwrap();
        format!("{name}() {{\n{body}\n}}\n")
    };
    names.iter().map(one).collect()
}

#[test]
fn what_is_required_and_not_there_fails_the_boot() {
    let machine = machine(&[("OTHER", "secret-2")]);
    machine.aws.state().parameters.remove("/web/DATABASE_URL");
    machine.install(&configured());
    assert_eq!(
        refusal(&machine),
        "the parameter /web/DATABASE_URL is not there, and required"
    );
}

#[test]
fn nothing_required_and_nothing_there_is_no_failure() {
    let mut config = configured();
    config.parameters = Some(Parameters {
        required: Vec::new(),
        ..parameters()
    });
    let machine = Machine::new();
    machine.boot(&config, 0);
    assert_eq!(env(&machine), "");
    assert_eq!(machine.aws.state().tags["selfheal:config"], "/web");
}

#[test]
fn a_key_that_is_denied_says_so_and_throttling_is_waited_for() {
    let denied = (400, "AccessDeniedException", "not authorized to perform: kms:Decrypt");
    let machine = machine(&[]);
    // Without a bundle, which would be refused in its place.
    let lean = BootConfig {
        health: None,
        setup: None,
        ..configured()
    };
    machine.install_with(&lean, &[("denied_s_max", 0)]);
    machine.aws.fail("GetParametersByPath", &[denied; 9]);
    let expected = "the parameters below /web cannot be read: GetParametersByPath refused with AccessDeniedException: \
                    not authorized to perform: kms:Decrypt";
    assert_eq!(refusal(&machine), expected);
    // Nobody can be asked which one it is.
    assert!(machine.aws.state().calls.len() < 20);
    // The role of a new stack, which does not work everywhere yet.
    let machine = machine_with_faults(&[
        denied,
        (400, "ThrottlingException", "Rate exceeded"),
        (500, "InternalServerError", ""),
    ]);
    machine.boot(&configured(), 0);
}

/// What AWS says names neither the parameter nor the key.
#[test]
fn the_parameter_whose_key_is_denied_is_named_and_no_value_is() {
    let machine = machine(&[
        ("a", "first"),
        ("tls/key.pem", "secret-2"),
        ("z", "\"NextToken\":\"9\""),
    ]);
    machine.aws.state().sealed = Some("/web/tls/key.pem");
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1";
    let mut config = configured();
    if let Some(parameters) = &mut config.parameters {
        parameters.kms_key = Some(key.into());
    }
    machine.install_with(&config, &[("denied_s_max", 0)]);
    let expected = "the parameter /web/tls/key.pem cannot be decrypted: AccessDeniedException: The ciphertext refers to a \
                    customer master key that does not exist, does not exist in this region, or you are not allowed to \
                    access. (its key is to be arn:aws:kms:eu-west-1:123456789012:key/1)";
    assert_eq!(refusal(&machine), expected);
}

fn machine_with_faults(faults: &[(u16, &'static str, &'static str)]) -> Machine {
    let machine = machine(&[]);
    machine.aws.fail("GetParametersByPath", faults);
    machine
}

#[test]
fn a_reboot_fetches_again() {
    let machine = machine(&[]);
    machine.boot(&configured(), 0);
    // What /run is at a reboot.
    fs::remove_dir_all(machine.root().join("run/selfheal")).unwrap();
    fs::create_dir_all(machine.root().join("run/selfheal")).unwrap();
    put(&machine, "DATABASE_URL", "secret-3");
    machine.again("boot", 0);
    assert_eq!(file(&machine, "DATABASE_URL"), b"secret-3");
    let asked = machine
        .commands()
        .iter()
        .filter(|line| line.contains("try-restart --no-block app"))
        .count();
    assert_eq!(asked, 0, "nothing of the app runs yet");
}

#[test]
fn a_look_restarts_the_app_only_where_something_has_changed() {
    let machine = machine(&[]);
    machine.boot(&configured(), 0);
    let restarts = |machine: &Machine| {
        let commands = machine.commands();
        commands
            .into_iter()
            .filter(|line| line.contains("try-restart --no-block app"))
            .collect::<Vec<_>>()
    };
    let notes = |machine: &Machine| {
        machine
            .actions()
            .iter()
            .filter(|it| *it == "CreateOrUpdateTags")
            .count()
    };
    assert_eq!(machine.aws.state().tags["selfheal:config"], "/web DATABASE_URL=1");
    let noted = notes(&machine);
    machine.again("refresh", 0);
    assert_eq!((restarts(&machine), notes(&machine)), (vec![], noted));
    put(&machine, "NEW", "secret-4");
    machine.again("refresh", 0);
    assert_eq!(
        restarts(&machine),
        ["systemctl try-restart --no-block app.service worker.service"]
    );
    assert_eq!(machine.aws.state().tags["selfheal:config"], "/web DATABASE_URL=1 NEW=1");
    machine.aws.state().parameters.remove("/web/NEW");
    machine.again("refresh", 0);
    assert_eq!((restarts(&machine).len(), notes(&machine)), (2, noted + 2));
    assert!(!machine.root().join("run/selfheal/config/files/NEW").exists());
    let kept = fs::read_dir(machine.root().join("run/selfheal")).unwrap();
    let kept = kept.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("config.")
    });
    assert_eq!(kept.count(), 1, "what was before is gone");
}

#[test]
fn a_look_that_fails_keeps_what_is_there_and_tells_it_once() {
    let machine = machine(&[]);
    machine.boot(&configured(), 0);
    let before = env(&machine);
    put(&machine, "DATABASE_URL", "\0");
    let said = machine.again("refresh", 0);
    assert!(
        said.contains("the configuration stays as it was: the parameter /web/DATABASE_URL is no text"),
        "{said}"
    );
    assert_eq!(machine.again("refresh", 0), "");
    let denied = [(400, "AccessDeniedException", "no"); 5];
    machine.aws.fail("GetParametersByPath", &denied);
    assert!(machine.again("refresh", 0).contains("AccessDeniedException"));
    assert_eq!(env(&machine), before);
    put(&machine, "DATABASE_URL", "secret-5");
    assert!(machine.again("refresh", 0).contains("can be read again"));
    assert_eq!(env(&machine), "DATABASE_URL=\"secret-5\"\n");
}

#[test]
fn nothing_is_looked_at_before_the_boot_went_well() {
    let machine = machine(&[]);
    machine.install(&configured());
    assert_eq!(machine.again("refresh", 0), "");
    assert_eq!(machine.actions(), Vec::<String>::new());
}

#[test]
fn a_change_that_the_app_was_not_told_of_is_told_at_the_next_look() {
    let machine = machine(&[]);
    machine.boot(&configured(), 0);
    put(&machine, "NEW", "secret-6");
    // Killed between the two.
    machine.stub("systemctl", "kill -KILL $PPID");
    machine.program("refresh");
    machine.stub("systemctl", SYSTEMCTL);
    machine.again("refresh", 0);
    assert!(
        machine
            .commands()
            .iter()
            .any(|line| line.contains("try-restart --no-block app"))
    );
}

#[test]
fn more_versions_than_a_tag_holds_are_told_by_their_digest() {
    let names: Vec<String> = (0..30).map(|at| format!("SOME_LONG_NAME_{at}")).collect();
    let values: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "secret-7")).collect();
    let machine = machine(&values);
    machine.boot(&configured(), 0);
    let tag = machine.aws.state().tags["selfheal:config"].clone();
    let digest = tag.strip_prefix("/web sha256:").unwrap();
    let mut names: Vec<&str> = values.iter().map(|(name, _)| *name).chain(["DATABASE_URL"]).collect();
    // By the name, and not by what follows it.
    names.sort_unstable();
    let versions: Vec<String> = names.iter().map(|name| format!("{name}=1")).collect();
    assert_eq!(digest, selfheal_userdata::versions_digest(&versions));
}

#[test]
fn values_are_in_no_argument_environment_file_or_output() {
    let machine = machine(&[("KEY", "secret-8")]);
    let seen = machine.folder().join("seen");
    let look = "for at in /proc/[0-9]*; do cat $at/cmdline $at/environ 2>/dev/null; done";
    machine.stub(
        "curl",
        &format!("{look} >>{}\nexec /usr/bin/curl \"$@\"", seen.display()),
    );
    let mut said = machine.boot(&configured(), 0);
    machine.again("refresh", 0);
    put(&machine, "KEY", "secret-9");
    said.push_str(&machine.again("refresh", 0));
    assert!(!said.contains("secret-"), "{said}");
    let seen = fs::read(seen).unwrap();
    let has = |text: &[u8]| seen.windows(text.len()).any(|window| window == text);
    assert!(has(b"--aws-sigv4"));
    assert!(!has(b"secret-1@") && !has(b"secret-8") && !has(b"secret-9"));
    // Below /run alone.
    for folder in ["etc", "var", "usr"] {
        let output = std::process::Command::new("grep")
            .args(["-r", "secret-"])
            .arg(machine.root().join(folder))
            .output();
        assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), "", "{folder}");
    }
}

#[test]
fn the_names_that_rust_refuses_are_those_that_bash_refuses() {
    let source = functions(&["cut_at", "decode", "take_parameter"]);
    for name in [
        "A",
        "a.b",
        "a-b",
        "a/b/c",
        "_",
        "1",
        "PATH",
        "PATHS",
        "IFS",
        "ENV",
        "ENVIRONMENT",
        "BASH",
        "BASHFUL",
        "SHELLOPTS",
        "PS4",
        "LD_X",
        "LD",
        "SELFHEAL_",
        "SELFHEAL",
        "NOTIFY_SOCKET",
        "CREDENTIALS_DIRECTORY",
        ".",
        "-x",
        "LD/PRELOAD",
    ] {
        let script = format!(
            "LC_ALL=C newline=$'\\n' config_path=/web\nset -u\ndeclare -A settings versions field=([Name]=/web/{name} [Value]=x [Version]=1)\n\
             {source}\ntake_parameter"
        );
        let status = std::process::Command::new("/bin/bash")
            .args(["-c", &script])
            .status()
            .unwrap();
        assert_eq!(status.success(), parameter_name(name).is_ok(), "{name}");
    }
}

#[test]
fn paths_and_names_that_cannot_be_are_refused() {
    let with = |change: &dyn Fn(&mut Parameters)| {
        let mut parameters = parameters();
        change(&mut parameters);
        parameters.check().map_err(|fault| fault.field)
    };
    assert_eq!(with(&|_| {}), Ok(()));
    for path in [
        "", "/", "web", "/web/", "/a//b", "/a b", "/aws/x", "/SSMx", "/a*", "/a\n",
    ] {
        assert_eq!(with(&|it| it.path = path.into()), Err("parameters.path"), "{path:?}");
    }
    for name in ["", "a.b", "1", "PATH", "A B", "$(x)"] {
        assert_eq!(
            with(&|it| it.required = vec![name.into()]),
            Err("parameters.required"),
            "{name:?}"
        );
    }
    assert_eq!(with(&|it| it.refresh_s = Some(0)), Err("parameters.refresh_s"));
    let overlaps = |path: &str| {
        Parameters {
            path: path.into(),
            ..parameters()
        }
        .overlaps("web")
    };
    for path in [
        "/selfheal",
        "/selfheal/web",
        "/selfheal/web/bundle",
        "/selfheal/web/bundle/x",
    ] {
        assert!(overlaps(path), "{path}");
    }
    for path in [
        "/web",
        "/selfheal/web/bundles",
        "/selfheal/webs",
        "/selfheal/web/app",
        "/selfheal/api",
    ] {
        assert!(!overlaps(path), "{path}");
    }
}
