//! Repair in place: a restart of the app before the group hears of it.

use std::fs;

use selfheal_userdata::{BootConfig, HealthCheck, HealthFrom, Probe, RenderError, Repair, render};

use crate::support::aws::INSTANCE;
use crate::support::machine::Machine;
use crate::support::{full, mended, told};

const TAG: &str = "selfheal:repairs";

/// A booted stack whose app has just died, how many calls that took, and the file without which the app does not answer.
fn dying(config: &BootConfig) -> (Machine, usize, String) {
    let machine = Machine::new();
    let alive = machine.folder().join("alive");
    fs::write(&alive, "").unwrap();
    let probe = Probe::Command {
        command: format!("test -e {}", alive.display()),
    };
    let health = config.health.clone().map(|health| HealthCheck { probe, ..health });
    machine.boot(
        &BootConfig {
            health,
            ..config.clone()
        },
        0,
    );
    let calls = machine.actions().len();
    fs::remove_file(&alive).unwrap();
    (machine, calls, alive.display().to_string())
}

/// Lets systemctl note what it is told, and a restart do this.
fn on_restart(machine: &Machine, act: &str) {
    let note = machine.folder().join("commands");
    machine.stub(
        "systemctl",
        &format!(
            "echo \"systemctl $*\" >>{}\ncase $1 in\n  show) echo 'app.service nginx.service'; echo app.service ;;\n  \
             restart) {act} ;;\nesac",
            note.display()
        ),
    );
}

fn restarts(machine: &Machine) -> usize {
    let commands = machine.commands();
    commands
        .iter()
        .filter(|line| *line == "systemctl restart selfheal-app.target")
        .count()
}

fn tag(machine: &Machine) -> Option<String> {
    machine.aws.state().tags.get(TAG).cloned()
}

#[test]
fn app_that_a_restart_mends_stays_and_is_counted() {
    let (machine, calls, alive) = dying(&mended());
    on_restart(&machine, &format!(": >{alive}"));
    machine.again("watchdog", 0);
    assert_eq!(restarts(&machine), 0, "one failure is none");
    let text = machine.again("watchdog", 0);
    assert!(text.contains("repaired in place after "), "{text}");
    assert_eq!(machine.actions()[calls..], ["DescribeTags", "CreateOrUpdateTags"]);
    let noted = tag(&machine).unwrap();
    let words: Vec<&str> = noted.splitn(5, ' ').collect();
    assert_eq!((words[0], words[3]), ("1", INSTANCE), "{noted}");
    assert_eq!(words[4], "the app failed 2 probes in a row");
    assert!(words[1].parse::<u32>().unwrap() < 60, "{noted}");
    let commands = machine.commands();
    assert!(commands.contains(&"systemctl reset-failed app.service nginx.service".to_owned()));
    assert!(
        machine.root().join("srv/data/.selfheal/answer").exists(),
        "the volume was asked"
    );
    // It is well, and nothing more is told.
    machine.again("watchdog", 0);
    assert_eq!(machine.actions().len(), calls + 2);
}

#[test]
fn app_that_fails_again_soon_is_replaced_and_later_repaired_again() {
    let (machine, calls, alive) = dying(&mended());
    on_restart(&machine, &format!(": >{alive}"));
    (0..2).for_each(|_| drop(machine.again("watchdog", 0)));
    // Within ten times the threshold of looks: a second restart would be one of many.
    fs::remove_file(&alive).unwrap();
    (0..2).for_each(|_| drop(machine.again("watchdog", 0)));
    let reported = ["DescribeTags", "CreateOrUpdateTags", "SetInstanceHealth"];
    assert_eq!(machine.actions()[calls + 2..], reported);
    assert_eq!(restarts(&machine), 1);
    // After them it has stayed well, and may be mended once more.
    fs::write(&alive, "").unwrap();
    (0..20).for_each(|_| drop(machine.again("watchdog", 0)));
    fs::remove_file(&alive).unwrap();
    (0..2).for_each(|_| drop(machine.again("watchdog", 0)));
    assert_eq!(restarts(&machine), 2);
    // It is tried once a look, and on a busy machine the first may be in vain.
    let told = || tag(&machine).is_some_and(|tag| tag.starts_with("2 "));
    for _ in 0..5 {
        if !told() {
            machine.again("watchdog", 0);
        }
    }
    assert!(told(), "{:?}", tag(&machine));
}

