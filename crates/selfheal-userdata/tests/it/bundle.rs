//! What does not fit into user data is fetched from Parameter Store, or the boot says why not.

use std::fs;
use std::thread;
use std::time::Duration;

use selfheal_userdata::{
    BUNDLE_CHUNKS_MAX, BUNDLE_MAX_BYTES, BootConfig, BootExit, ReadError, RenderError, USER_DATA_MAX_BYTES, read,
    read_with_bundle, render, unbundle,
};

use crate::support::machine::{Machine, text};
use crate::support::{bundled, everything, full, noise};

/// The last line that says why a boot failed.
fn reason(output: &str) -> &str {
    output.lines().rfind(|line| line.contains("failed: ")).unwrap_or(output)
}

fn fetches(machine: &Machine) -> usize {
    let actions = machine.actions();
    actions.iter().filter(|action| *action == "GetParametersByPath").count()
}

#[test]
fn what_fits_makes_no_call() {
    let user_data = render(&full()).unwrap();
    assert_eq!(user_data.bundle(), None);
    let machine = Machine::new();
    machine.boot(&full(), 0);
    assert_eq!(fetches(&machine), 0);
}

#[test]
fn a_setup_script_that_does_not_fit_runs_and_the_next_boot_has_it() {
    let user_data = render(&bundled()).unwrap();
    let bundle = user_data.bundle().unwrap();
    assert!(bundle.chunks().len() > 3, "{}", bundle.chunks().len());
    assert!(bundle.chunks().iter().all(|chunk| chunk.len() <= 4_096));
    let machine = Machine::new();
    machine.boot(&bundled(), 0);
    let log = machine.root().join("var/log/selfheal/setup.log");
    assert_eq!(fs::read_to_string(&log).unwrap(), "set up web\n");
    let calls = fetches(&machine);
    assert!(calls > 2, "every page, also behind an empty one: {calls}");
    // A reboot in an outage of Parameter Store.
    machine.aws.state().parameters.clear();
    machine.again("boot", 0);
    assert_eq!(fetches(&machine), calls);
    machine.again("watchdog", 0);
}

#[test]
fn a_copy_that_was_lost_is_fetched_again() {
    let machine = Machine::new();
    machine.boot(&bundled(), 0);
    let calls = fetches(&machine);
    fs::remove_file(machine.root().join("usr/local/lib/selfheal/parts")).unwrap();
    machine.again("boot", 0);
    assert!(fetches(&machine) > calls);
}

#[test]
fn another_bundle_takes_the_place_of_the_one_before() {
    let machine = Machine::new();
    machine.boot(&bundled(), 0);
    let mut config = bundled();
    config.setup.as_mut().unwrap().extend(b"\n# changed");
    machine.install(&config);
    machine.again("boot", 0);
    let setup = fs::read(machine.root().join("etc/selfheal/setup")).unwrap();
    assert_eq!(Some(setup), config.setup);
}

/// What happens to the parameters of a machine's stack.
type Damage<'a> = &'a dyn Fn(&Machine);

