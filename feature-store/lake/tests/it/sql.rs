//! Queries with the command line tool.

use std::path::Path;
use std::process::{Command, Output};

use fairlead_event_log::Record;
use fairlead_lake::{ACCEPTANCES_TOPIC, DECISIONS_TOPIC, Store};
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::pricing::v1::{Acceptance, Quote, Refusal};
use prost::Message as _;

use crate::fixture::{Fixture, decision};

pub(crate) fn fairlead_lake(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead-lake"));
    command
        .env("FAIRLEAD_DATA_DIR", folder)
        .env("FAIRLEAD_LISTEN__METRICS", "127.0.0.1:0")
        .args(arguments);
    command
}

fn run_sql(fixture: &Fixture, arguments: &[&str]) -> anyhow::Result<Output> {
    let all: Vec<&str> = ["sql"].iter().chain(arguments).copied().collect();
    Ok(fairlead_lake(fixture.folder.path(), &all).output()?)
}

fn answer(fixture: &Fixture, arguments: &[&str]) -> anyhow::Result<String> {
    let output = run_sql(fixture, arguments)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{stderr}");
    Ok(String::from_utf8(output.stdout)?)
}

fn refusal(fixture: &Fixture, arguments: &[&str]) -> anyhow::Result<String> {
    let output = run_sql(fixture, arguments)?;
    anyhow::ensure!(!output.status.success(), "the query succeeded");
    anyhow::ensure!(output.stdout.is_empty(), "part of a result");
    Ok(String::from_utf8(output.stderr)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_written_as_table_csv_json_and_parquet() -> anyhow::Result<()> {
    let (fixture, _) = Fixture::filled(200, 50).await?;
    let query = "select tenant, kind, count(*) as n, sum(amount_minor) as minor from events \
                    where day = '2025-11-23' and kind in ('click', 'payment') group by tenant, kind order by 1, 2";
    let csv = answer(&fixture, &[query, "--format", "csv"])?;
    let own = |tenant: &str, kind: i64| {
        let of_tenant = |n: &i64| (if n % 7 == 0 { "other" } else { "acme" }) == tenant;
        let numbers: Vec<i64> = (0..200)
            .filter(|n| n % 50 != 49 && n % 3 == 0 && n % 4 == kind)
            .filter(of_tenant)
            .collect();
        (numbers.len(), numbers.iter().sum::<i64>())
    };
    let (clicks, payments) = (own("acme", 0), own("acme", 2));
    let (others, other_payments) = (own("other", 0), own("other", 2));
    assert_eq!(
        csv,
        format!(
            "tenant,kind,n,minor\nacme,click,{},\nacme,payment,{},{}\nother,click,{},\nother,payment,{},{}\n",
            clicks.0, payments.0, payments.1, others.0, other_payments.0, other_payments.1
        )
    );
    let table = answer(&fixture, &[query])?;
    assert!(
        table.starts_with("+--") && table.contains("| acme "),
        "{table}"
    );
    let json = answer(&fixture, &[query, "--format", "json"])?;
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap_or_default())?;
    assert_eq!(first["n"], clicks.0);

    let out = fixture.folder.path().join("answer.parquet");
    let shown = answer(
        &fixture,
        &[
            query,
            "--format",
            "parquet",
            "--out",
            &out.display().to_string(),
        ],
    )?;
    assert!(shown.is_empty());
    use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let file = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&out)?)?;
    assert_eq!(file.metadata().file_metadata().num_rows(), 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_acceptances_of_quotes_are_kept() -> anyhow::Result<()> {
    let fixture = Fixture::new(2).await?;
    let refused = DecisionRecord {
        refusal: Some(Refusal {
            detail: "risk".to_owned(),
            ..Refusal::default()
        }),
        client_reference: "order 17".to_owned(),
        ..decision(1)
    };
    let accepted = DecisionRecord {
        quote: Some(Quote {
            quote_id: "Q-1".to_owned(),
            ..Quote::default()
        }),
        acceptance: Some(Acceptance {
            quote_id: "Q-1".to_owned(),
            accepted_at_ms: 17,
            ..Acceptance::default()
        }),
        candidates: Vec::new(),
        ..decision(3)
    };
    for (topic, record) in [(DECISIONS_TOPIC, refused), (ACCEPTANCES_TOPIC, accepted)] {
        let record = Record::new("acme/c-1".to_owned(), record.encode_to_vec());
        fixture.log.append(topic, vec![record]).await?;
    }
    let store = Store::folder(&fixture.lake())?;
    assert_eq!(fixture.catch_up(&store, 10).await?, 2);
    let query = "select kind, request_id, client_reference, quote_id, refusal, acceptance from decisions \
                 order by request_id";
    let rows = answer(&fixture, &[query, "--format", "json"])?;
    let rows: Vec<serde_json::Value> = rows
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["kind"], &rows[0]["client_reference"]),
        (&"decision".into(), &"order 17".into())
    );
    assert!(rows[0]["refusal"].to_string().contains("risk"), "{rows:?}");
    assert_eq!(
        (&rows[1]["kind"], &rows[1]["quote_id"]),
        (&"acceptance".into(), &"Q-1".into())
    );
    assert!(rows[1]["acceptance"].to_string().contains("17"), "{rows:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_and_their_candidates_are_tables() -> anyhow::Result<()> {
    let (fixture, _) = Fixture::filled(200, 50).await?;
    let run = |query: &str| answer(&fixture, &[query, "--format", "csv"]);
    let n = (0..50).filter(|n| n % 50 != 49).count();
    assert_eq!(
        run(
            "select count(*) as n, sum(candidates) as c, max(took_ms) as ms, min(seed) as s from decisions"
        )?,
        format!("n,c,ms,s\n{n},{},2.0,-1\n", 2 * n)
    );
    assert_eq!(
        run(
            "select product_id, drop_cause, grade, count(*) as n, max(rate_ppm) as r from decision_items group by 1, 2, 3 order by 1"
        )?,
        format!("product_id,drop_cause,grade,n,r\nP-1,,B,{n},120048\nP-2,outranked,,{n},\n")
    );
    assert_eq!(
        run(
            "select d.slate, i.propensity from decisions d join decision_items i on i.request_id = d.request_id and i.position = 1 where d.request_id = 'r-3'"
        )?,
        "slate,propensity\n[P-1],0.75\n"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_without_matching_rows_are_not_read() -> anyhow::Result<()> {
    let (fixture, store) = Fixture::filled(200, 50).await?;
    let click = "select count(customer_id) as n from events where kind = 'click' and tenant = 'acme' \
                 and day >= '2025-11-23'";
    let before = answer(&fixture, &[click, "--format", "csv"])?;
    // A query that reads one of these files fails.
    for file in crate::fixture::files(&store).await? {
        let folder = file.folder.to_string();
        if !folder.ends_with("tenant=acme/kind=click/day=2025-11-23") {
            std::fs::write(fixture.lake().join(file.path().as_ref()), "no parquet")?;
        }
    }
    assert_eq!(answer(&fixture, &[click, "--format", "csv"])?, before);
    for other in [
        "select count(customer_id) from events where kind = 'click' and tenant = 'acme'",
        "select count(customer_id) from events where tenant = 'acme' and day >= '2025-11-23'",
        "select count(customer_id) from events where kind = 'click' and day >= '2025-11-23'",
    ] {
        refusal(&fixture, &[other])?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_query_is_refused_with_the_tables_and_columns() -> anyhow::Result<()> {
    let (fixture, _) = Fixture::filled(50, 50).await?;
    for (query, wrong) in [
        ("select * from clicks", "no table `clicks`"),
        ("select colour from events", "no column `colour`"),
        ("choose 1", "no SQL"),
        ("select nope(1) from events", "nope"),
    ] {
        let stderr = refusal(&fixture, &[query])?;
        assert!(stderr.contains(wrong), "{query}: {stderr}");
        assert!(
            stderr.contains("events(event_id, customer_id") && stderr.contains("decision_items("),
            "{stderr}"
        );
    }
    for change in [
        "drop table events",
        "create table t as select 1",
        "insert into events select * from events",
        "copy events to '/tmp/x.parquet'",
        "set datafusion.execution.batch_size = 1",
    ] {
        let stderr = refusal(&fixture, &[change])?;
        assert!(stderr.contains("not supported"), "{change}: {stderr}");
    }
    let stderr = refusal(&fixture, &["select 1", "--format", "parquet"])?;
    assert!(stderr.contains("--out"), "{stderr}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_lake_has_tables_without_rows() -> anyhow::Result<()> {
    let fixture = Fixture::new(1).await?;
    for table in ["events", "decisions", "decision_items"] {
        let query = format!("select count(*) as n from {table} where day > '2025-01-01'");
        assert_eq!(answer(&fixture, &[&query, "--format", "csv"])?, "n\n0\n");
    }
    let empty = answer(
        &fixture,
        &["select event_id, day from events", "--format", "csv"],
    )?;
    assert_eq!(empty, "event_id,day\n");
    Ok(())
}

#[test]
fn an_invalid_configuration_is_refused_with_the_allowed_range() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("fairlead.toml");
    std::fs::write(
        &path,
        "[lake]\nroll_rows = 10\n[gateway]\ndeadline_ms = 3\n",
    )?;
    let config = path.display().to_string();
    for command in ["write", "compact", "sql"] {
        let arguments = [command, "--config", &config, "--check-config"];
        let checked = fairlead_lake(folder.path(), &arguments).output()?;
        assert!(
            checked.status.success(),
            "{}",
            String::from_utf8_lossy(&checked.stderr)
        );
        assert_eq!(checked.stdout, b"configuration is valid\n");
    }
    std::fs::write(&path, "[lake]\nroll_rows = 0\n")?;
    let refused = fairlead_lake(
        folder.path(),
        &["write", "--config", &config, "--check-config"],
    )
    .output()?;
    assert_eq!(refused.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(
        stderr.contains("lake.roll_rows `0` is not allowed: 1 to 1000000"),
        "{stderr}"
    );
    Ok(())
}
