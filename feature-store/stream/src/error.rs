//! The errors of this crate.

/// What can stop the stream, or make it begin again from what is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A setting out of range.
    #[error("stream.{key} `{value}` is not allowed: {allowed}")]
    Config {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The event log failed.
    #[error(transparent)]
    Log(#[from] fairlead_event_log::Error),
    /// The online store failed.
    #[error(transparent)]
    Store(#[from] fairlead_online::Error),
    /// The store holds less than it acknowledged: it crashed, or was emptied. Read again from what
    /// is safe.
    #[error(
        "the online store went back: a mark of {expected} was acknowledged, and now stands at {found:?}"
    )]
    WentBack {
        /// What was acknowledged.
        expected: i64,
        /// What stands there.
        found: Option<i64>,
    },
    /// Others keep writing the same entities: two streams run under different groups or names.
    #[error(
        "entities of partition {partition} were changed by somebody else {attempts} times in a row: \
         see that one consumer group writes this store"
    )]
    Contended {
        /// The partition.
        partition: i32,
        /// How often it was tried.
        attempts: usize,
    },
    /// The log is shorter than what was applied from it.
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
        /// What the store has seen.
        safe: i64,
        /// The name of the log.
        log_name: String,
    },
}

impl Error {
    /// Whether beginning again from what is safe helps, sooner or later.
    pub(crate) fn is_recoverable(&self) -> bool {
        match self {
            Self::Store(_) | Self::WentBack { .. } | Self::Contended { .. } => true,
            Self::Log(error) => {
                error.is_transient()
                    || matches!(error, fairlead_event_log::Error::NotAssigned { .. })
            }
            Self::Config { .. } | Self::LogWentBack { .. } => false,
        }
    }
}
