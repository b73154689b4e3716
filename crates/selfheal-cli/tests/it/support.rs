//! A folder with a stack in it, and the binary with an environment of its own.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use selfheal_aws::sim::{Sim, World};
use selfheal_core::spec::EXAMPLE;
use tempfile::TempDir;

/// The example with a setup script, and some of the defaults written out.
pub static SPEC: LazyLock<String> = LazyLock::new(|| {
    let defaults = EXAMPLE
        .replace("\n\n[data]", "\nroot_size = \"8GiB\"\n\n[data]")
        .replace("\n\n[dns]", "\nfilesystem = \"xfs\"\n\n[dns]");
    defaults + "ttl = 60\n\n[app]\nsetup = \"setup.sh\"\n"
});

/// A folder with a stack in it.
pub struct Folder {
    folder: TempDir,
}

/// How a run ended.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        let folder = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        folder.write("selfheal.toml", &SPEC);
        folder.write("setup.sh", "#!/bin/sh\ntouch /srv/data/ready\n");
        folder
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("the folder is writable");
    }

    /// Writes the stack's file with one text in place of another.
    pub fn edit(&self, from: &str, to: &str) {
        assert!(SPEC.contains(from), "the stack's file has no `{from}`");
        self.write("selfheal.toml", &SPEC.replace(from, to));
    }

    /// The binary on the simulated AWS in this folder, with nothing of the caller's environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_selfheal"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("SELFHEAL_BACKEND", "sim")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(&self.command(args).output().expect("the binary starts"))
    }

    /// Starts the binary and goes away: its exit code, and what it says on standard error.
    pub fn read_nothing(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // Nothing is read at all: the pipe breaks at the first write, however late that is.
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        (output.status.code(), stderr)
    }

    /// Leaves the stack as one that has parked itself.
    pub fn park(&self) {
        self.tamper(|world| {
            let group = world.groups.get_mut("selfheal-web").expect("the stack's group");
            group
                .suspended
                .extend(["Launch", "ReplaceUnhealthy"].map(str::to_owned));
            group
                .tags
                .insert("selfheal:parked".to_owned(), "setup failed".to_owned());
        });
    }

    /// Changes the simulated AWS behind everybody's back.
    pub fn tamper(&self, change: impl FnOnce(&mut World)) {
        self.with_sim(|sim| sim.tamper(change));
    }

    /// Kills an instance of the simulated AWS from outside its group.
    pub fn kill(&self, id: &str) {
        self.with_sim(|sim| assert!(sim.kill_instance(&id.into()), "there is no instance {id}"));
    }

    /// Lets the boots of the stack's later instances fail, or succeed again.
    pub fn fail_boots(&self, fail: bool) {
        self.with_sim(|sim| sim.fail_boots("selfheal-web", fail));
    }

    /// Lets time pass on the simulated AWS.
    pub fn pass(&self, time: std::time::Duration) {
        self.with_sim(|sim| sim.advance(time));
    }

    fn with_sim(&self, act: impl FnOnce(&Sim)) {
        let file = self.path().join(".selfheal-sim.json");
        let sim = Sim::load(&std::fs::read(&file).expect("a command has run before")).expect("a saved world");
        act(&sim);
        std::fs::write(&file, sim.save().expect("a world that can be saved")).expect("the folder is writable");
    }

    /// Lets the simulated AWS authorise whoever runs the tool by this policy from now on.
    pub fn authorise_by(&self, policy: &str) {
        self.tamper(|world| world.config.operator_policy = Some(policy.into()));
    }

    /// Runs and expects this exit code.
    #[track_caller]
    pub fn expect(&self, args: &[&str], code: i32) -> Run {
        let run = self.run(args);
        assert_eq!(
            run.code,
            code,
            "selfheal {}\n{}{}",
            args.join(" "),
            run.stdout,
            run.stderr
        );
        run
    }

    /// Runs with `--json` and reads what came of it.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        self.expect(&[args, &["--json"]].concat(), 0).json(args)
    }
}

impl Run {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Reads what came of a run with `--json`: its one document, or the last line of a command that changes something.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        if ["apply", "destroy", "resume", "sleep", "wake"].contains(&args[0]) {
            return self.lines().pop().expect("a line at least");
        }
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}", self.stdout))
    }

    /// Reads a JSON document of each line.
    #[track_caller]
    pub fn lines(&self) -> Vec<serde_json::Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}\n{}", self.stdout));
        self.stdout.lines().map(read).collect()
    }
}

/// The paths of everything in a JSON document, with what sort of thing is there: its shape.
pub fn shape(value: &serde_json::Value) -> String {
    fn walk(value: &serde_json::Value, path: &str, lines: &mut Vec<String>) {
        use serde_json::Value as V;
        match value {
            V::Object(map) => map
                .iter()
                .for_each(|(key, value)| walk(value, &format!("{path}.{key}"), lines)),
            V::Array(list) if list.is_empty() => lines.push(format!("{path}[]")),
            V::Array(list) => list
                .iter()
                .take(1)
                .for_each(|value| walk(value, &format!("{path}[]"), lines)),
            V::Null => lines.push(format!("{path}: null")),
            V::Bool(_) => lines.push(format!("{path}: boolean")),
            V::Number(_) => lines.push(format!("{path}: number")),
            V::String(_) => lines.push(format!("{path}: string")),
        }
    }
    let mut lines = Vec::new();
    walk(value, "", &mut lines);
    // Whether maps keep their order is up to whatever else is in the build.
    lines.sort();
    lines.join("\n")
}
