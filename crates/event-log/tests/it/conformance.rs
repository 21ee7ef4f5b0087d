//! What a caller of `dyn EventLog` can rely on, whichever implementation it got.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fairlead_event_log::{
    ConsumerOptions, Error, EventLog, MAX_RECORD_BYTES, OffsetRange, Position, Record, Start,
    TRACEPARENT, partition_for,
};
use futures::future::join_all;

use crate::subject::{Member, PATIENCE, Subject, behind, number, numbered, numbers, spec, unique};

/// Runs every case against both implementations.
macro_rules! conformance {
    ($($case:ident,)+) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(&crate::subject::Subject::embedded().await).await;
                }
            )+
        }
        mod kafka {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(&crate::subject::Subject::kafka().await).await;
                }
            )+
        }
    };
}

conformance! {
    one_keys_records_stay_in_order,
    partitions_are_those_of_the_java_client,
    positions_are_those_of_the_records,
    concurrent_appends_all_find_their_place,
    what_was_not_committed_comes_again,
    what_was_committed_does_not,
    groups_do_not_disturb_each_other,
    two_members_share_and_one_takes_over,
    a_commit_of_what_is_not_owned_is_refused,
    seeking_goes_back_and_forth,
    seeking_out_of_range_is_refused,
    lag_counts_what_is_not_committed,
    a_latest_start_skips_what_was_there,
    a_waiting_poll_wakes_up,
    an_abandoned_poll_loses_nothing,
    polls_are_bounded,
    ranges_are_read_without_a_group,
    a_large_batch_is_appended_whole,
    content_is_carried_untouched,
    a_megabyte_is_taken_and_more_is_not,
    unknown_topics_are_named,
    creating_a_topic_again_changes_nothing,
    what_no_broker_takes_is_refused,
    a_closed_log_says_so,
}

async fn one_keys_records_stay_in_order(subject: &Subject) {
    let topic = subject.topic(4).await;
    for from in [0, 100, 200] {
        let appended = subject.log.append(&topic, numbered(from, 100)).await;
        appended.expect("appends");
    }
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(300).await;
    let mut by_key: BTreeMap<Bytes, Vec<usize>> = BTreeMap::new();
    for delivered in &member.received {
        let key = delivered.record.key.clone();
        by_key.entry(key).or_default().push(number(delivered));
    }
    assert_eq!(by_key.len(), 10);
    for (key, of_key) in by_key {
        assert_eq!(of_key.len(), 30);
        assert!(of_key.is_sorted(), "{key:?}: {of_key:?}");
    }
}

async fn partitions_are_those_of_the_java_client(subject: &Subject) {
    let topic = subject.topic(7).await;
    let mut records = numbered(0, 50);
    records.push(Record::new("", "an empty key is a key"));
    records.push(Record::new(vec![0xff, 0x00, 0x80], "bytes"));
    let positions = subject.log.append(&topic, records.clone()).await;
    for (record, position) in records.iter().zip(positions.expect("appends")) {
        let expected = partition_for(&record.key, 7);
        assert_eq!(position.partition, expected, "{:?}", record.key);
    }
}

async fn positions_are_those_of_the_records(subject: &Subject) {
    let topic = subject.topic(3).await;
    let records = numbered(0, 20);
    let positions = subject.log.append(&topic, records.clone()).await;
    let positions = positions.expect("appends");
    assert_eq!(positions.len(), records.len());
    for (record, position) in records.iter().zip(positions) {
        let read = subject.log.read(&topic, position, 1).await.expect("reads");
        assert_eq!((read[0].position, &read[0].record), (position, record));
        assert_eq!(&*read[0].topic, topic);
    }
    let none = subject.log.append(&topic, Vec::new()).await.expect("nothing");
    assert!(none.is_empty());
}

async fn concurrent_appends_all_find_their_place(subject: &Subject) {
    let topic = subject.topic(2).await;
    let appends = (0..40).map(|call| {
        let (log, topic) = (Arc::clone(&subject.log), topic.clone());
        async move { log.append(&topic, numbered(call * 10, 10)).await }
    });
    let places = join_all(appends).await;
    let places: Vec<Position> = places.into_iter().flat_map(|p| p.expect("appends")).collect();
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), 400, "no place twice");
    let ends = subject.log.end_offsets(&topic).await.expect("ends");
    assert_eq!(ends.iter().map(|end| end.offset).sum::<i64>(), 400, "no gaps");
}

