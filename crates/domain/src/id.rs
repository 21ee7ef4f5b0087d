//! Ids as newtypes, so that a product id never stands where a customer id belongs.

use std::fmt;
use std::sync::Arc;

use crate::Error;

/// Returns whether the text can be part of keys, file names and URLs, as product and tenant ids
/// are.
fn url_safe(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $thing:literal, $max:literal, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text if it is allowed. Clones are cheap.
            pub fn new(text: &str) -> Result<Self, Error> {
                if text.is_empty() || text.chars().count() > $max || !$check(text) {
                    return Err(Error::new($thing, text, $allowed));
                }
                Ok(Self(text.into()))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// A tenant of the platform.
    TenantId, "tenant", 64, "1 to 64 characters of [A-Za-z0-9_.-]", url_safe
);
id!(
    /// A product of the catalogue.
    ProductId, "product id", 64, "1 to 64 characters of [A-Za-z0-9_.-]", url_safe
);
id!(
    /// A customer, by the tenant's own id.
    CustomerId, "customer id", 128, "1 to 128 characters without control characters", printable
);
id!(
    /// One request and its answer; events and decision records join by it.
    RequestId, "request id", 64, "1 to 64 characters of [A-Za-z0-9_.-]", url_safe
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_keys_cannot_hold() {
        assert!(ProductId::new("CL-001.a_b").is_ok());
        for bad in ["", "a b", "a/b", "a{b}", &"x".repeat(65)] {
            assert!(ProductId::new(bad).is_err(), "{bad:?}");
        }
        assert!(CustomerId::new("客户 17").is_ok());
        assert!(
            CustomerId::new(&"长".repeat(128)).is_ok(),
            "letters count, not bytes"
        );
        assert!(CustomerId::new(&"长".repeat(129)).is_err());
        assert_eq!(
            CustomerId::new("a\nb").unwrap_err().to_string(),
            "customer id `a\nb` is not allowed: 1 to 128 characters without control characters"
        );
    }
}
