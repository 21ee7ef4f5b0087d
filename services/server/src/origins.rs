//! How the origin of events is known: the file of keys that sign it, and the topics.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use fairlead_chassis::clock::{Clock as _, SystemClock};
use fairlead_chassis::secret_file::read_or_make;
use fairlead_domain::Origin;
use fairlead_event_log::{EventTopic, OriginKeys, Provenance};
use serde::{Deserialize, Serialize};

use crate::config::AppConfig;

/// The bytes of a key that is made here.
const KEY_BYTES: usize = 32;

/// The keys that sign the origin of events, and the time at which signing began.
pub(crate) struct OriginSigning {
    /// The keys, or `None` if none are configured.
    pub(crate) keys: Option<OriginKeys>,
    since_ms: i64,
}

/// A key file: JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    /// The id of the key that signs.
    current: String,
    /// Keys in hex by id.
    keys: BTreeMap<String, String>,
    /// The time at which signing began, Unix milliseconds: earlier records need no signature.
    #[serde(default)]
    since_ms: i64,
}

impl OriginSigning {
    /// Reads the keys for all services in one process: the configured file, or one in the data
    /// folder, which is made if there is none.
    pub(crate) fn of_all(config: &AppConfig) -> anyhow::Result<Self> {
        let configured = &config.events.origin_keys_file;
        if configured.as_os_str().is_empty() {
            return Self::kept_at(&config.data_dir.join("origin-keys.json"));
        }
        Self::kept_at(configured)
    }

    /// Reads the keys for one service among others: the configured file, or none.
    pub(crate) fn of_one(config: &AppConfig) -> anyhow::Result<Self> {
        let configured = &config.events.origin_keys_file;
        if configured.as_os_str().is_empty() {
            return Ok(Self {
                keys: None,
                since_ms: 0,
            });
        }
        Self::kept_at(configured)
    }

    fn kept_at(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("`events.origin_keys_file`: {}", path.display());
        let text = read_or_make(path, new_file).with_context(named)?;
        let file: KeyFile = serde_json::from_str(&text).with_context(named)?;
        let mut keys = BTreeMap::new();
        for (id, digits) in &file.keys {
            // The cause is left out: it may show a digit of the key.
            let bytes = hex::decode(digits).ok();
            let bytes = bytes.with_context(|| format!("key `{id}` is not in hex"));
            keys.insert(id.clone(), bytes.with_context(named)?);
        }
        Ok(Self {
            keys: Some(OriginKeys::new(&file.current, keys).with_context(named)?),
            since_ms: file.since_ms,
        })
    }

    /// Returns the topics of events: that of the gateway, and on Kafka that of the bank's direct
    /// producers.
    pub(crate) fn topics(&self, config: &AppConfig) -> Vec<EventTopic> {
        let mut topics = vec![EventTopic {
            name: config.stream.topic.clone(),
            provenance: Provenance::Signed {
                keys: self.keys.clone(),
                since_ms: self.since_ms,
            },
        }];
        let events = &config.events;
        // Nobody but this process can write to the embedded log.
        if !events.kafka.is_empty() && !events.bank_topic.is_empty() {
            topics.push(EventTopic {
                name: events.bank_topic.clone(),
                provenance: Provenance::Topic(Origin::Bank),
            });
        }
        topics
    }
}

/// Returns the text of a new key file.
fn new_file() -> String {
    let id = format!("o-{:08x}", rand::random::<u32>());
    let key: [u8; KEY_BYTES] = rand::random();
    let file = KeyFile {
        current: id.clone(),
        keys: BTreeMap::from([(id, hex::encode(key))]),
        since_ms: SystemClock.now_ms(),
    };
    serde_json::to_string_pretty(&file).expect("texts and numbers are JSON")
}

/// Returns the settings of the stream of a topic of events. A topic beside the first one has a
/// consumer group and offsets of its own.
pub(crate) fn stream_config(config: &AppConfig, topic: &EventTopic) -> fairlead_stream::Config {
    let mut stream = config.stream.clone();
    if topic.name != stream.topic {
        stream.topic.clone_from(&topic.name);
        stream.group.push_str("-bank");
        stream.log_name.push_str("-bank");
    }
    stream
}

/// Checks that a service among others can sign for the origins that its API keys have.
pub(crate) fn require_keys(config: &AppConfig, keys: Option<&OriginKeys>) -> anyhow::Result<()> {
    let app = Origin::App.name();
    let more = config
        .gateway
        .api_keys
        .values()
        .any(|key| key.origin != app);
    anyhow::ensure!(
        keys.is_some() || !more,
        "`events.origin_keys_file` is empty, and an API key speaks for a partner or the bank: name the \
         file of keys that sign the origin of events, the same for gateway and stream (docs/events.md)"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_partners_and_banks_need_a_file_of_origin_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let signing = OriginSigning::kept_at(&folder.path().join("keys.json")).expect("made");
        for origin in Origin::ALL {
            let mut config = AppConfig::load(None).expect("the defaults");
            let key = serde_json::json!({
                "tenant": "demo", "requests_per_second": 1, "origin": origin.name(),
            });
            let key = serde_json::from_value(key).expect("a key");
            config.gateway.api_keys.insert("secret".to_owned(), key);
            require_keys(&config, signing.keys.as_ref()).expect("signed");
            match require_keys(&config, None) {
                Ok(()) => assert_eq!(origin, Origin::App),
                Err(error) => {
                    assert_ne!(origin, Origin::App);
                    let said = error.to_string();
                    assert!(said.contains("events.origin_keys_file"), "{said}");
                }
            }
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_wrong_ones_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("origin-keys.json");
        let made = OriginSigning::kept_at(&path).expect("made");
        let read = OriginSigning::kept_at(&path).expect("read");
        assert!(made.since_ms > 0 && made.since_ms == read.since_ms);
        for (text, said) in [
            ("{}", "current"),
            (
                r#"{"current":"a","keys":{"a":"secret"}}"#,
                "`a` is not in hex",
            ),
            (r#"{"current":"a","keys":{"a":"00"}}"#, "at least 32 bytes"),
            (r#"{"current":"a","keys":{},"x":1}"#, "unknown field"),
        ] {
            std::fs::write(&path, text).expect("written");
            let error = OriginSigning::kept_at(&path).err().expect(said);
            let error = format!("{error:#}");
            assert!(
                error.contains(said) && error.contains("origin_keys_file"),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