async fn what_was_not_committed_comes_again(subject: &Subject) {
    let (topic, group) = (subject.topic(2).await, unique("group"));
    subject.log.append(&topic, numbered(0, 50)).await.expect("appends");
    let mut first = Member::join(&subject.log, &group, &topic).await;
    first.receive(50).await;
    // It goes without a word, as in a crash.
    drop(first);
    let mut second = Member::join(&subject.log, &group, &topic).await;
    second.receive(50).await;
    assert_eq!(numbers(&second.received), (0..50).collect());
}

async fn what_was_committed_does_not(subject: &Subject) {
    let (topic, group) = (subject.topic(2).await, unique("group"));
    subject.log.append(&topic, numbered(0, 50)).await.expect("appends");
    let mut first = Member::join(&subject.log, &group, &topic).await;
    first.receive(50).await;
    first.commit().await;
    first.close().await;
    subject.log.append(&topic, numbered(50, 10)).await.expect("appends");
    let mut second = Member::join(&subject.log, &group, &topic).await;
    second.receive(10).await;
    assert_eq!(numbers(&second.received), (50..60).collect());
}

async fn groups_do_not_disturb_each_other(subject: &Subject) {
    let topic = subject.topic(2).await;
    subject.log.append(&topic, numbered(0, 20)).await.expect("appends");
    let mut one = Member::join(&subject.log, &unique("group"), &topic).await;
    let mut other = Member::join(&subject.log, &unique("group"), &topic).await;
    one.receive(20).await;
    one.commit().await;
    other.receive(20).await;
    assert_eq!(numbers(&one.received), numbers(&other.received));
}

async fn two_members_share_and_one_takes_over(subject: &Subject) {
    let (topic, group) = (subject.topic(4).await, unique("group"));
    let mut one = Member::join(&subject.log, &group, &topic).await;
    one.own(4).await;
    let mut other = Member::join(&subject.log, &group, &topic).await;
    let shared = tokio::time::timeout(PATIENCE, async {
        while (one.owned.len(), other.owned.len()) != (2, 2) {
            let wait = Duration::from_millis(100);
            tokio::join!(one.poll(wait), other.poll(wait));
        }
    });
    shared.await.expect("two partitions each");
    assert!(one.owned.is_disjoint(&other.owned));

    subject.log.append(&topic, numbered(0, 100)).await.expect("appends");
    let received = tokio::time::timeout(PATIENCE, async {
        while one.received.len() + other.received.len() < 100 {
            let wait = Duration::from_millis(100);
            tokio::join!(one.poll(wait), other.poll(wait));
        }
    });
    received.await.expect("all records");
    assert!(numbers(&one.received).is_disjoint(&numbers(&other.received)));
    one.commit().await;
    other.commit().await;
    other.close().await;

    one.own(4).await;
    one.received.clear();
    subject.log.append(&topic, numbered(100, 50)).await.expect("appends");
    one.receive(50).await;
    assert_eq!(numbers(&one.received), (100..150).collect());
}

async fn a_commit_of_what_is_not_owned_is_refused(subject: &Subject) {
    let (topic, group) = (subject.topic(1).await, unique("group"));
    subject.log.append(&topic, numbered(0, 5)).await.expect("appends");
    let mut owner = Member::join(&subject.log, &group, &topic).await;
    owner.receive(5).await;
    let mut guest = Member::join(&subject.log, &group, &topic).await;
    guest.poll(Duration::from_millis(10)).await;
    let refused = guest.consumer.commit(&behind(&owner.received)).await;
    let error = refused.expect_err("not the owner");
    assert!(matches!(error, Error::NotAssigned { .. }), "{error}");
    let position = Position { partition: 0, offset: 0 };
    let error = guest.consumer.seek(&topic, position).await.expect_err("not the owner");
    assert!(matches!(error, Error::NotAssigned { .. }), "{error}");
    owner.commit().await;
    owner.consumer.commit(&[]).await.expect("nothing to commit");
}

