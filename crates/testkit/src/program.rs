//! Any program as a server of a test: it ends with its owner, and can be asked to stop.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use crate::{Error, Result, ports, process::ServerProcess, wait};

/// A running program; killed when dropped, and when the test process ends, its folder with it.
#[derive(Debug)]
pub struct Program {
    process: ServerProcess,
    folder: PathBuf,
}

impl Program {
    /// Starts `command` in `folder`, its output in `server.log` there.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: Command, folder: &Path) -> Result<Self> {
        Ok(Self {
            process: ServerProcess::start(command, folder)?,
            folder: folder.to_owned(),
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until `answers` says yes.
    ///
    /// # Errors
    /// It ended before, or did not answer within `limit`; the error carries its log.
    pub fn until_ready(
        &mut self,
        address: &str,
        limit: Duration,
        answers: impl FnMut() -> bool,
    ) -> Result<()> {
        self.process.until_ready(address, limit, answers)
    }

    /// Sends `kill -9`; returns when it is gone.
    ///
    /// # Errors
    /// The kill could not be ordered.
    pub fn kill9(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Sends a signal by name: `TERM`, `STOP`, `CONT`.
    ///
    /// # Errors
    /// It could not be sent.
    pub fn signal(&self, name: &str) -> Result<()> {
        let sent = Command::new("kill")
            .args(["-s", name, &self.id().to_string()])
            .status();
        sent.map(drop).map_err(Error::io("send a signal"))
    }

    /// Waits until it has ended by itself; `None` where it still runs after `limit`.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        wait::poll(limit, || self.process.ended())
    }

    /// Returns everything that it has said.
    pub fn said(&self) -> String {
        let log = std::fs::read(self.folder.join("server.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

/// Returns `N` different ports of the loopback address that were free a moment ago, for a program
/// that must be told its port.
///
/// # Errors
/// There are none to be had.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    ports::free_ports()
}
