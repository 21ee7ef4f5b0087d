//! The connections of a server: accepted, secured, served, drained.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::peer::Peer;
use crate::tls::ListenerTls;

/// The pause after an error of the listener itself: no descriptor is left, as a rule.
const PAUSE: Duration = Duration::from_secs(1);

/// The settings that every connection of a server is served with.
#[derive(Clone)]
pub(crate) struct Connections {
    pub(crate) name: &'static str,
    pub(crate) router: axum::Router,
    pub(crate) tls: Option<ListenerTls>,
    /// Cancelled when calls in flight are the last ones.
    pub(crate) closing: CancellationToken,
}

impl Connections {
    /// Accepts connections until `closing`, then waits until those that are open have answered their
    /// calls. A caller that dawdles over its handshake holds up nobody else. Dropped, it closes them.
    pub(crate) async fn accept(self, listener: TcpListener) {
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                () = self.closing.cancelled() => break,
                Some(ended) = open.join_next() => self.note(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, from)) => {
                        open.spawn(self.clone().serve(stream, from));
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::error!(server = self.name, %error, "cannot accept connections");
                        self.closing.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                    }
                },
            }
        }
        drop(listener);
        while let Some(ended) = open.join_next().await {
            self.note(ended);
        }
    }

    fn note(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended {
            tracing::error!(server = self.name, %error, "a connection died");
        }
    }

    async fn serve(self, stream: TcpStream, from: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off nagle");
        }
        let Some(tls) = self.tls.clone() else {
            return self.answer(stream, None).await;
        };
        let accepted = self
            .closing
            .run_until_cancelled(tls.accept(stream, from))
            .await;
        if let Some((stream, peer)) = accepted.flatten() {
            self.answer(stream, peer).await;
        }
    }

    /// Answers the calls of a connection, HTTP/1 or HTTP/2, until it ends.
    async fn answer(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Option<Peer>,
    ) {
        let service = self
            .router
            .map_request(move |mut request: http::Request<_>| {
                if let Some(peer) = &peer {
                    request.extensions_mut().insert(peer.clone());
                }
                request
            });
        let builder = auto::Builder::new(TokioExecutor::new());
        let service = TowerToHyperService::new(service);
        let mut answering =
            pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = answering.as_mut() => ended,
            () = self.closing.cancelled() => {
                answering.as_mut().graceful_shutdown();
                answering.await
            }
        };
        if let Err(error) = ended {
            tracing::trace!(server = self.name, error, "connection failed");
        }
    }
}

/// Returns true if an error concerns one caller that is gone already.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