#[test]
fn a_lost_torn_or_foreign_part_is_named_and_nothing_of_it_runs() {
    let bundle = render(&bundled()).unwrap().bundle().unwrap().clone();
    let name = |place: usize| format!("/selfheal/web/bundle/{}/{place:02}", bundle.digest());
    let other = render(&BootConfig {
        setup: Some(noise(31_000)),
        ..full()
    });
    let other = other.unwrap().bundle().unwrap().clone();
    let damages: [(&str, Damage<'_>); 6] = [
        ("lacks its part 2 of ", &|machine| {
            machine.aws.state().parameters.remove(&name(2)).unwrap();
        }),
        ("lacks its part 3 of ", &|machine| {
            machine.aws.state().parameters.get_mut(&name(3)).unwrap().truncate(3);
        }),
        ("lacks its part 1 of ", &|machine| {
            machine.aws.state().parameters.insert(name(1), "01:x:y".to_owned());
        }),
        ("is not there", &|machine| machine.aws.state().parameters.clear()),
        ("is damaged in its part 1 of ", &|machine| {
            machine.aws.state().parameters.get_mut(&name(1)).unwrap().truncate(100);
        }),
        ("is another one: its content is ", &|machine| {
            for (place, chunk) in other.chunks().iter().enumerate() {
                machine.aws.state().parameters.insert(name(place), chunk.clone());
            }
        }),
    ];
    for (expected, damage) in damages {
        let machine = Machine::new();
        machine.install_with(&bundled(), &[("stale_s_max", 1)]);
        damage(&machine);
        let output = machine.again("boot", BootExit::Bundle.code().into());
        assert!(reason(&output).contains(expected), "{expected}: {}", reason(&output));
        assert!(reason(&output).contains(bundle.digest()));
        assert!(!machine.root().join("etc/selfheal/setup").exists());
        assert!(!machine.actions().contains(&"AttachVolume".to_owned()));
        assert!(machine.actions().contains(&"CompleteLifecycleAction".to_owned()));
    }
}

#[test]
fn what_was_just_written_is_waited_for_and_throttling_is_no_failure() {
    let machine = Machine::new();
    machine.install(&bundled());
    machine.aws.fail(
        "GetParametersByPath",
        &[
            (400, "ThrottlingException", "Rate exceeded"),
            (500, "InternalServerError", ""),
        ],
    );
    machine.again("boot", 0);
}

#[test]
fn a_denied_call_says_so() {
    let machine = Machine::new();
    machine.install_with(&bundled(), &[("denied_s_max", 0), ("stale_s_max", 0)]);
    let denied = [(400, "AccessDeniedException", "not authorized"); 9];
    machine.aws.fail("GetParametersByPath", &denied);
    let output = machine.again("boot", BootExit::Bundle.code().into());
    let expected = "cannot be read: GetParametersByPath refused with AccessDeniedException: not authorized";
    assert!(reason(&output).contains(expected), "{}", reason(&output));
}

#[test]
fn python_signs_for_it_as_well() {
    let machine = Machine::new();
    machine.install(&bundled());
    fs::write(machine.root().join("var/lib/selfheal/signer"), "/usr/bin/python3\n").unwrap();
    machine.again("boot", 0);
    assert!(fetches(&machine) > 2);
}

#[test]
fn a_bundle_is_read_back_and_only_the_one_that_is_named() {
    let config = bundled();
    let user_data = render(&config).unwrap();
    let bundle = user_data.bundle().unwrap();
    let script = user_data.script().as_bytes();
    let mut chunks: Vec<&str> = bundle.chunks().iter().map(String::as_str).collect();
    chunks.reverse();
    assert_eq!(read_with_bundle(script, &chunks), Ok(config));
    let missing = Err(ReadError::Bundled {
        digest: bundle.digest().to_owned(),
    });
    assert_eq!(read(script), missing);
    assert_eq!(read_with_bundle(script, &chunks[1..]), missing);
    assert_eq!(unbundle(&"0".repeat(64), chunks), None);
}

#[test]
fn a_bundle_that_is_too_large_says_by_how_much() {
    let error = render(&BootConfig {
        setup: Some(noise(300_000)),
        ..full()
    });
    let Err(RenderError::BundleTooLarge { size, limit }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(limit, BUNDLE_MAX_BYTES);
    assert_eq!(BUNDLE_MAX_BYTES, BUNDLE_CHUNKS_MAX * 3_000);
    assert!(size > limit);
}

/// The watch begins beside the boot: what it is made of comes with the bundle, and not with an older one of an image.
#[test]
fn a_watch_that_begins_without_the_parts_gives_back_what_the_boot_takes() {
    let mut config = bundled();
    let machine = Machine::new();
    machine.boot(&config, 0);
    config.setup.as_mut().unwrap().extend(b"\n# changed");
    machine.install(&config);
    thread::scope(|scope| {
        let watch = scope.spawn(|| machine.program("watch"));
        thread::sleep(Duration::from_secs(1));
        machine.again("boot", 0);
        machine.aws.metadata("autoscaling/target-lifecycle-state", "Terminated");
        let output = watch.join().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    });
    assert!(
        machine.actions().contains(&"DetachVolume".to_owned()),
        "{:?}",
        machine.actions()
    );
}

/// What is the user's own goes into the bundle, so that its size changes nothing.
#[test]
fn user_data_that_names_a_bundle_is_small() {
    for setup in [1_000, 30_000] {
        let user_data = render(&everything(setup)).unwrap();
        let size = user_data.bytes().len();
        println!("{size} bytes");
        assert!(user_data.bundle().is_some());
        assert!(size <= 12 * 1024, "{size}");
    }
}

/// Near the limit, whether there is a bundle does not hang on ids: a first plan does not know them.
#[test]
fn ids_do_not_decide_whether_there_is_a_bundle() {
    let mut seen = [false; 2];
    for length in (500..5_000).step_by(30) {
        let mut config = BootConfig {
            setup: Some(noise(length)),
            ..full()
        };
        let known = render(&config).unwrap();
        config.allocation_id = "eipalloc-00000000000000000".into();
        let placeholder = render(&config).unwrap();
        assert_eq!(known.bundle().is_some(), placeholder.bundle().is_some(), "{length}");
        assert!(known.bytes().len() <= USER_DATA_MAX_BYTES);
        seen[usize::from(known.bundle().is_some())] = true;
    }
    assert_eq!(seen, [true, true], "both sides of the limit were tried");
}
