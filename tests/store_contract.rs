//! The contract of [`jitsuin::ports::store`] as one suite, a test a sentence, which every engine runs.
//!
//! Another engine is one line at the end: its name, whether it outlives the process, and how it is opened in a directory.

#![expect(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::path::Path;

use jitsuin::{
    ports::Store,
    store::{MemoryStore, SqliteStore},
};
use tempfile::TempDir;

#[path = "store_contract/agreement.rs"]
mod agreement;
#[path = "store_contract/applications.rs"]
mod applications;
#[path = "store_contract/checked.rs"]
mod checked;
#[path = "store_contract/consents.rs"]
mod consents;
#[path = "store_contract/durable.rs"]
mod durable;
#[path = "store_contract/fixture.rs"]
mod fixture;
#[path = "store_contract/ledger.rs"]
mod ledger;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "support/postgres.rs"]
mod pg;
#[path = "store_contract/register.rs"]
mod register;
#[path = "store_contract/registration.rs"]
mod registration;
#[path = "store_contract/retention.rs"]
mod retention;
#[path = "store_contract/together.rs"]
mod together;

/// Opens the engine's store in a directory of its own, or opens it again.
type Open = fn(&Path) -> Box<dyn Store>;

/// A new store, and the directory that it lives in.
fn fresh(open: Open) -> (TempDir, Box<dyn Store>) {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path());
    (dir, store)
}

