//! Reads that go back in time after a write: what was done is read again before a boot is failed, and not done again.

use crate::support::full;
use crate::support::machine::Machine;

fn asked(machine: &Machine, action: &str) -> usize {
    machine.actions().iter().filter(|name| *name == action).count()
}

#[test]
fn address_that_reads_do_not_show_yet_is_associated_once() {
    let machine = Machine::new();
    machine.aws.state().stale.insert("DescribeAddresses".into(), 2);
    machine.aws.fail(
        "DescribeAddresses",
        &[(400, "InvalidAllocationID.NotFound", "The allocation ID does not exist")],
    );
    machine.boot(&full(), 0);
    assert_eq!(
        (
            asked(&machine, "AssociateAddress"),
            asked(&machine, "DescribeAddresses")
        ),
        (1, 4)
    );
}

#[test]
fn address_that_reads_never_show_fails_the_boot_after_a_minute_of_reading() {
    let machine = Machine::new();
    machine.aws.state().stale.insert("DescribeAddresses".into(), u32::MAX);
    machine.install_with(&full(), &[("stale_s_max", 4)]);
    machine.again("boot", 18);
    assert_eq!(asked(&machine, "AssociateAddress"), 1);
    assert!(asked(&machine, "DescribeAddresses") >= 3);
}

#[test]
fn association_whose_answer_was_lost_is_looked_for_before_it_is_asked_for_again() {
    let machine = Machine::new();
    // EC2 has done it, and the answer is an error of its own.
    machine.aws.state().address_of = Some(crate::support::aws::INSTANCE.to_owned());
    machine
        .aws
        .fail("AssociateAddress", &[(503, "ServiceUnavailable", "try again")]);
    machine.boot(&full(), 0);
    assert_eq!(asked(&machine, "AssociateAddress"), 1);
}

#[test]
fn attachment_that_reads_do_not_show_yet_is_read_again() {
    let machine = Machine::new();
    machine.aws.state().stale.insert("DescribeVolumes".into(), 2);
    machine
        .aws
        .fail("DescribeVolumes", &[(400, "InvalidVolume.NotFound", "not yet")]);
    machine.boot(&full(), 0);
    assert_eq!((machine.count("mkfs.xfs"), asked(&machine, "DescribeVolumes")), (1, 4));
}

#[test]
fn volume_that_reads_never_show_as_attached_here_is_left_alone() {
    let machine = Machine::new();
    machine.aws.state().stale.insert("DescribeVolumes".into(), u32::MAX);
    machine.install_with(&full(), &[("stale_s_max", 3)]);
    machine.again("boot", 14);
    assert_eq!(machine.count("mkfs.xfs"), 0);
    assert!(asked(&machine, "DescribeVolumes") >= 2);
}