#[test]
fn restart_that_does_not_help_is_followed_by_a_report_at_the_next_probe() {
    let (machine, calls, _) = dying(&mended());
    on_restart(&machine, ":");
    machine.again("watchdog", 0);
    let text = machine.again("watchdog", 0);
    assert!(text.contains("the restart has not mended the app"), "{text}");
    assert_eq!(machine.actions()[calls..], [""; 0]);
    machine.again("watchdog", 0);
    let reported = ["DescribeTags", "CreateOrUpdateTags", "SetInstanceHealth"];
    assert_eq!(machine.actions()[calls..], reported);
    assert_eq!((restarts(&machine), tag(&machine)), (1, None));
}

#[test]
fn volume_that_is_gone_or_takes_nothing_gets_no_restart() {
    for gone in [true, false] {
        let (machine, calls, alive) = dying(&mended());
        on_restart(&machine, &format!(": >{alive}"));
        if gone {
            fs::remove_dir_all(machine.root().join("sys/class/nvme/nvme1")).unwrap();
        } else {
            machine.set_program("\nanswer_s_max=10\n", "\nanswer_s_max=1\n");
            machine.stub("sync", "exec /bin/sleep 20");
        }
        machine.again("watchdog", 0);
        let text = machine.again("watchdog", 0);
        assert!(text.contains("the volume takes nothing"), "{text}");
        let reported = ["DescribeTags", "CreateOrUpdateTags", "SetInstanceHealth"];
        assert_eq!(machine.actions()[calls..], reported, "gone: {gone}");
        assert_eq!(restarts(&machine), 0);
    }
}

#[test]
fn nothing_is_restarted_while_the_instance_ends() {
    let (machine, calls, alive) = dying(&mended());
    on_restart(&machine, &format!(": >{alive}"));
    machine.aws.metadata("autoscaling/target-lifecycle-state", "Terminated");
    (0..4).for_each(|_| drop(machine.again("watchdog", 0)));
    assert_eq!((restarts(&machine), machine.actions().len()), (0, calls));
}

#[test]
fn repair_that_could_not_be_counted_is_counted_with_a_later_look() {
    let (machine, _, alive) = dying(&mended());
    on_restart(&machine, &format!(": >{alive}"));
    let away = (503, "ServiceUnavailable", "away");
    machine.aws.fail("DescribeTags", &[away, away]);
    (0..3).for_each(|_| drop(machine.again("watchdog", 0)));
    assert_eq!(tag(&machine), None);
    machine.again("watchdog", 0);
    assert!(tag(&machine).unwrap().starts_with("1 "), "{:?}", tag(&machine));
    machine.again("watchdog", 0);
    assert!(tag(&machine).unwrap().starts_with("1 "), "{:?}", tag(&machine));
}

#[test]
fn repair_is_told_to_whoever_is_told() {
    let (machine, calls, alive) = dying(&BootConfig {
        notify: told().notify,
        ..mended()
    });
    on_restart(&machine, &format!(": >{alive}"));
    (0..2).for_each(|_| drop(machine.again("watchdog", 0)));
    let expected = ["Publish", "DescribeTags", "CreateOrUpdateTags"];
    assert_eq!(machine.actions()[calls..], expected);
    let message = machine.last("Publish");
    let subject = &message["Subject"];
    assert!(subject.starts_with("web: repaired in place after "), "{subject}");
    assert!(message["Message"].contains("the instance stays"), "{message:?}");
}

#[test]
fn repair_needs_somebody_on_the_instance_who_asks_the_app() {
    let health = full().health.map(|health| HealthCheck {
        from: HealthFrom::Aws,
        ..health
    });
    for health in [None, health] {
        let config = BootConfig {
            health,
            repair: Repair {
                restart: true,
                ..Repair::default()
            },
            ..full()
        };
        let refused = render(&config).unwrap_err();
        assert!(
            matches!(
                refused,
                RenderError::Invalid {
                    field: "repair.restart",
                    ..
                }
            ),
            "{refused}"
        );
    }
}

#[test]
fn app_of_an_instance_that_has_let_go_is_not_started_again() {
    let (machine, _, alive) = dying(&mended());
    on_restart(&machine, &format!("touch {alive}"));
    fs::write(machine.root().join("run/selfheal/serving"), "").unwrap();
    (0..4).for_each(|_| drop(machine.again("watchdog", 0)));
    assert_eq!(restarts(&machine), 0);
}

