//! Requests about topics: their metadata, offsets and creation.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::failure::RequestContext;
use super::logging::ClientLog;
use crate::error::Error;
use crate::log::{PartitionOffsets, TopicSpec};

/// The time between two look-ups of a topic that is being created.
const LOOKUP_INTERVAL: Duration = Duration::from_millis(20);

/// A client for metadata and topic administration.
pub(crate) struct Cluster {
    pub(crate) context: RequestContext,
    admin: Arc<AdminClient<ClientLog>>,
    /// The number of partitions of each topic found so far.
    known: RwLock<HashMap<String, i32>>,
}

impl Cluster {
    pub(crate) fn new(config: &ClientConfig, context: RequestContext) -> Result<Self, Error> {
        let admin: AdminClient<ClientLog> = config
            .create_with_context(ClientLog)
            .map_err(|error| context.failed("making a client", error))?;
        Ok(Self {
            context,
            admin: Arc::new(admin),
            known: RwLock::default(),
        })
    }

    /// Checks that some broker answers.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        // Asking for one topic keeps the answer small on large clusters; it need not exist.
        self.ask("asking for metadata", |admin, timeout| {
            let topic = Some("fairlead-health");
            admin.inner().fetch_metadata(topic, timeout).map(drop)
        })
        .await
    }

    /// Returns the topic's number of partitions, or [`Error::UnknownTopic`] if it does not exist.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<i32, Error> {
        if let Some(partitions) = self.known.read().get(topic) {
            return Ok(*partitions);
        }
        let partitions = self.look_up(topic).await?;
        let partitions = partitions.ok_or_else(|| self.context.unknown_topic(topic))?;
        self.known.write().insert(topic.to_owned(), partitions);
        Ok(partitions)
    }

    /// Removes a topic from the cache after a broker said that it does not exist.
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
        let timeout = Some(self.context.timeout);
        let options = AdminOptions::new()
            .operation_timeout(timeout)
            .request_timeout(timeout);
        let results = self.admin.create_topics([&new], &options).await;
        let refused = results
            .map_err(|error| self.context.failed("creating a topic", error))?
            .into_iter()
            .find_map(Result::err);
        match refused {
            None | Some((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Some((_, code)) => {
                let error = KafkaError::AdminOp(code);
                return Err(self.context.failed("creating a topic", error));
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

    /// Waits until the topic exists: the controller creates it, the brokers learn of it later.
    async fn wait_for(&self, topic: &str) -> Result<i32, Error> {
        let deadline = Instant::now() + self.context.timeout;
        loop {
            match self.partitions(topic).await {
                Err(Error::UnknownTopic { .. }) if Instant::now() < deadline => {
                    tokio::time::sleep(LOOKUP_INTERVAL).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Returns the topic's number of partitions, or `None` if it does not exist yet or a partition
    /// has no leader.
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
                return Err(self.context.failed_on(topic, "asking for a topic", error));
            }
        }
        let partitions = found.partitions();
        let have_leaders = !partitions.is_empty() && partitions.iter().all(|p| p.leader() >= 0);
        Ok(have_leaders.then(|| i32::try_from(partitions.len()).unwrap_or(i32::MAX)))
    }

    /// Returns the range of offsets that each partition holds.
    pub(crate) async fn offsets(&self, topic: &str) -> Result<Vec<PartitionOffsets>, Error> {
        let partitions = self.partitions(topic).await?;
        let name = topic.to_owned();
        let fetch = move |admin: &AdminClient<ClientLog>, timeout: Duration| {
            (0..partitions)
                .map(|partition| {
                    let client = admin.inner();
                    let (start, end) = client.fetch_watermarks(&name, partition, timeout)?;
                    Ok(PartitionOffsets {
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

    /// Returns the largest batch that the topic takes, in bytes, or `None` if the cluster does not
    /// say.
    pub(crate) async fn max_message_bytes(&self, topic: &str) -> Option<usize> {
        let options = AdminOptions::new().request_timeout(Some(self.context.timeout));
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

    /// Makes a blocking request on a blocking thread.
    async fn ask_about<T: Send + 'static>(
        &self,
        topic: &str,
        operation: &'static str,
        request: impl FnOnce(&AdminClient<ClientLog>, Duration) -> Result<T, KafkaError>
        + Send
        + 'static,
    ) -> Result<T, Error> {
        let admin = Arc::clone(&self.admin);
        let timeout = self.context.timeout;
        tokio::task::spawn_blocking(move || request(&admin, timeout))
            .await
            .map_err(|_| Error::Closed)?
            .map_err(|error| self.context.failed_on(topic, operation, error))
    }
}
