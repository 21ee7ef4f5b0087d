//! The certificates of a cluster: an authority of its own, and one certificate for each process.

use std::path::{Path, PathBuf};

use fairlead_chassis::tls::{Tls, TlsConfig};
use fairlead_server::AppConfig;
use fairlead_testkit::{Authority, CertificateFiles, Subject};

/// The authority of a cluster.
pub struct Certificates {
    authority: Authority,
    ca: PathBuf,
}

impl Certificates {
    /// Creates an authority, whose certificate goes into a folder.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let authority = Authority::new()?;
        let ca = authority.write(&folder.join("ca.pem"))?;
        Ok(Self { authority, ca })
    }

    /// Returns the file with the authority's certificate.
    pub fn ca(&self) -> &Path {
        &self.ca
    }

    /// Issues a certificate that names a service, into a folder. One that is there is replaced.
    pub fn issue(&self, service: &str, folder: &Path) -> anyhow::Result<CertificateFiles> {
        Ok(self
            .authority
            .issue(&Subject::service(service), folder, "tls")?)
    }

    /// Returns the configuration keys by which a process uses the certificate in its folder.
    pub(super) fn settings(
        &self,
        service: &str,
        folder: &Path,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let files = self.issue(service, folder)?;
        let text = |path: &Path| path.display().to_string();
        Ok(vec![
            ("TLS__CA_FILE".to_owned(), text(&self.ca)),
            ("TLS__CERTIFICATE_FILE".to_owned(), text(&files.certificate)),
            ("TLS__KEY_FILE".to_owned(), text(&files.key)),
        ])
    }

    /// Returns the TLS of who has a service's certificate, which goes into a folder.
    pub fn held_by(&self, service: &'static str, folder: &Path) -> anyhow::Result<Tls> {
        let files = self.issue(service, folder)?;
        let config = TlsConfig {
            certificate_file: files.certificate,
            key_file: files.key,
            ca_file: self.ca.clone(),
            ..AppConfig::load(None)?.tls
        };
        Ok(Tls::open(&config, Some(service))?)
    }
}
