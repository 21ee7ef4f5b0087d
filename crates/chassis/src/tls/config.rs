//! The keys of `[tls]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::Error;

/// Configuration of TLS. Without any file, links and listeners are plaintext.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate chain of this process, PEM, its own certificate first.
    pub certificate_file: PathBuf,
    /// The private key of that certificate, PEM.
    pub key_file: PathBuf,
    /// The certificates of the authorities that issue the certificates of services, PEM.
    pub ca_file: PathBuf,
    /// The domain in which services have their names.
    pub trust_domain: String,
    /// The time between two looks at the files, milliseconds.
    pub reload_ms: u64,
    /// The longest that a handshake may take, milliseconds.
    pub handshake_ms: u64,
    /// Where listeners may go without TLS.
    pub plaintext: Plaintext,
    /// Who must show a certificate, by listener.
    pub client_certificates: BTreeMap<String, ClientCertificates>,
    /// The certificate that apps see.
    pub public: PublicCertificate,
}

/// The certificate of the public listener, where it differs from that of the process.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicCertificate {
    /// The certificate chain, PEM; empty: that of the process.
    pub certificate_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
}

/// Where listeners may go without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plaintext {
    /// On this machine's loopback addresses.
    Loopback,
    /// Anywhere: the network encrypts by itself.
    EncryptedNetwork,
}

/// The demand of a listener on its callers for the certificate of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// It does not ask.
    None,
    /// A caller may show one; one that is shown must be good.
    Optional,
    /// A caller without one is refused.
    Required,
}

impl TlsConfig {
    /// Refuses what cannot be worked with: names the key, the value and what is allowed.
    /// `listeners` are the names that `client_certificates` may hold.
    pub fn check(&self, listeners: &[&str]) -> Result<(), Error> {
        self.check_files()?;
        let named =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
        if self.trust_domain.is_empty() || !self.trust_domain.bytes().all(named) {
            let allowed = "lowercase letters, digits, `-`, `.` and `_`, such as fairlead.internal";
            return refuse("trust_domain", &self.trust_domain, allowed);
        }
        for (key, value) in [
            ("reload_ms", self.reload_ms),
            ("handshake_ms", self.handshake_ms),
        ] {
            if !(10..=600_000).contains(&value) {
                return refuse(key, &value.to_string(), "10 to 600000");
            }
        }
        for listener in self.client_certificates.keys() {
            if !listeners.contains(&listener.as_str()) {
                return refuse("client_certificates", listener, &listeners.join(", "));
            }
        }
        Ok(())
    }

    fn check_files(&self) -> Result<(), Error> {
        let own = [
            ("certificate_file", &self.certificate_file),
            ("key_file", &self.key_file),
            ("ca_file", &self.ca_file),
        ];
        let public = [
            ("public.certificate_file", &self.public.certificate_file),
            ("public.key_file", &self.public.key_file),
        ];
        all_or_none(&own)?;
        all_or_none(&public)
    }

    /// Returns true if this process has a certificate of its own: its links and listeners use TLS.
    pub fn has_identity(&self) -> bool {
        !self.certificate_file.as_os_str().is_empty()
    }

    /// Returns true if the public listener has a certificate, its own or that of the process.
    pub fn has_public(&self) -> bool {
        self.has_identity() || !self.public.certificate_file.as_os_str().is_empty()
    }

    pub(super) fn demand(&self, listener: &str) -> ClientCertificates {
        let configured = self.client_certificates.get(listener).copied();
        configured.unwrap_or(ClientCertificates::None)
    }

    pub(super) fn reload(&self) -> Duration {
        Duration::from_millis(self.reload_ms)
    }

    pub(super) fn handshake(&self) -> Duration {
        Duration::from_millis(self.handshake_ms)
    }
}

fn refuse(key: &str, value: &str, allowed: &str) -> Result<(), Error> {
    Err(Error::Config(format!(
        "`tls.{key}` = `{value}` is not allowed: {allowed}"
    )))
}

/// Refuses files of which some are named and some are not.
fn all_or_none(files: &[(&str, &PathBuf)]) -> Result<(), Error> {
    let empty = |file: &&(&str, &PathBuf)| file.1.as_os_str().is_empty();
    let missing = files.iter().find(empty);
    let named = files.iter().find(|file| !empty(file));
    match (missing, named) {
        (Some((key, _)), Some((other, path))) => refuse(
            key,
            "",
            &format!(
                "name a file, since `tls.{other}` = `{}`; or leave both empty",
                path.display()
            ),
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> TlsConfig {
        TlsConfig {
            certificate_file: PathBuf::new(),
            key_file: PathBuf::new(),
            ca_file: PathBuf::new(),
            trust_domain: "fairlead.internal".into(),
            reload_ms: 2_000,
            handshake_ms: 5_000,
            plaintext: Plaintext::Loopback,
            client_certificates: BTreeMap::new(),
            public: PublicCertificate::default(),
        }
    }

    #[test]
    fn what_cannot_be_worked_with_is_named() {
        assert!(plain().check(&["gateway"]).is_ok());
        type Spoil = fn(&mut TlsConfig);
        let cases: [(&str, Spoil); 7] = [
            ("`tls.key_file` = ``", |config| {
                config.certificate_file = "c.pem".into();
            }),
            ("`tls.certificate_file` = ``", |config| {
                config.ca_file = "ca.pem".into();
            }),
            ("`tls.public.key_file` = ``", |config| {
                config.public.certificate_file = "c.pem".into();
            }),
            ("`tls.trust_domain` = `Bank`", |config| {
                config.trust_domain = "Bank".into();
            }),
            ("`tls.reload_ms` = `0`", |config| config.reload_ms = 0),
            ("`tls.handshake_ms` = `1`", |config| config.handshake_ms = 1),
            ("`tls.client_certificates` = `gatewya`", |config| {
                config
                    .client_certificates
                    .insert("gatewya".into(), ClientCertificates::None);
            }),
        ];
        for (expected, change) in cases {
            let mut config = plain();
            change(&mut config);
            let error = config.check(&["gateway"]).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
