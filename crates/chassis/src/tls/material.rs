//! The content of the configured files, read and checked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};

use super::config::TlsConfig;
use super::explain::explained;
use super::identity;
use crate::Error;

/// The last second of the year 9999, later than which no certificate ends.
const END_OF_TIME: u64 = 253_402_300_799;

/// The bytes of each configured file, in the order of [`Material::read`].
#[derive(PartialEq, Eq)]
pub(super) struct Contents(Vec<Vec<u8>>);

/// Certificates and keys in use.
pub(super) struct Material {
    /// The certificate of this process, and the authorities that it trusts.
    pub(super) own: Option<Own>,
    /// The certificate that apps see, where it differs.
    pub(super) public: Option<Arc<CertifiedKey>>,
}

/// The certificate of this process, and the authorities of its peers.
pub(super) struct Own {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) roots: Arc<RootCertStore>,
    /// Checks the chains of callers.
    pub(super) callers: Arc<dyn ClientCertVerifier>,
}

/// A key of the configuration with the file that it names.
#[derive(Clone, Copy)]
struct Named<'a> {
    key: &'static str,
    path: &'a Path,
}

impl Named<'_> {
    fn read(self) -> Result<Vec<u8>, Error> {
        std::fs::read(self.path).map_err(|error| self.refuse(&error.to_string()))
    }

    fn refuse(self, cause: &str) -> Error {
        let path = self.path.display();
        Error::Config(format!("`{}` = `{path}` cannot be used: {cause}", self.key))
    }

    fn certificates(self, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let found = read.map_err(|error| self.refuse(&format!("not PEM: {error}")))?;
        if found.is_empty() {
            return Err(self
                .refuse("it holds no certificate; PEM is expected, -----BEGIN CERTIFICATE-----"));
        }
        Ok(found)
    }
}

/// A certificate file with its key file.
struct Pair<'a> {
    certificate: Named<'a>,
    key: Named<'a>,
}

impl Pair<'_> {
    fn load(
        &self,
        chain: &[u8],
        key: &[u8],
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, Error> {
        let chain = self.certificate.certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            self.key
                .refuse("it holds no private key; PEM is expected, -----BEGIN PRIVATE KEY-----")
        })?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                let path = self.certificate.path.display();
                self.key
                    .refuse(&format!("it is not the key of the certificate in {path}"))
            }
            rustls::Error::InvalidCertificate(_) => self.certificate.refuse(&explained(&error)),
            other => self.key.refuse(&other.to_string()),
        })
    }
}

impl Material {
    /// Reads every configured file.
    pub(super) fn read(config: &TlsConfig) -> Result<Contents, Error> {
        let mut files = Vec::new();
        if config.has_identity() {
            let Pair { certificate, key } = own_pair(config);
            files.extend([certificate, key, authorities(config)]);
        }
        if let Some(Pair { certificate, key }) = public_pair(config) {
            files.extend([certificate, key]);
        }
        let read: Result<_, Error> = files.into_iter().map(Named::read).collect();
        Ok(Contents(read?))
    }

    /// Makes certificates and keys of what was read, and checks that peers will accept this
    /// process: its certificate is of an authority that it trusts itself, valid now, for servers
    /// and clients, and names `service` where that is given.
    pub(super) fn of(
        contents: &Contents,
        config: &TlsConfig,
        service: Option<&'static str>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut files = contents.0.iter();
        // `read` gave one content for each of these files.
        let mut next = || files.next().map(Vec::as_slice).unwrap_or_default();
        let mut own = None;
        if config.has_identity() {
            let pair = own_pair(config);
            let key = pair.load(next(), next(), provider)?;
            let loaded = Own::of(key, authorities(config), next(), provider)?;
            loaded.check(pair.certificate, &config.trust_domain, service, provider)?;
            own = Some(loaded);
        }
        let mut public = None;
        if let Some(pair) = public_pair(config) {
            public = Some(Arc::new(pair.load(next(), next(), provider)?));
        }
        Ok(Self { own, public })
    }
}

