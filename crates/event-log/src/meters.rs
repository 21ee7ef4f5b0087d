//! Metrics. Their labels are bounded: the implementation, and the names of topics that exist.

use std::time::Instant;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::record::Delivered;

const APPENDED: &str = "fairlead_event_log_appended_total";
const APPEND_ERRORS: &str = "fairlead_event_log_append_errors_total";
const APPEND_SECONDS: &str = "fairlead_event_log_append_seconds";
const POLLED: &str = "fairlead_event_log_polled_total";
const EXPIRED: &str = "fairlead_event_log_expired_total";

/// The metrics of one implementation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meters {
    implementation: &'static str,
}

impl Meters {
    pub(crate) fn new(implementation: &'static str) -> Self {
        describe_counter!(APPENDED, "Records acknowledged as durable.");
        describe_counter!(APPEND_ERRORS, "Append calls that failed.");
        describe_histogram!(
            APPEND_SECONDS,
            Unit::Seconds,
            "From the append call to the acknowledgement of all its records."
        );
        describe_counter!(POLLED, "Records handed to consumers.");
        describe_counter!(EXPIRED, "Records dropped after their retention time.");
        Self { implementation }
    }

    pub(crate) fn appended(self, topic: &str, records: usize, since: Instant) {
        let (topic, implementation) = (topic.to_owned(), self.implementation);
        counter!(APPENDED, "topic" => topic.clone(), "implementation" => implementation)
            .increment(records as u64);
        histogram!(APPEND_SECONDS, "topic" => topic, "implementation" => implementation)
            .record(since.elapsed().as_secs_f64());
    }

    /// Counts a failed append. `topic` must exist: names that callers mistype are no bounded label.
    pub(crate) fn append_failed(self, topic: &str) {
        counter!(
            APPEND_ERRORS,
            "topic" => topic.to_owned(), "implementation" => self.implementation
        )
        .increment(1);
    }

    pub(crate) fn polled(self, records: &[Delivered]) {
        // Records of one topic come in runs; each run costs one look-up of the counter.
        for run in records.chunk_by(|a, b| a.topic == b.topic) {
            counter!(
                POLLED,
                "topic" => run[0].topic.to_string(), "implementation" => self.implementation
            )
            .increment(run.len() as u64);
        }
    }

    pub(crate) fn expired(self, topic: &str, records: u64) {
        counter!(
            EXPIRED,
            "topic" => topic.to_owned(), "implementation" => self.implementation
        )
        .increment(records);
    }
}
