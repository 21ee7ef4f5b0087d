//! Watchers: the release in force, then each that follows.

use std::sync::Arc;

use fairlead_authentication::{LocalCallers, tools};
use fairlead_chassis::clock::SystemClock;
use fairlead_control_plane::{Deps, Service};
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{WatchRequest, WatchResponse};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming};

use crate::plane::{Home, PATIENCE, Plane, TENANT, deposit, on_both, publish, put};

fn from(have_revision: i64) -> WatchRequest {
    WatchRequest {
        tenant: TENANT.to_owned(),
        have_revision,
    }
}

async fn next(stream: &mut Streaming<WatchResponse>) -> Option<i64> {
    let said = timeout(PATIENCE, stream.message())
        .await
        .expect("in time")
        .expect("no error");
    said.map(|said| said.release.expect("a release").revision)
}

async fn the_current_release_comes_first_then_each_that_follows(home: Home) {
    let plane = Plane::start(&home);
    let mut before = plane
        .releases()
        .watch(from(0))
        .await
        .expect("watched")
        .into_inner();
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    assert_eq!(next(&mut before).await, Some(1));
    let mut late = plane
        .releases()
        .watch(from(0))
        .await
        .expect("watched")
        .into_inner();
    assert_eq!(next(&mut late).await, Some(1));
    let mut same = plane
        .releases()
        .watch(from(1))
        .await
        .expect("watched")
        .into_inner();
    plane.publish().await;
    for stream in [&mut before, &mut late, &mut same] {
        assert_eq!(next(stream).await, Some(2));
    }
}

async fn a_watcher_that_hangs_up_is_no_harm(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    for _ in 0..20 {
        // Each over a connection of its own, which breaks with it.
        let mut lost = plane
            .releases()
            .watch(from(0))
            .await
            .expect("watched")
            .into_inner();
        assert_eq!(next(&mut lost).await, Some(1));
    }
    plane.publish().await;
    let mut stays = plane
        .releases()
        .watch(from(1))
        .await
        .expect("watched")
        .into_inner();
    assert_eq!(next(&mut stays).await, Some(2));
}

async fn streams_end_at_shutdown_and_the_server_drains(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    let mut stream = plane
        .releases()
        .watch(from(0))
        .await
        .expect("watched")
        .into_inner();
    assert_eq!(next(&mut stream).await, Some(1));
    let (stopped, said) = tokio::join!(plane.stop(), next(&mut stream));
    stopped.expect("drained although there was a watcher");
    assert_eq!(said, None);
}

async fn who_is_slow_gets_only_the_newest(home: Home) {
    let deps = Deps {
        clock: Arc::new(SystemClock),
        log: None,
        shutdown: CancellationToken::new(),
        local: LocalCallers::default(),
    };
    let service = Service::new(&home.config(), deps).await.expect("opened");
    // In process nothing buffers: the stream is asked when the client asks.
    let link = service.in_process(tools());
    let mut releases = ReleaseServiceClient::new(link.clone());
    let mut drafts = DraftServiceClient::new(link);
    drafts
        .put_products(put(vec![deposit("D-1")]))
        .await
        .expect("put");
    releases.publish(publish()).await.expect("published");
    let mut slow = releases.watch(from(0)).await.expect("watched").into_inner();
    assert_eq!(next(&mut slow).await, Some(1));
    for _ in 2..=5 {
        releases.publish(publish()).await.expect("published");
    }
    assert_eq!(next(&mut slow).await, Some(5));
    releases.publish(publish()).await.expect("published");
    assert_eq!(next(&mut slow).await, Some(6));
    drop(slow);
    service.close().await;
}

async fn a_revision_below_zero_is_refused(home: Home) {
    let plane = Plane::start(&home);
    let refused = plane
        .releases()
        .watch(from(-1))
        .await
        .expect_err("negative");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

on_both!(
    the_current_release_comes_first_then_each_that_follows,
    a_watcher_that_hangs_up_is_no_harm,
    streams_end_at_shutdown_and_the_server_drains,
    who_is_slow_gets_only_the_newest,
    a_revision_below_zero_is_refused,
);
