//! Measures how fast files are read: events, parsed, checked and given their ids, on one core.
//!
//! `cargo run --release -p fairlead-import --example parse_speed [ROWS]` writes the same events as CSV
//! and as JSON lines to a temporary folder, and imports each in a dry run.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fairlead_chassis::link::Link;
use fairlead_domain::TenantId;
use fairlead_import::{ImportSource, ReadOptions};
use fairlead_registry::Registry;
use tonic::service::Routes;

/// 2026-11-29, Unix milliseconds.
const NOW_MS: i64 = 1_795_910_400_000;

fn main() -> anyhow::Result<()> {
    let rows = match std::env::args().nth(1) {
        Some(rows) => rows.parse()?,
        None => 1_000_000,
    };
    let folder = tempfile::tempdir()?;
    let csv = folder.path().join("events.csv");
    std::fs::write(&csv, csv_of(rows)?)?;
    let json = folder.path().join("events.jsonl");
    std::fs::write(&json, json_of(rows)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for file in [csv, json] {
        runtime.block_on(measure(&file))?;
    }
    Ok(())
}

async fn measure(file: &Path) -> anyhow::Result<()> {
    let source = ImportSource {
        file,
        options: &ReadOptions::default(),
        rejects: None,
        tenant: &TenantId::new("demo")?,
        now_ms: NOW_MS,
        dry_run: true,
        progress: &|_| (),
    };
    // A dry run calls nobody.
    let nobody = Link::in_process(Routes::default());
    let (began, on_core) = (Instant::now(), time_on_core()?);
    let report = fairlead_import::events(&nobody, &Registry::builtin(), &source).await?;
    let (took, on_core) = (began.elapsed(), time_on_core()?.saturating_sub(on_core));
    println!(
        "{}: {} events, {} rejected, {:.2} s, of which {:.2} s on a core: {:.0} events per second of it",
        file.extension().unwrap_or_default().display(),
        report.accepted,
        report.rejected,
        took.as_secs_f64(),
        on_core.as_secs_f64(),
        report.accepted as f64 / on_core.as_secs_f64(),
    );
    Ok(())
}

/// Returns the time that this thread has spent on a core, as Linux counts it: another program on the
/// machine does not change it.
fn time_on_core() -> anyhow::Result<Duration> {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = counted.split_whitespace().next().context("no time")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

fn csv_of(rows: u64) -> anyhow::Result<String> {
    let mut text = String::from(
        "event_id,customer_id,kind,event_time_ms,product_id,product_kind,position,channel,note\n",
    );
    for row in 0..rows {
        let customer = row % 50_000;
        writeln!(
            text,
            "e-{row:012},c{customer:06},click,{},LOAN-{:03},cash_loan,{},app,\"seen, on page {}\"",
            time(row)?,
            row % 300,
            row % 20 + 1,
            row % 7
        )?;
    }
    Ok(text)
}

fn json_of(rows: u64) -> anyhow::Result<String> {
    let mut text = String::new();
    for row in 0..rows {
        let customer = row % 50_000;
        writeln!(
            text,
            "{{\"event_id\":\"e-{row:012}\",\"customer_id\":\"c{customer:06}\",\"kind\":\"click\",\
             \"event_time_ms\":\"{}\",\"product_id\":\"LOAN-{:03}\",\"product_kind\":\"cash_loan\",\
             \"position\":{},\"channel\":\"app\",\"note\":\"seen, on page {}\"}}",
            time(row)?,
            row % 300,
            row % 20 + 1,
            row % 7
        )?;
    }
    Ok(text)
}

/// Returns a time within the last days, as most systems write it.
fn time(row: u64) -> anyhow::Result<String> {
    let before_ms = i64::try_from(row % 600_000)? * 1_000;
    let at = jiff::Timestamp::from_millisecond(NOW_MS - before_ms)?;
    Ok(at.to_string())
}
