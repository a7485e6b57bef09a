//! The list of the cases.

/// Calls a macro with the path of every store case, `group::case,` after `group::case,`, to make a test of each. See
/// [`conformance::store`](crate::conformance::store).
#[macro_export]
macro_rules! for_each_store_case {
    ($callback:ident) => {
        $callback! {
            appending::g1_a_batch_is_written_whole,
            appending::g1_a_refused_batch_writes_nothing,
            appending::g1_an_append_sets_what_is_indexed,
            appending::g1_what_a_batch_does_not_say_stays,
            appending::g1_a_summary_replaces_the_one_before,
            appending::g1_a_large_batch_is_written_whole,
            appending::g1_events_come_back_byte_for_byte,
            appending::g1_a_batch_without_events_changes_the_row_alone,
            appending::g1_an_unknown_execution_is_not_found,
            appending::an_owner_appends_to_its_own,
            appending::g4_places_are_dense,
            appending::g4_racing_appends_have_one_winner,
            appending::g4_racers_that_try_again_all_get_in,
            appending::g6_of_racing_answers_the_first_wins,
            appending::g4_executions_do_not_share_places,
            appending::a_journal_is_read_in_pages,
            replaying::g5_a_batch_sent_again_gives_its_first_result,
            replaying::g5_it_does_so_after_more_appends,
            replaying::g5_it_does_so_after_the_end,
            replaying::g5_it_does_so_after_the_lease_was_lost,
            replaying::g5_a_release_sent_again_releases_once,
            replaying::g5_it_does_so_after_a_restart,
            replaying::g5_an_empty_batch_is_remembered,
            replaying::g5_racing_copies_are_written_once,
            replaying::g2_other_content_under_a_known_id_is_a_mismatch,
            replaying::g2_batch_ids_are_of_one_execution,
            replaying::g2_the_id_of_a_refused_batch_is_free,
            replaying::g2_what_is_wrong_is_told_in_order,
            fencing::g2_a_stale_epoch_is_refused,
            fencing::g2_a_claim_of_before_is_refused_under_the_same_name,
            fencing::g2_only_the_holder_is_let_in,
            fencing::g2_an_effect_needs_a_live_lease,
            fencing::g2_an_effect_needs_a_fence,
            fencing::g2_an_outcome_is_taken_after_the_lease,
            fencing::g2_fenced_appends_renew,
            fencing::g2_fenced_appends_renew_to_the_last_length,
            fencing::g2_a_released_lease_is_over,
            fencing::g2_a_persons_append_leaves_the_lease,
            fencing::g3_the_epoch_grows_with_each_claim,
            fencing::g3_the_epoch_survives_release,
            fencing::g3_the_epoch_survives_a_restart,
            requesting::a_request_is_placed_by_the_store,
            requesting::the_worker_meets_a_request_as_a_conflict,
            requesting::a_request_wakes_at_the_earlier_time,
            requesting::a_request_after_the_end_is_refused,
            requesting::requests_do_not_starve,
            requesting::finalising_unleased_raises_the_epoch,
            requesting::finalising_unleased_is_refused_while_leased,
            requesting::finalising_unleased_shuts_out_the_holder_of_before,
            requesting::a_refused_finalisation_leaves_the_epoch,
            claiming::a_claim_leases_what_is_ready,
            claiming::a_claim_gives_the_journal_as_a_load_does,
            claiming::nothing_is_claimed_before_its_time,
            claiming::what_has_no_time_is_not_claimed,
            claiming::an_append_puts_the_time_off,
            claiming::those_that_wait_longest_come_first,
            claiming::priority_goes_before_time,
            claiming::a_lease_keeps_others_away_until_it_runs_out,
            claiming::a_claim_keeps_to_its_limit,
            claiming::only_claims_that_one,
            claiming::what_has_finished_is_not_claimed,
            claiming::g13_a_newer_format_is_left_alone,
            claiming::g13_a_newer_batch_keeps_old_workers_away,
            claiming::g14_claims_without_an_event_are_counted,
            claiming::g14_the_count_survives_a_restart,
            claiming::g7_racing_claims_never_meet,
            sharing::g7_one_claim_keeps_the_limit,
            sharing::g7_the_limit_is_over_all_workers,
            sharing::g7_only_keeps_the_limit,
            sharing::g7_room_comes_back,
            sharing::g7_racing_claims_keep_the_limit,
            sharing::g7_the_global_limit_is_over_all,
            sharing::g7_both_limits_hold,
            sharing::g7_only_keeps_the_global_limit,
            sharing::g7_global_room_comes_back,
            sharing::g7_racing_claims_keep_the_global_limit,
            sharing::g7_each_owner_is_served_within_a_round,
            sharing::g7_a_claim_of_many_is_shared,
            sharing::g7_a_newcomer_is_served_within_a_round,
            sharing::g7_priority_is_among_an_owners_own,
            sharing::g7_turns_survive_a_restart,
            finishing::g8_nothing_is_appended_behind_the_end,
            finishing::g8_the_end_holds_nothing,
            finishing::g8_the_end_survives_a_restart,
            finishing::g9_what_is_parked_holds_nothing,
            finishing::g9_what_is_parked_wakes,
            finishing::g8_a_purge_takes_what_finished_before,
            finishing::g8_what_was_purged_is_gone,
            finishing::g8_a_purge_keeps_to_limit_and_scope,
            renewing::g10_a_renewal_holds_the_lease,
            renewing::g10_a_renewal_tells_of_answers,
            renewing::g10_a_renewal_tells_what_was_lost,
            renewing::g10_a_late_renewal_holds_while_nobody_claimed,
            renewing::g10_only_the_holder_renews,
            renewing::g10_a_release_conflicts_with_an_unseen_answer,
            renewing::g10_notices_tell_of_appends,
            renewing::g10_notices_tell_of_leases,
            renewing::g10_all_who_listen_hear,
            creating::g11_an_execution_is_made_with_its_events,
            creating::g11_a_key_gives_what_was_made_first,
            creating::g11_a_key_with_another_body_is_a_conflict,
            creating::g11_keys_are_an_owners_own,
            creating::g11_a_key_outlives_the_purge_by_thirty_days,
            creating::g11_a_key_survives_a_restart,
            creating::g11_a_request_sent_again_makes_nothing,
            creating::g11_an_id_is_taken_once,
            creating::g11_racing_requests_make_one,
            explaining::g12_a_held_one_waits_for_its_start,
            explaining::g12_one_that_asks_waits_for_a_person,
            explaining::g12_one_that_offers_recovery_waits_for_a_person,
            explaining::g12_one_handed_over_at_its_question_waits_for_a_person,
            explaining::g12_one_that_is_delayed_waits_for_the_time,
            explaining::g12_one_that_runs_waits_for_its_worker,
            explaining::g12_without_a_worker_it_says_so,
            explaining::g12_a_new_store_has_no_worker,
            explaining::g12_an_owners_limit_is_told,
            explaining::g12_the_global_limit_is_told,
            explaining::g12_a_finished_one_waits_for_nothing,
            counting::an_empty_store_counts_nothing,
            counting::statuses_are_counted_while_they_last,
            counting::what_is_ready_counts_since_it_was,
            counting::open_checkpoints_are_counted_with_their_age,
            counting::an_owner_counts_its_own,
            listing::a_list_goes_by_age,
            listing::a_list_is_filtered,
            listing::a_list_is_read_in_pages,
            listing::a_page_goes_on_behind_a_purged_row,
            listing::a_page_has_bounds,
            listing::another_owners_execution_is_not_found,
            listing::a_list_is_an_owners_own,
            listing::all_is_there_after_a_restart,
            snapshots::without_a_snapshot_all_is_loaded,
            snapshots::the_tail_begins_behind_the_snapshot,
            snapshots::the_newest_snapshot_counts,
            snapshots::a_snapshot_comes_without_events,
            snapshots::a_snapshot_survives_a_restart,
            documents::a_document_comes_back_as_it_was,
            documents::other_content_is_the_next_version,
            documents::the_same_content_is_the_same_version,
            documents::racing_puts_make_each_version_once,
            documents::a_document_is_found_by_its_hash,
            documents::an_id_with_a_nul_is_not_found,
            documents::documents_are_an_owners_own,
            documents::a_document_in_use_stays,
            documents::another_owners_execution_does_not_hold_a_document,
            documents::removing_takes_all_versions,
            documents::documents_are_listed_by_id,
            documents::the_system_sees_all_documents,
            documents::documents_survive_a_restart,
        }
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    macro_rules! listed {
        ($($group:ident::$case:ident,)+) => {
            [$((stringify!($group), stringify!($case))),+]
        };
    }

    /// The sources of the groups, to be held against the list.
    const SOURCES: [(&str, &str); 14] = [
        ("appending", include_str!("appending.rs")),
        ("replaying", include_str!("replaying.rs")),
        ("fencing", include_str!("fencing.rs")),
        ("requesting", include_str!("requesting.rs")),
        ("claiming", include_str!("claiming.rs")),
        ("sharing", include_str!("sharing.rs")),
        ("finishing", include_str!("finishing.rs")),
        ("renewing", include_str!("renewing.rs")),
        ("creating", include_str!("creating.rs")),
        ("explaining", include_str!("explaining.rs")),
        ("counting", include_str!("counting.rs")),
        ("listing", include_str!("listing.rs")),
        ("snapshots", include_str!("snapshots.rs")),
        ("documents", include_str!("documents.rs")),
    ];

    #[test]
    fn the_list_names_every_case() {
        let listed: BTreeSet<(&str, &str)> = for_each_store_case!(listed).into();
        assert_eq!(listed, written(&SOURCES));
    }

    /// The sources of what a host keeps.
    const HOST_SOURCES: [(&str, &str); 7] = [
        ("keys", include_str!("host/keys.rs")),
        ("secrets", include_str!("host/secrets.rs")),
        ("sops", include_str!("host/sops.rs")),
        ("audit", include_str!("host/audit.rs")),
        ("tickets", include_str!("host/tickets.rs")),
        ("checkpoints", include_str!("host/checkpoints.rs")),
        ("live", include_str!("host/live.rs")),
    ];

    #[test]
    fn the_hosts_list_names_every_case() {
        let listed: BTreeSet<(&str, &str)> = crate::for_each_host_case!(listed).into();
        assert_eq!(listed, written(&HOST_SOURCES));
    }

    /// The cases that stand in the sources of groups.
    fn written(sources: &[(&'static str, &'static str)]) -> BTreeSet<(&'static str, &'static str)> {
        let of_group = |(group, source): &(&'static str, &'static str)| {
            let group = *group;
            let cases = source.lines().filter_map(|line| line.strip_prefix("pub async fn "));
            cases.filter_map(move |line| Some((group, line.split_once('(')?.0)))
        };
        sources.iter().flat_map(of_group).collect()
    }
}
