//! Keys, fields and what a field holds.

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use fairlead_domain::{CustomerId, ProductId, TenantId};

use crate::error::Error;
use crate::store::Field;

/// The Redis key of one entity. The part in braces decides the slot of a cluster: all that is known
/// of one entity lies together.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityKey(Arc<str>);

impl EntityKey {
    /// The key of a customer.
    pub fn customer(tenant: &TenantId, customer: &CustomerId) -> Self {
        // A tenant has no slash, so that no two pairs share a key.
        Self(format!("fl:{{{tenant}/{customer}}}:c").into())
    }

    /// The key of a product's counters.
    pub fn product(tenant: &TenantId, product: &ProductId) -> Self {
        Self(format!("fl:{{{tenant}/{product}}}:p").into())
    }

    /// The key under which a consumer group notes how far it has come in a topic: the witness of
    /// what Redis kept over a crash. It has no TTL.
    pub fn progress(group: &str, topic: &str) -> Self {
        Self(format!("fl:{{{group}/{topic}}}:w").into())
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without the id, which is personal.
impl fmt::Debug for EntityKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0.rsplit(':').next().unwrap_or_default();
        write!(out, "EntityKey(fl:{{...}}:{kind})")
    }
}

/// One partition of one log, as the name of a field. The log has a name, so that offsets of another
/// log (a new Kafka cluster, an embedded log that was begun anew) are not taken for its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePartition(Arc<str>);

impl SourcePartition {
    /// A partition of the log with this name.
    pub fn new(log: &str, partition: i32) -> Self {
        Self(format!("{log}/{partition}").into())
    }

    /// The field's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(crate) const MARK_BYTES: usize = 8;

/// Mark and state as one value.
pub(crate) fn pack(mark: i64, state: &[u8]) -> Bytes {
    let mut packed = BytesMut::with_capacity(MARK_BYTES + state.len());
    packed.put_i64(mark);
    packed.put_slice(state);
    packed.freeze()
}

/// The mark that a value begins with; nothing when it is too short to hold one.
pub(crate) fn mark_of(value: &[u8]) -> Option<i64> {
    let mark = value.first_chunk::<MARK_BYTES>()?;
    Some(i64::from_be_bytes(*mark))
}

/// Mark and state of a value.
pub(crate) fn unpack(value: &Bytes) -> Result<Field, Error> {
    let mark = mark_of(value).ok_or_else(|| Error::Corrupt {
        thing: "entity state",
        detail: format!("{} bytes are too few for a mark", value.len()),
    })?;
    Ok(Field {
        mark,
        state: value.slice(MARK_BYTES..),
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
    fn a_key_is_logged_without_the_customer() {
        assert_eq!(
            format!("{:?}", customer("acme", "anna")),
            "EntityKey(fl:{...}:c)"
        );
    }

    #[test]
    fn marks_come_back() {
        let value = pack(7_000_000_000, b"state");
        let field = unpack(&value).expect("long enough");
        assert_eq!(
            (field.mark, &field.state[..]),
            (7_000_000_000, &b"state"[..])
        );
        assert!(unpack(&Bytes::from_static(b"short")).is_err());
        assert_eq!(unpack(&pack(0, b"")).expect("long enough").mark, 0);
    }
}
