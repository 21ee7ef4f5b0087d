//! Keys of apps and partners: made, rotated, revoked, and followed by gateways.

use fairlead_identity::Permission;
use fairlead_proto::access::v1::access_service_client::AccessServiceClient;
use fairlead_proto::access::v1::{
    CreateKeyRequest, CreateKeyResponse, DisablePersonRequest, FollowKeysRequest,
    FollowKeysResponse, FollowedKey, KeyKind, ListKeysRequest, RevokeKeyRequest, RotateKeyRequest,
};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use tonic::{Code, Streaming};

use crate::plane::{Bearer, Home, PATIENCE, Plane, TENANT, deposit, on_both, service_token};

fn create(name: &str) -> CreateKeyRequest {
    CreateKeyRequest {
        tenant: TENANT.to_owned(),
        name: name.to_owned(),
        kind: KeyKind::Application.into(),
        scopes: vec![Permission::Recommend.into(), Permission::Quote.into()],
        requests_per_second: 100,
        ..CreateKeyRequest::default()
    }
}

fn list() -> ListKeysRequest {
    ListKeysRequest {
        tenant: TENANT.to_owned(),
    }
}

async fn made(plane: &Plane, name: &str) -> CreateKeyResponse {
    let made = plane.access().create_key(create(name)).await;
    made.expect("made").into_inner()
}

/// Follows what is good, as a gateway does.
async fn follow(plane: &Plane, have_version: i64) -> Streaming<FollowKeysResponse> {
    let way = plane.channel_with(Bearer::of(&service_token("gateway")));
    let request = FollowKeysRequest {
        tenant: TENANT.to_owned(),
        have_version,
    };
    let stream = AccessServiceClient::new(way).follow_keys(request).await;
    stream.expect("followed").into_inner()
}

async fn next(stream: &mut Streaming<FollowKeysResponse>) -> FollowKeysResponse {
    let next = timeout(PATIENCE, stream.message()).await.expect("in time");
    next.expect("no error").expect("the stream goes on")
}

