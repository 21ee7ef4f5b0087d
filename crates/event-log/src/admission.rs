//! Checks of names, sizes, headers and timestamps, the same for both implementations and made
//! before anything is sent: the embedded log refuses what a broker would refuse.

use crate::error::Error;
use crate::log::TopicSpec;
use crate::record::Record;

/// The default limit on key, payload and headers of one record together, in bytes. It fits within
/// a broker's default limit for a batch (1,048,588).
pub const MAX_RECORD_BYTES: usize = 1_000_000;

/// The largest difference by which a record's timestamp may lie ahead of this machine's clock, in
/// milliseconds: the default of a broker's `log.message.timestamp.after.max.ms`.
pub const FUTURE_TOLERANCE_MS: i64 = 3_600_000;

const LONGEST_NAME: usize = 249;

/// Checks a topic's name against Kafka's rule.
pub(crate) fn check_topic(name: &str) -> Result<(), Error> {
    check_name("topic", name)
}

/// Checks a consumer group's name against the rule for topics. Kafka itself takes more names; the
/// topic rule is what works everywhere.
pub(crate) fn check_group(name: &str) -> Result<(), Error> {
    check_name("consumer group", name)
}

fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let valid = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name != "."
        && name != ".."
        && name.bytes().all(allowed);
    if valid {
        return Ok(());
    }
    // A name may be a megabyte long; the message shows enough of it to be recognised.
    let shown: String = name.chars().take(LONGEST_NAME + 1).collect();
    Err(Error::InvalidName { what, name: shown })
}

/// Checks the partition count and the retention of a topic to be created.
pub(crate) fn check_spec(spec: &TopicSpec) -> Result<(), Error> {
    if !(1..=TopicSpec::MAX_PARTITIONS).contains(&spec.partitions) {
        return Err(Error::InvalidOption {
            option: "partitions".to_owned(),
            value: spec.partitions.to_string(),
            allowed: format!("1 to {}", TopicSpec::MAX_PARTITIONS),
        });
    }
    let retention_ms = spec.retention.as_millis();
    if retention_ms == 0 || retention_ms > i64::MAX as u128 {
        return Err(Error::InvalidOption {
            option: "retention".to_owned(),
            value: format!("{:?}", spec.retention),
            allowed: "1 ms to 292 million years".to_owned(),
        });
    }
    Ok(())
}

/// Checks each record against `limit` bytes and the time `now_ms`. Returns the first error.
pub(crate) fn check_records(
    topic: &str,
    records: &[Record],
    limit: usize,
    now_ms: i64,
) -> Result<(), Error> {
    let latest_ms = now_ms.saturating_add(FUTURE_TOLERANCE_MS);
    records
        .iter()
        .try_for_each(|record| check_record(topic, record, limit, latest_ms))
}

fn check_record(topic: &str, record: &Record, limit: usize, latest_ms: i64) -> Result<(), Error> {
    let size = record.size();
    if size > limit {
        return Err(Error::RecordTooLarge {
            topic: topic.to_owned(),
            size,
            limit,
        });
    }
    if !(1..=latest_ms).contains(&record.timestamp_ms) {
        return Err(Error::InvalidTimestamp {
            topic: topic.to_owned(),
            timestamp_ms: record.timestamp_ms,
            latest_ms,
        });
    }
    for (name, _) in &record.headers {
        if name.is_empty() || name.contains('\0') {
            return Err(Error::InvalidHeader {
                topic: topic.to_owned(),
                name: name.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW_MS: i64 = 1_750_000_000_000;

    fn record() -> Record {
        let mut record = Record::new("key", "payload");
        record.timestamp_ms = NOW_MS;
        record
    }

    fn check(record: Record) -> Result<(), Error> {
        check_records("t", &[record], 100, NOW_MS)
    }

    #[test]
    fn names_follow_kafkas_rule() {
        for name in ["a", "fairlead.events.v1", "A-b_c.0", &"x".repeat(249)] {
            check_topic(name).expect(name);
        }
        for name in ["", ".", "..", "a b", "a/b", "é", "a\0", &"x".repeat(250)] {
            let error = check_topic(name).expect_err(name).to_string();
            assert!(error.contains("topic"), "{error}");
        }
    }

    #[test]
    fn a_name_of_a_megabyte_is_shortened_in_the_message() {
        let error = check_group(&"x".repeat(1_000_000)).expect_err("too long");
        assert!(error.to_string().len() < 600);
    }

    #[test]
    fn a_record_at_the_limit_is_taken_and_one_byte_more_is_not() {
        let mut at_limit = record();
        at_limit.payload = vec![0; 100 - at_limit.key.len()].into();
        check(at_limit.clone()).expect("at the limit");
        at_limit.key = "keyz".into();
        assert!(matches!(
            check(at_limit),
            Err(Error::RecordTooLarge {
                size: 101,
                limit: 100,
                ..
            })
        ));
    }

    #[test]
    fn timestamps_that_a_broker_would_refuse_are_refused() {
        for (timestamp_ms, taken) in [
            (NOW_MS, true),
            (1, true),
            (0, false),
            (-1, false),
            (i64::MIN, false),
            (NOW_MS + FUTURE_TOLERANCE_MS, true),
            (NOW_MS + FUTURE_TOLERANCE_MS + 1, false),
            (i64::MAX, false),
        ] {
            let mut dated = record();
            dated.timestamp_ms = timestamp_ms;
            assert_eq!(check(dated).is_ok(), taken, "{timestamp_ms}");
        }
    }

    #[test]
    fn header_names_that_kafka_cannot_carry_are_refused() {
        check(record().with_header("traceparent", "00-ab")).expect("a plain name");
        for name in ["", "nul\0nul"] {
            assert!(matches!(
                check(record().with_header(name, "v")),
                Err(Error::InvalidHeader { .. })
            ));
        }
    }

    #[test]
    fn an_invalid_spec_is_refused_with_what_is_allowed() {
        let spec = |partitions, retention| TopicSpec {
            partitions,
            retention,
        };
        let day = Duration::from_hours(24);
        check_spec(&spec(1, day)).expect("one partition");
        for bad in [
            spec(0, day),
            spec(-1, day),
            spec(i32::MAX, day),
            spec(1, Duration::ZERO),
        ] {
            let message = check_spec(&bad).expect_err("refused").to_string();
            assert!(message.contains("allowed is 1"), "{message}");
        }
    }
}
