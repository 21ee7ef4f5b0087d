//! The behaviour that both implementations of [`fairlead_event_log::EventLog`] have.

mod appending;
mod consuming;
mod reading;
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
    appending::partitions_equal_those_of_the_java_client,
    appending::append_returns_the_records_positions,
    appending::concurrent_appends_get_distinct_positions,
    appending::a_large_batch_is_appended_completely,
    appending::content_is_carried_unchanged,
    appending::a_record_of_a_megabyte_is_taken_and_a_larger_one_refused,
    consuming::uncommitted_records_are_delivered_again,
    consuming::committed_records_are_not_delivered_again,
    consuming::groups_are_independent,
    consuming::two_members_share_partitions_and_one_takes_over,
    consuming::a_commit_of_a_partition_that_is_not_owned_is_refused,
    consuming::lag_counts_uncommitted_records,
    consuming::a_latest_start_skips_existing_records,
    reading::seeking_goes_back_and_forth,
    reading::seeking_out_of_range_is_refused,
    reading::a_waiting_poll_wakes_up,
    reading::an_abandoned_poll_loses_nothing,
    reading::polls_are_bounded,
    reading::ranges_are_read_without_a_group,
    refusing::unknown_topics_are_named,
    refusing::creating_a_topic_again_changes_nothing,
    refusing::records_that_a_broker_refuses_are_refused,
    refusing::a_closed_log_returns_closed,
}
