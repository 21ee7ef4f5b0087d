//! `make cluster-demo`: the cluster form on one machine with real servers. An instance of each
//! service is killed while load runs.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use fairlead_client::terminal::{Bars, heading, note, table};
use fairlead_gateway::topics;
use fairlead_tests::cluster::{Cluster, Load, PATIENCE, Reference, SERVICES, Tally, binary, total};

/// Start real Kafka, Redis, Consul and PostgreSQL, two instances of every service, and a load. Kill
/// an instance of each service in turn and print the effect on requests.
#[derive(Debug, Parser)]
#[command(name = "cluster-demo")]
struct Args {
    /// Customers to simulate.
    #[arg(long, default_value_t = 2_000)]
    customers: usize,
    /// Events to simulate.
    #[arg(long, default_value_t = 20_000)]
    events: usize,
    /// Concurrent callers.
    #[arg(long, default_value_t = 4)]
    callers: usize,
    /// Keep running until Ctrl-C.
    #[arg(long)]
    stay: bool,
}

/// One row of the table: a killed instance and its effect.
struct Killed {
    service: &'static str,
    during: Tally,
    recovered: Duration,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let started = Instant::now();
    heading("Servers: Kafka, Redis, Consul, PostgreSQL");
    // A deadline that fits a laptop on which everything runs.
    let settings = [
        ("GATEWAY__DEADLINE_MS", "5000"),
        ("GATEWAY__ALLOW_AS_OF", "true"),
        ("TELEMETRY__LOG", "warn"),
    ];
    let mut cluster = Cluster::start_servers(&settings)?;
    let lake = format!("file://{}", cluster.folder().join("lake").display());
    cluster.set("LAKE__URL", &lake);
    cluster.set("LAKE__ROLL_SECONDS", "1");
    note(&format!("Kafka {}", cluster.servers.kafka.bootstrap()));
    note(&format!("Redis {}", cluster.servers.redis.url()));
    note(&format!("Consul {}", cluster.servers.consul.url()));
    note(&format!("PostgreSQL {}", cluster.servers.postgres.addr()));

    heading("Processes: two of every service");
    for service in SERVICES {
        for number in 1..=2 {
            cluster.start(service, number)?;
        }
    }
    let reference =
        Reference::start(&cluster, args.customers, args.events, Bars::default()).await?;
    cluster.until_ready()?;
    processes(&cluster);
    note(&format!(
        "all ready {:.0} s after the start",
        started.elapsed().as_secs_f64()
    ));

    calls(&mut cluster, &reference.customers)?;

    heading("Load runs, and an instance of each service is killed in turn (kill -9)");
    let gateway = cluster.link("gateway")?;
    let load = Load::start(&gateway, &reference.customers, args.callers);
    load.clean(50).await;
    let mut rows = Vec::new();
    for service in SERVICES {
        rows.push(kill(&mut cluster, &load, service).await?);
    }
    let total = load.stop().await;
    verdict(&rows, &total);
    served(&cluster);
    in_the_lake(&cluster, &reference).await?;
    if args.stay {
        note("everything stays up; Ctrl-C ends it");
        tokio::signal::ctrl_c().await?;
    }
    reference.server.stop().await?;
    drop(cluster);
    note(&format!(
        "all of it is gone again; {:.0} s in all",
        started.elapsed().as_secs_f64()
    ));
    ensure!(
        total.failed.is_empty(),
        "{} requests failed: {:?}",
        total.failed.len(),
        total.failed
    );
    Ok(())
}

fn processes(cluster: &Cluster) {
    let mut rows = table(["process", "pid", "gRPC", "operators' page"]);
    for (name, instance) in &cluster.instances {
        rows.add_row([
            name.clone(),
            instance.id().to_string(),
            instance.address(),
            format!("http://{}/metrics", instance.page()),
        ]);
    }
    println!("{rows}");
}

/// Makes the calls of the demo by the command line, as a user does.
fn calls(cluster: &mut Cluster, customers: &[String]) -> anyhow::Result<()> {
    let customer = customers
        .first()
        .context("a population has customers")?
        .as_str();
    let gateway = cluster.instance("gateway-1")?.address();
    let control = cluster.instance("control-2")?.address();
    let token = cluster.tools_token();
    note("over https, which --ca or FAIRLEAD_CA_FILE checks");
    let asked: [&[&str]; 4] = [
        &["recommend", customer, "--size", "5"],
        &["track", customer, "app_opened"],
        &["release", "list"],
        &["release", "instances"],
    ];
    for arguments in asked {
        heading(&format!("fairlead {}", arguments.join(" ")));
        let ran = Command::new(binary()?)
            .args(arguments)
            .env("FAIRLEAD_SERVER", &gateway)
            .env("FAIRLEAD_CONTROL", &control)
            .env("FAIRLEAD_TOKEN_FILE", &token)
            .env("FAIRLEAD_CA_FILE", cluster.certificates.ca())
            .stdin(Stdio::null())
            .status()?;
        ensure!(
            ran.success(),
            "fairlead {} ended with {ran}",
            arguments.join(" ")
        );
    }
    Ok(())
}

