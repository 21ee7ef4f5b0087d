//! How connections are opened: to one server, to a cluster.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::io::tcp::TcpSettings;
use redis::{Client, ErrorKind, IntoConnectionInfo as _, RedisResult};

use crate::address;

/// Between two attempts of one command on a cluster, milliseconds: at least, at most.
const RETRY_WAIT: (u64, u64) = (10, 50);

/// More attempts than any call's limit has room for: the limit ends a call, not their number.
const RETRIES: u32 = 10_000;

/// After so long without an answer of a node of a cluster, its connection counts as broken: a node
/// whose machine is gone does not say so.
const NODE_LIMIT: Duration = Duration::from_secs(2);

/// Without it a read behind a pipeline waits for the acknowledgement of the pipeline's last packet.
fn at_once() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

/// Connections to one server, which are made when they are used.
pub(crate) fn server(
    url: &str,
    count: usize,
    limit: Duration,
) -> RedisResult<Vec<ConnectionManager>> {
    let info = url.into_connection_info()?;
    let client = Client::open(info.set_tcp_settings(at_once()))?;
    // No response limit of its own: each operation has one. One attempt at a time: callers fail
    // fast and come again, instead of queueing behind a back-off.
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(limit))
        .set_response_timeout(None);
    (0..count)
        .map(|_| ConnectionManager::new_lazy_with_config(client.clone(), config.clone()))
        .collect()
}

/// A client of a cluster. Reads go to masters: a replica may be behind what was acknowledged.
pub(crate) fn cluster(url: &str, limit: Duration) -> RedisResult<ClusterClient> {
    let (least, most) = RETRY_WAIT;
    let nodes = address::cluster_nodes(url);
    if nodes.iter().any(|node| node.ends_with(['/', '@'])) {
        return Err((ErrorKind::InvalidClientConfig, "a node without a name").into());
    }
    ClusterClient::builder(nodes)
        .tcp_settings(at_once())
        .connection_timeout(limit)
        .response_timeout(NODE_LIMIT)
        .overall_response_timeout(None)
        .retries(RETRIES)
        .min_retry_wait(least)
        .max_retry_wait(most)
        // A wait that does not grow: whoever waits has a limit, and it is short.
        .retry_wait_formula(most, 1)
        .build()
}
