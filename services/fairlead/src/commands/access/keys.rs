//! `fairlead access keys`.

use clap::{Subcommand, ValueEnum};
use fairlead_client::answered;
use fairlead_client::terminal::{note, table};
use fairlead_identity::{Permission, Permissions, permission_from_name, permission_name};
use fairlead_proto::access::v1::{
    CreateKeyRequest, Key, KeyKind, ListKeysRequest, RevokeKeyRequest, RotateKeyRequest,
};

use super::{client, time};
use crate::args::ControlArgs;

/// Commands on keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the keys, the newest first.
    List {
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// Make a key, and print its secret, this once.
    Create {
        /// A name for people.
        name: String,
        /// The kind of its bearer.
        #[arg(long, value_enum, default_value_t = Kind::Application)]
        kind: Kind,
        /// The origin of what its bearer states: app or bank, for a partner partner.
        #[arg(long, default_value = "")]
        origin: String,
        /// A permission of its bearer; may be given several times.
        #[arg(long = "scope", required = true, value_name = "SCOPE", value_parser = scope)]
        scopes: Vec<Permission>,
        /// Requests per second, for each gateway.
        #[arg(long, default_value_t = 100)]
        requests_per_second: u32,
        /// The days for which it is good; if absent, until it is revoked.
        #[arg(long)]
        days: Option<i64>,
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// Give a key another secret, and print it, this once.
    Rotate {
        /// The id of the key.
        id: String,
        /// For so many seconds the secrets before stay good.
        #[arg(long, default_value_t = 86_400)]
        overlap_seconds: i64,
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// End a key at once and for ever.
    Revoke {
        /// The id of the key.
        id: String,
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
}

/// A kind of bearer.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// An app or a system of the lender.
    Application,
    /// Another company's system.
    Partner,
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Application => Self::Application,
            Kind::Partner => Self::Partner,
        }
    }
}

/// Parses a scope of a key by its name.
fn scope(text: &str) -> Result<Permission, String> {
    let allowed = Permissions::OF_KEYS;
    let found = permission_from_name(text).filter(|scope| allowed.contains(*scope));
    found.ok_or_else(|| {
        let names: Vec<String> = allowed.iter().map(permission_name).collect();
        format!("one of {} is allowed", names.join(", "))
    })
}

/// Runs a command on keys.
pub(super) async fn run(command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::List { server } => list(&server).await,
        KeysCommand::Create {
            name,
            kind,
            origin,
            scopes,
            requests_per_second,
            days,
            server,
        } => {
            let request = CreateKeyRequest {
                tenant: server.tenant.clone(),
                name,
                kind: KeyKind::from(kind).into(),
                origin,
                scopes: scopes.into_iter().map(i32::from).collect(),
                requests_per_second,
                not_before_ms: 0,
                expires_at_ms: days.map_or(0, in_days),
            };
            let made = answered(client(&server)?.create_key(request).await, &server.control)?;
            let id = made.key.unwrap_or_default().id;
            note(&format!("key {id}; its secret is shown this once:"));
            println!("{}", made.secret);
            Ok(())
        }
        KeysCommand::Rotate {
            id,
            overlap_seconds,
            server,
        } => {
            let request = RotateKeyRequest {
                tenant: server.tenant.clone(),
                id,
                overlap_seconds,
            };
            let made = answered(client(&server)?.rotate_key(request).await, &server.control)?;
            let until = time(made.before_until_ms)?;
            note(&format!(
                "the secrets before are good until {until}; the new one, this once:"
            ));
            println!("{}", made.secret);
            Ok(())
        }
        KeysCommand::Revoke { id, server } => {
            let request = RevokeKeyRequest {
                tenant: server.tenant.clone(),
                id: id.clone(),
            };
            answered(client(&server)?.revoke_key(request).await, &server.control)?;
            note(&format!("key {id} is revoked"));
            Ok(())
        }
    }
}

/// Returns the time in so many days, Unix milliseconds.
fn in_days(days: i64) -> i64 {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    now_ms.saturating_add(days.saturating_mul(86_400_000))
}

async fn list(server: &ControlArgs) -> anyhow::Result<()> {
    let request = ListKeysRequest {
        tenant: server.tenant.clone(),
    };
    let listed = answered(client(server)?.list_keys(request).await, &server.control)?;
    if server.json {
        println!("{}", serde_json::to_string_pretty(&listed)?);
        return Ok(());
    }
    let mut rows = table([
        "key",
        "name",
        "origin",
        "scopes",
        "per second",
        "made by",
        "until",
    ]);
    for key in listed.keys {
        let until = until(&key)?;
        let scopes: Vec<String> = key.scopes().map(permission_name).collect();
        rows.add_row([
            key.id,
            key.name,
            key.origin,
            scopes.join(", "),
            key.requests_per_second.to_string(),
            key.created_by,
            until,
        ]);
    }
    println!("{rows}");
    Ok(())
}

/// Returns in words until when a key is good.
fn until(key: &Key) -> anyhow::Result<String> {
    if key.revoked_at_ms > 0 {
        return Ok(format!("revoked {}", time(key.revoked_at_ms)?));
    }
    if key.expires_at_ms == 0 {
        return Ok("revoked".to_owned());
    }
    time(key.expires_at_ms)
}
