//! Questions through the binary, as a user asks them.

use std::path::Path;
use std::process::{Command, Output};

use crate::world::World;

pub(crate) fn fairlead_lake(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead-lake"));
    command
        .env("FAIRLEAD_DATA_DIR", folder)
        .env("FAIRLEAD_LISTEN__METRICS", "127.0.0.1:0")
        .args(arguments);
    command
}

fn sql(world: &World, arguments: &[&str]) -> anyhow::Result<Output> {
    let all: Vec<&str> = ["sql"].iter().chain(arguments).copied().collect();
    Ok(fairlead_lake(world.folder.path(), &all).output()?)
}

fn answer(world: &World, arguments: &[&str]) -> anyhow::Result<String> {
    let output = sql(world, arguments)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{complaint}");
    Ok(String::from_utf8(output.stdout)?)
}

fn refusal(world: &World, arguments: &[&str]) -> anyhow::Result<String> {
    let output = sql(world, arguments)?;
    anyhow::ensure!(!output.status.success(), "it was answered");
    anyhow::ensure!(output.stdout.is_empty(), "half an answer");
    Ok(String::from_utf8(output.stderr)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_as_table_csv_json_and_parquet() -> anyhow::Result<()> {
    let (world, _) = World::filled(200, 50).await?;
    let question = "select tenant, kind, count(*) as n, sum(amount_minor) as minor from events \
                    where day = '2025-11-23' and kind in ('click', 'payment') group by tenant, kind order by 1, 2";
    let csv = answer(&world, &[question, "--format", "csv"])?;
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
    let table = answer(&world, &[question])?;
    assert!(
        table.starts_with("+--") && table.contains("| acme "),
        "{table}"
    );
    let json = answer(&world, &[question, "--format", "json"])?;
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap_or_default())?;
    assert_eq!(first["n"], clicks.0);

    let out = world.folder.path().join("answer.parquet");
    let shown = answer(
        &world,
        &[
            question,
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
async fn decisions_and_their_candidates_are_tables() -> anyhow::Result<()> {
    let (world, _) = World::filled(200, 50).await?;
    let ask = |question: &str| answer(&world, &[question, "--format", "csv"]);
    let n = (0..50).filter(|n| n % 50 != 49).count();
    assert_eq!(
        ask(
            "select count(*) as n, sum(candidates) as c, max(took_ms) as ms, min(seed) as s from decisions"
        )?,
        format!("n,c,ms,s\n{n},{},2.0,-1\n", 2 * n)
    );
    assert_eq!(
        ask(
            "select product_id, drop_cause, grade, count(*) as n, max(rate_ppm) as r from decision_items group by 1, 2, 3 order by 1"
        )?,
        format!("product_id,drop_cause,grade,n,r\nP-1,,B,{n},120048\nP-2,outranked,,{n},\n")
    );
    assert_eq!(
        ask(
            "select d.slate, i.propensity from decisions d join decision_items i on i.request_id = d.request_id and i.position = 1 where d.request_id = 'r-3'"
        )?,
        "slate,propensity\n[P-1],0.75\n"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_cannot_hold_an_answer_are_not_read() -> anyhow::Result<()> {
    let (world, store) = World::filled(200, 50).await?;
    let click = "select count(customer_id) as n from events where kind = 'click' and tenant = 'acme' \
                 and day >= '2025-11-23'";
    let before = answer(&world, &[click, "--format", "csv"])?;
    // Whoever reads these files finds that they are none.
    for file in crate::world::files(&store).await? {
        let folder = file.folder.to_string();
        if !folder.ends_with("tenant=acme/kind=click/day=2025-11-23") {
            std::fs::write(world.lake().join(file.path().as_ref()), "junk")?;
        }
    }
    assert_eq!(answer(&world, &[click, "--format", "csv"])?, before);
    for other in [
        "select count(customer_id) from events where kind = 'click' and tenant = 'acme'",
        "select count(customer_id) from events where tenant = 'acme' and day >= '2025-11-23'",
        "select count(customer_id) from events where kind = 'click' and day >= '2025-11-23'",
    ] {
        refusal(&world, &[other])?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_question_is_told_what_there_is() -> anyhow::Result<()> {
    let (world, _) = World::filled(50, 50).await?;
    for (question, wrong) in [
        ("select * from clicks", "no table `clicks`"),
        ("select colour from events", "no column `colour`"),
        ("choose 1", "no SQL"),
        ("select nope(1) from events", "nope"),
    ] {
        let said = refusal(&world, &[question])?;
        assert!(said.contains(wrong), "{question}: {said}");
        assert!(
            said.contains("events(event_id, customer_id") && said.contains("decision_items("),
            "{said}"
        );
    }
    for change in [
        "drop table events",
        "create table t as select 1",
        "insert into events select * from events",
        "copy events to '/tmp/x.parquet'",
        "set datafusion.execution.batch_size = 1",
    ] {
        let said = refusal(&world, &[change])?;
        assert!(said.contains("not supported"), "{change}: {said}");
    }
    let said = refusal(&world, &["select 1", "--format", "parquet"])?;
    assert!(said.contains("--out"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_lake_has_tables_without_rows() -> anyhow::Result<()> {
    let world = World::new(1).await?;
    for table in ["events", "decisions", "decision_items"] {
        let question = format!("select count(*) as n from {table} where day > '2025-01-01'");
        assert_eq!(answer(&world, &[&question, "--format", "csv"])?, "n\n0\n");
    }
    let empty = answer(
        &world,
        &["select event_id, day from events", "--format", "csv"],
    )?;
    assert_eq!(empty, "event_id,day\n");
    Ok(())
}

#[test]
fn a_configuration_is_checked_and_told_what_is_wrong() -> anyhow::Result<()> {
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
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("lake.roll_rows `0` is not allowed: 1 to 1000000"),
        "{said}"
    );
    Ok(())
}
