//! Addresses of other processes, and how connections to them are made.

use std::time::Duration;

use tonic::transport::Endpoint;

use crate::Error;

/// The longest that a connection may take to be made: the other side is in the same data centre.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
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
