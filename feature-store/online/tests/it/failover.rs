//! Failover under load: a master of a cluster is killed and its replica takes over.

use std::net::SocketAddr;

use fairlead_online::{FeatureStore, OnlineStore};
use fairlead_testkit::RedisCluster;
use tokio::time::timeout;

use crate::load::{Load, Owner, TIMEOUT};
use crate::slots::key_slot;
use crate::stores::node;

/// Returns a number from a node's replication report, or 0 if the report lacks it.
async fn replication_offset(addr: SocketAddr, name: &str) -> anyhow::Result<u64> {
    let mut command = redis::cmd("INFO");
    command.arg("replication");
    let info: String = command.query_async(&mut node(addr).await?).await?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(line.unwrap_or_default().parse().unwrap_or_default())
}

/// Runs a blocking action on the cluster and returns the cluster.
async fn blocking(
    mut cluster: RedisCluster,
    action: fn(&mut RedisCluster) -> Result<(), fairlead_testkit::Error>,
) -> anyhow::Result<RedisCluster> {
    let done = tokio::task::spawn_blocking(move || action(&mut cluster).map(|()| cluster));
    Ok(done.await??)
}

/// Waits until the replica has everything that the master has now.
async fn replicated(master: SocketAddr, replica: SocketAddr) -> anyhow::Result<()> {
    let wanted = replication_offset(master, "master_repl_offset").await?;
    let catching_up = async {
        while replication_offset(replica, "slave_repl_offset").await? < wanted {}
        anyhow::Ok(())
    };
    timeout(TIMEOUT, catching_up).await?
}

/// Returns true if this node is a master of a cluster that serves every slot.
async fn has_taken_over(addr: SocketAddr) -> anyhow::Result<bool> {
    let mut connection = node(addr).await?;
    let mut command = redis::cmd("INFO");
    command.arg("replication");
    let role: String = command.query_async(&mut connection).await?;
    let mut command = redis::cmd("CLUSTER");
    command.arg("INFO");
    let state: String = command.query_async(&mut connection).await?;
    Ok(role.contains("role:master") && state.contains("cluster_state:ok"))
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_no_read_returns_a_wrong_value() -> anyhow::Result<()> {
    let cluster = tokio::task::spawn_blocking(RedisCluster::start).await??;
    let addrs = cluster.addrs();
    let store = OnlineStore::connect(&cluster.url()).await?;
    let mut owners: Vec<Owner> = (0..12)
        .map(|at| Owner::new(&store, format!("c{at}")))
        .collect();
    let mut on_killed = Vec::new();
    for owner in &mut owners {
        for _ in 0..5 {
            owner.step().await?;
        }
        let slot = key_slot(addrs[0], owner.key().as_str()).await?;
        if usize::from(slot) * 3 / 16_384 == 0 {
            on_killed.push(owner.id.clone());
        }
    }
    assert!(!on_killed.is_empty() && on_killed.len() < owners.len());
    replicated(addrs[0], addrs[3]).await?;
    let replicated_offset = Some(4);

    let load = Load::start(owners);
    let cluster = blocking(cluster, |cluster| cluster.kill9(0)).await?;
    let taking_over = async {
        while !has_taken_over(addrs[3]).await? {}
        anyhow::Ok(())
    };
    timeout(TIMEOUT, taking_over).await??;
    let (mut owners, tally) = load.stop().await;
    for owner in &mut owners {
        // The first call may still use the client's old view of the cluster.
        let recovering = async {
            while let Err(error) = owner.read().await {
                assert!(error.is_transient(), "{error}");
            }
        };
        timeout(TIMEOUT, recovering).await?;
        assert!(
            owner.offset >= replicated_offset,
            "{} lost what was replicated",
            owner.id
        );
    }
    assert!(tally.lost <= on_killed.len(), "{tally:?}");
    // After the failover no call fails.
    let load = Load::start(owners);
    for _ in 0..50 {
        store.healthy().await?;
    }
    let (owners, tally) = load.stop().await;
    assert_eq!((tally.failed, tally.lost), (0, 0), "{tally:?}");

    // The killed node comes back as a replica, and no call fails.
    let load = Load::start(owners);
    let cluster = blocking(cluster, |cluster| cluster.restart(0)).await?;
    replicated(addrs[3], addrs[0]).await?;
    let (_, tally) = load.stop().await;
    assert_eq!((tally.failed, tally.lost), (0, 0), "{tally:?}");
    drop(cluster);
    Ok(())
}
