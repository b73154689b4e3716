//! The section `[schedule]`: what is accepted, what is refused and why, and when it acts.

use jiff::Timestamp;
use selfheal_core::spec::{ClockChange, Recurrence, ScheduleSpec, SpecFile, Turn, Zone};

const HEAD: &str = "name = \"web\"\nregion = \"eu-west-1\"\n[instance]\ntype = \"t4g.small\"\nimage = \"al2023-arm64\"\n\
                    ingress = []\n[schedule]\n";

fn schedule(stop: &str, start: &str, timezone: &str) -> Result<ScheduleSpec, String> {
    let text = format!("{HEAD}stop = \"{stop}\"\nstart = \"{start}\"\ntimezone = \"{timezone}\"\n");
    let file = SpecFile::parse(&text).map_err(|errors| errors.to_string())?;
    let spec = file.into_spec(None).map_err(|errors| errors.to_string())?;
    let again = SpecFile::parse(&spec.to_toml()).expect("what it renders is sound");
    assert_eq!(again.into_spec(None).expect("no script"), spec);
    Ok(spec.schedule.expect("the section is there"))
}

fn sound(stop: &str, start: &str, timezone: &str) -> ScheduleSpec {
    schedule(stop, start, timezone).expect("a sound schedule")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn shown(schedule: &ScheduleSpec, after: &str, count: usize) -> Vec<String> {
    let zone = schedule.zone();
    let next = schedule.next(at(after), count).into_iter();
    next.map(|(turn, time)| format!("{} {}", turn.as_str(), zone.show(time.at)))
        .collect()
}

#[test]
fn what_aws_would_not_take_or_not_mean_is_refused_with_the_reason() {
    let refused = |stop: &str| {
        let errors = schedule(stop, "0 8 * * 1-5", "Europe/Paris").expect_err(stop);
        assert!(errors.contains("schedule.stop"), "{errors}");
        errors
    };
    assert!(refused("0 0 20 * * 1-5").contains("6 fields: there is none for seconds"));
    assert!(refused("20 * * 1-5").contains("4 fields"));
    assert!(refused("0 20 * * MON-FRI").contains("a name for the day of the week"));
    assert!(refused("0 20 * JAN *").contains("a name for the month"));
    assert!(refused("0 20 L * *").contains("a name for the day of the month"));
    assert!(refused("@daily").contains("nickname"));
    assert!(refused("0 20 ? * 1-5").contains("something else than a time"));
    assert!(refused("0 20 * * 7").contains("0 for Sunday"));
    assert!(refused("0 20 1 * 1-5").contains("a day of the month and a day of the week"));
    assert!(refused("0 24 * * *").contains("is no time"));
    assert!(refused("60 20 * * *").contains("is no time"));
    assert!(refused("0 20 30 2 *").contains("no year has"));
    assert!(refused("").contains("0 fields"));
    let zone = |name: &str| schedule("0 20 * * 1-5", "0 8 * * 1-5", name).expect_err(name);
    assert!(
        zone("Europe/Pariss").contains("Europe/Paris"),
        "{}",
        zone("Europe/Pariss")
    );
    assert!(zone("europe/paris").contains("Europe/Paris"));
    assert!(zone("CEST").contains("schedule.timezone"));
    assert!(zone("").contains("schedule.timezone"));
}

#[test]
fn a_stop_and_a_start_of_one_time_are_refused_however_they_are_written() {
    let refused = |stop: &str, start: &str| schedule(stop, start, "Europe/Paris").expect_err(start);
    assert!(refused("0 8 * * 1-5", "0  8 * * 1-5").contains("the same time as `schedule.stop`"));
    assert!(refused("0 20 * * 5", "0,30 20 1 * *").contains("meets `schedule.stop`"));
    assert!(refused("*/15 20 * * *", "30 18-20 * 6 *").contains("meets"));
    // Never the same minute of the same day.
    sound("0 20 * * 1-4", "0 20 * * 0,6", "Europe/Paris");
    sound("0 20 1-10 * *", "0 20 11-31 * *", "Europe/Paris");
    sound("0 20 * 1 *", "0 20 * 7 *", "Europe/Paris");
}

#[test]
fn every_key_is_required() {
    let errors = SpecFile::parse(HEAD).expect_err("nothing is there").to_string();
    for key in ["schedule.stop", "schedule.start", "schedule.timezone"] {
        assert!(errors.contains(key), "{errors}");
    }
}

#[test]
fn the_next_times_follow_the_clock_on_the_wall() {
    let paris = sound("0 20 * * 1-5", "0 8 * * 1-5", "Europe/Paris");
    // Friday evening, before the clocks are set forward.
    assert_eq!(
        shown(&paris, "2026-03-27T12:00:00Z", 3),
        [
            "stop Fri 2026-03-27 20:00 +01:00",
            "start Mon 2026-03-30 08:00 +02:00",
            "stop Mon 2026-03-30 20:00 +02:00",
        ]
    );
    // What is at this very instant is over.
    assert_eq!(
        shown(&paris, "2026-10-23T18:00:00Z", 2),
        ["start Mon 2026-10-26 08:00 +01:00", "stop Mon 2026-10-26 20:00 +01:00"]
    );
    assert_eq!(paris.last(at("2026-10-23T17:59:59Z")), Some(Turn::Start));
    assert_eq!(paris.last(at("2026-10-23T18:00:00Z")), Some(Turn::Stop));
    assert_eq!(paris.last(at("2026-10-26T07:00:00Z")), Some(Turn::Start));
    let new_york = sound("30 22 * * *", "15 6 * * *", "America/New_York");
    assert_eq!(
        shown(&new_york, "2026-11-01T00:00:00Z", 2),
        ["stop Sat 2026-10-31 22:30 -04:00", "start Sun 2026-11-01 06:15 -05:00"]
    );
}

#[test]
fn times_that_a_change_of_clocks_skips_or_repeats_are_found() {
    let doubtful = |stop: &str, zone: &str| {
        let unsteady = sound(stop, "0 8 * * *", zone).unsteady(at("2026-01-01T00:00:00Z"));
        let each = unsteady
            .into_iter()
            .map(|(turn, time)| (turn, time.wall.to_string(), time.clock));
        each.collect::<Vec<_>>()
    };
    let stop = |wall: &str, clock| (Turn::Stop, wall.to_owned(), clock);
    assert_eq!(
        doubtful("30 2 * * *", "Europe/Paris"),
        [
            stop("2026-03-29T02:30:00", ClockChange::Skipped),
            stop("2026-10-25T02:30:00", ClockChange::Repeated)
        ]
    );
    assert_eq!(doubtful("30 2 * * 1-5", "Europe/Paris"), []);
    assert_eq!(doubtful("0 3 * * *", "Europe/Paris"), []);
    assert_eq!(doubtful("30 1 * * *", "America/New_York").len(), 1);
    assert_eq!(
        doubtful("15 2 * * *", "Australia/Lord_Howe"),
        [stop("2026-10-04T02:15:00", ClockChange::Skipped)]
    );
    assert_eq!(doubtful("30 2 * * *", "Asia/Tokyo"), []);
}

#[test]
fn a_time_that_the_clock_skips_is_not_lost_from_the_order() {
    let zone = Zone::named("Europe/Paris").expect("it is known");
    let recurrence: Recurrence = "30 2 * * *".parse().expect("a recurrence");
    // At 03:10, when 02:30 would have been twenty minutes before its place after the change.
    let next = recurrence.next(&zone, at("2026-03-29T01:10:00Z"), 2);
    assert_eq!(next[0].at, at("2026-03-29T01:30:00Z"));
    assert_eq!(
        (next[0].clock, next[1].at),
        (ClockChange::Skipped, at("2026-03-30T00:30:00Z"))
    );
    assert_eq!(
        recurrence.last(&zone, at("2026-03-29T01:10:00Z")).expect("one").at,
        at("2026-03-28T01:30:00Z")
    );
}
