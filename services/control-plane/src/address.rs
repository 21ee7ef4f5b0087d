//! The address of the control database.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::any::AnyConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::Error;

const ALLOWED: &str =
    "sqlite:PATH, such as sqlite:data/control.db, or postgres://user:password@host:port/database";

/// The address of a control database.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// A server.
    Postgres {
        /// As configured, with the password.
        url: String,
        /// Without user and password.
        shown: String,
    },
}

impl Address {
    /// Reads an address. `text` may hold a password, which no error shows.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.is_empty() && !path.contains('?') {
                return Ok(Self::Sqlite(path.into()));
            }
        } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(text)
                .map_err(|error| refused(text, &format!("{ALLOWED} ({error})")))?;
            let database = options.get_database().unwrap_or_default();
            if database.is_empty() {
                return Err(refused(text, &format!("{ALLOWED}; it names no database")));
            }
            let (host, port) = (options.get_host(), options.get_port());
            return Ok(Self::Postgres {
                url: text.to_owned(),
                shown: format!("postgres://{host}:{port}/{database}"),
            });
        }
        Err(refused(text, ALLOWED))
    }

    /// Returns the address without user and password.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres { shown, .. } => shown.clone(),
        }
    }

    /// Returns the options of a connection. Makes the folder of a file.
    pub(crate) fn options(&self) -> Result<AnyConnectOptions, Error> {
        let url = match self {
            Self::Sqlite(path) => sqlite_url(path)?,
            Self::Postgres { url, .. } => url.clone(),
        };
        url.parse().map_err(|source| Error::Open {
            database: self.shown(),
            source,
        })
    }
}

fn refused(text: &str, allowed: &str) -> Error {
    // What stands before the last `@` may be a password.
    let value = match (text.rsplit_once('@'), text.split_once("://")) {
        (Some((_, host)), Some((scheme, _))) => format!("{scheme}://...@{host}"),
        (Some((_, host)), None) => format!("...@{host}"),
        _ => text.to_owned(),
    };
    Error::Config {
        key: "database",
        value,
        allowed: allowed.to_owned(),
    }
}

/// Returns the URL of a file; its name may hold any character.
fn sqlite_url(path: &Path) -> Result<String, Error> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let failed = |source| Error::Folder {
        path: folder.display().to_string(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    // Without dots: a URL would resolve them before the file system does.
    let folder = folder.canonicalize().map_err(failed)?;
    let path = folder.join(path.file_name().unwrap_or_default());
    let mut url = "sqlite://".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                url.push(char::from(*byte));
            }
            other => {
                let _ = write!(url, "%{other:02X}");
            }
        }
    }
    url.push_str("?mode=rwc");
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_or_a_server() {
        for (text, shown) in [
            ("sqlite:data/control.db", "sqlite:data/control.db"),
            ("sqlite:///var/control.db", "sqlite:/var/control.db"),
            (
                "postgres://ada:secret@db:5433/fairlead?sslmode=disable",
                "postgres://db:5433/fairlead",
            ),
            ("postgresql://db/fairlead", "postgres://db:5432/fairlead"),
        ] {
            let address = Address::read(text).expect(text);
            assert_eq!(address.shown(), shown);
        }
    }

    #[test]
    fn what_is_refused_names_the_key_and_no_password() {
        for bad in [
            "",
            "sqlite:",
            "control.db",
            "sqlite:a?mode=ro",
            "mysql://ada:secret@db/fairlead",
            "postgres://ada:secret@db:port/fairlead",
            "postgres://ada:se/cr@et@db",
            "postgres://ada:secret@db",
        ] {
            let refused = Address::read(bad).expect_err(bad).to_string();
            assert!(
                refused.contains("`database`") && refused.contains("sqlite:PATH"),
                "{refused}"
            );
            assert!(
                !refused.contains("secret") && !refused.contains("se/cr"),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_file_may_have_any_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a b%20?#/../ü/control.db");
        std::fs::create_dir_all(folder.path().join("a b%20?#")).expect("made");
        let url = sqlite_url(&path).expect("a URL");
        let options: sqlx::sqlite::SqliteConnectOptions = url.parse().expect("reads");
        let expected = folder
            .path()
            .canonicalize()
            .expect("there")
            .join("ü/control.db");
        assert_eq!(options.get_filename(), expected);
    }
}
