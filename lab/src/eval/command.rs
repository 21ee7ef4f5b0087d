//! `fairlead eval`: real public data through the running system, in a folder that is thrown away.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fairlead_server::config::AppConfig;
use fairlead_server::up::Running;

use super::{DEADLINE_MS, lending_club, zimnat};

/// Which data.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Insurance holdings: hide one, recommend, see where it stands.
    Zimnat(EvalArgs),
    /// Loan applications: price each, check every cent.
    LendingClub(EvalArgs),
}

/// Options of an evaluation.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Folder with the data set's file.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object.
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
    let running = Running::start(&config, None).await?;
    let evaluated = match &command {
        EvalCommand::Zimnat(args) => zimnat(&running, &args.data, args.json).await.map(|_| ()),
        EvalCommand::LendingClub(args) => lending_club(&running, &args.data, args.json)
            .await
            .map(|_| ()),
    };
    running.stop().await?;
    evaluated
}
