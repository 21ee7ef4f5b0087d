//! A member of a group on Kafka: a handle, and the thread ([`super::worker`]) that serves it.

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

/// Polls come back over a channel of their own, so that one whose caller went away is not lost:
/// the next caller gets it.
pub(crate) struct KafkaConsumer {
    requests: mpsc::Sender<Request>,
    polls: mpsc::Receiver<Result<Poll, Error>>,
    /// A poll was asked for whose answer was not taken yet.
    outstanding: bool,
    /// An answer that was taken to make way for another request.
    early: Option<Result<Poll, Error>>,
    /// Ends a poll under way early.
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
            early: None,
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

    /// Takes the answer of a poll whose caller went away, so that the next request sees what it
    /// brought.
    async fn settle(&mut self) {
        if self.outstanding {
            let answer = self.polls.recv().await;
            self.outstanding = false;
            self.early = Some(answer.unwrap_or(Err(Error::Closed)));
        }
    }
}

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn poll(&mut self, max_records: usize, wait: Duration) -> Result<Poll, Error> {
        if self.early.is_none() {
            if !self.outstanding {
                let request = Request::Poll {
                    max_records: max_records.max(1),
                    wait,
                };
                let sent = self.requests.send(request).await;
                sent.map_err(|_| Error::Closed)?;
                self.outstanding = true;
            }
            self.settle().await;
        }
        let poll = self.early.take().unwrap_or(Err(Error::Closed))?;
        self.meters.polled(&poll.records);
        Ok(poll)
    }

    async fn commit(&mut self, upto: &[(Arc<str>, Position)]) -> Result<(), Error> {
        self.settle().await;
        let upto = upto.to_vec();
        self.ask(|reply| Request::Commit { upto, reply }).await
    }

    async fn seek(&mut self, topic: &str, position: Position) -> Result<(), Error> {
        self.settle().await;
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
        // What an abandoned poll had fetched of it comes from before the seek.
        if let Some(Ok(early)) = &mut self.early {
            early.records.retain(|delivered| {
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
        // The thread sees the end of its requests and leaves the group.
        self.leaving.store(true, Ordering::Release);
    }
}
