//! The audit chain: every write is in it, and a changed row is found.

use fairlead_proto::control::v1::AuditFault;
use sqlx::{AnyConnection, Connection as _};

use crate::plane::{Home, Plane, deposit, on_both};

/// Changes the database as someone with its file or its password would.
async fn tamper(home: &Home, sql: &'static str) {
    let mut connection = AnyConnection::connect(&home.database)
        .await
        .expect("the database");
    let done = sqlx::query(sql)
        .execute(&mut connection)
        .await
        .expect("valid sql");
    assert!(done.rows_affected() > 0, "nothing was tampered with: {sql}");
    connection.close().await.expect("closed");
}

async fn with_four_rows(home: &Home) -> Plane {
    let plane = Plane::start(home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    plane.put(vec![deposit("D-2")]).await;
    plane.publish().await;
    plane
}

async fn every_write_is_a_row_newest_first(home: Home) {
    let plane = with_four_rows(&home).await;
    let rows = plane.audit_rows().await;
    let said: Vec<(i64, &str, &str)> = rows
        .iter()
        .map(|row| (row.sequence, &*row.action, &*row.subject))
        .collect();
    let expected = [
        (4, "release.publish", "release 2"),
        (3, "products.put", "catalogue"),
        (2, "release.publish", "release 1"),
        (1, "products.put", "catalogue"),
    ];
    assert_eq!(said, expected);
    assert!(
        rows.iter()
            .all(|row| row.actor == "tools:local" && row.at_ms > 0 && row.hash.len() == 64)
    );
    assert!(rows[3].detail.contains("\"D-1\""), "{}", rows[3].detail);
    let verified = plane.verify().await;
    assert_eq!(
        (verified.intact, verified.rows, verified.broken_at),
        (true, 4, 0)
    );
}

async fn a_tampered_chain_is_found_where_it_breaks(home: Home) {
    // What is done to the rows, and the first sequence that no longer holds.
    let cases = [
        ("UPDATE audit_rows SET actor = 'eve' WHERE sequence = 1", 1),
        (
            "UPDATE audit_rows SET at_ms = at_ms + 1 WHERE sequence = 2",
            2,
        ),
        ("UPDATE audit_rows SET detail = '{}' WHERE sequence = 3", 3),
        ("UPDATE audit_rows SET hash = 'ff' WHERE sequence = 2", 2),
        (
            "UPDATE audit_rows SET subject = x'ff' WHERE sequence = 2",
            2,
        ),
        ("DELETE FROM audit_rows WHERE sequence = 2", 2),
        ("DELETE FROM audit_rows WHERE sequence = 4", 4),
        ("DELETE FROM audit_rows", 1),
        (
            "INSERT INTO audit_rows SELECT tenant, 5, at_ms, actor, action, subject, detail, hash \
             FROM audit_rows WHERE sequence = 4",
            5,
        ),
        (
            "INSERT INTO audit_rows SELECT tenant, -1, at_ms, actor, action, subject, detail, hash \
             FROM audit_rows WHERE sequence = 4",
            1,
        ),
        ("UPDATE tenants SET audit_hash = 'ff'", 5),
    ];
    // PostgreSQL's texts hold nothing but text.
    let possible = |sql: &str| !(home.is_postgres() && sql.contains("x'ff'"));
    for (sql, broken_at) in cases.into_iter().filter(|(sql, _)| possible(sql)) {
        let home = home.another();
        let plane = with_four_rows(&home).await;
        tamper(&home, sql).await;
        let verified = plane.verify().await;
        assert_eq!(
            (verified.intact, verified.broken_at, verified.fault()),
            (false, broken_at, AuditFault::Row),
            "{sql}"
        );
    }
}

on_both!(
    every_write_is_a_row_newest_first,
    a_tampered_chain_is_found_where_it_breaks,
);
