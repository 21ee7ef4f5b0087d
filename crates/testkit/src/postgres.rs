//! One PostgreSQL server.

use std::{
    env, fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;
use ulid::Ulid;

use crate::{
    CertificateFiles, Error, Result, ports,
    process::{self, ServerProcess},
    wait,
};

const START_LIMIT: Duration = Duration::from_mins(1);
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// The folder in which Debian keeps the server's programs, off the PATH.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A real PostgreSQL on a free port of the loopback address, with a data folder of its own; killed
/// when dropped, and when the test process ends. Its user is `postgres`, without a password (it
/// takes any that is given). No write is flushed to the disk: a killed process loses none, a
/// killed machine everything.
///
/// A start takes about 2 seconds: use [`PostgresServer::shared`] with a database of the test's own
/// ([`PostgresServer::database`]), and a server of one's own only where it is killed.
#[derive(Debug)]
pub struct PostgresServer {
    // Before the folder: fields drop in this order, and the server must be gone first.
    process: ServerProcess,
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl PostgresServer {
    /// Starts a server of one's own.
    ///
    /// # Errors
    /// No PostgreSQL on this machine, or it ended or stayed silent; the error carries its log.
    pub fn start() -> Result<Self> {
        Self::start_showing(None)
    }

    /// Starts a server of one's own that shows this certificate, and takes no connection without TLS.
    ///
    /// # Errors
    /// As [`PostgresServer::start`]; also when the certificate cannot be read.
    pub fn start_secured(certificate: &CertificateFiles) -> Result<Self> {
        Self::start_showing(Some(certificate))
    }

    fn start_showing(certificate: Option<&CertificateFiles>) -> Result<Self> {
        let programs = programs()?;
        ports::on_free_ports(|[port]| {
            let folder =
                TempDir::with_prefix("fairlead-postgres-").map_err(Error::io("make a folder"))?;
            let path = folder.path();
            if is_root()? {
                let (user, group) = unprivileged()?;
                chown(path, Some(user), Some(group))
                    .map_err(Error::io(format!("give {} away", path.display())))?;
            }
            let mut init = program(&programs.join("initdb"), path)?;
            init.args([
                "--pgdata",
                "data",
                "--username",
                "postgres",
                "--auth",
                "trust",
            ])
            .args(["--no-locale", "--encoding", "UTF8", "--no-sync"]);
            process::run(init, path)?;
            if let Some(certificate) = certificate {
                secure(path, certificate)?;
            }
            let process = launch(&programs, path, port)?;
            Ok(Self {
                process,
                folder,
                programs: programs.clone(),
                port,
            })
        })
    }

    /// Makes an empty database under a name that no other has, and returns its URL.
    ///
    /// # Errors
    /// The server is not there.
    pub fn database(&self) -> Result<String> {
        create_database(self.addr())
    }

    /// Returns the address at which it listens. The same after a restart.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Sends `kill -9` to the server; returns when it and every process it has started are gone.
    ///
    /// # Errors
    /// The kill could not be ordered, or a process outlives it.
    pub fn kill9(&mut self) -> Result<()> {
        self.process.kill()?;
        // Each of its children leads a group of its own, and ends by itself when it notices.
        let data = data(self.folder.path())?;
        let limit = START_LIMIT;
        let gone = wait::poll(limit, || Ok::<_, Error>((!works_in(&data)).then_some(())))?;
        gone.ok_or_else(|| Error::Io {
            what: format!("wait {limit:?} for the processes of {}", data.display()),
            source: std::io::ErrorKind::TimedOut.into(),
        })
    }

    /// Starts it again on the same port with the data it had, after killing it where it still runs.
    ///
    /// # Errors
    /// As [`PostgresServer::start`]; also when another process has taken the port meanwhile.
    pub fn restart(&mut self) -> Result<()> {
        self.kill9()?;
        self.process = launch(&self.programs, self.folder.path(), self.port)?;
        Ok(())
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Nobody is left to tell; the guard sees its pipe close and acts alone.
        let _ = self.kill9();
    }
}

/// Makes an empty database on the server at `addr`, and returns its URL.
pub(crate) fn create_database(addr: SocketAddr) -> Result<String> {
    let name = format!("test_{}", Ulid::new().to_string().to_lowercase());
    let folder = TempDir::with_prefix("fairlead-createdb-").map_err(Error::io("make a folder"))?;
    let mut create = Command::new(programs()?.join("createdb"));
    create.args(["--host", "127.0.0.1", "--port", &addr.port().to_string()]);
    create.args(["--username", "postgres", "--no-password", &name]);
    process::run(create, folder.path())?;
    Ok(format!("postgres://postgres@{addr}/{name}"))
}

/// Puts a certificate where a server finds it, and lets nobody in without TLS.
fn secure(folder: &Path, certificate: &CertificateFiles) -> Result<()> {
    let owner = fs::metadata(folder).map_err(Error::io("look at the folder"))?;
    let put = |from: &Path, name: &str| {
        let to = folder.join("data").join(name);
        fs::copy(from, &to)?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600))?;
        chown(&to, Some(owner.uid()), Some(owner.gid()))
    };
    put(&certificate.certificate, "server.crt").map_err(Error::io("copy a certificate"))?;
    put(&certificate.key, "server.key").map_err(Error::io("copy a key"))?;
    let callers = folder.join("data/pg_hba.conf");
    fs::write(callers, "hostssl all all 127.0.0.1/32 trust\n")
        .map_err(Error::io("write pg_hba.conf"))
}

