//! The keys that sign quotes with HMAC-SHA256: one that signs, any number that still verify.

use std::collections::BTreeMap;
use std::path::Path;

use fairlead_chassis::secret_file::read_or_make;
use fairlead_proto::pricing::v1::Quote;
use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message as _;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::error::Error;

/// The length of the shortest key: one shorter than the hash weakens it (RFC 2104, section 3).
const SHORTEST_KEY: usize = 32;
/// The beginning of the signed bytes, so that no other use of a key can be taken for a quote.
const DOMAIN: &[u8] = b"fairlead.pricing.v1.Quote\0";

/// The keys; printing them shows their ids only.
#[derive(Clone)]
pub struct Keyring {
    current: String,
    keys: BTreeMap<String, Vec<u8>>,
}

/// A key file: JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    current: String,
    keys: BTreeMap<String, String>,
}

impl Keyring {
    /// Takes keys in hex by id, of which `current` signs.
    ///
    /// # Errors
    /// [`Error::Config`] names the key's id, never the key.
    pub fn new(current: &str, keys: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut ring = BTreeMap::new();
        for (id, text) in keys {
            let bytes = hex::decode(text)
                .ok()
                .filter(|bytes| bytes.len() >= SHORTEST_KEY);
            let Some(bytes) = bytes else {
                return Err(Error::Config {
                    key: format!("signing.keys.{id}"),
                    value: "(not shown)".to_owned(),
                    allowed: "at least 32 bytes in hex",
                });
            };
            ring.insert(id.clone(), bytes);
        }
        if !ring.contains_key(current) {
            return Err(Error::Config {
                key: "signing.current".to_owned(),
                value: current.to_owned(),
                allowed: "the id of one of signing.keys",
            });
        }
        Ok(Self {
            current: current.to_owned(),
            keys: ring,
        })
    }

    /// Reads the keys of a file. Where there is none, it is made with a fresh key, readable by its
    /// owner alone; of several processes that find none one makes it.
    pub fn kept_at(path: &Path) -> Result<Self, Error> {
        let failed = |cause| Error::KeyFile {
            path: path.display().to_string(),
            cause,
        };
        let text = read_or_make(path, new_file).map_err(failed)?;
        let file: KeyFile = serde_json::from_str(&text).map_err(|error| failed(error.into()))?;
        Self::new(&file.current, &file.keys)
    }

    /// Signs a quote with the current key: sets `key_id` and `signature`.
    pub(crate) fn sign(&self, mut quote: Quote) -> Quote {
        quote.key_id.clone_from(&self.current);
        quote.signature = Vec::new();
        if let Some(mac) = self.mac(&quote) {
            quote.signature = mac.finalize().into_bytes().to_vec();
        }
        quote
    }

    /// Returns whether a quote was signed by one of the keys, over everything in it. The time it
    /// takes does not depend on the signature.
    pub(crate) fn is_genuine(&self, quote: &Quote) -> bool {
        let mut content = quote.clone();
        let signature = std::mem::take(&mut content.signature);
        self.mac(&content)
            .is_some_and(|mac| mac.verify_slice(&signature).is_ok())
    }

    /// Returns the code over a quote without its signature, or `None` where the key is not known.
    fn mac(&self, quote: &Quote) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.keys.get(&quote.key_id)?).ok()?;
        mac.update(DOMAIN);
        mac.update(&quote.encode_to_vec());
        Some(mac)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Keyring")
            .field("current", &self.current)
            .field("keys", &self.keys.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Returns the text of a file with a fresh key.
fn new_file() -> String {
    let id = format!("k-{:08x}", rand::random::<u32>());
    let key: [u8; SHORTEST_KEY] = rand::random();
    let file = KeyFile {
        current: id.clone(),
        keys: BTreeMap::from([(id, hex::encode(key))]),
    };
    serde_json::to_string_pretty(&file).expect("texts are JSON")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn ring(current: &str, ids: &[&str]) -> Keyring {
        let keys = ids
            .iter()
            .map(|id| ((*id).to_owned(), hex::encode(format!("{id:*<32}"))));
        Keyring::new(current, &keys.collect()).expect("good keys")
    }

    fn quote() -> Quote {
        Quote {
            quote_id: "Q1".to_owned(),
            tenant: "acme".to_owned(),
            customer_id: "c1".to_owned(),
            created_at_ms: 1,
            expires_at_ms: 2,
            release_revision: 3,
            ..Quote::default()
        }
    }

    #[test]
    fn any_change_of_a_signed_quote_shows() {
        let ring = ring("one", &["one"]);
        let signed = ring.sign(quote());
        assert_eq!(signed.signature.len(), 32);
        assert!(ring.is_genuine(&signed));
        let changes: [fn(&mut Quote); 7] = [
            |quote| quote.quote_id.push('x'),
            |quote| quote.customer_id = "c2".to_owned(),
            |quote| quote.expires_at_ms += 1,
            |quote| quote.price = Some(fairlead_proto::pricing::v1::Price::default()),
            |quote| quote.signature[0] ^= 1,
            |quote| quote.signature.truncate(31),
            |quote| quote.key_id = "two".to_owned(),
        ];
        for change in changes {
            let mut changed = signed.clone();
            change(&mut changed);
            assert!(!ring.is_genuine(&changed), "{changed:?}");
        }
        assert!(!ring.is_genuine(&quote()), "no signature at all");
    }

    #[test]
    fn keys_rotate() {
        let old = ring("one", &["one"]).sign(quote());
        let both = ring("two", &["one", "two"]);
        assert!(both.is_genuine(&old));
        assert_eq!(both.sign(quote()).key_id, "two");
        assert!(!ring("two", &["two"]).is_genuine(&old));
    }

    /// RFC 4231's construction over the documented bytes, so that others can verify a quote.
    #[test]
    fn what_is_signed_is_what_is_documented() {
        let signed = ring("one", &["one"]).sign(quote());
        let mut content = signed.clone();
        content.signature.clear();
        let mut mac = Hmac::<Sha256>::new_from_slice(format!("{:*<32}", "one").as_bytes())
            .expect("any length");
        mac.update(
            &[
                &b"fairlead.pricing.v1.Quote\0"[..],
                &content.encode_to_vec(),
            ]
            .concat(),
        );
        assert_eq!(signed.signature, mac.finalize().into_bytes().to_vec());
    }

    #[test]
    fn a_key_file_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("quote-keys.json");
        let first = Keyring::kept_at(&path).expect("made");
        let again = Keyring::kept_at(&path).expect("read");
        assert!(again.is_genuine(&first.sign(quote())));
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            1
        );
        std::fs::write(&path, "junk").expect("written");
        assert!(
            Keyring::kept_at(&path)
                .expect_err("refused")
                .to_string()
                .contains("quote-keys.json")
        );
    }

    #[test]
    fn weak_keys_are_refused_without_being_shown() {
        let keys = BTreeMap::from([("weak".to_owned(), "abcdef0123".to_owned())]);
        let error = Keyring::new("weak", &keys)
            .expect_err("refused")
            .to_string();
        assert_eq!(
            error,
            "configuration: `signing.keys.weak` = `(not shown)` is not allowed: at least 32 bytes in hex"
        );
        assert!(
            !format!("{:?}", ring("one", &["one"])).contains("2a"),
            "no key in debug output"
        );
    }
}
