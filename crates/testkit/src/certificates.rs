//! A certificate authority of a test, and the certificates that it issues.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::{Error, Result};

/// The trust domain in which services are named.
pub const TRUST_DOMAIN: &str = "fairlead.internal";

/// An authority with a key of its own.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The content of a certificate.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// The service that it names, if any.
    pub service: Option<String>,
    /// Host names and addresses.
    pub hosts: Vec<String>,
    /// True for one that has expired.
    pub expired: bool,
}

/// The files of a certificate.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl Subject {
    /// Returns the subject of a service that is found on this machine.
    pub fn service(name: &str) -> Self {
        Self {
            service: Some(name.to_owned()),
            hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            expired: false,
        }
    }
}

impl Authority {
    /// Creates an authority.
    ///
    /// # Errors
    /// The key cannot be made.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(
            DnType::CommonName,
            format!("authority {}", ulid::Ulid::new()),
        );
        let key = KeyPair::generate().map_err(refused)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(refused)?;
        Ok(Self { issuer })
    }

    /// Writes the authority's certificate to a file, PEM.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: &Path) -> Result<PathBuf> {
        write(file, "CERTIFICATE", self.issuer.der())?;
        Ok(file.to_owned())
    }

    /// Issues a certificate with a new key, and writes both into a folder: `{name}.pem` and
    /// `{name}.key`.
    ///
    /// # Errors
    /// The subject cannot be written down, or a file not be written.
    pub fn issue(&self, subject: &Subject, folder: &Path, name: &str) -> Result<CertificateFiles> {
        let mut params = CertificateParams::new(subject.hosts.clone()).map_err(refused)?;
        if let Some(service) = &subject.service {
            let uri = format!("spiffe://{TRUST_DOMAIN}/fairlead/{service}");
            let uri = uri.try_into().map_err(refused)?;
            params.subject_alt_names.push(SanType::URI(uri));
        }
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.not_before = date_time_ymd(2020, 1, 1);
        let last_year = if subject.expired { 2021 } else { 2100 };
        params.not_after = date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().map_err(refused)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(refused)?;
        let files = CertificateFiles {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        };
        write(&files.certificate, "CERTIFICATE", certificate.der())?;
        write(&files.key, "PRIVATE KEY", &key.serialize_der())?;
        Ok(files)
    }
}

fn refused(error: rcgen::Error) -> Error {
    Error::Certificate(error.to_string())
}

/// Writes PEM in one step: readers see the old file or the new one.
fn write(file: &Path, label: &str, der: &[u8]) -> Result<()> {
    let text = STANDARD.encode(der);
    let lines: Vec<String> = text
        .as_bytes()
        .chunks(64)
        .map(|line| line.iter().map(|byte| char::from(*byte)).collect())
        .collect();
    let lines = lines.join("\n");
    let pem = format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n");
    let beside = file.with_extension("new");
    std::fs::write(&beside, pem).map_err(Error::io("write a certificate"))?;
    std::fs::rename(&beside, file).map_err(Error::io("put a certificate in its place"))
}