/// Runs functions of a module as tests on an engine.
macro_rules! run {
    ($open:expr, $module:ident: $($test:ident)*) => {
        mod $module {
            $(#[test] fn $test() { crate::$module::$test($open) })*
        }
    };
}

macro_rules! engine {
    ($engine:ident, durable, $open:expr) => {
        engine!($engine, $open, {
            run!($open, durable:
                everything_is_there_after_reopening
                indexes_are_not_given_again_after_reopening
                the_clock_guard_remembers_the_latest_time
            );
        });
    };
    ($engine:ident, volatile, $open:expr) => {
        engine!($engine, $open, {});
    };
    ($engine:ident, $open:expr, { $($more:tt)* }) => {
        mod $engine {
            run!($open, checked:
                a_holder_has_one_reservation_of_a_kind
                a_live_or_held_certificate_stands_in_the_way_of_another
                what_is_over_stands_in_nobodys_way
                a_renewal_is_reserved_beside_its_predecessor_and_issued_in_its_place
                a_predecessor_is_the_holders_own_and_of_the_kind
                a_key_is_certified_once_ever
                an_index_and_a_serial_are_unique_within_the_kind
                a_reservation_needs_its_holder_and_card_and_is_nothing_more
                a_pair_is_linked_both_ways_in_either_order
                a_pair_of_two_cards_or_with_nothing_is_refused
                a_new_signing_certificate_takes_over_the_link_of_the_kept_one
                a_holder_changes_only_at_the_version_that_was_read
                a_card_stays_with_its_holder
                a_request_about_a_card_begins_with_its_answer_or_the_holder_of_the_card
                a_state_changes_only_from_the_expected_one
                revoked_and_expired_are_final
                held_and_revoked_carry_a_revocation_and_others_none
                list_numbers_rise_by_one_in_each_scope
                a_leap_raises_the_fence_and_leaves_numbers_out
                a_lost_certificate_stands_on_lists_and_nowhere_else
                a_complete_list_and_its_deltas_share_one_sequence
                every_list_is_found_by_its_number_and_by_its_successor
                a_drafted_list_is_given_back_and_one_that_was_not_kept_leaves_nothing
                a_compromise_is_noted_once_and_settled_once_and_ends_issuing
                generations_follow_each_other_and_begin_at_the_next_index
                the_first_answer_is_the_answer_until_forgotten
                a_credential_has_a_name_of_its_own
                a_revoked_credential_stays_as_it_was_revoked
                a_list_of_the_access_ca_follows_the_last_one
                a_municipality_takes_part_once
                a_clock_that_went_back_stops_writing
            );
            run!($open, applications:
                an_application_is_received_once_and_keeps_what_was_asked
                an_application_changes_only_at_the_version_that_was_read
                an_ended_application_keeps_no_address_and_changes_no_more
                applications_are_found_by_municipality_state_and_last_day
            );
            run!($open, consents:
                a_holder_has_one_standing_consent_for_each_party
                a_consent_is_ended_once_and_does_not_come_back
                a_declaration_is_good_for_one_use
                a_new_consent_is_the_holders_and_allows_something
            );
            run!($open, register:
                an_event_bears_its_number_once_in_a_municipality
                a_holder_has_one_deadline_and_it_is_found_from_its_day_on
                a_notice_waits_until_it_is_sent_once
                ends_are_those_of_live_certificates_where_their_holders_live
            );
            run!($open, registration:
                a_text_is_kept_once_beside_a_reserved_signing_certificate
                a_text_comes_too_late_for_what_is_issued
                an_exception_is_asked_for_once_and_approved_by_another
                an_exception_is_used_once_and_for_one_certificate
                exceptions_of_a_municipality_come_in_the_order_in_which_they_were_asked_for
            );
            run!($open, retention:
                a_person_is_erased_whole_and_what_is_left_names_nobody
                nothing_of_an_erased_person_is_given_again_and_the_person_may_come_back
                each_record_keeps_the_person_to_the_last_instant_of_its_last_day
                an_application_that_has_not_ended_is_kept_and_an_exception_may_be_all_there_is
                what_is_kept_is_read_in_pages_in_the_order_of_references
                old_answers_are_those_of_before_that_no_application_rests_on
            );
            run!($open, together:
                a_refused_last_step_leaves_nothing_not_even_the_entry
                a_change_without_steps_still_writes_its_entry
                entries_are_read_in_pages
                an_index_is_given_once_to_one_of_many_threads
                of_many_who_read_one_version_one_writes
                a_dossier_is_read_at_one_instant
                what_was_acknowledged_is_seen_by_who_reads_afterwards
                followers_miss_nothing_whenever_they_begin
                followers_get_live_held_and_revoked_but_neither_reserved_nor_expired
                a_follower_ahead_of_the_store_is_refused
                a_list_carries_what_is_held_or_revoked_in_its_scope_by_serial
                a_list_is_as_of_one_event_whatever_happens_while_it_is_read
                a_list_keeps_a_hold_that_the_end_of_validity_overtook
                listed_events_are_the_events_with_their_certificates
                certificates_are_read_in_pages_by_index_beside_the_last_event
                reservations_and_counts_are_as_recorded
                a_store_that_is_stopped_says_why_and_goes_on_being_read
                marks_tell_how_far_the_store_has_come
                of_several_changes_each_is_done_or_refused_for_itself
                several_changes_from_many_threads_come_one_after_the_other
            );
            run!($open, ledger:
                terms_are_agreed_with_who_has_a_relying_partys_credential
                a_party_changes_only_at_the_version_that_was_read
                an_answer_is_recorded_only_under_the_terms_by_which_it_was_decided
                a_disclosure_names_a_certificate_of_its_holder_or_none
                disclosures_are_read_newest_first_and_in_pages
                the_quota_is_that_of_a_day_in_japan_and_of_all_queries_together
                of_many_who_ask_at_once_none_is_told_beyond_the_quota
                an_event_is_recorded_when_its_change_is_and_never_before_the_last_entry
                a_history_is_the_certificate_with_its_own_events
                every_set_of_purposes_and_queries_is_kept
            );
            run!($open, agreement: random_changes_end_as_in_the_model);
            $($more)*
        }
    };
}

engine!(sqlite, durable, |dir| Box::new(crate::SqliteStore::open(&dir.join("jitsuin.db")).unwrap()));
engine!(memory, volatile, |_| Box::new(crate::MemoryStore::new()));
engine!(sqlite_long_lists, durable, |dir| {
    let options = jitsuin::store::SqliteOptions { long_list: 8, list_page: 1, ..Default::default() };
    Box::new(crate::SqliteStore::open_with(&dir.join("jitsuin.db"), options).unwrap())
});
engine!(memory_long_lists, volatile, |_| Box::new(crate::MemoryStore::with_long_lists(8)));
engine!(postgres, durable, |dir| Box::new(crate::pg::open(dir, jitsuin::store::PostgresOptions::default())));
engine!(postgres_long_lists, durable, |dir| {
    let options = jitsuin::store::PostgresOptions { long_list: 8, list_page: 1, ..Default::default() };
    Box::new(crate::pg::open(dir, options))
});
