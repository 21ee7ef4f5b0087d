//! Requests about topics: which there are, what they hold, making them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::failure::Asked;
use super::logging::ClientLog;
use crate::error::Error;
use crate::log::{OffsetRange, TopicSpec};

/// How long to wait between looks at a topic that is being made.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The cluster, seen from outside.
pub(crate) struct Cluster {
    pub(crate) asked: Asked,
    admin: Arc<AdminClient<ClientLog>>,
    /// Partitions of the topics that were seen to exist.
    known: RwLock<HashMap<String, i32>>,
}

impl Cluster {
    pub(crate) fn new(config: &ClientConfig, asked: Asked) -> Result<Self, Error> {
        let admin: AdminClient<ClientLog> = config
            .create_with_context(ClientLog)
            .map_err(|error| asked.failed("making a client", error))?;
        Ok(Self {
            asked,
            admin: Arc::new(admin),
            known: RwLock::default(),
        })
    }

    /// Answers when any broker does.
    pub(crate) async fn answers(&self) -> Result<(), Error> {
        // Naming a topic keeps the answer small on large clusters; it need not exist.
        self.ask("asking for metadata", |admin, timeout| {
            let topic = Some("fairlead-health");
            admin.inner().fetch_metadata(topic, timeout).map(drop)
        })
        .await
    }

    /// How many partitions the topic has; [`Error::UnknownTopic`] if it does not exist.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<i32, Error> {
        if let Some(partitions) = self.known.read().get(topic) {
            return Ok(*partitions);
        }
        let partitions = self.look_up(topic).await?;
        let partitions = partitions.ok_or_else(|| self.asked.unknown_topic(topic))?;
        self.known.write().insert(topic.to_owned(), partitions);
        Ok(partitions)
    }

    /// Forgets that a topic exists: a broker said that it does not.
    pub(crate) fn forget(&self, topic: &str) {
        self.known.write().remove(topic);
    }

    pub(crate) async fn create_topic(
        &self,
        topic: &str,
        spec: TopicSpec,
        replication: i32,
    ) -> Result<(), Error> {
        let retention_ms = spec.retention.as_millis().to_string();
        let replication = TopicReplication::Fixed(replication);
        let new =
            NewTopic::new(topic, spec.partitions, replication).set("retention.ms", &retention_ms);
        let timeout = Some(self.asked.timeout);
        let options = AdminOptions::new()
            .operation_timeout(timeout)
            .request_timeout(timeout);
        let results = self.admin.create_topics([&new], &options).await;
        let refused = results
            .map_err(|error| self.asked.failed("creating a topic", error))?
            .into_iter()
            .find_map(Result::err);
        match refused {
            None | Some((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Some((_, code)) => {
                let error = KafkaError::AdminOp(code);
                return Err(self.asked.failed("creating a topic", error));
            }
        }
        let existing = self.wait_for(topic).await?;
        if existing == spec.partitions {
            return Ok(());
        }
        Err(Error::PartitionCount {
            topic: topic.to_owned(),
            existing,
            requested: spec.partitions,
        })
    }

    /// A topic is made by the controller; the brokers learn of it a moment later.
    async fn wait_for(&self, topic: &str) -> Result<i32, Error> {
        let deadline = Instant::now() + self.asked.timeout;
        loop {
            match self.partitions(topic).await {
                Err(Error::UnknownTopic { .. }) if Instant::now() < deadline => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// The partitions of a topic, all of which have a leader; none if it does not exist (yet).
    async fn look_up(&self, topic: &str) -> Result<Option<i32>, Error> {
        let name = topic.to_owned();
        let metadata = self
            .ask("asking for a topic", move |admin, timeout| {
                admin.inner().fetch_metadata(Some(&name), timeout)
            })
            .await?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        match found.error() {
            None => {}
            Some(
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                | RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            ) => return Ok(None),
            Some(other) => {
                let error = KafkaError::MetadataFetch(other.into());
                return Err(self.asked.failed_on(topic, "asking for a topic", error));
            }
        }
        let partitions = found.partitions();
        let led = !partitions.is_empty() && partitions.iter().all(|p| p.leader() >= 0);
        Ok(led.then(|| i32::try_from(partitions.len()).unwrap_or(i32::MAX)))
    }

    /// What each partition holds.
    pub(crate) async fn offsets(&self, topic: &str) -> Result<Vec<OffsetRange>, Error> {
        let partitions = self.partitions(topic).await?;
        let name = topic.to_owned();
        let fetch = move |admin: &AdminClient<ClientLog>, timeout: Duration| {
            (0..partitions)
                .map(|partition| {
                    let client = admin.inner();
                    let (start, end) = client.fetch_watermarks(&name, partition, timeout)?;
                    Ok(OffsetRange {
                        partition,
                        start,
                        end,
                    })
                })
                .collect::<Result<Vec<_>, KafkaError>>()
        };
        let outcome = self.ask_about(topic, "asking for offsets", fetch).await;
        self.forget_if_unknown(topic, outcome)
    }

    /// The largest batch that the topic takes, in bytes, as far as the cluster tells.
    pub(crate) async fn max_message_bytes(&self, topic: &str) -> Option<usize> {
        let options = AdminOptions::new().request_timeout(Some(self.asked.timeout));
        let resource = ResourceSpecifier::Topic(topic);
        let described = self.admin.describe_configs([&resource], &options).await;
        let resource = described.ok()?.into_iter().next()?.ok()?;
        let value = resource.entry_map().get("max.message.bytes")?.value.clone();
        value?.parse().ok()
    }

    pub(crate) fn forget_if_unknown<T>(
        &self,
        topic: &str,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if matches!(outcome, Err(Error::UnknownTopic { .. })) {
            self.forget(topic);
        }
        outcome
    }

    async fn ask<T: Send + 'static>(
        &self,
        operation: &'static str,
        request: impl FnOnce(&AdminClient<ClientLog>, Duration) -> Result<T, KafkaError>
        + Send
        + 'static,
    ) -> Result<T, Error> {
        self.ask_about("", operation, request).await
    }

    /// Makes a blocking request off the reactor.
    async fn ask_about<T: Send + 'static>(
        &self,
        topic: &str,
        operation: &'static str,
        request: impl FnOnce(&AdminClient<ClientLog>, Duration) -> Result<T, KafkaError>
        + Send
        + 'static,
    ) -> Result<T, Error> {
        let admin = Arc::clone(&self.admin);
        let timeout = self.asked.timeout;
        tokio::task::spawn_blocking(move || request(&admin, timeout))
            .await
            .map_err(|_| Error::Closed)?
            .map_err(|error| self.asked.failed_on(topic, operation, error))
    }
}