impl Material {
    /// Returns which certificates are in use, and the end of each, in seconds of Unix time.
    pub(super) fn expiries(&self, provider: &CryptoProvider) -> Vec<(&'static str, u64)> {
        let own = self.own.as_ref().map(|own| &own.key);
        let keys = [("own", own), ("public", self.public.as_ref())];
        let keys = keys.into_iter();
        keys.filter_map(|(shown, key)| Some((shown, expires(key?, provider)?)))
            .collect()
    }
}

/// Returns the end of a certificate: what a verifier of the far future objects to first.
fn expires(key: &CertifiedKey, provider: &CryptoProvider) -> Option<u64> {
    let certificate = ParsedCertificate::try_from(key.cert.first()?).ok()?;
    let algorithms = provider.signature_verification_algorithms.all;
    let end_of_time = UnixTime::since_unix_epoch(Duration::from_secs(END_OF_TIME));
    let nobody = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(
        &certificate,
        &nobody,
        &[],
        end_of_time,
        algorithms,
    ) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
            not_after,
            ..
        })) => Some(not_after.as_secs()),
        _ => None,
    }
}

impl Own {
    fn of(
        key: CertifiedKey,
        ca: Named<'_>,
        pem: &[u8],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let roots = Arc::new(roots(ca, pem)?);
        let callers = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| ca.refuse(&error.to_string()))?;
        Ok(Self {
            key: Arc::new(key),
            roots,
            callers,
        })
    }

    /// Checks this process' certificate as its peers will.
    fn check(
        &self,
        file: Named<'_>,
        trust_domain: &str,
        service: Option<&'static str>,
        provider: &CryptoProvider,
    ) -> Result<(), Error> {
        let refuse = |error: rustls::Error| file.refuse(&explained(&error));
        let Some((certificate, intermediates)) = self.key.cert.split_first() else {
            return Err(file.refuse("it holds no certificate"));
        };
        let parsed = ParsedCertificate::try_from(certificate).map_err(refuse)?;
        let algorithms = provider.signature_verification_algorithms.all;
        let now = UnixTime::now();
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            algorithms,
        )
        .map_err(refuse)?;
        let Some(service) = service else {
            return Ok(());
        };
        self.callers
            .verify_client_cert(certificate, intermediates, now)
            .map_err(refuse)?;
        identity::demand(certificate, trust_domain, service)
            .map_err(|error| file.refuse(&error.to_string()))
    }
}

/// Returns the authorities in a PEM file.
fn roots(file: Named<'_>, pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates(pem)? {
        let added = roots.add(certificate);
        added.map_err(|error| file.refuse(&explained(&error)))?;
    }
    Ok(roots)
}

/// Returns the authorities in the file that `key` names.
pub(super) fn roots_of(key: &'static str, path: &Path) -> Result<RootCertStore, Error> {
    let file = Named { key, path };
    roots(file, &file.read()?)
}

/// Returns certificate and key in the files that these keys name.
pub(super) fn pair_of(
    certificate: (&'static str, &Path),
    key: (&'static str, &Path),
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Error> {
    let named = |(key, path)| Named { key, path };
    let pair = Pair {
        certificate: named(certificate),
        key: named(key),
    };
    pair.load(&pair.certificate.read()?, &pair.key.read()?, provider)
}

fn own_pair(config: &TlsConfig) -> Pair<'_> {
    Pair {
        certificate: Named {
            key: "tls.certificate_file",
            path: &config.certificate_file,
        },
        key: Named {
            key: "tls.key_file",
            path: &config.key_file,
        },
    }
}

fn authorities(config: &TlsConfig) -> Named<'_> {
    Named {
        key: "tls.ca_file",
        path: &config.ca_file,
    }
}

fn public_pair(config: &TlsConfig) -> Option<Pair<'_>> {
    let public = &config.public;
    (!public.certificate_file.as_os_str().is_empty()).then_some(Pair {
        certificate: Named {
            key: "tls.public.certificate_file",
            path: &public.certificate_file,
        },
        key: Named {
            key: "tls.public.key_file",
            path: &public.key_file,
        },
    })
}
