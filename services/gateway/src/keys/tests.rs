//! Keys and sessions that are told, and who is let in by them.

use fairlead_chassis::clock::ManualClock;
use fairlead_identity::Permission;
use fairlead_proto::access::v1::FollowedSecret;
use sha2::{Digest as _, Sha256};

use super::*;

const NOW_MS: i64 = 1_000;

struct Told {
    ring: KeyRing,
    clock: Arc<ManualClock>,
}

fn ring() -> Told {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let seam: Arc<dyn Clock> = clock.clone();
    let ring = KeyRing::configured(&Config::default(), &seam).expect("a ring");
    Told { ring, clock }
}

fn secret(shown: &str, until_ms: i64) -> FollowedSecret {
    FollowedSecret {
        sha256: Sha256::digest(shown.as_bytes()).to_vec(),
        until_ms,
    }
}

fn key(id: &str, secrets: Vec<FollowedSecret>) -> FollowedKey {
    let key = Key {
        id: id.to_owned(),
        kind: KeyKind::Partner.into(),
        origin: "partner".to_owned(),
        scopes: vec![Permission::Recommend.into()],
        requests_per_second: 1,
        ..Key::default()
    };
    FollowedKey {
        key: Some(key),
        secrets,
    }
}

fn told(version: i64, keys: Vec<FollowedKey>) -> FollowKeysResponse {
    FollowKeysResponse {
        version,
        keys,
        ..FollowKeysResponse::default()
    }
}

fn caller(ring: &KeyRing, shown: &str) -> Option<String> {
    Some(ring.find(shown)?.caller.to_string())
}

#[test]
fn a_key_is_its_bearer_until_it_is_told_no_more() {
    let all = ring();
    assert!(all.ring.is_empty());
    all.ring
        .take(&told(1, vec![key("k-1", vec![secret("one", 0)])]), false);
    let bearer = all.ring.find("one").expect("known").caller;
    assert_eq!(bearer.to_string(), "partner:k-1");
    assert_eq!(bearer.origin(), Origin::Partner);
    let only = Permissions::NONE.with(Permission::Recommend);
    assert_eq!(bearer.permissions(), only);
    assert_eq!(caller(&all.ring, "One"), None);
    all.ring.take(&told(2, Vec::new()), false);
    assert_eq!(caller(&all.ring, "one"), None);
    assert_eq!(all.ring.version(), 2);
    assert!(!all.ring.is_empty(), "the last key that went opens nothing");
}

#[test]
fn keys_that_went_before_anything_was_told_close_a_gateway_too() {
    let all = ring();
    let mut none_left = told(1, Vec::new());
    none_left.keys_were_made = true;
    all.ring.take(&none_left, false);
    assert!(!all.ring.is_empty());
}

#[test]
fn secrets_overlap_and_each_ends_at_its_time() {
    let all = ring();
    let secrets = vec![secret("old", NOW_MS + 10), secret("new", 0)];
    let mut rotated = key("k-1", secrets);
    let times = rotated.key.as_mut().expect("a key");
    times.not_before_ms = NOW_MS + 5;
    times.expires_at_ms = NOW_MS + 20;
    all.ring.take(&told(1, vec![rotated]), false);
    for (at_ms, old, new) in [
        (NOW_MS + 4, false, false),
        (NOW_MS + 5, true, true),
        (NOW_MS + 9, true, true),
        (NOW_MS + 10, false, true),
        (NOW_MS + 19, false, true),
        (NOW_MS + 20, false, false),
    ] {
        all.clock.set(at_ms);
        let known = ["old", "new"].map(|shown| all.ring.find(shown).is_some());
        assert_eq!(known, [old, new], "{at_ms}");
    }
}

#[test]
fn both_secrets_share_one_bucket_which_news_do_not_fill() {
    let all = ring();
    let secrets = || vec![secret("old", 0), secret("new", 0)];
    all.ring.take(&told(1, vec![key("k-1", secrets())]), false);
    let before = all.ring.find("old").expect("known").limit.expect("limited");
    all.ring.take(&told(2, vec![key("k-1", secrets())]), false);
    let after = all.ring.find("new").expect("known").limit.expect("limited");
    assert!(Arc::ptr_eq(&before, &after));
    let mut faster = key("k-1", secrets());
    faster.key.as_mut().expect("a key").requests_per_second = 2;
    all.ring.take(&told(3, vec![faster]), false);
    let faster = all.ring.find("new").expect("known").limit.expect("limited");
    assert_eq!(faster.requests_per_second.get(), 2);
}

#[test]
fn a_session_is_a_person_within_the_tenant_until_it_ends() {
    let all = ring();
    let session = FollowedSession {
        sha256: secret("session", 0).sha256,
        person: "ada".to_owned(),
        permissions: vec![Permission::DecisionRead.into()],
        expires_at_ms: NOW_MS + 1,
    };
    let mut one = told(1, Vec::new());
    one.sessions.push(session);
    all.ring.take(&one, false);
    assert_eq!(caller(&all.ring, "session").as_deref(), Some("person:ada"));
    assert!(
        all.ring.is_empty(),
        "people alone close no gateway of a machine"
    );
    all.clock.advance(1);
    assert_eq!(caller(&all.ring, "session"), None);
}

#[test]
fn what_cannot_be_read_lets_nobody_in() {
    let all = ring();
    let change = |change: fn(&mut Key)| {
        let mut one = key("k-1", vec![secret("one", 0)]);
        change(one.key.as_mut().expect("a key"));
        one
    };
    let keys = [
        FollowedKey::default(),
        change(|key| key.kind = 0),
        change(|key| key.kind = 9),
        change(|key| key.origin.clear()),
        change(|key| key.revoked_at_ms = 1),
    ];
    for (version, junk) in (1..).zip(keys) {
        all.ring.take(&told(version, vec![junk.clone()]), false);
        assert_eq!(caller(&all.ring, "one"), None, "{junk:?}");
    }
    let mut short = key("k-1", vec![secret("one", 0)]);
    short.secrets[0].sha256.pop();
    all.ring.take(&told(9, vec![short]), false);
    assert_eq!(caller(&all.ring, "one"), None);
    let mut strange = key("k-1", vec![secret("one", 0)]);
    strange.key.as_mut().expect("a key").scopes.push(9_999);
    all.ring.take(&told(10, vec![strange]), false);
    let bearer = all.ring.find("one").expect("known").caller;
    let only = Permissions::NONE.with(Permission::Recommend);
    assert_eq!(bearer.permissions(), only, "an unknown scope is none");
}
