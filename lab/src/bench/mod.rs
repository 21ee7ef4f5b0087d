//! `fairlead bench`: the cost of a request, relative to the floors of its parts, in one run.

mod cluster;
mod cpu;
mod explain;
mod floors;
mod latencies;
mod load;
mod recommend;
mod records;

use clap::Subcommand;

/// Benches.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Measure requests per second, latency and CPU of `Recommend`, and the ratio to its floors.
    Recommend(recommend::RecommendBench),
    /// Measure the latency of `Explain` among millions of decision records, and the ratio to one read of
    /// Redis.
    Explain(explain::ExplainBench),
    /// Send requests for another process that measures itself.
    #[command(hide = true)]
    Load(load::LoadArgs),
}

/// Runs a bench.
pub async fn run(command: BenchCommand) -> anyhow::Result<()> {
    match command {
        BenchCommand::Recommend(args) => recommend::run(args).await,
        BenchCommand::Explain(args) => explain::run(args).await,
        BenchCommand::Load(args) => load::run(args).await,
    }
}
