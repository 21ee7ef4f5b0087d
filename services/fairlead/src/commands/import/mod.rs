//! `fairlead import`: a catalogue, customers or events from a file.

mod file;
mod show;

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use fairlead_chassis::clock::{Clock as _, SystemClock};
use fairlead_chassis::link::Link;
use fairlead_client::terminal::Bars;
use fairlead_domain::TenantId;
use fairlead_import::{CATALOGUE_HELP, CUSTOMERS_HELP, EVENTS_HELP, ImportSource, Replace};
use fairlead_registry::Registry;

use self::file::File;
use self::show::ImportBar;
use crate::args::{TlsArgs, TokenArgs};

/// The exit code of an import that rejected rows, and took the others.
const REJECTED: u8 = 3;

/// The kind of data to import.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Products, all or none, as drafts of the next release.
    #[command(after_long_help = CATALOGUE_HELP)]
    Catalogue {
        /// Withdraw every product that is not in the file; shows them, and asks.
        #[arg(long)]
        replace_all: bool,
        /// Withdraw them without asking.
        #[arg(long, requires = "replace_all")]
        yes: bool,
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

/// Runs the command. Returns the exit code: 0, or 3 if rows were rejected.
pub(crate) async fn run(command: ImportCommand) -> anyhow::Result<ExitCode> {
    let (ImportCommand::Catalogue { file, .. }
    | ImportCommand::Customers { file, .. }
    | ImportCommand::Events { file, .. }) = &command;
    let bars = if file.json {
        Bars::hidden()
    } else {
        Bars::default()
    };
    let bar = ImportBar::new(bars, &file.file);
    let (tenant, options) = (TenantId::new(&file.tenant)?, file.options());
    let source = ImportSource {
        file: &file.file,
        options: &options,
        rejects: file.rejects.as_deref(),
        tenant: &tenant,
        now_ms: SystemClock.now_ms(),
        dry_run: file.dry_run,
        progress: &|progress| bar.show(progress),
    };
    let registry = Registry::builtin();
    let report = match &command {
        ImportCommand::Catalogue {
            replace_all,
            yes,
            control,
            tls,
            token,
            ..
        } => {
            let agree = |gone: &[_]| bar.aside(|| show::agree(gone, *yes));
            let replace = if *replace_all {
                Replace::Withdraw(&agree)
            } else {
                Replace::Keep
            };
            let control = token.link(control, tls)?;
            fairlead_import::catalogue(&control, replace, &source).await
        }
        ImportCommand::Customers { gateway, .. } => {
            fairlead_import::customers(&gateway.link()?, &registry, &source).await
        }
        ImportCommand::Events { gateway, .. } => {
            fairlead_import::events(&gateway.link()?, &registry, &source).await
        }
    };
    let took = bar.finish();
    let report = report?;
    show::print(&report, took, file.json)?;
    if report.read == 0 {
        bail!("nothing was imported: {} has no rows", file.file.display());
    }
    Ok(match report.rejected {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(REJECTED),
    })
}
