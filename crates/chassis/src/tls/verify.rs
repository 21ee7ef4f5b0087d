//! The demands of each end on the other's certificate. Everything here reads the certificates in use at
//! that moment, so that a handshake after a reload goes by the new files.

use std::fmt;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use super::config::ClientCertificates;
use super::identity::{self, IdentityError};
use super::material::Own;
use super::{Shared, Shown};

/// Shows the certificate of this process.
pub(super) struct Shows {
    pub(super) shared: Arc<Shared>,
    pub(super) shown: Shown,
}

impl Shows {
    fn current(&self) -> Option<Arc<CertifiedKey>> {
        let material = self.shared.material.load();
        let own = material.own.as_ref().map(|own| own.key.clone());
        match self.shown {
            Shown::Own => own,
            Shown::Public => material.public.clone().or(own),
        }
    }
}

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current()
    }
}

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.current()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl Shared {
    /// Calls `check` with the certificate of this process and the authorities that it trusts.
    fn with_own<T>(&self, check: impl FnOnce(&Own) -> Result<T, Error>) -> Result<T, Error> {
        let material = self.material.load();
        let own = material.own.as_ref();
        check(own.ok_or_else(|| Error::General("no authority is configured".to_owned()))?)
    }

    fn verify_12(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_13(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn unfit(error: IdentityError) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))))
}

/// Demands of a server that it is one certain service, wherever it was found.
pub(super) struct ServiceVerifier {
    pub(super) shared: Arc<Shared>,
    pub(super) service: &'static str,
}

impl ServerCertVerifier for ServiceVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.shared.provider.signature_verification_algorithms.all;
        self.shared.with_own(|own| {
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &own.roots,
                intermediates,
                now,
                algorithms,
            )
        })?;
        identity::demand(certificate, &self.shared.config.trust_domain, self.service)
            .map_err(unfit)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.shared.verify_12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.shared.verify_13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.shared.schemes()
    }
}

/// Demands of a caller that it is a service.
pub(super) struct CallerVerifier {
    pub(super) shared: Arc<Shared>,
    pub(super) demand: ClientCertificates,
}

impl ClientCertVerifier for CallerVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.demand == ClientCertificates::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Callers have one certificate each; a hint would go stale with a reload.
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.shared.with_own(|own| {
            own.callers
                .verify_client_cert(certificate, intermediates, now)
        })?;
        identity::service_of(certificate, &self.shared.config.trust_domain).map_err(unfit)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.shared.verify_12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.shared.verify_13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.shared.schemes()
    }
}

impl fmt::Debug for Shows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shows")
            .field("shown", &self.shown)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServiceVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceVerifier")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CallerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerVerifier")
            .field("demand", &self.demand)
            .finish_non_exhaustive()
    }
}
