//! Links to a running Fairlead, and its errors worded for people.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use fairlead_chassis::link::Link;
use fairlead_chassis::status::describe;
use tonic::{Code, Status};

/// Returns a link to a server.
pub fn link(address: &str) -> anyhow::Result<Link> {
    Link::connect(&[address.to_owned()]).context("cannot use this address")
}

/// Returns a link to a server, with the token of a file as bearer.
///
/// # Errors
/// The file cannot be read, the address or the token is not allowed.
pub fn link_with_token(address: &str, file: &Path) -> anyhow::Result<Link> {
    let token = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the token file {}", file.display()))?;
    Ok(link(address)?.with_bearer(token.trim())?)
}

/// Returns the answer of a call to `address`, or an error that says what to do.
pub fn answered<T>(
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

/// Returns a status as an error, with the details that it carries.
pub fn explained(status: &Status) -> anyhow::Error {
    anyhow!(describe(status))
}
