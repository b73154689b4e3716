//! What people do with each command: the end of its help, and of its page of the manual.

use clap::{Command, CommandFactory, FromArgMatches};

use super::Cli;

/// Lines of the shell, each with what it is for.
type Examples = &'static [(&'static str, &'static str)];

/// The commands. Each line is one that the command line takes.
const EXAMPLES: &[(&str, Examples)] = &[
    (
        "init",
        &[
            ("selfheal init web", "asks, and offers what the account has"),
            ("selfheal init web --yes --offline", "a first file, without AWS"),
            (
                "selfheal init --from-instance i-0123456789abcdef0",
                "what that instance is",
            ),
        ],
    ),
    (
        "plan",
        &[
            ("selfheal plan", "what an apply would do"),
            ("selfheal plan --check", "in CI: ends with 3 if anything differs"),
        ],
    ),
    (
        "apply",
        &[
            ("selfheal apply", "shows the plan, asks, and waits until it serves"),
            (
                "selfheal apply --replace",
                "and rolls out what only another instance has",
            ),
            ("selfheal apply --yes --json", "in a pipeline: a line an event"),
            ("selfheal -f shop/selfheal.toml apply", "another stack"),
        ],
    ),
    (
        "status",
        &[
            ("selfheal status", "does it serve, could it heal"),
            ("selfheal status --watch", "what changes, as it happens"),
            ("selfheal status --check", "for scripts: 0 if it does both"),
        ],
    ),
    (
        "destroy",
        &[
            ("selfheal destroy", "keeps address, data and logs"),
            (
                "selfheal destroy --delete-data --release-address",
                "keeps a last snapshot alone",
            ),
        ],
    ),
    ("resume", &[("selfheal resume", "after the cause is mended")]),
    ("replace", &[("selfheal replace", "rolls out what apply has changed")]),
    (
        "rollback",
        &[
            ("selfheal rollback", "to the version before"),
            ("selfheal rollback --to 3", "to one that is named"),
        ],
    ),
    (
        "drill",
        &[
            (
                "selfheal drill --report drill.html",
                "ends the instance, and proves that it heals",
            ),
            ("selfheal drill --how app", "stops the app alone"),
            (
                "selfheal drill --restore",
                "proves that the last snapshot can be restored",
            ),
        ],
    ),
    (
        "wait",
        &[("selfheal wait --timeout 10m", "until it serves, or ends with 13")],
    ),
    (
        "sleep",
        &[
            ("selfheal sleep --for 3d", "over a long weekend"),
            ("selfheal sleep --until-wake", "whatever the schedule says"),
        ],
    ),
    ("wake", &[("selfheal wake --wait", "returns once it serves")]),
    (
        "config",
        &[
            (
                "selfheal config set DATABASE_URL",
                "asks for the value, without an echo",
            ),
            ("selfheal config list", "names, versions, ages"),
            ("selfheal config diff", "what the instance does not have yet"),
        ],
    ),
    (
        "snapshot",
        &[
            ("selfheal snapshot --wait", "before a risky change"),
            ("selfheal snapshot --instant", "a copy, ready at once"),
        ],
    ),
    ("snapshots", &[("selfheal snapshots", "what there is to go back to")]),
    (
        "restore",
        &[
            ("selfheal restore --from latest", "keeps the volume that was"),
            ("selfheal restore --undo", "goes back to that"),
            ("selfheal restore --from latest --zone eu-west-1b", "into another zone"),
        ],
    ),
    (
        "logs",
        &[
            ("selfheal logs --follow --unit nginx", "one service, as it happens"),
            ("selfheal logs --boot --since 1h", "why a boot failed"),
        ],
    ),
    ("notify", &[("selfheal notify --test", "does a message arrive")]),
    (
        "certificate",
        &[("selfheal certificate", "how long it is valid, when it is renewed")],
    ),
    (
        "shell",
        &[
            ("selfheal shell", "root on the instance"),
            ("selfheal shell -- journalctl -f", "one command, with a terminal"),
        ],
    ),
    (
        "forward",
        &[
            ("selfheal forward 5432", "localhost:5432 is its port 5432"),
            ("selfheal forward 5433:db.internal:5432", "through it to another host"),
        ],
    ),
    (
        "run",
        &[("selfheal run -- df -h", "prints what it prints, ends as it ends")],
    ),
    (
        "doctor",
        &[("selfheal doctor", "before the first apply, and any day after")],
    ),
    ("cost", &[("selfheal cost", "a month, by item")]),
    (
        "policy",
        &[
            ("selfheal policy operator --for apply", "what a pipeline needs"),
            ("selfheal policy instance", "what the instance may do"),
        ],
    ),
    (
        "userdata",
        &[("selfheal userdata --offline", "the boot program, without AWS")],
    ),
    ("schema", &[("selfheal schema", "for editors")]),
    (
        "completions",
        &[("selfheal completions bash", "to be sourced by ~/.bashrc")],
    ),
    (
        "man",
        &[("selfheal man ~/.local/share/man/man1", "for man selfheal-apply")],
    ),
    #[cfg(feature = "sim")]
    ("demo", &[("selfheal demo", "a stack that heals, without an account")]),
];

/// The command line, with the examples of each command.
#[must_use]
pub fn command() -> Command {
    EXAMPLES.iter().fold(Cli::command(), |command, (name, examples)| {
        command.mut_subcommand(name, |command| command.after_help(text(examples)))
    })
}

impl Cli {
    /// Reads the arguments of this process; ends it where they are wrong, or where they ask for help.
    #[must_use]
    pub fn of_process() -> Self {
        let mut command = command();
        let matches = command.get_matches_mut();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
    }
}

/// A line each where it fits into 60 columns, else two.
fn text(examples: Examples) -> String {
    const COLUMNS: usize = 60;
    let wide = examples.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
    let fits = examples.iter().all(|(_, what)| 2 + wide + 2 + what.len() <= COLUMNS);
    let lines = examples.iter().map(|(line, what)| {
        if fits {
            format!("\n  {line:wide$}  {what}")
        } else {
            format!("\n  {line}\n      {what}")
        }
    });
    std::iter::once("Examples:".to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_examples_that_the_command_line_takes() {
        let named: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        for command in Cli::command().get_subcommands() {
            assert!(
                named.contains(&command.get_name()),
                "{} has no examples",
                command.get_name()
            );
        }
        for (name, examples) in EXAMPLES {
            for (line, _) in *examples {
                let words = shlex::split(line).expect("a line of the shell");
                let matches = command()
                    .try_get_matches_from(words)
                    .unwrap_or_else(|error| panic!("{line}: {error}"));
                assert_eq!(matches.subcommand_name(), Some(*name), "{line}");
            }
            assert!(
                text(examples).lines().all(|line| line.len() <= 60),
                "{}",
                text(examples)
            );
        }
    }
}
