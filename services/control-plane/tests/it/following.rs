//! A service that follows a real control plane goes on without it.

use std::path::Path;
use std::time::Duration;

use fairlead_chassis::link::Link;
use fairlead_domain::TenantId;
use fairlead_release_follow::{FollowOptions, Follower, ReleaseHandle};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::plane::{Home, PATIENCE, Plane, TENANT, deposit, on_both, service_token};

/// Follows releases as a service does. The tasks end when the set is dropped.
fn follow(plane: std::net::SocketAddr, cache: &Path) -> (ReleaseHandle, JoinSet<()>) {
    let tenant = TenantId::new(TENANT).expect("a tenant");
    let link = Link::connect(&[format!("http://{plane}")]).expect("an address");
    let link = link
        .with_bearer(&service_token("ranking"))
        .expect("a token");
    let options = FollowOptions {
        first_back_off: Duration::from_millis(5),
        longest_back_off: Duration::from_millis(50),
        ..FollowOptions::new(tenant, Some(cache.to_owned()))
    };
    let follower = Follower::new(link, options);
    let handle = follower.handle();
    let mut tasks = JoinSet::new();
    tasks.spawn(follower.run(CancellationToken::new()));
    (handle, tasks)
}

async fn at(handle: &ReleaseHandle, revision: i64) {
    let mut changed = handle.changed();
    let reached = changed.wait_for(|current| *current == revision);
    timeout(PATIENCE, reached)
        .await
        .expect("in time")
        .expect("the handle lives");
}

async fn a_service_outlives_the_control_plane_and_starts_without_it(home: Home) {
    let cache = home.path().join("cache");
    let plane = Plane::start(&home);
    let address = plane.address();
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    let (handle, tasks) = follow(address, &cache);
    at(&handle, 1).await;
    // Taking the next begins after the one before was kept on disk.
    plane.publish().await;
    at(&handle, 2).await;

    let listener = plane.kill();
    assert_eq!(handle.live().expect("still serves").catalogue.len(), 1);
    // Another service starts from the file while nobody answers.
    let (started, others) = follow(address, &cache);
    let began = started.live().expect("starts from disk");
    assert!(began.revision() >= 1);
    assert!(began.catalogue.get("D-1").is_some());

    let plane = Plane::come_back(&home, listener);
    plane.put(vec![deposit("D-2")]).await;
    assert_eq!(plane.publish().await.revision, 3);
    for handle in [&handle, &started] {
        at(handle, 3).await;
        assert!(handle.live().expect("live").catalogue.get("D-2").is_some());
    }
    drop((tasks, others));
}

on_both!(a_service_outlives_the_control_plane_and_starts_without_it,);
