//! A verifier of an issuer's tokens at an instant that a test sets.

use std::sync::Arc;
use std::time::Duration;

use fairlead_authentication::jwt::{Claims, Freshness, Options, Refused, Verifier};
use fairlead_chassis::clock::ManualClock;
use fairlead_testkit::{TokenIssuer, TokenKey};
use serde_json::{Value, json};

/// Now, Unix seconds.
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://id.bank.example";
pub(crate) const AUDIENCE: &str = "fairlead";

/// An issuer with one key, and a verifier of its tokens.
pub(crate) struct Verifying {
    pub(crate) key: TokenKey,
    pub(crate) issuer: TokenIssuer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) verifier: Verifier,
}

pub(crate) fn options(issuer: &TokenIssuer) -> Options {
    Options {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        jwks_url: issuer.jwks_url(),
        algorithms: Vec::new(),
        leeway: Duration::from_secs(30),
        freshness: Freshness::default(),
    }
}

/// The claims of a good token.
pub(crate) fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "c-1", "exp": NOW + 300, "iat": NOW})
}

impl Verifying {
    pub(crate) fn start() -> Self {
        Self::with(TokenKey::es256("k-1"))
    }

    pub(crate) fn with(key: TokenKey) -> Self {
        let issuer = TokenIssuer::start(&[&key]).expect("an issuer");
        let clock = Arc::new(ManualClock::at(NOW * 1_000));
        let verifier = Verifier::new(options(&issuer), clock.clone()).expect("a verifier");
        Self {
            key,
            issuer,
            clock,
            verifier,
        }
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Claims, Refused> {
        self.verifier.verify(token).await
    }

    /// Verifies a token of the key with one claim changed; `Null` takes the claim away.
    pub(crate) async fn verify_with(&self, name: &str, value: Value) -> Result<Claims, Refused> {
        let mut claims = claims();
        let fields = claims.as_object_mut().expect("an object");
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.to_owned(), value);
        }
        self.verify(&self.key.token(&claims)).await
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(seconds * 1_000);
    }
}
