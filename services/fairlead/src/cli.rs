//! The command line.

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use fairlead_lab::{bench, demo, eval};
use fairlead_server::serve;

use crate::commands;

/// Decides which financial products to show a customer now, at which price, and why.
#[derive(Debug, Parser)]
#[command(name = "fairlead", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start every service in this process.
    Up(commands::up::UpArgs),
    /// Run one service as a process of its own.
    Serve(serve::ServeArgs),
    /// Run the stream, from the event log into the feature store, as a process of its own.
    Stream(serve::ProcessArgs),
    /// Write events and decisions to the lake, compact it (`fairlead-lake`, beside this binary).
    #[command(disable_help_flag = true)]
    Lake(commands::lake::LakeArgs),
    /// Ask the lake by SQL (`fairlead-lake sql`).
    #[command(disable_help_flag = true)]
    Sql(commands::lake::LakeArgs),
    /// Make or upgrade the control database.
    Migrate(serve::ProcessArgs),
    /// Show it all: load, simulate, train, publish, recommend, and the loop live.
    Demo(demo::DemoArgs),
    /// Ask for a slate.
    Recommend(commands::recommend::RecommendArgs),
    /// Ask for a firm quote.
    Quote(commands::quote::QuoteArgs),
    /// Track one behaviour event.
    Track(commands::track::TrackArgs),
    /// Import a catalogue, customers or events from a file.
    #[command(subcommand)]
    Import(commands::import::ImportCommand),
    /// Train the models on the event log, and register them.
    Train(commands::train::TrainArgs),
    /// Evaluate on real public data, through the running system.
    #[command(subcommand)]
    Eval(eval::EvalCommand),
    /// Look at releases, publish the drafts, roll back.
    #[command(subcommand)]
    Release(commands::release::ReleaseCommand),
    /// Check what a house needs, and say what to do.
    Doctor(commands::doctor::DoctorArgs),
    /// Measure.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

impl Cli {
    /// Runs what was asked for.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Up(args) => commands::up::run(args).await,
            Command::Serve(args) => serve::run(args).await,
            Command::Stream(args) => serve::run_stream(args).await,
            Command::Lake(args) => commands::lake::become_lake(None, args),
            Command::Sql(args) => commands::lake::become_lake(Some("sql"), args),
            Command::Migrate(args) => serve::migrate(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Recommend(args) => commands::recommend::run(args).await,
            Command::Quote(args) => commands::quote::run(args).await,
            Command::Track(args) => commands::track::run(args).await,
            Command::Import(command) => commands::import::run(command).await,
            Command::Train(args) => commands::train::run(args).await,
            Command::Eval(command) => eval::run(command).await,
            Command::Release(command) => commands::release::run(command).await,
            Command::Doctor(args) => commands::doctor::run(args).await,
            Command::Bench(command) => bench::run(command).await,
            Command::Completions { shell } => {
                clap_complete::generate(
                    shell,
                    &mut Self::command(),
                    "fairlead",
                    &mut std::io::stdout(),
                );
                Ok(())
            }
        }
    }
}

/// Where a running house is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Server {
    /// The gateway.
    #[arg(
        long,
        env = "FAIRLEAD_SERVER",
        default_value = "http://127.0.0.1:7001",
        value_name = "URL"
    )]
    pub(crate) server: String,
    /// The tenant; without it the gateway's own.
    #[arg(long, default_value = "")]
    pub(crate) tenant: String,
    /// Print JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the control plane of a running house is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ControlServer {
    /// The control plane.
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
    /// Print JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Kinds of product, as people name them.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// A loan paid out in cash.
    CashLoan,
    /// A purchase in instalments.
    InstalmentPlan,
    /// A credit card.
    CreditCard,
    /// A fund.
    Fund,
    /// A deposit.
    Deposit,
    /// An insurance.
    Insurance,
}

impl From<Kind> for fairlead_proto::catalogue::v1::ProductKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::CashLoan => Self::CashLoan,
            Kind::InstalmentPlan => Self::InstalmentPlan,
            Kind::CreditCard => Self::CreditCard,
            Kind::Fund => Self::Fund,
            Kind::Deposit => Self::Deposit,
            Kind::Insurance => Self::Insurance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
