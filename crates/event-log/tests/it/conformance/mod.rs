//! What a caller of `dyn EventLog` can rely on, whichever implementation it got.

mod appending;
mod consuming;
mod moving;
mod refusing;

/// Runs every case against both implementations.
macro_rules! conformance {
    ($($area:ident::$case:ident,)+) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$area::$case(&crate::subject::Subject::embedded().await).await;
                }
            )+
        }
        mod kafka {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$area::$case(&crate::subject::Subject::kafka().await).await;
                }
            )+
        }
    };
}

conformance! {
    appending::one_keys_records_stay_in_order,
    appending::partitions_are_those_of_the_java_client,
    appending::positions_are_those_of_the_records,
    appending::concurrent_appends_all_find_their_place,
    appending::a_large_batch_is_appended_whole,
    appending::content_is_carried_untouched,
    appending::a_megabyte_is_taken_and_more_is_not,
    consuming::what_was_not_committed_comes_again,
    consuming::what_was_committed_does_not,
    consuming::groups_do_not_disturb_each_other,
    consuming::two_members_share_and_one_takes_over,
    consuming::a_commit_of_what_is_not_owned_is_refused,
    consuming::lag_counts_what_is_not_committed,
    consuming::a_latest_start_skips_what_was_there,
    moving::seeking_goes_back_and_forth,
    moving::seeking_out_of_range_is_refused,
    moving::a_waiting_poll_wakes_up,
    moving::an_abandoned_poll_loses_nothing,
    moving::polls_are_bounded,
    moving::ranges_are_read_without_a_group,
    refusing::unknown_topics_are_named,
    refusing::creating_a_topic_again_changes_nothing,
    refusing::what_no_broker_takes_is_refused,
    refusing::a_closed_log_says_so,
}
