//! Appends: order, partitions, positions, content and limits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use fairlead_event_log::{MAX_RECORD_BYTES, Position, Record, TRACEPARENT, partition_for};
use futures::future::join_all;

use crate::subject::{Member, Subject, number, numbered, numbers, total, unique};

pub(super) async fn one_keys_records_stay_in_order(subject: &Subject) {
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

pub(super) async fn partitions_equal_those_of_the_java_client(subject: &Subject) {
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

pub(super) async fn append_returns_the_records_positions(subject: &Subject) {
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
    let none = subject
        .log
        .append(&topic, Vec::new())
        .await
        .expect("nothing");
    assert!(none.is_empty());
}

pub(super) async fn concurrent_appends_get_distinct_positions(subject: &Subject) {
    let topic = subject.topic(2).await;
    let appends = (0..40).map(|call| {
        let (log, topic) = (Arc::clone(&subject.log), topic.clone());
        async move { log.append(&topic, numbered(call * 10, 10)).await }
    });
    let positions = join_all(appends).await;
    let positions: Vec<Position> = positions
        .into_iter()
        .flat_map(|p| p.expect("appends"))
        .collect();
    assert_eq!(
        positions.iter().collect::<BTreeSet<_>>().len(),
        400,
        "no position twice"
    );
    assert_eq!(total(&*subject.log, &topic).await, 400, "no gaps");
}

pub(super) async fn a_large_batch_is_appended_completely(subject: &Subject) {
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

pub(super) async fn content_is_carried_unchanged(subject: &Subject) {
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
    subject
        .log
        .append(&topic, records.clone())
        .await
        .expect("appends");
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(records.len()).await;
    let received = member
        .received
        .into_iter()
        .map(|delivered| delivered.record);
    assert_eq!(received.collect::<Vec<_>>(), records);
}

pub(super) async fn a_record_of_a_megabyte_is_taken_and_a_larger_one_refused(subject: &Subject) {
    let topic = subject.topic(1).await;
    // Random bytes, so that compression does not make the record small.
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
    assert!(
        member
            .received
            .iter()
            .all(|delivered| delivered.record == record)
    );

    let larger = Record::new("key+", payload);
    let before = subject.log.end_offsets(&topic).await.expect("ends");
    let batch = vec![record, larger];
    let error = subject
        .log
        .append(&topic, batch)
        .await
        .expect_err("too large");
    let message = error.to_string();
    assert!(
        message.contains("1000001") && message.contains("1000000"),
        "{message}"
    );
    let after = subject.log.end_offsets(&topic).await.expect("ends");
    assert_eq!(before, after, "nothing of the batch was appended");
}
