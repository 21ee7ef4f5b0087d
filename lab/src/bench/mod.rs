//! `fairlead bench`: what a request costs, beside what its parts cost at least, in one run.

mod cluster;
mod cpu;
mod floors;
mod load;
mod recommend;

use clap::Subcommand;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Requests per second, latency and CPU of `Recommend`, and the ratio to its floors.
    Recommend(recommend::RecommendBench),
    /// Sends requests for another process that measures itself.
    #[command(hide = true)]
    Load(load::LoadArgs),
}

/// Runs it.
pub async fn run(command: BenchCommand) -> anyhow::Result<()> {
    match command {
        BenchCommand::Recommend(args) => recommend::run(args).await,
        BenchCommand::Load(args) => load::run(args).await,
    }
}
