//! Issue 8, numbers 48 to 50: no panic on any environment, nobody else's credentials, and signals that end a run in order.
//!
//! An AWS that refuses everybody, or that never answers, listens on loopback; nothing else is ever asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Folder, Run};

/// What listens on loopback does with a request.
#[derive(Clone, Copy)]
enum Manner {
    /// Refuses the credentials.
    Refuse,
    /// Never answers.
    Silent,
}

/// A server on loopback, with the count of the connections that it has had.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    let mut request = [0; 16_384];
                    while stream.read(&mut request).is_ok_and(|read| read > 0) {
                        if let Manner::Refuse = manner {
                            let body = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error>\
                                        <RequestId>r</RequestId></ErrorResponse>";
                            let head = format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n", body.len());
                            let _ = stream.write_all((head + body).as_bytes());
                        }
                    }
                });
            }
        });
        Self { url, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The binary against the real backend, at this endpoint and with keys that nobody knows.
fn command(folder: &Folder, url: &str, args: &[&str]) -> Command {
    let mut command = folder.command(args);
    command
        .env("SELFHEAL_BACKEND", "aws")
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs to the end, which must come soon and be no panic.
#[track_caller]
fn ends(mut command: Command) -> Run {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let output = told.recv_timeout(Duration::from_secs(60));
    let output = output
        .unwrap_or_else(|_| panic!("{command:?} does not end"))
        .expect("output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let run = Run {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    };
    assert!(!run.stderr.contains("panicked"), "{command:?}: {}", run.stderr);
    assert!(
        (0..=10).contains(&run.code),
        "{command:?} ends with {}: {}",
        run.code,
        run.stderr
    );
    run
}

const COMMANDS: [&[&str]; 6] = [
    &["plan"],
    &["apply", "--yes"],
    &["status", "--json"],
    &["destroy", "--yes"],
    &["resume", "--yes"],
    &["policy", "operator"],
];

#[test]
fn no_value_of_a_variable_is_a_panic() {
    let (folder, server) = (Folder::new(), Server::new(Manner::Refuse));
    folder.write("empty", "");
    folder.write("junk", "[profile\n\u{0}=]\n= = =\n");
    let variables = [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_EC2",
        "AWS_ENDPOINT_URL_AUTO_SCALING",
        "AWS_ENDPOINT_URL_STS",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    let values = ["", " ", "x", "é\u{1}\n", "http://[::", "junk", "/dev/zero"];
    let mut nth = 0;
    for variable in variables {
        for value in values {
            let args = COMMANDS[nth % COMMANDS.len()];
            nth += 1;
            let mut command = command(&folder, &server.url, args);
            command.env(variable, value);
            if variable.starts_with("AWS_ENDPOINT_URL") && value.trim().is_empty() {
                // What is set to nothing is unset; the flag keeps the run on loopback.
                command.args(["--endpoint-url", &server.url]);
            }
            ends(command);
        }
    }
}

#[test]
fn no_bytes_of_a_variable_are_a_panic() {
    use std::os::unix::ffi::OsStrExt;
    let (folder, server) = (Folder::new(), Server::new(Manner::Refuse));
    let bytes = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    for variable in [
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL_EC2",
        "AWS_ACCESS_KEY_ID",
        "AWS_CONFIG_FILE",
        "HOME",
        "SELFHEAL_LOG",
    ] {
        let mut command = command(&folder, &server.url, &["plan"]);
        ends({
            command.env(variable, bytes);
            command
        });
    }
}

#[test]
fn an_endpoint_that_is_set_to_nothing_is_unset_and_one_that_is_no_url_is_named() {
    let (folder, server) = (Folder::new(), Server::new(Manner::Refuse));
    let mut empty = command(&folder, &server.url, &["plan"]);
    empty.env("AWS_ENDPOINT_URL_EC2", "").env("AWS_ENDPOINT_URL_STS", "");
    let run = ends(empty);
    assert_eq!(run.code, 7, "{}", run.stderr);
    assert!(run.stderr.contains("InvalidClientTokenId"), "{}", run.stderr);
    let mut wrong = command(&folder, &server.url, &["plan"]);
    wrong.env("AWS_ENDPOINT_URL_AUTO_SCALING", "localhost:5000");
    let run = ends(wrong);
    assert!(run.stderr.contains("AWS_ENDPOINT_URL_AUTO_SCALING"), "{}", run.stderr);
    for flag in ["--endpoint-url", "--profile", "--region"] {
        folder.expect(&["plan", flag, ""], 2);
    }
}

#[test]
fn a_profile_that_does_not_exist_never_falls_through_to_the_instance() {
    let (folder, server) = (Folder::new(), Server::new(Manner::Refuse));
    let metadata = Server::new(Manner::Refuse);
    std::fs::create_dir(folder.path().join(".aws")).expect("the folder is writable");
    folder.write(".aws/config", "[profile ops]\nregion = eu-west-1\n");
    for by_flag in [true, false] {
        for with_keys in [true, false] {
            let mut command = command(
                &folder,
                &server.url,
                if by_flag {
                    &["plan", "--profile", "opps"]
                } else {
                    &["plan"]
                },
            );
            command
                .env_remove("AWS_EC2_METADATA_DISABLED")
                .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata.url);
            if !by_flag {
                command.env("AWS_PROFILE", "opps");
            }
            if !with_keys {
                command
                    .env_remove("AWS_ACCESS_KEY_ID")
                    .env_remove("AWS_SECRET_ACCESS_KEY");
            }
            let run = ends(command);
            assert_eq!(run.code, 7, "{}", run.stderr);
            assert!(
                run.stderr.contains("no profile `opps`") && run.stderr.contains("there are: ops"),
                "{}",
                run.stderr
            );
        }
    }
    assert_eq!((server.connections(), metadata.connections()), (0, 0));
}

#[test]
fn single_sign_on_that_has_ended_names_the_command_and_asks_nobody_else() {
    let (folder, server) = (Folder::new(), Server::new(Manner::Refuse));
    let metadata = Server::new(Manner::Refuse);
    std::fs::create_dir(folder.path().join(".aws")).expect("the folder is writable");
    folder.write(
        ".aws/config",
        "[profile corp]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = admin\n\
         [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n\
         sso_registration_scopes = sso:account:access\n",
    );
    let mut command = command(&folder, &server.url, &["plan"]);
    command
        .env("AWS_PROFILE", "corp")
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env_remove("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata.url);
    let run = ends(command);
    assert_eq!(run.code, 7, "{}", run.stderr);
    assert!(
        run.stderr.contains("run `aws sso login --profile corp`"),
        "{}",
        run.stderr
    );
    assert_eq!((server.connections(), metadata.connections()), (0, 0));
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(sent.expect("kill starts").success());
}

/// Waits until the run has asked something, so that it has taken its signals over.
fn asked(server: &Server) {
    let began = Instant::now();
    while server.connections() == 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing was asked");
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(200));
}

/// The same command, started by a program that decides how it takes signals: what a shell starts in the background ignores
/// SIGINT, and these tests with it.
fn started_by(launcher: &str, code: &str, folder: &Folder, plain: &Command) -> Command {
    let mut command = Command::new(launcher);
    command
        .args(["-c", code])
        .arg(plain.get_program())
        .args(plain.get_args());
    command.env_clear().current_dir(folder.path());
    for (key, value) in plain.get_envs() {
        if let Some(value) = value {
            command.env(key, value);
        }
    }
    command
}

/// Takes every signal as it comes, and becomes the program.
const TAKES_SIGNALS: &str = "import os, signal, sys\n\
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):\n    signal.signal(name, signal.SIG_DFL)\n\
    os.execv(sys.argv[1], sys.argv[1:])";

#[test]
fn whoever_ends_a_run_it_ends_in_order_and_says_so() {
    let folder = Folder::new();
    let runs: [&[&str]; 2] = [&["apply", "--yes", "--json"], &["status", "--watch", "--json"]];
    for (name, args) in ["INT", "TERM", "HUP"]
        .iter()
        .flat_map(|name| runs.map(|args| (*name, args)))
    {
        let server = Server::new(Manner::Silent);
        let plain = command(&folder, &server.url, args);
        let child = started_by("python3", TAKES_SIGNALS, &folder, &plain)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        asked(&server);
        signal(&child, name);
        let run = Run::of(&child.wait_with_output().expect("output"));
        assert_eq!(run.code, 130, "{name}: {}", run.stderr);
        assert!(run.stderr.contains("error: interrupted"), "{name}: {}", run.stderr);
        let told = run.lines().pop().expect("a line at least");
        assert_eq!(told["error"]["code"], "interrupted");
    }
}

/// Who watches a run reads each event while it is under way.
#[test]
fn an_event_is_written_when_it_happens() {
    let folder = Folder::new();
    let port = TcpListener::bind("127.0.0.1:0")
        .expect("loopback")
        .local_addr()
        .expect("an address")
        .port();
    let mut child = command(
        &folder,
        &format!("http://127.0.0.1:{port}"),
        &["apply", "--yes", "--json"],
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("UTF-8");
    // A connection that nobody takes is tried for five seconds.
    assert!(
        child.try_wait().expect("it can be asked").is_none(),
        "it is over: {line}"
    );
    let event: serde_json::Value = serde_json::from_str(&line).expect("a line is a document");
    assert_eq!(event["event"], "retrying", "{line}");
    assert!(event["action"].is_string() && event["pause_ms"].is_u64(), "{line}");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[test]
fn a_signal_that_was_to_be_ignored_stays_ignored() {
    let (folder, server) = (Folder::new(), Server::new(Manner::Silent));
    let plain = command(&folder, &server.url, &["plan"]);
    let mut detached = started_by("bash", "trap '' HUP; exec \"$0\" \"$@\"", &folder, &plain);
    let mut child = detached
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash starts");
    asked(&server);
    signal(&child, "HUP");
    thread::sleep(Duration::from_millis(300));
    assert!(
        child.try_wait().expect("it can be asked").is_none(),
        "what nohup started goes on"
    );
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}
