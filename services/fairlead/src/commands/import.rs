//! `fairlead import`: a catalogue, customers or events from a file.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fairlead_chassis::clock::{Clock as _, SystemClock};
use fairlead_domain::TenantId;
use fairlead_registry::Registry;

use crate::client::link;
use crate::import::{self, CATALOGUE_HELP, CUSTOMERS_HELP, EVENTS_HELP, Source};
use crate::terminal::Bars;

/// What to import.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Products, all or none, as drafts of the next release.
    #[command(after_long_help = CATALOGUE_HELP)]
    Catalogue {
        /// Withdraw every product that is not in the file.
        #[arg(long)]
        replace_all: bool,
        /// The control plane.
        #[arg(
            long,
            env = "FAIRLEAD_CONTROL",
            default_value = "http://127.0.0.1:7006",
            value_name = "URL"
        )]
        control: String,
        /// What to read.
        #[command(flatten)]
        file: File,
    },
    /// Customers, as profile updates through the event log.
    #[command(after_long_help = CUSTOMERS_HELP)]
    Customers {
        /// Where it goes.
        #[command(flatten)]
        gateway: Gateway,
        /// What to read.
        #[command(flatten)]
        file: File,
    },
    /// Behaviour events.
    #[command(after_long_help = EVENTS_HELP)]
    Events {
        /// Where it goes.
        #[command(flatten)]
        gateway: Gateway,
        /// What to read.
        #[command(flatten)]
        file: File,
    },
}

/// Where the gateway is.
#[derive(Debug, Args)]
pub struct Gateway {
    /// The gateway.
    #[arg(
        long,
        env = "FAIRLEAD_SERVER",
        default_value = "http://127.0.0.1:7001",
        value_name = "URL"
    )]
    server: String,
}

/// The file and whose it is.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the argument is called FILE")]
pub struct File {
    /// CSV, JSON lines or Parquet; also gzipped CSV and JSON lines.
    file: PathBuf,
    /// Where rows that cannot be used are written; without it beside the file.
    #[arg(long)]
    rejects: Option<PathBuf>,
    /// The tenant.
    #[arg(long, default_value = "demo")]
    tenant: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub async fn run(command: ImportCommand) -> anyhow::Result<()> {
    let (ImportCommand::Catalogue { file, .. }
    | ImportCommand::Customers { file, .. }
    | ImportCommand::Events { file, .. }) = &command;
    let bars = if file.json {
        Bars::hidden()
    } else {
        Bars::default()
    };
    let tenant = TenantId::new(&file.tenant)?;
    let source = Source {
        file: &file.file,
        format: None,
        rejects: file.rejects.as_deref(),
        tenant: &tenant,
        bars: &bars,
    };
    let (registry, now_ms) = (Registry::builtin(), SystemClock.now_ms());
    let report = match &command {
        ImportCommand::Catalogue {
            replace_all,
            control,
            ..
        } => import::catalogue(&link(control)?, "fairlead import", *replace_all, &source).await?,
        ImportCommand::Customers { gateway, .. } => {
            import::customers(&link(&gateway.server)?, &registry, now_ms, &source).await?
        }
        ImportCommand::Events { gateway, .. } => {
            import::events(&link(&gateway.server)?, &registry, now_ms, &source).await?
        }
    };
    report.print(file.json)
}
