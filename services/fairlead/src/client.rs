//! Clients of a running house, with errors that say what to do.

use anyhow::{Context as _, anyhow};
use fairlead_chassis::link::Link;
use tonic::{Code, Status};

/// A link to a server.
pub(crate) fn link(address: &str) -> anyhow::Result<Link> {
    Link::connect(&[address.to_owned()]).context("cannot use this address")
}

/// An answer, or an error as a person reads it.
pub(crate) fn answered<T>(
    outcome: Result<tonic::Response<T>, Status>,
    address: &str,
) -> anyhow::Result<T> {
    outcome.map(tonic::Response::into_inner).map_err(|status| match status.code() {
        Code::Unknown | Code::Unavailable if status.message().contains("transport") => {
            anyhow!("no server answers at {address}; start one with `fairlead up`, or name it with --server")
        }
        _ => explained(&status),
    })
}

/// A status with the details that it carries.
pub(crate) fn explained(status: &Status) -> anyhow::Error {
    let reason = fairlead_chassis::status::info(status).map(|(reason, _)| reason);
    match reason {
        Some(reason) => anyhow!("{} ({reason})", status.message()),
        None => anyhow!("{} ({:?})", status.message(), status.code()),
    }
}
