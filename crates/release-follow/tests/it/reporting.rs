//! A follower tells the control plane what became of each release.

use std::time::Duration;

use fairlead_proto::control::v1::ReportRequest;
use fairlead_release_follow::{Derived, FollowOptions, Follower, Reporter};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::releases::{PATIENCE, Scripted, options, release, script, tampered};

fn reporting(report_every: Duration) -> FollowOptions {
    FollowOptions {
        reporter: Some(Reporter {
            service: "ranking".to_owned(),
            instance: "ranking-1:7004".to_owned(),
            version: "0.1.0".to_owned(),
        }),
        report_every,
        ..options(None)
    }
}

/// Waits until the newest report is as wanted.
async fn told(service: &Scripted, wanted: impl Fn(&ReportRequest) -> bool) -> ReportRequest {
    let mut told = service.told.subscribe();
    let reached = told.wait_for(|all| all.last().is_some_and(&wanted));
    let all = timeout(PATIENCE, reached).await.expect("in time");
    all.expect("the service lives").last().expect("one").clone()
}

#[tokio::test]
async fn what_is_taken_and_what_is_refused_is_told() {
    let (say, heard) = script();
    let (service, _asks) = Scripted::new([heard]);
    // Never again without a change: what is seen here was told because of one.
    let follower = Follower::new(service.link(), reporting(Duration::from_hours(1)));
    let handle = follower.handle();
    let stop = CancellationToken::new();
    let (_prices, building) = Derived::follow(
        "prices",
        handle.clone(),
        |live| match live.revision() {
            3 => Err("a hole in row 7"),
            _ => Ok(()),
        },
        stop.clone(),
    );
    let mut tasks = JoinSet::new();
    tasks.spawn(building);
    tasks.spawn(follower.run(stop.clone()));

    let begun = told(&service, |report| report.revision == 0).await;
    assert_eq!(
        (
            &*begun.tenant,
            &*begun.service,
            &*begun.instance,
            &*begun.version
        ),
        ("acme", "ranking", "ranking-1:7004", "0.1.0")
    );
    say.send(Ok(release(1))).await.expect("heard");
    told(&service, |report| report.revision == 1).await;
    // Refused by the checks of the release.
    say.send(Ok(tampered(2))).await.expect("heard");
    let refused = told(&service, |report| report.refused_revision == 2).await;
    assert_eq!(refused.revision, 1);
    assert!(refused.reason.starts_with("release: "), "{refused:?}");
    // Refused by what the service makes of it: the one before stays in use.
    say.send(Ok(release(3))).await.expect("heard");
    let refused = told(&service, |report| report.refused_revision == 3).await;
    assert_eq!(
        (refused.revision, &*refused.reason),
        (1, "prices: a hole in row 7")
    );
    say.send(Ok(release(4))).await.expect("heard");
    let mended = told(&service, |report| {
        report.revision == 4 && report.refused_revision == 0
    })
    .await;
    assert_eq!(mended.reason, "");
    stop.cancel();
    tasks.join_all().await;
}

#[tokio::test]
async fn it_is_told_again_when_nothing_changes() {
    let (_silent, heard) = script();
    let (service, _asks) = Scripted::new([heard]);
    let follower = Follower::new(service.link(), reporting(Duration::from_millis(1)));
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(follower.run(stop.clone()));
    let mut told = service.told.subscribe();
    let often = told.wait_for(|all| all.len() >= 5);
    timeout(PATIENCE, often)
        .await
        .expect("in time")
        .expect("lives");
    stop.cancel();
    tasks.join_all().await;
}
