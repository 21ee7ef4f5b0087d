//! Many writers at once: writes happen one after the other, each completely or not at all.

use std::collections::BTreeSet;

use fairlead_proto::control::v1::{ListReleasesRequest, PublishRequest};
use tokio::task::JoinSet;
use tonic::Code;

use crate::plane::{Home, Plane, TENANT, deposit, on_both, publish, put};

const WRITERS: usize = 12;

async fn exactly_one_publication_wins_each_revision(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let mut releases = plane.releases();
        writers.spawn(async move { releases.publish(publish()).await });
    }
    let mut won = BTreeSet::new();
    for outcome in writers.join_all().await {
        match outcome {
            Ok(published) => assert!(won.insert(published.into_inner().revision), "won twice"),
            Err(status) => assert_eq!(status.code(), Code::Aborted, "{status}"),
        }
    }
    assert!(!won.is_empty());
    let request = ListReleasesRequest {
        tenant: TENANT.to_owned(),
        limit: 0,
    };
    let listed = plane
        .releases()
        .list_releases(request)
        .await
        .expect("listed")
        .into_inner();
    let listed: Vec<i64> = listed
        .releases
        .iter()
        .rev()
        .map(|one| one.revision)
        .collect();
    let without_gap: Vec<i64> = (1..).take(won.len()).collect();
    assert_eq!(listed, without_gap);
    assert_eq!(won.into_iter().collect::<Vec<_>>(), listed);
    assert!(plane.verify().await.intact);
}

async fn of_those_who_decided_on_one_revision_one_wins(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let mut releases = plane.releases();
        let request = PublishRequest {
            expected_revision: 1,
            ..publish()
        };
        writers.spawn(async move { releases.publish(request).await.map_err(|one| one.code()) });
    }
    let outcomes = writers.join_all().await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let aborted = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(Code::Aborted)))
        .count();
    assert_eq!((won, aborted), (1, WRITERS - 1));
    assert_eq!(plane.release(0).await.expect("in force").revision, 2);
}

async fn every_concurrent_write_has_its_audit_row(home: Home) {
    let plane = Plane::start(&home);
    let mut writers = JoinSet::new();
    for at in 0..WRITERS {
        let mut drafts = plane.drafts();
        let request = put(vec![deposit(&format!("D-{at}"))]);
        writers.spawn(async move { drafts.put_products(request).await.map(|_| ()) });
    }
    for outcome in writers.join_all().await {
        outcome.expect("writes wait for each other");
    }
    let rows = plane.audit_rows().await;
    assert_eq!(rows.len(), WRITERS);
    assert!(plane.verify().await.intact);
    plane.publish().await;
    let catalogue = plane
        .release(0)
        .await
        .expect("in force")
        .catalogue
        .expect("a catalogue");
    assert_eq!(catalogue.products.len(), WRITERS);
}

on_both!(
    exactly_one_publication_wins_each_revision,
    of_those_who_decided_on_one_revision_one_wins,
    every_concurrent_write_has_its_audit_row,
);
