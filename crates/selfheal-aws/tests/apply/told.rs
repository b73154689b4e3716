//! S16 finds the bugs that were planted for it: an instance that keeps silent, repeats itself, or tells what did not happen.

use std::time::Duration;

use selfheal_aws::sim::Sim;
use selfheal_aws::{AutoScaling, CallResult, Sns};
use selfheal_core::names::{TAG_FAILED_BOOTS, TAG_LAST_ERROR, Tags};
use selfheal_core::spec::{NotifySpec, NotifyTo, Spec};
use selfheal_core::world::{InstanceId, VolumeId};

use crate::support::{applied_as, even, serving, web};

const GROUP: &str = "selfheal-web";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A stack that tells a topic, at rest: its instance, its data volume and the topic's ARN.
fn telling(seed: u64) -> (Sim, InstanceId, VolumeId, String) {
    let notify = NotifySpec {
        to: NotifyTo::Own {
            emails: vec!["ops@example.com".to_owned()],
            webhook: None,
        },
        disk_percent: NotifySpec::DISK_PERCENT_DEFAULT,
        terminations: false,
    };
    let spec = Spec {
        notify: Some(notify),
        ..web()
    };
    let sim = applied_as(even(seed), &spec);
    sim.advance(HOUR);
    let (id, _, volume) = serving(&sim).expect("it serves");
    let topic = sim.inspect(|world| format!("arn:aws:sns:eu-west-1:{}:{GROUP}", world.config.account));
    (sim, id, volume, topic)
}

/// Makes an operator's call.
fn on<T>(sim: &Sim, call: impl Future<Output = CallResult<T>>) -> T {
    sim.block_on(call).expect("it ends").expect("it is allowed")
}

fn told(sim: &Sim) -> Vec<String> {
    let violations = sim.violations();
    violations.iter().map(ToString::to_string).collect()
}

/// What an instance writes down that counts a failure.
fn failure() -> Tags {
    Tags::from([
        (TAG_FAILED_BOOTS.to_owned(), "1".to_owned()),
        (TAG_LAST_ERROR.to_owned(), "no such disk".to_owned()),
    ])
}

#[test]
fn s16_an_instance_that_counts_a_failure_and_keeps_silent_is_told() {
    let (sim, id, ..) = telling(60);
    let me = sim.as_instance(&id);
    me.set_group_tags(GROUP, &failure()).expect("it is allowed");
    sim.advance(4 * MINUTE);
    assert!(told(&sim).is_empty(), "its watch may still tell: {:?}", told(&sim));
    sim.advance(2 * MINUTE);
    assert_eq!(told(&sim), [format!("S16: that {id} failed was not told")]);
}

#[test]
fn s16_an_instance_that_ends_without_a_word_is_told_and_one_whose_power_is_cut_is_not() {
    for (minutes, silent) in [(0, false), (1, true)] {
        let (sim, id, ..) = telling(61);
        let me = sim.as_instance(&id);
        me.set_group_tags(GROUP, &failure()).expect("it is allowed");
        sim.advance(minutes * MINUTE);
        assert!(sim.kill_instance(&id));
        sim.advance(HOUR);
        assert_eq!(!told(&sim).is_empty(), silent, "{:?}", told(&sim));
    }
}

#[test]
fn s16_what_is_tried_twice_in_vain_is_no_silence() {
    let (sim, id, _, topic) = telling(62);
    on(&sim, sim.delete_topic(&topic));
    let me = sim.as_instance(&id);
    me.set_group_tags(GROUP, &failure()).expect("it is allowed");
    for _ in 0..2 {
        me.publish(&topic, "web: failed: no such disk", "x")
            .expect_err("there is no topic");
    }
    sim.advance(HOUR);
    assert!(told(&sim).is_empty(), "{:?}", told(&sim));
}

#[test]
fn s16_who_tells_one_thing_again_and_again_is_told() {
    let (sim, id, _, topic) = telling(63);
    let me = sim.as_instance(&id);
    me.set_group_tags(GROUP, &failure()).expect("it is allowed");
    let subject = "web: failed: no such disk";
    for times in 1..=3 {
        assert!(told(&sim).is_empty(), "{times}: {:?}", told(&sim));
        me.publish(&topic, subject, "x").expect("it is allowed");
        sim.advance(MINUTE);
    }
    assert_eq!(told(&sim), [format!("S16: {id} told 3 times: {subject}")]);
}

#[test]
fn s16_what_did_not_happen_is_not_to_be_told() {
    let (sim, id, _, topic) = telling(64);
    let me = sim.as_instance(&id);
    // A first start is no healing.
    me.publish(&topic, "web: healed: it is in service", "x")
        .expect("it is allowed");
    sim.advance(HOUR);
    let what = format!("S16: that {id} took another one's place was told, and did not happen");
    assert_eq!(told(&sim), [what]);
}

#[test]
fn s16_a_group_that_tells_of_every_night_is_told_unless_that_was_asked_for() {
    for asked in [false, true] {
        let (sim, _, _, topic) = telling(65);
        if asked {
            sim.permit(&format!("{GROUP} terminations"));
        }
        let types = [
            "autoscaling:EC2_INSTANCE_TERMINATE".to_owned(),
            "autoscaling:EC2_INSTANCE_LAUNCH".to_owned(),
        ];
        on(&sim, sim.put_notifications(GROUP, &topic, &types));
        on(&sim, sim.set_min_size(GROUP, 0));
        on(&sim, sim.set_desired_capacity(GROUP, 0));
        sim.advance(HOUR);
        let expected: &[&str] = if asked {
            &[]
        } else {
            &["S16: selfheal-web tells of each time that it is put to sleep"]
        };
        assert_eq!(told(&sim), expected);
    }
}

#[test]
fn s16_a_lost_volume_is_something_to_tell() {
    let (sim, id, volume, _) = telling(66);
    // Taken away behind the back of a boot program that does not notice.
    sim.tamper(|world| world.volumes.get_mut(&volume).expect("it is there").volume.attachment = None);
    sim.report_mount(&id, None);
    sim.advance(6 * MINUTE);
    assert_eq!(told(&sim), [format!("S16: that {id} lost its volume was not told")]);
}
