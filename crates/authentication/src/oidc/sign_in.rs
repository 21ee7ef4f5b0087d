//! One attempt to sign in: its secrets, and the address that a browser opens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use ring::digest::{SHA256, digest};

use crate::fetch::{AddressError, checked_url};

/// The claims asked of the provider: who it is, and the names by which people know themselves.
const SCOPES: &str = "openid profile email";

/// One attempt to sign in: secrets that only the command that made them knows.
pub struct SignIn {
    state: String,
    nonce: String,
    verifier: String,
}

impl SignIn {
    /// Returns a fresh attempt, of 256 bits for each of its secrets.
    pub fn fresh() -> Self {
        Self {
            state: secret(),
            nonce: secret(),
            verifier: secret(),
        }
    }

    /// Returns what the provider sends back beside the code.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Returns what the ID token carries.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Returns what proves that the code is taken by whoever asked for it (PKCE).
    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    /// Returns the address to open in a browser.
    ///
    /// # Errors
    /// The endpoint is no address that can be trusted.
    pub fn address(
        &self,
        endpoint: &str,
        client_id: &str,
        redirect_uri: &str,
    ) -> Result<String, AddressError> {
        let mut url: Url = checked_url(endpoint)?;
        let challenge = digest(&SHA256, self.verifier.as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(challenge);
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", SCOPES)
            .append_pair("state", &self.state)
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }
}

fn secret() -> String {
    let bytes: [u8; 32] = rand::random();
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_shows_the_challenge_and_not_the_verifier() {
        let attempt = SignIn {
            // RFC 7636, appendix B.
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
            ..SignIn::fresh()
        };
        let address = attempt
            .address(
                "https://id.example/auth?tenant=a",
                "cli",
                "http://127.0.0.1:7/callback",
            )
            .expect("an address");
        assert!(
            address
                .starts_with("https://id.example/auth?tenant=a&response_type=code&client_id=cli&")
        );
        assert!(address.contains("&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&"));
        assert!(!address.contains(attempt.verifier()), "{address}");
        let other = SignIn::fresh();
        assert_ne!(other.state(), SignIn::fresh().state());
        assert_eq!(other.verifier().len(), 43);
    }
}
