//! Slots of a cluster, and how an operator moves them.

use std::net::SocketAddr;

use redis::aio::MultiplexedConnection;

use crate::stores::node;

/// Two masters between which a slot moves, as an operator's tool does it.
pub(crate) struct Move {
    slot: u16,
    from: Master,
    to: Master,
}

struct Master {
    addr: SocketAddr,
    id: String,
    connection: MultiplexedConnection,
}

impl Master {
    async fn at(addr: SocketAddr) -> anyhow::Result<Self> {
        let mut connection = node(addr).await?;
        let id = redis::cmd("CLUSTER")
            .arg("MYID")
            .query_async(&mut connection)
            .await?;
        Ok(Self {
            addr,
            id,
            connection,
        })
    }

    async fn set_slot(&mut self, slot: u16, state: &str, of: &str) -> anyhow::Result<()> {
        let mut command = redis::cmd("CLUSTER");
        command.arg("SETSLOT").arg(slot).arg(state).arg(of);
        Ok(command.exec_async(&mut self.connection).await?)
    }
}

pub(crate) async fn slot_of(addr: SocketAddr, key: &str) -> anyhow::Result<u16> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("KEYSLOT").arg(key);
    Ok(command.query_async(&mut node(addr).await?).await?)
}

impl Move {
    /// From here on the slot is moving: what is not there any more is asked for at the other.
    pub(crate) async fn begin(slot: u16, from: SocketAddr, to: SocketAddr) -> anyhow::Result<Self> {
        let (mut from, mut to) = (Master::at(from).await?, Master::at(to).await?);
        to.set_slot(slot, "IMPORTING", &from.id).await?;
        from.set_slot(slot, "MIGRATING", &to.id).await?;
        Ok(Self { slot, from, to })
    }

    /// Moves these keys.
    pub(crate) async fn keys(&mut self, keys: &[String]) -> anyhow::Result<()> {
        let mut command = redis::cmd("MIGRATE");
        command
            .arg(self.to.addr.ip().to_string())
            .arg(self.to.addr.port());
        command.arg("").arg(0).arg(10_000).arg("KEYS").arg(keys);
        Ok(command.exec_async(&mut self.from.connection).await?)
    }

    /// Moves what is left, and says that the slot is the other's now.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        loop {
            let mut command = redis::cmd("CLUSTER");
            command.arg("GETKEYSINSLOT").arg(self.slot).arg(100);
            let left: Vec<String> = command.query_async(&mut self.from.connection).await?;
            if left.is_empty() {
                break;
            }
            self.keys(&left).await?;
        }
        let new = self.to.id.clone();
        self.to.set_slot(self.slot, "NODE", &new).await?;
        self.from.set_slot(self.slot, "NODE", &new).await
    }
}
