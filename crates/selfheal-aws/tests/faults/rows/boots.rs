//! Faults of boots, disks and what a file asks for.

use crate::Row;

/// Their rows.
pub const ROWS: &[Row] = &[
    Row {
        number: 42,
        fault: "the metadata service stumbles",
        said_by: "a metadata service with faults",
        tests: &[
            "boot::boot::metadata_service_that_stumbles_is_asked_again",
            "boot::fallback::boot_that_hears_nothing_does_not_loop_without_end",
            "lab::imds-faults",
        ],
        gap: "",
    },
    Row {
        number: 43,
        fault: "the network is late",
        said_by: "",
        tests: &[
            "boot::outage::outage_of_attach_volume_is_waited_out_beyond_the_limit_of_a_held_volume",
            "boot::fallback::endpoint_that_python_does_not_reach_is_named_in_a_line",
        ],
        gap: "a link that comes up during the boot",
    },
    Row {
        number: 44,
        fault: "user data runs once an instance",
        said_by: "a reboot",
        tests: &[
            "boot::boot::reboot_makes_no_call_and_repeats_nothing",
            "sim_world::boot::a_reboot_takes_nothing_anew",
            "lab::reboot",
        ],
        gap: "",
    },
    Row {
        number: 45,
        fault: "the order of the disks changes",
        said_by: "three disks",
        tests: &["boot::boot::volume_is_found_by_its_serial_whatever_the_order_of_the_disks"],
        gap: "",
    },
    Row {
        number: 46,
        fault: "the device is missing, or cannot be read",
        said_by: "a disk in the lab",
        tests: &[
            "boot::failure::volume_that_cannot_be_read_is_left_alone",
            "lab::read-errors",
            "lab::missing-device",
        ],
        gap: "",
    },
    Row {
        number: 47,
        fault: "partition table, LVM, LUKS",
        said_by: "`Content::Foreign`, disks in the lab",
        tests: &[
            "boot::failure::volume_with_anything_on_it_is_left_alone",
            "sim_world::boot::never_formats_what_is_not_proven_new",
            "lab::foreign-volume",
        ],
        gap: "",
    },
    Row {
        number: 48,
        fault: "a crash between mkfs and its mark",
        said_by: "a kill in the lab",
        tests: &[
            "boot::failure::formatting_that_was_cut_short_is_done_again",
            "boot::failure::new_filesystem_whose_mark_is_gone_is_kept",
            "boot::kill::boot_killed_anywhere_converges_at_the_next",
            "lab::cut-in-mkfs",
        ],
        gap: "",
    },
    Row {
        number: 49,
        fault: "a dirty or a foreign filesystem",
        said_by: "disks in the lab",
        tests: &[
            "boot::boot::volume_with_its_filesystem_is_checked_and_mounted_as_it_is",
            "lab::foreign-ext4",
            "lab::foreign-xfs",
            "lab::power-cut-sampled",
        ],
        gap: "",
    },
    Row {
        number: 50,
        fault: "the root disk is full or read-only",
        said_by: "a log folder that cannot be made, a disk in the lab",
        tests: &[
            "boot::boot::root_disk_that_takes_no_log_is_told_where_setup_needs_it_and_stops_no_other_boot",
            "lab::logs",
        ],
        gap: "a boot on a disk that is full in earnest",
    },
    Row {
        number: 51,
        fault: "a boot loop",
        said_by: "`Sim::fail_boots`",
        tests: &[
            "sim_world::boot::a_boot_loop_parks_itself_and_resumes",
            "boot::failure::last_failure_parks_the_stack_before_it_gives_up",
            "days::FailBoots",
        ],
        gap: "",
    },
    Row {
        number: 52,
        fault: "the mount is lost",
        said_by: "a detach from outside",
        tests: &[
            "boot::after::lost_volume_stops_the_app_and_gives_up_the_address",
            "sim_world::boot::who_loses_the_volume_gives_up_the_address",
            "lab::volume-lost",
            "lab::vm-volume-lost",
        ],
        gap: "",
    },
    Row {
        number: 53,
        fault: "`$(…)`, a newline, the end of a here-document in a string",
        said_by: "any string",
        tests: &[
            "boot::quoting::every_string_of_a_configuration_arrives_as_it_is",
            "boot::render::bash_and_shellcheck_find_nothing",
            "sim_world::judged::s12_user_data_whose_strings_are_no_literals_is_told",
        ],
        gap: "",
    },
    Row {
        number: 54,
        fault: "more than 16 KB of user data",
        said_by: "a long setup script",
        tests: &[
            "core::plan_apply::too_much_for_a_bundle_is_an_error_of_the_plan",
            "boot::render::too_large_says_by_how_much",
        ],
        gap: "",
    },
    Row {
        number: 55,
        fault: "a secret in the configuration",
        said_by: "`World::parameters`",
        tests: &[
            "boot::secrets::secrets_are_in_no_argument_environment_file_or_output",
            "sim_world::judged::s11_a_parameter_that_stands_where_others_read_it_is_told",
            "apply::judged::s11_a_plan_that_shows_a_parameter_is_told",
            "lab::secrets",
        ],
        gap: "",
    },
    Row {
        number: 56,
        fault: "a volume is shrunk, or moved to another zone",
        said_by: "the file",
        tests: &[
            "core::plan_apply::the_volume_grows_and_never_shrinks",
            "core::plan_apply::a_volume_in_another_zone_is_refused_and_without_a_subnet_followed",
            "apply::elsewhere::a_stack_that_is_renamed_is_another_one_and_takes_nothing_of_the_first",
        ],
        gap: "",
    },
    Row {
        number: 57,
        fault: "another account or Region",
        said_by: "the credentials, `SimConfig::account`",
        tests: &[
            "apply::partitions::a_stack_of_another_region_is_refused_before_anything_is_made",
            "cli::errors::a_region_that_contradicts_the_file_is_named",
            "apply::elsewhere::a_stack_with_a_name_is_refused_in_an_account_that_has_not_its_zone_before_anything_is_made",
        ],
        gap: "of a stack without a name the account is shown, and not checked",
    },
];
