//! Panics in words.

use std::any::Any;

/// Returns the message of a panic.
pub(crate) fn reason_of(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", message.unwrap_or("no message"))
}
