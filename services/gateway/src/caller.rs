//! The caller of a request: decided once by the access layer, and required by every handler.

use std::fmt::Write as _;
use std::sync::Arc;

use fairlead_domain::{Origin, TenantId};
use sha2::{Digest as _, Sha256};
use tonic::Request;

use crate::Error;

/// The caller of a request.
///
/// The access layer puts it into the extensions of each request. It is a value: what a handler starts
/// on another task takes it along, and a request that has none is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The only tenant that it speaks for, or `None` if it may name any.
    tenant: Option<TenantId>,
    /// The origin of what it states.
    origin: Origin,
    /// The digest of its key, or `None` without a key.
    key: Option<Arc<str>>,
}

impl Caller {
    /// The bank's own tools: those of this process, and those that hold its local token.
    pub(crate) const TOOLS: Self = Self::of_any_tenant(Origin::Bank);
    /// Anyone, where no keys are configured.
    pub(crate) const ANYONE: Self = Self::of_any_tenant(Origin::App);

    const fn of_any_tenant(origin: Origin) -> Self {
        Self {
            tenant: None,
            origin,
            key: None,
        }
    }

    /// Returns the bearer of a key, who speaks for one tenant only.
    pub(crate) fn of_tenant(tenant: TenantId, origin: Origin) -> Self {
        Self {
            tenant: Some(tenant),
            origin,
            key: None,
        }
    }

    /// Returns the same caller as the bearer of this key.
    pub(crate) fn with_key(self, key: &str) -> Self {
        let digest = Sha256::digest(key.as_bytes());
        let name = digest[..16]
            .iter()
            .fold(String::from("key-"), |mut name, byte| {
                // Writing to a text does not fail.
                let _ = write!(name, "{byte:02x}");
                name
            });
        Self {
            key: Some(name.into()),
            ..self
        }
    }

    /// Returns the name of the principal who calls: idempotency keys are its own. A key is named by its
    /// digest; all who call without one where none are configured are one principal.
    pub(crate) fn principal(&self) -> &str {
        match (&self.key, self.origin) {
            (Some(key), _) => key,
            (None, Origin::Bank) => "tools",
            (None, _) => "anyone",
        }
    }

    /// Returns the origin of what the caller states.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the caller of a request.
    ///
    /// # Errors
    /// [`Error::NoCaller`] if the request did not come through the access layer.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        request.extensions().get().cloned().ok_or(Error::NoCaller)
    }

    /// Returns the tenant that the caller speaks for: the one that the request names, else the
    /// caller's own, else `default`.
    ///
    /// # Errors
    /// [`Error::OtherTenant`] if the request names another tenant than the caller's own.
    pub(crate) fn tenant(&self, named: &str, default: &str) -> Result<TenantId, Error> {
        match &self.tenant {
            None if named.is_empty() => Ok(TenantId::new(default)?),
            None => Ok(TenantId::new(named)?),
            Some(own) if named.is_empty() || named == own.as_str() => Ok(own.clone()),
            Some(_) => Err(Error::OtherTenant(named.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> TenantId {
        TenantId::new("acme").expect("a tenant")
    }

    #[test]
    fn a_request_without_a_caller_is_refused() {
        let mut request = Request::new(());
        assert!(matches!(Caller::of(&request), Err(Error::NoCaller)));
        request.extensions_mut().insert(Caller::ANYONE);
        assert_eq!(Caller::of(&request).expect("there"), Caller::ANYONE);
    }

    #[test]
    fn each_key_is_a_principal_of_its_own_and_is_not_shown() {
        let named = |key| Caller::of_tenant(acme(), Origin::App).with_key(key);
        let one = named("key-of-acme");
        assert_eq!(one.principal(), named("key-of-acme").principal());
        assert_ne!(one.principal(), named("key-of-acme2").principal());
        assert!(!one.principal().contains("acme"), "{}", one.principal());
        assert_eq!(one.principal().len(), 36);
        assert_eq!(Caller::TOOLS.principal(), "tools");
        assert_eq!(Caller::ANYONE.principal(), "anyone");
    }

    #[test]
    fn a_key_speaks_for_its_tenant_and_no_other() {
        let key = Caller::of_tenant(acme(), Origin::App);
        assert_eq!(key.tenant("", "demo").expect("its own"), acme());
        assert_eq!(key.tenant("acme", "demo").expect("its own"), acme());
        for other in ["demo", "ACME", "acme ", "a b"] {
            let refused = key.tenant(other, "demo").expect_err(other);
            assert!(
                matches!(&refused, Error::OtherTenant(named) if named == other),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn without_keys_any_tenant_may_be_named() {
        let open = |named| Caller::ANYONE.tenant(named, "demo");
        assert_eq!(open("").expect("the default").as_str(), "demo");
        assert_eq!(open("acme").expect("named"), acme());
        assert!(matches!(open("a b"), Err(Error::Value(_))));
    }
}
