//! The user's own units: tied to the app's target, and asked for before anybody is sent to the instance.

use std::fs;

use selfheal_userdata::{BootConfig, BootExit, RenderError, render};

use crate::support::machine::Machine;
use crate::support::{bare, full};

fn with(units: &[&str]) -> BootConfig {
    BootConfig {
        units: units.iter().map(|unit| (*unit).to_owned()).collect(),
        ..full()
    }
}

fn unit_file(machine: &Machine, name: &str) -> String {
    fs::read_to_string(machine.root().join("etc/systemd/system").join(name)).unwrap()
}

#[test]
fn units_start_with_the_target_and_stop_before_the_volume_leaves() {
    let machine = Machine::new();
    machine.boot(&with(&["app.service", "worker@1.service"]), 0);
    let target = unit_file(&machine, "selfheal-app.target");
    assert!(target.ends_with("\nWants=app.service worker@1.service\n"), "{target}");
    let drop_in = "[Unit]\n\
                   PartOf=selfheal-app.target\n\
                   Requires=selfheal-boot.service srv-data.mount\n\
                   After=selfheal-boot.service srv-data.mount\n";
    assert_eq!(unit_file(&machine, "app.service.d/selfheal.conf"), drop_in);
    assert_eq!(unit_file(&machine, "worker@1.service.d/selfheal.conf"), drop_in);
    let commands = machine.commands();
    let place = |command: &str| commands.iter().position(|line| line == command);
    // What an image has started goes before the boot; what the setup has brought is there before it is asked for.
    let held = place("systemctl stop app.service worker@1.service");
    assert!(held.is_some() && held < place("systemctl restart --no-block selfheal-boot.service"));
    let asked = place("systemctl show --property LoadState worker@1.service");
    assert!(asked.is_some() && asked < place("systemctl start --no-block selfheal-app.target"));
}

#[test]
fn what_a_timer_starts_goes_with_it_and_what_comes_before_the_boot_does_not_wait_for_itself() {
    let machine = Machine::new();
    let config = BootConfig {
        data: None,
        ..with(&["backup.timer", "app.socket", "app.service"])
    };
    machine.boot(&config, 0);
    let required = "[Unit]\n\
                    PartOf=selfheal-app.target\n\
                    Requires=selfheal-boot.service\n\
                    After=selfheal-boot.service\n";
    for service in ["backup.timer", "backup.service", "app.service"] {
        let drop_in = unit_file(&machine, &format!("{service}.d/selfheal.conf"));
        assert_eq!(drop_in, required, "{service}");
    }
    let early = "DefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target\n";
    assert_eq!(
        unit_file(&machine, "app.socket.d/selfheal.conf"),
        format!("{required}{early}")
    );
    // It is started by its timer, not by the target.
    let target = unit_file(&machine, "selfheal-app.target");
    assert!(
        target.ends_with("\nWants=backup.timer app.socket app.service\n"),
        "{target}"
    );
}

#[test]
fn a_unit_that_systemd_cannot_start_fails_the_boot_by_its_name() {
    for state in ["not-found", "masked", "bad-setting", ""] {
        let machine = Machine::new();
        fs::write(machine.root().join("load-state-worker.service"), state).unwrap();
        let output = machine.boot(&with(&["app.service", "worker.service"]), BootExit::Units.code().into());
        let said = if state.is_empty() { "no answer" } else { state };
        let expected = format!("failed: systemd cannot start the app's unit worker.service: {said} (exit 27)");
        assert!(output.contains(&expected), "{output}");
        assert!(
            !machine
                .commands()
                .iter()
                .any(|line| line.contains("start --no-block selfheal-app"))
        );
        assert!(
            !machine.actions().contains(&"AssociateAddress".to_owned()),
            "before service"
        );
    }
}

#[test]
fn a_stack_without_units_is_rendered_as_before() {
    let script = render(&bare()).unwrap().script().to_owned();
    for part in [
        "\nunits=(",
        "\nWants=app",
        "service.d/selfheal.conf",
        "require_units",
        "\nsystemctl stop ",
    ] {
        assert!(!script.contains(part), "{part}");
    }
}

#[test]
fn names_that_cannot_be_are_refused() {
    let many: Vec<String> = (0..21).map(|number| format!("a{number}.service")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for units in [
        &["app"][..],
        &["selfheal-boot.service"],
        &["a.service", "a.service"],
        &many,
    ] {
        match render(&with(units)).unwrap_err() {
            RenderError::Invalid { field, .. } => assert_eq!(field, "units", "{units:?}"),
            other => panic!("{units:?}: {other}"),
        }
    }
}
