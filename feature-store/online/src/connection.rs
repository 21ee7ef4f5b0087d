//! A pool of connections to one server or to a cluster, so that a large batch does not block a
//! small read.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use redis::aio::{ConnectionLike, ConnectionManager};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind, Value,
    from_redis_value,
};

use crate::address;
use crate::error::Error;
use crate::open;

/// The number of commands in one pipeline: enough to hide the round trip, few enough that replies
/// arrive while the next commands are sent.
const PIPELINE: usize = 256;

/// A pool of connections that reconnect by themselves.
///
/// With one server, a call on a broken connection fails at once, and the next call waits for the
/// new connection. With a cluster, a command for a slot that is moving or has moved, or for a
/// failed master, is repeated at the right node until the call's timeout. A command may therefore
/// be carried out twice; every command here allows that (see [`crate::WriteOutcome::Stale`]).
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Arc<[RedisConnection]>,
    /// The number of connections taken so far, for round robin.
    next: Arc<AtomicUsize>,
    /// The address without user and password.
    url: Arc<str>,
}

/// A connection to one server, or to all nodes of a cluster.
#[derive(Clone)]
pub(crate) enum RedisConnection {
    Server(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Connections {
    /// Connects, and checks that the server or cluster replies.
    pub(crate) async fn open(url: &str, count: usize, timeout: Duration) -> Result<Self, Error> {
        let shown_url: Arc<str> = address::without_credentials(url).into();
        let refused = |cause: RedisError| Error::Address {
            url: shown_url.to_string(),
            detail: detail(&cause),
        };
        let count = count.max(1);
        let mut connections = Self {
            pool: Arc::from([]),
            next: Arc::default(),
            url: shown_url.clone(),
        };
        connections.pool = if address::is_cluster(url) {
            let client = open::cluster(url, timeout).map_err(refused)?;
            let opening = try_join_all((0..count).map(|_| client.get_async_connection()));
            let opened = connections
                .call("asking whether it is there", timeout, opening)
                .await?;
            opened.into_iter().map(RedisConnection::Cluster).collect()
        } else {
            let managers = open::server(url, count, timeout).map_err(refused)?;
            managers.into_iter().map(RedisConnection::Server).collect()
        };
        connections.ping(timeout).await?;
        Ok(connections)
    }

    /// Checks that the server replies, or that the cluster reports to serve every slot.
    pub(crate) async fn ping(&self, timeout: Duration) -> Result<(), Error> {
        let asking = async {
            match self.next_connection() {
                RedisConnection::Server(mut manager) => {
                    redis::cmd("PING").exec_async(&mut manager).await
                }
                connection @ RedisConnection::Cluster(_) => {
                    let mut command = redis::cmd("CLUSTER");
                    command.arg("INFO");
                    let state: String = from_redis_value(connection.any_node(command).await?)?;
                    if state.contains("cluster_state:ok") {
                        return Ok(());
                    }
                    let down = ErrorKind::Server(ServerErrorKind::ClusterDown);
                    Err((down, "the cluster does not serve every slot").into())
                }
            }
        };
        self.call("asking whether it is there", timeout, asking)
            .await
    }

    /// Returns the next connection, round robin.
    pub(crate) fn next_connection(&self) -> RedisConnection {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.pool[next % self.pool.len()].clone()
    }

    /// Sends one command and returns its reply.
    pub(crate) async fn query<T: FromRedisValue>(
        &self,
        operation: &'static str,
        timeout: Duration,
        command: Cmd,
    ) -> Result<T, Error> {
        let mut connection = self.next_connection();
        let asking = async move { command.query_async(&mut connection).await };
        self.call(operation, timeout, asking).await
    }

    /// Sends commands of one key each over several connections. Returns their replies in order.
    pub(crate) async fn send(&self, commands: &[Cmd]) -> RedisResult<Vec<RedisResult<Value>>> {
        let chunks = commands
            .chunks(PIPELINE)
            .map(|chunk| self.next_connection().send(chunk));
        let replies = try_join_all(chunks).await?;
        Ok(replies.into_iter().flatten().collect())
    }

    /// Runs an operation within its timeout and measures it. An error names server and operation.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        timeout: Duration,
        work: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let result = match tokio::time::timeout(timeout, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(cause)) => Err(self.error(operation, &cause)),
            Err(_) => Err(Error::Timeout {
                url: self.url.to_string(),
                operation,
                timeout,
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
        if is_unavailable(cause) {
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

impl RedisConnection {
    /// Sends a command to any node.
    pub(crate) async fn any_node(self, command: Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(mut manager) => manager.req_packed_command(&command).await,
            Self::Cluster(mut cluster) => {
                let any = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
                cluster.route_command(command, any).await?.extract_error()
            }
        }
    }

    /// Sends commands and returns their replies in order: to a server as one pipeline, to a cluster
    /// one by one. A cluster's keys lie on several nodes, and if one key had moved, its entire
    /// pipeline would be redirected.
    async fn send(self, commands: &[Cmd]) -> RedisResult<Vec<RedisResult<Value>>> {
        match self {
            Self::Server(mut manager) => {
                let mut pipeline = Pipeline::with_capacity(commands.len());
                for command in commands {
                    pipeline.add_command(command.clone());
                }
                let replies = manager
                    .send_packed_commands(&pipeline, 0, commands.len())
                    .await?;
                Ok(replies.into_iter().map(Value::extract_error).collect())
            }
            Self::Cluster(cluster) => {
                let sent = commands.iter().map(|command| {
                    let mut cluster = cluster.clone();
                    async move {
                        let reply = cluster.req_packed_command(command).await;
                        reply.and_then(Value::extract_error)
                    }
                });
                Ok(join_all(sent).await)
            }
        }
    }
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> redis::RedisFuture<'a, Value> {
        match self {
            Self::Server(manager) => manager.req_packed_command(command),
            Self::Cluster(cluster) => cluster.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> redis::RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(manager) => manager.req_packed_commands(pipeline, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(manager) => manager.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}

/// Returns true if the server is unreachable or not ready, as opposed to refusing the command.
fn is_unavailable(cause: &RedisError) -> bool {
    let not_ready = matches!(
        cause.kind(),
        ErrorKind::ClusterConnectionNotFound
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::Moved
                    | ServerErrorKind::Ask
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::ReadOnly
            )
    );
    not_ready || cause.is_io_error() || cause.is_connection_dropped()
}

/// Returns the client's message, at most 200 characters. It holds no keys or values, which are
/// personal.
fn detail(cause: &RedisError) -> String {
    let text = cause.to_string();
    text.chars().take(200).collect()
}
