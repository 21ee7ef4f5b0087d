//! The file of sessions: what `fairlead login` keeps for later commands.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use anyhow::Context as _;
use fairlead_chassis::clock::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};

/// A session that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptSession {
    /// The bearer token.
    pub(crate) token: String,
    /// The name of the person.
    pub(crate) person: String,
    /// The time at which it ends, Unix milliseconds.
    pub(crate) expires_at_ms: i64,
}

/// The file of sessions, by the address of the control plane that opened each: a token goes to no other
/// address. Readable by its owner alone.
#[derive(Debug)]
pub(crate) struct SessionFile {
    path: PathBuf,
}

impl SessionFile {
    /// Returns the file in the user's configuration folder: `fairlead` in `XDG_CONFIG_HOME`, or in
    /// `~/.config`.
    pub(crate) fn locate() -> Self {
        let named = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = || PathBuf::from(named("HOME").unwrap_or_default()).join(".config");
        let folder = named("XDG_CONFIG_HOME").map_or_else(home, PathBuf::from);
        Self {
            path: folder.join("fairlead/sessions.json"),
        }
    }

    /// Returns the session of a control plane, or `None` if there is none or its time is over.
    ///
    /// # Errors
    /// The file cannot be read. The error names it.
    pub(crate) fn session(&self, control: &str) -> anyhow::Result<Option<KeptSession>> {
        let session = self.read()?.remove(key(control));
        let now_ms = SystemClock.now_ms();
        Ok(session.filter(|session| session.expires_at_ms > now_ms))
    }

    /// Keeps a session of a control plane in place of the one before, or forgets it if it is `None`.
    ///
    /// # Errors
    /// The file cannot be read or written. The error names it.
    pub(crate) fn keep(&self, control: &str, session: Option<KeptSession>) -> anyhow::Result<()> {
        let mut sessions = self.read()?;
        match session {
            Some(session) => sessions.insert(key(control).to_owned(), session),
            None => sessions.remove(key(control)),
        };
        let text = serde_json::to_string_pretty(&sessions)?;
        self.write(&text)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn read(&self) -> anyhow::Result<BTreeMap<String, KeptSession>> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            read => read.with_context(|| format!("cannot read {}", self.path.display()))?,
        };
        serde_json::from_str(&text)
            .with_context(|| format!("{} is no file of sessions: delete it", self.path.display()))
    }

    /// Writes the file beside its place and puts it there in one step.
    fn write(&self, text: &str) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder)?;
        }
        let beside = self.path.with_extension(format!("{}", std::process::id()));
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }
}

/// Returns an address as the file names it: without a slash at its end.
fn key(control: &str) -> &str {
    control.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn session(person: &str, expires_at_ms: i64) -> KeptSession {
        KeptSession {
            token: format!("fls_{person}"),
            person: person.to_owned(),
            expires_at_ms,
        }
    }

    #[test]
    fn a_session_goes_to_its_own_address_until_its_time_is_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SessionFile {
            path: folder.path().join("fairlead/sessions.json"),
        };
        assert_eq!(file.session("http://a:1").expect("no file"), None);
        file.keep("http://a:1/", Some(session("ada", i64::MAX)))
            .expect("kept");
        file.keep("http://b:1", Some(session("bob", 1)))
            .expect("kept");
        let of = |address| file.session(address).expect("read").map(|one| one.person);
        assert_eq!(of("http://a:1").as_deref(), Some("ada"));
        assert_eq!(of("http://a:1/").as_deref(), Some("ada"));
        assert_eq!(of("http://b:1"), None, "its time is over");
        assert_eq!(of("http://a:10"), None);
        let mode = std::fs::metadata(&file.path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        file.keep("http://a:1", None).expect("forgotten");
        assert_eq!(of("http://a:1"), None);
        std::fs::write(&file.path, "junk").expect("written");
        let said = format!("{:#}", file.session("http://a:1").expect_err("junk"));
        assert!(said.contains("sessions.json"), "{said}");
    }
}
