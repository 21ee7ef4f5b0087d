//! Runs the binary in a folder and on ports of its own.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// The time that a server may take to answer. Tests run beside builds, so this is no measurement.
const PATIENCE: Duration = Duration::from_mins(2);

/// `fairlead up` in a process of its own.
pub(crate) struct UpProcess {
    child: Child,
    gateway: u16,
    control: u16,
    metrics: u16,
    scheme: &'static str,
    data: PathBuf,
    /// The file of its output.
    output: PathBuf,
}

/// Returns a command of the binary, without this environment's configuration.
pub(crate) fn fairlead(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FAIRLEAD_")) {
        command.env_remove(name);
    }
    // No session of whoever runs the tests.
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Returns what it printed, or an error with all of it if it failed.
pub(crate) fn printed(output: &Output) -> anyhow::Result<String> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {said}{complaint}", output.status);
    }
    Ok(said)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl UpProcess {
    /// Starts `fairlead up` with its data in `folder`, and waits until it answers.
    pub(crate) fn up(folder: &Path) -> anyhow::Result<Self> {
        Self::up_with(folder, &[])
    }

    /// The same, with variables of its environment.
    pub(crate) fn up_with(folder: &Path, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::up_at(folder, variables, "http", &[])
    }

    /// The same, at addresses of `scheme`, for clients with variables of theirs.
    pub(crate) fn up_at(
        folder: &Path,
        variables: &[(&str, &str)],
        scheme: &'static str,
        clients: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let (gateway, control, metrics) = (free_port()?, free_port()?, free_port()?);
        let output = folder.with_extension("stdout");
        let folder = folder.to_str().context("a folder that can be written")?;
        let child = fairlead(&["up", "--data-dir", folder])
            .env("FAIRLEAD_LISTEN__GATEWAY", format!("127.0.0.1:{gateway}"))
            .env("FAIRLEAD_LISTEN__CONTROL", format!("127.0.0.1:{control}"))
            .env("FAIRLEAD_LISTEN__METRICS", format!("127.0.0.1:{metrics}"))
            .env("FAIRLEAD_GATEWAY__DEADLINE_MS", "20000")
            .envs(variables.iter().copied())
            .stdout(std::fs::File::create(&output)?)
            .spawn()?;
        let mut server = Self {
            child,
            gateway,
            control,
            metrics,
            scheme,
            data: folder.into(),
            output,
        };
        let until = Instant::now() + PATIENCE;
        let answers = |server: &Self| {
            let mut asking = server.command(&["release", "list"]);
            let asked = asking.envs(clients.iter().copied()).output()?;
            anyhow::Ok(asked.status.success())
        };
        while !answers(&server)? {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status}");
            }
            if Instant::now() > until {
                bail!("the server does not answer");
            }
        }
        Ok(server)
    }

    /// Runs a command against this server.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        Ok(self.command(arguments).output()?)
    }

    /// Returns a command against this server that acts for the bank.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.without_token(arguments);
        command.env("FAIRLEAD_DATA_DIR", &self.data);
        command
    }

    /// Returns a command against this server that cannot find its data folder: an app's.
    pub(crate) fn without_token(&self, arguments: &[&str]) -> Command {
        let mut command = fairlead(arguments);
        command
            .env(
                "FAIRLEAD_SERVER",
                format!("{}://127.0.0.1:{}", self.scheme, self.gateway),
            )
            .env(
                "FAIRLEAD_CONTROL",
                format!("{}://127.0.0.1:{}", self.scheme, self.control),
            );
        command
    }

    /// Returns the word that it printed after `text`.
    pub(crate) fn said(&self, text: &str) -> anyhow::Result<String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let said = std::fs::read_to_string(&self.output)?;
            let after = said.split_once(text).map(|(_, after)| after);
            if let Some(word) = after.and_then(|after| after.split_whitespace().next()) {
                return Ok(word.to_owned());
            }
            if Instant::now() > until {
                bail!("`{text}` was not printed: {said}");
            }
        }
    }

    /// Returns the port of the control plane.
    pub(crate) fn control(&self) -> u16 {
        self.control
    }

    /// Runs a command that must succeed. Returns what it printed.
    pub(crate) fn run_ok(&self, arguments: &[&str]) -> anyhow::Result<String> {
        printed(&self.run(arguments)?).with_context(|| arguments.join(" "))
    }

    /// Waits until its metrics page has this line.
    pub(crate) fn until_metrics_have(&self, line: &str) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let page = self.metrics_page()?;
            if page.lines().any(|one| one == line) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("`{line}` is not in {page}");
            }
        }
    }

    fn metrics_page(&self) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics))?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        Ok(page)
    }

    /// Asks it to stop by SIGTERM, as a service manager does. Returns its exit status.
    pub(crate) fn stop(mut self) -> anyhow::Result<Option<i32>> {
        let process = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &process]).status()?;
        Ok(self.child.wait()?.code())
    }
}

impl Drop for UpProcess {
    fn drop(&mut self) {
        // After `stop` there is no process to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
