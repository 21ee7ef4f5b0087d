//! A follower takes what passes, survives losses, and starts from its file.

use std::fs;
use std::time::Duration;

use fairlead_proto::control::v1::Release;
use fairlead_release_follow::{FollowOptions, Follower, LastGood, ReleaseHandle};
use fairlead_testkit::old_form;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;

use crate::releases::{PATIENCE, Scripted, options, release, script, tampered, tenant};

/// A follower that runs until it is dropped.
struct Running {
    handle: ReleaseHandle,
    tasks: JoinSet<()>,
    shutdown: DropGuard,
}

fn start(follower: Follower) -> Running {
    let shutdown = CancellationToken::new();
    let handle = follower.handle();
    let mut tasks = JoinSet::new();
    tasks.spawn(follower.run(shutdown.clone()));
    Running {
        handle,
        tasks,
        shutdown: shutdown.drop_guard(),
    }
}

impl Running {
    async fn at(&self, revision: i64) {
        let mut changed = self.handle.changed();
        let reached = changed.wait_for(|current| *current == revision);
        timeout(PATIENCE, reached)
            .await
            .expect("in time")
            .expect("the handle lives");
    }

    async fn stop(mut self) {
        drop(self.shutdown);
        let ended = timeout(PATIENCE, self.tasks.join_next())
            .await
            .expect("in time");
        ended.expect("one task").expect("no panic");
    }
}

async fn next(asks: &mut mpsc::Receiver<i64>) -> i64 {
    timeout(PATIENCE, asks.recv())
        .await
        .expect("in time")
        .expect("the service lives")
}

#[tokio::test]
async fn each_release_is_taken_and_what_does_not_pass_is_not() {
    let (say, heard) = script();
    let (service, _asks) = Scripted::new([heard]);
    let running = start(Follower::new(service.link(), options(None)));
    assert!(running.handle.live().is_none());
    say.send(Ok(release(1))).await.expect("heard");
    running.at(1).await;
    let mut changed = running.handle.changed();
    say.send(Ok(tampered(2))).await.expect("heard");
    let mut foreign = release(3);
    foreign.tenant = "other".to_owned();
    say.send(Ok(foreign)).await.expect("heard");
    say.send(Ok(release(1))).await.expect("heard");
    say.send(Ok(release(4))).await.expect("heard");
    // Had one of those between been taken, this would be the change to it.
    timeout(PATIENCE, changed.changed())
        .await
        .expect("in time")
        .expect("lives");
    assert_eq!(*changed.borrow(), 4);
    running.stop().await;
}

#[tokio::test]
async fn a_lost_stream_is_opened_again_from_what_is_there() {
    let (say, heard) = script();
    let (service, mut asks) = Scripted::new([heard]);
    let running = start(Follower::new(service.link(), options(None)));
    assert_eq!(next(&mut asks).await, 0);
    say.send(Ok(release(1))).await.expect("heard");
    running.at(1).await;
    say.send(Err(Status::unavailable("restarting")))
        .await
        .expect("heard");
    drop(say);
    // Away for some attempts; then back, with a release that was published meanwhile.
    let (again, heard) = script();
    service.add(heard).await;
    assert_eq!(next(&mut asks).await, 1);
    again.send(Ok(release(2))).await.expect("heard");
    running.at(2).await;
    running.stop().await;
}

#[tokio::test]
async fn a_stream_that_says_nothing_is_opened_anew() {
    let (_silent, first) = script();
    let (say, second) = script();
    let (service, mut asks) = Scripted::new([first, second]);
    let follower = Follower::new(
        service.link(),
        FollowOptions {
            reopen_after: Duration::from_millis(10),
            ..options(None)
        },
    );
    let running = start(follower);
    // The first stream stays open and silent for ever, as one whose other end vanished.
    assert_eq!(next(&mut asks).await, 0);
    assert_eq!(next(&mut asks).await, 0);
    say.send(Ok(release(1))).await.expect("heard");
    running.at(1).await;
    running.stop().await;
}

#[tokio::test]
async fn a_service_starts_from_its_file_without_the_control_plane() {
    let folder = tempfile::tempdir().expect("a folder");
    let (say, heard) = script();
    let (service, _asks) = Scripted::new([heard]);
    let running = start(Follower::new(service.link(), options(Some(folder.path()))));
    say.send(Ok(release(7))).await.expect("heard");
    running.at(7).await;
    // Once the next is live, the one before has been kept: they are taken one after the other.
    say.send(Ok(release(8))).await.expect("heard");
    running.at(8).await;
    running.stop().await;

    let last_good = LastGood::new(folder.path(), &tenant());
    let kept = last_good.load().expect("read").expect("kept").revision;
    assert!(matches!(kept, 7 | 8), "{kept}");
    let (away, _asks) = Scripted::new([]);
    let alone = Follower::new(away.link(), options(Some(folder.path())));
    let began = alone.handle().revision();
    assert!(began >= kept, "{began} is older than {kept}");
    let running = start(alone);
    assert_eq!(running.handle.live().expect("served").revision(), began);
    running.stop().await;
}

/// A file from before cost models and guardrails were sections is read, and stays what it is.
#[tokio::test]
async fn a_service_starts_from_a_file_of_the_version_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let stored = Release::decode(old_form::RELEASE).expect("a release");
    let last_good = LastGood::new(folder.path(), &tenant());
    last_good.store(&stored).expect("stored");
    let (away, _asks) = Scripted::new([]);
    let alone = Follower::new(away.link(), options(Some(folder.path())));
    let live = alone.handle().live().expect("served");
    assert_eq!(live.release, stored);
    let kept = last_good.load().expect("read").expect("kept");
    assert_eq!(kept, stored);
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let last_good = LastGood::new(folder.path(), &tenant());
    last_good.store(&release(3)).expect("stored");
    let (away, _asks) = Scripted::new([]);
    let begins_at = || {
        Follower::new(away.link(), options(Some(folder.path())))
            .handle()
            .revision()
    };
    assert_eq!(begins_at(), 3);

    let content = fs::read(last_good.path()).expect("read");
    fs::write(last_good.path(), &content[..content.len() - 5]).expect("cut");
    assert_eq!(begins_at(), 0);
    last_good.store(&tampered(3)).expect("stored");
    assert_eq!(begins_at(), 0);
    let mut foreign = release(3);
    foreign.tenant = "other".to_owned();
    foreign.content_hash = fairlead_release::content_hash(&foreign);
    last_good.store(&foreign).expect("stored");
    assert_eq!(begins_at(), 0);

    // What follows puts a good one in its place.
    let (say, heard) = script();
    let (service, _asks) = Scripted::new([heard]);
    let running = start(Follower::new(service.link(), options(Some(folder.path()))));
    for revision in [4, 5] {
        say.send(Ok(release(revision))).await.expect("heard");
        running.at(revision).await;
    }
    running.stop().await;
    assert!(begins_at() >= 4);
}
