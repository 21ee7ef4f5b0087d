//! `fairlead import`: a catalogue, customers or events from a file.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fairlead_chassis::clock::{Clock as _, SystemClock};
use fairlead_chassis::link::Link;
use fairlead_client::terminal::{Bars, note};
use fairlead_domain::TenantId;
use fairlead_import::{CATALOGUE_HELP, CUSTOMERS_HELP, EVENTS_HELP, ImportReport, ImportSource};
use fairlead_registry::Registry;

use crate::args::{TlsArgs, TokenArgs};

/// The kind of data to import.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Products, all or none, as drafts of the next release.
    #[command(after_long_help = CATALOGUE_HELP)]
    Catalogue {
        /// Withdraw every product that is not in the file.
        #[arg(long)]
        replace_all: bool,
        /// Address of the control plane.
        #[arg(
            long,
            env = "FAIRLEAD_CONTROL",
            default_value = "http://127.0.0.1:7006",
            value_name = "URL"
        )]
        control: String,
        #[command(flatten)]
        tls: TlsArgs,
        /// The proof of who calls.
        #[command(flatten)]
        token: TokenArgs,
        /// The file to read.
        #[command(flatten)]
        file: File,
    },
    /// Customers, as profile updates through the event log.
    #[command(after_long_help = CUSTOMERS_HELP)]
    Customers {
        /// The gateway to call.
        #[command(flatten)]
        gateway: Gateway,
        /// The file to read.
        #[command(flatten)]
        file: File,
    },
    /// Behaviour events.
    #[command(after_long_help = EVENTS_HELP)]
    Events {
        /// The gateway to call.
        #[command(flatten)]
        gateway: Gateway,
        /// The file to read.
        #[command(flatten)]
        file: File,
    },
}

/// The gateway to call.
#[derive(Debug, Args)]
pub(crate) struct Gateway {
    /// Address of the gateway.
    #[arg(
        long,
        env = "FAIRLEAD_SERVER",
        default_value = "http://127.0.0.1:7001",
        value_name = "URL"
    )]
    server: String,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    token: TokenArgs,
}

impl Gateway {
    fn link(&self) -> anyhow::Result<Link> {
        self.token.link(&self.server, &self.tls)
    }
}

/// The file to read, and the tenant that it belongs to.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the argument is called FILE")]
pub(crate) struct File {
    /// CSV, JSON lines or Parquet; also gzipped CSV and JSON lines.
    file: PathBuf,
    /// File for the rows that cannot be used; if absent, FILE.rejects.csv.
    #[arg(long)]
    rejects: Option<PathBuf>,
    /// The tenant.
    #[arg(long, default_value = "demo")]
    tenant: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(command: ImportCommand) -> anyhow::Result<()> {
    let (ImportCommand::Catalogue { file, .. }
    | ImportCommand::Customers { file, .. }
    | ImportCommand::Events { file, .. }) = &command;
    let bars = if file.json {
        Bars::hidden()
    } else {
        Bars::default()
    };
    let name = file.file.file_name().unwrap_or(file.file.as_os_str());
    let bar = bars.bar(&name.to_string_lossy(), 0);
    let tenant = TenantId::new(&file.tenant)?;
    let source = ImportSource {
        file: &file.file,
        format: None,
        rejects: file.rejects.as_deref(),
        tenant: &tenant,
        progress: &|done, extent| {
            bar.set_length(extent);
            bar.set_position(done);
        },
    };
    let (registry, now_ms) = (Registry::builtin(), SystemClock.now_ms());
    let report = match &command {
        ImportCommand::Catalogue {
            replace_all,
            control,
            tls,
            token,
            ..
        } => {
            let control = token.link(control, tls)?;
            fairlead_import::catalogue(&control, *replace_all, &source).await?
        }
        ImportCommand::Customers { gateway, .. } => {
            fairlead_import::customers(&gateway.link()?, &registry, now_ms, &source).await?
        }
        ImportCommand::Events { gateway, .. } => {
            fairlead_import::events(&gateway.link()?, &registry, now_ms, &source).await?
        }
    };
    bar.finish_and_clear();
    print(&report, file.json)
}

/// Prints the counts, as one JSON object if `json`.
fn print(report: &ImportReport, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    println!(
        "{} rows read, {} taken, {} rejected",
        report.read, report.accepted, report.rejected
    );
    if let Some(rejects) = &report.rejects {
        note(&format!("lines and causes are in {}", rejects.display()));
    }
    if !report.ignored.is_empty() {
        note(&format!(
            "columns left alone: {}",
            report.ignored.join(", ")
        ));
    }
    Ok(())
}
