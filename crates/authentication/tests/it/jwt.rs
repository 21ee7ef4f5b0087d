//! Which tokens are taken, and which check refuses the others.

use fairlead_authentication::jwt::{OptionsError, Refused, SigningAlgorithm, Verifier};
use fairlead_testkit::{TokenIssuer, TokenKey};
use ring::hmac;
use serde_json::{Value, json};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::verifying::{AUDIENCE, ISSUER, NOW, Verifying, claims, options};

/// One RSA key's public half, and a token that it signed under each algorithm of RSA, made by another
/// library (PyJWT).
const RSA: &str = include_str!("../data/rsa.json");

#[tokio::test]
async fn a_good_token_says_whom_it_is_about() {
    for key in [TokenKey::es256("k-1"), TokenKey::ed25519("k-1")] {
        let all = Verifying::with(key);
        let mut claims = claims();
        claims["groups"] = json!(["pricing", "risk"]);
        claims["email"] = json!("ada@bank.example");
        let stated = all.verify(&all.key.token(&claims)).await.expect("good");
        assert_eq!(
            (stated.subject.as_str(), stated.issuer.as_str()),
            ("c-1", ISSUER)
        );
        assert_eq!(stated.texts("groups"), ["pricing", "risk"]);
        assert_eq!(stated.text("email"), Some("ada@bank.example"));
        assert_eq!(stated.texts("none"), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn every_algorithm_of_rsa_is_checked() {
    let all = Verifying::start();
    let rsa: Value = serde_json::from_str(RSA).expect("JSON");
    let keys = json!({"keys": [rsa["jwk"]]}).to_string();
    all.issuer.answer_with(200, "", &keys);
    let tokens = rsa["tokens"].as_object().expect("tokens");
    assert_eq!(tokens.len(), 6);
    for (name, token) in tokens {
        let token = token.as_str().expect("a token");
        let stated = all.verify(token).await;
        assert_eq!(stated.expect(name).subject, "c-1");
        let (message, signature) = token.rsplit_once('.').expect("parts");
        let mut signature = BASE64.decode(signature).expect("base64url");
        signature[9] ^= 1;
        let bent = format!("{message}.{}", BASE64.encode(signature));
        assert_eq!(all.verify(&bent).await, Err(Refused::Signature), "{name}");
    }
}

#[tokio::test]
async fn every_claim_is_checked_and_the_refusal_names_it() {
    let all = Verifying::start();
    let malformed = |refused: &Refused| matches!(refused, Refused::Malformed(_));
    type Check<'a> = &'a dyn Fn(&Refused) -> bool;
    let is = |expected: Refused| move |refused: &Refused| *refused == expected;
    let issuer = is(Refused::Issuer);
    let audience = is(Refused::Audience);
    let expired = is(Refused::Expired);
    let early = is(Refused::NotYetValid);
    let future = is(Refused::IssuedInTheFuture);
    let table: &[(&str, Value, Check<'_>)] = &[
        ("exp", json!(NOW - 30), &expired),
        ("exp", json!(0), &expired),
        ("exp", json!(-1e300), &expired),
        ("exp", Value::Null, &malformed),
        ("exp", json!("4000000000"), &malformed),
        ("nbf", json!(NOW + 31), &early),
        ("nbf", json!(1e300), &early),
        ("nbf", json!("1"), &malformed),
        ("iat", json!(NOW + 31), &future),
        ("iat", json!([]), &malformed),
        ("iss", json!("https://id.other.example"), &issuer),
        ("iss", json!("https://id.bank.example/"), &issuer),
        ("iss", json!([ISSUER]), &malformed),
        ("iss", Value::Null, &malformed),
        ("aud", json!("other"), &audience),
        ("aud", json!(["other", "another"]), &audience),
        ("aud", json!([]), &audience),
        ("aud", json!({"fairlead": true}), &malformed),
        ("aud", Value::Null, &malformed),
        ("sub", json!(""), &malformed),
        ("sub", json!(7), &malformed),
        ("sub", Value::Null, &malformed),
    ];
    for (name, value, check) in table {
        let refused = all.verify_with(name, value.clone()).await.expect_err(name);
        assert!(check(&refused), "{name} {value}: {refused}");
    }
    for (name, value) in [
        ("exp", json!(NOW - 29)),
        ("exp", json!(NOW as f64 + 0.5)),
        ("nbf", json!(NOW + 30)),
        ("iat", json!(NOW + 30)),
        ("iat", Value::Null),
        ("aud", json!(["other", AUDIENCE])),
    ] {
        all.verify_with(name, value.clone()).await.expect(name);
    }
}

#[tokio::test]
async fn a_token_expires_while_it_is_in_use() {
    let all = Verifying::start();
    let token = all.key.token(&claims());
    all.verify(&token).await.expect("good");
    all.pass(329);
    all.verify(&token).await.expect("within the leeway");
    all.pass(1);
    assert_eq!(all.verify(&token).await, Err(Refused::Expired));
}

#[tokio::test]
async fn only_signatures_by_the_named_key_count() {
    let all = Verifying::start();
    let other = TokenKey::es256("k-1");
    let refused = all.verify(&other.token(&claims())).await;
    assert_eq!(refused, Err(Refused::Signature));
    let unknown = TokenKey::es256("k-2");
    let refused = all.verify(&unknown.token(&claims())).await;
    assert_eq!(refused, Err(Refused::UnknownKey));
    // Another key's algorithm under the name of this one.
    let edwards = TokenKey::ed25519("k-1");
    let refused = all.verify(&edwards.token(&claims())).await;
    assert_eq!(refused, Err(Refused::UnknownKey));
    // The good signature of other claims.
    let good = all.key.token(&claims());
    let mut claims = claims();
    claims["sub"] = json!("c-2");
    let parts: Vec<&str> = good.split('.').collect();
    let bent = format!(
        "{}.{}.{}",
        parts[0],
        BASE64.encode(claims.to_string()),
        parts[2]
    );
    assert_eq!(all.verify(&bent).await, Err(Refused::Signature));
}

#[tokio::test]
async fn a_token_without_a_signature_or_with_a_shared_secret_is_refused() {
    let all = Verifying::start();
    let jwk = all.key.jwk();
    let secret = |part: &str| {
        BASE64
            .decode(jwk[part].as_str().expect("a part"))
            .expect("bytes")
    };
    let public = [vec![4], secret("x"), secret("y")].concat();
    for alg in [
        "none", "None", "NONE", "", "HS256", "HS384", "HS512", "ES256K", "RSA-OAEP",
    ] {
        let header = json!({"alg": alg, "kid": "k-1"});
        let message = format!(
            "{}.{}",
            BASE64.encode(header.to_string()),
            BASE64.encode(claims().to_string())
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, &public);
        let signed = hmac::sign(&key, message.as_bytes());
        for signature in [String::new(), BASE64.encode(signed)] {
            let refused = all.verify(&format!("{message}.{signature}")).await;
            let refused = refused.expect_err(alg);
            assert!(matches!(refused, Refused::Algorithm(_)), "{alg}: {refused}");
        }
    }
    // A key document that holds the secret changes nothing.
    let oct = json!({"kid": "k-1", "kty": "oct", "k": BASE64.encode(&public), "alg": "HS256"});
    let keys = json!({"keys": [oct, jwk]}).to_string();
    all.issuer.answer_with(200, "", &keys);
    let header = json!({"alg": "HS256", "kid": "k-1"});
    let refused = all.verify(&all.key.token_with(&header, &claims())).await;
    assert!(matches!(refused, Err(Refused::Algorithm(_))), "{refused:?}");
    all.verify(&all.key.token(&claims())).await.expect("good");
}

#[tokio::test]
async fn what_the_configuration_does_not_allow_is_refused() {
    let all = Verifying::start();
    let mut options = options(&all.issuer);
    options.algorithms = vec!["EdDSA".to_owned()];
    let edwards = TokenKey::ed25519("k-2");
    all.issuer.set_keys(&[&all.key, &edwards]);
    let verifier = Verifier::new(options, all.clock.clone()).expect("a verifier");
    let refused = verifier.verify(&all.key.token(&claims())).await;
    assert_eq!(refused, Err(Refused::Algorithm("EdDSA".to_owned())));
    verifier
        .verify(&edwards.token(&claims()))
        .await
        .expect("good");
}

#[tokio::test]
async fn a_header_that_demands_what_is_not_understood_is_refused() {
    let all = Verifying::start();
    for extra in [
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"b64": false, "crit": ["b64"]}),
    ] {
        let mut header = json!({"alg": "ES256", "kid": "k-1"});
        let fields = header.as_object_mut().expect("an object");
        fields.extend(extra.as_object().expect("an object").clone());
        let refused = all.verify(&all.key.token_with(&header, &claims())).await;
        assert!(
            matches!(refused, Err(Refused::Malformed(_))),
            "{header}: {refused:?}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_setting_is_named() {
    let issuer = TokenIssuer::start(&[]).expect("an issuer");
    let refused = |change: fn(&mut fairlead_authentication::jwt::Options)| {
        let mut options = options(&issuer);
        change(&mut options);
        let clock = std::sync::Arc::new(fairlead_chassis::clock::SystemClock);
        Verifier::new(options, clock)
            .err()
            .expect("refused")
            .to_string()
    };
    let address = refused(|o| o.jwks_url = "http://id.bank.example/jwks".to_owned());
    assert!(
        address.starts_with("jwks_url `http://id.bank.example/jwks` is not allowed: an https"),
        "{address}"
    );
    assert_eq!(
        refused(|o| o.issuer.clear()),
        OptionsError::Empty("issuer").to_string()
    );
    assert_eq!(
        refused(|o| o.audience.clear()),
        OptionsError::Empty("audience").to_string()
    );
    let leeway = refused(|o| o.leeway = std::time::Duration::from_secs(301));
    assert_eq!(leeway, "leeway_seconds `301` is not allowed: 0 to 300");
    let algorithm = refused(|o| o.algorithms = vec!["HS256".to_owned()]);
    assert!(algorithm.starts_with("algorithms `HS256` is not allowed: one or more of ES256, "));
    assert_eq!(SigningAlgorithm::from_name("HS256"), None);
    assert_eq!(SigningAlgorithm::from_name("none"), None);
}
