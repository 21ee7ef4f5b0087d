//! The provider as the control plane sees it: discovery, and the exchange of a code for an ID token.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::Clock;
use parking_lot::Mutex;
use reqwest::{Client, Url};
use serde::Deserialize;

use crate::fetch::{self, AddressError, FetchError};
use crate::jwt::{Claims, Freshness, Options, OptionsError, Refused, Verifier};

/// How long the provider's description of itself is used.
const METADATA_FOR: Duration = Duration::from_hours(1);
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// The challenge that this client makes of its verifier.
const S256: &str = "S256";

/// Which provider, and as which of its clients.
#[derive(Clone)]
pub struct ProviderOptions {
    /// The issuer: the address below which the provider describes itself.
    pub issuer: String,
    /// The name by which the provider knows this installation.
    pub client_id: String,
    /// The secret that goes with it, or `None` for a client that has none.
    pub client_secret: Option<String>,
    /// By how much the provider's clock may differ.
    pub leeway: Duration,
}

/// An identity provider.
pub struct Provider {
    options: ProviderOptions,
    discovery: Url,
    client: Client,
    clock: Arc<dyn Clock>,
    known: Mutex<Option<(i64, Arc<Known>)>>,
}

/// The provider's description of itself.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    /// Where it is missing, the provider says nothing of it.
    code_challenge_methods_supported: Option<Vec<String>>,
}

/// The same, checked.
struct Known {
    authorization_endpoint: Url,
    token_endpoint: Url,
    tokens: Verifier,
}

/// The proof that a person brings back from the provider.
#[derive(Clone)]
pub struct Proof {
    /// The code.
    pub code: String,
    /// The verifier of which the challenge was made.
    pub verifier: String,
    /// The address to which the provider sent the code.
    pub redirect_uri: String,
    /// The nonce that the ID token must carry.
    pub nonce: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

#[derive(Deserialize)]
struct TokenRefusal {
    error: String,
}

/// Nobody was signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The issuer is no address that can be trusted.
    #[error("issuer {0}")]
    Issuer(#[from] AddressError),
    /// The trusted certificates of this machine cannot be read.
    #[error("trusted certificates: {0}")]
    Certificates(FetchError),
    /// The provider did not answer, or not in a way that can be read.
    #[error("the identity provider: {0}")]
    Away(FetchError),
    /// The provider describes itself in a way that is not safe to follow.
    #[error("the identity provider's description of itself is not allowed: {0}")]
    Metadata(String),
    /// The provider did not take the code.
    #[error("the identity provider refused the code: {0}")]
    Code(String),
    /// The ID token was refused.
    #[error("the ID token: {0}")]
    Token(#[from] Refused),
    /// The ID token answers another request.
    #[error("the ID token answers another request (`nonce`)")]
    Nonce,
    /// The ID token was issued to another client.
    #[error("the ID token was issued to another client (`azp`)")]
    OtherClient,
    /// The code would have been sent to another machine.
    #[error("redirect_uri is not allowed: http on 127.0.0.1 or [::1], with a port")]
    Redirect,
}

impl OidcError {
    /// Returns true if the fault is not the caller's: the same may pass later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Token(refused) => refused.is_transient(),
            _ => false,
        }
    }
}

impl Provider {
    /// Returns a provider that was not asked anything yet.
    ///
    /// # Errors
    /// The issuer is no address that can be trusted.
    pub fn new(options: ProviderOptions, clock: Arc<dyn Clock>) -> Result<Self, OidcError> {
        let base = options.issuer.trim_end_matches('/');
        let discovery = fetch::checked_url(&format!("{base}{DISCOVERY}"))?;
        Ok(Self {
            discovery,
            client: fetch::client().map_err(OidcError::Certificates)?,
            options,
            clock,
            known: Mutex::default(),
        })
    }

    /// Returns the issuer.
    pub fn issuer(&self) -> &str {
        &self.options.issuer
    }

    /// Returns the name by which the provider knows this installation.
    pub fn client_id(&self) -> &str {
        &self.options.client_id
    }

    /// Returns where people sign in.
    ///
    /// # Errors
    /// The provider is away, or describes itself in a way that is not safe to follow.
    pub async fn authorization_endpoint(&self) -> Result<String, OidcError> {
        Ok(self.known().await?.authorization_endpoint.to_string())
    }

    /// Returns what the provider states of the person who brings this proof. A proof is good once: the
    /// provider sees to that.
    ///
    /// # Errors
    /// See [`OidcError`].
    pub async fn redeem(&self, proof: &Proof) -> Result<Claims, OidcError> {
        if !is_loopback(&proof.redirect_uri) {
            return Err(OidcError::Redirect);
        }
        let known = self.known().await?;
        let token = self.exchange(&known.token_endpoint, proof).await?;
        let claims = known.tokens.verify(&token).await?;
        if claims.text("nonce") != Some(proof.nonce.as_str()) {
            return Err(OidcError::Nonce);
        }
        let client = self.options.client_id.as_str();
        let is_ours = match claims.others.get("azp") {
            Some(azp) => azp.as_str() == Some(client),
            None => claims.audience.len() == 1,
        };
        if is_ours {
            Ok(claims)
        } else {
            Err(OidcError::OtherClient)
        }
    }

