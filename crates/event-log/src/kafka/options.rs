//! The options of a Kafka log, and the librdkafka properties that follow from them.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;

use crate::admission::MAX_RECORD_BYTES;
use crate::error::Error;
use crate::log::ConsumerOptions;

/// The compression of record batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// No compression.
    None,
    /// LZ4: cheap, and events shrink to about a third.
    #[default]
    Lz4,
}

/// Options of [`crate::KafkaEventLog::connect`].
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// One or more `host:port`, separated by commas.
    pub bootstrap: String,
    /// The client id that the brokers see.
    pub client_id: String,
    /// The replication factor of topics created here; -1 means the cluster's
    /// `default.replication.factor`.
    pub replication: i32,
    /// The compression of appended batches.
    pub compression: Compression,
    /// The time that an append waits for its acknowledgement before it fails.
    pub delivery_timeout: Duration,
    /// The timeout of every other request.
    pub request_timeout: Duration,
    /// The limit on key, payload and headers of one record together, in bytes. The topic's own
    /// `max.message.bytes` applies too.
    pub max_record_bytes: usize,
    /// The most bytes of records that wait for acknowledgement; further appends wait.
    pub queued_bytes: usize,
    /// Further librdkafka properties (`security.protocol`, `sasl.mechanism` and the like). Those
    /// on which this crate's guarantees depend are refused.
    pub properties: BTreeMap<String, String>,
}

/// Properties that callers may not set, because this crate's guarantees depend on them.
const RESERVED_PROPERTIES: [&str; 16] = [
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.protocol",
    "message.max.bytes",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "partitioner",
    "request.required.acks",
];

/// An upper bound of the batch and record headers that the protocol adds to a record.
const FRAMING_BYTES: usize = 16 << 10;

impl KafkaOptions {
    /// Returns the default options: LZ4, 30 s for an append, 10 s for other requests, records up
    /// to [`MAX_RECORD_BYTES`], 64 MiB queued.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            client_id: "fairlead".to_owned(),
            replication: -1,
            compression: Compression::default(),
            delivery_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(10),
            max_record_bytes: MAX_RECORD_BYTES,
            queued_bytes: 64 << 20,
            properties: BTreeMap::new(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |option: &str, value: String, allowed: &str| {
            Err(Error::InvalidOption {
                option: option.to_owned(),
                value,
                allowed: allowed.to_owned(),
            })
        };
        if !self.bootstrap.split(',').all(is_host_and_port) {
            let allowed = "host:port, several separated by commas";
            return refuse("bootstrap", self.bootstrap.clone(), allowed);
        }
        if let Some(key) = self
            .properties
            .keys()
            .find(|key| RESERVED_PROPERTIES.contains(&key.as_str()))
        {
            let value = self.properties[key].clone();
            return refuse(key, value, "nothing: the event log sets it itself");
        }
        if self.replication != -1 && !(1..=i32::from(i16::MAX)).contains(&self.replication) {
            let allowed = "-1 (the cluster's default) or 1 to 32767";
            return refuse("replication", self.replication.to_string(), allowed);
        }
        for (option, value) in [
            ("delivery_timeout", self.delivery_timeout),
            ("request_timeout", self.request_timeout),
        ] {
            if !(Duration::from_millis(100)..=Duration::from_mins(15)).contains(&value) {
                return refuse(option, format!("{value:?}"), "100 ms to 15 min");
            }
        }
        if !(1..=100_000_000).contains(&self.max_record_bytes) {
            let value = self.max_record_bytes.to_string();
            return refuse("max_record_bytes", value, "1 to 100000000");
        }
        Ok(())
    }

