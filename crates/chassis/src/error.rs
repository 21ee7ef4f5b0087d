//! The errors of a process that starts, serves or stops.

use std::net::SocketAddr;
use std::time::Duration;

/// An error of the chassis.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration key is missing, unknown or holds a value that is not allowed.
    #[error("configuration: {0}")]
    Config(String),
    /// The configuration file cannot be read.
    #[error("configuration file {path}: {cause}")]
    ConfigFile {
        /// The file.
        path: String,
        /// The cause.
        cause: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {cause}; choose another `listen` address, or port 0 for any free one"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        cause: std::io::Error,
    },
    /// The address of a service is not a URI.
    #[error("service address `{value}` is not a URI such as http://127.0.0.1:7000: {cause}")]
    Address {
        /// The address as configured.
        value: String,
        /// The cause.
        cause: String,
    },
    /// The configuration has no address of a service.
    #[error(
        "nothing says where {service} is: set `discovery.services.{service}`, such as {example}"
    )]
    NoAddress {
        /// The service.
        service: &'static str,
        /// An example of its addresses.
        example: &'static str,
    },
    /// Telemetry was set up twice or with a filter that does not parse.
    #[error("telemetry: {0}")]
    Telemetry(String),
    /// Serving stopped with an error.
    #[error("server `{name}` stopped: {cause}")]
    Serve {
        /// The server.
        name: &'static str,
        /// The cause.
        cause: std::io::Error,
    },
    /// Calls were still in flight when the drain time was over.
    #[error("server `{name}` did not drain within {limit:?}; remaining connections were closed")]
    Drain {
        /// The server.
        name: &'static str,
        /// The limit.
        limit: Duration,
    },
}
