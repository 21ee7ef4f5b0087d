//! A master of a cluster dies under load, and its replica takes over.

use std::net::SocketAddr;

use fairlead_online::{FeatureStore, OnlineStore};
use fairlead_testkit::RedisCluster;
use tokio::time::timeout;

use crate::load::{Load, Owner, PATIENCE};
use crate::slots::slot_of;
use crate::stores::node;

/// A number that a node says of its replication; 0 where it says none.
async fn offset(addr: SocketAddr, name: &str) -> anyhow::Result<u64> {
    let mut command = redis::cmd("INFO");
    command.arg("replication");
    let said: String = command.query_async(&mut node(addr).await?).await?;
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(line.unwrap_or_default().parse().unwrap_or_default())
}

/// Waits until the replica has what the master had when this was called.
async fn replicated(master: SocketAddr, replica: SocketAddr) -> anyhow::Result<()> {
    let wanted = offset(master, "master_repl_offset").await?;
    let catching_up = async {
        while offset(replica, "slave_repl_offset").await? < wanted {}
        anyhow::Ok(())
    };
    timeout(PATIENCE, catching_up).await?
}

/// Whether this node is a master of a cluster that serves every slot.
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
async fn a_killed_master_is_replaced_and_no_value_is_wrong() -> anyhow::Result<()> {
    let mut cluster = tokio::task::spawn_blocking(RedisCluster::start).await??;
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
        let slot = slot_of(addrs[0], owner.key().as_str()).await?;
        if usize::from(slot) * 3 / 16_384 == 0 {
            on_killed.push(owner.id.clone());
        }
    }
    assert!(!on_killed.is_empty() && on_killed.len() < owners.len());
    replicated(addrs[0], addrs[3]).await?;
    let safe = Some(4);

    let load = Load::start(owners);
    let mut cluster = tokio::task::spawn_blocking(move || {
        cluster.kill9(0).expect("killed");
        cluster
    })
    .await?;
    let taking_over = async {
        while !has_taken_over(addrs[3]).await? {}
        anyhow::Ok(())
    };
    timeout(PATIENCE, taking_over).await??;
    let (mut owners, tally) = load.stop().await;
    for owner in &mut owners {
        // At most the first call still meets what was known before.
        let coming_back = async {
            while let Err(error) = owner.look().await {
                assert!(error.is_transient(), "{error}");
            }
        };
        timeout(PATIENCE, coming_back).await?;
        assert!(owner.mark >= safe, "{} lost what was replicated", owner.id);
    }
    assert!(tally.lost <= on_killed.len(), "{tally:?}");
    // From here on all is as before.
    let load = Load::start(owners);
    for _ in 0..50 {
        store.healthy().await?;
    }
    let (owners, tally) = load.stop().await;
    assert_eq!((tally.failed, tally.lost), (0, 0), "{tally:?}");

    // The killed one comes back as a replica, and nobody notices.
    let load = Load::start(owners);
    let cluster = tokio::task::spawn_blocking(move || {
        cluster.restart(0).expect("restarted");
        cluster
    })
    .await?;
    replicated(addrs[3], addrs[0]).await?;
    let (_, tally) = load.stop().await;
    assert_eq!((tally.failed, tally.lost), (0, 0), "{tally:?}");
    drop(cluster);
    Ok(())
}
