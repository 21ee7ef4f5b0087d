//! Addresses of other processes, and how connections to them are made.

use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use tonic::transport::{Channel, Endpoint};

use crate::Error;
use crate::tls::ClientTls;

/// The longest that a connection may take to be made: the other side is in the same data centre.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// The longest that a connection with its handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// A connection whose other end vanished without a word is found out after so long.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Returns the endpoint of an address such as `http://127.0.0.1:7000`.
pub(crate) fn endpoint(text: &str) -> Result<Endpoint, Error> {
    let refuse = |cause: String| Error::Address {
        value: text.to_owned(),
        cause,
    };
    let endpoint =
        Endpoint::from_shared(text.to_owned()).map_err(|error| refuse(error.to_string()))?;
    if endpoint.uri().scheme().is_none() {
        return Err(refuse("no scheme".to_owned()));
    }
    Ok(endpoint
        .tcp_nodelay(true)
        .http2_adaptive_window(true)
        .connect_timeout(CONNECT_LIMIT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE))
}

/// Returns a channel to `https://host:port` by TLS, or to `http://host:port` without; it connects when
/// it is first used.
///
/// # Errors
/// The address does not read, or its scheme does not fit `tls`: what is configured to be encrypted
/// never goes in plaintext.
pub(crate) fn channel(text: &str, tls: Option<&ClientTls>) -> Result<Channel, Error> {
    let endpoint = endpoint(text)?;
    let refuse = |cause: &str| {
        Err(Error::Address {
            value: text.to_owned(),
            cause: cause.to_owned(),
        })
    };
    match (endpoint.uri().scheme_str(), tls) {
        (Some("http"), None) => Ok(endpoint.connect_lazy()),
        (Some("https"), Some(tls)) => {
            let mut tcp = HttpConnector::new();
            tcp.enforce_http(false);
            tcp.set_nodelay(true);
            tcp.set_connect_timeout(Some(CONNECT_LIMIT));
            let endpoint = endpoint.connect_timeout(HANDSHAKE_LIMIT);
            Ok(endpoint.connect_with_connector_lazy(tls.http2(tcp)))
        }
        (Some("http"), Some(_)) => refuse("TLS is configured, so https:// is expected"),
        (Some("https"), None) => refuse("https:// needs TLS, and none is configured"),
        _ => refuse("http:// or https:// is expected"),
    }
}
