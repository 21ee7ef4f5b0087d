//! `fairlead bench recommend --cluster`: the cost of the network between the services. Compares all
//! services in one process with five processes, one after the other, on the same release, features,
//! Redis and Kafka.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use fairlead_client::terminal::{heading, note, table};
use fairlead_server::{Server, ServicesToken};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::recommend::{Measured, RecommendBench, UnderLoad};

/// The services; the gateway last, since it is ready only after the others.
const SERVICES: [&str; 5] = ["profile", "recall", "ranking", "pricing", "gateway"];
/// Attempts to start the processes.
const TRIES: usize = 3;
/// The time that a process may take to load its models.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A service in a process of its own; killed on drop.
struct SpawnedService {
    child: Child,
    port: u16,
    page: SocketAddr,
}

/// Measures the services in one process, then as processes, and prints both with their ratio.
pub(super) async fn compare(
    server: &Server,
    one_process: &UnderLoad<'_>,
    args: &RecommendBench,
) -> anyhow::Result<()> {
    let one = one_process.measure(&args.connections, args.seconds).await?;
    let kafka = args.kafka.as_deref().unwrap_or_default();
    let mut tries = 1;
    // A port that was free a moment ago may be taken by now.
    let processes = loop {
        match start(server, kafka).await {
            Err(_) if tries < TRIES => tries += 1,
            started => break started?,
        }
    };
    let gateway = processes.last().context("a gateway was started")?;
    let cluster = UnderLoad {
        server: format!("http://127.0.0.1:{}", gateway.port),
        processes: processes
            .iter()
            .filter_map(|process| Some(process.child.id()?.to_string()))
            .collect(),
        customers: one_process.customers,
    };
    let many = cluster.measure(&args.connections, args.seconds).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&object(&one, &many))?);
    } else {
        print(&one, &many);
    }
    Ok(())
}

async fn start(server: &Server, kafka: &str) -> anyhow::Result<Vec<SpawnedService>> {
    let free = free_ports(2 * SERVICES.len())?;
    let (ports, pages) = free.split_at(SERVICES.len());
    let folder = server.data.join("cluster");
    // The services of this process know the others by it.
    let services_token = server.data.join(ServicesToken::FILE);
    let mut processes = Vec::new();
    for ((service, port), page) in SERVICES.iter().zip(ports).zip(pages) {
        let page = SocketAddr::from(([127, 0, 0, 1], *page));
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", service])
            .env("FAIRLEAD_DATA_DIR", folder.join(service))
            .env("FAIRLEAD_EVENTS__KAFKA", kafka)
            .env("FAIRLEAD_REDIS__URL", &server.redis_url)
            .env("FAIRLEAD_IDENTITY__SERVICES_TOKEN_FILE", &services_token)
            .env("FAIRLEAD_TELEMETRY__LOG", "error")
            .env("FAIRLEAD_LISTEN__METRICS", page.to_string())
            .env(
                format!("FAIRLEAD_LISTEN__{}", service.to_uppercase()),
                format!("127.0.0.1:{port}"),
            );
        let named = SERVICES
            .iter()
            .zip(ports)
            .map(|(name, port)| (*name, *port));
        for (name, port) in named.chain([("control", server.addresses.control.port())]) {
            command.env(
                format!("FAIRLEAD_DISCOVERY__SERVICES__{}", name.to_uppercase()),
                format!("[\"http://127.0.0.1:{port}\"]"),
            );
        }
        // The gateway calls every service; no service calls the gateway.
        command.env_remove("FAIRLEAD_DISCOVERY__SERVICES__GATEWAY");
        let child = command.stdin(Stdio::null()).kill_on_drop(true).spawn()?;
        processes.push(SpawnedService {
            child,
            port: *port,
            page,
        });
    }
    for process in &mut processes {
        until_ready(process).await?;
    }
    Ok(processes)
}

/// Returns different ports that are free now.
fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let held: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()?;
    held.iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect()
}

async fn until_ready(process: &mut SpawnedService) -> anyhow::Result<()> {
    let until = Instant::now() + START_LIMIT;
    while !is_ready(process.page).await {
        if let Some(status) = process.child.try_wait()? {
            bail!("a service ended with {status}");
        }
        if Instant::now() > until {
            bail!("a service is not ready after {START_LIMIT:?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn is_ready(page: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(page).await?;
        stream.write_all(b"GET /ready HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    ask.await.is_ok_and(|answer| answer.contains(" 200 "))
}

fn ratios(one: &Measured, many: &Measured) -> (f64, f64) {
    (many.cpu_us / one.cpu_us, many.seen.p99_ms / one.seen.p99_ms)
}

fn object(one: &[Measured], many: &[Measured]) -> serde_json::Value {
    let rows = one.iter().zip(many).map(|(one, many)| {
        let (cpu_ratio, p99_ratio) = ratios(one, many);
        json!({
            "connections": one.connections,
            "cpu_ratio": cpu_ratio,
            "p99_ratio": p99_ratio,
            "one_process": { "cpu_us": one.cpu_us, "p50_ms": one.seen.p50_ms, "p99_ms": one.seen.p99_ms, "rps": one.seen.rps, "degraded": one.seen.degraded },
            "processes": { "cpu_us": many.cpu_us, "p50_ms": many.seen.p50_ms, "p99_ms": many.seen.p99_ms, "rps": many.seen.rps, "degraded": many.seen.degraded },
        })
    });
    rows.collect()
}

fn print(one: &[Measured], many: &[Measured]) {
    heading("Recommend in one process and in five");
    let mut rows = table([
        "connections",
        "form",
        "requests/s",
        "p50",
        "p99",
        "CPU a request",
        "degraded",
        "CPU ratio",
        "p99 ratio",
    ]);
    for (one, many) in one.iter().zip(many) {
        let (cpu_ratio, p99_ratio) = ratios(one, many);
        let forms = [
            ("one process", one, String::new(), String::new()),
            (
                "processes",
                many,
                format!("{cpu_ratio:.2}"),
                format!("{p99_ratio:.2}"),
            ),
        ];
        for (form, measured, cpu_ratio, p99_ratio) in forms {
            rows.add_row([
                measured.connections.to_string(),
                form.to_owned(),
                format!("{:.0}", measured.seen.rps),
                format!("{:.2} ms", measured.seen.p50_ms),
                format!("{:.2} ms", measured.seen.p99_ms),
                format!("{:.0} us", measured.cpu_us),
                measured.seen.degraded.to_string(),
                cpu_ratio,
                p99_ratio,
            ]);
        }
    }
    println!("{rows}");
    note("both on the same Redis, Kafka, release and features; CPU of the services alone");
}
