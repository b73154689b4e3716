//! The engine of a drill, and its report.

use jiff::{SignedDuration, Timestamp};
use selfheal_core::Observed;
use selfheal_core::drill::{Drill, How, Moment, Outside, Standing, page};
use selfheal_core::plan::plan;
use selfheal_core::spec::{HealthFrom, Spec};
use selfheal_core::world::{Attachment, AttachmentState};

use crate::common::{carry_out, empty_world, probed, serve, web};

const BEGAN: Timestamp = Timestamp::constant(1_767_225_600, 0);
const MARKER: &str = "00112233445566778899aabbccddeeff";

fn at(seconds: i64) -> Timestamp {
    BEGAN + SignedDuration::from_secs(seconds)
}

fn serving(spec: &Spec) -> Observed {
    let mut world = empty_world();
    carry_out(|world| plan(spec, world), &mut world);
    serve(&mut world);
    let id = world.group.as_ref().expect("it is there").instances[0].id.clone();
    for volume in &mut world.volumes {
        volume.attachment = Some(Attachment {
            instance_id: id.clone(),
            state: AttachmentState::Attached,
        });
    }
    world
}

fn begun(spec: &Spec, world: &Observed, how: How) -> Drill {
    Drill::begin(spec, world, how, Some(MARKER.to_owned()), true, BEGAN).expect("it serves")
}

#[test]
fn a_stack_has_healed_once_it_was_silent_and_answers_three_times_in_a_row() {
    let spec = web();
    let world = serving(&spec);
    let mut drill = begun(&spec, &world, How::Reboot);
    assert_eq!(drill.hear(&world, true, at(1)), None, "it has not failed yet");
    assert_eq!(drill.standing(&spec, &world), Standing::Healing);
    assert_eq!(
        drill
            .hear(&world, false, at(2))
            .map(|entry| (entry.what, entry.after_ms)),
        Some((Moment::Silent, 2_000))
    );
    assert_eq!(drill.hear(&world, false, at(3)), None, "once");
    assert_eq!(
        drill.hear(&world, true, at(20)).map(|entry| entry.what),
        Some(Moment::Answering)
    );
    // It starts and falls over.
    drill.hear(&world, false, at(21));
    assert_eq!(
        drill.hear(&world, true, at(30)).map(|entry| entry.after_ms),
        Some(30_000)
    );
    drill.hear(&world, true, at(31));
    assert_eq!(drill.standing(&spec, &world), Standing::Healing);
    drill.hear(&world, true, at(32));
    assert!(matches!(drill.standing(&spec, &world), Standing::Healed(_)));
    let report = drill.end(&spec, &world, Some(Ok(MARKER.to_owned())), at(40));
    assert!(report.passed, "{report:#?}");
    assert_eq!((report.silent_ms, report.healed_ms), (Some(28_000), Some(30_000)));
    assert_eq!(report.to_tag(), "2026-01-01T00:00:00Z reboot passed 30");
}

#[test]
fn an_instance_that_is_to_be_replaced_and_stays_is_no_healing() {
    let spec = web();
    let world = serving(&spec);
    let mut drill = begun(&spec, &world, How::Terminate);
    drill.hear(&world, false, at(2));
    for second in 3..10 {
        drill.hear(&world, true, at(second));
    }
    drill.look(&spec, &world, at(10));
    assert_eq!(drill.standing(&spec, &world), Standing::Healing);
    let report = drill.end(&spec, &world, None, at(11));
    assert!(!report.passed && report.instance_after.is_none());
    assert!(report.to_tag().ends_with(" terminate failed"), "{}", report.to_tag());
}

#[test]
fn what_is_not_as_it_was_fails() {
    // A name that leads elsewhere is another failure.
    let spec = Spec { dns: None, ..web() };
    let world = serving(&spec);
    let ended = |change: fn(&mut Observed), marker: &str| {
        let mut after = world.clone();
        change(&mut after);
        let mut drill = begun(&spec, &world, How::Reboot);
        drill.hear(&after, false, at(1));
        (2..5).for_each(|second| drop(drill.hear(&after, true, at(second))));
        drill.end(&spec, &after, Some(Ok(marker.to_owned())), at(6))
    };
    let failed = |change, marker| -> Vec<String> {
        let report = ended(change, marker);
        report
            .checks
            .into_iter()
            .filter(|it| !it.holds)
            .map(|it| it.what)
            .collect()
    };
    assert_eq!(failed(|_| {}, MARKER), [""; 0]);
    assert_eq!(failed(|_| {}, "another"), ["the marker on it is the same"]);
    let address = |world: &mut Observed| world.addresses[0].public_ip = "192.0.2.99".to_owned();
    assert_eq!(failed(address, MARKER), ["the address is the same"]);
    let counted = |world: &mut Observed| {
        let group = world.group.as_mut().expect("it is there");
        group.tags.insert("selfheal:failed-boots".to_owned(), "1".to_owned());
    };
    assert_eq!(failed(counted, MARKER), ["the breaker is untouched"]);
}

#[test]
fn what_is_asked_from_outside_is_what_the_stack_offers() {
    let http = probed(HealthFrom::Instance);
    let Some(Outside::Http { port, path }) = Outside::of(&http) else {
        panic!("it has a page")
    };
    assert_eq!((port, path.is_empty()), (80, false));
    assert_eq!(Outside::of(&web()), None);
}

#[test]
fn the_page_needs_nothing_else_and_takes_no_text_for_its_own() {
    let spec = web();
    let world = serving(&spec);
    let mut drill = begun(&spec, &world, How::Hang);
    drill.hear(&world, false, at(1));
    let report = drill.end(
        &spec,
        &world,
        Some(Err("<script>alert('1')</script> & \"so\"".to_owned())),
        at(2),
    );
    let html = page(&report);
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    for part in [
        "<svg",
        "is made to fail",
        "does not answer",
        "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;so&quot;",
        "does not hold",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    for foreign in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!html.contains(foreign), "{foreign}");
    }
}
