//! Reading small JSON documents of an identity provider: keys and metadata.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde::de::DeserializeOwned;

/// The most bytes of a document.
const MAX_BODY: usize = 256 << 10;
/// The time for a whole exchange.
const TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A document was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No answer came.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The answer is none of success.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The document is too long.
    #[error("the document is longer than {MAX_BODY} bytes")]
    TooLong,
    /// The document is not what was expected.
    #[error("the document cannot be read: {0}")]
    Unreadable(String),
}

/// An address is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not allowed: an https URL, or an http URL of this machine (localhost, 127.0.0.1, [::1])"
)]
pub struct AddressError(String);

/// Returns the URL, if what it names can be trusted: https, or this machine itself.
///
/// # Errors
/// It is no URL, has a user or a fragment, or is plain http to another machine.
pub fn checked_url(text: &str) -> Result<Url, AddressError> {
    let refused = || AddressError(text.chars().take(200).collect());
    let url = Url::parse(text).map_err(|_| refused())?;
    let host = url.host_str().ok_or_else(refused)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let private = match url.scheme() {
        "https" => true,
        "http" => is_loopback(host),
        _ => false,
    };
    if plain && private {
        Ok(url)
    } else {
        Err(refused())
    }
}

/// Returns whether a host of a URL is this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Returns a client that follows no redirect, so that an answer comes from the configured address.
///
/// # Errors
/// The trusted certificates of this machine cannot be read.
pub fn client() -> Result<Client, FetchError> {
    Client::builder()
        .redirect(Policy::none())
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(|error| FetchError::NoAnswer(causes(&error)))
}

/// Reads a JSON document.
///
/// # Errors
/// See [`FetchError`].
pub async fn get<T: DeserializeOwned>(client: &Client, url: &Url) -> Result<T, FetchError> {
    let answer = client
        .get(url.clone())
        .header("accept", "application/json")
        .send()
        .await
        .map_err(|error| FetchError::NoAnswer(causes(&error)))?;
    if !answer.status().is_success() {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    let body = bounded(answer).await?;
    serde_json::from_slice(&body).map_err(|error| FetchError::Unreadable(error.to_string()))
}

/// Reads the body of an answer, up to [`MAX_BODY`].
pub(crate) async fn bounded(mut answer: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    loop {
        let chunk = answer.chunk().await;
        match chunk.map_err(|error| FetchError::NoAnswer(causes(&error)))? {
            None => return Ok(body),
            Some(chunk) if body.len() + chunk.len() > MAX_BODY => return Err(FetchError::TooLong),
            Some(chunk) => body.extend_from_slice(&chunk),
        }
    }
}

/// Returns an error with its causes, without the URL.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_read_on_the_way_is_an_address() {
        for good in [
            "https://id.bank.example/jwks",
            "http://127.0.0.1:9/jwks",
            "http://localhost/jwks",
            "http://[::1]:80/jwks?v=1",
        ] {
            assert!(checked_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "id.bank.example/jwks",
            "http://id.bank.example/jwks",
            "http://127.0.0.1.evil.example/jwks",
            "http://localhost.evil.example/jwks",
            "ftp://127.0.0.1/jwks",
            "file:///etc/passwd",
            "https://user@id.bank.example/jwks",
            "https://:secret@id.bank.example/jwks",
            "https://id.bank.example/jwks#part",
        ] {
            let error = checked_url(bad).expect_err(bad).to_string();
            assert!(error.contains("is not allowed: an https URL"), "{error}");
        }
    }
}
