//! Connections to one server: several, so that a large pipeline does not hold up a small read.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, ErrorKind, IntoConnectionInfo as _, RedisError, RedisResult, ServerErrorKind};

use crate::address;
use crate::error::Error;

/// The connections, which reconnect by themselves: a call that meets a broken one fails at once,
/// the next one waits for the new connection.
#[derive(Clone)]
pub(crate) struct Connections {
    managers: Arc<[ConnectionManager]>,
    next: Arc<AtomicUsize>,
    /// The address without user and password.
    url: Arc<str>,
}

impl Connections {
    /// Connects, and hears an answer.
    pub(crate) async fn open(url: &str, count: usize, limit: Duration) -> Result<Self, Error> {
        let shown: Arc<str> = address::shown(url).into();
        // Without it a read behind a pipeline waits for the acknowledgement of the pipeline's last
        // packet.
        let at_once = TcpSettings::default().set_nodelay(true);
        let client = url
            .into_connection_info()
            .map(|info| info.set_tcp_settings(at_once))
            .and_then(Client::open)
            .map_err(|cause| Error::Address {
                url: shown.to_string(),
                detail: detail(&cause),
            })?;
        // No response limit of its own: `call` sets one for each operation. One attempt at a time:
        // callers fail fast and come again, instead of queueing behind a back-off.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(limit))
            .set_response_timeout(None);
        let mut managers = Vec::with_capacity(count.max(1));
        for _ in 0..count.max(1) {
            let manager = ConnectionManager::new_lazy_with_config(client.clone(), config.clone())
                .map_err(|cause| Error::Address {
                url: shown.to_string(),
                detail: detail(&cause),
            })?;
            managers.push(manager);
        }
        let connections = Self {
            managers: managers.into(),
            next: Arc::default(),
            url: shown,
        };
        connections.ping(limit).await?;
        Ok(connections)
    }

    pub(crate) async fn ping(&self, limit: Duration) -> Result<(), Error> {
        let mut connection = self.pick();
        self.call("asking whether it is there", limit, async move {
            redis::cmd("PING").exec_async(&mut connection).await
        })
        .await
    }

    /// The connections in turn.
    pub(crate) fn pick(&self) -> ConnectionManager {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.managers[turn % self.managers.len()].clone()
    }

    /// Runs an operation within its limit, measures it, and names server and operation where it
    /// fails.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        limit: Duration,
        work: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let result = match tokio::time::timeout(limit, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(cause)) => Err(self.error(operation, &cause)),
            Err(_) => Err(Error::Timeout {
                url: self.url.to_string(),
                operation,
                limit,
            }),
        };
        let seconds = started.elapsed().as_secs_f64();
        let outcome = if result.is_ok() { "ok" } else { "error" };
        metrics::histogram!(
            "fairlead_online_call_seconds", "operation" => operation, "outcome" => outcome
        )
        .record(seconds);
        result
    }

    pub(crate) fn error(&self, operation: &'static str, cause: &RedisError) -> Error {
        let url = self.url.to_string();
        let detail = detail(cause);
        let away = cause.is_io_error()
            || cause.is_connection_dropped()
            || matches!(
                cause.kind(),
                ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown)
            );
        if away {
            Error::Unreachable {
                url,
                operation,
                detail,
            }
        } else {
            Error::Refused {
                url,
                operation,
                detail,
            }
        }
    }
}

/// What the client said, without what it was asked: keys and values are personal.
fn detail(cause: &RedisError) -> String {
    let text = cause.to_string();
    text.chars().take(200).collect()
}
