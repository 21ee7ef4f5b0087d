//! `fairlead doctor`: checks the dependencies, and says what to do.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::bail;
use clap::Args;
use fairlead_client::terminal::table;
use fairlead_event_log::{EventLog as _, KafkaEventLog, KafkaOptions};
use fairlead_inference::{Engine, EngineOptions};
use fairlead_online::OnlineStore;
use fairlead_server::{AppConfig, ConfigArgs};
use serde::Serialize;

/// Options of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// The result of one check.
#[derive(Debug, Serialize)]
struct HealthCheck {
    what: &'static str,
    ok: bool,
    found: String,
    /// The remedy if the check failed.
    remedy: &'static str,
}

/// Runs the checks. Returns an error if any of them failed.
pub(crate) async fn run(args: DoctorArgs) -> anyhow::Result<()> {
    let config = args.config.load()?;
    let checks = [
        redis(&config).await,
        events(&config).await,
        libtorch(),
        data(&config.data_dir),
    ];
    let failed = checks.iter().filter(|check| !check.ok).count();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&checks)?);
    } else {
        let mut rows = table(["check", "", "found", "what to do"]);
        for check in &checks {
            let (mark, remedy) = if check.ok {
                ("ok", "")
            } else {
                ("FAILED", check.remedy)
            };
            rows.add_row([check.what, mark, &check.found, remedy]);
        }
        println!("{rows}");
    }
    if failed > 0 {
        bail!("{failed} of {} checks failed", checks.len());
    }
    Ok(())
}

async fn redis(config: &AppConfig) -> HealthCheck {
    let url = &config.redis.url;
    let (found, remedy) = if url.is_empty() {
        let version = Command::new("redis-server")
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        let version = version.map_err(|error| error.to_string());
        let text = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        (
            text,
            "install redis-server (Debian: apt-get install redis-server), or set redis.url",
        )
    } else {
        let report = match OnlineStore::connect(url).await {
            Ok(store) => store.report().await,
            Err(error) => Err(error),
        };
        let report = report
            .map_err(|error| error.to_string())
            .and_then(|report| {
                let text = format!("Redis {}, eviction {}", report.version, report.eviction);
                if report.append_only {
                    Ok(text)
                } else {
                    Err(format!("{text}, no append-only file"))
                }
            });
        (
            report,
            "start Redis with appendonly yes, or correct redis.url",
        )
    };
    check("Redis", found, remedy)
}

async fn events(config: &AppConfig) -> HealthCheck {
    if config.events.kafka.is_empty() {
        return check(
            "event log",
            Ok("embedded, in the data folder".to_owned()),
            "",
        );
    }
    let options = KafkaOptions::new(config.events.kafka.clone());
    let healthy = match KafkaEventLog::connect(options).await {
        Ok(log) => log.healthy().await,
        Err(error) => Err(error),
    };
    let found = healthy.map(|()| format!("Kafka at {}", config.events.kafka));
    check(
        "event log",
        found.map_err(|error| error.to_string()),
        "start Kafka, or correct events.kafka",
    )
}

fn libtorch() -> HealthCheck {
    let started = Engine::start(EngineOptions {
        threads: 1,
        max_rows: 1,
        max_wait_us: 0,
        queue: 1,
    });
    let found = started
        .map(|_| "loaded, a thread runs".to_owned())
        .map_err(|error| error.to_string());
    check("libtorch", found, "run `make setup` and build again")
}

/// Checks that the data folder can be written.
fn data(folder: &Path) -> HealthCheck {
    let probe = || -> std::io::Result<String> {
        std::fs::create_dir_all(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        file.as_file().sync_all()?;
        Ok(format!("{} can be written", folder.display()))
    };
    let found = probe().map_err(|error| format!("{}: {error}", folder.display()));
    check(
        "data folder",
        found,
        "give it to this user, make room, or choose another with --data-dir",
    )
}

fn check(what: &'static str, found: Result<String, String>, remedy: &'static str) -> HealthCheck {
    let ok = found.is_ok();
    HealthCheck {
        what,
        ok,
        found: found.unwrap_or_else(|error| error),
        remedy,
    }
}