    /// Returns the ID token for a code.
    async fn exchange(&self, endpoint: &Url, proof: &Proof) -> Result<String, OidcError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", proof.code.as_str()),
            ("redirect_uri", proof.redirect_uri.as_str()),
            ("code_verifier", proof.verifier.as_str()),
        ];
        let mut request = self.client.post(endpoint.clone());
        match &self.options.client_secret {
            // RFC 6749, 2.3.1: both are encoded as in a form before they are joined.
            Some(secret) => {
                let (id, secret) = (form_encoded(self.client_id()), form_encoded(secret));
                request = request.basic_auth(id, Some(secret));
            }
            None => form.push(("client_id", self.client_id())),
        }
        let answer = request
            .header("accept", "application/json")
            .form(&form)
            .send()
            .await
            .map_err(|error| {
                OidcError::Away(FetchError::NoAnswer(error.without_url().to_string()))
            })?;
        let status = answer.status();
        let body = fetch::bounded(answer).await.map_err(OidcError::Away)?;
        if status.is_success() {
            let answer: TokenAnswer = serde_json::from_slice(&body)
                .map_err(|error| OidcError::Away(FetchError::Unreadable(error.to_string())))?;
            return Ok(answer.id_token);
        }
        match serde_json::from_slice::<TokenRefusal>(&body) {
            // The words of the standard, and nothing that another system wrote.
            Ok(refusal)
                if refusal
                    .error
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_') =>
            {
                Err(OidcError::Code(refusal.error.chars().take(64).collect()))
            }
            _ => Err(OidcError::Away(FetchError::Status(status.as_u16()))),
        }
    }

    /// Returns what the provider says of itself, which is asked once an hour.
    async fn known(&self) -> Result<Arc<Known>, OidcError> {
        let now_ms = self.clock.now_ms();
        if let Some((asked_ms, known)) = self.known.lock().as_ref()
            && (0..METADATA_FOR.as_millis() as i64).contains(&(now_ms - asked_ms))
        {
            return Ok(known.clone());
        }
        let metadata = fetch::get(&self.client, &self.discovery).await;
        let known = Arc::new(self.check(metadata.map_err(OidcError::Away)?)?);
        *self.known.lock() = Some((now_ms, known.clone()));
        Ok(known)
    }

    fn check(&self, metadata: Metadata) -> Result<Known, OidcError> {
        let refused = |cause: String| OidcError::Metadata(cause);
        if metadata.issuer != self.options.issuer {
            return Err(refused("it names another issuer".to_owned()));
        }
        let methods = metadata.code_challenge_methods_supported;
        if methods.is_some_and(|methods| !methods.iter().any(|one| one == S256)) {
            return Err(refused(
                "PKCE with S256 is not among its methods".to_owned(),
            ));
        }
        let url = |name: &str, text: &str| {
            fetch::checked_url(text).map_err(|error| refused(format!("{name} {error}")))
        };
        let tokens = Options {
            issuer: metadata.issuer,
            audience: self.options.client_id.clone(),
            jwks_url: metadata.jwks_uri,
            algorithms: Vec::new(),
            leeway: self.options.leeway,
            freshness: Freshness::default(),
        };
        let tokens = Verifier::new(tokens, self.clock.clone());
        Ok(Known {
            authorization_endpoint: url(
                "authorization_endpoint",
                &metadata.authorization_endpoint,
            )?,
            token_endpoint: url("token_endpoint", &metadata.token_endpoint)?,
            tokens: tokens.map_err(|error: OptionsError| refused(error.to_string()))?,
        })
    }
}

/// Returns true if an address is http on this machine, with a port: where a command waits for a code.
fn is_loopback(redirect_uri: &str) -> bool {
    Url::parse(redirect_uri).is_ok_and(|url| {
        url.scheme() == "http"
            && matches!(url.host_str(), Some("127.0.0.1" | "[::1]"))
            && url.port().is_some()
    })
}

fn form_encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_goes_to_this_machine_only() {
        for good in ["http://127.0.0.1:7/callback", "http://[::1]:7/callback"] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "",
            "https://127.0.0.1:7/callback",
            "http://127.0.0.1/callback",
            "http://localhost:7/callback",
            "http://127.0.0.1.evil.example:7/callback",
            "http://evil.example:7/callback",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_encoded_as_in_a_form() {
        assert_eq!(form_encoded("a b:c%d+é"), "a+b%3Ac%25d%2B%C3%A9");
    }
}
