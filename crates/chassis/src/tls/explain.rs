//! Errors of TLS in words, and their causes as labels of metrics.

use std::error::Error as StdError;

use rustls::{CertificateError, Error};

use super::identity::IdentityError;

/// The causes for which a connection is not made, as labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The other end spoke, but no TLS.
    Plaintext,
    /// It did not finish in time.
    Timeout,
    /// It went away.
    Closed,
    /// No certificate was shown where one is required.
    NoCertificate,
    /// The certificate's authority is not trusted.
    UnknownAuthority,
    /// The certificate has expired, or is not valid yet.
    Expired,
    /// The certificate is another's, or nobody's.
    Identity,
    /// The certificate cannot be used for another reason.
    Certificate,
    /// The other end refused this end's certificate, or the lack of one.
    Refused,
    /// No version, cipher or protocol in common, or a broken message.
    Protocol,
}

impl Cause {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::NoCertificate => "no_certificate",
            Self::UnknownAuthority => "unknown_authority",
            Self::Expired => "expired",
            Self::Identity => "identity",
            Self::Certificate => "certificate",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
        }
    }

    /// Returns true if a caller's certificate has to be mended. What a caller does not like about this
    /// end it says itself.
    pub(super) fn is_of_callers_certificate(self) -> bool {
        matches!(
            self,
            Self::NoCertificate
                | Self::UnknownAuthority
                | Self::Expired
                | Self::Identity
                | Self::Certificate
        )
    }
}

/// Returns the cause of an error of TLS.
pub(super) fn cause_of(error: &Error) -> Cause {
    match error {
        Error::NoCertificatesPresented => Cause::NoCertificate,
        Error::InvalidCertificate(fault) => match fault {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Cause::UnknownAuthority
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Cause::Expired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Cause::Identity
            }
            CertificateError::Other(other) if other.0.is::<IdentityError>() => Cause::Identity,
            _ => Cause::Certificate,
        },
        Error::AlertReceived(_) => Cause::Refused,
        Error::InvalidMessage(_) => Cause::Plaintext,
        _ => Cause::Protocol,
    }
}

/// Returns what is wrong, about the certificate or the behaviour of "it", the other end.
pub(super) fn explained(error: &Error) -> String {
    match error {
        Error::NoCertificatesPresented => "it shows no certificate, and must".to_owned(),
        Error::InvalidCertificate(fault) => of_certificate(fault),
        Error::AlertReceived(alert) => of_alert(&format!("{alert:?}")),
        Error::InvalidMessage(_) => {
            "it does not speak TLS; an http:// address may be meant".to_owned()
        }
        other => other.to_string(),
    }
}

/// How an alert begins in the text of an error, where HTTP/2 has kept no more than that.
const ALERT: &str = "received fatal alert: ";

/// Returns what an alert of the other end means, by its name in the standard.
fn of_alert(name: &str) -> String {
    match name {
        "CertificateRequired" => "it requires a client certificate, and none was shown",
        "UnknownCA" => "it does not trust the authority of the certificate that was shown",
        "CertificateExpired" => "it was shown a certificate that has expired",
        "CertificateUnknown" | "BadCertificate" => "it refuses the certificate that was shown",
        other => return format!("it ended the handshake: {other}"),
    }
    .to_owned()
}

/// Returns the cause of a failed call and that in words, where it is TLS.
pub(super) fn found_in(error: &(dyn StdError + 'static)) -> Option<(Cause, String)> {
    if let Some(error) = tls_error(error) {
        return Some((cause_of(error), explained(error)));
    }
    let said = chain(error);
    let (_, alert) = said.split_once(ALERT)?;
    let name = alert
        .split(|letter: char| !letter.is_alphanumeric())
        .next()?;
    Some((Cause::Refused, of_alert(name)))
}

fn of_certificate(fault: &CertificateError) -> String {
    match fault {
        // An authority of the same name has another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is of an authority that is not trusted here".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "its certificate is not for `{}`; it is for {}",
            expected.to_str(),
            if presented.is_empty() {
                "no host".to_owned()
            } else {
                presented.join(", ")
            }
        ),
        CertificateError::Other(other) => match other.0.downcast_ref::<IdentityError>() {
            Some(identity) => format!("its certificate does not fit: {identity}"),
            None => format!("its certificate cannot be used: {other}"),
        },
        other => format!("its certificate cannot be used: {other}"),
    }
}

/// Returns the error of TLS among the causes of `error`, if there is one.
pub(super) fn tls_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        next = match error.downcast_ref::<std::io::Error>() {
            // Its `source` is that of the error inside, which would be passed over.
            Some(wrapped) => wrapped
                .get_ref()
                .map(|inner| inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

/// Returns an error with its causes, each text once.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}
