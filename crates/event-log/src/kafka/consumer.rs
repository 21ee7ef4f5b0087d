//! The handle of a group member on Kafka. A thread ([`super::worker`]) serves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::worker::Request;
use crate::error::Error;
use crate::log::{Consumer, Poll};
use crate::meters::Meters;
use crate::record::{Position, TopicPartition};

/// A handle of a consumer's thread. Poll results have a channel of their own: if a caller drops
/// its future, the next poll returns the result.
pub(crate) struct KafkaConsumer {
    requests: mpsc::Sender<Request>,
    polls: mpsc::Receiver<Result<Poll, Error>>,
    /// True while a poll was requested whose result was not received yet.
    outstanding: bool,
    /// A result received before another request could be sent; the next poll returns it.
    buffered: Option<Result<Poll, Error>>,
    /// Set to end a running poll early.
    leaving: Arc<AtomicBool>,
    meters: Meters,
}

impl KafkaConsumer {
    pub(crate) fn new(
        requests: mpsc::Sender<Request>,
        polls: mpsc::Receiver<Result<Poll, Error>>,
        leaving: Arc<AtomicBool>,
        meters: Meters,
    ) -> Self {
        Self {
            requests,
            polls,
            outstanding: false,
            buffered: None,
            leaving,
            meters,
        }
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Request,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let sent = self.requests.send(request(reply)).await;
        sent.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Receives the result of an outstanding poll, so that the next request sees its changes.
    async fn receive_outstanding(&mut self) {
        if self.outstanding {
            let result = self.polls.recv().await;
            self.outstanding = false;
            self.buffered = Some(result.unwrap_or(Err(Error::Closed)));
        }
    }
}

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn poll(&mut self, max_records: usize, wait: Duration) -> Result<Poll, Error> {
        if self.buffered.is_none() {
            if !self.outstanding {
                let request = Request::Poll {
                    max_records: max_records.max(1),
                    wait,
                };
                let sent = self.requests.send(request).await;
                sent.map_err(|_| Error::Closed)?;
                self.outstanding = true;
            }
            self.receive_outstanding().await;
        }
        let poll = self.buffered.take().unwrap_or(Err(Error::Closed))?;
        self.meters.polled(&poll.records);
        Ok(poll)
    }

    async fn commit(&mut self, upto: &[(Arc<str>, Position)]) -> Result<(), Error> {
        self.receive_outstanding().await;
        let upto = upto.to_vec();
        self.ask(|reply| Request::Commit { upto, reply }).await
    }

    async fn seek(&mut self, topic: &str, position: Position) -> Result<(), Error> {
        self.receive_outstanding().await;
        let partition = TopicPartition {
            topic: topic.into(),
            partition: position.partition,
        };
        let sought = partition.clone();
        let offset = position.offset;
        self.ask(|reply| Request::Seek {
            partition,
            offset,
            reply,
        })
        .await?;
        // Records that an abandoned poll fetched of the partition precede the seek.
        if let Some(Ok(poll)) = &mut self.buffered {
            poll.records.retain(|delivered| {
                delivered.topic != sought.topic || delivered.position.partition != sought.partition
            });
        }
        Ok(())
    }

    async fn lag(&self) -> Result<u64, Error> {
        self.ask(|reply| Request::Lag { reply }).await
    }

    async fn close(self: Box<Self>) -> Result<(), Error> {
        self.leaving.store(true, Ordering::Release);
        self.ask(|reply| Request::Close { reply }).await
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        // The thread sees its request channel closed and leaves the group.
        self.leaving.store(true, Ordering::Release);
    }
}
