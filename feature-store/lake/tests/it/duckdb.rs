//! DuckDB reads the same files and returns the same counts and sums.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use fairlead_lake::{Config, Format, Query, Store, compact};

use crate::fixture::{Fixture, cached};

/// The folder that `scripts/setup.sh test` installs.
const DUCKDB_FOLDER: &str = "duckdb-1.4.5";

const SCRIPT: &str = r#"
import duckdb, sys
duckdb.execute("set timezone = 'UTC'")
lake, query = sys.argv[1:]
for table in ['events', 'decisions', 'decision_items']:
    duckdb.execute(f"create view {table} as select * from read_parquet('{lake}/{table}/**/*.parquet', hive_partitioning = true)")
result = duckdb.execute(query)
print(','.join(column[0] for column in result.description))
for row in result.fetchall():
    print(','.join('' if value is None else str(value) for value in row))
"#;

fn query_duckdb(lake: &Path, sql: &str) -> anyhow::Result<String> {
    let duckdb = cached(DUCKDB_FOLDER).context("no DuckDB here: run `scripts/setup.sh test`")?;
    let output = Command::new("python3")
        .env("PYTHONPATH", duckdb)
        .args(["-c", SCRIPT, &lake.display().to_string(), sql])
        .output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{stderr}");
    Ok(String::from_utf8(output.stdout)?)
}

async fn query_lake(store: &Store, sql: &str) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("answer.csv");
    let query = Query::new(&Config::default(), store)?;
    query.answer(sql, Format::Csv, Some(&out)).await?;
    Ok(std::fs::read_to_string(&out)?)
}

/// Queries over columns of every table, and over the types of the partition columns.
const QUERIES: [&str; 5] = [
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
async fn duckdb_returns_the_same_counts_and_sums() -> anyhow::Result<()> {
    let (fixture, store) = Fixture::filled(600, 50).await?;
    for merged in [false, true] {
        for sql in QUERIES {
            let result = query_lake(&store, sql).await?;
            assert_eq!(query_duckdb(&fixture.lake(), sql)?, result, "{sql}");
            assert!(result.lines().count() > 1, "{sql}: {result}");
        }
        if !merged {
            let eager = Config {
                compact_after_seconds: 0,
                ..Config::default()
            };
            assert!(compact(&eager, &store, &fixture.clock()).await?.made > 0);
        }
    }
    Ok(())
}