/// Reads until what is good is as wanted.
async fn until(
    stream: &mut Streaming<FollowKeysResponse>,
    wanted: impl Fn(&FollowKeysResponse) -> bool,
) -> FollowKeysResponse {
    loop {
        let now = next(stream).await;
        if wanted(&now) {
            return now;
        }
    }
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// Returns until when a secret is good, or `None` if the key does not have it.
fn good_until(key: &FollowedKey, secret: &str) -> Option<i64> {
    let hash = hash(secret);
    let found = key.secrets.iter().find(|one| one.sha256 == hash);
    found.map(|one| one.until_ms)
}

async fn a_secret_is_shown_once_and_stored_nowhere(home: Home) {
    let plane = Plane::start(&home);
    let made = plane
        .access()
        .create_key(create("app"))
        .await
        .expect("made")
        .into_inner();
    let key = made.key.expect("a key");
    assert!(
        made.secret.starts_with(&format!("{}_", key.id)),
        "the id is its beginning"
    );
    assert_eq!(made.secret.len(), key.id.len() + 1 + 64);
    assert_eq!((&*key.origin, &*key.created_by), ("app", "tools:local"));
    let listed = plane
        .access()
        .list_keys(list())
        .await
        .expect("listed")
        .into_inner();
    assert_eq!(listed.keys, std::slice::from_ref(&key));
    let (_, random) = made.secret.rsplit_once('_').expect("two parts");
    let rows = plane.audit_rows().await;
    assert_eq!(rows[0].action, "access.key-create");
    assert!(rows.iter().all(|row| !row.detail.contains(random)));
    if !home.is_postgres() {
        let mut files = std::fs::read_dir(home.path()).expect("a folder");
        let holds = files.any(|file| {
            let bytes = std::fs::read(file.expect("a file").path()).unwrap_or_default();
            bytes
                .windows(random.len())
                .any(|part| part == random.as_bytes())
        });
        assert!(!holds, "the database holds hashes only");
    }
}

async fn followers_get_all_that_is_good_then_each_change(home: Home) {
    let plane = Plane::start(&home);
    let mut stream = follow(&plane, 0).await;
    let empty = next(&mut stream).await;
    assert!(empty.keys.is_empty() && empty.sessions.is_empty() && empty.version > 0);
    assert!(!empty.keys_were_made);
    let made = made(&plane, "app").await;
    let one = until(&mut stream, |now| now.keys.len() == 1).await;
    assert!(one.version > empty.version);
    assert_eq!(good_until(&one.keys[0], &made.secret), Some(0));
    let revoke = RevokeKeyRequest {
        tenant: TENANT.to_owned(),
        id: made.key.expect("a key").id,
    };
    plane
        .access()
        .revoke_key(revoke.clone())
        .await
        .expect("revoked");
    let none = until(&mut stream, |now| now.keys.is_empty()).await;
    assert!(none.keys_were_made, "a gateway does not open again");
    let again = plane.access().revoke_key(revoke).await.expect_err("gone");
    assert_eq!(again.code(), Code::NotFound);
    let listed = plane
        .access()
        .list_keys(list())
        .await
        .expect("listed")
        .into_inner();
    assert!(listed.keys[0].revoked_at_ms > 0, "it stays on the list");
}

async fn the_secret_before_stays_good_for_the_overlap(home: Home) {
    let plane = Plane::start(&home);
    let mut stream = follow(&plane, 0).await;
    let first = made(&plane, "app").await;
    let rotate = RotateKeyRequest {
        tenant: TENANT.to_owned(),
        id: first.key.expect("a key").id,
        overlap_seconds: 600,
    };
    let second = plane.access().rotate_key(rotate.clone()).await;
    let second = second.expect("rotated").into_inner();
    let holds = |now: &FollowKeysResponse, secret: &str| {
        now.keys
            .first()
            .is_some_and(|key| good_until(key, secret).is_some())
    };
    let both = until(&mut stream, |now| holds(now, &second.secret)).await;
    let until_ms = second.before_until_ms;
    assert_eq!(good_until(&both.keys[0], &first.secret), Some(until_ms));
    assert_eq!(good_until(&both.keys[0], &second.secret), Some(0));
    // Without an overlap those before end at once, also the one that was to go on for a while.
    let at_once = RotateKeyRequest {
        overlap_seconds: 0,
        ..rotate
    };
    let third = plane
        .access()
        .rotate_key(at_once)
        .await
        .expect("rotated")
        .into_inner();
    let last = until(&mut stream, |now| holds(now, &third.secret)).await;
    for ended in [&first.secret, &second.secret] {
        let until_ms = good_until(&last.keys[0], ended);
        assert!(until_ms.is_none_or(|until_ms| until_ms <= third.before_until_ms));
    }
}

/// A gateway knows people too: their permissions in the tenant, until the session ends.
async fn sessions_are_followed_with_what_the_person_may(home: Home) {
    let plane = Plane::start(&home);
    let mut stream = follow(&plane, 0).await;
    let token = plane.person("ada", &["support"]).await;
    let now = until(&mut stream, |now| !now.sessions.is_empty()).await;
    let session = &now.sessions[0];
    assert_eq!((&*session.person, &session.sha256), ("ada", &hash(&token)));
    let may = |permission| session.permissions().any(|one| one == permission);
    assert!(may(Permission::CustomerRead) && !may(Permission::StrategyEdit));
    let disable = DisablePersonRequest {
        tenant: TENANT.to_owned(),
        name: "ada".to_owned(),
        enable: false,
    };
    plane
        .access()
        .disable_person(disable)
        .await
        .expect("disabled");
    until(&mut stream, |now| now.sessions.is_empty()).await;
}

async fn releases_wake_nobody_who_follows_keys(home: Home) {
    let plane = Plane::start(&home);
    let mut stream = follow(&plane, 0).await;
    let first = next(&mut stream).await;
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    plane
        .access()
        .create_key(create("app"))
        .await
        .expect("made");
    let second = next(&mut stream).await;
    assert_eq!((second.version, second.keys.len()), (first.version + 2, 1));
    let mut caught_up = follow(&plane, second.version).await;
    plane
        .access()
        .create_key(create("other"))
        .await
        .expect("made");
    assert_eq!(
        next(&mut caught_up).await.keys.len(),
        2,
        "only what is newer"
    );
}

async fn what_is_not_allowed_is_named(home: Home) {
    let plane = Plane::start(&home);
    let good = create("app");
    type Change = fn(&mut CreateKeyRequest);
    let table: [(&str, Change); 9] = [
        ("name", |key| key.name.clear()),
        ("kind", |key| key.kind = 0),
        ("kind", |key| key.kind = 7),
        ("origin", |key| key.origin = "partner".to_owned()),
        ("scopes", |key| key.scopes.clear()),
        ("scopes", |key| {
            key.scopes = vec![Permission::AccessEdit.into()];
        }),
        ("requests_per_second", |key| key.requests_per_second = 0),
        ("expires_at_ms", |key| key.expires_at_ms = 1),
        ("not_before_ms", |key| key.not_before_ms = -1),
    ];
    for (field, change) in table {
        let mut bad = good.clone();
        change(&mut bad);
        let refused = plane.access().create_key(bad).await.expect_err(field);
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().starts_with(field), "{field}: {refused}");
    }
    let listed = plane
        .access()
        .list_keys(list())
        .await
        .expect("listed")
        .into_inner();
    assert_eq!(listed.keys, []);
    // A key of another tenant is no key here.
    let elsewhere = CreateKeyRequest {
        tenant: "other".into(),
        ..good
    };
    let made = plane
        .access()
        .create_key(elsewhere)
        .await
        .expect("made")
        .into_inner();
    let revoke = RevokeKeyRequest {
        tenant: TENANT.to_owned(),
        id: made.key.expect("a key").id,
    };
    let refused = plane
        .access()
        .revoke_key(revoke)
        .await
        .expect_err("another's");
    assert_eq!(refused.code(), Code::NotFound);
}

/// A key that one control plane revokes is revoked for those who follow another.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_reaches_those_who_follow_another_control_plane() {
    let home = Home::postgres();
    let (one, other) = (Plane::start(&home), Plane::start(&home));
    let mut stream = follow(&other, 0).await;
    let made = one
        .access()
        .create_key(create("app"))
        .await
        .expect("made")
        .into_inner();
    until(&mut stream, |now| now.keys.len() == 1).await;
    let revoke = RevokeKeyRequest {
        tenant: TENANT.to_owned(),
        id: made.key.expect("a key").id,
    };
    one.access().revoke_key(revoke).await.expect("revoked");
    until(&mut stream, |now| now.keys.is_empty()).await;
}

on_both!(
    a_secret_is_shown_once_and_stored_nowhere,
    followers_get_all_that_is_good_then_each_change,
    the_secret_before_stays_good_for_the_overlap,
    sessions_are_followed_with_what_the_person_may,
    releases_wake_nobody_who_follows_keys,
    what_is_not_allowed_is_named,
);
