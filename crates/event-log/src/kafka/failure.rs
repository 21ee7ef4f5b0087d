//! What the client's errors mean to a caller.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::Error;

/// Who was asked, and for how long at most.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) bootstrap: Arc<str>,
    pub(crate) timeout: Duration,
}

impl Asked {
    /// The error of a request that names no topic.
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

    /// The error of a request about `topic`.
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

/// The code of an error. Unlike the client's own method it also knows that of admin requests.
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

/// Whether a commit failed because the group moved on.
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

/// Whether the client gets over it by itself, so that a consumer just waits.
pub(crate) fn heals_by_itself(error: &KafkaError) -> bool {
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
