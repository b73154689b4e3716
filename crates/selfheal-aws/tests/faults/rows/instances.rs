//! Faults of instances, their group and their zone.

use crate::Row;

/// Their rows.
pub const ROWS: &[Row] = &[
    Row {
        number: 27,
        fault: "old and new instance overlap",
        said_by: "the group itself",
        tests: &[
            "sim_world::group::a_replacement_starts_before_the_lost_instance_is_gone",
            "sim_world::group::waits_out_a_volume_that_is_let_go_late",
            "lab::race",
        ],
        gap: "",
    },
    Row {
        number: 28,
        fault: "stuck attaching, or busy",
        said_by: "`Timings::volume_release`",
        tests: &[
            "boot::boot::volume_that_is_still_held_is_waited_for",
            "boot::failure::attachment_that_can_never_work_fails_fast",
            "apply::last_snapshot::a_dead_instance_may_hold_the_volume_for_ten_minutes_24",
        ],
        gap: "",
    },
    Row {
        number: 29,
        fault: "the old instance comes back",
        said_by: "`Sim::start_instance`",
        tests: &[
            "apply::lost::an_instance_that_is_started_again_is_never_the_second_writer",
            "boot::after::address_of_the_winner_is_never_taken",
        ],
        gap: "",
    },
    Row {
        number: 30,
        fault: "two instances are asked for",
        said_by: "`GroupSettings::desired`, `Sim::refresh_instances`",
        tests: &[
            "apply::lost::of_two_instances_that_somebody_asked_for_one_writes",
            "sim_world::judged::s5_two_instances_in_service_are_one_too_many",
            "sim_world::stalled::an_instance_refresh_replaces_the_instance_and_one_writes",
            "sim_world::stalled::an_instance_refresh_without_a_way_out_waits_for_the_volume_and_a_thief_is_told",
        ],
        gap: "",
    },
    Row {
        number: 31,
        fault: "a launch outside the volume's zone",
        said_by: "`SimConfig::subnets`",
        tests: &[
            "core::plan_apply::a_volume_in_another_zone_is_refused_and_without_a_subnet_followed",
            "apply::launch::a_type_that_the_volumes_zone_does_not_offer_is_refused_and_would_not_launch",
        ],
        gap: "",
    },
    Row {
        number: 32,
        fault: "no capacity; a zone is lost",
        said_by: "`Sim::refuse_launches`, `Sim::lose_zone`, `Sim::sell_out`, `Sim::sell_out_spot`",
        tests: &[
            "apply::lost::a_zone_that_is_lost_keeps_its_volume_and_the_stack_waits_for_it",
            "apply::capacity::the_second_type_is_launched_where_the_first_is_sold_out_and_in_the_volumes_zone",
            "apply::capacity::a_status_tells_the_way_out_of_spot_without_capacity_and_an_apply_is_it",
            "cli::health::a_launch_that_aws_refuses_is_told_in_its_words",
        ],
        gap: "",
    },
    Row {
        number: 33,
        fault: "suspended by AWS after a day",
        said_by: "`Sim::refuse_launches`",
        tests: &["apply::lost::a_day_without_a_launch_is_told_and_resumed"],
        gap: "",
    },
    Row {
        number: 34,
        fault: "the volume stalls",
        said_by: "`Sim::stall_volume`, a virtual machine's disk",
        tests: &[
            "lab::vm-volume-stalls",
            "lab::vm-probe-stalls",
            "boot::after::volume_that_takes_nothing_any_more_is_left_to_the_shutdown",
            "sim_world::stalled::a_volume_that_stalls_is_never_formatted_nor_shared_and_the_next_instance_serves_from_it",
            "sim_world::stalled::who_mounts_a_volume_that_stalls_elsewhere_is_told",
        ],
        gap: "",
    },
    Row {
        number: 35,
        fault: "killed before a flush",
        said_by: "a power cut in the lab",
        tests: &["lab::power-cut", "lab::power-cut-sampled", "lab::vm-reset"],
        gap: "",
    },
    Row {
        number: 36,
        fault: "a hook is abandoned",
        said_by: "`Sim::fail_boots`",
        tests: &[
            "sim_world::group::an_abandoned_launch_is_replaced_and_slowed_down",
            "sim_world::boot::a_failed_boot_gives_the_volume_back_through_the_termination_hook",
            "days::FailBoots",
        ],
        gap: "",
    },
    Row {
        number: 37,
        fault: "a spot interruption",
        said_by: "`Sim::interrupt_instance`, the metadata service",
        tests: &[
            "sim_world::capacity::an_instance_that_is_taken_back_gives_the_volume_back_and_its_successor_serves",
            "sim_world::capacity::a_boot_that_is_taken_back_is_no_failed_boot",
            "boot::after::spot_notice_asks_for_the_replacement_first",
            "lab::spot-notice",
            "lab::spot-notice-in-setup",
        ],
        gap: "",
    },
    Row {
        number: 38,
        fault: "a key is disabled, or grants nothing",
        said_by: "`SimConfig::unusable_keys`",
        tests: &[
            "apply::lost::a_key_that_is_disabled_keeps_the_next_instance_away_and_costs_nothing_else",
            "apply::keys::a_volume_that_vanishes_since_its_key_cannot_be_used_is_explained_and_not_made_again",
        ],
        gap: "",
    },
    Row {
        number: 39,
        fault: "the image is deregistered",
        said_by: "`World::images`",
        tests: &["apply::launch::a_pinned_image_that_is_deregistered_is_told_by_plan_and_status"],
        gap: "",
    },
    Row {
        number: 40,
        fault: "a bad `$Latest`",
        said_by: "a version that the group does not pin",
        tests: &[
            "policy::pinned::a_group_takes_a_numbered_version_of_a_template_and_no_launch_configuration",
            "sim_world::group::an_update_pins_the_version_of_the_next_launch_alone",
        ],
        gap: "",
    },
    Row {
        number: 41,
        fault: "EC2's control plane down",
        said_by: "`Fault::ServiceDown` from `ec2:`",
        tests: &[
            "sim_world::outage::two_hours_without_attach_volume_end_in_a_serving_instance",
            "sim_world::outage::an_outage_that_outlasts_every_boot_parks_nothing",
            "days::Outage",
        ],
        gap: "",
    },
];