async fn seeking_goes_back_and_forth(subject: &Subject) {
    let topic = subject.topic(1).await;
    subject.log.append(&topic, numbered(0, 30)).await.expect("appends");
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(30).await;
    for (offset, expected) in [(10, 10..30), (0, 0..30), (29, 29..30)] {
        member.received.clear();
        let position = Position { partition: 0, offset };
        member.consumer.seek(&topic, position).await.expect("seeks");
        member.receive(expected.len()).await;
        assert_eq!(numbers(&member.received), expected.collect());
    }
    member.received.clear();
    let end = Position { partition: 0, offset: 30 };
    member.consumer.seek(&topic, end).await.expect("seeks to the end");
    subject.log.append(&topic, numbered(30, 1)).await.expect("appends");
    member.receive(1).await;
    assert_eq!(numbers(&member.received), [30].into());
}

async fn seeking_out_of_range_is_refused(subject: &Subject) {
    let topic = subject.topic(1).await;
    subject.log.append(&topic, numbered(0, 3)).await.expect("appends");
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.own(1).await;
    for offset in [-1, 4, i64::MAX, i64::MIN] {
        let position = Position { partition: 0, offset };
        let error = member.consumer.seek(&topic, position).await.expect_err("out of range");
        let Error::OffsetOutOfRange { low: 0, high: 3, .. } = error else {
            panic!("{error}");
        };
    }
}

async fn lag_counts_what_is_not_committed(subject: &Subject) {
    let topic = subject.topic(2).await;
    subject.log.append(&topic, numbered(0, 40)).await.expect("appends");
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(40).await;
    assert_eq!(member.consumer.lag().await.expect("lag"), 40);
    member.commit().await;
    assert_eq!(member.consumer.lag().await.expect("lag"), 0);
    subject.log.append(&topic, numbered(40, 7)).await.expect("appends");
    assert_eq!(member.consumer.lag().await.expect("lag"), 7);
}

async fn a_latest_start_skips_what_was_there(subject: &Subject) {
    let (topic, group) = (subject.topic(2).await, unique("group"));
    subject.log.append(&topic, numbered(0, 20)).await.expect("appends");
    let options = ConsumerOptions::new(&group, [&topic]).starting(Start::Latest);
    let mut member = Member::with(&subject.log, options.clone()).await;
    member.own(2).await;
    assert_eq!(member.received.len(), 0);
    subject.log.append(&topic, numbered(20, 20)).await.expect("appends");
    member.receive(20).await;
    assert_eq!(numbers(&member.received), (20..40).collect());
    // It had committed nothing itself, yet the group's place is where it began.
    drop(member);
    let mut next = Member::with(&subject.log, options).await;
    next.receive(20).await;
    assert_eq!(numbers(&next.received), (20..40).collect());
}

async fn a_waiting_poll_wakes_up(subject: &Subject) {
    let topic = subject.topic(1).await;
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.own(1).await;
    let mut polling = Box::pin(member.poll(PATIENCE));
    assert!(futures::poll!(&mut polling).is_pending());
    subject.log.append(&topic, numbered(0, 1)).await.expect("appends");
    // Without a wake-up this would be over only after its whole patience, with nothing.
    polling.await;
    assert_eq!(member.received.len(), 1);
}