/// Kills the first instance of a service, restarts it, and waits until it is ready and a series of
/// answers had nothing degraded.
async fn kill(cluster: &mut Cluster, load: &Load, service: &'static str) -> anyhow::Result<Killed> {
    let before = load.tally();
    let at = Instant::now();
    let instance = cluster.instance(&format!("{service}-1"))?;
    instance.kill9()?;
    load.more(100).await;
    instance.start_again()?;
    tokio::task::block_in_place(|| instance.until_ready())?;
    let recovered = at.elapsed();
    load.clean(50).await;
    Ok(Killed {
        service,
        during: load.tally().since(&before),
        recovered,
    })
}

fn verdict(rows: &[Killed], total: &Tally) {
    let mut shown = table([
        "service killed",
        "requests",
        "failed",
        "degraded",
        "seconds to recover",
    ]);
    for row in rows {
        shown.add_row([
            row.service.to_owned(),
            row.during.requests.to_string(),
            row.during.failed.len().to_string(),
            row.during.degraded().to_string(),
            format!("{:.1}", row.recovered.as_secs_f64()),
        ]);
    }
    shown.add_row([
        "all".to_owned(),
        total.requests.to_string(),
        total.failed.len().to_string(),
        total.degraded().to_string(),
        String::new(),
    ]);
    println!("{shown}");
    note(
        "seconds to recover: from the kill until the instance, started again after 100 more answers, was ready",
    );
}

/// Checks that the lake holds every record of the log exactly once: as many rows, and as many
/// distinct positions, as the log has records.
async fn in_the_lake(cluster: &Cluster, reference: &Reference) -> anyhow::Result<()> {
    heading("The lake, asked in SQL: each record of the log once");
    let mut rows = table(["table", "records in the log", "rows", "different records"]);
    for (name, topic) in [("events", topics::EVENTS), ("decisions", topics::DECISIONS)] {
        let question = format!(
            "select count(*), count(distinct log_partition || '/' || log_offset) from {name}"
        );
        let until = Instant::now() + PATIENCE;
        let (log, lake) = loop {
            let ends = reference.server.log.end_offsets(topic).await?;
            let log: i64 = ends.iter().map(|end| end.offset).sum();
            let lake = ask_the_lake(cluster, &question)?;
            if lake == [log, log] || Instant::now() > until {
                break (log, lake);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        let [all, different] = lake;
        rows.add_row([
            name.to_owned(),
            log.to_string(),
            all.to_string(),
            different.to_string(),
        ]);
        ensure!(
            lake == [log, log],
            "{name}: {log} records in the log, {all} rows in the lake of {different} different ones"
        );
    }
    println!("{rows}");
    Ok(())
}

/// Returns two numbers from a query by `fairlead sql`.
fn ask_the_lake(cluster: &Cluster, question: &str) -> anyhow::Result<[i64; 2]> {
    let asked = Command::new(binary()?)
        .args(["sql", question, "--format", "csv"])
        .env("FAIRLEAD_LAKE__URL", cluster.setting("LAKE__URL"))
        .stdin(Stdio::null())
        .output()?;
    let complaint = String::from_utf8_lossy(&asked.stderr);
    ensure!(asked.status.success(), "fairlead sql: {complaint}");
    let answer = String::from_utf8(asked.stdout)?;
    let numbers = answer.lines().nth(1).and_then(|line| {
        let (one, other) = line.split_once(',')?;
        Some([one.parse().ok()?, other.parse().ok()?])
    });
    numbers.with_context(|| format!("two numbers were asked for, not `{answer}`"))
}

fn served(cluster: &Cluster) {
    heading("Calls that each instance served (since its last start)");
    let mut rows = table(["instance", "calls"]);
    for (name, instance) in &cluster.instances {
        let calls = total(instance.page(), "fairlead_rpc_total", &[]);
        rows.add_row([name.clone(), format!("{calls:.0}")]);
    }
    println!("{rows}");
}
