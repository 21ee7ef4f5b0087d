//! The identity in a certificate: the service that holds it.

use rustls::pki_types::CertificateDer;

/// The reasons why a certificate does not prove what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum IdentityError {
    /// It names no service, or several.
    #[error(
        "it names no service: among its alternative names exactly one URI is expected, {expected}"
    )]
    Nobody {
        /// The form of the URI.
        expected: String,
    },
    /// It is another service's.
    #[error("it is that of the service `{found}`, not of `{wanted}`")]
    Foreign {
        /// The service that it names.
        found: String,
        /// The service that it should name.
        wanted: &'static str,
    },
}

/// Returns the service that a certificate names within a trust domain.
pub(super) fn service_of(
    certificate: &CertificateDer<'_>,
    trust_domain: &str,
) -> Result<String, IdentityError> {
    let nobody = || IdentityError::Nobody {
        expected: format!("spiffe://{trust_domain}/fairlead/SERVICE"),
    };
    let certificate = webpki::EndEntityCert::try_from(certificate).map_err(|_| nobody())?;
    let mut names = certificate.valid_uri_names();
    // One URI and no more: a certificate of several holders proves none of them.
    let (Some(name), None) = (names.next(), names.next()) else {
        return Err(nobody());
    };
    service_in(name, trust_domain).ok_or_else(nobody)
}

/// Returns the service in `spiffe://TRUST-DOMAIN/fairlead/SERVICE`.
fn service_in(uri: &str, trust_domain: &str) -> Option<String> {
    let rest = uri.strip_prefix("spiffe://")?.strip_prefix(trust_domain)?;
    let service = rest.strip_prefix("/fairlead/")?;
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (!service.is_empty() && service.bytes().all(letters)).then(|| service.to_owned())
}

/// Checks that a certificate names this service.
pub(super) fn demand(
    certificate: &CertificateDer<'_>,
    trust_domain: &str,
    wanted: &'static str,
) -> Result<(), IdentityError> {
    let found = service_of(certificate, trust_domain)?;
    if found == wanted {
        return Ok(());
    }
    Err(IdentityError::Foreign { found, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_by_the_whole_uri() {
        assert_eq!(
            service_in("spiffe://bank.example/fairlead/ranking", "bank.example").as_deref(),
            Some("ranking")
        );
        for other in [
            "spiffe://bank.example.evil/fairlead/ranking",
            "spiffe://evil/fairlead/ranking",
            "spiffe://bank.example/fairlead/",
            "spiffe://bank.example/fairlead/ranking/x",
            "spiffe://bank.example/fairlead/Ranking",
            "spiffe://bank.example/ranking",
            "https://bank.example/fairlead/ranking",
            "ranking",
        ] {
            assert_eq!(service_in(other, "bank.example"), None, "{other}");
        }
    }
}
