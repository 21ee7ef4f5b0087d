//! The changes from one release to another, as the command line says it.

use serde_json::Value;

use crate::binary::UpProcess;

const HEADER: &str = "product_id,name,kind,currency,category,deposit.yield_ppm,deposit.tenor_months,deposit.min_amount.minor";

/// Puts a catalogue of deposits.
fn catalogue(server: &UpProcess, rows: &[String]) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("catalogue.csv");
    std::fs::write(&path, format!("{HEADER}\n{}\n", rows.join("\n")))?;
    server.run_ok(&["import", "catalogue", &path.to_string_lossy()])?;
    Ok(())
}

fn deposit(id: &str, yield_ppm: i32) -> String {
    format!("{id},Deposit {id},deposit,CNY,1-year,{yield_ppm},12,5000")
}

/// Returns the changes that a command prints: section, object, part, kind, before and after.
fn changes(server: &UpProcess, arguments: &[&str]) -> anyhow::Result<Vec<[String; 6]>> {
    let printed = server.run_ok(&[&["release", "diff", "--json"], arguments].concat())?;
    let found: Value = serde_json::from_str(&printed)?;
    let changes = found["changes"].as_array().cloned().unwrap_or_default();
    let fields = ["section", "object", "part", "kind", "before", "after"];
    let text = |change: &Value, field| change[field].as_str().unwrap_or_default().to_owned();
    Ok(changes
        .iter()
        .map(|one| fields.map(|field| text(one, field)))
        .collect())
}

#[test]
fn what_changes_from_a_release_to_another_or_to_the_draft() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = UpProcess::up(&folder.path().join("data"))?;
    catalogue(&server, &[deposit("D-1", 15_000)])?;
    server.run_ok(&["release", "draft-defaults"])?;
    let first = changes(&server, &[])?;
    assert!(
        first.iter().all(|one| one[3] == "CHANGE_KIND_ADDED"),
        "{first:?}"
    );
    let sections: Vec<&str> = first.iter().map(|one| one[0].as_str()).collect();
    for section in [
        "products",
        "strategies",
        "cost models",
        "guardrails",
        "rule packs",
    ] {
        assert!(sections.contains(&section), "{section}: {sections:?}");
    }
    server.run_ok(&["release", "publish"])?;
    let none = server.run_ok(&["release", "diff"])?;
    assert!(none.contains("nothing changes"), "{none}");

    let many = (2..400).map(|at| deposit(&format!("D-{at}"), 15_000));
    let all: Vec<String> = many.chain([deposit("D-1", 16_000)]).collect();
    catalogue(&server, &all)?;
    let table = server.run_ok(&["release", "diff"])?;
    let row = table.lines().find(|line| line.contains("deposit.yieldPpm"));
    let row = row.unwrap_or_else(|| panic!("{table}"));
    assert!(row.contains("15000") && row.contains("16000"), "{row}");
    assert!(table.contains("199 more changes of products"), "{table}");
    server.run_ok(&["release", "publish"])?;
    assert_eq!(changes(&server, &["1", "2"])?.len(), 200);
    assert_eq!(changes(&server, &["2", "2"])?.len(), 0);
    assert_eq!(changes(&server, &["2"])?.len(), 0);
    let back = changes(&server, &["2", "1"])?;
    assert!(
        back.iter().any(|one| one[3] == "CHANGE_KIND_REMOVED"),
        "{back:?}"
    );

    let absent = server.run(&["release", "diff", "9"])?;
    assert!(!absent.status.success());
    let said = String::from_utf8_lossy(&absent.stderr);
    assert!(said.contains("1 to 2"), "{said}");
    assert_eq!(server.stop()?, Some(0));
    Ok(())
}
