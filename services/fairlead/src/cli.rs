//! The command line.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
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
    /// Query the lake by SQL (`fairlead-lake sql`).
    #[command(disable_help_flag = true)]
    Sql(commands::lake::LakeArgs),
    /// Create or upgrade the control database.
    Migrate(serve::ProcessArgs),
    /// Show everything once: load, simulate, train, publish, recommend, react to events.
    Demo(demo::DemoArgs),
    /// Request a slate.
    Recommend(commands::recommend::RecommendArgs),
    /// Request a firm quote.
    Quote(commands::quote::QuoteArgs),
    /// Show the decision record of an earlier answer.
    Explain(commands::explain::ExplainArgs),
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
    /// Sign in, by password or invitation; the session is kept for later commands.
    Login(commands::session::LoginArgs),
    /// End the session.
    Logout(commands::session::SessionArgs),
    /// Show who calls, and what the caller may do.
    Whoami(commands::session::SessionArgs),
    /// Manage people, roles and keys; show who may call what.
    #[command(subcommand)]
    Access(commands::access::AccessCommand),
    /// Show releases, publish the drafts, roll back.
    #[command(subcommand)]
    Release(commands::release::ReleaseCommand),
    /// List the audit log, verify its chain.
    #[command(subcommand)]
    Audit(commands::audit::AuditCommand),
    /// Check Redis, event log, libtorch and data folder, and say what to do.
    Doctor(commands::doctor::DoctorArgs),
    /// Measure latency and CPU.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

impl Cli {
    /// Runs the command. Returns what the process ends with.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let ran = match self.command {
            Command::Import(command) => return commands::import::run(command).await,
            Command::Up(args) => commands::up::run(args).await,
            Command::Serve(args) => serve::run(args).await,
            Command::Stream(args) => serve::run_stream(args).await,
            Command::Lake(args) => commands::lake::become_lake(None, args),
            Command::Sql(args) => commands::lake::become_lake(Some("sql"), args),
            Command::Migrate(args) => serve::migrate(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Recommend(args) => commands::recommend::run(args).await,
            Command::Quote(args) => commands::quote::run(args).await,
            Command::Explain(args) => commands::explain::run(args).await,
            Command::Track(args) => commands::track::run(args).await,
            Command::Train(args) => commands::train::run(args).await,
            Command::Eval(command) => eval::run(command).await,
            Command::Login(args) => commands::session::login(args).await,
            Command::Logout(args) => commands::session::logout(args).await,
            Command::Whoami(args) => commands::session::whoami(args).await,
            Command::Access(command) => commands::access::run(command).await,
            Command::Release(command) => commands::release::run(command).await,
            Command::Audit(command) => commands::audit::run(command).await,
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
        };
        ran.map(|()| ExitCode::SUCCESS)
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
