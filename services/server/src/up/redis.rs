//! Starts, supervises and stops a `redis-server`. It listens on a socket in a folder of its own, so
//! that it takes no port and no other user can reach it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use fairlead_chassis::back_off::BackOff;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The time that a server may take to load its append-only file.
const START_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);
/// The first and the longest pause before a server that keeps ending is started again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// The feature store's server: a configured one, or one that this process started.
pub(super) struct SupervisedRedis {
    url: String,
    /// Supervises a server that was started.
    tasks: TaskTracker,
    /// Stops it, also when this is dropped.
    stop: DropGuard,
}

impl SupervisedRedis {
    /// Returns the server at `url`. If that is empty, starts one with its files in `folder`.
    pub(super) async fn open(url: &str, folder: &Path) -> anyhow::Result<Self> {
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let stop = shutdown.clone().drop_guard();
        let url = if url.is_empty() {
            start(folder, &tasks, shutdown).await?
        } else {
            url.to_owned()
        };
        Ok(Self { url, tasks, stop })
    }

    /// Returns the URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Stops a server that was started.
    pub(super) async fn stop(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Starts a server with its files in `folder`, and keeps it running until `shutdown`. Returns its
/// URL once it answers.
async fn start(
    folder: &Path,
    tasks: &TaskTracker,
    shutdown: CancellationToken,
) -> anyhow::Result<String> {
    std::fs::create_dir_all(folder).with_context(|| {
        format!(
            "cannot make the folder of the feature store, {}",
            folder.display()
        )
    })?;
    let folder = folder.canonicalize()?;
    let socket = socket(&folder)?;
    end_left_over(&socket).await;
    let child = spawn(&folder, &socket)?;
    let mut child = ready(child, &folder, &socket).await?;
    let url = format!("redis+unix://{}", socket.display());
    tasks.spawn(async move {
        let mut back_off = BackOff::new(PAUSES.0, PAUSES.1);
        let mut started = Instant::now();
        while let Some(ended) = shutdown.run_until_cancelled(child.wait()).await {
            tracing::error!(?ended, "redis-server ended by itself; starting it again");
            if started.elapsed() > PAUSES.1 {
                back_off.reset();
            }
            started = Instant::now();
            match spawn(&folder, &socket) {
                Ok(next) => child = next,
                Err(error) => tracing::error!(%error, "redis-server does not start"),
            }
            if !back_off.pause_unless(&shutdown).await {
                break;
            }
        }
        stop(child, &socket).await;
    });
    Ok(url)
}

/// Returns a path for the socket: in `folder`, or in a temporary folder if that would be too long
/// (socket paths have 108 bytes at most).
fn socket(folder: &Path) -> anyhow::Result<PathBuf> {
    let beside = folder.join("redis.sock");
    if beside.as_os_str().len() < 100 {
        return Ok(beside);
    }
    let name = format!("fairlead-{:016x}", hash_of(folder));
    let short = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&short)?;
    std::fs::set_permissions(&short, std::fs::Permissions::from_mode(0o700))?;
    Ok(short.join("redis.sock"))
}

fn hash_of(folder: &Path) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    hasher.finish()
}

/// Ends a server that a killed process left behind: it holds the same files.
async fn end_left_over(socket: &Path) {
    if ask(socket, "PING\r\n").await.is_some() {
        tracing::warn!("ending the redis-server that a killed process left behind");
        let _ = ask(socket, "SHUTDOWN\r\n").await;
        while UnixStream::connect(socket).await.is_ok() {
            tokio::time::sleep(POLL).await;
        }
    }
    let _ = std::fs::remove_file(socket);
}

async fn ask(socket: &Path, command: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).await.ok()?;
    stream.write_all(command.as_bytes()).await.ok()?;
    let mut answer = [0_u8; 64];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
    let length = read.ok()?.ok()?;
    Some(String::from_utf8_lossy(&answer[..length]).into_owned())
}

fn spawn(folder: &Path, socket: &Path) -> anyhow::Result<Child> {
    let log = folder.join("redis.log");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Command::new("redis-server")
        .args(["--port", "0", "--unixsocketperm", "700", "--appendonly", "yes"])
        .args(["--appendfsync", "everysec", "--save", "", "--daemonize", "no"])
        .args(["--unixsocket", &text(socket), "--dir", &text(folder), "--logfile", &text(&log)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C in a terminal goes to the process group, but Redis is stopped last.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start redis-server; install it (Debian: apt-get install redis-server) or name one with `redis.url`")
}

async fn ready(mut child: Child, folder: &Path, socket: &Path) -> anyhow::Result<Child> {
    let deadline = tokio::time::Instant::now() + START_LIMIT;
    while ask(socket, "PING\r\n")
        .await
        .is_none_or(|answer| !answer.starts_with("+PONG"))
    {
        if let Some(status) = child.try_wait()? {
            bail!(
                "redis-server ended with {status}; see {}",
                folder.join("redis.log").display()
            );
        }
        if tokio::time::Instant::now() > deadline {
            bail!(
                "redis-server did not answer within {START_LIMIT:?}; see {}",
                folder.join("redis.log").display()
            );
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(child)
}

async fn stop(mut child: Child, socket: &Path) {
    let _ = ask(socket, "SHUTDOWN\r\n").await;
    if tokio::time::timeout(Duration::from_secs(10), child.wait())
        .await
        .is_err()
    {
        tracing::error!("redis-server did not stop; killing it");
        let _ = child.kill().await;
    }
}
