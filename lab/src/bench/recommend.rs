//! `fairlead bench recommend`: a server with a simulated population, under load over real gRPC.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use fairlead_client::terminal::{Bars, heading, note, table};
use fairlead_server::{AppConfig, Server};
use serde_json::json;

use super::{cluster, cpu, floors, load::LoadFigures};
use crate::setup::{self, Simulation};

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
    pub(super) seconds: f64,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8])]
    pub(super) connections: Vec<usize>,
    /// Compare all services in one process with processes of their own, both on the Kafka of
    /// `--kafka`.
    #[arg(long, requires = "kafka")]
    cluster: bool,
    /// Kafka's bootstrap servers instead of the embedded event log.
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) kafka: Option<String>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub(super) json: bool,
}

/// Figures for one number of connections.
pub(super) struct Measured {
    pub(super) connections: usize,
    pub(super) seen: LoadFigures,
    pub(super) cpu_us: f64,
}

/// A gateway under load, and the processes whose CPU time counts.
pub(super) struct UnderLoad<'l> {
    pub(super) server: String,
    /// Process ids as `/proc` names them.
    pub(super) processes: Vec<String>,
    /// File with one customer id per line.
    pub(super) customers: &'l Path,
}

/// Runs the bench.
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
    if let Some(kafka) = &args.kafka {
        config.events.kafka.clone_from(kafka);
    }
    let server = Server::start(&config, None).await?;
    let bars = if args.json {
        Bars::hidden()
    } else {
        Bars::default()
    };
    let simulation = Simulation {
        seed: 7,
        customers: args.customers,
        events: args.events,
        parameters: &[],
    };
    let customers = setup::populate(&server, simulation, bars).await?;
    let list = folder.path().join("customers.txt");
    std::fs::write(&list, customers.join("\n"))?;

    let one_process = UnderLoad {
        server: format!("http://{}", server.addresses.gateway),
        processes: vec!["self".to_owned()],
        customers: &list,
    };
    if args.cluster {
        let compared = cluster::compare(&server, &one_process, &args).await;
        server.stop().await?;
        return compared;
    }
    let measured = one_process.measure(&args.connections, args.seconds).await?;
    let floors = floors::measure(&server, &customers).await?;
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
    server.stop().await
}

impl UnderLoad<'_> {
    /// Measures with each number of connections, after a second of warm-up each.
    pub(super) async fn measure(
        &self,
        connections: &[usize],
        seconds: f64,
    ) -> anyhow::Result<Vec<Measured>> {
        let mut measured = Vec::new();
        for connections in connections {
            self.ask(*connections, 1.0).await?;
            measured.push(self.ask(*connections, seconds).await?);
        }
        Ok(measured)
    }

    async fn ask(&self, connections: usize, seconds: f64) -> anyhow::Result<Measured> {
        let before = self.cpu()?;
        let output = tokio::process::Command::new(std::env::current_exe()?)
            .args(["bench", "load", "--server", &self.server])
            .args(["--connections", &connections.to_string()])
            .args(["--seconds", &seconds.to_string()])
            .arg("--customers")
            .arg(self.customers)
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .output()
            .await?;
        let spent = self.cpu()?.saturating_sub(before);
        if !output.status.success() {
            bail!("the load ended with {}", output.status);
        }
        let seen: LoadFigures =
            serde_json::from_slice(&output.stdout).context("the load said nothing")?;
        let cpu_us = spent.as_secs_f64() * 1e6 / seen.requests.max(1) as f64;
        Ok(Measured {
            connections,
            seen,
            cpu_us,
        })
    }

    /// Returns the CPU time of the processes so far.
    fn cpu(&self) -> anyhow::Result<Duration> {
        self.processes
            .iter()
            .map(|process| cpu::of_process(process))
            .sum()
    }
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
