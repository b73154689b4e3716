//! An address that was taken off a serving instance: it comes back, cheaply and without a loop of remaps.

use std::time::Duration;

use selfheal_userdata::BootConfig;

use crate::lifecycle::watch_until;
use crate::support::aws::{INSTANCE, INTERFACE};
use crate::support::machine::Machine;
use crate::support::{bare, full};

const OTHER: &str = "i-0bbbbbbbbbbbbbbb2";

/// A stack that serves, with its address at somebody else or at nobody.
fn robbed(config: &BootConfig, address_of: Option<&str>) -> (Machine, usize) {
    let machine = Machine::new();
    machine.install_with(config, &[("address_look_s", 2)]);
    machine.again("boot", 0);
    machine.aws.state().address_of = address_of.map(str::to_owned);
    let calls = machine.actions().len();
    (machine, calls)
}

#[test]
fn address_that_was_taken_off_comes_back_to_whoever_has_the_volume() {
    for address_of in [None, Some(OTHER)] {
        let (machine, calls) = robbed(&full(), address_of);
        watch_until(&machine, "AssociateAddress", 2, Duration::from_secs(40));
        let made = &machine.actions()[calls..];
        assert_eq!(made[..2], ["DescribeAddresses", "AssociateAddress"], "{made:?}");
        assert_eq!(made.iter().filter(|name| *name == "AssociateAddress").count(), 1);
        assert_eq!(machine.last("AssociateAddress")["NetworkInterfaceId"], INTERFACE);
    }
}

#[test]
fn without_a_volume_an_address_is_taken_only_from_nobody() {
    let (machine, calls) = robbed(&bare(), None);
    watch_until(&machine, "AssociateAddress", 2, Duration::from_secs(40));
    assert_eq!(
        machine.actions()[calls..calls + 2],
        ["DescribeAddresses", "AssociateAddress"]
    );
    // The newer instance of two has it.
    let (machine, calls) = robbed(&bare(), Some(OTHER));
    watch_until(&machine, "AssociateAddress", 2, Duration::from_secs(14));
    assert!(!machine.actions()[calls..].contains(&"AssociateAddress".to_owned()));
    assert_eq!(machine.aws.state().address_of.as_deref(), Some(OTHER));
}

#[test]
fn address_that_does_not_stay_is_taken_more_and_more_seldom() {
    let (machine, calls) = robbed(&full(), None);
    // Each association is a success that does nothing.
    machine.aws.fail("AssociateAddress", &[(200, "", ""); 100]);
    watch_until(&machine, "AssociateAddress", 100, Duration::from_secs(25));
    let taken = machine.actions()[calls..]
        .iter()
        .filter(|name| *name == "AssociateAddress")
        .count();
    // After 2, 4 and 8 seconds more, each rounded up by the five between two looks at the metadata.
    assert!((2..=3).contains(&taken), "{taken}");
}

#[test]
fn address_that_is_here_costs_no_call() {
    let (machine, calls) = robbed(&full(), Some(INSTANCE));
    watch_until(&machine, "AssociateAddress", 100, Duration::from_secs(12));
    assert_eq!(machine.actions()[calls], "DetachVolume");
}
