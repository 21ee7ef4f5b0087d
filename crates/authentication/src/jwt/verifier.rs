//! Checks tokens of one issuer.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fairlead_chassis::clock::Clock;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::claims::Claims;
use super::error::{OptionsError, Refused};
use super::key_set::{SigningAlgorithm, Wanted};
use super::keys::{Freshness, Keys};
use super::ring_provider;
use crate::fetch;

/// The most bytes of a token.
const MAX_TOKEN: usize = 8 << 10;
/// The most seconds of leeway.
const MAX_LEEWAY: u64 = 300;

/// Which tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The issuer that tokens must name (`iss`).
    pub issuer: String,
    /// The audience that tokens must name (`aud`).
    pub audience: String,
    /// Where the issuer's public keys are: https, or http on this machine.
    pub jwks_url: String,
    /// The algorithms allowed, by name. Empty is all of [`SigningAlgorithm::ALL`].
    pub algorithms: Vec<String>,
    /// By how much the issuer's clock may differ.
    pub leeway: Duration,
    /// How keys are kept.
    pub freshness: Freshness,
}

/// Checks tokens of one issuer.
pub struct Verifier {
    issuer: String,
    audience: String,
    algorithms: Vec<SigningAlgorithm>,
    leeway: i64,
    keys: Keys,
    freshness: Freshness,
    clock: Arc<dyn Clock>,
}

/// The fields that a token's header must have. Its other fields are judged by [`jsonwebtoken`].
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// Extensions that whoever takes the token must understand. None is understood here.
    #[serde(default)]
    crit: Option<Value>,
}

impl Verifier {
    /// Returns a verifier that has no keys yet: it reads them for the first token.
    ///
    /// # Errors
    /// A setting is not allowed.
    pub fn new(options: Options, clock: Arc<dyn Clock>) -> Result<Self, OptionsError> {
        ring_provider::install();
        let url = fetch::checked_url(&options.jwks_url)?;
        for (name, value) in [("issuer", &options.issuer), ("audience", &options.audience)] {
            if value.is_empty() {
                return Err(OptionsError::Empty(name));
            }
        }
        if options.leeway.as_secs() > MAX_LEEWAY {
            return Err(OptionsError::Leeway(options.leeway.as_secs()));
        }
        let algorithms = algorithms(&options.algorithms)?;
        let client = fetch::client().map_err(OptionsError::Certificates)?;
        let freshness = options.freshness;
        Ok(Self {
            issuer: options.issuer,
            audience: options.audience,
            leeway: options.leeway.as_secs() as i64,
            keys: Keys::new((client, url), algorithms.clone(), freshness, clock.clone()),
            algorithms,
            freshness,
            clock,
        })
    }

    /// Keeps the keys fresh until `shutdown`, so that no token waits for them.
    pub async fn keep_fresh(&self, shutdown: CancellationToken) {
        let every = (self.freshness.refresh_after / 2).max(self.freshness.at_most_every);
        while !shutdown.is_cancelled() {
            self.keys.keep_fresh().await;
            let pause = tokio::time::sleep(every);
            tokio::select! {
                () = pause => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Returns what a token states.
    ///
    /// # Errors
    /// A check failed, or the keys could not be read.
    pub async fn verify(&self, token: &str) -> Result<Claims, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused::TooLong(MAX_TOKEN));
        }
        let header = header(token)?;
        let algorithm = SigningAlgorithm::from_name(&header.alg)
            .filter(|one| self.algorithms.contains(one))
            .ok_or_else(|| Refused::Algorithm(SigningAlgorithm::names(&self.algorithms)))?;
        let wanted = Wanted {
            id: header.kid.as_deref(),
            algorithm,
        };
        let keys = self.keys.find(wanted).await?;
        let claims = signed(token, &keys, algorithm)?;
        self.judge(&claims)?;
        Ok(claims)
    }

    /// Checks what a token states.
    fn judge(&self, claims: &Claims) -> Result<(), Refused> {
        let now = self.clock.now_ms().div_euclid(1_000);
        if claims.issuer != self.issuer {
            return Err(Refused::Issuer);
        }
        if !claims.audience.contains(&self.audience) {
            return Err(Refused::Audience);
        }
        if claims.expires.saturating_add(self.leeway) <= now {
            return Err(Refused::Expired);
        }
        let begins = now.saturating_add(self.leeway);
        if claims.not_before.is_some_and(|from| from > begins) {
            return Err(Refused::NotYetValid);
        }
        if claims.issued.is_some_and(|at| at > begins) {
            return Err(Refused::IssuedInTheFuture);
        }
        if claims.subject.is_empty() {
            return Err(Refused::Malformed("`sub` is empty"));
        }
        Ok(())
    }
}

/// Returns the algorithms of these names.
fn algorithms(names: &[String]) -> Result<Vec<SigningAlgorithm>, OptionsError> {
    if names.is_empty() {
        return Ok(SigningAlgorithm::ALL.to_vec());
    }
    names
        .iter()
        .map(|name| {
            SigningAlgorithm::from_name(name).ok_or_else(|| OptionsError::Algorithms {
                named: name.clone(),
                allowed: SigningAlgorithm::names(&SigningAlgorithm::ALL),
            })
        })
        .collect()
}

/// Returns the header of a token with three parts.
fn header(token: &str) -> Result<Header, Refused> {
    let parts: Vec<&str> = token.splitn(4, '.').collect();
    let [header, _, _] = parts[..] else {
        return Err(Refused::Malformed(
            "three parts with dots between are needed",
        ));
    };
    let bytes = URL_SAFE_NO_PAD
        .decode(header)
        .map_err(|_| Refused::Malformed("its header"))?;
    let header: Header =
        serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed("its header"))?;
    if header.crit.is_some() {
        return Err(Refused::Malformed("its header has `crit`"));
    }
    Ok(header)
}

/// Returns what a token states that one of the keys signed.
fn signed(
    token: &str,
    keys: &[DecodingKey],
    algorithm: SigningAlgorithm,
) -> Result<Claims, Refused> {
    // Claims are judged with the clock of this process, and each refusal by its name.
    let mut rules = Validation::new(algorithm.inner());
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    rules.required_spec_claims = HashSet::new();
    for key in keys {
        match decode::<Claims>(token, key, &rules) {
            Ok(token) => return Ok(token.claims),
            Err(error) => match error.kind() {
                ErrorKind::InvalidSignature => {}
                ErrorKind::Base64(_) => return Err(Refused::Malformed("a part is no base64url")),
                ErrorKind::Json(_) => {
                    let claims =
                        "`iss`, `sub`, `aud` and `exp` are needed, `nbf` and `iat` are numbers";
                    return Err(Refused::Malformed(claims));
                }
                _ => return Err(Refused::Malformed("its header")),
            },
        }
    }
    Err(Refused::Signature)
}
