//! The command line.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use fairlead_chassis::clock::{Clock, SystemClock};
use fairlead_lake::{Format, ProcessConfig, Query, Store, compact};

use crate::write;

/// Events and decisions as Parquet, and SQL over them.
#[derive(Debug, Parser)]
#[command(name = "fairlead-lake", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The configuration file; FAIRLEAD_SECTION__KEY variables go over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read and check the configuration, say so, and stop.
    #[arg(long)]
    check_config: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write events and decisions as they come, until SIGTERM.
    Write {
        #[command(flatten)]
        common: Common,
        /// Write what the log holds now, and stop.
        #[arg(long)]
        until_end: bool,
    },
    /// Merge small files, and stop.
    Compact {
        #[command(flatten)]
        common: Common,
    },
    /// Answer a question over the tables events, decisions and decision_items.
    Sql {
        #[command(flatten)]
        common: Common,
        /// The question, such as "select kind, count(*) from events group by kind".
        #[arg(required_unless_present = "check_config")]
        question: Option<String>,
        /// How the answer is shown.
        #[arg(long, value_enum, default_value_t)]
        format: Shown,
        /// Where the answer goes, instead of the screen; the file appears whole.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Shown {
    /// For people.
    #[default]
    Table,
    /// With a line of column names.
    Csv,
    /// One object per line.
    Json,
    /// For other programs; wants --out.
    Parquet,
}

impl From<Shown> for Format {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Table => Self::Table,
            Shown::Csv => Self::Csv,
            Shown::Json => Self::Json,
            Shown::Parquet => Self::Parquet,
        }
    }
}

impl Common {
    /// The configuration, or nothing where it was only to be checked.
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
            Command::Write { common, until_end } => match common.load()? {
                Some(config) if until_end => write::until_end(&config).await,
                Some(config) => write::run(&config).await,
                None => Ok(()),
            },
            Command::Compact { common } => match common.load()? {
                Some(config) => merge(&config).await,
                None => Ok(()),
            },
            Command::Sql {
                common,
                question,
                format,
                out,
            } => {
                let Some(config) = common.load()? else {
                    return Ok(());
                };
                let question = question.context("a question is missing")?;
                let store = Store::open(&config.lake.url, &config.data_dir)?;
                let query = Query::new(&config.lake, &store)?;
                Ok(query
                    .answer(&question, format.into(), out.as_deref())
                    .await?)
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
        "merged {} files into {}, finished {} that an earlier run had left, forgot {} ledger entries",
        done.merged, done.made, done.finished, done.pruned
    );
    Ok(())
}
