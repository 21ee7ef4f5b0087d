//! One `redis-server`.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::{Error, Result, ports, process::ServerProcess};

const START_LIMIT: Duration = Duration::from_secs(30);
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// The data that a Redis keeps over a `kill -9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// None.
    Volatile,
    /// All that it has answered, by an append-only file synced every second, as Fairlead runs it. A
    /// killed process loses no answer that way; a killed machine may lose the last second.
    AppendOnly,
}

/// A `redis-server` of its own on a free port of the loopback address; killed when dropped, and
/// when the test process ends.
#[derive(Debug)]
pub struct RedisServer {
    // Before the folder: fields drop in this order, and the server must be gone first.
    process: ServerProcess,
    folder: TempDir,
    port: u16,
    durability: Durability,
}

impl RedisServer {
    /// Starts a Redis that keeps nothing over a restart.
    ///
    /// # Errors
    /// No `redis-server` on PATH, or it ended or stayed silent; the error carries its log.
    pub fn start() -> Result<Self> {
        Self::start_with(Durability::Volatile)
    }

    /// Starts a Redis with the durability asked for.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn start_with(durability: Durability) -> Result<Self> {
        ports::on_free_ports(|[port]| {
            let folder =
                TempDir::with_prefix("fairlead-redis-").map_err(Error::io("make a folder"))?;
            let process = launch(&folder, port, durability)?;
            Ok(Self {
                process,
                folder,
                port,
                durability,
            })
        })
    }

    /// Returns the address at which it listens.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Its URL, `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.addr())
    }

    /// Sends `kill -9`; returns when it is gone. Connections break, the port is free.
    ///
    /// # Errors
    /// The kill could not be ordered.
    pub fn kill9(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the same port and folder, after killing it where it still runs.
    ///
    /// # Errors
    /// As [`RedisServer::start`]; also when another process has taken the port meanwhile.
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process = launch(&self.folder, self.port, self.durability)?;
        Ok(())
    }
}

fn launch(folder: &TempDir, port: u16, durability: Durability) -> Result<ServerProcess> {
    let append_only = match durability {
        Durability::Volatile => "no",
        Durability::AppendOnly => "yes",
    };
    let mut command = Command::new("redis-server");
    command
        .args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--daemonize",
            "no",
        ])
        .args(["--appendonly", append_only, "--appendfsync", "everysec"])
        .arg("--dir")
        .arg(folder.path());
    let mut process = ServerProcess::start(command, folder.path())?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let pid = process.id();
    process.until_ready(&addr.to_string(), START_LIMIT, || serves(addr, pid))?;
    Ok(process)
}

/// Returns `true` if the Redis with this process id answers there and has loaded its data.
pub(crate) fn serves(addr: SocketAddr, pid: u32) -> bool {
    ask(addr, "INFO server\r\nINFO persistence\r\nQUIT\r\n").is_ok_and(|answer| {
        answer
            .lines()
            .any(|line| line == format!("process_id:{pid}"))
            && answer.lines().any(|line| line == "loading:0")
    })
}

/// Sends inline commands that end in QUIT, and reads until Redis closes the connection.
pub(crate) fn ask(addr: SocketAddr, commands: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(commands.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
