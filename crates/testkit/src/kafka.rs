//! One Apache Kafka broker: a single node in KRaft mode, its own controller.

use std::{
    env,
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tempfile::TempDir;
use ulid::Ulid;

use crate::{
    Error, Result, SlowProxy, kafka_wire, ports,
    process::{self, ServerProcess},
};

/// The version that `scripts/setup.sh test` fetches.
const VERSION: &str = "4.1.1";

/// A start takes 3 s on an idle machine; builds and tests beside it can make that many times as long.
const START_LIMIT: Duration = Duration::from_mins(2);

/// A real Apache Kafka broker on free ports of the loopback address; killed when dropped, and when
/// the test process ends. Topics are created on first use, with one partition; replication is 1.
///
/// A start takes about 3 seconds and 350 MB: use [`KafkaBroker::shared`] with topic and group names of
/// the test's own, and a broker of one's own only where it is killed.
#[derive(Debug)]
pub struct KafkaBroker {
    // Before the folder: fields drop in this order, and the broker must be gone first.
    process: ServerProcess,
    folder: TempDir,
    port: u16,
    proxy: SlowProxy,
    cluster_id: String,
}

impl KafkaBroker {
    /// Starts a broker of one's own.
    ///
    /// # Errors
    /// No Java or no Kafka on this machine, or it ended or stayed silent; the error carries its log.
    pub fn start() -> Result<Self> {
        ports::on_free_ports(|[port, controller_port, proxied_port]| {
            let proxy = SlowProxy::to(address(proxied_port))?;
            let folder =
                TempDir::with_prefix("fairlead-kafka-").map_err(Error::io("make a folder"))?;
            let properties = folder.path().join("server.properties");
            fs::write(
                &properties,
                server_properties(
                    folder.path(),
                    port,
                    controller_port,
                    proxied_port,
                    proxy.addr(),
                ),
            )
            .map_err(Error::io(format!("write {}", properties.display())))?;
            let cluster_id = new_cluster_id();
            let mut format = java("kafka.tools.StorageTool", folder.path())?;
            format.args(["format", "-t", &cluster_id, "-c", "server.properties"]);
            process::run(format, folder.path())?;
            let process = launch(folder.path(), port, &cluster_id)?;
            Ok(Self {
                process,
                folder,
                port,
                proxy,
                cluster_id,
            })
        })
    }

    /// Returns the value for a client's `bootstrap.servers`: `127.0.0.1:PORT`. The same after a
    /// restart.
    pub fn bootstrap(&self) -> String {
        address(self.port).to_string()
    }

    /// Opens a way to it that can be made slow: a listener of its own, which tells clients to come
    /// through the proxy.
    pub fn proxy(&self) -> &SlowProxy {
        &self.proxy
    }

    /// Sends `kill -9`; returns when it is gone.
    ///
    /// # Errors
    /// The kill could not be ordered.
    pub fn kill9(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the same ports with the data it had, after killing it where it still runs.
    ///
    /// # Errors
    /// As [`KafkaBroker::start`]; also when another process has taken a port meanwhile.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process = launch(self.folder.path(), self.port, &self.cluster_id)?;
        Ok(())
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn launch(folder: &Path, port: u16, cluster_id: &str) -> Result<ServerProcess> {
    let mut command = java("kafka.Kafka", folder)?;
    command.arg("server.properties");
    let mut process = ServerProcess::start(command, folder)?;
    let addr = address(port);
    process.until_ready(&addr.to_string(), START_LIMIT, || {
        kafka_wire::serves(addr, cluster_id)
    })?;
    Ok(process)
}

/// Returns the command of a Java with Kafka's jars, small, and told to compile little: it lives for
/// seconds. Its scratch files go to `folder`, and with it.
fn java(class: &str, folder: &Path) -> Result<Command> {
    let program = env::var_os("JAVA_HOME").map_or_else(
        || OsString::from("java"),
        |home| Path::new(&home).join("bin/java").into(),
    );
    let mut command = Command::new(program);
    command
        .args([
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
        ])
        .arg(format!("-Djava.io.tmpdir={}", folder.display()))
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .arg("-cp")
        .arg(jars()?.join("*"))
        .arg(class);
    Ok(command)
}

/// Returns the folder of Kafka's jars, looked for in the same order as by `scripts/setup/kafka.sh`.
fn jars() -> Result<PathBuf> {
    let cache = env::var_os("FAIRLEAD_CACHE")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache/fairlead")))
        .unwrap_or_default()
        .join(format!("kafka-{VERSION}/lib"));
    let of_home = env::var_os("KAFKA_HOME").map(|home| Path::new(&home).join("libs"));
    of_home
        .into_iter()
        .chain(jars_of_path())
        .chain([cache.clone()])
        .find(|folder| folder.is_dir())
        .ok_or(Error::KafkaMissing { cache })
}

/// Returns the folder beside the `bin` that holds the Kafka scripts on PATH, links followed.
fn jars_of_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let script = env::split_paths(&path)
        .map(|folder| folder.join("kafka-storage.sh"))
        .find(|script| script.is_file())?
        .canonicalize()
        .ok()?;
    Some(script.parent()?.parent()?.join("libs"))
}

/// Returns a new id in Kafka's form of a UUID: 16 bytes in URL-safe base64. A ULID's first byte is
/// a time long past, so the text never starts with a dash, which the storage tool would take for an
/// option.
fn new_cluster_id() -> String {
    URL_SAFE_NO_PAD.encode(Ulid::new().to_bytes())
}

/// Returns the server's properties. The session time is short because a killed broker is let in
/// again only when it is over.
fn server_properties(
    folder: &Path,
    port: u16,
    controller_port: u16,
    proxied_port: u16,
    proxy: SocketAddr,
) -> String {
    let data = folder.join("data");
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxied_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={}
num.partitions=1
auto.create.topics.enable=true
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
",
        data.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_ids_are_uuids_to_kafka_and_differ() {
        let (one, other) = (new_cluster_id(), new_cluster_id());
        assert_ne!(one, other);
        assert_eq!(one.len(), 22);
        assert!(!one.starts_with('-'));
        assert_eq!(URL_SAFE_NO_PAD.decode(&one).unwrap().len(), 16);
    }
}
