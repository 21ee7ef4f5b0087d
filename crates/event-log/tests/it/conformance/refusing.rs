//! Refused calls and their errors.

use fairlead_event_log::{ConsumerOptions, Error, EventLog, Record};

use crate::subject::{Subject, at, numbered, spec, total, unique};

pub(super) async fn unknown_topics_are_named(subject: &Subject) {
    let (log, topic) = (&subject.log, unique("nowhere"));
    let from = at(0, 0);
    let errors = [
        log.append(&topic, numbered(0, 1))
            .await
            .expect_err("no topic"),
        log.read(&topic, from, 1).await.expect_err("no topic"),
        log.end_offsets(&topic).await.expect_err("no topic"),
        log.consumer(ConsumerOptions::new(unique("group"), [&topic]))
            .await
            .err()
            .expect("no topic"),
    ];
    for error in errors {
        assert!(matches!(error, Error::UnknownTopic { .. }), "{error}");
        assert!(error.to_string().contains(&topic), "{error}");
    }
}

pub(super) async fn creating_a_topic_again_changes_nothing(subject: &Subject) {
    let topic = subject.topic(3).await;
    subject
        .log
        .append(&topic, numbered(0, 10))
        .await
        .expect("appends");
    subject
        .log
        .create_topic(&topic, spec(3))
        .await
        .expect("is there");
    let error = subject
        .log
        .create_topic(&topic, spec(4))
        .await
        .expect_err("differs");
    assert!(
        matches!(
            error,
            Error::PartitionCount {
                existing: 3,
                requested: 4,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(total(&*subject.log, &topic).await, 10);
}

pub(super) async fn records_that_a_broker_refuses_are_refused(subject: &Subject) {
    let topic = subject.topic(1).await;
    let mut undated = Record::new("k", "v");
    undated.timestamp_ms = 0;
    let mut from_the_future = Record::new("k", "v");
    from_the_future.timestamp_ms += 2 * 3_600_000;
    for record in [
        undated,
        from_the_future,
        Record::new("k", "v").with_header("", "nameless"),
        Record::new("k", "v").with_header("nul\0", "v"),
    ] {
        let refused = subject
            .log
            .append(&topic, vec![Record::new("k", "v"), record])
            .await;
        assert!(!refused.expect_err("refused").is_transient());
    }
    let ends = subject.log.end_offsets(&topic).await.expect("ends");
    assert_eq!(ends[0].offset, 0, "nothing of the batches was appended");
    for topic in ["", "a topic", "a/b", ".."] {
        let error = subject
            .log
            .create_topic(topic, spec(1))
            .await
            .expect_err("refused");
        assert!(matches!(error, Error::InvalidName { .. }), "{error}");
        let error = subject
            .log
            .append(topic, numbered(0, 1))
            .await
            .expect_err("refused");
        assert!(matches!(error, Error::InvalidName { .. }), "{error}");
    }
    let error = subject
        .log
        .create_topic("t", spec(0))
        .await
        .expect_err("refused");
    assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
    let unnamed = ConsumerOptions::new("", [&topic]);
    let error = subject.log.consumer(unnamed).await.err().expect("refused");
    assert!(matches!(error, Error::InvalidName { .. }), "{error}");
}

pub(super) async fn a_closed_log_returns_closed(subject: &Subject) {
    let topic = subject.topic(1).await;
    let log: &dyn EventLog = &*subject.log;
    log.append(&topic, numbered(0, 1)).await.expect("appends");
    log.healthy().await.expect("is healthy");
    log.close().await.expect("closes");
    let from = at(0, 0);
    let errors = [
        log.append(&topic, numbered(1, 1)).await.err(),
        log.read(&topic, from, 1).await.err(),
        log.healthy().await.err(),
        log.create_topic(&unique("t"), spec(1)).await.err(),
        log.consumer(ConsumerOptions::new("g", [&topic]))
            .await
            .err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(Error::Closed)), "{error:?}");
    }
    log.close().await.expect("closing twice is fine");
}
