//! The migration of a cluster's slots, as an operator's tool does it.

use std::net::SocketAddr;

use redis::aio::MultiplexedConnection;

use crate::stores::node;

/// The migration of a slot from one master to another.
pub(crate) struct SlotMigration {
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
    async fn connect(addr: SocketAddr) -> anyhow::Result<Self> {
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

    async fn set_slot(&mut self, slot: u16, state: &str, node_id: &str) -> anyhow::Result<()> {
        let mut command = redis::cmd("CLUSTER");
        command.arg("SETSLOT").arg(slot).arg(state).arg(node_id);
        Ok(command.exec_async(&mut self.connection).await?)
    }
}

pub(crate) async fn key_slot(addr: SocketAddr, key: &str) -> anyhow::Result<u16> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("KEYSLOT").arg(key);
    Ok(command.query_async(&mut node(addr).await?).await?)
}

impl SlotMigration {
    /// Begins the migration. From here on a command for a key that `from` lacks is redirected to
    /// `to`.
    pub(crate) async fn begin(slot: u16, from: SocketAddr, to: SocketAddr) -> anyhow::Result<Self> {
        let (mut from, mut to) = (Master::connect(from).await?, Master::connect(to).await?);
        to.set_slot(slot, "IMPORTING", &from.id).await?;
        from.set_slot(slot, "MIGRATING", &to.id).await?;
        Ok(Self { slot, from, to })
    }

    /// Moves these keys.
    pub(crate) async fn move_keys(&mut self, keys: &[String]) -> anyhow::Result<()> {
        let mut command = redis::cmd("MIGRATE");
        command
            .arg(self.to.addr.ip().to_string())
            .arg(self.to.addr.port());
        command.arg("").arg(0).arg(10_000).arg("KEYS").arg(keys);
        Ok(command.exec_async(&mut self.from.connection).await?)
    }

    /// Moves the remaining keys and assigns the slot to the new master.
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        loop {
            let mut command = redis::cmd("CLUSTER");
            command.arg("GETKEYSINSLOT").arg(self.slot).arg(100);
            let left: Vec<String> = command.query_async(&mut self.from.connection).await?;
            if left.is_empty() {
                break;
            }
            self.move_keys(&left).await?;
        }
        let new = self.to.id.clone();
        self.to.set_slot(self.slot, "NODE", &new).await?;
        self.from.set_slot(self.slot, "NODE", &new).await
    }
}
