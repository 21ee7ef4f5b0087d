//! Connections to one server or to a cluster: several, so that a large batch does not hold up a
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

/// How many commands go into one pipeline: enough to hide the round trip, few enough that answers
/// flow while the next are sent.
const PIPELINE: usize = 256;

/// The connections, which reconnect by themselves.
///
/// To one server: a call that meets a broken connection fails at once, the next one waits for the
/// new one. To a cluster: a command that meets a slot which moves or has moved, or a master that is
/// gone, is repeated where it belongs by now, for as long as the call's limit allows. So a command
/// may be carried out twice, which every one here bears: see [`crate::WriteOutcome::Stale`].
#[derive(Clone)]
pub(crate) struct Connections {
    links: Arc<[Link]>,
    next: Arc<AtomicUsize>,
    /// The address without user and password.
    url: Arc<str>,
}

/// One connection, to a server or to every node of a cluster.
#[derive(Clone)]
pub(crate) enum Link {
    Server(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Connections {
    /// Connects, and hears an answer.
    pub(crate) async fn open(url: &str, count: usize, limit: Duration) -> Result<Self, Error> {
        let shown: Arc<str> = address::shown(url).into();
        let refused = |cause: RedisError| Error::Address {
            url: shown.to_string(),
            detail: detail(&cause),
        };
        let count = count.max(1);
        let mut connections = Self {
            links: Arc::from([]),
            next: Arc::default(),
            url: shown.clone(),
        };
        connections.links = if address::is_cluster(url) {
            let client = open::cluster(url, limit).map_err(refused)?;
            let opening = try_join_all((0..count).map(|_| client.get_async_connection()));
            let opened = connections
                .call("asking whether it is there", limit, opening)
                .await?;
            opened.into_iter().map(Link::Cluster).collect()
        } else {
            let managers = open::server(url, count, limit).map_err(refused)?;
            managers.into_iter().map(Link::Server).collect()
        };
        connections.ping(limit).await?;
        Ok(connections)
    }

    /// Asks whether the server answers, or the cluster says that it serves every slot.
    pub(crate) async fn ping(&self, limit: Duration) -> Result<(), Error> {
        let asking = async {
            match self.pick() {
                Link::Server(mut manager) => redis::cmd("PING").exec_async(&mut manager).await,
                link @ Link::Cluster(_) => {
                    let mut command = redis::cmd("CLUSTER");
                    command.arg("INFO");
                    let state: String = from_redis_value(link.any_node(command).await?)?;
                    if state.contains("cluster_state:ok") {
                        return Ok(());
                    }
                    let down = ErrorKind::Server(ServerErrorKind::ClusterDown);
                    Err((down, "the cluster does not serve every slot").into())
                }
            }
        };
        self.call("asking whether it is there", limit, asking).await
    }

    /// The connections in turn.
    pub(crate) fn pick(&self) -> Link {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.links[turn % self.links.len()].clone()
    }

    /// One command, and what it answers.
    pub(crate) async fn one<T: FromRedisValue>(
        &self,
        operation: &'static str,
        limit: Duration,
        command: Cmd,
    ) -> Result<T, Error> {
        let mut link = self.pick();
        let asking = async move { command.query_async(&mut link).await };
        self.call(operation, limit, asking).await
    }

    /// Sends commands of one key each, spread over the connections; what each answers, in order.
    pub(crate) async fn send(&self, commands: &[Cmd]) -> RedisResult<Vec<RedisResult<Value>>> {
        let chunks = commands
            .chunks(PIPELINE)
            .map(|chunk| self.pick().send(chunk));
        let answers = try_join_all(chunks).await?;
        Ok(answers.into_iter().flatten().collect())
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
        if is_away(cause) {
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

impl Link {
    /// Asks whichever node.
    pub(crate) async fn any_node(self, command: Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(mut manager) => manager.req_packed_command(&command).await,
            Self::Cluster(mut cluster) => {
                let any = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
                cluster.route_command(command, any).await?.extract_error()
            }
        }
    }

    /// One server takes a pipeline. A cluster takes each command by itself: its keys lie on several
    /// nodes, and a pipeline with one key that has moved would be sent after it as a whole.
    async fn send(self, commands: &[Cmd]) -> RedisResult<Vec<RedisResult<Value>>> {
        match self {
            Self::Server(mut manager) => {
                let mut pipeline = Pipeline::with_capacity(commands.len());
                for command in commands {
                    pipeline.add_command(command.clone());
                }
                let answers = manager
                    .send_packed_commands(&pipeline, 0, commands.len())
                    .await?;
                Ok(answers.into_iter().map(Value::extract_error).collect())
            }
            Self::Cluster(cluster) => {
                let sent = commands.iter().map(|command| {
                    let mut cluster = cluster.clone();
                    async move {
                        let answer = cluster.req_packed_command(command).await;
                        answer.and_then(Value::extract_error)
                    }
                });
                Ok(join_all(sent).await)
            }
        }
    }
}

impl ConnectionLike for Link {
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

/// Whether the server is away or not ready, as opposed to saying no.
fn is_away(cause: &RedisError) -> bool {
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

/// What the client said, without what it was asked: keys and values are personal.
fn detail(cause: &RedisError) -> String {
    let text = cause.to_string();
    text.chars().take(200).collect()
}
