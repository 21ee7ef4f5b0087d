//! Links to a running Fairlead, and its errors worded for people.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use fairlead_chassis::link::Link;
use fairlead_chassis::status::describe;
use fairlead_chassis::tls::{ClientTls, PeopleTls};
use tonic::{Code, Status};

/// Returns a link to a server. One at `https://` is checked, and proven to, by `tls`.
///
/// # Errors
/// The address does not read, or a file of `tls` cannot be used.
pub fn link(address: &str, tls: &PeopleTls) -> anyhow::Result<Link> {
    let secure = address.starts_with("https://");
    let tls = secure.then(|| ClientTls::to_hosts(tls)).transpose()?;
    Link::connect_by(&[address.to_owned()], tls).context("cannot use this address")
}

/// Returns a link to a server, with the token of a file as bearer.
///
/// # Errors
/// The file cannot be read, the address or the token is not allowed.
pub fn link_with_token(address: &str, tls: &PeopleTls, file: &Path) -> anyhow::Result<Link> {
    let token = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the token file {}", file.display()))?;
    Ok(link(address, tls)?.with_bearer(token.trim())?)
}

/// Returns the answer of a call to `address`, or an error that says what to do.
pub fn answered<T>(
    outcome: Result<tonic::Response<T>, Status>,
    address: &str,
) -> anyhow::Result<T> {
    outcome
        .map(tonic::Response::into_inner)
        .map_err(|status| unanswered(&status, address).unwrap_or_else(|| explained(&status)))
}

/// Returns what to do where no server answered, or `None` where one did.
fn unanswered(status: &Status, address: &str) -> Option<anyhow::Error> {
    let cause = status
        .message()
        .strip_prefix("the server does not answer: ");
    let cause = cause.filter(|_| status.code() == Code::Unavailable)?;
    let remedy = match cause.strip_prefix("TLS: ") {
        Some(cause) if cause.contains("not trusted here") => {
            format!("{cause}; name it by --ca FILE or FAIRLEAD_CA_FILE")
        }
        Some(cause) if cause.contains("requires a client certificate") => {
            format!("{cause}; show one by --cert FILE and --key-file FILE")
        }
        Some(cause) => cause.to_owned(),
        None if cause.contains("use https://") => {
            "it speaks TLS only; use https:// in its address".to_owned()
        }
        None => {
            return Some(anyhow!(
                "no server answers at {address} ({cause}); start one with `fairlead up`, or name it with --server"
            ));
        }
    };
    Some(anyhow!(
        "no connection to the server at {address}: {remedy}"
    ))
}

/// Returns a status as an error, with the details that it carries.
pub fn explained(status: &Status) -> anyhow::Error {
    anyhow!(describe(status))
}
