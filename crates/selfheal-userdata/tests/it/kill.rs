//! A first boot killed at some command, then booted again. The boot lab does it at every command of a real boot.

use std::fs;

use selfheal_userdata::BootConfig;

use crate::support::aws::INSTANCE;
use crate::support::machine::Machine;
use crate::support::{bundled, configured, full};

/// Every this-many-th command is the last one: a prime, so that loops are hit at different places.
const STRIDE: usize = 97;
/// With a bundle there are more commands, and only those that fetch it are new.
const BUNDLED_STRIDE: usize = 131;

/// Likewise with a configuration.
const CONFIGURED_STRIDE: usize = 139;

/// Counts the program's commands, kills it before one of them, and notes the count otherwise.
const TRAP: &str = r#"mapfile -d "" arguments </proc/$$/cmdline
[[ ${arguments[1]-} == */selfheal/program ]] || return 0
set -T
commands=0
trap '((++commands != KILL_AT)) || kill -KILL $$; [[ $BASHPID != $$ ]] || echo $commands >"$COUNT"' DEBUG
"#;

/// A machine with what the stack needs of Parameter Store.
fn prepared(config: &BootConfig) -> Machine {
    let machine = Machine::new();
    machine.install(config);
    let values = [("/web/DATABASE_URL", "x"), ("/web/A", "\"1")];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    machine.aws.state().parameters.extend(values);
    machine
}

/// Boots until the command, where there are so many, and tells how many there were.
fn boot_until(machine: &Machine, command: usize) -> (bool, usize) {
    let [trap, count] = ["trap", "count"].map(|name| machine.folder().join(name).display().to_string());
    fs::write(&trap, TRAP).unwrap();
    let variables = [
        format!("BASH_ENV={trap}"),
        format!("COUNT={count}"),
        format!("KILL_AT={command}"),
    ];
    let mut tracer = vec!["/usr/bin/env"];
    tracer.extend(variables.iter().map(String::as_str));
    let output = machine.program_under(&tracer, "boot");
    // Killed before the first command, it did not count any.
    let counted = fs::read_to_string(count).unwrap_or_default();
    (output.status.success(), counted.trim().parse().unwrap_or(0))
}

#[test]
fn boot_killed_anywhere_converges_at_the_next() {
    kill_anywhere(&full(), STRIDE);
}

#[test]
fn boot_with_a_bundle_killed_anywhere_converges_at_the_next() {
    kill_anywhere(&bundled(), BUNDLED_STRIDE);
}

#[test]
fn boot_with_a_configuration_killed_anywhere_converges_at_the_next() {
    kill_anywhere(&configured(), CONFIGURED_STRIDE);
}

fn kill_anywhere(config: &BootConfig, stride: usize) {
    let machine = prepared(config);
    let (finished, commands) = boot_until(&machine, 0);
    assert!(finished && commands > 100, "{commands}");
    let mut killed = 0;
    for at in (1..commands).step_by(stride) {
        let machine = prepared(config);
        let (finished, _) = boot_until(&machine, at);
        killed += usize::from(!finished);
        let text = machine.again("boot", 0);
        // Killed before the mark of first use was removed, it is formatted again; never once it was mounted.
        let commands = machine.commands();
        let count = |lines: &[String]| lines.iter().filter(|line| line.starts_with("mkfs.xfs ")).count();
        let mounted = commands.iter().position(|line| line.starts_with("mount ")).unwrap();
        assert!((1..=2).contains(&count(&commands[..mounted])), "killed at {at}: {text}");
        assert_eq!(count(&commands[mounted..]), 0, "killed at {at}: {text}");
        for (path, content) in config
            .setup
            .iter()
            .map(|setup| ("/etc/selfheal/setup", setup))
            .chain(config.files.iter().map(|file| (file.path.as_str(), &file.content)))
        {
            let have = fs::read(machine.root().join(path.trim_start_matches('/'))).unwrap();
            assert_eq!(&have, content, "{path}, killed at {at}: {text}");
        }
        if config.parameters.is_some() {
            let env = fs::read(machine.root().join("run/selfheal/config/env")).unwrap();
            assert_eq!(env, b"A=\"\\\"1\"\nDATABASE_URL=\"x\"\n", "killed at {at}: {text}");
        }
        let completed = machine
            .actions()
            .iter()
            .filter(|action| *action == "CompleteLifecycleAction")
            .count();
        assert!((1..=2).contains(&completed), "killed at {at}: {text}");
        let state = machine.aws.state();
        assert_eq!(state.holder.as_deref(), Some(INSTANCE), "killed at {at}: {text}");
        assert_eq!(state.address_of.as_deref(), Some(INSTANCE), "killed at {at}: {text}");
        assert!(!state.first_use, "killed at {at}: {text}");
        assert!(
            fs::read(machine.volume()).unwrap().starts_with(b"xfs selfheal\n"),
            "killed at {at}: {text}"
        );
    }
    println!("{killed} boots killed, of {commands} commands");
    assert!(killed > commands / stride / 2, "{killed}");
}
