//! Polls, seeks and reads of ranges.

use std::collections::BTreeSet;

use fairlead_event_log::{ConsumerOptions, Error, PartitionOffsets, Record};

use crate::subject::{Member, Subject, TIMEOUT, at, number, numbered, numbers, unique};

pub(super) async fn seeking_goes_back_and_forth(subject: &Subject) {
    let topic = subject.topic(1).await;
    subject
        .log
        .append(&topic, numbered(0, 30))
        .await
        .expect("appends");
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(30).await;
    for (offset, expected) in [(10, 10..30), (0, 0..30), (29, 29..30)] {
        member.received.clear();
        let position = at(0, offset);
        member.consumer.seek(&topic, position).await.expect("seeks");
        member.receive(expected.len()).await;
        assert_eq!(numbers(&member.received), expected.collect());
    }
    member.received.clear();
    let end = at(0, 30);
    member
        .consumer
        .seek(&topic, end)
        .await
        .expect("seeks to the end");
    subject
        .log
        .append(&topic, numbered(30, 1))
        .await
        .expect("appends");
    member.receive(1).await;
    assert_eq!(numbers(&member.received), [30].into());
}

pub(super) async fn seeking_out_of_range_is_refused(subject: &Subject) {
    let topic = subject.topic(1).await;
    subject
        .log
        .append(&topic, numbered(0, 3))
        .await
        .expect("appends");
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.own(1).await;
    for offset in [-1, 4, i64::MAX, i64::MIN] {
        let position = at(0, offset);
        let error = member
            .consumer
            .seek(&topic, position)
            .await
            .expect_err("out of range");
        let Error::OffsetOutOfRange {
            low: 0, high: 3, ..
        } = error
        else {
            panic!("{error}");
        };
    }
}

pub(super) async fn a_waiting_poll_wakes_up(subject: &Subject) {
    let topic = subject.topic(1).await;
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.own(1).await;
    let mut polling = Box::pin(member.poll(TIMEOUT));
    assert!(futures::poll!(&mut polling).is_pending());
    subject
        .log
        .append(&topic, numbered(0, 1))
        .await
        .expect("appends");
    // Without a wake-up the poll would return only after its full wait, with no record.
    polling.await;
    assert_eq!(member.received.len(), 1);
}

pub(super) async fn an_abandoned_poll_loses_nothing(subject: &Subject) {
    let topic = subject.topic(2).await;
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    let mut seen = BTreeSet::new();
    for round in 0..20 {
        subject
            .log
            .append(&topic, numbered(round * 10, 10))
            .await
            .expect("appends");
        // The future is polled a few times and dropped, at another point in each round.
        let mut polling = member.consumer.poll(7, TIMEOUT);
        for _ in 0..round {
            if let std::task::Poll::Ready(poll) = futures::poll!(&mut polling) {
                seen.extend(numbers(&poll.expect("polls").records));
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    while seen.len() < 200 {
        let poll = member.consumer.poll(7, TIMEOUT).await.expect("polls");
        let missing = 200 - seen.len();
        assert!(!poll.is_empty(), "{missing} records did not come");
        for delivered in &poll.records {
            assert!(seen.insert(number(delivered)), "delivered twice");
        }
    }
}

pub(super) async fn polls_are_bounded(subject: &Subject) {
    let topic = subject.topic(1).await;
    let big = |number: usize| Record::new("k", number.to_string().repeat(10_000));
    let appended = subject.log.append(&topic, (0..10).map(big).collect()).await;
    appended.expect("appends");
    let mut options = ConsumerOptions::new(unique("group"), [&topic]);
    options.max_poll_bytes = 25_000;
    let mut consumer = subject.log.consumer(options).await.expect("joins");
    let mut total = 0;
    while total < 10 {
        let poll = consumer.poll(1_000, TIMEOUT).await.expect("polls");
        assert!(poll.records.len() <= 3, "{} records", poll.records.len());
        total += poll.records.len();
    }
    let start = at(0, 0);
    consumer.seek(&topic, start).await.expect("seeks");
    let poll = consumer.poll(2, TIMEOUT).await.expect("polls");
    assert!((1..=2).contains(&poll.records.len()));
}

pub(super) async fn ranges_are_read_without_a_group(subject: &Subject) {
    let topic = subject.topic(1).await;
    // Several appends, so that a range crosses the boundaries of their chunks.
    for (from, count) in [(0, 7), (7, 13), (20, 30)] {
        let appended = subject.log.append(&topic, numbered(from, count)).await;
        appended.expect("appends");
    }
    let end = subject.log.end_offsets(&topic).await.expect("ends")[0].offset;
    for (offset, max) in [(0, 5), (3, 10), (6, 30), (25, 1), (0, 1_000)] {
        let from = at(0, offset);
        let read = subject.log.read(&topic, from, max).await.expect("reads");
        let offsets: Vec<i64> = read.iter().map(|d| d.position.offset).collect();
        let expected: Vec<i64> = (offset..end).take(max).collect();
        assert_eq!(offsets, expected);
    }
    let nothing = subject
        .log
        .read(&topic, at(0, end), 10)
        .await
        .expect("at the end");
    assert!(nothing.is_empty());
    for offset in [-1, end + 1, i64::MAX] {
        let error = subject
            .log
            .read(&topic, at(0, offset), 1)
            .await
            .expect_err("out of range");
        assert!(matches!(error, Error::OffsetOutOfRange { .. }), "{error}");
    }
    for partition in [-1, 1] {
        let from = at(partition, 0);
        let error = subject
            .log
            .read(&topic, from, 1)
            .await
            .expect_err("no partition");
        assert!(
            matches!(error, Error::UnknownPartition { last: 0, .. }),
            "{error}"
        );
    }
    let ranges = subject.log.offsets(&topic).await.expect("offsets");
    assert_eq!(
        ranges,
        [PartitionOffsets {
            partition: 0,
            start: 0,
            end
        }]
    );
}
