//! The stream's metrics.

use std::time::Duration;

use crate::progress::Counts;

/// Counts the events of a batch by outcome and kind.
pub(crate) fn counts(counts: Counts) {
    for (outcome, count) in [
        ("applied", counts.applied),
        ("duplicate", counts.duplicates),
        ("too_late", counts.too_late),
        ("irrelevant", counts.irrelevant),
        ("replayed", counts.replayed),
        ("dead_lettered", counts.dead_lettered),
    ] {
        if count > 0 {
            metrics::counter!("fairlead_stream_events_total", "outcome" => outcome)
                .increment(count);
        }
    }
    for (event, count) in [
        ("impression", counts.outcomes.impressions),
        ("click", counts.outcomes.clicks),
        ("application", counts.outcomes.applications),
        ("conversion", counts.outcomes.conversions),
    ] {
        if count > 0 {
            metrics::counter!("fairlead_outcomes_total", "event" => event).increment(count);
        }
    }
}

/// Records the time of a batch from poll to acknowledgement, and its size.
pub(crate) fn batch(took: Duration, records: usize) {
    metrics::histogram!("fairlead_stream_apply_seconds").record(took.as_secs_f64());
    metrics::histogram!("fairlead_stream_batch_size").record(records as f64);
}

/// Records the time from the append of a record to its visibility.
pub(crate) fn visible(milliseconds: i64) {
    let seconds = milliseconds.max(0) as f64 / 1_000.0;
    metrics::histogram!("fairlead_stream_visible_seconds").record(seconds);
}

/// Sets the number of records of a topic that are not committed.
pub(crate) fn lag(topic: &str, records: u64) {
    let lag = metrics::gauge!("fairlead_stream_lag_records", "topic" => topic.to_owned());
    lag.set(records as f64);
}

/// Counts writes that found another offset than expected.
pub(crate) fn stale(writes: usize) {
    if writes > 0 {
        metrics::counter!("fairlead_stream_stale_writes_total").increment(writes as u64);
    }
}

/// Counts a restart of reading from the safe offset.
pub(crate) fn resync() {
    metrics::counter!("fairlead_stream_resyncs_total").increment(1);
}

/// Counts a stored state that could not be read and was replaced.
pub(crate) fn unreadable_state() {
    metrics::counter!("fairlead_stream_unreadable_states_total").increment(1);
}

/// Counts decision records by what the indexer did with them.
pub(crate) fn indexed(entries: usize, skipped: usize) {
    for (outcome, count) in [("indexed", entries), ("skipped", skipped)] {
        if count > 0 {
            metrics::counter!("fairlead_decision_index_records_total", "outcome" => outcome)
                .increment(count as u64);
        }
    }
}

/// Sets the number of decision records that are not indexed.
pub(crate) fn index_lag(records: u64) {
    metrics::gauge!("fairlead_decision_index_lag_records").set(records as f64);
}

/// Counts records of acceptances by what their restorer did with them.
pub(crate) fn acceptances(kept: usize, skipped: usize) {
    for (outcome, count) in [("kept", kept), ("skipped", skipped)] {
        if count > 0 {
            metrics::counter!("fairlead_acceptances_records_total", "outcome" => outcome)
                .increment(count as u64);
        }
    }
}

/// Sets the number of acceptances on the log that their restorer has not read.
pub(crate) fn acceptances_lag(records: u64) {
    metrics::gauge!("fairlead_acceptances_lag_records").set(records as f64);
}
