//! The lake's metrics. Labels are tables, topics and causes: few, and known beforehand.

use crate::table::Table;

/// A file was written.
pub(crate) fn written(table: Table, rows: usize, bytes: usize) {
    let table = table.name();
    metrics::counter!("fairlead_lake_rows_total", "table" => table).increment(rows as u64);
    metrics::counter!("fairlead_lake_files_total", "table" => table).increment(1);
    metrics::counter!("fairlead_lake_bytes_total", "table" => table).increment(bytes as u64);
}

/// A batch is in the lake, whole.
pub(crate) fn rolled(cause: &'static str) {
    metrics::counter!("fairlead_lake_rolls_total", "cause" => cause).increment(1);
}

/// Records that cannot be read; the stream sets them aside as dead letters.
pub(crate) fn unreadable(topic: &str, records: u64) {
    if records > 0 {
        metrics::counter!("fairlead_lake_unreadable_total", "topic" => topic.to_owned())
            .increment(records);
    }
}

/// Records that the log dropped before they were written.
pub(crate) fn expired(topic: &str, records: u64) {
    metrics::counter!("fairlead_lake_expired_total", "topic" => topic.to_owned())
        .increment(records);
}

/// Records behind what is in the lake.
pub(crate) fn lag(records: u64) {
    metrics::gauge!("fairlead_lake_lag_records").set(records as f64);
}

/// Bytes that wait in memory.
pub(crate) fn buffered(bytes: usize) {
    metrics::gauge!("fairlead_lake_buffered_bytes").set(bytes as f64);
}

/// Reading began again from what is in the lake.
pub(crate) fn resync() {
    metrics::counter!("fairlead_lake_resyncs_total").increment(1);
}

/// Files were merged into one.
pub(crate) fn merged(table: Table, files: usize) {
    metrics::counter!("fairlead_lake_merged_files_total", "table" => table.name())
        .increment(files as u64);
}
