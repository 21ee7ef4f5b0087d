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
        let limit = self.config.handshake();
        let late = || Refused::new(Cause::Timeout, "it did not finish the handshake in time");
        let shaken = tokio::time::timeout(limit, self.shake(stream)).await;
        let shaken = shaken.unwrap_or_else(|_| Err((late(), None)));
        let outcome = shaken
            .as_ref()
            .map_or_else(|(refused, _)| refused.cause.label(), |_| "ok");
        metrics::counter!("fairlead_tls_handshakes_total", "server" => self.name, "outcome" => outcome)
            .increment(1);
        match shaken {
            Ok(shaken) => Some(shaken),
            Err((refused, stream)) => {
                self.log(&refused, from);
                if let Some(stream) = stream {
                    // It may be gone already, or not stop talking.
                    drop(tokio::time::timeout(limit, plaintext::hear_out(stream)).await);
                }
                None
            }
        }
    }

    fn log(&self, Refused { cause, said }: &Refused, from: SocketAddr) {
        let (server, caller) = (self.name, from.ip());
        if cause.is_of_callers_certificate() {
            tracing::warn!(server, %caller, said, "caller refused");
        } else {
            tracing::debug!(server, %caller, said, "no connection");
        }
    }

    /// Shakes hands. Where that fails, the stream comes back if the caller was told why.
    async fn shake(
        &self,
        mut stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Option<Peer>), (Refused, Option<TcpStream>)> {
        match plaintext::begins_with_tls(&stream).await {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                let refused = Refused::new(Cause::Plaintext, "it speaks plaintext");
                let told = plaintext::refuse(&mut stream).await;
                return Err((refused, told.is_ok().then_some(stream)));
            }
            Ok(None) | Err(_) => {
                let refused = Refused::new(Cause::Closed, "it went away without a word");
                return Err((refused, None));
            }
        }
        let shaken = self.acceptor.accept(stream).into_fallible().await;
        // The alert says why; it has gone out.
        let stream = shaken.map_err(|(error, stream)| (Refused::of(&error), Some(stream)))?;
        let shown = stream.get_ref().1.peer_certificates();
        let peer = shown.and_then(<[_]>::first).and_then(|certificate| {
            // The handshake has demanded that it names a service.
            let service = identity::service_of(certificate, &self.config.trust_domain);
            service.ok().map(Peer::Service)
        });
        Ok((stream, peer))
    }
}
