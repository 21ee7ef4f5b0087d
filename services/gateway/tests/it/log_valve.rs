//! An event log that a test can take away or hold up.

use std::sync::Arc;

use fairlead_event_log::{
    Consumer, ConsumerOptions, Delivered, EmbeddedEventLog, Error, EventLog, PartitionOffsets,
    Position, Record, TopicSpec,
};
use tokio::sync::watch;

use crate::setup::PATIENCE;

/// The state of a [`LogValve`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Valve {
    /// The log works.
    Open,
    /// The log does not answer until the valve is opened.
    Shut,
    /// The log refuses with an error that may pass.
    Away,
}

/// An embedded log behind a valve.
pub(crate) struct LogValve {
    log: EmbeddedEventLog,
    valve: watch::Sender<Valve>,
    /// Operations that waited for the valve so far.
    held_up: watch::Sender<usize>,
}

impl LogValve {
    pub(crate) fn new(log: EmbeddedEventLog) -> Self {
        Self {
            log,
            valve: watch::Sender::new(Valve::Open),
            held_up: watch::Sender::new(0),
        }
    }

    pub(crate) fn set(&self, valve: Valve) {
        self.valve.send_replace(valve);
    }

    /// Waits until `count` operations have come to the shut valve.
    pub(crate) async fn until_held_up(&self, count: usize) {
        let mut held_up = self.held_up.subscribe();
        tokio::time::timeout(PATIENCE, held_up.wait_for(|held_up| *held_up >= count))
            .await
            .expect("held up in time")
            .expect("the sender lives in the log");
    }

    /// All records of a topic.
    pub(crate) async fn records(&self, topic: &str) -> Vec<Delivered> {
        let mut all = Vec::new();
        for range in self.log.offsets(topic).await.expect("offsets") {
            let from = Position {
                partition: range.partition,
                offset: range.start,
            };
            all.extend(self.log.read(topic, from, 100_000).await.expect("records"));
        }
        all
    }

    async fn pass(&self) -> Result<(), Error> {
        if *self.valve.borrow() == Valve::Shut {
            self.held_up.send_modify(|held_up| *held_up += 1);
        }
        let mut valve = self.valve.subscribe();
        let state = valve.wait_for(|valve| *valve != Valve::Shut).await;
        match *state.expect("the sender lives in the log") {
            Valve::Away => Err(Error::Unreachable {
                bootstrap: "nowhere:1".to_owned(),
                waited_ms: 0,
                operation: "testing",
                cause: Arc::new(std::io::Error::other("the valve is set to away")),
            }),
            Valve::Open | Valve::Shut => Ok(()),
        }
    }
}

#[tonic::async_trait]
impl EventLog for LogValve {
    async fn create_topic(&self, topic: &str, spec: TopicSpec) -> Result<(), Error> {
        self.log.create_topic(topic, spec).await
    }

    async fn append(&self, topic: &str, records: Vec<Record>) -> Result<Vec<Position>, Error> {
        self.pass().await?;
        self.log.append(topic, records).await
    }

    async fn consumer(&self, options: ConsumerOptions) -> Result<Box<dyn Consumer>, Error> {
        self.log.consumer(options).await
    }

    async fn offsets(&self, topic: &str) -> Result<Vec<PartitionOffsets>, Error> {
        self.pass().await?;
        self.log.offsets(topic).await
    }

    async fn read(&self, topic: &str, from: Position, max: usize) -> Result<Vec<Delivered>, Error> {
        self.pass().await?;
        self.log.read(topic, from, max).await
    }

    async fn healthy(&self) -> Result<(), Error> {
        self.log.healthy().await
    }

    async fn close(&self) -> Result<(), Error> {
        self.log.close().await
    }
}
