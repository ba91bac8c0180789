//! This file is about the contract: every sentence of `Store`'s documentation, one line per store.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "conformance/checks.rs"]
mod checks;
#[path = "conformance/fixture.rs"]
mod fixture;

use keyward_store::{Embedded, Faulty, Memory, Options, Plan};

/// Runs every check against a store; `$make` is called anew for each.
macro_rules! conforms {
    ($module:ident, $make:expr, [$($check:ident),+ $(,)?]) => {
        mod $module {
            use super::*;
            $(
                #[test]
                fn $check() {
                    let (store, _kept) = $make;
                    fixture::run(checks::$check(store));
                }
            )+
        }
    };
}

/// The list of checks, once.
macro_rules! suite {
    ($module:ident, $make:expr) => {
        conforms!(
            $module,
            $make,
            [
                a_new_store_has_a_signed_empty_log,
                fetches_what_was_committed,
                knows_nothing_of_what_was_not,
                refuses_a_version_that_is_not_the_next,
                refuses_to_create_what_is_there,
                a_refused_change_changes_nothing,
                keeps_fills_and_erases_slots,
                names_have_one_holder,
                names_move_with_the_record,
                a_record_may_keep_its_name,
                pages_in_order_of_ids,
                pages_are_the_same_however_far_apart_records_lie,
                pages_follow_the_record,
                scans_every_record_of_a_kind_once,
                applies_once_before_the_answer_in_log_order,
                never_applies_what_was_refused,
                positions_count_from_zero_without_gaps,
                events_come_back_as_they_were,
                the_checkpoint_covers_every_commit,
                hashes_are_those_of_the_log,
                proves_inclusion,
                asks_again_for_missing_hashes_in_vain,
                keeps_answers_until_they_expire,
                an_answer_is_kept_once,
                an_answer_comes_before_a_stale_version,
                an_expired_answer_makes_room,
                spends_up_to_the_limit,
                spends_never_overflow,
                notes_are_readable_at_once,
                large_bodies_pass_and_larger_do_not,
                one_of_many_wins_a_version,
                one_of_many_wins_a_name,
                one_of_many_wins_an_answer,
                many_spend_exactly_the_limit,
                many_commits_are_each_seen_by_their_caller,
                of_many_changes_each_is_judged_alone,
                groups_of_changes_and_single_ones_take_turns,
                groups_end_what_they_name_and_no_neighbour,
                a_slot_is_never_another_record_s,
                rewraps_the_slots_of_older_epochs,
                refuses_a_slot_of_an_older_epoch,
                a_slot_that_does_not_open_stays,
                goes_on_while_slots_are_rewrapped,
            ]
        );
    };
}

suite!(memory, (Memory::new(fixture::signer()).unwrap(), ()));
suite!(faulty_without_faults, (Faulty::new(Memory::new(fixture::signer()).unwrap(), Plan::passing()), ()));
suite!(embedded, {
    let folder = tempfile::tempdir().unwrap();
    let store =
        Embedded::create(&folder.path().join("store"), fixture::signer(), Options::default()).unwrap();
    (store, folder)
});