fn launch(programs: &Path, folder: &Path, port: u16) -> Result<ServerProcess> {
    let mut command = program(&programs.join("postgres"), folder)?;
    command.args(["-D", "data", "-p", &port.to_string()]);
    if folder.join("data/server.crt").exists() {
        command.args(["-c", "ssl=on"]);
    }
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
        "shared_buffers=16MB",
        "fsync=off",
        "full_page_writes=off",
        "autovacuum=off",
        "jit=off",
    ] {
        command.args(["-c", setting]);
    }
    let mut process = ServerProcess::start(command, folder)?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let pid = process.id();
    let data = data(folder)?;
    process.until_ready(&addr.to_string(), START_LIMIT, || serves(addr, &data, pid))?;
    Ok(process)
}

/// Returns a program of the server. It runs as the owner of `folder`: PostgreSQL refuses to run as
/// root, so that root gives the folder away first.
fn program(path: &Path, folder: &Path) -> Result<Command> {
    let mut command = Command::new(path);
    let owner = fs::metadata(folder).map_err(Error::io("look at the folder"))?;
    if is_root()? {
        command.uid(owner.uid()).gid(owner.gid());
    }
    Ok(command)
}

/// Returns `true` if this process is root: the owner of its own folder in `/proc` says so.
fn is_root() -> Result<bool> {
    let own = fs::metadata("/proc/self").map_err(Error::io("look at this process"))?;
    Ok(own.uid() == 0)
}

/// Returns the user and group that root runs the server as: `postgres` where the machine has it, else `nobody`.
fn unprivileged() -> Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").map_err(Error::io("read /etc/passwd"))?;
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2);
        Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
    };
    let found = find("postgres").or_else(|| find("nobody"));
    found.ok_or_else(|| Error::Io {
        what: "find the user postgres or nobody in /etc/passwd".to_owned(),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// Returns the folder of the server's programs: that of `initdb` on PATH, else the newest of
/// Debian's.
fn programs() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut of_debian: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    of_debian.sort_by(|one, other| other.cmp(one));
    env::split_paths(&path)
        .chain(of_debian.into_iter().map(|(_, folder)| folder))
        .find(|folder| {
            ["initdb", "postgres", "createdb"]
                .iter()
                .all(|name| folder.join(name).is_file())
        })
        .ok_or(Error::PostgresMissing)
}

/// Returns the data folder, links followed.
fn data(folder: &Path) -> Result<PathBuf> {
    let data = folder.join("data");
    data.canonicalize()
        .map_err(Error::io(format!("look at {}", data.display())))
}

/// Returns `true` if the PostgreSQL with this process id says that it is ready and answers there. Its lock
/// file begins with its process id, and holds its state in the eighth line.
fn serves(addr: SocketAddr, data: &Path, pid: u32) -> bool {
    let Ok(lock) = fs::read_to_string(data.join("postmaster.pid")) else {
        return false;
    };
    let mut lines = lock.lines();
    let own = lines.next() == Some(&pid.to_string());
    own && lines.nth(6).map(str::trim) == Some("ready") && ask(addr).is_ok()
}

/// Asks for TLS, the one request that needs no further word; any answer will do.
fn ask(addr: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&addr, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
    stream.read_exact(&mut [0])
}

/// Returns `true` if some process works in this folder: each of PostgreSQL's works in its data
/// folder.
fn works_in(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| fs::read_link(process.path().join("cwd")).ok())
        .any(|works_in| works_in == folder)
}
