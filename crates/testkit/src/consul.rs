//! One Consul agent in development mode: what it knows it keeps in memory, and forgets when it is
//! killed.

use std::{
    env,
    ffi::OsString,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::{Error, Result, ports, process::ServerProcess};

/// The version that `scripts/setup.sh test` builds.
const VERSION: &str = "1.19.2";
const START_LIMIT: Duration = Duration::from_mins(1);
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// A Consul agent on free ports of the loopback address; killed when dropped, and when the test
/// process ends. A start takes about a second and 130 MB.
#[derive(Debug)]
pub struct ConsulAgent {
    // Before the folder: fields drop in this order, and the agent must be gone first.
    process: ServerProcess,
    folder: TempDir,
    ports: [u16; 4],
}

impl ConsulAgent {
    /// Starts an agent that knows no instance.
    ///
    /// # Errors
    /// No `consul` on PATH or in the cache, or it ended or stayed silent; the error carries its log.
    pub fn start() -> Result<Self> {
        ports::on_free_ports(|ports: [u16; 4]| {
            let folder =
                TempDir::with_prefix("fairlead-consul-").map_err(Error::io("make a folder"))?;
            let process = launch(&folder, ports)?;
            Ok(Self {
                process,
                folder,
                ports,
            })
        })
    }

    /// Its HTTP interface, `http://127.0.0.1:PORT`. The same after a restart.
    pub fn url(&self) -> String {
        format!("http://{}", address(self.ports[0]))
    }

    /// Sends `kill -9`; returns when it is gone.
    ///
    /// # Errors
    /// The kill could not be ordered.
    pub fn kill9(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the same ports, knowing no instance, after killing it where it still runs.
    ///
    /// # Errors
    /// As [`ConsulAgent::start`]; also when another process has taken a port meanwhile.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process = launch(&self.folder, self.ports)?;
        Ok(())
    }

    /// Returns the ids of the instances of a service that pass their health checks.
    ///
    /// # Errors
    /// The agent does not answer.
    pub fn passing(&self, service: &str) -> Result<Vec<String>> {
        let path = format!("/v1/health/service/{service}?passing=1&pretty=1");
        let body = get(address(self.ports[0]), &path).map_err(Error::io("ask consul"))?;
        // `"ID": "` names nodes as well: those of services begin with the service's own name.
        let ids = body.split("\"ID\": \"").skip(1);
        let ids = ids.filter_map(|rest| rest.split('"').next());
        let mut found: Vec<String> = ids
            .filter(|id| id.starts_with(service))
            .map(str::to_owned)
            .collect();
        found.sort();
        found.dedup();
        Ok(found)
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn launch(folder: &TempDir, [http, server, lan, grpc]: [u16; 4]) -> Result<ServerProcess> {
    let mut command = Command::new(program());
    command
        .args(["agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1"])
        .args(["-log-level=warn", "-dns-port=-1", "-serf-wan-port=-1"])
        .args(["-https-port=-1", "-grpc-tls-port=-1"])
        .arg(format!("-http-port={http}"))
        .arg(format!("-server-port={server}"))
        .arg(format!("-serf-lan-port={lan}"))
        .arg(format!("-grpc-port={grpc}"));
    let mut process = ServerProcess::start(command, folder.path())?;
    let addr = address(http);
    process.until_ready(&addr.to_string(), START_LIMIT, || {
        get(addr, "/v1/status/leader").is_ok_and(|answer| answer.contains(&server.to_string()))
    })?;
    Ok(process)
}

/// Returns `consul` where it is on PATH, else that of the cache.
fn program() -> OsString {
    let on_path = env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join("consul").is_file()));
    if on_path {
        return "consul".into();
    }
    let cache = env::var_os("FAIRLEAD_CACHE").map_or_else(
        || Path::new(&env::var_os("HOME").unwrap_or_default()).join(".cache/fairlead"),
        Into::into,
    );
    cache.join(format!("consul-{VERSION}/consul")).into()
}

/// Makes one GET over HTTP/1.0, whose end is the end of the connection.
fn get(addr: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
