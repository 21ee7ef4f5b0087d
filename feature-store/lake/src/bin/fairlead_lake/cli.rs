//! The command line.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use fairlead_chassis::clock::{Clock, SystemClock};
use fairlead_lake::{Format, ProcessConfig, Query, Store, compact};

use crate::write;

/// Write events and decisions to Parquet files, and query them with SQL.
#[derive(Debug, Parser)]
#[command(name = "fairlead-lake", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The arguments of every command.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file; FAIRLEAD_SECTION__KEY variables override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the configuration, print the outcome, and stop.
    #[arg(long)]
    check_config: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write events and decisions as they are appended, until SIGTERM.
    Write {
        #[command(flatten)]
        args: ConfigArgs,
        /// Write the records that the log holds now, and stop.
        #[arg(long)]
        until_end: bool,
    },
    /// Merge small files, and stop.
    Compact {
        #[command(flatten)]
        args: ConfigArgs,
    },
    /// Run a SQL query over the tables events, decisions and decision_items.
    Sql {
        #[command(flatten)]
        args: ConfigArgs,
        /// The query, such as "select kind, count(*) from events group by kind".
        #[arg(required_unless_present = "check_config")]
        query: Option<String>,
        /// The format of the result.
        #[arg(long, value_enum, default_value_t)]
        format: FormatArg,
        /// Write the result to this file, atomically, instead of the standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum FormatArg {
    /// A text table for people.
    #[default]
    Table,
    /// CSV with a header line.
    Csv,
    /// One JSON object per line.
    Json,
    /// Parquet; requires --out.
    Parquet,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Table => Self::Table,
            FormatArg::Csv => Self::Csv,
            FormatArg::Json => Self::Json,
            FormatArg::Parquet => Self::Parquet,
        }
    }
}

impl ConfigArgs {
    /// Loads the configuration, or returns `None` if it was only to be checked.
    fn load(&self) -> anyhow::Result<Option<ProcessConfig>> {
        let config = ProcessConfig::load(self.config.as_deref())?;
        if self.check_config {
            println!("configuration is valid");
            return Ok(None);
        }
        Ok(Some(config))
    }
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Write { args, until_end } => match args.load()? {
                Some(config) if until_end => write::until_end(&config).await,
                Some(config) => write::run(&config).await,
                None => Ok(()),
            },
            Command::Compact { args } => match args.load()? {
                Some(config) => merge(&config).await,
                None => Ok(()),
            },
            Command::Sql {
                args,
                query,
                format,
                out,
            } => {
                let Some(config) = args.load()? else {
                    return Ok(());
                };
                let sql = query.context("a query is missing")?;
                let store = Store::open(&config.lake.url, &config.data_dir)?;
                let query = Query::new(&config.lake, &store)?;
                Ok(query.answer(&sql, format.into(), out.as_deref()).await?)
            }
        }
    }
}

async fn merge(config: &ProcessConfig) -> anyhow::Result<()> {
    let _telemetry = fairlead_chassis::telemetry::init(&config.telemetry, "lake")?;
    let store = Store::open(&config.lake.url, &config.data_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let done = compact(&config.lake, &store, &clock).await?;
    println!(
        "merged {} files into {}, finished {} files of an earlier run, deleted {} ledger entries",
        done.merged, done.made, done.finished, done.pruned
    );
    Ok(())
}
