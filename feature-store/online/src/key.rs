//! Keys, fields and the encoding of a field's value.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use fairlead_domain::{CustomerId, ProductId, RequestId, TenantId};

use crate::error::Error;
use crate::quote_store::{CallerKey, Owner};
use crate::store::Field;

/// The Redis key of one entity. The part in braces (the hash tag) decides the slot of a cluster, so
/// all keys of one entity are in one slot.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityKey(Arc<str>);

impl EntityKey {
    /// Returns the key of a customer.
    pub fn customer(tenant: &TenantId, customer: &CustomerId) -> Self {
        // A tenant has no slash, so that no two pairs share a key.
        Self(format!("fl:{{{tenant}/{customer}}}:c").into())
    }

    /// Returns the key of a product's counters.
    pub fn product(tenant: &TenantId, product: &ProductId) -> Self {
        Self(format!("fl:{{{tenant}/{product}}}:p").into())
    }

    /// Returns the key of a decision record's entry in the index.
    pub fn decision(tenant: &TenantId, request_id: &RequestId) -> Self {
        Self(format!("fl:{{{tenant}/{request_id}}}:d").into())
    }

    /// Returns the key of a consumer group's progress in a topic. After a crash it shows up to
    /// which offset Redis kept the writes. It has no TTL.
    pub fn progress(group: &str, topic: &str) -> Self {
        Self(format!("fl:{{{group}/{topic}}}:w").into())
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Leaves out the id, which is personal.
impl fmt::Debug for EntityKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0.rsplit(':').next().unwrap_or_default();
        write!(out, "EntityKey(fl:{{...}}:{kind})")
    }
}

const MAX_KEY_CHARS: usize = 128;

/// Returns the key of one quote.
pub(crate) fn quote_key(owner: Owner<'_>, quote_id: &str) -> Result<String, Error> {
    // Quote ids follow the rule of product ids, because they are part of URLs and keys.
    let id = ProductId::new(quote_id).map_err(|error| Error::Key {
        thing: "quote id",
        value: error.value,
        allowed: error.allowed,
    })?;
    Ok(format!("{}:q:{id}", slot_of(owner)))
}

/// Returns the key of a caller's idempotency key. Both are in hexadecimal digits, so that nothing in
/// them passes for a part of another key.
pub(crate) fn idempotency_key(owner: Owner<'_>, key: CallerKey<'_>) -> Result<String, Error> {
    let text = |thing, text: &str| {
        let fits = (1..=MAX_KEY_CHARS).contains(&text.chars().count());
        if !fits || text.chars().any(char::is_control) {
            return Err(Error::Key {
                thing,
                value: text.chars().filter(|c| !c.is_control()).take(80).collect(),
                allowed: "1 to 128 characters without control characters",
            });
        }
        Ok(text.bytes().fold(String::new(), |mut digits, byte| {
            // Writing to a text does not fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        }))
    };
    let (caller, key) = (
        text("caller", key.caller)?,
        text("idempotency key", key.key)?,
    );
    Ok(format!("{}:i:{caller}:{key}", slot_of(owner)))
}

/// Returns the key of a customer's last rates and accepted lending.
pub(crate) fn account_key(owner: Owner<'_>) -> String {
    format!("{}:a", slot_of(owner))
}

/// Returns the beginning of all keys of one customer, which decides their slot.
fn slot_of(owner: Owner<'_>) -> String {
    format!("fl:{{{}/{}}}", owner.tenant, owner.customer)
}

/// One partition of one log, used as a field's name. The log's name is part of it, so that offsets
/// of another log (a new Kafka cluster, a new embedded log) are not confused with this one's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePartition(Arc<str>);

impl SourcePartition {
    /// Returns a partition of the log with this name.
    pub fn new(log: &str, partition: i32) -> Self {
        Self(format!("{log}/{partition}").into())
    }

    /// Returns the field's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The size of the offset at the start of a value.
pub(crate) const OFFSET_BYTES: usize = 8;

/// Returns offset and state as one value.
pub(crate) fn pack(offset: i64, state: &[u8]) -> Bytes {
    let mut packed = BytesMut::with_capacity(OFFSET_BYTES + state.len());
    packed.put_i64(offset);
    packed.put_slice(state);
    packed.freeze()
}

/// Returns the offset at the start of a value, or `None` if the value is too short to hold one.
pub(crate) fn packed_offset(value: &[u8]) -> Option<i64> {
    let offset = value.first_chunk::<OFFSET_BYTES>()?;
    Some(i64::from_be_bytes(*offset))
}

/// Returns the field that a value holds.
pub(crate) fn unpack(value: &Bytes) -> Result<Field, Error> {
    let offset = packed_offset(value).ok_or_else(|| Error::Corrupt {
        thing: "entity state",
        detail: format!("{} bytes are too few for an offset", value.len()),
    })?;
    Ok(Field {
        offset,
        state: value.slice(OFFSET_BYTES..),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(tenant: &str, customer: &str) -> EntityKey {
        EntityKey::customer(
            &TenantId::new(tenant).expect("a tenant"),
            &CustomerId::new(customer).expect("a customer"),
        )
    }

    #[test]
    fn keys_are_distinct() {
        let product = EntityKey::product(
            &TenantId::new("acme").expect("a tenant"),
            &ProductId::new("7").expect("a product"),
        );
        let keys = [
            customer("acme", "7"),
            customer("acme", "7}:p"),
            customer("acme", "x/7"),
            customer("acme.x", "7"),
            product,
            EntityKey::progress("acme", "7"),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(keys[0].as_str(), "fl:{acme/7}:c");
    }

    #[test]
    fn no_customer_has_a_key_of_another() {
        let tenant = TenantId::new("acme").expect("a tenant");
        let keys = |customer: &str, caller: &str, key: &str| {
            let customer = CustomerId::new(customer).expect("a customer");
            let owner = Owner {
                tenant: &tenant,
                customer: &customer,
            };
            let idempotency = idempotency_key(owner, CallerKey { caller, key });
            let quote = quote_key(owner, "01AB").expect("a quote");
            [
                idempotency.expect("a key"),
                quote,
                account_key(owner),
                EntityKey::customer(&tenant, &customer).as_str().to_owned(),
            ]
        };
        let all = [
            keys("7", "app", "k"),
            keys("7", "apps", "k"),
            keys("7", "app", "s:k"),
            keys("7}:i:61", "app", "k"),
            keys("7}:q:01AB", "app", "k"),
            keys("7}:a", "app", "}:i:61:62"),
        ]
        .concat();
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        // The first three are one customer's: their other three keys are the same.
        assert_eq!(distinct.len(), all.len() - 6);
        assert_eq!(all[0], "fl:{acme/7}:i:617070:6b");
    }

    #[test]
    fn a_key_is_logged_without_the_customer() {
        assert_eq!(
            format!("{:?}", customer("acme", "anna")),
            "EntityKey(fl:{...}:c)"
        );
    }

    #[test]
    fn unpack_returns_what_was_packed() {
        let value = pack(7_000_000_000, b"state");
        let field = unpack(&value).expect("long enough");
        assert_eq!(
            (field.offset, &field.state[..]),
            (7_000_000_000, &b"state"[..])
        );
        assert!(unpack(&Bytes::from_static(b"short")).is_err());
        assert_eq!(unpack(&pack(0, b"")).expect("long enough").offset, 0);
    }
}
