//! The origin of event records: signed by the gateway, verified by every reader.
//!
//! A record of an ordinary topic carries three headers: its origin, the id of a key, and a code
//! over topic, key id, origin, record key and payload. A reader that knows the key knows who stated
//! the record; without a valid code it counts as an app's. A topic of the bank's direct producers
//! needs no headers: who may write to it is the broker's to decide.

use std::collections::BTreeMap;
use std::fmt;

use fairlead_domain::Origin;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::record::{Delivered, Record};

/// The header with the origin of a record: `app`, `partner` or `bank`.
pub const ORIGIN: &str = "fairlead-origin";
/// The header with the id of the key that signed the origin.
pub const ORIGIN_KEY: &str = "fairlead-origin-key";
/// The header with the code (HMAC-SHA256, 32 bytes).
pub const ORIGIN_MAC: &str = "fairlead-origin-mac";

/// The length of the shortest key: one shorter than the hash weakens it (RFC 2104, section 3).
const SHORTEST_KEY: usize = 32;
/// The beginning of the signed bytes, so that no other use of a key can be taken for an origin.
const DOMAIN: &[u8] = b"fairlead.origin.v1\0";

/// The keys that sign origins: one that signs, any number that still verify. Printing them shows
/// their ids only.
#[derive(Clone)]
pub struct OriginKeys {
    current: String,
    keys: BTreeMap<String, Vec<u8>>,
}

/// A set of keys that cannot be used. It names a key's id, never the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("origin key `{id}` is not allowed: {allowed}")]
pub struct OriginKeyError {
    /// The id of the key.
    pub id: String,
    /// The allowed values.
    pub allowed: &'static str,
}

impl OriginKeys {
    /// Takes keys by id, of which `current` signs.
    ///
    /// # Errors
    /// A key is shorter than 32 bytes, or there is none of the id `current`.
    pub fn new(current: &str, keys: BTreeMap<String, Vec<u8>>) -> Result<Self, OriginKeyError> {
        let refused = |id: &str, allowed| OriginKeyError {
            id: id.to_owned(),
            allowed,
        };
        if let Some((id, _)) = keys.iter().find(|(_, key)| key.len() < SHORTEST_KEY) {
            return Err(refused(id, "at least 32 bytes"));
        }
        if !keys.contains_key(current) {
            return Err(refused(current, "the id of one of the keys"));
        }
        Ok(Self {
            current: current.to_owned(),
            keys,
        })
    }

    /// Returns the record for a topic with its origin, signed by the current key.
    #[must_use]
    pub fn sign(&self, topic: &str, origin: Origin, record: Record) -> Record {
        let signed = Signed {
            topic,
            key_id: &self.current,
            origin: origin.name(),
            record: &record,
        };
        let Some(mac) = self.mac(&signed) else {
            return record;
        };
        let code = mac.finalize().into_bytes().to_vec();
        record
            .with_header(ORIGIN, origin.name())
            .with_header(ORIGIN_KEY, self.current.clone())
            .with_header(ORIGIN_MAC, code)
    }

    /// Returns what the headers of a record prove.
    fn verify(&self, topic: &str, record: &Record) -> Proof {
        let text = |name| {
            let value = record.header(name)?;
            std::str::from_utf8(value).ok()
        };
        let claimed = text(ORIGIN).and_then(Origin::from_name);
        let (Some(origin), Some(key_id), Some(code)) =
            (claimed, text(ORIGIN_KEY), record.header(ORIGIN_MAC))
        else {
            return Proof::None { claimed };
        };
        let signed = Signed {
            topic,
            key_id,
            origin: origin.name(),
            record,
        };
        match self.mac(&signed).map(|mac| mac.verify_slice(code)) {
            None => Proof::None { claimed },
            Some(Ok(())) => Proof::Signed(origin),
            Some(Err(_)) => Proof::Forged,
        }
    }

    /// Returns the code over what is signed, or `None` if the key is not known.
    fn mac(&self, signed: &Signed<'_>) -> Option<Hmac<Sha256>> {
        let key = self.keys.get(signed.key_id)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(DOMAIN);
        for part in [
            signed.topic.as_bytes(),
            signed.key_id.as_bytes(),
            signed.origin.as_bytes(),
            &signed.record.key,
            &signed.record.payload,
        ] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }
}

impl fmt::Debug for OriginKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OriginKeys")
            .field("current", &self.current)
            .field("keys", &self.keys.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// The parts that a code covers.
struct Signed<'s> {
    topic: &'s str,
    key_id: &'s str,
    origin: &'s str,
    record: &'s Record,
}

/// The proof that the headers of a record give.
enum Proof {
    /// Its origin.
    Signed(Origin),
    /// Nothing: it has no code, or one by a key that is not known.
    None {
        /// The origin that it claims, if it claims one.
        claimed: Option<Origin>,
    },
    /// That somebody changed it, or made it up.
    Forged,
}

/// How the origin of a topic's records is known.
#[derive(Debug, Clone)]
pub enum Provenance {
    /// By who may write to the topic.
    Topic(Origin),
    /// By the headers of each record.
    Signed {
        /// The keys, or `None` if this installation signs nothing: each record then counts as an
        /// app's.
        keys: Option<OriginKeys>,
        /// The time (Unix milliseconds, of the record) at which signing began. What was appended
        /// before counts as what it claims or, as nothing was judged then, as the bank's.
        since_ms: i64,
    },
}

