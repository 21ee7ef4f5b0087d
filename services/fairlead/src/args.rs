//! Arguments that several commands take.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use fairlead_chassis::link::Link;
use fairlead_chassis::tls::PeopleTls;
use fairlead_client::{link, link_with_token};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_server::ToolsToken;

use crate::session_file::SessionFile;

/// How a server at https:// is checked, and what it is shown.
#[derive(Debug, Clone, Args)]
pub(crate) struct TlsArgs {
    /// The authorities to trust for https://, PEM; if absent, those of the system.
    #[arg(long, env = "FAIRLEAD_CA_FILE", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A client certificate, PEM, where the server asks for one.
    #[arg(long, env = "FAIRLEAD_CERT_FILE", value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The private key of --cert, PEM.
    #[arg(long, env = "FAIRLEAD_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl TlsArgs {
    fn files(&self) -> PeopleTls {
        PeopleTls {
            ca: self.ca.clone(),
            certificate: self.cert.clone(),
            key: self.key_file.clone(),
        }
    }

    /// Returns a link to a server, without a token.
    pub(crate) fn link(&self, address: &str) -> anyhow::Result<Link> {
        link(address, &self.files())
    }
}

/// The proof of who calls.
#[derive(Debug, Clone, Args)]
pub(crate) struct TokenArgs {
    /// File with a key or token; if absent, the session of `fairlead login`, and else the token of a
    /// server on this machine, which is `tools.token` in the data folder (`data`, or FAIRLEAD_DATA_DIR).
    #[arg(long, env = "FAIRLEAD_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl TokenArgs {
    /// Returns a link to a server. The token of this machine goes to this machine only, and is left
    /// out if there is none: a gateway then takes the call for an app's, a control plane refuses it.
    pub(crate) fn link(&self, address: &str, tls: &TlsArgs) -> anyhow::Result<Link> {
        let files = tls.files();
        if let Some(file) = &self.token_file {
            return link_with_token(address, &files, file);
        }
        if let Some(session) = SessionFile::locate().session(address)? {
            return Ok(link(address, &files)?.with_bearer(&session.token)?);
        }
        let data = std::env::var_os("FAIRLEAD_DATA_DIR").unwrap_or_else(|| "data".into());
        let file = Path::new(&data).join(ToolsToken::FILE);
        if is_loopback(address) && file.exists() {
            return link_with_token(address, &files, &file);
        }
        link(address, &files)
    }
}

/// Returns true if the URL names this machine.
fn is_loopback(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority
        .parse::<SocketAddr>()
        .is_ok_and(|at| at.ip().is_loopback())
        || authority.split(':').next() == Some("localhost")
}

/// The gateway to call.
#[derive(Debug, Clone, Args)]
pub(crate) struct GatewayArgs {
    /// Address of the gateway.
    #[arg(
        long,
        env = "FAIRLEAD_SERVER",
        default_value = "http://127.0.0.1:7001",
        value_name = "URL"
    )]
    pub(crate) server: String,
    /// The tenant; if absent, the default tenant of the gateway.
    #[arg(long, default_value = "")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    /// Print JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The control plane to call.
#[derive(Debug, Clone, Args)]
pub(crate) struct ControlArgs {
    /// Address of the control plane.
    #[arg(
        long,
        env = "FAIRLEAD_CONTROL",
        default_value = "http://127.0.0.1:7006",
        value_name = "URL"
    )]
    pub(crate) control: String,
    /// The tenant.
    #[arg(long, default_value = "demo")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    /// Print JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    /// The proof of who calls.
    #[command(flatten)]
    pub(crate) token: TokenArgs,
}

impl ControlArgs {
    /// Returns a link to the control plane.
    pub(crate) fn link(&self) -> anyhow::Result<Link> {
        self.token.link(&self.control, &self.tls)
    }
}

/// Parses a product kind by its hyphenated name: `cash-loan`.
pub(crate) fn product_kind() -> impl TypedValueParser<Value = ProductKind> {
    PossibleValuesParser::new(ProductKind::ALL.map(ProductKind::hyphenated)).try_map(|name| {
        let mut kinds = ProductKind::ALL.into_iter();
        kinds
            .find(|kind| kind.hyphenated() == name)
            .ok_or_else(|| format!("no kind of product is named `{name}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_this_machine_stays_on_it() {
        for own in [
            "http://127.0.0.1:7001",
            "http://localhost:7001",
            "http://[::1]:7001/x",
            "https://127.0.0.1:7001",
        ] {
            assert!(is_loopback(own), "{own}");
        }
        for other in [
            "http://10.0.0.7:7001",
            "http://bank.example:7001",
            "http://localhost.example:7001",
            "http://127.0.0.1.example:7001",
            "http://localhost@evil.example:7001",
            "http://127.0.0.1:80@evil.example",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
