//! A Redis Cluster: three masters, each with a replica.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::{Error, Result, ports, process::ServerProcess, redis, wait};

const MASTERS: usize = 3;
const NODES: usize = 2 * MASTERS;
const SLOTS: usize = 16_384;

const START_LIMIT: Duration = Duration::from_mins(1);

/// After so long without an answer a node counts as failed, and its replica stands for election.
const NODE_TIMEOUT: Duration = Duration::from_secs(1);

/// A real Redis Cluster on free ports of the loopback address: nodes 0 to 2 begin as masters with a
/// third of the slots each, nodes 3 to 5 as their replicas in the same order. It keeps no data over
/// a restart of all; killed when dropped, and when the test process ends.
///
/// A start takes about 3 seconds: use [`RedisCluster::shared`] with keys of the test's own, and a
/// cluster of one's own only where nodes are killed or slots moved.
#[derive(Debug)]
pub struct RedisCluster {
    // Before the folder: fields drop in this order, and the servers must be gone first.
    nodes: Vec<Node>,
    folder: TempDir,
}

#[derive(Debug)]
struct Node {
    process: ServerProcess,
    port: u16,
    bus: u16,
}

impl RedisCluster {
    /// Starts a cluster of one's own; every slot is served, and every replica in step, when this returns.
    ///
    /// # Errors
    /// No `redis-server` on PATH, or a node ended or stayed silent; the error carries its log.
    pub fn start() -> Result<Self> {
        // Each node wants a port for clients and one for the other nodes.
        ports::on_free_ports(|ports: [u16; 2 * NODES]| {
            let folder =
                TempDir::with_prefix("fairlead-cluster-").map_err(Error::io("make a folder"))?;
            let mut nodes = Vec::with_capacity(NODES);
            for pair in ports.chunks_exact(2) {
                let (port, bus) = (pair[0], pair[1]);
                let process = launch(folder.path(), port, bus)?;
                nodes.push(Node { process, port, bus });
            }
            let cluster = Self { nodes, folder };
            cluster.meet()?;
            Ok(cluster)
        })
    }

    /// Its URL: `redis+cluster://127.0.0.1:PORT,...` with every node.
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.addrs().iter().map(ToString::to_string).collect();
        format!("redis+cluster://{}", nodes.join(","))
    }

    /// Returns the address at which each node listens, 0 to 5.
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Node::addr).collect()
    }

    /// Sends `kill -9` to one node; returns when it is gone.
    ///
    /// # Errors
    /// The kill could not be ordered.
    pub fn kill9(&mut self, node: usize) -> Result<()> {
        self.nodes[node].process.kill()
    }

    /// Starts a node again on the same ports, after killing it where it still runs. It comes back
    /// empty, and as a replica where its own took over.
    ///
    /// # Errors
    /// As [`RedisCluster::start`]; also when another process has taken a port meanwhile.
    pub fn restart(&mut self, node: usize) -> Result<()> {
        let node = &mut self.nodes[node];
        node.process.kill()?;
        node.process = launch(self.folder.path(), node.port, node.bus)?;
        Ok(())
    }

    /// Makes one cluster of the nodes.
    fn meet(&self) -> Result<()> {
        for (at, node) in self.nodes.iter().enumerate() {
            // Distinct from the start: else the nodes take rounds to agree on who is who.
            node.order(&format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1))?;
            if at < MASTERS {
                let (first, next) = (at * SLOTS / MASTERS, (at + 1) * SLOTS / MASTERS);
                node.order(&format!("CLUSTER ADDSLOTSRANGE {first} {}", next - 1))?;
            }
        }
        for node in &self.nodes[1..] {
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {}", node.port, node.bus);
            self.nodes[0].order(&meet)?;
        }
        self.until("every node knows all", |node| {
            let known = format!("cluster_known_nodes:{NODES}");
            let nodes = node.ask("CLUSTER NODES").unwrap_or_default();
            let met = !nodes.contains("handshake") && !nodes.contains("noaddr");
            met && node.says("CLUSTER INFO", &known)
        })?;
        for (master, replica) in self.nodes.iter().zip(&self.nodes[MASTERS..]) {
            let id = master
                .ask("CLUSTER MYID")
                .map_err(Error::io("ask for an id"))?;
            let id = id.lines().nth(1).unwrap_or_default().to_owned();
            replica.order(&format!("CLUSTER REPLICATE {id}"))?;
        }
        self.until("every slot is served", |node| {
            let replica = self.nodes[MASTERS..]
                .iter()
                .any(|one| one.port == node.port);
            let role = if replica {
                "master_link_status:up"
            } else {
                "connected_slaves:1"
            };
            let nodes = node.ask("CLUSTER NODES").unwrap_or_default();
            node.says("CLUSTER INFO", "cluster_state:ok")
                && node.says("INFO replication", role)
                && nodes.matches("slave").count() == MASTERS
        })
    }

    fn until(&self, what: &str, is: impl Fn(&Node) -> bool) -> Result<()> {
        let served = wait::poll(START_LIMIT, || {
            Ok::<_, Error>(self.nodes.iter().all(&is).then_some(()))
        })?;
        served.ok_or_else(|| Error::NotReady {
            program: "redis-server (cluster)".to_owned(),
            address: self.url(),
            waited: START_LIMIT,
            log: format!("waited until {what}"),
        })
    }
}

impl Node {
    fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    fn ask(&self, command: &str) -> std::io::Result<String> {
        redis::ask(self.addr(), &format!("{command}\r\nQUIT\r\n"))
    }

    fn says(&self, command: &str, line: &str) -> bool {
        self.ask(command)
            .is_ok_and(|answer| answer.lines().any(|one| one == line))
    }

    /// Sends a command that must be answered with OK.
    fn order(&self, command: &str) -> Result<()> {
        let answer = self.ask(command).map_err(Error::io(command))?;
        if answer.starts_with("+OK") {
            return Ok(());
        }
        Err(Error::Io {
            what: command.to_owned(),
            source: std::io::Error::other(answer),
        })
    }
}

fn launch(folder: &Path, port: u16, bus: u16) -> Result<ServerProcess> {
    let own = folder.join(port.to_string());
    fs::create_dir_all(&own).map_err(Error::io(format!("make {}", own.display())))?;
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--daemonize", "no"])
        .args(["--port", &port.to_string()])
        .args(["--cluster-port", &bus.to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .args(["--cluster-enabled", "yes"])
        .args(["--cluster-config-file", "nodes.conf"])
        .args([
            "--cluster-node-timeout",
            &NODE_TIMEOUT.as_millis().to_string(),
        ])
        .args(["--cluster-allow-replica-migration", "no"])
        .args(["--repl-diskless-sync-delay", "0"])
        .arg("--dir")
        .arg(&own);
    let mut process = ServerProcess::start(command, &own)?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let pid = process.id();
    process.until_ready(&addr.to_string(), START_LIMIT, || redis::serves(addr, pid))?;
    Ok(process)
}