impl Provenance {
    /// Returns the origin of a record.
    pub fn origin_of(&self, delivered: &Delivered) -> Origin {
        let (keys, since_ms) = match self {
            Self::Topic(origin) => return *origin,
            Self::Signed { keys, since_ms } => (keys, *since_ms),
        };
        let record = &delivered.record;
        let proof = match keys {
            Some(keys) => keys.verify(&delivered.topic, record),
            None => Proof::None { claimed: None },
        };
        match proof {
            Proof::Signed(origin) => origin,
            Proof::None { claimed } if record.timestamp_ms < since_ms => {
                claimed.unwrap_or(Origin::Bank)
            }
            Proof::None { .. } | Proof::Forged => Origin::App,
        }
    }
}

/// A topic of events, with how the origin of its records is known.
#[derive(Debug, Clone)]
pub struct EventTopic {
    /// The topic.
    pub name: String,
    /// How the origin of its records is known.
    pub provenance: Provenance,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::record::Position;

    const TOPIC: &str = "fairlead.events.v1";

    fn keys(current: &str, ids: &[&str]) -> OriginKeys {
        let key = |id: &&str| ((*id).to_owned(), format!("{id:*<32}").into_bytes());
        OriginKeys::new(current, ids.iter().map(key).collect()).expect("good keys")
    }

    fn by(keys: OriginKeys, since_ms: i64) -> Provenance {
        Provenance::Signed {
            keys: Some(keys),
            since_ms,
        }
    }

    fn delivered(topic: &str, record: Record) -> Delivered {
        Delivered {
            topic: Arc::from(topic),
            position: Position {
                partition: 0,
                offset: 0,
            },
            record,
        }
    }

    fn record() -> Record {
        Record {
            timestamp_ms: 1_000,
            ..Record::new("acme/c-1", "payload")
        }
    }

    #[test]
    fn what_was_signed_keeps_its_origin() {
        let (one, both) = (keys("one", &["one"]), keys("two", &["one", "two"]));
        for origin in Origin::ALL {
            let signed = one.sign(TOPIC, origin, record());
            for reader in [&one, &both] {
                let judged = by(reader.clone(), 0).origin_of(&delivered(TOPIC, signed.clone()));
                assert_eq!(judged, origin);
            }
        }
    }

    #[test]
    fn what_is_forged_counts_as_an_apps_at_any_time() {
        let one = keys("one", &["one"]);
        let set = |name: &str, value: &'static [u8]| {
            let name = name.to_owned();
            move |record: &mut Record| {
                let header = record.headers.iter_mut().find(|(one, _)| *one == name);
                header.expect("signed").1 = Bytes::from_static(value);
            }
        };
        type Change = Box<dyn Fn(&mut Record)>;
        let changes: [Change; 5] = [
            Box::new(|record| record.payload = Bytes::from_static(b"Payload")),
            Box::new(|record| record.key = Bytes::from_static(b"acme/c-2")),
            // The parts are delimited: bytes cannot move between them.
            Box::new(|record| {
                record.key = Bytes::from_static(b"acme/c-1p");
                record.payload = Bytes::from_static(b"ayload");
            }),
            Box::new(set(ORIGIN, b"bank")),
            Box::new(set(ORIGIN_MAC, &[0; 32])),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut signed = one.sign(TOPIC, Origin::Partner, record());
            change(&mut signed);
            let judged = by(one.clone(), i64::MAX).origin_of(&delivered(TOPIC, signed));
            assert_eq!(judged, Origin::App, "change {index}");
        }
        let signed = one.sign(TOPIC, Origin::Bank, record());
        let elsewhere = by(one, 0).origin_of(&delivered("fairlead.other.v1", signed));
        assert_eq!(elsewhere, Origin::App, "signed for another topic");
    }

    #[test]
    fn what_nobody_signed_counts_as_an_apps_once_signing_began() {
        let (one, other) = (keys("one", &["one"]), keys("other", &["other"]));
        let claims = |origin: &'static str| record().with_header(ORIGIN, origin);
        let foreign = |origin| other.sign(TOPIC, origin, record());
        for (record, before) in [
            (record(), Origin::Bank),
            (claims("bank"), Origin::Bank),
            (claims("partner"), Origin::Partner),
            (claims("king"), Origin::Bank),
            (foreign(Origin::Bank), Origin::Bank),
            (foreign(Origin::App), Origin::App),
        ] {
            let at = delivered(TOPIC, record);
            assert_eq!(by(one.clone(), 1_000).origin_of(&at), Origin::App, "{at:?}");
            assert_eq!(by(one.clone(), 1_001).origin_of(&at), before, "{at:?}");
        }
        let none = Provenance::Signed {
            keys: None,
            since_ms: 0,
        };
        let signed = one.sign(TOPIC, Origin::Bank, record());
        assert_eq!(none.origin_of(&delivered(TOPIC, signed)), Origin::App);
    }

    #[test]
    fn a_topic_of_the_bank_needs_no_headers() {
        let own = Provenance::Topic(Origin::Bank);
        let forged = record().with_header(ORIGIN, "app");
        assert_eq!(own.origin_of(&delivered("any", forged)), Origin::Bank);
    }

    #[test]
    fn keys_that_cannot_be_used_are_named_and_not_shown() {
        let short = BTreeMap::from([("one".to_owned(), b"secret".to_vec())]);
        let error = OriginKeys::new("one", short)
            .expect_err("short")
            .to_string();
        assert_eq!(error, "origin key `one` is not allowed: at least 32 bytes");
        let keys = keys("one", &["one"]);
        let error = OriginKeys::new("two", keys.keys.clone()).expect_err("none");
        assert_eq!(error.id, "two");
        assert!(!format!("{keys:?}").contains("one*"));
    }
}
