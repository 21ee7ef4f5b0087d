//! The errors of this crate.

/// An error that stops the stream or makes it read again from the safe offset.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A setting out of range.
    #[error("stream.{key} `{value}` is not allowed: {allowed}")]
    Config {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        allowed: &'static str,
    },
    /// The event log failed.
    #[error(transparent)]
    Log(#[from] fairlead_event_log::Error),
    /// The online store failed.
    #[error(transparent)]
    Store(#[from] fairlead_online::Error),
    /// The store lost writes that it acknowledged: it crashed or was emptied. The stream reads
    /// again from the safe offset.
    #[error(
        "the online store went back: offset {expected} was acknowledged, and now {found:?} is stored"
    )]
    StoreWentBack {
        /// The acknowledged offset.
        expected: i64,
        /// The stored offset, or `None` if the field does not exist.
        found: Option<i64>,
    },
    /// Another writer keeps changing the same entities: two streams run with different groups or
    /// names.
    #[error(
        "entities of partition {partition} were changed by somebody else {attempts} times in a row: \
         see that one consumer group writes this store"
    )]
    Contended {
        /// The partition.
        partition: i32,
        /// The number of attempts.
        attempts: usize,
    },
    /// The log ends before the offsets that were applied from it.
    #[error(
        "topic {topic:?} partition {partition} ends at offset {end}, but the online store holds what \
         offsets below {safe} of the log `{log_name}` told: the log was begun anew; give it another \
         stream.log_name, or empty the store"
    )]
    LogWentBack {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to be written.
        end: i64,
        /// The offset below which the store holds the log's events.
        safe: i64,
        /// The name of the log.
        log_name: String,
    },
}

impl Error {
    /// Returns true if the stream may recover by reading again from the safe offset.
    pub(crate) fn is_recoverable(&self) -> bool {
        match self {
            Self::Store(_) | Self::StoreWentBack { .. } | Self::Contended { .. } => true,
            Self::Log(error) => {
                error.is_transient()
                    || matches!(error, fairlead_event_log::Error::NotAssigned { .. })
            }
            Self::Config { .. } | Self::LogWentBack { .. } => false,
        }
    }
}