#[test]
fn app_of_no_units_is_reported_at_once() {
    let (machine, calls, _) = dying(&mended());
    machine.stub("systemctl", "echo \"systemctl $*\" >>\"${0%/*}/../commands\"");
    let text = (0..2).fold(String::new(), |_, _| machine.again("watchdog", 0));
    let reported = ["DescribeTags", "CreateOrUpdateTags", "SetInstanceHealth"];
    assert_eq!(machine.actions()[calls..], reported, "{text}");
    assert_eq!(restarts(&machine), 0);
}

/// A stack that reboots where a restart has not helped.
fn rebooting() -> BootConfig {
    BootConfig {
        repair: Repair {
            reboot: true,
            ..mended().repair
        },
        ..mended()
    }
}

fn reboots(machine: &Machine) -> usize {
    let commands = machine.commands();
    commands.iter().filter(|line| *line == "systemctl reboot").count()
}

/// What is left over a reboot: everything but what is below `/run`.
fn start_again(machine: &Machine) {
    let run = machine.root().join("run/selfheal");
    for name in ["probes", "repaired", "repairs", "counted", "serving"] {
        let _ = fs::remove_file(run.join(name));
    }
    machine.stub("systemctl", "[[ $1 != show ]] || echo LoadState=loaded");
    machine.again("boot", 0);
    on_restart(machine, ":");
}

#[test]
fn app_that_no_restart_mends_is_rebooted_once_an_hour_and_counted() {
    let (machine, calls, alive) = dying(&rebooting());
    on_restart(&machine, ":");
    let text = (0..3).fold(String::new(), |_, _| machine.again("watchdog", 0));
    assert!(text.contains("rebooting: the app failed 2 probes"), "{text}");
    assert_eq!((restarts(&machine), reboots(&machine)), (1, 1));
    assert_eq!(
        machine.actions()[calls..],
        [""; 0],
        "nobody is told before it has helped"
    );
    fs::write(&alive, "").unwrap();
    start_again(&machine);
    let calls = machine.actions().len();
    let text = machine.again("watchdog", 0);
    assert!(text.contains("repaired in place after "), "{text}");
    assert_eq!(machine.actions()[calls..], ["DescribeTags", "CreateOrUpdateTags"]);
    let noted = tag(&machine).unwrap();
    assert!(noted.ends_with("probes in a row and a reboot helped"), "{noted}");
    machine.again("watchdog", 0);
    assert_eq!(machine.actions().len(), calls + 2, "it is counted once");
    // Within the hour the next one is reported.
    fs::remove_file(&alive).unwrap();
    (0..3).for_each(|_| drop(machine.again("watchdog", 0)));
    assert_eq!(reboots(&machine), 1);
    assert_eq!(machine.actions().last().unwrap(), "SetInstanceHealth");
    // And after it not.
    fs::write(&alive, "").unwrap();
    start_again(&machine);
    fs::write(machine.root().join("var/lib/selfheal/rebooted"), "1000000000\n").unwrap();
    fs::remove_file(&alive).unwrap();
    (0..3).for_each(|_| drop(machine.again("watchdog", 0)));
    assert_eq!(reboots(&machine), 2);
}

#[test]
fn machine_is_not_rebooted_on_a_volume_that_takes_nothing_or_where_it_is_not_to() {
    let (machine, calls, _) = dying(&rebooting());
    on_restart(&machine, ":");
    machine.set_program("\nanswer_s_max=10\n", "\nanswer_s_max=1\n");
    machine.stub("sync", "exec /bin/sleep 20");
    let text = (0..2).fold(String::new(), |_, _| machine.again("watchdog", 0));
    let reported = ["DescribeTags", "CreateOrUpdateTags", "SetInstanceHealth"];
    assert_eq!(machine.actions()[calls..], reported, "{text}");
    assert!(text.contains("the machine is not rebooted"), "{text}");
    assert_eq!(reboots(&machine), 0);
    let (machine, _, _) = dying(&mended());
    on_restart(&machine, ":");
    (0..6).for_each(|_| drop(machine.again("watchdog", 0)));
    assert_eq!(reboots(&machine), 0);
}

#[test]
fn reboot_comes_after_a_restart() {
    let repair = Repair {
        reboot: true,
        ..Repair::default()
    };
    let refused = render(&BootConfig { repair, ..full() }).unwrap_err();
    assert!(
        matches!(
            refused,
            RenderError::Invalid {
                field: "repair.reboot",
                ..
            }
        ),
        "{refused}"
    );
}
