//! The lake's metrics. Their labels are bounded: tables, topics and causes.

use crate::table::Table;

/// Counts a written file.
pub(crate) fn written(table: Table, rows: usize, bytes: usize) {
    let table = table.name();
    metrics::counter!("fairlead_lake_rows_total", "table" => table).increment(rows as u64);
    metrics::counter!("fairlead_lake_files_total", "table" => table).increment(1);
    metrics::counter!("fairlead_lake_bytes_total", "table" => table).increment(bytes as u64);
}

/// Counts a batch whose files all exist.
pub(crate) fn rolled(cause: &'static str) {
    metrics::counter!("fairlead_lake_rolls_total", "cause" => cause).increment(1);
}

/// Counts unreadable records.
pub(crate) fn unreadable(topic: &str, records: u64) {
    if records > 0 {
        metrics::counter!("fairlead_lake_unreadable_total", "topic" => topic.to_owned())
            .increment(records);
    }
}

/// Counts records that the log dropped before they were written.
pub(crate) fn expired(topic: &str, records: u64) {
    metrics::counter!("fairlead_lake_expired_total", "topic" => topic.to_owned())
        .increment(records);
}

/// Sets the number of records that are not in the lake.
pub(crate) fn lag(records: u64) {
    metrics::gauge!("fairlead_lake_lag_records").set(records as f64);
}

/// Sets the number of bytes that wait in memory.
pub(crate) fn buffered(bytes: usize) {
    metrics::gauge!("fairlead_lake_buffered_bytes").set(bytes as f64);
}

/// Counts a restart of reading after the last written offset.
pub(crate) fn resync() {
    metrics::counter!("fairlead_lake_resyncs_total").increment(1);
}

/// Counts files that were merged into another.
pub(crate) fn merged(table: Table, files: usize) {
    metrics::counter!("fairlead_lake_merged_files_total", "table" => table.name())
        .increment(files as u64);
}
