//! One process of a cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use fairlead_testkit::{Program, free_ports};

use super::scrape::get;

/// The time that a process may take to become ready, or to end. Tests run beside builds, so this is
/// no measurement.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A process that runs one service.
pub struct ServiceInstance {
    service: &'static str,
    folder: PathBuf,
    settings: BTreeMap<String, String>,
    program: Program,
    port: u16,
    metrics: u16,
}

/// Returns the binary beside this program, or the one that `FAIRLEAD_BINARY` names.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("FAIRLEAD_BINARY") {
        return Ok(named.into());
    }
    let own = std::env::current_exe()?;
    // Tests run from `deps`, one folder below the binaries.
    let beside = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("fairlead"));
    beside.into_iter().find(|path| path.is_file()).context(
        "no `fairlead` beside this program: build it first, cargo build --release -p fairlead",
    )
}

/// Returns the arguments of `fairlead` that run a service.
fn arguments(service: &str) -> Vec<&str> {
    match service {
        "stream" | "lake" => vec![service],
        "control" => vec!["serve", "control-plane"],
        other => vec!["serve", other],
    }
}

impl ServiceInstance {
    pub(super) fn start(
        service: &'static str,
        folder: &Path,
        settings: BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let [port, metrics] = free_ports()?;
        let program = launch(service, folder, &settings, [port, metrics])?;
        Ok(Self {
            service,
            folder: folder.to_owned(),
            settings,
            program,
            port,
            metrics,
        })
    }

    /// Returns the service.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Returns the port of gRPC, and of REST where it has that.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns its gRPC address.
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Returns the address of its operators' page.
    pub fn page(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.metrics).into()
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Returns its log so far.
    pub fn said(&self) -> String {
        self.program.said()
    }

    /// Returns the answer of `/ready`, status line and text, or `None` if it does not answer.
    pub fn ready(&self) -> Option<String> {
        get(self.page(), "/ready").ok()
    }

    /// Waits until it is ready.
    pub fn until_ready(&mut self) -> anyhow::Result<()> {
        let page = self.page();
        let ready = || get(page, "/ready").is_ok_and(|answer| answer.contains(" 200 "));
        Ok(self
            .program
            .until_ready(&page.to_string(), PATIENCE, ready)?)
    }

    /// Waits until the answer of `/ready` or the log contains `text`.
    pub fn until_reports(&mut self, text: &str) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let ready = self.ready().unwrap_or_default();
            if ready.contains(text) || self.said().contains(text) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!(
                    "`{text}` was not said; /ready: {ready}; log: {}",
                    self.said()
                );
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Kills the process by SIGKILL.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        Ok(self.program.kill9()?)
    }

    /// Sends a signal by name: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        Ok(self.program.signal(name)?)
    }

    /// Sends SIGTERM. Returns the exit code once it has drained.
    pub fn stop(&mut self) -> anyhow::Result<Option<i32>> {
        self.program.signal("TERM")?;
        self.exit_code()
    }

    /// Waits until it has ended by itself. Returns the exit code.
    pub fn exit_code(&mut self) -> anyhow::Result<Option<i32>> {
        let ended = self.program.wait(PATIENCE)?;
        Ok(ended.context("it still runs")?.code())
    }

    /// Restarts it on the same ports and folder. It may not be ready yet.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let ports = [self.port, self.metrics];
        self.program = launch(self.service, &self.folder, &self.settings, ports)?;
        Ok(())
    }
}

fn launch(
    service: &'static str,
    folder: &Path,
    settings: &BTreeMap<String, String>,
    [port, metrics]: [u16; 2],
) -> anyhow::Result<Program> {
    let mut command = Command::new(binary()?);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FAIRLEAD_")) {
        command.env_remove(name);
    }
    command
        .args(arguments(service))
        .env("FAIRLEAD_DATA_DIR", folder)
        .env("FAIRLEAD_LISTEN__METRICS", format!("127.0.0.1:{metrics}"));
    // No other service calls these two.
    if !matches!(service, "stream" | "lake") {
        let key = format!("FAIRLEAD_LISTEN__{}", service.to_uppercase());
        command.env(key, format!("127.0.0.1:{port}"));
    }
    for (key, value) in settings {
        command.env(format!("FAIRLEAD_{key}"), value);
    }
    Ok(Program::start(command, folder)?)
}
