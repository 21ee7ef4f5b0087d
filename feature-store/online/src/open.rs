//! Opening connections to a server or a cluster.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::io::tcp::TcpSettings;
use redis::{Client, ErrorKind, IntoConnectionInfo as _, RedisResult};

use crate::address;

/// The shortest wait between two attempts of one command on a cluster, in milliseconds.
const MIN_RETRY_WAIT_MS: u64 = 10;

/// The longest wait between two attempts of one command on a cluster, in milliseconds.
const MAX_RETRY_WAIT_MS: u64 = 50;

/// The most attempts of one command: more than fit into any call's timeout, which ends the call.
const RETRIES: u32 = 10_000;

/// The time without a reply after which the connection to a cluster's node counts as broken. A node
/// whose machine failed does not close its connections.
const NODE_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns settings without Nagle's algorithm. With it a read behind a pipeline would wait for the
/// acknowledgement of the pipeline's last packet.
fn no_delay() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

/// Returns connections to one server. They connect on first use.
pub(crate) fn server(
    url: &str,
    count: usize,
    timeout: Duration,
) -> RedisResult<Vec<ConnectionManager>> {
    let info = url.into_connection_info()?;
    let client = Client::open(info.set_tcp_settings(no_delay()))?;
    // No response timeout, because each operation has its own. No retries, so that callers fail
    // fast instead of queueing behind a back-off.
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(None);
    (0..count)
        .map(|_| ConnectionManager::new_lazy_with_config(client.clone(), config.clone()))
        .collect()
}

/// Returns a client of a cluster. It reads from masters, because a replica may lack acknowledged
/// writes.
pub(crate) fn cluster(url: &str, timeout: Duration) -> RedisResult<ClusterClient> {
    let nodes = address::cluster_nodes(url);
    if nodes.iter().any(|node| node.ends_with(['/', '@'])) {
        return Err((ErrorKind::InvalidClientConfig, "a node without a name").into());
    }
    ClusterClient::builder(nodes)
        .tcp_settings(no_delay())
        .connection_timeout(timeout)
        .response_timeout(NODE_TIMEOUT)
        .overall_response_timeout(None)
        .retries(RETRIES)
        .min_retry_wait(MIN_RETRY_WAIT_MS)
        .max_retry_wait(MAX_RETRY_WAIT_MS)
        // The wait does not grow, because the timeouts of calls are short.
        .retry_wait_formula(MAX_RETRY_WAIT_MS, 1)
        .build()
}
