//! Faults of calls to AWS, and what AWS answers.

use crate::Row;

/// Their rows.
pub const ROWS: &[Row] = &[
    Row {
        number: 1,
        fault: "throttled at any call",
        said_by: "`Fault::Throttle`",
        tests: &[
            "apply::faults::one_fault_at_any_call_is_borne_within_the_same_run",
            "sim_world::boot::bears_with_throttling_errors_and_lost_answers",
            "sim_world::judged::s14_a_run_without_end_and_a_call_that_is_made_again_for_ever_are_told",
            "lab::throttled",
            "days::Storm",
        ],
        gap: "",
    },
    Row {
        number: 2,
        fault: "a server error before the effect",
        said_by: "`Fault::ErrorBeforeEffect`",
        tests: &[
            "apply::faults::one_fault_at_any_call_is_borne_within_the_same_run",
            "apply::faults::a_storm_is_borne_and_leaves_nothing_twice",
            "days::Storm",
        ],
        gap: "",
    },
    Row {
        number: 3,
        fault: "a response lost after a create",
        said_by: "`Fault::AnswerLost`",
        tests: &[
            "apply::faults::one_fault_at_any_call_is_borne_within_the_same_run",
            "sdk_mocks::transport::a_lost_answer_is_ambiguous_on_a_new_and_on_an_old_connection",
            "lab::answers-lost",
            "days::Storm",
        ],
        gap: "",
    },
    Row {
        number: 4,
        fault: "the response of AllocateAddress lost",
        said_by: "`Fault::AnswerLost` at `ec2:AllocateAddress`",
        tests: &[
            "apply::faults::an_address_is_never_allocated_twice_for_a_lost_answer",
            "apply::interleaved::two_who_finish_a_first_apply_that_was_killed_before_its_address_end_with_one_that_is_used_and_the_other_is_told",
        ],
        gap: "",
    },
    Row {
        number: 5,
        fault: "not found just after a create",
        said_by: "`Fault::LateVisibility`",
        tests: &[
            "apply::faults::one_fault_at_any_call_is_borne_within_the_same_run",
            "apply::lag::a_reading_in_the_middle_of_a_run_that_shows_nothing_new_makes_nothing_again",
            "days::Storm",
        ],
        gap: "",
    },
    Row {
        number: 6,
        fault: "a stale or a partial list",
        said_by: "`Fault::LateVisibility`, `World::unlisted`, `Fault::Stale`",
        tests: &[
            "apply::witness::a_listing_that_is_cut_replaces_neither_volume_nor_address_1",
            "apply::lag::an_apply_that_is_cut_off_at_any_call_makes_nothing_twice_however_the_listings_lag",
            "apply::lost::a_reading_of_old_things_as_they_were_changes_nothing",
        ],
        gap: "",
    },
    Row {
        number: 7,
        fault: "created, and the tagging fails",
        said_by: "`Fault::AccessDenied` at `ec2:CreateTags`",
        tests: &[
            "sim_world::denied::a_creation_that_may_not_tag_names_create_tags",
            "sdk_mocks::ec2_write::an_address_is_allocated_with_its_tags",
            "sdk_mocks::ec2_write::a_volume_is_created_with_token_and_tags",
        ],
        gap: "",
    },
    Row {
        number: 8,
        fault: "an instance profile that is not known yet",
        said_by: "`Fault::LatePropagation`",
        tests: &[
            "apply::faults::a_profile_that_iam_spreads_late_is_waited_for",
            "sim_world::group::a_profile_must_have_spread_and_hold_a_role",
        ],
        gap: "",
    },
    Row {
        number: 9,
        fault: "access denied in mid-plan",
        said_by: "`Fault::AccessDenied`, `SimConfig::operator_policy`",
        tests: &[
            "apply::faults::a_denied_call_stops_the_run_and_names_action_and_what_was_made",
            "apply::lag::a_denied_step_leaves_one_address_however_the_listings_lag",
        ],
        gap: "",
    },
    Row {
        number: 10,
        fault: "a token with other inputs",
        said_by: "`World::tokens`",
        tests: &[
            "apply::tokens::a_stack_whose_data_was_deleted_can_be_applied_again_and_again",
            "sim_world::ec2::a_client_token_leads_to_the_volume_that_it_made",
            "core::plan_application_check::the_token_is_the_same_for_two_operators_and_another_for_each_check_that_is_gone",
        ],
        gap: "",
    },
    Row {
        number: 11,
        fault: "a page is lost",
        said_by: "`Fault::PageLost`",
        tests: &[
            "apply::faults::a_page_that_is_lost_creates_nothing",
            "sdk_mocks::ec2_read::a_lost_page_fails_the_listing",
            "sdk_mocks::answers::a_list_that_ends_early_is_an_error_at_every_byte",
        ],
        gap: "",
    },
    Row {
        number: 12,
        fault: "attached in one API, attaching in another",
        said_by: "`Fault::Stale`",
        tests: &[
            "sim_world::outage::stale_reads_after_writes_neither_fail_a_boot_nor_repeat_an_association",
            "boot::reread::attachment_that_reads_do_not_show_yet_is_read_again",
            "apply::lost::a_reading_of_old_things_as_they_were_changes_nothing",
        ],
        gap: "",
    },
    Row {
        number: 13,
        fault: "the volume is being modified",
        said_by: "`Timings::volume_modify`",
        tests: &[
            "apply::growing::an_instance_waits_for_a_volume_that_is_being_modified_12",
            "lab::grow",
        ],
        gap: "",
    },
    Row {
        number: 14,
        fault: "Route 53 down",
        said_by: "`Fault::ServiceDown` from `route53:`",
        tests: &[
            "apply::dns::route_53_down_lets_everything_else_converge_and_the_end_says_what_is_left",
            "apply::faults::route_53_down_leaves_the_rest_converged_and_healing",
            "days::Outage",
        ],
        gap: "",
    },
    Row {
        number: 15,
        fault: "a skewed clock",
        said_by: "`Fault::SkewedClock`",
        tests: &[
            "apply::faults::credentials_that_expire_and_a_skewed_clock_stop_the_run_cleanly",
            "boot::failure::clock_that_is_off_is_named",
            "lab::skewed-clock",
        ],
        gap: "",
    },
];
