//! Links to a running Fairlead, and its errors worded for people.

use anyhow::{Context as _, anyhow};
use fairlead_chassis::link::Link;
use fairlead_chassis::status::describe;
use tonic::{Code, Status};

/// Returns a link to a server.
pub fn link(address: &str) -> anyhow::Result<Link> {
    Link::connect(&[address.to_owned()]).context("cannot use this address")
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