async fn an_abandoned_poll_loses_nothing(subject: &Subject) {
    let topic = subject.topic(2).await;
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    let mut seen = BTreeSet::new();
    for round in 0..20 {
        subject.log.append(&topic, numbered(round * 10, 10)).await.expect("appends");
        // Polled a few times and dropped, at another point of its work each round.
        let mut polling = member.consumer.poll(7, PATIENCE);
        for _ in 0..round {
            if let std::task::Poll::Ready(poll) = futures::poll!(&mut polling) {
                seen.extend(numbers(&poll.expect("polls").records));
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    while seen.len() < 200 {
        let poll = member.consumer.poll(7, PATIENCE).await.expect("polls");
        let missing = 200 - seen.len();
        assert!(!poll.is_empty(), "{missing} records did not come");
        for delivered in &poll.records {
            assert!(seen.insert(number(delivered)), "delivered twice");
        }
    }
}

async fn polls_are_bounded(subject: &Subject) {
    let topic = subject.topic(1).await;
    let big = |number: usize| Record::new("k", number.to_string().repeat(10_000));
    let appended = subject.log.append(&topic, (0..10).map(big).collect()).await;
    appended.expect("appends");
    let mut options = ConsumerOptions::new(unique("group"), [&topic]);
    options.max_poll_bytes = 25_000;
    let mut consumer = subject.log.consumer(options).await.expect("joins");
    let mut total = 0;
    while total < 10 {
        let poll = consumer.poll(1_000, PATIENCE).await.expect("polls");
        assert!(poll.records.len() <= 3, "{} records", poll.records.len());
        total += poll.records.len();
    }
    let start = Position { partition: 0, offset: 0 };
    consumer.seek(&topic, start).await.expect("seeks");
    let poll = consumer.poll(2, PATIENCE).await.expect("polls");
    assert!((1..=2).contains(&poll.records.len()));
}

async fn ranges_are_read_without_a_group(subject: &Subject) {
    let topic = subject.topic(1).await;
    // In several appends, so that a range crosses whatever they were stored as.
    for (from, count) in [(0, 7), (7, 13), (20, 30)] {
        let appended = subject.log.append(&topic, numbered(from, count)).await;
        appended.expect("appends");
    }
    let end = subject.log.end_offsets(&topic).await.expect("ends")[0].offset;
    for (offset, max) in [(0, 5), (3, 10), (6, 30), (25, 1), (0, 1_000)] {
        let from = Position { partition: 0, offset };
        let read = subject.log.read(&topic, from, max).await.expect("reads");
        let expected = max.min(usize::try_from(end - offset).expect("positive"));
        assert_eq!(read.len(), expected);
        let offsets: Vec<i64> = read.iter().map(|d| d.position.offset).collect();
        assert_eq!(offsets, (offset..offset + expected as i64).collect::<Vec<_>>());
    }
    let at = |offset| Position { partition: 0, offset };
    let nothing = subject.log.read(&topic, at(end), 10).await.expect("at the end");
    assert!(nothing.is_empty());
    for offset in [-1, end + 1, i64::MAX] {
        let error = subject.log.read(&topic, at(offset), 1).await.expect_err("out of range");
        assert!(matches!(error, Error::OffsetOutOfRange { .. }), "{error}");
    }
    for partition in [-1, 1] {
        let from = Position { partition, offset: 0 };
        let error = subject.log.read(&topic, from, 1).await.expect_err("no partition");
        assert!(matches!(error, Error::UnknownPartition { last: 0, .. }), "{error}");
    }
    let ranges = subject.log.offsets(&topic).await.expect("offsets");
    assert_eq!(ranges, [OffsetRange { partition: 0, start: 0, end }]);
}

async fn a_large_batch_is_appended_whole(subject: &Subject) {
    let topic = subject.topic(3).await;
    let records: Vec<Record> = (0..50_000)
        .map(|n: usize| Record::new(n.to_string(), n.to_string()))
        .collect();
    let positions = subject.log.append(&topic, records).await.expect("appends");
    assert_eq!(positions.iter().collect::<BTreeSet<_>>().len(), 50_000);
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(50_000).await;
    assert_eq!(numbers(&member.received), (0..50_000).collect());
}

async fn content_is_carried_untouched(subject: &Subject) {
    let topic = subject.topic(1).await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut dated = Record::new("dated", "content");
    dated.timestamp_ms = 1_700_000_000_123;
    let records = vec![
        Record::new("key", ""),
        Record::new("", ""),
        Record::new(vec![0, 255, 10, 13], vec![0, 159, 146, 150]),
        Record::new("traced", "content").with_header(TRACEPARENT, traceparent),
        Record::new("headers", "")
            .with_header("twice", "first")
            .with_header("empty", "")
            .with_header("twice", vec![0, 1, 255])
            .with_header("ключ", "значение"),
        dated,
    ];
    subject.log.append(&topic, records.clone()).await.expect("appends");
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(records.len()).await;
    let received = member.received.into_iter().map(|delivered| delivered.record);
    assert_eq!(received.collect::<Vec<_>>(), records);
}

async fn a_megabyte_is_taken_and_more_is_not(subject: &Subject) {
    let topic = subject.topic(1).await;
    // Noise, so that compression does not make it small.
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let payload: Vec<u8> = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise as u8
    })
    .take(MAX_RECORD_BYTES - 3)
    .collect();
    let record = Record::new("key", payload.clone());
    let appended = subject.log.append(&topic, vec![record.clone(); 3]).await;
    appended.expect("appends");
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(3).await;
    assert!(member.received.iter().all(|delivered| delivered.record == record));

    let larger = Record::new("key+", payload);
    let before = subject.log.end_offsets(&topic).await.expect("ends");
    let batch = vec![record, larger];
    let error = subject.log.append(&topic, batch).await.expect_err("too large");
    let message = error.to_string();
    assert!(message.contains("1000001") && message.contains("1000000"), "{message}");
    let after = subject.log.end_offsets(&topic).await.expect("ends");
    assert_eq!(before, after, "nothing of the batch was appended");
}

async fn unknown_topics_are_named(subject: &Subject) {
    let (log, topic) = (&subject.log, unique("nowhere"));
    let from = Position { partition: 0, offset: 0 };
    let errors = [
        log.append(&topic, numbered(0, 1)).await.expect_err("no topic"),
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

async fn creating_a_topic_again_changes_nothing(subject: &Subject) {
    let topic = subject.topic(3).await;
    subject.log.append(&topic, numbered(0, 10)).await.expect("appends");
    subject.log.create_topic(&topic, spec(3)).await.expect("is there");
    let error = subject.log.create_topic(&topic, spec(4)).await.expect_err("differs");
    assert!(
        matches!(error, Error::PartitionCount { existing: 3, requested: 4, .. }),
        "{error}"
    );
    let ends = subject.log.end_offsets(&topic).await.expect("ends");
    assert_eq!(ends.iter().map(|end| end.offset).sum::<i64>(), 10);
}

async fn what_no_broker_takes_is_refused(subject: &Subject) {
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
        let refused = subject.log.append(&topic, vec![Record::new("k", "v"), record]).await;
        assert!(!refused.expect_err("refused").is_transient());
    }
    let ends = subject.log.end_offsets(&topic).await.expect("ends");
    assert_eq!(ends[0].offset, 0, "nothing of the batches was appended");
    for topic in ["", "a topic", "a/b", ".."] {
        let error = subject.log.create_topic(topic, spec(1)).await.expect_err("refused");
        assert!(matches!(error, Error::InvalidName { .. }), "{error}");
        let error = subject.log.append(topic, numbered(0, 1)).await.expect_err("refused");
        assert!(matches!(error, Error::InvalidName { .. }), "{error}");
    }
    let error = subject.log.create_topic("t", spec(0)).await.expect_err("refused");
    assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
    let unnamed = ConsumerOptions::new("", [&topic]);
    let error = subject.log.consumer(unnamed).await.err().expect("refused");
    assert!(matches!(error, Error::InvalidName { .. }), "{error}");
}

async fn a_closed_log_says_so(subject: &Subject) {
    let topic = subject.topic(1).await;
    let log: &dyn EventLog = &*subject.log;
    log.append(&topic, numbered(0, 1)).await.expect("appends");
    log.healthy().await.expect("is well");
    log.close().await.expect("closes");
    let from = Position { partition: 0, offset: 0 };
    let errors = [
        log.append(&topic, numbered(1, 1)).await.err(),
        log.read(&topic, from, 1).await.err(),
        log.healthy().await.err(),
        log.create_topic(&unique("t"), spec(1)).await.err(),
        log.consumer(ConsumerOptions::new("g", [&topic])).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(Error::Closed)), "{error:?}");
    }
    log.close().await.expect("closing twice is fine");
}
