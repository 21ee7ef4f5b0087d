//! The keys of an issuer: rotated, taken away, and while their address does not answer.

use fairlead_authentication::jwt::{Refused, Verifier};
use fairlead_testkit::TokenKey;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::verifying::{NOW, Verifying, claims, options};

/// The default freshness, in seconds.
const REFRESH: i64 = 300;
const AT_MOST_EVERY: i64 = 10;
const KEEP: i64 = 24 * 3_600;

/// Claims of a token that outlives all waits.
fn lasting() -> serde_json::Value {
    let mut claims = claims();
    claims["exp"] = json!(NOW + 10 * KEEP);
    claims
}

#[tokio::test]
async fn keys_are_read_once_for_many_tokens() {
    let all = Verifying::start();
    let token = all.key.token(&lasting());
    let many: Vec<_> = (0..32).map(|_| all.verify(&token)).collect();
    for each in many {
        each.await.expect("good");
    }
    assert_eq!(all.issuer.requests(), 1);
    all.pass(REFRESH);
    all.verify(&token).await.expect("good");
    assert_eq!(all.issuer.requests(), 2, "old keys are read again");
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_an_old_one_goes() {
    let all = Verifying::start();
    let old = all.key.token(&lasting());
    all.verify(&old).await.expect("good");
    let next = TokenKey::es256("k-2");
    all.issuer.set_keys(&[&next]);
    all.pass(AT_MOST_EVERY);
    let stated = all.verify(&next.token(&lasting())).await;
    assert_eq!(stated.expect("the key is read").subject, "c-1");
    assert_eq!(all.verify(&old).await, Err(Refused::UnknownKey));
}

#[tokio::test]
async fn unknown_keys_make_no_more_requests_than_allowed() {
    let all = Verifying::start();
    all.verify(&all.key.token(&lasting())).await.expect("good");
    for number in 0..50 {
        let stranger = TokenKey::es256(&format!("stranger-{number}"));
        let refused = all.verify(&stranger.token(&lasting())).await;
        assert_eq!(refused, Err(Refused::UnknownKey));
    }
    assert_eq!(all.issuer.requests(), 1, "within ten seconds of the first");
    all.pass(AT_MOST_EVERY);
    for _ in 0..50 {
        let stranger = TokenKey::es256("stranger");
        let refused = all.verify(&stranger.token(&lasting())).await;
        assert_eq!(refused, Err(Refused::UnknownKey));
    }
    assert_eq!(all.issuer.requests(), 2);
}

#[tokio::test]
async fn keys_serve_for_a_day_while_their_address_is_away_and_no_longer() {
    let all = Verifying::start();
    let token = all.key.token(&lasting());
    all.verify(&token).await.expect("good");
    all.issuer.answer_with(503, "", "");
    all.pass(KEEP - 1);
    all.verify(&token).await.expect("kept");
    all.pass(AT_MOST_EVERY);
    let refused = all.verify(&token).await.expect_err("too old");
    assert!(refused.is_transient(), "{refused}");
    assert_eq!(
        refused.to_string(),
        "the issuer's keys cannot be read: the answer has status 503"
    );
    all.issuer.set_keys(&[&all.key]);
    all.pass(AT_MOST_EVERY);
    all.verify(&token).await.expect("back");
}

#[tokio::test]
async fn a_document_that_is_no_key_set_changes_nothing() {
    let all = Verifying::start();
    let token = all.key.token(&lasting());
    all.verify(&token).await.expect("good");
    let key = all.key.jwk();
    let many = vec![key.clone(); 65];
    let bodies = [
        String::new(),
        "<html>".to_owned(),
        json!([]).to_string(),
        json!({"keys": {}}).to_string(),
        json!({"keys": []}).to_string(),
        json!({"keys": [null, 7, "k-1", {}, {"kty": "RSA"}]}).to_string(),
        json!({"keys": many}).to_string(),
        json!({"keys": [key.clone()], "pad": "x".repeat(256 << 10)}).to_string(),
    ];
    let asked = all.issuer.requests();
    for (index, body) in bodies.iter().enumerate() {
        all.issuer.answer_with(200, "", body);
        all.pass(REFRESH);
        all.verify(&token).await.expect("with the keys of before");
        assert_eq!(all.issuer.requests(), asked + index + 1);
    }
    // A redirect is not followed: the keys would come from another address.
    let elsewhere = format!("location: {}\r\n", all.issuer.jwks_url());
    all.issuer.answer_with(302, &elsewhere, "");
    all.pass(REFRESH);
    all.verify(&token).await.expect("with the keys of before");
    assert_eq!(all.issuer.requests(), asked + bodies.len() + 1);
}

#[tokio::test]
async fn junk_beside_a_good_key_is_skipped() {
    let all = Verifying::start();
    let mut for_encryption = TokenKey::es256("k-3").jwk();
    for_encryption["use"] = json!("enc");
    let mut for_another = TokenKey::es256("k-4").jwk();
    for_another["alg"] = json!("ES384");
    let keys = json!({"keys": [
        null, {"kty": "EC"}, {"kty": "EC", "crv": "P-256", "x": "!", "y": "!", "kid": "k-2"},
        for_encryption, for_another, {"kty": "LMS", "kid": "k-1"}, all.key.jwk(),
    ]});
    all.issuer.answer_with(200, "", &keys.to_string());
    all.verify(&all.key.token(&lasting())).await.expect("good");
}

#[tokio::test]
async fn a_key_is_used_for_what_it_is_for() {
    let all = Verifying::start();
    for (field, value) in [
        ("use", json!("enc")),
        ("alg", json!("ES384")),
        ("key_ops", json!(["sign"])),
    ] {
        let key = TokenKey::es256("k-9");
        let mut jwk = key.jwk();
        jwk[field] = value;
        let keys = json!({"keys": [all.key.jwk(), jwk]});
        all.issuer.answer_with(200, "", &keys.to_string());
        all.pass(REFRESH);
        let refused = all.verify(&key.token(&lasting())).await;
        assert_eq!(refused, Err(Refused::UnknownKey), "{field}");
    }
}

#[tokio::test]
async fn a_token_may_leave_its_key_unnamed_where_there_is_one_only() {
    let all = Verifying::start();
    let unnamed = all.key.token_with(&json!({"alg": "ES256"}), &lasting());
    all.verify(&unnamed).await.expect("there is one");
    let second = TokenKey::es256("k-2");
    all.issuer.set_keys(&[&all.key, &second]);
    all.pass(REFRESH);
    assert_eq!(all.verify(&unnamed).await, Err(Refused::NoKeyNamed));
}

#[tokio::test]
async fn keys_that_are_kept_fresh_are_there_before_the_first_token() {
    let all = Verifying::start();
    let verifier = Verifier::new(options(&all.issuer), all.clock.clone()).expect("a verifier");
    let stop = CancellationToken::new();
    let until_asked = async {
        while all.issuer.requests() == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    tokio::join!(verifier.keep_fresh(stop.clone()), until_asked);
    verifier
        .verify(&all.key.token(&lasting()))
        .await
        .expect("good");
    assert_eq!(all.issuer.requests(), 1);
}
