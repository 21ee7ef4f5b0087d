//! A server's process, which ends with its owner.
//!
//! The server leads a process group of its own. Beside it stands a guard: a shell, in another group,
//! that reads a pipe from this process. Told so, it kills the server's group; when the pipe closes
//! without a word, this process is gone (the system closes pipes however a process ends), and it
//! kills the group and removes the folder. This needs neither `unsafe` nor a signal handler.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::{Error, Result, wait};

/// `$1` the group, `$2` the folder. A process that left the group may still write while it ends, so
/// that the folder is removed until it is gone.
const GUARD: &str = r#"read -r _; told=$?; kill -s KILL -- "-$1"; [ $told -eq 0 ] && exit
for _ in 1 2 3 4 5; do rm -rf -- "$2" && exit; sleep 1; done"#;

/// The length of the end of a server's log that an error carries.
const LAST_WORDS: usize = 2_000;

/// A running server with the guard that ends it.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    program: String,
    log: PathBuf,
    server: Child,
    guard: Child,
    /// `None` once the server was killed.
    order: Option<ChildStdin>,
}

impl ServerProcess {
    /// Starts `command` in `folder`, its output appended to `server.log` there. Removing the folder
    /// is the owner's part, except where the owner does not live to do it.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let log = folder.join("server.log");
        let out = append_to(&log)?;
        let err = out.try_clone().map_err(Error::io("share the log file"))?;
        let mut server = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Spawn {
                program: program.clone(),
                source,
            })?;
        match guard(server.id(), folder) {
            Ok((guard, order)) => Ok(Self {
                program,
                log,
                server,
                guard,
                order: Some(order),
            }),
            Err(error) => {
                // Without a guard it could outlive this process.
                let _ = server.kill();
                let _ = server.wait();
                Err(error)
            }
        }
    }

    /// Returns the server's process id.
    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    /// Polls `answers` until it says yes; fails as soon as the server ends, or after `limit`.
    pub(crate) fn until_ready(
        &mut self,
        address: &str,
        limit: Duration,
        mut answers: impl FnMut() -> bool,
    ) -> Result<()> {
        let ready = wait::poll(limit, || match self.ended()? {
            Some(status) => Err(self.ended_with(status)),
            None => Ok(answers().then_some(())),
        })?;
        ready.ok_or_else(|| Error::NotReady {
            program: self.program.clone(),
            address: address.to_owned(),
            waited: limit,
            log: last_words(&self.log),
        })
    }

    /// Sends `kill -9` to the server and every process it has started; returns when it is gone. A
    /// second call does nothing.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let Some(mut order) = self.order.take() else {
            return Ok(());
        };
        order
            .write_all(b"\n")
            .map_err(Error::io("tell the guard to kill the server"))?;
        self.guard.wait().map_err(Error::io("wait for the guard"))?;
        // Reaped only now: until then the group's number cannot be given to anyone else.
        self.server
            .wait()
            .map_err(Error::io("wait for the killed server"))?;
        Ok(())
    }

    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.server
            .try_wait()
            .map_err(Error::io("ask after the server"))
    }

    fn ended_with(&self, status: ExitStatus) -> Error {
        Error::Ended {
            program: self.program.clone(),
            status: status.to_string(),
            log: last_words(&self.log),
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Nobody is left to tell; a guard that cannot be told sees its pipe close and acts alone.
        let _ = self.kill();
    }
}

/// Runs `command` to its end in `folder`, its output appended to `server.log` there.
pub(crate) fn run(mut command: Command, folder: &Path) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let log = folder.join("server.log");
    let out = append_to(&log)?;
    let err = out.try_clone().map_err(Error::io("share the log file"))?;
    let status = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .status()
        .map_err(|source| Error::Spawn {
            program: program.clone(),
            source,
        })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Ended {
        program,
        status: status.to_string(),
        log: last_words(&log),
    })
}

fn guard(group: u32, folder: &Path) -> Result<(Child, ChildStdin)> {
    let mut guard = Command::new("sh")
        .args(["-c", GUARD, "guard"])
        .arg(group.to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        // Inherited, they would keep the reader of this process's output waiting for the guard.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C goes to every process of the foreground group; the guard must outlive it.
        .process_group(0)
        .spawn()
        .map_err(|source| Error::Spawn { program: "sh".to_owned(), source })?;
    let order = guard.stdin.take().expect("stdin was asked to be a pipe");
    Ok((guard, order))
}

fn append_to(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(Error::io(format!("open {}", log.display())))
}

fn last_words(log: &Path) -> String {
    let all = fs::read(log).unwrap_or_default();
    let tail = &all[all.len().saturating_sub(LAST_WORDS)..];
    String::from_utf8_lossy(tail).into_owned()
}
