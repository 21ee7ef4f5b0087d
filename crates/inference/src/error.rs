//! The errors of this crate, each with the thing, the value and what is allowed.

use std::path::{Path, PathBuf};

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of a model folder could not be read or written.
    #[error("{path}: {action}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The action.
        action: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A file of a model folder does not say what it must.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The field, the value and what is allowed.
        reason: String,
    },
    /// A model folder is written once and never changed.
    #[error("{path}: a model folder exists already; a new model takes a new version")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Saving the program of a new model failed.
    #[error("{path}: saving the model: {source}")]
    Save {
        /// The file that was to be made.
        path: PathBuf,
        /// The cause, from the code that made the model.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// libtorch refused.
    #[error("{model}: {action}: {message}")]
    Torch {
        /// The model's file, or its name and version.
        model: String,
        /// The action.
        action: &'static str,
        /// The first line of libtorch's message.
        message: String,
    },
    /// The model was trained on other features than this process serves.
    #[error("model {model} has feature schema {found}; this process serves {expected}")]
    SchemaMismatch {
        /// Name and version.
        model: String,
        /// The manifest's hash.
        found: String,
        /// The hash of the features served.
        expected: String,
    },
    /// A model does not give what its golden case says.
    #[error(
        "model {model}, golden case {case:?}: output {output:?} at {position} is {got}, not {expected} (tolerance {tolerance})"
    )]
    GoldenMismatch {
        /// Name and version.
        model: String,
        /// The case.
        case: String,
        /// The output.
        output: String,
        /// Position in the flat output.
        position: usize,
        /// The value that the model gave.
        got: f32,
        /// The value of the golden case.
        expected: f32,
        /// The largest difference that is allowed.
        tolerance: f64,
    },
    /// A request does not fit the model's manifest.
    #[error("model {model}, input {input:?}: {reason}")]
    Input {
        /// Name and version.
        model: String,
        /// The input.
        input: String,
        /// The value and what is allowed.
        reason: String,
    },
    /// A model's output does not have the shape that its manifest says.
    #[error("model {model}, output {output:?}: {got}; the manifest says {expected}")]
    OutputShape {
        /// Name and version.
        model: String,
        /// The output.
        output: String,
        /// The shape that the model gave.
        got: String,
        /// The shape of the manifest.
        expected: String,
    },
    /// A model gave NaN or infinity.
    #[error(
        "model {model}, output {output:?}: value {position} is {value}; only finite values are allowed"
    )]
    OutputNotFinite {
        /// Name and version.
        model: String,
        /// The output.
        output: String,
        /// Position in the request's flat output.
        position: usize,
        /// The value.
        value: f32,
    },
    /// An output was asked for that the model does not have.
    #[error("model {model} has no output {output:?} of that kind; it has {known}")]
    UnknownOutput {
        /// Name and version.
        model: String,
        /// The output asked for.
        output: String,
        /// Its outputs with their scales.
        known: String,
    },
    /// Bad options for an [`Engine`](crate::Engine).
    #[error("engine option {option} is {value}; {allowed}")]
    Options {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: u64,
        /// The allowed values.
        allowed: &'static str,
    },
    /// The queue of requests is full.
    #[error("the inference queue is full: {bound} requests are waiting")]
    Overloaded {
        /// The bound of the queue.
        bound: usize,
    },
    /// The deadline passed before the request was run.
    #[error("the deadline passed while the request was queued")]
    DeadlineExceeded,
    /// The engine stopped before it answered.
    #[error("the engine stopped before this request was answered")]
    Stopped,
    /// Native code panicked.
    #[error("model {model}: a panic: {message}")]
    Panicked {
        /// Name and version.
        model: String,
        /// The panic's message.
        message: String,
    },
}

impl Error {
    pub(crate) fn file(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File {
            path,
            action,
            source,
        }
    }

    pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    pub(crate) fn torch(
        model: &str,
        action: &'static str,
    ) -> impl FnOnce(tch::TchError) -> Self + use<> {
        let model = model.to_owned();
        move |error| Self::Torch {
            model,
            action,
            message: cause(&error),
        }
    }

    pub(crate) fn panicked(model: String, panic: &(dyn std::any::Any + Send)) -> Self {
        let message = panic
            .downcast_ref::<&str>()
            .map(|&text| text.to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Self::Panicked { model, message }
    }
}

/// Returns the line of libtorch's message that names the cause: a C++ stack trace follows it, and where
/// the program itself raised, the program's trace goes before it.
fn cause(error: &tch::TchError) -> String {
    let message = match error {
        tch::TchError::Torch(message) => message.clone(),
        other => other.to_string(),
    };
    let raised = message.rfind("RuntimeError: ").unwrap_or(0);
    let mut lines = message[raised..].lines().map(str::trim);
    lines
        .find(|line| !line.is_empty())
        .unwrap_or("no message")
        .to_owned()
}
