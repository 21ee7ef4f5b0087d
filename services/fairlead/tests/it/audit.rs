//! The audit log by the commands, and the alarm of a control database that somebody changed.

use std::fs;

use serde_json::Value;

use crate::binary::UpProcess;

/// Passes over the audit chains follow each other at once.
const OFTEN: &[(&str, &str)] = &[("FAIRLEAD_CONTROL__AUDIT__INTERVAL_MS", "20")];

#[test]
fn a_control_database_that_was_changed_is_told_by_command_and_metrics() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let server = UpProcess::up_with(&data, OFTEN)?;
    server.run_ok(&["release", "draft-defaults"])?;
    let listed: Value = serde_json::from_str(&server.run_ok(&["audit", "list", "--json"])?)?;
    let rows = listed["rows"].as_array().map_or(0, Vec::len);
    assert!(rows > 0, "{listed}");
    let action = listed["rows"][0]["action"].as_str().unwrap_or_default();
    let newest = server.run_ok(&["audit", "list", "--limit", "1"])?;
    assert!(
        newest.contains(action) && newest.contains(&rows.to_string()),
        "{newest}"
    );
    server.until_metrics_have(&format!("fairlead_audit_rows{{tenant=\"demo\"}} {rows}"))?;
    server.until_metrics_have("fairlead_audit_broken_at{tenant=\"demo\"} 0")?;
    let verified = server.run_ok(&["audit", "verify"])?;
    assert!(verified.contains("intact"), "{verified}");
    assert_eq!(server.stop()?, Some(0));

    let database = data.join("control.db");
    let mut bytes = fs::read(&database)?;
    let action = listed["rows"][rows - 1]["action"]
        .as_str()
        .unwrap_or_default()
        .as_bytes();
    // Wherever it stands: SQLite leaves old copies of rows that it moved.
    let found = bytes
        .windows(action.len())
        .enumerate()
        .filter(|(_, window)| *window == action);
    let places: Vec<usize> = found.map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "a row has its action");
    for at in places {
        bytes[at] ^= 1;
    }
    fs::write(&database, bytes)?;

    let server = UpProcess::up_with(&data, OFTEN)?;
    let refused = server.run(&["audit", "verify", "--json"])?;
    assert_eq!(refused.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&refused.stdout)?;
    let broken_at = answer["brokenAt"].as_str().unwrap_or_default();
    assert_eq!(answer["fault"], "AUDIT_FAULT_ROW", "{answer}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains(&format!("broken at row {broken_at}")),
        "{said}"
    );
    server.until_metrics_have(&format!(
        "fairlead_audit_broken_at{{tenant=\"demo\"}} {broken_at}"
    ))?;
    assert_eq!(server.stop()?, Some(0));
    Ok(())
}
