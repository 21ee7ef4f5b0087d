//! `fairlead eval`: evaluations on public data, on a server in a temporary folder.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fairlead_server::{AppConfig, Server};

use super::settings::DEADLINE_MS;
use super::{lending_club, zimnat};

/// Data sets.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Insurance holdings: hide one, recommend, find its rank.
    Zimnat(EvalArgs),
    /// Loan applications: price each, check every cent.
    LendingClub(EvalArgs),
}

/// Options of an evaluation.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Folder with the file of the data set.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub async fn run(command: EvalCommand) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut config = AppConfig::load(None)?;
    folder.path().clone_into(&mut config.data_dir);
    config.gateway.deadline_ms = DEADLINE_MS;
    let any = "127.0.0.1:0".parse()?;
    (
        config.listen.gateway,
        config.listen.control,
        config.listen.metrics,
    ) = (any, any, any);
    let server = Server::start(&config, None).await?;
    let evaluated = match &command {
        EvalCommand::Zimnat(args) => zimnat(&server, &args.data, args.json).await.map(|_| ()),
        EvalCommand::LendingClub(args) => lending_club(&server, &args.data, args.json)
            .await
            .map(|_| ()),
    };
    server.stop().await?;
    evaluated
}
