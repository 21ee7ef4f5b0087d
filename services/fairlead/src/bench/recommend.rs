//! `fairlead bench recommend`: a house with a simulated population, asked over real gRPC.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::{cpu, floors, load::Seen};
use crate::commands::train;
use crate::config::AppConfig;
use crate::demo;
use crate::terminal::{Bars, heading, note, table};
use crate::up::Running;

/// Options of the bench.
#[derive(Debug, Args)]
pub struct RecommendBench {
    /// Customers.
    #[arg(long, default_value_t = 10_000)]
    customers: usize,
    /// Events.
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Seconds of load for each number of connections.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8])]
    connections: Vec<usize>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What one number of connections gave.
struct Measured {
    connections: usize,
    seen: Seen,
    cpu_us: f64,
}

/// Runs it.
pub(crate) async fn run(args: RecommendBench) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut config = AppConfig::load(None)?;
    folder.path().clone_into(&mut config.data_dir);
    let any = "127.0.0.1:0".parse()?;
    (
        config.listen.gateway,
        config.listen.control,
        config.listen.metrics,
    ) = (any, any, any);
    let running = Running::start(&config, None).await?;
    let bars = if args.json {
        Bars::hidden()
    } else {
        Bars::default()
    };
    let customers = demo::furnish(&running, 7, args.customers, args.events, bars).await?;
    let list = folder.path().join("customers.txt");
    std::fs::write(&list, customers.join("\n"))?;

    let mut measured = Vec::new();
    for connections in &args.connections {
        // Once to warm up, and not counted.
        under_load(&running, *connections, 1.0, &list).await?;
        measured.push(under_load(&running, *connections, args.seconds, &list).await?);
    }
    let floors = floors::measure(&running, &customers).await?;
    let cpu_us = measured
        .iter()
        .map(|one| one.cpu_us)
        .fold(f64::INFINITY, f64::min);
    let ratio = cpu_us / floors.sum_us();
    if args.json {
        print_json(&measured, &floors, ratio)?;
    } else {
        print_tables(&measured, &floors, ratio);
    }
    running.stop().await
}

async fn under_load(
    running: &Running,
    connections: usize,
    seconds: f64,
    customers: &std::path::Path,
) -> anyhow::Result<Measured> {
    let before = cpu::of_process("self")?;
    let output = tokio::process::Command::new(std::env::current_exe()?)
        .args([
            "bench",
            "load",
            "--server",
            &format!("http://{}", running.addresses.gateway),
        ])
        .args([
            "--connections",
            &connections.to_string(),
            "--seconds",
            &seconds.to_string(),
        ])
        .arg("--customers")
        .arg(customers)
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    let spent = cpu::of_process("self")?.saturating_sub(before);
    if !output.status.success() {
        bail!("the load ended with {}", output.status);
    }
    let seen: Seen = serde_json::from_slice(&output.stdout).context("the load said nothing")?;
    let cpu_us = spent.as_secs_f64() * 1e6 / seen.requests.max(1) as f64;
    Ok(Measured {
        connections,
        seen,
        cpu_us,
    })
}

fn print_json(measured: &[Measured], floors: &floors::Floors, ratio: f64) -> anyhow::Result<()> {
    let by = |value: &dyn Fn(&Measured) -> f64| -> serde_json::Map<String, serde_json::Value> {
        measured
            .iter()
            .map(|one| (one.connections.to_string(), json!(value(one))))
            .collect()
    };
    let object = json!({
        "cpu_ratio": ratio,
        "rps": by(&|one| one.seen.rps),
        "p50_ms": by(&|one| one.seen.p50_ms),
        "p99_ms": by(&|one| one.seen.p99_ms),
        "cpu_us": by(&|one| one.cpu_us),
        "floors_us": floors.named().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
    });
    println!("{}", serde_json::to_string_pretty(&object)?);
    Ok(())
}

fn print_tables(measured: &[Measured], floors: &floors::Floors, ratio: f64) {
    heading("Recommend over gRPC");
    let mut rows = table([
        "connections",
        "requests/s",
        "p50",
        "p99",
        "CPU a request",
        "priced items",
        "degraded",
    ]);
    for one in measured {
        rows.add_row([
            one.connections.to_string(),
            format!("{:.0}", one.seen.rps),
            format!("{:.2} ms", one.seen.p50_ms),
            format!("{:.2} ms", one.seen.p99_ms),
            format!("{:.0} us", one.cpu_us),
            format!(
                "{:.1}",
                one.seen.priced_items as f64 / one.seen.requests.max(1) as f64
            ),
            one.seen.degraded.to_string(),
        ]);
    }
    println!("{rows}");
    heading("What its parts cost at least, CPU");
    let mut rows = table(["part", "CPU"]);
    for (name, micros) in floors.named() {
        rows.add_row([name.to_owned(), format!("{micros:.0} us")]);
    }
    println!("{rows}");
    note(&format!("CPU of a request / sum of its parts = {ratio:.2}"));
}

/// Trains with the usual options, for a house that is only measured.
pub(crate) async fn models(
    running: &Running,
    products: Vec<fairlead_proto::catalogue::v1::Product>,
    bars: Bars,
) -> anyhow::Result<()> {
    let options = fairlead_training::Options {
        epochs: 1,
        ..fairlead_training::Options::default()
    };
    let trained = train::learn(running, products, options, bars).await?;
    crate::models::register(
        &running.control,
        &running.tenant,
        "fairlead bench",
        "1",
        &trained,
    )
    .await?;
    let revision = train::publish(running, "fairlead bench", "to measure").await?;
    running.release_live(revision, Duration::from_mins(1)).await
}
