//! The load: closed loops over real gRPC connections, in a process of its own so that its CPU time
//! is not counted as the server's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use fairlead_proto::gateway::v1::RecommendRequest;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::latencies::Latencies;

/// Options of the load.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Address of the gateway.
    #[arg(long)]
    server: String,
    /// Connections; each has one request in flight.
    #[arg(long)]
    connections: usize,
    /// Seconds.
    #[arg(long)]
    seconds: f64,
    /// File with one customer id per line.
    #[arg(long)]
    customers: std::path::PathBuf,
}

/// Figures that the load measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LoadFigures {
    /// Answered requests.
    pub requests: u64,
    /// Items on slates that have a price.
    pub priced_items: u64,
    /// Answers that were degraded.
    pub degraded: u64,
    /// Requests per second.
    pub rps: f64,
    /// Median latency, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
}

/// Runs the load and prints its figures as JSON.
pub(crate) async fn run(args: LoadArgs) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&args.customers)?;
    let customers: Arc<Vec<String>> = Arc::new(text.lines().map(str::to_owned).collect());
    if customers.is_empty() || args.connections == 0 {
        bail!("at least one customer and one connection are needed");
    }
    let next = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + Duration::from_secs_f64(args.seconds);
    let started = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..args.connections {
        loops.spawn(closed_loop(
            args.server.clone(),
            customers.clone(),
            next.clone(),
            until,
        ));
    }
    let mut latencies = Latencies::default();
    let (mut priced_items, mut degraded) = (0, 0);
    while let Some(ended) = loops.join_next().await {
        let mut one = ended??;
        latencies.append(&mut one.latencies);
        priced_items += one.priced_items;
        degraded += one.degraded;
    }
    let seen = LoadFigures {
        requests: latencies.count() as u64,
        priced_items,
        degraded,
        rps: latencies.count() as f64 / started.elapsed().as_secs_f64(),
        p50_ms: latencies.at(0.5).context("no answer came")?,
        p99_ms: latencies.at(0.99).context("no answer came")?,
    };
    println!("{}", serde_json::to_string(&seen)?);
    Ok(())
}

#[derive(Default)]
struct One {
    latencies: Latencies,
    priced_items: u64,
    degraded: u64,
}

async fn closed_loop(
    server: String,
    customers: Arc<Vec<String>>,
    next: Arc<AtomicU64>,
    until: Instant,
) -> anyhow::Result<One> {
    let mut client = RecommendServiceClient::connect(server).await?;
    let mut one = One::default();
    while Instant::now() < until {
        let turn = next.fetch_add(1, Ordering::Relaxed) as usize;
        let request = RecommendRequest {
            customer_id: customers[turn % customers.len()].clone(),
            slate_size: 20,
            ..RecommendRequest::default()
        };
        let asked = Instant::now();
        let answer = client.recommend(request).await?.into_inner();
        one.latencies.add(asked.elapsed());
        one.priced_items += answer
            .items
            .iter()
            .filter(|item| item.price.is_some())
            .count() as u64;
        one.degraded += u64::from(!answer.degraded.is_empty());
    }
    Ok(one)
}
