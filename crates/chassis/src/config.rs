//! Configuration: commented defaults, overridden by a file, overridden by the environment.

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::de::DeserializeOwned;

use crate::Error;

/// Variables of the scripts, the tests and the command line, which are not configuration keys.
const NOT_KEYS: &[&str] = &[
    "cache",
    "data",
    "binary",
    "server",
    "control",
    "token_file",
    "ca_file",
    "cert_file",
    "key_file",
];
/// The beginning of the variables by which tests find the servers that they share.
const OF_TESTS: &str = "test_";

/// Reads `defaults` (TOML text), then `file`, then `FAIRLEAD_SECTION__KEY` variables.
///
/// The type should carry `#[serde(deny_unknown_fields)]`, so that a misspelt key is refused.
/// Errors name the key, the value, where it was set and what is expected.
pub fn load<T: DeserializeOwned>(defaults: &str, file: Option<&Path>) -> Result<T, Error> {
    let mut figment = Figment::from(Toml::string(defaults));
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::ConfigFile {
            path: path.display().to_string(),
            cause,
        })?;
        figment = figment.merge(Toml::string(&text));
    }
    let environment = Env::prefixed("FAIRLEAD_")
        .ignore(NOT_KEYS)
        .filter(|key| !key.starts_with(OF_TESTS));
    figment
        .merge(environment.split("__"))
        .extract()
        .map_err(|error| Error::Config(explain(&error, file)))
}

fn explain(errors: &figment::Error, file: Option<&Path>) -> String {
    let lines = errors.clone().into_iter().map(|error| {
        let key = error.path.join(".");
        let source = error.metadata.as_ref().map_or("defaults", |data| {
            if data.name.contains("environment") {
                "the environment"
            } else {
                "a file"
            }
        });
        let place = match (source, file) {
            ("a file", Some(path)) => path.display().to_string(),
            ("a file", None) => "the defaults".to_owned(),
            (source, _) => source.to_owned(),
        };
        let key = if key.is_empty() {
            String::new()
        } else {
            format!("`{key}`: ")
        };
        format!("{key}{} (set in {place})", error.kind)
    });
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        listen: std::net::SocketAddr,
        workers: u16,
    }

    const DEFAULTS: &str = "listen = \"127.0.0.1:7000\"\nworkers = 2\n";

    fn with_file(text: &str) -> Result<Example, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fairlead.toml");
        std::fs::write(&path, text).expect("written");
        load(DEFAULTS, Some(&path)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_overrides_the_defaults() {
        let config = with_file("workers = 7\n").expect("valid");
        assert_eq!((config.workers, config.listen.port()), (7, 7000));
    }

    #[test]
    fn a_wrong_value_is_named_with_its_key() {
        let error = with_file("workers = \"many\"\n").expect_err("refused");
        assert!(
            error.contains("`workers`") && error.contains("many"),
            "{error}"
        );
        let error = with_file("wrokers = 1\n").expect_err("refused");
        assert!(
            error.contains("wrokers") && error.contains("workers"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = load::<Example>(DEFAULTS, Some(Path::new("/no/such.toml"))).expect_err("no");
        assert!(error.to_string().contains("/no/such.toml"), "{error}");
    }

    #[test]
    fn a_missing_key_is_named() {
        let error = load::<Example>("workers = 1\n", None).expect_err("refused");
        assert!(error.to_string().contains("listen"), "{error}");
    }
}
