//! A certified OpenID provider, `oidc-provider` of npm, with everything in memory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use tempfile::TempDir;

use crate::{Error, Program, Result};

/// The folder that `scripts/setup.sh test` installs.
const FOLDER: &str = "oidc-provider-9.13.3";
const SCRIPT: &str = include_str!("oidc_provider.mjs");
const START_LIMIT: Duration = Duration::from_mins(1);

/// An identity provider on a free port of the loopback address; killed when dropped, and when the test
/// process ends. It knows the public client `fairlead`, and `fairlead-secret` with the secret
/// [`OidcProvider::SECRET`]; any name signs in, and is then the subject. PKCE is required.
#[derive(Debug)]
pub struct OidcProvider {
    // Before the folder: fields drop in this order, and the server must be gone first.
    program: Program,
    _folder: TempDir,
    issuer: String,
}

impl OidcProvider {
    /// The secret of the client `fairlead-secret`.
    pub const SECRET: &str = "a secret: 100% of it";

    /// Starts a provider.
    ///
    /// # Errors
    /// No `node` on PATH, no provider in the cache, or it ended or stayed silent; the error carries its
    /// log.
    pub fn start() -> Result<Self> {
        let folder = TempDir::with_prefix("fairlead-oidc-").map_err(Error::io("make a folder"))?;
        let script = folder.path().join("oidc_provider.mjs");
        fs::write(&script, SCRIPT).map_err(Error::io("write the provider's script"))?;
        let mut command = Command::new("node");
        command.arg(&script).arg(modules());
        let mut program = Program::start(command, folder.path())?;
        let log = folder.path().join("server.log");
        program.until_ready("its issuer", START_LIMIT, || issuer(&log).is_some())?;
        let issuer = issuer(&log).unwrap_or_default();
        Ok(Self {
            program,
            _folder: folder,
            issuer,
        })
    }

    /// Returns its issuer, `http://127.0.0.1:PORT`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Sends `kill -9`; returns when it is gone.
    ///
    /// # Errors
    /// The kill could not be ordered.
    pub fn kill9(&mut self) -> Result<()> {
        self.program.kill9()
    }
}

/// Returns the issuer that the provider has printed.
fn issuer(log: &Path) -> Option<String> {
    let said = fs::read_to_string(log).ok()?;
    let whole_lines = said.rsplit_once('\n')?.0;
    let line = whole_lines
        .lines()
        .find(|line| line.starts_with("http://"))?;
    Some(line.to_owned())
}

fn modules() -> PathBuf {
    let cache = env::var_os("FAIRLEAD_CACHE").map_or_else(
        || Path::new(&env::var_os("HOME").unwrap_or_default()).join(".cache/fairlead"),
        Into::into,
    );
    cache.join(FOLDER).join("node_modules")
}
