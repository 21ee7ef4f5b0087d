//! The calling end: links between services, and clients of people.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, version};

use super::material::{pair_of, roots_of};
use super::verify::{ServiceVerifier, Shows};
use super::{Shared, Shown, ring};
use crate::Error;

/// TLS of the calling end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

/// The files by which a person's client checks servers, and proves itself.
#[derive(Debug, Clone, Default)]
pub struct PeopleTls {
    /// The authorities to trust, PEM; if absent, those of the system.
    pub ca: Option<PathBuf>,
    /// A client certificate, PEM; with `key` or not at all.
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
}

impl ClientTls {
    /// Links to one service: it must name itself by its certificate, and is shown that of this
    /// process.
    pub(super) fn to_service(shared: &Arc<Shared>, service: &'static str) -> Self {
        let verifier = ServiceVerifier {
            shared: shared.clone(),
            service,
        };
        let mut config = ClientConfig::builder_with_provider(shared.provider.clone())
            .with_protocol_versions(&[&version::TLS13])
            .expect("ring has ciphers for TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(Shows {
                shared: shared.clone(),
                shown: Shown::Own,
            }));
        // Every connection is checked by the certificates of its own time.
        config.resumption = Resumption::disabled();
        Self {
            config: Arc::new(config),
        }
    }

    /// Connections to hosts by their names, as people and tools make them.
    ///
    /// # Errors
    /// A file cannot be read or used, or the system has no authorities.
    pub fn to_hosts(files: &PeopleTls) -> Result<Self, Error> {
        let roots = match &files.ca {
            Some(path) => roots_of("--ca", path)?,
            None => system_roots("--ca FILE or FAIRLEAD_CA_FILE")?,
        };
        let shown = match (&files.certificate, &files.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(pair_of(
                ("--cert", certificate),
                ("--key-file", key),
                &ring(),
            )?),
            _ => {
                let cause = "--cert and --key-file go together: a client certificate needs both";
                return Err(Error::Config(cause.to_owned()));
            }
        };
        Self::trusting(roots, shown)
    }

    /// Connections to a host by its name. Its authorities are in the file `ca`, which `key` configures;
    /// where that is empty, they are those of the system.
    pub(crate) fn to_host(key: &'static str, ca: &Path) -> Result<Self, Error> {
        let roots = if ca.as_os_str().is_empty() {
            system_roots(key)?
        } else {
            roots_of(key, ca)?
        };
        Self::trusting(roots, None)
    }

    fn trusting(roots: RootCertStore, shown: Option<CertifiedKey>) -> Result<Self, Error> {
        let provider = ring();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| Error::Config(format!("authorities cannot be used: {error}")))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has ciphers for both versions")
            .with_webpki_verifier(verifier);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some(shown) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)))
            }
        };
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Returns a connector that speaks HTTP/2 over TLS.
    pub(crate) fn http2(&self, http: HttpConnector) -> HttpsConnector<HttpConnector> {
        let config = ClientConfig::clone(&self.config);
        let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
        builder.https_only().enable_http2().wrap_connector(http)
    }

    /// Returns a connector that speaks HTTP/1.1 over TLS.
    pub(crate) fn http1(&self, http: HttpConnector) -> HttpsConnector<HttpConnector> {
        let config = ClientConfig::clone(&self.config);
        let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
        builder.https_only().enable_http1().wrap_connector(http)
    }
}

/// Returns the authorities that this machine trusts; `instead` says how to name others.
fn system_roots(instead: &str) -> Result<RootCertStore, Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Old authorities in a system's store may not read; those that do are enough.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(Error::Config(format!(
            "this system has no certificate authorities; name one by {instead}"
        )));
    }
    Ok(roots)
}
