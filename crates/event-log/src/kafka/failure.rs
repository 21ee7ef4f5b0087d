//! The classification of the client's errors, and their conversion to [`Error`].

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::Error;

/// The cluster and the timeout of a request, for its error.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    pub(crate) bootstrap: Arc<str>,
    pub(crate) timeout: Duration,
}

impl RequestContext {
    /// Returns the error of a request that concerns no particular topic.
    pub(crate) fn failed(&self, operation: &'static str, error: KafkaError) -> Error {
        if code(&error).is_some_and(means_unreachable) {
            return Error::Unreachable {
                bootstrap: self.bootstrap.to_string(),
                waited_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
                operation,
                cause: Arc::new(error),
            };
        }
        Error::Kafka {
            bootstrap: self.bootstrap.to_string(),
            operation,
            cause: Arc::new(error),
        }
    }

    /// Returns the error of a request about `topic`.
    pub(crate) fn failed_on(
        &self,
        topic: &str,
        operation: &'static str,
        error: KafkaError,
    ) -> Error {
        if code(&error).is_some_and(means_unknown_topic) {
            return self.unknown_topic(topic);
        }
        self.failed(operation, error)
    }

    pub(crate) fn unknown_topic(&self, topic: &str) -> Error {
        Error::UnknownTopic {
            topic: topic.to_owned(),
            log: format!("Kafka at {}", self.bootstrap),
        }
    }
}

/// Returns the error's code, or `None` if it has none. Unlike the client's own method this covers
/// admin requests too.
pub(crate) fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

fn means_unreachable(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::Resolve
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::TimedOutQueue
            | RDKafkaErrorCode::MessageTimedOut
            | RDKafkaErrorCode::WaitingForCoordinator
            | RDKafkaErrorCode::CoordinatorNotAvailable
            | RDKafkaErrorCode::CoordinatorLoadInProgress
    )
}

fn means_unknown_topic(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition
    )
}

/// Returns true if a commit failed with `code` because the group was rebalanced.
pub(crate) fn means_group_changed(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::IllegalGeneration
            | RDKafkaErrorCode::UnknownMemberId
            | RDKafkaErrorCode::RebalanceInProgress
            | RDKafkaErrorCode::FencedInstanceId
            | RDKafkaErrorCode::AssignmentLost
            | RDKafkaErrorCode::UnknownGroup
    )
}

/// Returns true if the client recovers from the error by itself, so that a consumer only waits.
pub(crate) fn is_recoverable(error: &KafkaError) -> bool {
    !matches!(error, KafkaError::MessageConsumptionFatal(_))
        && code(error).is_some_and(|code| {
            means_unreachable(code)
                || matches!(
                    code,
                    RDKafkaErrorCode::NotCoordinator
                        | RDKafkaErrorCode::NotLeaderForPartition
                        | RDKafkaErrorCode::LeaderNotAvailable
                        | RDKafkaErrorCode::BrokerNotAvailable
                        | RDKafkaErrorCode::NetworkException
                        | RDKafkaErrorCode::PollExceeded
                        | RDKafkaErrorCode::AutoOffsetReset
                )
        })
}
