//! The answering end: handshakes of a listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::config::TlsConfig;
use super::explain::{Cause, cause_of, explained, tls_error};
use super::{identity, plaintext};
use crate::peer::Peer;

/// The TLS of a listener. Cheap to clone.
#[derive(Clone)]
pub struct ListenerTls {
    name: &'static str,
    acceptor: TlsAcceptor,
    config: Arc<TlsConfig>,
}

impl std::fmt::Debug for ListenerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListenerTls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A connection that was not made: its cause, and that in words.
struct Refused {
    cause: Cause,
    said: String,
}

impl Refused {
    fn new(cause: Cause, said: impl Into<String>) -> Self {
        Self {
            cause,
            said: said.into(),
        }
    }

    fn of(error: &io::Error) -> Self {
        match tls_error(error) {
            Some(error) => Self::new(cause_of(error), explained(error)),
            None => Self::new(Cause::Closed, error.to_string()),
        }
    }
}

impl ListenerTls {
    pub(super) fn new(name: &'static str, server: ServerConfig, config: TlsConfig) -> Self {
        Self {
            name,
            acceptor: TlsAcceptor::from(Arc::new(server)),
            config: Arc::new(config),
        }
    }

    /// Shakes hands with a caller, within the time that it may take. Returns the stream and whose
    /// certificate was shown, or `None` if the connection is refused: that is counted, and logged
    /// where the caller's certificate has to be mended.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        from: SocketAddr,
    ) -> Option<(TlsStream<TcpStream>, Option<Peer>)> {
        let shaken = tokio::time::timeout(self.config.handshake(), self.shake(stream)).await;
        let late = || Refused::new(Cause::Timeout, "it did not finish the handshake in time");
        let shaken = shaken.map_err(|_| late()).and_then(|shaken| shaken);
        let outcome = shaken
            .as_ref()
            .map_or_else(|refused| refused.cause.label(), |_| "ok");
        metrics::counter!("fairlead_tls_handshakes_total", "server" => self.name, "outcome" => outcome)
            .increment(1);
        shaken
            .inspect_err(|Refused { cause, said }| {
                let (server, caller) = (self.name, from.ip());
                if cause.is_of_callers_certificate() {
                    tracing::warn!(server, %caller, said, "caller refused");
                } else {
                    tracing::debug!(server, %caller, said, "no connection");
                }
            })
            .ok()
    }

    async fn shake(
        &self,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Option<Peer>), Refused> {
        let closed = || Refused::new(Cause::Closed, "it went away without a word");
        match plaintext::begins_with_tls(&stream).await {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                // It may be gone before it has heard.
                drop(plaintext::refuse(stream).await);
                return Err(Refused::new(Cause::Plaintext, "it speaks plaintext"));
            }
            Ok(None) | Err(_) => return Err(closed()),
        }
        let stream = self.acceptor.accept(stream).await;
        let stream = stream.map_err(|error| Refused::of(&error))?;
        let shown = stream.get_ref().1.peer_certificates();
        let peer = shown.and_then(<[_]>::first).and_then(|certificate| {
            // The handshake has demanded that it names a service.
            let service = identity::service_of(certificate, &self.config.trust_domain);
            service.ok().map(Peer::Service)
        });
        Ok((stream, peer))
    }
}
