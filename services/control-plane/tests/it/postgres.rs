//! Two control planes on one PostgreSQL, and both without it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fairlead_authentication::LocalCallers;
use fairlead_chassis::clock::SystemClock;
use fairlead_control_plane::{Config, Deps, Error, Service};
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{ListReleasesRequest, WatchRequest, WatchResponse};
use fairlead_testkit::PostgresServer;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use crate::plane::{Home, PATIENCE, Plane, TENANT, Way, deposit, publish, put};

async fn watch(plane: &Plane, have_revision: i64) -> Streaming<WatchResponse> {
    let request = WatchRequest {
        tenant: TENANT.to_owned(),
        have_revision,
    };
    let opened = plane.releases().watch(request).await;
    opened.expect("watched").into_inner()
}

async fn next(stream: &mut Streaming<WatchResponse>) -> i64 {
    let said = timeout(PATIENCE, stream.message()).await.expect("in time");
    let release = said.expect("no error").expect("goes on").release;
    release.expect("a release").revision
}

async fn history(plane: &Plane) -> Vec<i64> {
    let request = ListReleasesRequest {
        tenant: TENANT.to_owned(),
        limit: 1_000,
    };
    let listed = plane.releases().list_releases(request).await;
    let releases = listed.expect("listed").into_inner().releases;
    releases.iter().rev().map(|one| one.revision).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_publishes_reaches_those_who_watch_the_other() {
    let home = Home::postgres();
    let (one, other) = (Plane::start(&home), Plane::start(&home));
    one.put(vec![deposit("D-1")]).await;
    let (mut of_one, mut of_other) = (watch(&one, 0).await, watch(&other, 0).await);
    for revision in 1..=4 {
        let publisher = if revision % 2 == 0 { &one } else { &other };
        assert_eq!(publisher.publish().await.revision, revision);
        assert_eq!(next(&mut of_one).await, revision);
        assert_eq!(next(&mut of_other).await, revision);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_planes_write_at_once_and_no_number_is_lost() {
    const ROUNDS: usize = 12;
    let home = Home::postgres();
    let planes = [Plane::start(&home), Plane::start(&home)];
    planes[0].put(vec![deposit("D-0")]).await;
    let mut writers = JoinSet::new();
    for (at, plane) in planes.iter().enumerate() {
        for lane in 0..3 {
            let (mut releases, mut drafts) = (plane.releases(), plane.drafts());
            writers.spawn(async move {
                let mut won = Vec::new();
                for round in 0..ROUNDS {
                    let product = deposit(&format!("D-{at}-{lane}-{round}"));
                    let put = drafts.put_products(put(vec![product])).await;
                    put.expect("writes wait for each other");
                    match releases.publish(publish()).await {
                        Ok(published) => won.push(published.into_inner().revision),
                        Err(status) => assert_eq!(status.code(), Code::Aborted, "{status}"),
                    }
                }
                won
            });
        }
    }
    let won: Vec<i64> = writers.join_all().await.into_iter().flatten().collect();
    let distinct: BTreeSet<i64> = won.iter().copied().collect();
    assert_eq!(distinct.len(), won.len(), "a number was given twice");
    let without_gap: Vec<i64> = (1..).take(won.len()).collect();
    assert!(!won.is_empty());
    assert_eq!(history(&planes[1]).await, without_gap);
    let verified = planes[0].verify().await;
    let writes = 1 + 6 * ROUNDS + won.len();
    assert_eq!(
        (verified.intact, verified.rows),
        (true, i64::try_from(writes).expect("few"))
    );
    planes[1].publish().await;
    let release = planes[0].release(0).await.expect("in force");
    let products = release.catalogue.expect("a catalogue").products;
    assert_eq!(products.len(), 1 + 6 * ROUNDS);
}

/// A short wait for connections, so that a lost database is reported soon.
fn impatient(home: &Home) -> Config {
    Config {
        busy_timeout_ms: 500,
        ..home.config()
    }
}

/// Calls until the call succeeds. Returns how often it was UNAVAILABLE, and the last message.
async fn until_it_works<T, F: Future<Output = Result<T, Status>>>(
    mut call: impl FnMut() -> F,
) -> T {
    let trying = async {
        loop {
            match call().await {
                Ok(answer) => return answer,
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
            }
        }
    };
    timeout(PATIENCE, trying).await.expect("it comes back")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_said_and_comes_back() {
    let mut server = PostgresServer::start().expect("a PostgreSQL");
    let mut home = Home::on(&server);
    home.database = home.database.replace("postgres@", "postgres:secret@");
    let planes = [
        Plane::start_with(impatient(&home)),
        Plane::start_with(impatient(&home)),
    ];
    planes[0].put(vec![deposit("D-0")]).await;
    planes[0].publish().await;

    server.kill9().expect("killed");
    let mut drafts = planes[0].drafts();
    let away = drafts.put_products(put(vec![deposit("D-1")])).await;
    let away = away.expect_err("nobody there");
    assert_eq!(away.code(), Code::Unavailable);
    let (_, place) = home.database.rsplit_once('@').expect("a place");
    assert!(away.message().contains(place), "{away}");
    assert!(!away.message().contains("secret"), "{away}");

    let back = tokio::task::spawn_blocking(move || {
        server.restart().expect("restarted");
        server
    });
    let _server = back.await.expect("no panic");
    until_it_works(|| {
        let mut drafts = planes[0].drafts();
        async move { drafts.put_products(put(vec![deposit("D-1")])).await }
    })
    .await;
    let in_force = until_it_works(|| planes[1].release(0)).await.revision;
    // Whoever watches the other hears of what follows: that plane listens again by itself.
    let mut watcher = watch(&planes[1], in_force).await;
    let published = until_it_works(|| {
        let mut releases = planes[0].releases();
        async move { releases.publish(publish()).await }
    })
    .await;
    assert_eq!(next(&mut watcher).await, published.into_inner().revision);
}

/// Puts a product and publishes, over and over, until `stop`; counts in `failed` what was not acknowledged.
/// Returns the ids of the products that were.
async fn write_until(
    stop: CancellationToken,
    failed: Arc<AtomicUsize>,
    writer: usize,
    mut drafts: DraftServiceClient<Way>,
    mut releases: ReleaseServiceClient<Way>,
) -> Vec<String> {
    let mut kept = Vec::new();
    for round in 0.. {
        if stop.is_cancelled() {
            break;
        }
        let id = format!("D-{writer}-{round}");
        match drafts.put_products(put(vec![deposit(&id)])).await {
            Ok(_) => kept.push(id),
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status}");
                failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Err(status) = releases.publish(publish()).await {
            let expected = [Code::Unavailable, Code::Aborted];
            assert!(expected.contains(&status.code()), "{status}");
            if status.code() == Code::Unavailable {
                failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_under_load_leaves_nothing_half_written() {
    let mut server = PostgresServer::start().expect("a PostgreSQL");
    let home = Home::on(&server);
    let planes = [
        Plane::start_with(impatient(&home)),
        Plane::start_with(impatient(&home)),
    ];
    planes[0].put(vec![deposit("D-0")]).await;
    let (stop, failed) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let mut writers = JoinSet::new();
    for (at, plane) in planes.iter().enumerate() {
        writers.spawn(write_until(
            stop.clone(),
            Arc::clone(&failed),
            at,
            plane.drafts(),
            plane.releases(),
        ));
    }
    // Twice, and until a write met a restart: on a busy machine one may pass between two writes.
    for restarts in 0.. {
        if restarts >= 2 && failed.load(Ordering::Relaxed) > 0 {
            break;
        }
        assert!(restarts < 30, "no write met any of {restarts} restarts");
        let revision = planes[0].release(0).await.map_or(0, |one| one.revision);
        // Only once the load is seen to go through.
        let mut watcher = watch(&planes[0], revision).await;
        next(&mut watcher).await;
        let restarting = tokio::task::spawn_blocking(move || {
            server.restart().expect("restarted");
            server
        });
        server = restarting.await.expect("no panic");
        until_it_works(|| planes[0].release(0)).await;
    }
    stop.cancel();
    let kept = writers.join_all().await;
    let verified = planes[1].verify().await;
    assert!(verified.intact, "{verified:?}");
    let revisions = history(&planes[1]).await;
    let without_gap: Vec<i64> = (1..).take(revisions.len()).collect();
    assert_eq!(revisions, without_gap);
    planes[1].publish().await;
    let release = planes[0].release(0).await.expect("in force");
    let products = release.catalogue.expect("a catalogue").products;
    let there: BTreeSet<&str> = products.iter().map(|one| one.product_id.as_str()).collect();
    for id in kept.iter().flatten() {
        assert!(
            there.contains(id.as_str()),
            "{id} was acknowledged and is gone"
        );
    }
}

#[tokio::test]
async fn a_database_that_is_away_at_start_is_named_with_the_key_to_mend() {
    let server = PostgresServer::start().expect("a PostgreSQL");
    let mut home = Home::on(&server);
    drop(server);
    home.database = home.database.replace("postgres@", "postgres:secret@");
    let deps = Deps {
        clock: Arc::new(SystemClock),
        log: None,
        shutdown: CancellationToken::new(),
        local: LocalCallers::default(),
    };
    let config = impatient(&home);
    let opened = timeout(Duration::from_secs(30), Service::new(&config, deps)).await;
    let refused = opened.expect("it does not hang").err().expect("away");
    assert!(matches!(refused, Error::Open { .. }) && refused.is_transient());
    let said = refused.to_string();
    assert!(
        said.contains("`database`") && said.contains("127.0.0.1"),
        "{said}"
    );
    assert!(!said.contains("secret"), "{said}");
}
