//! Consumer groups: commits, redelivery, sharing of partitions and lag.

use std::time::Duration;

use fairlead_event_log::{ConsumerOptions, Error, Start};

use crate::subject::{Member, Subject, TIMEOUT, at, next_offsets, numbered, numbers, unique};

pub(super) async fn uncommitted_records_are_delivered_again(subject: &Subject) {
    let (topic, group) = (subject.topic(2).await, unique("group"));
    subject
        .log
        .append(&topic, numbered(0, 50))
        .await
        .expect("appends");
    let mut first = Member::join(&subject.log, &group, &topic).await;
    first.receive(50).await;
    // Dropped without a commit, as in a crash.
    drop(first);
    let mut second = Member::join(&subject.log, &group, &topic).await;
    second.receive(50).await;
    assert_eq!(numbers(&second.received), (0..50).collect());
}

pub(super) async fn committed_records_are_not_delivered_again(subject: &Subject) {
    let (topic, group) = (subject.topic(2).await, unique("group"));
    subject
        .log
        .append(&topic, numbered(0, 50))
        .await
        .expect("appends");
    let mut first = Member::join(&subject.log, &group, &topic).await;
    first.receive(50).await;
    first.commit().await;
    first.close().await;
    subject
        .log
        .append(&topic, numbered(50, 10))
        .await
        .expect("appends");
    let mut second = Member::join(&subject.log, &group, &topic).await;
    second.receive(10).await;
    assert_eq!(numbers(&second.received), (50..60).collect());
}

pub(super) async fn groups_are_independent(subject: &Subject) {
    let topic = subject.topic(2).await;
    subject
        .log
        .append(&topic, numbered(0, 20))
        .await
        .expect("appends");
    let mut one = Member::join(&subject.log, &unique("group"), &topic).await;
    let mut other = Member::join(&subject.log, &unique("group"), &topic).await;
    one.receive(20).await;
    one.commit().await;
    other.receive(20).await;
    assert_eq!(numbers(&one.received), numbers(&other.received));
}

pub(super) async fn two_members_share_partitions_and_one_takes_over(subject: &Subject) {
    let (topic, group) = (subject.topic(4).await, unique("group"));
    let mut one = Member::join(&subject.log, &group, &topic).await;
    one.own(4).await;
    let mut other = Member::join(&subject.log, &group, &topic).await;
    let shared = tokio::time::timeout(TIMEOUT, async {
        while (one.owned.len(), other.owned.len()) != (2, 2) {
            let wait = Duration::from_millis(100);
            tokio::join!(one.poll(wait), other.poll(wait));
        }
    });
    shared.await.expect("two partitions each");
    assert!(one.owned.is_disjoint(&other.owned));

    subject
        .log
        .append(&topic, numbered(0, 100))
        .await
        .expect("appends");
    let received = tokio::time::timeout(TIMEOUT, async {
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
    subject
        .log
        .append(&topic, numbered(100, 50))
        .await
        .expect("appends");
    one.receive(50).await;
    assert_eq!(numbers(&one.received), (100..150).collect());
}

pub(super) async fn a_commit_of_a_partition_that_is_not_owned_is_refused(subject: &Subject) {
    let (topic, group) = (subject.topic(1).await, unique("group"));
    subject
        .log
        .append(&topic, numbered(0, 5))
        .await
        .expect("appends");
    let mut owner = Member::join(&subject.log, &group, &topic).await;
    owner.receive(5).await;
    let mut other = Member::join(&subject.log, &group, &topic).await;
    other.poll(Duration::from_millis(10)).await;
    let upto = next_offsets(&owner.received);
    let refused = other.consumer.commit(&upto).await;
    let error = refused.expect_err("not the owner");
    assert!(matches!(error, Error::NotAssigned { .. }), "{error}");
    let position = at(0, 0);
    let error = other
        .consumer
        .seek(&topic, position)
        .await
        .expect_err("not the owner");
    assert!(matches!(error, Error::NotAssigned { .. }), "{error}");
    owner.commit().await;
    owner.consumer.commit(&[]).await.expect("nothing to commit");
}

pub(super) async fn lag_counts_uncommitted_records(subject: &Subject) {
    let topic = subject.topic(2).await;
    subject
        .log
        .append(&topic, numbered(0, 40))
        .await
        .expect("appends");
    let mut member = Member::join(&subject.log, &unique("group"), &topic).await;
    member.receive(40).await;
    assert_eq!(member.consumer.lag().await.expect("lag"), 40);
    member.commit().await;
    assert_eq!(member.consumer.lag().await.expect("lag"), 0);
    subject
        .log
        .append(&topic, numbered(40, 7))
        .await
        .expect("appends");
    assert_eq!(member.consumer.lag().await.expect("lag"), 7);
}

pub(super) async fn a_latest_start_skips_existing_records(subject: &Subject) {
    let (topic, group) = (subject.topic(2).await, unique("group"));
    subject
        .log
        .append(&topic, numbered(0, 20))
        .await
        .expect("appends");
    let options = ConsumerOptions::new(&group, [&topic]).starting(Start::Latest);
    let mut member = Member::with(&subject.log, options.clone()).await;
    member.own(2).await;
    assert_eq!(member.received.len(), 0);
    subject
        .log
        .append(&topic, numbered(20, 20))
        .await
        .expect("appends");
    member.receive(20).await;
    assert_eq!(numbers(&member.received), (20..40).collect());
    // The member committed nothing itself, but its starting offset is committed.
    drop(member);
    let mut next = Member::with(&subject.log, options).await;
    next.receive(20).await;
    assert_eq!(numbers(&next.received), (20..40).collect());
}
