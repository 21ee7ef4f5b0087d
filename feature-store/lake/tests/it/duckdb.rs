//! DuckDB reads the same files, and comes to the same counts and sums.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use fairlead_lake::{Config, Format, Query, Store, compact};

use crate::world::{World, cached};

/// What `scripts/setup.sh test` fetches.
const HOME: &str = "duckdb-1.4.5";

const SCRIPT: &str = r#"
import duckdb, sys
duckdb.execute("set timezone = 'UTC'")
lake, question = sys.argv[1:]
for table in ['events', 'decisions', 'decision_items']:
    duckdb.execute(f"create view {table} as select * from read_parquet('{lake}/{table}/**/*.parquet', hive_partitioning = true)")
answer = duckdb.execute(question)
print(','.join(column[0] for column in answer.description))
for row in answer.fetchall():
    print(','.join('' if value is None else str(value) for value in row))
"#;

fn ask_duckdb(lake: &Path, question: &str) -> anyhow::Result<String> {
    let home = cached(HOME).context("no DuckDB here: run `scripts/setup.sh test`")?;
    let output = Command::new("python3")
        .env("PYTHONPATH", home)
        .args(["-c", SCRIPT, &lake.display().to_string(), question])
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{complaint}");
    Ok(String::from_utf8(output.stdout)?)
}

async fn ask_us(store: &Store, question: &str) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("answer.csv");
    let query = Query::new(&Config::default(), store)?;
    query.answer(question, Format::Csv, Some(&out)).await?;
    Ok(std::fs::read_to_string(&out)?)
}

/// Every column of every table is looked at, the partition columns by their types too.
const QUESTIONS: [&str; 5] = [
    "select tenant, kind, cast(day as varchar) as day, count(*) as n, count(distinct customer_id) as customers, \
     sum(amount_minor) as minor, min(log_offset) as low, max(log_offset) as high \
     from events group by tenant, kind, day order by 1, 2, 3",
    "select count(*) as n, count(product_id) as products, count(attributes) as attributes, sum(length(attributes)) as lengths, \
     max(currency) as currency, max(channel) as channel, max(product_kind) as kind, count(request_id) as requests, \
     count(position) as positions from events",
    "select kind, count(*) as n from events where day >= date '2025-11-22' and event_time >= timestamp '2025-11-22 10:00:00' \
     group by kind order by kind",
    "select count(*) as n, sum(candidates) as candidates, min(seed) as seed, max(slate[1]) as first, \
     sum(length(stage_ms)) as stages, max(release_revision) as release from decisions",
    "select product_id, drop_cause, grade, count(*) as n, sum(rate_ppm) as rates, sum(amount_minor) as minor, \
     count(priced) as priced from decision_items group by 1, 2, 3 order by 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_comes_to_the_same_counts_and_sums() -> anyhow::Result<()> {
    let (world, store) = World::filled(600, 50).await?;
    for merged in [false, true] {
        for question in QUESTIONS {
            let ours = ask_us(&store, question).await?;
            assert_eq!(ask_duckdb(&world.lake(), question)?, ours, "{question}");
            assert!(ours.lines().count() > 1, "{question}: {ours}");
        }
        if !merged {
            let eager = Config {
                compact_after_seconds: 0,
                ..Config::default()
            };
            assert!(compact(&eager, &store, &world.clock()).await?.made > 0);
        }
    }
    Ok(())
}