    /// Returns the properties that all clients have.
    fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", &self.client_id)
            .set("allow.auto.create.topics", "false")
            .set("socket.keepalive.enable", "true")
            .set("socket.timeout.ms", millis(self.request_timeout))
            // A restarted broker is back within seconds; the client's default waits up to ten.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000");
        config
    }

    /// Returns the properties of the client for requests about topics.
    pub(crate) fn admin_config(&self) -> ClientConfig {
        self.client_config()
    }

    pub(crate) fn producer_config(&self) -> ClientConfig {
        let compression = match self.compression {
            Compression::None => "none",
            Compression::Lz4 => "lz4",
        };
        let mut config = self.client_config();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", compression)
            // Short, because a firm quote waits for it; under load batches form anyway.
            .set("linger.ms", "1")
            .set("message.timeout.ms", millis(self.delivery_timeout))
            .set("message.max.bytes", (self.max_record_bytes + FRAMING_BYTES).to_string())
            // `queued_bytes` bounds the queue; the client's own limit lies above it.
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", "2097151");
        config
    }

    pub(crate) fn consumer_config(&self, options: &ConsumerOptions) -> ClientConfig {
        let mut config = self.reader_config();
        config
            .set("group.id", &options.group)
            .set("enable.partition.eof", "false")
            .set("fetch.wait.max.ms", "500")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", millis(options.session_timeout))
            .set("heartbeat.interval.ms", millis(options.session_timeout / 4))
            .set("max.poll.interval.ms", millis(options.max_poll_interval));
        config
    }

    /// Returns the properties of clients that read outside any group. The client requires a group
    /// id nevertheless; it neither joins nor commits.
    pub(crate) fn reader_config(&self) -> ClientConfig {
        let mut config = self.client_config();
        config
            .set("group.id", "fairlead-reader")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            // Where retention dropped unread records, a group goes on with the oldest that is left.
            .set("auto.offset.reset", "earliest")
            // A read stops at the end that it saw. A fetch that still waits for more would delay
            // the next read on the connection.
            .set("fetch.wait.max.ms", "5")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.max.messages.kbytes", "16384");
        config
    }
}

fn is_host_and_port(server: &str) -> bool {
    server.trim().rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bootstrap_servers_need_a_host_and_a_port() {
        for good in [
            "kafka:9092",
            "a:1,b:65535",
            "[::1]:9092",
            "10.0.0.1:9092, c:9093",
        ] {
            KafkaOptions::new(good).check().expect(good);
        }
        for bad in [
            "",
            "kafka",
            "kafka:",
            ":9092",
            "kafka:0",
            "kafka:70000",
            "a:1,",
            "a:x",
        ] {
            let message = KafkaOptions::new(bad).check().expect_err(bad).to_string();
            assert!(message.contains("host:port"), "{message}");
        }
    }

    #[test]
    fn reserved_properties_are_refused() {
        let mut options = KafkaOptions::new("kafka:9092");
        options
            .properties
            .insert("statistics.interval.ms".into(), "0".into());
        options.check().expect("harmless");
        options.properties.insert("acks".into(), "0".into());
        let message = options.check().expect_err("refused").to_string();
        assert!(message.contains("acks"), "{message}");
    }

    #[test]
    fn timeouts_sizes_and_replication_have_bounds() {
        let with = |change: fn(&mut KafkaOptions)| {
            let mut options = KafkaOptions::new("kafka:9092");
            change(&mut options);
            options.check()
        };
        assert!(with(|o| o.delivery_timeout = Duration::ZERO).is_err());
        assert!(with(|o| o.request_timeout = Duration::from_hours(1)).is_err());
        assert!(with(|o| o.max_record_bytes = 0).is_err());
        assert!(with(|o| o.replication = 0).is_err());
        assert!(with(|o| o.replication = 3).is_ok());
    }

    #[test]
    fn librdkafka_accepts_every_property() {
        let options = KafkaOptions::new("kafka:9092");
        let group = ConsumerOptions::new("g", ["t"]);
        for config in [
            options.admin_config(),
            options.producer_config(),
            options.reader_config(),
            options.consumer_config(&group),
        ] {
            config.create_native_config().expect("known properties");
        }
    }
}
