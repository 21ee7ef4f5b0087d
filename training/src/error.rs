//! The errors of training.

/// An error of training.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event log could not be read.
    #[error("event log: {0}")]
    Log(#[from] fairlead_event_log::Error),
    /// Features could not be computed or assembled.
    #[error("features: {0}")]
    Features(#[from] fairlead_registry::Error),
    /// A tensor operation failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// The model folder could not be written, or the exported model fails its own checks.
    #[error("model folder: {0}")]
    Folder(#[from] fairlead_inference::Error),
    /// The item index could not be built.
    #[error("item index: {0}")]
    Index(#[from] fairlead_vector_index::Error),
    /// A file for recall could not be written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// The cause.
        cause: std::io::Error,
    },
    /// The history is too short to train a model.
    #[error("too little to learn from: {what} is {found}, at least {needed} needed")]
    TooLittle {
        /// The data of which there is too little.
        what: &'static str,
        /// The amount there is.
        found: usize,
        /// The amount that is needed.
        needed: usize,
    },
    /// Training diverged.
    #[error(
        "training of the {model} diverged: loss {loss} in epoch {epoch}; lower the learning rate"
    )]
    Diverged {
        /// The model.
        model: &'static str,
        /// The loss.
        loss: f64,
        /// The epoch, from 1.
        epoch: usize,
    },
}
