//! Faults of runs of the command, and who else acts meanwhile.

use crate::Row;

/// Their rows.
pub const ROWS: &[Row] = &[
    Row {
        number: 16,
        fault: "kill -9 before and after each call",
        said_by: "`Fault::CrashBefore`, `Fault::CrashAfter`, `Fault::AnswerLost`",
        tests: &[
            "apply::crash::an_apply_that_is_cut_off_at_any_call_is_finished_by_the_next",
            "apply::crash::a_destroy_that_is_cut_off_at_any_call_is_finished_by_the_next",
            "apply::dns::a_name_that_changes_or_goes_leaves_no_record_behind_wherever_the_run_is_cut_off",
            "task::crash",
            "days::CutOff",
            "apply::transitions::a_log_group_comes_changes_and_goes",
            "apply::transitions::notifications_come_change_and_go",
            "apply::transitions::a_schedule_comes_changes_and_goes",
            "apply::transitions::an_application_check_comes_changes_and_goes",
            "apply::transitions::snapshots_by_schedule_come_change_and_go",
            "apply::transitions::ports_open_and_close",
            "apply::transitions::the_type_changes_and_changes_back",
            "apply::transitions::the_name_changes_and_changes_back",
            "apply::transitions::from_nothing_to_everything",
            "apply::transitions::from_everything_to_what_a_destroy_leaves",
            "apply::transitions::a_volume_and_an_address_that_others_made_are_adopted",
            "apply::restore::a_restore_that_is_cut_off_at_any_call_is_finished_by_the_next",
            "apply::schedule::each_command_is_finished_by_running_it_again_wherever_it_was_cut_off",
            "apply::capacity::a_replacement_that_is_cut_off_anywhere_is_finished_by_the_next_apply",
        ],
        gap: "",
    },
    Row {
        number: 17,
        fault: "a second crash in the recovery",
        said_by: "`Fault::CrashBefore`, twice",
        tests: &[
            "apply::crash::a_second_crash_in_the_recovery_changes_nothing",
            "apply::transitions::pairs_of_cuts_in_a_first_apply_and_in_the_run_after_it_end_in_one_world",
        ],
        gap: "",
    },
    Row {
        number: 18,
        fault: "SIGINT in a wait",
        said_by: "a signal to the binary",
        tests: &["cli::environment::whoever_ends_a_run_it_ends_in_order_and_says_so"],
        gap: "",
    },
    Row {
        number: 19,
        fault: "credentials expire in mid-plan",
        said_by: "`Fault::ExpiredCredentials`",
        tests: &[
            "apply::faults::credentials_that_expire_and_a_skewed_clock_stop_the_run_cleanly",
            "sdk_mocks::account::expired_credentials_are_told_apart",
        ],
        gap: "",
    },
    Row {
        number: 20,
        fault: "an old binary after a newer one",
        said_by: "`selfheal:schema`",
        tests: &[
            "core::plan_address::what_is_created_bears_the_form_and_a_stack_of_a_newer_one_is_left_alone",
            "sim_world::judged::s8_neither_the_pinned_version_nor_the_form_goes_back",
        ],
        gap: "",
    },
    Row {
        number: 21,
        fault: "two applies at once",
        said_by: "`Sim::as_operator`, a turn for each call",
        tests: &[
            "apply::operators::two_applies_at_once_end_in_one_world",
            "apply::lag::two_applies_at_once_make_one_address_however_the_listings_lag",
            "days::TwoApply",
            "apply::interleaved::two_first_applies_end_in_one_world_in_every_order_of_up_to_three_changes",
        ],
        gap: "of the orders with up to three changes every fifth; a second address where one stops between role and address: ARCHITECTURE.md",
    },
    Row {
        number: 22,
        fault: "an apply against a destroy",
        said_by: "`Sim::as_operator`, a turn for each call",
        tests: &[
            "apply::operators::an_apply_and_a_destroy_at_once_never_both_succeed_with_half_a_stack",
            "days::ApplyAndDestroy",
            "apply::interleaved::an_apply_and_a_destroy_never_both_succeed_with_half_a_stack_in_any_order_of_up_to_three_changes",
        ],
        gap: "of the orders with up to three changes every tenth",
    },
    Row {
        number: 23,
        fault: "an apply during a replacement",
        said_by: "`Sim::kill_instance`",
        tests: &[
            "apply::lost::an_apply_during_a_replacement_finds_nothing_to_do",
            "core::plan_serving::an_address_that_is_where_it_should_be_or_on_its_way_is_not",
        ],
        gap: "",
    },
    Row {
        number: 24,
        fault: "an edit in the console after the plan",
        said_by: "`Sim::tamper`",
        tests: &[
            "apply::approval::a_stale_plan_does_not_move_the_stack_backwards_3",
            "apply::judged::s7_an_executor_that_does_more_than_was_shown_is_told",
            "apply::judged::s7_what_was_shown_of_one_address_is_not_done_to_another",
        ],
        gap: "",
    },
    Row {
        number: 25,
        fault: "two instances that both take the address for theirs",
        said_by: "`Sim::permit` of two",
        tests: &[
            "sim_world::outage::of_two_without_a_volume_the_one_that_is_left_has_the_address",
            "boot::address_watch::without_a_volume_an_address_is_taken_only_from_nobody",
        ],
        gap: "",
    },
    Row {
        number: 26,
        fault: "somebody else's resource with our tag",
        said_by: "`Sim::tamper`",
        tests: &[
            "apply::witness::what_bears_another_stacks_tags_is_refused_1",
            "apply::several_volumes::after_a_destroy_nothing_tells_several_apart_and_both_commands_refuse_4",
            "core::plan_apply::of_two_addresses_the_one_in_the_policy_is_kept_and_the_other_told",
        ],
        gap: "",
    },
];
